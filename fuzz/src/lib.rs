//! What each target of the fuzzer looks at: a function that takes any bytes, and panics if what must hold does not.

mod configuration;
mod ledger;
mod markdown;
mod paths;
mod plain;
mod recipients;
mod smtp;
mod status;
mod times;

pub use configuration::configuration;
pub use ledger::ledger;
pub use markdown::markdown;
pub use paths::paths;
pub use recipients::recipients;
pub use smtp::smtp;
pub use status::status;
pub use times::times;
