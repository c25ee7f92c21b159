//! A selection of recipients, written as a template condition: `r.lang == "de"`.

use tera::{Context, Tera};

use super::complaint;
use super::recipients::Recipient;
use super::variables::{self, Scope};
use crate::diagnostic::Diagnostics;
use crate::error::{Error, Result};
use crate::page::tags;
use crate::source::RelPath;

/// A condition that a recipient meets or not.
pub struct Filter {
    tera: Tera,
}

const NAME: &str = "filter";

impl Filter {
    /// Compiles a condition over the columns `r.COLUMN`. An error says what is wrong with it.
    pub fn new(condition: &str, columns: &[String]) -> Result<Filter> {
        if condition.contains("%}") || condition.contains("{%") || condition.contains("{{") {
            return Err(Error::new("write the condition alone, without braces"));
        }
        let template = format!("{{% if {condition} %}}y{{% endif %}}");
        let scope = Scope::from([("r".to_owned(), Some(columns.iter().cloned().collect()))]);
        let mut faults = Diagnostics::default();
        let path = RelPath::new(NAME).expect("a plain name");
        let marked = tags::mark(&template, &path, 0, &mut faults);
        variables::check(&marked.tags.iter().collect::<Vec<_>>(), &scope, &path, &mut faults);
        if let Some(fault) = faults.iter().next() {
            return Err(Error::new(&*fault.message).maybe_help(fault.help.as_deref()));
        }
        let mut tera = Tera::new();
        tera.add_raw_template(NAME, &template).map_err(|error| Error::new(complaint::of(&error)))?;
        Ok(Filter { tera })
    }

    /// Whether a recipient meets the condition.
    pub fn takes(&self, recipient: &Recipient) -> Result<bool> {
        let mut context = Context::new();
        context.insert_value("r", super::merge::row(recipient));
        self.tera.render(NAME, &context).map(|text| !text.is_empty()).map_err(|error| Error::new(complaint::of(&error)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::mail::address;

    #[test]
    fn conditions() {
        let fields = BTreeMap::from([
            ("email".to_owned(), "a@b.example".to_owned()),
            ("lang".to_owned(), "de".to_owned()),
            ("org".to_owned(), String::new()),
        ]);
        let recipient = Recipient::new(address::parse("a@b.example").unwrap(), &fields);
        let columns: Vec<String> = fields.keys().cloned().collect();
        let check = |condition: &str, expected: Result<bool, &str>| {
            let taken = Filter::new(condition, &columns).and_then(|filter| filter.takes(&recipient));
            match (taken, expected) {
                (Ok(taken), Ok(expected)) => assert_eq!(taken, expected, "{condition}"),
                (Err(message), Err(expected)) => assert!(message.message().contains(expected), "{condition}: {message}"),
                (taken, _) => panic!("{condition}: {taken:?}"),
            }
        };
        check("r.lang == \"de\"", Ok(true));
        check("r.lang == \"en\" or r.email is ending_with(pat=\"b.example\")", Ok(true));
        check("r.lang != \"de\"", Ok(false));
        check("r.org", Ok(false));
        check("not r.org", Ok(true));
        check("r.lnag == \"de\"", Err("there is no `r.lnag`"));
        check("r.lang ==", Err(""));
        check("true %}{{ 1 }}{% if true", Err("without braces"));
    }
}
