//! Recognises placeholders: in brackets, in the marks of other programs, as letters for digits, as words.
//!
//! In a notice that is sent, each of these is an error. So only forms that nobody means to mail are listed: a false error stops a
//! mailing, and a missing form gets mailed. Text in brackets is judged by its words.

use super::asked::{is_among, is_asked, is_beside, is_name, is_shouted};
use crate::source::Span;

/// A placeholder in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub span: Span,
    /// Looks like one on any page. Others may be the subject of a page, and are searched only in notices and values.
    pub is_plain: bool,
}

/// Words that are placeholders everywhere.
const WORDS: [&str; 3] = ["TODO", "TBD", "FIXME"];
/// The same in notices only, in any case.
const WORDS_OF_NOTICES: [&str; 4] = ["tba", "tbc", "tbd", "lorem ipsum"];

/// Letters that stand for the digits of a time or a date in some languages.
const PARTS: &str = "hh mm ss dd yy yyyy tt jj jjjj gg aa aaaa";

/// What `XX` counts: `XX hours`.
const UNITS: &str = "% am pm h hour hours hrs min mins minutes day days uhr stunden minuten heures ore";

/// Marks of other programs around a name to fill in, and whether any text may stand between them.
const MARKS: [(&str, &str, bool); 9] = [
    ("*|", "|*", true),
    ("<%", "%>", true),
    ("[%", "%]", true),
    ("<<", ">>", true),
    ("[[", "]]", true),
    ("((", "))", false),
    ("«", "»", false),
    ("##", "##", false),
    ("@@", "@@", false),
];

/// The longest text that is examined in brackets and marks.
const MOST: usize = 120;

/// All placeholders, in the order of the text; none inside another.
pub fn find(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    bracketed(text, &mut found);
    angled(text, &mut found);
    braced(text, &mut found);
    marked(text, &mut found);
    percented(text, &mut found);
    blanks(text, &mut found);
    tokens(text, &mut found);
    phrases(text, &mut found);
    found.retain(|one| !is_escaped(text, one.span.start));
    found.sort_by_key(|one| (one.span.start, std::cmp::Reverse(one.span.end)));
    let mut end = 0;
    found.retain(|one| (one.span.start >= end, end = end.max(one.span.end)).0);
    found
}

/// Whether a text is a placeholder and nothing else. Most values of a table are plain words, so those are ruled out first.
pub fn is_one(text: &str) -> bool {
    let mut found = Vec::new();
    if text.starts_with(['[', '{', '$', '%', '*', '<', '«', '(', '#', '@', '_']) {
        found = find(text);
    } else if text.len() <= MOST_WORD {
        tokens(text, &mut found);
        phrases(text, &mut found);
    }
    found.first().is_some_and(|one| one.span == (0..text.len()))
}

/// The length of the longest placeholder that is a word.
const MOST_WORD: usize = 11;

/// After a backslash, a mark is plain text (CommonMark §2.4).
fn is_escaped(text: &str, at: usize) -> bool {
    let is_mark = text[at..].starts_with(|c: char| c.is_ascii_punctuation());
    is_mark && text[..at].bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// The text between an opening and the next closing mark: at most one paragraph.
fn inside<'t>(text: &'t str, open: usize, opening: &str, closing: &str) -> Option<(&'t str, usize)> {
    let from = open + opening.len();
    let most = text[from..].char_indices().nth(MOST).map_or(text.len(), |(at, _)| from + at);
    let length = text[from..most].find(closing)?;
    let inner = &text[from..from + length];
    let is_whole = !inner.contains(opening) && !inner.contains("\n\n") && !inner.contains("\r\n\r\n");
    (is_whole && !inner.trim().is_empty()).then_some((inner, from + length + closing.len()))
}

/// `[DATE/TIME]`, `[SIG …]`, `[Your Name Here]`, `[insert date]`, `[start time]`, `[first_name]`, `[X] hours`.
fn bracketed(text: &str, found: &mut Vec<Found>) {
    for (open, _) in text.match_indices('[') {
        let Some((inner, end)) = inside(text, open, "[", "]") else { continue };
        let is_plain = is_shouted(inner);
        let counts = matches!(inner, "X" | "x" | "N" | "n") && is_counted(&text[end..]);
        if is_plain || counts || is_asked(inner) {
            found.push(Found { span: open..end, is_plain });
        }
    }
}

