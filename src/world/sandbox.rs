//! The kernel restricts a run to what it needs (Landlock, since Linux 5.13). A mistake in this program, or in one that it starts,
//! then reaches nothing else.

mod repository;
mod system;

use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use super::kept;
use super::output::Output;

/// What a run may touch, besides the system files that every program needs.
pub struct Bounds<'a> {
    /// Files to read, and folders to read with everything below them.
    reads: Vec<PathBuf>,
    /// Folders below which everything may be changed.
    writes: Vec<PathBuf>,
    /// New trees, likewise. Stored as open folders and not as paths, because somebody may have moved one by now.
    new: Vec<BorrowedFd<'a>>,
    /// The same without temporary folders and those inside others.
    inputs: Vec<PathBuf>,
    outputs: Vec<PathBuf>,
    /// Folders in which other folders are exchanged. A rule applies at any depth, so it allows as little as
    /// possible: no file can be created there, and no byte of one changed.
    exchanges: Vec<PathBuf>,
    connects: bool,
    port: Option<u16>,
}

impl<'a> Bounds<'a> {
    /// The bounds of a run that reads a project, writes nothing, and opens no connection. The kept files may be elsewhere.
    pub fn new(root: &Path) -> Bounds<'a> {
        Bounds {
            reads: vec![root.to_owned(), root.join(kept::FOLDER)],
            writes: Vec::new(),
            new: Vec::new(),
            inputs: vec![root.to_owned()],
            outputs: Vec::new(),
            exchanges: Vec::new(),
            connects: false,
            port: None,
        }
    }

    /// Allows reading this file.
    pub fn read(&mut self, file: PathBuf) {
        self.inputs.push(file.clone());
        self.reads.push(file);
    }

    /// Allows writing this output.
    pub fn write(&mut self, output: &'a Output) {
        self.outputs.push(output.target().to_owned());
        self.writes.push(output.target().to_owned());
        self.new.push(output.aside());
        self.exchanges.extend(output.target().parent().map(Path::to_owned));
    }

    /// Allows keeping something for later runs. Creates the folder if necessary, since rules are only for existing folders; if that
    /// fails, whoever writes to it reports the error.
    pub fn keep(&mut self, root: &Path) {
        if let Ok(folder) = kept::folder(root)
            && !self.outputs.contains(&folder)
        {
            self.outputs.push(folder.clone());
            self.writes.push(folder);
        }
    }

    /// Allows opening connections.
    pub fn connect(&mut self) {
        self.connects = true;
    }

    /// Allows listening at a port; with 0 the system chooses one.
    pub fn listen(&mut self, port: u16) {
        self.port = Some(port);
    }

    /// A description in words, for `--verbose`.
    pub fn text(&self) -> String {
        let names = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        let writes = if self.outputs.is_empty() { "nothing".to_owned() } else { names(&self.outputs) };
        let connects = if self.connects { "connections" } else { "no connections" };
        format!("reads {} and the system files that programs need; writes {writes}; {connects}", names(&self.inputs))
    }
}

#[cfg(target_os = "linux")]
pub use landlocked::enter;

/// Only Linux has it.
#[cfg(not(target_os = "linux"))]
pub fn enter(_: &Bounds) -> Result<i32, String> {
    Err("this system has no Landlock".to_owned())
}

#[cfg(target_os = "linux")]
mod landlocked {
    use std::fs::File;
    use std::path::Path;

    use landlock::{
        ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus, NetPort, PathBeneath, PathFd, Ruleset,
        RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope, make_bitflags,
    };

    use super::{Bounds, repository, system};
    use crate::world::threads;

    /// Restrictions of later kernel versions stay off until we have tried them.
    const KNOWN: ABI = ABI::V7;

