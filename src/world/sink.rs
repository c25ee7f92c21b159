//! Destinations of messages: a folder of `.eml` files, a Maildir, an mbox, JSON Lines, standard output; and the report of a merge.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::{self, DirBuilder, Permissions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use walkdir::WalkDir;

use super::aside::Readers;
use super::kept;
use super::lock::{Lock, Locks};
use super::output::Output as Tree;
use super::streams;
use crate::diagnostic::Diagnostic;
use crate::error::{Context, Result, bail, error};
use crate::mailing::{MergedMessage, Outcome};
use crate::notice::engine::Rendered;
use crate::notice::message::Message;
use crate::notice::{cells, mailbox};
use crate::rule;
use crate::rule::Severity;
use crate::text::visible;

/// The file that marks a folder of messages as ours.
pub const MARKER: &str = ".runsheet-outbox";

/// Takes messages one by one, whether they are written or sent. `P` is the gate's value for each.
pub trait Sink<P = ()> {
    fn put(&mut self, merged: MergedMessage<P>) -> Result<()>;
}

/// A sink whose output appears in its place only at `finish`.
pub trait Output: Sink {
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Runs a merge to its end, and puts its messages into a sink. Calls `see` with each outcome before that.
pub fn pour<'a, P>(
    merging: impl Iterator<Item = Result<Outcome<'a, P>>>,
    sink: &mut dyn Sink<P>,
    mut see: impl FnMut(&Outcome<P>) -> Result<()>,
) -> Result<()> {
    for outcome in merging {
        let outcome = outcome?;
        see(&outcome)?;
        if let Outcome::Written(merged) = outcome {
            sink.put(*merged)?;
        }
    }
    Ok(())
}

/// The format of a folder of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    /// One `.eml` file each.
    Eml,
    /// `new/`, `cur/` and `tmp/`.
    Maildir,
}

/// The format of a single file, or of standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// RFC 4155, in the variant that quotes `>From ` too (mboxrd).
    Mbox,
    /// One object per line.
    JsonLines,
}

/// The project's folder for messages, created if necessary.
pub fn outbox(root: &Path) -> Result<PathBuf> {
    let outbox = root.join("outbox");
    if !outbox.exists() {
        DirBuilder::new().mode(0o700).create(&outbox).context("cannot create the outbox")?;
        fs::write(outbox.join(MARKER), "").context("cannot create the outbox")?;
    } else if outbox.join(MARKER).exists() {
        fs::set_permissions(&outbox, Permissions::from_mode(0o700)).context("cannot keep others out of the outbox")?;
    }
    Ok(outbox)
}

/// Begins a new version of the project's whole folder for messages.
pub fn begin_outbox(root: &Path, locks: &mut Locks) -> Result<Tree> {
    let outbox = root.join("outbox");
    refuse_foreign_files(&outbox)?;
    begin(root, &outbox, locks)
}

/// A folder of messages, marked as ours.
fn begin(root: &Path, folder: &Path, locks: &mut Locks) -> Result<Tree> {
    let tree = Tree::new(root, folder, MARKER, Readers::Owner, locks)?;
    tree.write(MARKER, b"")?;
    Ok(tree)
}

/// The folder of a mailing below the outbox of a build, which is swapped in as a whole.
pub struct InOutbox<'a> {
    outbox: &'a Tree,
    folder: &'a str,
}

impl<'a> InOutbox<'a> {
    /// Marks the folder, so that a later merge recognises it as ours.
    pub fn new(outbox: &'a Tree, folder: &'a str) -> Result<InOutbox<'a>> {
        outbox.write(&format!("{folder}/{MARKER}"), b"")?;
        Ok(InOutbox { outbox, folder })
    }
}

impl Sink for InOutbox<'_> {
    fn put(&mut self, merged: MergedMessage<()>) -> Result<()> {
        write_eml(self.outbox, self.folder, merged.number, &merged.message)
    }
}

/// Writes message number `number` of a mailing below `folder` of the output.
fn write_eml(output: &Tree, folder: &str, number: u64, message: &Message) -> Result<()> {
    let route = Path::new(folder).join(mailbox::file_name(number, &message.to));
    output.write(&route.to_string_lossy(), &message.bytes)
}

