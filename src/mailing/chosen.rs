//! Which rows of a table get a message: everyone except those on the suppression list and those not selected.

use super::row_faults::RowFaults;
use super::{Selection, Source};
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::error::{Context, Error, Result};
use crate::mail::address;
use crate::notice::filter::Filter;
use crate::notice::recipients::Recipient;
use crate::notice::rows::RowFault;
use crate::notice::shard::Shard;
use crate::notice::suppression::Suppression;
use crate::rule;

/// Which rows of a table get a message.
pub struct Chosen {
    pub suppression: Suppression,
    only: Option<u128>,
    filter: Option<Filter>,
    shard: Option<Shard>,
    /// Whether any row has met the condition so far, in any part of the table.
    pub is_met: bool,
}

impl Chosen {
    /// `None` if the suppression list is faulty; that is reported.
    pub fn new(
        source: &impl Source,
        config: &Config,
        selection: &Selection,
        columns: &[String],
        diagnostics: &mut Diagnostics,
    ) -> Result<Option<Chosen>> {
        let filter = match selection.condition {
            Some(condition) => Some(Filter::new(condition, columns).with_context(|| format!("invalid condition `--where {condition}`"))?),
            None => None,
        };
        let only = match selection.only {
            Some(only) => Some(address::hash(&address::parse(only).map_err(Error::new)?)),
            None => None,
        };
        let suppression = suppression(source, config, diagnostics)?;
        Ok(suppression.map(|suppression| Chosen { suppression, only, filter, shard: selection.shard, is_met: false }))
    }

    pub fn takes(&mut self, recipient: &Recipient) -> Result<bool> {
        let is_named = self.only.is_none_or(|only| only == address::hash(&recipient.address))
            && self.shard.is_none_or(|shard| shard.holds(&recipient.address));
        // The condition is also evaluated for the others, until a row meets it.
        let Some(filter) = self.filter.as_ref().filter(|_| is_named || !self.is_met) else { return Ok(is_named) };
        let meets = filter.takes(recipient).with_context(|| format!("`--where` fails on line {}", recipient.line))?;
        self.is_met |= meets;
        Ok(is_named && meets)
    }
}

/// Reads the list that `suppress` names. If it is missing, that is an error: people who left would get mail.
fn suppression(source: &impl Source, config: &Config, diagnostics: &mut Diagnostics) -> Result<Option<Suppression>> {
    let Some(path) = &config.notices.suppress else { return Ok(Some(Suppression::default())) };
    let Some((beginning, list)) = source.suppressions(&path.value)? else {
        let diagnostic = Diagnostic::new(rule::NO_SUPPRESSIONS, format!("file not found: `{}`", path.value));
        let help = "create it, even if it is empty: without it, people who unsubscribed would be mailed";
        diagnostics.push(diagnostic.at(&crate::source::configuration(), path.span.clone()).help(help));
        return Ok(None);
    };
    match Suppression::read(list, &beginning, &path.value) {
        Ok(suppression) => Ok(Some(suppression)),
        Err(faults) => {
            let mut named = RowFaults::new(&path.value, None);
            for diagnostic in faults {
                named.add(vec![RowFault { column: String::new(), value: String::new(), diagnostic }], diagnostics);
            }
            named.finish(diagnostics);
            Ok(None)
        }
    }
}
