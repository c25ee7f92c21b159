//! Any answers of a mail server: what is told of a message is what became of it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    runsheet_fuzz::smtp(bytes);
});
