//! What holds for every conversation with a mail server, whatever it answers.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use runsheet::config;
use runsheet::diagnostic::Diagnostics;
use runsheet::notice::message::Envelope;
use runsheet::notice::reply::Verdict;
use runsheet::source::{RelPath, Source};
use runsheet::world::mail::smtp::{Connection, Delivery, Failure, Login, Secret, Server};

use super::plain::assert_plain;

const PASSWORD: &str = "correct horse battery";
const USER: &str = "sample";
/// The second one has what transport would change.
const MESSAGES: [&str; 2] = ["Subject: one\r\n\r\nOne\r\n", "Subject: two\r\n\r\n.\r\n..two\r\n"];

/// Lets a server give these answers, divided by NUL, one after each thing that it hears: they are the input, but for its first byte, which
/// says how it is spoken to.
pub fn smtp(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let way = usize::from(first % 4);
    let said = rest.split(|byte| *byte == 0);
    let answers: Vec<Vec<u8>> = said.map(|answer| if has_login(way) { filled(answer) } else { answer.to_vec() }).collect();
    let place = place();
    // What one thread takes is what the other one connects to: each target has a process of its own, and tests take turns.
    let _turn = place.turn.lock().unwrap_or_else(PoisonError::into_inner);
    let server = thread::spawn(move || answer(&place.listener, answers));
    // Without a login the server hears no password, and none is hidden.
    let secrets = if has_login(way) { secrets() } else { Vec::new() };
    let told = speak(&place.servers[way], &secrets);
    let heard = server.join().expect("the server");
    for (number, delivery) in told.iter().enumerate() {
        shown(&words(delivery), &secrets);
        judge(delivery, heard.messages.iter().find(|message| message.number == number), heard.is_orderly, MESSAGES[number]);
    }
}

/// Where the server listens, and the ways to speak to it.
struct Place {
    listener: TcpListener,
    servers: Vec<Server>,
    turn: Mutex<()>,
}

fn has_login(way: usize) -> bool {
    way >= 2
}

fn place() -> &'static Place {
    static PLACE: OnceLock<Place> = OnceLock::new();
    PLACE.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let servers = (0..4).map(|way| settings(port, way % 2 == 1, has_login(way))).collect();
        Place { listener, servers, turn: Mutex::new(()) }
    })
}

/// An answer with what a server may say again of what it was told, or has known for long.
fn filled(answer: &[u8]) -> Vec<u8> {
    let [password, alone, together] = secrets().try_into().expect("three");
    let words = [("%P", &*password), ("%B", &*alone), ("%A", &*together), ("%C", together.trim_end_matches('='))];
    let text = answer.iter().map(|byte| char::from(*byte)).collect::<String>();
    let text = words.iter().fold(text, |text, (mark, word)| text.replace(mark, word));
    text.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect()
}

fn settings(port: u16, pipelines: bool, has_login: bool) -> Server {
    let login = if has_login { format!("user = \"{USER}\"\n") } else { String::new() };
    let text = format!(
        "[site]\ntitle = \"Sample\"\n[smtp]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nhello = \"sample.example\"\npipelining = {pipelines}\n{login}"
    );
    let mut faults = Diagnostics::default();
    let config = config::parse(&Source::new(RelPath::new("runsheet.toml").expect("a path"), text), &mut faults);
    let mut sending = config.sending.expect("a server");
    (sending.timeout, sending.final_timeout) = (Duration::from_secs(2), Duration::from_secs(2));
    let login = has_login.then(|| Login::Password(Secret(PASSWORD.to_owned())));
    Server::new(&sending, None, login).expect("a server")
}

/// What a server has heard.
struct Heard {
    messages: Vec<Message>,
    /// Each thing that it said was one answer, so that both sides know which one belongs to what.
    is_orderly: bool,
}

/// A message whose end has come, to whom, and what the server answered.
struct Message {
    number: usize,
    text: Vec<u8>,
    answer: String,
}

/// A server that answers a greeting, each line, and each end of a message, until it has nothing more to say.
fn answer(listener: &TcpListener, answers: Vec<Vec<u8>>) -> Heard {
    let (stream, _) = listener.accept().expect("a client");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    stream.set_nodelay(true).expect("an option");
    let mut line = Line { stream, read: Vec::new() };
    let mut heard = Heard { messages: Vec::new(), is_orderly: true };
    let mut to = None;
    let mut answers = answers.into_iter();
    let mut answer = answers.next();
    while let Some(said) = answer {
        heard.is_orderly &= is_one(&said);
        if !line.say(&said) {
            return heard;
        }
        let Some(mut told) = line.next() else { return heard };
        answer = answers.next();
        if let Some(number) = told.strip_prefix(b"RCPT TO:<").and_then(<[u8]>::first).map(|digit| usize::from(digit - b'0')) {
            to = answer.as_ref().is_some_and(|answer| answer.starts_with(b"25")).then_some(number);
        }
        if told != b"DATA\r\n" || !answer.as_ref().is_some_and(|answer| answer.starts_with(b"354")) {
            continue;
        }
        let said = answer.take().unwrap_or_default();
        heard.is_orderly &= is_one(&said);
        if !line.say(&said) {
            return heard;
        }
        let mut text = Vec::new();
        while told != b".\r\n" {
            let Some(next) = line.next() else { return heard };
            text.extend_from_slice(&next);
            told = next;
        }
        answer = answers.next();
        // An empty message may be ended that nobody was to have.
        if let Some(number) = to.take() {
            let answer = String::from_utf8_lossy(answer.as_deref().unwrap_or_default()).into_owned();
            heard.messages.push(Message { number, text, answer });
        }
    }
    heard
}

