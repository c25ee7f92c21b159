//! Encodings of tables: how bytes become letters.

use std::io::{self, Read};

use encoding_rs::{Decoder, UTF_8, UTF_16BE, UTF_16LE};

use super::{suggest, visible};

/// How the bytes of a table become letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding {
    pub(crate) known: &'static encoding_rs::Encoding,
    /// `utf-16`: the file itself shows the byte order.
    pub(crate) any_order: bool,
}

impl Default for Encoding {
    fn default() -> Encoding {
        Encoding { known: UTF_8, any_order: false }
    }
}

/// Suggested names. All others of the WHATWG standard are accepted, too.
const NAMES: [&str; 16] = [
    "utf-8",
    "utf-16",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "windows-1253",
    "windows-1254",
    "iso-8859-1",
    "iso-8859-2",
    "iso-8859-15",
    "macintosh",
    "shift_jis",
    "euc-jp",
    "gb18030",
    "big5",
    "euc-kr",
];

impl Encoding {
    /// Accepts a name such as `windows-1252`; otherwise an error with help.
    pub fn parse(name: &str) -> Result<Encoding, (String, Option<String>)> {
        let any_order = name.trim().eq_ignore_ascii_case("utf-16");
        let known = encoding_rs::Encoding::for_label_no_replacement(name.as_bytes());
        match known.filter(|known| *known != encoding_rs::X_USER_DEFINED) {
            Some(known) => Ok(Encoding { known, any_order }),
            None => Err((format!("unknown encoding `{}`", visible(name)), suggest(name, NAMES))),
        }
    }

    pub fn name(self) -> String {
        if self.any_order { "utf-16".to_owned() } else { self.known.name().to_ascii_lowercase() }
    }

    pub(crate) fn is_utf8(self) -> bool {
        self.known == UTF_8
    }

    pub(crate) fn is_utf16(self) -> bool {
        self.known == UTF_16LE || self.known == UTF_16BE
    }

    /// The same, with the byte order found in the first bytes.
    pub(crate) fn settled(self, beginning: &[u8]) -> &'static encoding_rs::Encoding {
        let shows_big = beginning.starts_with(&[0xFE, 0xFF]) || looks_like_utf16(beginning) == Some(UTF_16BE);
        if self.any_order && shows_big { UTF_16BE } else { self.known }
    }

    /// The first bytes of a table as UTF-8.
    pub fn beginning(self, bytes: &[u8]) -> Vec<u8> {
        if self.is_utf8() {
            return bytes.to_vec();
        }
        self.settled(bytes).decode_with_bom_removal(bytes).0.into_owned().into_bytes()
    }

    /// A table as UTF-8, read as a stream. If it is UTF-8 already, it is passed through, including wrong bytes.
    pub fn decode<R: Read>(self, reader: R, beginning: &[u8]) -> Decoded<R> {
        let decoder = (!self.is_utf8()).then(|| self.settled(beginning).new_decoder_with_bom_removal());
        Decoded { reader, decoder, ready: Vec::new(), at: 0, has_ended: false }
    }
}

/// Bytes that become UTF-8 while they are read.
pub struct Decoded<R> {
    reader: R,
    decoder: Option<Decoder>,
    ready: Vec<u8>,
    at: usize,
    has_ended: bool,
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(decoder) = &mut self.decoder else { return self.reader.read(out) };
        while self.at == self.ready.len() && !self.has_ended {
            let mut bytes = [0; 16 << 10];
            let length = self.reader.read(&mut bytes)?;
            self.has_ended = length == 0;
            let room = decoder.max_utf8_buffer_length(length).ok_or_else(|| io::Error::other("the table is too large"))?;
            self.ready.resize(room, 0);
            let (_, _, written, _) = decoder.decode_to_utf8(&bytes[..length], &mut self.ready, self.has_ended);
            self.ready.truncate(written);
            self.at = 0;
        }
        let length = out.len().min(self.ready.len() - self.at);
        out[..length].copy_from_slice(&self.ready[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

/// Every second byte of a text in a Western language is zero in UTF-16.
pub fn looks_like_utf16(beginning: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    let bytes = &beginning[..beginning.len().min(64) & !1];
    let zeros = |offset: usize| bytes.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let is_many = |count: usize| bytes.len() >= 4 && count * 3 > bytes.len();
    match (even, odd) {
        (0, odd) if is_many(odd) => Some(UTF_16LE),
        (even, 0) if is_many(even) => Some(UTF_16BE),
        _ => None,
    }
}
