//! `runsheet notice who`: finds the recipient of an unsubscribe link or a bounce address.

use std::collections::BTreeSet;
use std::path::Path;

use super::load::{HistoryFrom, StatusFrom, load};
use super::{identity, ledger, report};
use crate::cli::Global;
use crate::config::Mailing;
use crate::error::{Context, Exit, Result, bail};
use crate::mail::address::{self, Rules};
use crate::mail::token::Sought;
use crate::mailing::{Selection, Source, campaign};
use crate::notice::campaign::{Campaign, Known};
use crate::notice::recipients::{Entry, Recipients};
use crate::project::Project;
use crate::text::{counted, visible};
use crate::world::environment;
use crate::world::ledger::Ledger;
use crate::world::ledger::store::Store;
use crate::world::table_file::TableFile;

pub fn run(global: &Global, token: &str, mailing: Option<&str>, recipients: Option<&Path>) -> Result<Exit> {
    let Some(key) = environment::keys().unsubscribe else {
        bail!("reading tokens needs their key"; help: "set RUNSHEET_UNSUBSCRIBE_KEY in the environment");
    };
    let sought = if token.len() > Sought::MOST { None } else { Sought::in_text(token) };
    let Some(sought) = sought else {
        let shown: String = token.chars().take(80).collect();
        bail!("no token found in `{}`", visible(&shown); help: "pass the token, or the whole address or link that contains it");
    };
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    let mailings: Vec<&Mailing> = match mailing {
        Some(name) => vec![ledger::declared(&loaded.project.config, name)?],
        None => loaded.project.config.mailings.iter().collect(),
    };
    let (mut found, mut looked) = (String::new(), 0);
    for mailing in mailings {
        let id = &mailing.id.value;
        match look(global, &loaded.root, &loaded.project, mailing, recipients, &sought, &key)
            .with_context(|| format!("cannot search the mailing `{id}`"))?
        {
            Ok(search) => {
                looked += search.rows;
                found.push_str(&search.found);
            }
            Err(why) => report::note(global, &format!("skipped the mailing `{id}`: {why}")),
        }
    }
    report::data(&found)?;
    if found.is_empty() {
        report::note(global, &format!("no recipient has this token: {} searched", counted(looked, "row", "rows")));
        report::note(global, "check that the key and the recipient table are those the message was made with");
        return Ok(Exit::Faults);
    }
    Ok(Exit::Done)
}

/// The result of searching one mailing.
struct Search {
    rows: usize,
    found: String,
}

/// Searches a mailing's table, in all of its revisions. The inner error says why it cannot be searched.
fn look(
    global: &Global,
    root: &Path,
    project: &Project,
    mailing: &Mailing,
    recipients: Option<&Path>,
    sought: &Sought,
    key: &str,
) -> Result<Result<Search, String>> {
    let Some((_, event)) = campaign::campaign_of(project, mailing) else { return Ok(Err("it has no notice, or no event".to_owned())) };
    let file = TableFile::new(root, &Selection { recipients, ..Selection::all(mailing) });
    let Some(table) = crate::mailing::open(&file)? else { return Ok(Err(format!("file not found: {}", file.path()))) };
    let rules = Rules { unicode: project.config.notices.allow_unicode_addresses };
    let rows = table.map_err(|fault| vec![fault]);
    let mut rows = match rows.and_then(|table| Recipients::open(table.rows, file.path(), &mailing.columns, rules)) {
        Ok(rows) => rows,
        Err(faults) => return Ok(Err(faults.first().map_or_else(String::new, |fault| fault.message.clone()))),
    };
    // Only the address matters, whatever the other columns contain.
    rows.show_only(&BTreeSet::new());
    let id = &mailing.id.value;
    let mut names: BTreeSet<(u64, String)> = BTreeSet::new();
    for revision in 1..=mailing.revision.max(1) {
        let of = Campaign::names(&project.config.site, &event.id, id, revision);
        names.extend(of.into_iter().map(|name| (revision, name)));
    }
    match begun(root, project, mailing) {
        Ok(begun) => names.extend(begun),
        Err(error) => report::note(global, &format!("cannot read the ledger: {error:#}")),
    }
    let mut search = Search { rows: 0, found: String::new() };
    // A row that is faulty now may have been good when it was sent.
    let addresses = rows.filter_map(|row| match row {
        Entry::New(recipient) | Entry::Again(recipient) => Some(recipient.address),
        Entry::Bad(row) => row.address,
    });
    for address in addresses {
        search.rows += 1;
        let address = address::key(&address);
        for (revision, name) in &names {
            if let Some(kind) = sought.finds(key, name, &address) {
                search.found.push_str(&format!("{address}  mailing {id}, revision {revision}, {} token\n", kind.name()));
            }
        }
    }
    Ok(Ok(search))
}

/// The names under which the ledger knows a mailing's campaigns, including those taken over from another name of the site.
fn begun(root: &Path, project: &Project, mailing: &Mailing) -> Result<Vec<(u64, String)>> {
    let mut store = ledger::to_read(root, &project.config)?;
    let mut names = Vec::new();
    if let Some(store) = &mut store {
        names.extend(Ledger::campaigns(&mut **store)?.into_iter().map(|name| (name.clone(), name)));
    }
    names.extend(identity::begun(root, project, store.as_mut().map(|store| &mut **store as &mut dyn Store))?);
    let of_mailing = names.into_iter().filter_map(|(name, begun_as)| Some((Known::parse(&name)?, begun_as)));
    Ok(of_mailing.filter(|(known, _)| known.mailing == mailing.id.value).map(|(known, name)| (known.revision, name)).collect())
}
