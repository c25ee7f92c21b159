//! A table with uniform line ends, so that lines can be counted, within size limits.

use std::fmt;
use std::io::{self, Read};

use super::table::MOST_ROW;

/// Turns CRLF and lone CR into LF, and ends the last line.
///
/// Quotes that are never closed, and rows that never end, are detected before they fill the memory.
pub struct PlainLines<R> {
    inner: R,
    delimiter: u8,
    buffer: Vec<u8>,
    after_cr: bool,
    last: u8,
    /// The line that is being read, from 1, and the one on which its row began.
    line: u64,
    row_line: u64,
    row_bytes: usize,
    quote: Quote,
    /// The first line names the delimiter and does not count as a row.
    skips_line: bool,
}

/// Where in a value the reader is (RFC 4180 §2).
#[derive(Clone, Copy, PartialEq)]
enum Quote {
    /// Before the first byte of a value.
    Start,
    /// In a value without quotes, or after its closing quote.
    Outside,
    /// In a quoted value that began on this line.
    Inside(u64),
    /// After a quote that either closes the value or is the first of two. The value began on this line.
    Closing(u64),
}

/// Why a table cannot be read further, and the line.
#[derive(Debug)]
pub enum Fault {
    OpenQuote(u64),
    TooLong(u64),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Fault::OpenQuote(line) => write!(f, "the quote in line {line} is not closed"),
            Fault::TooLong(line) => write!(f, "the row in line {line} is too long"),
        }
    }
}

impl std::error::Error for Fault {}

impl<R: Read> PlainLines<R> {
    pub fn new(inner: R, delimiter: u8) -> PlainLines<R> {
        PlainLines {
            inner,
            delimiter,
            buffer: Vec::new(),
            after_cr: false,
            last: b'\n',
            line: 1,
            row_line: 1,
            row_bytes: 0,
            quote: Quote::Start,
            skips_line: false,
        }
    }

    /// Skips the first line, but counts it.
    pub fn without_first_line(self) -> PlainLines<R> {
        PlainLines { skips_line: true, ..self }
    }

    fn step(&mut self, byte: u8) -> Result<(), Fault> {
        self.row_bytes += 1;
        if self.row_bytes > MOST_ROW {
            return Err(match self.quote {
                Quote::Inside(line) if line < self.line => Fault::OpenQuote(line),
                _ => Fault::TooLong(self.row_line),
            });
        }
        self.quote = match (self.quote, byte) {
            (Quote::Start, b'"') => Quote::Inside(self.line),
            (Quote::Inside(line), b'"') => Quote::Closing(line),
            (Quote::Closing(line), b'"') => Quote::Inside(line),
            (Quote::Inside(line), _) => Quote::Inside(line),
            (_, byte) if byte == self.delimiter => Quote::Start,
            (_, b'\n') => {
                self.row_line = self.line + 1;
                self.row_bytes = 0;
                Quote::Start
            }
            _ => Quote::Outside,
        };
        if byte == b'\n' {
            self.line += 1;
        }
        Ok(())
    }
}

impl<R: Read> Read for PlainLines<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.resize(out.len(), 0);
            let length = self.inner.read(&mut buffer)?;
            if length == 0 {
                if let Quote::Inside(line) = self.quote {
                    return Err(io::Error::other(Fault::OpenQuote(line)));
                }
                if self.last == b'\n' {
                    return Ok(0);
                }
                self.last = b'\n';
                out[0] = b'\n';
                return Ok(1);
            }
            let mut made = 0;
            for byte in &buffer[..length] {
                let follows_cr = std::mem::replace(&mut self.after_cr, *byte == b'\r');
                if *byte == b'\n' && follows_cr {
                    continue;
                }
                let plain = if *byte == b'\r' { b'\n' } else { *byte };
                if self.skips_line {
                    if plain == b'\n' {
                        self.skips_line = false;
                        (self.line, self.row_line) = (2, 2);
                    }
                    continue;
                }
                out[made] = plain;
                self.step(out[made]).map_err(io::Error::other)?;
                made += 1;
            }
            self.buffer = buffer;
            // A buffer with only the second half of a line end yields nothing yet.
            if made > 0 {
                self.last = out[made - 1];
                return Ok(made);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_become_one_kind() {
        for size in [1, 2, 3, 64] {
            let mut text = Vec::new();
            let mut lines = PlainLines::new("a\r\nb\rc\n\r\nd".as_bytes(), b',');
            let mut buffer = vec![0; size];
            loop {
                let length = lines.read(&mut buffer).unwrap();
                if length == 0 {
                    break;
                }
                text.extend_from_slice(&buffer[..length]);
            }
            assert_eq!(String::from_utf8(text).unwrap(), "a\nb\nc\n\nd\n", "{size}");
        }
    }

    #[test]
    fn a_first_line_is_left_out() {
        for text in ["sep=;\na;b\n", "sep=;\r\na;b\r\n", "sep=;\ra;b\r"] {
            let mut read = String::new();
            PlainLines::new(text.as_bytes(), b';').without_first_line().read_to_string(&mut read).unwrap();
            assert_eq!(read, "a;b\n", "{text:?}");
        }
        let mut open = PlainLines::new("sep=;\na;b\n\"x".as_bytes(), b';').without_first_line();
        let error = open.read_to_string(&mut String::new()).unwrap_err();
        assert!(error.to_string().contains("line 3"), "{error}");
    }
}
