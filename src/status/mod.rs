//! The state of the services, read from a status server and drawn by us.
//!
//! Nothing here touches files, the clock or the network: [`parse`] turns two answers of Uptime Kuma into a [`Snapshot`],
//! [`overview`] judges a snapshot at a given time, and the badge functions draw that judgement.
//! The most important rule: a state is green only when every counted monitor is up and its last beat is fresh.

mod address;
mod answer;
mod badge;
mod fault;
mod kuma;
mod overview;
mod settings;
mod snapshot;

pub use address::Address;
pub use badge::{BADGE_BACKGROUND, BADGE_BORDER, BADGE_INK, badge_json, badge_svg};
pub use fault::Fault;
pub use kuma::{has_beats, heartbeat_path, page_path, parse};
pub use overview::{Counts, Overview, overview};
pub use settings::{OnError, Provider, Settings, Settled, settle};
pub use snapshot::{Component, Incident, Maintenance, SNAPSHOT_VERSION, Snapshot, State, plain_line, plain_text};
