//! What holds for every message that is made of a table of recipients, seen by other parsers of mail and of HTML.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use jiff::Zoned;
use mail_parser::{MessageParser, MimeHeaders};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use runsheet::config::{self, Columns};
use runsheet::diagnostic::Diagnostics;
use runsheet::inputs::Inputs;
use runsheet::mail::Keys;
use runsheet::mail::address::Rules;
use runsheet::notice::campaign::Campaign;
use runsheet::notice::invitation::Invitation;
use runsheet::notice::merge::{Merge, Version};
use runsheet::notice::message::Posting;
use runsheet::notice::recipients::{Entry, Recipient, Recipients};
use runsheet::notice::stage::Stage;
use runsheet::notice::table::{Format, Table};
use runsheet::source::{RelPath, Source};
use runsheet::theme::Theme;
use runsheet::{project, site};

const CONFIG: &str = "[site]\ntitle = \"Sample\"\nbase_url = \"https://sample.example/\"\n\
    [events.move]\nname = \"The move\"\nt0 = 2027-02-13T02:00:00\ntime_zone = \"Europe/London\"\nwindow = \"3h\"\n\
    [notices]\nfrom = \"Sample Team <team@sample.example>\"\nunsubscribe = \"https://sample.example/leave?u={token}\"\n\
    sample = { name = \"Sample\", link = \"https://sample.example/\", zone = \"UTC\" }\n";

const NOTICE: &str = "# Advance\n\n<!-- stage: scheduled -->\n\n**Subject:** For {{ r.name }}\n\n\
    Name ⟪{{ r.name }}⟫, **⟪{{ r.name }}⟫** and <{{ r.link | default(value=\"https://sample.example/\") }}>\n\n\
    - [⟪{{ r.name }}⟫](https://sample.example/?u={{ r.name }})\n- {{ event.start | when(zone=r.zone | default(value=\"UTC\")) }}\n";

/// A million rows of the same table say no more than the first.
const MOST: usize = 20;

fn merge() -> &'static Merge<'static> {
    static MERGE: OnceLock<Merge<'static>> = OnceLock::new();
    MERGE.get_or_init(|| {
        let source = |path: &str, text: &str| Source::new(RelPath::new(path).expect("a path"), text);
        let config_source = source("runsheet.toml", CONFIG);
        let mut diagnostics = Diagnostics::default();
        let config = config::parse(&config_source, &mut diagnostics);
        let notice = source("content/advance.md", &format!("---\nkind: notice\n---\n{NOTICE}"));
        let inputs = Inputs::new([config_source, notice], "2026-11-22T12:00:00Z".parse().expect("a time"));
        let theme: &'static Theme = Box::leak(Box::new(Theme::load(&inputs, &config, &mut diagnostics)));
        let project = Box::leak(Box::new(project::parse(&inputs, config, &theme.languages, diagnostics, None)));
        let site = Box::leak(Box::new(site::resolve(project, &inputs, theme, None)));
        let page = project.pages.iter().find(|page| !page.notices.is_empty()).expect("the notice's page");
        let notice = &page.notices[0];
        let event = site.config.events.get("move");
        let mut faults = Diagnostics::default();
        let compiled = site.compile(page, notice, event, theme, &mut faults).expect("the notice is right");
        let date: Zoned = "2027-02-11T02:00[Europe/London]".parse().expect("a time");
        let keys = Box::leak(Box::new(Keys { message_id: None, unsubscribe: Some("key".to_owned()) }));
        let campaign = |revision| Campaign::new(&site.config.site, "move", "advance", revision);
        let posting = Posting {
            campaign: campaign(2),
            earlier: vec![campaign(1)],
            invitation: Invitation::new(
                event.expect("the event"),
                "s",
                "https://sample.example/",
                &site.config.notices,
                Some(Stage::Scheduled),
                &date,
            ),
            date,
            notices: &site.config.notices,
            keys,
        };
        Merge::new(
            &site.config,
            site.status.as_ref(),
            vec![Version { notice, compiled }],
            event,
            posting,
            RelPath::new("people.csv").expect("a path"),
        )
    })
}

