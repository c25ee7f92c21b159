//! From the world to a site: the first step of every command.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::report;
use crate::check::merged::Merged;
use crate::cli::Global;
use crate::config::{Config, Mailing, Overrides};
use crate::diagnostic::Diagnostics;
use crate::error::{Error, Result, bail};
use crate::inputs::{History, Inputs, StatusInput};
use crate::mail::Keys;
use crate::mailing::{Materials, Merging, Selection, Tally, Watch, everybody};
use crate::notice::recipients::Recipient;
use crate::project::{self, Project};
use crate::render::{self, Frame, Rendered};
use crate::schedule::years;
use crate::site::{self, Site};
use crate::source::{FILE_NAME, Source};
use crate::theme::Theme;
use crate::world::clock::Stopwatch;
use crate::world::table_file::TableFile;
use crate::world::watchdog::Watchdog;
use crate::world::{clock, disk, environment, history, kept, status};
use crate::{check, config};

/// A project that is read, resolved and ready to render.
pub struct Loaded {
    pub root: PathBuf,
    pub inputs: Inputs,
    pub project: Project,
    pub theme: Theme,
    pub site: Site,
    /// The inputs of messages.
    pub merged: Merged,
    pub stopwatch: Stopwatch,
    /// Watches over templates, which may never end.
    pub watchdog: Watchdog,
}

/// A gate that lets everyone through.
type Everybody = fn(&[&Recipient]) -> Result<Vec<Option<()>>>;

/// A merge that lets everyone through.
pub type MergingAll<'a> = Merging<'a, TableFile, (), Everybody>;

/// The time limit of a template for a page or a message.
pub const MOST_TIME: Duration = Duration::from_secs(10);
/// The time limit for all notices that the site shows.
const MOST_TIME_FOR_ALL: Duration = Duration::from_secs(60);

/// Where the status comes from.
pub enum StatusFrom {
    /// The status page, unless `--offline`.
    Fetch,
    /// The last good snapshot.
    Kept,
    /// As they were read before.
    Given(Box<StatusInput>),
}

/// Where the dates of the last changes come from.
pub enum HistoryFrom {
    Git,
    /// As they were read before.
    Given(History),
    /// Not read, since no page is shown.
    Nowhere,
}

/// A project of which only the configuration has been read.
pub struct Configured {
    pub root: PathBuf,
    pub config: Config,
    source: Source,
    diagnostics: Diagnostics,
    now: Timestamp,
    /// Whether the time comes from the clock, or was given.
    is_now_fixed: bool,
    stopwatch: Stopwatch,
}

/// Reads the configuration.
pub fn configured(global: &Global) -> Result<Configured> {
    let stopwatch = Stopwatch::start();
    let root = root(global)?;
    let fixed = now(global)?;
    let now = fixed.unwrap_or_else(clock::now);
    let source = disk::read_config(&root)?;
    let mut diagnostics = Diagnostics::default();
    let config = config::parse(&source, &mut diagnostics);
    let overrides = Overrides { event: global.event.clone(), t0: global.t0.clone() };
    let config = config.with(&overrides).map_err(|(message, help)| Error::new(message).maybe_help(help))?;
    Ok(Configured { root, config, source, diagnostics, now, is_now_fixed: fixed.is_some(), stopwatch })
}

/// Reads the project. Faults of its files are in the site's diagnostics.
pub fn load(global: &Global, status_from: StatusFrom, history_from: HistoryFrom, earlier: Option<&Project>) -> Result<Loaded> {
    configured(global)?.load(global, status_from, history_from, earlier)
}

impl Configured {
    /// Reads the rest of the project.
    pub fn load(self, global: &Global, status_from: StatusFrom, history_from: HistoryFrom, earlier: Option<&Project>) -> Result<Loaded> {
        let Configured { root, config, source, mut diagnostics, now, is_now_fixed, mut stopwatch } = self;
        stopwatch.lap("begin");
        let status = match status_from {
            StatusFrom::Fetch => status::read(&root, &config, now, global.offline)?,
            StatusFrom::Kept => status::read(&root, &config, now, true)?,
            StatusFrom::Given(status) => *status,
        };
        stopwatch.lap("status");
        let mut inputs = disk::read_inputs(&root, source, &config, now, status)?;
        stopwatch.lap("read");
        inputs.history = match history_from {
            HistoryFrom::Git => history::read(&root, inputs.sources.keys().filter(|path| project::is_page(path))),
            HistoryFrom::Given(history) => history,
            HistoryFrom::Nowhere => History::Unknown,
        };
        stopwatch.lap("history");
        let theme = Theme::load(&inputs, &config, &mut diagnostics);
        let project = project::parse(&inputs, config, &theme.languages, diagnostics, earlier);
        stopwatch.lap("parse");
        let watchdog = Watchdog::new(report::sayer(global))?;
        let resolve = || site::resolve(&project, &inputs, &theme, is_now_fixed.then_some(now));
        let mut site = watchdog.watch("showing the notices", MOST_TIME_FOR_ALL, resolve);
        site.diagnostics.extend(check::in_merged_notices(&project, &inputs, &project.config.mailings));
        let merged = Merged::new(&project, &inputs, &project.config.sent_notices());
        stopwatch.lap("resolve");
        Ok(Loaded { root, inputs, project, theme, site, merged, stopwatch, watchdog })
    }
}

