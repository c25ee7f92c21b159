//! Standard output and standard error: every byte arrives, or the run reports that it did not.

use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

use crate::error::{Context, Error, Exit, Result, error};

/// The first loss of output that nobody waited for. A static, because the streams belong to the process, too.
static LOST: Mutex<Option<Error>> = Mutex::new(None);

const OUTPUT: &str = "cannot write to standard output";
const ERROR: &str = "cannot write to standard error";

/// Writes to standard output. A reader that has gone away has read what it wanted.
pub fn out(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    // Text after the last line break would be written only when the process ends, and an error would go unnoticed.
    or_closed(out.write_all(bytes).and_then(|()| out.flush())).context(OUTPUT)
}

/// Writes to standard output; a failure is reported when the run ends.
pub fn out_noted(bytes: &[u8]) {
    if let Err(error) = out(bytes) {
        note(error);
    }
}

/// Writes to standard error; a failure shows when the run ends.
pub fn err(text: &str) {
    if let Err(error) = or_closed(io::stderr().lock().write_all(text.as_bytes())).context(ERROR) {
        note(error);
    }
}

/// Lets other code write to either stream; a failure shows when the run ends.
pub fn print(write: impl FnOnce() -> io::Result<()>) {
    if let Err(error) = or_closed(write().and_then(|()| io::stdout().flush())).context("cannot write the output") {
        note(error);
    }
}

/// The output that was lost, so that an otherwise successful run fails.
pub fn lost() -> Option<Error> {
    LOST.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// The error with which a printing command ends. `None` if the reader has gone away.
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
