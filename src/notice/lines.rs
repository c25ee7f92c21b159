//! A table with one kind of line end, so that lines can be counted.

use std::io::{self, Read};

/// Turns CRLF and lone CR into LF, and ends the last line.
pub struct PlainLines<R> {
    inner: R,
    buffer: Vec<u8>,
    after_cr: bool,
    last: u8,
}

impl<R: Read> PlainLines<R> {
    pub fn new(inner: R) -> PlainLines<R> {
        PlainLines { inner, buffer: Vec::new(), after_cr: false, last: b'\n' }
    }
}

impl<R: Read> Read for PlainLines<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            self.buffer.resize(out.len(), 0);
            let length = self.inner.read(&mut self.buffer)?;
            if length == 0 {
                if self.last == b'\n' {
                    return Ok(0);
                }
                self.last = b'\n';
                out[0] = b'\n';
                return Ok(1);
            }
            let mut made = 0;
            for byte in &self.buffer[..length] {
                let follows_cr = std::mem::replace(&mut self.after_cr, *byte == b'\r');
                if *byte == b'\n' && follows_cr {
                    continue;
                }
                out[made] = if *byte == b'\r' { b'\n' } else { *byte };
                made += 1;
            }
            // A buffer that held nothing but the second half of a line end gives nothing yet.
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
            let mut lines = PlainLines::new("a\r\nb\rc\n\r\nd".as_bytes());
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
}
