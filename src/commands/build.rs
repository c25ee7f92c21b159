//! `runsheet build`: the site to `public/`, the declared mailings to `outbox/`.

use std::path::Path;

use rayon::prelude::*;

use super::load::{self, Configured, HistoryFrom, Loaded, StatusFrom};
use super::{report, sandbox};
use crate::cli::Global;
use crate::diagnostic::{Diagnostic, Diagnostics, MessageFormat};
use crate::error::{Context, Exit, Result};
use crate::highlight::Highlights;
use crate::inputs::Inputs;
use crate::mail::Keys;
use crate::mailing::{Selection, Skip, Tally};
use crate::notice::complaint;
use crate::render::{Frame, Rendered};
use crate::rule::{self, Severity};
use crate::search;
use crate::site::{MARKER, Site, Target};
use crate::source::RelPath;
use crate::text::counted;
use crate::world::aside::Readers;
use crate::world::highlights;
use crate::world::lock::Locks;
use crate::world::output::{Output, Published};
use crate::world::progress::Progress;
use crate::world::sink;
use crate::world::{disk, environment};

pub fn run(global: &Global, site_only: bool, all: bool) -> Result<Exit> {
    let configured = load::configured(global)?;
    let root = configured.root.clone();
    let target = global.out.clone().unwrap_or_else(|| root.join("public"));
    let mut locks = Locks::new(&root);
    let public = Output::new(&root, &target, MARKER, Readers::Everybody, &mut locks)?;
    let outbox = if site_only || configured.config.mailings.is_empty() { None } else { Some(sink::begin_outbox(&root, &mut locks)?) };
    enter_sandbox(&configured, &public, outbox.as_ref(), global)?;
    let load = || configured.load(global, StatusFrom::Fetch, HistoryFrom::Git, None);
    let (loaded, kept) = rayon::join(load, || highlights::read(&root));
    let mut loaded = loaded?;
    let mut diagnostics = loaded.site.diagnostics.clone();
    let merged = match &outbox {
        Some(outbox) => merge_all(&loaded, outbox, all, &mut diagnostics)?,
        None => Vec::new(),
    };
    loaded.stopwatch.lap("merge");
    if global.verbose {
        let Loaded { inputs, site, .. } = &loaded;
        report::note(global, &format!("read {} text files and {} others", inputs.sources.len(), inputs.assets.len()));
        report::note(
            global,
            &format!("{} addresses, {} notices", site.routes.len(), site.pages.iter().map(|page| page.page.notices.len()).sum::<usize>()),
        );
    }
    if loaded.project.config.site.highlight {
        loaded.site.highlights = highlight(&loaded.root, &loaded.site, &kept)?;
    }
    loaded.stopwatch.lap("highlight");
    let progress = Progress::new(loaded.site.pages.len(), !global.quiet && global.message_format == MessageFormat::Text);
    diagnostics.extend(write_site(&loaded, &public, &progress)?);
    drop(progress);
    loaded.stopwatch.lap("render and write");
    // By now it is an error if a content file has the name of an index file.
    if loaded.site.config.site.search && diagnostics.count(Severity::Error) == 0 {
        write_search(&loaded.site, &public)?;
    }
    loaded.stopwatch.lap("search");
    let diagnostics = loaded.settle(diagnostics, global);
    let incomplete = merged.iter().any(|(_, tally)| tally.incomplete);
    if report::diagnostics(&diagnostics, &loaded.inputs, global) || incomplete {
        report::note(global, "nothing was written: the output is unchanged");
        return Ok(Exit::Faults);
    }
    let published = public.publish()?;
    if published == Published::FileByFile {
        report::note(
            global,
            &format!("note: {} can't be replaced as a whole (a mount point?), so it was updated file by file", target.display()),
        );
    }
    if let Some(outbox) = outbox {
        outbox.publish()?;
    }
    loaded.stopwatch.lap("sync and swap");
    if global.verbose {
        report::note(global, &loaded.stopwatch.text());
    }
    say_result(loaded.site.pages.len(), &target, &merged, global);
    // The process is about to end: freeing all pages one by one would take longer than writing some of them.
    std::mem::forget(loaded);
    Ok(Exit::Done)
}

/// From here on the process can read only the project, and write only the outputs that were begun.
fn enter_sandbox(configured: &Configured, public: &Output, outbox: Option<&Output>, global: &Global) -> Result<()> {
    let mut bounds = sandbox::bounds_of_asking(configured, global);
    if configured.config.site.highlight {
        bounds.keep(&configured.root);
    }
    [Some(public), outbox].into_iter().flatten().for_each(|output| bounds.write(output));
    sandbox::enter(&bounds, global)
}

/// Highlights the code of all pages, in parallel, and reuses what an earlier build has cached.
fn highlight(root: &Path, site: &Site, kept: &Highlights) -> Result<Highlights> {
    let highlights = Highlights::new(site.code(), kept);
    if !highlights.0.keys().eq(kept.0.keys()) {
        highlights::keep(root, &highlights)?;
    }
    Ok(highlights)
}

