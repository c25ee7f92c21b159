//! Tests from outside: what the program does to a user's project, and properties that hold for every input of the core.
//!
//! One binary, so that the program is linked only once. `cargo test --test it serve::` runs the tests of one file.
//! With `RUNSHEET_TEST_LONG` in the environment, which `scripts/test --long` sets, repeated tests run many more times.

mod badge;
mod caches;
mod caddy;
mod commonmark;
mod context;
mod external;
mod floors;
mod growth;
mod highlight;
mod hostile;
mod init;
mod levels;
mod mail;
mod near_misses;
mod nginx;
mod output;
mod outside;
mod plan;
mod project;
mod properties;
mod publishing;
mod rights;
mod rules;
mod sample;
mod sandbox;
mod search;
mod secrets;
mod seeds;
mod serve;
mod sizes;
mod status;
mod streams;
mod times;
mod web_server;
mod words;
mod zones;

/// Whether repeated tests should run many more times.
fn is_long() -> bool {
    std::env::var_os("RUNSHEET_TEST_LONG").is_some()
}
