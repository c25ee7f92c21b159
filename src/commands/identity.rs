//! What a site is in its ledger: campaigns that were begun under another name are found, and `runsheet notice adopt` takes them over.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};

use super::ledger::{self, declared};
use super::load::{HistoryFrom, Loaded, StatusFrom, load};
use super::{campaign, report};
use crate::cli::Global;
use crate::config::Mailing;
use crate::diagnostic::{counted, thousands};
use crate::notice::campaign::Campaign;
use crate::notice::ledger::Plan;
use crate::world::ledger::adoption::{self, Relative};
use crate::world::ledger::sqlite::InFile;
use crate::world::ledger::store::Store;
use crate::world::ledger::{Ledger, sender};

/// A campaign of the same mailing under another name, and the file of its ledger if it is not the project's own.
pub struct Elsewhere {
    pub relative: Relative,
    pub file: Option<PathBuf>,
}

impl Elsewhere {
    fn place(&self, own: &dyn Store) -> String {
        self.file.as_ref().map_or_else(|| own.place(), |file| file.display().to_string())
    }
}

/// What a site without an id is asked for.
pub fn missing_id(loaded: &Loaded) -> Option<String> {
    let site = &loaded.site.config.site;
    if site.id.is_some() {
        return None;
    }
    let text = loaded.inputs.sources.get(&crate::config::path()).map(|source| source.text.to_string()).unwrap_or_default();
    let hash = blake3::hash(format!("{}\n{text}", loaded.root.display()).as_bytes()).to_hex();
    Some(format!(
        "[site] has no `id`: without it an edit of the title or the address would mail everybody again\nhelp: add this line to [site] in runsheet.toml, and never change it: id = \"{}-{}\"",
        words_of(&site.title),
        &hash[..8]
    ))
}

/// The words of a title as the beginning of an id.
pub fn words_of(title: &str) -> String {
    let plain: String = title.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    let joined: String = words.join("-").chars().take(32).collect();
    let joined = joined.trim_matches('-');
    if joined.is_empty() { "site".to_owned() } else { joined.to_owned() }
}

/// Other campaigns of this mailing and revision: in the project's own ledger, and in the others of this user.
pub fn elsewhere(loaded: &Loaded, campaign: &Campaign, own: Option<&mut dyn Store>) -> Result<Vec<Elsewhere>> {
    let mut found = Vec::new();
    if let Some(own) = own {
        found.extend(adoption::relatives(own, campaign.name())?.into_iter().map(|relative| Elsewhere { relative, file: None }));
    }
    for file in ledger::other_files(loaded)? {
        let mut store = InFile::to_look(&file).with_context(|| format!("help: move it away if it is no ledger: {}", file.display()))?;
        let relatives = adoption::relatives(&mut store, campaign.name())?;
        found.extend(relatives.into_iter().map(|relative| Elsewhere { relative, file: Some(file.clone()) }));
    }
    Ok(found)
}

/// The one campaign among others that this project itself began before its site had an id.
fn earlier(loaded: &Loaded, mailing: &Mailing, others: Vec<Elsewhere>) -> Option<Elsewhere> {
    let (_, event) = campaign::campaign_of(loaded, mailing)?;
    let site = &loaded.site.config.site;
    let is_own = |other: &Elsewhere| other.relative.known.is_earlier_name_of(&site.base_url, &site.title, &event.id);
    let mut own: Vec<Elsewhere> = others.into_iter().filter(is_own).collect();
    if own.len() == 1 { own.pop() } else { None }
}

/// The ledger of a mailing's campaign to read it, also if it was begun under its earlier name. `None` if there is none.
pub fn to_read(loaded: &Loaded, mailing: &Mailing) -> Result<Option<Ledger>> {
    let campaign = campaign_of(loaded, mailing)?;
    let mut own = ledger::to_read(loaded)?;
    let is_known = own
        .as_mut()
        .map(|own| Ledger::campaigns(&mut **own))
        .transpose()?
        .is_some_and(|known| known.iter().any(|name| name == campaign.name()));
    if !is_known {
        let others = elsewhere(loaded, &campaign, own.as_mut().map(|own| &mut **own as &mut dyn Store))?;
        if let Some(Elsewhere { relative, file }) = earlier(loaded, mailing, others) {
            let store = match file {
                Some(file) => InFile::to_read(&file)?.map(|store| Box::new(store) as Box<dyn Store>),
                None => own,
            };
            return Ok(store.map(|store| Ledger::new(store, &relative.name, &sender(), std::time::Duration::ZERO)));
        }
    }
    Ok(own.map(|own| Ledger::new(own, campaign.name(), &sender(), std::time::Duration::ZERO)))
}

