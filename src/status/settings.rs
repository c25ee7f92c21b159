//! The project's settings for its status server.

use std::path::PathBuf;

use jiff::SignedDuration;

use super::{Address, Fault, Snapshot, plain_line};

/// How the status of the services is obtained and judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Which kind of server answers.
    pub provider: Provider,
    /// The base address of the server, without `/status/<slug>`.
    pub url: String,
    /// The name of the status page in its address.
    pub slug: String,
    /// Where the badge links; the public status page unless set.
    pub page_url: Option<String>,
    /// What a build does when the server gives no answer.
    pub on_error: OnError,
    /// The age past which a beat says nothing about now.
    pub stale_after: SignedDuration,
    /// The longest wait for a connection.
    pub connect_timeout: SignedDuration,
    /// The longest wait for everything: both answers, redirects and retries.
    pub timeout: SignedDuration,
    /// The most bytes taken of one answer, counted after decompression.
    pub max_bytes: u64,
    /// The age past which a kept snapshot is not shown at all.
    pub max_age: SignedDuration,
    /// How often a passing failure is tried again.
    pub retries: u32,
    /// A PEM file of certificate authorities to trust instead of those of the system.
    pub ca_file: Option<PathBuf>,
    /// Whether the server is asked to skip its own cache.
    pub fresh: bool,
    /// Names or ids of the only monitors that count; all when empty.
    pub include: Vec<String>,
    /// Names or ids of monitors that do not count.
    pub exclude: Vec<String>,
    /// Whether monitors keep the group they have on the status page.
    pub groups: bool,
}

/// Which kind of server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Uptime Kuma, version 1.23 or 2.
    UptimeKuma,
    /// No server: the project shows no status.
    None,
}

/// What a build does when the server gives no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// Show the last good snapshot with its time.
    LastGood,
    /// Show that the status is unknown.
    Unknown,
    /// Stop the build.
    Fail,
}

/// What a build shows after it asked the server.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// The snapshot to show, if there is any.
    pub snapshot: Option<Snapshot>,
    /// Whether the snapshot is new and should be kept for the next build.
    pub is_new: bool,
    /// Why the server gave no new snapshot.
    pub warning: Option<Fault>,
}

/// Decides what to show from the new answer and the last good one.
pub fn settle(fetched: Result<Snapshot, Fault>, last_good: Option<Snapshot>, settings: &Settings) -> Result<Settled, Fault> {
    let fault = match fetched {
        Ok(snapshot) => {
            return Ok(Settled { snapshot: Some(snapshot), is_new: true, warning: None });
        }
        Err(fault) => fault,
    };
    let snapshot = match settings.on_error {
        OnError::Fail => return Err(fault),
        OnError::Unknown => None,
        OnError::LastGood => last_good.filter(|snapshot| snapshot.is_of(settings)),
    };
    Ok(Settled { snapshot, is_new: false, warning: Some(fault) })
}

impl Settings {
    /// Reports what is wrong with `url`, `slug` or `page_url` before anything is asked.
    pub fn check(&self) -> Result<(), Fault> {
        if self.provider == Provider::None {
            return Err(Fault::NoProvider);
        }
        let address = Address::parse(&self.url)?;
        if address.path().contains("/status/") {
            return Err(Fault::BadUrl { url: plain_line(&self.url, 200), reason: "contains `/status/`" });
        }
        if let Some(page_url) = &self.page_url {
            Address::parse_link(page_url)?;
        }
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if self.slug.is_empty() || !self.slug.bytes().all(legal) {
            return Err(Fault::BadSlug { slug: plain_line(&self.slug, 60) });
        }
        Ok(())
    }

    /// The address a snapshot of these settings carries as its source.
    pub fn source(&self) -> String {
        self.url.trim().trim_end_matches('/').to_string()
    }

    /// Where readers see the live page, if that is a web address.
    pub fn live_page(&self) -> Option<String> {
        let link = match &self.page_url {
            Some(page_url) => page_url.trim().to_string(),
            None => format!("{}/status/{}", self.source(), self.slug),
        };
        Address::parse_link(&link).is_ok().then_some(link)
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            provider: Provider::None,
            url: String::new(),
            slug: String::new(),
            page_url: None,
            on_error: OnError::LastGood,
            stale_after: SignedDuration::from_mins(15),
            connect_timeout: SignedDuration::from_secs(3),
            timeout: SignedDuration::from_secs(8),
            max_bytes: 4 * 1024 * 1024,
            max_age: SignedDuration::from_hours(7 * 24),
            retries: 1,
            ca_file: None,
            fresh: false,
            include: Vec::new(),
            exclude: Vec::new(),
            groups: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str, slug: &str) -> Settings {
        Settings { provider: Provider::UptimeKuma, url: url.into(), slug: slug.into(), ..Settings::default() }
    }

    #[test]
    fn mistakes_are_found_before_anything_is_asked() {
        let check = |url: &str, slug: &str, expected: &str| {
            let found = settings(url, slug).check().map_or_else(|fault| fault.to_string(), |()| "fine".into());
            assert_eq!(found, expected, "{url} {slug}");
        };
        check("https://status.example.org", "freshtrack", "fine");
        check("http://127.0.0.1:3002/", "Fresh_Track-2", "fine");
        check("https://example.org/kuma/", "freshtrack", "fine");
        check("https://a.example/status/x", "x", "`https://a.example/status/x` contains `/status/`");
        check("https://a.example", "", "invalid name of a status page: ``");
        check("https://a.example", "../x", "invalid name of a status page: `../x`");
        assert_eq!(Settings::default().check(), Err(Fault::NoProvider));
    }

    #[test]
    fn the_live_page_is_a_web_address_or_nothing() {
        let mut settings = settings("https://a.example/", "x");
        assert_eq!(settings.live_page().as_deref(), Some("https://a.example/status/x"));
        settings.page_url = Some("https://b.example/x?tab=1#now".into());
        assert_eq!(settings.live_page().as_deref(), Some("https://b.example/x?tab=1#now"));
        settings.page_url = Some("javascript:alert(1)".into());
        assert_eq!(settings.live_page(), None);
        assert!(settings.check().is_err());
    }

    #[test]
    fn a_failure_shows_the_last_good_snapshot_of_the_same_page_only() {
        let fault = || Err(Fault::TooManyRedirects { limit: 3 });
        let mut settings = settings("https://a.example", "x");
        let snapshot = Snapshot { source: "https://a.example".into(), slug: "x".into(), ..Snapshot::default() };
        let settled = settle(fault(), Some(snapshot.clone()), &settings).expect("lenient");
        assert_eq!((settled.snapshot.as_ref(), settled.is_new), (Some(&snapshot), false));
        assert!(settled.warning.is_some());

        settings.slug = "y".into();
        assert_eq!(settle(fault(), Some(snapshot.clone()), &settings).expect("lenient").snapshot, None);
        settings.slug = "x".into();
        settings.on_error = OnError::Unknown;
        assert_eq!(settle(fault(), Some(snapshot.clone()), &settings).expect("lenient").snapshot, None);
        settings.on_error = OnError::Fail;
        assert!(settle(fault(), Some(snapshot.clone()), &settings).is_err());
        assert!(settle(Ok(snapshot), None, &settings).expect("an answer").is_new);
    }
}
