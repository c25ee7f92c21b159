use super::*;
use crate::diagnostic::Diagnostics;
use crate::source::{RelPath, Source};

fn source(name: &str, text: &str) -> Source {
    Source::new(RelPath::new(&format!("themes/default/languages/{name}")).unwrap(), text)
}

/// The languages with some files of a project, and what is said of these.
fn read(site: &str, files: &[(&str, &str)]) -> (Languages, Vec<String>) {
    let sources: Vec<(&str, Source)> = files.iter().map(|(name, text)| (*name, source(name, text))).collect();
    let mut diagnostics = Diagnostics::default();
    let languages = super::read(site, sources.iter().map(|(name, source)| (*name, source)), &mut diagnostics);
    (languages, diagnostics.iter().map(|one| format!("{}: {}", one.rule.code, one.message)).collect())
}

#[test]
fn values_go_into_their_places() {
    let check = |text: &str, values: &[(&str, &str)], expected: &str| assert_eq!(fill(text, values), expected);
    check("{a} of {b}", &[("a", "1"), ("b", "2")], "1 of 2");
    check("{b}: {a} {a}", &[("a", "x"), ("b", "{a}")], "{a}: x x");
    check("{c} {", &[("a", "x")], "{c} {");
    check("", &[], "");
}

#[test]
fn tags_find_the_nearest_words() {
    let (languages, said) = read("de", &[]);
    assert!(said.is_empty(), "{said:?}");
    let check = |tag: &str, file: &str, menu: &str| {
        let language = languages.of(tag);
        assert_eq!((language.tag(), language.file(), &*language.html("frame.menu")), (tag, file, menu), "{tag}");
    };
    assert_eq!(languages.site().text("frame.menu"), "Menü");
    check("en-GB", "en", "Menu");
    check("de_AT", "de", "Menü");
    check("pt-BR", "pt", "Menu");
    check("PT", "pt", "Menu");
    check("pl", "", "<span lang=\"en\" dir=\"ltr\">Menu</span>");
    check("", "", "<span lang=\"en\" dir=\"ltr\">Menu</span>");
    assert_eq!(languages.of("es").mark("button"), "");
    assert_eq!(languages.of("es").html("run.open"), "<span lang=\"en\" dir=\"ltr\">open</span>");
    assert_eq!(languages.of("es").words_of_rule("vague")[0], "pronto");
    assert!(languages.of("pl").words_of_rule("vague").is_empty());
}

#[test]
fn direction_is_that_of_the_script() {
    let check = |tag: &str, attributes: &str| assert_eq!(Languages::default().of(tag).attributes(), attributes);
    check("en", " lang=\"en\"");
    check("ar-EG", " lang=\"ar-EG\" dir=\"rtl\"");
    check("az-Arab", " lang=\"az-Arab\" dir=\"rtl\"");
    check("ur-Latn", " lang=\"ur-Latn\"");
    check("x\"><b>", " lang=\"x&quot;&gt;&lt;b&gt;\"");
}

#[test]
fn projects_add_and_change_words() {
    let german = "[frame]\nmenu = \"Navigation\"\n";
    let brazil = "[frame]\nsearch = \"Procurar\"\n[theme]\nhello = \"Olá\"\n";
    let english = "[theme]\nhello = \"Hello\"\n";
    let (languages, said) = read("de", &[("de.toml", german), ("pt-BR.toml", brazil), ("en.toml", english)]);
    assert!(said.is_empty(), "{said:?}");
    assert_eq!((languages.site().text("frame.menu"), languages.site().text("frame.close")), ("Navigation", "Schließen"));
    let brazil = languages.of("pt-BR");
    assert_eq!((brazil.text("frame.search"), brazil.text("frame.close"), brazil.text("theme.hello")), ("Procurar", "Fechar", "Olá"));
    assert_eq!(languages.of("pt").text("frame.search"), "Pesquisar");
    assert_eq!(languages.site().html("theme.hello"), "<span lang=\"en\" dir=\"ltr\">Hello</span>");
    assert_eq!(languages.of("pl").text("theme.hello"), "Hello");
}

#[test]
fn a_file_of_a_region_adds_to_that_of_its_language() {
    let polish = "[mail]\nunsubscribe = \"Wypisz się\"\nunsubscribe_label = \"Wypisz się: {address}\"\n";
    let region = "[mail]\nunsubscribe = \"Rezygnuj\"\n";
    let (languages, said) = read("pl", &[("pl.toml", polish), ("pl_PL.toml", region)]);
    assert!(said.is_empty(), "{said:?}");
    let language = languages.of("pl-PL");
    assert_eq!((language.text("mail.unsubscribe"), language.text("mail.unsubscribe_label")), ("Rezygnuj", "Wypisz się: {address}"));
}

