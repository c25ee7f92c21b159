//! Small grammars of our own, for languages that no grammar set covers: words, strings, numbers and comments.

use super::token::{Line, Tokens};

/// A language, in as much detail as highlighting needs.
#[derive(Debug)]
pub struct Grammar {
    pub name: &'static str,
    /// Keywords of the language.
    keywords: &'static [&'static str],
    /// Names of functions and directives.
    functions: &'static [&'static str],
    /// What begins a comment.
    comment: &'static str,
    /// String quotes.
    quotes: &'static str,
    /// Characters of a word besides letters and digits.
    letters: &'static str,
    /// Whether the first word of a line is a directive.
    commands: bool,
    /// Whether a word before `=`, `!` or `~` is a name.
    labels: bool,
}

/// The configuration of the Caddy web server (<https://caddyserver.com/docs/caddyfile>).
pub const CADDYFILE: Grammar = Grammar {
    name: "caddyfile",
    keywords: &["import", "on", "off", "handle", "handle_path", "handle_errors", "route", "not", "internal", "permanent", "browse", "*"],
    functions: &[],
    comment: "#",
    quotes: "\"`",
    letters: "_-@.:/*",
    commands: true,
    labels: false,
};

/// Queries of Prometheus (<https://prometheus.io/docs/prometheus/latest/querying/basics/>).
pub const PROMQL: Grammar = Grammar {
    name: "promql",
    keywords: &[
        "and",
        "or",
        "unless",
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "offset",
        "bool",
        "atan2",
        "start",
        "end",
    ],
    functions: &[
        "abs",
        "absent",
        "absent_over_time",
        "avg",
        "avg_over_time",
        "bottomk",
        "ceil",
        "changes",
        "clamp",
        "clamp_max",
        "clamp_min",
        "count",
        "count_over_time",
        "count_values",
        "day_of_month",
        "day_of_week",
        "day_of_year",
        "days_in_month",
        "delta",
        "deriv",
        "exp",
        "floor",
        "group",
        "histogram_avg",
        "histogram_count",
        "histogram_fraction",
        "histogram_quantile",
        "histogram_sum",
        "hour",
        "idelta",
        "increase",
        "irate",
        "label_join",
        "label_replace",
        "last_over_time",
        "limitk",
        "ln",
        "log10",
        "log2",
        "max",
        "max_over_time",
        "min",
        "min_over_time",
        "minute",
        "month",
        "pi",
        "predict_linear",
        "present_over_time",
        "quantile",
        "quantile_over_time",
        "rate",
        "resets",
        "round",
        "scalar",
        "sgn",
        "sort",
        "sort_desc",
        "sqrt",
        "stddev",
        "stddev_over_time",
        "stdvar",
        "stdvar_over_time",
        "sum",
        "sum_over_time",
        "time",
        "timestamp",
        "topk",
        "vector",
        "year",
    ],
    comment: "#",
    quotes: "\"'`",
    letters: "_:",
    commands: false,
    labels: true,
};

impl Grammar {
    /// Cuts code into tokens.
    pub fn tokens(&self, code: &str) -> Tokens {
        let mut tokens = Tokens::default();
        for line in code.split_inclusive('\n') {
            let mut out = Line::new(&mut tokens);
            self.line(line, &mut out);
            out.end();
        }
        tokens
    }

    fn line(&self, line: &str, out: &mut Line) {
        let mut rest = line;
        let mut is_first = true;
        while let Some(letter) = rest.chars().next() {
            let begins = |text: &str| rest.starts_with(text);
            let is_start = rest.len() == line.len() || line[..line.len() - rest.len()].ends_with([' ', '\t']);
            let (length, class) = if begins(self.comment) && is_start {
                (rest.len(), Some('c'))
            } else if self.quotes.contains(letter) {
                (string_end(rest, letter), Some('s'))
            } else if self.commands && letter == '{' && rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '$') {
                // A placeholder: `{host}`, `{$NAME}`.
                (rest.find('}').map_or(1, |end| end + 1), Some('v'))
            } else if letter.is_ascii_digit() && !self.commands {
                // `0.1`, `5m`.
                let length = rest.find(|c: char| !c.is_alphanumeric() && c != '.').unwrap_or(rest.len());
                (length, Some('n'))
            } else if letter.is_alphanumeric() || self.letters.contains(letter) {
                let length = rest.find(|c: char| !c.is_alphanumeric() && !self.letters.contains(c)).unwrap_or(rest.len());
                (length, self.word(&rest[..length], &rest[length..], is_first))
            } else {
                (letter.len_utf8(), None)
            };
            out.token(class, &rest[..length]);
            is_first = is_first && rest[..length].trim().is_empty();
            rest = &rest[length..];
        }
    }

    fn word(&self, word: &str, after: &str, is_first: bool) -> Option<char> {
        let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        if digits.starts_with(|c: char| c.is_ascii_digit()) && digits.chars().all(|c| c.is_ascii_digit() || c == '.') {
            return Some('n');
        }
        if self.functions.contains(&word) && after.trim_start().starts_with(['(', 'b', 'w']) {
            return Some('f');
        }
        if word.starts_with('@') && word.len() > 1 {
            return Some('v');
        }
        if self.commands && is_first && !word.contains(['.', ':', '/', '*']) {
            return Some(if self.keywords.contains(&word) { 'k' } else { 'f' });
        }
        if self.keywords.contains(&word) {
            return Some('k');
        }
        (self.labels && after.trim_start().starts_with(['=', '!', '~'])).then_some('a')
    }
}

/// Where a string ends that begins with a quote; at the end of the line if it is not closed there.
fn string_end(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\n' => return at,
            _ if is_escaped => is_escaped = false,
            '\\' if quote != '`' => is_escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caddyfiles_and_queries_have_colours() {
        let html = |grammar: &Grammar, code: &str| grammar.tokens(code).html(code).unwrap();
        let caddy = html(&CADDYFILE, "docs.example.org {\n\troot * /srv # x\n\theader X \"a\\\"b\" {$Y}\n}\n");
        assert_eq!(
            caddy,
            "docs.example.org {\n\t<span class=\"f\">root</span> <span class=\"k\">*</span> /srv <span class=\"c\"># x</span>\n\t<span class=\"f\">header</span> X <span class=\"s\">\"a\\\"b\"</span> <span class=\"v\">{$Y}</span>\n}\n"
        );
        let query = html(&PROMQL, "sum by (job) (rate(http_requests_total{code=~\"5..\"}[5m])) > 0.1\n");
        assert_eq!(
            query,
            "<span class=\"f\">sum</span> <span class=\"k\">by</span> (job) (<span class=\"f\">rate</span>(http_requests_total{<span class=\"a\">code</span>=~<span class=\"s\">\"5..\"</span>}[<span class=\"n\">5m</span>])) &gt; <span class=\"n\">0.1</span>\n"
        );
    }
}
