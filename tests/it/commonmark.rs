//! The examples of CommonMark 0.31, each as a page: differences from the specification are listed with their reasons in
//! `tests/fixtures/commonmark-differences.toml`; there are no others.
//!
//! Additions of a page are removed first: see [`ours`]. Spaces between blocks, the form of
//! empty elements and the encoding of addresses don't count as differences: see [`normalised`].
#![allow(clippy::disallowed_methods, reason = "a test reads its fixtures")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use runsheet::page::{Hole, link};
use runsheet::project::Page;
use runsheet::source::{RelPath, Source};
use runsheet::text::html::escape;
use serde::Deserialize;

#[derive(Deserialize)]
struct Example {
    example: usize,
    section: String,
    markdown: String,
    html: String,
}

/// Examples that differ for the same reason.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    reason: String,
    examples: Vec<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Differences {
    difference: Vec<Difference>,
}

fn fixture(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).expect("a fixture")
}

#[test]
fn pages_are_commonmark_but_for_what_is_listed() {
    let examples: Vec<Example> = serde_json::from_str(&fixture("commonmark-0.31.json")).expect("the examples");
    let listed: Differences = toml::from_str(&fixture("commonmark-differences.toml")).expect("the differences");
    let mut reasons: BTreeMap<usize, &str> = BTreeMap::new();
    for difference in &listed.difference {
        for example in &difference.examples {
            assert!(reasons.insert(*example, &difference.reason).is_none(), "example {example} is listed twice");
        }
    }
    let mut differ: BTreeSet<usize> = BTreeSet::new();
    let mut unlisted = 0;
    for example in &examples {
        let (expected, seen) = (normalised(&example.html), normalised(&ours(&parse(&example.markdown))));
        if expected == seen {
            continue;
        }
        differ.insert(example.example);
        if !reasons.contains_key(&example.example) {
            unlisted += 1;
            println!("--- {} {}\n{:?}\nexpected {expected}\nseen     {seen}", example.example, example.section, example.markdown);
        }
    }
    let gone: Vec<&usize> = reasons.keys().filter(|example| !differ.contains(example)).collect();
    println!("{} examples of CommonMark 0.31: {} as specified, {} differ", examples.len(), examples.len() - differ.len(), differ.len());
    for difference in &listed.difference {
        println!("{:4}  {}", difference.examples.len(), difference.reason);
    }
    assert_eq!(unlisted, 0, "examples differ and are not listed");
    assert!(gone.is_empty(), "listed, and no difference any more: {gone:?}");
}

fn parse(markdown: &str) -> Page {
    // Empty front matter first, because an example that begins with `---` has none.
    // The page has a name, so that no heading inside becomes the title.
    let source = Source::new(RelPath::new("content/a.md").expect("a path"), format!("---\nkind: page\ntitle: Its own\n---\n{markdown}"));
    runsheet::project::page::parse(&source, &BTreeMap::new(), &runsheet::language::Languages::default())
}

/// The page as HTML, with its title back in the body, and without additions: anchors of headings, the frame and the
/// colours of code, lazy loading.
fn ours(page: &Page) -> String {
    let mut html = page.title_html.as_ref().map(|title| format!("<h1>{title}</h1>\n")).unwrap_or_default();
    html.push_str(&page.body.fill(|hole, html| {
        if let Hole::Code(number) = hole {
            return escape(&page.blocks[number].code.text, html);
        }
        let Hole::Link(number) = hole else { return };
        let link = &page.links[number];
        escape(&link.path, html);
        if let Some(fragment) = &link.fragment {
            html.push('#');
            escape(fragment, html);
        }
    }));
    let html = without_elements(&html, "<a class=\"anchor\"", "</a>").replace(" loading=\"lazy\"", "");
    let html = without_elements(&html, "<figcaption", "</figcaption>");
    let html = without_elements(&html, "<button", "</button>");
    let mut plain = String::new();
    for piece in pieces(&html) {
        match piece {
            tag if ["<div class=\"code", "</div", "<figure", "</figure", "<span", "</span"].iter().any(|frame| tag.starts_with(frame)) => {}
            tag if tag.starts_with("<pre ") => plain.push_str("<pre>"),
            tag if is_heading(tag) => plain.push_str(&format!("<{}>", name(tag))),
            tag if tag.starts_with("<code ") => match tag.split("class=\"").nth(1).and_then(|rest| rest.split('"').next()) {
                Some(class) => plain.push_str(&format!("<code class=\"{class}\">")),
                None => plain.push_str("<code>"),
            },
            piece => plain.push_str(piece),
        }
    }
    plain
}

fn without_elements(html: &str, opening: &str, closing: &str) -> String {
    let mut kept = String::new();
    let mut rest = html;
    while let Some(at) = rest.find(opening) {
        kept.push_str(&rest[..at]);
        let end = rest[at..].find(closing).expect("it is closed");
        rest = &rest[at + end + closing.len()..];
    }
    kept + rest
}

/// Tags and the text between them.
fn pieces(html: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = html;
    while !rest.is_empty() {
        let end = match rest.strip_prefix('<') {
            Some(tag) => tag.find('>').map_or(rest.len(), |end| end + 2),
            None => rest.find('<').unwrap_or(rest.len()),
        };
        pieces.push(&rest[..end]);
        rest = &rest[end..];
    }
    pieces
}

fn name(tag: &str) -> &str {
    tag.trim_start_matches(['<', '/']).split([' ', '>', '/', '\n']).next().unwrap_or("")
}

fn is_heading(tag: &str) -> bool {
    tag.starts_with('<') && !tag.starts_with("</") && matches!(name(tag), "h1" | "h2" | "h3" | "h4" | "h5" | "h6")
}

/// Elements around which spaces have no meaning.
const BLOCKS: [&str; 15] = ["p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "hr", "pre", "div", "br"];

/// The HTML with spaces as a browser shows them, `<br />` as `<br>`, and addresses decoded.
fn normalised(html: &str) -> String {
    let mut out = String::new();
    let mut inside_pre = false;
    for piece in pieces(html) {
        if !piece.starts_with('<') {
            if inside_pre {
                out.push_str(piece);
            } else {
                let words = piece.split_whitespace().collect::<Vec<_>>().join(" ");
                let edge = |c: Option<char>| if c.is_some_and(char::is_whitespace) { " " } else { "" };
                let is_empty = words.is_empty();
                out.push_str(edge(piece.chars().next()));
                out.push_str(&words);
                out.push_str(if is_empty { "" } else { edge(piece.chars().last()) });
            }
            continue;
        }
        let is_block = BLOCKS.contains(&name(piece));
        inside_pre = if name(piece) == "pre" { !piece.starts_with("</") } else { inside_pre };
        if is_block && !inside_pre && name(piece) != "pre" {
            out.truncate(out.trim_end_matches(' ').len());
        }
        out.push_str(&tag(piece));
        if is_block && !inside_pre {
            out.push('\u{1}');
        }
    }
    out.replace("\u{1} ", "").replace('\u{1}', "").trim().to_owned()
}

/// A tag with its addresses decoded and without the slash of an empty element.
fn tag(tag: &str) -> String {
    let mut parts: Vec<String> = tag.split('"').map(str::to_owned).collect();
    for index in (1..parts.len()).step_by(2) {
        if parts[index - 1].ends_with("href=") || parts[index - 1].ends_with("src=") {
            let mut decoded = String::new();
            escape(&link::decode(&parts[index].replace("&amp;", "&").replace("&quot;", "\"")), &mut decoded);
            parts[index] = decoded;
        }
    }
    parts.join("\"").replace(" />", ">").replace("/>", ">")
}
