//! A folder for reading: no link leads out of it, and only regular files are opened.

use std::borrow::Cow;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, OpenOptions, OpenOptionsExt};
use rustix::fs::{OFlags, fstat, lstat};
use rustix::io::Errno;

use crate::error::is_an_error;

/// Flags for opening a file that may have been replaced: don't wait for a pipe, and don't acquire a terminal.
const WITHOUT_WAITING: i32 = OFlags::NONBLOCK.union(OFlags::NOCTTY).bits().cast_signed();

/// A folder, held open. Files found below it stay below it, even if somebody replaces them meanwhile.
pub struct Folder {
    folder: Dir,
    path: PathBuf,
}

/// Why a file below a folder is not read.
#[derive(Debug)]
pub enum Refusal {
    /// A link leads out of the folder, to another folder, or to nothing.
    Link,
    /// It is a named pipe, a device or a socket.
    Special,
    Failed(io::Error),
}

impl Folder {
    /// Opens a folder; its path may contain links.
    pub fn open(path: &Path) -> io::Result<Folder> {
        Ok(Folder { folder: Dir::open_ambient_dir(path, ambient_authority())?, path: path.to_owned() })
    }

    /// Opens a folder below this one.
    pub fn below(&self, below: &Path) -> Result<Folder, Refusal> {
        Ok(Folder { folder: self.folder.open_dir(below).map_err(refusal)?, path: self.path.join(below) })
    }

    /// Opens a regular file by its path below the folder. Its type is checked before opening, because opening a device may have effects
    /// and opening a pipe blocks the program; and again afterwards, because the file may have been replaced.
    pub fn file(&self, below: &Path) -> Result<fs::File, Refusal> {
        let (below, _) = self.find(below)?;
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(WITHOUT_WAITING);
        let file = self.folder.open_with(&below, &options).map_err(refusal)?;
        regular(&file.metadata().map_err(refusal)?)?;
        Ok(file.into_std())
    }

    /// How many bytes a regular file has.
    pub fn length(&self, below: &Path) -> Result<u64, Refusal> {
        Ok(self.find(below)?.1.len())
    }

    /// The content of a file; `None` if it is longer than `most` bytes.
    pub fn read(&self, below: &Path, most: u64) -> Result<Option<Vec<u8>>, Refusal> {
        let mut bytes = Vec::new();
        self.file(below)?.take(most + 1).read_to_end(&mut bytes).map_err(Refusal::Failed)?;
        Ok((bytes.len() as u64 <= most).then_some(bytes))
    }

    /// The path by which a regular file is opened, and its metadata.
    ///
    /// A link whose target is an absolute path seems to leave the folder. If it does not, its target is opened by its path below the
    /// folder, under the same restrictions as any other path.
    fn find<'p>(&self, below: &'p Path) -> Result<(Cow<'p, Path>, Metadata), Refusal> {
        let found = match self.folder.metadata(below) {
            Err(error) if is_outside(&error) => {
                let real = fs::canonicalize(self.path.join(below)).ok().zip(fs::canonicalize(&self.path).ok());
                let real = real.and_then(|(file, folder)| Some(file.strip_prefix(folder).ok()?.to_owned())).ok_or(Refusal::Link)?;
                let metadata = self.folder.metadata(&real).map_err(refusal)?;
                (Cow::Owned(real), metadata)
            }
            metadata => (Cow::Borrowed(below), metadata.map_err(refusal)?),
        };
        regular(&found.1)?;
        Ok(found)
    }
}

/// Opens a regular file named by the user, wherever it is and whatever links lead there.
pub fn named(path: &Path) -> Result<fs::File, Refusal> {
    let kind = fs::metadata(path).map_err(Refusal::Failed)?.file_type();
    if !kind.is_file() {
        return Err(Refusal::Special);
    }
    let file = fs::File::options().read(true).custom_flags(WITHOUT_WAITING).open(path).map_err(Refusal::Failed)?;
    if file.metadata().map_err(Refusal::Failed)?.is_file() { Ok(file) } else { Err(Refusal::Special) }
}

/// Whether a path leads to an open file or folder.
pub fn is_at(held: impl AsFd, path: &Path) -> bool {
    match (fstat(held), lstat(path)) {
        (Ok(held), Ok(there)) => (held.st_dev, held.st_ino) == (there.st_dev, there.st_ino),
        _ => false,
    }
}

/// Recognises paths that leave the folder: the library refuses them, not the system.
fn is_outside(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

fn refusal(error: io::Error) -> Refusal {
    if is_outside(&error) || error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) { Refusal::Link } else { Refusal::Failed(error) }
}

fn regular(metadata: &Metadata) -> Result<(), Refusal> {
    match metadata.file_type() {
        kind if kind.is_file() => Ok(()),
        kind if kind.is_dir() => Err(Refusal::Link),
        _ => Err(Refusal::Special),
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Refusal::Link => formatter.write_str("it is a folder, or a link that leaves the project"),
            Refusal::Special => formatter.write_str("it is not a regular file"),
            Refusal::Failed(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for Refusal {}

is_an_error!(Refusal);
