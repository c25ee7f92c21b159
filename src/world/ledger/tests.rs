//! One suite for both databases. PostgreSQL is tested if RUNSHEET_TEST_POSTGRES names a server.

use super::plan::Particulars;
use super::sqlite::InFile;
use super::*;
use crate::notice::ledger::{LeftOut, Plan, Planned};

/// Opens the same ledger again and again.
type Open<'a> = &'a dyn Fn(&str, &str) -> Ledger;

fn conforms(open: Open) {
    planned_once(open);
    a_claim_is_held_by_one(open);
    a_void_claim_writes_nothing(open);
    what_a_dead_sender_leaves(open);
    deferred_until_due(open);
    amended(open);
    extended(open);
    given_up(open);
    suppressed_meanwhile(open);
    resolved(open);
    taken_over(open);
    nothing_by_halves(open);
}

fn plan(campaign: &str) -> Plan {
    let frozen = "2027-02-11T02:00:00Z".parse().unwrap();
    Plan { campaign: campaign.to_owned(), hash: "plan".to_owned(), frozen, subject: "Subject".to_owned(), amended: 0, begun_as: None }
}

fn freeze(ledger: &mut Ledger, rows: &[Planned]) -> Result<()> {
    let plan = plan(&ledger.campaign);
    ledger.freeze(&plan, rows, &Particulars::default())
}

fn planned(name: &str) -> Planned {
    Planned { key: format!("{name}@b.example"), message_id: format!("<{name}@x>"), hash: "content".to_owned() }
}

fn keys(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("{name}@b.example")).collect()
}

fn settle(claim: &Claim, state: State, due: Duration) -> Entry {
    Entry::Settle { claim: claim.clone(), state, reply: Reply::new(250, "2.0.0 Ok"), due }
}

fn states(ledger: &mut Ledger) -> Vec<State> {
    ledger.rows().unwrap().into_iter().map(|row| row.state).collect()
}

fn verified(ledger: &mut Ledger) -> Vec<String> {
    let plan = ledger.plan().unwrap().unwrap();
    let verified = crate::notice::history::verify(&plan, &ledger.events().unwrap(), &ledger.rows().unwrap());
    assert_eq!(verified.uncovered, None);
    verified.faults
}

fn by(who: &str) -> Particulars<'_> {
    Particulars { who, ..Particulars::default() }
}

fn all_of(from: &[State]) -> Whom<'_> {
    Whom { key: None, from, code: None }
}

fn one_of<'a>(key: &'a str, from: &'a [State]) -> Whom<'a> {
    Whom { key: Some(key), from, code: None }
}

fn planned_once(open: Open) {
    let mut ledger = open("once", "one");
    assert_eq!(ledger.plan().unwrap(), None);
    let suppressed = Planned { hash: String::new(), ..planned("c") };
    let once = plan(&ledger.campaign);
    ledger.freeze(&once, &[planned("a"), planned("b"), suppressed], &Particulars::default()).unwrap();
    assert_eq!(ledger.plan().unwrap().map(|known| (known.hash, known.subject)), Some(("plan".to_owned(), "Subject".to_owned())));
    assert!(freeze(&mut ledger, &[planned("d")]).is_err());
    assert_eq!(states(&mut ledger), [State::Planned, State::Planned, State::Suppressed]);
    drop(ledger);
    // The same address twice: nothing of the plan is written.
    let mut other = open("twice", "one");
    assert!(freeze(&mut other, &[planned("a"), planned("a")]).is_err());
    assert_eq!(other.plan().unwrap(), None);
}

fn a_claim_is_held_by_one(open: Open) {
    let mut one = open("claims", "one");
    one.lease = Duration::from_secs(60);
    freeze(&mut one, &[planned("a"), planned("b"), planned("c")]).unwrap();
    let first = one.claim(&keys(&["a", "b", "x"]), 10).unwrap();
    assert_eq!(first.len(), 2);
    assert_eq!(one.claim(&keys(&["a", "b", "c"]), 10).unwrap().len(), 1);
    assert!(one.claim(&keys(&["a", "b", "c"]), 10).unwrap().is_empty());
    one.release().unwrap();
    assert_eq!(one.claim(&keys(&["a", "b", "c"]), 2).unwrap().len(), 2);
    drop(one);
    // A limit takes the first rows of the table, whatever their keys are.
    let mut other = open("claims-in-order", "one");
    freeze(&mut other, &[planned("z"), planned("m"), planned("a"), planned("b")]).unwrap();
    let mut taken: Vec<String> = other.claim(&keys(&["a", "b", "m", "z"]), 2).unwrap().into_iter().map(|claim| claim.key).collect();
    taken.sort();
    assert_eq!(taken, keys(&["m", "z"]));
}

