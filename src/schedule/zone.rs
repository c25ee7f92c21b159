//! Time zones by name, from the database built into the program.

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::clock::ClockError;

/// The zone of an IANA name such as `Europe/London`; an error with the nearest name if there is none.
///
/// Only the database built into the program is asked, so that equal inputs give equal output on every machine.
pub fn zone(name: &str) -> Result<TimeZone, ClockError> {
    match TimeZoneDatabase::bundled().get(name) {
        Ok(zone) if !zone.is_unknown() => Ok(zone),
        _ => Err(ClockError::new(format!("unknown time zone `{name}`"), help(name))),
    }
}

fn help(name: &str) -> String {
    match nearest(name) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "write an IANA name such as `Europe/London`, `America/New_York` or `UTC`".to_owned(),
    }
}

/// So many letters may be wrong in a name that is still meant.
const MOST_CHANGES: usize = 3;

/// The known name with the fewest letters changed, or of the same city.
fn nearest(name: &str) -> Option<String> {
    const LONGEST: usize = 40;
    if name.len() > LONGEST {
        return None;
    }
    let name = plain(name);
    let database = TimeZoneDatabase::bundled();
    let ranked = database.available().map(|known| {
        let known = known.as_str().to_owned();
        (changes(&name, &plain(&known)), known)
    });
    let (fewest, known) = ranked.min()?;
    (fewest <= MOST_CHANGES.min(name.len() / 3)).then_some(known)
}

fn plain(name: &str) -> String {
    name.trim().to_ascii_lowercase().replace(' ', "_")
}

/// How many letters to change to make `known` out of `name`; none if `name` is only its city.
fn changes(name: &str, known: &str) -> usize {
    // So many letters more or fewer are as many changes. A table may have a wrong zone in each of its rows.
    let near = |known: &str| if name.chars().count().abs_diff(known.len()) > MOST_CHANGES { usize::MAX } else { distance(name, known) };
    let whole = near(known);
    match known.rsplit_once('/') {
        Some((_, city)) if !name.contains('/') => whole.min(near(city)),
        _ => whole,
    }
}

/// The letters to insert, delete or replace to get from one word to the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for letter in one.chars() {
        let mut diagonal = row[0];
        row[0] += 1;
        for (column, other) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: &str) {
        let found = match zone(name) {
            Ok(zone) => zone.iana_name().unwrap_or_default().to_owned(),
            Err(error) => error.help().unwrap_or_default(),
        };
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn zones() {
        let none = "write an IANA name such as `Europe/London`, `America/New_York` or `UTC`";
        check("Europe/London", "Europe/London");
        check("europe/london", "Europe/London");
        check("UTC", "UTC");
        check("Europe/Lodnon", "did you mean `Europe/London`?");
        check("Berlin", "did you mean `Europe/Berlin`?");
        check("America/New York", "did you mean `America/New_York`?");
        check("Asia/Calcuta", "did you mean `Asia/Calcutta`?");
        check("Etc/Unknown", none);
        check("", none);
        check("PT", none);
        check("+01:00", none);
        check("Middle-earth/Shire", none);
    }
}
