//! Any bytes, read as a table of recipients: each row is refused, or becomes a message that says what the row says.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    runsheet_fuzz::recipients(bytes);
});
