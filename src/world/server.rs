//! The preview server: HTTP on this machine, pages rendered when a browser asks for them.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, RwLock};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::error::{Context, Result, error};
use crate::render::HEADERS;

/// What the server shows; given by the caller, so that the server knows nothing of projects.
pub trait Pages: Send + Sync + 'static {
    /// The content at a route such as `docs/index.html`, or `None`.
    fn page(&self, route: &str) -> Option<Content>;
    /// Faults of the last change as text; empty if there are none.
    fn faults(&self) -> String;
}

/// The content at a route.
pub enum Content {
    Bytes(Vec<u8>),
    /// A file as it is, however large.
    File(File),
}

/// The pages of the last good state, and the number of the change that produced them.
pub struct Live {
    pages: RwLock<Arc<dyn Pages>>,
    changes: watch::Sender<u64>,
}

impl Live {
    pub fn new(pages: Arc<dyn Pages>) -> Live {
        Live { pages: RwLock::new(pages), changes: watch::Sender::new(0) }
    }

    /// Shows other pages from now on, and notifies every browser.
    pub fn replace(&self, pages: Arc<dyn Pages>) {
        *self.pages.write().unwrap_or_else(std::sync::PoisonError::into_inner) = pages;
        self.changes.send_modify(|number| *number += 1);
    }

    fn pages(&self) -> Arc<dyn Pages> {
        Arc::clone(&self.pages.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

/// Answers requests until the process ends. Calls `ready` with the address once it is bound.
pub fn run(live: Arc<Live>, address: SocketAddr, ready: impl FnOnce(SocketAddr)) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the server")?;
    runtime.block_on(async move {
        let listener = TcpListener::bind(address).await.with_context(
            || error!("cannot listen on {address}"; help: "choose another port with --port, as another program may use this one"),
        )?;
        ready(listener.local_addr().context("cannot determine the server's address")?);
        let app = Router::new().fallback(answer).with_state((live, address.ip()));
        let server = axum::serve(listener, app);
        tokio::select! {
            served = async { server.await } => served.context("the server failed"),
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    })
}

/// The server's own addresses.
const EVENTS: &str = "/_runsheet/events";
const SCRIPT: &str = "/_runsheet/reload.js";

/// Reloads the page after a change; shows faults as text.
const RELOAD: &str = include_str!("reload.js");

async fn answer(State((live, bound)): State<(Arc<Live>, IpAddr)>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")]).into_response();
    }
    if !host_is_ours(&headers, bound) {
        return (StatusCode::MISDIRECTED_REQUEST, "this name is not served here\n").into_response();
    }
    match uri.path() {
        EVENTS => events(&live).into_response(),
        SCRIPT => reply(StatusCode::OK, "reload.js", Content::Bytes(RELOAD.as_bytes().to_vec())),
        path => page(&live, path),
    }
}

/// Accepts only names of this machine, so that no other web page can read the site by DNS rebinding.
fn host_is_ours(headers: &HeaderMap, bound: IpAddr) -> bool {
    let hosts: Vec<_> = headers.get_all(header::HOST).iter().collect();
    let [host] = hosts.as_slice() else { return false };
    let Ok(host) = host.to_str() else { return false };
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit())).map_or(host, |(name, _)| name);
    let name = name.trim_start_matches('[').trim_end_matches(']');
    if name == "localhost" {
        return true;
    }
    // If it is bound to every address, the server may be reached by any address, but not by other names.
    name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback() || address == bound || bound.is_unspecified())
}

fn page(live: &Live, path: &str) -> Response {
    let decoded = crate::page::link::decode(path);
    let Some(route) = decoded.strip_prefix('/') else { return StatusCode::BAD_REQUEST.into_response() };
    let route = if route.is_empty() || route.ends_with('/') { format!("{route}index.html") } else { route.to_owned() };
    let pages = live.pages();
    if let Some(content) = pages.page(&route) {
        return reply(StatusCode::OK, &route, content);
    }
    if pages.page(&format!("{route}/index.html")).is_some() {
        let location = format!("/{}/", crate::page::link::encode_name(route.as_str()));
        return (StatusCode::FOUND, [(header::LOCATION, location)]).into_response();
    }
    let content = pages.page("404.html").unwrap_or(Content::Bytes(Vec::new()));
    reply(StatusCode::NOT_FOUND, "404.html", content)
}

fn reply(status: StatusCode, name: &str, content: Content) -> Response {
    let kind = content_type(name);
    let body = match content {
        Content::Bytes(mut bytes) => {
            if kind.starts_with("text/html") {
                inject(&mut bytes);
            }
            Body::from(bytes)
        }
        Content::File(file) => Body::from_stream(stream::try_unfold(file, next_part)),
    };
    let answer = Response::builder().status(status).header(header::CONTENT_TYPE, kind).header(header::CACHE_CONTROL, "no-store");
    HEADERS
        .iter()
        .fold(answer, |answer, (name, value)| answer.header(*name, *value))
        .body(body)
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// The next part of a file, until its end.
async fn next_part(mut file: File) -> io::Result<Option<(Vec<u8>, File)>> {
    let mut part = vec![0; 256 << 10];
    let length = file.read(&mut part)?;
    part.truncate(length);
    Ok((length > 0).then_some((part, file)))
}

fn inject(html: &mut Vec<u8>) {
    let tag = format!("<script src=\"{SCRIPT}\" defer></script>");
    let at = html.windows(7).position(|window| window == b"</head>").unwrap_or(html.len());
    html.splice(at..at, tag.into_bytes());
}

fn content_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or(String::new(), |(_, ending)| ending.to_ascii_lowercase());
    match ending.as_str() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "pdf" => "application/pdf",
        "txt" => "text/plain; charset=utf-8",
        "xml" => "application/xml",
        "ics" => "text/calendar; charset=utf-8",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "mp3" => "audio/mpeg",
        _ => "application/octet-stream",
    }
}

/// Server-sent events (WHATWG HTML §9.2): one at once, with the present faults, then one for each change.
fn events(live: &Arc<Live>) -> Sse<impl stream::Stream<Item = Result<Event, Infallible>> + use<>> {
    let changes = live.changes.subscribe();
    let stream = stream::unfold((Arc::clone(live), changes, true), |(live, mut changes, first)| async move {
        if !first && changes.changed().await.is_err() {
            return None;
        }
        let number = *changes.borrow_and_update();
        let faults = live.pages().faults();
        let data = serde_json::json!({ "change": number, "faults": faults }).to_string();
        Some((Ok(Event::default().data(data)), (live, changes, false)))
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_served() {
        let check = |host: &str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            assert_eq!(host_is_ours(&headers, "127.0.0.1".parse().unwrap()), expected, "{host}");
        };
        check("127.0.0.1:4000", true);
        check("localhost:4000", true);
        check("[::1]:4000", true);
        check("localhost", true);
        check("evil.example", false);
        check("127.0.0.1.evil.example:4000", false);
        check("192.168.1.5:4000", false);
        assert!(!host_is_ours(&HeaderMap::new(), "127.0.0.1".parse().unwrap()));
    }
}
