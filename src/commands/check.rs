//! `runsheet check`: everything that a build reports, and every rule about content; nothing is written.

use super::load::{self, HistoryFrom, StatusFrom};
use super::{build, external as other_sites, report, sandbox};
use crate::cli::Global;
use crate::error::{Exit, Result, bail};
use crate::mailing::Selection;
use crate::render::Frame;
use crate::rule::Severity;
use crate::text::counted;
use crate::world::environment;

pub fn run(global: &Global, external: bool) -> Result<Exit> {
    if external && global.offline {
        bail!("`--external` needs connections, but `--offline` allows none"; help: "leave out one of the two");
    }
    let configured = load::configured(global)?;
    let mut bounds = sandbox::bounds_of_asking(&configured, global);
    if external {
        bounds.keep(&configured.root);
    }
    sandbox::enter(&bounds, global)?;
    let mut loaded = configured.load(global, StatusFrom::Fetch, HistoryFrom::Git, None)?;
    let mut diagnostics = loaded.site.diagnostics.clone();
    diagnostics.extend(crate::check::run(&loaded.project, &loaded.site, &loaded.inputs));
    let mut keys = environment::keys();
    // Nothing is written, so the check must work without the secret.
    keys.unsubscribe.get_or_insert_with(|| "unused: no message is made with this key".to_owned());
    for mailing in &loaded.project.config.mailings {
        let selection = Selection { may_be_skipped: true, ..Selection::all(mailing) };
        loaded.check(&selection, &keys, &mut diagnostics)?;
    }
    // No page is shown, so its code needs no colours.
    loaded.site.config.site.highlight = false;
    let frame = Frame::with_sidebars(&loaded.site, &loaded.theme);
    for route in loaded.site.routes.keys() {
        if let Err(error) = loaded.render(&frame, route) {
            diagnostics.push(build::template_fault(&loaded.inputs, &loaded.project.config.site.theme, route, &error));
        }
    }
    if external {
        other_sites::run(&loaded.root, &loaded.inputs, &loaded.project, global, &mut diagnostics);
    }
    let diagnostics = loaded.settle(diagnostics, global);
    let failed = report::diagnostics(&diagnostics, &loaded.inputs, global);
    if diagnostics.count(Severity::Error) + diagnostics.count(Severity::Warning) == 0 {
        let pages = loaded.project.pages.len();
        report::note(global, &format!("{} checked, no problems found", counted(pages, "page", "pages")));
    }
    Ok(if failed { Exit::Faults } else { Exit::Done })
}
