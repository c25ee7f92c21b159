//! Rules about the wording of notices: what a reader would not understand, or would misunderstand.

use crate::config::Event;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::notice::Notice;
use crate::project::Page;
use crate::rule;
use crate::schedule::Length;
use crate::site::{ShownNotice, Site};
use crate::source::{Source, Span};

/// The longest subject that phones show in full, in characters.
const LONGEST_SUBJECT: usize = 60;

/// Every rule over the notices of a page.
pub fn check(page: &Page, site: &Site, source: &Source, diagnostics: &mut Diagnostics) {
    if page.notices.is_empty() {
        return;
    }
    let Some(site_page) = site.page_of(&page.path) else { return };
    let event = site.event(site_page.event.as_deref());
    for notice in &page.notices {
        let prose = prose(notice, page, source);
        vague_words(&prose, notice, diagnostics);
        ambiguous_times(&prose, site.languages.lists("rule.ambiguous"), notice, diagnostics);
        times_without_zone(&prose, notice, diagnostics);
        if let Some(event) = event {
            other_durations(&prose, event, notice, diagnostics);
        }
        let Some(shown) = site_page.notices.iter().find(|shown| shown.anchor == notice.anchor) else { continue };
        long_subject(shown, notice, diagnostics);
        missing_action(shown, notice, diagnostics);
        lying_links(shown, notice, source, diagnostics);
    }
}

/// The text of a notice in small letters, with spaces in place of tags, code and addresses. Places are those of the file.
struct Prose<'a> {
    text: String,
    /// The same text, with the letters as written.
    written: &'a str,
    offset: usize,
}

impl Prose<'_> {
    fn place(&self, span: &Span) -> Span {
        span.start + self.offset..span.end + self.offset
    }

    /// Places of whole words.
    fn find(&self, words: &str) -> Vec<Span> {
        let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '\'');
        let found = self.text.match_indices(words).map(|(at, _)| at..at + words.len());
        found
            .filter(|span| !is_letter(self.text[..span.start].chars().next_back()) && !is_letter(self.text[span.end..].chars().next()))
            .collect()
    }
}

fn prose<'a>(notice: &Notice, page: &Page, source: &'a Source) -> Prose<'a> {
    let Span { start, end } = notice.extent.start..notice.extent.end.min(source.text.len());
    let mut bytes = source.text.as_bytes()[start..end].to_vec();
    let mut blank = |span: Span| {
        let (from, to) = (span.start.max(start), span.end.min(end));
        if from < to {
            bytes[from - start..to - start].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        }
    };
    notice.tags.iter().for_each(|tag| blank(tag.span.clone()));
    page.code.iter().for_each(|code| blank(code.clone()));
    let text = &source.text[start..end];
    for (opening, closing) in [("](", ')'), ("<http", '>'), ("<mailto:", '>'), ("https://", ' '), ("http://", ' ')] {
        for (at, _) in text.match_indices(opening) {
            let length = text[at..].find([closing, '\n']).unwrap_or(text.len() - at);
            blank(start + at..start + at + length);
        }
    }
    let blanked = String::from_utf8(bytes).unwrap_or_default();
    // Lower case of the same length, so that places stay right.
    let lower = blanked.chars().map(|c| {
        let mut letters = c.to_lowercase();
        letters.next().filter(|lower| letters.next().is_none() && lower.len_utf8() == c.len_utf8()).unwrap_or(c)
    });
    Prose { text: lower.collect(), written: text, offset: start }
}

fn vague_words(prose: &Prose, notice: &Notice, diagnostics: &mut Diagnostics) {
    let mut found = Vec::new();
    for (list, fault) in [("vague", "does not name a time"), ("days", "means a different day to anyone who reads it later")] {
        let words = notice.language.words_of_rule(list);
        found.extend(words.iter().flat_map(|words| prose.find(words)).map(|span| (span, fault)));
    }
    // "as soon as possible" contains "soon": report the longer one.
    found.sort_by_key(|(span, _)| (span.start, std::cmp::Reverse(span.end)));
    let mut reported_to = 0;
    for (span, fault) in found {
        if span.start < reported_to {
            continue;
        }
        reported_to = span.end;
        let message = format!("`{}` {fault}", &prose.written[span.clone()]);
        let diagnostic = Diagnostic::new(rule::VAGUE_WORD, message).at(&notice.path, prose.place(&span));
        diagnostics.push(diagnostic.help("say when, as in `{{ event.at(offset=\"T+1h\") | when(zone=r.zone) }}`"));
    }
}

