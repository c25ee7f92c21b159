//! The identity of a site in its ledger: finds campaigns that began under another name, and lets `runsheet notice adopt` take them over.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::path::PathBuf;

use super::ledger::{self, declared};
use super::load::{HistoryFrom, StatusFrom, load};
use super::report;
use crate::cli::Global;
use crate::config::Config;
use crate::config::Mailing;
use crate::error::{Context, Error, Exit, Result, bail, error};
use crate::inputs::Inputs;
use crate::mailing::campaign;
use crate::notice::campaign::{Campaign, Known};
use crate::notice::ledger::Plan;
use crate::project::Project;
use crate::text::{counted, thousands};
use crate::world::heads;
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

/// Suggests the `id` line for a site without one: with the id it had before, as far as that is known, otherwise with a new one.
pub fn missing_id(root: &Path, config: &Config, inputs: &Inputs) -> Option<Error> {
    let site = &config.site;
    if site.id.is_some() {
        return None;
    }
    let seen = heads::campaigns(root).unwrap_or_default();
    let had = seen.iter().rev().filter_map(|name| Known::parse(name)).find(|known| known.event.is_none()).map(|known| known.site);
    if let Some(id) = had {
        return Some(
            error!("[site] has no `id`, but mails were sent with `{id}`"; help: "restore this line in [site] of runsheet.toml: id = \"{id}\""),
        );
    }
    // Two copies of a project must get the same id.
    let text = inputs.sources.get(&crate::source::configuration()).map(|source| source.text.to_string()).unwrap_or_default();
    let hash = blake3::hash(text.as_bytes()).to_hex();
    Some(
        error!("[site] has no `id`: without one, changing the title or the address would mail everyone again"; help: "add this line to [site] in runsheet.toml, and never change it: id = \"{}-{}\"", words_of(&site.title), &hash[..8]),
    )
}

/// Turns the words of a title into the beginning of an id.
pub fn words_of(title: &str) -> String {
    let plain: String = title.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    let joined: String = words.join("-").chars().take(32).collect();
    let joined = joined.trim_matches('-');
    if joined.is_empty() { "site".to_owned() } else { joined.to_owned() }
}

/// Other campaigns of this mailing and revision: in the project's own ledger, and in this user's other ledgers. Campaigns that this
/// one has taken over are left out.
pub fn elsewhere(root: &Path, project: &Project, campaign: &Campaign, own: Option<&mut dyn Store>) -> Result<Vec<Elsewhere>> {
    let mut found = Vec::new();
    let mut own = own;
    if let Some(own) = own.as_mut() {
        found
            .extend(adoption::relatives(&mut **own, campaign.name(), true)?.into_iter().map(|relative| Elsewhere { relative, file: None }));
    }
    for file in ledger::other_files(root, &project.config)? {
        let look = || adoption::relatives(&mut InFile::to_look(&file)?, campaign.name(), false);
        let shown = file.display();
        let relatives =
            look().with_context(|| error!("cannot read the ledger {shown}"; help: "move {shown} away if it is not a ledger"))?;
        found.extend(relatives.into_iter().map(|relative| Elsewhere { relative, file: Some(file.clone()) }));
    }
    // A handover to this campaign that was interrupted still has to be completed.
    let known = match own.filter(|_| found.iter().any(|other| other.relative.successor.is_some())) {
        Some(own) => adoption::taken_over(own, campaign.name())?,
        None => BTreeSet::new(),
    };
    // If it was handed over to another campaign that exists here, its recipients are in that one.
    let names: BTreeSet<String> = found.iter().map(|other| other.relative.name.clone()).collect();
    let is_handed_on = |relative: &Relative| relative.successor.as_ref().is_some_and(|name| names.contains(name) && *name != relative.name);
    // A file of the same name that was never handed over may contain more than the one that was.
    let is_here = |relative: &Relative| relative.successor.is_some() && known.contains(&relative.name);
    found.retain(|other| !is_here(&other.relative) && !is_handed_on(&other.relative));
    Ok(found)
}

