//! A merge row by row, over tables in memory.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::{self, Cursor, Read};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::config;
use crate::diagnostic::Diagnostics;
use crate::error::{Result, error};
use crate::inputs::Inputs;
use crate::mail::Keys;
use crate::mail::address;
use crate::notice::shard::Shard;
use crate::project::{self, Project};
use crate::site::{self, Site};
use crate::source::{RelPath, Source as SourceFile};
use crate::text::encoding::Encoding;
use crate::theme::Theme;

const CONFIG: &str = "[site]\ntitle = \"Sample\"\nbase_url = \"https://sample.example/\"\n\
    [events.move]\nname = \"The move\"\nt0 = 2027-02-13T02:00:00\ntime_zone = \"Europe/London\"\n\
    [notices]\nfrom = \"Sample Team <team@sample.example>\"\nsuppress = \"left.txt\"\n\
    sample = { name = \"Sample\" }\n\
    [[mailings]]\nid = \"advance\"\nnotice = \"advance\"\nrecipients = \"people.csv\"\n";

const NOTICE: &str = "---\nkind: notice\n---\n# Advance\n\n**Subject:** For {{ r.name }}\n\nHello {{ r.name }}\n";

/// A project with one mailing, and what its merges read.
struct Given {
    project: Project,
    theme: Theme,
    site: Site,
    keys: Keys,
    table: Option<String>,
    list: Option<&'static str>,
    path: RelPath,
    /// Whether the table gains a row when it is read again.
    has_changed: bool,
    opened: Cell<u32>,
}

/// Bytes that end in a read error if they contain a special word.
struct Bytes(Cursor<Vec<u8>>);

impl Read for Bytes {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let at = usize::try_from(self.0.position()).unwrap_or(0);
        if self.0.get_ref()[at..].starts_with(b"DISK-FAULT") {
            return Err(io::Error::other("the disk is gone"));
        }
        let end = self.0.get_ref()[at..].windows(10).position(|window| window == b"DISK-FAULT").unwrap_or(out.len());
        let most = out.len().min(end);
        self.0.read(&mut out[..most])
    }
}

impl Source for &Given {
    type Reader = Bytes;

    fn path(&self) -> &RelPath {
        &self.path
    }

    fn encoding(&self) -> Encoding {
        Encoding::default()
    }

    fn table(&self) -> Result<Option<(Vec<u8>, Bytes)>> {
        self.opened.set(self.opened.get() + 1);
        let Some(mut text) = self.table.clone() else { return Ok(None) };
        if self.has_changed {
            text.push_str("late@sample.example,Late\n");
        }
        let beginning = text.bytes().take(64).collect();
        Ok(Some((beginning, Bytes(Cursor::new(text.into_bytes())))))
    }

    fn suppressions(&self, _: &RelPath) -> Result<Option<(Vec<u8>, Bytes)>> {
        Ok(self.list.map(|list| (list.as_bytes().to_vec(), Bytes(Cursor::new(list.as_bytes().to_vec())))))
    }
}

fn given(rows: &str) -> Given {
    let file = |path: &str, text: &str| SourceFile::new(RelPath::new(path).unwrap(), text);
    let configuration = file("runsheet.toml", CONFIG);
    let mut diagnostics = Diagnostics::default();
    let config = config::parse(&configuration, &mut diagnostics);
    let inputs = Inputs::new([configuration, file("content/advance.md", NOTICE)], "2026-11-22T12:00:00Z".parse().unwrap());
    let theme = Theme::load(&inputs, &config, &mut diagnostics);
    let project = project::parse(&inputs, config, &theme.languages, diagnostics, None);
    let site = site::resolve(&project, &inputs, &theme, None);
    assert!(!site.diagnostics.has_errors(), "{:?}", site.diagnostics);
    let table = Some(format!("email,name\n{rows}"));
    let keys = Keys::default();
    let path = RelPath::new("people.csv").unwrap();
    Given { project, theme, site, keys, table, list: Some(""), path, has_changed: false, opened: Cell::new(0) }
}

/// The outcomes, one word per row, and the totals.
struct Seen {
    rows: Vec<String>,
    tally: Tally,
    codes: Vec<&'static str>,
}

impl Given {
    fn mailing(&self) -> &Mailing {
        &self.project.config.mailings[0]
    }