/// A folder that is written aside and swapped in.
pub struct InFolder {
    output: Tree,
    kind: Folder,
}

impl InFolder {
    /// Refuses a folder that is not ours.
    pub fn new(root: &Path, folder: &Path, kind: Folder, locks: &mut Locks) -> Result<InFolder> {
        refuse_foreign_files(folder)?;
        let output = begin(root, folder, locks)?;
        if kind == Folder::Maildir {
            for name in ["cur", "new", "tmp"] {
                output.make_folder(name)?;
            }
        }
        Ok(InFolder { output, kind })
    }
}

impl Sink for InFolder {
    fn put(&mut self, MergedMessage { number, message, .. }: MergedMessage<()>) -> Result<()> {
        match self.kind {
            Folder::Eml => write_eml(&self.output, "", number, &message),
            Folder::Maildir => {
                self.output.write(&format!("new/{}", mailbox::maildir_name(number, &message)), &mailbox::unix_lines(&message.bytes))
            }
        }
    }
}

impl Output for InFolder {
    fn finish(self: Box<Self>) -> Result<()> {
        self.output.publish().map(drop)
    }
}

/// A file that is written beside its place, and moved there when it is complete.
pub struct InFile {
    file: BufWriter<NamedTempFile>,
    root: PathBuf,
    target: PathBuf,
    kind: Stream,
}

impl InFile {
    /// Refuses to replace a file that is not ours.
    pub fn new(root: &Path, target: &Path, kind: Stream, locks: &mut Locks) -> Result<InFile> {
        locks.take(&real_path(target)?)?;
        refuse_other(root, target)?;
        Ok(InFile { file: beside(target)?, root: root.to_owned(), target: target.to_owned(), kind })
    }
}

impl Sink for InFile {
    fn put(&mut self, merged: MergedMessage<()>) -> Result<()> {
        write_stream(&mut self.file, self.kind, &merged).with_context(|| format!("cannot write {}", self.target.display()))
    }
}

impl Output for InFile {
    fn finish(self: Box<Self>) -> Result<()> {
        put_in_place(&self.root, self.file, &self.target)
    }
}

/// Standard output. Printed output cannot be taken back, so the merge must have been tried before.
pub struct ToStandardOutput {
    out: BufWriter<std::io::Stdout>,
    kind: Stream,
}

impl ToStandardOutput {
    pub fn new(kind: Stream) -> ToStandardOutput {
        ToStandardOutput { out: BufWriter::with_capacity(256 << 10, std::io::stdout()), kind }
    }
}

impl Sink for ToStandardOutput {
    fn put(&mut self, merged: MergedMessage<()>) -> Result<()> {
        write_stream(&mut self.out, self.kind, &merged).map_err(streams::failed)
    }
}

impl Output for ToStandardOutput {
    fn finish(mut self: Box<Self>) -> Result<()> {
        self.out.flush().map_err(streams::failed)
    }
}

fn write_stream(out: &mut impl Write, kind: Stream, MergedMessage { message, rendered, .. }: &MergedMessage<()>) -> std::io::Result<()> {
    match kind {
        Stream::Mbox => out.write_all(&mailbox::mbox_entry(message)),
        Stream::JsonLines => {
            let Message { to, subject, message_id, .. } = message;
            let Rendered { text, html, .. } = rendered;
            #[derive(serde::Serialize)]
            struct Line<'a> {
                to: &'a str,
                subject: &'a str,
                message_id: &'a str,
                text: &'a str,
                html: &'a str,
            }
            serde_json::to_writer(&mut *out, &Line { to, subject, message_id, text, html })?;
            out.write_all(b"\n")
        }
    }
}

/// The report of a merge: a CSV with one row per recipient.
pub struct Report {
    rows: csv::Writer<BufWriter<NamedTempFile>>,
    root: PathBuf,
    target: PathBuf,
}

const REPORT_COLUMNS: [&str; 8] = ["line", "email", "state", "language", "zone", "message_id", "subject", "code"];

impl Report {
    /// Refuses to replace a file that is not ours.
    pub fn new(root: &Path, target: &Path, locks: &mut Locks) -> Result<Report> {
        locks.take(&real_path(target)?)?;
        refuse_other(root, target)?;
        let mut rows = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(beside(target)?);
        rows.write_record(REPORT_COLUMNS).context("cannot write the report")?;
        Ok(Report { rows, root: root.to_owned(), target: target.to_owned() })
    }

