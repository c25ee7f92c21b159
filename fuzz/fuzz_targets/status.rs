//! Any answers of a status server, and any kept one: nothing is green that is not up.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    runsheet_fuzz::status(bytes);
});