    fn materials(&self) -> Materials<'_> {
        Materials { site: &self.site, project: &self.project, theme: &self.theme, keys: &self.keys }
    }

    fn merge(&self, selection: &Selection) -> Result<Seen> {
        self.merge_some(selection, everybody)
    }

    fn merge_some<P: std::fmt::Debug>(
        &self,
        selection: &Selection,
        gate: impl FnMut(&[&Recipient]) -> Result<Vec<Option<P>>>,
    ) -> Result<Seen> {
        let known = Diagnostics::default();
        let watch: Watch = Box::new(|_, work| work());
        let mut merging = Merging::new(self.materials(), selection, self, watch, &known, gate)?;
        let mut rows = Vec::new();
        for outcome in &mut merging {
            rows.push(match outcome? {
                Outcome::Written(merged) => {
                    let key = address::key(&merged.recipient.address);
                    assert_eq!(merged.message.to, key);
                    assert_eq!(merged.message.subject, format!("For {}", merged.recipient.get("name").unwrap_or("")));
                    format!("{} {key} {:?}", merged.number, merged.pass)
                }
                Outcome::Suppressed(recipient) => format!("suppressed {}", recipient.address),
                Outcome::BeyondLimit(recipient) => format!("beyond {}", recipient.address),
                Outcome::PassedBy(recipient) => format!("passed by {}", recipient.address),
                Outcome::Repeated(recipient) => format!("repeated in {}", recipient.line),
                Outcome::LeftOut(row) => format!("left out {} {}", row.line, row.code),
                Outcome::Faulty(row) => {
                    let codes: Vec<&str> = row.faults.iter().map(|fault| fault.diagnostic.rule.code).collect();
                    format!("faulty {} {}", row.line, codes.join("+"))
                }
            });
        }
        let (tally, diagnostics) = merging.finish();
        Ok(Seen { rows, tally, codes: diagnostics.iter().map(|diagnostic| diagnostic.rule.code).collect() })
    }

    fn all(&self) -> Selection<'_> {
        Selection::all(self.mailing())
    }
}

#[test]
fn each_row_becomes_a_message_in_the_order_of_the_table() {
    let given = given("b@sample.example,B\na@sample.example,A\n\nc@sample.example,C\n");
    let seen = given.merge(&given.all()).unwrap();
    assert_eq!(seen.rows, ["1 b@sample.example ()", "2 a@sample.example ()", "3 c@sample.example ()"]);
    assert_eq!((seen.tally.written, seen.tally.rows, seen.tally.incomplete, seen.codes), (3, 3, false, vec![]));
    assert_eq!(seen.tally.table.len(), 32);
}

#[test]
fn who_gets_nothing_and_who_comes_too_late_is_told_as_such() {
    let mut given = given("a@sample.example,A\nb@sample.example,B\nc@sample.example,C\nd@sample.example,D\n");
    given.list = Some("B@sample.example\n");
    let seen = given.merge(&Selection { limit: Some(2), ..given.all() }).unwrap();
    assert_eq!(seen.rows, ["1 a@sample.example ()", "suppressed b@sample.example", "2 c@sample.example ()", "beyond d@sample.example"]);
    assert_eq!((seen.tally.written, seen.tally.suppressed, seen.tally.beyond_limit), (2, 1, 1));
}

#[test]
fn only_those_who_are_chosen_come_out() {
    let given = given("a@sample.example,A\nb@sample.example,B\nc@sample.example,A\n");
    let rows = |selection: Selection| given.merge(&selection).unwrap().rows;
    assert_eq!(rows(Selection { only: Some("B@sample.example"), ..given.all() }), ["1 b@sample.example ()"]);
    let condition = Selection { condition: Some("r.name == \"A\""), ..given.all() };
    assert_eq!(rows(condition), ["1 a@sample.example ()", "2 c@sample.example ()"]);
    let parts: Vec<String> =
        ["1/2", "2/2"].iter().flat_map(|part| rows(Selection { shard: Some(part.parse::<Shard>().unwrap()), ..given.all() })).collect();
    let whom: BTreeSet<&str> = parts.iter().filter_map(|row| row.split(' ').nth(1)).collect();
    assert_eq!((parts.len(), whom.len()), (3, 3), "{parts:?}");
}

#[test]
fn a_choice_that_chooses_nobody_is_a_fault() {
    let given = given("a@sample.example,A\n");
    for selection in
        [Selection { only: Some("z@sample.example"), ..given.all() }, Selection { condition: Some("r.name == \"Z\""), ..given.all() }]
    {
        let seen = given.merge(&selection).unwrap();
        assert_eq!((seen.rows.len(), seen.tally.incomplete, seen.codes), (0, true, vec!["no-such-recipient"]));
    }
    assert!(given.merge(&Selection { condition: Some("r.name =="), ..given.all() }).is_err());
}