    const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    const RUN: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir | Execute});
    const WRITE: BitFlags<AccessFs> =
        make_bitflags!(AccessFs::{ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir});
    /// The lock beside an output is a file, and disappears with the run.
    const EXCHANGE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{MakeDir | RemoveDir | RemoveFile});
    const DEVICE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | WriteFile});

    /// Restricts this thread, and all threads and programs that it starts from now on: no other thread may be running yet. Returns the
    /// version of Landlock, or why there is no sandbox. That is not an error: kernels and containers without it are common.
    pub fn enter(bounds: &Bounds) -> Result<i32, String> {
        let rules = rules(bounds).map_err(|error| error.to_string())?;
        let rehearsed = rules.try_clone().map_err(|error| error.to_string())?;
        rehearse(rehearsed, bounds)?;
        let status = rules.restrict_self().map_err(|error| error.to_string())?;
        // On some network file systems, and in `/proc`, the kernel may forget a folder that nobody keeps open, and treat it as another one.
        let held = bounds.places().chain([Path::new(system::OWN_PROCESS)]).filter_map(|place| PathFd::new(place).ok());
        std::mem::forget(held.collect::<Vec<_>>());
        match (status.ruleset, status.landlock) {
            (RulesetStatus::NotEnforced, LandlockStatus::NotEnabled) => Err("Landlock is not enabled in this kernel".to_owned()),
            (RulesetStatus::NotEnforced, LandlockStatus::NotImplemented) => Err("this kernel has no Landlock".to_owned()),
            (_, LandlockStatus::Available { effective_abi, kernel_abi }) => Ok(kernel_abi.unwrap_or(effective_abi as i32)),
            _ => Err("the kernel refused the sandbox".to_owned()),
        }
    }

    impl Bounds<'_> {
        /// The run's own places, without those of the system.
        fn places(&self) -> impl Iterator<Item = &Path> {
            self.reads.iter().chain(&self.writes).map(|path| &**path)
        }
    }

    fn rules(bounds: &Bounds) -> Result<RulesetCreated, landlock::RulesetError> {
        let mut network = BitFlags::from(AccessNet::BindTcp);
        if !bounds.connects {
            network |= AccessNet::ConnectTcp;
        }
        let mut rules = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(KNOWN))?
            .handle_access(network)?
            .scope(Scope::from_all(KNOWN))?
            .create()?;
        let root = bounds.reads.first().map_or(Path::new("."), |root| &**root);
        let own = bounds.places().map(|path| (path.to_owned(), READ));
        let written = bounds.writes.iter().map(|path| (path.clone(), WRITE));
        let exchanged = bounds.exchanges.iter().map(|path| (path.clone(), EXCHANGE));
        let programs = system::programs().into_iter().map(|path| (path, RUN));
        let data = system::data().into_iter().chain(repository::files(root)).map(|path| (path, READ));
        let devices = system::DEVICES.map(|path| (path.into(), DEVICE));
        for (path, allowed) in own.chain(written).chain(exchanged).chain(programs).chain(data).chain(devices) {
            // Missing files need no rule.
            let Ok(place) = PathFd::new(&path) else { continue };
            let allowed = if path.is_dir() { allowed } else { allowed & AccessFs::from_file(KNOWN) };
            rules = rules.add_rule(PathBeneath::new(place, allowed))?;
        }
        for tree in &bounds.new {
            rules = rules.add_rule(PathBeneath::new(tree, WRITE))?;
        }
        match bounds.port {
            Some(port) => rules.add_rule(NetPort::new(port, AccessNet::BindTcp)),
            None => Ok(rules),
        }
    }

    /// Enters with a thread that then ends, and checks whether the run's inputs can still be read. On some file systems,
    /// the kernel does not recognise a folder again; there, a run without a sandbox is better than no run.
    fn rehearse(rules: RulesetCreated, bounds: &Bounds) -> Result<(), String> {
        let places: Vec<_> = bounds.places().filter(|place| File::open(place).is_ok()).map(Path::to_owned).collect();
        let rehearsal = threads::start(move || {
            rules.restrict_self().map_err(|error| error.to_string())?;
            match places.iter().find_map(|place| Some((place, File::open(place).err()?))) {
                None => Ok(()),
                Some((place, error)) => Err(format!("it would block reading {}: {error}", place.display())),
            }
        });
        let ended = rehearsal.map_err(|error| error.to_string())?.join();
        ended.unwrap_or_else(|_| Err("it cannot be tested".to_owned()))
    }
}