impl Loaded {
    /// The same for making messages of a mailing. An undeclared mailing is judged as strictly as a declared one.
    pub fn merging(mut self, mailing: &Mailing) -> Loaded {
        let mut sent = self.project.config.sent_notices();
        if sent.insert(&mailing.notice.value) {
            let faults = check::in_merged_notices(&self.project, &self.inputs, std::slice::from_ref(mailing));
            self.merged = Merged::new(&self.project, &self.inputs, &sent);
            self.site.diagnostics.extend(faults);
        }
        self
    }

    /// A merge of the selection, for recipients whom a gate lets through. `known` are the diagnostics of the site.
    pub fn merge_some<'a, P, G>(
        &'a self,
        selection: &'a Selection<'a>,
        keys: &'a Keys,
        known: &'a Diagnostics,
        gate: G,
    ) -> Result<Merging<'a, TableFile, P, G>>
    where
        G: FnMut(&[&Recipient]) -> Result<Vec<Option<P>>>,
    {
        let watch: Watch<'a> = Box::new(|name, work| self.watchdog.watch(name, MOST_TIME, work));
        Merging::new(self.materials(keys), selection, TableFile::new(&self.root, selection), watch, known, gate)
    }

    /// A merge of the whole selection.
    pub fn merge<'a>(&'a self, selection: &'a Selection<'a>, keys: &'a Keys, known: &'a Diagnostics) -> Result<MergingAll<'a>> {
        self.merge_some(selection, keys, known, everybody as Everybody)
    }

    /// Merges the whole selection only to find and report faults. No message is kept.
    pub fn check(&self, selection: &Selection, keys: &Keys, diagnostics: &mut Diagnostics) -> Result<Tally> {
        let (tally, found) = self.merge(selection, keys, diagnostics)?.check()?;
        diagnostics.extend(found);
        Ok(tally)
    }

    /// The inputs of messages.
    pub fn materials<'a>(&'a self, keys: &'a Keys) -> Materials<'a> {
        Materials { site: &self.site, project: &self.project, theme: &self.theme, keys }
    }

    /// Renders a route. If a template does not end, this ends the process.
    pub fn render(&self, frame: &Frame, route: &str) -> Result<Rendered, tera::Error> {
        let render = || frame.render(route);
        match render::template_of(&self.site, route) {
            Some(template) => self.watchdog.watch(&format!("making `{route}` with the template `{template}`"), MOST_TIME, render),
            None => render(),
        }
    }

    /// Applies the levels of `[check]` and of the command line. Whatever stops a merge stays an error.
    pub fn settle(&self, diagnostics: Diagnostics, global: &Global) -> Diagnostics {
        diagnostics.settle(&self.project.config.levels, global.deny_warnings, |diagnostic| self.merged.is_stopped_by(diagnostic))
    }
}

/// The project's folder.
pub fn root(global: &Global) -> Result<PathBuf> {
    let root = match &global.root {
        Some(root) if disk::is_project(root) => root.clone(),
        Some(root) => {
            let folder = root.display();
            bail!("no {FILE_NAME} in {folder}"; help: "create a project with `runsheet init {folder}`")
        }
        None => disk::find_root(&disk::current_folder()?)?,
    };
    kept::refuse_newer(&root)?;
    Ok(root)
}

/// The current time as fixed by the command line or `SOURCE_DATE_EPOCH`.
fn now(global: &Global) -> Result<Option<Timestamp>> {
    let Some(text) = &global.now else { return environment::source_date_epoch() };
    match text.parse::<Timestamp>() {
        Ok(time) if years::hold(time) => Ok(Some(time)),
        Ok(_) => bail!("--now is out of range: {text}"; help: "{}", years::HELP),
        Err(_) => bail!("invalid time for --now: {text}"; help: "write it as 2027-02-13T01:30:00Z"),
    }
}
