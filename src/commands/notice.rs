//! `runsheet notice`: list, preview and merge.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use super::load::{HistoryFrom, Loaded, StatusFrom, load};
use super::mailings::{self, Selection};
use super::{build, report};
use crate::cli::{Global, NoticeCommand, PreviewFormat};
use crate::config::Mailing;
use crate::notice::message::Message;
use crate::notice::recipients::Recipient;
use crate::world::environment;
use crate::world::outlet;
use crate::world::output::{Lock, Output};

pub fn run(global: &Global, command: &NoticeCommand) -> Result<ExitCode> {
    match command {
        NoticeCommand::List => list(global),
        NoticeCommand::Preview { name, to, format } => preview(global, name, to.as_deref(), *format),
        NoticeCommand::Merge { name, recipients, to, only, limit, all } => {
            merge(global, name, recipients.as_deref(), to.as_deref(), only.as_deref(), *limit, *all)
        }
    }
}

fn list(global: &Global) -> Result<ExitCode> {
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    let mut text = String::new();
    for notice in loaded.project.pages.iter().flat_map(|page| &page.notices) {
        text.push_str(&format!("{}  {}  ({})\n", notice.name, notice.title, notice.path));
        for mailing in loaded.project.config.mailings.iter().filter(|mailing| mailing.notice.value == notice.name) {
            let when = mailing.when.as_ref().map(|when| format!(" at {}", when.value)).unwrap_or_default();
            text.push_str(&format!("  mailing {}{when}, to {}\n", mailing.id.value, mailing.recipients.value));
        }
    }
    report::data(&text);
    Ok(ExitCode::SUCCESS)
}

fn preview(global: &Global, name: &str, to: Option<&str>, format: PreviewFormat) -> Result<ExitCode> {
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    // A mailing of that name comes first, then one that sends the notice of that name.
    let declared = &loaded.project.config.mailings;
    let by_id = declared.iter().find(|mailing| mailing.id.value == name);
    let mailing = match by_id.or_else(|| declared.iter().find(|mailing| mailing.notice.value == name)) {
        Some(mailing) => mailing.clone(),
        None => mailings::find_mailing(&loaded, name)?,
    };
    let mut diagnostics = loaded.site.diagnostics.clone();
    let message = match to {
        Some(address) => message_to(&loaded, &mailing, address, &mut diagnostics)?,
        None => sample_message(&loaded, &mailing, &mut diagnostics)?,
    };
    let failed = report::diagnostics(&loaded.settle(diagnostics, global), &loaded.inputs, global);
    let Some(message) = message.filter(|_| !failed) else { return Ok(ExitCode::from(1)) };
    match format {
        PreviewFormat::Eml => report::data(&String::from_utf8_lossy(&message.0.bytes)),
        PreviewFormat::Html => report::data(&message.1.html),
        PreviewFormat::Text => {
            let Message { to, subject, message_id, .. } = &message.0;
            report::data(&format!("To: {to}\nSubject: {subject}\nMessage-ID: {message_id}\n\n{}", message.1.text));
        }
    }
    Ok(ExitCode::SUCCESS)
}

type Previewed = (Message, crate::notice::engine::Rendered);

fn message_to(
    loaded: &Loaded,
    mailing: &Mailing,
    address: &str,
    diagnostics: &mut crate::diagnostic::Diagnostics,
) -> Result<Option<Previewed>> {
    let keys = environment::keys();
    let mut found = None;
    let selection = Selection { mailing, recipients: None, only: Some(address), limit: Some(1) };
    mailings::merge_with(loaded, &selection, &keys, diagnostics, |_, message, rendered| {
        found = Some((message.clone(), rendered.clone()));
        Ok(())
    })?;
    Ok(found)
}

/// The notice with the sample of the configuration in place of a recipient.
fn sample_message(loaded: &Loaded, mailing: &Mailing, diagnostics: &mut crate::diagnostic::Diagnostics) -> Result<Option<Previewed>> {
    let keys = environment::keys();
    let mut fields = loaded.project.config.notices.sample.clone();
    let address = crate::notice::address::parse(fields.get("email").map_or("sample@example.org", String::as_str));
    let Ok(address) = address else { bail!("the `email` of the sample in [notices] is no address") };
    fields.entry("email".to_owned()).or_insert_with(|| address.to_string());
    let columns: Vec<String> = fields.keys().cloned().collect();
    let path = crate::config::path();
    let Some(merge) = mailings::prepare(loaded, mailing, &path, &columns, &keys, diagnostics) else { return Ok(None) };
    match merge.message(&Recipient { address, fields, line: 1 }) {
        Ok(previewed) => Ok(Some(previewed)),
        Err(diagnostic) => {
            diagnostics.push(diagnostic);
            Ok(None)
        }
    }
}

fn merge(
    global: &Global,
    name: &str,
    recipients: Option<&Path>,
    to: Option<&Path>,
    only: Option<&str>,
    limit: Option<u64>,
    all: bool,
) -> Result<ExitCode> {
    let root = super::load::root(global)?;
    let _lock = Lock::take(&root)?;
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    let mailing = mailings::find_mailing(&loaded, name)?;
    let is_declared = loaded.project.config.mailings.iter().any(|declared| declared.id.value == mailing.id.value);
    if !is_declared && recipients.is_none() {
        bail!("`{name}` is a notice that no mailing sends\nhelp: name its recipients with --recipients FILE");
    }
    let target = match to {
        Some(folder) => folder.to_owned(),
        None => outlet::outbox(&loaded.root)?.join(&mailing.id.value),
    };
    let output = Output::begin(&loaded.root, &target, outlet::MARKER)?;
    let mut diagnostics = loaded.site.diagnostics.clone();
    let keys = environment::keys();
    let most = loaded.project.config.notices.max_without_all;
    let limit = limit.or((!all).then_some(most));
    let selection = Selection { mailing: &mailing, recipients, only, limit };
    let merged =
        mailings::merge(&loaded, &selection, &keys, &mut diagnostics, |number, message| outlet::write_eml(&output, "", number, message));
    let outcome = merged.with_context(|| format!("cannot merge `{name}`"))?;
    if report::diagnostics(&loaded.settle(diagnostics, global), &loaded.inputs, global) || outcome.skipped || outcome.incomplete {
        report::note(global, "nothing was written");
        return Ok(ExitCode::from(1));
    }
    output.publish()?;
    let line = build::say_outcome(&mailing.id.value, &outcome);
    report::note(global, &line.replacen(&format!("outbox/{}/", mailing.id.value), &target.display().to_string(), 1));
    Ok(ExitCode::SUCCESS)
}
