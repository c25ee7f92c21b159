//! Where messages go: a folder of `.eml` files, a Maildir, an mbox, JSON Lines, standard output; and the report of a merge.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tempfile::NamedTempFile;

use super::output::Output;
use crate::notice::engine::Rendered;
use crate::notice::mailbox;
use crate::notice::message::Message;

/// The file by which a folder of messages is known as ours.
pub const MARKER: &str = ".runsheet-outbox";

/// Takes messages one by one; nothing of them is seen in its place before `finish`.
pub trait Outlet {
    fn put(&mut self, number: u64, message: &Message, rendered: &Rendered) -> Result<()>;
    fn finish(self: Box<Self>) -> Result<()>;
}

/// How a folder holds messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    /// One `.eml` file each.
    Eml,
    /// `new/`, `cur/` and `tmp/`.
    Maildir,
}

/// How one file, or standard output, holds messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// RFC 4155, in the variant that quotes `>From ` too (mboxrd).
    Mbox,
    /// One object a line.
    JsonLines,
}

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
    let route = Path::new(folder).join(mailbox::file_name(number, &message.to));
    output.write(&route.to_string_lossy(), &message.bytes)
}

/// A folder that is written aside and swapped in.
pub struct InFolder {
    output: Output,
    kind: Folder,
}

impl InFolder {
    /// Refuses a folder that is not ours.
    pub fn begin(root: &Path, folder: &Path, kind: Folder) -> Result<InFolder> {
        let output = Output::begin(root, folder, MARKER)?;
        if kind == Folder::Maildir {
            for name in ["cur", "new", "tmp"] {
                fs::create_dir(output.place(name)?).context("cannot make the Maildir")?;
            }
        }
        Ok(InFolder { output, kind })
    }
}

impl Outlet for InFolder {
    fn put(&mut self, number: u64, message: &Message, _: &Rendered) -> Result<()> {
        match self.kind {
            Folder::Eml => write_eml(&self.output, "", number, message),
            Folder::Maildir => {
                self.output.write(&format!("new/{}", mailbox::maildir_name(number, message)), &mailbox::unix_lines(&message.bytes))
            }
        }
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.output.publish().map(drop)
    }
}

/// A file that is written beside its place, and put there when it is whole.
pub struct InFile {
    file: BufWriter<NamedTempFile>,
    target: PathBuf,
    kind: Stream,
}

impl InFile {
    /// Refuses to replace a file that holds something else.
    pub fn begin(target: &Path, kind: Stream) -> Result<InFile> {
        let begins: &[u8] = match kind {
            Stream::Mbox => b"From ",
            Stream::JsonLines => b"{\"to\":",
        };
        refuse_other(target, begins)?;
        Ok(InFile { file: beside(target)?, target: target.to_owned(), kind })
    }
}

impl Outlet for InFile {
    fn put(&mut self, _: u64, message: &Message, rendered: &Rendered) -> Result<()> {
        write_stream(&mut self.file, self.kind, message, rendered).with_context(|| format!("cannot write {}", self.target.display()))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        put_in_place(self.file, &self.target)
    }
}

/// Standard output. What is written there cannot be taken back: the merge must have been tried before.
pub struct ToStandardOutput {
    out: BufWriter<std::io::Stdout>,
    kind: Stream,
}

impl ToStandardOutput {
    pub fn begin(kind: Stream) -> ToStandardOutput {
        ToStandardOutput { out: BufWriter::with_capacity(256 << 10, std::io::stdout()), kind }
    }
}

impl Outlet for ToStandardOutput {
    fn put(&mut self, _: u64, message: &Message, rendered: &Rendered) -> Result<()> {
        write_stream(&mut self.out, self.kind, message, rendered).context("cannot write to standard output")
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.out.flush().context("cannot write to standard output")
    }
}

fn write_stream(out: &mut impl Write, kind: Stream, message: &Message, rendered: &Rendered) -> std::io::Result<()> {
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

/// The report of a merge: a CSV with one row a recipient.
pub struct Report {
    rows: csv::Writer<BufWriter<NamedTempFile>>,
    target: PathBuf,
}

const REPORT_COLUMNS: [&str; 7] = ["line", "email", "state", "language", "zone", "message_id", "subject"];

impl Report {
    /// Refuses to replace a file that is no report.
    pub fn begin(target: &Path) -> Result<Report> {
        refuse_other(target, REPORT_COLUMNS.join(",").as_bytes())?;
        let mut rows = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(beside(target)?);
        rows.write_record(REPORT_COLUMNS).context("cannot write the report")?;
        Ok(Report { rows, target: target.to_owned() })
    }

    pub fn add(&mut self, row: [&str; 7]) -> Result<()> {
        let cells = row.map(mailbox::no_formula);
        self.rows.write_record(cells.iter().map(|cell| cell.as_bytes())).context("cannot write the report")
    }

    pub fn finish(self) -> Result<()> {
        let file = self.rows.into_inner().map_err(|error| anyhow::anyhow!("cannot write the report: {error}"))?;
        put_in_place(file, &self.target)
    }
}

/// A file that begins otherwise is somebody's own.
fn refuse_other(target: &Path, begins: &[u8]) -> Result<()> {
    let Ok(metadata) = fs::symlink_metadata(target) else { return Ok(()) };
    if !metadata.is_file() {
        bail!("{} is not a regular file", target.display());
    }
    let found = super::disk::open_table(target)?.map(|(beginning, _)| beginning).unwrap_or_default();
    if !found.is_empty() && !found.starts_with(begins) {
        bail!("{} holds something else and is left as it is\nhelp: name another file", target.display());
    }
    Ok(())
}

fn beside(target: &Path) -> Result<BufWriter<NamedTempFile>> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let file = tempfile::Builder::new()
        .prefix(".runsheet-")
        .tempfile_in(folder)
        .with_context(|| format!("cannot write in {}", folder.display()))?;
    Ok(BufWriter::with_capacity(256 << 10, file))
}

fn put_in_place(file: BufWriter<NamedTempFile>, target: &Path) -> Result<()> {
    let failed = || format!("cannot write {}", target.display());
    let file = file.into_inner().map_err(std::io::IntoInnerError::into_error).with_context(failed)?;
    file.as_file().sync_all().with_context(failed)?;
    file.persist(target).map_err(|error| error.error).with_context(failed)?;
    Ok(())
}