#[test]
fn an_address_twice_is_one_message_or_a_fault() {
    let same = given("a@sample.example,A\nA@sample.example,A\nb@sample.example,B\n");
    let seen = same.merge(&same.all()).unwrap();
    assert_eq!(seen.rows, ["1 a@sample.example ()", "repeated in 3", "2 b@sample.example ()"]);
    assert_eq!((seen.tally.repeated, seen.tally.incomplete), (1, false));
    let differing = given("a@sample.example,A\na@sample.example,Z\n");
    let seen = differing.merge(&differing.all()).unwrap();
    assert_eq!((seen.tally.incomplete, seen.codes), (true, vec!["duplicate-recipient"]));
    let seen = differing.merge(&Selection { surveyed: true, ..differing.all() }).unwrap();
    let differing_rows: Vec<&String> = seen.rows.iter().filter(|row| row.contains("duplicate-recipient")).collect();
    assert_eq!(differing_rows, ["faulty 2 duplicate-recipient", "faulty 3 duplicate-recipient"], "{:?}", seen.rows);
}

#[test]
fn once_a_row_is_wrong_no_more_messages_come_out_and_the_others_are_checked() {
    let mut rows: Vec<String> = (0..300).map(|number| format!("a{number}@sample.example,N\n")).collect();
    rows[280] = "nobody,N\n".to_owned();
    rows[290] = "a290@sample.example,\n".to_owned();
    let given = given(&rows.concat());
    let seen = given.merge(&given.all()).unwrap();
    assert_eq!(seen.tally.written, 256, "those of the rows that were read before");
    assert_eq!((seen.tally.rows, seen.tally.incomplete, seen.tally.beyond_rows), (300, true, false));
    assert_eq!(seen.codes, ["bad-address", "empty-field"]);
}

#[test]
fn a_survey_gives_each_row_with_all_that_is_wrong() {
    let given = given("nobody,\na@sample.example,[NAME]\nb@sample.example,B\nc@sample.example,\n");
    let seen = given.merge(&Selection { surveyed: true, ..given.all() }).unwrap();
    let faulty: Vec<&String> = seen.rows.iter().filter(|row| row.starts_with("faulty")).collect();
    assert_eq!(faulty, ["faulty 2 bad-address+empty-field", "faulty 3 filler-value", "faulty 5 empty-field"]);
    assert!(seen.codes.is_empty(), "they came out, so they are not reported: {:?}", seen.codes);
}

#[test]
fn many_wrong_rows_are_counted_but_for_the_first() {
    let rows: String = (0..50).map(|number| format!("a{number},N\n")).collect();
    let given = given(&rows);
    let seen = given.merge(&given.all()).unwrap();
    assert_eq!(seen.codes.iter().filter(|code| **code == "bad-address").count(), 20);
    assert_eq!(seen.codes.last(), Some(&"more-bad-rows"));
}

#[test]
fn the_gate_decides_and_its_pass_comes_out_with_the_message() {
    let given = given("a@sample.example,A\nb@sample.example,B\nc@sample.example,C\n");
    let made = AtomicUsize::new(0);
    let known = Diagnostics::default();
    let all = given.all();
    let gate = |asked: &[&Recipient]| Ok(asked.iter().map(|one| (one.get("name") != Some("B")).then(|| one.line * 10)).collect());
    let watch: Watch = Box::new(|_, work| {
        made.fetch_add(1, Ordering::Relaxed);
        work()
    });
    let mut merging = Merging::new(given.materials(), &all, &given, watch, &known, gate).unwrap();
    let passes: Vec<Option<u64>> = (&mut merging)
        .map(|outcome| match outcome.unwrap() {
            Outcome::Written(merged) => Some(merged.pass),
            _ => None,
        })
        .collect();
    let (tally, _) = merging.finish();
    assert_eq!(passes, [Some(20), None, Some(40)]);
    assert_eq!((tally.written, tally.passed_by, made.into_inner()), (2, 1, 2), "no message is made for whom the gate keeps");
}

#[test]
fn a_gate_that_fails_ends_the_merge() {
    let given = given("a@sample.example,A\n");
    let failing = given.merge_some::<()>(&given.all(), |_| Err(error!("the ledger is gone")));
    assert_eq!(failing.err().map(|error| error.to_string()).as_deref(), Some("the ledger is gone"));
}

#[test]
fn rows_that_somebody_skips_are_left_out() {
    let given = given("nobody,N\na@sample.example,A\n");
    let table = given.merge(&Selection { surveyed: true, ..given.all() }).unwrap().tally.table;
    let left_out = LeftOut { key: "line 2".to_owned(), line: 2, code: "bad-address".to_owned() };
    let skip = Skip { rows: [(2, left_out.clone())].into(), table };
    let seen = given.merge(&Selection { skip: Some(&skip), ..given.all() }).unwrap();
    assert_eq!(seen.rows, ["left out 2 bad-address", "1 a@sample.example ()"]);
    assert_eq!((seen.tally.left_out, seen.tally.incomplete), (1, false));
    let other = Skip { rows: [(2, left_out)].into(), table: "another".to_owned() };
    let changed = given.merge(&Selection { skip: Some(&other), ..given.all() });
    assert!(changed.err().is_some_and(|error| error.to_string().contains("changed while it was read")));
}

