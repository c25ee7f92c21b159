//! Runsheet makes the run sheet, the deployment guide and the user notices of a cutover from one folder
//! of Markdown, on one clock.
//!
//! ```text
//!      world: disk, clock, status, Git                                     world: disk
//! folder ──────► Inputs ──parse──► Project ──resolve──► Site ──render(route)──► bytes ──► public/
//!                                     │                  │                        └─────► http (serve)
//!                                     └── notices ───────┤
//!                     recipients (a stream) ─────────────┴─merge──► Message ──► sink
//! every arrow may add to Diagnostics; no arrow goes back
//! ```
//!
//! Everything but [`world`] and [`commands`] is pure: no files, no clock, no environment, no network.
//! The same [`inputs::Inputs`] give the same bytes.

#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod check;
pub mod cli;
pub mod commands;
pub mod config;
pub mod data;
pub mod diagnostic;
pub mod error;
pub mod highlight;
pub mod inputs;
pub mod language;
pub mod mail;
pub mod mailing;
pub mod notice;
pub mod page;
pub mod project;
pub mod render;
pub mod rule;
pub mod schedule;
pub mod schema;
pub mod search;
pub mod sheet;
pub mod site;
pub mod source;
pub mod status;
pub mod text;
pub mod theme;
pub mod world;
