//! Input that no repository can contain: huge files, endless loops, pipes, links out of the tree, invalid names.
//! `tests/cases/HOSTILE.md` lists the cases.
#![allow(clippy::disallowed_methods, reason = "a test acts as the user does")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::is_long;

const CONFIG: &str = "[site]\ntitle = \"Hostile\"\n";

/// The longest that a run may take, even on a busy machine.
const MOST_TIME: Duration = Duration::from_secs(60);

/// The result of a run.
struct Run {
    code: i32,
    said: String,
    took: Duration,
}

/// A project with one page.
fn project(page: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "runsheet.toml", CONFIG.as_bytes());
    write(folder.path(), "content/index.md", b"# Home\n");
    write(folder.path(), "content/page.md", page.as_bytes());
    folder
}

fn write(root: &Path, name: impl AsRef<Path>, bytes: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, bytes).expect("a file");
}

/// Builds the site within a memory limit in MiB, and checks that it ends with one of our exit codes, in time.
fn build(root: &Path, most_memory: u64) -> Run {
    run(root, &["build", "--site-only", "--message-format", "short"], most_memory)
}

fn run(root: &Path, arguments: &[&str], most_memory: u64) -> Run {
    // A shell sets the limit, because the standard library has no call for it.
    let limit = format!("ulimit -v {}; exec \"$0\" \"$@\"", most_memory << 10);
    let said = fs::File::create(root.join("said")).expect("a file");
    let begin = Instant::now();
    let mut child = Command::new("sh")
        .args(["-c", &limit, env!("CARGO_BIN_EXE_runsheet")])
        .args(arguments)
        .args(["--offline", "--color", "never", "--jobs", "2", "--now", "2026-11-22T12:00:00Z"])
        .current_dir(root)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(said.try_clone().expect("a file"))
        .stderr(said)
        .spawn()
        .expect("the program starts");
    let status = loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            break status;
        }
        if begin.elapsed() > MOST_TIME {
            child.kill().expect("it can be ended");
            child.wait().expect("it has ended");
            panic!("it ran for more than {MOST_TIME:?}");
        }
        thread::park_timeout(Duration::from_millis(5));
    };
    let said = String::from_utf8_lossy(&fs::read(root.join("said")).expect("what it said")).into_owned();
    let code = status.code().unwrap_or(-1);
    let shown: String = said.chars().take(2000).collect();
    assert!((0..=2).contains(&code), "{status}: {shown}");
    assert!(said.len() < 4 << 20, "{} bytes of messages: {shown}", said.len());
    Run { code, said, took: begin.elapsed() }
}

fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| if entry.path().is_dir() { size_of(&entry.path()) } else { entry.metadata().map_or(0, |data| data.len()) }).sum()
}

/// Whether any file below a folder contains a text.
fn holds(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).any(|entry| match entry.path() {
        path if path.is_dir() => holds(&path, text),
        path => fs::read(path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text)),
    })
}

/// Builds a page, and checks time, memory and the size of the output.
#[track_caller]
fn check_page(name: &str, page: &str) -> Run {
    let project = project(page);
    let run = build(project.path(), 2048);
    // Every row of a table is padded to its width, for up to 2^18 cells.
    let most = 20 * page.len() as u64 + (4 << 20);
    let written = size_of(&project.path().join("public"));
    assert!(written <= most, "{name}: {written} bytes of {}", page.len());
    println!("{name}: {} bytes, exit {}, {:?}, {written} bytes written", page.len(), run.code, run.took);
    run
}

fn sheet(body: &str) -> String {
    format!("---\nkind: checklist\n---\n# S\n\n## T-0: x\n\n{body}")
}

fn notices(body: &str) -> String {
    format!("---\nkind: notices\n---\n## a\n\n**Subject:** b\n\n{body}")
}

/// 41
#[test]
fn deep_nesting_is_flattened_or_refused() {
    for (name, page) in [
        ("quotes", format!("{}a\n", "> ".repeat(100_000))),
        ("quotes without spaces", format!("{}a\n", ">".repeat(100_000))),
        ("lists", (0..1500).map(|depth| format!("{}- a\n", "  ".repeat(depth))).collect()),
        ("lists in a quote", format!("> {}a\n", "- ".repeat(200))),
        ("a table in quotes", format!("{0}|a|\n{0}|-|\n{0}|b|\n", "> ".repeat(63))),
        ("lists in one line", format!("{}a\n", "- ".repeat(100_000))),
        ("emphasis", format!("{}a{}\n", "*a **a ".repeat(20_000), "** a* ".repeat(20_000))),
        ("pictures", format!("{}a{}\n", "![".repeat(20_000), "](b)".repeat(20_000))),
    ] {
        check_page(name, &page);
        check_page(name, &sheet(&page));
        check_page(name, &notices(&page));
    }
}