/// `<NAME>`, `<date>`, `<link to ticket>`, `<outage|partial outage>`: a mail would show them unchanged.
fn angled(text: &str, found: &mut Vec<Found>) {
    for (open, _) in text.match_indices('<') {
        let Some((inner, end)) = inside(text, open, "<", ">") else { continue };
        let begins = inner.starts_with(char::is_alphabetic) && !inner.contains(['@', ':', '=', '"']);
        if begins && (is_shouted(inner) || is_asked(inner) || is_beside(inner)) && !is_element(inner, &text[end..]) {
            found.push(Found { span: open..end, is_plain: false });
        }
    }
}

/// HTML in capitals is HTML, and so is anything with a closing tag soon after.
fn is_element(name: &str, behind: &str) -> bool {
    let soon = behind.char_indices().nth(4 * MOST).map_or(behind.len(), |(at, _)| at);
    is_among(ELEMENTS, name.trim_end_matches([' ', '/'])) || behind[..soon].contains(&format!("</{name}>"))
}

const ELEMENTS: &str = "BR HR DIV TABLE TR TD TH THEAD TBODY UL OL LI DL DT DD SPAN FONT CENTER HTML BODY HEAD TITLE IMG EM STRONG PRE CODE \
    SUB SUP WBR KBD SMALL";

/// `{NAME}`, `{first_name}`, `{ contact.firstName | friend }`, `${NAME}`, `{!Contact.Name}`.
fn braced(text: &str, found: &mut Vec<Found>) {
    for (open, _) in text.match_indices('{') {
        let Some((inner, end)) = inside(text, open, "{", "}") else { continue };
        let is_single = !text[..open].ends_with('{') && !text[end..].starts_with('}');
        let name = inner.split('|').next().unwrap_or("").trim_matches(' ').trim_start_matches(['!', '$']);
        let is_named = is_name(name, &['_', '.', '-', '/']);
        let begins = name.starts_with(char::is_alphabetic) && !inner.contains('\n');
        if begins && is_single && (is_named || is_shouted(name) || is_asked(name)) {
            let start = open - usize::from(text[..open].ends_with('$'));
            found.push(Found { span: start..end, is_plain: is_named && !name.contains(char::is_lowercase) });
        }
    }
}

/// `*|FNAME|*`, `<%= name %>`, `<<Name>>`, `[[name]]`, `((first name))`, `«Vorname»`, `##NAME##`.
fn marked(text: &str, found: &mut Vec<Found>) {
    for (opening, closing, is_any) in MARKS {
        for (open, _) in text.match_indices(opening) {
            let Some((inner, end)) = inside(text, open, opening, closing) else { continue };
            let words = inner.trim_matches([' ', '=', '-']);
            let begins = words.starts_with(char::is_alphabetic) && !inner.contains('\n') && !opening.starts_with(|c| inner.contains(c));
            // `## Title ##` is a heading, and in «SAP» a name is quoted.
            let is_close = inner == words || is_any || opening == "((";
            let is_name = is_name(words, &['_']) && (words.contains('_') || opening != "«" && is_shouted(words));
            if begins && is_close && (is_any || is_name || is_asked(words)) {
                found.push(Found { span: open..end, is_plain: false });
            }
        }
    }
}

/// `%NAME%`, `%%first_name%%`, `$NAME$`; but not `20%`, and not `%C3%BC` in an address.
fn percented(text: &str, found: &mut Vec<Found>) {
    for mark in ['%', '$'] {
        let mut places = text.match_indices(mark).map(|(at, _)| at).peekable();
        while let Some(open) = places.next() {
            let Some(close) = places.peek().copied() else { break };
            let inner = &text[open + 1..close];
            let is_meant = mark == '%' || is_shouted(inner) || is_asked(inner);
            if inner.len() < 3 || !is_name(inner, &['_', '.', '-']) || !is_meant {
                continue;
            }
            let before = text[..open].trim_end_matches(mark).chars().next_back();
            let behind = text[close + 1..].trim_start_matches(mark).chars().next();
            if ![before, behind].iter().flatten().any(|c| c.is_alphanumeric()) {
                let start = text[..open].trim_end_matches(mark).len();
                let end = text.len() - text[close + 1..].trim_start_matches(mark).len();
                found.push(Found { span: start..end, is_plain: false });
            }
        }
    }
}

/// `____`, to be filled in by hand. A line of nothing else is a rule, and `___word___` is bold.
fn blanks(text: &str, found: &mut Vec<Found>) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let is_rule = || line.trim().chars().all(|c| matches!(c, '_' | ' '));
        let mut from = 0;
        if line.contains("___") && !is_rule() {
            while let Some(at) = line[from..].find("___").map(|at| from + at) {
                let end = line.len() - line[at..].trim_start_matches('_').len();
                from = end;
                let beside = [line[..at].chars().next_back(), line[end..].chars().next()];
                if !beside.into_iter().flatten().any(|c| c.is_alphanumeric() || c == '\\') {
                    found.push(Found { span: start + at..start + end, is_plain: false });
                }
            }
        }
        start += line.len();
    }
}

