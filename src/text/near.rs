//! Finds which known name a wrong name may mean.

/// Longer names are never compared: the time grows with both lengths.
const MOST_LENGTH: usize = 200;

/// Among many known names, only this many on each side of the wrong one in sorted order are compared, by beginning and by end.
const NEIGHBORS: usize = 64;

/// With more known names than this, a single look-up finds nothing.
pub const MOST_KNOWN: usize = 1000;

/// Known names, for many look-ups: sorted once, so that an answer takes equally long with many names as with few.
#[derive(Debug)]
pub struct Names<'a> {
    /// In small letters, with the names as written.
    begins: Vec<(String, &'a str)>,
    /// The same names, each reversed. Empty if all names are compared anyway.
    ends: Vec<(String, &'a str)>,
}

impl<'a> Names<'a> {
    pub fn new(known: impl IntoIterator<Item = &'a str>) -> Names<'a> {
        let short = known.into_iter().filter(|name| name.len() <= MOST_LENGTH);
        let mut begins: Vec<(String, &str)> = short.map(|name| (name.to_lowercase(), name)).collect();
        if begins.len() <= 4 * NEIGHBORS {
            return Names { begins, ends: Vec::new() };
        }
        begins.sort_unstable();
        begins.dedup();
        let mut ends: Vec<(String, &str)> = begins.iter().map(|(lower, name)| (reversed(lower), *name)).collect();
        ends.sort_unstable();
        Names { begins, ends }
    }

    /// The known name that is nearest to a wrong one, if one is near enough.
    pub fn nearest(&self, wrong: &str) -> Option<&'a str> {
        if wrong.len() > MOST_LENGTH {
            return None;
        }
        let wrong = wrong.to_lowercase();
        if self.ends.is_empty() {
            return best(self.begins.iter().map(|(lower, name)| (strsim::jaro_winkler(&wrong, lower), *name)));
        }
        let from_end = reversed(&wrong);
        let begins = beside(&self.begins, &wrong).iter().map(|(lower, name)| (strsim::jaro_winkler(&wrong, lower), *name));
        let ends = beside(&self.ends, &from_end).iter().map(|(lower, name)| (strsim::jaro_winkler(&wrong, &reversed(lower)), *name));
        best(begins.chain(ends))
    }
}

impl Names<'_> {
    /// Help for an unknown name: the nearest one, or the list of valid ones.
    pub fn suggest(&self, wrong: &str) -> Option<String> {
        self.nearest(wrong).map(meant).or_else(|| listed(&self.begins.iter().map(|(_, name)| *name).collect::<Vec<_>>()))
    }
}

/// The known name that is nearest to a wrong one, if one is near enough. Always `None` for very many names: use [`Names`] for
/// those.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let known: Vec<&str> = known.into_iter().take(MOST_KNOWN + 1).collect();
    if known.len() > MOST_KNOWN || wrong.len() > MOST_LENGTH {
        return None;
    }
    let wrong = wrong.to_lowercase();
    let short = known.into_iter().filter(|name| name.len() <= MOST_LENGTH);
    best(short.map(|name| (strsim::jaro_winkler(&wrong, &name.to_lowercase()), name)))
}

/// Help for an unknown name: the nearest one, or the list of valid ones.
pub fn suggest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().take(MOST_KNOWN + 1).collect();
    nearest(wrong, known.iter().copied()).map(meant).or_else(|| listed(&known))
}

/// The known name from which a name differs by a slip of the finger: one letter added, missing, replaced, or two swapped. Searches
/// only the first thousand.
pub fn slip<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A letter has up to four bytes.
    let may_be = |other: &str| name.len().abs_diff(other.len()) <= 4 && other.len() <= MOST_LENGTH;
    known.into_iter().take(MOST_KNOWN).find(|other| may_be(other) && strsim::osa_distance(name, other) == 1)
}

fn meant(name: &str) -> String {
    format!("did you mean `{name}`?")
}

fn listed(known: &[&str]) -> Option<String> {
    let names = || known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    (1..=30).contains(&known.len()).then(|| format!("known: {}", names()))
}

/// The most similar of those that are similar enough; of equally similar ones, the first in the alphabet.
fn best<'a>(scored: impl Iterator<Item = (f64, &'a str)>) -> Option<&'a str> {
    let near = scored.filter(|(score, _)| *score > 0.75);
    near.max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1))).map(|(_, name)| name)
}

/// The names around the position of a wrong one.
fn beside<'n, 'a>(sorted: &'n [(String, &'a str)], wrong: &str) -> &'n [(String, &'a str)] {
    let at = sorted.partition_point(|(name, _)| name.as_str() < wrong);
    &sorted[at.saturating_sub(NEIGHBORS)..sorted.len().min(at + NEIGHBORS)]
}

fn reversed(name: &str) -> String {
    name.chars().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered() {
        for (wrong, expected) in [("replyto", Some("reply_to")), ("zzz", None)] {
            assert_eq!(nearest(wrong, ["reply_to", "from"]), expected);
            assert_eq!(Names::new(["reply_to", "from"]).nearest(wrong), expected);
        }
    }

    #[test]
    fn among_very_many_the_nearest_is_found_by_its_beginning_or_its_end() {
        let known: Vec<String> = (0..20_000).map(|number| format!("step-{number}-of-the-plan-{}", number * 7919 % 20_000)).collect();
        let names = Names::new(known.iter().map(String::as_str));
        for wanted in [&known[0], &known[777], &known[19_999]] {
            assert_eq!(names.nearest(wanted), Some(&**wanted));
            assert_eq!(names.nearest(&wanted.replace("step", "setp")), Some(&**wanted));
            assert_eq!(names.nearest(&wanted.replace("plan", "paln")), Some(&**wanted));
            assert_eq!(names.nearest(&wanted.to_uppercase()), Some(&**wanted));
        }
        assert_eq!(names.nearest("something else"), None);
        assert_eq!(nearest("step-7", known.iter().map(String::as_str)), None);
    }

    #[test]
    fn a_name_longer_than_any_is_compared_with_none() {
        let long = "a".repeat(1_000_000);
        assert_eq!(nearest(&long, ["aaaa", &long]), None);
        assert_eq!(nearest("aaab", ["aaaa", &long]), Some("aaaa"));
        assert_eq!(Names::new(["aaaa", &long]).nearest(&long), None);
    }
}
