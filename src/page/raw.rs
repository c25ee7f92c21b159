//! HTML in Markdown: comments vanish, a few tags that mean no harm pass, all other is shown as the text that it is.

use pulldown_cmark::Event;

use super::blank;
use super::html::Writer;
use crate::diagnostic::Diagnostic;

impl Writer<'_, '_, '_> {
    /// Whether an inline tag can pass: a break, or one of a pair that opens and closes in the same run of text.
    fn is_harmless(&self, html: &str, at: usize) -> bool {
        if BREAKS.contains(&html) {
            return true;
        }
        let other = WORDS.iter().find_map(|(open, close)| match html {
            html if html == *open => Some((*close, true)),
            html if html == *close => Some((*open, false)),
            _ => None,
        });
        let Some((other, opens)) = other else { return false };
        let (mut depth, mut balance) = (0, 0);
        let mut step = |event: &Event, into: bool| match event {
            Event::InlineHtml(found) if depth == 0 && **found == *html => {
                balance += 1;
                None
            }
            Event::InlineHtml(found) if depth == 0 && **found == *other => {
                if balance == 0 {
                    return Some(true);
                }
                balance -= 1;
                None
            }
            Event::Start(_) if into => {
                depth += 1;
                None
            }
            Event::End(_) if !into => {
                depth += 1;
                None
            }
            Event::Start(_) | Event::End(_) => {
                depth -= 1;
                (depth < 0).then_some(false)
            }
            _ => None,
        };
        let found = if opens {
            self.events[at + 1..].iter().take(FARTHEST).find_map(|(event, _)| step(event, true))
        } else {
            self.events[..at].iter().rev().take(FARTHEST).find_map(|(event, _)| step(event, false))
        };
        found == Some(true)
    }

    /// Comments vanish; any other HTML is shown as the text that it is.
    pub(super) fn raw_html(&mut self, html: &str, at: usize, block: bool) {
        let span = self.span(at);
        self.finds.code.push(span);
        let html = html.trim_end_matches('\n');
        let shown = without_comments(html);
        let html = shown.as_str();
        if html.trim().is_empty() {
            return;
        }
        if !block && self.is_harmless(html, at) {
            self.push(html);
            return;
        }
        let first = html.lines().next().unwrap_or("").chars().take(40).collect::<String>();
        let diagnostic = Diagnostic::warning("raw-html", format!("HTML is shown as text: `{first}`"));
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

/// How many events away the other tag of a pair is looked for: a key has a few words, and a page of lone tags stays cheap.
const FARTHEST: usize = 200;

/// HTML that says nothing but where a line may end, or how a word looks.
const BREAKS: [&str; 4] = ["<br>", "<br/>", "<br />", "<wbr>"];
const WORDS: [(&str, &str); 3] = [("<kbd>", "</kbd>"), ("<sub>", "</sub>"), ("<sup>", "</sup>")];

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
