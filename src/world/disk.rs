//! Reads a project from disk: only listed files, and nothing outside the tree.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Seek};
use std::path::{Component, Path, PathBuf};

use jiff::Timestamp;
use rayon::prelude::*;
use walkdir::{DirEntry, WalkDir};

use super::folder::{self, Folder, Refusal};
use crate::config::Config;
use crate::error::{Context, Result, bail};
use crate::inputs::{Inputs, Skipped, StatusInput};
use crate::project::CONTENT;
use crate::project::kind::{self, Kind};
use crate::source::FILE_NAME;
use crate::source::{RelPath, Source};

/// Files of a theme that are read as text.
const THEME_TEXT: [&str; 9] = ["html", "css", "js", "svg", "txt", "json", "toml", "xml", "webmanifest"];
/// Largest text file that is read.
const MOST_TEXT: u64 = 16 << 20;
/// Folders that do not belong to a project's sources.
const NOT_SOURCES: [&str; 7] = [".git", ".runsheet", "target", "node_modules", "public", "outbox", ".venv"];

/// The nearest folder upwards that has a `runsheet.toml`.
pub fn find_root(start: &Path) -> Result<PathBuf> {
    let start = fs::canonicalize(start).with_context(|| format!("cannot find the folder {}", start.display()))?;
    let found = start.ancestors().find(|folder| is_project(folder));
    match found {
        Some(root) => Ok(root.to_owned()),
        None => bail!(
            "no {FILE_NAME} in {} or above it", start.display();
            help: "create a project with `runsheet init`, or choose one with `--root DIR`"
        ),
    }
}

/// Whether a folder is a project.
pub fn is_project(folder: &Path) -> bool {
    folder.join(FILE_NAME).is_file()
}

/// The folder that a command starts in.
pub fn current_folder() -> Result<PathBuf> {
    std::env::current_dir().context("cannot determine the current folder")
}

/// The text of the configuration.
pub fn read_config(root: &Path) -> Result<Source> {
    let path = crate::source::configuration();
    let failed = || format!("cannot read {FILE_NAME}");
    let bytes = Folder::open(root).with_context(failed)?.read(Path::new(FILE_NAME), MOST_TEXT).with_context(failed)?;
    let bytes = bytes.with_context(|| format!("{FILE_NAME} is larger than 16 MiB"))?;
    let text = String::from_utf8(bytes).ok().with_context(|| format!("{FILE_NAME} is not UTF-8"))?;
    Ok(Source::new(path, text))
}

/// All files that a run needs.
pub fn read_inputs(root: &Path, config_source: Source, config: &Config, now: Timestamp, status: StatusInput) -> Result<Inputs> {
    let mut inputs =
        Inputs { listing: listing(root), status, repository_folder: repository_folder(root), ..Inputs::new([config_source], now) };
    read_content(root, &mut inputs)?;
    read_theme(root, &config.site.theme, &mut inputs)?;
    let folder = Folder::open(root).context("cannot read the project")?;
    for contract in &config.contracts {
        let path = &contract.path.value;
        if !inputs.sources.contains_key(path)
            && let Ok(Some(bytes)) = folder.read(Path::new(path.as_str()), MOST_TEXT)
            && let Ok(text) = String::from_utf8(bytes)
        {
            inputs.sources.insert(path.clone(), Source::new(path.clone(), text));
        }
    }
    Ok(inputs)
}

/// The project's place in its Git repository: below the nearest folder with a `.git`.
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

/// The names of all files and folders of the project, except those made by tools.
fn listing(root: &Path) -> BTreeSet<RelPath> {
    let walk = WalkDir::new(root).follow_links(false).sort_by_file_name().into_iter();
    let kept = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy();
        match entry.depth() {
            0 => true,
            1 => !(NOT_SOURCES.contains(&&*name) || is_beside_output(&name)),
            _ => !(matches!(&*name, ".git" | "node_modules") || is_beside_output(&name)),
        }
    };
    walk.filter_entry(kept)
        .filter_map(Result::ok)
        .filter(|entry| entry.depth() > 0)
        .filter_map(|entry| RelPath::from_path(entry.path().strip_prefix(root).ok()?))
        .collect()
}

/// Temporary neighbours of an output: its lock, and the new tree. By now a build has created both, wherever they are.
fn is_beside_output(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_tree = || name.starts_with('.') && name.rsplit_once(".tmp-").is_some_and(|(_, number)| is_number(number));
    matches!(name, ".public.lock" | ".outbox.lock") || is_tree()
}

