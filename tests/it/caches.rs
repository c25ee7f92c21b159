//! The content of `.runsheet/` may come from anywhere, such as a cache that other jobs write: it is data, and never markup.
#![allow(clippy::disallowed_methods, reason = "a test acts as the user does")]

use std::fs;

use crate::is_long;
use crate::project::{CONFIG, Project, said};

const CODE: &str =
    "# Code\n\n```sh\nls -l \"$HOME\" | grep <img onerror=alert(1)> # a comment\n```\n\n```json\n{\"a\": [1, true, \"<b>\"]}\n```\n";
const HEAD: &str = "runsheet highlights";

fn project() -> Project {
    Project::new(&[("runsheet.toml", CONFIG), ("content/index.md", CODE)])
}

/// A page without the highlighting elements.
fn without_colours(page: &str) -> String {
    let mut rest = page;
    let mut text = String::new();
    while let Some(at) = rest.find("<span class=\"") {
        let (before, element) = rest.split_at(at);
        text.push_str(before);
        let class = &element["<span class=\"".len()..];
        let is_colour = class.as_bytes().first().is_some_and(|class| b"acdfiknopstv".contains(class)) && class[1..].starts_with("\">");
        rest = if is_colour {
            &class[3..]
        } else {
            text.push_str("<span class=\"");
            class
        };
    }
    text.push_str(rest);
    text.replace("</span>", "")
}

/// Where the blocks of the kept file begin: after its first line and the hash of the rest.
fn with_blocks(kept: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let line = kept.iter().position(|byte| *byte == b'\n').expect("a first line") + 1;
    let mut blocks = kept[line + blake3::OUT_LEN..].to_vec();
    change(&mut blocks);
    [&kept[..line], blake3::hash(&blocks).as_bytes(), &blocks].concat()
}

#[test]
fn kept_colours_can_become_nothing_but_colours() {
    let project = project();
    project.done(&["build"]);
    let place = project.root().join(".runsheet/highlights");
    let (page, kept) = (project.read("public/index.html"), fs::read(&place).expect("it is kept"));
    assert!(kept.starts_with(HEAD.as_bytes()) && page.contains("<span class=\"c\"># a comment</span>"), "{page}");
    let plain = without_colours(&page);
    // Modified bytes of the file, with a matching hash: keys, numbers of tokens, classes, lengths.
    let length =
        with_blocks(&kept, |_| ()).len() - kept.iter().position(|byte| *byte == b'\n').expect("a first line") - 1 - blake3::OUT_LEN;
    let (mut coloured, mut number) = (0, 0x2545_f491_4f6c_dd1d_u64);
    for round in 0..if is_long() { 1000 } else { 40 } {
        let poisoned = with_blocks(&kept, |blocks| {
            for _ in 0..=round % 3 {
                number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let byte = [b'"', b'<', 0, 255, b'k', 1, 3][usize::try_from(number >> 40).expect("it is small") % 7];
                blocks[usize::try_from(number >> 33).expect("it is small") % length] = byte;
            }
        });
        fs::write(&place, &poisoned).expect("it is ours");
        project.done(&["build"]);
        let seen = project.read("public/index.html");
        coloured += usize::from(seen != page);
        assert_eq!(without_colours(&seen), plain, "round {round}: {seen}");
    }
    println!("{coloured} times a file that was changed gave other colours");

    // The format of an earlier version: with the HTML itself, for exactly the blocks of the page.
    let line = kept.iter().position(|byte| *byte == b'\n').expect("a first line") + 1;
    let mut markup = Vec::new();
    let html = "<img src=x onerror=alert(1)>";
    for key in kept[line + blake3::OUT_LEN..].windows(16) {
        markup.extend_from_slice(key);
        markup.extend_from_slice(&u32::try_from(html.len()).expect("it is short").to_le_bytes());
        markup.extend_from_slice(html.as_bytes());
    }
    fs::write(&place, [&kept[..line], blake3::hash(&markup).as_bytes(), &markup].concat()).expect("it is ours");
    project.done(&["build"]);
    assert_eq!(project.read("public/index.html"), page);
}

#[test]
fn a_kept_status_is_text() {
    let project = project();
    project.write("runsheet.toml", format!("{CONFIG}\n[status]\nurl = \"https://status.sample.example\"\nslug = \"sample\"\n"));
    let evil = "</script><img src=x onerror=alert(1)>\u{202e}";
    let text = serde_json::to_string(evil).expect("JSON");
    let snapshot = format!(
        "{{\"version\":1,\"source\":\"https://status.sample.example\",\"slug\":\"sample\",\"title\":{text},\"fetched_at\":\"2026-11-20T10:00:00Z\",\"as_of\":\"2026-11-20T10:00:00Z\",\
         \"components\":[{{\"id\":{text},\"name\":{text},\"group\":{text},\"is_summary\":false,\"state\":\"up\",\"last_state\":null,\"as_of\":\"2026-11-20T10:00:00Z\",\"uptime_24h\":1.0}}],\
         \"incidents\":[{{\"title\":{text},\"style\":{text},\"body\":{text},\"created\":null}}],\
         \"maintenances\":[{{\"title\":{text},\"body\":{text},\"start\":null,\"end\":null,\"running\":true}}],\"notes\":[{text}]}}"
    );
    project.write(".runsheet/status.json", &snapshot);
    let output = project.done(&["status", "--now", "2026-11-20T10:05:00Z"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("img src=x"), "it is read: {}", said(&output));
    project.done(&["build", "--now", "2026-11-20T10:05:00Z"]);
    assert!(!project.read("public/status/badge.json").contains("unknown"), "its state is shown");
    for file in crate::project::files(&project.root().join("public")) {
        let text = String::from_utf8_lossy(&fs::read(&file).expect("it can be read")).into_owned();
        assert!(!text.contains("<img src=x") && !text.contains('\u{202e}'), "{}", file.display());
    }
}
