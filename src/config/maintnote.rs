//! `[notices.maintnote]` and `affects`: data for programs that track the maintenance of providers.

use std::collections::BTreeMap;

use super::event::Event;
use crate::data::{Reader, Shape, Spanned};
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::source::Span;
use crate::text::{is_bidi_control, suggest, visible};

/// `[notices.maintnote]`: puts the properties of the BCOP draft for maintenance notifications into the calendar part.
#[derive(Clone, Debug)]
pub struct Maintnote {
    /// Who does the work, such as the domain of the company.
    pub provider: String,
    pub account: Account,
    span: Span,
}

/// The customer's account with the provider.
#[derive(Clone, Debug)]
pub enum Account {
    /// The same for everybody.
    Same(String),
    /// A different one for each recipient, in this column.
    Column(Spanned<String>),
}

/// The impact on users, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Impact {
    NoImpact,
    ReducedRedundancy,
    Degraded,
    Outage,
}

impl Impact {
    const ALL: [Impact; 4] = [Impact::NoImpact, Impact::ReducedRedundancy, Impact::Degraded, Impact::Outage];

    pub fn name(self) -> &'static str {
        match self {
            Impact::NoImpact => "NO-IMPACT",
            Impact::ReducedRedundancy => "REDUCED-REDUNDANCY",
            Impact::Degraded => "DEGRADED",
            Impact::Outage => "OUTAGE",
        }
    }
}

impl Maintnote {
    /// Why such programs could not read this event with these columns.
    pub fn faults(&self, event: &Event, columns: &[String]) -> Vec<Diagnostic> {
        let config = crate::source::configuration();
        let mut faults = Vec::new();
        if event.affects.is_empty() {
            let message = format!("`[notices.maintnote]` needs to know what the event `{}` affects", event.id);
            let help = format!("set `affects = {{ api = \"OUTAGE\" }}` in [events.{}]", event.id);
            faults.push(Diagnostic::new(rule::MISSING_KEY, message).at(&config, self.span.clone()).help(help));
        }
        if let Account::Column(column) = &self.account
            && !columns.contains(&column.value)
        {
            let message = format!("missing column `{}`, which is set as `account_column`", visible(&column.value));
            let help = suggest(&column.value, columns.iter().map(String::as_str))
                .unwrap_or_else(|| "use a column of the recipient table; previews take its value from `sample` in [notices]".to_owned());
            faults.push(Diagnostic::new(rule::MISSING_COLUMN, message).at(&config, column.span.clone()).help(help));
        }
        faults
    }
}

/// Reads `[notices.maintnote]`. `None` if a required key is missing; that is reported.
pub fn read(reader: &mut Reader, has_calendar: bool) -> Option<Maintnote> {
    let provider = reader.needed_text("provider");
    let account = reader.text("account");
    let column = reader.text("account_column");
    for text in [&provider, &account, &column].into_iter().flatten() {
        refuse_unfit(reader, &text.value, &text.span);
    }
    let provider = provider?;
    let span = provider.span.clone();
    if !has_calendar {
        let help = "set `calendar` to \"request\", \"publish\" or \"attached\"".to_owned();
        reader.reject(&span, "`[notices.maintnote]` needs the calendar part, but `calendar` is false", Some(help));
    }
    let account = match (account, column) {
        (Some(account), None) => Account::Same(account.value),
        (None, Some(column)) => Account::Column(column),
        (account, _) => {
            let problem = if account.is_some() { "both `account` and `account_column` are set" } else { "no account is set" };
            let help = "set `account` if all recipients share one, or `account_column` if it is in the recipient table".to_owned();
            reader.reject(&span, problem, Some(help));
            return None;
        }
    };
    Some(Maintnote { provider: provider.value, account, span })
}

/// `affects = { api = "OUTAGE", website = "DEGRADED" }`
pub fn read_affects(reader: &mut Reader) -> BTreeMap<String, Impact> {
    let mut affects = BTreeMap::new();
    let written = reader.words("affects");
    reader.holds("affects", Shape::Named(Box::new(Shape::OneOf(Impact::ALL.map(Impact::name).to_vec()))));
    for (key, word) in written {
        refuse_unfit(reader, &key.name, &key.span);
        match Impact::ALL.into_iter().find(|impact| impact.name() == word) {
            Some(impact) => {
                affects.insert(key.name, impact);
            }
            None => {
                let names = Impact::ALL.map(Impact::name);
                let help = suggest(&word.to_ascii_uppercase(), names).unwrap_or_else(|| format!("use {}", names.join(", ")));
                reader.reject(&key.span, format!("unknown impact of `{}`: {}", visible(&key.name), visible(&word)), Some(help));
            }
        }
    }
    affects
}

/// Whether a text would not fit on one line of visible text.
fn refuse_unfit(reader: &mut Reader, text: &str, span: &Span) {
    if text.trim().is_empty() || text.chars().any(|c| c.is_control() || is_bidi_control(c) || matches!(c, '\u{2028}' | '\u{2029}')) {
        let help = "use one line of visible text".to_owned();
        reader.reject(span, format!("empty text or invisible character: \"{}\"", visible(text)), Some(help));
    }
}