/// `TODO`, `XXX`, `XX:XX`, `HH:MM`, `DD.MM.YYYY`, `XX hours`, `tba`.
fn tokens(text: &str, found: &mut Vec<Found>) {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '.' | '/' | '-');
    let mut rest = text;
    while let Some(at) = rest.find(is_part) {
        let start = text.len() - rest.len() + at;
        let length = text[start..].find(|c| !is_part(c)).unwrap_or(text.len() - start);
        rest = &text[start + length..];
        let token = &text[start..start + length];
        let trimmed = token.trim_matches([':', '.', '/', '-']);
        let start = start + token.find(trimmed).unwrap_or(0);
        let span = start..start + trimmed.len();
        if is_date(trimmed) || trimmed == "XX" && is_counted(&text[span.end..]) {
            found.push(Found { span, is_plain: false });
            continue;
        }
        let mut from = start;
        for word in trimmed.split([':', '.', '/', '-']) {
            let span = from..from + word.len();
            from = span.end + 1;
            let is_run = |letter: char, least| word.len() >= least && word.chars().all(|c| c == letter);
            let is_plain = WORDS.contains(&word) || is_run('X', 3);
            if is_plain || is_run('x', 4) || WORDS_OF_NOTICES.iter().any(|known| known.eq_ignore_ascii_case(word)) {
                found.push(Found { span, is_plain });
            }
        }
    }
}

/// Placeholders of several words.
fn phrases(text: &str, found: &mut Vec<Found>) {
    let lower = text.to_ascii_lowercase();
    for phrase in WORDS_OF_NOTICES.into_iter().filter(|phrase| phrase.contains(' ')) {
        found.extend(lower.match_indices(phrase).map(|(at, phrase)| Found { span: at..at + phrase.len(), is_plain: false }));
    }
}

/// `XX:XX`, `X:XX`, or two or more parts of a date or a time, one of them a month or a minute.
fn is_date(token: &str) -> bool {
    let is_small = !token.contains(char::is_uppercase);
    let is_one_case = is_small || !token.contains(char::is_lowercase);
    let lower = token.to_ascii_lowercase();
    let parts: Vec<&str> = lower.split([':', '.', '/', '-']).collect();
    let is_crossed = |part: &&str| !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte == b'x');
    if parts.len() < 2 || !is_one_case {
        return false;
    }
    parts.iter().all(is_crossed) && parts.iter().any(|part| part.len() > 1)
        || parts.iter().all(|part| is_among(PARTS, part)) && parts.contains(&"mm") && parts.iter().any(|part| *part != "mm")
}

