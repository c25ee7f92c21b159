//! Reading a project from disk: what is on a list, and nothing that leaves the tree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rayon::prelude::*;
use walkdir::{DirEntry, WalkDir};

use crate::config::Config;
use crate::error::{Context, Result, bail};
use crate::inputs::{History, Inputs, Skipped, StatusInput};
use crate::project::CONTENT;
use crate::source::FILE_NAME;
use crate::source::{RelPath, Source};

/// Files that are copied to the site.
const ASSETS: [&str; 25] = [
    "png",
    "jpg",
    "jpeg",
    "gif",
    "webp",
    "avif",
    "svg",
    "ico",
    "pdf",
    "txt",
    "css",
    "js",
    "json",
    "xml",
    "webmanifest",
    "woff",
    "woff2",
    "mp4",
    "webm",
    "mp3",
    "ogg",
    "ics",
    "zip",
    "gz",
    "tgz",
];
/// Files at the top of the content that hosts read, each by its whole name.
const FOR_HOSTS: [&str; 3] = ["_headers", "_redirects", "CNAME"];
/// The folder at the top of the content whose files prove something to others (RFC 8615). They may have no ending.
const WELL_KNOWN: &str = ".well-known";
/// How names of files without an ending begin that hold secrets.
const SECRET_NAMES: [&str; 10] =
    ["id_", "htpasswd", "htgroup", "passwd", "shadow", "credentials", "authorized_keys", "known_hosts", "netrc", "private"];
/// Files that hold recipients or secrets; a note is made if one lies below `content/`.
const PRIVATE: [&str; 18] =
    ["csv", "tsv", "jsonl", "env", "pem", "key", "p12", "pfx", "jks", "kdbx", "sqlite", "db", "sql", "dump", "eml", "mbox", "xlsx", "crt"];
/// Files of a theme that are read as text.
const THEME_TEXT: [&str; 8] = ["html", "css", "js", "svg", "txt", "json", "xml", "webmanifest"];
/// Largest text file that is read.
const MOST_TEXT: u64 = 16 << 20;
/// Folders that are no part of a project's sources.
const NOT_SOURCES: [&str; 7] = [".git", ".runsheet", "target", "node_modules", "public", "outbox", ".venv"];

/// The nearest folder upwards that has a `runsheet.toml`.
pub fn find_root(start: &Path) -> Result<PathBuf> {
    let start = fs::canonicalize(start).with_context(|| format!("cannot find the folder {}", start.display()))?;
    let found = start.ancestors().find(|folder| is_project(folder));
    match found {
        Some(root) => Ok(root.to_owned()),
        None => bail!(
            "there is no {FILE_NAME} in {} or above it", start.display();
            help: "`runsheet init` makes a small project; `--root DIR` names one"
        ),
    }
}

/// Whether a folder is a project.
pub fn is_project(folder: &Path) -> bool {
    folder.join(FILE_NAME).is_file()
}

/// The folder that a command starts in.
pub fn current_folder() -> Result<PathBuf> {
    std::env::current_dir().context("cannot tell the current folder")
}

/// The configuration's text.
pub fn read_config(root: &Path) -> Result<Source> {
    let path = crate::source::configuration();
    let text = fs::read_to_string(root.join(FILE_NAME)).with_context(|| format!("cannot read {FILE_NAME}"))?;
    Ok(Source::new(path, text))
}

/// All files that a run needs.
pub fn read_inputs(root: &Path, config_source: Source, config: &Config, now: Timestamp, status: StatusInput) -> Result<Inputs> {
    let mut inputs = Inputs {
        sources: BTreeMap::from([(config_source.path.clone(), config_source)]),
        assets: BTreeMap::new(),
        listing: listing(root),
        skipped: Vec::new(),
        now,
        status,
        history: History::Unknown,
        repository_folder: repository_folder(root),
    };
    read_content(root, &mut inputs)?;
    read_theme(root, &config.site.theme, &mut inputs)?;
    for contract in &config.contracts {
        let path = &contract.path.value;
        let file = root.join(path.as_str());
        let small = fs::metadata(&file).is_ok_and(|metadata| metadata.is_file() && metadata.len() <= MOST_TEXT);
        if !inputs.sources.contains_key(path)
            && small
            && stays_inside(root, &file)
            && let Ok(text) = fs::read_to_string(&file)
        {
            inputs.sources.insert(path.clone(), Source::new(path.clone(), text));
        }
    }
    Ok(inputs)
}

/// Where the project is in its Git repository: below the nearest folder that has a `.git`.
fn repository_folder(root: &Path) -> String {
    let Ok(root) = fs::canonicalize(root) else { return String::new() };
    let top = root.ancestors().find(|folder| folder.join(".git").exists());
    let below = top.and_then(|top| RelPath::from_path(root.strip_prefix(top).ok()?));
    below.filter(|path| !path.as_str().is_empty()).map_or(String::new(), |path| format!("{path}/"))
}