/// The only campaign that this project began before its site had an id and that nobody has taken over.
fn earlier(project: &Project, campaign: &Campaign, event: &str, others: Vec<Elsewhere>) -> Option<Elsewhere> {
    let site = &project.config.site;
    let is_own = |other: &Elsewhere| {
        other.relative.successor.as_deref().is_none_or(|name| name == campaign.name())
            && other.relative.known.is_earlier_name_of(&site.base_url, &site.title, event)
    };
    let mut own: Vec<Elsewhere> = others.into_iter().filter(is_own).collect();
    if own.len() == 1 { own.pop() } else { None }
}

/// The names under which campaigns of this site began, by their present names: Message-IDs of a series are derived from them.
pub fn begun(root: &Path, project: &Project, own: Option<&mut dyn Store>) -> Result<BTreeMap<String, String>> {
    let config = &project.config;
    let Some(own) = own else { return begun_elsewhere(root, project, BTreeMap::new(), None) };
    let known = adoption::begun(own)?;
    if config.site.id.is_none() { Ok(known) } else { begun_elsewhere(root, project, known, Some(own)) }
}

/// A campaign that the configuration declares.
pub struct Declared<'a> {
    pub campaign: Campaign,
    pub event: &'a str,
    pub mailing: &'a str,
    pub revision: u64,
}

/// All campaigns that the configuration declares: each mailing in each of its revisions.
pub fn all_declared(project: &Project) -> Vec<Declared<'_>> {
    let mut all = Vec::new();
    for mailing in &project.config.mailings {
        let Some((_, event)) = campaign::campaign_of(project, mailing) else { continue };
        let (event, mailing, last) = (event.id.as_str(), mailing.id.value.as_str(), mailing.revision);
        let campaign = |revision| Campaign::new(&project.config.site, event, mailing, revision);
        all.extend((1..=last).map(|revision| Declared { campaign: campaign(revision), event, mailing, revision }));
    }
    all
}

/// Adds those that were not taken over yet.
fn begun_elsewhere(
    root: &Path,
    project: &Project,
    mut begun: BTreeMap<String, String>,
    mut own: Option<&mut dyn Store>,
) -> Result<BTreeMap<String, String>> {
    let known: BTreeSet<String> = match own.as_mut() {
        Some(own) => Ledger::campaigns(&mut **own)?.into_iter().collect(),
        None => BTreeSet::new(),
    };
    for Declared { campaign, event, .. } in all_declared(project) {
        if known.contains(campaign.name()) {
            continue;
        }
        let others = elsewhere(root, project, &campaign, own.as_mut().map(|own| &mut **own as &mut dyn Store))?;
        if let Some(other) = earlier(project, &campaign, event, others) {
            begun.insert(campaign.name().to_owned(), other.relative.name);
        }
    }
    Ok(begun)
}

/// Opens the ledger of a mailing's campaign to read it, even if it began under its earlier name. `None` if there is no ledger.
pub fn to_read(root: &Path, project: &Project, mailing: &Mailing) -> Result<Option<Ledger>> {
    let (campaign, event) = named(project, mailing)?;
    let mut own = ledger::to_read(root, &project.config)?;
    let is_known = own
        .as_mut()
        .map(|own| Ledger::campaigns(&mut **own))
        .transpose()?
        .is_some_and(|known| known.iter().any(|name| name == campaign.name()));
    if !is_known {
        let others = elsewhere(root, project, &campaign, own.as_mut().map(|own| &mut **own as &mut dyn Store))?;
        if let Some(Elsewhere { relative, file }) = earlier(project, &campaign, &event, others) {
            let store = match file {
                Some(file) => InFile::to_read(&file)?.map(|store| Box::new(store) as Box<dyn Store>),
                None => own,
            };
            return Ok(store.map(|store| Ledger::new(store, &relative.name, &sender(), std::time::Duration::ZERO)));
        }
    }
    Ok(own.map(|own| Ledger::new(own, campaign.name(), &sender(), std::time::Duration::ZERO)))
}

