//! Parts of a run sheet that depend on the clock: times, rounds, the panel of its event, its calendar and its offline copy.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use serde_json::json;

use crate::config::{Event, Mode};
use crate::language::Language;
use crate::page::Kind;
use crate::page::link;
use crate::schedule::{Clock, Origin, moment, zone};
use crate::sheet::plan::{Step, StepKind};
use crate::sheet::{Round, data};
use crate::site::{Site, SitePage, sheet_calendar};
use crate::text::html::{escape, escaped};
use crate::theme::{LOOK, Theme, WORKER};

/// Template variables of an event.
pub fn event_context(event: Option<&Event>, language: &Language) -> serde_json::Value {
    let Some(event) = event else {
        return json!({ "name": language.text("sheet.offsets_only"), "mode": "none", "t0": null, "zones": [], "window_text": null });
    };
    let zones = event.clock.iter().flat_map(|clock| {
        event.show_zones.iter().map(|(name, zone)| {
            let at = clock.t0().with_time_zone(zone.clone());
            json!({ "zone": name, "iso": moment::datetime_attribute(&at), "text": long(&at, language) })
        })
    });
    json!({
        "name": event.name,
        "mode": if event.mode == Mode::Rehearsal { "rehearsal" } else { "live" },
        "t0": event.clock.as_ref().map(|clock| json!({
            "iso": moment::datetime_attribute(clock.t0()),
            "text": long(clock.t0(), language),
            "utc": utc(clock.t0(), language),
            "zone": clock.t0().time_zone().iana_name(),
        })),
        "zones": zones.collect::<Vec<_>>(),
        "window_text": event.clock.as_ref().zip(event.end()).map(|(clock, end)| {
            language.fill("sheet.window", &[("times", &language.range(clock.t0(), &end))])
        }),
    })
}

/// A moment in UTC, if it differs from the event's clock.
fn utc(at: &jiff::Zoned, language: &Language) -> Option<String> {
    let is_other = at.with_time_zone(TimeZone::UTC).datetime() != at.datetime();
    is_other.then(|| language.utc(at.timestamp()))
}

/// Template variables of a run sheet.
pub fn context(site: &Site, page: &SitePage, event: Option<&Event>, root: &str) -> serde_json::Value {
    let (sheet, language) = (&page.sheet, &page.page.language);
    let time = |at: &jiff::Zoned| json!({ "iso": moment::datetime_attribute(at), "text": long(at, language) });
    let no_return = sheet.no_return.as_ref().map(|found| {
        let heading = &page.page.headings[found.heading];
        let words = found.item.map_or(heading.name(), |item| page.page.items[item].text.as_str());
        json!({ "title": words, "anchor": heading.anchor, "at": found.at.as_ref().map(time) })
    });
    let reverse = page.page.headings.iter().find(|heading| heading.track == crate::page::Track::Reverse);
    let (json, version) = data::json(&page.page, sheet, event, &site_key(site), &page.route);
    json!({
        "json": json,
        "version": version,
        "version_text": language.fill("sheet.version", &[("version", &version)]),
        "of": language.fill("run.version", &[("version", &version)]),
        "saved": language.fill("run.saved", &[("time", "{0}")]),
        "offline": language.fill("run.offline", &[("saved", "{0}")]),
        "other_rules": other_rules(event, language),
        "calendar": sheet_calendar(page, event).map(|route| format!("{root}{route}")),
        "worker": format!("{root}{WORKER}"),
        "no_return": no_return,
        "rollback_by": sheet.rollback_by.as_ref().map(time),
        "reverse": reverse.map(|heading| &heading.anchor),
        "timeline": super::plan::timeline(page, event),
    })
}

/// What is said in a browser that has other rules for the zone.
fn other_rules(event: Option<&Event>, language: &Language) -> Option<String> {
    let zone = event?.clock.as_ref()?.t0().time_zone().iana_name()?;
    Some(language.fill("run.other_rules", &[("zone", zone), ("release", zone::tzdata())]))
}

/// The key of this site's sheets in a browser's storage.
pub fn site_key(site: &Site) -> String {
    format!("{}\n{}", site.config.site.base_url, site.config.site.title)
}

