//! What holds for the addresses of a site, however its files are called.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use runsheet::config::{self, Config};
use runsheet::diagnostic::Diagnostics;
use runsheet::inputs::Inputs;
use runsheet::language::Languages;
use runsheet::source::{RelPath, Source};
use runsheet::text::address::encode_path;
use runsheet::theme::Theme;
use runsheet::{project, site};
use unicode_normalization::UnicodeNormalization;

/// No file system takes a longer name.
const LONGEST: usize = 255;

/// Reads each line as the name of a file below `content/`, and behind a tab, for a page, an old address of it.
pub fn paths(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut sources = BTreeMap::new();
    let mut assets = BTreeMap::new();
    for line in text.lines().take(64) {
        let (name, alias) = line.split_once('\t').unwrap_or((line, ""));
        let Some(path) = RelPath::new(&format!("content/{name}")).filter(can_be) else { continue };
        if let Some(joined) = path.join(alias).filter(|joined| !joined.as_str().is_empty()) {
            assert!(!joined.as_str().split('/').any(|part| matches!(part, "" | "." | "..")), "{joined} of {alias:?}");
        }
        if project::is_page(&path) {
            let front = serde_json::json!(alias);
            sources.insert(path.clone(), Source::new(path, format!("---\ntitle: A page\naliases: [{front}]\n---\n# A page\n")));
        } else {
            assets.insert(path, 1);
        }
    }
    // What is a folder is no file.
    let folders: BTreeSet<String> = sources.keys().chain(assets.keys()).flat_map(above).collect();
    sources.retain(|path, _| !folders.contains(path.as_str()));
    assets.retain(|path, _| !folders.contains(path.as_str()));
    let now = "2026-11-22T12:00:00Z".parse().expect("a time");
    judge(Inputs { assets, ..Inputs::new(sources.into_values(), now) });
}

/// Whether a file may be called so, and is read: neither hidden nor with a control character.
fn can_be(path: &RelPath) -> bool {
    let is_name = |part: &str| part.len() <= LONGEST && !part.starts_with('.') && !part.chars().any(char::is_control);
    path.below("content").is_some_and(|below| below.split('/').all(is_name))
}

/// The folders above a path.
fn above(path: &RelPath) -> Vec<String> {
    path.as_str().match_indices('/').map(|(at, _)| path.as_str()[..at].to_owned()).collect()
}

fn judge(inputs: Inputs) {
    static THEME: OnceLock<(Config, Theme)> = OnceLock::new();
    let (config, theme) = THEME.get_or_init(|| {
        let mut faults = Diagnostics::default();
        let source = Source::new(RelPath::new("runsheet.toml").expect("a path"), "[site]\ntitle = \"Sample\"\n");
        let config = config::parse(&source, &mut faults);
        let theme = Theme::load(&inputs, &config, &mut faults);
        (config, theme)
    });
    let project = project::parse(&inputs, config.clone(), &Languages::default(), Diagnostics::default(), None);
    let site = site::resolve(&project, &inputs, theme, None);
    // As the least careful file system tells them apart.
    let folded = |route: &str| route.nfc().collect::<String>().to_lowercase().nfc().collect::<String>();
    let mut files = BTreeSet::new();
    let mut folders = BTreeSet::new();
    for route in site.routes.keys() {
        for part in route.split('/') {
            assert!(!matches!(part, "" | "." | ".."), "a part of {route:?}");
            assert!(part.len() <= LONGEST, "{} bytes in a part of {route:?}", part.len());
            assert!(!part.chars().any(char::is_control), "a control character in {route:?}");
        }
        let encoded = encode_path(route);
        assert!(encoded.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"\\^`{|}?#".contains(&byte)), "{encoded} of {route:?}");
        let route = folded(route);
        folders.extend(route.match_indices('/').map(|(at, _)| route[..at].to_owned()));
        assert!(files.insert(route.clone()), "two files at {route:?}");
    }
    let both: Vec<_> = files.intersection(&folders).collect();
    assert!(both.is_empty(), "files and folders at once: {both:?}");
    // Nothing is left out in silence.
    let told: BTreeSet<_> = site.diagnostics.iter().filter_map(|diagnostic| diagnostic.path.as_ref()).collect();
    let made = site.routes.values().filter_map(|target| match target {
        site::Target::Page(index) => Some(&site.pages[*index].page.path),
        site::Target::Asset(path) => Some(path),
        _ => None,
    });
    let made: BTreeSet<_> = made.collect();
    let lost = inputs.sources.keys().chain(inputs.assets.keys()).find(|path| !made.contains(path) && !told.contains(path));
    assert!(lost.is_none(), "{lost:?} has no address, and nothing says so");
}
