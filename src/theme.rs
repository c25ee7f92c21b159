//! The theme: templates and files that turn content into pages.
//!
//! The built-in theme is `templates` and `static` of the folder `themes/default` of this repository, embedded whole. A
//! project's own `themes/NAME` replaces it file by file.

use std::collections::{BTreeMap, BTreeSet};

use include_dir::{Dir, File, include_dir};
use tera::{Context, Tera};

use crate::config::Config;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::inputs::Inputs;
use crate::language::{self, Language, Languages};
use crate::notice::complaint;
use crate::notice::engine::Bounded;
use crate::rule;
use crate::source::RelPath;
use crate::text::html::escape;
use crate::text::suggest;

static TEMPLATES: Dir = include_dir!("$CARGO_MANIFEST_DIR/themes/default/templates");

/// Scripts and styles as `scripts/theme` makes them from `themes/default/source`.
static STATIC: Dir = include_dir!("$CARGO_MANIFEST_DIR/themes/default/static");

/// Templates that a theme must have, built-in ones included.
const PAGE_TEMPLATES: [&str; 11] = [
    "page.html",
    "section.html",
    "checklist.html",
    "notices.html",
    "home.html",
    "404.html",
    "nav.html",
    "redirect.html",
    "sitemap.xml",
    "feed.xml",
    "robots.txt",
];

/// The script that keeps run sheets for offline use. It controls its own folder, so it is at the top of the site, and
/// browsers look for it under one name.
pub const WORKER: &str = "sheet-worker.js";

/// The style sheet for `[look]`.
pub const LOOK: &str = "look.css";
/// The script and the style of the search, which a page loads when the search is opened.
pub const SEARCH: [&str; 2] = ["search.js", "search.css"];

/// What only run sheets load.
pub const SHEET: [&str; 3] = ["sheet.css", "sheet.js", "run.js"];

/// The largest page that a template may write.
const MOST_BYTES: usize = 64 << 20;

/// Marks that the layout of mails must contain.
const MAIL_MARKS: [&str; 1] = ["%%BODY%%"];

/// A loaded theme.
#[derive(Debug)]
pub struct Theme {
    tera: Tera,
    /// The layout of mails, with `%%BODY%%` and other marks.
    pub mail: String,
    /// The script that keeps run sheets for offline use. It has no words: pages send theirs.
    pub worker: String,
    /// The languages that pages can be in.
    pub languages: Languages,
    /// Text files of `static/` as they are published, by their addresses: scripts and styles in each language.
    pub statics: BTreeMap<String, Vec<u8>>,
    /// Other files of the project's `static/`, by name.
    pub assets: BTreeMap<String, RelPath>,
    /// By the file of a language: the published name of each file of `static/`.
    names: BTreeMap<String, BTreeMap<String, String>>,
}

impl Theme {
    /// Loads the built-in theme, with the project's files replacing it. Faults of templates are reported with their place.
    pub fn load(inputs: &Inputs, config: &Config, diagnostics: &mut Diagnostics) -> Theme {
        let name = &config.site.theme;
        let folder = format!("themes/{name}");
        let mut templates: BTreeMap<String, (String, Option<RelPath>)> = BTreeMap::new();
        let mut statics: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for file in files_below(&TEMPLATES) {
            templates.insert(name_of(file), (String::from_utf8_lossy(file.contents()).into_owned(), None));
        }
        for file in files_below(&STATIC) {
            statics.insert(name_of(file), file.contents().to_vec());
        }
        for source in inputs.sources.values() {
            let Some(below) = source.path.below(&folder) else { continue };
            if let Some(name) = below.strip_prefix("templates/") {
                templates.insert(name.to_owned(), (source.text.to_string(), Some(source.path.clone())));
            } else if let Some(name) = below.strip_prefix("static/") {
                statics.insert(name.to_owned(), source.text.as_bytes().to_vec());
            }
        }
        statics.extend(config.look.css().map(|css| (LOOK.to_owned(), css.into_bytes())));
        let static_folder = format!("{folder}/static");
        let assets: BTreeMap<String, RelPath> =
            inputs.assets.keys().filter_map(|path| Some((path.below(&static_folder)?.to_owned(), path.clone()))).collect();
        let known = inputs.listing.iter().any(|path| path.below(&folder).is_some());
        if name != "default" && !known {
            let diagnostic = Diagnostic::new(rule::UNKNOWN_THEME, format!("theme folder not found: `{folder}`"));
            diagnostics.push(diagnostic.help("create it, or use the built-in `theme = \"default\"`"));
        }
        report_unused(&templates, inputs, &folder, diagnostics);
        let mail = templates.remove("mail.html").map(|(text, _)| text).unwrap_or_default();
        for mark in MAIL_MARKS.iter().filter(|mark| !mail.contains(**mark)) {
            let diagnostic = Diagnostic::new(rule::TEMPLATE_SYNTAX, format!("the mail layout has no `{mark}`"));
            let path = RelPath::new(&format!("{folder}/templates/mail.html"));
            diagnostics.push(path.map_or(diagnostic.clone(), |path| diagnostic.in_file(&path)));
        }
        let worker = statics.remove(WORKER).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let languages = languages(inputs, config, &folder, diagnostics);
        let mut theme = Theme {
            tera: compile(&templates, diagnostics),
            mail,
            worker,
            languages,
            statics: BTreeMap::new(),
            assets,
            names: BTreeMap::new(),
        };
        theme.publish(&statics, &folder, diagnostics);
        theme
    }

