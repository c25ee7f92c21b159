//! A connection to a mail server: one message after another, with every answer assigned to its step.
//!
//! lettre's connection is not used: its deadline is for a single read, so a server that sends a byte now and then holds it for
//! hours, and data that a server sent before STARTTLS stays in its buffer and is trusted afterwards (RFC 3207 §6 forbids that).

mod login;
mod server;
mod token;

use std::borrow::Cow;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::stream::{Early, Stream, Timed};
use crate::config::{Tls, is_loopback};
use crate::error::{Error, Result, error};
use crate::notice::message::Envelope;
use crate::notice::reply::{Reply, Step, Verdict, judge};
use login::{Unopened, hidden_from, refused};
use token::Token;

pub use login::{Login, Secret};
pub use server::Server;
pub use token::Tokens;

/// The longest answer that is read, in bytes.
const MOST_REPLY: usize = 64 << 10;

/// The steps before a message.
const ENVELOPE: [Step; 3] = [Step::Mail, Step::Rcpt, Step::Data];
const RESET: &str = "RSET\r\n";

/// Why there is no connection.
#[derive(Debug)]
pub enum Failure {
    /// It may work later.
    Passing(Error),
    /// It will not work.
    Lasting(Error),
}

/// The outcome of a message.
#[derive(Debug)]
pub enum Delivery {
    Accepted(Reply),
    /// The server answered but has not accepted it.
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
    /// The end was written, but there is no answer.
    InDoubt {
        why: String,
    },
    /// The claim was void: nothing was sent.
    Void,
}

/// An open connection.
pub struct Connection {
    stream: Stream,
    /// Bytes that were read but not processed yet.
    read: Vec<u8>,
    timeout: Duration,
    final_timeout: Duration,
    extensions: Vec<String>,
    /// Whether commands are written before earlier ones are answered (RFC 2920).
    pipelines: bool,
    /// The server waits for a message that it must not get: nothing more can be sent.
    pub spoiled: bool,
    /// The previous message was not accepted.
    pub needs_reset: bool,
    /// An envelope that is already written; its message must come next.
    announced: Option<Envelope>,
    /// How many messages went over it.
    pub messages: u64,
    /// The token used to log in, and the source of the next one.
    token: Option<(Arc<Tokens>, Token)>,
    /// Secrets that must be removed from the server's answers, which are kept and shown.
    hidden: Vec<String>,
}

impl Connection {
    /// Connects, greets, encrypts and logs in. If a token is rejected, it is renewed and tried once more.
    pub fn open(server: &Server) -> Result<Connection, Failure> {
        let Some(Login::Token(tokens)) = &server.login else {
            return Connection::open_with(server, None).map_err(|unopened| unopened.failure);
        };
        let failed = |error: Error| Failure::Passing(error!("cannot get a token for {}", server.name()).caused_by(&error));
        let mut token = tokens.current().map_err(failed)?;
        let mut is_renewed = false;
        loop {
            let unopened = match Connection::open_with(server, Some((Arc::clone(tokens), token.clone()))) {
                Ok(connection) => return Ok(connection),
                Err(unopened) if !unopened.is_token_refused => return Err(unopened.failure),
                Err(unopened) => unopened.failure,
            };
            let renewed = if is_renewed { None } else { tokens.renew(&token).map_err(failed)? };
            let Some(renewed) = renewed else {
                let why = if is_renewed { "the previous token was refused, too" } else { "its source has no new one" };
                let (Failure::Passing(what) | Failure::Lasting(what)) = unopened;
                let help = "check the account, the scope of the token and `user` in [smtp]";
                return Err(Failure::Lasting(error!("{}; {why}", what.message(); help: "{help}")));
            };
            token = renewed;
            is_renewed = true;
        }
    }

    fn open_with(server: &Server, token: Option<(Arc<Tokens>, Token)>) -> Result<Connection, Unopened> {
        let lost = |error: std::io::Error| Failure::Passing(error!("cannot reach {}: {error}", server.name()));
        let addresses = (server.host.as_str(), server.port).to_socket_addrs().map_err(lost)?;
        let mut failed = std::io::Error::new(std::io::ErrorKind::NotFound, "it has no address");
        let mut opened = None;
        for address in addresses {
            // A foreign resolver might answer for a name of this machine.
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
        let Some(stream) = opened else { return Err(lost(failed).into()) };
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
            hidden: hidden_from(server, token.as_ref().map(|(_, token)| token)),
            token,
        };
        if server.tls == Tls::Implicit {
            connection = connection.encrypt(server)?;
        }
        connection.greet(server)?;
        if server.tls == Tls::StartTls {
            if !connection.offers("STARTTLS") {
                let help = "if the server starts with TLS, set `tls = \"implicit\"`";
                let error = error!("{} doesn't offer STARTTLS: nothing is sent without it", server.name(); help: "{help}");
                return Err(Failure::Lasting(error).into());
            }
            connection.expect(server, "STARTTLS\r\n", Step::StartTls)?;
            if !connection.read.is_empty() {
                let error =
                    error!("{} sent more than its answer before TLS started: someone may be intercepting the connection", server.name());
                return Err(Failure::Lasting(error).into());
            }
            connection = connection.encrypt(server)?;
            connection.hello(server)?;
        }
        connection.log_in(server)?;
        Ok(connection)
    }

