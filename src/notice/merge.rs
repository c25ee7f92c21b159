//! Merging: a notice and a mailing's recipients become messages, one per recipient.

use std::collections::{BTreeMap, BTreeSet};

use tera::{Context, Value};

use super::Notice;
use super::columns::is_name;
use super::engine::{Compiled, Fault, Rendered};
use super::invitation::Invitation;
use super::message::{self, Message, Posting};
use super::recipients::Recipient;
use super::review::Probe;
use super::rows::RowFault;
use super::variables::{self, Scope};
use crate::config::{Config, Event};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::rule;
use crate::source::RelPath;
use crate::status::Overview;

/// A notice in one language, ready to be rendered.
pub struct Version<'a> {
    pub notice: &'a Notice,
    pub compiled: Compiled,
}

/// A notice that is ready for its recipients.
pub struct Merge<'a> {
    /// The original first, then its translations.
    pub versions: Vec<Version<'a>>,
    pub posting: Posting<'a>,
    /// The mailing's id, as notices show it.
    mailing: String,
    base: Context,
    /// The table's name in diagnostics.
    recipients: RelPath,
}

impl<'a> Merge<'a> {
    pub fn new(
        config: &'a Config,
        status: Option<&Overview>,
        versions: Vec<Version<'a>>,
        event: Option<&Event>,
        posting: Posting<'a>,
        recipients: RelPath,
    ) -> Merge<'a> {
        let base = context(config, status, event, &posting.campaign.mailing, &BTreeMap::new());
        let mailing = posting.campaign.mailing.clone();
        Merge { versions, posting, mailing, base, recipients }
    }

    /// The version for a recipient: in its language, in that without its region, in that of another region, or the original.
    pub fn version(&self, recipient: &Recipient) -> &Version<'a> {
        let wanted = recipient.get("lang").unwrap_or("").replace('_', "-");
        let speaks = |tag: &str| {
            let is_it = |version: &&Version| version.notice.lang.as_deref().is_some_and(|lang| lang.eq_ignore_ascii_case(tag));
            self.versions.iter().find(is_it)
        };
        // Lookup as in RFC 4647 §3.4.
        let mut tag = &*wanted;
        loop {
            if let Some(version) = speaks(tag) {
                return version;
            }
            let Some((shorter, _)) = tag.rsplit_once('-') else { break };
            tag = shorter;
        }
        // The original may be in this language, too.
        let primary = |lang: &str| lang.split('-').next().is_some_and(|primary| primary.eq_ignore_ascii_case(tag));
        let is_near = |version: &&Version| version.notice.lang.as_deref().is_some_and(primary);
        let near = self.versions.iter().find(is_near).filter(|_| !tag.is_empty() && !primary(self.versions[0].notice.language.tag()));
        near.unwrap_or(&self.versions[0])
    }

    /// The recipient's language, if the notice is not written in it.
    pub fn untranslated<'r>(&self, recipient: &'r Recipient) -> Option<&'r str> {
        let wanted = recipient.get("lang")?;
        let got = self.version(recipient).notice.language.tag();
        let primary = |lang: &str| lang.split(['-', '_']).next().unwrap_or("").to_ascii_lowercase();
        (primary(wanted) != primary(got)).then_some(wanted)
    }

    /// The columns whose values the messages may contain, in any language.
    pub fn columns(&self) -> BTreeSet<String> {
        let tags = self.versions.iter().flat_map(|version| version.compiled.used(version.notice));
        let used = tags.flat_map(variables::used).filter_map(|name| Some(name.strip_prefix("r.")?.to_owned()));
        // The name also appears in the header `To`.
        let invitation = self.posting.invitation.as_ref().and_then(Invitation::column);
        used.chain(["name".to_owned()]).chain(invitation.map(str::to_owned)).collect()
    }

    /// Checks the variables of the notice against the columns of the recipients.
    pub fn check_columns(&self, config: &Config, event: Option<&Event>, columns: &[String], diagnostics: &mut Diagnostics) {
        let scope = scope(config, event, columns.iter().map(String::as_str).filter(|column| is_name(column)));
        for Version { notice, compiled } in &self.versions {
            variables::check(&compiled.used(notice), &scope, &notice.path, diagnostics);
        }
    }

    /// The message of one recipient, and what was rendered for it.
    pub fn message(&self, recipient: &Recipient) -> Result<(Message, Rendered), Diagnostic> {
        self.make(recipient, |_| ()).map_err(|fault| fault.diagnostic)
    }

    /// The same, after a change to what was rendered.
    pub fn message_with(&self, recipient: &Recipient, change: impl FnOnce(&mut Rendered)) -> Result<(Message, Rendered), Diagnostic> {
        self.make(recipient, change).map_err(|fault| fault.diagnostic)
    }

    fn make(&self, recipient: &Recipient, change: impl FnOnce(&mut Rendered)) -> Result<(Message, Rendered), Box<RowFault>> {
        let context = self.context(recipient);
        let Version { notice, compiled } = self.version(recipient);
        let mut rendered = compiled.render(&context).map_err(|fault| Box::new(self.render_fault(notice, fault, recipient)))?;
        change(&mut rendered);
        if let Some(column) = self.posting.invitation.as_ref().and_then(Invitation::column).filter(|column| recipient.get(column).is_none())
        {
            let line = usize::try_from(recipient.line).unwrap_or(usize::MAX);
            let message = format!("`{column}` is empty, but the calendar part needs the account");
            let diagnostic = Diagnostic::new(rule::EMPTY_FIELD, message).at_line(&self.recipients, line, recipient.place(column));
            let help = "fill it in, or set one `account` for all recipients in [notices.maintnote]";
            return Err(Box::new(RowFault::new(recipient, column, diagnostic.help(help))));
        }
        let message = message::build(&rendered, recipient, &self.posting).map_err(|message| {
            let line = usize::try_from(recipient.line).unwrap_or(usize::MAX);
            Box::new(RowFault::new(recipient, "", Diagnostic::new(rule::BAD_MESSAGE, message).at_line(&self.recipients, line, 1)))
        })?;
        Ok((message, rendered))
    }

    /// All reasons why a recipient's message cannot be made. A missing value is replaced, so that other reasons show, too.
    pub fn faults(&self, recipient: &Recipient) -> Vec<RowFault> {
        let mut recipient = recipient.clone();
        let mut faults: Vec<RowFault> = Vec::new();
        while let Err(fault) = self.make(&recipient, |_| ()) {
            let filled = faults.iter().any(|known| !known.column.is_empty());
            let index = recipient.columns.iter().position(|column| !fault.column.is_empty() && *column == fault.column);
            // A filter may reject the replacement word where it expects a number: that is not a fault of the row.
            if index.is_some() || !filled {
                faults.push(*fault);
            }
            let Some(index) = index else { break };
            recipient.values[index] = "x".to_owned();
        }
        faults
    }

    fn context(&self, recipient: &Recipient) -> Context {
        let mut context = self.base.clone();
        context.insert_value("r", row(recipient));
        if let Some(unsubscribe) = message::unsubscribe(&self.posting, recipient) {
            context.insert("mailing", &BTreeMap::from([("id", &self.mailing), ("unsubscribe", &unsubscribe)]));
        }
        context
    }

    /// The rendered values of the notice's tags for a recipient who has a message.
    pub fn probe(&self, recipient: &Recipient) -> Probe {
        let context = self.context(recipient);
        self.version(recipient).compiled.probe(&context).unwrap_or_default()
    }

    /// A template that fails: if a value is empty, the table has to be fixed.
    fn render_fault(&self, notice: &Notice, fault: Fault, recipient: &Recipient) -> RowFault {
        let span = fault.span.unwrap_or(notice.span.clone());
        let line = usize::try_from(recipient.line).unwrap_or(usize::MAX);
        let tag = notice.tags.iter().find(|tag| tag.span == span);
        let needed: Vec<String> = tag.into_iter().flat_map(variables::needed).collect();
        let is_empty = |column: &&String| recipient.get(column).is_none() && needed.contains(&format!("r.{column}"));
        if let Some(column) = recipient.columns.iter().find(is_empty) {
            let message = format!("`{column}` is empty, but the notice `{}` uses it", notice.name);
            let help = format!("fill it in, or write `{{{{ r.{column} | default(value=\"…\") }}}}` in the notice");
            let diagnostic = Diagnostic::new(rule::EMPTY_FIELD, message).at_line(&self.recipients, line, recipient.place(column));
            return RowFault::new(recipient, column, diagnostic.help(help));
        }
        let message = format!("{} ({}, line {})", fault.message, self.recipients, recipient.line);
        RowFault::new(recipient, "", Diagnostic::new(rule::TEMPLATE_RENDER, message).at(&notice.path, span))
    }
}

