//! The files that Git reads to find out when pages changed: a repository, which may be spread over several places, and its configuration.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::world::kept;

/// More bytes than any of the small files that are examined.
const MOST: u64 = 1 << 20;

/// All of them for the project in a folder. Missing files are listed, too.
pub fn files(root: &Path) -> BTreeSet<PathBuf> {
    let mut configurations = of_the_user();
    let mut files = BTreeSet::new();
    let real = std::fs::canonicalize(root).ok();
    if let Some(top) = real.iter().flat_map(|root| root.ancestors()).find(|folder| folder.join(".git").exists()) {
        files.extend([".git", ".mailmap", ".gitattributes", ".gitmodules"].map(|name| top.join(name)));
        let own = own_folder(&top.join(".git"));
        // A worktree shares the rest with others.
        let shared = line(&own.join("commondir")).map_or_else(|| own.clone(), |shared| own.join(shared));
        configurations.extend([shared.join("config"), own.join("config.worktree")]);
        add_objects(&shared.join("objects"), &mut files);
        files.extend([own, shared]);
    }
    let mut read = BTreeSet::new();
    configurations.into_iter().for_each(|file| add_included(file, &mut read));
    files.extend(read);
    files
}

/// The folder of a repository; if there is a file instead, it names the folder.
fn own_folder(git: &Path) -> PathBuf {
    let named = if git.is_file() { line(git) } else { None };
    let folder = named.and_then(|line| Some(git.with_file_name("").join(line.strip_prefix("gitdir:")?.trim())));
    folder.unwrap_or_else(|| git.to_owned())
}

/// Adds the objects that a repository borrows from others, which may in turn borrow from others.
fn add_objects(objects: &Path, files: &mut BTreeSet<PathBuf>) {
    if !files.insert(objects.to_owned()) {
        return;
    }
    for other in text(&objects.join("info/alternates")).lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        add_objects(&objects.join(other), files);
    }
}

/// The configuration of the user and of the machine.
fn of_the_user() -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = home();
    let folder = variable("XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config"))).map(|folder| folder.join("git"));
    let in_folder = folder.iter().flat_map(|folder| ["config", "attributes", "ignore"].map(|name| folder.join(name)));
    let named = ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"].into_iter().filter_map(variable);
    named.chain(home.iter().map(|home| home.join(".gitconfig"))).chain(in_folder).chain(["/etc/gitconfig".into()]).collect()
}

fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

/// Adds a configuration file and those it includes. Git would stop at one that it cannot read.
fn add_included(file: PathBuf, read: &mut BTreeSet<PathBuf>) {
    if !file.is_file() || !read.insert(file.clone()) {
        return;
    }
    for line in text(&file).lines() {
        // Under any condition.
        let Some((key, value)) = line.split_once('=') else { continue };
        let value = value.trim().trim_matches('"');
        if key.trim().eq_ignore_ascii_case("path") && !value.is_empty() {
            let included = match (value.strip_prefix("~/"), home()) {
                (Some(below), Some(home)) => home.join(below),
                _ => file.with_file_name("").join(value),
            };
            add_included(included, read);
        }
    }
}

fn line(file: &Path) -> Option<String> {
    text(file).lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
}

fn text(file: &Path) -> String {
    kept::read(file, MOST).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