    fn encrypt(self, server: &Server) -> Result<Connection, Failure> {
        let Stream::Plain(timed) = self.stream else { return Err(Failure::Lasting(Error::new("TLS within TLS"))) };
        let failed = |error: &dyn std::fmt::Display| {
            let help = "to trust your own server, set `ca_file` in [smtp]";
            Failure::Lasting(error!("TLS with {} failed: {error}", server.name(); help: "{help}"))
        };
        let name = ServerName::try_from(server.host.clone()).map_err(|error| failed(&error))?;
        let session = ClientConnection::new(Arc::clone(&server.trust), name).map_err(|error| failed(&error))?;
        let mut stream = StreamOwned::new(session, timed);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).map_err(|error| match error.get_ref() {
                Some(inner) if inner.is::<rustls::Error>() => failed(&error),
                _ => Failure::Passing(error!("the connection to {} was lost while TLS started: {error}", server.name())),
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
        let name = server.hello_name(self.stream.timed());
        let reply = self.expect(server, &format!("EHLO {name}\r\n"), Step::Ehlo)?;
        self.extensions = reply.lines().skip(1).map(str::to_ascii_uppercase).collect();
        self.pipelines = server.pipelining && self.offers("PIPELINING");
        Ok(())
    }

    /// Whether EHLO's answer names an extension (RFC 5321 §4.1.1.1).
    fn offers(&self, keyword: &str) -> bool {
        self.extensions.iter().any(|line| line.split_whitespace().next() == Some(keyword))
    }

    fn begin_step(&mut self, timeout: Duration) {
        self.stream.timed().deadline = Instant::now() + timeout;
    }

    fn lost(&self, server: &Server, step: Step, why: &str) -> Failure {
        // The server's unexpected answer may contain the secret it was sent.
        let why = if step == Step::Auth { why.split(": `").next().unwrap_or("") } else { why };
        Failure::Passing(error!("the connection to {} was lost at {}: {why}", server.name(), step.name()))
    }

    /// Writes a line; any answer except the expected one is a failure. Returns the answer's lines.
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
                let line = self.without_secrets(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']));
                let number = line
                    .get(..3)
                    .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
                    .and_then(|digits| digits.parse::<u16>().ok());
                let (Some(number), Some(is_last)) = (number, is_last_line(&line)) else {
                    return Err(format!("invalid answer: `{}`", Reply::new(0, &line.chars().take(80).collect::<String>()).text));
                };
                if !(200..600).contains(&number) || *code.get_or_insert(number) != number {
                    return Err("the answer has no valid code".to_owned());
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

    /// Sends a message. When all of it except its end is written, `permit` is called: only if it agrees is the end written, too. Then
    /// `next` is asked for the envelope of the next message on this connection, which goes out together with this message's end, if the
    /// server supports that (RFC 2920 §3.1). From then on, only that message can be sent.
    ///
    /// `Err` is the error of `permit`; then the connection is unusable, as it is after [`Delivery::Lost`], [`Delivery::InDoubt`]
    /// and [`Delivery::Void`].
    pub fn send(
        &mut self,
        to: &Envelope,
        message: &[u8],
        permit: impl FnOnce() -> Result<bool>,
        next: impl FnOnce() -> Option<Envelope>,
    ) -> Result<Delivery> {
        self.messages += 1;
        if let Err(delivery) = self.envelope(to) {
            return Ok(self.unless_token_ran_out(delivery));
        }
        if let (1, Some((tokens, token))) = (self.messages, &self.token) {
            tokens.serves(token);
        }
        self.begin_step(self.timeout.max(Duration::from_secs(180).min(self.final_timeout)));
        let lost = |why: String| Delivery::Lost { step: Step::Data, why };
        if let Err(error) = self.stream.write(&stuffed(message)) {
            return Ok(lost(error.to_string()));
        }
        if !permit()? {
            return Ok(Delivery::Void);
        }
        // A server that has closed meanwhile cannot have the message.
        let early = if self.read.is_empty() { self.stream.early() } else { Early::Answer };
        match early {
            Early::Nothing => {}
            Early::Gone(why) => return Ok(lost(why)),
            Early::Answer => {
                self.begin_step(self.timeout);
                // The server still waits for the end of this message: nothing else can be sent.
                self.spoiled = true;
                return Ok(match self.read_reply().map(|(reply, _)| answered(Step::Dot, reply)) {
                    Ok(Ok(Delivery::Accepted(reply)) | Err(reply)) => lost(format!("it answered {reply} before the end of the message")),
                    Ok(Ok(delivery)) => delivery,
                    Err(why) => lost(why),
                });
            }
        }
        let mut end = ".\r\n".to_owned();
        if self.pipelines
            && let Some(next) = next()
        {
            // Before the outcome of this message is known: RSET removes all of it before the next.
            end.push_str(RESET);
            end.push_str(&envelope(&ENVELOPE, &next));
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

    /// Whether the envelope of the next message has already been written.
    pub fn is_announced(&self) -> bool {
        self.announced.is_some()
    }

    /// MAIL, RCPT and DATA, and their answers: all good, or the outcome of the message.
    fn envelope(&mut self, to: &Envelope) -> Result<(), Delivery> {
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
        // In one write if the server supports that, otherwise one after the other.
        ENVELOPE.chunks(if self.pipelines { ENVELOPE.len() } else { 1 }).try_for_each(|steps| {
            self.write_line(steps[0], &envelope(steps, to))?;
            self.envelope_answers(steps)
        })
    }

    /// Writes what begins a step.
    fn write_line(&mut self, step: Step, line: &str) -> Result<(), Delivery> {
        self.begin_step(self.timeout);
        self.stream.write(line.as_bytes()).map_err(|error| Delivery::Lost { step, why: error.to_string() })
    }

    /// Reads the answer to RSET, which readies a connection for another message, whatever the outcome of the previous one.
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

    /// Reads the answers to envelope commands already written: all are read, and the first bad one counts.
    fn envelope_answers(&mut self, steps: &[Step]) -> Result<(), Delivery> {
        let lost = |step, why| Delivery::Lost { step, why };
        let mut first = None;
        let mut has_recipient = false;
        for step in steps {
            let (reply, _) = match self.read_reply() {
                Ok(reply) => reply,
                // Answers from before the connection was lost remain valid.
                Err(why) => return Err(first.unwrap_or_else(|| lost(*step, why))),
            };
            let verdict = judge(*step, &reply);
            has_recipient |= *step == Step::Rcpt && verdict == Verdict::Good;
            match (verdict, &first) {
                (Verdict::Good, None) => {}
                // An end would complete an empty message, which somebody would get.
                (Verdict::Good, Some(_)) if *step == Step::Data && has_recipient => self.spoiled = true,
                (Verdict::Good, Some(_)) if *step == Step::Data => self.end_of_nothing().map_err(|why| lost(*step, why))?,
                (Verdict::Nonsense, None) => return Err(lost(*step, format!("it answered {reply}"))),
                (verdict, None) => first = Some(Delivery::Answered { step: *step, reply, verdict }),
                (_, Some(_)) => {}
            }
        }
        first.map_or(Ok(()), Err)
    }

    /// The server waits for a message without recipients (RFC 2920 §3.1): it gets an empty one, which it will reject.
    fn end_of_nothing(&mut self) -> Result<(), String> {
        self.stream.write(b".\r\n").map_err(|error| error.to_string())?;
        self.read_reply().map(|_| ())
    }

    /// Says goodbye, without waiting long for the answer.
    pub fn quit(mut self) {
        // A server that waits for a message would take QUIT for a part of it.
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
fn envelope(steps: &[Step], envelope: &Envelope) -> String {
    let command = |step: &Step| match step {
        Step::Mail => format!("MAIL FROM:<{}>\r\n", envelope.from),
        Step::Rcpt => format!("RCPT TO:<{}>\r\n", envelope.to),
        _ => "DATA\r\n".to_owned(),
    };
    steps.iter().map(command).collect()
}

/// The meaning of an answer at the end of a message; an answer that does not fit is returned.
fn answered(step: Step, reply: Reply) -> Result<Delivery, Reply> {
    match judge(step, &reply) {
        Verdict::Good => Ok(Delivery::Accepted(reply)),
        Verdict::Nonsense => Err(reply),
        verdict => Ok(Delivery::Answered { step, reply, verdict }),
    }
}

/// Whether a line of an answer is its last; `None` if it is malformed.
fn is_last_line(line: &str) -> Option<bool> {
    match line.as_bytes().get(3) {
        None | Some(b' ') => Some(true),
        Some(b'-') => Some(false),
        Some(_) => None,
    }
}

/// A message as written, without its end: with a dot before every line that begins with one (RFC 5321 §4.5.2).
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