/// The times of a heading: in the event's zone, then in the other zones.
pub fn when(site: &Site, page: &SitePage, heading: usize, html: &mut String) {
    let Some(step) = page.sheet.step_at(heading) else { return };
    let language = &page.page.language;
    html.push_str(&format!("<p class=\"when\" data-section=\"{heading}\"><span class=\"when-offset\">"));
    let offset = step.offset.to_string();
    match &step.end_offset {
        Some(end) => html.push_str(&between(&escaped(&offset), &escaped(&end.to_string()), language)),
        None => escape(&offset, html),
    }
    html.push_str("</span>");
    let event = site.event(page.event.as_deref());
    if let (Some(event), Some(start)) = (event, &step.start) {
        html.push(' ');
        let time = times(step, start, None, language);
        html.push_str(&match step.kind {
            StepKind::Open => language.fill_html("sheet.from", &[("time", &time)]),
            StepKind::Deadline => language.fill_html("sheet.by", &[("time", &time)]),
            StepKind::Point | StepKind::Range | StepKind::Recurring => time,
        });
        if !event.show_zones.is_empty() {
            let zones: Vec<String> = event.show_zones.iter().map(|(_, zone)| times(step, start, Some(zone), language)).collect();
            html.push_str(&format!(" <span class=\"when-zones\">{}</span>", zones.join(" ")));
        }
        if let Some(note) = event.clock.as_ref().and_then(|clock| clock_change(step, clock, language)) {
            html.push_str(&format!(" <span class=\"when-note\">{note}</span>"));
        }
    } else if step.offset.origin == Origin::Decision {
        let words = language.html("sheet.after_decision");
        html.push_str(&format!(" <span class=\"when-note\">{words} <span class=\"write-in\"></span></span>"));
    }
    html.push_str("</p>\n");
}

/// A note that a distance in days differs from that many times 24 hours, because the clocks change in between.
fn clock_change(step: &Step, clock: &Clock, language: &Language) -> Option<String> {
    let elapsed = step.start.as_ref()?.timestamp().as_second() - clock.t0().timestamp().as_second();
    let in_days = step.offset.parts.iter().any(|part| part.unit.is_calendar());
    let counts_business = step.offset.parts.iter().any(|part| part.unit == crate::schedule::Unit::BusinessDays);
    let nominal = step.offset.rough_seconds();
    if !in_days || counts_business || elapsed == nominal {
        return None;
    }
    let hours = elapsed.unsigned_abs() / 3_600;
    let minutes = elapsed.unsigned_abs() % 3_600 / 60;
    let minutes = if minutes > 0 { format!(" {minutes} min") } else { String::new() };
    let key = if elapsed < 0 { "sheet.clocks_change_before" } else { "sheet.clocks_change_after" };
    Some(language.fill_html(key, &[("length", &format!("{hours} h{minutes}"))]))
}

/// Two ends as a range, in HTML.
fn between(start: &str, end: &str, language: &Language) -> String {
    language.fill_html("sheet.to", &[("start", start), ("end", end)])
}

/// A moment on a page: with a minus sign, because a narrow screen may break an offset at a hyphen.
fn long(at: &jiff::Zoned, language: &Language) -> String {
    language.long(at).replace("(UTC-", "(UTC\u{2212}")
}

/// One time, or two if the step itself names its end.
fn times(step: &Step, start: &jiff::Zoned, zone: Option<&TimeZone>, language: &Language) -> String {
    let element = |at: &jiff::Zoned| {
        let at = zone.map_or_else(|| at.clone(), |zone| at.with_time_zone(zone.clone()));
        let mut html = String::new();
        language.time(&at, &long(&at, language), &mut html);
        html
    };
    match step.end.as_ref().filter(|_| step.end_offset.is_some()) {
        Some(end) => between(&element(start), &element(end), language),
        None => element(start),
    }
}

/// The theme files that every run sheet loads; their names contain hashes.
const KEPT: [&str; 7] = ["site.css", "sheet.css", LOOK, "site.js", "sheet.js", "run.js", "icon.svg"];

/// The script that keeps the site's run sheets in a browser for use without a network.
pub fn worker(site: &Site, theme: &Theme) -> String {
    let sheets: Vec<&SitePage> = site.pages.iter().filter(|page| page.page.kind == Kind::RunSheet).collect();
    let languages = sheets.iter().map(|page| &page.page.language);
    let kept = languages.flat_map(|language| KEPT.iter().map(|name| theme.asset(name, language)));
    let hashed: BTreeSet<&str> = kept.filter(|name| !name.is_empty()).collect();
    let look = [&site.config.look.logo, &site.config.look.font_file].into_iter().flatten();
    let mut files: BTreeSet<String> = look.map(|file| link::encode_name(file.value.as_str())).collect();
    for page in &sheets {
        let pictures = page.page.links.iter().zip(&page.links).filter(|(link, _)| link.image);
        files.extend(pictures.filter_map(|(_, address)| address.clone()));
        files.extend(sheet_calendar(page, site.event(page.event.as_deref())));
    }
    let pages: Vec<&str> = sheets.iter().map(|page| page.route.as_str()).collect();
    let mut hasher = blake3::Hasher::new();
    for page in &sheets {
        let event = site.event(page.event.as_deref());
        hasher.update(data::json(&page.page, &page.sheet, event, &site_key(site), &page.route).0.as_bytes());
        hasher.update(page.page.body.html.as_bytes());
    }
    hasher.update(format!("{hashed:?}{files:?}{:?}", site.built_at).as_bytes());
    let list = json!({ "version": &hasher.finalize().to_hex()[..8], "pages": pages, "files": files, "hashed": hashed });
    format!("const SHEETS = {list};\n{}", theme.worker)
}

