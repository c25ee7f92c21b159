//! Finds the ledger; `runsheet notice status` and `resolve`: what it contains, and what a person decides.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::load::{HistoryFrom, StatusFrom, load};
use super::{identity, report};
use crate::cli::Global;
use crate::config::Config;
use crate::config::{Mailing, Sending};
use crate::error::{Context, Error, Exit, Result, bail, error};
use crate::mail::address;
use crate::mailing::campaign;
use crate::notice::history::{Standing, verify, verify_plan};
use crate::notice::ledger::{Plan, State};
use crate::project::Project;
use crate::text::{counted, suggest, thousands};
use crate::world::heads::Head;
use crate::world::ledger::sqlite::{self, InFile};
use crate::world::ledger::store::Store;
use crate::world::ledger::{self, Ledger, Whom};
use crate::world::mail::smtp::Secret;
use crate::world::{environment, process, secret_file};

/// A mailing declared by the project.
pub fn declared<'a>(config: &'a Config, name: &str) -> Result<&'a Mailing> {
    let mailings = &config.mailings;
    mailings.iter().find(|mailing| mailing.id.value == name).ok_or_else(|| {
        let help = suggest(name, mailings.iter().map(|mailing| mailing.id.value.as_str()));
        let help = help.unwrap_or_else(|| "choose one of [[mailings]] in runsheet.toml".to_owned());
        error!("there is no mailing `{name}`"; help: "{help}")
    })
}

/// A secret from the environment, a file or a command.
pub fn secret(root: &Path, given: Option<String>, file: Option<&Path>, command: &[String]) -> Result<Option<Secret>> {
    if given.is_some() {
        return Ok(given.map(Secret));
    }
    if let Some(file) = file {
        return Ok(Some(Secret(secret_file::first_line(root, file)?)));
    }
    if command.is_empty() {
        return Ok(None);
    }
    Ok(Some(Secret(process::first_line(command, root)?)))
}

/// The address of a ledger in PostgreSQL, if one is configured.
fn url(root: &Path, config: &Config) -> Result<Option<Secret>> {
    let sending = config.sending.as_ref();
    let file = sending.and_then(|sending| sending.ledger_url_file.as_deref());
    let command = sending.map(|sending| sending.ledger_url_command.as_slice()).unwrap_or_default();
    secret(root, environment::ledger_url(), file, command)
}

/// The file of the ledger: the configured one, otherwise one per site in the user's state folder.
fn file(root: &Path, config: &Config) -> Result<PathBuf> {
    if let Some(Sending { ledger: Some(path), .. }) = &config.sending {
        if path.as_os_str() == "postgres" {
            bail!("the ledger is in PostgreSQL, but no address is configured"; help: "set RUNSHEET_LEDGER_URL, or `ledger_url_file` or `ledger_url_command` in [smtp]");
        }
        let path = root.join(path);
        for folder in [".runsheet", "public", "outbox", "content"] {
            if path.starts_with(root.join(folder)) {
                bail!("the ledger can't be in {folder}/, which is {}", if folder == "content" { "published" } else { "replaced by builds" }; help: "leave out `ledger` in [smtp] to keep it in your state folder");
            }
        }
        return Ok(path);
    }
    let folder = state_folder().with_context(
        || error!("no place for the ledger: neither XDG_STATE_HOME nor HOME is set"; help: "set a file as `ledger` in [smtp]"),
    )?;
    if let Some(id) = &config.site.id {
        return Ok(folder.join(format!("{id}.sqlite")));
    }
    // Without an id nothing is sent; but a ledger that an older runsheet wrote can be read.
    let site = config.site.identity();
    let words = site.trim_start_matches("https://").trim_start_matches("http://").to_ascii_lowercase();
    let slug: String = words.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let slug: String = slug.trim_matches('-').chars().take(40).collect();
    let hash = blake3::hash(site.as_bytes()).to_hex();
    Ok(folder.join(format!("{slug}-{}.sqlite", &hash[..8])))
}

fn state_folder() -> Option<PathBuf> {
    Some(environment::state_folder()?.join("runsheet"))
}

/// The ledgers of this user's other sites, or of this site before it had an id.
pub fn other_files(root: &Path, config: &Config) -> Result<Vec<PathBuf>> {
    let Some(folder) = state_folder() else { return Ok(Vec::new()) };
    let own = if url(root, config)?.is_some() { None } else { Some(sqlite::real_path(&file(root, config)?)) };
    Ok(InFile::all_in(&folder)?.into_iter().filter(|file| own.as_ref() != Some(&sqlite::real_path(file))).collect())
}

/// Whether another sender is using the ledger; known only for a file.
pub fn in_use(root: &Path, config: &Config) -> Result<Option<Error>> {
    if url(root, config)?.is_some() {
        return Ok(None);
    }
    let file = file(root, config)?;
    Ok(InFile::is_in_use(&file).then(|| error!("another sender is using the ledger {}", file.display(); help: "wait for it to finish")))
}

/// The person who decides: as given, otherwise the user.
pub fn who(said: Option<&str>) -> String {
    said.map(str::trim).filter(|said| !said.is_empty()).map_or_else(environment::user, str::to_owned)
}

