//! The world outside: disk, clock, environment, network. They may be touched only here; the core gets values.
#![allow(clippy::disallowed_methods, reason = "this is the folder that the fence goes around")]

pub mod aside;
pub mod clock;
pub mod disk;
pub mod environment;
pub mod external;
pub mod folder;
pub mod heads;
pub mod highlights;
pub mod history;
pub mod kept;
pub mod kuma;
pub mod ledger;
pub mod lock;
pub mod mail;
pub mod output;
pub mod process;
pub mod progress;
pub mod sandbox;
pub mod secret_file;
pub mod server;
pub mod sink;
pub mod status;
pub mod streams;
pub mod table_file;
pub mod threads;
pub mod tzdata;
pub mod watch;
pub mod watchdog;