/// How many rounds are offered if the window of a repeated list has no end.
const OPEN_ROUNDS: usize = 4;

/// The boxes of a repeated list: one row per round, one column per item.
pub fn rounds(page: &SitePage, list: usize, html: &mut String) {
    let (Some(list), rounds) = (page.page.rounds.get(list), page.sheet.rounds.get(list).and_then(Option::as_ref)) else { return };
    let open: Vec<Round> = (1..=OPEN_ROUNDS).map(|n| Round { key: format!("n{n}"), offset: n.to_string(), at: None }).collect();
    let is_open = rounds.is_none();
    let rounds = rounds.unwrap_or(&open);
    let language = &page.page.language;
    let names: Vec<String> = rounds.iter().enumerate().map(|(index, round)| name(rounds, index, round, language)).collect();
    if list.alone {
        return alone(page, list.items[0], rounds, &names, html);
    }
    let items: Vec<_> = list.items.iter().map(|item| &page.page.items[*item]).collect();
    let state = if is_open { " data-open" } else { "" };
    let label = escaped(language.text("sheet.rounds"));
    html.push_str(&format!("<div class=\"table-scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{label}\">"));
    let round = language.html("sheet.round");
    html.push_str(&format!("<table class=\"rounds\"{state}><thead><tr><th scope=\"col\">{round}</th>"));
    for (index, item) in items.iter().enumerate() {
        html.push_str("<th scope=\"col\"><abbr title=\"");
        escape(&item.text, html);
        html.push_str(&format!("\">{}</abbr></th>", letter(index)));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for (round, name) in rounds.iter().zip(&names) {
        html.push_str(&format!("<tr data-round=\"{}\"><th scope=\"row\">", round.key));
        round_name(round, name, &page.page.language, html);
        html.push_str("</th>");
        for (index, item) in items.iter().enumerate() {
            html.push_str("<td><input type=\"checkbox\" data-item=\"");
            escape(&item.id, html);
            html.push_str(&format!("\" data-round=\"{}\" aria-label=\"{}, ", round.key, letter(index)));
            escape(&item.text, html);
            html.push_str(", ");
            escape(name, html);
            html.push_str("\"></td>");
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
}

/// The boxes of a repeated item, in one line.
fn alone(page: &SitePage, item: usize, rounds: &[Round], names: &[String], html: &mut String) {
    let item = &page.page.items[item];
    html.push_str("<ul class=\"item-rounds\">");
    for (round, name) in rounds.iter().zip(names) {
        html.push_str("<li><label><input type=\"checkbox\" data-item=\"");
        escape(&item.id, html);
        html.push_str(&format!("\" data-round=\"{}\" aria-label=\"", round.key));
        escape(&item.text, html);
        html.push_str(", ");
        escape(name, html);
        html.push_str("\"> ");
        round_name(round, name, &page.page.language, html);
        html.push_str("</label></li>");
    }
    html.push_str("</ul>");
}

/// The name of a round, with its moment for the page's script if it has one.
fn round_name(round: &Round, name: &str, language: &Language, html: &mut String) {
    match &round.at {
        Some(at) => language.time(at, name, html),
        None => escape(name, html),
    }
}

/// A round's time: with the date if it changes, and with the offset if the clock shows the same time twice.
fn name(rounds: &[Round], index: usize, round: &Round, language: &Language) -> String {
    let Some(at) = &round.at else { return round.offset.clone() };
    let before = index.checked_sub(1).and_then(|before| rounds[before].at.as_ref());
    let date =
        if before.is_none_or(|before| before.date() != at.date()) { format!("{} ", language.weekday(at.date())) } else { String::new() };
    let twice = rounds.iter().any(|other| other != round && other.at.as_ref().is_some_and(|other| other.datetime() == at.datetime()));
    let changed = before.is_some_and(|before| before.offset() != at.offset());
    let zone = if twice || changed || index == 0 { at.strftime(" %Z").to_string() } else { String::new() };
    format!("{date}{}{zone}", at.strftime("%H:%M"))
}

/// `A` … `Z`, `AA` …: as browsers number lists with letters.
fn letter(index: usize) -> String {
    let last = char::from(b'A' + u8::try_from(index % 26).unwrap_or(0));
    if index < 26 { last.to_string() } else { format!("{}{last}", letter(index / 26 - 1)) }
}