fn a_void_claim_writes_nothing(open: Open) {
    let mut one = open("void", "one");
    freeze(&mut one, &[planned("a")]).unwrap();
    let old = one.claim(&keys(&["a"]), 1).unwrap().remove(0);
    one.release().unwrap();
    let new = one.claim(&keys(&["a"]), 1).unwrap().remove(0);
    assert_eq!(one.record(&[Entry::Begin(old.clone())]).unwrap(), [false]);
    assert_eq!(one.record(&[settle(&old, State::Accepted, Duration::ZERO)]).unwrap(), [false]);
    assert_eq!(one.record(&[Entry::Begin(new.clone())]).unwrap(), [true]);
    // Another try of the same claim renews it.
    assert_eq!(one.record(&[Entry::Begin(new.clone())]).unwrap(), [true]);
    assert_eq!(one.record(&[settle(&new, State::Accepted, Duration::ZERO)]).unwrap(), [true]);
    assert_eq!(one.record(&[settle(&new, State::Refused, Duration::ZERO)]).unwrap(), [false]);
    assert_eq!(states(&mut one), [State::Accepted]);
    assert_eq!(verified(&mut one), [] as [String; 0]);
}

fn what_a_dead_sender_leaves(open: Open) {
    let mut one = open("dead", "one");
    freeze(&mut one, &[planned("a"), planned("b"), planned("c")]).unwrap();
    let claims = one.claim(&keys(&["a", "b", "c"]), 3).unwrap();
    let accepted = claims.iter().find(|claim| claim.key.starts_with('a')).unwrap();
    let sending = claims.iter().find(|claim| claim.key.starts_with('b')).unwrap();
    one.record(&[Entry::Begin(accepted.clone()), Entry::Begin(sending.clone())]).unwrap();
    one.record(&[settle(accepted, State::Accepted, Duration::ZERO)]).unwrap();
    drop(one);
    let mut two = open("dead", "two");
    // A shared ledger waits for the lease, which has no length here.
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(two.sweep().unwrap(), 1);
    assert_eq!(states(&mut two), [State::Accepted, State::InDoubt, State::Planned]);
    assert_eq!(two.claim(&keys(&["a", "b", "c"]), 3).unwrap().len(), 1);
    assert_eq!(two.sweep().unwrap(), 0);
    assert_eq!(verified(&mut two), [] as [String; 0]);
}

fn deferred_until_due(open: Open) {
    let mut one = open("deferred", "one");
    freeze(&mut one, &[planned("a")]).unwrap();
    let claim = one.claim(&keys(&["a"]), 1).unwrap().remove(0);
    one.record(&[Entry::Begin(claim.clone()), settle(&claim, State::Deferred, Duration::from_secs(3600))]).unwrap();
    assert!(one.claim(&keys(&["a"]), 1).unwrap().is_empty());
    assert!(one.counts().unwrap().next_due.is_some());
    one.resolve(&all_of(&[State::Deferred]), State::Planned, "somebody", "now").unwrap();
    let claim = one.claim(&keys(&["a"]), 1).unwrap().remove(0);
    one.record(&[settle(&claim, State::Deferred, Duration::ZERO)]).unwrap();
    let claim = one.claim(&keys(&["a"]), 1).unwrap().remove(0);
    assert_eq!(claim.tries, 1);
    one.release().unwrap();
    assert_eq!(states(&mut one), [State::Deferred]);
}