/// 42
#[test]
fn bombs_of_inline_marks_stay_small() {
    let kinds: [fn(&str) -> String; 3] = [str::to_owned, |page| sheet(&format!("- [ ] {page}\n")), notices];
    for (number, (name, piece)) in [
        ("open brackets", "["),
        ("open links", "[a]("),
        ("open angles", "<"),
        ("backticks", "` `` ``` "),
        ("stars", "*a_ "),
        ("strikes", "~~a "),
        ("ampersands", "&"),
        ("quotation marks", "\""),
        ("open comments", "<!-- a "),
        ("comments", "<!-- a --> b "),
        ("open keys", "<kbd>"),
        ("crossed keys", "<sub><sup>"),
        ("words and blanks", "a _____ "),
        ("processing instructions", "<? "),
        ("CDATA", "<![CDATA[ "),
        ("addresses", "a@b.example "),
        ("run-on addresses", "a@a."),
        ("sites", "www.a.example,"),
        ("schemes", "http://"),
        ("footnote mentions", "[^a]"),
        ("blanks", "_____ "),
        ("underscores", "_"),
        ("boxes", "[ ] "),
        ("values", "`$A` "),
        ("pairs", "source _____ "),
        ("tags", "{{ a }}"),
        ("open tags", "{{"),
        ("open statements", "{% if a %}"),
        ("backslashes", "\\"),
        ("controls", "\u{1}\u{202e}"),
        ("marks for private use", "\u{e000}"),
    ]
    .into_iter()
    .enumerate()
    {
        for (kind, make) in kinds.into_iter().enumerate() {
            // Full size in one kind of page; in all kinds only in a long run.
            let bytes = if is_long() || number % kinds.len() == kind { 100_000 } else { 10_000 };
            check_page(name, &make(&piece.repeat(bytes / piece.len())));
        }
    }
}

/// 42
#[test]
fn bombs_of_blocks_stay_small() {
    let numbered = |count: usize, make: &dyn Fn(usize) -> String| (0..count).map(make).collect::<String>();
    for (name, page) in [
        ("a wide table", format!("{}\n{}\n{}", "|a".repeat(5000), "|-".repeat(5000), "|b\n".repeat(2000))),
        ("a wide header", format!("{}\n{}\n{}", "|a".repeat(20_000), "|-".repeat(20_000), "|b\n".repeat(20))),
        ("wide rows of blanks", format!("{}\n{}\n{}", format!("|{}", "h".repeat(2000)).repeat(9), "|-".repeat(9), "|_____\n".repeat(2000))),
        ("blanks below a long heading", format!("## {}\n\n{}", "h".repeat(20_000), "- _____\n".repeat(5000))),
        ("boxes below long headers", format!("|{}|b|\n|-|-|\n{}", "h".repeat(20_000), "|[ ]|[ ]|\n".repeat(2000))),
        ("references", format!("[a]: /{}\n\n{}", "x".repeat(50_000), "[a]\n".repeat(50_000))),
        ("definitions", numbered(20_000, &|at| format!("[{at}]: /{at}\n"))),
        ("footnotes", numbered(10_000, &|at| format!("[^{at}]\n\n[^{at}]: {at}\n\n"))),
        ("footnotes in footnotes", numbered(5_000, &|at| format!("[^{at}]: a [^{}]\n\n", at + 1))),
        ("equal headings", "## a\n\n".repeat(20_000)),
        ("other headings", numbered(20_000, &|at| format!("## {at} a\n\n"))),
        ("fences", "```a\n".repeat(50_001)),
        ("rules", "---\n\n".repeat(40_000)),
        ("raw blocks", "<div>\n\n".repeat(20_000)),
        ("links to nowhere", numbered(5_000, &|at| format!("[a](b{at}.md)\n"))),
        ("alerts", "> [!NOTE]\n> a\n\n".repeat(10_000)),
    ] {
        check_page(name, &page);
        check_page(name, &sheet(&page));
        // Styles are inlined into each cell and each notice, which takes seconds here but a minute with debug assertions.
        if !name.starts_with("a wide") && !name.ends_with(" headings") {
            check_page(name, &notices(&page));
        }
    }
    check_page("a wide table in a mail", &notices(&format!("{}\n{}\n{}", "|a".repeat(2000), "|-".repeat(2000), "|b\n".repeat(20))));
}