    /// Gives the files of `static/` their published names, and puts the words of each language into them.
    fn publish(&mut self, statics: &BTreeMap<String, Vec<u8>>, folder: &str, diagnostics: &mut Diagnostics) {
        let mut unknown: BTreeSet<(&str, String)> = BTreeSet::new();
        for language in self.languages.all() {
            let names = self.names.entry(language.file().to_owned()).or_default();
            for (name, bytes) in statics {
                let text = std::str::from_utf8(bytes).ok().filter(|_| name.ends_with(".js") || name.ends_with(".css"));
                let made = match text.map(|text| language.put_into(text)) {
                    Some((made, wrong)) => {
                        unknown.extend(wrong.into_iter().map(|word| (name.as_str(), word)));
                        made.into_bytes()
                    }
                    None => bytes.clone(),
                };
                let published = hashed_name(name, &made);
                names.insert(name.clone(), published.clone());
                self.statics.insert(published, made);
            }
            names.extend(self.assets.keys().map(|name| (name.clone(), format!("assets/{name}"))));
        }
        for (name, word) in unknown {
            let diagnostic = Diagnostic::new(rule::LANGUAGE_FILE, format!("unknown word in a file of the theme: %%{word}%%"));
            let path = RelPath::new(&format!("{folder}/static/{name}"));
            diagnostics.push(path.map_or(diagnostic.clone(), |path| diagnostic.in_file(&path)));
        }
    }

    /// Where a file of `static/` is published in a language: its name with a part of its content's hash, so that it can be kept for ever.
    pub fn asset(&self, name: &str, language: &Language) -> &str {
        self.assets_in(language).get(name).map_or("", String::as_str)
    }

    /// The published name of every file of `static/` in a language.
    pub fn assets_in(&self, language: &Language) -> &BTreeMap<String, String> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        self.names.get(language.file()).unwrap_or(&NONE)
    }

    /// Renders a template.
    pub fn render(&self, template: &str, context: &Context) -> Result<String, tera::Error> {
        let mut bounded = Bounded::new(MOST_BYTES, "the page is larger than 64 MiB");
        self.tera.render_to(template, context, &mut bounded)?;
        Ok(bounded.text())
    }
}

/// The languages of the site: those of the program, and the files of the project's theme.
fn languages(inputs: &Inputs, config: &Config, folder: &str, diagnostics: &mut Diagnostics) -> Languages {
    let folder = format!("{folder}/languages");
    let files = inputs.sources.values().filter_map(|source| Some((source.path.below(&folder)?, source)));
    language::read(&config.site.language, files, diagnostics)
}

/// All files of an embedded folder, those of its folders included.
pub fn files_below<'a>(folder: &'a Dir<'a>) -> Vec<&'a File<'a>> {
    let below = folder.dirs().flat_map(files_below);
    folder.files().chain(below).collect()
}

/// The name of an embedded file in its folder.
fn name_of(file: &File) -> String {
    file.path().to_string_lossy().replace('\\', "/")
}

/// Reports files in a project's theme that nothing uses, because their name or folder is misspelt.
fn report_unused(templates: &BTreeMap<String, (String, Option<RelPath>)>, inputs: &Inputs, folder: &str, diagnostics: &mut Diagnostics) {
    let built_in: Vec<String> = files_below(&TEMPLATES).into_iter().map(name_of).collect();
    let is_named = |name: &str| templates.iter().any(|(other, (text, _))| other != name && text.contains(name));
    for (name, (text, path)) in templates {
        // Components are found by their own names.
        let is_used = built_in.contains(name) || is_named(name) || text.contains("endcomponent");
        let Some(path) = path.as_ref().filter(|_| !is_used) else { continue };
        let diagnostic = Diagnostic::new(rule::UNUSED_TEMPLATE, "no page and no other template uses this template").in_file(path);
        diagnostics.push(diagnostic.maybe_help(suggest(name, built_in.iter().map(String::as_str))));
    }
    let statics: Vec<String> = files_below(&STATIC).into_iter().map(name_of).collect();
    for path in inputs.sources.keys() {
        let Some((place, name)) = path.below(folder).map(|below| below.rsplit_once('/').unwrap_or(("", below))) else { continue };
        let home = if built_in.iter().any(|known| known == name) {
            "templates"
        } else if statics.iter().any(|known| known == name) {
            "static"
        } else {
            continue;
        };
        // `source` is what the built-in scripts and styles are made from.
        if !matches!(place.split('/').next(), Some("templates" | "static" | "source")) {
            let message = format!("this file is named like a theme file, but is not in `{folder}/{home}/`");
            diagnostics.push(Diagnostic::new(rule::UNUSED_TEMPLATE, message).in_file(path).help("move it to that folder"));
        }
    }
}

