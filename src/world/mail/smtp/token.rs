//! Tokens: each is valid for about an hour, and a long sending needs several.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Connection;
use super::login::Secret;
use crate::error::{Result, bail};
use crate::notice::reply::{Step, Verdict};
use crate::world::mail::smtp::Delivery;

/// The age at which a token is renewed.
const MOST_AGE: Duration = Duration::from_secs(5 * 60);
/// The longest token, in bytes: the answer to a challenge has at most 12,288 octets (RFC 4954 §4).
const MOST_BYTES: usize = 8 << 10;

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub secret: Secret,
    /// From 1, in the order in which they were received.
    pub number: u64,
}

/// The source of tokens, and the one in use. All connections share it, and only one of them requests the next.
pub struct Tokens {
    fetch: Box<dyn Fn() -> Result<Secret> + Send + Sync>,
    held: Mutex<Held>,
}

struct Held {
    token: Token,
    since: Instant,
    /// Whether a server has rejected it.
    is_refused: bool,
    /// Whether a message has gone over a connection that used it.
    has_served: bool,
}

impl Tokens {
    /// Gets the first.
    pub fn new(fetch: impl Fn() -> Result<Secret> + Send + Sync + 'static) -> Result<Tokens> {
        let token = Token { secret: checked(fetch()?)?, number: 1 };
        let held = Held { token, since: Instant::now(), is_refused: false, has_served: false };
        Ok(Tokens { fetch: Box::new(fetch), held: Mutex::new(held) })
    }

    /// The token in use; a new one if it is old or was rejected.
    pub(super) fn current(&self) -> Result<Token> {
        let mut held = self.lock();
        if held.is_refused {
            self.fetch_into(&mut held)?;
        } else if held.since.elapsed() >= MOST_AGE && self.fetch_into(&mut held).is_err() {
            // The old token may remain valid for a while.
            held.since = Instant::now();
        }
        Ok(held.token.clone())
    }

    /// A token other than the rejected one. `None` if there is no other.
    pub(super) fn renew(&self, refused: &Token) -> Result<Option<Token>> {
        let mut held = self.lock();
        if held.token.number == refused.number {
            held.is_refused = true;
            self.fetch_into(&mut held)?;
        }
        Ok((held.token.secret != refused.secret).then(|| held.token.clone()))
    }

    /// Notes that a connection with this token carries messages.
    pub(super) fn serves(&self, token: &Token) {
        let mut held = self.lock();
        held.has_served |= held.token.number == token.number;
    }

    /// Handles a rejected token outside a login. Returns whether it had expired: it had worked before, or there is a newer one.
    fn has_run_out(&self, token: &Token) -> bool {
        let mut held = self.lock();
        let is_held = held.token.number == token.number;
        held.is_refused |= is_held && held.has_served;
        !is_held || held.has_served
    }

    fn fetch_into(&self, held: &mut Held) -> Result<()> {
        let secret = checked((self.fetch)()?)?;
        let number = held.token.number + 1;
        *held = Held { token: Token { secret, number }, since: Instant::now(), is_refused: false, has_served: false };
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A token is one word (RFC 6750 §2.1). It is never shown.
fn checked(secret: Secret) -> Result<Secret> {
    if !secret.0.bytes().all(|byte| byte.is_ascii_graphic()) {
        bail!(
            "the token contains a space or an invalid character";
            help: "put only the access token in the first line"
        );
    }
    if secret.0.len() > MOST_BYTES {
        bail!("the token is longer than {} KB", MOST_BYTES >> 10; help: "put only the access token in the first line");
    }
    Ok(secret)
}

impl Connection {
    /// A server may accept a connection and require another login once the token has expired. Then the connection is finished,
    /// and the next one uses a new token. If no message ever went over this one, something else is wrong.
    pub(super) fn unless_token_ran_out(&self, delivery: Delivery) -> Delivery {
        match (delivery, &self.token) {
            (Delivery::Answered { step: Step::Mail, reply, verdict: Verdict::Stop }, Some((tokens, token)))
                if matches!(reply.code, 530 | 535) && tokens.has_run_out(token) =>
            {
                Delivery::Lost { step: Step::Auth, why: format!("the token expired: it answered {reply}") }
            }
            (delivery, _) => delivery,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Numbered tokens, and how many were requested.
    fn counted() -> (Tokens, Arc<AtomicU64>) {
        let asked = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&asked);
        let tokens = Tokens::new(move || Ok(Secret(format!("token-{}", count.fetch_add(1, Ordering::SeqCst) + 1)))).unwrap();
        (tokens, asked)
    }

    #[test]
    fn a_refused_token_is_renewed_once_for_all() {
        let (tokens, asked) = counted();
        let first = tokens.current().unwrap();
        assert_eq!((tokens.current().unwrap(), asked.load(Ordering::SeqCst)), (first.clone(), 1));
        std::thread::scope(|scope| {
            let renew = || tokens.renew(&first).unwrap().unwrap().secret;
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(renew)).collect();
            for thread in threads {
                assert_eq!(thread.join().unwrap(), Secret("token-2".to_owned()));
            }
        });
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_token_runs_out_that_was_of_use() {
        let (tokens, asked) = counted();
        let first = tokens.current().unwrap();
        assert!(!tokens.has_run_out(&first), "it never served");
        assert_eq!((tokens.current().unwrap(), asked.load(Ordering::SeqCst)), (first.clone(), 1));
        tokens.serves(&first);
        // Several connections notice it.
        assert!(tokens.has_run_out(&first) && tokens.has_run_out(&first));
        let second = tokens.current().unwrap();
        assert_eq!((second.secret.clone(), asked.load(Ordering::SeqCst)), (Secret("token-2".to_owned()), 2));
        assert!(tokens.has_run_out(&first), "one that opened its connection earlier");
        assert_eq!(tokens.current().unwrap(), second, "an older one says nothing of it");
        assert!(!tokens.has_run_out(&second));
    }

    #[test]
    fn the_same_token_is_no_new_one() {
        let tokens = Tokens::new(|| Ok(Secret("same".to_owned()))).unwrap();
        assert_eq!(tokens.renew(&tokens.current().unwrap()).unwrap(), None);
    }

    #[test]
    fn a_token_is_one_word() {
        let check = |text: &str, is_good: bool| assert_eq!(checked(Secret(text.to_owned())).is_ok(), is_good, "{text}");
        check("ya29.a0-_~+/==", true);
        check("Bearer ya29", false);
        check("a\u{1}auth=Bearer b", false);
        check("tökén", false);
        check(&"x".repeat(MOST_BYTES + 1), false);
        let error = checked(Secret("se cret".to_owned())).unwrap_err().to_string();
        assert!(!error.contains("cret"), "{error}");
    }
}
