//! `tag-in-code`: a template tag in code or in HTML, which a message would hold as it is written.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::page::Page;
use crate::page::tags::{Kind, Tag};
use crate::project::Project;
use crate::source::{Inputs, Span};

/// Tags in the code of notices that a mailing sends: errors of every build. In comments they do no harm.
pub fn in_merged_notices(project: &Project, inputs: &Inputs) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    let is_merged = |name: &str| project.config.mailings.iter().any(|mailing| mailing.notice.value == name);
    for page in &project.pages {
        let Some(source) = inputs.sources.get(&page.path) else { continue };
        for notice in page.notices.iter().filter(|notice| is_merged(&notice.name)) {
            let tags = notice.tags.iter().filter(|tag| tag.kind != Kind::Comment && notice.extent.contains(&tag.span.start));
            for (tag, code) in tags.filter_map(|tag| Some((tag, code_around(page, tag)?))) {
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
                diagnostics.push(Diagnostic::error("tag-in-code", message).at(&notice.path, tag.span.clone()).help(help));
            }
        }
    }
    diagnostics
}

/// The code, HTML or comment that a tag stands in.
fn code_around(page: &Page, tag: &Tag) -> Option<Span> {
    page.code.iter().find(|code| code.start <= tag.span.start && tag.span.start < code.end).cloned()
}
