//! `runsheet notice send --test`: one message to oneself, which is in no ledger.

use std::process::ExitCode;

use anyhow::{Result, anyhow, bail};

use super::load::Loaded;
use super::mailings::{self, Fate, Selection};
use super::send::server;
use super::{campaign, report};
use crate::cli::Global;
use crate::config::{Mailing, Sending};
use crate::diagnostic::Diagnostics;
use crate::notice::address;
use crate::notice::campaign::Campaign;
use crate::world::smtp::{Connection, Delivery, Failure};
use crate::world::{clock, environment};

/// Sends the message of one recipient, or the first, to an address, which is in no ledger.
pub fn send(
    global: &Global,
    loaded: &Loaded,
    mailing: &Mailing,
    sending: &Sending,
    (to, only): (&str, Option<&str>),
    diagnostics: &mut Diagnostics,
) -> Result<ExitCode> {
    let to = address::parse(to).map_err(|message| anyhow!(message))?;
    let keys = environment::keys();
    let mut first = None;
    let selection = Selection { only, limit: Some(1), ..Selection::all(mailing) };
    let outcome = mailings::merge(loaded, &selection, &keys, diagnostics, |fate| {
        if let Fate::Written(letter) = fate {
            first = Some(letter.recipient.clone());
        }
        Ok(())
    })?;
    let failed = report::diagnostics(&loaded.settle(diagnostics.clone(), global), &loaded.inputs, global);
    let Some(mut recipient) = first.filter(|_| !failed && !outcome.incomplete) else { return Ok(ExitCode::from(1)) };
    recipient.address = to;
    let path = &mailing.recipients.value;
    let now = clock::now();
    let Some(mut merge) =
        campaign::prepare(loaded, mailing, path, &recipient.columns, &keys, Some(&campaign::Frozen::now(now)), &mut Diagnostics::default())
    else {
        return Ok(ExitCode::from(1));
    };
    // Another campaign each time, so that no mail program takes it for one that it has.
    let event = campaign::campaign_of(loaded, mailing).map_or_else(String::new, |(_, event)| event.id.clone());
    let name = format!("{} tested {now}", mailing.id.value);
    merge.posting.campaign = Campaign::new(&loaded.site.config.site, &event, &name, mailing.revision);
    merge.posting.invitation = None;
    let (message, _) = merge.message(&recipient).map_err(|diagnostic| anyhow!(diagnostic.message))?;
    let server = server(loaded, sending)?;
    let failure = |failure| match failure {
        Failure::Passing(why) | Failure::Lasting(why) => anyhow!(why),
    };
    let mut connection = Connection::open(&server).map_err(failure)?;
    let delivery = connection.send(&message.from, &message.to, &message.bytes, || Ok(true), || None)?;
    match delivery {
        Delivery::Accepted(reply) => {
            connection.quit();
            report::note(global, &format!("sent to {}: {reply}", message.to));
            Ok(ExitCode::SUCCESS)
        }
        Delivery::Answered { step, reply, .. } => {
            report::note(global, &format!("{} answered {reply} at {}", server.name(), step.name()));
            Ok(ExitCode::from(3))
        }
        Delivery::Lost { why, .. } => bail!("the connection to {} was lost: {why}", server.name()),
        Delivery::InDoubt { why } => bail!("{} has not said whether it took the message: {why}", server.name()),
        Delivery::Void => bail!("nothing was sent"),
    }
}
