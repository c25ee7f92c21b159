//! Sending mail: a queue of messages, workers that deliver them over SMTP, and one writer that commits for all.

pub mod queue;
pub mod smtp;
mod stream;
mod worker;
mod writer;