/// 42
#[test]
fn a_line_of_100_mb_is_not_read() {
    let project = project("");
    write(project.path(), "content/page.md", &vec![b'a'; 100 << 20]);
    let run = build(project.path(), 512);
    assert!(run.code == 0 && run.said.contains("content/page.md: warning[file-too-large]"), "{}", run.said);
}

/// 42
#[test]
fn the_longest_line_that_is_read_stays_small() {
    let run = check_page("a line of 16 MB", &"a ".repeat(8 << 20));
    assert_eq!(run.code, 0, "{}", run.said);
}

/// 47
#[test]
fn equal_tasks_get_ids_of_their_own() {
    let page = sheet(&"- [ ] the same (~1m)\n".repeat(20_000));
    let project = project(&page);
    let run = build(project.path(), 2048);
    assert_eq!(run.code, 0, "{}", run.said);
    let html = fs::read_to_string(project.path().join("public/page.html")).expect("the page");
    let mut ids: Vec<&str> = html.split("data-item=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(ids.len(), 20_000);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 20_000, "an id is there twice");
}

/// 53
#[test]
fn links_out_of_the_content_are_not_followed() {
    let outside = tempfile::tempdir().expect("a temporary folder");
    write(outside.path(), "secret.md", b"# do-not-tell\n");
    write(outside.path(), "secret.png", b"do-not-tell");
    let project = project("# Page\n");
    let content = project.path().join("content");
    write(project.path(), "private.md", b"# do-not-tell\n");
    for (target, name) in [
        (outside.path().join("secret.md"), "a.md"),
        (outside.path().join("secret.png"), "a.png"),
        (outside.path().to_owned(), "folder"),
        (project.path().join("private.md"), "b.md"),
        ("../private.md".into(), "c.md"),
        ("../runsheet.toml".into(), "d.txt"),
        ("loop.md".into(), "loop.md"),
        ("two.md".into(), "one.md"),
        ("one.md".into(), "two.md"),
        (".".into(), "here"),
        ("..".into(), "up"),
        ("nowhere.md".into(), "gone.md"),
        ("/dev/zero".into(), "zero.txt"),
        ("/proc/self/environ".into(), "environ.txt"),
    ] {
        symlink(target, content.join(name)).expect("a link");
    }
    let run = build(project.path(), 2048);
    assert_eq!(run.code, 0, "{}", run.said);
    assert_eq!(run.said.matches("warning[symlink]").count(), 14, "{}", run.said);
    assert!(!holds(&project.path().join("public"), "do-not-tell"), "a file from outside is in the output");
    assert!(!holds(&project.path().join("public"), "Hostile\"\n"), "the configuration is in the output");
}

/// 53
#[test]
fn a_link_that_stays_inside_counts_as_its_file() {
    let project = project("# Page\n");
    symlink("page.md", project.path().join("content/other.md")).expect("a link");
    let run = build(project.path(), 2048);
    assert!(run.code == 0 && project.path().join("public/other.html").is_file(), "{}", run.said);
}

/// 54
#[test]
fn pipes_and_sockets_are_passed_over() {
    let project = project("# Page\n");
    let content = project.path().join("content");
    let _socket = UnixListener::bind(content.join("socket.md")).expect("a socket");
    for name in ["content/pipe.md", "content/pipe.png", "pipe.md", "themes/mine/templates/home.html", "themes/mine/static/x.css"] {
        let path = project.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
    }
    write(
        project.path(),
        "runsheet.toml",
        format!("{CONFIG}theme = \"mine\"\n\n[[contracts]]\npath = \"pipe.md\"\ncontains = [\"a\"]\n").as_bytes(),
    );
    let run = build(project.path(), 2048);
    assert_eq!(run.said.matches("warning[special-file]").count(), 3, "{}", run.said);
    let run = self::run(project.path(), &["check"], 2048);
    assert!(run.code <= 1, "{}", run.said);
}

/// 54
#[test]
fn a_pipe_for_the_configuration_is_none() {
    let project = project("# Page\n");
    let path = project.path().join("runsheet.toml");
    fs::remove_file(&path).expect("it is there");
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
    assert_eq!(build(project.path(), 2048).code, 2);
}

/// 55
#[test]
fn names_that_are_one_elsewhere_collide() {
    for (one, other) in [
        ("Guide.md", "guide.md"),
        ("caf\u{e9}.md", "cafe\u{301}.md"),
        ("a b.md", "a-b.md"),
        ("x/index.md", "x/README.md"),
        ("Stra\u{df}e.png", "stra\u{df}e.png"),
        ("caf\u{e9}.png", "cafe\u{301}.png"),
        ("404.md", "index.md"),
        ("assets/a.md", "assets/A.md"),
    ] {
        let project = project("# Page\n");
        fs::remove_file(project.path().join("content/index.md")).expect("it is there");
        for name in [one, other] {
            write(project.path(), Path::new("content").join(name), b"# x\n");
        }
        let run = build(project.path(), 2048);
        assert!(run.code == 1 && run.said.contains("error[path-collision]"), "{one} and {other}: {}", run.said);
    }
    // These are two pages.
    let project = project("# Page\n");
    write(project.path(), "content/x.md", b"# x\n");
    write(project.path(), "content/x/index.md", b"# y\n");
    let run = build(project.path(), 2048);
    assert!(run.code == 0 && project.path().join("public/x.html").is_file() && project.path().join("public/x/index.html").is_file());
}

/// 56
#[test]
fn odd_names_become_plain_addresses_or_are_passed_over() {
    let project = project("# Page\n");
    let content = project.path().join("content");
    for name in [
        "CON.md",
        "a:b.md",
        "q\"'<>&.md",
        "..md",
        "-rf.md",
        "c\\d.md",
        "%2e%2e%2fx.md",
        "Ünï.md",
        "東京.md",
        "\u{202e}cod.md",
        "a?b#c.md",
        "nul.png",
        "x:y.png",
        "a b\".png",
    ] {
        write(&content, name, b"# x\n");
    }
    for name in [&b"line\nbreak.md"[..], b"bad\xff\xfe.md", b"tab\t.png", b"esc\x1b[31m.md"] {
        write(&content, OsStr::from_bytes(name), b"# do-not-tell\n");
    }
    let run = build(project.path(), 2048);
    assert_eq!(run.code, 0, "{}", run.said);
    assert_eq!(run.said.matches("warning[bad-name]").count(), 4, "{}", run.said);
    assert!(!run.said.contains(['\u{1b}', '\u{202e}']), "a name reaches the terminal as it is: {:?}", run.said);
    assert!(!holds(&project.path().join("public"), "do-not-tell"));
    let mut pages: Vec<String> = fs::read_dir(project.path().join("public"))
        .expect("the output")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".html"))
        .collect();
    pages.sort();
    for page in &pages {
        assert!(page.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '.')), "{pages:?}");
    }
    assert_eq!(pages.len(), 13, "{pages:?}");
}

