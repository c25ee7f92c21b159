//! Parts of a run sheet that appear only in print: the columns of its tasks, and the addresses of its links.
//!
//! On paper, readers cannot look things up elsewhere, so each task has its own time, owner and length, like a table row.

use std::collections::BTreeMap;

use jiff::Zoned;
use jiff::tz::TimeZone;

use crate::config::Event;
use crate::language::Language;
use crate::schedule::{Offset, Origin};
use crate::sheet::owner;
use crate::site::SitePage;
use crate::text::html::escape;

/// The column names above a list of tasks.
pub fn head(language: &Language) -> String {
    let columns = ["planned", "offset", "step", "owner", "estimate", "actual", "initials"].map(|key| format!("sheet.{key}"));
    let columns: String = columns.iter().map(|key| format!("<span>{}</span>", language.html(key))).collect();
    format!("<div class=\"plan plan-head\" aria-hidden=\"true\">{columns}</div>\n")
}

/// The columns of a task: planned clock in the sheet's zone and in UTC, offset, owner, estimate.
pub fn plan(page: &SitePage, item: usize, event: Option<&Event>, html: &mut String) {
    let (task, start) = (&page.page.items[item], &page.sheet.planned[item].start);
    html.push_str("<div class=\"plan\"><span>");
    if let Some(start) = start {
        let utc = start.with_time_zone(TimeZone::UTC);
        let language = &page.page.language;
        let date = if utc.date() == start.date() { String::new() } else { format!("{} ", language.day(utc.date())) };
        language.time(start, &format!("{} {}", language.day(start.date()), start.strftime("%H:%M")), html);
        html.push_str(&format!(" <small>{date}{}</small>", utc.strftime("%H:%M UTC")));
    }
    html.push_str("</span><span>");
    escape(&offset(page, item, start.as_ref(), event).unwrap_or_default(), html);
    html.push_str("</span><span></span><span>");
    escape(owner(&page.page, &page.sheet, task).unwrap_or_default(), html);
    html.push_str("</span><span>");
    if let Some(estimate) = &task.estimate {
        escape(&estimate.to_string(), html);
    }
    html.push_str("</span></div>");
}

/// The distance of a task from T-0. If it is days away, the distance from its step is added to that of the step instead.
fn offset(page: &SitePage, item: usize, start: Option<&Zoned>, event: Option<&Event>) -> Option<String> {
    let step = &page.sheet.steps[page.sheet.step(&page.page.items[item])?];
    let (Some(start), Some(begin)) = (start, &step.start) else { return Some(step.offset.to_string()) };
    let into = start.timestamp().as_second() - begin.timestamp().as_second();
    let t0 = event.and_then(|event| event.clock.as_ref()).map(|clock| clock.t0().timestamp().as_second());
    let is_near = step.offset.origin == Origin::T0 && step.offset.rough_seconds().abs() < 86_400;
    match t0 {
        _ if into == 0 => Some(step.offset.to_string()),
        Some(t0) if is_near => Some(Offset::elapsed(start.timestamp().as_second() - t0).to_string()),
        _ => Some(format!("{} +{}", step.offset, Offset::elapsed(into).to_string().trim_start_matches("T+"))),
    }
}

/// Numbers the links that lead out of the site, for a list of addresses: returns the HTML with the numbers, and the list.
///
/// Equal addresses share a number. A link whose text is its address gets none.
pub fn link_notes(html: &str) -> (String, Vec<&str>) {
    let mut noted = String::with_capacity(html.len());
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut addresses = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find("<a href=\"http") {
        let address = &rest[at + 9..];
        let Some(end) = address.find('"') else { break };
        let (address, after) = address.split_at(end);
        noted.push_str(&rest[..at]);
        noted.push_str("<a");
        let words = after.split_once('>').and_then(|(_, words)| words.split_once("</a>")).map_or("", |(words, _)| words);
        if words.is_empty() || !address.ends_with(words) {
            let number = *numbers.entry(address).or_insert_with(|| {
                addresses.push(address);
                addresses.len()
            });
            noted.push_str(&format!(" data-note=\"{number}\""));
        }
        noted.push_str(&rest[at + 2..at + 9]);
        noted.push_str(address);
        rest = after;
    }
    noted.push_str(rest);
    (noted, addresses)
}

/// A body with numbered links and the list of their addresses: before the part that begins the last sheet of paper, so
/// that stop conditions and contacts stay last; otherwise at the end.
pub fn with_link_notes(html: String) -> String {
    let (noted, addresses) = link_notes(&html);
    if addresses.is_empty() {
        return html;
    }
    let tracks = (2..=6).flat_map(|level| ["alarms", "reverse"].map(|track| format!("<h{level} class=\"{track}\"")));
    let tail = tracks.filter_map(|track| noted.rfind(&track)).max();
    let (before, after) = noted.split_at(tail.unwrap_or(noted.len()));
    let list: String = addresses.iter().map(|address| format!("<li>{address}</li>")).collect();
    format!("{before}<ol class=\"link-notes\">{list}</ol>\n{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_lead_away_are_numbered_once_an_address() {
        let html = "<p><a href=\"https://a.example/\">one</a> <a href=\"#b\">here</a> <a href=\"https://b.example/?x&amp;y\" title=\"t\">two</a> \
            <a href=\"https://a.example/\">again</a> <a href=\"https://c.example/\">https://c.example/</a> \
            <a href=\"http://www.d.example\">www.d.example</a></p>";
        let (noted, addresses) = link_notes(html);
        assert_eq!(addresses, ["https://a.example/", "https://b.example/?x&amp;y"]);
        assert_eq!(noted.matches("data-note=\"1\"").count(), 2);
        assert_eq!(noted.replace(" data-note=\"1\"", "").replace(" data-note=\"2\"", ""), html);
    }

    #[test]
    fn the_list_stands_before_the_last_sheet() {
        let link = "<p><a href=\"https://a.example/\">a</a></p>";
        let html = with_link_notes(format!("{link}<h2 class=\"reverse\">R</h2>{link}<h2 class=\"alarms\">S</h2>"));
        assert!(html.contains("<li>https://a.example/</li></ol>\n<h2 class=\"alarms\">"), "{html}");
        assert!(with_link_notes(link.to_owned()).ends_with("</ol>\n"));
        assert_eq!(with_link_notes("<p>none</p>".to_owned()), "<p>none</p>");
    }
}
