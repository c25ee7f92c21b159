//! What a run says: diagnostics in the chosen form, and short notes, on standard error.

use std::io::{IsTerminal, Write};

use crate::cli::{Color, Global};
use crate::diagnostic::{Diagnostics, MessageFormat, draw};
use crate::inputs::Inputs;
use crate::rule::Severity;
use crate::source::RelPath;
use crate::text::{counted, visible};
use crate::world::environment;

/// Writes data to standard output. A reader that has gone away is no error.
pub fn data(text: &str) {
    std::io::stdout().lock().write_all(text.as_bytes()).ok();
}

/// Says what is wrong, on standard error.
pub fn wrong(text: &str) {
    std::io::stderr().lock().write_all(text.as_bytes()).ok();
}

/// Says something to the user, on standard error, unless `--quiet`.
pub fn note(global: &Global, text: &str) {
    if !global.quiet {
        writeln!(std::io::stderr().lock(), "{text}").ok();
    }
}

/// Says an error about the world: its causes, then the ways out.
pub fn say_error(error: &anyhow::Error) {
    let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
    let (mut lines, mut helps) = (Vec::new(), Vec::new());
    for line in chain.iter().flat_map(|text| text.lines()) {
        if line.starts_with("help: ") { helps.push(line) } else { lines.push(line) }
    }
    let mut stderr = std::io::stderr().lock();
    writeln!(stderr, "error: {}", visible(&lines.join(": "))).ok();
    for help in helps {
        writeln!(stderr, "  = {}", visible(help)).ok();
    }
}

/// Writes diagnostics, settled before. Gives whether there is an error among them.
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
    if matches!(format, MessageFormat::Json | MessageFormat::Sarif) {
        data(&drawn);
    } else {
        std::io::stderr().lock().write_all(drawn.as_bytes()).ok();
    }
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