fn ambiguous_times<'a>(prose: &Prose, words: impl Iterator<Item = &'a str>, notice: &Notice, diagnostics: &mut Diagnostics) {
    for span in words.flat_map(|words| prose.find(words)) {
        let message = format!("`{}` can mean two different times", &prose.written[span.clone()]);
        let diagnostic = Diagnostic::new(rule::AMBIGUOUS_TIME, message).at(&notice.path, prose.place(&span));
        diagnostics.push(diagnostic.help("use 24-hour time with its date: `{{ event.start | when(zone=r.zone) }}`"));
    }
}

/// A typed time, such as `14:30`, `2 pm` or `14 Uhr`, without a zone after it on its line.
fn times_without_zone(prose: &Prose, notice: &Notice, diagnostics: &mut Diagnostics) {
    let bytes = prose.text.as_bytes();
    let mut at = 0;
    while let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit).map(|found| at + found) {
        let digits = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        at = start + digits;
        let joined =
            start > 0 && (bytes[start - 1].is_ascii_alphanumeric() || matches!(bytes[start - 1], b':' | b'+' | b'-' | b'.' | b','));
        let Some(end) = rest_of_time(&prose.text[at..]).map(|length| at + length) else { continue };
        if joined || digits > 2 {
            continue;
        }
        at = end;
        // Long enough for `02:00 to 05:00 UTC`, but not for the next sentence.
        let behind: String = prose.text[end..].chars().take_while(|c| *c != '\n').take(16).collect();
        let zones = [
            "utc", "gmt", "cet", "cest", "est", "edt", "cst", "cdt", "mst", "mdt", "pst", "pdt", "bst", "ist", "jst", "mez", "mesz", "eet",
            "eest", "wet", "west",
        ];
        let named = behind.split(|c: char| !c.is_alphanumeric()).any(|word| zones.contains(&word));
        if named {
            continue;
        }
        let message = format!("time without a zone: `{}`", &prose.written[start..end]);
        let diagnostic = Diagnostic::new(rule::TIME_WITHOUT_ZONE, message).at(&notice.path, prose.place(&(start..end)));
        diagnostics.push(diagnostic.help("use a time of the event: `{{ event.at(offset=\"T-1h\") | when(zone=r.zone) }}`"));
    }
}

/// How many bytes after an hour belong to the time: `:30`, `h30`, ` pm`, ` Uhr`, `.30 Uhr`.
fn rest_of_time(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let minutes = bytes.get(1..3).is_some_and(|minutes| minutes.iter().all(u8::is_ascii_digit));
    let minutes = (minutes && !bytes.get(3).is_some_and(u8::is_ascii_alphanumeric)).then(|| bytes[0]);
    if matches!(minutes, Some(b':' | b'h')) {
        return Some(3);
    }
    let (from, words): (usize, &[&str]) = if minutes == Some(b'.') { (3, &["uhr"]) } else { (0, &["am", "pm", "a.m.", "p.m.", "uhr"]) };
    let behind = rest[from..].trim_start_matches([' ', '\u{a0}']);
    let word = words.iter().find(|word| behind.strip_prefix(**word).is_some_and(|next| !next.starts_with(char::is_alphanumeric)))?;
    Some(rest.len() - behind.len() + word.len())
}

