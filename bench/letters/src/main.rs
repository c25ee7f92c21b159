//! The least that a merge with lettre must do: format the same two parts again and again.
//!
//! Usage: letters LINE.jsonl COUNT. The line is one of `runsheet notice merge --format jsonl`.

use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Body, Message, MultiPart, SinglePart};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let line = std::fs::read_to_string(arguments.next().expect("a file")).expect("it can be read");
    let count: usize = arguments.next().expect("a count").parse().expect("a number");
    let values: serde_json::Value = serde_json::from_str(line.lines().next().expect("a line")).expect("an object");
    let value = |key: &str| values[key].as_str().expect("text").replace('\n', "\r\n");
    let (to, subject, text, html) = (value("to"), value("subject"), value("text"), value("html"));
    let mut octets = 0;
    for number in 0..count {
        let part = |text: &str, kind: ContentType| {
            let body = Body::new_with_encoding(text.to_owned(), ContentTransferEncoding::QuotedPrintable).expect("a body");
            SinglePart::builder().header(kind).body(body)
        };
        let message = Message::builder()
            .from("FreshTrack Pro <support@freshtrackpro.com>".parse().expect("an address"))
            .reply_to("support@freshtrackpro.com".parse().expect("an address"))
            .to(format!("Sample Person <{to}>").parse().expect("an address"))
            .subject(&subject)
            .date(std::time::UNIX_EPOCH)
            .message_id(Some(format!("<{number}@freshtrackpro.com>")))
            .multipart(
                MultiPart::alternative()
                    .boundary("=_08db3168c3cb16ef1e00ab94d7b7d448")
                    .singlepart(part(&text, ContentType::TEXT_PLAIN))
                    .singlepart(part(&html, ContentType::TEXT_HTML)),
            )
            .expect("a message");
        octets += message.formatted().len();
    }
    println!("{count} messages, {octets} octets");
}
