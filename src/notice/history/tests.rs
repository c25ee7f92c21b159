use super::*;

fn history() -> Vec<Event> {
    let mut before = "campaign".to_owned();
    let mut events = Vec::new();
    for (number, (key, state)) in
        [("a@b.example", State::Sending), ("a@b.example", State::Accepted), ("c@b.example", State::Sending)].into_iter().enumerate()
    {
        let mut event = Event {
            sender: "one".to_owned(),
            number: i64::try_from(number).unwrap() + 1,
            key: key.to_owned(),
            state: state.name().to_owned(),
            claim: 1,
            at: "2027-01-01T00:00:00Z".to_owned(),
            code: 250,
            reply: "Ok".to_owned(),
            who: String::new(),
            why: String::new(),
            hash: String::new(),
        };
        event.hash = event.link(&before);
        before.clone_from(&event.hash);
        events.push(event);
    }
    events
}

fn row(key: &str, state: State) -> Standing {
    let reply = if state == State::Accepted { Reply::new(250, "Ok") } else { Reply::new(0, "") };
    Standing { key: key.to_owned(), message_id: format!("<{key}>"), hash: "content".to_owned(), state, tries: 0, is_given_up: false, reply }
}

fn plan(campaign: &str) -> Plan {
    let frozen = "2027-01-01T00:00:00Z".parse().unwrap();
    Plan { campaign: campaign.to_owned(), hash: "p".to_owned(), frozen, subject: "S".to_owned(), amended: 0, begun_as: None }
}

fn verify(campaign: &str, events: &[Event], rows: &[Standing]) -> Vec<String> {
    super::verify(&plan(campaign), events, rows).faults
}

/// The history with a line about the plan appended.
fn covered(rows: &[Standing]) -> Vec<Event> {
    let mut events = history();
    let Plan { hash, frozen, subject, .. } = plan("campaign");
    let covered = Covered {
        plan: hash,
        frozen: frozen.to_string(),
        subject,
        rows: rows.len() as u64,
        seal: seal(rows),
        number: 1,
        ..Covered::default()
    };
    let mut line = Event {
        number: 4,
        key: String::new(),
        state: Occasion::Frozen.name().to_owned(),
        reply: serde_json::to_string(&covered).unwrap(),
        code: 0,
        ..events[2].clone()
    };
    line.hash = line.link(&events[2].hash);
    events.push(line);
    events
}

#[test]
fn rows_and_plan_are_in_the_chain() {
    let rows = [row("a@b.example", State::Accepted), row("c@b.example", State::Sending)];
    let check = |change: &dyn Fn(&mut Plan, &mut Vec<Standing>), expected: &str| {
        let (mut plan, mut changed) = (plan("campaign"), rows.to_vec());
        change(&mut plan, &mut changed);
        let verified = super::verify(&plan, &covered(&rows), &changed);
        assert!(verified.faults.iter().any(|fault| fault.contains(expected)), "{expected}: {verified:?}");
        assert_eq!(verified.uncovered, None);
    };
    assert_eq!(super::verify(&plan("campaign"), &covered(&rows), &rows), Verified::default());
    check(&|_, rows| rows[0].reply.text = "2.0.0 Ok".to_owned(), "the answer for `a@b.example`");
    check(&|_, rows| rows[0].reply.code = 251, "the answer for `a@b.example`");
    check(&|_, rows| rows[0].message_id = "<x>".to_owned(), "a Message-ID");
    check(&|_, rows| rows[1].hash = "other".to_owned(), "the hash of a message");
    check(&|_, rows| drop(rows.pop()), "1 recipient, but was frozen with 2");
    check(&|_, rows| rows.push(row("d@b.example", State::Planned)), "3 recipients, but was frozen with 2");
    check(&|plan, _| plan.subject = "T".to_owned(), "the subject has changed since it was frozen");
    check(&|plan, _| plan.hash = "q".to_owned(), "the hash of the plan");
    check(&|plan, _| plan.frozen = "2027-01-02T00:00:00Z".parse().unwrap(), "the time of the plan");
}

#[test]
fn a_clock_that_is_set_back_changes_nothing() {
    let rows = [row("a@b.example", State::Accepted), row("c@b.example", State::Sending)];
    let relink = |events: &mut [Event]| {
        let mut before = "campaign".to_owned();
        for event in events {
            event.hash = event.link(&before);
            before.clone_from(&event.hash);
        }
    };
    let mut events = covered(&rows);
    // Later lines have earlier dates, within a run and between lines about the plan.
    events[1].at = "2026-12-31T23:00:00Z".to_owned();
    let mut older = events[3].clone();
    let mut wrong: Covered = serde_json::from_str(&older.reply).unwrap();
    (wrong.number, wrong.seal) = (0, "before".to_owned());
    (older.reply, older.at) = (serde_json::to_string(&wrong).unwrap(), "2027-06-01T00:00:00Z".to_owned());
    events.insert(3, older);
    events[4].number = 5;
    relink(&mut events);
    assert_eq!(super::verify(&plan("campaign"), &events, &rows).faults, [] as [String; 0]);
}

