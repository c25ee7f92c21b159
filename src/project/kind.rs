//! The kind of a content file, by its name and first bytes: a page, a published file, or one that must not be published.

use super::CONTENT;
use crate::source::RelPath;

/// Pictures, sound and video. Their names describe their content, so `password-reset.png` is published.
const MEDIA: [&str; 15] =
    ["png", "jpg", "jpeg", "gif", "webp", "avif", "svg", "ico", "mp4", "webm", "mp3", "ogg", "woff", "woff2", "webmanifest"];
/// Other published types. Their names may indicate a secret.
const DOCUMENTS: [&str; 10] = ["pdf", "txt", "css", "js", "json", "xml", "ics", "zip", "gz", "tgz"];
/// Files at the top of the content that hosts read, by full name.
const FOR_HOSTS: [&str; 3] = ["_headers", "_redirects", "CNAME"];
/// The folder at the top of the content for files by which others verify something (RFC 8615). They may lack an ending.
pub const WELL_KNOWN: &str = ".well-known";
/// Endings of files with recipients, secrets or backups. They also count before another ending, as in `users.csv.gz`.
const PRIVATE: [&str; 34] = [
    "csv", "tsv", "jsonl", "xls", "xlsx", "ods", "env", "pem", "key", "p8", "p12", "pfx", "ppk", "jks", "keystore", "keytab", "gpg",
    "kdbx", "crt", "cer", "der", "sqlite", "sqlite3", "db", "sql", "dump", "eml", "mbox", "tfstate", "tfvars", "netrc", "pgpass",
    "htpasswd", "passwd",
];
/// Beginnings of names that indicate secrets, whatever the ending.
const SECRET_BEGINNINGS: [&str; 9] =
    ["id_", "htpasswd", "htgroup", "passwd", "shadow", "authorized_keys", "known_hosts", "netrc", "pgpass"];
/// Beginnings of names without an ending that indicate secrets.
const SECRET_BEGINNINGS_WITHOUT_ENDING: [&str; 1] = ["private"];
/// Parts of names that indicate secrets. `-` and `_` are ignored on both sides.
const SECRET_PARTS: [&str; 8] = ["secret", "credential", "passwords", "passphrase", "serviceaccount", "privatekey", "apikey", "kubeconfig"];
/// Ends of names, before the ending, that indicate a secret.
const SECRET_ENDS: [&str; 3] = ["password", "passwd", "pwd"];

/// The kind of a file below `content/`, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Page,
    /// Published as it is, whatever it contains.
    Media,
    /// Published unless its first bytes are those of a key.
    Document,
    /// It may contain recipients or secrets, or it is hidden.
    Private,
    /// A type that is not on a list.
    Other,
}

impl Kind {
    pub fn of(path: &RelPath) -> Kind {
        let ending = path.ending();
        // A page may have secrets as its subject.
        if ending == "md" {
            return match (is_hidden(path), well_known(path)) {
                (true, _) => Kind::Private,
                (false, Some(_)) => Kind::Other,
                (false, None) => Kind::Page,
            };
        }
        if is_hidden(path) {
            return Kind::Private;
        }
        if MEDIA.contains(&ending.as_str()) {
            return Kind::Media;
        }
        if has_private_name(path) {
            return Kind::Private;
        }
        if DOCUMENTS.contains(&ending.as_str()) || is_for_hosts(path) { Kind::Document } else { Kind::Other }
    }

    /// Whether files of a theme that end so are published.
    pub fn is_asset(ending: &str) -> bool {
        MEDIA.contains(&ending) || DOCUMENTS.contains(&ending)
    }
}

/// How many of the first bytes of a document are checked.
pub const LOOKED_AT: u64 = 64 << 10;

/// Whether the first bytes of a document are those of a private key (RFC 7468), or of a cloud service's key file.
pub fn holds_key(beginning: &[u8]) -> bool {
    let has = |words: &str| memchr::memmem::find(beginning, words.as_bytes()).is_some();
    has("PRIVATE KEY-----") || has("PRIVATE KEY BLOCK-----") || has("PuTTY-User-Key-File-") || has("\"private_key\"")
}

/// The path below `content/`, and there below `.well-known/`.
fn published_path(path: &RelPath) -> &str {
    well_known(path).or_else(|| path.below(CONTENT)).unwrap_or_default()
}

