//! A stream to a server, encrypted or not, all of whose operations end at a deadline.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::RecvFlags;
use rustls::{ClientConnection, StreamOwned};

/// A TCP stream whose operations all end at a deadline.
pub struct Timed {
    pub stream: TcpStream,
    pub deadline: Instant,
}

/// How often the stream checks its deadline. Setting a time-out for every step would cost as much as the step.
const GLANCE: Duration = Duration::from_secs(1);

impl Timed {
    pub fn new(stream: TcpStream, timeout: Duration) -> std::io::Result<Timed> {
        stream.set_read_timeout(Some(GLANCE))?;
        stream.set_write_timeout(Some(GLANCE))?;
        stream.set_nodelay(true)?;
        Ok(Timed { stream, deadline: Instant::now() + timeout })
    }

    /// Tries until it is done or the deadline has passed.
    fn within<T>(&mut self, mut work: impl FnMut(&mut TcpStream) -> std::io::Result<T>) -> std::io::Result<T> {
        loop {
            match work(&mut self.stream) {
                Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                    if Instant::now() >= self.deadline {
                        return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "it took too long"));
                    }
                }
                done if Instant::now() < self.deadline => return done,
                _ => return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "it took too long")),
            }
        }
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.within(|stream| stream.read(buffer))
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.within(|stream| stream.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

/// Encrypted or not.
pub enum Stream {
    Plain(Timed),
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

impl Stream {
    pub fn timed(&mut self) -> &mut Timed {
        match self {
            Stream::Plain(timed) => timed,
            Stream::Tls(stream) => &mut stream.sock,
        }
    }

    pub fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Stream::Plain(timed) => timed.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    pub fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Stream::Plain(timed) => timed.read(buffer),
            Stream::Tls(stream) => stream.read(buffer),
        }
    }

    /// Whether the other side has sent something, or closed, without waiting for it.
    pub fn early(&mut self) -> Early {
        let gone = |why: &dyn std::fmt::Display| Early::Gone(why.to_string());
        loop {
            // The last read may have buffered more than was needed.
            if let Stream::Tls(stream) = self {
                match stream.conn.process_new_packets() {
                    Ok(state) if state.plaintext_bytes_to_read() > 0 => return Early::Answer,
                    Ok(_) => {}
                    Err(error) => return gone(&error),
                }
            }
            let mut byte = [0];
            let peeked = rustix::net::recv(&self.timed().stream, &mut byte[..], RecvFlags::PEEK | RecvFlags::DONTWAIT);
            match (peeked, &mut *self) {
                (Ok((0, _)), _) => return Early::Gone("it closed the connection".to_owned()),
                (Ok(_), Stream::Plain(_)) => return Early::Answer,
                // It may concern only the encryption.
                (Ok(_), Stream::Tls(stream)) => {
                    if let Err(error) = stream.conn.read_tls(&mut stream.sock) {
                        return gone(&error);
                    }
                }
                (Err(Errno::AGAIN | Errno::INTR), _) => return Early::Nothing,
                (Err(error), _) => return gone(&std::io::Error::from(error)),
            }
        }
    }
}

/// Whether there is data that arrived before it was expected.
pub enum Early {
    Nothing,
    Answer,
    Gone(String),
}