/// The values of a recipient for templates. Empty values are left out: using one is an error, and `default` replaces it.
pub fn row(recipient: &Recipient) -> Value {
    Value::from_serializable(&recipient.fields().collect::<BTreeMap<_, _>>())
}

/// The names that a notice may use, given these columns of recipients.
pub fn scope<'n>(config: &Config, event: Option<&Event>, columns: impl Iterator<Item = &'n str>) -> Scope {
    let mut scope = page_scope(config, event);
    scope.insert("mailing".to_owned(), Some(["id".to_owned()].into()));
    scope.insert("r".to_owned(), Some(columns.map(str::to_owned).collect()));
    scope
}

/// The names that a page knows: those of a notice without its recipient and its mailing.
pub fn page_scope(config: &Config, event: Option<&Event>) -> Scope {
    let set = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let mut event_names = vec!["name", "id"];
    if let Some(event) = event {
        event_names.extend((event.clock.is_some() || event.is_faulty).then_some("start"));
        event_names.extend(event.window.is_some().then_some("window"));
        event_names.extend((event.end().is_some() || event.is_faulty).then_some("end"));
    }
    let mut vars: BTreeSet<String> = config.vars.keys().cloned().collect();
    vars.extend(event.iter().flat_map(|event| event.vars.keys().cloned()));
    BTreeMap::from([
        ("event".to_owned(), if event.is_some() { set(&event_names) } else { set(&[]) }),
        ("links".to_owned(), Some(config.links.keys().cloned().collect())),
        ("vars".to_owned(), Some(vars)),
        ("site".to_owned(), set(&["title", "base_url", "description", "language"])),
        ("status".to_owned(), set(&["state", "headline"])),
    ])
}

