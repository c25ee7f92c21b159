//! Any bytes as an export of a ledger, and any change of a good one: what was changed is seen.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    runsheet_fuzz::ledger(bytes);
});
