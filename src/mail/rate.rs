//! Rates: messages per period.

use std::time::Duration;

/// A number of messages in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub messages: u32,
    pub per: Duration,
}

impl Rate {
    /// The time from one message to the next.
    pub fn interval(self) -> Duration {
        self.per / self.messages.max(1)
    }
}

impl std::str::FromStr for Rate {
    type Err = ();

    fn from_str(text: &str) -> Result<Rate, ()> {
        let (messages, unit) = text.split_once('/').ok_or(())?;
        let seconds = match unit.trim() {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(()),
        };
        let messages = messages.trim().parse().ok().filter(|messages| *messages > 0).ok_or(())?;
        Ok(Rate { messages, per: Duration::from_secs(seconds) })
    }
}