#[test]
fn faulty_files_are_reported() {
    let check = |name: &str, text: &str, expected: &[&str]| assert_eq!(read("en", &[(name, text)]).1, expected, "{text}");
    check("Deutsch.toml", "", &["language-file: the file is not named after a language: Deutsch.toml"]);
    check("de.txt", "", &["language-file: the file is not named after a language: de.txt"]);
    check("de.toml", "[farme]\nmenu = \"x\"", &["language-file: unknown group of words: farme"]);
    check("de.toml", "[frame]\nmenus = \"x\"", &["language-file: unknown word in [frame]: menus"]);
    check("de.toml", "[frame]\nmenu = 3", &["language-file: `menu` should be text in quotes"]);
    check("de.toml", "[frame]\nminutes_ago = \"vor {n} min\"", &["language-file: `minutes_ago` needs the value {count}"]);
    check("de.toml", "[run]\nlog = \"{x}\"", &["language-file: `log` contains an unknown value: {x}"]);
    check("de.toml", "[date]\nmonths = [\"Jan\"]", &["language-file: `months` should have 12 entries, not 1"]);
    let bar = "[date]\nweekdays = [\"1|\", \"2\", \"3\", \"4\", \"5\", \"6\", \"7\"]";
    check("de.toml", bar, &["language-file: `weekdays` should not contain `|`, which separates its entries in scripts"]);
    check("de.toml", "[rule]\nvague = [\"irgendwann\"]", &[]);
    check("de.toml", "frame = 1", &["language-file: `frame` is a group: write `[frame]` above its words"]);
    check(
        "pl.toml",
        "[mail]\nunsubscribe = \"Wypisz się\"",
        &["missing-words: [mail] lacks 1 of 2 words, so this group stays English: unsubscribe_label"],
    );
    assert!(read("en", &[("de.toml", "[frame\n")]).1[0].starts_with("language-file: "));
}

#[test]
fn scripts_get_their_words() {
    let (languages, _) = read("en", &[("en.toml", "[frame]\nmenu = \"a\\\\b \\\"c\\\" 'd' `e` $f\"\n")]);
    let check = |tag: &str, script: &str, expected: &str, unknown: &[&str]| {
        assert_eq!(languages.of(tag).put_into(script), (expected.to_owned(), unknown.iter().map(|one| (*one).to_owned()).collect()));
    };
    check("en", "a(\"%%run.late length%%\", x)", "a(\"{0} late\", x)", &[]);
    check("de", "`%%run.progress total done%%`", "`{1} von {0} erledigt`", &[]);
    check("en", "'%%frame.menu%%'", "'a\\\\b \\\"c\\\" \\'d\\' \\`e\\` \\$f'", &[]);
    check("en", "\"%%date.weekdays%%\"", "\"Mon|Tue|Wed|Thu|Fri|Sat|Sun\"", &[]);
    check("en", "f(\"%%mark run%%\", `%%mark button%%`)", "f({}, {})", &[]);
    check("es", "f(\"%%mark run%%\",\"%%mark button%%\")", "f({lang:\"en\",dir:\"ltr\"},{})", &[]);
    check("en", "50%% %%x%% %%a b.c%% 100%%", "50%% %%x%% %%a b.c%% 100%%", &[]);
    check("en", "\"%%run.nothing%%\" %%", "\"\" %%", &["run.nothing"]);
}

#[test]
fn dates_follow_the_language() {
    let at: jiff::Zoned = "2027-02-13T23:00[Europe/Berlin]".parse().unwrap();
    let end: jiff::Zoned = "2027-02-14T02:00[Europe/Berlin]".parse().unwrap();
    let check = |tag: &str, expected: [&str; 5]| {
        let language = Languages::default().of(tag);
        let day = at.date();
        let found =
            [language.long(&at), language.range(&at, &end), language.long_day(day), language.weekday(day), language.utc(at.timestamp())];
        assert_eq!(found, expected, "{tag}");
    };
    check(
        "en",
        [
            "Sat 13 Feb 2027, 23:00 CET (UTC+1)",
            "Sat 13 Feb 2027, 23:00 to Sun 14 Feb 2027, 02:00 CET (UTC+1)",
            "13 February 2027",
            "Sat 13 Feb",
            "13 Feb 22:00 UTC",
        ],
    );
    check(
        "de",
        [
            "Sa., 13. Feb. 2027, 23:00 CET (UTC+1)",
            "Sa., 13. Feb. 2027, 23:00 bis So., 14. Feb. 2027, 02:00 CET (UTC+1)",
            "13. Februar 2027",
            "Sa. 13. Feb.",
            "13. Feb. 22:00 UTC",
        ],
    );
    check(
        "fr",
        [
            "sam. 13 févr. 2027, 23:00 CET (UTC+1)",
            "sam. 13 févr. 2027, 23:00 à dim. 14 févr. 2027, 02:00 CET (UTC+1)",
            "13 février 2027",
            "sam. 13 févr.",
            "13 févr. 22:00 UTC",
        ],
    );
    assert_eq!(Language::default().long(&at), crate::schedule::moment::long(&at), "the site and the terminal write alike");
    assert_eq!(Language::default().range(&at, &end), crate::schedule::moment::range(&at, &end));
}