fn is_counted(behind: &str) -> bool {
    let word = behind.trim_start_matches([' ', '\u{A0}']);
    let end = word.find(|c: char| !c.is_alphabetic() && c != '%').unwrap_or(word.len());
    end > 0 && is_among(UNITS, &word[..end].to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = find(text).into_iter().map(|one| &text[one.span]).collect();
        assert_eq!(found, expected, "{text}");
    }

    /// Examples, with three spaces or a line end between them.
    fn cut(examples: &'static str) -> impl Iterator<Item = &'static str> {
        examples.lines().flat_map(|line| line.trim().split("   "))
    }

    #[test]
    fn in_brackets() {
        for one in cut(r#"[DATE/TIME]   [LINK]   [YOUR NAME]   [SIG …]   [SIG ...]   [SIGNATURE]   [NAME & TITLE]   [DD.MM.YYYY]
             [# OF HOURS]   [$AMOUNT]   [HH:MM UTC]   [ACTION REQUIRED]   [X HOURS]   [TICKET-000]   [DATE 2027]   [TBC]
             [tbc]   [XX]   [Your Name Here]   [insert date]   [date]   [Date]   [Start Time]   [Time Zone]   [first name]
             [firstName]   [first_name]   [project_code]   [User Name or Team]   [Service 1, e.g., Website]   [System Name]
             [brief description of what will be done, e.g., updates]   [List of services or systems that will be down]
             [Your Position]   [Specific functions or services affected]   [link to status page]   [to be confirmed]   [Datum]
             [Ihr Name]   [prénom]   [Datum einfügen]   [Empresa]   [placeholder]   [link here]"#)
        {
            check(&format!("a {one}, b"), &[one]);
        }
        check("a [Insert\nStart Time]", &["[Insert\nStart Time]"]);
        check("[UP\n\nDOWN]", &[]);
        check("____\n", &[]);
        check("as it was [to date], [in time] and [of course]", &[]);
        check("takes [X] hours, [n] days", &["[X]", "[n]"]);
        for text in
            cut(r#"[sic]   [see below]   [Enter]   [Ctrl]   [1]   [^A]   [ ]   [x]   - [X] done   […]   [RFC 5322]   [CVE-2027-1234]
             [INC0012345]   [PROJ-123]   an [aside]   [the company]   [emphasis mine]   [A]   [!NOTE]   [RFC5322
             \[ACTION REQUIRED]   [LINK\]   [add-on]   [Add to cart]   [Select all]   [a-z]   [Jane Doe]   [see the date above]
             [this service]   [ja]"#)
        {
            check(text, &[]);
        }
        check("\\\\[LINK]", &["[LINK]"]);
    }

    #[test]
    fn of_other_programs() {
        for one in cut(r#"{NAME}   {first_name}   { date }   {Your Name}   { contact.firstName | friend }   ${NAME}   ${user.name}
             {!Contact.FirstName}   *|FNAME|*   <%= name %>   <<First Name>>   [[name]]   ((first name))   «Vorname»
             «First_Name»   ##NAME##   @@first_name@@   %NAME%   %FIRST_NAME%   %recipient.name%   %%first_name%%   $NAME$
             <NAME>   <date>   <your name>   <status page>   <link to ticket>   <start>   <insert link>
             <total outage|partial outage>   [%name%]"#)
        {
            check(&format!("a {one}, b"), &[one]);
        }
        for text in cut(r#"{{ r.name }} {% if x %} {# note #} {{{name}}} {#anchor} {x} {} {a b} {open   20% of 30%, 50%–60%
             https://x.example/m%C3%BCnchen%20a%BCber%20   $5 and $10   « Wartung »   «Kundencenter»
             <br> <kbd>Ctrl</kbd> <BR> <https://x.example> <a@b.example> a < b > c   ((see below))   2 << 3 and 8 >> 1
             # Title ##   ## Title ##   a ## b   |*a*|*b*|*c*|   <date>2 May</date>   «SAP»   \{NAME} \<NAME> \%NAME%   </date>
             <!-- NAME -->   **NAME** __NAME__ *DATE*"#)
        {
            check(text, &[]);
        }
    }

    #[test]
    fn letters_for_digits_and_words() {
        for one in cut(r#"XX:XX   xx:xx   X:XX   HH:MM   hh:mm   DD.MM.YYYY   dd/mm/yyyy   YYYY-MM-DD   MM/DD   TT.MM.JJJJ   XX.XX   XXX
             XXXX   TODO   TBD   FIXME   TBA   TBC   tba   Tbd   Lorem ipsum   ____   XX"#)
        {
            check(&format!("a {one} hours"), &[one]);
        }
        check("0800 XXX XXXX: TBC.", &["XXX", "XXXX", "TBC"]);
        check("Signed: ______ on ___.", &["______", "___"]);
        for text in cut(r#"XX   size XX-large   mm   10 mm/s   TBDs   TODOS   tbsp   xxx   Dr. XX   A/B   MM   01:30   12.03.2027   _ _ _
             ___bold___   a_____b   todo el día   IX:30   AM/PM   km/h   ss   CC/BCC"#)
        {
            check(text, &[]);
        }
    }

    #[test]
    fn whole_values() {
        assert!(["[NAME]", "{first_name}", "TBD", "%NAME%", "*|FNAME|*", "[first name]", "«Name»", "tbc"].iter().all(|text| is_one(text)));
        assert!(!["", "Tom", "[NAME] Ltd", "{{ name }}", "TBDs", "[a]", "100%"].iter().any(|text| is_one(text)));
    }

    #[test]
    fn any_text_is_read() {
        let pieces = [
            "[",
            "]",
            "{",
            "}",
            "<",
            ">",
            "%",
            "$",
            "*|",
            "|*",
            "«",
            "»",
            "((",
            "))",
            "##",
            "__",
            "_",
            "\\",
            "\n",
            " ",
            ":",
            "XX",
            "NAME",
            "date",
            "ü",
            "\u{1F600}",
            "é\u{301}",
            "|",
            "tbd",
            "lorem ipsum",
            "İ",
        ];
        for first in pieces {
            for second in pieces {
                for third in pieces {
                    let text = format!("{first}{second}{third}{second}{first}");
                    let found = find(&text);
                    assert!(found.iter().all(|one| text.get(one.span.clone()).is_some_and(|text| !text.is_empty())), "{text:?}");
                    is_one(&text);
                }
            }
        }
        find(&"[".repeat(10_000));
        find(&"<%".repeat(10_000));
    }
}
