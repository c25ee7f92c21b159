//! The badge: a small picture and a small JSON file, both drawn by us from the judgement alone.
//!
//! No text of the status server enters them, only our own words, numbers and times.

use serde::Serialize;

use super::{Overview, State};
use crate::language::Language;

/// The colour behind the time.
pub const BADGE_BACKGROUND: &str = "#24292f";
/// The colour of the words, on every background.
pub const BADGE_INK: &str = "#ffffff";
/// The colour of the outline, seen on light and dark pages alike.
pub const BADGE_BORDER: &str = "#768390";

impl State {
    /// The background of a badge in this state, dark enough for white words.
    pub fn color(self) -> &'static str {
        match self {
            State::Up => "#1a7f37",
            State::Degraded => "#8f5f00",
            State::Down => "#c31c27",
            State::Pending => "#7a4b9b",
            State::Maintenance => "#0a5fc2",
            State::Unknown => "#57606a",
        }
    }

    /// The drawing of this state in a square of 14, as strokes; each state has its own shape.
    pub fn icon_path(self) -> &'static str {
        match self {
            State::Up => "M2.5 7.5l3 3 6-7",
            State::Degraded => "M7 2l5.5 10h-11zM7 5.8v2.7M7 10.3v.1",
            State::Down => "M3 3l8 8M11 3l-8 8",
            State::Pending => "M2.5 7h.1M7 7h.1M11.4 7h.1",
            State::Maintenance => "M4.7 3v8M9.3 3v8",
            State::Unknown => "M4.5 5a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.6M7 11.4v.1",
        }
    }
}