fn amended(open: Open) {
    let mut one = open("amended", "one");
    freeze(&mut one, &[planned("a"), planned("b"), planned("c")]).unwrap();
    let claim = one.claim(&keys(&["a"]), 1).unwrap().remove(0);
    one.record(&[Entry::Begin(claim.clone()), settle(&claim, State::Accepted, Duration::ZERO)]).unwrap();
    let changed = |name: &str| Planned { hash: "changed".to_owned(), ..planned(name) };
    one.amend(&Plan { hash: "other".to_owned(), ..plan("amended") }, &[changed("a"), changed("b"), changed("d")], &by("somebody")).unwrap();
    assert_eq!(one.plan().unwrap().map(|plan| (plan.hash, plan.amended)), Some(("other".to_owned(), 1)));
    let rows: Vec<(String, State)> = one.rows().unwrap().into_iter().map(|row| (row.key, row.state)).collect();
    let state = |name: &str| rows.iter().find(|(key, _)| key.starts_with(name)).map(|(_, state)| *state);
    assert_eq!(["a", "b", "c", "d"].map(state), [State::Accepted, State::Planned, State::Cancelled, State::Planned].map(Some));
    assert_eq!(one.claim(&keys(&["b"]), 1).unwrap()[0].hash, "changed");
    one.release().unwrap();
    // Recipients who were gone come back; those whom a person took out do not.
    one.resolve(&one_of("d@b.example", &[State::Planned]), State::Cancelled, "somebody", "never").unwrap();
    one.amend(&plan("amended"), &[changed("a"), changed("c"), changed("d")], &by("somebody")).unwrap();
    let rows: Vec<(String, State)> = one.rows().unwrap().into_iter().map(|row| (row.key, row.state)).collect();
    let state = |name: &str| rows.iter().find(|(key, _)| key.starts_with(name)).map(|(_, state)| *state);
    assert_eq!(["a", "b", "c", "d"].map(state), [State::Accepted, State::Cancelled, State::Planned, State::Cancelled].map(Some));
    assert_eq!(verified(&mut one), [] as [String; 0]);
    one.claim(&keys(&["c"]), 1).unwrap();
    assert!(one.amend(&plan("amended"), &[changed("a")], &by("somebody")).is_err(), "somebody is at work");
}

fn extended(open: Open) {
    let mut one = open("extended", "one");
    let left_out = |key: &str, line| LeftOut { key: key.to_owned(), line, code: "bad-zone".to_owned() };
    let bad = [left_out("b@b.example", 3), left_out("line 4", 4), left_out("line 4", 4)];
    let campaign = one.campaign.clone();
    one.freeze(&plan(&campaign), &[planned("a")], &Particulars { left_out: &bad, ..by("somebody") }).unwrap();
    assert_eq!(states(&mut one), [State::Planned, State::LeftOut, State::LeftOut]);
    assert_eq!(one.counts().unwrap().addressed(), 1);
    assert_eq!(one.claim(&keys(&["a", "b"]), 5).unwrap().len(), 1, "who is left out has no turn");
    one.release().unwrap();
    let better = Plan { hash: "better".to_owned(), ..plan(&campaign) };
    one.extend(&better, &[planned("a"), planned("b"), planned("c")], &Particulars { left_out: &bad[..0], ..by("somebody") }).unwrap();
    assert_eq!(states(&mut one), [State::Planned, State::Planned, State::Planned]);
    assert_eq!(one.plan().unwrap().map(|plan| (plan.hash, plan.amended)), Some(("better".to_owned(), 0)));
    assert_eq!(verified(&mut one), [] as [String; 0]);
    assert_eq!(one.plan_lines().unwrap().iter().map(|line| line.state.as_str()).collect::<Vec<_>>(), ["frozen", "extended"]);
}

fn suppressed_meanwhile(open: Open) {
    let mut one = open("suppressed meanwhile", "one");
    freeze(&mut one, &[planned("a")]).unwrap();
    let claim = one.claim(&keys(&["a"]), 1).unwrap().remove(0);
    one.record(&[Entry::Begin(claim.clone()), settle(&claim, State::Refused, Duration::ZERO)]).unwrap();
    let campaign = one.campaign.clone();
    one.amend(&plan(&campaign), &[Planned { hash: String::new(), ..planned("a") }], &by("somebody")).unwrap();
    one.resolve(&all_of(&[State::Refused]), State::Planned, "somebody", "the quota was raised").unwrap();
    assert_eq!(states(&mut one), [State::Suppressed]);
    assert_eq!(verified(&mut one), [] as [String; 0]);
    one.amend(&plan(&campaign), &[planned("a")], &by("somebody")).unwrap();
    assert_eq!(states(&mut one), [State::Planned]);
    assert_eq!(verified(&mut one), [] as [String; 0]);
}