/// The values of those names.
pub fn context(
    config: &Config,
    status: Option<&Overview>,
    event: Option<&Event>,
    mailing: &str,
    recipient: &BTreeMap<String, String>,
) -> Context {
    let mut context = Context::new();
    let mut event_values: BTreeMap<&str, String> = BTreeMap::new();
    let mut vars = config.vars.clone();
    if let Some(event) = event {
        event_values.insert("id", event.id.clone());
        event_values.insert("name", event.name.clone());
        event_values.extend(event.clock.as_ref().map(|clock| ("start", clock.t0().to_string())));
        event_values.extend(event.end().map(|end| ("end", end.to_string())));
        event_values.extend(event.window.as_ref().map(|window| ("window", window.to_string())));
        vars.extend(event.vars.clone());
    }
    // As with a recipient's values, empty ones are left out.
    vars.retain(|_, value| !value.trim().is_empty());
    context.insert("event", &event_values);
    context.insert("links", &config.links);
    context.insert("vars", &vars);
    context.insert(
        "site",
        &BTreeMap::from([
            ("title", &config.site.title),
            ("base_url", &config.site.base_url),
            ("description", &config.site.description),
            ("language", &config.site.language),
        ]),
    );
    let (state, headline) = match status {
        Some(overview) => (overview.state.to_string(), overview.headline.clone()),
        None => ("unknown".to_owned(), "Status unknown".to_owned()),
    };
    context.insert("status", &BTreeMap::from([("state", state), ("headline", headline)]));
    context.insert("mailing", &BTreeMap::from([("id", mailing)]));
    context.insert("r", recipient);
    context
}
