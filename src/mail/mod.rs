//! Plain values of mail, which the configuration and notices share.

pub mod address;
pub mod keys;
mod rate;
pub mod token;

pub use keys::Keys;
pub use rate::Rate;
