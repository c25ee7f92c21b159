//! Faults, each planted where its rule can find it.

use std::fs;
use std::path::Path;

/// Where a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Notice,
    /// The recipient table, or the suppression list.
    Recipient,
    /// A variable, or another value of the configuration.
    Configuration,
}

/// A fault, and how it is planted in the project.
pub struct Plant {
    pub code: &'static str,
    pub place: Place,
    edits: Vec<(&'static str, &'static str, Vec<u8>)>,
    /// Commands for this fault instead of all commands.
    only: Vec<&'static str>,
    /// The recipient whose message contains it.
    pub who: &'static str,
    /// `build` ignores it, and makes no message.
    spares_build: bool,
}

impl Plant {
    pub fn new(code: &'static str, place: Place) -> Plant {
        Plant { code, place, edits: Vec::new(), only: Vec::new(), who: "one@customer.example", spares_build: false }
    }

    /// Replaces a text; replacing a file with nothing removes it.
    fn edit(mut self, file: &'static str, from: &'static str, to: impl Into<Vec<u8>>) -> Plant {
        self.edits.push((file, from, to.into()));
        self
    }

    fn file(self, file: &'static str, text: impl Into<Vec<u8>>) -> Plant {
        self.edit(file, "", text)
    }

    fn only(mut self, commands: &[&'static str]) -> Plant {
        self.only = commands.to_vec();
        self
    }

    fn in_message_to(mut self, who: &'static str) -> Plant {
        self.who = who;
        self
    }

    fn spares_build(mut self) -> Plant {
        self.spares_build = true;
        self
    }

    /// Plants it in a project.
    pub fn put(&self, project: &Path) {
        for (file, from, to) in &self.edits {
            let path = project.join(file);
            if from.is_empty() {
                fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                if to.is_empty() {
                    fs::remove_file(&path).expect("a file")
                } else {
                    fs::write(&path, to).expect("a file")
                }
                continue;
            }
            let text = fs::read(&path).expect("a file");
            let at = text.windows(from.len()).position(|window| window == from.as_bytes());
            let at = at.unwrap_or_else(|| panic!("{}: {file} has no {from:?}", self.code));
            let new = [&text[..at], to, &text[at + from.len()..]].concat();
            fs::write(&path, new).expect("a file");
        }
    }

    /// The commands that encounter it: a preview without an address reads no table.
    pub fn commands(&self, all: &[&'static str]) -> Vec<&'static str> {
        if !self.only.is_empty() {
            return self.only.clone();
        }
        let meets = |line: &&&str| {
            !(self.place == Place::Recipient && **line == "notice preview advance" || self.spares_build && line.starts_with("build"))
        };
        all.iter().filter(meets).copied().collect()
    }
}

const CONFIG: &str = "runsheet.toml";
const NOTICES: &str = "content/notices.md";
const PEOPLE: &str = "people.csv";
const GREETING: &str = "Hello {{ r.name }}";

/// A fault in the text of the notice.
fn notice(code: &'static str, text: &str) -> Plant {
    Plant::new(code, Place::Notice).edit(NOTICES, GREETING, format!("{text} {GREETING}"))
}

/// One or more rows of the table.
fn row(code: &'static str, row: &str) -> Plant {
    Plant::new(code, Place::Recipient).edit(PEOPLE, "two@", format!("{row}\ntwo@"))
}

fn table(code: &'static str, text: impl Into<Vec<u8>>) -> Plant {
    Plant::new(code, Place::Recipient).file(PEOPLE, text)
}

fn config(code: &'static str, from: &'static str, to: &str) -> Plant {
    Plant::new(code, Place::Configuration).edit(CONFIG, from, to)
}

/// All faults.
pub fn plants() -> Vec<Plant> {
    let mut plants = of_recipients();
    plants.extend(of_notices());
    plants.extend(of_templates());
    plants.extend(of_configuration());
    plants
}

fn of_recipients() -> Vec<Plant> {
    let many: String = (0..40).map(|number| format!("nobody{number},N,UTC\n")).collect();
    vec![
        row("bad-address", "nobody,Three,UTC"),
        row("bad-address", "Three <three@customer.example>,Three,UTC"),
        Plant::new("bad-address", Place::Recipient)
            .edit(CONFIG, "[[mailings]]", "suppress = \"left.txt\"\n[[mailings]]")
            .file("left.txt", "nobody\n"),
        table("bad-encoding", b"email,name,zone\none@customer.example,J\xfcrgen,UTC\n".to_vec()),
        table("bad-encoding", "email,name,zone\none@customer.example,J\u{FFFD}rgen,UTC\n"),
        table("bad-language", "email,name,zone,lang\none@customer.example,One,UTC,klingon!\n"),
        Plant::new("bad-message", Place::Recipient)
            .edit(NOTICES, "{{ event.name }}", "{% if r.name == \"Two\" %}{% else %}The move{% endif %}")
            .in_message_to("two@customer.example"),
        row("bad-row", "three@customer.example,Three,UTC,more"),
        row("bad-zone", "three@customer.example,Three,Mars/Phobos"),
        row("control-character", "three@customer.example,\"Thr\nBcc: x\",UTC"),
        table("duplicate-column", "email,name,zone,Name\none@customer.example,One,UTC,Two\n"),
        row("duplicate-recipient", "one@customer.example,Other,UTC"),
        row("empty-field", "three@customer.example,,UTC").in_message_to("three@customer.example"),
        table("empty-table", "email,name,zone\n"),
        row("encoded-word", "three@customer.example,=?utf-8?q?Muster?=,UTC"),
        row("filler-value", "three@customer.example,#N/A,UTC").in_message_to("three@customer.example"),
        row("filler-value", "three@customer.example,[First Name],UTC").in_message_to("three@customer.example"),
        row("filler-value", "three@customer.example,*|FNAME|*,UTC").in_message_to("three@customer.example"),
        row("filler-value", "three@customer.example,{{ name }},UTC").in_message_to("three@customer.example"),
        row("invisible-character", "three@customer.example,A\u{202E}B,UTC"),
        table("missing-column", "mail,name,zone\none@customer.example,One,UTC\n"),
        table("missing-table", "").spares_build(),
        row("mixed-script", "three@p\u{430}ypal.example,Three,UTC"),
        row("mojibake", "three@customer.example,don\u{e2}\u{20ac}\u{2122}t,UTC").in_message_to("three@customer.example"),
        row("more-bad-rows", many.trim_end()),
        Plant::new("no-such-recipient", Place::Recipient).only(&[
            "notice merge advance --only nobody@customer.example --to {to}",
            "notice merge advance --where r.name==\"Nobody\" --to {to}",
            "notice preview advance --to nobody@customer.example",
            "notice send advance --test me@customer.example --only nobody@customer.example",
        ]),
        Plant::new("no-suppressions", Place::Recipient).edit(CONFIG, "[[mailings]]", "suppress = \"left.txt\"\n[[mailings]]"),
        row("open-quote", "three@customer.example,\"Three,UTC"),
        row("too-large", &format!("three@customer.example,{},UTC", "x".repeat(70_000))),
        table("undefined-variable", "email,zone\none@customer.example,UTC\n"),
    ]
}

fn of_notices() -> Vec<Plant> {
    let translation = "---\nkind: notice\nevent: other\n---\n# Advance\n\n**Subject:** Umzug\n\nHallo.\n";
    vec![
        Plant::new("bad-encoding", Place::Notice).edit(NOTICES, GREETING, b"J\xfcrgen".to_vec()),
        notice("broken-anchor", "[x](index.md#nope)"),
        notice("broken-link", "[x](nope.md)"),
        Plant::new("duplicate-name", Place::Notice)
            .file("content/other.md", "---\nkind: notice\n---\n<!-- id: advance -->\n\n**Subject:** Other\n\nOther.\n"),
        Plant::new("front-matter", Place::Notice).edit(NOTICES, "kind: notices\n---\n", "kind: notices\n"),
        Plant::new("front-matter", Place::Notice).file("content/advance.de.md", "\n---\nkind: notice\n---\n**Subject:** Umzug\n\nHallo.\n"),
        Plant::new("no-subject", Place::Notice).edit(NOTICES, "**Subject:** {{ event.name }}", "No subject."),
        Plant::new("unclear-subject", Place::Notice).edit(NOTICES, GREETING, format!("**Subject:** Second\n\n{GREETING}")),
        Plant::new("other-event", Place::Notice)
            .file("content/advance.de.md", translation)
            .edit(CONFIG, "[links]", "[events.other]\nt0 = 2099-03-13T02:00:00\ntime_zone = \"UTC\"\n\n[links]")
            .edit(CONFIG, "[site]", "[site]\ndefault_event = \"move\""),
        notice("placeholder", "[LINK]"),
        notice("placeholder", "[Your Name Here]"),
        notice("placeholder", "%FIRST_NAME%"),
        notice("placeholder", "at XX:XX"),
        notice("placeholder", "<link to ticket>"),
        Plant::new("placeholder", Place::Notice).edit(NOTICES, "{{ event.name }}", "[SIG …] {{ event.name }}"),
        Plant::new("placeholder", Place::Notice)
            .edit(NOTICES, GREETING, GREETING)
            .file("content/notices.md", "")
            .file("content/advance.md", "---\nkind: notice\n---\nAbove [LINK]\n\n# Advance\n\n**Subject:** Move\n\nHello {{ r.name }}.\n"),
        notice("relative-link", "[home](index.md)").edit(CONFIG, "base_url = \"https://docs.sample.example/\"\n", ""),
        notice("tag-in-code", "`{{ r.name }}`"),
        notice("tag-in-code", "<b title=\"{{ r.name }}\">one</b>"),
        Plant::new("too-deep", Place::Notice).edit(NOTICES, GREETING, format!("{} deep\n\n{GREETING}", ">".repeat(80))),
        Plant::new("too-many-tags", Place::Notice).edit(NOTICES, "# Notices\n", format!("# Notices\n\n{}\n", "{{ r.name }} ".repeat(5900))),
        Plant::new("unknown-event", Place::Notice).edit(NOTICES, "kind: notices", "kind: notices\nevent: mvoe"),
        Plant::new("front-matter-key", Place::Notice).edit(NOTICES, "kind: notices", "kind: notices\nevnet: move"),
        Plant::new("unknown-stage", Place::Notice).edit(NOTICES, "## Advance\n", "## Advance\n<!-- id: advance, stage: planned -->\n"),
        Plant::new("front-matter-type", Place::Notice).edit(NOTICES, "kind: notices", "kind: notices\ndraft: perhaps"),
        Plant::new("front-matter-value", Place::Notice).edit(NOTICES, "kind: notices", "kind: notices\npublish: perhaps"),
        Plant::new("front-matter-syntax", Place::Notice).edit(NOTICES, "kind: notices", "kind: notices\nevent: [move"),
        Plant::new("front-matter-syntax", Place::Notice).edit(NOTICES, "---\nkind: notices\n---", "+++\nkind = \"notices\"\nevent = \n+++"),
    ]
}

fn of_templates() -> Vec<Plant> {
    vec![
        notice("bare-time", "{{ event.start }}"),
        notice("template-render", "{{ event.start | when(zone=\"Mars/Phobos\") }}"),
        notice("template-syntax", "{% endif %}"),
        notice("template-syntax", "{{ r.name | shout }}"),
        notice("broken-table", "| a | b |\n| --- | --- |\n| 1 | 2 |\n{% if r.name %}\n| 3 | 4 |\n{% endif %}\n\n"),
        notice("text-and-number", "{% if r.name == 1 %}one{% endif %}"),
        notice("unclosed-tag", "{% if r.name %}"),
        notice("unclosed-tag", "{{ r.name\n\n"),
        notice("undefined-variable", "{{ r.nmae }}"),
        notice("undefined-variable", "{{ vars.nope }}"),
        notice("unknown-argument", "{{ event.start | when(zone=r.zone, fomr=\"range\") }}"),
        notice("unsafe-filter", "{{ r.name | safe }}"),
    ]
}

fn of_configuration() -> Vec<Plant> {
    let from = "from = \"Sample Team <team@sample.example>\"";
    vec![
        config("bad-clock", "2099-02-13T02:00:00", "2026-03-29T01:30:00"),
        config("bad-offset", "recipients = \"people.csv\"", "recipients = \"people.csv\"\nwhen = \"T+99d\"").edit(
            CONFIG,
            "2099-02-13T",
            "9999-12-01T",
        ),
        config("bad-value", from, "from = \"nobody\""),
        config("bad-value", from, &format!("{from}\nunsubscribe = \"http://sample.example/leave\"")),
        config("bad-value", from, &format!("{from}\nsuppress = \"../left.txt\"")),
        config("bad-zone", "time_zone = \"Europe/London\"", "time_zone = \"Europe/Lodnon\""),
        config("broken-anchor", "https://status.sample.example", "https://docs.sample.example/#status"),
        config("broken-link", "https://status.sample.example", "https://docs.sample.example/status.html"),
        config("duplicate-name", "[smtp]", "[[mailings]]\nid = \"advance\"\nnotice = \"advance\"\nrecipients = \"people.csv\"\n\n[smtp]"),
        config("missing-key", from, ""),
        config("missing-secret", from, &format!("{from}\nunsubscribe = \"https://sample.example/?u={{token}}\"")),
        config("no-t0", "t0 = 2099-02-13T02:00:00\n", "").edit(NOTICES, "{{ event.start | when(zone=r.zone) }}", "soon"),
        config("placeholder", "\"new machines\"", "\"[REASON]\""),
        config("placeholder", "\"The move\"", "\"[EVENT NAME]\""),
        config("placeholder", "https://status.sample.example", "https://status.sample.example/[ID]"),
        config("placeholder", "Sample Team <", "[YOUR TEAM] <"),
        config("placeholder", from, &format!("{from}\npostal_address = \"[ADDRESS]\"")),
        config("placeholder", "title = \"Sample\"", "title = \"[COMPANY]\""),
        Plant::new("language-file", Place::Configuration).file("themes/default/languages/de.toml", "[mail]\nunsubscibe = \"Abmelden\"\n"),
        Plant::new("template-syntax", Place::Configuration).file("themes/default/templates/mail.html", "<p>no body</p>\n"),
        config("toml-syntax", "[links]", "reason = \n[links]"),
        config("undefined-variable", "reason = \"new machines\"", "raeson = \"new machines\""),
        config("unknown-event", "notice = \"advance\"", "notice = \"advance\"\nevent = \"mvoe\""),
        config("unknown-key", from, &format!("{from}\nsupress = \"left.txt\"")),
        config("unknown-notice", "notice = \"advance\"", "notice = \"advanced\""),
        config("unknown-theme", "title = \"Sample\"", "title = \"Sample\"\ntheme = \"nope\""),
        config("wrong-type", "title = \"Sample\"", "title = 3"),
        config("wrong-type", from, &format!("{from}\nsuppress = true")),
    ]
}