fn given_up(open: Open) {
    let mut one = open("given up", "one");
    freeze(&mut one, &[planned("a"), planned("b")]).unwrap();
    for claim in one.claim(&keys(&["a", "b"]), 2).unwrap() {
        let due = if claim.key.starts_with('a') { Duration::MAX } else { Duration::from_secs(3600) };
        one.record(&[Entry::Begin(claim.clone()), settle(&claim, State::Deferred, due)]).unwrap();
    }
    let counts = one.counts().unwrap();
    assert_eq!((counts.get(State::Deferred), counts.given_up, counts.waiting()), (2, 1, 1));
    assert!(counts.next_due.is_some_and(|due| due.duration_since(one.now().unwrap()).as_secs() <= 3600), "{counts:?}");
    assert!(one.claim(&keys(&["a", "b"]), 2).unwrap().is_empty());
    let with_code = |code| Whom { key: None, from: &[State::Deferred], code: Some(code) };
    assert!(one.resolve(&with_code(451), State::Planned, "somebody", "now").unwrap().is_empty());
    assert_eq!(one.resolve(&with_code(250), State::Planned, "somebody", "now").unwrap().len(), 2);
    assert_eq!(one.claim(&keys(&["a", "b"]), 2).unwrap().iter().map(|claim| claim.tries).collect::<Vec<_>>(), [0, 0]);
    assert_eq!(verified(&mut one), [] as [String; 0]);
}

fn taken_over(open: Open) {
    let mut one = open("taken over before", "one");
    freeze(&mut one, &[planned("a"), planned("b")]).unwrap();
    let claim = one.claim(&keys(&["a"]), 1).unwrap().remove(0);
    one.record(&[Entry::Begin(claim.clone()), settle(&claim, State::Accepted, Duration::ZERO)]).unwrap();
    let before = one.campaign.clone();
    drop(one);
    let mut two = open("taken over", "two");
    assert!(two.adopt_here("nobody", "somebody", "a slip").is_err());
    two.adopt_here(&before, "somebody", "it had no id").unwrap();
    assert_eq!(two.plan().unwrap().and_then(|plan| plan.begun_as), Some(before.clone()));
    assert_eq!(states(&mut two), [State::Accepted, State::Planned]);
    assert_eq!(verified(&mut two), [] as [String; 0]);
    assert!(open_names(&mut two).iter().all(|name| *name != before));
}

fn open_names(ledger: &mut Ledger) -> Vec<String> {
    Ledger::campaigns(ledger.store()).unwrap()
}

fn resolved(open: Open) {
    let mut one = open("resolved", "one");
    freeze(&mut one, &[planned("a"), planned("b")]).unwrap();
    for claim in one.claim(&keys(&["a", "b"]), 2).unwrap() {
        one.record(&[Entry::Begin(claim.clone()), settle(&claim, State::InDoubt, Duration::ZERO)]).unwrap();
    }
    let done = one.resolve(&one_of("a@b.example", &[State::InDoubt]), State::Accepted, "somebody", "it is in the relay's log").unwrap();
    assert_eq!(done, ["a@b.example"]);
    assert_eq!(states(&mut one), [State::Accepted, State::InDoubt]);
    let events = one.events().unwrap();
    let last = events.iter().find(|event| event.who == "somebody").unwrap();
    assert_eq!((last.state.as_str(), last.why.as_str()), ("accepted", "it is in the relay's log"));
    assert_eq!(verified(&mut one), [] as [String; 0]);
    let values = [one.campaign.as_str().into(), "b@b.example".into()];
    one.store.execute("UPDATE recipient SET state = 'accepted' WHERE campaign = $1 AND key = $2", &values).unwrap();
    assert_eq!(verified(&mut one).len(), 1);
}

