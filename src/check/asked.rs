//! Recognises bracketed text that somebody has to fill in: capital words, names of things, and requests.

/// Words that name something to fill in, alone or with [`BESIDE`] in brackets: `[date]`, `[Your Name]`, `<link to ticket>`. After the
/// English words come German, French, Spanish, Portuguese, Italian and Dutch ones.
const NAMES: &str = "address amount app application cause city client company contact count country customer date dates day days department \
    description details duration e-mail email environment eta event firstname fname function functions hostname hour hours \
    id impact issue lastname link links lname location mail manager minutes mobile month name names number organisation \
    organization person phone position price product project reason recipient role sender server service services sig \
    signature site state street subject summary surname system systems team telephone ticket time times timestamp timezone \
    title tool url user username value version website week year zone adresse anrede ansprechpartner betreff datum dauer \
    dienst firma grund kunde kundenname nachname ort telefon telefonnummer uhrzeit unternehmen vorname zeit durée heure lien \
    lieu motif nom prénom société cognome data empresa fecha hora nombre nome ora achternaam bedrijf naam voornaam";

/// Words that may accompany one of [`NAMES`].
const BESIDE: &str = "actual add affected agent and approximate choose closing current display end ending enter estimated exact expected \
    finish first for friendly full help in incident job last local maintenance middle my new next of old on-call opening or \
    outage page pick planned preferred previous provide put scheduled select short start starting status support target \
    to type update window with your ihr ihre dein deine votre tu su seu uw der des de und";

/// Beginnings of requests such as `insert date`; more words follow.
const ASKS: &str = "insert |enter your |specify |describe |fill in |fill out |replace |your |brief description|short description|\
    description of |list of |name of |names of |link to |reason for |details of |specific |placeholder ";

/// Endings of requests such as `name here`.
const ASKS_AT_END: &str = " here| goes here| hier| einfügen| eintragen| ici| aquí| aqui| qui";

/// Bracketed words that are a placeholder without any others.
const ALONE: &str = "placeholder|tba|tbc|tbd|todo|to be announced|to be confirmed|to be decided|to be defined|to be determined|\
    to be added|platzhalter";

/// Whether it is in capitals: at least two letters, none of them small. Numbers such as `CVE-2027-1234` or `INC0012345` don't count.
pub fn is_shouted(inner: &str) -> bool {
    let begins = inner.trim_start_matches(['#', '$', '€', '£', '%', '*', '_', '.', '…', ' ', '(']);
    let letters = inner.chars().filter(|c| c.is_alphabetic()).count();
    letters >= 2
        && begins.starts_with(char::is_uppercase)
        && !inner.chars().any(|c| c.is_lowercase() || c == '`' || c == '\\')
        && !is_number(inner)
}

/// The number of a ticket, a standard or a fault.
fn is_number(inner: &str) -> bool {
    let digits: Vec<char> = inner.chars().filter(char::is_ascii_digit).collect();
    let is_real = digits.len() >= 3 && digits.iter().any(|digit| *digit != '0');
    let name = inner.split(|c: char| c.is_ascii_digit()).next().unwrap_or("");
    let letters = name.trim_matches(['-', ' ', '_', '/', '.']).to_lowercase();
    let is_plain = inner.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '-' | ' ' | '_' | '/' | '.'));
    let behind = &inner[name.len()..];
    is_real && is_plain && !behind.contains(char::is_alphabetic) && !["date", "day", "month", "name", "time", "year"].contains(&&*letters)
}

/// Words that ask for something: `insert date`, `your name`, `start time`, `first_name`, `customerName`, `outage|partial outage`.
pub fn is_asked(inner: &str) -> bool {
    let inner = inner.split_whitespace().collect::<Vec<_>>().join(" ");
    let inner = inner.split([',', ';', '(']).next().unwrap_or("").trim().trim_end_matches([':', '…', '.', '?', '#']).trim();
    let lower = inner.to_lowercase();
    if ALONE.split('|').any(|alone| alone == lower) || ASKS.split('|').any(|begin| lower.starts_with(begin)) {
        return true;
    }
    if ASKS_AT_END.split('|').any(|end| lower.ends_with(end)) {
        return true;
    }
    // A name with `_` in it comes from a program.
    if inner.contains('_') && is_name(inner, &['_']) && !inner.ends_with('_') {
        return true;
    }
    let parts = words(inner);
    // A bracketed remark that continues the sentence: `[to date]`, `[in time]`.
    if parts.first().is_some_and(|word| is_among("and de der des for in of or to und with", word)) {
        return false;
    }
    let is_known = |word: &String| is_among(NAMES, word) || is_among(BESIDE, word) || is_count(word);
    parts.iter().any(|word| is_among(NAMES, word)) && parts.iter().all(is_known)
}

/// Whether it has only words that accompany others, or alternatives: `<start>`, `<status page>`, `<outage|partial outage>`.
pub fn is_beside(inner: &str) -> bool {
    inner.contains('|') && !inner.contains(['.', '(']) || words(inner).iter().all(|word| is_among(BESIDE, word))
}

pub fn is_among(known: &str, word: &str) -> bool {
    known.split(' ').any(|one| one == word)
}

/// `Service 1`, `X days`.
fn is_count(word: &str) -> bool {
    matches!(word, "x" | "xx" | "n") || word.chars().all(|c| c.is_ascii_digit())
}

/// Words in lower case; `customerName` and `customer/name` are split.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for piece in text.split([' ', '/', '_', '.', '&', '|', '+']).filter(|piece| !piece.is_empty()) {
        let is_whole = matches!(&*piece.to_lowercase(), "e-mail" | "on-call");
        let mut before = 'A';
        let mut word = String::new();
        for c in piece.chars() {
            if c == '-' && !is_whole {
                words.push(std::mem::take(&mut word));
                continue;
            }
            if c.is_uppercase() && before.is_lowercase() {
                words.push(std::mem::take(&mut word));
            }
            word.extend(c.to_lowercase());
            before = c;
        }
        words.push(word);
        words.retain(|word| !word.is_empty());
    }
    words
}

/// Whether it looks like a name in a program: letters, digits, and the given characters.
pub fn is_name(name: &str, others: &[char]) -> bool {
    name.len() >= 2 && name.starts_with(char::is_alphabetic) && name.chars().all(|c| c.is_alphanumeric() || others.contains(&c))
}