/// Renders all routes, in parallel, and writes them beside the old site. Returns faults of templates.
fn write_site(loaded: &Loaded, public: &Output, progress: &Progress) -> Result<Diagnostics> {
    let frame = Frame::with_sidebars(&loaded.site, &loaded.theme);
    let faults: Vec<Option<Diagnostic>> = loaded
        .site
        .routes
        .par_iter()
        .map(|(route, target)| {
            let fault = write(loaded, &frame, public, route)?;
            if matches!(target, Target::Page(_)) {
                progress.step();
            }
            Ok(fault)
        })
        .collect::<Result<_>>()?;
    let mut diagnostics = Diagnostics::default();
    diagnostics.extend(faults.into_iter().flatten());
    Ok(diagnostics)
}

fn write(loaded: &Loaded, frame: &Frame, public: &Output, route: &str) -> Result<Option<Diagnostic>> {
    match loaded.render(frame, route) {
        Ok(Rendered::Bytes(bytes)) => public.write(route, &bytes).map(|()| None),
        Ok(Rendered::File(path)) => public.copy(route, disk::open_asset(&loaded.root, &path)?).map(|()| None),
        Err(error) => Ok(Some(template_fault(&loaded.inputs, &loaded.project.config.site.theme, route, &error))),
    }
}

/// Writes the search index. Its folder's name is known once all of its files are.
fn write_search(site: &Site, public: &Output) -> Result<()> {
    // No content file can be below a hidden folder.
    let aside = "search/.new";
    let index = search::index(site, |name, bytes| public.write(&format!("{aside}/{name}"), bytes))?;
    public.rename(aside, &format!("search/{}", index.folder))?;
    public.write(crate::site::SEARCH_MANIFEST, &index.manifest)
}

/// Reports a theme template that fails on a page.
pub fn template_fault(inputs: &Inputs, theme: &str, route: &str, error: &tera::Error) -> Diagnostic {
    if let tera::ErrorKind::RenderingError(report) = error.kind() {
        let message = complaint::plain(report.message());
        let diagnostic = Diagnostic::new(rule::TEMPLATE_RENDER, message).help(format!("rendering fails on `{route}`"));
        let path = RelPath::new(&format!("themes/{}/templates/{}", theme, report.filename()));
        return match path.filter(|path| inputs.sources.contains_key(path)) {
            Some(path) => diagnostic.at_line(&path, report.span().start_line, report.span().start_col + 1),
            None => diagnostic,
        };
    }
    Diagnostic::new(rule::TEMPLATE_RENDER, format!("the theme cannot render `{route}`")).help(complaint::of(error))
}

fn merge_all(loaded: &Loaded, outbox: &Output, all: bool, diagnostics: &mut Diagnostics) -> Result<Vec<(String, Tally)>> {
    let keys = environment::keys();
    let config = &loaded.project.config;
    let limit = (!all).then_some(config.notices.max_without_all);
    let mut merged = Vec::new();
    for mailing in &config.mailings {
        let selection = Selection { limit, may_be_skipped: true, ..Selection::all(mailing) };
        let id = &mailing.id.value;
        // Two mailings with one id are already an error by now; only one of them can have the folder.
        if merged.iter().any(|(known, _)| known == id) {
            continue;
        }
        let tally = merge(loaded, &selection, outbox, &keys, diagnostics);
        merged.push((id.clone(), tally.with_context(|| format!("cannot merge the mailing `{id}`"))?));
    }
    Ok(merged)
}

/// Merges a mailing to its folder of the outbox.
fn merge(loaded: &Loaded, selection: &Selection, outbox: &Output, keys: &Keys, diagnostics: &mut Diagnostics) -> Result<Tally> {
    let mut sink = sink::InOutbox::new(outbox, &selection.mailing.id.value)?;
    let mut merging = loaded.merge(selection, keys, diagnostics)?;
    sink::pour(&mut merging, &mut sink, |_| Ok(()))?;
    let (tally, found) = merging.finish();
    diagnostics.extend(found);
    Ok(tally)
}

fn say_result(pages: usize, target: &Path, merged: &[(String, Tally)], global: &Global) {
    report::note(global, &format!("{} in {}", counted(pages, "page", "pages"), target.display()));
    for (id, tally) in merged.iter().filter(|(_, tally)| !tally.skipped) {
        let mut line = say_tally(&format!("in outbox/{id}/"), tally);
        if tally.beyond_limit > 0 {
            line.push_str(" (`--all` writes them)");
        }
        report::note(global, &line);
    }
}

/// One line about a mailing.
pub fn say_tally(place: &str, tally: &Tally) -> String {
    let Tally { written, beyond_limit, left_out, repeated, suppressed, not_chosen, .. } = tally;
    let mut line = format!("{} {place}", counted(*written, "message", "messages"));
    if *suppressed > 0 {
        line.push_str(&format!(", {suppressed} suppressed"));
    }
    if *not_chosen > 0 {
        line.push_str(&format!(", {not_chosen} not chosen"));
    }
    line.push_str(&tally.untranslated_text());
    if *repeated > 0 {
        line.push_str(&format!(", {} left out", counted(*repeated, "repeated address", "repeated addresses")));
    }
    if *left_out > 0 {
        line.push_str(&format!(", {}", Skip::text(*left_out)));
    }
    if *beyond_limit > 0 {
        line.push_str(&format!(", {beyond_limit} beyond the limit left out"));
    }
    line
}