/// A typed length next to a word such as `takes` that is not that of the event's window.
fn other_durations(prose: &Prose, event: &Event, notice: &Notice, diagnostics: &mut Diagnostics) {
    let Some(window) = &event.window else { return };
    for sentence in sentences(&prose.text) {
        let words = &prose.text[sentence.clone()];
        let part = Prose { text: words.to_owned(), written: words, offset: 0 };
        if !notice.language.words_of_rule("lasts").iter().any(|word| !part.find(word).is_empty()) {
            continue;
        }
        for (span, length) in lengths(words) {
            // A much shorter length belongs to something else.
            if length.seconds() == window.seconds()
                || length.seconds().zip(window.seconds()).is_some_and(|(length, window)| length * 4 < window)
            {
                continue;
            }
            let span = sentence.start + span.start..sentence.start + span.end;
            let message = format!("`{}` differs from the window of the event: {window}", &prose.written[span.clone()]);
            let diagnostic = Diagnostic::new(rule::OTHER_DURATION, message).at(&notice.path, prose.place(&span));
            diagnostics.push(diagnostic.help("write `{{ event.window }}`"));
        }
    }
}

fn sentences(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut start = 0;
    for (at, c) in text.char_indices() {
        let ends = matches!(c, '!' | '?')
            || c == '.' && text[at + 1..].starts_with(char::is_whitespace)
            || c == '\n' && text[at + 1..].starts_with('\n');
        if ends {
            spans.push(start..at);
            start = at + c.len_utf8();
        }
    }
    spans.push(start..text.len());
    spans
}

/// Lengths such as `3 hours` or `45 min`.
fn lengths(text: &str) -> Vec<(Span, Length)> {
    let mut found = Vec::new();
    for unit in ["hours", "hour", "minutes", "minute", "mins", "min", "h", "days", "day"] {
        for (at, _) in text.match_indices(unit) {
            let end = at + unit.len();
            let head = text[..at].trim_end_matches([' ', '-']);
            let digits = head.len() - head.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').len();
            let start = head.len() - digits;
            let joined = text[end..].starts_with(|c: char| c.is_alphanumeric())
                || text[..start].ends_with(|c: char| c.is_alphanumeric() || c == '+');
            if digits == 0 || joined {
                continue;
            }
            if let Ok(length) = Length::parse(&format!("{} {unit}", &head[start..])) {
                found.push((start..end, length));
            }
        }
    }
    found.sort_by_key(|(span, _)| span.start);
    found
}

fn long_subject(shown: &ShownNotice, notice: &Notice, diagnostics: &mut Diagnostics) {
    let length = shown.subject.chars().count();
    if length > LONGEST_SUBJECT {
        let message = format!("the subject line has {length} characters with the sample's values, but phones show {LONGEST_SUBJECT}");
        let diagnostic = Diagnostic::new(rule::LONG_SUBJECT, message).at(&notice.path, notice.subject_span.clone());
        diagnostics.push(diagnostic.help("put what changes for the reader first, and move the rest to the text"));
    }
}

/// A notice that asks for an action must say which: by a step, an item or a link.
fn missing_action(shown: &ShownNotice, notice: &Notice, diagnostics: &mut Diagnostics) {
    let subject = shown.subject.to_lowercase();
    let body = shown.html.to_lowercase();
    let asks = notice.language.words_of_rule("asks");
    let Some(words) = asks.iter().find(|words| subject.contains(words.as_str()) || body.contains(words.as_str())) else { return };
    if !["<li", "<a "].iter().any(|tag| body.contains(tag)) {
        let message = format!("the notice says `{words}`, but has no steps and no link");
        let diagnostic = Diagnostic::new(rule::MISSING_ACTION, message).at(&notice.path, notice.subject_span.clone());
        diagnostics.push(diagnostic.help("list what the reader has to do"));
    }
}

