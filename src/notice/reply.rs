//! The answers of a mail server, and what follows from them.

use crate::text::visible;

/// The step of the SMTP conversation that an answer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Connect,
    Greeting,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// The end of the message: the only one after which the server may have it.
    Dot,
}

impl Step {
    pub fn name(self) -> &'static str {
        match self {
            Step::Connect => "connecting",
            Step::Greeting => "the greeting",
            Step::Ehlo => "EHLO",
            Step::StartTls => "STARTTLS",
            Step::Auth => "AUTH",
            Step::Mail => "MAIL FROM",
            Step::Rcpt => "RCPT TO",
            Step::Data => "DATA",
            Step::Dot => "the end of the message",
        }
    }
}

/// An answer: its code and its words, in one line, at most 512 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub code: u16,
    pub text: String,
}

impl Reply {
    pub fn new(code: u16, text: &str) -> Reply {
        let mut text = visible(&text.trim().replace(['\r', '\n'], " "));
        if text.len() > 512 {
            text.truncate(text.floor_char_boundary(512));
        }
        Reply { code, text }
    }

    /// The class of the enhanced status code, such as `4.7` of `4.7.1` (RFC 3463).
    fn has_status(&self, class: &str) -> bool {
        self.text.strip_prefix(class).is_some_and(|rest| rest.starts_with('.'))
    }

    /// Whether the server asks for fewer messages.
    fn wants_less(&self) -> bool {
        let text = self.text.to_ascii_lowercase();
        matches!(self.code, 421 | 452)
            || self.code / 100 == 4 && (self.has_status("4.7") || text.contains("too many") || text.contains("rate"))
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.code, self.text)
    }
}

/// What follows from an answer to a step of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Continue; after the end of the message, it means that the server has it.
    Good,
    /// Retry this recipient's message later. Says whether the server wants fewer messages.
    Deferred { slower: bool },
    /// The server is closing: retry the same recipient on another connection.
    Closing,
    /// Never for this recipient.
    Refused,
    /// Never for anybody: sending stops, and no recipient is marked as refused.
    Stop,
    /// The answer does not fit this step. After the end of the message, it is unknown whether the server has it.
    Nonsense,
}

/// Judges an answer (RFC 5321 §4.2.1, §4.3.2).
pub fn judge(step: Step, reply: &Reply) -> Verdict {
    let expected = match step {
        Step::Connect | Step::Greeting | Step::StartTls => 220..=220,
        Step::Ehlo | Step::Mail | Step::Dot => 250..=259,
        Step::Rcpt => 250..=252,
        Step::Auth => 235..=235,
        Step::Data => 354..=354,
    };
    match reply.code {
        code if expected.contains(&code) => Verdict::Good,
        421 => Verdict::Closing,
        400..=499 => Verdict::Deferred { slower: reply.wants_less() },
        // The server requires a login, or rejects ours: that concerns all messages.
        530 | 534 | 535 | 538 => Verdict::Stop,
        500..=599 if step < Step::Rcpt => Verdict::Stop,
        500..=599 => Verdict::Refused,
        _ => Verdict::Nonsense,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let check = |step, code, text: &str, expected| assert_eq!(judge(step, &Reply::new(code, text)), expected, "{code} {text}");
        check(Step::Dot, 250, "2.0.0 Ok: queued as 1", Verdict::Good);
        check(Step::Data, 250, "Ok", Verdict::Nonsense);
        check(Step::Dot, 354, "send it", Verdict::Nonsense);
        check(Step::Rcpt, 451, "4.3.0 later", Verdict::Deferred { slower: false });
        check(Step::Rcpt, 450, "4.7.1 greylisted", Verdict::Deferred { slower: true });
        check(Step::Mail, 452, "4.3.1 full", Verdict::Deferred { slower: true });
        check(Step::Dot, 451, "too many messages", Verdict::Deferred { slower: true });
        check(Step::Mail, 421, "4.7.0 bye", Verdict::Closing);
        check(Step::Rcpt, 550, "5.1.1 no such user", Verdict::Refused);
        check(Step::Dot, 554, "5.7.1 spam", Verdict::Refused);
        check(Step::Mail, 550, "5.7.1 not you", Verdict::Stop);
        check(Step::Rcpt, 530, "5.7.0 authenticate", Verdict::Stop);
        check(Step::Auth, 535, "5.7.8 no", Verdict::Stop);
        check(Step::Auth, 454, "4.7.0 later", Verdict::Deferred { slower: true });
    }

    #[test]
    fn words_are_one_short_line() {
        let reply = Reply::new(550, &format!("\u{1b}[31mno\u{7}\r\nway {}", "é".repeat(600)));
        assert!(reply.text.len() <= 512 && !reply.text.chars().any(char::is_control), "{reply}");
    }
}