fn read_content(root: &Path, inputs: &mut Inputs) -> Result<()> {
    let folder = root.join(CONTENT);
    if !folder.is_dir() {
        bail!("no folder `{CONTENT}` in {}", root.display(); help: "create it: the Markdown in it becomes the site");
    }
    if folder.is_symlink() {
        // Nothing would be found below it: a site of one empty page would replace the good one.
        bail!(
            "`{CONTENT}` in {} is a symbolic link", root.display();
            help: "move the folder there, and put the link where the folder was"
        );
    }
    let walk = WalkDir::new(&folder).follow_links(false).sort_by_file_name().into_iter();
    let is_kept = |entry: &DirEntry| !is_hidden(entry) || entry.depth() == 1 && entry.file_name() == kind::WELL_KNOWN;
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
    let content = Folder::open(root).context("cannot read the project")?.below(Path::new(CONTENT)).context("cannot read the content")?;
    let take = |(path, entry): (RelPath, DirEntry)| {
        let taken = take(root, &content, &entry, &path).with_context(|| format!("cannot read {path}"))?;
        Ok((path, taken))
    };
    let read: Vec<Result<_>> = named_files.into_par_iter().map(take).collect();
    for taken in read {
        match taken? {
            (path, Ok(Kept::Text(text))) => drop(inputs.sources.insert(path.clone(), Source::new(path, text))),
            (path, Ok(Kept::Asset(length))) => drop(inputs.assets.insert(path, length)),
            (path, Err(reason)) => inputs.skipped.push((path, reason)),
        }
    }
    Ok(())
}

/// How a run treats a file: as text, or as bytes of a certain length that are copied.
enum Kept {
    Text(String),
    Asset(u64),
}

/// Classifies a content file as text or as an asset; the inner error says why it is skipped.
fn take(root: &Path, content: &Folder, entry: &DirEntry, path: &RelPath) -> Result<Result<Kept, Skipped>> {
    let below = entry.path().strip_prefix(root.join(CONTENT)).unwrap_or(entry.path());
    let file_kind = entry.file_type();
    if !file_kind.is_file() && !file_kind.is_symlink() {
        return Ok(Err(Skipped::Special));
    }
    if file_kind.is_symlink()
        && let Err(refusal) = content.length(below)
    {
        return skipped(refusal);
    }
    let kind = Kind::of(path);
    // A link is also judged by the file it leads to: renaming does not make a file publishable.
    let is_private_behind = || behind(root, entry.path()).is_some_and(|path| Kind::of(&path) == Kind::Private);
    if kind == Kind::Private || file_kind.is_symlink() && is_private_behind() {
        return Ok(Err(Skipped::Private));
    }
    let taken = match kind {
        Kind::Page => return read_text(content, below),
        Kind::Document if holds_key(content, below) => return Ok(Err(Skipped::Private)),
        Kind::Document | Kind::Media => content.length(below),
        Kind::Other | Kind::Private => return Ok(Err(Skipped::Type)),
    };
    taken.map_or_else(skipped, |length| Ok(Ok(Kept::Asset(length))))
}

/// Turns a refusal into the reason for skipping a content file; disk faults remain errors.
fn skipped(refusal: Refusal) -> Result<Result<Kept, Skipped>> {
    match refusal {
        Refusal::Link => Ok(Err(Skipped::Symlink)),
        Refusal::Special => Ok(Err(Skipped::Special)),
        // A dangling link; or a file that an editor is just replacing.
        Refusal::Failed(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Err(Skipped::Symlink)),
        Refusal::Failed(error) => Err(error.into()),
    }
}

/// Whether a document is a key. If it cannot be read, it is not copied either, and that is reported then.
fn holds_key(content: &Folder, below: &Path) -> bool {
    let mut beginning = Vec::new();
    content.file(below).is_ok_and(|file| file.take(kind::LOOKED_AT).read_to_end(&mut beginning).is_ok() && kind::holds_key(&beginning))
}

/// Where below the project's root a link leads.
fn behind(root: &Path, file: &Path) -> Option<RelPath> {
    let (root, file) = (fs::canonicalize(root).ok()?, fs::canonicalize(file).ok()?);
    RelPath::from_path(file.strip_prefix(root).ok()?)
}

/// Reads a text; the inner error is for the user's file, the outer for the disk.
fn read_text(folder: &Folder, below: &Path) -> Result<Result<Kept, Skipped>> {
    match folder.read(below, MOST_TEXT) {
        Ok(None) => Ok(Err(Skipped::TooLarge)),
        Ok(Some(bytes)) => Ok(match String::from_utf8(bytes) {
            Ok(text) => Ok(Kept::Text(text)),
            Err(error) => Err(Skipped::NotUtf8(error.utf8_error().valid_up_to())),
        }),
        Err(refusal) => skipped(refusal),
    }
}