fn hashed_name(name: &str, bytes: &[u8]) -> String {
    let hash = blake3::hash(bytes).to_hex();
    match name.rsplit_once('.') {
        Some((stem, ending)) => format!("assets/{stem}.{}.{ending}", &hash[..8]),
        None => format!("assets/{name}.{}", &hash[..8]),
    }
}

/// An engine that escapes values like the rest of a page: characters that control a screen or reorder text are made visible, too. A
/// theme may use single quotes around attributes.
fn escaping() -> Tera {
    let mut tera = Tera::new();
    tera.set_escape_fn(|text, output| {
        let mut html = String::with_capacity(text.len());
        escape(text, &mut html);
        output.write_all(html.replace('\'', "&#39;").as_bytes())
    });
    tera
}

fn compile(templates: &BTreeMap<String, (String, Option<RelPath>)>, diagnostics: &mut Diagnostics) -> Tera {
    let mut tera = escaping();
    let all = templates.iter().map(|(name, (text, _))| (name.as_str(), text.as_str()));
    if let Err(error) = tera.add_raw_templates(all) {
        diagnostics.push(fault(&error, templates));
        tera = built_in();
    }
    for name in PAGE_TEMPLATES {
        debug_assert!(tera.contains_template(name), "the built-in theme has {name}");
    }
    tera
}

/// The built-in templates alone, so that other faults can still be found.
fn built_in() -> Tera {
    let mut tera = escaping();
    let files = files_below(&TEMPLATES).into_iter().map(|file| (name_of(file), String::from_utf8_lossy(file.contents()).into_owned()));
    let texts: Vec<(String, String)> = files.filter(|(name, _)| name != "mail.html").collect();
    let added = tera.add_raw_templates(texts.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    debug_assert!(added.is_ok(), "the built-in theme compiles: {added:?}");
    tera
}

/// A fault of a template as a diagnostic.
fn fault(error: &tera::Error, templates: &BTreeMap<String, (String, Option<RelPath>)>) -> Diagnostic {
    use tera::ErrorKind;
    let file = |name: &str| templates.get(name).and_then(|(_, path)| path.as_ref());
    if let ErrorKind::CircularInclude { tpl, include_chain: chain } | ErrorKind::CircularExtend { tpl, inheritance_chain: chain } =
        error.kind()
    {
        let diagnostic = Diagnostic::new(rule::TEMPLATE_SYNTAX, format!("the template includes itself: {}", chain.join(" → ")));
        return file(tpl).map_or(diagnostic.clone(), |path| diagnostic.in_file(path));
    }
    if let ErrorKind::MissingParent { current, parent } = error.kind() {
        let diagnostic = Diagnostic::new(rule::TEMPLATE_SYNTAX, format!("unknown template to extend: `{parent}`"));
        let diagnostic = diagnostic.maybe_help(suggest(parent, templates.keys().map(String::as_str)));
        let line = |text: &str| text.lines().position(|line| line.contains("extends") && line.contains(parent.as_str()));
        return match templates.get(current) {
            Some((text, Some(path))) => diagnostic.at_line(path, line(text).map_or(1, |line| line + 1), 1),
            _ => diagnostic,
        };
    }
    let (ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report)) = error.kind() else {
        let message = complaint::cause(error);
        let diagnostic = Diagnostic::new(rule::TEMPLATE_SYNTAX, complaint::plain(&message));
        let (name, line, column) = complaint::drawn(&message);
        return match file(name) {
            Some(path) => diagnostic.at_line(path, line, column),
            None => diagnostic,
        };
    };
    let diagnostic = Diagnostic::new(rule::TEMPLATE_SYNTAX, complaint::plain(report.message()));
    match file(report.filename()) {
        Some(path) => diagnostic.at_line(path, report.span().start_line, report.span().start_col + 1),
        None => diagnostic,
    }
}
