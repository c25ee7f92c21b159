//! `runsheet notice send`: a mailing to its recipients, never twice to the same one.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::Path;

use jiff::Timestamp;

use super::confirm::Confirmed;
use super::earlier::{self, EarlierCampaign};
use super::handover::Handover;
use super::introduction::{Introduction, shown_time};
use super::ledger::Reached;
use super::load::{HistoryFrom, Loaded, StatusFrom, load};
use super::planned_mailing::{Brief, PlannedMailing};
use super::refusals::{self, Refusals};
use super::{confirm, identity, ledger, mail_server, report, test_message};
use crate::cli::{Global, InDoubt};
use crate::config::{Event, Mailing, Sending};
use crate::diagnostic::Diagnostics;
use crate::error::{Context, Exit, Result, bail, error};
use crate::mailing::{Frozen, Selection, Skip, campaign};
use crate::notice::campaign::Known;
use crate::notice::deadline::{self, Times, Timing};
use crate::notice::history::{Occasion, Standing, last_cover, verify_plan};
use crate::notice::invitation::Invitation;
use crate::notice::ledger::{Plan, Planned, State};
use crate::notice::stage::Stage;
use crate::schedule::zone;
use crate::text::{counted, thousands};
use crate::world::heads::Head;
use crate::world::ledger::adoption;
use crate::world::ledger::plan::Particulars;
use crate::world::ledger::store::Store;
use crate::world::ledger::{Ledger, Whom};
use crate::world::mail::smtp::Server;
use crate::world::{clock, disk, environment, process};

/// The options of `runsheet notice send`.
pub struct SendOrder<'a> {
    pub name: &'a str,
    /// A table other than the mailing's.
    pub recipients: Option<&'a Path>,
    pub yes: Option<u64>,
    /// To whom a test message goes, if this is a test.
    pub test: &'a [String],
    /// The recipient whose message is tested.
    pub only: Option<&'a str>,
    pub dry_run: bool,
    pub limit: Option<u64>,
    pub amend: bool,
    pub wait: bool,
    /// Why it is sent although its time has passed.
    pub late: Option<&'a str>,
    pub in_doubt: InDoubt,
    /// How many faulty rows to leave out.
    pub skip_bad: Option<u64>,
}

pub fn run(global: &Global, order: &SendOrder) -> Result<Exit> {
    process::leave_no_core();
    if global.t0.is_some() || global.now.is_some() || global.event.is_some() {
        bail!("`send` uses only runsheet.toml and the clock"; help: "leave out --t0, --now and --event, or use them with `notice preview` or `notice merge`");
    }
    if global.offline && !order.dry_run {
        bail!("cannot send with --offline"; help: "to see what would be sent, use --dry-run");
    }
    if order.only.is_some() && order.test.is_empty() {
        bail!("--only is for test messages"; help: "add --test ADDRESS; without it `send` mails everyone in the table, or the first N with `--limit N`");
    }
    if order.late.is_some_and(|reason| reason.trim().is_empty()) {
        bail!("--late is empty"; help: "give the reason for sending it anyway; the ledger keeps it");
    }
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    let mailing = ledger::declared(&loaded.project.config, order.name)?.clone();
    let mut diagnostics = loaded.site.diagnostics.clone();
    let named = campaign::campaign_of(&loaded.project, &mailing);
    let (Some((_, event)), false) = (named, loaded.settle(diagnostics.clone(), global).has_errors()) else {
        // Check the rows, too, so that one run reports all faults.
        let selection = Selection { recipients: order.recipients, only: order.only, ..Selection::all(&mailing) };
        loaded.check(&selection, &environment::keys(), &mut diagnostics)?;
        report::diagnostics(&loaded.settle(diagnostics, global), &loaded.inputs, global);
        report::note(global, "nothing was sent");
        return Ok(Exit::Faults);
    };
    let Some(sending) = loaded.project.config.sending.clone() else {
        bail!("no mail server is configured"; help: "add [smtp] with `host` to runsheet.toml");
    };
    if !order.test.is_empty() {
        return test_message::send(global, &loaded, &mailing, &sending, (order.test, order.only, order.skip_bad), &mut diagnostics);
    }
    let stage = campaign::stage_of(&loaded.project, &mailing);
    let earlier = earlier::campaigns(&loaded.root, &loaded.project, &mailing, event)?;
    let times = Times::new(&mailing, stage, event);
    // A postponement refers to the announced beginning, even if T-0 has been moved since.
    let announced = earlier.iter().rev().find(|one| !one.puts_off && one.mailing != mailing.id.value).map(|one| one.t0);
    let times = match announced.filter(|_| stage == Some(Stage::Postponed) && mailing.not_after.is_none()) {
        Some(t0) => times.map(|times| times.until_the_announced(t0)),
        None => times,
    };
    let job = Job { global, loaded: &loaded, mailing: &mailing, sending: &sending, event, times, earlier, order, now: clock::now() };
    job.run(diagnostics)
}

