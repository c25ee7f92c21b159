//! What holds for the HTML of every page, seen by the parser of a browser.

use std::collections::{BTreeMap, BTreeSet};

use html5ever::tendril::TendrilSink;
use html5ever::{Attribute, LocalName, ParseOpts, QualName, local_name, ns, parse_fragment};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use runsheet::page::Hole;
use runsheet::project::Page;
use runsheet::source::{RelPath, Source};

use super::plain::assert_plain;

/// Elements that our writer makes, or lets through.
const ELEMENTS: &[&str] = &[
    "a",
    "article",
    "aside",
    "blockquote",
    "br",
    "button",
    "code",
    "dd",
    "del",
    "div",
    "dl",
    "dt",
    "em",
    "fieldset",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "html",
    "img",
    "input",
    "kbd",
    "label",
    "legend",
    "li",
    "mark",
    "nav",
    "ol",
    "output",
    "p",
    "pre",
    "section",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "time",
    "tr",
    "ul",
    "var",
    "wbr",
];

/// Attributes that our writer makes; with `data-` in front of it any name is harmless.
const ATTRIBUTES: &[&str] = &[
    "alt",
    "aria-describedby",
    "aria-hidden",
    "aria-label",
    "aria-labelledby",
    "autocapitalize",
    "autocomplete",
    "checked",
    "class",
    "colspan",
    "datetime",
    "disabled",
    "for",
    "height",
    "hidden",
    "href",
    "id",
    "inputmode",
    "lang",
    "list",
    "loading",
    "max",
    "maxlength",
    "min",
    "name",
    "pattern",
    "placeholder",
    "readonly",
    "rel",
    "role",
    "rows",
    "scope",
    "size",
    "spellcheck",
    "src",
    "start",
    "step",
    "tabindex",
    "title",
    "translate",
    "type",
    "value",
    "width",
];

/// Schemes that a link may have.
const SCHEMES: [&str; 4] = ["http", "https", "mailto", "tel"];

/// Reads bytes as a page of each kind, and looks at all HTML that is made of it.
pub fn markdown(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    for kind in ["page", "checklist", "notices"] {
        let page = parse(kind, text);
        if let Some(title) = &page.title_html {
            check(&format!("<h1>{title}</h1>"));
        }
        check(&page.body.fill(|hole, html| fill(&page, hole, html)));
        for notice in &page.notices {
            // A tag of the template has its number between marks, which the engine's input replaces.
            check_notice(&notice.html.fill(|hole, html| fill(&page, hole, html)));
        }
        let mut anchors = BTreeSet::new();
        for heading in &page.headings {
            assert!(!heading.anchor.is_empty(), "a heading without an anchor: {}", heading.text);
            let is_new = anchors.insert(&heading.anchor);
            let is_known = page.diagnostics.iter().any(|diagnostic| diagnostic.rule.code == "duplicate-id");
            assert!(is_new || is_known, "the anchor {} twice", heading.anchor);
            assert!(heading.span.end <= text.len() + HEAD.len() + 64);
        }
    }
}

const HEAD: &str = "---\nkind: checklist\n---\n";

fn parse(kind: &str, text: &str) -> Page {
    let source = Source::new(RelPath::new("content/a.md").expect("a path"), format!("---\nkind: {kind}\n---\n{text}"));
    runsheet::project::page::parse(
        &source,
        &BTreeMap::from([("dba".to_owned(), "Database engineer".to_owned())]),
        &runsheet::language::Languages::default(),
    )
}

/// The address of a link as it was written, which is more than a site would ever put in.
fn fill(page: &Page, hole: Hole, html: &mut String) {
    if let Hole::Code(number) = hole {
        html.push_str(&page.blocks[number].code.html(None));
    }
    if let Hole::Link(number) = hole {
        let link = &page.links[number];
        html.push_str("./");
        runsheet::text::html::escape(&link.path, html);
        if let Some(fragment) = &link.fragment {
            html.push('#');
            runsheet::text::html::escape(fragment, html);
        }
    }
}

/// Looks at HTML as a browser does.
fn check(html: &str) {
    check_with(html, false);
}

fn check_notice(html: &str) {
    check_with(html, true);
}

fn check_with(html: &str, has_marks: bool) {
    let context = QualName::new(None, ns!(html), local_name!("body"));
    let dom = parse_fragment(RcDom::default(), ParseOpts::default(), context, Vec::new(), false).one(html);
    assert!(dom.errors.borrow().is_empty(), "{:?} in {html}", dom.errors.borrow());
    walk(&dom.document, has_marks, html);
}

fn walk(node: &Handle, has_marks: bool, html: &str) {
    match &node.data {
        NodeData::Element { name, attrs, .. } => {
            assert!(name.ns == ns!(html) && ELEMENTS.contains(&&*name.local), "<{}> in {html}", name.local);
            for attribute in attrs.borrow().iter() {
                check_attribute(&name.local, attribute, has_marks, html);
                if &*attribute.name.local == "id" {
                    assert!(!attribute.value.is_empty(), "an empty id in {html}");
                }
            }
        }
        NodeData::Text { contents } => check_text(&contents.borrow(), has_marks, html),
        NodeData::Document => {}
        _ => panic!("neither an element nor text in {html}"),
    }
    for child in node.children.borrow().iter() {
        walk(child, has_marks, html);
    }
}

fn check_attribute(element: &LocalName, attribute: &Attribute, has_marks: bool, html: &str) {
    let (name, value) = (&*attribute.name.local, &*attribute.value);
    let is_data = name.strip_prefix("data-").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
    assert!(is_data || ATTRIBUTES.contains(&name), "<{element} {name}> in {html}");
    check_text(value, has_marks, html);
    if matches!(name, "href" | "src") {
        check_address(value, has_marks, html);
    }
    if name == "src" {
        assert!(&**element == "img" && value.starts_with("./"), "<{element} src={value}> in {html}");
    }
    if name == "class" {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '+' | '#' | '.');
        assert!(value.chars().all(is_plain), "class={value} in {html}");
    }
}

/// An address as a browser reads it: it leads to a place on the site, or has a scheme of the list.
fn check_address(value: &str, has_marks: bool, html: &str) {
    let seen: String = value.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    let seen = seen.trim_start_matches(|c: char| c <= ' ');
    // The engine of notices judges what a tag gives when it is known.
    let is_tag = has_marks && seen.starts_with(is_mark);
    if is_tag || seen.starts_with("./") || seen.starts_with('#') {
        return;
    }
    let scheme = seen.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    assert!(scheme.is_some_and(|scheme| SCHEMES.contains(&&*scheme)), "the address {value:?} in {html}");
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}')
}

/// Marks of ours never come out, and neither does what turns the order of text around.
fn check_text(text: &str, has_marks: bool, html: &str) {
    let mark = text.chars().find(|c| is_mark(*c));
    assert!(has_marks || mark.is_none(), "the mark {mark:?} in {html}");
    assert_plain(text, html);
}
