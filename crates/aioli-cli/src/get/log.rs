//! What the client tells of a transfer on its way.
//!
//! It is the lines of `-v`, and the heads of `-i` and `-D`, of every hop.

use std::borrow::Cow;
use std::env;
use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aioli::http::{
    Error, HeaderMap, HeaderName, Redirect, StatusCode, TlsVersion, Trace, TraceContext, Url,
    Version, header,
};

use super::output::head;
use crate::errors;

/// Headers of responses whose values are nobody's business who reads a log; of requests, the client
/// knows them.
const SECRET: [HeaderName; 3] = [
    header::SET_COOKIE,
    HeaderName::from_static("authentication-info"),
    HeaderName::from_static("proxy-authentication-info"),
];
const HIDDEN: &str = "[hidden]";

/// Who is told, for all transfers of a session.
pub(super) struct Listener {
    verbose: bool,
    colour: bool,
    /// Whether the heads of proxies are among those that are noted.
    notes_proxies: bool,
}

/// What was told of one transfer.
pub(super) type Log = Arc<Mutex<Notes>>;

/// The notes of one transfer.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The heads of all responses, as HTTP/1.1 writes them.
    pub(super) heads: Vec<u8>,
    /// Where the last one begins.
    last: usize,
    /// How often it was tried again.
    pub(super) retries: u32,
    /// Whom the last socket was connected to.
    pub(super) peer: Option<SocketAddr>,
    /// What a proxy last said to `CONNECT`.
    pub(super) connect_status: u16,
    /// Sockets that were connected.
    pub(super) connects: u32,
    /// Bytes of bodies that were sent.
    pub(super) uploaded: u64,
}

