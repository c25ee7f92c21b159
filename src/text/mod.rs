//! Functions on text, wherever it comes from. The ground floor: nothing here knows of a project.

pub mod address;
pub mod encoding;
pub mod html;
pub mod icalendar;
mod near;
mod number;
pub mod private_use;
mod visible;

pub use near::{MOST_KNOWN, Names, nearest, slip, suggest};
pub use number::{counted, thousands};
pub use visible::{acts_on_screen, is_bidi_control, visible};
