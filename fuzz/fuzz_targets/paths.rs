//! Any names of files: no two pages meet at one address, and every address is a file that any system can hold.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    runsheet_fuzz::paths(bytes);
});
