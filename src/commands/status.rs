//! `runsheet status`: fetch and show the status page.

use super::load::{HistoryFrom, StatusFrom, load};
use super::report;
use crate::cli::Global;
use crate::diagnostic::Diagnostics;
use crate::error::{Exit, Result, bail};
use crate::language::Language;
use crate::status;

pub fn run(global: &Global) -> Result<Exit> {
    let loaded = load(global, StatusFrom::Fetch, HistoryFrom::Nowhere, None)?;
    let Some(settings) = &loaded.site.config.status else {
        bail!("no status page is configured"; help: "add one to [status] in runsheet.toml");
    };
    // On the terminal all is English.
    let overview = status::overview(loaded.inputs.status.snapshot.as_ref(), settings, loaded.inputs.now, &Language::default());
    let mut diagnostics = Diagnostics::default();
    diagnostics.extend(loaded.site.diagnostics.iter().filter(|one| one.rule.code.starts_with("status-")).cloned());
    let failed = report::diagnostics(&loaded.settle(diagnostics, global), &loaded.inputs, global);
    let mut text = overview.headline.clone();
    if let Some(words) = &overview.as_of_words {
        text.push_str(&format!(", {words}"));
    }
    if let Some(age) = &overview.age_words {
        text.push_str(&format!(" ({age} old)"));
    }
    text.push('\n');
    for component in overview.components.iter().filter(|component| !component.is_summary) {
        text.push_str(&format!("  {}: {}\n", component.name, component.words()));
    }
    for incident in &overview.incidents {
        text.push_str(&format!("  incident: {}\n", incident.title));
    }
    for maintenance in &overview.maintenances {
        text.push_str(&format!("  maintenance: {}\n", maintenance.title));
    }
    report::data(&text)?;
    Ok(if failed { Exit::Faults } else { Exit::Done })
}