/// The ledger of a mailing's campaign to send by it. One that was begun under its earlier name is taken over.
pub fn to_send(global: &Global, loaded: &Loaded, mailing: &Mailing, lease: std::time::Duration) -> Result<Ledger> {
    let campaign = campaign_of(loaded, mailing)?;
    let mut ledger = Ledger::new(ledger::to_send(loaded)?, campaign.name(), &sender(), lease);
    if ledger.plan()?.is_none() {
        let others = elsewhere(loaded, &campaign, Some(ledger.store()))?;
        if let Some(other) = earlier(loaded, mailing, others) {
            let reached = counted(other.relative.reached, "recipient was", "recipients were");
            adopt_into(&mut ledger, &other, &ledger::who(None), "the name that this site had before it had an id")?;
            let known = &other.relative.known;
            report::note(global, &format!("taken over from the ledger of `{}`: {reached} reached", known.site));
        }
    }
    Ok(ledger)
}

fn adopt_into(ledger: &mut Ledger, other: &Elsewhere, who: &str, why: &str) -> Result<()> {
    match &other.file {
        None => ledger.adopt_here(&other.relative.name, who, why),
        // While it is locked nobody sends by it.
        Some(file) => ledger.adopt_from(&mut InFile::to_send(file)?, &other.relative.name, who, why),
    }
}

fn campaign_of(loaded: &Loaded, mailing: &Mailing) -> Result<Campaign> {
    let found = campaign::campaign_of(loaded, mailing);
    Ok(found.with_context(|| format!("the mailing `{}` has no notice or no event", mailing.id.value))?.0)
}

/// Why a new campaign is not begun: some of its recipients are in another one of the same mailing and revision, under another name.
pub fn conflict(loaded: &Loaded, mailing: &Mailing, keys: &BTreeSet<&str>, own: Option<&mut dyn Store>) -> Result<Option<String>> {
    let campaign = campaign_of(loaded, mailing)?;
    let site = loaded.site.config.site.identity();
    let mut own = own;
    let others = elsewhere(loaded, &campaign, own.as_mut().map(|own| &mut **own as &mut dyn Store))?;
    for other in others {
        let both = other.relative.addressed.iter().filter(|key| keys.contains(key.as_str())).count();
        let is_apart = match own.as_mut() {
            Some(own) => adoption::are_apart(&mut **own, site, &other.relative.known.site)?,
            None => false,
        };
        if both == 0 || is_apart {
            continue;
        }
        let id = &mailing.id.value;
        let place = other.file.as_ref().map_or_else(|| "this ledger".to_owned(), |file| format!("the ledger {}", file.display()));
        let Relative { known, reached, .. } = &other.relative;
        return Ok(Some(format!(
            "{place} holds the mailing `{id}` for {} of these recipients under the name `{}`: {} were reached\nhelp: if that is this site, `runsheet notice adopt {id} --from {}` takes it over, and nobody is mailed again\nhelp: if it is another site, `runsheet notice adopt {id} --from {} --apart` says so",
            thousands(both as u64),
            known.site,
            thousands(*reached as u64),
            quoted(&known.site),
            quoted(&known.site)
        )));
    }
    Ok(None)
}

/// A text as one argument in a shell.
fn quoted(text: &str) -> String {
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/'));
    if is_plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// `runsheet notice adopt`
pub fn adopt(global: &Global, name: &str, from: Option<&str>, apart: bool, why: &str, who: Option<&str>) -> Result<ExitCode> {
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    let mailing = declared(&loaded, name)?.clone();
    if let Some(missing) = missing_id(&loaded) {
        bail!("{missing}");
    }
    if why.trim().is_empty() {
        bail!("--why is empty\nhelp: say how it is known; the ledger keeps it");
    }
    let who = ledger::who(who);
    let campaign = campaign_of(&loaded, &mailing)?;
    let mut ledger = Ledger::new(ledger::to_send(&loaded)?, campaign.name(), &sender(), std::time::Duration::ZERO);
    let others = elsewhere(&loaded, &campaign, Some(ledger.store()))?;
    let names: Vec<String> =
        others.iter().map(|other| format!("`{}` in {}", other.relative.known.site, other.place(ledger.store()))).collect();
    let known = if names.is_empty() { "there is none".to_owned() } else { format!("known: {}", names.join(", ")) };
    let chosen = others.into_iter().find(|other| from.is_none_or(|from| from == other.relative.known.site));
    let Some(other) = chosen.filter(|_| from.is_some() || names.len() == 1) else {
        let asked = from.map_or_else(|| "several".to_owned(), |from| format!("`{from}`"));
        return Err(anyhow!("cannot tell which campaign of `{name}` is meant: {asked}\nhelp: name it with --from; {known}"));
    };
    let site = &other.relative.known.site;
    if apart {
        adoption::tell_apart(ledger.store(), loaded.site.config.site.identity(), site, &who, why)?;
        report::note(global, &format!("`{site}` is another site: its recipients do not stop a mailing of this one"));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(Plan { frozen, .. }) = ledger.plan()? {
        bail!("`{name}` has a plan of its own, of {frozen}: two campaigns cannot become one");
    }
    adopt_into(&mut ledger, &other, &who, why)?;
    let counts = ledger.counts()?;
    report::note(global, &format!("taken over from `{site}`: {}", counts.text()));
    Ok(ExitCode::SUCCESS)
}
