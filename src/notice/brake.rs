//! When sending stops automatically: refusals that look like a quota, a block or a wrong list, rather than a few dead addresses.

use std::collections::VecDeque;

use super::reply::Reply;

/// This many consecutive refusals with the same words mean that the sender is the problem.
const EQUAL_IN_A_ROW: usize = 20;
/// So does this many refusals before any message is accepted.
const REFUSED_AT_FIRST: usize = 20;
/// This many consecutive messages may become doubtful: a device in between may swallow all answers.
const IN_DOUBT_IN_A_ROW: usize = 10;
/// Among this many last messages …
const WINDOW: usize = 100;
/// … this many refusals are too many.
const REFUSED_IN_WINDOW: usize = 50;

/// Watches the server's answers, over all connections of a run.
#[derive(Debug, Default)]
pub struct Brake {
    /// Accepted in this campaign, before this run or in it.
    accepted: u64,
    refused: usize,
    /// A message was deferred, or the server gave no answer to it.
    is_mixed: bool,
    /// The last refusal without its recipient-specific parts, and how often it came in a row.
    words: String,
    in_a_row: usize,
    /// Consecutive messages whose delivery is unknown.
    in_doubt: usize,
    /// Whether each of the last was refused.
    window: VecDeque<bool>,
}

impl Brake {
    /// `accepted`: how many of the campaign were accepted before this run.
    pub fn new(accepted: u64) -> Brake {
        Brake { accepted, ..Brake::default() }
    }

    pub fn accepted(&mut self) {
        self.accepted += 1;
        (self.in_a_row, self.in_doubt) = (0, 0);
        self.add(false);
    }

    /// Records that the server did not say whether it took a message. If sending should stop, returns the likely reason, in words.
    pub fn in_doubt(&mut self) -> Option<String> {
        self.in_doubt += 1;
        self.in_a_row = 0;
        self.other();
        (self.in_doubt >= IN_DOUBT_IN_A_ROW).then(|| format!("the server did not confirm {} messages in a row", self.in_doubt))
    }

    /// Records that the server may take it later.
    pub fn deferred(&mut self) {
        (self.in_a_row, self.in_doubt) = (0, 0);
        self.other();
    }

    fn other(&mut self) {
        self.is_mixed = true;
        self.add(false);
    }

    /// The likely reason for the refusals, in words, if sending should stop.
    pub fn refused(&mut self, reply: &Reply) -> Option<String> {
        self.refused += 1;
        self.in_doubt = 0;
        self.add(true);
        let words = alike(reply);
        self.in_a_row = if words == self.words { self.in_a_row + 1 } else { 1 };
        self.words = words;
        if self.accepted == 0 && !self.is_mixed && self.refused == REFUSED_AT_FIRST {
            return Some(format!("the first {REFUSED_AT_FIRST} messages were all refused, the last with {reply}"));
        }
        if self.in_a_row >= EQUAL_IN_A_ROW {
            return Some(format!("{} messages in a row were refused with the same answer, {reply}", self.in_a_row));
        }
        let refused = self.window.iter().filter(|refused| **refused).count();
        if self.window.len() == WINDOW && refused >= REFUSED_IN_WINDOW {
            return Some(format!("{refused} of the last {WINDOW} messages were refused, the last with {reply}"));
        }
        None
    }

    fn add(&mut self, refused: bool) {
        if self.window.len() == WINDOW {
            self.window.pop_front();
        }
        self.window.push_back(refused);
    }
}

/// The code and the words of a refusal, without addresses, queue names and times, which differ from one message to the next.
fn alike(reply: &Reply) -> String {
    let status = reply.text.split_whitespace().next().filter(|first| first.chars().all(|c| c.is_ascii_digit() || c == '.'));
    let plain = |word: &&str| !word.contains('@') && !word.chars().any(|c| c.is_ascii_digit());
    let words: Vec<&str> = status.into_iter().chain(reply.text.split_whitespace().filter(plain)).collect();
    format!("{} {}", reply.code, words.join(" ").to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many messages it stops, and why. `a` is accepted, `-` deferred, any other letter is refused in its own words.
    fn run(accepted: u64, answers: impl IntoIterator<Item = char>) -> Option<(usize, String)> {
        let mut brake = Brake::new(accepted);
        answers.into_iter().enumerate().find_map(|(index, answer)| {
            if answer == 'a' {
                brake.accepted();
                return None;
            }
            if answer == '-' {
                brake.deferred();
                return None;
            }
            let reply = Reply::new(550, &format!("5.7.1 <sample{index}@d.example>: refused {answer} (queue 4F{index})"));
            brake.refused(&reply).map(|why| (index + 1, why))
        })
    }

    fn check(accepted: u64, answers: &str, expected: Option<(usize, &str)>) {
        let stopped = run(accepted, answers.chars());
        let is_it = match (&stopped, expected) {
            (None, None) => true,
            (Some((at, why)), Some((expected, words))) => *at == expected && why.contains(words),
            _ => false,
        };
        assert!(is_it, "{answers}: {stopped:?}");
    }

    #[test]
    fn it_stops_for_what_concerns_the_sender() {
        // 100 are accepted, then the quota is used up.
        check(0, &("a".repeat(100) + &"q".repeat(900)), Some((120, "20 messages in a row")));
        // The first ones are all refused, each in other words.
        check(0, "bcdefghijklmnopqrstuvwxyz", Some((20, "the first 20")));
        // Half of a list is dead, in many different words.
        check(0, &"abac".repeat(50), Some((100, "50 of the last 100")));
        check(1, &("a".repeat(400) + &"bcdefghij".repeat(20)), Some((450, "50 of the last 100")));
    }

    #[test]
    fn it_stops_where_nothing_is_answered() {
        let mut brake = Brake::new(0);
        let stops = (0..30).find(|number| {
            if *number == 5 {
                brake.accepted();
                return false;
            }
            brake.in_doubt().is_some()
        });
        assert_eq!(stops, Some(15));
    }

    #[test]
    fn what_is_answered_in_between_is_no_silence() {
        let mut brake = Brake::new(0);
        for index in 0..60 {
            let stops = match index % 3 {
                0 => brake.in_doubt(),
                1 => brake.refused(&Reply::new(550, &format!("5.1.1 {}", ["a", "b", "c", "d"][index / 3 % 4]))),
                _ => {
                    brake.deferred();
                    None
                }
            };
            assert_eq!(stops, None, "after {index}");
        }
    }

    #[test]
    fn some_dead_addresses_do_not_stop_it() {
        check(0, &"aab".repeat(300), None);
        check(0, &("a".to_owned() + &"b".repeat(19) + "a" + &"b".repeat(19) + &"a".repeat(60)), None);
        check(5, &("b".repeat(10) + &"c".repeat(10)), None);
        // A greylisting server, which defers unknown senders.
        check(0, &"-----b".repeat(100), None);
        check(0, &("b".repeat(19) + "-" + &"b".repeat(19)), None);
    }

    #[test]
    fn refusals_are_alike() {
        let like = |a: &str, b: &str| alike(&Reply::new(550, a)) == alike(&Reply::new(550, b));
        assert!(like("5.1.1 <a@b.example>: unknown", "5.1.1 <c@d.example>: unknown"));
        assert!(like("5.7.1 quota exceeded (id 1A2)", "5.7.1 quota exceeded (id 3B4)"));
        assert!(!like("5.1.1 unknown", "5.7.1 unknown") && !like("5.1.1 unknown", "5.1.1 blocked"));
        assert_ne!(alike(&Reply::new(550, "no")), alike(&Reply::new(554, "no")));
    }
}