    pub fn add(&mut self, row: [&str; 8]) -> Result<()> {
        let cells = row.map(mailbox::no_formula);
        self.rows.write_record(cells.iter().map(|cell| cell.as_bytes())).context("cannot write the report")
    }

    pub fn finish(self) -> Result<()> {
        let file = self.rows.into_inner().map_err(|error| error!("cannot write the report: {error}"))?;
        put_in_place(&self.root, file, &self.target)
    }
}

/// A fault of a row, for the report of a table.
pub struct FaultRow<'a> {
    pub line: u64,
    /// The column's name in the table.
    pub column: &'a str,
    pub value: &'a str,
    pub diagnostic: &'a Diagnostic,
}

/// The report of a table: a CSV with one row per fault, by kind and then in the order of the table. Each kind is buffered in a file,
/// and not in memory.
pub struct TableReport {
    kinds: BTreeMap<(Severity, bool, &'static str), csv::Writer<BufWriter<fs::File>>>,
    root: PathBuf,
    target: PathBuf,
}

const TABLE_REPORT_COLUMNS: [&str; 7] = ["line", "column", "code", "severity", "value", "help", "message"];

/// How many characters of a value are shown.
const MOST_VALUE: usize = 200;

impl TableReport {
    /// Refuses to replace a file that is not ours.
    pub fn new(root: &Path, target: &Path, locks: &mut Locks) -> Result<TableReport> {
        locks.take(&real_path(target)?)?;
        refuse_other(root, target)?;
        Ok(TableReport { kinds: BTreeMap::new(), root: root.to_owned(), target: target.to_owned() })
    }

    pub fn add(&mut self, row: &FaultRow) -> Result<()> {
        let Diagnostic { severity, rule, message, help, .. } = row.diagnostic;
        // Duplicates come last: fixing them removes rows, which changes the numbers of later lines.
        let is_last = *rule == rule::DUPLICATE_RECIPIENT;
        let kind = match self.kinds.entry((*severity, is_last, rule.code)) {
            Entry::Occupied(kind) => kind.into_mut(),
            Entry::Vacant(place) => {
                let file = tempfile::tempfile_in(folder_of(&self.target)).context("cannot write the report")?;
                let writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(BufWriter::new(file));
                place.insert(writer)
            }
        };
        let value = cells::shown(&row.value.chars().take(MOST_VALUE).collect::<String>());
        let (line, help, message) = (row.line.to_string(), visible(help.as_deref().unwrap_or("")), visible(message));
        let cells = [&*line, row.column, rule.code, severity.word(), &value, &help, &message].map(mailbox::no_formula);
        kind.write_record(cells.iter().map(|cell| cell.as_bytes())).context("cannot write the report")
    }

