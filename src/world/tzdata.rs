//! The system's time zone database. Nothing is computed with it; only its release is read.

use std::fs::File;
use std::io::Read;

use super::environment;
use crate::schedule::zone;

/// The files that may name the release, and the text before the name: on Debian and most Linuxes, on macOS and the BSDs.
const NAMED_IN: [(&str, &str); 2] = [("tzdata.zi", "# version "), ("+VERSION", "")];

/// The release of the system's database, if it is newer than the built-in one.
pub fn newer() -> Option<String> {
    release().filter(|release| zone::is_newer(release, zone::tzdata()))
}

/// The release of the system's database, such as `2026f`; `None` if it is unknown.
fn release() -> Option<String> {
    let folder = environment::zones_folder();
    NAMED_IN.iter().find_map(|(name, before)| {
        let mut start = [0; 32];
        let length = File::open(folder.join(name)).and_then(|mut file| file.read(&mut start)).ok()?;
        let line = std::str::from_utf8(&start[..length]).ok()?.lines().next()?.trim();
        Some(line.strip_prefix(before)?.to_owned())
    })
}
