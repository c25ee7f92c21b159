//! Plain mail values, shared by the configuration and notices.

pub mod address;
pub mod keys;
mod rate;
pub mod token;

pub use keys::Keys;
pub use rate::Rate;
