//! `runsheet schedule`: the plan of the run sheets, with real times.

use serde_json::json;
use unicode_width::UnicodeWidthStr;

use super::load::{self, HistoryFrom, StatusFrom};
use super::{report, sandbox};
use crate::cli::{Global, ScheduleFormat};
use crate::diagnostic::Diagnostics;
use crate::error::{Exit, Result, bail, error};
use crate::page::Kind;
use crate::render;
use crate::schedule::moment;
use crate::sheet::plan::{Step, StepKind};
use crate::site::{Site, SitePage};
use crate::text::suggest;

pub fn run(global: &Global, page: Option<&str>, format: ScheduleFormat) -> Result<Exit> {
    let configured = load::configured(global)?;
    sandbox::enter(&sandbox::bounds(&configured), global)?;
    let loaded = configured.load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    let sheets: Vec<&SitePage> = loaded.site.pages.iter().filter(|sheet| sheet.page.kind == Kind::RunSheet).collect();
    let chosen = choose(&sheets, page)?;
    // Faults of other files do not concern the plan.
    let mut diagnostics = Diagnostics::default();
    let concerns = |path: &str| path == crate::source::FILE_NAME || chosen.iter().any(|sheet| sheet.page.path.as_str() == path);
    diagnostics.extend(loaded.site.diagnostics.iter().filter(|one| one.path.as_ref().is_some_and(|path| concerns(path.as_str()))).cloned());
    let failed = report::diagnostics(&loaded.settle(diagnostics, global), &loaded.inputs, global);
    match format {
        ScheduleFormat::Json => report::data(&as_json(&loaded.site, &chosen))?,
        ScheduleFormat::Ics => report::data(&as_calendar(&loaded.site, &chosen)?)?,
        ScheduleFormat::Table => chosen.iter().try_for_each(|sheet| report::data(&as_table(&loaded.site, sheet)))?,
    }
    Ok(if failed { Exit::Faults } else { Exit::Done })
}

fn choose<'a>(sheets: &[&'a SitePage], page: Option<&str>) -> Result<Vec<&'a SitePage>> {
    let Some(page) = page else {
        if sheets.is_empty() {
            bail!(
                "no run sheet found";
                help: "set `kind: run-sheet` in the front matter of a page, or give it a task and a heading with an offset such as `T-1h`"
            );
        }
        return Ok(sheets.to_vec());
    };
    let wanted = page.trim_start_matches("./");
    let fits = |sheet: &&&SitePage| {
        let path = sheet.page.path.as_str();
        path == wanted || path.ends_with(&format!("/{wanted}")) || sheet.page.path.stem() == wanted
    };
    match sheets.iter().find(fits) {
        Some(sheet) => Ok(vec![*sheet]),
        None => {
            let help = suggest(wanted, sheets.iter().map(|sheet| sheet.page.path.as_str()));
            Err(error!("no run sheet named `{page}`").maybe_help(help))
        }
    }
}

/// A calendar is for one sheet: two in one file would share one name and one revision.
fn as_calendar(site: &Site, sheets: &[&SitePage]) -> Result<String> {
    let [sheet] = sheets else {
        let names: Vec<&str> = sheets.iter().map(|sheet| sheet.page.path.as_str()).collect();
        bail!("a calendar needs a single run sheet"; help: "choose one of {}", names.join(", "));
    };
    let calendar = render::calendar(site, sheet);
    if calendar.is_empty() {
        bail!(
            "no T-0 in {}, so the calendar would be empty", sheet.page.path;
            help: "set `t0` in its event, or pass --t0"
        );
    }
    Ok(calendar)
}

/// One object for one event; a list of them if the sheets run on several.
fn as_json(site: &Site, sheets: &[&SitePage]) -> String {
    let mut plans = Vec::new();
    let mut events: Vec<Option<&str>> = sheets.iter().map(|sheet| sheet.event.as_deref()).collect();
    events.dedup();
    for event in events {
        let steps: Vec<&Step> =
            sheets.iter().filter(|sheet| sheet.event.as_deref() == event).flat_map(|sheet| &sheet.sheet.steps).collect();
        let clock = site.event(event).and_then(|event| event.clock.as_ref());
        plans.push(json!({
            "event": event,
            "t0": clock.map(|clock| clock.t0().to_string()),
            "time_zone": clock.and_then(|clock| clock.t0().time_zone().iana_name()),
            "steps": steps,
        }));
    }
    let document = if plans.len() == 1 { plans.remove(0) } else { json!(plans) };
    format!("{}\n", serde_json::to_string_pretty(&document).unwrap_or_default())
}

fn as_table(site: &Site, sheet: &SitePage) -> String {
    let event = site.event(sheet.event.as_deref());
    let clock = event.and_then(|event| event.clock.as_ref());
    let mut table = format!("{}\n", sheet.page.title);
    match (event, clock) {
        (Some(event), Some(clock)) => table.push_str(&format!("{}, T-0 {}\n\n", event.name, moment::long(clock.t0()))),
        (Some(event), None) => table.push_str(&format!("{}, no T-0 set\n\n", event.name)),
        (None, _) => table.push_str("no event: offsets only\n\n"),
    }
    let rows: Vec<[String; 5]> = sheet.sheet.steps.iter().map(row).collect();
    let head = ["Offset", "Start", "End", "Step", "Tasks"].map(str::to_owned);
    let widths: Vec<usize> = (0..5).map(|column| rows.iter().chain([&head]).map(|row| row[column].width()).max().unwrap_or(0)).collect();
    for row in [&head].into_iter().chain(&rows) {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.width()))).collect();
        table.push_str(cells.join("  ").trim_end());
        table.push('\n');
    }
    table.push('\n');
    table
}

fn row(step: &Step) -> [String; 5] {
    let offset = match (&step.end_offset, step.kind) {
        (Some(end), _) => format!("{} to {end}", step.offset),
        (None, StepKind::Open) => format!("{} on", step.offset),
        (None, StepKind::Deadline) => format!("by {}", step.offset),
        (None, _) => step.offset.to_string(),
    };
    let short = |at: &Option<jiff::Zoned>| at.as_ref().map(moment::short).unwrap_or_default();
    let owner = step.owner.as_ref().map(|owner| format!(" ({owner})")).unwrap_or_default();
    [offset, short(&step.start), short(&step.end), format!("{}{owner}", step.title), step.tasks.to_string()]
}
