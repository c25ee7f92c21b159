//! Mailings: recipients read from the world, merged by the core, handed to whoever writes them.

use std::path::Path;

use anyhow::Result;

use super::load::{Loaded, MOST_TIME};
use crate::config::{self, Mailing};
use crate::diagnostic::{Diagnostic, Diagnostics, suggest};
use crate::notice::Notice;
use crate::notice::engine::Rendered;
use crate::notice::merge::{Merge, Posting};
use crate::notice::message::{Campaign, Keys, Message};
use crate::notice::recipients::{self, Recipients};
use crate::page::Page;
use crate::source::RelPath;
use crate::world::disk;

/// What to merge.
pub struct Selection<'a> {
    pub mailing: &'a Mailing,
    /// A table other than the mailing's.
    pub recipients: Option<&'a Path>,
    pub only: Option<&'a str>,
    pub limit: Option<u64>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    pub written: u64,
    /// Recipients beyond the limit.
    pub left_out: u64,
    /// Addresses that stood in the table more than once.
    pub repeated: u64,
    /// There is no table of recipients.
    pub skipped: bool,
    /// Something was wrong, so not all messages were made. No level of `[check]` makes that right.
    pub incomplete: bool,
}

/// A notice of the project by its name, with its page.
pub fn find_notice<'a>(loaded: &'a Loaded, name: &str) -> Option<(&'a Page, &'a Notice)> {
    let pages = loaded.project.pages.iter();
    pages.flat_map(|page| page.notices.iter().map(move |notice| (&**page, notice))).find(|(_, notice)| notice.name == name)
}

/// Merges a mailing: every row is checked, and each message given to `write`, in the order of the table.
///
/// Once a fault is found nothing more is written, but the other rows are still checked.
pub fn merge(
    loaded: &Loaded,
    selection: &Selection,
    keys: &Keys,
    diagnostics: &mut Diagnostics,
    mut write: impl FnMut(u64, &Message) -> Result<()>,
) -> Result<Outcome> {
    merge_with(loaded, selection, keys, diagnostics, |number, message, _| write(number, message))
}

/// As [`merge`], with what was rendered beside each message.
pub fn merge_with(
    loaded: &Loaded,
    selection: &Selection,
    keys: &Keys,
    diagnostics: &mut Diagnostics,
    mut write: impl FnMut(u64, &Message, &Rendered) -> Result<()>,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let path = match selection.recipients {
        Some(path) => RelPath::new(&path.to_string_lossy()).unwrap_or_else(|| selection.mailing.recipients.value.clone()),
        None => selection.mailing.recipients.value.clone(),
    };
    let table = match selection.recipients {
        Some(file) => disk::open_table(file)?,
        None => disk::open_recipients(&loaded.root, &path)?,
    };
    let Some((beginning, file)) = table else {
        diagnostics.push(no_recipients(selection, &path));
        outcome.skipped = true;
        return Ok(outcome);
    };
    let mut rows = match Recipients::open(file, &path, recipients::delimiter(&beginning)) {
        Ok(rows) => rows,
        Err(faults) => {
            diagnostics.extend(faults);
            outcome.incomplete = true;
            return Ok(outcome);
        }
    };
    let merge = prepare(loaded, selection.mailing, &path, rows.columns(), keys, diagnostics);
    let mut faulty = merge.is_none();
    for row in rows.by_ref() {
        let recipient = match row {
            Ok(recipient) => recipient,
            Err(faults) => {
                diagnostics.extend(faults);
                faulty = true;
                continue;
            }
        };
        if selection.only.is_some_and(|only| !is_same(only, &recipient.address)) {
            continue;
        }
        if selection.limit.is_some_and(|limit| outcome.written >= limit) {
            outcome.left_out += 1;
            continue;
        }
        let Some(merge) = merge.as_ref().filter(|_| !faulty) else { continue };
        let name = format!("making a message of the mailing `{}`", selection.mailing.id.value);
        match loaded.watchdog.watch(name, MOST_TIME, || merge.message(&recipient)) {
            Ok((message, rendered)) => {
                outcome.written += 1;
                write(outcome.written, &message, &rendered)?;
            }
            Err(diagnostic) => {
                // A fault that the sample shows too is no matter of this recipient.
                let is_known = |known: &&Diagnostic| known.place == diagnostic.place && diagnostic.message.starts_with(&known.message);
                if !diagnostics.iter().any(|known| is_known(&known)) {
                    diagnostics.push(diagnostic);
                }
                faulty = true;
            }
        }
    }
    outcome.repeated = rows.repeated;
    outcome.incomplete = faulty;
    if let Some(only) = selection.only.filter(|_| outcome.written == 0 && !faulty) {
        let diagnostic = Diagnostic::error("no-such-recipient", format!("`{only}` is not among the recipients"));
        diagnostics.push(diagnostic.in_file(&path));
    }
    Ok(outcome)
}

fn is_same(only: &str, address: &lettre::Address) -> bool {
    crate::notice::address::parse(only).is_ok_and(|only| crate::notice::address::key(&only) == crate::notice::address::key(address))
}