/// Reads bytes as a table of each kind; each row becomes a message that means what it says, or is refused.
pub fn recipients(bytes: &[u8]) {
    for name in ["people.csv", "people.jsonl"] {
        let path = RelPath::new(name).expect("a path");
        let Ok(table) = Table::open(bytes, &path, Format::from_file(name, bytes), bytes) else { continue };
        let Ok(rows) = Recipients::open(table, &path, &Columns::new(), Rules::default()) else { continue };
        let mut keys = BTreeSet::new();
        for recipient in rows.take(MOST).filter_map(Entry::recipient) {
            assert!(keys.insert(recipient.address.to_string().to_ascii_lowercase()), "an address twice");
            if let Ok((message, _)) = merge().message(&recipient) {
                check(&message.bytes, &recipient);
                let again = merge().message(&recipient).expect("it was made before").0;
                assert_eq!(again.bytes, message.bytes, "the same row, other bytes");
            }
        }
    }
}

const HEADERS: [&str; 11] = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "references",
    "auto-submitted",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "mime-version",
    "content-type",
];

fn check(bytes: &[u8], recipient: &Recipient) {
    assert!(bytes.iter().all(|byte| byte.is_ascii() && *byte != 0), "not 7 bit");
    let text = std::str::from_utf8(bytes).expect("it is ASCII");
    assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "a bare CR or LF");
    assert!(text.split("\r\n").all(|line| line.len() <= 998), "a line over 998");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    assert!(!body.split("\r\n").any(|line| line.starts_with('.') || line.starts_with("From ")), "a line that transport would change");
    let mut names: Vec<String> = head
        .split("\r\n")
        .filter(|line| !line.starts_with(' '))
        .map(|line| line.split(':').next().unwrap_or("").to_ascii_lowercase())
        .collect();
    names.sort();
    let mut expected = HEADERS.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(names, expected, "other headers than ours");
    let name = recipient.get("name").expect("the notice uses it");
    let parsed = MessageParser::new().parse(bytes).expect("a mail");
    let to: Vec<_> = parsed.to().expect("a recipient").iter().collect();
    assert_eq!(to.len(), 1, "one recipient");
    assert_eq!(to[0].address(), Some(recipient.address.as_ref() as &str), "the address");
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(parsed.subject().map(squeezed), Some(squeezed(&format!("For {name}"))), "the subject");
    assert!(parsed.body_text(0).is_some_and(|text| text.starts_with("Name")), "a text part");
    let calendar = parsed.parts.iter().filter(|part| part.is_content_type("text", "calendar")).count();
    assert_eq!(calendar, 1, "a calendar part");
    let html = parsed.body_html(0).expect("an HTML part");
    let dom = parse_document(RcDom::default(), ParseOpts::default()).one(html.as_ref());
    let mut shown = String::new();
    read(&dom.document, &mut shown);
    assert_eq!(shown.matches(&format!("⟪{name}⟫")).count(), 3, "the HTML shows the name as it is: {shown:?}");
}

/// The text of a document; its elements and their addresses are judged on the way.
fn read(node: &Handle, text: &mut String) {
    match &node.data {
        NodeData::Text { contents } => text.push_str(&contents.borrow()),
        NodeData::Element { name, attrs, .. } => {
            let allowed =
                ["html", "head", "meta", "title", "style", "body", "table", "tbody", "tr", "td", "p", "ul", "li", "a", "strong", "br"];
            assert!(allowed.contains(&&*name.local), "an element `{}`", name.local);
            for attribute in attrs.borrow().iter().filter(|attribute| matches!(&*attribute.name.local, "href" | "src")) {
                let url = attribute.value.to_ascii_lowercase();
                assert!(["https://", "http://", "mailto:", "tel:"].iter().any(|scheme| url.starts_with(scheme)), "an address {url}");
            }
        }
        _ => {}
    }
    for child in node.children.borrow().iter() {
        read(child, text);
    }
}
