//! Where messages go: a folder of `.eml` files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::output::Output;
use crate::notice::message::Message;

/// The file by which a folder of messages is known as ours.
pub const MARKER: &str = ".runsheet-outbox";

/// The project's folder for messages, made if it is not there.
pub fn outbox(root: &Path) -> Result<PathBuf> {
    let outbox = root.join("outbox");
    if !outbox.exists() {
        fs::create_dir(&outbox).context("cannot make the outbox")?;
        fs::write(outbox.join(MARKER), "").context("cannot make the outbox")?;
    }
    Ok(outbox)
}

/// Begins the folder of a mailing, so that a later merge knows it as ours.
pub fn begin(output: &Output, folder: &str) -> Result<()> {
    output.write(&format!("{folder}/{MARKER}"), b"")
}

/// Writes message number `number` of a mailing below `folder` of the output.
pub fn write_eml(output: &Output, folder: &str, number: u64, message: &Message) -> Result<()> {
    let name = file_name(number, &message.to);
    let route = Path::new(folder).join(name);
    output.write(&route.to_string_lossy(), &message.bytes)
}

/// A name that tells number and address. An address is data: only plain characters of it reach the path.
fn file_name(number: u64, to: &str) -> String {
    let plain: String =
        to.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '@' | '.' | '-' | '+' | '_') { c } else { '_' }).take(120).collect();
    format!("{number:06}-{plain}.eml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_cannot_leave_the_folder() {
        assert_eq!(file_name(1, "a@b.example"), "000001-a@b.example.eml");
        assert_eq!(file_name(2, "../../x@b.example"), "000002-.._.._x@b.example.eml");
    }
}
