//! `[look]`: a logo, colours, a font, links in the header and words in the footer, without a template.

use pulldown_cmark::{Event, Tag, TagEnd};

use super::web_address;
use crate::data::{Reader, Shape, Spanned, Value};
use crate::page::link::{self, External, Target};
use crate::page::{Body, Hole, Link, markdown};
use crate::rule;
use crate::source::{RelPath, Span};
use crate::text::html::escape;

/// The content of `[look]`.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// A picture below `content/`, shown in front of the site's title.
    pub logo: Option<Spanned<RelPath>>,
    /// A font file below `content/`.
    pub font_file: Option<Spanned<RelPath>>,
    /// Font names; the first available one is used.
    pub font: Option<String>,
    /// Colours of the theme by name, for light and dark.
    pub colors: Vec<Color>,
    /// Links in the header of each page.
    pub header: Vec<HeaderLink>,
    /// Words in the footer of each page.
    pub footer: Option<Footer>,
    /// Links to other sites.
    pub external: Vec<External>,
}

/// A colour of the theme.
#[derive(Clone, Debug)]
pub struct Color {
    pub name: &'static str,
    pub light: String,
    pub dark: String,
    pub span: Span,
}

/// A link in the header.
#[derive(Clone, Debug)]
pub struct HeaderLink {
    pub text: String,
    pub to: Destination,
}

/// Where a link of the configuration leads.
#[derive(Clone, Debug)]
pub enum Destination {
    /// To another site, or to a mail address.
    Elsewhere(String),
    /// To a file below `content/`.
    Here(Link),
}

/// Words with links to files below `content/`, by number.
#[derive(Clone, Debug, Default)]
pub struct Footer {
    pub body: Body,
    pub links: Vec<Link>,
}

/// Colours that can be set, with those of the theme in light and dark.
pub const COLORS: [(&str, &str, &str); 7] = [
    ("paper", "#fcfcfd", "#14171b"),
    ("wash", "#f1f3f6", "#1d2228"),
    ("ink", "#1c2126", "#dedbd4"),
    ("soft", "#535b64", "#a5a9ad"),
    ("line", "#d8dce1", "#30373f"),
    ("edge", "#6f7983", "#858f99"),
    ("accent", "#0b5a86", "#8cc4e4"),
];

/// The least contrast of text (WCAG 2.2, success criterion 1.4.3).
const LEAST_CONTRAST: f64 = 4.5;

pub fn read(reader: &mut Reader) -> Look {
    let mut look =
        Look { logo: file(reader, "logo"), font_file: file(reader, "font_file"), font: reader.parsed("font", font), ..Look::default() };
    reader.table("colors", |reader| look.colors = COLORS.iter().filter_map(|(name, ..)| color(reader, name)).collect());
    reader.list_of_tables("header", |reader| {
        let (text, url) = (reader.needed_text("text"), reader.needed_text("url"));
        let (Some(text), Some(url)) = (text, url) else { return };
        match destination(&url.value, &url.span) {
            Ok(to) => {
                look.external.extend(external(&to, &url.span));
                look.header.push(HeaderLink { text: text.value, to });
            }
            Err((message, help)) => reader.reject(&url.span, message, help),
        }
    });
    if let Some(text) = reader.text("footer") {
        let mut footer = Footer::default();
        footer.read(&text, &mut look.external).unwrap_or_else(|(message, help)| reader.reject(&text.span, message, help));
        look.footer = Some(footer);
    }
    low_contrast(&look, reader);
    look
}

/// A file of the site, by its path below `content/`.
fn file(reader: &mut Reader, key: &'static str) -> Option<Spanned<RelPath>> {
    let text = reader.text(key)?;
    match RelPath::new(&text.value).filter(|path| !path.as_str().is_empty()) {
        Some(value) => Some(Spanned { value, span: text.span }),
        None => {
            reader.reject(&text.span, format!("`{}` is not a file below `content/`", text.value), None);
            None
        }
    }
}

/// Names of fonts: letters, digits, spaces and hyphens, with commas between them.
fn font(text: &str) -> Result<String, (String, Option<String>)> {
    let fits = |name: &str| !name.trim().is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ' || c == '-');
    if !text.split(',').all(fits) {
        return Err((format!("invalid font name `{text}`"), Some("use names such as `Inter, Noto Sans`".to_owned())));
    }
    const GENERIC: [&str; 4] = ["sans-serif", "serif", "monospace", "system-ui"];
    let quoted = text.split(',').map(str::trim).map(|name| if GENERIC.contains(&name) { name.to_owned() } else { format!("\"{name}\"") });
    Ok(quoted.collect::<Vec<_>>().join(","))
}

