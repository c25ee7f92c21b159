//! `runsheet check --external`: tries the links to other sites, each address once.

use std::collections::BTreeMap;
use std::path::Path;

use super::report;
use crate::check::external::{self, Place, Plan, Verdict};
use crate::check::kept_links::KeptLinks;
use crate::cli::Global;
use crate::diagnostic::Diagnostics;
use crate::inputs::Inputs;
use crate::project::Project;
use crate::source::line_column;
use crate::text::counted;
use crate::world;

pub fn run(root: &Path, inputs: &Inputs, project: &Project, global: &Global, diagnostics: &mut Diagnostics) {
    let settings = &project.config.external;
    let now = inputs.now;
    let plan = external::plan(project);
    let mut kept = KeptLinks::read(&world::external::kept(root)).fresh(now, settings.cache);
    let mut verdicts = BTreeMap::new();
    for url in plan.asked.keys() {
        if let Some(moved) = kept.get(url) {
            verdicts.insert(url.clone(), Verdict::Good { moved });
        }
    }
    let from_cache = verdicts.len();
    let to_ask = plan.asked.iter().filter(|(url, _)| !verdicts.contains_key(*url)).map(|(_, (address, _))| address.clone()).collect();
    for (url, answer) in world::external::ask_all(to_ask, settings) {
        let verdict = external::verdict(&answer);
        if let Verdict::Good { moved } = &verdict {
            kept.keep(&url, moved.clone(), now);
        }
        verdicts.insert(url, verdict);
    }
    if let Err(error) = world::external::keep(root, &kept.to_json()) {
        report::note(global, &format!("cannot cache the answers: {error:#}"));
    }
    diagnostics.extend(plan.report(&verdicts));
    for (url, verdict) in &verdicts {
        if let (Verdict::Good { moved: Some(target) }, Some((_, places))) = (verdict, plan.asked.get(url)) {
            report::note(global, &format!("hint: `{url}` has moved permanently to `{target}`: {}", written(places, inputs)));
        }
    }
    say(&plan, &verdicts, from_cache, global);
}

fn written(places: &[Place], inputs: &Inputs) -> String {
    let place = |place: &Place| {
        let text = inputs.sources.get(&place.path).map_or("", |source| &*source.text);
        let (line, column) = line_column(text, place.span.start);
        format!("{}:{line}:{column}", place.path)
    };
    places.iter().map(place).collect::<Vec<_>>().join(", ")
}

fn say(plan: &Plan, verdicts: &BTreeMap<String, Verdict>, from_cache: usize, global: &Global) {
    let count = |wanted: fn(&Verdict) -> bool| verdicts.values().filter(|verdict| wanted(verdict)).count();
    let mut parts = vec![format!("{} good", count(|verdict| matches!(verdict, Verdict::Good { .. })))];
    parts.push(format!("{} dead", count(|verdict| matches!(verdict, Verdict::Dead(_)))));
    parts.push(format!("{} uncertain", count(|verdict| matches!(verdict, Verdict::Uncertain(_)))));
    let cache = if from_cache > 0 { format!(" ({from_cache} from the cache)") } else { String::new() };
    let (addresses, hosts) = (counted(plan.asked.len(), "address", "addresses"), counted(plan.hosts(), "host", "hosts"));
    report::note(global, &format!("tried {addresses} on {hosts}: {}{cache}", parts.join(", ")));
    let private = plan.private + count(|verdict| matches!(verdict, Verdict::Private));
    if private > 0 {
        let (links, tried) = (counted(private, "link leads", "links lead"), if private == 1 { "was" } else { "were" });
        let help = "set `allow_private` in [check.external] to check them";
        report::note(global, &format!("{links} into a private network and {tried} not tried: {help}"));
    }
    if plan.left_out > 0 {
        let words = counted(plan.left_out, "link was", "links were");
        report::note(global, &format!("{words} skipped: on this site, on the ignore list, or example domains"));
    }
}
