//! Properties of every input: pages made from any Markdown contain only the elements that we write, and a recipient's
//! values remain text wherever they appear.
#![allow(clippy::disallowed_methods, reason = "a test reads nothing but its own values")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use runsheet::config;
use runsheet::diagnostic::Diagnostics;
use runsheet::mail::address::Rules;
use runsheet::notice::recipients::{Entry, Recipients};
use runsheet::notice::table::{Format, Table};
use runsheet::page::{Hole, Kind, tags};
use runsheet::sheet;
use runsheet::source::{RelPath, Source};

/// Pieces for building hostile and odd Markdown.
const PIECES: [&str; 59] = [
    "# ",
    "## T-1h: x",
    "- [ ] ",
    "- [x]",
    "_____",
    "___",
    "**",
    "*",
    "`",
    "```\n",
    "~~",
    "\n\n",
    "\n",
    "  ",
    "\t",
    "[",
    "]",
    "(",
    ")",
    "![",
    "|",
    "|---|\n",
    "> ",
    "> [!NOTE]\n",
    "1. ",
    "[^1]",
    "[^1]: ",
    "<script>",
    "</p>",
    "<img src=x onerror=y>",
    "<!--",
    "-->",
    "javascript:x",
    "https://a.example/",
    "&lt;",
    "\\",
    "{{ r.name }}",
    "{% if x %}",
    "{% endif %}",
    "{{",
    "}}",
    "Expect: ",
    "(owner: dba; ~10m)",
    "é東\u{202e}",
    "\u{0}",
    "---\n",
    "\n\n## T-0 to T+1h: Move\n\n",
    "\n\n### Every 20 minutes\n\n",
    "\n\n### Daily at 09:00\n\n",
    "\n\n## Stop conditions\n\n",
    "\n\n## Rollback procedure\n\n### R+0:10: Back (~5m)\n\n",
    "\n\n## Gate 1: point of no return (T+5m)\n\n",
    "\n- [ ] Every 10 min: look ",
    "\n- Decision: [ ] GO [ ] NO-GO\n",
    "<!-- var: X; int min=1 -->",
    "<!-- id: a\"b<c -->",
    "(id: a; after: b, ~3m)",
    "source _____ target _____",
    "`$X ${X} $Y`",
];

fn markdown() -> impl Strategy<Value = String> {
    prop::collection::vec(prop_oneof![8 => prop::sample::select(PIECES.to_vec()).prop_map(str::to_owned), 1 => ".{0,6}"], 0..60)
        .prop_map(|pieces| pieces.concat())
}

fn parse(kind: &str, text: &str) -> runsheet::project::Page {
    let source = Source::new(RelPath::new("content/a.md").expect("a path"), format!("---\nkind: {kind}\n---\n{text}"));
    runsheet::project::page::parse(
        &source,
        &BTreeMap::from([("dba".to_owned(), "Database engineer".to_owned())]),
        &runsheet::language::Languages::default(),
    )
}

/// Elements that our writer produces.
const ELEMENTS: [&str; 46] = [
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "a",
    "ul",
    "ol",
    "li",
    "em",
    "strong",
    "del",
    "code",
    "pre",
    "blockquote",
    "hr",
    "br",
    "div",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "input",
    "label",
    "span",
    "fieldset",
    "legend",
    "section",
    "sup",
    "sub",
    "kbd",
    "wbr",
    "img",
    "article",
    "dl",
    "dt",
    "dd",
    "time",
    "figure",
    "nav",
    "output",
    "var",
];

/// Every `<` begins one of our elements, its attributes are ours, and opened elements are closed.
fn check_html(html: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = tag_end(rest).unwrap_or_else(|| panic!("an open tag in {html}"));
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        let closing = tag.starts_with('/');
        let name = tag.trim_start_matches('/').split([' ', '/']).next().expect("a name");
        assert!(ELEMENTS.contains(&name), "<{name}> in {html}");
        let names: String = tag.split('"').step_by(2).collect();
        assert!(!names.contains(" on") && !names.contains("style="), "<{tag}> in {html}");
        for attribute in ["href=\"", "src=\""] {
            let Some(value) = tag.split(attribute).nth(1) else { continue };
            let value = value.to_lowercase();
            assert!(!value.starts_with("javascript") && !value.starts_with("data:") && !value.starts_with("vbscript"), "<{tag}>");
        }
        if matches!(name, "br" | "hr" | "img" | "input" | "wbr") || HARMLESS_INLINE.contains(&name) {
            continue;
        }
        if closing {
            assert_eq!(open.pop(), Some(name), "</{name}> in {html}");
        } else {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} left open in {html}");
}

/// Elements that authors write themselves, and that may be unpaired.
const HARMLESS_INLINE: [&str; 3] = ["kbd", "sub", "sup"];

