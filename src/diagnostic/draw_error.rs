//! Draws an error of the world in the forms of a diagnostic, but without a code and a place.

use serde_json::json;

use super::MessageFormat;
use super::draw::{github_data, sarif_document, sarif_driver};
use crate::error::Error;
use crate::text::visible;

/// Draws an error: what failed, the causes, and what to do.
pub fn draw_error(error: &Error, format: MessageFormat) -> String {
    match format {
        MessageFormat::Text => format!("error: {}\n{}", visible(&error.sentence()), with_helps(error, "  = help: ", "\n")),
        MessageFormat::Short => format!("error: {}\n", visible(&error.sentence())),
        MessageFormat::Json => as_json(error),
        MessageFormat::Github => draw_github(error),
        MessageFormat::Sarif => draw_sarif(error),
    }
}

/// The help lines, each between two given texts.
fn with_helps(error: &Error, before: &str, after: &str) -> String {
    error.helps().map(|help| format!("{before}{}{after}", visible(help))).collect()
}

fn as_json(error: &Error) -> String {
    let helps: Vec<String> = error.helps().map(visible).collect();
    let object = json!({
        "severity": "error",
        "code": null,
        "message": visible(&error.sentence()),
        "file": null,
        "line": null,
        "column": null,
        "help": (!helps.is_empty()).then(|| helps.join("\n")),
        "related": [],
    });
    format!("{object}\n")
}

fn draw_github(error: &Error) -> String {
    let message = visible(&error.sentence()) + &with_helps(error, "\nhelp: ", "");
    format!("::error title=runsheet::{}\n", github_data(&message))
}

/// A run without `results`, which means that nothing was analysed (SARIF 2.1.0, Appendix I): an empty list would mean that all is well.
fn draw_sarif(error: &Error) -> String {
    let message = visible(&error.sentence()) + &with_helps(error, "; help: ", "");
    let invocation = json!({
        "executionSuccessful": false,
        "exitCode": error.exit().code(),
        "toolExecutionNotifications": [{ "level": "error", "message": { "text": message } }],
    });
    sarif_document(json!({ "tool": { "driver": sarif_driver() }, "invocations": [invocation] }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error() -> Error {
        let cause = Error::new("the disk is full:\u{1b}[31m 100%").help("remove something");
        Error::new("cannot write a, b").help("name another folder").caused_by(&cause)
    }

    #[test]
    fn is_drawn_for_people() {
        let shown = "error: cannot write a, b: the disk is full:⟦U+001B⟧[31m 100%\n";
        assert_eq!(draw_error(&error(), MessageFormat::Short), shown);
        let text = format!("{shown}  = help: name another folder\n  = help: remove something\n");
        assert_eq!(draw_error(&error(), MessageFormat::Text), text);
        assert_eq!(draw_error(&Error::new("alone"), MessageFormat::Text), "error: alone\n");
    }

    #[test]
    fn is_drawn_for_programs() {
        let json: serde_json::Value = serde_json::from_str(&draw_error(&error(), MessageFormat::Json)).unwrap();
        assert_eq!(json["message"], "cannot write a, b: the disk is full:⟦U+001B⟧[31m 100%");
        assert_eq!(json["help"], "name another folder\nremove something");
        assert!(json["code"].is_null() && json["file"].is_null(), "{json}");
        let alone: serde_json::Value = serde_json::from_str(&draw_error(&Error::new("alone"), MessageFormat::Json)).unwrap();
        assert!(alone["help"].is_null(), "{alone}");
        assert_eq!(
            draw_error(&error(), MessageFormat::Github),
            "::error title=runsheet::cannot write a, b: the disk is full:⟦U+001B⟧[31m 100%25%0Ahelp: name another folder%0Ahelp: remove something\n"
        );
        let sarif: serde_json::Value = serde_json::from_str(&draw_error(&error(), MessageFormat::Sarif)).unwrap();
        let run = &sarif["runs"][0];
        assert!(run.get("results").is_none(), "{run}");
        assert_eq!((&run["invocations"][0]["executionSuccessful"], &run["invocations"][0]["exitCode"]), (&json!(false), &json!(2)));
        assert_eq!(
            run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"],
            "cannot write a, b: the disk is full:⟦U+001B⟧[31m 100%; help: name another folder; help: remove something"
        );
    }
}