fn is_hidden(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    entry.depth() > 0 && (name.starts_with('.') || name.ends_with('~') || name.ends_with(".swp") || name.ends_with(".bak"))
}

/// Every file and folder of the project by name, but not what is made by tools.
fn listing(root: &Path) -> BTreeSet<RelPath> {
    let walk = WalkDir::new(root).follow_links(false).sort_by_file_name().into_iter();
    let kept = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy();
        match entry.depth() {
            0 => true,
            1 => !(NOT_SOURCES.contains(&&*name) || name.starts_with(".public.tmp-") || name.starts_with(".outbox.tmp-")),
            _ => !matches!(&*name, ".git" | "node_modules"),
        }
    };
    walk.filter_entry(kept)
        .filter_map(Result::ok)
        .filter(|entry| entry.depth() > 0)
        .filter_map(|entry| RelPath::from_path(entry.path().strip_prefix(root).ok()?))
        .collect()
}

fn read_content(root: &Path, inputs: &mut Inputs) -> Result<()> {
    let folder = root.join(CONTENT);
    if !folder.is_dir() {
        bail!("there is no folder `{CONTENT}` in {}", root.display(); help: "Markdown below it becomes the site");
    }
    if folder.is_symlink() {
        // Nothing would be found below it: a site of one empty page would take the place of the good one.
        bail!(
            "`{CONTENT}` in {} is a symbolic link", root.display();
            help: "put the folder itself there, and the link where the folder was"
        );
    }
    let walk = WalkDir::new(&folder).follow_links(false).sort_by_file_name().into_iter();
    let is_kept = |entry: &DirEntry| !is_hidden(entry) || entry.depth() == 1 && entry.file_name() == WELL_KNOWN;
    let mut named_files = Vec::new();
    for entry in walk.filter_entry(is_kept) {
        let entry = entry.context("cannot read the content")?;
        if entry.file_type().is_dir() {
            continue;
        }
        let below_root = entry.path().strip_prefix(root).unwrap_or(entry.path());
        let named = RelPath::from_path(below_root).filter(|path| !path.as_str().chars().any(char::is_control));
        let Some(path) = named else {
            let shown = RelPath::new(&below_root.to_string_lossy().replace(char::is_control, "?"));
            inputs.skipped.extend(shown.map(|path| (path, Skipped::Name)));
            continue;
        };
        named_files.push((path, entry));
    }
    let read: Vec<_> = named_files.into_par_iter().map(|(path, entry)| take(root, &entry, &path).map(|taken| (path, taken))).collect();
    for taken in read {
        match taken? {
            (path, Ok(Kept::Text(text))) => drop(inputs.sources.insert(path.clone(), Source::new(path, text))),
            (path, Ok(Kept::Asset(length))) => drop(inputs.assets.insert(path, length)),
            (path, Err(reason)) => inputs.skipped.push((path, reason)),
        }
    }
    Ok(())
}

/// What a file is to a run: text, or bytes of some length that are copied.
enum Kept {
    Text(String),
    Asset(u64),
}

/// Takes a file of the content as text or as an asset, or tells why not.
fn take(root: &Path, entry: &DirEntry, path: &RelPath) -> Result<Result<Kept, Skipped>> {
    let file = entry.path();
    if entry.path_is_symlink() && !stays_inside(&root.join(CONTENT), file) {
        return Ok(Err(Skipped::Symlink));
    }
    // A link that stays inside counts as the file it leads to.
    let Ok(metadata) = fs::metadata(file) else { return Ok(Err(Skipped::Symlink)) };
    if metadata.is_dir() {
        return Ok(Err(Skipped::Symlink));
    }
    if !metadata.is_file() {
        return Ok(Err(Skipped::Special));
    }
    // A link is judged by the file that it leads to, too: another name makes nothing public.
    let behind = if entry.path_is_symlink() { behind(root, file) } else { None };
    if is_private(path) || behind.as_ref().is_some_and(is_private) {
        return Ok(Err(Skipped::Private));
    }
    let is_page = path.ending() == "md";
    if is_page && well_known(path).is_none() {
        return read_text(file, path, metadata.len());
    }
    if is_page || !ASSETS.contains(&path.ending().as_str()) && !is_for_hosts(path) {
        return Ok(Err(Skipped::Type));
    }
    Ok(Ok(Kept::Asset(metadata.len())))
}

/// Where below the project's root a link ends.
fn behind(root: &Path, file: &Path) -> Option<RelPath> {
    let (root, file) = (fs::canonicalize(root).ok()?, fs::canonicalize(file).ok()?);
    RelPath::from_path(file.strip_prefix(root).ok()?)
}