/// Opens the ledger of a mailing's campaign to send from it. Takes over a campaign that began under its earlier name.
pub fn to_send(global: &Global, root: &Path, project: &Project, mailing: &Mailing, lease: std::time::Duration) -> Result<Ledger> {
    let (campaign, event) = named(project, mailing)?;
    let mut ledger = Ledger::new(ledger::to_send(root, &project.config)?, campaign.name(), &sender(), lease);
    if ledger.plan()?.is_none() {
        let others = elsewhere(root, project, &campaign, Some(ledger.store()))?;
        if let Some(other) = earlier(project, &campaign, &event, others) {
            let reached = counted(other.relative.reached, "recipient was", "recipients were");
            adopt_into(root, &mut ledger, &other, &ledger::who(None), "the name that this site had before it had an id")?;
            let known = &other.relative.known;
            report::note(global, &format!("adopted the ledger of `{}`: {reached} reached", known.site));
        }
    }
    Ok(ledger)
}

/// Takes a campaign over, unless the ledger is older than what this project has seen of it.
fn adopt_into(root: &Path, ledger: &mut Ledger, other: &Elsewhere, who: &str, why: &str) -> Result<()> {
    let name = &other.relative.name;
    let refuse = |restored: Option<Restored>| restored.map_or(Ok(()), |restored| Err(restored.error("nothing was adopted")));
    match &other.file {
        None => {
            refuse(restored(root, name, Some(ledger.store()))?)?;
            ledger.adopt_here(name, who, why)
        }
        // While it is locked, nobody else can send from it.
        Some(file) => {
            let mut store = InFile::to_send(file)?;
            refuse(restored(root, name, Some(&mut store))?)?;
            ledger.adopt_from(&mut store, name, who, why)
        }
    }
}

/// The campaign of a mailing, and the key of its event.
fn named(project: &Project, mailing: &Mailing) -> Result<(Campaign, String)> {
    let found = campaign::campaign_of(project, mailing);
    let (campaign, event) = found.with_context(|| format!("the mailing `{}` has no notice, or no event", mailing.id.value))?;
    Ok((campaign, event.id.clone()))
}

/// Refuses to send if some recipients are in another campaign of the same mailing and revision, under another name or in
/// another ledger.
pub fn conflict(
    root: &Path,
    project: &Project,
    mailing: &Mailing,
    keys: &BTreeSet<&str>,
    own: Option<&mut dyn Store>,
) -> Result<Option<Error>> {
    let (campaign, _) = named(project, mailing)?;
    let site = project.config.site.identity();
    let mut own = own;
    let others = elsewhere(root, project, &campaign, own.as_mut().map(|own| &mut **own as &mut dyn Store))?;
    for other in others {
        let Relative { known, name, addressed, reached, .. } = &other.relative;
        let both = addressed.iter().filter(|key| keys.contains(key.as_str())).count();
        let is_apart = match own.as_mut() {
            Some(own) => adoption::are_apart(&mut **own, site, &known.site)?,
            None => false,
        };
        if both == 0 || is_apart {
            continue;
        }
        let id = &mailing.id.value;
        let place = other.file.as_ref().map_or_else(|| "this ledger".to_owned(), |file| format!("the ledger {}", file.display()));
        let these = thousands(both as u64);
        if name == campaign.name() {
            return Ok(Some(
                error!("{place} shows {these} of these recipients as reached, but this project's ledger doesn't"; help: "if that ledger is newer, send with it; if it is only an older copy, move it out of that folder"),
            ));
        }
        let (from, reached) = (quoted(&known.site), thousands(*reached as u64));
        return Ok(Some(
            error!("{place} lists {these} of these recipients in the mailing `{id}` of the site `{}`, which reached {reached} in all", known.site; help: "if that is an earlier name of this site, resume it: `runsheet notice adopt {id} --from {from} --why REASON`\nif it is a different site, say so: `runsheet notice adopt {id} --from {from} --apart --why REASON`"),
        ));
    }
    Ok(None)
}

