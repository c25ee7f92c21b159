//! The commands that verify the plan from which this project grew, run unchanged in the repository.
#![allow(clippy::disallowed_methods, reason = "a test runs a shell")]

use std::process::Command;

fn shell(line: &str) -> String {
    let output = Command::new("bash").args(["-c", line]).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("a shell");
    assert!(output.status.success(), "`{line}`: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn the_plan_is_verified_by_its_own_commands() {
    for line in [
        r#"grep "uptime-kuma:" compose.production.yaml"#,
        r#"grep "T-48h" docs/CUTOVER_CHECKLIST.md"#,
        r#"grep "password reset" docs/USER_NOTICE_TEMPLATE.md"#,
        r#"grep "Prerequisites" docs/PRODUCTION_DEPLOYMENT.md"#,
    ] {
        assert!(!shell(line).is_empty(), "`{line}` finds nothing");
    }
    let service = shell(r#"grep -A10 "uptime-kuma:" compose.production.yaml"#);
    assert!(service.lines().count() > 10 && service.contains("image:"), "{service}");
    let documents: usize = shell("ls docs/*.md | wc -l").trim().parse().expect("a number");
    assert!(documents >= 3, "{documents} documents");
}

/// The documents exist once: those in `docs/` are links to them.
#[test]
fn the_documents_are_those_of_the_site() {
    for name in ["CUTOVER_CHECKLIST.md", "USER_NOTICE_TEMPLATE.md", "PRODUCTION_DEPLOYMENT.md"] {
        assert_eq!(shell(&format!("readlink docs/{name}")).trim(), format!("../content/docs/{name}"));
    }
}
