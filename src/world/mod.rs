//! The world outside: disk, clock, environment, network. Only here may they be touched; the core gets values.
#![allow(clippy::disallowed_methods, reason = "this is the folder that the fence goes around")]

mod carrier;
pub mod clock;
pub mod disk;
pub mod environment;
pub mod external;
pub mod heads;
pub mod highlights;
pub mod history;
pub mod kept;
pub mod kuma;
pub mod ledger;
pub mod outlet;
pub mod output;
pub mod process;
pub mod progress;
pub mod recorder;
pub mod relay;
pub mod server;
pub mod smtp;
pub mod status;
mod stream;
pub mod watch;
pub mod watchdog;