/// 58
/// `.html` is longer than `.md`, and `A` with a stroke takes more bytes in lower case.
#[test]
fn a_name_too_long_for_its_address_is_passed_over() {
    let project = project("# Page\n");
    let (long, folder) = ("x".repeat(252), "\u{23a}".repeat(120));
    write(project.path(), format!("content/{long}.md"), b"# Long\n");
    write(project.path(), format!("content/{folder}/a.md"), b"# Below\n");
    write(project.path(), format!("content/{}.md", "y".repeat(250)), b"# Just right\n");
    let run = build(project.path(), 2048);
    assert_eq!((run.code, run.said.matches("warning[bad-name]").count()), (0, 2), "{}", run.said);
    assert!(
        run.said.contains("too long for a file: 257 bytes, at most 255")
            && run.said.contains("too long for a file: 360 bytes, at most 255"),
        "{}",
        run.said
    );
    let public = project.path().join("public");
    assert!(public.join("page.html").is_file() && public.join(format!("{}.html", "y".repeat(250))).is_file());
}

#[test]
fn no_byte_of_a_draft_is_published() {
    let project = project("# Page\n");
    write(project.path(), "content/draft.md", b"---\ndraft: true\ntitle: Unborn-title\n---\n# Unborn-heading\n\nUnborn-text\n");
    write(project.path(), "content/below/draft.md", b"---\ndraft: true\n---\n# Unborn-heading\n");
    let run = build(project.path(), 2048);
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(!holds(&project.path().join("public"), "Unborn"));
    assert!(!project.path().join("public/draft.html").exists() && !project.path().join("public/below").exists());
}

