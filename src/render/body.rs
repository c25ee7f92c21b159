//! The body of a page: its HTML with all holes filled, and its notices.

use super::{paper, sheet};
use crate::page::code::Block;
use crate::page::{Hole, Kind, Publish, link};
use crate::site::{Site, SitePage};
use crate::text::html::{escape, escaped};

/// The body of a page. `root` is the relative path to the top of the site.
pub fn body(site: &Site, page: &SitePage, root: &str) -> String {
    filled(site, page, root, |block, html| code(site, block, html))
}

/// The body of a page for readers of text only: without highlighting.
pub fn colourless(site: &Site, page: &SitePage) -> String {
    filled(site, page, "", |block, html| escape(&block.code.text, html))
}

fn filled(site: &Site, page: &SitePage, root: &str, code: impl Fn(&Block, &mut String)) -> String {
    let (body, language) = (page.body(), &page.page.language);
    // Highlighting roughly doubles the size of code.
    let code_length: usize = page.page.blocks.iter().map(|block| 2 * block.code.text.len()).sum();
    let mut html = body.fill_with(64 * body.holes.len() + code_length, |hole, html| match hole {
        Hole::Link(number) => {
            let Some(address) = page.links.get(number).cloned().flatten() else { return };
            // A link within the page needs no file name.
            if let Some(fragment) = address.strip_prefix(&page.route).filter(|rest| rest.starts_with('#')) {
                return escape(fragment, html);
            }
            if !link::is_web(&address) {
                html.push_str(root);
            }
            escape(&address, html);
        }
        Hole::When(heading) => sheet::when(site, page, heading, html),
        Hole::Rounds(list) => sheet::rounds(page, list, html),
        Hole::Code(number) => code(&page.page.blocks[number], html),
        Hole::PlanHead => html.push_str(&paper::head(language)),
        Hole::Plan(item) => paper::plan(page, item, site.event(page.event.as_deref()), html),
    });
    if page.page.kind == Kind::RunSheet {
        html = paper::with_link_notes(html);
    }
    for notice in &page.notices {
        let flag = match page.page.front.publish {
            Publish::Template => language.html("notice.template"),
            Publish::Sent | Publish::Never => language.html("notice.sent"),
        };
        // A page that is one notice already has its title above it.
        if page.page.kind == Kind::Notice {
            html.push_str("<article class=\"notice\">");
        } else {
            html.push_str("<article class=\"notice\" id=\"");
            escape(&notice.anchor, &mut html);
            html.push_str("\"><h2>");
            escape(&notice.title, &mut html);
            html.push_str("</h2>\n");
        }
        let (subject, name) = (language.html("notice.subject"), language.html("notice.name"));
        html.push_str(&format!("<p class=\"notice-flag\">{flag}</p>\n<dl class=\"notice-head\"><dt>{subject}</dt><dd>"));
        escape(&notice.subject, &mut html);
        html.push_str(&format!("</dd><dt>{name}</dt><dd><code>"));
        escape(&notice.name, &mut html);
        html.push_str("</code></dd></dl>\n<div class=\"notice-body\">\n");
        let name = escaped(language.text("page.table"));
        let scroller = format!("<div class=\"table-scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{name}\"><table>");
        html.push_str(&notice.html.replace("<table>", &scroller).replace("</table>", "</table></div>"));
        html.push_str("</div></article>\n");
    }
    html
}

/// A highlighted block of code, from cached tokens or from new ones.
fn code(site: &Site, block: &Block, html: &mut String) {
    if site.config.site.highlight {
        let known = site.highlights.0.get(&block.code.key);
        return block.write(&block.code.html(known.map(|known| &**known)), html);
    }
    block.write(&escaped(&block.code.text), html);
}
