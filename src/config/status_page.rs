//! `[status]`: the status page to query, and how.

use super::{duration, size, web_address};
use crate::data::Reader;
use crate::status;

/// Reads the table. `None` if no server is configured, or its address is missing; the latter is reported.
pub fn read(reader: &mut Reader) -> Option<status::Settings> {
    let default = status::Settings::default();
    let provider = reader
        .choice("provider", &[("uptime-kuma", status::Provider::UptimeKuma), ("none", status::Provider::None)])
        .unwrap_or(status::Provider::UptimeKuma);
    if provider == status::Provider::None {
        // The other keys stay valid, so that this one word turns the badge off.
        for key in STATUS_KEYS {
            reader.node(key);
        }
        return None;
    }
    let url = reader.needed_text("url");
    let url = url.and_then(|url| match web_address(&url.value) {
        Ok(address) => Some(address.trim_end_matches('/').to_owned()),
        Err((message, help)) => {
            reader.reject(&url.span, message, help);
            None
        }
    });
    let slug = reader.needed_text("slug");
    let slug = slug.and_then(|slug| {
        let fits = !slug.value.is_empty() && slug.value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        if !fits {
            let help = "use the last part of the page's address: letters, digits and `-`".to_owned();
            reader.reject(&slug.span, format!("invalid slug `{}`", slug.value), Some(help));
        }
        fits.then_some(slug.value)
    });
    let settings = status::Settings {
        provider,
        url: url.clone().unwrap_or_default(),
        slug: slug.clone().unwrap_or_default(),
        page_url: reader.parsed("page_url", web_address),
        on_error: reader
            .choice(
                "on_error",
                &[("last-good", status::OnError::LastGood), ("unknown", status::OnError::Unknown), ("fail", status::OnError::Fail)],
            )
            .unwrap_or(default.on_error),
        stale_after: reader.parsed("stale_after", duration).unwrap_or(default.stale_after),
        max_age: reader.parsed("max_age", duration).unwrap_or(default.max_age),
        connect_timeout: reader.parsed("connect_timeout", duration).unwrap_or(default.connect_timeout),
        timeout: reader.parsed("timeout", duration).unwrap_or(default.timeout),
        max_bytes: reader.parsed("max_bytes", size).unwrap_or(default.max_bytes),
        retries: reader.count("retries", 0..=5).and_then(|count| u32::try_from(count).ok()).unwrap_or(default.retries),
        ca_file: reader.text("ca_file").map(|text| text.value).filter(|path| !path.is_empty()).map(Into::into),
        fresh: reader.bool("fresh").unwrap_or(default.fresh),
        include: reader.texts("include").into_iter().map(|text| text.value).collect(),
        exclude: reader.texts("exclude").into_iter().map(|text| text.value).collect(),
        groups: reader.bool("groups").unwrap_or(default.groups),
    };
    (url.is_some() && slug.is_some()).then_some(settings)
}

const STATUS_KEYS: [&str; 15] = [
    "url",
    "slug",
    "page_url",
    "on_error",
    "stale_after",
    "max_age",
    "connect_timeout",
    "timeout",
    "max_bytes",
    "retries",
    "ca_file",
    "fresh",
    "include",
    "exclude",
    "groups",
];