/// Whether a file may hold recipients or secrets, or is hidden.
fn is_private(path: &RelPath) -> bool {
    let name = path.name().to_ascii_lowercase();
    // A page may be about secrets.
    let has_secret_name =
        path.ending() != "md" && (name.starts_with("id_rsa") || name.starts_with("id_ed25519") || name.contains("secret"));
    let has_no_ending = !name.contains('.') && SECRET_NAMES.iter().any(|begins| name.starts_with(begins));
    let below = well_known(path).or_else(|| path.below(CONTENT)).unwrap_or_default();
    PRIVATE.contains(&path.ending().as_str()) || has_secret_name || has_no_ending || below.split('/').any(|part| part.starts_with('.'))
}

/// The path of a file below the folder `.well-known`, if it is there.
fn well_known(path: &RelPath) -> Option<&str> {
    path.below(CONTENT)?.strip_prefix(WELL_KNOWN)?.strip_prefix('/')
}

/// Whether a file has no ending and is published all the same, because hosts or others look for it.
fn is_for_hosts(path: &RelPath) -> bool {
    FOR_HOSTS.contains(&path.below(CONTENT).unwrap_or_default()) || well_known(path).is_some() && !path.name().contains('.')
}

/// Reads a text; the inner error is for the user's file, the outer for the disk.
fn read_text(file: &Path, path: &RelPath, length: u64) -> Result<Result<Kept, Skipped>> {
    if length > MOST_TEXT {
        return Ok(Err(Skipped::TooLarge));
    }
    let bytes = fs::read(file).with_context(|| format!("cannot read {path}"))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Ok(Kept::Text(text))),
        Err(error) => Ok(Err(Skipped::NotUtf8(error.utf8_error().valid_up_to()))),
    }
}

fn stays_inside(folder: &Path, file: &Path) -> bool {
    match (fs::canonicalize(folder), fs::canonicalize(file)) {
        (Ok(folder), Ok(file)) => file.starts_with(folder),
        _ => false,
    }
}

fn read_theme(root: &Path, name: &str, inputs: &mut Inputs) -> Result<()> {
    let folder = root.join("themes").join(name);
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in WalkDir::new(&folder).follow_links(false).sort_by_file_name().into_iter().filter_entry(|entry| !is_hidden(entry)) {
        let entry = entry.context("cannot read the theme")?;
        if !entry.file_type().is_file() {
            continue;
        }
        let Some(path) = entry.path().strip_prefix(root).ok().and_then(RelPath::from_path) else { continue };
        let length = entry.metadata().with_context(|| format!("cannot read {path}"))?.len();
        if THEME_TEXT.contains(&path.ending().as_str()) {
            match read_text(entry.path(), &path, length)? {
                Ok(Kept::Text(text)) => drop(inputs.sources.insert(path.clone(), Source::new(path, text))),
                Ok(Kept::Asset(_)) => {}
                Err(reason) => inputs.skipped.push((path, reason)),
            }
        } else if ASSETS.contains(&path.ending().as_str()) {
            inputs.assets.insert(path, length);
        }
    }
    Ok(())
}

/// Opens a table as a stream, with its first bytes. `None` if there is none.
pub fn open_table(path: &Path) -> Result<Option<(Vec<u8>, fs::File)>> {
    let mut file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if !file.metadata()?.is_file() {
        bail!("{} is not a regular file", path.display());
    }
    let mut beginning = vec![0; 4096];
    let length = file.read(&mut beginning)?;
    beginning.truncate(length);
    std::io::Seek::rewind(&mut file)?;
    Ok(Some((beginning, file)))
}

/// The bytes of a file of the project, for a browser.
pub fn read_asset(root: &Path, path: &RelPath) -> std::io::Result<Vec<u8>> {
    fs::read(root.join(path.as_str()))
}

/// Writes the files of a new project; a file that is there already is an error and nothing is written.
pub fn write_new(folder: &Path, files: &[(&str, &[u8])]) -> Result<()> {
    for (name, _) in files {
        if folder.join(name).exists() {
            bail!("{} exists already: nothing was written", folder.join(name).display());
        }
    }
    for (name, bytes) in files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        }
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The first line of a file that holds a secret. Others must not be able to read it.
pub fn read_secret(path: &Path) -> Result<String> {
    use std::os::unix::fs::MetadataExt;
    let failed = || format!("cannot read {}", path.display());
    let metadata = fs::metadata(path).with_context(failed)?;
    if metadata.mode() & 0o077 != 0 {
        bail!("{} can be read by others", path.display(); help: "chmod 600 {}", path.display());
    }
    let text = fs::read_to_string(path).with_context(failed)?;
    let line = text.lines().next().unwrap_or("");
    if line.is_empty() {
        bail!("the first line of {} is empty", path.display());
    }
    Ok(line.to_owned())
}

/// The bytes of a file that the configuration names.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// A hash of a file's bytes, as 32 hexadecimal digits.
pub fn hash(path: &Path) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    let file = fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    hasher.update_reader(file).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(hasher.finalize().to_hex()[..32].to_owned())
}