fn color(reader: &mut Reader, name: &'static str) -> Option<Color> {
    reader.holds(name, Shape::Either(vec![Shape::Text, Shape::Pair]));
    let node = reader.node(name)?;
    let one = |value: &Value| match value {
        Value::Text(text) if is_hex(text) => Some(text.to_ascii_lowercase()),
        _ => None,
    };
    let pair = match &node.value {
        Value::List(list) if list.len() == 2 => one(&list[0].value).zip(one(&list[1].value)),
        value => one(value).map(|color| (color.clone(), color)),
    };
    if pair.is_none() {
        let help = "use `\"#0b5a86\"`, or a list of two: for light and dark mode".to_owned();
        reader.reject(&node.span, format!("invalid colour for `{name}`"), Some(help));
    }
    let (light, dark) = pair?;
    Some(Color { name, light, dark, span: node.span.clone() })
}

fn is_hex(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|digits| digits.len() == 6 && digits.chars().all(|c| c.is_ascii_hexdigit()))
}

/// Warns about colour pairs that a reader cannot read.
fn low_contrast(look: &Look, reader: &mut Reader) {
    let value = |name: &str, is_dark: bool| {
        let set = look.colors.iter().find(|color| color.name == name).map(|color| if is_dark { &color.dark } else { &color.light });
        let own = COLORS.iter().find(|(known, ..)| *known == name).map(|(_, light, dark)| if is_dark { *dark } else { *light });
        set.map(String::as_str).or(own).unwrap_or("#000000").to_owned()
    };
    let mut faults = Vec::new();
    for (text, scheme, is_dark) in ["ink", "soft", "accent"].into_iter().flat_map(|text| [(text, "light", false), (text, "dark", true)]) {
        let ratio = contrast(&value(text, is_dark), &value("paper", is_dark));
        let place = look.colors.iter().find(|color| color.name == text).or_else(|| look.colors.iter().find(|color| color.name == "paper"));
        if let (Some(color), true) = (place, ratio < LEAST_CONTRAST) {
            let message = format!("`{text}` on `paper` is hard to read in {scheme} mode: its contrast is {ratio:.1}");
            let diagnostic = crate::diagnostic::Diagnostic::new(rule::LOW_CONTRAST, message).at(reader.path(), color.span.clone());
            faults.push(diagnostic.help("use a contrast of 4.5 or more; set two colours, one for light and one for dark mode"));
        }
    }
    reader.diagnostics.extend(faults);
}

