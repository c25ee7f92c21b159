//! The time zone database of the system. Nothing is computed with it: it is only asked how new it is.

use std::fs::File;
use std::io::Read;

use super::environment;
use crate::schedule::zone;

/// The files that may name the release, and what stands before its name: of Debian and most Linuxes, of macOS and the BSDs.
const NAMED_IN: [(&str, &str); 2] = [("tzdata.zi", "# version "), ("+VERSION", "")];

/// The release of the system's database, if it is newer than the one that is built in.
pub fn newer() -> Option<String> {
    release().filter(|release| zone::is_newer(release, zone::tzdata()))
}

/// The release of the system's database, such as `2026f`; none if it does not say.
fn release() -> Option<String> {
    let folder = environment::zones_folder();
    NAMED_IN.iter().find_map(|(name, before)| {
        let mut start = [0; 32];
        let length = File::open(folder.join(name)).and_then(|mut file| file.read(&mut start)).ok()?;
        let line = std::str::from_utf8(&start[..length]).ok()?.lines().next()?.trim();
        Some(line.strip_prefix(before)?.to_owned())
    })
}
