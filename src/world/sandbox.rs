//! The kernel holds a run to what it has to touch (Landlock, since Linux 5.13). A mistake in this program, or in one that it starts,
//! then reaches nothing else.

mod repository;
mod system;

use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use super::kept;
use super::output::Output;

/// What a run may touch, besides what of the system every program needs.
pub struct Bounds<'a> {
    /// Folders and files that are read; of a folder all that lies below it.
    reads: Vec<PathBuf>,
    /// Folders below which all may be changed.
    writes: Vec<PathBuf>,
    /// New trees, likewise. They are known by their folders and not by their paths: somebody may have moved one by now.
    new: Vec<BorrowedFd<'a>>,
    /// The same without what is only there for a moment, or lies in one of the others.
    inputs: Vec<PathBuf>,
    outputs: Vec<PathBuf>,
    /// Folders in which other folders are exchanged for each other. What a rule allows holds at any depth, so it allows as little as
    /// that takes: no file can be made there, and no byte of one changed.
    exchanges: Vec<PathBuf>,
    connects: bool,
    port: Option<u16>,
}

impl<'a> Bounds<'a> {
    /// Those of a run that reads a project, writes nothing, and opens no connection. What a project keeps may lie elsewhere.
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

    /// It reads this file, too.
    pub fn read(&mut self, file: PathBuf) {
        self.inputs.push(file.clone());
        self.reads.push(file);
    }

    /// It writes this output.
    pub fn write(&mut self, output: &'a Output) {
        self.outputs.push(output.target().to_owned());
        self.writes.push(output.target().to_owned());
        self.new.push(output.aside());
        self.exchanges.extend(output.target().parent().map(Path::to_owned));
    }

    /// It keeps something for later runs. The folder is made if it is not there, as there are rules only for what is; where that cannot
    /// be, whoever writes to it says so.
    pub fn keep(&mut self, root: &Path) {
        if let Ok(folder) = kept::folder(root)
            && !self.outputs.contains(&folder)
        {
            self.outputs.push(folder.clone());
            self.writes.push(folder);
        }
    }

    /// It opens connections.
    pub fn connect(&mut self) {
        self.connects = true;
    }

    /// It listens at a port; at 0 the system chooses one.
    pub fn listen(&mut self, port: u16) {
        self.port = Some(port);
    }

    /// In words, for whoever wants to know.
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

    /// What a later version could forbid besides is allowed until somebody has tried it.
    const KNOWN: ABI = ABI::V7;

    const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    const RUN: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir | Execute});
    const WRITE: BitFlags<AccessFs> =
        make_bitflags!(AccessFs::{ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir});
    /// The lock beside an output is a file, and goes with the run.
    const EXCHANGE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{MakeDir | RemoveDir | RemoveFile});
    const DEVICE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | WriteFile});

    /// Holds this thread, and all threads and programs that it starts from now on, to some bounds: no other thread may run yet. Gives the
    /// version of Landlock, or why there is no sandbox. That is not an error: kernels and containers without it are common.
    pub fn enter(bounds: &Bounds) -> Result<i32, String> {
        let rules = rules(bounds).map_err(|error| error.to_string())?;
        let rehearsed = rules.try_clone().map_err(|error| error.to_string())?;
        rehearse(rehearsed, bounds)?;
        let status = rules.restrict_self().map_err(|error| error.to_string())?;
        // On some network file systems, and in `/proc`, the kernel may forget a folder that nobody holds, and take it for another one.
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
        /// The places of its own.
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
            // What is not there needs no rule.
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

    /// Enters with a thread that then ends, and looks whether what the run needs can still be read. There are file systems on which
    /// the kernel does not know a folder again; on these a run without a sandbox is better than no run.
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