/// Refuses a revision lower than one that was sent: it would go to everybody again.
pub fn lower_revision(root: &Path, mailing: &Mailing, campaign: &str, own: Option<&mut dyn Store>) -> Result<Option<Error>> {
    let Some(asked) = Known::parse(campaign) else { return Ok(None) };
    let mut sent = heads::campaigns(root)?;
    sent.extend(own.map(Ledger::campaigns).transpose()?.unwrap_or_default());
    let known = sent.iter().filter_map(|name| Known::parse(name));
    let of_mailing = known.filter(|known| known.site == asked.site && known.mailing == asked.mailing);
    let highest = of_mailing.map(|known| known.revision).max().unwrap_or(0);
    Ok((highest > asked.revision).then(|| {
        error!("revision {highest} of `{}` was already sent, but this is revision {}", mailing.id.value, asked.revision; help: "to send a correction to everyone, set `revision = {}` in the mailing", highest + 1)
    }))
}

/// The error for a ledger that lacks lines which this project has seen in it.
pub struct Restored {
    what: &'static str,
    campaign: String,
    line: String,
}

impl Restored {
    /// States the problem, its cause, and what the user can do.
    pub fn error(&self, and: &str) -> Error {
        let Restored { what, campaign, line } = self;
        let and = if and.is_empty() { String::new() } else { format!("; {and}") };
        error!("{what}: it has no line {line}{and}"; help: "restore the newest ledger; without it, people who already have the message would get it again\nif it is lost for good, add everyone who has the message (see the log of the mail server) to the list in `suppress`, and remove them before the next mailing; only then delete {}", heads::place(campaign))
    }
}

/// Whether a ledger lacks lines that this project has seen: it is an older copy or another ledger.
pub fn restored(root: &Path, campaign: &str, store: Option<&mut dyn Store>) -> Result<Option<Restored>> {
    let Some(line) = heads::known(root, campaign)? else { return Ok(None) };
    let (is_known, is_there) = match store {
        // A campaign that was taken over has another name there.
        Some(store) => (adoption::has_line(store, &line)?, adoption::has_campaign(store, campaign)?),
        None => (false, false),
    };
    if is_known {
        return Ok(None);
    }
    let what =
        if is_there { "the ledger is older than the last send from here" } else { "the ledger of the last send from here is missing" };
    Ok(Some(Restored { what, campaign: campaign.to_owned(), line }))
}