fn is_hidden(path: &RelPath) -> bool {
    published_path(path).split('/').any(|part| part.starts_with('.'))
}

fn has_private_name(path: &RelPath) -> bool {
    let name = path.name().to_ascii_lowercase();
    let mut parts = name.split('.');
    let stem = parts.next().unwrap_or_default();
    let has_ending = name.contains('.');
    let joined: String = stem.chars().filter(|char| !matches!(char, '-' | '_')).collect();
    parts.any(|ending| PRIVATE.contains(&ending))
        || SECRET_BEGINNINGS.iter().any(|begins| stem.starts_with(begins))
        || !has_ending && SECRET_BEGINNINGS_WITHOUT_ENDING.iter().any(|begins| stem.starts_with(begins))
        || SECRET_PARTS.iter().any(|part| joined.contains(part))
        // Many clients look for `.well-known/change-password`.
        || has_ending && SECRET_ENDS.iter().any(|end| joined.ends_with(end))
}

/// The path of a file below the folder `.well-known`, if it is there.
fn well_known(path: &RelPath) -> Option<&str> {
    path.below(CONTENT)?.strip_prefix(WELL_KNOWN)?.strip_prefix('/')
}

/// Whether a file without an ending is published all the same, because hosts or others look for it.
fn is_for_hosts(path: &RelPath) -> bool {
    FOR_HOSTS.contains(&path.below(CONTENT).unwrap_or_default()) || well_known(path).is_some() && !path.name().contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(below: &str) -> Kind {
        Kind::of(&RelPath::new(&format!("{CONTENT}/{below}")).unwrap())
    }

    #[test]
    fn what_holds_secrets_is_private() {
        for name in [
            "credentials.json",
            "Credentials.JSON",
            "aws-credentials.txt",
            "service-account.json",
            "service_account_prod.json",
            "passwords.txt",
            "db-passwords.xml",
            "admin-password.txt",
            "root.passwd",
            "passwd.txt",
            "id_rsa",
            "id_ed25519.txt",
            "id_ecdsa.json",
            "server.pem",
            "server.pem.txt",
            "docs/tls.key",
            "client_secret.json",
            "secrets.zip",
            "api-key.txt",
            "netrc",
            "netrc.txt",
            ".netrc",
            ".env",
            "prod.env",
            "users.csv",
            "users.csv.gz",
            "dump.sql.gz",
            "terraform.tfstate.json",
            "private",
            "private_key",
            "private-key.txt",
            "kubeconfig.json",
            "htpasswd",
            ".hidden/picture.png",
            "shadow",
            "a.p8",
            ".well-known/.secret",
            ".well-known/credentials.json",
        ] {
            assert_eq!(kind(name), Kind::Private, "{name}");
        }
    }

    #[test]
    fn a_picture_is_published_whatever_its_name() {
        for name in ["password-reset.png", "secrets-overview.svg", "credentials.webp", "id_card.jpg", "private.mp4", "passwords.png"] {
            assert_eq!(kind(name), Kind::Media, "{name}");
        }
    }

    #[test]
    fn other_files_are_what_they_were() {
        for name in ["terms.pdf", "password-policy.pdf", "app.min.js", "tokens.json", "private-beta.json", "feed.xml", "robots.txt"] {
            assert_eq!(kind(name), Kind::Document, "{name}");
        }
        for name in ["_headers", "CNAME", ".well-known/security.txt", ".well-known/apple-app-site-association"] {
            assert_eq!(kind(name), Kind::Document, "{name}");
        }
        for name in ["passwords.md", "docs/secrets.md", "id_cards.md"] {
            assert_eq!(kind(name), Kind::Page, "{name}");
        }
        for name in ["docs/CNAME", "run.sh", "a.docx", ".well-known/page.md"] {
            assert_eq!(kind(name), Kind::Other, "{name}");
        }
    }

    #[test]
    fn a_key_is_known_by_its_first_bytes() {
        for text in ["-----BEGIN OPENSSH PRIVATE KEY-----\n", "note\n-----BEGIN RSA PRIVATE KEY-----", "{\n \"private_key\": \"x\"}"] {
            assert!(holds_key(text.as_bytes()), "{text}");
        }
        assert!(!holds_key(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\nA private key is a secret.\n"));
    }
}
