//! `tag-in-code`: a template tag in code or in HTML, which a message would hold as it is written.

use super::code_around;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::notice::Notice;
use crate::page::tags::Kind;
use crate::project::Page;
use crate::rule;
use crate::source::Source;

/// Tags in the code of a notice that is sent: errors of every build. In comments they do no harm.
pub fn check(page: &Page, notice: &Notice, source: &Source, diagnostics: &mut Diagnostics) {
    let tags = notice.tags.iter().filter(|tag| tag.kind != Kind::Comment && notice.extent.contains(&tag.span.start));
    for (tag, code) in tags.filter_map(|tag| Some((tag, code_around(page, &tag.span)?))) {
        let written = source.text[code.clone()].trim_start();
        if written.starts_with("<!--") {
            continue;
        }
        let (place, help) = if written.starts_with('<') {
            ("HTML", "write in Markdown what the HTML was for")
        } else if written.starts_with(['`', '~']) {
            ("code", "nothing is run in code: write it outside of the backticks, or in bold")
        } else {
            ("code", "nothing is run in code: lines that are indented by four spaces are code, so indent them by less")
        };
        let message = format!("`{}` would be sent as it is written: it stands in {place}", tag.text.lines().next().unwrap_or(""));
        diagnostics.push(Diagnostic::new(rule::TAG_IN_CODE, message).at(&notice.path, tag.span.clone()).help(help));
    }
}
