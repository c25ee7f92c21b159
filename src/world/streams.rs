//! Standard output and standard error: every byte arrives, or the run says that it did not.

use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

use crate::error::{Context, Error, Exit, Result, error};

/// What was lost first of what nobody waited for. The streams are the process's own, and so is this.
static LOST: Mutex<Option<Error>> = Mutex::new(None);

const OUTPUT: &str = "cannot write to standard output";
const ERROR: &str = "cannot write to standard error";

/// Writes to standard output. A reader that has gone away has read what it wanted.
pub fn out(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    // What stands behind the last line break would be written when the process ends, and nobody would hear whether it was.
    or_closed(out.write_all(bytes).and_then(|()| out.flush())).context(OUTPUT)
}

/// Writes to standard output; that it failed is said when the run ends.
pub fn out_noted(bytes: &[u8]) {
    if let Err(error) = out(bytes) {
        note(error);
    }
}

/// Writes to standard error; that it failed shows when the run ends.
pub fn err(text: &str) {
    if let Err(error) = or_closed(io::stderr().lock().write_all(text.as_bytes())).context(ERROR) {
        note(error);
    }
}

/// Lets somebody else write to either; that it failed shows when the run ends.
pub fn print(write: impl FnOnce() -> io::Result<()>) {
    if let Err(error) = or_closed(write().and_then(|()| io::stdout().flush())).context("cannot write what was asked for") {
        note(error);
    }
}

/// What was lost, so that a run that did all else well does not end well.
pub fn lost() -> Option<Error> {
    LOST.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// The error by which something that only prints ends. One for a reader that has gone away is not said.
pub fn failed(error: io::Error) -> Error {
    if error.kind() == ErrorKind::BrokenPipe {
        return error!("standard output was closed").ending_as(Exit::Done);
    }
    Error::new(OUTPUT).caused_by(&error)
}

fn or_closed(written: io::Result<()>) -> io::Result<()> {
    written.or_else(|error| if error.kind() == ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

fn note(error: Error) {
    LOST.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
}