/// A link that shows one address and leads to another.
fn lying_links(shown: &ShownNotice, notice: &Notice, source: &Source, diagnostics: &mut Diagnostics) {
    let extent = notice.extent.start..notice.extent.end.min(source.text.len());
    let mut looked = extent.start;
    for link in shown.html.split("<a ").skip(1) {
        let target = link.split("href=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("");
        let words = link.split_once('>').and_then(|(_, rest)| rest.split("</a>").next()).unwrap_or("");
        let words: String = words.split('<').map(|part| part.rsplit('>').next().unwrap_or("")).collect();
        let words = words.trim();
        // Links appear in the text in their order; a link whose words differ from the text there is skipped.
        let place = source.text[looked..extent.end].find(words).map(|at| looked + at..looked + at + words.len());
        looked = place.as_ref().map_or(looked, |place| place.end);
        let Some(said) = said_address(words).or_else(|| said_host(words)) else { continue };
        let goes = if said.contains('@') { mail_address(target) } else { host(target) };
        if goes.as_deref() == Some(&*said) {
            continue;
        }
        let message = format!("the link shows `{said}` but leads to `{}`", goes.unwrap_or_else(|| target.to_owned()));
        let diagnostic = Diagnostic::new(rule::LYING_LINK, message).at(&notice.path, place.unwrap_or(notice.span.clone()));
        diagnostics.push(diagnostic.help("describe the target in the link, or show its own address: readers take this for fraud"));
    }
}

/// The mail address that makes up a text.
fn said_address(words: &str) -> Option<String> {
    let is_one = words.contains('@') && !words.contains("://") && !words.contains(char::is_whitespace);
    is_one.then(|| words.strip_prefix("mailto:").unwrap_or(words).to_lowercase())
}

/// The address that a `mailto:` leads to.
fn mail_address(url: &str) -> Option<String> {
    Some(url.strip_prefix("mailto:")?.split('?').next()?.to_lowercase())
}

/// The host that a text names: that of its first web address, or the text itself if it is a bare domain.
fn said_host(words: &str) -> Option<String> {
    let address = words.split_whitespace().find(|word| word.contains("://"));
    if let Some(address) = address {
        return host(address.trim_matches(|c: char| !c.is_alphanumeric()));
    }
    if words.contains(char::is_whitespace) || words.is_empty() {
        return None;
    }
    let name = words.split('/').next().unwrap_or("");
    let labels: Vec<&str> = name.split('.').collect();
    let is_label = |label: &&str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    let last = labels.last().copied().unwrap_or("");
    // `notes.txt` and `v1.2` are not hosts.
    let is_top = last.len() >= 2
        && last.chars().all(char::is_alphabetic)
        && !["txt", "md", "pdf", "csv", "html", "zip", "sh", "toml"].contains(&last);
    (labels.len() >= 2 && labels.iter().all(is_label) && is_top).then(|| without_www(name))
}

fn host(url: &str) -> Option<String> {
    if let Some(address) = url.strip_prefix("mailto:").or_else(|| (!url.contains("://")).then_some(url)) {
        return address.split('?').next()?.rsplit_once('@').map(|(_, domain)| without_www(domain));
    }
    let authority = url.split_once("://")?.1.split(['/', '?', '#']).next()?;
    Some(without_www(authority.rsplit('@').next()?))
}

fn without_www(host: &str) -> String {
    let host = host.to_lowercase();
    host.strip_prefix("www.").unwrap_or(&host).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        assert_eq!(said_host("https://www.a.example/x").as_deref(), Some("a.example"));
        assert_eq!(said_host("a.example/x").as_deref(), Some("a.example"));
        assert_eq!(said_host("the state (at https://a.example).").as_deref(), Some("a.example"));
        assert_eq!(said_address("x@A.example").as_deref(), Some("x@a.example"));
        assert_eq!(mail_address("mailto:x@A.example?subject=y").as_deref(), Some("x@a.example"));
        for none in ["the status page", "v1.2", "notes.txt", "e.g.", "status", ""] {
            assert_eq!(said_host(none), None, "{none}");
        }
        assert_eq!(host("https://bank.example@evil.example/").as_deref(), Some("evil.example"));
        assert_eq!(host("mailto:x@a.example?subject=y").as_deref(), Some("a.example"));
    }

    #[test]
    fn typed_lengths() {
        let read = |text: &str| lengths(text).into_iter().map(|(span, _)| text[span].to_owned()).collect::<Vec<_>>();
        assert_eq!(read("it takes 3 hours and 45 min, or 2-hour steps"), ["3 hours", "45 min", "2-hour"]);
        assert_eq!(read("t+3h and 5 houses"), [] as [&str; 0]);
    }
}
