use jiff::{SignedDuration, Zoned};

use super::{Entry, Kind, Marks, html};
use crate::language::Language;

fn t0() -> Zoned {
    "2027-02-13T02:00[Europe/London]".parse().unwrap()
}

fn minutes(minutes: i64) -> Zoned {
    t0().checked_add(SignedDuration::from_mins(minutes)).unwrap()
}

fn entry(title: &str, depth: u8, kind: Kind, start: i64, end: Option<i64>) -> Entry {
    Entry {
        title: title.to_owned(),
        anchor: format!("at-{start}"),
        offset: format!("T{start:+}m"),
        end_offset: None,
        start: minutes(start),
        end: end.map(minutes),
        kind,
        depth,
        owner: None,
        rounds: if kind == Kind::Recurring { 9 } else { 0 },
    }
}

fn bare() -> Marks {
    Marks { t0: t0(), window_end: None, no_return: None, rollback_by: None, language: Language::default() }
}

fn night() -> Marks {
    Marks { window_end: Some(minutes(180)), no_return: Some(minutes(90)), rollback_by: Some(minutes(135)), ..bare() }
}

fn plan() -> Vec<Entry> {
    vec![
        entry("Announce", 0, Kind::Phase, -20_160, Some(-1440)),
        entry("Gate 1", 0, Kind::Gate, -1440, Some(-1410)),
        entry("Assemble", 0, Kind::Phase, -120, Some(0)),
        entry("Cutover", 0, Kind::Phase, 0, Some(135)),
        entry("Export", 1, Kind::Step, 20, Some(35)),
        entry("Gate 3", 1, Kind::Gate, 90, None),
        entry("Watch", 0, Kind::Phase, 135, Some(1440)),
        entry("Every 15 minutes", 1, Kind::Recurring, 135, Some(255)),
        entry("Close-out", 0, Kind::Phase, 10_080, None),
        entry("Gate 4", 1, Kind::Gate, 13_620, None),
    ]
}

/// The HTML, after checking that it is well-formed XML, has only finite numbers, and no overlapping labels on a scale.
fn check(entries: &[Entry], marks: &Marks) -> String {
    let html = html(entries, marks);
    let mut open: Vec<&str> = Vec::new();
    for part in html.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap();
        assert!(!text.contains('>') && tag.matches('"').count() % 2 == 0, "{part}");
        match (tag.strip_prefix('/'), tag.ends_with('/')) {
            (Some(name), _) => assert_eq!(open.pop(), Some(name), "{part}"),
            (None, true) => {}
            (None, false) => open.push(tag.split(' ').next().unwrap()),
        }
    }
    assert!(open.is_empty(), "{open:?}");
    assert!(!html.contains("NaN") && !html.contains("inf\"") && !html.contains("style="), "{html}");
    for labels in html.split("<g ").skip(1).map(|group| group.split_once("</g>").unwrap().0) {
        let tick = |line: &str| line.split_once("x=\"").and_then(|(_, x)| x.split('"').next()).unwrap().parse::<f64>().unwrap();
        let xs: Vec<f64> = labels.lines().filter(|line| line.contains("tl-tick")).map(tick).collect();
        assert!(!xs.is_empty() && xs.windows(2).all(|pair| pair[1] - pair[0] >= 44.0), "{xs:?}");
        assert!(xs.iter().all(|x| (200.0..=695.0).contains(x)), "{xs:?}");
    }
    html
}

/// The visible names of the pictures.
fn pictures(html: &str) -> Vec<&str> {
    html.split("<p class=\"timeline-name\">").skip(1).map(|part| part.split_once("</p>").unwrap().0).collect()
}

#[test]
fn picture_and_table_have_the_same_entries() {
    let entries = plan();
    let html = check(&entries, &night());
    assert_eq!(pictures(&html), ["The whole plan", "The window"]);
    let (svgs, table) = html.split_once("<details").unwrap();
    for entry in &entries {
        assert!(table.contains(&format!("<a href=\"#{}\">{}", entry.anchor, entry.title)), "{}", entry.title);
        let gate_of_a_row = entry.title == "Gate 4";
        assert_eq!(svgs.contains(&format!(">{}<", super::name(entry, &Language::default()))), !gate_of_a_row, "{}", entry.title);
    }
    for mark in ["Start of the window", "Point of no return", "Latest rollback decision", "End of the window"] {
        assert!(svgs.contains(&format!(">{mark}</text>")) && table.contains(&format!("<td>{mark}</td><td>Mark</td>")), "{mark}");
    }
    assert_eq!(table.matches("<tr><td>").count(), entries.len() + 4);
    let gates = svgs.split("The window").next().unwrap().matches("l7 7-7 7-7-7z").count();
    assert_eq!(gates, 3, "gates of phases stand in the rows of the phases");
    assert!(html.contains("<time datetime=\"2027-02-13T02:20:00+00:00\">Sat 13 Feb 2027, 02:20 GMT (UTC+0)</time>"));
    assert!(table.contains("Every 15 minutes (9 rounds)") && svgs.contains("Every 15 minutes (9 rounds)"));
}