/// The badge as a standalone SVG: state in words, shape and colour, and its time.
pub fn badge_svg(overview: &Overview, language: &Language) -> String {
    let headline = escaped(&overview.headline);
    let label = escaped(&full_words(overview, language));
    let words_width = text_width(&overview.headline);
    let state_width = 26 + words_width + 7;
    let time = overview.as_of_words.as_deref().unwrap_or_default();
    let time_width = text_width(time);
    let total = if time.is_empty() { state_width } else { state_width + time_width + 14 };
    let (color, icon) = (overview.state.color(), overview.state.icon_path());

    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="20" viewBox="0 0 {total} 20" role="img" aria-label="{label}">
<title>{label}</title>
<rect width="{total}" height="20" rx="3" fill="{color}"/>
"##
    );
    if !time.is_empty() {
        let right = total - 3;
        svg.push_str(&format!(
            r##"<path d="M{state_width} 0H{right}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H{state_width}z" fill="{BADGE_BACKGROUND}"/>
"##
        ));
    }
    svg.push_str(&format!(
        r##"<rect x=".5" y=".5" width="{inner}" height="19" rx="2.5" fill="none" stroke="{BADGE_BORDER}"/>
<path transform="translate(6 3)" d="{icon}" fill="none" stroke="{BADGE_INK}" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/>
<g fill="{BADGE_INK}" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11">
<text x="26" y="14" textLength="{words_width}" lengthAdjust="spacingAndGlyphs">{headline}</text>
"##,
        inner = total - 1,
    ));
    if !time.is_empty() {
        let (x, time) = (state_width + 7, escaped(time));
        svg.push_str(&format!(
            r##"<text x="{x}" y="14" textLength="{time_width}" lengthAdjust="spacingAndGlyphs">{time}</text>
"##
        ));
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// The badge as data for shields.io, which draws it and rejects any key it does not know.
pub fn badge_json(overview: &Overview) -> String {
    let badge = ShieldsBadge {
        schema_version: 1,
        label: "status",
        message: &joined(overview),
        color: overview.state.color().trim_start_matches('#'),
        is_error: matches!(overview.state, State::Down | State::Unknown),
        cache_seconds: 300,
    };
    let mut json = serde_json::to_string_pretty(&badge).expect("a badge holds only texts and numbers");
    json.push('\n');
    json
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShieldsBadge<'a> {
    schema_version: u32,
    label: &'a str,
    message: &'a str,
    color: &'a str,
    is_error: bool,
    cache_seconds: u32,
}

/// State and time, behind a label unless the state begins with it.
fn full_words(overview: &Overview, language: &Language) -> String {
    let words = joined(overview);
    let label = language.text("status.label").split(['{', ':', '\u{A0}']).next().unwrap_or_default();
    if words.starts_with(label) { words } else { language.fill("status.label", &[("state", &words)]) }
}

fn joined(overview: &Overview) -> String {
    match &overview.as_of_words {
        Some(time) => format!("{}, {time}", overview.headline),
        None => overview.headline.clone(),
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// The width of a text in whole pixels at 11 px, after the letters of Verdana.
fn text_width(text: &str) -> usize {
    let thousandths: usize = text.chars().map(|c| letter_width(c) * 11).sum();
    thousandths.div_ceil(1000)
}

/// The width of a letter in thousandths of its size; letters we never draw count as wide.
fn letter_width(c: char) -> usize {
    match c {
        'i' | 'l' | 'j' | '\'' => 290,
        ' ' | 'f' | ',' | '.' => 358,
        't' | 'r' | 'I' | 'J' | '(' | ')' | ':' | '-' | '/' => 440,
        'c' | 's' | 'z' => 521,
        'a' | 'b' | 'd' | 'e' | 'g' | 'h' | 'k' | 'n' | 'o' | 'p' | 'q' | 'u' | 'v' | 'x' | 'y' => 620,
        '0'..='9' | 'E' | 'F' | 'L' | 'P' | 'T' | 'Y' => 636,
        'A' | 'B' | 'C' | 'K' | 'R' | 'S' | 'U' | 'V' | 'X' | 'Z' => 695,
        'D' | 'G' | 'H' | 'N' | 'O' | 'Q' => 775,
        'm' | 'w' | 'M' | 'W' => 930,
        _ => 1000,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn overview(state: State, headline: &str) -> Overview {
        let as_of_words = Some("as of 22 Nov 14:05 UTC".to_string());
        Overview { state, headline: headline.to_string(), as_of_words, ..Overview::default() }
    }

    /// The contrast of two colours after WCAG 2.
    fn contrast(one: &str, other: &str) -> f64 {
        let light = |color: &str| {
            let channel = |from: usize| {
                let value = u8::from_str_radix(&color[from..from + 2], 16).expect("two hexadecimal digits");
                let share = f64::from(value) / 255.0;
                if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5) + 0.05
        };
        let (one, other) = (light(one), light(other));
        one.max(other) / one.min(other)
    }

    #[test]
    fn words_are_readable_on_every_background() {
        for state in State::ALL {
            assert!(contrast(state.color(), BADGE_INK) >= 4.5, "{state}: {}", contrast(state.color(), BADGE_INK));
        }
        assert!(contrast(BADGE_BACKGROUND, BADGE_INK) >= 4.5);
        for page in ["#ffffff", "#0d1117", "#000000"] {
            assert!(contrast(BADGE_BORDER, page) >= 3.0, "{page}: {}", contrast(BADGE_BORDER, page));
        }
        assert!((contrast("#66c20a", "#ffffff") - 2.26).abs() < 0.01, "the green that fails");
    }

    #[test]
    fn every_state_has_its_own_shape_and_colour() {
        assert_eq!(State::ALL.map(State::icon_path).into_iter().collect::<BTreeSet<_>>().len(), State::ALL.len());
        assert_eq!(State::ALL.map(State::color).into_iter().collect::<BTreeSet<_>>().len(), State::ALL.len());
    }

    /// Checks that tags are closed in order and that no bare `<`, `>` or `&` is left in texts and attributes.
    fn assert_well_formed(svg: &str) {
        let mut open = Vec::new();
        for piece in svg.split('<').skip(1) {
            let (tag, text) = piece.split_once('>').expect("a tag ends");
            assert!(!text.contains('>'), "{svg}");
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name), "{svg}");
            } else if !tag.ends_with('/') {
                open.push(tag.split(' ').next().expect("a name"));
            }
        }
        assert!(open.is_empty(), "{svg}");
        for piece in svg.split('&').skip(1) {
            let entity = piece.split(';').next().expect("a piece");
            assert!(["amp", "lt", "gt", "quot", "#39"].contains(&entity), "{svg}");
        }
    }

    #[test]
    fn the_picture_says_its_state_and_time() {
        for state in State::ALL {
            let svg = badge_svg(&overview(state, "Maintenance (3 down)"), &Language::default());
            assert_well_formed(&svg);
            assert!(svg.contains(r#"role="img""#));
            assert!(svg.contains(r#"aria-label="Status: Maintenance (3 down), as of 22 Nov 14:05 UTC""#));
            assert!(svg.contains("<title>Status: Maintenance (3 down), as of 22 Nov 14:05 UTC</title>"));
            assert!(svg.contains(">as of 22 Nov 14:05 UTC</text>"));
            for foreign in ["<script", "href", "url(", "<image", "<style", "<foreignObject", "on"] {
                let attributes: String = svg.split('>').filter_map(|piece| piece.split_once('<')).map(|it| it.1).collect();
                let found = if foreign == "on" { attributes.contains(" on") } else { svg.contains(foreign) };
                assert!(!found, "{foreign} in {svg}");
            }
        }
    }

    #[test]
    fn a_hostile_text_stays_text() {
        let svg = badge_svg(&overview(State::Up, "</title><script>alert('1')</script> & \"q\"\u{0}\u{1b}"), &Language::default());
        assert_well_formed(&svg);
        assert!(!svg.contains("<script"));
        assert!(svg.contains("&lt;/title&gt;&lt;script&gt;alert(&#39;1&#39;)"));
        assert!(!svg.contains('\u{1b}'));
    }

    #[test]
    fn the_picture_without_a_time_has_one_part() {
        let overview = Overview { as_of_words: None, ..overview(State::Unknown, "Status unknown") };
        let svg = badge_svg(&overview, &Language::default());
        assert_well_formed(&svg);
        assert_eq!(svg.matches("<text").count(), 1);
        assert!(svg.contains("<title>Status unknown</title>"));
    }

    #[test]
    fn the_data_form_is_what_shields_takes() {
        let json = badge_json(&overview(State::Degraded, "Partially degraded (1 down)"));
        assert_eq!(
            json,
            r#"{
  "schemaVersion": 1,
  "label": "status",
  "message": "Partially degraded (1 down), as of 22 Nov 14:05 UTC",
  "color": "8f5f00",
  "isError": false,
  "cacheSeconds": 300
}
"#
        );
        assert!(badge_json(&overview(State::Unknown, "Status unknown")).contains(r#""isError": true"#));
    }
}
