//! The visible text of a page, split at its headings.

/// The text below a heading; the first passage of a page is the one below its title.
#[derive(Debug, Default, PartialEq)]
pub struct Passage {
    /// Its anchor; empty at the top of the page.
    pub anchor: String,
    pub heading: String,
    /// Its text, not normalised: to a reader, any white space is one space.
    pub text: String,
}

/// Elements, by class, that the search must ignore: their content is elsewhere on the page already.
const ASIDE: [&str; 4] = ["anchor", "plan", "link-notes", "footnote-back"];

/// Reads our own HTML: every element is closed, and `<` and `>` occur only in tags.
pub fn passages(html: &str) -> Vec<Passage> {
    let mut passages = vec![Passage { text: String::with_capacity(html.len() / 2), ..Passage::default() }];
    let mut in_heading = false;
    // An article may have the anchor that its heading lacks.
    let mut article = None;
    let mut rest = html;
    loop {
        let (text, after) = cut(rest, b'<').unwrap_or((rest, ""));
        add_text(text, &mut passages, in_heading);
        let Some((tag, after)) = cut(after, b'>') else { break };
        rest = after;
        let name = name(tag);
        if tag.starts_with('/') {
            in_heading &= !is_heading(name);
        } else if is_left_out(name, tag) {
            rest = after_element(name, rest);
            continue;
        } else if is_heading(name) {
            let above = passages.last().map_or("", |passage| &passage.anchor);
            let anchor = attribute(tag, "id").map(decoded).or_else(|| article.take()).unwrap_or_else(|| above.to_owned());
            passages.push(Passage { anchor, text: String::with_capacity(rest.len().min(512)), ..Passage::default() });
            in_heading = true;
        } else if name == "article" {
            article = attribute(tag, "id").map(decoded);
        }
        if !is_inline(name) {
            part(&mut passages, in_heading);
        }
    }
    passages
}

/// The text split at the first of these bytes, which are ASCII.
fn cut(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = memchr::memchr(byte, text.as_bytes())?;
    Some((&text[..at], &text[at + 1..]))
}

/// The name of an element, from its opening or closing tag.
fn name(tag: &str) -> &str {
    let tag = tag.strip_prefix('/').unwrap_or(tag);
    let end = tag.bytes().position(|byte| matches!(byte, b' ' | b'/')).unwrap_or(tag.len());
    &tag[..end]
}

/// Elements that don't separate words.
fn is_inline(name: &str) -> bool {
    matches!(name, "a" | "b" | "code" | "del" | "em" | "i" | "ins" | "kbd" | "mark" | "s" | "small" | "span" | "strong")
}

fn is_heading(name: &str) -> bool {
    matches!(name.as_bytes(), [b'h', b'1'..=b'6'])
}

fn is_left_out(name: &str, tag: &str) -> bool {
    name == "svg"
        || attributes(tag).any(|(key, value)| match key {
            "class" => value.split(' ').any(|class| ASIDE.contains(&class)),
            "aria-hidden" => value == "true",
            _ => false,
        })
}

/// The text after the element of this name that was just opened.
fn after_element<'h>(element: &str, html: &'h str) -> &'h str {
    let mut depth = 1;
    let mut rest = html;
    while let Some((_, after)) = cut(rest, b'<') {
        let Some((tag, after)) = cut(after, b'>') else { break };
        rest = after;
        if name(tag) == element {
            depth = if tag.starts_with('/') { depth - 1 } else { depth + 1 };
        }
        if depth == 0 {
            return rest;
        }
    }
    ""
}

/// The attributes of a tag that have a value.
fn attributes(tag: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = tag;
    std::iter::from_fn(move || {
        let (before, after) = cut(rest, b'"')?;
        let (value, after) = cut(after, b'"')?;
        rest = after;
        let key = before.strip_suffix('=').unwrap_or(before);
        let space = key.bytes().rposition(|byte| byte == b' ');
        Some((&key[space.map_or(0, |space| space + 1)..], value))
    })
}

fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    attributes(tag).find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn place(passages: &mut [Passage], in_heading: bool) -> Option<&mut String> {
    let passage = passages.last_mut()?;
    Some(if in_heading { &mut passage.heading } else { &mut passage.text })
}

fn add_text(text: &str, passages: &mut [Passage], in_heading: bool) {
    if text.is_empty() {
        return;
    }
    let Some(place) = place(passages, in_heading) else { return };
    if is_parted(place) {
        decode(text.trim_start(), place);
    } else {
        decode(text, place);
    }
}

fn part(passages: &mut [Passage], in_heading: bool) {
    if let Some(place) = place(passages, in_heading).filter(|place| !is_parted(place)) {
        place.push(' ');
    }
}

/// Whether the following text is a separate word.
fn is_parted(text: &str) -> bool {
    matches!(text.as_bytes().last(), None | Some(b'\n' | b' '))
}

fn decoded(text: &str) -> String {
    let mut plain = String::new();
    decode(text, &mut plain);
    plain
}

fn decode(text: &str, plain: &mut String) {
    let mut rest = text;
    while let Some((before, after)) = cut(rest, b'&') {
        plain.push_str(before);
        let known = [("lt;", '<'), ("gt;", '>'), ("quot;", '"'), ("amp;", '&'), ("#39;", '\''), ("#x27;", '\'')];
        let (c, after) = known.iter().find_map(|(name, c)| Some((*c, after.strip_prefix(name)?))).unwrap_or(('&', after));
        plain.push(c);
        rest = after;
    }
    plain.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(html: &str, expected: &[(&str, &str, &str)]) {
        let found = passages(html);
        let found: Vec<_> = found.iter().map(|passage| (passage.anchor.as_str(), passage.heading.trim(), passage.text.trim())).collect();
        assert_eq!(found, expected, "{html}");
    }

    #[test]
    fn a_page_is_cut_at_its_headings() {
        check("", &[("", "", "")]);
        check(
            "<p>Top &amp; <em>em</em>phasis</p>\n<h2 id=\"a\">A <code>x</code> <a class=\"anchor\" href=\"#a\" aria-label=\"Link to: A\">#</a></h2>\n<p>one</p><ul><li>two</li></ul>",
            &[("", "", "Top & emphasis"), ("a", "A x", "one two")],
        );
        check(
            "<article class=\"notice\" id=\"n\"><h2>N</h2><h3>Inside</h3><p>t</p>",
            &[("", "", ""), ("n", "N", ""), ("n", "Inside", "t")],
        );
    }

    #[test]
    fn code_belongs_to_it_and_what_is_said_twice_does_not() {
        check("<pre><code>a &lt;b&gt;\n  <span class=\"k\">c</span>d</code></pre>", &[("", "", "a <b>\n  cd")]);
        check("<div class=\"plan\">no<div>no</div>no</div>yes<br>yes<svg><text>no</text></svg>", &[("", "", "yes yes")]);
        check("<p>1<sup><a href=\"#f\">2</a></sup> &copy; &</p>", &[("", "", "1 2 &copy; &")]);
        check("<p data-id=\"x\" title=\"a\">t</p>", &[("", "", "t")]);
    }

    #[test]
    fn what_is_not_our_html_ends_quietly() {
        check("text <b", &[("", "", "text")]);
        check("<div class=\"plan\">never closed", &[("", "", "")]);
    }
}
