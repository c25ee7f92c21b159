//! `runsheet serve`: serves the site on this machine and shows every edit at once.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::load::{HistoryFrom, Loaded, StatusFrom, load};
use super::{report, sandbox};
use crate::cli::Global;
use crate::diagnostic::{Diagnostics, MessageFormat, draw};
use crate::error::{Exit, Result};
use crate::inputs::Inputs;
use crate::render::{Frame, Rendered};
use crate::search;
use crate::site::{Route, Site};
use crate::world::process::Browser;
use crate::world::server::{self, Content, Live, Pages};
use crate::world::watch::{Seen, Watch};
use crate::world::{clock, disk, threads};

/// How often the status page is queried while nothing is edited.
const STATUS_EVERY: Duration = Duration::from_secs(60);

pub fn run(global: &Global, bind: IpAddr, port: u16, open: bool) -> Result<Exit> {
    let configured = super::load::configured(global)?;
    let browser = if open { Browser::ready() } else { None };
    let mut bounds = sandbox::bounds_of_asking(&configured, global);
    bounds.listen(port);
    if !global.offline {
        // A status page may be configured while the server runs.
        bounds.keep(&configured.root);
    }
    sandbox::enter(&bounds, global)?;
    // Watching begins before the files are read, so that no edit is missed. The configuration is one of them.
    let mut watch = Watch::new(&configured.root, report::sayer(global))?;
    let loaded = load(global, StatusFrom::Fetch, HistoryFrom::Git, None)?;
    let mut status = loaded.inputs.status.clone();
    let history = loaded.inputs.history.clone();
    let first_faults = faults_of(&loaded, global);
    let mut last_good = Arc::new(loaded);
    let live = Arc::new(Live::new(Arc::new(Shown::new(&last_good, first_faults))));
    let follower = Arc::clone(&live);
    let options = global.clone();
    threads::start(move || {
        loop {
            match watch.wait(STATUS_EVERY) {
                Seen::End => return,
                Seen::Change => {}
                Seen::Nothing => {
                    let config = &last_good.project.config;
                    match crate::world::status::read(&last_good.root, config, clock::now(), options.offline) {
                        Ok(read) if read.snapshot != status.snapshot => status = read,
                        // Nothing has changed, or the fault was reported at the start.
                        _ => continue,
                    }
                }
            }
            let status_from = StatusFrom::Given(Box::new(status.clone()));
            let again = load(&options, status_from, HistoryFrom::Given(history.clone()), Some(&last_good.project));
            let faults = match again {
                Ok(loaded) => {
                    let faults = faults_of(&loaded, &options);
                    if faults.is_empty() {
                        last_good = Arc::new(loaded);
                    }
                    faults
                }
                // A file may be missing for the moment in which an editor replaces it: wait for the next change.
                Err(error) => {
                    let fault = format!("error: {error:#}");
                    report::note(&options, &fault);
                    fault
                }
            };
            follower.replace(Arc::new(Shown::new(&last_good, faults)));
        }
    })?;
    if !bind.is_loopback() {
        report::note(global, &format!("warning: anyone who can reach {bind} can read the whole site, including run sheets"));
    }
    server::run(live, SocketAddr::new(bind, port), |address| {
        report::note(global, &format!("serving http://{address}/ (stop with Ctrl-C)"));
        if let Some(browser) = browser {
            browser.open(&format!("http://{address}/"));
        }
    })?;
    Ok(Exit::Done)
}

/// Prepares errors for the browser and the terminal; warnings go to the terminal only.
fn faults_of(loaded: &Loaded, global: &Global) -> String {
    let settled = loaded.settle(loaded.site.diagnostics.clone(), global);
    report::diagnostics(&settled, &loaded.inputs, global);
    let mut errors = Diagnostics::default();
    errors.extend(settled.into_iter().filter(|one| one.severity == crate::rule::Severity::Error));
    drawn(&errors, &loaded.inputs)
}

fn drawn(faults: &Diagnostics, inputs: &Inputs) -> String {
    let text_of = |path: &crate::source::RelPath| inputs.sources.get(path).map(|source| &*source.text);
    draw(faults, text_of, MessageFormat::Text, "", false)
}

/// A state of the project as the server shows it.
struct Shown {
    loaded: Arc<Loaded>,
    faults: String,
    /// The files of the search, made when the first of them is requested.
    search: OnceLock<BTreeMap<Route, Vec<u8>>>,
}

impl Shown {
    fn new(loaded: &Arc<Loaded>, faults: String) -> Shown {
        Shown { loaded: Arc::clone(loaded), faults, search: OnceLock::new() }
    }

    fn search_file(&self, route: &str) -> Option<Vec<u8>> {
        if !self.loaded.site.config.site.search || !route.starts_with("search/") {
            return None;
        }
        self.search.get_or_init(|| search_files(&self.loaded.site)).get(route).cloned()
    }
}

fn search_files(site: &Site) -> BTreeMap<Route, Vec<u8>> {
    let made = Mutex::new(Vec::new());
    let Ok(index) = search::index(site, |name, bytes| {
        made.lock().unwrap_or_else(PoisonError::into_inner).push((name.to_owned(), bytes.to_vec()));
        Ok::<(), Infallible>(())
    });
    let made = made.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut files: BTreeMap<Route, Vec<u8>> =
        made.into_iter().map(|(name, bytes)| (format!("search/{}/{name}", index.folder), bytes)).collect();
    files.insert(crate::site::SEARCH_MANIFEST.to_owned(), index.manifest);
    files
}

impl Pages for Shown {
    fn page(&self, route: &str) -> Option<Content> {
        if !self.loaded.site.routes.contains_key(route) {
            return self.search_file(route).map(Content::Bytes);
        }
        match self.loaded.render(&Frame::new(&self.loaded.site, &self.loaded.theme).at_root(), route) {
            Ok(Rendered::Bytes(bytes)) => Some(Content::Bytes(bytes)),
            Ok(Rendered::File(path)) => disk::open_asset(&self.loaded.root, &path).ok().map(Content::File),
            Err(error) => {
                let mut faults = Diagnostics::default();
                faults.push(super::build::template_fault(&self.loaded.inputs, &self.loaded.project.config.site.theme, route, &error));
                Some(Content::Bytes(drawn(&faults, &self.loaded.inputs).into_bytes()))
            }
        }
    }

    fn faults(&self) -> String {
        self.faults.clone()
    }
}