fn read_theme(root: &Path, name: &str, inputs: &mut Inputs) -> Result<()> {
    let below = Path::new("themes").join(name);
    let folder = root.join(&below);
    if !folder.is_dir() {
        return Ok(());
    }
    let theme = Folder::open(root).context("cannot read the project")?.below(&below).context("cannot read the theme")?;
    for entry in WalkDir::new(&folder).follow_links(false).sort_by_file_name().into_iter().filter_entry(|entry| !is_hidden(entry)) {
        let entry = entry.context("cannot read the theme")?;
        if !entry.file_type().is_file() {
            continue;
        }
        let Some(path) = entry.path().strip_prefix(root).ok().and_then(RelPath::from_path) else { continue };
        let below = entry.path().strip_prefix(&folder).unwrap_or(entry.path());
        if THEME_TEXT.contains(&path.ending().as_str()) {
            match read_text(&theme, below).with_context(|| format!("cannot read {path}"))? {
                Ok(Kept::Text(text)) => drop(inputs.sources.insert(path.clone(), Source::new(path, text))),
                Ok(Kept::Asset(_)) => {}
                Err(reason) => inputs.skipped.push((path, reason)),
            }
        } else if Kind::is_asset(&path.ending()) {
            let length = theme.length(below).with_context(|| format!("cannot read {path}"))?;
            inputs.assets.insert(path, length);
        }
    }
    Ok(())
}

/// Opens a table of the project as a stream, with its first bytes. `None` if it does not exist.
pub fn open_table(root: &Path, path: &RelPath) -> Result<Option<(Vec<u8>, fs::File)>> {
    beginning_of(Folder::open(root)?.file(Path::new(path.as_str())))
}

/// Opens a table that the user names, anywhere on the disk.
pub fn open_named_table(path: &Path) -> Result<Option<(Vec<u8>, fs::File)>> {
    beginning_of(folder::named(path))
}

fn beginning_of(opened: Result<fs::File, Refusal>) -> Result<Option<(Vec<u8>, fs::File)>> {
    let mut file = match opened {
        Ok(file) => file,
        Err(Refusal::Failed(error)) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(refusal) => return Err(refusal.into()),
    };
    let mut beginning = Vec::new();
    file.by_ref().take(4096).read_to_end(&mut beginning)?;
    file.rewind()?;
    Ok(Some((beginning, file)))
}

/// Opens a project file that is published unchanged. No link can lead it out of `content/`, or out of the theme.
pub fn open_asset(root: &Path, path: &RelPath) -> Result<fs::File> {
    // `content/a.png` is opened below `content`, `themes/mine/static/a.png` below `themes/mine`.
    let depth = if path.below(CONTENT).is_some() { 1 } else { 2 };
    let parts = Path::new(path.as_str()).components();
    let (above, below): (PathBuf, PathBuf) = (parts.clone().take(depth).collect(), parts.skip(depth).collect());
    let failed = || format!("cannot read {path}");
    Folder::open(root).with_context(failed)?.below(&above).with_context(failed)?.file(&below).with_context(failed)
}

/// Writes the files of a new project; if one exists already, that is an error and nothing is written.
pub fn write_new(folder: &Path, files: &[(&str, &[u8])]) -> Result<()> {
    for (name, _) in files {
        if folder.join(name).exists() {
            bail!("{} already exists: nothing was written", folder.join(name).display());
        }
    }
    for (name, bytes) in files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        }
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Opens a file named in the configuration. A file below the project is never reached by a link that leads out of it.
pub fn open_configured(root: &Path, path: &Path) -> Result<fs::File, Refusal> {
    let is_below = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if is_below { Folder::open(root).map_err(Refusal::Failed)?.file(path) } else { folder::named(&root.join(path)) }
}

/// The bytes of a file named in the configuration, such as a certificate.
pub fn read_configured(root: &Path, path: &Path) -> Result<Vec<u8>> {
    read_all(open_configured(root, path), path)
}

/// The bytes of a file that the user names.
pub fn read_named(path: &Path) -> Result<Vec<u8>> {
    read_all(folder::named(path), path)
}

fn read_all(opened: Result<fs::File, Refusal>, path: &Path) -> Result<Vec<u8>> {
    let failed = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    opened.with_context(failed)?.read_to_end(&mut bytes).with_context(failed)?;
    Ok(bytes)
}

/// A hash of a file's bytes, as 32 hexadecimal digits.
pub fn hash(path: &Path) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    let file = folder::named(path).with_context(|| format!("cannot read {}", path.display()))?;
    hasher.update_reader(file).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(hasher.finalize().to_hex()[..32].to_owned())
}
