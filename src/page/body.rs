//! The HTML of a text, with holes for what depends on other files or the clock.

/// HTML with holes in it, in the order of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    pub html: String,
    pub holes: Vec<(usize, Hole)>,
}

/// What fills a hole once all files and the clock are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hole {
    /// The address of the page's link with this number.
    Link(usize),
    /// The times of the page's heading with this number.
    When(usize),
    /// The boxes of the page's repeated list with this number.
    Rounds(usize),
    /// The names of the columns that [`Hole::Plan`] fills.
    PlanHead,
    /// The time, owner and length of the page's item with this number, as columns.
    Plan(usize),
    /// The page's block of code with this number.
    Code(usize),
}

impl Body {
    /// The HTML with its holes filled.
    pub fn fill(&self, with: impl FnMut(Hole, &mut String)) -> String {
        self.fill_with(64 * self.holes.len(), with)
    }

    /// The HTML with its holes filled; `length` is roughly how many bytes go into them.
    pub fn fill_with(&self, length: usize, mut with: impl FnMut(Hole, &mut String)) -> String {
        let mut html = String::with_capacity(self.html.len() + length);
        let mut from = 0;
        for (at, hole) in &self.holes {
            html.push_str(&self.html[from..*at]);
            with(*hole, &mut html);
            from = *at;
        }
        html.push_str(&self.html[from..]);
        html
    }

    /// The HTML with each hole as a mark, so that it can pass through a template.
    pub fn with_marks(&self) -> String {
        let mut number = 0;
        self.fill(|_, html| {
            html.push_str(&format!("{HOLE}{number}{HOLE}"));
            number += 1;
        })
    }

    /// A body like this one, from its HTML with marks after a template has processed it: parts may be missing or repeated.
    pub fn from_marks(&self, marked: &str) -> Body {
        let mut body = Body::default();
        let mut parts = marked.split(HOLE);
        body.html.push_str(parts.next().unwrap_or(""));
        while let (Some(number), Some(after)) = (parts.next(), parts.next()) {
            if let Some((_, hole)) = number.parse::<usize>().ok().and_then(|number| self.holes.get(number)) {
                body.holes.push((body.html.len(), *hole));
            }
            body.html.push_str(after);
        }
        body
    }
}

/// Surrounds the number of a hole (private use, so it occurs in no page's text).
const HOLE: char = '\u{F8F0}';
