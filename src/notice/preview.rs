//! A mail as a page: on a desk, on a phone, in dark mode, and its text, side by side.

use super::engine::Rendered;
use super::message::Message;
use crate::text::html::escape;

/// The media query for dark mode in the theme's mail.
const DARK: &str = "(prefers-color-scheme: dark)";

/// A complete HTML page. Each view of the mail is a separate frame that runs no script and loads nothing.
pub fn page(message: &Message, rendered: &Rendered, lang: &str) -> String {
    let light = rendered.html.replace(DARK, "not all");
    let dark = rendered.html.replace(DARK, "all");
    let source = String::from_utf8_lossy(&message.bytes);
    let head = source.split("\r\n\r\n").next().unwrap_or("");
    let mut page = String::with_capacity(rendered.html.len() * 4);
    page.push_str("<!DOCTYPE html>\n<html lang=\"");
    escape(lang, &mut page);
    page.push_str("\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.push_str(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n",
    );
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    escape(&message.subject, &mut page);
    page.push_str("</title>\n<style>\n");
    page.push_str(STYLE);
    page.push_str("</style>\n</head>\n<body>\n<header>\n<h1>");
    escape(&message.subject, &mut page);
    page.push_str("</h1>\n<p>To ");
    escape(&message.to, &mut page);
    page.push_str(&format!(
        ". The subject has {} characters, the message {} KB.</p>\n</header>\n<main>\n",
        message.subject.chars().count(),
        message.bytes.len().div_ceil(1024)
    ));
    for (name, class, html) in [("Desktop", "desktop", &light), ("Phone", "phone", &light), ("Dark", "dark", &dark)] {
        page.push_str(&format!("<section class=\"{class}\">\n<h2>{name}</h2>\n<iframe title=\"{name}\" sandbox srcdoc=\""));
        escape(html, &mut page);
        page.push_str("\"></iframe>\n</section>\n");
    }
    let texts = [("Text", Some(rendered.text.as_str())), ("Headers", Some(head)), ("Calendar", message.calendar.as_deref())];
    for (name, text) in texts {
        let Some(text) = text else { continue };
        page.push_str(&format!("<section class=\"text\">\n<h2>{name}</h2>\n<pre tabindex=\"0\">"));
        escape(text, &mut page);
        page.push_str("</pre>\n</section>\n");
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

const STYLE: &str = "\
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 0; padding: 1rem 1.25rem 2rem; background: light-dark(#f4f5f7, #16191d); color: light-dark(#1c2126, #dedbd4); }
h1 { margin: 0; font-size: 1.25rem; line-height: 1.3; overflow-wrap: anywhere; }
h2 { margin: 0 0 .4rem; font-size: .95rem; }
header p { margin: .25rem 0 1rem; }
main { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 1.25rem; }
section { min-width: 0; max-width: 100%; }
iframe, pre { box-sizing: border-box; max-width: 100%; border: 1px solid light-dark(#c3c9d0, #454d56); border-radius: 6px; }
iframe { display: block; height: 44rem; background: light-dark(#fff, #fff); }
.desktop iframe, .dark iframe { width: 44rem; }
.phone iframe { width: 360px; }
.dark iframe { background: #14171b; }
pre { width: 44rem; max-height: 44rem; margin: 0; padding: .75rem 1rem; overflow: auto; background: light-dark(#fff, #1c2127); font: 13px/1.5 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
";
