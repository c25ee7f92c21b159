//! The messages of a run: diagnostics in the chosen form, and short notes, on standard error.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::error::ErrorKind;

use crate::cli::{Color, Global};
use crate::diagnostic::{Diagnostics, MessageFormat, draw, draw_error};
use crate::error::{Error, Exit, Result};
use crate::inputs::Inputs;
use crate::rule::Severity;
use crate::schedule::zone;
use crate::source::RelPath;
use crate::text::counted;
use crate::world::{environment, streams, tzdata};

/// Writes data to standard output. If the reader has gone away, that does not count as an error.
pub fn data(text: &str) -> Result<()> {
    streams::out(text.as_bytes())
}

/// Prints an error on standard error.
pub fn wrong(text: &str) {
    streams::err(text);
}

/// Prints a note for the user on standard error, unless `--quiet` is given.
pub fn note(global: &Global, text: &str) {
    if !global.quiet {
        streams::err(&format!("{text}\n"));
    }
}

/// Prints what is wrong with the command line, or the help or version that was asked for.
pub fn usage(error: &clap::Error) -> Exit {
    match error.kind() {
        ErrorKind::DisplayVersion => streams::out_noted(version().as_bytes()),
        _ => streams::print(|| error.print()),
    }
    if error.exit_code() == 0 { Exit::Done } else { Exit::Failed }
}

/// The version, and the release of the time zone rules. Another line says if the system has newer ones.
fn version() -> String {
    let newer = tzdata::newer().map_or_else(String::new, |newer| format!("this system has the newer tzdata {newer}\n"));
    format!("runsheet {} (tzdata {})\n{newer}", env!("CARGO_PKG_VERSION"), zone::tzdata())
}

/// The final exit code: a failure if any output was lost.
pub fn end(exit: Exit) -> Exit {
    let Some(lost) = streams::lost() else { return exit };
    // Never to standard output, whatever the format: it may be the stream that failed.
    wrong(&draw_error(&lost, MessageFormat::Text));
    if matches!(exit, Exit::Done | Exit::Faults) { lost.exit() } else { exit }
}

/// Whether a complete document (JSON, SARIF) was written to standard output. A static, because the stream belongs to the process, too.
static IS_DOCUMENT_WRITTEN: AtomicBool = AtomicBool::new(false);

/// Prints an error of the world in the form that `--message-format` names.
pub fn error(error: &Error, format: MessageFormat) {
    if error.exit() == Exit::Done {
        return;
    }
    // Two documents in one stream would not be valid.
    let is_second = format == MessageFormat::Sarif && IS_DOCUMENT_WRITTEN.swap(true, Ordering::Relaxed);
    let format = if is_second { MessageFormat::Text } else { format };
    put(&draw_error(error, format), format);
}

/// Prints errors that come up during a command's work.
pub fn sayer(global: &Global) -> impl Fn(&Error) + Send + 'static {
    let format = global.message_format;
    move |said| error(said, format)
}

/// Writes drawn output to the stream that its form belongs to.
fn put(drawn: &str, format: MessageFormat) {
    if matches!(format, MessageFormat::Json | MessageFormat::Sarif) { streams::out_noted(drawn.as_bytes()) } else { wrong(drawn) }
}

/// Writes diagnostics that are settled already. Returns whether there is an error among them.
pub fn diagnostics(diagnostics: &Diagnostics, inputs: &Inputs, global: &Global) -> bool {
    let color = match global.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => std::io::stderr().is_terminal() && !environment::no_color(),
    };
    let format = global.message_format;
    let quiet: Diagnostics;
    let diagnostics = if global.quiet {
        quiet = diagnostics.without_notes();
        &quiet
    } else {
        diagnostics
    };
    let text_of = |path: &RelPath| inputs.sources.get(path).map(|source| &*source.text);
    let drawn = draw(diagnostics, text_of, format, &inputs.repository_folder, color);
    if format == MessageFormat::Sarif {
        IS_DOCUMENT_WRITTEN.store(true, Ordering::Relaxed);
    }
    put(&drawn, format);
    let errors = diagnostics.count(Severity::Error);
    let warnings = diagnostics.count(Severity::Warning);
    if errors + warnings > 0 {
        note(global, &summary(errors, warnings));
    }
    errors > 0
}

fn summary(errors: usize, warnings: usize) -> String {
    let parts = [(errors, "error", "errors"), (warnings, "warning", "warnings")];
    let parts: Vec<String> =
        parts.into_iter().filter(|(number, ..)| *number > 0).map(|(number, one, more)| counted(number, one, more)).collect();
    parts.join(", ")
}
