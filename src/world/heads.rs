//! The last line of each campaign's history that this project has seen, kept in `.runsheet/`.
//!
//! A ledger without that line is older than the last send from here: somebody has restored a copy.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Seek, Write};
use std::path::{Path, PathBuf};

use super::kept;
use crate::error::{Context, Result, bail};

/// Where they are kept, below the project: one file per campaign, with the last line's hash and the campaign's name.
pub const PLACE: &str = ".runsheet/ledger-heads";

/// More bytes than a hash and the name of a campaign need.
const MOST: u64 = 16 << 10;

/// The length of a line's hash.
const LENGTH: usize = 32;

/// A campaign's name is hashed, because it may not be a valid path.
fn path(root: &Path, campaign: &str) -> PathBuf {
    root.join(PLACE).join(&blake3::hash(campaign.as_bytes()).to_hex()[..LENGTH])
}

/// The path of a campaign's last line, from the project's folder.
pub fn place(campaign: &str) -> String {
    path(Path::new(""), campaign).display().to_string()
}

/// The last line of a campaign that was seen from here.
pub fn known(root: &Path, campaign: &str) -> Result<Option<String>> {
    let path = path(root, campaign);
    if fs::symlink_metadata(&path).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(None);
    }
    let text = kept::read(&path, MOST).and_then(|text| String::from_utf8(text).ok()).unwrap_or_default();
    match text.split_once('\n') {
        // The file is created before the first line is written.
        Some((line, _)) if line.len() == LENGTH && line.trim().is_empty() => Ok(None),
        Some((line, _)) if is_line(line) => Ok(Some(line.to_owned())),
        _ => bail!("{} is damaged or unreadable", place(campaign); help: "remove it if the ledger is the newest one"),
    }
}

fn is_line(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The campaigns sent from here, the most recently sent ones last.
pub fn campaigns(root: &Path) -> Result<Vec<String>> {
    let folder = match fs::read_dir(root.join(PLACE)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        folder => folder.with_context(|| format!("cannot read {PLACE}"))?,
    };
    let mut found = Vec::new();
    for entry in folder {
        let entry = entry?;
        // Other files there are not ours.
        let Some(text) = kept::read(&entry.path(), MOST).and_then(|text| String::from_utf8(text).ok()) else { continue };
        let mut lines = text.lines();
        if let (Some(line), Some(name), Ok(metadata)) = (lines.next(), lines.next(), entry.metadata())
            && is_line(line)
            && entry.path() == path(root, name)
        {
            found.push((metadata.modified().ok(), name.to_owned()));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, name)| name).collect())
}

/// The kept last line of one campaign, open for writing while messages go out.
pub struct Head(File);

impl Head {
    /// Opens it, or creates it without a line.
    pub fn open(root: &Path, campaign: &str) -> Result<Head> {
        let path = path(root, campaign);
        let open = || -> Result<Head> {
            let mut options = OpenOptions::new();
            options.write(true);
            match options.open(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                file => return Ok(Head(file?)),
            }
            let kept = kept::folder(root)?;
            let folder = root.join(PLACE);
            // Whoever shares the folder may send.
            match fs::create_dir(&folder) {
                Ok(()) => fs::set_permissions(&folder, fs::metadata(&kept)?.permissions())?,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.into()),
            }
            let mut file = kept::new_file(&kept)?;
            writeln!(file, "{:LENGTH$}\n{campaign}", "")?;
            file.as_file().sync_all()?;
            // Another sender of this project may have created it meanwhile.
            if let Err(error) = file.persist_noclobber(&path)
                && error.error.kind() != ErrorKind::AlreadyExists
            {
                return Err(error.error.into());
            }
            File::open(folder)?.sync_all()?;
            Ok(Head(options.open(&path)?))
        };
        open().with_context(|| format!("cannot write {}", path.display()))
    }

    /// Overwrites the last line, which then survives this program. Lines have equal lengths, so it stays in one block of the disk.
    pub fn note(&mut self, line: &str) -> Result<()> {
        debug_assert_eq!(line.len(), LENGTH);
        let mut write = || {
            self.0.rewind()?;
            self.0.write_all(line.as_bytes())
        };
        write().with_context(|| format!("cannot write {PLACE}"))
    }

    /// Syncs the line, which then also survives a crash of the machine.
    pub fn sync(&mut self) -> Result<()> {
        self.0.sync_data().with_context(|| format!("cannot write {PLACE}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_each_campaign_is_kept() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(known(root.path(), "a/b/1").unwrap(), None);
        assert!(campaigns(root.path()).unwrap().is_empty());
        let mut head = Head::open(root.path(), "a/b/1").unwrap();
        assert_eq!(known(root.path(), "a/b/1").unwrap(), None, "nothing is written yet");
        for line in ["0".repeat(32), "f".repeat(32)] {
            head.note(&line).unwrap();
            assert_eq!(known(root.path(), "a/b/1").unwrap(), Some(line));
        }
        Head::open(root.path(), "../c").unwrap().note(&"1".repeat(32)).unwrap();
        assert_eq!(known(root.path(), "a/b/1").unwrap(), Some("f".repeat(32)));
        // If the file was only created, nothing was sent.
        Head::open(root.path(), "d").unwrap();
        let mut names = campaigns(root.path()).unwrap();
        names.sort();
        assert_eq!(names, ["../c", "a/b/1"]);
    }

    #[test]
    fn a_damaged_one_is_told() {
        let root = tempfile::tempdir().unwrap();
        Head::open(root.path(), "a").unwrap();
        for damage in ["", "\n", "0123\na\n", "zz", "\u{0}\u{0}\n"] {
            fs::write(path(root.path(), "a"), damage).unwrap();
            assert!(known(root.path(), "a").unwrap_err().to_string().contains("is damaged"), "{damage:?}");
        }
        fs::write(path(root.path(), "a"), [0xff, 0xfe]).unwrap();
        assert!(known(root.path(), "a").is_err());
        fs::remove_file(path(root.path(), "a")).unwrap();
        fs::create_dir(path(root.path(), "a")).unwrap();
        assert!(known(root.path(), "a").is_err());
        fs::write(root.path().join(PLACE).join(".DS_Store"), [0, 1, 2]).unwrap();
        assert!(campaigns(root.path()).unwrap().is_empty());
    }
}
