//! Any bytes as `runsheet.toml` and as the front matter of a page: faults are shown where they are, and the pages mean what they say.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    runsheet_fuzz::configuration(bytes);
});
