//! A connection to a mail server: one message after another, with the step known to which every answer belongs.
//!
//! lettre's connection is not used: its deadline is for one read, so that a server that sends a byte now and then holds it for
//! hours, and what a server sent before STARTTLS stays in its buffer and is believed after it (RFC 3207 §6 forbids that).

use std::borrow::Cow;
use std::net::{IpAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_platform_verifier::BuilderVerifierExt;

use super::stream::{Early, Stream, Timed};
use crate::config::{Sending, Tls, is_loopback};
use crate::notice::reply::{Reply, Step, Verdict, judge};

/// The longest answer that is read, in bytes.
const MOST_REPLY: usize = 64 << 10;

/// The steps before a message.
const ENVELOPE: [Step; 3] = [Step::Mail, Step::Rcpt, Step::Data];
const RESET: &str = "RSET\r\n";

/// Words that are shown to nobody.
#[derive(Clone)]
pub struct Secret(pub String);

/// A server, and what it takes to be let in.
pub struct Server {
    pub host: String,
    port: u16,
    tls: Tls,
    trust: Arc<ClientConfig>,
    user: String,
    password: Option<Secret>,
    pipelining: bool,
    timeout: Duration,
    final_timeout: Duration,
}

impl Server {
    /// `certificates`: a file (PEM) of the only ones that are trusted to sign.
    pub fn new(sending: &Sending, certificates: Option<&[u8]>, password: Option<Secret>) -> Result<Server> {
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .context("cannot prepare TLS")?;
        let trust = match certificates {
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                for certificate in CertificateDer::pem_slice_iter(pem) {
                    roots.add(certificate.context("`ca_file` cannot be read")?).context("`ca_file` holds a certificate that is none")?;
                }
                if roots.is_empty() {
                    bail!("`ca_file` holds no certificate\nhelp: it is a text that begins with -----BEGIN CERTIFICATE-----");
                }
                builder.with_root_certificates(roots).with_no_client_auth()
            }
            None => builder.with_platform_verifier().context("cannot read the certificates of this machine")?.with_no_client_auth(),
        };
        if !sending.user.is_empty() && password.is_none() {
            bail!(
                "there is no password for `{}`\nhelp: set RUNSHEET_SMTP_PASSWORD, or `password_file` or `password_command` in [smtp]",
                sending.user
            );
        }
        Ok(Server {
            host: sending.host.clone(),
            port: sending.port,
            tls: sending.tls,
            trust: Arc::new(trust),
            user: sending.user.clone(),
            password,
            pipelining: sending.pipelining,
            timeout: sending.timeout,
            final_timeout: sending.final_timeout,
        })
    }

    /// `mail.example.org:587`
    pub fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub enum Failure {
    /// It may go better in a while.
    Passing(String),
    /// It will not.
    Lasting(String),
}

/// What became of a message.
#[derive(Debug)]
pub enum Delivery {
    Accepted(Reply),
    /// The server answered and has not taken it.
    Answered {
        step: Step,
        reply: Reply,
        verdict: Verdict,
    },
    /// The connection was lost before the end of the message was written.
    Lost {
        step: Step,
        why: String,
    },
    /// The end was written, and there is no answer.
    InDoubt {
        why: String,
    },
    /// The claim was void: nothing was sent.
    Void,
}

/// An open connection.
pub struct Connection {
    stream: Stream,
    /// What was read and not understood yet.
    read: Vec<u8>,
    timeout: Duration,
    final_timeout: Duration,
    extensions: Vec<String>,
    /// Commands are written before the answers to those before have come (RFC 2920).
    pipelines: bool,
    /// The server waits for a message that it must not get: nothing more can be said to it.
    pub spoiled: bool,
    /// The message before was not taken.
    pub needs_reset: bool,
    /// To whom the message is whose envelope is written already.
    announced: Option<String>,
    /// Messages that went over it.
    pub messages: u64,
}

impl Connection {
    /// Connects, greets, encrypts and logs in.
    pub fn open(server: &Server) -> Result<Connection, Failure> {
        let lost = |error: std::io::Error| Failure::Passing(format!("cannot reach {}: {error}", server.name()));
        let addresses = (server.host.as_str(), server.port).to_socket_addrs().map_err(lost)?;
        let mut failed = std::io::Error::new(std::io::ErrorKind::NotFound, "it has no address");
        let mut opened = None;
        for address in addresses {
            // A name of this machine in a foreign resolver's hands.
            if server.tls == Tls::None && is_loopback(&server.host) && !address.ip().is_loopback() {
                continue;
            }
            match TcpStream::connect_timeout(&address, server.timeout.min(Duration::from_secs(60))) {
                Ok(stream) => {
                    opened = Some(stream);
                    break;
                }
                Err(error) => failed = error,
            }
        }
        let Some(stream) = opened else { return Err(lost(failed)) };
        let timed = Timed::new(stream, server.timeout).map_err(lost)?;
        let mut connection = Connection {
            stream: Stream::Plain(timed),
            read: Vec::new(),
            timeout: server.timeout,
            final_timeout: server.final_timeout,
            extensions: Vec::new(),
            pipelines: false,
            spoiled: false,
            needs_reset: false,
            announced: None,
            messages: 0,
        };
        if server.tls == Tls::Implicit {
            connection = connection.encrypt(server)?;
        }
        connection.greet(server)?;
        if server.tls == Tls::StartTls {
            if !connection.offers("STARTTLS") {
                return Err(Failure::Lasting(format!(
                    "{} does not offer STARTTLS, and without it nothing is sent\nhelp: a server that speaks TLS at once needs `tls = \"implicit\"`",
                    server.name()
                )));
            }
            connection.expect(server, "STARTTLS\r\n", Step::StartTls)?;
            if !connection.read.is_empty() {
                let message = format!("{} sent more than its answer before TLS began: somebody may stand in between", server.name());
                return Err(Failure::Lasting(message));
            }
            connection = connection.encrypt(server)?;
            connection.hello(server)?;
        }
        if let (false, Some(password)) = (server.user.is_empty(), &server.password) {
            connection.log_in(server, password)?;
        }
        Ok(connection)
    }

    fn encrypt(self, server: &Server) -> Result<Connection, Failure> {
        let Stream::Plain(timed) = self.stream else { return Err(Failure::Lasting("TLS within TLS".to_owned())) };
        let failed = |error: &dyn std::fmt::Display| {
            let help = "help: a server of your own is trusted by `ca_file` in [smtp]";
            Failure::Lasting(format!("TLS with {} failed: {error}\n{help}", server.name()))
        };
        let name = ServerName::try_from(server.host.clone()).map_err(|error| failed(&error))?;
        let session = ClientConnection::new(Arc::clone(&server.trust), name).map_err(|error| failed(&error))?;
        let mut stream = StreamOwned::new(session, timed);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).map_err(|error| match error.get_ref() {
                Some(inner) if inner.is::<rustls::Error>() => failed(&error),
                _ => Failure::Passing(format!("the connection to {} was lost while TLS began: {error}", server.name())),
            })?;
        }
        Ok(Connection { stream: Stream::Tls(Box::new(stream)), ..self })
    }

    fn greet(&mut self, server: &Server) -> Result<(), Failure> {
        self.begin_step(self.timeout);
        self.answer(server, Step::Greeting)?;
        self.hello(server)
    }

    fn hello(&mut self, server: &Server) -> Result<(), Failure> {
        let name = hello_name(self.stream.timed());
        let reply = self.expect(server, &format!("EHLO {name}\r\n"), Step::Ehlo)?;
        self.extensions = reply.lines().skip(1).map(str::to_ascii_uppercase).collect();
        self.pipelines = server.pipelining && self.offers("PIPELINING");
        Ok(())
    }

    /// Whether EHLO's answer names an extension (RFC 5321 §4.1.1.1).
    fn offers(&self, keyword: &str) -> bool {
        self.extensions.iter().any(|line| line.split_whitespace().next() == Some(keyword))
    }

    fn log_in(&mut self, server: &Server, password: &Secret) -> Result<(), Failure> {
        // `AUTH=` is how some servers wrote it before RFC 2554.
        let offered = self.extensions.iter().find_map(|line| line.strip_prefix("AUTH ").or(line.strip_prefix("AUTH=")));
        let offered: Vec<&str> = offered.unwrap_or("").split_whitespace().collect();
        let Secret(password) = password;
        if offered.contains(&"PLAIN") {
            // RFC 4616
            let secret = BASE64_STANDARD.encode(format!("\0{}\0{password}", server.user));
            self.expect(server, &format!("AUTH PLAIN {secret}\r\n"), Step::Auth)?;
        } else if offered.contains(&"LOGIN") {
            for line in ["AUTH LOGIN".to_owned(), BASE64_STANDARD.encode(&server.user)] {
                self.begin_step(self.timeout);
                let sent = self.stream.write(format!("{line}\r\n").as_bytes()).map_err(|error| error.to_string());
                let (reply, _) = sent.and_then(|()| self.read_reply()).map_err(|why| self.lost(server, Step::Auth, &why))?;
                if reply.code != 334 {
                    return Err(refused(server, Step::Auth, &reply));
                }
            }
            self.expect(server, &format!("{}\r\n", BASE64_STANDARD.encode(password)), Step::Auth)?;
        } else {
            let message = format!("{} offers neither AUTH PLAIN nor AUTH LOGIN", server.name());
            return Err(Failure::Lasting(message));
        }
        Ok(())
    }

    fn begin_step(&mut self, timeout: Duration) {
        self.stream.timed().deadline = Instant::now() + timeout;
    }

    fn lost(&self, server: &Server, step: Step, why: &str) -> Failure {
        Failure::Passing(format!("the connection to {} was lost at {}: {why}", server.name(), step.name()))
    }

    /// Writes a line; any answer but the expected one is a failure. Gives the answer's lines.
    fn expect(&mut self, server: &Server, line: &str, step: Step) -> Result<String, Failure> {
        self.begin_step(self.timeout);
        self.stream.write(line.as_bytes()).map_err(|error| self.lost(server, step, &error.to_string()))?;
        self.answer(server, step)
    }

    fn answer(&mut self, server: &Server, step: Step) -> Result<String, Failure> {
        let (reply, lines) = self.read_reply().map_err(|why| self.lost(server, step, &why))?;
        match judge(step, &reply) {
            Verdict::Good => Ok(lines),
            _ => Err(refused(server, step, &reply)),
        }
    }

    /// Reads one answer: its code, its words in one line, and its lines (RFC 5321 §4.2.1).
    fn read_reply(&mut self) -> Result<(Reply, String), String> {
        let mut lines: Vec<String> = Vec::new();
        let mut code = None;
        let mut taken = 0;
        loop {
            while let Some(end) = memchr::memchr(b'\n', &self.read) {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                taken += line.len();
                if taken > MOST_REPLY {
                    return Err("its answer is too long".to_owned());
                }
                let line = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
                let number = line
                    .get(..3)
                    .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
                    .and_then(|digits| digits.parse::<u16>().ok());
                let (Some(number), Some(is_last)) = (number, is_last_line(&line)) else {
                    return Err(format!("its answer is none: `{}`", Reply::new(0, &line.chars().take(80).collect::<String>()).text));
                };
                if !(200..600).contains(&number) || *code.get_or_insert(number) != number {
                    return Err("its answer has no right code".to_owned());
                }
                lines.push(line.get(4..).unwrap_or("").to_owned());
                if is_last {
                    return Ok((Reply::new(number, &lines.join(" ")), lines.join("\n")));
                }
            }
            if self.read.len() > MOST_REPLY {
                return Err("its answer is too long".to_owned());
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err("it closed the connection".to_owned()),
                Ok(length) => self.read.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Sends a message. When all but its end is written `permit` is asked: only if it says yes, the end is written, too. `next` is
    /// asked then who gets the next message over this connection: its envelope goes out together with the end of this one, where the
    /// server takes that (RFC 2920 §3.1). From then on nothing but that message can be sent.
    ///
    /// `Err` is the error of `permit`; the connection is of no more use then, as it is after [`Delivery::Lost`], [`Delivery::InDoubt`]
    /// and [`Delivery::Void`].
    pub fn send(
        &mut self,
        from: &str,
        to: &str,
        message: &[u8],
        permit: impl FnOnce() -> Result<bool>,
        next: impl FnOnce() -> Option<String>,
    ) -> Result<Delivery> {
        self.messages += 1;
        if let Err(delivery) = self.envelope(from, to) {
            return Ok(delivery);
        }
        self.begin_step(self.timeout.max(Duration::from_secs(180).min(self.final_timeout)));
        let lost = |why: String| Delivery::Lost { step: Step::Data, why };
        if let Err(error) = self.stream.write(&stuffed(message)) {
            return Ok(lost(error.to_string()));
        }
        if !permit()? {
            return Ok(Delivery::Void);
        }
        // A server that has gone away meanwhile cannot have the message.
        let early = if self.read.is_empty() { self.stream.early() } else { Early::Answer };
        match early {
            Early::Nothing => {}
            Early::Gone(why) => return Ok(lost(why)),
            Early::Answer => {
                self.begin_step(self.timeout);
                // It still waits for the end of this message: nothing else can be said to it.
                self.spoiled = true;
                return Ok(match self.read_reply().map(|(reply, _)| answered(Step::Dot, reply)) {
                    Ok(Ok(Delivery::Accepted(reply)) | Err(reply)) => lost(format!("before the end of the message it said {reply}")),
                    Ok(Ok(delivery)) => delivery,
                    Err(why) => lost(why),
                });
            }
        }
        let mut end = ".\r\n".to_owned();
        if self.pipelines
            && let Some(next) = next()
        {
            // Before it is known what becomes of this message: RSET leaves nothing of it to the next.
            end.push_str(RESET);
            end.push_str(&envelope(&ENVELOPE, from, &next));
            self.announced = Some(next);
        }
        self.begin_step(self.final_timeout);
        if let Err(error) = self.stream.write(end.as_bytes()) {
            return Ok(Delivery::InDoubt { why: error.to_string() });
        }
        Ok(match self.read_reply() {
            Ok((reply, _)) => match answered(Step::Dot, reply) {
                Ok(delivery) => delivery,
                Err(reply) => Delivery::InDoubt { why: format!("it answered {reply}") },
            },
            Err(why) => Delivery::InDoubt { why },
        })
    }

    /// Whether the envelope of the next message is written already.
    pub fn is_announced(&self) -> bool {
        self.announced.is_some()
    }

    /// MAIL, RCPT and DATA, and their answers: all good, or what became of the message.
    fn envelope(&mut self, from: &str, to: &str) -> Result<(), Delivery> {
        let announced = self.announced.take();
        if self.spoiled || announced.as_ref().is_some_and(|announced| announced != to) {
            return Err(Delivery::Lost { step: Step::Mail, why: "it could not be used again".to_owned() });
        }
        let needs_reset = std::mem::take(&mut self.needs_reset);
        if announced.is_some() {
            self.begin_step(self.timeout);
            return self.reset_answer().and_then(|()| self.envelope_answers(&ENVELOPE));
        }
        if needs_reset {
            self.write_line(Step::Mail, RESET)?;
            self.reset_answer()?;
        }
        // In one write where the server takes that, else one after the other.
        ENVELOPE.chunks(if self.pipelines { ENVELOPE.len() } else { 1 }).try_for_each(|steps| {
            self.write_line(steps[0], &envelope(steps, from, to))?;
            self.envelope_answers(steps)
        })
    }

    /// Writes what begins a step.
    fn write_line(&mut self, step: Step, line: &str) -> Result<(), Delivery> {
        self.begin_step(self.timeout);
        self.stream.write(line.as_bytes()).map_err(|error| Delivery::Lost { step, why: error.to_string() })
    }

    /// The answer to RSET, which makes a connection ready for another message, whatever became of the one before.
    fn reset_answer(&mut self) -> Result<(), Delivery> {
        let why = match self.read_reply() {
            Ok((reply, _)) if reply.code == 250 => return Ok(()),
            Ok((reply, _)) if judge(Step::Mail, &reply) == Verdict::Closing => {
                return Err(Delivery::Answered { step: Step::Mail, reply, verdict: Verdict::Closing });
            }
            Ok((reply, _)) => format!("it answered {reply} to RSET"),
            Err(why) => why,
        };
        Err(Delivery::Lost { step: Step::Mail, why })
    }

    /// The answers to commands of the envelope that are written already: all are read, and the first that is not good counts.
    fn envelope_answers(&mut self, steps: &[Step]) -> Result<(), Delivery> {
        let lost = |step, why| Delivery::Lost { step, why };
        let mut first = None;
        let mut has_recipient = false;
        for step in steps {
            let (reply, _) = match self.read_reply() {
                Ok(reply) => reply,
                // What was answered before the connection was lost holds.
                Err(why) => return Err(first.unwrap_or_else(|| lost(*step, why))),
            };
            let verdict = judge(*step, &reply);
            has_recipient |= *step == Step::Rcpt && verdict == Verdict::Good;
            match (verdict, &first) {
                (Verdict::Good, None) => {}
                // An end would be the end of an empty message to somebody.
                (Verdict::Good, Some(_)) if *step == Step::Data && has_recipient => self.spoiled = true,
                (Verdict::Good, Some(_)) if *step == Step::Data => self.end_of_nothing().map_err(|why| lost(*step, why))?,
                (Verdict::Nonsense, None) => return Err(lost(*step, format!("it answered {reply}"))),
                (verdict, None) => first = Some(Delivery::Answered { step: *step, reply, verdict }),
                (_, Some(_)) => {}
            }
        }
        first.map_or(Ok(()), Err)
    }

    /// The server waits for a message to nobody (RFC 2920 §3.1): it gets an empty one, which it will not take.
    fn end_of_nothing(&mut self) -> Result<(), String> {
        self.stream.write(b".\r\n").map_err(|error| error.to_string())?;
        self.read_reply().map(|_| ())
    }

    /// Says goodbye; the answer is not waited for long.
    pub fn quit(mut self) {
        // To a server that waits for a message it would be a part of it.
        if self.spoiled || self.is_announced() {
            return;
        }
        self.begin_step(Duration::from_secs(5));
        if self.stream.write(b"QUIT\r\n").is_ok() {
            self.read_reply().ok();
        }
    }
}

/// The commands of these steps of an envelope.
fn envelope(steps: &[Step], from: &str, to: &str) -> String {
    let command = |step: &Step| match step {
        Step::Mail => format!("MAIL FROM:<{from}>\r\n"),
        Step::Rcpt => format!("RCPT TO:<{to}>\r\n"),
        _ => "DATA\r\n".to_owned(),
    };
    steps.iter().map(command).collect()
}

/// What an answer at the end of a message means; one that is none is given back.
fn answered(step: Step, reply: Reply) -> Result<Delivery, Reply> {
    match judge(step, &reply) {
        Verdict::Good => Ok(Delivery::Accepted(reply)),
        Verdict::Nonsense => Err(reply),
        verdict => Ok(Delivery::Answered { step, reply, verdict }),
    }
}

fn refused(server: &Server, step: Step, reply: &Reply) -> Failure {
    // A server may say again what it was told, and that was the password.
    let status = reply.text.split(' ').next().filter(|word| word.split('.').count() == 3).unwrap_or("");
    let reply = if step == Step::Auth { &Reply::new(reply.code, status) } else { reply };
    let message = format!("{} answered {reply} at {}", server.name(), step.name());
    let is_lasting = match step {
        Step::StartTls => true,
        Step::Auth => reply.code / 100 == 5,
        _ => false,
    };
    if is_lasting { Failure::Lasting(message) } else { Failure::Passing(message) }
}

/// Whether a line of an answer is its last; `None` if it is no line of one.
fn is_last_line(line: &str) -> Option<bool> {
    match line.as_bytes().get(3) {
        None | Some(b' ') => Some(true),
        Some(b'-') => Some(false),
        Some(_) => None,
    }
}

/// A message as it is written, without its end: a dot before every line that begins with one (RFC 5321 §4.5.2).
fn stuffed(message: &[u8]) -> Cow<'_, [u8]> {
    let is_whole = message.ends_with(b"\r\n");
    if is_whole && message.first() != Some(&b'.') && memchr::memmem::find(message, b"\n.").is_none() {
        return Cow::Borrowed(message);
    }
    let mut stuffed = Vec::with_capacity(message.len() + 64);
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if line.first() == Some(&b'.') {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
    }
    if !is_whole {
        stuffed.extend_from_slice(b"\r\n");
    }
    Cow::Owned(stuffed)
}

/// What we call ourselves: the name of this machine, or its address if that is no full name (RFC 5321 §4.1.3).
fn hello_name(timed: &Timed) -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let fits = name.contains('.') && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
    if fits {
        return name;
    }
    match timed.stream.local_addr().map(|address| address.ip()) {
        Ok(IpAddr::V4(address)) => format!("[{address}]"),
        Ok(IpAddr::V6(address)) => format!("[IPv6:{address}]"),
        Err(_) => "localhost".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_doubled() {
        let check = |text: &str, expected: &str| assert_eq!(String::from_utf8(stuffed(text.as_bytes()).into_owned()).unwrap(), expected);
        check("a\r\n.\r\n..b\r\nc.\r\n", "a\r\n..\r\n...b\r\nc.\r\n");
        check(".", "..\r\n");
        check("a", "a\r\n");
    }
}
