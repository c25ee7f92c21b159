//! HTML in Markdown: comments are dropped, a few harmless tags pass, everything else is shown as text.

use std::collections::BTreeSet;

use pulldown_cmark::Event;

use super::html::Writer;
use super::markdown::Placed;
use super::{blank, tags};
use crate::diagnostic::Diagnostic;
use crate::rule;

impl Writer<'_, '_, '_> {
    /// Comments are dropped; any other HTML is shown as text.
    pub(super) fn raw_html(&mut self, html: &str, at: usize, block: bool) {
        let span = self.span(at);
        self.finds.code.push(span);
        let html = html.trim_end_matches('\n');
        let shown = without_comments(html);
        let html = shown.as_str();
        if html.trim().is_empty() {
            return;
        }
        if !block && (BREAKS.contains(&html) || self.paired.contains(&at)) {
            self.push(html);
            return;
        }
        let first = tags::with_dots(html.lines().next().unwrap_or("")).chars().take(40).collect::<String>();
        let diagnostic = Diagnostic::new(rule::RAW_HTML, format!("HTML is shown as text: `{first}`"));
        self.report(diagnostic.help("write it in Markdown, or as a code span if it is an example"), at);
        let html = blank::restore(html);
        if block {
            self.push("<pre><code>");
            self.push_text(&html);
            self.push("</code></pre>\n");
        } else {
            self.push_text(&html);
        }
    }
}

/// The visible text of raw HTML: nothing for comments and passing tags, a line end for `<br>`, otherwise the HTML itself.
pub fn as_text(html: &str) -> String {
    let shown = without_comments(html.trim_end_matches('\n'));
    if BREAKS[..3].contains(&shown.as_str()) {
        return "\n".to_owned();
    }
    if shown == BREAKS[3] || WORDS.iter().any(|(open, close)| shown == *open || shown == *close) || shown.trim().is_empty() {
        return String::new();
    }
    blank::restore(&shown).to_string()
}

/// HTML that only affects where a line may end, or how a word looks.
const BREAKS: [&str; 4] = ["<br>", "<br/>", "<br />", "<wbr>"];
const WORDS: [(&str, &str); 3] = [("<kbd>", "</kbd>"), ("<sub>", "</sub>"), ("<sup>", "</sup>")];

/// The tags of [`WORDS`] that open and close within one Markdown element and are properly nested, by number: they may pass.
pub(super) fn paired(events: &[Placed]) -> BTreeSet<usize> {
    let mut paired = BTreeSet::new();
    if !events.iter().any(|(event, _)| matches!(event, Event::InlineHtml(_))) {
        return paired;
    }
    let mut open: Vec<(usize, &str)> = Vec::new();
    // Where the tags of each Markdown element begin in `open`.
    let mut elements: Vec<usize> = Vec::new();
    for (index, (event, _)) in events.iter().enumerate() {
        match event {
            Event::Start(_) => elements.push(open.len()),
            Event::End(_) => open.truncate(elements.pop().unwrap_or(0)),
            Event::InlineHtml(html) => {
                if let Some((_, close)) = WORDS.iter().find(|(open, _)| **html == **open) {
                    open.push((index, close));
                    continue;
                }
                let from = elements.last().copied().unwrap_or(0).max(open.len().saturating_sub(MOST_OPEN));
                let Some(found) = open[from..].iter().rposition(|(_, close)| **html == **close) else { continue };
                paired.extend([open[from + found].0, index]);
                open.truncate(from + found);
            }
            _ => {}
        }
    }
    paired
}

/// How many open tags are searched for a partner, so that a page of unmatched tags stays cheap.
const MOST_OPEN: usize = 16;

/// The text without its comments.
fn without_comments(html: &str) -> String {
    let mut kept = String::new();
    let mut rest = html;
    while let Some(open) = rest.find("<!--") {
        let Some(close) = rest[open..].find("-->") else { break };
        kept.push_str(&rest[..open]);
        rest = &rest[open + close + 3..];
    }
    kept + rest
}