/// Whether bytes are one whole answer, and nothing else (RFC 5321 §4.2.1).
fn is_one(said: &[u8]) -> bool {
    let Some(lines) = said.strip_suffix(b"\n") else { return false };
    let mut lines = lines.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).rev();
    let last = lines.next().unwrap_or_default();
    last.len() >= 3 && matches!(last.get(3), None | Some(b' ')) && lines.all(|line| line.get(3) == Some(&b'-'))
}

/// Whether the last line is whole, and no other one has to follow it.
fn has_end(said: &[u8]) -> bool {
    let last = said.split_inclusive(|byte| *byte == b'\n').next_back().unwrap_or_default();
    last.ends_with(b"\n") && last.get(3) != Some(&b'-')
}

struct Line {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Line {
    /// Says something; false if there is nothing to wait for behind it: without an end the other side would wait for more.
    fn say(&mut self, said: &[u8]) -> bool {
        self.stream.write_all(said).is_ok() && has_end(said)
    }

    /// The next line with its end; `None` if none comes.
    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.read.windows(2).position(|window| window == b"\r\n") {
                let rest = self.read.split_off(at + 2);
                return Some(std::mem::replace(&mut self.read, rest));
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) | Err(_) => return None,
                Ok(length) => self.read.extend_from_slice(&buffer[..length]),
            }
        }
    }
}

/// Sends two messages over one connection, and says what became of each.
fn speak(server: &Server, secrets: &[String]) -> Vec<Delivery> {
    let mut connection = match Connection::open(server) {
        Ok(connection) => connection,
        Err(Failure::Passing(error) | Failure::Lasting(error)) => {
            shown(&format!("{error:#}"), secrets);
            return Vec::new();
        }
    };
    let to = |number: usize| Envelope { from: "team@sample.example".to_owned(), to: format!("{number}@sample.example") };
    let mut seen = Vec::new();
    for (number, message) in MESSAGES.iter().enumerate() {
        let next = || (number == 0).then(|| to(1));
        let delivery = connection.send(&to(number), message.as_bytes(), || Ok(true), next).expect("the permit is given");
        // As a sender goes on over a connection, or not.
        let is_refused = matches!(delivery, Delivery::Answered { verdict: Verdict::Deferred { .. } | Verdict::Refused, .. });
        let is_over = connection.spoiled || !(is_refused || matches!(delivery, Delivery::Accepted(_)));
        connection.needs_reset = !matches!(delivery, Delivery::Accepted(_));
        seen.push(delivery);
        if is_over {
            return seen;
        }
    }
    connection.quit();
    seen
}

/// What is said of a message is neither more nor less than what the server has.
fn judge(delivery: &Delivery, heard: Option<&Message>, is_orderly: bool, message: &str) {
    if let Some(heard) = heard {
        let doubled = |line: &str| if line.starts_with('.') { format!(".{line}") } else { line.to_owned() };
        let expected = message.split_inclusive("\r\n").map(doubled).collect::<String>() + ".\r\n";
        assert_eq!(String::from_utf8_lossy(&heard.text), expected, "the message, its dots doubled");
    }
    let answered = |codes: &[char]| heard.is_none_or(|heard| heard.answer.starts_with(codes));
    match delivery {
        Delivery::Accepted(reply) => {
            assert!(!is_orderly || heard.is_some() && answered(&['2']), "said to be accepted: {reply}");
        }
        Delivery::Answered { reply, verdict, .. } => {
            assert!(!matches!(verdict, Verdict::Good | Verdict::Nonsense), "{verdict:?}");
            assert!(!is_orderly || answered(&['4', '5']), "the server has it, and it is said to be refused: {reply}");
        }
        Delivery::Lost { why, .. } => {
            assert!(heard.is_none(), "the server has it, and it is said to be lost: {why}");
        }
        Delivery::InDoubt { .. } => {}
        Delivery::Void => panic!("the permit was given"),
    }
}

/// What is said of a message.
fn words(delivery: &Delivery) -> String {
    match delivery {
        Delivery::Accepted(reply) | Delivery::Answered { reply, .. } => reply.to_string(),
        Delivery::Lost { why, .. } | Delivery::InDoubt { why } => why.clone(),
        Delivery::Void => String::new(),
    }
}

fn shown(text: &str, secrets: &[String]) {
    assert_plain(text, "what is said");
    assert!(text.len() < 2_000, "{} bytes are said", text.len());
    let repeated = secrets.iter().find(|secret| text.contains(secret.trim_end_matches('=')));
    assert!(repeated.is_none(), "the password in {text}");
}

/// The password as it is, and as it goes over the wire.
fn secrets() -> Vec<String> {
    let plain = format!("\0{USER}\0{PASSWORD}");
    vec![PASSWORD.to_owned(), BASE64_STANDARD.encode(PASSWORD), BASE64_STANDARD.encode(plain)]
}