/// The contrast of two colours (WCAG 2.2, relative luminance), from 1 to 21.
fn contrast(one: &str, other: &str) -> f64 {
    let (a, b) = (luminance(one), luminance(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn luminance(color: &str) -> f64 {
    let part = |at: usize| {
        let byte = color.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or(0);
        let share = f64::from(byte) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
}

/// Judges the target of a link like links on pages.
fn destination(url: &str, span: &Span) -> Result<Destination, (String, Option<String>)> {
    match link::classify(url) {
        Target::External(url) if link::is_web(&url) => web_address(&url).map(Destination::Elsewhere),
        Target::External(url) if !link::leads_nowhere(&url) => Ok(Destination::Elsewhere(url)),
        Target::Internal { path, fragment } => Ok(Destination::Here(Link { path, fragment, span: span.clone(), image: false })),
        Target::External(_) | Target::Refused(_) => {
            let help = "use a web address, a mail address as `mailto:…`, or a file below `content/`".to_owned();
            Err((format!("unsupported link: `{url}`"), Some(help)))
        }
    }
}

fn external(to: &Destination, span: &Span) -> Option<External> {
    match to {
        Destination::Elsewhere(url) if link::is_web(url) => Some(External { url: url.clone(), span: span.clone() }),
        Destination::Elsewhere(_) | Destination::Here(_) => None,
    }
}

impl Footer {
    /// Takes one line of Markdown: words, emphasis, code and links.
    fn read(&mut self, text: &Spanned<String>, links: &mut Vec<External>) -> Result<(), (String, Option<String>)> {
        let html = &mut self.body.html;
        let mut paragraphs = 0;
        for (event, _) in markdown::events(&text.value) {
            match event {
                Event::Text(words) => escape(&words, html),
                Event::Code(words) => {
                    html.push_str("<code>");
                    escape(&words, html);
                    html.push_str("</code>");
                }
                Event::SoftBreak | Event::HardBreak => html.push(' '),
                Event::Start(Tag::Link { dest_url, .. }) => {
                    let to = destination(&dest_url, &text.span)?;
                    links.extend(external(&to, &text.span));
                    html.push_str("<a href=\"");
                    match to {
                        Destination::Elsewhere(url) => escape(&link::encode(&url), html),
                        Destination::Here(link) => {
                            self.body.holes.push((html.len(), Hole::Link(self.links.len())));
                            self.links.push(link);
                        }
                    }
                    html.push_str("\">");
                }
                Event::End(TagEnd::Link) => html.push_str("</a>"),
                Event::Start(Tag::Strong) => html.push_str("<strong>"),
                Event::End(TagEnd::Strong) => html.push_str("</strong>"),
                Event::Start(Tag::Emphasis) => html.push_str("<em>"),
                Event::End(TagEnd::Emphasis) => html.push_str("</em>"),
                Event::Start(Tag::Paragraph) if paragraphs == 0 => paragraphs = 1,
                Event::End(TagEnd::Paragraph) => {}
                _ => {
                    let help = "use one line of words, emphasis, code and links; write `2026\\.` at the start, as `2026.` begins a list"
                        .to_owned();
                    return Err(("`footer` contains more than a footer can show".to_owned(), Some(help)));
                }
            }
        }
        Ok(())
    }
}

impl Look {
    /// The style sheet for the colours and the font; `None` if nothing is set. It is published in `assets/`.
    pub fn css(&self) -> Option<String> {
        let mut css = String::new();
        let mut names = self.font.clone();
        if let Some(file) = &self.font_file {
            let url = link::encode_name(file.value.as_str());
            css.push_str(&format!("@font-face{{font-family:\"Site font\";src:url(\"../{url}\");font-display:swap}}\n"));
            names = Some(names.map_or_else(|| "\"Site font\"".to_owned(), |names| format!("\"Site font\",{names}")));
        }
        let values =
            |of: fn(&Color) -> &String| self.colors.iter().map(|color| format!("--{}:{};", color.name, of(color))).collect::<String>();
        let font = names.map(|names| format!("--sans:{names},system-ui,sans-serif;")).unwrap_or_default();
        if font.is_empty() && self.colors.is_empty() {
            return None;
        }
        css.push_str(&format!("@media not print{{:root{{{font}{}}}}}\n", values(|color| &color.light)));
        if !self.colors.is_empty() {
            css.push_str(&format!("@media screen and (prefers-color-scheme:dark){{:root{{{}}}}}\n", values(|color| &color.dark)));
        }
        Some(css)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrasts_are_those_of_the_standard() {
        let check = |one: &str, other: &str, expected: f64| assert!((contrast(one, other) - expected).abs() < 0.01, "{one} {other}");
        check("#000000", "#ffffff", 21.0);
        check("#777777", "#ffffff", 4.48);
        check("#0b5a86", "#0b5a86", 1.0);
        for (name, light, dark) in COLORS.iter().filter(|(name, ..)| ["ink", "soft", "accent"].contains(name)) {
            assert!(contrast(light, COLORS[0].1) >= LEAST_CONTRAST && contrast(dark, COLORS[0].2) >= LEAST_CONTRAST, "{name}");
        }
    }

    #[test]
    fn words_at_the_foot_are_words() {
        let read = |text: &str| {
            let mut footer = Footer::default();
            let text = Spanned { value: text.to_owned(), span: 0..0 };
            footer.read(&text, &mut Vec::new()).map(|()| footer.body.fill(|_, html| html.push('?'))).map_err(|(message, _)| message)
        };
        let check = |text: &str, expected: &str| assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        check(
            "By **us** & [them](https://a.example/?b=\"c\") `z`",
            "By <strong>us</strong> &amp; <a href=\"https://a.example/?b=%22c%22\">them</a> <code>z</code>",
        );
        check("[a *b*](guide/a.md#c) [d](mailto:e@f.example)", "<a href=\"?\">a <em>b</em></a> <a href=\"mailto:e@f.example\">d</a>");
        for text in [
            "<script>",
            "# a",
            "![a](b.png)",
            "[x](javascript:y)",
            "[x](//a.example)",
            "[x](mailto:)",
            "a\n\n- b",
            "a\n\nb",
            "2026. b",
            "[x](https:a.example)",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_look_is_a_style() {
        let check = |text: &str, expected: Option<&str>| {
            let mut diagnostics = crate::diagnostic::Diagnostics::default();
            let path = crate::source::configuration();
            let table = crate::data::toml(text, &path, 0, crate::data::CONFIGURATION, &mut diagnostics);
            let mut reader = Reader::new("[look]", &path, &table, 0..0, crate::data::CONFIGURATION);
            let look = read(&mut reader);
            assert!(reader.finish().is_empty() && diagnostics.is_empty(), "{text}");
            assert_eq!(look.css().as_deref(), expected, "{text}");
        };
        check("footer = \"x\"", None);
        check("font = \"Inter\"", Some("@media not print{:root{--sans:\"Inter\",system-ui,sans-serif;}}\n"));
        check(
            "font_file = \"a b.woff2\"\n[colors]\naccent = [\"#7A1F5C\", \"#f0a6d8\"]",
            Some(
                "@font-face{font-family:\"Site font\";src:url(\"../a%20b.woff2\");font-display:swap}\n@media not print{:root{--sans:\"Site font\",system-ui,sans-serif;--accent:#7a1f5c;}}\n@media screen and (prefers-color-scheme:dark){:root{--accent:#f0a6d8;}}\n",
            ),
        );
    }

    #[test]
    fn fonts_are_names() {
        assert_eq!(font("Inter, Noto Sans,serif").unwrap(), "\"Inter\",\"Noto Sans\",serif");
        for text in ["", "a;b", "url(x)", "a,,b", "a\"b"] {
            assert!(font(text).is_err(), "{text}");
        }
    }
}
