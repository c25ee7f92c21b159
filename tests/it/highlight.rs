//! Highlighted code stays small and keeps its text: tested on the samples below and on all code in the documents.
#![allow(clippy::disallowed_methods, reason = "a test acts as the user does")]

use std::fs;
use std::path::Path;

use runsheet::highlight::{Code, Language, Memo};

/// How much larger the HTML of a block may be than its source.
const MOST: f64 = 4.0;

const SAMPLES: [(&str, &str); 16] = [
    (
        "bash",
        "#!/bin/sh\nset -eu\nfor db in users readings; do\n  pg_dump -h \"$OLD\" \"$db\" | psql -h \"$NEW\" \"$db\" || exit 1\ndone\n",
    ),
    ("yaml", "services:\n  proxy:\n    image: \"caddy:2\"\n    ports: [\"443:443\", \"80:80\"]\n    restart: always # by itself\n"),
    ("json", "{\"event\": \"move\", \"ok\": true, \"minutes\": 12, \"owners\": [\"db\", \"web\"], \"previous\": null}\n"),
    ("json", "{\n  \"a\": 1,\n  \"b\": [1, 2, 3],\n  \"c\": {\"d\": false}\n}\n"),
    ("sql", "SELECT count(*) AS n, max(at) FROM readings WHERE org = 'a' AND at > now() - interval '1 day' GROUP BY org;\n"),
    ("python", "def rows(path: str) -> int:\n    \"\"\"Counts.\"\"\"\n    with open(path) as file:\n        return sum(1 for _ in file)\n"),
    ("rust", "fn main() -> Result<(), Error> {\n    let n: u32 = \"3\".parse()?; // three\n    println!(\"{n}\");\n    Ok(())\n}\n"),
    ("go", "func main() {\n\tfor i := 0; i < 3; i++ {\n\t\tfmt.Println(\"at\", i) // count\n\t}\n}\n"),
    ("javascript", "const rows = await fetch(`/api/${id}`).then((r) => r.json()); // all\nif (!rows.length) throw new Error(\"none\");\n"),
    ("nginx", "server {\n  listen 443 ssl;\n  server_name docs.example.org;\n  location / { proxy_pass http://127.0.0.1:8080; }\n}\n"),
    ("dockerfile", "FROM debian:12\nRUN apt-get update && apt-get install -y curl\nCOPY . /srv\nCMD [\"/srv/start\", \"--now\"]\n"),
    ("terraform", "resource \"aws_s3_bucket\" \"site\" {\n  bucket = \"docs-example\"\n  tags   = { env = \"prod\", n = 3 }\n}\n"),
    ("toml", "[site]\ntitle = \"Docs\" # shown\nt0 = 2027-02-13T02:00:00\nzones = [\"UTC\", \"Europe/London\"]\n"),
    ("ini", "[Unit]\nDescription=Runs it\n[Service]\nExecStart=/usr/bin/it --now\nRestart=always\n"),
    ("powershell", "Get-Service -Name 'w3svc' | Where-Object { $_.Status -eq \"Running\" } | Stop-Service -Force # now\n"),
    ("diff", "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-old line\n+new line\n same\n"),
];

/// Code with a language in the Markdown files of a folder.
fn blocks(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder").filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            blocks(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "md") {
            let text = fs::read_to_string(&path).expect("a text");
            let parts: Vec<&str> = text.split("\n```").collect();
            for block in parts.iter().skip(1).step_by(2) {
                let (info, code) = block.split_once('\n').unwrap_or((block, ""));
                let language = info.split_whitespace().next().unwrap_or("").to_owned();
                found.push((language, format!("{code}\n")));
            }
        }
    }
}

/// The text of our own HTML.
fn text_of(html: &str) -> String {
    let mut text = String::new();
    let mut in_tag = false;
    for c in html.chars() {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            c if !in_tag => text.push(c),
            _ => {}
        }
    }
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[test]
fn highlighted_code_is_small_and_says_the_same() {
    let mut all: Vec<(String, String)> = SAMPLES.iter().map(|(language, code)| ((*language).to_owned(), (*code).to_owned())).collect();
    blocks(&Path::new(env!("CARGO_MANIFEST_DIR")).join("content"), &mut all);
    let (mut sources, mut htmls, mut count, mut worst) = (0, 0, 0, 0.0_f64);
    let mut memo = Memo::default();
    for (name, code) in &all {
        let Ok(language) = Language::find(name) else { continue };
        let block = Code::new(language, code.clone());
        let html = block.html(Some(&block.tokens(&mut memo)));
        assert_eq!(&text_of(&html), code, "{name}");
        let share = html.len() as f64 / code.len() as f64;
        // A line of only short keys and numbers can exceed that.
        assert!(share <= MOST || code.len() < 200, "{name}: {share:.2} times its source: {html}");
        (sources, htmls, count, worst) = (sources + code.len(), htmls + html.len(), count + 1, worst.max(share));
    }
    assert!(count > 60, "{count} blocks");
    assert!(htmls as f64 <= MOST * sources as f64, "{htmls} bytes of HTML for {sources} of code");
    println!("{count} blocks: {sources} bytes of code, {htmls} of HTML, {:.2} times; the most {worst:.2}", htmls as f64 / sources as f64);
}

/// The program contains grammars by other authors: the notices that their licences require are in the repository.
#[test]
fn the_licences_of_grammars_are_here() {
    let mut expected = "# Licences of the grammars\n\nThe grammars that code is coloured with come with two-face, which has them from bat and their authors. \
        What their licences ask to be kept is below.\n"
        .to_owned();
    for licence in two_face::acknowledgement::listing().for_syntaxes().iter().filter(|licence| licence.needs_acknowledgement()) {
        expected.push('\n');
        licence.write_md(&mut expected);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/grammars.md");
    if std::env::var_os("RUNSHEET_BLESS").is_some() {
        fs::write(&path, &expected).expect("written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "docs/grammars.md is not what two-face says; RUNSHEET_BLESS=1 writes it anew");
}