#[test]
fn hostile_texts_are_escaped() {
    let hostile = "</text><script>alert(\"1\")</script> & \u{202E}x\u{7}\u{1B}\n]]>";
    let mut entries = plan();
    for entry in &mut entries {
        entry.title = hostile.to_owned();
        entry.anchor = hostile.to_owned();
        entry.offset = hostile.to_owned();
        entry.owner = Some(hostile.to_owned());
    }
    let html = check(&entries, &night());
    entries.iter_mut().for_each(|entry| entry.offset = "T\u{7}-1".to_owned());
    assert!(!check(&entries, &night()).contains('\u{7}'));
    assert!(!html.contains("<script") && !html.contains(['\u{202E}', '\u{7}', '\u{1B}']));
    assert!(html.contains("&lt;/text&gt;&lt;script&gt;alert(&quot;1&quot;)"));
}

#[test]
fn one_picture_if_it_shows_everything() {
    let shown = |entries: &[Entry], marks: &Marks, expected: &[&str]| assert_eq!(pictures(&check(entries, marks)), expected);
    let step = |start, end| entry("Step", 1, Kind::Step, start, end);
    shown(&[step(0, None)], &bare(), &["The plan"]);
    shown(&[step(-30, Some(20))], &night(), &["The plan"]);
    shown(&[step(0, Some(5000))], &night(), &["The whole plan", "The window"]);
    shown(&[step(0, Some(5000))], &bare(), &["The whole plan", "Around T-0"]);
    shown(&[step(-9000, Some(-8000)), step(-300, None)], &bare(), &["The whole plan"]);
    shown(&[step(-9000, None)], &night(), &["The whole plan"]);
    shown(&[step(90_000, None)], &night(), &["The whole plan"]);
    shown(&[step(-9000, Some(60))], &night(), &["The whole plan", "The window"]);
    assert_eq!(html(&[], &night()), "");
}

#[test]
fn odd_plans() {
    let phases: Vec<Entry> = plan().into_iter().filter(|entry| entry.depth == 0).collect();
    check(&phases, &night());
    check(&phases, &bare());
    check(&[entry("By then", 0, Kind::Deadline, -60, None), entry("Nothing", 1, Kind::Recurring, 0, Some(0))], &bare());
    check(&vec![entry("Again", 0, Kind::Step, 10, Some(10)); 5], &night());
    check(&[entry("Backwards", 0, Kind::Step, 10, Some(-10))], &night());
    check(&[entry("Years", 0, Kind::Phase, -3_000_000, Some(30_000_000))], &bare());
    check(&plan(), &Marks { no_return: Some(minutes(50_000)), window_end: Some(t0()), rollback_by: Some(minutes(-50_000)), ..bare() });
    check(&plan(), &Marks { window_end: Some(minutes(-60)), ..bare() });
    check(&plan(), &Marks { window_end: Some(minutes(600_000)), ..bare() });
    let many: Vec<Entry> = (0..200).map(|at| entry("Step", u8::from(at % 10 > 0), Kind::Step, at - 30, Some(at + 7))).collect();
    assert_eq!(check(&many, &night()).matches("<tr><td>").count(), 204);
}

#[test]
fn long_names_are_cut() {
    let check_cut = |title: &str, shown: &str| {
        let html = check(&[entry(title, 0, Kind::Step, 0, Some(10))], &bare());
        assert!(html.contains(&format!(">{shown}</text>")), "{html}");
        assert!(html.contains(&format!(">{title}</a>")), "the table has the whole name");
    };
    check_cut("Step 9: Verify from outside", "Step 9: Verify from outside");
    check_cut("Step 9: Verify from outside, and replay all that was held back", "Step 9: Verify from outside, and re…");
    check_cut("WWWWWWWWWWWWWWWWWWWWWWWWW", "WWWWWWWWWWWWWWWWWW…");
    check_cut("日本語のとても長い見出しはここで切られるべきである", "日本語のとても長い見出しはここで切ら…");
}

#[test]
fn clocks_follow_the_zone() {
    let t0: Zoned = "2027-03-28T00:00[Europe/London]".parse().unwrap();
    let at = |hours| t0.checked_add(SignedDuration::from_hours(hours)).unwrap();
    let step = Entry { start: at(0), end: Some(at(4)), ..entry("Step", 0, Kind::Step, 0, None) };
    let html = check(&[step], &Marks { t0: t0.clone(), ..bare() });
    let clocks = ["00:00", "02:00", "03:00", "04:00", "05:00"];
    assert!(clocks.iter().all(|clock| html.contains(&format!(">{clock}</text>"))) && !html.contains(">01:00<"), "{html}");
}