/// Whether a line is in one of this user's ledgers. A takeover brings its lines along.
fn is_somewhere(root: &Path, project: &Project, own: Option<&mut dyn Store>, line: &str) -> Result<bool> {
    if let Some(own) = own
        && adoption::has_line(own, line)?
    {
        return Ok(true);
    }
    for file in ledger::other_files(root, &project.config)? {
        if adoption::has_line(&mut InFile::to_look(&file)?, line)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The campaigns of a mailing in its revision that this project has sent under other names of the site.
fn sent_as(root: &Path, project: &Project, mailing: &Mailing) -> Result<Vec<(String, Known)>> {
    let site = project.config.site.identity();
    let is_of_it = |known: &Known| known.mailing == mailing.id.value && known.revision == mailing.revision && known.site != site;
    let named = |name: String| Known::parse(&name).filter(is_of_it).map(|known| (name, known));
    Ok(heads::campaigns(root)?.into_iter().filter_map(named).collect())
}

/// A mailing that this project has sent under another site name, from a ledger that cannot be found, so its recipients are unknown.
pub fn sent_before(root: &Path, project: &Project, mailing: &Mailing, own: Option<&mut dyn Store>) -> Result<Option<Error>> {
    let (campaign, _) = named(project, mailing)?;
    let mut own = own;
    if let Some(own) = own.as_mut()
        && adoption::has_campaign(&mut **own, campaign.name())?
    {
        return Ok(None);
    }
    let site = project.config.site.identity();
    for (name, known) in sent_as(root, project, mailing)? {
        let Some(line) = heads::known(root, &name)? else { continue };
        let is_apart = match own.as_mut() {
            Some(own) => adoption::are_apart(&mut **own, site, &known.site)?,
            None => false,
        };
        if is_apart || is_somewhere(root, project, own.as_mut().map(|own| &mut **own as &mut dyn Store), &line)? {
            continue;
        }
        let (place, before) = (heads::place(&name), &known.site);
        return Ok(Some(
            error!("`{}` was sent from here under the name `{before}`, but its ledger is missing; nothing was sent", mailing.id.value; help: "restore that ledger, then run `runsheet notice adopt {} --from {} --why REASON`; without it, people who already have the message would get it again\nif it is lost for good, add everyone who has the message to the list in `suppress`; only then delete {place}\nif this is another site, made from a copy of that project: `runsheet notice adopt {} --from {} --apart --why REASON`", mailing.id.value, quoted(before), mailing.id.value, quoted(before)),
        ));
    }
    Ok(None)
}

/// Quotes a text as one shell argument.
fn quoted(text: &str) -> String {
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/'));
    if is_plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

fn tell_apart(global: &Global, config: &Config, store: &mut dyn Store, site: &str, who: &str, why: &str) -> Result<Exit> {
    adoption::tell_apart(store, config.site.identity(), site, who, why)?;
    report::note(global, &format!("noted: `{site}` is a different site"));
    Ok(Exit::Done)
}

/// `runsheet notice adopt`
pub fn adopt(global: &Global, name: &str, from: Option<&str>, apart: bool, why: &str, who: Option<&str>) -> Result<Exit> {
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    let mailing = declared(&loaded.project.config, name)?.clone();
    if let Some(missing) = missing_id(&loaded.root, &loaded.project.config, &loaded.inputs) {
        bail!("{missing}");
    }
    if why.trim().is_empty() {
        bail!("--why is empty"; help: "give the reason; the ledger keeps it");
    }
    let who = ledger::who(who);
    let (campaign, _) = named(&loaded.project, &mailing)?;
    let mut ledger =
        Ledger::new(ledger::to_send(&loaded.root, &loaded.project.config)?, campaign.name(), &sender(), std::time::Duration::ZERO);
    let others = elsewhere(&loaded.root, &loaded.project, &campaign, Some(ledger.store()))?;
    let names: Vec<String> =
        others.iter().map(|other| format!("`{}` in {}", other.relative.known.site, other.place(ledger.store()))).collect();
    let known = if names.is_empty() { "there are no others".to_owned() } else { format!("known: {}", names.join(", ")) };
    let mut meant: Vec<Elsewhere> = others.into_iter().filter(|other| from.is_none_or(|from| from == other.relative.known.site)).collect();
    if let (Some(from), true) = (from, meant.len() > 1 && !apart) {
        let places: Vec<String> = meant.iter().map(|other| other.place(ledger.store())).collect();
        bail!("several ledgers contain `{name}` of `{from}`: {}", places.join(", "); help: "move the older copies out of the folder, so that only one is left");
    }
    // For a ledger that cannot be found, only its name is known.
    if let (Some(from), true, true) = (from, apart, meant.is_empty())
        && sent_as(&loaded.root, &loaded.project, &mailing)?.iter().any(|(_, known)| known.site == from)
    {
        return tell_apart(global, &loaded.project.config, ledger.store(), from, &who, why);
    }
    let chosen = if meant.len() == 1 || apart && from.is_some() { meant.pop() } else { None };
    let Some(other) = chosen else {
        let asked = from.map_or_else(|| "several".to_owned(), |from| format!("`{from}`"));
        return Err(error!("cannot find the campaign of `{name}` to adopt: {asked}"; help: "choose it with --from; {known}"));
    };
    let site = &other.relative.known.site;
    if apart {
        return tell_apart(global, &loaded.project.config, ledger.store(), site, &who, why);
    }
    if let Some(Plan { frozen, .. }) = ledger.plan()? {
        bail!("`{name}` has already been started under this name ({frozen}): it can't adopt another ledger");
    }
    if other.relative.successor.is_some() {
        report::note(global, "it was adopted before: messages sent with that ledger since then are not in this one");
    }
    adopt_into(&loaded.root, &mut ledger, &other, &who, why)?;
    let counts = ledger.counts()?;
    report::note(global, &format!("adopted from `{site}`: {}", counts.text()));
    Ok(Exit::Done)
}
