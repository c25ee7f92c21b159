//! Tests from outside: what the program does to a user's project, and what holds for every input of the core.
//!
//! One binary, so that the program is linked once for all of them. `cargo test --test it serve::` runs those of one file.

mod badge;
mod caddy;
mod commonmark;
mod context;
mod external;
mod floors;
mod highlight;
mod hostile;
mod init;
mod levels;
mod mail;
mod near_misses;
mod output;
mod plan;
mod properties;
mod publishing;
mod rules;
mod sample;
mod search;
mod seeds;
mod serve;
mod sizes;
mod status;
