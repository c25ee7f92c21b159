//! System files that every program needs: libraries and programs, and what looking up names, certificates and zones requires.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Information about the calling process.
pub const OWN_PROCESS: &str = "/proc/self";

/// Writable, too.
pub const DEVICES: [&str; 1] = ["/dev/null"];

/// Where programs and libraries are.
const PROGRAMS: [&str; 11] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store", "/gnu/store", "/home/linuxbrew/.linuxbrew"];

/// The only files of `/etc`: others there may contain secrets.
const DATA: [&str; 34] = [
    OWN_PROCESS,
    "/sys/fs/cgroup",
    "/sys/devices/system/cpu",
    "/dev/urandom",
    "/dev/random",
    // The library loader.
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    "/etc/ld-musl-x86_64.path",
    "/etc/ld-musl-aarch64.path",
    // Name resolution.
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/hostname",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    // Certificates, but not the keys beside them.
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/openssl.cnf",
    "/etc/pki/ca-trust",
    "/etc/ca-certificates",
    "/var/lib/ca-certificates",
    // Time zones.
    "/etc/localtime",
    "/etc/timezone",
    "/etc/zoneinfo",
    // Git.
    "/etc/gitconfig",
    "/etc/gitattributes",
];

/// Variables that list further paths.
const VARIABLES: [&str; 3] = ["SSL_CERT_FILE", "SSL_CERT_DIR", "TZDIR"];

/// Folders with programs to run. These commands start `git`, whose libraries may be beside its own folder.
pub fn programs() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = PROGRAMS.map(PathBuf::from).into();
    let named = listed("PATH");
    let git = named.iter().find_map(|folder| fs::canonicalize(folder.join("git")).ok()?.parent().map(Path::to_owned));
    for folder in named.into_iter().chain(git) {
        let beside = ["lib", "lib64", "libexec"].map(|name| folder.with_file_name(name));
        folders.extend(beside.into_iter().filter(|_| folder.file_name() == Some(OsStr::new("bin"))));
        folders.push(folder);
    }
    folders.extend(listed("LD_LIBRARY_PATH"));
    folders.retain(|folder| !holds_too_much(folder));
    folders
}

/// Files and folders that are read.
pub fn data() -> Vec<PathBuf> {
    let mut data: Vec<PathBuf> = DATA.map(PathBuf::from).into();
    // It is replaced when the network changes, and a rule is for one existing file: so allow the folder that contains it.
    let names = fs::canonicalize("/etc/resolv.conf").ok().and_then(|file| Some(file.parent()?.to_owned()));
    data.extend(names.filter(|folder| folder.starts_with("/run/")));
    data.extend(VARIABLES.iter().flat_map(|name| listed(name)).filter(|place| !holds_too_much(place)));
    data
}

/// The paths in a variable.
fn listed(name: &str) -> Vec<PathBuf> {
    let value = std::env::var_os(name).unwrap_or_default();
    std::env::split_paths(&value).filter(|path| !path.as_os_str().is_empty()).collect()
}

/// A list may name a folder with all of the user's files, or all of the system's.
fn holds_too_much(folder: &Path) -> bool {
    let Ok(folder) = fs::canonicalize(folder) else { return false };
    let home = std::env::var_os("HOME").and_then(|home| fs::canonicalize(home).ok());
    home.iter().map(|home| &**home).chain([Path::new("/etc"), Path::new("/run")]).any(|private| private.starts_with(&folder))
}