fn no_recipients(selection: &Selection, path: &RelPath) -> Diagnostic {
    let message = format!("the mailing `{}` is skipped: there is no file `{path}`", selection.mailing.id.value);
    if selection.recipients.is_some() {
        return Diagnostic::error("no-recipients", message);
    }
    let config = config::path();
    Diagnostic::warning("no-recipients", message).at(&config, selection.mailing.recipients.span.clone())
}

/// Compiles the mailing's notice and checks all that does not depend on a row. `None` if that fails; it is reported.
pub fn prepare<'a>(
    loaded: &'a Loaded,
    mailing: &Mailing,
    path: &RelPath,
    columns: &[String],
    keys: &'a Keys,
    diagnostics: &mut Diagnostics,
) -> Option<Merge<'a>> {
    let site = &loaded.site;
    let config_path = config::path();
    // A notice that does not exist is reported by the site already.
    let (page, notice) = find_notice(loaded, &mailing.notice.value)?;
    let event_name = mailing.event.as_ref().map(|name| name.value.as_str());
    // A mailing that names its event keeps it: its campaign must not depend on the command line.
    let event = match event_name {
        Some(name) => site.config.events.get(name),
        None => site.config.event(page.front.event.as_ref().map(|name| name.value.as_str())),
    };
    let mut fault = |code, message: String, span: crate::source::Span, help: &str| {
        diagnostics.push(Diagnostic::error(code, message).at(&config_path, span).help(help));
    };
    let id = &mailing.id;
    let Some(event) = event else {
        let help = "say `event = \"…\"` in the mailing, or `default_event` in [site]";
        fault("unknown-event", format!("the mailing `{}` has no event", id.value), id.span.clone(), help);
        return None;
    };
    if site.config.notices.from.is_none() {
        fault("missing-key", "mailings need a sender".to_owned(), id.span.clone(), "set `from` in [notices]");
        return None;
    }
    if let Some(unsubscribe) = site.config.notices.unsubscribe.as_ref().filter(|text| text.value.contains("{token}"))
        && keys.unsubscribe.is_none()
    {
        let help = "set RUNSHEET_UNSUBSCRIBE_KEY in the environment: only its holder can make and check tokens";
        fault("missing-secret", "`{token}` needs a key".to_owned(), unsubscribe.span.clone(), help);
        return None;
    }
    if event.is_faulty {
        return None;
    }
    let Some(clock) = &event.clock else {
        let help = "set `t0` and `time_zone` in the event";
        fault("no-t0", format!("the event `{}` has no T-0, so the mailing has no date", event.id), id.span.clone(), help);
        return None;
    };
    let date = match &mailing.when {
        Some(when) => match clock.at(&when.value) {
            Ok(date) => date,
            Err(error) => {
                diagnostics
                    .push(Diagnostic::error("bad-offset", error.message()).at(&config_path, when.span.clone()).maybe_help(error.help()));
                return None;
            }
        },
        None => clock.t0().clone(),
    };
    let campaign = Campaign {
        site: if site.config.site.base_url.is_empty() { site.config.site.title.clone() } else { site.config.site.base_url.clone() },
        event: event.id.clone(),
        mailing: id.value.clone(),
        revision: mailing.revision,
    };
    // Faults of the templates themselves are reported by the site already.
    let compiled = site.compile(page, notice, Some(event), &loaded.theme, &mut Diagnostics::default())?;
    let merge = Merge::new(site, notice, compiled, Some(event), Posting { campaign, date, keys, recipients: path.clone() });
    let mut faults = Diagnostics::default();
    merge.check_columns(&site.config, Some(event), columns, &mut faults);
    let broken = faults.has_errors();
    diagnostics.extend(faults);
    (!broken).then_some(merge)
}

/// The mailing of a name, or one made up for a notice that no mailing sends.
pub fn find_mailing(loaded: &Loaded, name: &str) -> Result<Mailing> {
    let mailings = &loaded.project.config.mailings;
    if let Some(mailing) = mailings.iter().find(|mailing| mailing.id.value == name) {
        return Ok(mailing.clone());
    }
    if find_notice(loaded, name).is_some() {
        let span = 0..0;
        let named = |value: String| crate::data::Spanned { value, span: span.clone() };
        return Ok(Mailing {
            id: named(name.to_owned()),
            notice: named(name.to_owned()),
            event: None,
            recipients: crate::data::Spanned { value: RelPath::new("recipients.csv").expect("a plain path"), span: span.clone() },
            when: None,
            not_after: None,
            revision: 1,
        });
    }
    let notices = loaded.project.pages.iter().flat_map(|page| &page.notices).map(|notice| notice.name.as_str());
    let known: Vec<&str> = mailings.iter().map(|mailing| mailing.id.value.as_str()).chain(notices).collect();
    let help = suggest(name, known).map(|help| format!("\nhelp: {help}")).unwrap_or_default();
    anyhow::bail!("there is no mailing and no notice `{name}`{help}")
}
