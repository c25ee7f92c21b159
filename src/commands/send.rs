//! `runsheet notice send`: a mailing to its recipients, each once and only once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use jiff::{Timestamp, Zoned};

use super::draft::{Draft, Kept};
use super::load::{HistoryFrom, Loaded, StatusFrom, load};
use super::mailings::{self, Fate, Selection};
use super::meter::{Meter, length};
use super::{campaign, ledger, mail_server, report, test_message};
use crate::cli::{Global, InDoubt};
use crate::config::{Event, Mailing, Mode, Sending};
use crate::diagnostic::{Diagnostics, counted, thousands, visible};
use crate::notice::address;
use crate::notice::ledger::{Claim, Counts, Plan, State, content_hash};
use crate::notice::recipients::Recipient;
use crate::schedule::{Offset, zone};
use crate::world::ledger::Ledger;
use crate::world::process::Signal;
use crate::world::relay::{self, Feed, Letter, Orders, Stop};
use crate::world::smtp::Server;
use crate::world::{clock, environment};

/// What `runsheet notice send` was asked for.
pub struct SendOrder<'a> {
    pub name: &'a str,
    pub yes: Option<u64>,
    /// To whom a test message goes, if it is to be one.
    pub test: &'a [String],
    /// Whose message is tested.
    pub only: Option<&'a str>,
    pub dry_run: bool,
    pub limit: Option<u64>,
    pub amend: bool,
    pub wait: bool,
    pub in_doubt: InDoubt,
}

pub fn run(global: &Global, order: &SendOrder) -> Result<ExitCode> {
    if global.t0.is_some() || global.now.is_some() || global.event.is_some() {
        bail!(
            "what is sent follows runsheet.toml and the clock\nhelp: leave out --t0, --now and --event; `notice preview` and `notice merge` take them"
        );
    }
    if global.offline && !order.dry_run {
        bail!("--offline opens no connection\nhelp: --dry-run shows what would be sent");
    }
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    let mailing = ledger::declared(&loaded, order.name)?.clone();
    let mut diagnostics = loaded.site.diagnostics.clone();
    let named = campaign::campaign_of(&loaded, &mailing);
    let (Some((campaign, event)), false) = (named, diagnostics.has_errors()) else {
        report::diagnostics(&loaded.settle(diagnostics, global), &loaded.inputs, global);
        report::note(global, "nothing was sent");
        return Ok(ExitCode::from(1));
    };
    let Some(sending) = loaded.project.config.sending.clone() else {
        bail!("runsheet.toml says no server\nhelp: add [smtp] with `host`");
    };
    if !order.test.is_empty() {
        return test_message::send(global, &loaded, &mailing, &sending, (order.test, order.only), &mut diagnostics);
    }
    let now = clock::now();
    if !order.dry_run {
        refuse_by_time(&mailing, event, now)?;
    }
    let name = campaign.name();
    let reached = match &mailing.reached_by {
        Some(earlier) => Some(ledger::reached(&loaded, &earlier.value)?),
        None => None,
    };
    let mut job = Job { global, loaded: &loaded, mailing: &mailing, sending: &sending, event, name, reached };
    job.run(order, now, diagnostics)
}

/// A rehearsal, a mailing before its time, and one whose time has passed, are not sent.
fn refuse_by_time(mailing: &Mailing, event: &Event, now: Timestamp) -> Result<()> {
    let id = &mailing.id.value;
    if event.mode == Mode::Rehearsal {
        bail!(
            "`{}` is a rehearsal: its mailings are not sent\nhelp: --test ADDRESS sends one message to yourself; `mode = \"live\"` in the event makes it real",
            event.name
        );
    }
    let Some(clock) = &event.clock else { return Ok(()) };
    let at = |offset: Option<crate::data::Spanned<Offset>>| {
        offset.and_then(|offset| Some((offset.value.clone(), clock.at(&offset.value).ok()?)))
    };
    let shown = |time: &Zoned| time.strftime("%a %-d %b %Y, %H:%M %Z").to_string();
    let first = mailing.not_before.clone().or(mailing.when.clone());
    if let Some((offset, first)) = at(first).filter(|(_, first)| now < first.timestamp()) {
        bail!(
            "the mailing `{id}` is not to be sent before {} ({})\nhelp: wait, or change `when` or `not_before` of the mailing",
            shown(&first),
            offset
        );
    }
    if let Some((offset, last)) = at(mailing.not_after.clone()).filter(|(_, last)| now > last.timestamp()) {
        bail!(
            "the mailing `{id}` was not to be sent after {} ({})\nhelp: what it says may no longer hold: change the notice, then `not_after`",
            shown(&last),
            offset
        );
    }
    Ok(())
}