/// Does something to the notes.
pub(super) fn with<T>(log: &Log, f: impl FnOnce(&mut Notes) -> T) -> T {
    // Notes are whole between two signals.
    f(&mut log.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Listener {
    /// Writes what it hears to the standard error stream if it is to be `verbose`.
    pub(super) fn new(verbose: bool, notes_proxies: bool) -> Listener {
        let colour = errors::is_terminal() && env::var_os("NO_COLOR").is_none();
        Listener {
            verbose,
            colour,
            notes_proxies,
        }
    }

    fn note(&self, request: &TraceContext, f: impl FnOnce(&mut Notes)) {
        if let Some(log) = request.extensions().get() {
            with(log, f);
        }
    }

    /// Says something about connections.
    fn say(&self, text: impl Display) {
        self.lines("*", "2", [text.to_string().as_bytes()].into_iter());
    }

    /// Shows a head line by line, and the empty line that ends it.
    fn head(&self, mark: &str, colour: &str, head: &[u8]) {
        let lines = head.split(|byte| *byte == b'\n');
        let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let n = head.iter().filter(|byte| **byte == b'\n').count();
        self.lines(mark, colour, lines.take(n));
    }

    /// Shows the head of an answer, and returns it as HTTP/1.1 writes it.
    fn answer(&self, version: Version, status: StatusCode, headers: &HeaderMap) -> Vec<u8> {
        let head = head(version, status, headers);
        self.head("<", "32", &head);
        head
    }

    /// Writes lines in one go, so that those of several transfers do not mix.
    fn lines<'a>(&self, mark: &str, colour: &str, lines: impl Iterator<Item = &'a [u8]>) {
        if !self.verbose {
            return;
        }
        let mut text = String::new();
        for line in lines {
            let line = shown(line);
            text += &match self.colour {
                true => format!("\x1b[{colour}m{mark} {line}\x1b[0m\n"),
                false => format!("{mark} {line}\n"),
            };
        }
        errors::write(text.as_bytes());
    }
}

/// A line of a head as it may be shown: without secrets, and without what a terminal obeys.
fn shown(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    let line = match line.split_once(':') {
        Some((name, _)) if is_secret(name) => Cow::Owned(format!("{name}: {HIDDEN}")),
        Some((name, value)) if has_credentials(name, value.trim()) => {
            Cow::Owned(format!("{name}: {HIDDEN}"))
        }
        _ => line,
    };
    line.replace(char::is_control, "\u{fffd}")
}

/// Whether a header's value is not to be shown.
fn is_secret(name: &str) -> bool {
    let Ok(name) = name.parse() else {
        return false;
    };
    // Where a challenge or a host may be sent to is one thing, and whether it may be seen another.
    let may_be_seen = [header::HOST, header::WWW_AUTHENTICATE].contains(&name);
    SECRET.contains(&name) || Redirect::default().is_sensitive(&name) && !may_be_seen
}

/// Whether it is a redirect to a URL with a name or a password in it.
fn has_credentials(name: &str, value: &str) -> bool {
    let is_url = name.eq_ignore_ascii_case("location") || name.eq_ignore_ascii_case("referer");
    // What cannot be read as a URL is not shown either if it may have some.
    let has = |url: Url| !url.username().is_empty() || url.password().is_some();
    let base = Url::parse("http://a/").expect("a constant URL");
    is_url && base.join(value).map_or(value.contains('@'), has)
}

impl Trace for Listener {
    fn connection_queued_start(&self, _: &TraceContext) {
        self.say("waiting for a free connection");
    }

    fn connection_reuse(&self, request: &TraceContext) {
        let host = request.url().host_str().unwrap_or_default();
        self.say(format_args!("an open connection to {host} is used again"));
    }

    fn hsts_upgrade(&self, _: &TraceContext, url: &Url) {
        let host = url.host_str().unwrap_or_default();
        self.say(format_args!("{host} is asked by https, as it wants to be"));
    }

    fn proxy_start(&self, _: &TraceContext, host: &str, port: u16) {
        self.say(format_args!("by way of the proxy {host}:{port}"));
    }

    fn proxy_head(
        &self,
        request: &TraceContext,
        version: Version,
        status: StatusCode,
        headers: &HeaderMap,
    ) {
        let head = self.answer(version, status, headers);
        self.note(request, |notes| {
            notes.connect_status = status.as_u16();
            if self.notes_proxies {
                notes.heads.extend(head);
            }
        });
    }

    fn dns_end(&self, _: &TraceContext, host: &str) {
        self.say(format_args!("{host} was looked up"));
    }

    fn dns_cache_hit(&self, _: &TraceContext, host: &str) {
        self.say(format_args!("the addresses of {host} were known"));
    }

    fn socket_connected(&self, request: &TraceContext, peer: SocketAddr) {
        self.note(request, |notes| {
            notes.peer = Some(peer);
            notes.connects += 1;
        });
        self.say(format_args!("connected to {peer}"));
    }

    fn tls_end(&self, _: &TraceContext, version: TlsVersion) {
        self.say(match version {
            TlsVersion::V1_2 => "TLS 1.2",
            _ => "TLS 1.3",
        });
    }

    fn request_head(&self, _: &TraceContext, head: &[u8]) {
        self.head(">", "36", head);
    }

    fn request_chunk_sent(&self, request: &TraceContext, bytes: usize) {
        self.note(request, |notes| notes.uploaded += bytes as u64);
    }

    fn informational(&self, request: &TraceContext, status: StatusCode, headers: &HeaderMap) {
        let head = self.answer(Version::HTTP_11, status, headers);
        self.note(request, |notes| notes.heads.extend(head));
    }

    fn response_head(
        &self,
        request: &TraceContext,
        version: Version,
        status: StatusCode,
        headers: &HeaderMap,
    ) {
        let head = self.answer(version, status, headers);
        self.note(request, |notes| {
            notes.last = notes.heads.len();
            notes.heads.extend(head);
        });
    }

    fn redirect(&self, _: &TraceContext, _: StatusCode, url: &Url) {
        self.say(format_args!("redirected to {}", errors::shown(url)));
    }

    fn retry(&self, request: &TraceContext, wait: Duration, error: Option<&Error>) {
        self.note(request, |notes| {
            notes.retries += 1;
            if error.is_none() {
                // It stands for the response that comes of the next try.
                notes.heads.truncate(notes.last);
            }
        });
        let why = error.map_or_else(|| "the status".to_owned(), ToString::to_string);
        self.say(format_args!("once more in {wait:.1?}: {why}"));
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn secrets_are_not_shown() {
        for (line, expected) in [
            ("GET /a:b HTTP/1.1", "GET /a:b HTTP/1.1"),
            ("Authorization: Basic eA==", "Authorization: [hidden]"),
            ("cookie: a=b", "cookie: [hidden]"),
            ("set-cookie:a=b; secure", "set-cookie: [hidden]"),
            ("location: /a@b", "location: /a@b"),
            ("location: http://me:secret@a/b", "location: [hidden]"),
            ("Location: //me@a/", "Location: [hidden]"),
            ("x-a: \u{1b}[31m\u{9b}", "x-a: \u{fffd}[31m\u{fffd}"),
            ("", ""),
        ] {
            assert_eq!(shown(line.as_bytes()), expected);
        }
    }
}