/// Opens the ledger to send from it.
pub fn to_send(root: &Path, config: &Config) -> Result<Box<dyn Store>> {
    match url(root, config)? {
        Some(Secret(url)) => ledger::connect_to_send(&url),
        None => Ok(Box::new(InFile::to_send(&file(root, config)?)?)),
    }
}

/// Opens the ledger to read it. `None` if there is no ledger.
pub fn to_read(root: &Path, config: &Config) -> Result<Option<Box<dyn Store>>> {
    match url(root, config)? {
        Some(Secret(url)) => ledger::connect_to_read(&url),
        None => Ok(InFile::to_read(&file(root, config)?)?.map(|store| Box::new(store) as Box<dyn Store>)),
    }
}

/// The ledger of a mailing's campaign with its plan, if it was ever sent. An error if it is older than what was seen from here.
pub fn of(root: &Path, project: &Project, mailing: &Mailing) -> Result<Option<(Ledger, Plan)>> {
    let mut ledger = identity::to_read(root, project, mailing)?;
    if let Some(campaign) = campaign::name_of(project, mailing)
        && let Some(restored) = identity::restored(root, &campaign, ledger.as_mut().map(Ledger::store))?
    {
        return Err(restored.error(""));
    }
    let Some(mut ledger) = ledger else { return Ok(None) };
    Ok(ledger.plan()?.map(|plan| (ledger, plan)))
}

/// The recipients reached by a mailing in some revision, and those whose delivery is in doubt.
pub struct Reached {
    pub keys: BTreeSet<String>,
    pub in_doubt: BTreeSet<String>,
}

/// The recipients reached by a mailing in any revision.
pub fn reached(root: &Path, project: &Project, name: &str) -> Result<Reached> {
    let mailing = declared(&project.config, name)?;
    let mut reached = Reached { keys: BTreeSet::new(), in_doubt: BTreeSet::new() };
    let mut was_sent = false;
    for revision in 1..=mailing.revision {
        let Some((mut ledger, plan)) = of(root, project, &Mailing { revision, ..mailing.clone() })? else { continue };
        was_sent = true;
        let (rows, events) = ledger.snapshot()?;
        if let Some(fault) = verify(&plan, &events, &rows).faults.first() {
            bail!("the ledger of `{name}` was changed outside Runsheet: {fault}; nothing was sent");
        }
        for row in rows {
            match row.state {
                State::Accepted => drop(reached.keys.insert(row.key)),
                State::InDoubt | State::Sending => drop(reached.in_doubt.insert(row.key)),
                _ => {}
            }
        }
    }
    if !was_sent {
        bail!("the mailing `{name}` has not been sent yet, so it has reached no recipients");
    }
    reached.in_doubt.retain(|key| !reached.keys.contains(key));
    Ok(reached)
}

/// Explains why nothing is known about a mailing.
pub fn not_sent(root: &Path, project: &Project, mailing: &Mailing) -> Result<Error> {
    let id = &mailing.id.value;
    for revision in (1..mailing.revision).rev() {
        if of(root, project, &Mailing { revision, ..mailing.clone() })?.is_some() {
            let now = mailing.revision;
            return Ok(
                error!("revision {now} of the mailing `{id}` has not been sent yet"; help: "revision {revision} was sent: to inspect it, set `revision = {revision}` for the time being"),
            );
        }
    }
    Ok(error!("the mailing `{id}` has not been sent yet"))
}

/// The recipients that need attention: refused, in doubt and deferred, up to a limit.
pub fn troubles(rows: &[Standing], most: usize) -> Vec<String> {
    let troubled: Vec<&Standing> =
        rows.iter().filter(|row| matches!(row.state, State::Refused | State::InDoubt | State::Deferred)).collect();
    let mut lines: Vec<String> = troubled
        .iter()
        .take(most)
        .map(|row| {
            let reply = if row.reply.code == 0 { row.reply.text.clone() } else { row.reply.to_string() };
            format!("  {}  {}  {}", row.key, row.state.name(), crate::text::visible(&reply)).trim_end().to_owned()
        })
        .collect();
    if troubled.len() > most {
        lines.push(format!("  and {} more: list them all with `runsheet notice export`", thousands((troubled.len() - most) as u64)));
    }
    lines
}

