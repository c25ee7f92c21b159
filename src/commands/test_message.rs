//! `runsheet notice send --test`: messages to oneself and other testers, which are not recorded in any ledger.

use std::collections::BTreeSet;

use lettre::Address;

use super::load::Loaded;
use super::skip::{self, Asked};
use super::{mail_server, report};
use crate::cli::Global;
use crate::config::{Mailing, Sending};
use crate::diagnostic::Diagnostics;
use crate::error::{Error, Exit, Result, bail};
use crate::mail::Keys;
use crate::mail::address;
use crate::mailing::{Frozen, Outcome, Selection, Tally, campaign, prepare};
use crate::notice::campaign::Campaign;
use crate::notice::merge::Merge;
use crate::notice::recipients::Recipient;
use crate::notice::trial;
use crate::text::counted;
use crate::world::mail::smtp::{Connection, Delivery, Failure, Server};
use crate::world::{clock, environment};

/// Sends the message of one recipient, or the first, to each of some addresses, marked as a test.
pub fn send(
    global: &Global,
    loaded: &Loaded,
    mailing: &Mailing,
    sending: &Sending,
    (testers, only, skip_bad): (&[String], Option<&str>, Option<u64>),
    diagnostics: &mut Diagnostics,
) -> Result<Exit> {
    let testers = addresses(testers)?;
    let keys = environment::keys();
    let found = first_recipient(loaded, mailing, only, skip_bad, &keys, diagnostics)?;
    let failed = report::diagnostics(&loaded.settle(diagnostics.clone(), global), &loaded.inputs, global);
    let Some((first, tally)) = found.filter(|(_, tally)| !failed && !tally.incomplete) else { return Ok(Exit::Faults) };
    let Some(recipient) = first else {
        let Tally { suppressed, left_out, .. } = tally;
        match only {
            Some(only) => bail!("`{only}` is suppressed and gets no mail"; help: "choose another recipient with --only"),
            None => bail!("no recipient for a test message: {suppressed} suppressed, {left_out} left out"),
        }
    };
    let path = &mailing.recipients.value;
    let now = clock::now();
    let frozen = Frozen::now(now);
    let materials = loaded.materials(&keys);
    let Some(mut merge) = prepare(materials, mailing, path, &recipient.columns, Some(&frozen), &mut Diagnostics::default()) else {
        return Ok(Exit::Faults);
    };
    // Use a new campaign each time, so that no mail program mistakes it for a message it already has. Its tokens belong to the
    // testers and to no recipient.
    let event = campaign::campaign_of(&loaded.project, mailing).map_or_else(String::new, |(_, event)| event.id.clone());
    let name = format!("{} tested {now}", mailing.id.value);
    merge.posting.campaign = Campaign::new(&loaded.site.config.site, &event, &name, mailing.revision);
    merge.posting.invitation = None;
    let server = mail_server::of(&loaded.root, sending)?;
    let refused = hand_over(global, &server, &merge, recipient, testers, &mailing.id.value)?;
    if refused > 0 {
        report::note(global, &format!("{} not sent", counted(refused, "test message was", "test messages were")));
        return Ok(Exit::NotAllSent);
    }
    Ok(Exit::Done)
}

/// The addresses of the testers, each once.
fn addresses(testers: &[String]) -> Result<Vec<Address>> {
    let mut seen = BTreeSet::new();
    let mut to = Vec::new();
    for tester in testers {
        let tester = address::parse(tester).map_err(Error::new)?;
        if seen.insert(address::key(&tester)) {
            to.push(tester);
        }
    }
    Ok(to)
}

/// The named recipient, or the first who gets a message, and how many there are of each kind. `None` if there are faulty rows that
/// were not to be left out.
fn first_recipient(
    loaded: &Loaded,
    mailing: &Mailing,
    only: Option<&str>,
    skip_bad: Option<u64>,
    keys: &Keys,
    diagnostics: &mut Diagnostics,
) -> Result<Option<(Option<Recipient>, Tally)>> {
    let all = Selection::all(mailing);
    let Asked::Rows(skip) = skip::asked(loaded, &all, keys, skip_bad, diagnostics)? else { return Ok(None) };
    let selection = Selection { only, limit: Some(1), skip: skip.as_ref(), ..all };
    let mut merging = loaded.merge(&selection, keys, diagnostics)?;
    let mut first = None;
    for outcome in &mut merging {
        if let Outcome::Written(merged) = outcome? {
            first = Some(merged.recipient);
        }
    }
    let (tally, found) = merging.finish();
    diagnostics.extend(found);
    Ok(Some((first, tally)))
}

/// Hands the message to each tester over one connection, as long as that lasts. Returns how many were not accepted.
fn hand_over(
    global: &Global,
    server: &Server,
    merge: &Merge,
    mut recipient: Recipient,
    testers: Vec<Address>,
    mailing: &str,
) -> Result<usize> {
    let row = recipient.address.to_string();
    let (mut open, mut refused) = (None, 0);
    for tester in testers {
        recipient.address = tester;
        let mark = |rendered: &mut _| trial::mark(rendered, mailing, &row);
        let (message, _) = merge.message_with(&recipient, mark).map_err(|diagnostic| Error::new(diagnostic.message))?;
        let mut connection = match open.take() {
            Some(connection) => connection,
            None => Connection::open(server).map_err(|(Failure::Passing(why) | Failure::Lasting(why))| why)?,
        };
        let delivery = connection.send(&message.envelope(), &message.bytes, || Ok(true), || None)?;
        let is_accepted = matches!(delivery, Delivery::Accepted(_));
        report::note(global, &result(server, &message.to, delivery));
        if is_accepted {
            open = Some(connection);
        } else {
            refused += 1;
            connection.quit();
        }
    }
    if let Some(connection) = open {
        connection.quit();
    }
    Ok(refused)
}

/// The outcome of one message, in a line.
fn result(server: &Server, to: &str, delivery: Delivery) -> String {
    let name = server.name();
    match delivery {
        Delivery::Accepted(reply) => format!("sent to {to}: {reply}"),
        Delivery::Answered { step, reply, .. } => format!("not sent to {to}: {name} answered {reply} at {}", step.name()),
        Delivery::Lost { why, .. } => format!("not sent to {to}: the connection to {name} was lost: {why}"),
        Delivery::InDoubt { why } => format!("in doubt, {to}: {name} did not confirm the message: {why}"),
        Delivery::Void => format!("not sent to {to}"),
    }
}