/// A sending with all its context.
struct Job<'a> {
    global: &'a Global,
    loaded: &'a Loaded,
    mailing: &'a Mailing,
    sending: &'a Sending,
    event: &'a Event,
    times: Option<Times>,
    earlier: Vec<EarlierCampaign>,
    order: &'a SendOrder<'a>,
    now: Timestamp,
}

fn store_of<'s>(ledger: &'s mut Option<&mut Ledger>) -> Option<&'s mut dyn Store> {
    ledger.as_mut().map(|ledger| ledger.store())
}

/// What happens to the plan when the number is confirmed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    /// It is frozen: there was no plan before.
    New,
    /// It is unchanged.
    Same,
    /// Rows that were left out are planned now, too.
    Extended,
    Amended,
}

impl Job<'_> {
    fn run(&self, mut diagnostics: Diagnostics) -> Result<Exit> {
        let order = self.order;
        let mut refusals = Refusals::new(order);
        refusals.add(identity::missing_id(&self.loaded.root, &self.loaded.project.config, &self.loaded.inputs))?;
        refusals.add(refusals::by_mode(self.event))?;
        if let Some(times) = &self.times {
            let asks = order.yes.is_none() && std::io::stdin().is_terminal();
            refusals.add(refusals::by_time(self.mailing, times, self.now, order.late, asks))?;
        }
        let reached = match &self.mailing.reached_by {
            Some(earlier) => Some(ledger::reached(&self.loaded.root, &self.loaded.project, &earlier.value)?),
            None => None,
        };
        let mut ledger = if order.dry_run {
            refusals.add(ledger::in_use(&self.loaded.root, &self.loaded.project.config)?)?;
            identity::to_read(&self.loaded.root, &self.loaded.project, self.mailing)?
        } else {
            Some(identity::to_send(self.global, &self.loaded.root, &self.loaded.project, self.mailing, self.sending.lease)?)
        };
        let known = self.known(ledger.as_mut(), &mut refusals)?;
        let frozen = self.frozen(known.as_ref(), ledger.as_mut())?;
        let Some(planned) = self.planned_mailing(&frozen, reached.as_ref(), &mut diagnostics)? else {
            refusals.say(self.global, true);
            return Ok(if refusals.is_empty() { Exit::Faults } else { Exit::Failed });
        };
        let rows = ledger.as_mut().map(Ledger::rows).transpose()?.unwrap_or_default();
        let change = self.change(&planned, known.as_ref(), ledger.as_mut(), &rows, &mut refusals)?;
        self.refuse_conflict(&planned, &rows, ledger.as_mut(), &mut refusals)?;
        // An amended plan has the date of its amendment.
        let (frozen, planned) = if change == Change::Amended {
            let frozen = Frozen { date: self.now, ..frozen };
            let Some(planned) = self.planned_mailing(&frozen, reached.as_ref(), &mut Diagnostics::default())? else {
                return Ok(Exit::Faults);
            };
            (frozen, planned)
        } else {
            (frozen, planned)
        };
        refusals.add(refusals::by_calendar(&self.earlier, self.event, self.sequence()))?;
        refusals.add(refusals::by_number(planned.messages(), self.sending))?;
        refusals.add(refusals::by_samples(&planned, self.sending))?;
        refusals.add(order.yes.and_then(|yes| refusals::by_count(yes, planned.messages())))?;
        let counts = ledger.as_mut().map(Ledger::counts).transpose()?.unwrap_or_default();
        let waiting = planned.waiting(&rows, change == Change::Amended);
        let place = ledger.as_ref().map(Ledger::place);
        let introduction = Introduction {
            mailing: self.mailing,
            sending: self.sending,
            event: self.event,
            times: self.times.as_ref(),
            earlier: &self.earlier,
            is_amended: change == Change::Amended,
            planned: &planned,
            place,
            known: known.as_ref(),
            counts: &counts,
            waiting,
            now: self.now,
        };
        introduction.say(self.global);
        if order.dry_run {
            // The secrets for the server must be available.
            refusals.add(mail_server::fault(&self.loaded.root, self.sending))?;
            refusals.say(self.global, false);
            return Ok(if refusals.is_empty() { Exit::Done } else { Exit::Failed });
        }
        let Some(mut ledger) = ledger else { bail!("no ledger found") };
        if waiting.messages == 0 && change == Change::Same && order.in_doubt == InDoubt::Hold {
            self.note_left_out(&mut ledger, &planned, &frozen)?;
            report::note(self.global, "nothing left to send");
            return self.handover(&frozen, planned.skip.as_ref()).conclude(&mut ledger, None, false);
        }
        if self.confirm(planned.messages())? == Confirmed::ByHand {
            self.refuse_meanwhile(&planned, &frozen, reached.as_ref(), &rows, &mut ledger)?;
        }
        self.hand_over(ledger, planned, &frozen, change)
    }

    /// What a plan fixes for all its messages, and the names under which the site's campaigns began.
    fn frozen(&self, known: Option<&Plan>, ledger: Option<&mut Ledger>) -> Result<Frozen> {
        let own = campaign::name_of(&self.loaded.project, self.mailing).unwrap_or_default();
        // A dry run does not take a campaign over; it reads it where it is.
        let (reads, is_own) = match &ledger {
            Some(ledger) => (ledger.campaign().to_owned(), ledger.campaign() == own),
            None => (own.clone(), true),
        };
        let mut store = ledger.filter(|_| is_own).map(Ledger::store);
        let mut begun =
            identity::begun(&self.loaded.root, &self.loaded.project, store.as_mut().map(|store| &mut **store as &mut dyn Store))?;
        let before = known.and_then(|plan| plan.begun_as.clone()).or((!is_own).then_some(reads));
        if let Some(before) = before {
            // The same applies to the campaigns it replies to, unless the ledger knows them by their present names.
            let names = store.map_or_else(|| Ok(Vec::new()), Ledger::campaigns)?;
            for identity::Declared { campaign, mailing, revision, .. } in identity::all_declared(&self.loaded.project) {
                let name = campaign.name().to_owned();
                if let Some(known) = Known::parse(&before).filter(|_| name != own && !names.contains(&name)) {
                    begun.entry(name).or_insert_with(|| known.name_of(mailing, revision));
                }
            }
            begun.insert(own, before);
        }
        Ok(Frozen { date: known.map_or(self.now, |plan| plan.frozen), begun })
    }

    /// Refuses if some of the recipients are in another campaign of the same mailing.
    fn refuse_conflict(
        &self,
        planned: &PlannedMailing,
        rows: &[Standing],
        ledger: Option<&mut Ledger>,
        refusals: &mut Refusals,
    ) -> Result<()> {
        // Recipients in doubt or refused get nothing until a person decides.
        let is_over = |state| matches!(state, State::Accepted | State::InDoubt | State::Refused | State::Cancelled);
        let done: BTreeSet<&str> = rows.iter().filter(|row| is_over(row.state)).map(|row| row.key.as_str()).collect();
        let waits = |row: &&Planned| !row.is_suppressed() && !done.contains(row.key.as_str());
        let keys: BTreeSet<&str> = planned.rows.iter().filter(waits).map(|row| row.key.as_str()).collect();
        let own = ledger.filter(|ledger| !self.order.dry_run || self.is_own(ledger)).map(Ledger::store);
        refusals.add(identity::conflict(&self.loaded.root, &self.loaded.project, self.mailing, &keys, own)?)
    }

    fn is_own(&self, ledger: &Ledger) -> bool {
        campaign::name_of(&self.loaded.project, self.mailing).is_some_and(|name| name == ledger.campaign())
    }

    /// Checks whether files or another ledger have changed while the user read the introduction.
    fn refuse_meanwhile(
        &self,
        planned: &PlannedMailing,
        frozen: &Frozen,
        reached: Option<&Reached>,
        rows: &[Standing],
        ledger: &mut Ledger,
    ) -> Result<()> {
        let loaded = load(self.global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
        let texts = |loaded: &Loaded| loaded.inputs.sources.values().map(|source| source.text.clone()).collect::<Vec<_>>();
        if texts(&loaded) != texts(self.loaded) {
            bail!("the project changed while you read this; nothing was sent"; help: "run it again");
        }
        let again = self.planned_mailing(frozen, reached, &mut Diagnostics::default())?;
        if again.is_none_or(|again| again.hash != planned.hash) {
            bail!("the recipient table changed while you read this; nothing was sent"; help: "run it again");
        }
        self.refuse_conflict(planned, rows, Some(ledger), &mut Refusals::new(self.order))
    }

    /// The plan in the ledger. If it does not match its history, or is older than what was seen from here, sending stops.
    fn known(&self, ledger: Option<&mut Ledger>, refusals: &mut Refusals) -> Result<Option<Plan>> {
        let mut ledger = ledger;
        let own = campaign::name_of(&self.loaded.project, self.mailing).unwrap_or_default();
        let campaign = ledger.as_ref().map_or_else(|| own.clone(), |ledger| ledger.campaign().to_owned());
        let restored = identity::restored(&self.loaded.root, &campaign, store_of(&mut ledger))?;
        refusals.add(restored.map(|restored| restored.error("nothing was sent")))?;
        if campaign == own {
            refusals.add(identity::sent_before(&self.loaded.root, &self.loaded.project, self.mailing, store_of(&mut ledger))?)?;
        }
        refusals.add(identity::lower_revision(&self.loaded.root, self.mailing, &campaign, store_of(&mut ledger))?)?;
        let Some(ledger) = ledger else { return Ok(None) };
        let known = ledger.plan()?;
        if let Some(successor) = adoption::successor(ledger.store(), &campaign)? {
            let name = Known::parse(&successor).map_or(successor, |known| known.site);
            refusals.add(error!("the site `{name}` has adopted this campaign; nothing was sent"; help: "send it from there, or set `id = \"{name}\"` in [site] if that is this site"))?;
        }
        let Some(plan) = known else { return Ok(None) };
        let lines = ledger.plan_lines()?;
        let faults = verify_plan(&plan, &lines, &ledger.rows()?);
        if !faults.is_empty() {
            refusals.add(error!("the ledger was changed outside Runsheet: {}; nothing was sent", faults.join("; "); help: "restore the unchanged ledger; for details run `runsheet notice export {}`", self.mailing.id.value))?;
        }
        if !self.order.dry_run {
            if lines.is_empty() {
                ledger.vouch(Occasion::FromHere, &environment::user(), "")?;
                report::note(self.global, "this plan was made by an older version: the history covers it from now on");
            }
            let left = ledger.sweep()?;
            if left > 0 {
                let are = counted(left, "message is", "messages are");
                report::note(self.global, &format!("{are} left in doubt by a sender that ended too early"));
            }
        }
        Ok(Some(plan))
    }

    /// Decides what happens to the plan. A changed plan is refused, unless it is amended.
    fn change(
        &self,
        planned: &PlannedMailing,
        known: Option<&Plan>,
        ledger: Option<&mut Ledger>,
        rows: &[Standing],
        refusals: &mut Refusals,
    ) -> Result<Change> {
        let (Some(plan), Some(ledger)) = (known, ledger) else { return Ok(Change::New) };
        if plan.hash == planned.hash {
            return Ok(Change::Same);
        }
        let difference = planned.difference(rows);
        let messages = last_cover(&ledger.plan_lines()?).map_or_else(String::new, |covered| covered.messages);
        if difference.is_mended(&messages) {
            let are = counted(difference.added() as u64, "row left out before is", "rows left out before are");
            report::note(self.global, &format!("{are} now good, and planned"));
            return Ok(Change::Extended);
        }
        if self.order.amend {
            report::note(self.global, &format!("changes to send: {}", difference.text()));
            return Ok(Change::Amended);
        }
        refusals.add(error!("the plan of {} has changed: {}; nothing was sent", shown_time(plan.frozen, self.event), difference.text(); help: "to send it as it is now to recipients not reached yet, use --amend; to send a correction to everyone, set `revision = {}` in the mailing", self.mailing.revision + 1))?;
        Ok(Change::Same)
    }

    /// Records rows that became faulty since the plan was made as left out, if none of the plan's messages changes.
    fn note_left_out(&self, ledger: &mut Ledger, planned: &PlannedMailing, frozen: &Frozen) -> Result<()> {
        let rows = ledger.rows()?;
        let known: BTreeSet<&str> = rows.iter().filter(|row| row.state == State::LeftOut).map(|row| row.key.as_str()).collect();
        if planned.left_out.iter().any(|row| !known.contains(row.key.as_str())) {
            self.write_plan(ledger, planned, frozen, Change::Extended, &environment::user())?;
        }
        Ok(())
    }

    /// The SEQUENCE of the window in the messages, if they have a calendar part.
    fn sequence(&self) -> Option<u64> {
        let notices = &self.loaded.site.config.notices;
        let clock = self.event.clock.as_ref()?;
        let site = self.loaded.site.config.site.identity();
        let stage = campaign::stage_of(&self.loaded.project, self.mailing);
        Invitation::new(self.event, site, "", notices, stage, clock.t0()).map(|invitation| invitation.sequence)
    }

    /// Records the plan and sends from it.
    fn hand_over(&self, mut ledger: Ledger, planned: PlannedMailing, frozen: &Frozen, change: Change) -> Result<Exit> {
        let server = self.server()?;
        let who = environment::user();
        self.write_plan(&mut ledger, &planned, frozen, change, &who)?;
        if change == Change::Same {
            self.note_left_out(&mut ledger, &planned, frozen)?;
        }
        // Its time may also pass while it is being sent.
        if let Some(reason) = self.order.late {
            ledger.vouch(Occasion::Late, &who, reason)?;
        }
        // A kill may come at any time, so the start of this run is recorded beside the ledger before anything is sent.
        if change == Change::Same {
            ledger.vouch(Occasion::Begun, &who, "")?;
        }
        ledger.keep()?;
        match self.order.in_doubt {
            InDoubt::Hold => {}
            InDoubt::Resend => self.decide(&mut ledger, State::Planned, &who, "send --in-doubt resend")?,
            InDoubt::AssumeSent => self.decide(&mut ledger, State::Accepted, &who, "send --in-doubt assume-sent")?,
        }
        self.handover(frozen, planned.skip.as_ref()).send(ledger, &server, planned.kept)
    }

    fn handover<'h>(&'h self, frozen: &'h Frozen, skip: Option<&'h Skip>) -> Handover<'h> {
        Handover {
            global: self.global,
            loaded: self.loaded,
            mailing: self.mailing,
            recipients: self.order.recipients,
            sending: self.sending,
            event: self.event,
            times: self.times.as_ref(),
            frozen,
            limit: self.order.limit,
            wait: self.order.wait,
            late: self.order.late,
            skip,
        }
    }

    fn write_plan(&self, ledger: &mut Ledger, planned: &PlannedMailing, frozen: &Frozen, change: Change, who: &str) -> Result<()> {
        ledger.keep_in(Head::open(&self.loaded.root, ledger.campaign())?);
        let plan = Plan {
            campaign: ledger.campaign().to_owned(),
            hash: planned.hash.clone(),
            frozen: frozen.date,
            subject: planned.firsts.first().map_or_else(String::new, |first| first.subject.clone()),
            amended: 0,
            begun_as: frozen.begun.get(ledger.campaign()).cloned(),
        };
        let table = match self.order.recipients {
            Some(file) => Some((file.display().to_string(), disk::hash(file)?)),
            None => None,
        };
        let t0 = self.event.clock.as_ref().map(|clock| clock.t0().timestamp());
        let event = Some(self.event.id.clone());
        let clock = self.event.clock.as_ref().map(|clock| (clock.t0().to_string(), zone::tzdata().to_owned()));
        let particulars = Particulars { who, left_out: &planned.left_out, table, event, t0, clock, sequence: self.sequence() };
        match change {
            Change::Same => Ok(()),
            Change::Amended => {
                ledger.amend(&plan, &planned.rows, &particulars)?;
                report::note(self.global, "amended");
                Ok(())
            }
            Change::Extended => ledger.extend(&plan, &planned.rows, &particulars),
            Change::New => match ledger.freeze(&plan, &planned.rows, &particulars) {
                // Another sender may have been quicker: if the hash is equal, it is the same plan.
                Err(_) if ledger.plan()?.is_some() => {
                    bail!("another sender has frozen this plan in the meantime"; help: "run it again to join")
                }
                frozen => frozen,
            },
        }
    }

    fn decide(&self, ledger: &mut Ledger, to: State, who: &str, why: &str) -> Result<()> {
        let decided = ledger.resolve(&Whom { key: None, from: &[State::InDoubt], code: None }, to, who, why)?;
        if !decided.is_empty() {
            report::note(self.global, &format!("{} in doubt: now {}", thousands(decided.len() as u64), to.name()));
        }
        Ok(())
    }

    /// Makes every message once. `None` if there are faults; they are reported.
    fn planned_mailing(&self, frozen: &Frozen, reached: Option<&Reached>, diagnostics: &mut Diagnostics) -> Result<Option<PlannedMailing>> {
        let (campaign, _) = campaign::campaign_of(&self.loaded.project, self.mailing).context("the mailing has no notice, or no event")?;
        let begun_as = frozen.begun.get(campaign.name()).cloned();
        let campaign = campaign.begun_as(begun_as.as_deref());
        let (mailing, recipients) = (self.mailing, self.order.recipients);
        let brief = Brief { mailing, recipients, campaign: campaign.hashed_as(), reached, frozen, skip_bad: self.order.skip_bad };
        PlannedMailing::make(self.global, self.loaded, &brief, diagnostics)
    }

    fn server(&self) -> Result<Server> {
        mail_server::of(&self.loaded.root, self.sending)
    }

    /// Requires the number of messages, typed or as an option; and for a stale mailing, a confirmation that it is not too late.
    fn confirm(&self, messages: u64) -> Result<Confirmed> {
        let confirmed = confirm::count(self.order.yes, messages)?;
        let Some(times) = self.times.as_ref().filter(|times| times.judge(self.now) == Timing::Stale && self.order.late.is_none()) else {
            return Ok(confirmed);
        };
        let due = format!("it was due {} ({}) and has no end date", deadline::with_distance(&times.due.0, self.now), times.due.1);
        let typed = confirm::ask(&format!("{due}\ntype `late` to send it anyway: "))?;
        if typed.trim() != "late" {
            bail!("you did not type `late`; nothing was sent");
        }
        Ok(confirmed)
    }
}
