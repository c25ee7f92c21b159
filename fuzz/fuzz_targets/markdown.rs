//! Any bytes, read as a page of each kind: the HTML that comes out means in a browser what it was written to mean.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    runsheet_fuzz::markdown(bytes);
});
