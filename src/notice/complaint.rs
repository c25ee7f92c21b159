//! What the template engine complains about, in the words of this program.

use tera::{Error, ErrorKind};

/// A complaint, without names of templates that only the program knows.
pub fn of(error: &Error) -> String {
    match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => plain(report.message()),
        ErrorKind::MissingParent { parent, .. } => format!("`extends` is only for templates of a theme: `{parent}`"),
        ErrorKind::CircularExtend { .. } | ErrorKind::CircularInclude { .. } => "a template can't include itself".to_owned(),
        _ => plain(&cause(error)),
    }
}

/// The innermost cause of an error, which is the one its author can fix.
pub fn cause(error: &Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    innermost.to_string()
}

/// The first line of a report in our spelling: lower case, without a full stop, and with our names of types.
pub fn plain(report: &str) -> String {
    let line = report.trim_start_matches("error: ").lines().next().unwrap_or("").trim_end_matches('.');
    let mut letters = line.chars();
    let line = letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect());
    if let Some((found, _)) = line.strip_prefix("found ").and_then(|rest| rest.split_once(" but expected one of")) {
        return format!("unexpected {found}");
    }
    if let Some((missing, known)) = line.split_once(". Available ") {
        let known = known.split_once(": ").map_or("", |(_, known)| known);
        let name = missing.trim_start_matches("field ").trim_start_matches("variable ");
        return format!("{name}; use one of: {known}");
    }
    let types = line.strip_prefix("invalid type for the value, expected `").and_then(|rest| rest.split_once("` but got `"));
    if let Some((expected, found)) = types {
        return format!("wrong type of value: expected {}, found {}", kind(expected), kind(found.trim_end_matches('`')));
    }
    line.replace(" is a reserved keyword of Tera, it cannot be", " is a reserved word, which can't be")
}

/// The name of a type as a user knows it.
fn kind(name: &str) -> &str {
    match name {
        "string" | "&str" | "String" => "text",
        "integer" | "float" | "f64" | "f32" | "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128"
        | "usize" => "number",
        other => other,
    }
}

/// The template, line and column that a drawn report points at by `--> NAME:LINE:COLUMN`.
pub fn drawn(report: &str) -> (&str, usize, usize) {
    let place = report.split_once("--> ").map_or("", |(_, rest)| rest.lines().next().unwrap_or(""));
    let mut parts = place.rsplitn(3, ':');
    let mut number = || parts.next().and_then(|number| number.trim().parse().ok()).unwrap_or(1);
    let (column, line) = (number(), number());
    (parts.next().unwrap_or("").trim(), line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_in_our_words() {
        let check = |report: &str, expected: &str| assert_eq!(plain(report), expected, "{report}");
        check("error: Unknown filter `x`\n --> body.html:1:2", "unknown filter `x`");
        check("Found `%}` but expected one of: integer, float, `[` or `(`", "unexpected `%}`");
        check("Found `%}` but expected string.", "found `%}` but expected string");
        check("Field `x` is not defined. Available fields: a, b", "`x` is not defined; use one of: a, b");
        check("Invalid type for the value, expected `f64` but got `string`", "wrong type of value: expected number, found text");
        check("in is a reserved keyword of Tera, it cannot be assigned to.", "in is a reserved word, which can't be assigned to");
        check("", "");
    }
}
