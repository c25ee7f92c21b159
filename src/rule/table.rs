//! The table of rules: each code with its severity, what it stops, and its page of the manual.

use super::Area::{Configuration, Links, Notices, Pages, Recipients, RunSheets, Site};
use super::Rule;
use super::Severity::{Error, Note, Warning};
use super::Stops::{IfMerged, InNotices, Merge, Nothing, OffPages};

/// Rules by area: name, code, severity, what it stops, version. Its page has the code's name, in the folder of the area.
macro_rules! rules {
    ($($area:ident in $folder:literal { $($name:ident: $code:literal, $severity:ident, $stops:ident, $since:literal;)* })*) => {
        $($(pub const $name: &Rule = &Rule {
            code: $code,
            area: $area,
            severity: $severity,
            stops: $stops,
            since: $since,
            page: include_str!(concat!("../../content/reference/", $folder, "/", $code, ".md")),
        };)*)*

        /// All rules, by area and code.
        pub const RULES: &[&Rule] = &[$($($name,)*)*];
    };
}

rules! {
    Configuration in "configuration" {
        BAD_CLOCK: "bad-clock", Error, IfMerged, "0.1.0";
        BAD_VALUE: "bad-value", Error, IfMerged, "0.1.0";
        BAD_ZONE: "bad-zone", Error, IfMerged, "0.1.0";
        CONTRACT: "contract", Error, Nothing, "0.1.0";
        DUPLICATE_NAME: "duplicate-name", Error, OffPages, "0.1.0";
        MISSING_KEY: "missing-key", Error, IfMerged, "0.1.0";
        STATUS_MONITOR: "status-monitor", Warning, Nothing, "0.1.0";
        STATUS_UNREACHABLE: "status-unreachable", Warning, Nothing, "0.1.0";
        TOML_SYNTAX: "toml-syntax", Error, IfMerged, "0.1.0";
        UNKNOWN_EVENT: "unknown-event", Error, OffPages, "0.1.0";
        UNKNOWN_KEY: "unknown-key", Error, IfMerged, "0.1.0";
        UNKNOWN_THEME: "unknown-theme", Error, IfMerged, "0.1.0";
        WRONG_TYPE: "wrong-type", Error, IfMerged, "0.1.0";
    }
    Pages in "pages" {
        BAD_ENCODING: "bad-encoding", Error, IfMerged, "0.1.0";
        BAD_ID: "bad-id", Error, Nothing, "0.1.0";
        BIDI_CONTROL: "bidi-control", Warning, Nothing, "0.1.0";
        BROKEN_REFERENCE: "broken-reference", Warning, Nothing, "0.1.0";
        DUPLICATE_ID: "duplicate-id", Error, Nothing, "0.1.0";
        ESCAPED_BACKTICK: "escaped-backtick", Warning, Nothing, "0.1.0";
        EXTERNAL_IMAGE: "external-image", Warning, Nothing, "0.1.0";
        FENCE: "fence", Warning, Nothing, "0.1.0";
        FENCE_WORDS: "fence-words", Warning, Nothing, "0.1.0";
        FILE_TOO_LARGE: "file-too-large", Warning, Nothing, "0.1.0";
        FRONT_MATTER: "front-matter", Error, IfMerged, "0.1.0";
        FRONT_MATTER_KEY: "front-matter-key", Error, OffPages, "0.1.0";
        FRONT_MATTER_SYNTAX: "front-matter-syntax", Error, IfMerged, "0.1.0";
        FRONT_MATTER_TYPE: "front-matter-type", Error, OffPages, "0.1.0";
        FRONT_MATTER_VALUE: "front-matter-value", Error, OffPages, "0.1.0";
        MOJIBAKE_ON_PAGE: "mojibake-on-page", Warning, Nothing, "0.1.0";
        PLACEHOLDER_ON_PAGE: "placeholder-on-page", Warning, Nothing, "0.1.0";
        POSSIBLE_FILLER: "possible-filler", Warning, Nothing, "0.1.0";
        PRIVATE_USE: "private-use", Warning, Nothing, "0.1.0";
        RAW_HTML: "raw-html", Warning, Nothing, "0.1.0";
        REVIEW_OVERDUE: "review-overdue", Warning, Nothing, "0.1.0";
        SHALLOW_HISTORY: "shallow-history", Note, Nothing, "0.1.0";
        TAG_IN_HEADING: "tag-in-heading", Warning, Nothing, "0.1.0";
        TOO_DEEP: "too-deep", Error, InNotices, "0.1.0";
        TWO_BOXES: "two-boxes", Warning, Nothing, "0.1.0";
        UNKNOWN_LANGUAGE: "unknown-language", Warning, Nothing, "0.1.0";
        VARIABLE_TYPO: "variable-typo", Warning, Nothing, "0.1.0";
    }
    Links in "links" {
        BROKEN_ANCHOR: "broken-anchor", Error, OffPages, "0.1.0";
        BROKEN_LINK: "broken-link", Error, OffPages, "0.1.0";
        DEAD_LINK: "dead-link", Error, Nothing, "0.1.0";
        LINK_UNCERTAIN: "link-uncertain", Warning, Nothing, "0.1.0";
        LYING_LINK: "lying-link", Warning, Nothing, "0.1.0";
        RELATIVE_LINK: "relative-link", Error, InNotices, "0.1.0";
        UNSAFE_LINK: "unsafe-link", Warning, Nothing, "0.1.0";
    }
    RunSheets in "run-sheets" {
        AFTER_CYCLE: "after-cycle", Error, Nothing, "0.1.0";
        ALARM_THRESHOLD: "alarm-threshold", Warning, Nothing, "0.1.0";
        BAD_OFFSET: "bad-offset", Error, OffPages, "0.1.0";
        BLANK_EATEN: "blank-eaten", Warning, Nothing, "0.1.0";
        CONTACTS_BLANK: "contacts-blank", Warning, Nothing, "0.1.0";
        GATE_MISSING: "gate-missing", Warning, Nothing, "0.1.0";
        OFFSET_UNIT: "offset-unit", Warning, Nothing, "0.1.0";
        RANGE_GAP: "range-gap", Warning, Nothing, "0.1.0";
        RANGE_OVERLAP: "range-overlap", Warning, Nothing, "0.1.0";
        ROUND_COUNT: "round-count", Warning, Nothing, "0.1.0";
        SLOT_TOO_SHORT: "slot-too-short", Warning, Nothing, "0.1.0";
        STEP_OWNER: "step-owner", Warning, Nothing, "0.1.0";
        STEP_VERIFICATION: "step-verification", Warning, Nothing, "0.1.0";
        UNKNOWN_AFTER: "unknown-after", Error, Nothing, "0.1.0";
        UNKNOWN_ROLE: "unknown-role", Warning, Nothing, "0.1.0";
        UNREAD_METADATA: "unread-metadata", Warning, Nothing, "0.1.0";
        UNREAD_TIME: "unread-time", Warning, Nothing, "0.1.0";
    }
    Notices in "notices" {
        AMBIGUOUS_TIME: "ambiguous-time", Warning, Nothing, "0.1.0";
        BARE_TIME: "bare-time", Error, InNotices, "0.1.0";
        BROKEN_TABLE: "broken-table", Error, InNotices, "0.1.0";
        LONG_SUBJECT: "long-subject", Warning, Nothing, "0.1.0";
        MISSING_ACTION: "missing-action", Warning, Nothing, "0.1.0";
        MISSING_TRANSLATION: "missing-translation", Warning, Nothing, "0.1.0";
        NO_SUBJECT: "no-subject", Error, InNotices, "0.1.0";
        OTHER_DURATION: "other-duration", Warning, Nothing, "0.1.0";
        OTHER_EVENT: "other-event", Error, InNotices, "0.1.0";
        PLACEHOLDER: "placeholder", Error, Merge, "0.1.0";
        TAG_IN_CODE: "tag-in-code", Error, Merge, "0.1.0";
        TEXT_AND_NUMBER: "text-and-number", Error, InNotices, "0.1.0";
        TIME_WITHOUT_ZONE: "time-without-zone", Warning, Nothing, "0.1.0";
        TOO_MANY_TAGS: "too-many-tags", Error, Merge, "0.1.0";
        UNCLEAR_SUBJECT: "unclear-subject", Error, InNotices, "0.1.0";
        UNCLOSED_TAG: "unclosed-tag", Error, InNotices, "0.1.0";
        UNDATED_NOTICE: "undated-notice", Warning, Nothing, "0.1.0";
        UNDEFINED_VARIABLE: "undefined-variable", Error, Merge, "0.1.0";
        UNKNOWN_ARGUMENT: "unknown-argument", Error, InNotices, "0.1.0";
        UNKNOWN_STAGE: "unknown-stage", Error, InNotices, "0.1.0";
        UNSAFE_FILTER: "unsafe-filter", Error, InNotices, "0.1.0";
        VAGUE_WORD: "vague-word", Warning, Nothing, "0.1.0";
    }
    Recipients in "recipients" {
        BAD_ADDRESS: "bad-address", Error, Merge, "0.1.0";
        BAD_LANGUAGE: "bad-language", Error, Merge, "0.1.0";
        BAD_MESSAGE: "bad-message", Error, Merge, "0.1.0";
        BAD_ROW: "bad-row", Error, Merge, "0.1.0";
        CONTROL_CHARACTER: "control-character", Error, Merge, "0.1.0";
        DUPLICATE_COLUMN: "duplicate-column", Error, Merge, "0.1.0";
        DUPLICATE_RECIPIENT: "duplicate-recipient", Error, Merge, "0.1.0";
        EMPTY_FIELD: "empty-field", Error, Merge, "0.1.0";
        EMPTY_TABLE: "empty-table", Error, Merge, "0.1.0";
        ENCODED_WORD: "encoded-word", Error, Merge, "0.1.0";
        FILLER_VALUE: "filler-value", Error, Merge, "0.1.0";
        INVISIBLE_CHARACTER: "invisible-character", Error, Merge, "0.1.0";
        MISSING_COLUMN: "missing-column", Error, Merge, "0.1.0";
        MISSING_SECRET: "missing-secret", Error, Merge, "0.1.0";
        MISSING_TABLE: "missing-table", Error, Merge, "0.1.0";
        MIXED_SCRIPT: "mixed-script", Error, Merge, "0.1.0";
        MOJIBAKE: "mojibake", Error, Merge, "0.1.0";
        MORE_BAD_ROWS: "more-bad-rows", Error, Merge, "0.1.0";
        MORE_WARNED_ROWS: "more-warned-rows", Warning, Nothing, "0.1.0";
        NO_RECIPIENTS: "no-recipients", Warning, Nothing, "0.1.0";
        NO_SUCH_RECIPIENT: "no-such-recipient", Error, Merge, "0.1.0";
        NO_SUPPRESSIONS: "no-suppressions", Error, Merge, "0.1.0";
        NO_T0: "no-t0", Error, Merge, "0.1.0";
        OPEN_QUOTE: "open-quote", Error, Merge, "0.1.0";
        TOO_LARGE: "too-large", Error, Merge, "0.1.0";
        UNKNOWN_NOTICE: "unknown-notice", Error, Merge, "0.1.0";
    }
    Site in "site" {
        ASSET_TYPE: "asset-type", Warning, Nothing, "0.1.0";
        BAD_ALIAS: "bad-alias", Error, Nothing, "0.1.0";
        BAD_NAME: "bad-name", Warning, Nothing, "0.1.0";
        LANGUAGE_FILE: "language-file", Error, IfMerged, "0.1.0";
        LOW_CONTRAST: "low-contrast", Warning, Nothing, "0.1.0";
        MISSING_WORDS: "missing-words", Warning, Nothing, "0.1.0";
        PATH_COLLISION: "path-collision", Error, Nothing, "0.1.0";
        PRIVATE_FILE: "private-file", Warning, Nothing, "0.1.0";
        SPECIAL_FILE: "special-file", Warning, Nothing, "0.1.0";
        SYMLINK: "symlink", Warning, Nothing, "0.1.0";
        TEMPLATE_RENDER: "template-render", Error, OffPages, "0.1.0";
        TEMPLATE_SYNTAX: "template-syntax", Error, OffPages, "0.1.0";
        UNUSED_TEMPLATE: "unused-template", Warning, Nothing, "0.1.0";
    }
}
