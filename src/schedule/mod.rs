//! The clock of a run sheet: the times in headings, and their instants.
//!
//! Nothing here reads a file, a system clock or the zones of the machine: equal texts give equal instants everywhere.
//!
//! - [`heading::read`]: `T-48h: Preparation`, `Import (T+0:30, ~30m, DBA)` → [`Timing`]
//! - [`recurrence::read`]: `Every 15 minutes`, `Daily at 09:00` → [`Recurrence`]
//! - [`Offset`], [`Length`]: `T-5bd`, `1h30m` as written in a heading or in a configuration
//! - [`Clock`]: T-0 of an event; gives the instant of each offset
//! - [`moment`]: instants as people read them
//! - [`years`]: the range that all of these lie in
//!
//! The grammar, written from headings people really use. Parsing never fails: what does not fit is plain text.
//! A number without unit is only a hint, because most of them (`T-203`) are names of tasks.
//!
//! ```text
//! heading   = [deco] [list-no | label-no] expr [label]            leading form
//!           | label "(" expr {("," | ";") meta} ")" [":" | "."]   trailing form, also [ ]
//! deco      = run of non-word characters (emoji, arrows), not "(" "[" "<"
//! list-no   = DIGITS {"." DIGITS} ("." | ")") SP
//! label-no  = ("Phase"|"Step"|"Stage"|"Gate"|"Part"|"Section") [SP number] separator
//! expr      = [prep SP] offset [range-sep (offset | "T0")] [open] boundary
//! prep      = "by" | "before" | "until"  (deadline) | "from" | "after" (open) | "at"
//! open      = "+" | SP ("onward" | "onwards" | "and later" | "and after")
//! range-sep = "to"|"until"|"through"|"till" (spaced) | "->" | "→" | ".." | "…" | "–" | "—" | " - "
//! offset    = "T" [SP] sign [SP] magnitude | "T" ["-"|SP] ("minus"|"plus") (SP|"-") magnitude
//! sign      = "+" | "-" | U+2212 | U+2013              capital T only
//! magnitude = zero | clock | compound | bare
//! zero      = "0"  not followed by letter, digit, ":"DIGIT, "."DIGIT
//! clock     = 1*3DIGIT ":" MM [":" SS] [hour-unit]     hours and minutes, never minutes and seconds
//! compound  = number [SP|"-"] unit {[SP] number [SP] unit}   units descending, each once
//! number    = 1*4DIGIT ["." 1*2DIGIT]
//! unit      = w|wk(s)|week(s) d|day(s) bd|business day(s)|working day(s) h|hr(s)|hour(s)
//!             m|min(s)|minute(s) s|sec(s)|second(s)    in any case, except that a first unit "M" is an error
//! bare      = number without unit: only with a page's unit, or before a range end that has one unit
//! boundary  = end | SP | , ; ) ] — – → | ":" not DIGIT | "." (SP|end) | ! ?
//! recurring = (("every"|"each") [number] unit | "hourly"|"daily"|"weekly") ["at" HH:MM] (end | ":" | "—" | "–" | "(")
//! duration  = "~" compound | ("est"|"takes"|"duration") ":" compound
//! ```

pub mod clock;
mod expression;
pub mod heading;
pub mod length;
mod magnitude;
pub mod moment;
pub mod offset;
pub mod recurrence;
mod written;
pub mod years;
pub mod zone;

#[cfg(test)]
mod tests;

pub use clock::{Clock, ClockError};
pub use heading::{Found, Kind, Place, Timing};
pub use length::Length;
pub use offset::{Amount, Offset, OffsetError, Origin, Part, Unit};
pub use recurrence::Recurrence;
