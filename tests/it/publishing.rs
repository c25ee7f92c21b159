//! Information for hosts, search engines and readers: dates from Git, heads of pages, headers, completions.
#![allow(clippy::disallowed_methods, reason = "a test acts as the user does")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

fn project(files: &[(&str, &str)]) -> TempDir {
    let project = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        write(project.path(), name, text);
    }
    project
}

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn read(root: &Path, name: &str) -> String {
    fs::read_to_string(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn runsheet(root: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runsheet"));
    command.args(arguments).arg("--offline").current_dir(root);
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    output
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Git with a name, and without the settings of the user running the test.
fn git(root: &Path, at: &str, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=Someone", "-c", "user.email=someone@customer.example", "-c", "init.defaultBranch=main"]);
    command.args(arguments).current_dir(root).env("GIT_AUTHOR_DATE", at).env("GIT_COMMITTER_DATE", "2026-06-01T00:00:00Z");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env_remove("GIT_DIR");
    let output = command.output().expect("git is installed");
    assert!(output.status.success(), "git {arguments:?}: {}", said(&output));
}

const CONFIG: &str = "[site]\ntitle = \"A site\"\nbase_url = \"https://docs.example.org/\"\n";

/// Three commits, in a folder of the repository.
fn with_history() -> TempDir {
    let project = project(&[
        ("docs/runsheet.toml", CONFIG),
        ("docs/content/index.md", "# Home\n\nThe first *paragraph* & more.\n"),
        ("docs/content/a b.md", "---\ndescription: Said in front\n---\n# A\n"),
        ("docs/content/köln.md", "# Köln\n"),
        ("elsewhere.md", "# Elsewhere\n"),
    ]);
    let root = project.path();
    git(root, "2026-03-01T23:30:00-05:00", &["init", "-q"]);
    git(root, "2026-03-01T23:30:00-05:00", &["add", "docs/runsheet.toml", "docs/content/index.md", "docs/content/a b.md"]);
    git(root, "2026-03-01T23:30:00-05:00", &["commit", "-qm", "One"]);
    write(root, "docs/content/index.md", "# Home\n\nThe first *paragraph* & more, again.\n");
    write(root, "docs/content/folder/page.md", "# In a folder\n");
    git(root, "2026-03-03T10:00:00Z", &["commit", "-qam", "Two"]);
    git(root, "2026-03-04T09:00:00Z", &["add", "docs/content/folder"]);
    git(root, "2026-03-04T09:00:00Z", &["commit", "-qm", "A folder"]);
    git(root, "2026-03-04T10:00:00Z", &["add", "elsewhere.md"]);
    git(root, "2026-03-04T10:00:00Z", &["commit", "-qm", "Three"]);
    project
}

#[test]
fn pages_say_when_they_were_changed() {
    let project = with_history();
    let docs = project.path().join("docs");
    let output = runsheet(&docs, &["build"]);
    assert!(!said(&output).contains("note"), "{}", said(&output));
    let last = "<li>Last change: <time datetime=\"2026-03-03\">3 March 2026</time></li>";
    assert!(read(&docs, "public/index.html").contains(last));
    // The day is that of UTC.
    assert!(read(&docs, "public/a-b.html").contains("<time datetime=\"2026-03-02\">2 March 2026</time>"));
    // Never committed.
    assert!(!read(&docs, "public/köln.html").contains("Last change"));
    let sitemap = read(&docs, "public/sitemap.xml");
    assert!(sitemap.contains("<url><loc>https://docs.example.org/</loc><lastmod>2026-03-03</lastmod></url>"), "{sitemap}");
    assert!(sitemap.contains("<url><loc>https://docs.example.org/k%C3%B6ln.html</loc></url>"), "{sitemap}");
    assert!(sitemap.contains("<url><loc>https://docs.example.org/folder/</loc><lastmod>2026-03-04</lastmod></url>"), "{sitemap}");
    let changes = read(&docs, "public/changes.xml");
    let times: Vec<&str> = changes.lines().filter(|line| line.starts_with("<updated>")).collect();
    let newest = "<updated>2026-03-03T10:00:00Z</updated>";
    let in_folder = "<updated>2026-03-04T09:00:00Z</updated>";
    assert_eq!(times, [in_folder, in_folder, newest, "<updated>2026-03-02T04:30:00Z</updated>"]);
    assert!(changes.contains("<summary>Said in front</summary>"), "{changes}");
}

#[test]
fn no_program_of_the_repositorys_settings_is_run() {
    let project = with_history();
    let root = project.path();
    let signer = root.join("signer");
    // The signer reads what it signs: Git fails if nobody does.
    let signs =
        "echo; echo '[GNUPG:] SIG_CREATED '; } >&2; printf -- '-----BEGIN PGP SIGNATURE-----\\n\\nx\\n-----END PGP SIGNATURE-----\\n'";
    let script = format!("#!/bin/sh\ncase \"$*\" in *--verify*) touch '{}/ran';; *) cat >/dev/null; {{ {signs};; esac\n", root.display());
    fs::write(&signer, script).expect("a script");
    fs::set_permissions(&signer, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a script");
    let at = "2026-03-05T10:00:00Z";
    git(root, at, &["config", "gpg.program", &signer.to_string_lossy()]);
    git(root, at, &["config", "log.showSignature", "true"]);
    write(root, "docs/content/index.md", "# Home\n");
    git(root, at, &["commit", "-q", "-S", "-a", "-m", "Signed"]);
    runsheet(&root.join("docs"), &["build"]);
    assert!(read(root, "docs/public/index.html").contains("5 March 2026"));
    assert!(!root.join("ran").exists(), "reading the history started the signer");
    // The settings do start it.
    git(root, at, &["log", "-1"]);
    assert!(root.join("ran").exists(), "the test sees nothing");
}

#[test]
fn a_clone_that_is_cut_off_gives_no_dates_and_one_note() {
    let origin = with_history();
    let place = tempfile::tempdir().expect("a folder");
    let from = format!("file://{}", origin.path().display());
    git(place.path(), "2026-03-04T10:00:00Z", &["clone", "-q", "--depth", "1", &from, "clone"]);
    let docs = place.path().join("clone/docs");
    for command in [&["build", "--deny-warnings"][..], &["check", "--deny-warnings"][..]] {
        let output = runsheet(&docs, command);
        assert_eq!(said(&output).matches("note[shallow-history]").count(), 1, "{}", said(&output));
        assert!(said(&output).contains("fetch-depth: 0"), "{}", said(&output));
    }
    assert!(!read(&docs, "public/index.html").contains("Last change"));
    assert!(!docs.join("public/changes.xml").exists());
    assert_eq!(said(&runsheet(&docs, &["build", "--quiet"])), "");
}

#[test]
fn without_a_repository_nothing_is_said() {
    let project = project(&[("runsheet.toml", CONFIG), ("content/index.md", "# Home\n")]);
    let output = runsheet(project.path(), &["build"]);
    assert!(!said(&output).contains("note"), "{}", said(&output));
    assert!(!read(project.path(), "public/index.html").contains("Last change"));
}

#[test]
fn a_project_in_a_folder_of_its_repository_is_edited_there() {
    let config = CONFIG.to_owned() + "repository = \"https://git.example.org/team/all\"\n";
    let project = project(&[
        ("docs/runsheet.toml", &config),
        ("docs/content/a b.md", "# A\n\n[configuration](../runsheet.toml)\n"),
        ("docs/content/index.md", "# Home\n"),
    ]);
    git(project.path(), "2026-03-01T12:00:00Z", &["init", "-q"]);
    runsheet(&project.path().join("docs"), &["build"]);
    let page = read(project.path(), "docs/public/a-b.html");
    for link in ["edit/HEAD/docs/content/a%20b.md", "blob/HEAD/docs/runsheet.toml"] {
        assert!(page.contains(&format!("href=\"https://git.example.org/team/all/{link}\"")), "{link} is not in\n{page}");
    }
}

#[test]
fn links_of_the_look_lead_there_from_every_page() {
    let config = "[site]\nbase_url = \"https://docs.example.org/ops/\"\n[look]\nfooter = \"[first](guide/a.md#first)\"\n\
         header = [{ text = \"Guide\", url = \"guide/a.md\" }, { text = \"Mail\", url = \"mailto:ops@example.org\" }]\n";
    let project =
        project(&[("runsheet.toml", config), ("content/index.md", "# Home\n"), ("content/guide/a.md", "# A\n\n## First\n\nText.\n")]);
    runsheet(project.path(), &["build"]);
    for (page, root) in [("index.html", ""), ("guide/a.html", "../"), ("404.html", "/ops/")] {
        let html = read(project.path(), &format!("public/{page}"));
        for link in [format!("{root}guide/a.html"), format!("{root}guide/a.html#first"), "mailto:ops@example.org".to_owned()] {
            assert!(html.contains(&format!("<a href=\"{link}\">")), "{link} is not in {page}:\n{html}");
        }
    }
}

/// The output of a build or a check for a project with faults.
fn faults(root: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runsheet"));
    let output = command.args(["build", "--offline", "--message-format", "short"]).current_dir(root).output().expect("the program runs");
    assert!(!output.status.success(), "{}", said(&output));
    said(&output)
}

#[test]
fn no_other_name_makes_a_secret_public() {
    let project = project(&[
        ("runsheet.toml", "[site]\n"),
        ("content/index.md", "# Home\n"),
        ("content/people.csv", "email\nsomeone@customer.example\n"),
        ("content/.env", "KEY=hidden-value\n"),
        ("content/secrets.md", "# Secrets\n"),
        ("content/.well-known/id_ecdsa", "hidden-value\n"),
        ("content/.well-known/htpasswd", "hidden-value\n"),
        ("content/.well-known/.hidden/token", "hidden-value\n"),
        ("content/.well-known/page.md", "# No page\n"),
        ("content/.well-known/change-password", "shown\n"),
        ("content/plain.txt", "shown\n"),
    ]);
    let link = |name: &str, to: &str| std::os::unix::fs::symlink(to, project.path().join("content").join(name)).expect("a link");
    link("CNAME", "people.csv");
    link("list.txt", "people.csv");
    link("_redirects", ".env");
    link(".well-known/list", "../people.csv");
    link("environment.md", ".env");
    link("again.txt", "plain.txt");
    runsheet(project.path(), &["build"]);
    for name in ["CNAME", "list.txt", "_redirects", "well-known", "environment.html"] {
        assert!(!project.path().join("public").join(name).exists(), "{name}");
    }
    let well_known = fs::read_dir(project.path().join("public/.well-known")).expect("the folder");
    let names: Vec<String> = well_known.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(names, ["change-password"]);
    assert_eq!(read(project.path(), "public/again.txt"), "shown\n");
    assert!(read(project.path(), "public/secrets.html").contains("Secrets"));
}

#[test]
fn links_of_the_look_to_what_is_not_made_are_found() {
    let config = "[look]\nheader = [{ text = \"Feed\", url = \"feed.xml\" }, { text = \"Top\", url = \"#top\" }]\n\
         footer = \"[map](sitemap.xml) [gone](#gone)\"\n";
    let project = project(&[("runsheet.toml", config), ("content/index.md", "# Home\n")]);
    let said = faults(project.path());
    for fault in ["`feed.xml` is not generated", "`sitemap.xml` is not generated", "`#gone` is not on every page"] {
        assert!(said.contains(fault), "{fault} is not in\n{said}");
    }
    assert!(!said.contains("#top"), "{said}");
}

#[test]
fn whole_addresses_of_all_that_is_published_are_good() {
    let config =
        "[site]\nbase_url = \"https://d.example/\"\n[look]\nheader = [{ text = \"Map\", url = \"https://d.example/sitemap.xml\" }]\n";
    let links = "<https://d.example/robots.txt> <https://d.example/old.html> <https://d.example/SHEET.ics>";
    let project =
        project(&[("runsheet.toml", config), ("content/index.md", &format!("---\naliases: [old.html]\n---\n# Home\n\n{links}\n"))]);
    let said = faults(project.path());
    assert!(said.contains("`SHEET.ics` is not on this site") && said.matches("error[").count() == 1, "{said}");
}

#[test]
fn values_stay_in_their_places() {
    let config = "[site]\ntitle = \"T \\uF8FFbody\\uF8FF\"\nbase_url = 'https://h.example/a\"onmouseover=alert(1)/><b>'\n\
         [look]\nheader = [{ text = \"x\", url = \"index.md\" }]\nfooter = \"\\uF8FFbody\\uF8FF [a](index.md)\"\n";
    let project = project(&[("runsheet.toml", config), ("content/index.md", "# Home\n\nOnce.\n")]);
    let output = Command::new(env!("CARGO_BIN_EXE_runsheet"))
        .args(["build", "--offline"])
        .current_dir(project.path())
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", said(&output));
    let not_found = read(project.path(), "public/404.html");
    assert!(!not_found.contains("\"onmouseover") && !not_found.contains("<b>"), "{not_found}");
    assert_eq!(read(project.path(), "public/index.html").matches("<p>Once.</p>").count(), 1);
}

#[test]
fn a_template_with_many_headings_and_links_takes_no_long_time() {
    let body: String = (0..20_000).map(|number| format!("## H{number}\n\n[to](#h{number}) [sheet](s.ics)\n\n")).collect();
    let page = format!("---\ntemplate: true\n---\n# Many\n\n{body}{{% if false %}}\n\n## Left\n\n[gone](#left)\n\n{{% endif %}}\n");
    let config = "[events.e]\nt0 = 2027-03-06T08:00:00\ntime_zone = \"UTC\"\n";
    let project =
        project(&[("runsheet.toml", config), ("content/many.md", &page), ("content/s.md", "---\nkind: checklist\n---\n# S\n\n- [ ] x\n")]);
    // Anything with quadratic time is stopped after 10 seconds.
    runsheet(project.path(), &["check"]);
}

#[test]
fn the_page_for_no_address_is_not_to_be_found() {
    let project = project(&[("runsheet.toml", CONFIG), ("content/index.md", "# Home\n")]);
    runsheet(project.path(), &["build"]);
    let page = read(project.path(), "public/404.html");
    assert!(page.contains("<meta name=\"robots\" content=\"noindex\">"), "{page}");
    assert!(!page.contains("canonical") && !page.contains("og:url"), "{page}");
}

#[test]
fn the_head_tells_other_sites_about_the_page() {
    let project = project(&[
        ("runsheet.toml", CONFIG),
        ("content/index.md", "# Home & \"more\"\n\nThe first [paragraph](a.md) & more.\n\nThe second.\n"),
        ("content/a.md", "---\ndescription: Said in front\n---\n# A\n\nText.\n"),
        ("content/sent.md", "---\nkind: notice\npublish: sent\ndate: 2027-02-13\n---\n**Subject:** Over\n\nOver.\n"),
    ]);
    runsheet(project.path(), &["build"]);
    let home = read(project.path(), "public/index.html");
    for line in [
        "<meta name=\"description\" content=\"The first paragraph &amp; more.\">",
        "<link rel=\"canonical\" href=\"https://docs.example.org/\">",
        "<link rel=\"alternate\" type=\"application/atom+xml\" href=\"feed.xml\" title=\"A site: notices\">",
        "<meta property=\"og:title\" content=\"Home &amp; &quot;more&quot;\">",
        "<meta property=\"og:type\" content=\"website\">",
        "<meta property=\"og:site_name\" content=\"A site\">",
        "<meta property=\"og:description\" content=\"The first paragraph &amp; more.\">",
        "<meta property=\"og:url\" content=\"https://docs.example.org/\">",
        "<meta name=\"twitter:card\" content=\"summary\">",
    ] {
        assert!(home.contains(line), "{line} is not in\n{home}");
    }
    assert!(!home.contains("changes.xml"), "there is no such feed without a repository");
    let page = read(project.path(), "public/a.html");
    assert!(page.contains("<meta property=\"og:type\" content=\"article\">"), "{page}");
    assert!(page.contains("<meta name=\"description\" content=\"Said in front\">"), "{page}");
}

#[test]
fn only_names_that_tell_their_content_are_kept_for_ever() {
    let project = project(&[("runsheet.toml", CONFIG), ("content/index.md", "# Home\n")]);
    runsheet(project.path(), &["build"]);
    assert!(read(project.path(), "public/_headers").contains("\n/assets/*\n  Cache-Control: public, max-age=31536000, immutable\n"));
    write(project.path(), "content/assets/picture.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    runsheet(project.path(), &["build"]);
    let headers = read(project.path(), "public/_headers");
    let kept: Vec<&str> = headers.lines().filter(|line| line.starts_with("/assets/")).collect();
    assert!(kept.iter().any(|path| path.starts_with("/assets/site.") && path.ends_with(".css")), "{headers}");
    assert!(kept.iter().all(|path| project.path().join("public").join(&path[1..]).is_file()), "{headers}");
    assert!(!headers.contains("picture"), "{headers}");
}

#[test]
fn the_operations_host_sends_the_same_headers() {
    let caddyfile = read(Path::new(env!("CARGO_MANIFEST_DIR")), "docker/caddy/Caddyfile");
    let manual = read(Path::new(env!("CARGO_MANIFEST_DIR")), "content/guide/publishing.md");
    for (name, value) in runsheet::render::HEADERS {
        let is_said = |text: &str| text.contains(&format!("{name} \"{value}\"")) || text.contains(&format!("{name} {value}\n"));
        assert!(is_said(&caddyfile), "docker/caddy/Caddyfile has another {name}");
        // One recipe for nginx, one for Caddy, and the list of headers.
        assert!(manual.matches(name).count() >= 3 && manual.matches(value).count() >= 2, "the manual has another {name}");
    }
}

/// For hosts that don't send our headers, such as GitHub Pages.
#[test]
fn every_page_holds_its_policy() {
    let project = project(&[
        ("runsheet.toml", CONFIG),
        ("content/index.md", "# Home\n"),
        ("content/moved.md", "---\naliases: [old.html]\n---\n# Moved\n"),
        ("content/sheet.md", "# Sheet\n\n## T-1h\n\n- [ ] a\n"),
    ]);
    runsheet(project.path(), &["build"]);
    let policy = runsheet::render::POLICY_WITHIN.replace('\'', "&#39;");
    let is_in = |text: &str| text.contains(runsheet::render::POLICY_WITHIN) || text.contains(&policy);
    for name in ["index.html", "moved.html", "old.html", "404.html", "sheet.html"] {
        let page = read(project.path(), &format!("public/{name}"));
        let head = page.split("</head>").next().expect("a head");
        let place = head.find("http-equiv=\"Content-Security-Policy\"").unwrap_or_else(|| panic!("{name}: {head}"));
        assert!(is_in(head), "{name}: {head}");
        // The policy applies only to what comes after it.
        assert!(head.find("<script").is_none_or(|script| place < script) && head.find("<link").is_none_or(|link| place < link), "{name}");
    }
}

#[test]
fn shells_take_the_completions() {
    let project = project(&[]);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = runsheet(project.path(), &["completions", shell]);
        let script = String::from_utf8(output.stdout).expect("a script is text");
        for word in ["build", "serve", "check", "schedule", "notice", "status", "explain", "completions", "deny-warnings"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        if shell == "bash" {
            write(project.path(), "script", &script);
            let output = Command::new("bash").arg("-n").arg(project.path().join("script")).output().expect("bash is installed");
            assert!(output.status.success(), "{}", said(&output));
        }
    }
}

#[test]
fn what_a_run_sheet_needs_is_kept_for_offline_use() {
    let look = "[look]\nlogo = \"our logo.svg\"\nfont_file = \"fonts/own.woff2\"\n";
    let project = project(&[
        ("runsheet.toml", &format!("{CONFIG}{look}[events.move]\nname = \"A move\"\nt0 = 2027-03-06T08:00:00Z\n")),
        ("content/index.md", "# Home\n"),
        ("content/docs/checklist.md", "---\nkind: checklist\nevent: move\n---\n# Sheet\n\n## T-1h: Go\n\n- [ ] Go ![map](map.svg)\n"),
        ("content/docs/map.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
        ("content/our logo.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
        ("content/fonts/own.woff2", "a font"),
    ]);
    runsheet(project.path(), &["build"]);
    let worker = read(project.path(), "public/sheet-worker.js");
    let list = worker.lines().next().and_then(|line| line.strip_prefix("const SHEETS = ")?.strip_suffix(';')).expect("a list");
    let list: serde_json::Value = serde_json::from_str(list).expect("the list is JSON");
    let files = ["files", "hashed"].into_iter().flat_map(|name| list[name].as_array().expect("files"));
    let kept: Vec<String> = files.map(|file| file.as_str().expect("an address").to_owned()).collect();
    let page = read(project.path(), "public/docs/checklist.html");
    for name in ["site.css", "sheet.css", "look.css", "site.js", "sheet.js", "run.js", "icon.svg"] {
        let (stem, ending) = name.split_once('.').expect("an ending");
        let file = kept.iter().find(|file| file.starts_with(&format!("assets/{stem}.")) && file.ends_with(ending));
        let file = file.unwrap_or_else(|| panic!("{name} is not kept: {kept:?}"));
        assert!(page.contains(&format!("\"../{file}\"")), "the page does not name {file}");
    }
    for file in ["our%20logo.svg", "fonts/own.woff2", "docs/map.svg", "docs/checklist.ics"] {
        assert!(kept.iter().any(|kept| kept == file), "{file} is not kept: {kept:?}");
    }
    for file in &kept {
        assert!(project.path().join("public").join(file.replace("%20", " ")).is_file(), "{file} is not published");
    }
}
