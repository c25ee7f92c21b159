//! A one-sentence summary of a page: for search engines, feeds, and previews of links.

use crate::site::SitePage;

/// The longest summary, in characters.
const LONGEST: usize = 160;

/// The page's description, otherwise the beginning of its first paragraph.
pub fn of(page: &SitePage) -> Option<String> {
    page.page.front.description.clone().filter(|text| !text.is_empty()).or_else(|| first_paragraph(page))
}

fn first_paragraph(page: &SitePage) -> Option<String> {
    let (_, rest) = page.body().html.split_once("<p>")?;
    let (paragraph, _) = rest.split_once("</p>")?;
    let text = plain(paragraph);
    (!text.is_empty()).then(|| shortened(&text))
}

/// The text of our own HTML, in which `<` and `>` always belong to tags.
fn plain(html: &str) -> String {
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
    if text.contains('&') {
        text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&");
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whole words, as many as fit.
fn shortened(text: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(LONGEST) else { return text.to_owned() };
    let (end, _) = text.char_indices().nth(LONGEST - 1).unwrap_or((end, ' '));
    let cut = text[..end].rfind(' ').unwrap_or(end);
    format!("{}…", text[..cut].trim_end_matches([',', ';', ':', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_entities_are_gone() {
        assert_eq!(plain("A <a href=\"x&gt;y\">link</a> &amp; <code>&lt;b&gt;</code>\nnext"), "A link & <b> next");
        assert_eq!(plain("&amp;lt;"), "&lt;");
    }

    #[test]
    fn long_texts_end_at_a_word() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened(&"é".repeat(160)), "é".repeat(160));
        let long = shortened(&"word ".repeat(50));
        assert!(long.ends_with("word…") && long.chars().count() <= LONGEST, "{long}");
        assert_eq!(shortened(&"é".repeat(200)).chars().count(), LONGEST);
    }
}
