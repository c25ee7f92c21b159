//! The parts of a page: front matter, Markdown, headings, tasks, blanks, links, template tags. The whole page is in [`crate::project`].

pub mod blank;
mod body;
pub mod code;
mod definition;
pub mod entry;
mod field;
mod footnote;
pub mod front;
mod heading;
pub mod html;
mod inline;
mod item;
pub mod label;
mod line;
pub mod link;
pub mod markdown;
pub mod marked;
pub mod raw;
mod section;
pub mod slug;
mod table;
pub mod tags;
pub mod task;

pub use body::{Body, Hole};
pub use entry::{Alarm, Blank, Item, ItemKind, Rounds, Track};
pub use front::{Front, Kind, Publish};
pub use heading::Heading;
pub use html::{Context, Dialect, Finds, Link};
pub use link::External;