    pub fn finish(self) -> Result<()> {
        let mut rows = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(beside(&self.target)?);
        rows.write_record(TABLE_REPORT_COLUMNS).context("cannot write the report")?;
        let mut file = rows.into_inner().map_err(|error| error!("cannot write the report: {error}"))?;
        for kind in self.kinds.into_values() {
            let kind = kind.into_inner().map_err(|error| error!("cannot write the report: {error}"))?;
            let mut kind = kind.into_inner().map_err(std::io::IntoInnerError::into_error).context("cannot write the report")?;
            std::io::Seek::rewind(&mut kind).context("cannot write the report")?;
            std::io::copy(&mut kind, &mut file).context("cannot write the report")?;
        }
        put_in_place(&self.root, file, &self.target)
    }
}

/// Where a project records the files that its merges have written, and the one about to be moved into place.
const MERGED: &str = ".runsheet/merged.json";
const COMING: &str = ".runsheet/merging.json";
/// More than a project's merges are likely to write.
const MOST_NOTED: u64 = 16 << 20;

/// The files written by a project's merges: only these may be overwritten.
#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Merged(BTreeMap<PathBuf, Stamp>);

/// The file's state after a merge wrote it.
#[derive(Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
struct Stamp {
    octets: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Stamp {
    fn read(path: &Path) -> Option<Stamp> {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::symlink_metadata(path).ok()?;
        Some(Stamp { octets: metadata.len(), seconds: metadata.mtime(), nanoseconds: metadata.mtime_nsec() })
    }
}

impl Merged {
    fn read(record: &Path) -> Merged {
        let text = kept::read(record, MOST_NOTED).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Records the file at a path, present or future; forgets files that no longer exist.
    fn note(root: &Path, record: &str, file: PathBuf, stamp: Stamp) -> Result<()> {
        kept::folder(root)?;
        let record = &root.join(record);
        // Another merge, to another place, may write this record at the same time.
        let _lock = Lock::wait(record)?;
        let mut merged = Merged::read(record);
        merged.0.retain(|path, _| path.exists());
        merged.0.insert(file, stamp);
        kept::replace(record, &serde_json::to_vec(&merged)?)
    }
}

/// A path with the real path of its folder.
pub fn real_path(file: &Path) -> Result<PathBuf> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = file.file_name().with_context(|| format!("{} is not the name of a file", file.display()))?;
    let folder = fs::canonicalize(folder).with_context(|| format!("folder not found: {}", folder.display()))?;
    Ok(folder.join(name))
}

/// Refuses a file that has changed since a merge of this project wrote it: it belongs to the user.
fn refuse_other(root: &Path, target: &Path) -> Result<()> {
    let path = real_path(target)?;
    let Ok(metadata) = fs::symlink_metadata(&path) else { return Ok(()) };
    if !metadata.is_file() {
        bail!("{} is not a regular file", target.display());
    }
    let is_noted = |record: &str| Merged::read(&root.join(record)).0.get(&path).copied() == Stamp::read(&path);
    if metadata.len() == 0 || is_noted(MERGED) || is_noted(COMING) {
        return Ok(());
    }
    bail!(
        "{} was not written by a merge here, or was changed since: nothing was written", target.display();
        help: "choose another file, or move it away"
    )
}

fn folder_of(target: &Path) -> &Path {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The beginning of the names of incomplete files.
const PART: &str = ".runsheet-part-";

/// A file beside the target, locked while it is written. Leftovers of a killed merge are removed.
fn beside(target: &Path) -> Result<BufWriter<NamedTempFile>> {
    let folder = folder_of(target);
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let is_part = entry.file_name().to_str().is_some_and(|name| name.starts_with(PART));
        // If it can be locked, its writer is gone.
        if is_part && fs::File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            fs::remove_file(entry.path()).ok();
        }
    }
    let failed = || format!("cannot write in {}", folder.display());
    let file = tempfile::Builder::new().prefix(PART).tempfile_in(folder).with_context(failed)?;
    file.as_file().lock().with_context(failed)?;
    Ok(BufWriter::with_capacity(256 << 10, file))
}

fn put_in_place(root: &Path, file: BufWriter<NamedTempFile>, target: &Path) -> Result<()> {
    let failed = || format!("cannot write {}", target.display());
    let file = file.into_inner().map_err(std::io::IntoInnerError::into_error).with_context(failed)?;
    file.as_file().sync_all().with_context(failed)?;
    let path = real_path(target)?;
    let stamp = Stamp::read(file.path()).with_context(failed)?;
    // Recognised as ours from the moment on at which it is there.
    Merged::note(root, COMING, path.clone(), stamp)?;
    file.persist(target).map_err(|error| error.error).with_context(failed)?;
    Merged::note(root, MERGED, path, stamp)
}

/// A file in a folder of messages that no merge has put there: replacing the folder would destroy it.
fn refuse_foreign_files(folder: &Path) -> Result<()> {
    // The output itself refuses a folder that is not ours at all.
    if !folder.join(MARKER).exists() {
        return Ok(());
    }
    for entry in WalkDir::new(folder).min_depth(1).into_iter().filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy();
        let is_ours = if entry.file_type().is_dir() {
            matches!(&*name, "cur" | "new" | "tmp") || entry.path().join(MARKER).exists()
        } else {
            name == MARKER || name == ".gitignore" || mailbox::is_our_name(&name)
        };
        if !is_ours {
            let path = entry.path().display();
            bail!(
                "{path} was not written by a merge, but the folder would be replaced: nothing was changed";
                help: "move it away, or choose another folder"
            );
        }
    }
    Ok(())
}