#[test]
fn a_survey_finds_the_rows_to_skip() {
    let given = given("nobody,N\na@sample.example,A\nb@sample.example,\n");
    let all = Selection { surveyed: true, ..given.all() };
    let (watch, known): (Watch, _) = (Box::new(|_, work| work()), Diagnostics::default());
    let mut merging = Merging::new(given.materials(), &all, &given, watch, &known, everybody).unwrap();
    let mut faulty = FaultyRows::default();
    for outcome in &mut merging {
        if let Outcome::Faulty(row) = outcome.unwrap() {
            faulty.add(&row);
        }
    }
    let found: Vec<(u64, &str)> = faulty.rows.values().map(|row| (row.line, &*row.code)).collect();
    assert_eq!(found, [(2, "bad-address"), (4, "empty-field")]);
    assert!(faulty.others.is_empty());
}

#[test]
fn without_its_table_a_mailing_is_skipped_or_refused() {
    let mut given = given("");
    given.table = None;
    let seen = given.merge(&Selection { may_be_skipped: true, ..given.all() }).unwrap();
    assert_eq!((seen.tally.skipped, seen.codes), (true, vec!["no-recipients"]));
    let seen = given.merge(&given.all()).unwrap();
    assert_eq!((seen.tally.skipped, seen.codes), (true, vec!["missing-table"]));
}

#[test]
fn a_plan_that_was_frozen_before_there_was_mail_gives_no_message() {
    let given = given("a@sample.example,A\n");
    let merge = |second| {
        let frozen = Frozen::now(jiff::Timestamp::from_second(second).unwrap());
        let seen = given.merge(&Selection { frozen: Some(&frozen), ..given.all() }).unwrap();
        (seen.tally.written, seen.codes)
    };
    assert_eq!(merge(0), (1, vec![]));
    assert_eq!(merge(-1), (0, vec!["bad-value"]));
    assert_eq!(merge(-29_784_319_125), (0, vec!["bad-value"]));
}

#[test]
fn a_table_without_rows_is_a_fault() {
    let given = given("");
    let seen = given.merge(&given.all()).unwrap();
    assert_eq!((seen.rows.len(), seen.tally.incomplete, seen.tally.beyond_rows, seen.codes), (0, true, true, vec!["empty-table"]));
}

#[test]
fn without_the_list_of_those_who_left_nobody_gets_a_message() {
    let mut given = given("a@sample.example,A\nnobody,N\n");
    given.list = None;
    let seen = given.merge(&given.all()).unwrap();
    assert_eq!((seen.rows.len(), seen.tally.written, seen.tally.incomplete), (0, 0, true));
    assert_eq!(seen.codes, ["no-suppressions", "bad-address"], "the rows are checked all the same");
}

#[test]
fn a_table_is_read_for_its_encoding_for_its_rows_and_for_what_differs_between_them() {
    let given = given("a@sample.example,A\na@sample.example,B\n");
    given.merge(&given.all()).unwrap();
    assert_eq!(given.opened.get(), 3);
}

#[test]
fn rows_to_skip_are_those_of_the_table_as_it_was_surveyed() {
    let mut given = given("nobody,N\na@sample.example,A\n");
    let table = given.merge(&Selection { surveyed: true, ..given.all() }).unwrap().tally.table;
    let skip = Skip { rows: Default::default(), table };
    assert!(given.merge(&Selection { skip: Some(&skip), ..given.all() }).is_ok());
    given.has_changed = true;
    let changed = given.merge(&Selection { skip: Some(&skip), ..given.all() });
    assert!(changed.err().is_some_and(|error| error.to_string().contains("changed while it was read")));
}

#[test]
fn a_disk_that_fails_in_the_table_ends_in_a_fault_and_no_message() {
    let rows: String = (0..400).map(|number| format!("a{number}@sample.example,N\n")).collect();
    let given = given(&format!("{rows}DISK-FAULT"));
    match given.merge(&given.all()) {
        Err(error) => assert!(error.sentence().contains("the disk is gone"), "{error:#}"),
        Ok(seen) => assert!(seen.tally.incomplete && seen.tally.beyond_rows, "{:?}", seen.tally),
    }
}
