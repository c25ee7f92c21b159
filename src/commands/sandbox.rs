//! Where a command enters the sandbox: after its configuration is read and its outputs exist, and before it starts a thread.

use super::load::Configured;
use super::report;
use crate::cli::Global;
use crate::error::Result;
use crate::world::sandbox::{self, Bounds};
use crate::world::threads;

/// What each of these commands may touch: the project, and the files that its configuration names.
pub fn bounds<'a>(configured: &Configured) -> Bounds<'a> {
    let mut bounds = Bounds::new(&configured.root);
    if let Some(file) = configured.config.status.as_ref().and_then(|status| status.ca_file.as_ref()) {
        bounds.read(configured.root.join(file));
    }
    bounds
}

/// The same, for a command that queries the status page and keeps its answer for later runs.
pub fn bounds_of_asking<'a>(configured: &Configured, global: &Global) -> Bounds<'a> {
    let mut bounds = bounds(configured);
    if !global.offline {
        bounds.connect();
        if configured.config.status.is_some() {
            bounds.keep(&configured.root);
        }
    }
    bounds
}

/// Enters the sandbox, unless the kernel has none or the user declined it, and starts the threads that work on pages.
pub fn enter(bounds: &Bounds, global: &Global) -> Result<()> {
    let entered = if global.no_sandbox { Err("--no-sandbox".to_owned()) } else { sandbox::enter(bounds) };
    if global.verbose {
        let said = match entered {
            Ok(version) => format!("sandbox: Landlock, version {version}: {}", bounds.text()),
            Err(why) => format!("no sandbox: {why}"),
        };
        report::note(global, &said);
    }
    threads::start_workers(global.jobs)
}
