//! How many recipients a sender claims a second from a ledger in PostgreSQL, in batches as `send` claims them.
//!
//! `RUNSHEET_TEST_POSTGRES=postgres://… cargo bench --features postgres --bench claims`
#![allow(clippy::disallowed_methods, reason = "a benchmark measures the time")]

fn main() {
    #[cfg(feature = "postgres")]
    run();
    #[cfg(not(feature = "postgres"))]
    println!("built without PostgreSQL: add --features postgres");
}

#[cfg(feature = "postgres")]
fn run() {
    use std::time::{Duration, Instant};

    use runsheet::notice::ledger::{Plan, Planned};
    use runsheet::world::ledger::plan::Particulars;
    use runsheet::world::ledger::{Ledger, connect_to_send};

    const RECIPIENTS: usize = 50_000;
    let Ok(url) = std::env::var("RUNSHEET_TEST_POSTGRES") else {
        println!("RUNSHEET_TEST_POSTGRES names no database");
        return;
    };
    let key = |number: usize| format!("sample{number}@b.example");
    for (batch, workers) in [(1, 1), (32, 1), (256, 1), (256, 4)] {
        let count = if batch == 1 { RECIPIENTS / 25 } else { RECIPIENTS };
        let campaign = format!("claims {} {batch} {workers}", std::process::id());
        let open =
            |sender: &str| Ledger::new(connect_to_send(&url).expect("the database is there"), &campaign, sender, Duration::from_secs(600));
        let plan = Plan {
            campaign: campaign.clone(),
            hash: "plan".to_owned(),
            frozen: "2027-02-11T02:00:00Z".parse().expect("it is a time"),
            subject: "Subject".to_owned(),
            amended: 0,
            begun_as: None,
        };
        let rows: Vec<Planned> = (0..count)
            .map(|number| Planned { key: key(number), message_id: format!("<{number}@x>"), hash: "content".to_owned() })
            .collect();
        open("zero").freeze(&plan, &rows, &Particulars::default()).expect("it is new");
        let keys: Vec<String> = (0..count).map(key).collect();
        let begun = Instant::now();
        let claimed: usize = std::thread::scope(|scope| {
            let work = |worker: usize| {
                let (open, keys) = (&open, &keys);
                scope.spawn(move || {
                    let mut ledger = open(&format!("worker {worker}"));
                    keys.chunks(batch).map(|keys| ledger.claim(keys, batch).expect("it can be claimed").len()).sum::<usize>()
                })
            };
            let threads: Vec<_> = (0..workers).map(work).collect();
            threads.into_iter().map(|thread| thread.join().expect("it ends")).sum()
        });
        assert_eq!(claimed, count, "each is claimed once");
        let rate = count as f64 / begun.elapsed().as_secs_f64();
        println!("{workers} sender(s), batches of {batch}: {rate:.0} claims a second");
    }
}