fn nothing_by_halves(open: Open) {
    let mut one = open("halves", "one");
    freeze(&mut one, &[planned("a")]).unwrap();
    let claim = one.claim(&keys(&["a"]), 1).unwrap().remove(0);
    let head = one.head.clone();
    let failed = one.together(|ledger| {
        ledger.record_one(&Entry::Begin(claim.clone()))?;
        crate::error::bail!("the disk is full") as Result<()>
    });
    assert!(failed.is_err());
    assert_eq!(states(&mut one), [State::Claimed]);
    assert_eq!(one.head, head);
    assert_eq!(one.record(&[Entry::Begin(claim)]).unwrap(), [true]);
}

#[test]
fn in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    conforms(&|campaign, sender| Ledger::new(Box::new(InFile::to_send(&path).unwrap()), campaign, sender, Duration::ZERO));
}

#[test]
fn from_one_file_to_another() {
    let folder = tempfile::tempdir().unwrap();
    let open = |file: &str, sender: &str, campaign: &str| {
        Ledger::new(Box::new(InFile::to_send(&folder.path().join(file)).unwrap()), campaign, sender, Duration::ZERO)
    };
    let mut from = open("from.sqlite", "one", "[\"Our move\",\"move\",\"advance\",1]");
    freeze(&mut from, &[planned("a"), planned("b")]).unwrap();
    let claim = from.claim(&keys(&["b"]), 1).unwrap().remove(0);
    from.record(&[Entry::Begin(claim)]).unwrap();
    let name = from.campaign.clone();
    drop(from);
    let mut to = open("to.sqlite", "two", "[\"our-move-1\",\"advance\",1]");
    let mut look = InFile::to_send(&folder.path().join("from.sqlite")).unwrap();
    let relatives = adoption::relatives(&mut look, &to.campaign, false).unwrap();
    assert_eq!(
        relatives.iter().map(|other| (other.name.as_str(), other.addressed.len(), other.reached)).collect::<Vec<_>>(),
        [(&*name, 2, 0)]
    );
    to.adopt_from(&mut look, &name, "somebody", "it had no id").unwrap();
    assert_eq!(states(&mut to), [State::Planned, State::Sending]);
    assert_eq!(to.sweep().unwrap(), 1, "what a dead sender left is in doubt here, too");
    assert_eq!(verified(&mut to), [] as [String; 0]);
    // The other ledger keeps the campaign, and names its new owner.
    assert_eq!(Ledger::campaigns(&mut look).unwrap(), [name.as_str()]);
    assert_eq!(adoption::successor(&mut look, &name).unwrap(), Some(to.campaign.clone()));
    // After another takeover, its chains under all three names are valid.
    let mut third = open("third.sqlite", "three", "[\"our-move-2\",\"advance\",1]");
    let second = to.campaign.clone();
    drop(to);
    third.adopt_from(&mut InFile::to_send(&folder.path().join("to.sqlite")).unwrap(), &second, "somebody", "again").unwrap();
    assert_eq!(third.plan().unwrap().and_then(|plan| plan.begun_as), Some(name));
    assert_eq!(verified(&mut third), [] as [String; 0]);
}

#[test]
fn a_file_of_the_first_version_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.sqlite");
    let old = include_str!("../../../tests/fixtures/ledger-1.sql");
    rusqlite::Connection::open(&path).unwrap().execute_batch(old).unwrap();
    let name = "[\"https://sending.example/\",\"cutover\",\"advance\",1]";
    let before = std::fs::read(&path).unwrap();
    let verified = |store: InFile| {
        let mut ledger = Ledger::new(Box::new(store), name, "one", Duration::ZERO);
        let plan = ledger.plan().unwrap().unwrap();
        assert_eq!((plan.begun_as.clone(), ledger.counts().unwrap().text()), (None, "3 planned, 3 accepted".to_owned()));
        let verified = crate::notice::history::verify(&plan, &ledger.events().unwrap(), &ledger.rows().unwrap());
        assert_eq!((verified.faults.len(), verified.uncovered.is_some()), (0, true), "{verified:?}");
    };
    verified(InFile::to_read(&path).unwrap().unwrap());
    assert_eq!(std::fs::read(&path).unwrap(), before, "who reads changes nothing");
    verified(InFile::to_send(&path).unwrap());
    verified(InFile::to_read(&path).unwrap().unwrap());
    rusqlite::Connection::open(&path).unwrap().execute_batch("UPDATE ledger SET version = 3").unwrap();
    let newer = InFile::to_read(&path).err().map(|error| format!("{error:#}")).unwrap();
    assert!(newer.contains("has version 3, but this runsheet supports 2"), "{newer}");
}