pub fn status(global: &Global, name: Option<&str>) -> Result<Exit> {
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    let mailings: Vec<&Mailing> = match name {
        Some(name) => vec![declared(&loaded.project.config, name)?],
        None => loaded.project.config.mailings.iter().collect(),
    };
    let mut text = String::new();
    let mut faults = Vec::new();
    let mut unknown = None;
    for mailing in mailings {
        let id = &mailing.id.value;
        let (mut ledger, plan) = match of(&loaded.root, &loaded.project, mailing) {
            Ok(Some(known)) => known,
            Ok(None) => {
                text.push_str(&format!("{id}  not sent\n"));
                continue;
            }
            Err(error) => {
                text.push_str(&format!("{id}  unknown\n"));
                unknown.get_or_insert(error);
                continue;
            }
        };
        let counts = ledger.counts()?;
        text.push_str(&format!(
            "{id}  {} of {} reached: {}\n",
            thousands(counts.get(State::Accepted)),
            thousands(counts.addressed()),
            counts.text()
        ));
        if counts.get(State::Claimed) + counts.get(State::Sending) > 0
            && !ledger.is_shared()
            && in_use(&loaded.root, &loaded.project.config)?.is_none()
        {
            text.push_str(&format!("  a sender ended too early, and none is running: run `runsheet notice send {id}` again\n"));
        }
        let rows = ledger.rows()?;
        let found = verify_plan(&plan, &ledger.plan_lines()?, &rows);
        faults.extend(found.into_iter().map(|fault| format!("{id}: {fault}")));
        if name.is_some() {
            text.push_str(&format!(
                "  planned at {}, amended {}, plan {}\n  {}\n",
                plan.frozen,
                counted(plan.amended, "time", "times"),
                plan.hash,
                ledger.place()
            ));
            for line in troubles(&rows, 100) {
                text.push_str(&line);
                text.push('\n');
            }
        }
    }
    report::data(&text)?;
    if let Some(error) = unknown {
        return Err(error);
    }
    if !faults.is_empty() {
        bail!("the ledger was changed outside Runsheet: {}", faults.join("; "));
    }
    Ok(Exit::Done)
}

/// A person's decision, and the messages it applies to.
pub struct Resolution<'a> {
    pub name: &'a str,
    /// One recipient; without it, all recipients in some states.
    pub to: Option<&'a str>,
    pub of: Concerned,
    /// Only those whose last answer had this code.
    pub code: Option<u16>,
    pub decision: Decision,
    pub why: &'a str,
    pub who: Option<&'a str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Sent,
    Resend,
    Cancel,
}

/// The recipients that a decision without an address applies to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Concerned {
    InDoubt,
    Refused,
    Deferred,
    /// Planned or deferred: still to be sent.
    Planned,
    /// Those whose server answered with a given code.
    Answered,
}

impl Resolution<'_> {
    /// The states that the decision may change. An error if it does not fit them.
    fn from(&self) -> Result<&'static [State]> {
        Ok(match (self.decision, self.to.is_some(), self.of) {
            (Decision::Sent, true, _) | (_, false, Concerned::InDoubt) => &[State::InDoubt],
            (Decision::Resend, true, _) => &[State::InDoubt, State::Refused, State::Deferred, State::Cancelled],
            (Decision::Cancel, true, _) => &[State::InDoubt, State::Planned, State::Deferred],
            (Decision::Sent, false, _) => {
                bail!("--sent is only for messages in doubt"; help: "name a recipient, or use --all")
            }
            (_, false, Concerned::Refused) => &[State::Refused],
            (Decision::Cancel, false, Concerned::Planned) => &[State::Planned, State::Deferred],
            (_, false, Concerned::Planned) => bail!("planned messages can only be cancelled"; help: "use --all-planned with --cancel"),
            (_, false, Concerned::Deferred) => &[State::Deferred],
            (_, false, Concerned::Answered) => &[State::Refused, State::Deferred],
        })
    }
}

pub fn resolve(global: &Global, order: &Resolution) -> Result<Exit> {
    let Resolution { name, why, .. } = *order;
    if why.trim().is_empty() {
        bail!("--why is empty"; help: "give the reason; the ledger keeps it");
    }
    let from = order.from()?;
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    let mailing = declared(&loaded.project.config, name)?;
    let who = who(order.who);
    let key = order.to.map(address::parse).transpose().map_err(Error::new)?.map(|address| address::key(&address));
    if of(&loaded.root, &loaded.project, mailing)?.is_none() {
        return Err(not_sent(&loaded.root, &loaded.project, mailing)?);
    }
    let mut ledger = identity::to_send(global, &loaded.root, &loaded.project, mailing, Duration::ZERO)?;
    let campaign = ledger.campaign().to_owned();
    ledger.keep_in(Head::open(&loaded.root, &campaign)?);
    // Messages that a dead sender left behind are in doubt.
    ledger.sweep()?;
    let state = match order.decision {
        Decision::Sent => State::Accepted,
        Decision::Resend => State::Planned,
        Decision::Cancel => State::Cancelled,
    };
    let whom = Whom { key: key.as_deref(), from, code: order.code };
    let decided = ledger.resolve(&whom, state, &who, why)?;
    if let ([], Some(key)) = (decided.as_slice(), &key) {
        let row = ledger.rows()?.into_iter().find(|row| row.key == *key);
        match row {
            Some(row) => bail!("{key} is already {}; this option can't change that", row.state.name()),
            None => bail!("{key} is not a recipient of `{name}`"),
        }
    }
    ledger.keep()?;
    report::note(global, &format!("{} now {}, decided by {who}", thousands(decided.len() as u64), state.name()));
    if decided.is_empty() && key.is_none() {
        let of = from.iter().map(|state| state.name()).collect::<Vec<_>>().join(" or ");
        report::note(
            global,
            &format!("no message is {of}; use --all for messages in doubt, and --all-planned, --all-refused or --all-deferred for others"),
        );
    }
    Ok(Exit::Done)
}
