//! How many messages a second a ledger in a file writes down, when so many connections are in one commit; beside commits of one row.
//!
//! `cargo bench --bench record`
#![allow(clippy::disallowed_methods, reason = "a benchmark measures the time")]

use std::time::{Duration, Instant};

use runsheet::notice::ledger::{Claim, Entry, Plan, Planned, State};
use runsheet::notice::reply::Reply;
use runsheet::world::ledger::Ledger;
use runsheet::world::ledger::plan::Particulars;
use runsheet::world::ledger::sqlite::InFile;

const COMMITS: usize = 4000;

fn main() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("there is a folder");
    let bare = bare(&folder.path().join("bare"));
    println!("one row in a commit: {bare:.0} commits a second");
    for connections in [1, 2, 4, 16] {
        let rate = messages(&folder.path().join(connections.to_string()), connections);
        let commits = rate / connections as f64;
        println!("{connections} message(s) in a commit: {rate:.0} messages a second, {:.0} % of the commits", commits / bare * 100.0);
    }
}

fn bare(path: &std::path::Path) -> f64 {
    let connection = rusqlite::Connection::open(path).expect("it can be made");
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE row (number INTEGER)")
        .expect("a new file takes a table");
    let begun = Instant::now();
    for _ in 0..COMMITS {
        connection.execute_batch("INSERT INTO row VALUES (1)").expect("it is written");
    }
    COMMITS as f64 / begun.elapsed().as_secs_f64()
}

/// Each commit holds, for each connection, what became of its message and the beginning of its next.
fn messages(path: &std::path::Path, connections: usize) -> f64 {
    let store = InFile::to_send(path).expect("it can be made");
    let mut ledger = Ledger::new(
        Box::new(store),
        "freshtrack-cutover/advance/2027-02-13/1",
        "host-1234-20270211T020000.000000Z",
        Duration::from_secs(600),
    );
    let plan = Plan {
        campaign: "freshtrack-cutover/advance/2027-02-13/1".to_owned(),
        hash: "plan".to_owned(),
        frozen: "2027-02-11T02:00:00Z".parse().expect("it is a time"),
        subject: "Subject".to_owned(),
        amended: 0,
        begun_as: None,
    };
    let key = |number: usize| format!("sample{number}@bench.example");
    let rows: Vec<Planned> = (0..COMMITS)
        .map(|number| Planned { key: key(number), message_id: format!("<{number:032x}@bench.example>"), hash: "c".repeat(64) })
        .collect();
    ledger.freeze(&plan, &rows, &Particulars::default()).expect("it is new");
    let keys: Vec<String> = (0..COMMITS).map(key).collect();
    let mut claims: Vec<Claim> = keys.chunks(64).flat_map(|keys| ledger.claim(keys, 64).expect("nobody else has them")).collect();
    claims.sort_by_key(|claim| claim.key.trim_start_matches("sample").split('@').next().and_then(|number| number.parse::<usize>().ok()));
    let settled = |claim: &Claim| Entry::Settle {
        claim: claim.clone(),
        state: State::Accepted,
        reply: Reply::new(250, "2.0.0 Ok: queued as 4Z1234567"),
        due: Duration::ZERO,
    };
    let mut in_hand: Vec<Claim> = Vec::new();
    let begun = Instant::now();
    for next in claims.chunks(connections) {
        let entries: Vec<Entry> = in_hand.iter().map(settled).chain(next.iter().map(|claim| Entry::Begin(claim.clone()))).collect();
        assert!(ledger.record(&entries).expect("it is written").iter().all(|held| *held), "no claim is void");
        in_hand = next.to_vec();
    }
    claims.len() as f64 / begun.elapsed().as_secs_f64()
}
