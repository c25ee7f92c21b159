//! What holds for every `runsheet.toml`, and for everything that stands before the text of a page.

use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use runsheet::check;
use runsheet::config;
use runsheet::diagnostic::{Diagnostics, MessageFormat, Place, draw};
use runsheet::inputs::Inputs;
use runsheet::project;
use runsheet::render::{Frame, Rendered};
use runsheet::site::{self, Site, Target};
use runsheet::source::{RelPath, Source};
use runsheet::theme::Theme;
use serde_json::Value;

use super::plain::assert_plain;

/// What divides the configuration from the front matter of a page.
const BETWEEN: &str = "\n%%%%\n";
/// Below it stands what a configuration speaks of: a run sheet, a notice, and text that uses an event.
const PAGE: &str = "# Move\n\n## T-1h: Prepare\n\n- [ ] Do it\n\n## T-0: Switch\n\n{{ event.start | when }} {{ site.title }}\n";

const FORMATS: [MessageFormat; 5] =
    [MessageFormat::Text, MessageFormat::Short, MessageFormat::Json, MessageFormat::Github, MessageFormat::Sarif];

/// Reads bytes as `runsheet.toml` and as the front matter of a page; looks at all that is said of them, and at all pages.
pub fn configuration(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (toml, front) = text.split_once(BETWEEN).unwrap_or((&text, "kind: checklist\n"));
    let source = |path: &str, text: &str| Source::new(RelPath::new(path).expect("a path"), text);
    let configuration = source("runsheet.toml", toml);
    let mut diagnostics = Diagnostics::default();
    let config = config::parse(&configuration, &mut diagnostics);
    let page = source("content/index.md", &format!("---\n{front}\n---\n{PAGE}"));
    let inputs = Inputs::new([configuration, page], "2026-11-22T12:00:00Z".parse().expect("a time"));
    let theme = Theme::load(&inputs, &config, &mut diagnostics);
    let project = project::parse(&inputs, config, &theme.languages, diagnostics, None);
    let site = site::resolve(&project, &inputs, &theme, None);
    let mut diagnostics = site.diagnostics.clone();
    diagnostics.extend(check::run(&project, &site, &inputs).iter().cloned());
    said(&diagnostics, &inputs);
    shown(&site, &theme);
}

/// What is wrong lies within its file, and says so in words that no screen obeys.
fn said(diagnostics: &Diagnostics, inputs: &Inputs) {
    let text_of = |path: &RelPath| inputs.sources.get(path).map(|source| &*source.text);
    for diagnostic in diagnostics.iter() {
        assert!(!diagnostic.message.is_empty(), "a fault without words: {diagnostic:?}");
        let text = diagnostic.path.as_ref().and_then(text_of);
        if let (Place::Span(span), Some(text)) = (&diagnostic.place, text) {
            assert!(text.get(span.clone()).is_some(), "{span:?} of {} bytes: {diagnostic:?}", text.len());
        }
    }
    for format in FORMATS {
        let drawn = draw(diagnostics, text_of, format, "", false);
        assert_plain(&drawn, "what is said");
        match format {
            MessageFormat::Json => drawn.lines().for_each(|line| strings(&serde_json::from_str(line).expect("JSON"))),
            MessageFormat::Sarif => strings(&serde_json::from_str(&drawn).expect("JSON")),
            MessageFormat::Short | MessageFormat::Github => {
                let lines = drawn.lines().filter(|line| line.contains("::error ") || line.contains("::warning ")).count();
                assert!(format == MessageFormat::Short || lines <= diagnostics.iter().count(), "more commands than faults: {drawn}");
            }
            MessageFormat::Text => {}
        }
    }
}

/// Whoever reads JSON shows what is escaped in it all the same.
fn strings(value: &Value) {
    match value {
        Value::String(text) => assert_plain(text, "what is said to a program"),
        Value::Array(list) => list.iter().for_each(strings),
        Value::Object(members) => members.values().for_each(strings),
        _ => {}
    }
}

/// All pages, as a browser reads them.
fn shown(site: &Site, theme: &Theme) {
    let frame = Frame::with_sidebars(site, theme);
    for (route, target) in &site.routes {
        if matches!(target, Target::Static(_) | Target::Asset(_)) {
            continue;
        }
        let Rendered::Bytes(bytes) = frame.render(route).unwrap_or_else(|error| panic!("{route}: {error}")) else { continue };
        let text = String::from_utf8(bytes).unwrap_or_else(|error| panic!("{route}: {error}"));
        assert_plain(&text, route);
        if !route.ends_with(".html") {
            continue;
        }
        let dom = parse_document(RcDom::default(), ParseOpts::default()).one(&*text);
        assert!(dom.errors.borrow().is_empty(), "{:?} in {route}: {text}", dom.errors.borrow());
        walk(&dom.document, route);
    }
}

/// No script but ours, and no address that is one.
fn walk(node: &Handle, route: &str) {
    if let NodeData::Element { name, attrs, .. } = &node.data {
        let attrs = attrs.borrow();
        let value = |name: &str| attrs.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| &*attribute.value);
        for attribute in attrs.iter() {
            let (attribute, value) = (&*attribute.name.local, &*attribute.value);
            assert!(!attribute.starts_with("on"), "<{} {attribute}> in {route}", name.local);
            if matches!(attribute, "href" | "src" | "action" | "formaction") {
                assert!(leads_to_a_place(value), "<{} {attribute}={value}> in {route}", name.local);
            }
        }
        // The page at an old address leads to the new one by itself.
        if value("http-equiv") == Some("refresh") {
            let target = value("content").and_then(|content| content.split_once("url="));
            assert!(target.is_some_and(|(_, target)| leads_to_a_place(target)), "{target:?} in {route}");
        }
        if &*name.local == "script" {
            let is_ours = value("src").is_some_and(|src| src.contains("assets/")) || value("type") == Some("application/json");
            assert!(is_ours, "a script in {route}: {attrs:?}");
        }
    }
    for child in node.children.borrow().iter() {
        walk(child, route);
    }
}

/// Whether a browser reads an address as a place, and neither as a script nor as a page in itself.
fn leads_to_a_place(address: &str) -> bool {
    let seen: String = address.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    let seen = seen.to_ascii_lowercase();
    !["javascript:", "vbscript:", "data:text"].iter().any(|scheme| seen.starts_with(scheme))
}