/// 38
#[test]
fn titles_are_text_in_the_frame_of_a_page() {
    let marks = "\"'><script>alert(1)</script></title>";
    let project = project(&format!("---\ntitle: '{}'\ndescription: '{0}'\nowner: '{0}'\n---\n", marks.replace('\'', "''")));
    let title = marks.replace('"', "\\\"");
    write(project.path(), "runsheet.toml", format!("[site]\ntitle = \"{title}\"\ndescription = \"{title}\"\n").as_bytes());
    let run = build(project.path(), 2048);
    assert_eq!(run.code, 0, "{}", run.said);
    for page in ["index.html", "page.html", "404.html"] {
        let html = fs::read_to_string(project.path().join("public").join(page)).expect("the page");
        assert!(html.contains("alert(1)") && !html.contains("<script>alert") && !html.contains("\"'>"), "{page}: {html}");
    }
}

fn themed(template: &str) -> TempDir {
    let project = project("# Page\n");
    write(project.path(), "runsheet.toml", format!("{CONFIG}theme = \"mine\"\n").as_bytes());
    write(project.path(), "themes/mine/templates/page.html", template.as_bytes());
    project
}

/// 61
#[test]
fn a_loop_that_writes_ends_at_64_mib() {
    let project = themed(
        "{% for a in range(end=100000) %}{% for b in range(end=100000) %}TEXT{% endfor %}{% endfor %}"
            .replace("TEXT", &"0123456789".repeat(100))
            .as_str(),
    );
    let run = build(project.path(), 4096);
    assert!(run.code == 1 && run.said.contains("error[template-render]") && run.said.contains("page.html"), "{}", run.said);
    assert!(!project.path().join("public").exists());
}

/// 61
#[test]
fn a_loop_that_writes_nothing_ends_after_10_seconds() {
    let project = themed("{% for a in range(end=100000) %}{% for b in range(end=100000) %}{% set c = b %}{% endfor %}{% endfor %}");
    let run = build(project.path(), 4096);
    assert_eq!(run.code, 2, "{}", run.said);
    assert!(run.said.contains("making `page.html` with the template `page.html` takes more than 10 seconds"), "{}", run.said);
    assert!(run.took < Duration::from_secs(20), "{:?}", run.took);
    assert!(!project.path().join("public").exists());
}

/// 61
#[test]
fn a_text_that_is_doubled_ends_before_memory_does() {
    for template in [
        "{% set_global a = \"0123456789\" %}{% for b in range(end=60) %}{% set_global a = a ~ a %}{% endfor %}",
        "{% set a %}{% for b in range(end=100000) %}{% for c in range(end=100000) %}0123456789{% endfor %}{% endfor %}{% endset %}",
    ] {
        let project = themed(template);
        let run = build(project.path(), 16 << 10);
        assert!(run.code == 2 && run.said.contains("takes more than"), "{template}: {}", run.said);
    }
}

/// 61
#[test]
fn a_notice_that_loops_ends() {
    let page = notices("{% for a in range(end=100000) %}{% for b in range(end=100000) %}0123456789{% endfor %}{% endfor %}\n");
    let run = build(project(&page).path(), 4096);
    assert!(run.code == 1 && run.said.contains("the result of the template is larger than 4 MiB"), "{}", run.said);
}

/// 62
#[test]
fn a_deep_expression_is_refused() {
    for template in [
        format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000)),
        format!("{{{{ {}1 }}}}", "not ".repeat(5000)),
        format!("{{{{ {}1 }}}}", "-".repeat(5000)),
        format!("{{{{ a{} }}}}", "[0]".repeat(5000)),
        format!("{{{{ {}{} }}}}", "[".repeat(5000), "]".repeat(5000)),
        format!("{{{{ 1{} }}}}", " + 1".repeat(5000)),
        format!("{}{}", "{% if true %}".repeat(5000), "{% endif %}".repeat(5000)),
    ] {
        build(themed(&template).path(), 2048);
    }
}

/// 63
#[test]
fn a_template_that_is_a_link_is_not_read() {
    let outside = tempfile::tempdir().expect("a temporary folder");
    write(outside.path(), "secret.html", b"do-not-tell");
    write(outside.path(), "static/x.css", b"do-not-tell");
    let project = themed("{% include \"secret.html\" %}");
    symlink(outside.path().join("secret.html"), project.path().join("themes/mine/templates/secret.html")).expect("a link");
    symlink(outside.path().join("static"), project.path().join("themes/mine/static")).expect("a link");
    let run = build(project.path(), 2048);
    assert!(run.code == 1 && run.said.contains("unknown template `secret.html`"), "{}", run.said);
    write(project.path(), "themes/mine/templates/page.html", b"{{ page.title }}");
    assert_eq!(build(project.path(), 2048).code, 0);
    assert!(!holds(&project.path().join("public"), "do-not-tell"));
}