#[test]
fn a_file_has_one_sender() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let _first = InFile::to_send(&path).unwrap();
    let second = InFile::to_send(&path).err().expect("there is one sender").to_string();
    assert!(second.contains("another sender is using the ledger"), "{second}");
    assert!(InFile::to_read(&path).unwrap().is_some());
}

#[cfg(feature = "postgres")]
#[test]
fn in_postgresql() {
    let Some(url) = super::super::environment::test_database() else { return };
    conforms(&|campaign, sender| {
        let campaign = format!("{campaign} {}", std::process::id());
        Ledger::new(Box::new(postgres::InDatabase::to_send(&url).unwrap()), &campaign, sender, Duration::ZERO)
    });
}

/// Read access is enough to look at the ledger, list it and export it; sending from it takes more.
#[cfg(feature = "postgres")]
#[test]
fn a_reader_of_postgresql_needs_no_more_than_to_read() {
    let Some(url) = super::super::environment::test_database() else { return };
    let (role, campaign) = (format!("reader_{}", std::process::id()), format!("read {}", std::process::id()));
    let mut ledger = Ledger::new(Box::new(postgres::InDatabase::to_send(&url).unwrap()), &campaign, "one", Duration::ZERO);
    freeze(&mut ledger, &[planned("a")]).unwrap();
    let mut owner = ::postgres::Client::connect(&url, ::postgres::NoTls).unwrap();
    owner
        .batch_execute(&format!(
            "CREATE ROLE {role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}; \
             REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE SCHEMA {role}"
        ))
        .unwrap();
    let as_reader = url.replace("postgres://runsheet@", &format!("postgres://{role}@"));
    assert_ne!(as_reader, url);
    let read = postgres::InDatabase::to_read(&as_reader).unwrap().expect("there is a ledger");
    let mut read = Ledger::new(Box::new(read), &campaign, "two", Duration::ZERO);
    let plan = read.plan().unwrap().unwrap();
    let (rows, events) = read.snapshot().unwrap();
    assert_eq!((rows.len(), crate::notice::history::verify(&plan, &events, &rows).faults), (1, Vec::new()));
    drop(read);
    assert!(postgres::InDatabase::to_send(&as_reader).is_err());
    // A database without a ledger must not be confused with one that cannot be read.
    let empty = format!("{as_reader}?options=-c%20search_path%3D{role}");
    assert!(postgres::InDatabase::to_read(&empty).unwrap().is_none());
    owner.batch_execute(&format!("DROP OWNED BY {role}; DROP SCHEMA {role}; DROP ROLE {role}")).unwrap();
}

/// Two senders at once never claim the same recipient.
#[cfg(feature = "postgres")]
#[test]
fn claims_at_once_in_postgresql() {
    let Some(url) = super::super::environment::test_database() else { return };
    let campaign = format!("at once {}", std::process::id());
    let open =
        |sender: &str| Ledger::new(Box::new(postgres::InDatabase::to_send(&url).unwrap()), &campaign, sender, Duration::from_secs(60));
    let names: Vec<String> = (0..2000).map(|number| format!("sample{number}")).collect();
    open("zero").freeze(&plan(&campaign), &names.iter().map(|name| planned(name)).collect::<Vec<_>>(), &Particulars::default()).unwrap();
    let all: Vec<String> = names.iter().map(|name| format!("{name}@b.example")).collect();
    let claimed: Vec<Vec<Claim>> = std::thread::scope(|scope| {
        let claim = |sender: &'static str| {
            let (open, all) = (&open, &all);
            scope.spawn(move || {
                let mut ledger = open(sender);
                all.chunks(50).flat_map(|keys| ledger.claim(keys, 50).unwrap()).collect::<Vec<_>>()
            })
        };
        ["one", "two", "three", "four"].map(claim).into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut keys: Vec<String> = claimed.into_iter().flatten().map(|claim| claim.key).collect();
    keys.sort();
    let count = keys.len();
    keys.dedup();
    assert_eq!((count, keys.len()), (2000, 2000));
}