#[test]
fn a_run_that_is_taken_out_is_missed() {
    let rows = [row("a@b.example", State::Accepted), row("c@b.example", State::Sending)];
    let mut events = covered(&rows);
    let mut line: Covered = serde_json::from_str(&events[3].reply).unwrap();
    line.after = Some("of another run".to_owned());
    events[3].reply = serde_json::to_string(&line).unwrap();
    events[3].hash = events[3].link(&events[2].hash);
    assert_eq!(super::verify(&plan("campaign"), &events, &rows).faults, ["lines before line 4 of one are missing"]);
}

#[test]
fn who_has_a_message_is_not_suppressed() {
    for state in [State::Suppressed, State::LeftOut] {
        let rows = [row("a@b.example", State::Accepted), row("c@b.example", State::Sending), row("d@b.example", state)];
        let faults = super::verify(&plan("campaign"), &history(), &rows).faults;
        assert!(faults.iter().any(|fault| fault.starts_with("`d@b.example` is ")), "{faults:?}");
    }
}

#[test]
fn who_is_suppressed_is_not_said_to_be_faulty() {
    let empty = |state, text| Standing { hash: String::new(), reply: Reply::new(0, text), ..row("d@b.example", state) };
    let others = [row("a@b.example", State::Accepted), row("c@b.example", State::Sending)];
    let faults = |of: &Standing, shown: &Standing| {
        let planned = [&others[..], std::slice::from_ref(of)].concat();
        let seen = [&others[..], std::slice::from_ref(shown)].concat();
        super::verify(&plan("campaign"), &covered(&planned), &seen).faults
    };
    let (suppressed, left_out) = (empty(State::Suppressed, ""), empty(State::LeftOut, "line 4: bad-zone"));
    assert_eq!(faults(&suppressed, &suppressed), [] as [String; 0]);
    assert_eq!(faults(&left_out, &left_out), [] as [String; 0]);
    assert_eq!(faults(&suppressed, &empty(State::LeftOut, "")), ["`d@b.example` is left out, but without a reason"]);
    assert_eq!(faults(&suppressed, &left_out).len(), 1);
    assert_eq!(faults(&left_out, &suppressed).len(), 1);
    let answered = "the answer for `d@b.example` differs from its history";
    assert_eq!(faults(&suppressed, &empty(State::Suppressed, "they asked for it")), [answered]);
    assert_eq!(faults(&left_out, &Standing { reply: Reply::new(250, "line 4: bad-zone"), ..left_out.clone() }).len(), 1);
}

#[test]
fn a_line_behind_the_last_number_is_missing() {
    let mut events = history();
    events[0].number = i64::MAX;
    events[0].hash = events[0].link("campaign");
    events[1].hash = events[1].link(&events[0].hash);
    let faults = verify("campaign", &events[..2], &[row("a@b.example", State::Accepted)]);
    assert_eq!(faults[..2], ["line 1 of one is missing", &format!("a line after line {} of one is missing", i64::MAX)]);
}

#[test]
fn an_older_ledger_is_covered_from_here_on() {
    let rows = [row("a@b.example", State::Accepted), row("c@b.example", State::Sending)];
    let old = super::verify(&plan("campaign"), &history(), &rows);
    assert!(old.faults.is_empty() && old.uncovered.is_some_and(|what| what.contains("2 recipients, which an older runsheet")));
    let mut since = covered(&rows);
    let before = since[2].hash.clone();
    since[3].state = Occasion::FromHere.name().to_owned();
    since[3].hash = since[3].link(&before);
    let verified = super::verify(&plan("campaign"), &since, &rows);
    assert!(verified.faults.is_empty(), "{verified:?}");
    assert!(verified.uncovered.is_some_and(|what| what.contains("before 2027-01-01T00:00:00Z")));
    // A chain that began under the earlier name is valid, too.
    let adopted = Plan { campaign: "new".to_owned(), begun_as: Some("campaign".to_owned()), ..plan("campaign") };
    assert_eq!(super::verify(&adopted, &history(), &rows).faults, [] as [String; 0]);
}

#[test]
fn what_was_changed_is_seen() {
    let rows = [row("a@b.example", State::Accepted), row("c@b.example", State::Sending)];
    let good = history();
    assert_eq!(verify("campaign", &good, &rows), [] as [String; 0]);
    let mut changed = good.clone();
    changed[1].reply = "no".to_owned();
    let both = ["line 2 of one (a@b.example) was changed", "the answer for `a@b.example` differs from its history"];
    assert_eq!(verify("campaign", &changed, &rows), both);
    let mut shorter = good.clone();
    shorter.remove(1);
    assert_eq!(verify("campaign", &shorter, &rows).len(), 2);
    assert_eq!(verify("another", &good, &rows).len(), 1);
    let wrong = [row("a@b.example", State::Planned), row("c@b.example", State::Accepted)];
    assert_eq!(verify("campaign", &good, &wrong).len(), 2);
}
