//! Any text as a heading, an offset, a length, a time: what is read is what is written, and lies in the years 1 to 9999.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    runsheet_fuzz::times(bytes);
});