/// A sending, with all that it needs to know.
struct Job<'a> {
    global: &'a Global,
    loaded: &'a Loaded,
    mailing: &'a Mailing,
    sending: &'a Sending,
    event: &'a Event,
    name: String,
    /// Only these, by the ledger of an earlier mailing.
    reached: Option<BTreeSet<String>>,
}

impl Job<'_> {
    fn run(&mut self, order: &SendOrder, now: Timestamp, mut diagnostics: Diagnostics) -> Result<ExitCode> {
        let store = if order.dry_run { ledger::to_read(self.loaded)? } else { Some(ledger::to_send(self.loaded)?) };
        let who = environment::user().unwrap_or_else(|| "unknown".to_owned());
        let sender = crate::world::ledger::sender();
        let mut ledger = store.map(|store| Ledger::new(store, &self.name, &sender, self.sending.lease));
        let mut known = match &mut ledger {
            Some(ledger) => ledger.plan()?,
            None => None,
        };
        if let (Some(ledger), false) = (&mut ledger, order.dry_run) {
            let left = ledger.sweep()?;
            if left > 0 {
                report::note(
                    self.global,
                    &format!("{} left in doubt by a sender that ended too early", counted(left, "message is", "messages are")),
                );
            }
        }
        let date = known.as_ref().map_or(now, |plan| plan.frozen);
        let Some(mut draft) = self.draft(date, &mut diagnostics)? else { return Ok(ExitCode::from(1)) };
        let mut amends = false;
        if let (Some(plan), Some(ledger)) = (&known, &mut ledger)
            && plan.hash != draft.hash
        {
            let difference = draft.difference(&ledger.rows()?);
            if !order.amend {
                bail!(
                    "the plan of {} has changed: {difference}; nothing was sent\nhelp: --amend sends it as it is now to those who were not reached yet; a correction to all is `revision = {}` of the mailing",
                    shown_time(plan.frozen, self.event),
                    self.mailing.revision + 1
                );
            }
            report::note(self.global, &format!("amended: {difference}"));
            let Some(again) = self.draft(now, &mut Diagnostics::default())? else { return Ok(ExitCode::from(1)) };
            draft = again;
            amends = true;
        }
        if draft.messages() == 0 {
            bail!("nobody would get a message: all recipients are suppressed or were not reached by the earlier mailing");
        }
        if draft.messages() > self.sending.max_recipients {
            bail!(
                "{} recipients are more than `max_recipients` ({}) in [smtp]; nothing was sent",
                thousands(draft.messages()),
                thousands(self.sending.max_recipients)
            );
        }
        let counts = match &mut ledger {
            Some(ledger) => ledger.counts()?,
            None => Counts::default(),
        };
        self.introduce(&draft, ledger.as_ref(), known.as_ref(), &counts);
        if order.dry_run {
            report::note(self.global, "a dry run: nothing was sent, and the ledger is as it was");
            return Ok(ExitCode::SUCCESS);
        }
        let Some(mut ledger) = ledger else { bail!("there is no ledger") };
        let date = if amends { now } else { date };
        match confirm(order.yes, draft.messages())? {
            Confirmed::ByOption => {}
            Confirmed::ByHand => {
                let again = self.draft(date, &mut Diagnostics::default())?;
                if again.is_none_or(|again| again.hash != draft.hash) {
                    bail!("the recipients changed while you read this; nothing was sent\nhelp: run it again");
                }
            }
        }
        let server = self.server()?;
        let subject = draft.first.as_ref().map_or_else(String::new, |(_, subject)| subject.clone());
        let plan = Plan { campaign: self.name.clone(), hash: draft.hash.clone(), frozen: date, subject, amended: 0 };
        if amends {
            ledger.amend(&plan, &draft.rows, &who)?;
        } else if known.is_none() {
            match ledger.freeze(&plan, &draft.rows) {
                Ok(()) => {}
                // Another sender may have been quicker: it is the same plan if its hash is.
                Err(error) => {
                    known = ledger.plan()?;
                    if known.is_none() {
                        return Err(error);
                    }
                    bail!("another sender has frozen this plan meanwhile\nhelp: run it again to join in");
                }
            }
        }
        match order.in_doubt {
            InDoubt::Hold => {}
            InDoubt::Resend => self.decide(&mut ledger, State::Planned, &who, "send --in-doubt resend")?,
            InDoubt::AssumeSent => self.decide(&mut ledger, State::Accepted, &who, "send --in-doubt assume-sent")?,
        }
        self.send(order, ledger, &server, date, draft.kept)
    }

    fn decide(&self, ledger: &mut Ledger, to: State, who: &str, why: &str) -> Result<()> {
        let decided = ledger.resolve(None, &[State::InDoubt], to, who, why)?;
        if !decided.is_empty() {
            report::note(self.global, &format!("{} in doubt: now {}", thousands(decided.len() as u64), to.name()));
        }
        Ok(())
    }

    /// Makes every message once. `None`: there are faults, and they are reported.
    fn draft(&self, date: Timestamp, diagnostics: &mut Diagnostics) -> Result<Option<Draft>> {
        Draft::make(self.global, self.loaded, self.mailing, &self.name, self.reached.as_ref(), date, diagnostics)
    }

    /// Says what is about to happen.
    fn introduce(&self, draft: &Draft, ledger: Option<&Ledger>, known: Option<&Plan>, counts: &Counts) {
        let say = |text: &str| report::note(self.global, text);
        let mut of = format!("{} to send", counted(draft.messages(), "message", "messages"));
        if draft.outcome.suppressed > 0 {
            of.push_str(&format!(", {} suppressed", thousands(draft.outcome.suppressed)));
        }
        let Mailing { id, notice, revision, .. } = self.mailing;
        say(&format!("mailing {} (notice {}, revision {revision}): {of}", id.value, notice.value));
        if let Some((to, subject)) = &draft.first {
            say(&format!("  subject   {}", visible(subject)));
            say(&format!("  sample    to {to}: `runsheet notice preview {} --to {to}`", id.value));
        }
        let now = clock::now();
        if let Some((first, last)) = local_times(&draft.zones, self.event, now) {
            let times = if first == last { first } else { format!("from {first} to {last}") };
            say(&format!("  now       for them {times}"));
        }
        let Sending { host, port, connections, rate, .. } = self.sending;
        let paced = match rate {
            Some(rate) => {
                let seconds = rate.per.as_secs_f64() / f64::from(rate.messages) * draft.messages() as f64;
                format!(", {} in {} s: about {}", rate.messages, rate.per.as_secs(), length(Duration::from_secs_f64(seconds)))
            }
            None => String::new(),
        };
        say(&format!("  through   {host}:{port}, {}{paced}", counted(*connections, "connection", "connections")));
        match (ledger, known) {
            (Some(ledger), Some(plan)) => {
                let amended =
                    if plan.amended > 0 { format!(", amended {}", counted(plan.amended, "time", "times")) } else { String::new() };
                say(&format!("  ledger    {} (plan of {}{amended})", ledger.place(), shown_time(plan.frozen, self.event)));
                say(&format!(
                    "  reached   {} of {}; in all {}",
                    thousands(counts.get(State::Accepted)),
                    thousands(counts.all()),
                    counts.text()
                ));
            }
            (Some(ledger), None) => say(&format!("  ledger    {} (new for this campaign: nobody was reached)", ledger.place())),
            (None, _) => say("  ledger    none yet: nobody was reached"),
        }
    }

    fn server(&self) -> Result<Server> {
        mail_server::of(self.loaded, self.sending)
    }

    /// Sends what is planned and what is due, and says what came of it.
    fn send(&self, order: &SendOrder, ledger: Ledger, server: &Server, date: Timestamp, kept: Kept) -> Result<ExitCode> {
        let signal = Signal::watch()?;
        let mut ledger = ledger;
        let total = ledger.counts()?.open().min(order.limit.unwrap_or(u64::MAX));
        let meter = Meter::begin(self.global, total);
        let accepted = ledger.counts()?.get(State::Accepted);
        let orders = Orders { server, sending: self.sending, accepted, signal: &signal.came, tell: &|state| meter.tell(state) };
        let mut budget = order.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let (ended, mut ledger) = relay::send(&orders, ledger, |feed| self.feed(feed, order.wait, &mut budget, date, kept));
        meter.end();
        let code = self.conclude(&mut ledger, ended.stopped.as_ref(), budget == 0)?;
        if let Some(head) = &ended.head {
            report::note(self.global, &format!("the ledger ends with {head}"));
        }
        Ok(match ended.stopped {
            Some(Stop::Signal) => ExitCode::from(signal.code()),
            Some(Stop::Fault(why)) => {
                super::say_error(&anyhow!(why));
                ExitCode::from(2)
            }
            None => code,
        })
    }

    /// One pass over the table after another, until nobody is left whose turn it is.
    fn feed(&self, feed: &Feed, wait: bool, budget: &mut usize, date: Timestamp, kept: Kept) -> Result<()> {
        let mut kept = Some(kept);
        loop {
            self.refuse_late()?;
            feed.ledger(Ledger::sweep)?;
            let kept = kept.take();
            let is_whole = kept.as_ref().is_some_and(|kept| !kept.is_cut);
            let mut claimed = kept.map_or(Ok(0), |kept| self.put_kept(feed, kept, budget))?;
            if !is_whole {
                claimed += self.pass(feed, budget, date)?;
            }
            if !feed.drained() || *budget == 0 {
                return Ok(());
            }
            let (counts, now) = feed.ledger(|ledger| Ok((ledger.counts()?, ledger.now()?)))?;
            let due_in = counts.next_due.map(|due| Duration::try_from(due.duration_since(now)).unwrap_or_default());
            match due_in {
                Some(time) if time.is_zero() => continue,
                _ if counts.get(State::Planned) > 0 && claimed > 0 => continue,
                Some(time) if wait => {
                    report::note(
                        self.global,
                        &format!("{} deferred: waiting until {}", thousands(counts.get(State::Deferred)), self.clock_time(counts.next_due)),
                    );
                    if !feed.sleep(time + Duration::from_millis(10)) {
                        return Ok(());
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    /// `not_after` may pass while it is sent.
    fn refuse_late(&self) -> Result<()> {
        refuse_by_time(self.mailing, self.event, clock::now())
    }

    fn clock_time(&self, time: Option<Timestamp>) -> String {
        time.map_or_else(String::new, |time| zoned(time, self.event).strftime("%H:%M %Z").to_string())
    }

    /// Claims those of the kept messages whose turn it is, and puts them into the queue. Gives how many.
    fn put_kept(&self, feed: &Feed, kept: Kept, budget: &mut usize) -> Result<usize> {
        let mut claimed = 0;
        let mut messages = kept.messages.into_iter().peekable();
        while messages.peek().is_some() && *budget > 0 && !feed.has_stopped() {
            self.refuse_late()?;
            let batch: Vec<_> = messages.by_ref().take(64).collect();
            let keys: Vec<String> = batch.iter().map(|(key, ..)| key.clone()).collect();
            let claims = feed.ledger(|ledger| ledger.claim(&keys, *budget))?;
            *budget -= claims.len();
            claimed += claims.len();
            let mut claims: BTreeMap<String, Claim> = claims.into_iter().map(|claim| (claim.key.clone(), claim)).collect();
            for (key, envelope, bytes) in batch {
                let Some(claim) = claims.remove(&key) else { continue };
                if claim.hash != content_hash(&bytes) {
                    bail!("the message to {key} is not as it was planned");
                }
                feed.put(Letter { claim, envelope, bytes });
            }
        }
        Ok(claimed)
    }

    /// Reads the table once, claims those whose turn it is, and puts their messages into the queue. Gives how many.
    fn pass(&self, feed: &Feed, budget: &mut usize, date: Timestamp) -> Result<usize> {
        let selection = Selection { date: Some(date), ..Selection::all(self.mailing) };
        let mut hand: BTreeMap<String, Claim> = BTreeMap::new();
        let hand = std::cell::RefCell::new(&mut hand);
        let mut claimed = 0;
        let mut gate = |recipients: &[&Recipient]| {
            let keys: Vec<String> = recipients.iter().map(|recipient| address::key(&recipient.address)).collect();
            if *budget == 0 || feed.has_stopped() {
                return Ok(vec![false; keys.len()]);
            }
            self.refuse_late()?;
            let claims = feed.ledger(|ledger| ledger.claim(&keys, *budget))?;
            *budget -= claims.len();
            claimed += claims.len();
            let mut hand = hand.borrow_mut();
            hand.extend(claims.into_iter().map(|claim| (claim.key.clone(), claim)));
            Ok(keys.iter().map(|key| hand.contains_key(key)).collect())
        };
        let keys = environment::keys();
        let mut diagnostics = Diagnostics::default();
        let outcome = mailings::merge_some(self.loaded, &selection, &keys, &mut diagnostics, Some(&mut gate), |fate| {
            let Fate::Written(letter) = fate else { return Ok(()) };
            let key = address::key(&letter.recipient.address);
            let Some(claim) = hand.borrow_mut().remove(&key) else { return Ok(()) };
            if claim.hash != content_hash(&letter.message.bytes) {
                bail!("the message to {key} is not as it was planned: the recipients changed while they were sent to");
            }
            feed.put(Letter { claim, envelope: letter.message.envelope(), bytes: letter.message.bytes.clone() });
            Ok(())
        })?;
        if outcome.incomplete || outcome.skipped {
            bail!("the recipients changed while they were sent to: the table is no longer right");
        }
        Ok(claimed)
    }

    /// Says where all stand; gives the exit code of an undisturbed end.
    fn conclude(&self, ledger: &mut Ledger, stopped: Option<&Stop>, by_limit: bool) -> Result<ExitCode> {
        let counts = ledger.counts()?;
        report::note(
            self.global,
            &format!("{} of {} reached: {}", thousands(counts.get(State::Accepted)), thousands(counts.all()), counts.text()),
        );
        let rows = ledger.rows()?;
        for line in ledger::troubles(&rows, 20) {
            report::note(self.global, &line);
        }
        let deferred = counts.get(State::Deferred);
        if deferred > 0 {
            report::note(
                self.global,
                &format!("{} deferred, next at {}, run again", thousands(deferred), self.clock_time(counts.next_due)),
            );
        }
        let others = counts.get(State::Claimed) + counts.get(State::Sending);
        if others > 0 {
            report::note(self.global, &format!("{} in the hands of another sender", counted(others, "message is", "messages are")));
        }
        let planned = counts.get(State::Planned);
        if planned > 0 {
            let why = match stopped {
                Some(_) => "it was stopped: run it again to go on",
                None if by_limit => "the limit is reached: run it again to go on",
                None => "their recipients are no longer in the table: `notice resolve` with --cancel takes them out",
            };
            report::note(self.global, &format!("{} not begun, as {why}", counted(planned, "message is", "messages are")));
        }
        let in_doubt = counts.get(State::InDoubt);
        if in_doubt > 0 {
            let id = &self.mailing.id.value;
            report::note(
                self.global,
                &format!(
                    "{} in doubt: look into the server's log, then `runsheet notice resolve {id} ADDRESS --sent` or `--resend`",
                    thousands(in_doubt)
                ),
            );
        }
        let is_whole = counts.open() == 0 && counts.get(State::Refused) == 0 && in_doubt == 0;
        Ok(if is_whole || by_limit && counts.get(State::Refused) + in_doubt + deferred == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(3)
        })
    }
}

/// How the number was confirmed.
enum Confirmed {
    ByOption,
    /// After time to read.
    ByHand,
}

/// Wants the number of messages, typed or as an option.
fn confirm(yes: Option<u64>, messages: u64) -> Result<Confirmed> {
    if let Some(yes) = yes {
        if yes != messages {
            bail!("--yes says {}, and there are {} messages; nothing was sent", thousands(yes), thousands(messages));
        }
        return Ok(Confirmed::ByOption);
    }
    if !std::io::stdin().is_terminal() {
        bail!(
            "the number of messages was not confirmed; nothing was sent\nhelp: on a terminal it is asked for; elsewhere say --yes {messages}"
        );
    }
    write!(std::io::stderr().lock(), "type the number of messages to send them: ").ok();
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("cannot read from the terminal")?;
    let typed: String = line.trim().chars().filter(|c| !matches!(c, ',' | ' ')).collect();
    if typed != messages.to_string() {
        bail!("that is not {}; nothing was sent", thousands(messages));
    }
    Ok(Confirmed::ByHand)
}

/// The earliest and the latest that the recipients' clocks show.
fn local_times(zones: &BTreeSet<String>, event: &Event, now: Timestamp) -> Option<(String, String)> {
    let mut times: Vec<Zoned> = zones.iter().filter_map(|name| zone::zone(name).ok()).map(|zone| now.to_zoned(zone)).collect();
    if times.is_empty() {
        times.push(zoned(now, event));
    }
    times.sort_by_key(|time| time.offset());
    let shown = |time: &Zoned| {
        let name = time.time_zone().iana_name().unwrap_or("UTC").to_owned();
        format!("{} ({name})", time.strftime("%a %-d %b, %H:%M"))
    };
    Some((shown(times.first()?), shown(times.last()?)))
}

/// A moment on the event's clock.
fn zoned(time: Timestamp, event: &Event) -> Zoned {
    let zone = event.clock.as_ref().map_or(jiff::tz::TimeZone::UTC, |clock| clock.t0().time_zone().clone());
    time.to_zoned(zone)
}

fn shown_time(time: Timestamp, event: &Event) -> String {
    zoned(time, event).strftime("%a %-d %b %Y, %H:%M %Z").to_string()
}
