//! `tag-in-code`: a template tag in code or in HTML, which a message would show unevaluated.

use super::code_around;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::notice::Notice;
use crate::page::tags::Kind;
use crate::project::Page;
use crate::rule;
use crate::source::Source;

/// Reports tags in the code of a notice that is sent: errors of every build. In comments they do no harm.
pub fn check(page: &Page, notice: &Notice, source: &Source, diagnostics: &mut Diagnostics) {
    let tags = notice.tags.iter().filter(|tag| tag.kind != Kind::Comment && notice.extent.contains(&tag.span.start));
    for (tag, code) in tags.filter_map(|tag| Some((tag, code_around(page, &tag.span)?))) {
        let written = source.text[code.clone()].trim_start();
        if written.starts_with("<!--") {
            continue;
        }
        let (place, help) = if written.starts_with('<') {
            ("HTML", "use Markdown instead of the HTML")
        } else if written.starts_with(['`', '~']) {
            ("code", "move it out of the backticks, or use bold: tags in code are not evaluated")
        } else {
            ("code", "indent these lines by fewer than four spaces: otherwise they are code, and tags in code are not evaluated")
        };
        let message = format!("tag in {place} would be sent unevaluated: `{}`", tag.text.lines().next().unwrap_or(""));
        diagnostics.push(Diagnostic::new(rule::TAG_IN_CODE, message).at(&notice.path, tag.span.clone()).help(help));
    }
}
