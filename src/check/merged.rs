//! The files that messages are made of, and which faults stop a merge whatever their level.

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostic;
use crate::inputs::Inputs;
use crate::project::{self, Project};
use crate::rule::Severity;
use crate::rule::Stops;
use crate::source::RelPath;

/// The files that messages are made of in this run.
#[derive(Clone, Debug, Default)]
pub struct Merged {
    /// Files with a notice that is sent.
    files: BTreeSet<RelPath>,
    /// Pages without such a notice, and theme files except the layout of mails.
    others: BTreeSet<RelPath>,
    /// Whether anything is merged at all.
    is_any: bool,
}

impl Merged {
    /// `notices`: the names of those that are sent.
    pub fn new(project: &Project, inputs: &Inputs, notices: &BTreeSet<&str>) -> Merged {
        let holders = project.pages.iter().filter(|page| page.notices.iter().any(|notice| notices.contains(&*notice.name)));
        let files: BTreeSet<RelPath> = holders.map(|page| page.path.clone()).collect();
        let known = || project.pages.iter().flat_map(|page| &page.notices).map(|notice| notice.name.as_str());
        let is_lost = notices.iter().any(|name| !known().any(|known| known == *name));
        let is_other = |path: &&RelPath| {
            // A page with a fault may be the one with the missing notice.
            project::is_page(path) && !is_lost && !files.contains(*path) || path.below("themes").is_some() && path.name() != "mail.html"
        };
        let others = inputs.sources.keys().filter(is_other).cloned().collect();
        Merged { files, others, is_any: !notices.is_empty() }
    }

    /// Whether a diagnostic stops a merge whatever its level is.
    pub fn is_stopped_by(&self, diagnostic: &Diagnostic) -> bool {
        let is_in = |files: &BTreeSet<RelPath>| diagnostic.path.as_ref().is_some_and(|path| files.contains(path));
        diagnostic.severity == Severity::Error
            && match diagnostic.rule.stops {
                Stops::Nothing => false,
                Stops::InNotices => is_in(&self.files),
                Stops::OffPages => self.is_any && !is_in(&self.others),
                Stops::IfMerged => self.is_any,
                Stops::Merge => true,
            }
    }
}