/// The end of a tag; quoted values may contain `>`.
fn tag_end(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(at, c)| {
        quoted ^= c == '"';
        (c == '>' && !quoted).then_some(at)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pages_hold_only_our_elements(text in markdown(), kind in prop::sample::select(vec!["page", "checklist", "notices", "notice"])) {
        let page = parse(kind, &text);
        check_html(&page.body.fill(|hole, html| match hole {
            Hole::Link(_) => html.push_str("a.html"),
            Hole::Code(number) => html.push_str(&page.blocks[number].code.html(None)),
            _ => {}
        }));
        for notice in &page.notices {
            let html = notice.html.fill(|_, html| html.push_str("a.html"));
            check_html(&html.replace("<?", "&lt;?"));
        }
        // Places are inside the file, so that every diagnostic can be drawn.
        for heading in &page.headings {
            prop_assert!(heading.span.end <= text.len() + 64);
        }
        if page.kind == Kind::RunSheet {
            let mut ids: Vec<&str> = page.items.iter().map(|item| item.id.as_str()).chain(page.blanks.iter().map(|blank| blank.id.as_str())).collect();
            let all = ids.len();
            ids.sort_unstable();
            ids.dedup();
            prop_assert_eq!(ids.len(), all);
        }
    }

    #[test]
    fn a_sheet_is_planned_and_said_in_json(text in markdown()) {
        let page = parse("checklist", &text);
        let config = config::parse(&Source::new(runsheet::source::configuration(), EVENT), &mut Diagnostics::default());
        let mut diagnostics = Diagnostics::default();
        let source = format!("---\nkind: checklist\n---\n{text}");
        let plan = sheet::resolve(&page, &source, config.event(None), &mut diagnostics);
        prop_assert_eq!(plan.planned.len(), page.items.len());
        for (item, planned) in page.items.iter().zip(&plan.planned) {
            prop_assert!(planned.after.iter().all(|other| *other < page.items.len()), "{}", item.text);
            prop_assert!(planned.start <= planned.end);
        }
        let (json, _) = sheet::data::json(&page, &plan, config.event(None), "site", "a.html");
        prop_assert!(!json.contains(['<', '>', '&']));
        let data: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        prop_assert_eq!(data["items"].as_array().map(Vec::len), Some(page.items.len()));
        // Everything that the script looks for is on the page.
        for item in &page.items {
            let mut id = String::new();
            runsheet::text::html::escape(&item.id, &mut id);
            let found = page.body.html.contains(&format!("data-item=\"{id}\"")) || page.title_html.is_some();
            prop_assert!(found || page.body.html.contains("fn-"), "{} in {}", item.id, page.body.html);
        }
    }

    #[test]
    fn parsing_is_the_same_twice(text in markdown()) {
        let (first, second) = (parse("checklist", &text), parse("checklist", &text));
        prop_assert_eq!(first.body.html, second.body.html);
    }

    #[test]
    fn tags_keep_places(text in markdown()) {
        let mut diagnostics = Diagnostics::default();
        let path = RelPath::new("a.md").expect("a path");
        let marked = tags::mark(&text, &path, 0, &mut diagnostics);
        prop_assert_eq!(marked.text.len(), text.len());
        for tag in &marked.tags {
            prop_assert_eq!(&text[tag.span.clone()], &tag.text);
        }
    }

    #[test]
    fn recipients_never_hold_a_line_break(table in "email,name\n([a-z@.,\"<>\r\n\u{0}=?é;]{0,12},?){0,8}") {
        let path = RelPath::new("r.csv").expect("a path");
        let bytes = table.as_bytes();
        let opened = Table::open(bytes, &path, Format::from_file(path.as_str(), bytes), bytes).map_err(|fault| vec![fault]);
        if let Ok(rows) = opened.and_then(|table| Recipients::open(table, &path, &Vec::new(), Rules::default())) {
            for recipient in rows.filter_map(Entry::recipient) {
                prop_assert!(recipient.fields().all(|(_, value)| !value.chars().any(char::is_control)));
                prop_assert!(recipient.address.to_string().is_ascii());
            }
        }
    }

    #[test]
    fn any_front_matter_is_read_or_reported(text in "[a-z:#{}\\[\\]\"'&*!|>\\- \n\t=.0-9]{0,80}") {
        for fence in ["---", "+++"] {
            let source = Source::new(RelPath::new("content/a.md").expect("a path"), format!("{fence}\n{text}\n{fence}\n# A\n"));
            runsheet::project::page::parse(&source, &BTreeMap::new(), &runsheet::language::Languages::default());
        }
    }
}

/// Found by the property above: a break and a tag after a task removed a byte of its last word.
#[test]
fn a_tag_on_the_next_line_takes_nothing_from_a_task() {
    for words in ["Wait for Zoé", "Wait (dba) for Zoé", "Wait"] {
        let page = parse("checklist", &format!("## T-1h: x\n\n- [ ] {words}\n  <br>\n"));
        assert!(page.body.html.contains(&format!(">{words}\n<br>")), "{}", page.body.html);
    }
}

/// The clock for a sheet.
const EVENT: &str =
    "[events.move]\nt0 = 2027-02-13T02:00:00\ntime_zone = \"Europe/London\"\nwindow = \"3h\"\nrollback_duration = \"45m\"\n";

/// 1,500 inputs per property; `PROPTEST_CASES` can raise that.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|number| number.parse().ok()).unwrap_or(1500)
}
