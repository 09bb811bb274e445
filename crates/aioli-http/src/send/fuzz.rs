//! What holds of the head of a request, whatever its URL is.

use std::sync::OnceLock;

use crate::origin::Origin;
use crate::proxy::Proxy;
use crate::session::Session;

use super::head::encode_head;
use super::hop::{self, Hop};

/// A session that goes directly, and one that asks a proxy for whole URLs.
fn sessions() -> &'static [Session; 2] {
    static SESSIONS: OnceLock<[Session; 2]> = OnceLock::new();
    SESSIONS.get_or_init(|| {
        let proxy = Session::builder().proxy(Proxy::http("proxy.example").only_http());
        [
            Session::new(),
            proxy.build().expect("the proxy is well-formed"),
        ]
    })
}

/// Writes the head for `text` as a URL, and reads it again.
pub(crate) fn request_line(text: &str) {
    for session in sessions() {
        let (mut parts, error) = session.get(text).into_parts();
        if error.is_some() {
            continue;
        }
        let Ok(mut hop) = Hop::first(session, &mut parts) else {
            continue;
        };
        let config = &session.inner.config;
        hop.attach(config, &parts);
        let route = hop::route(config, &parts, &hop).expect("no part of it is for SOCKS");
        let mut out = Vec::new();
        let encoder = encode_head(&mut out, config, &parts, &hop, &route);
        assert!(encoder.is_none(), "there is no body");

        let mut target = parts.url[url::Position::BeforePath..url::Position::AfterQuery].to_owned();
        let asks_proxy = route.asks_proxy().is_some();
        if asks_proxy {
            target.insert_str(0, &parts.url[..url::Position::BeforePath]);
        }
        let port = parts.url.port().map(|port| format!(":{port}"));
        let host = parts.url.host_str().expect("it has an origin");
        check_head(
            &out,
            &target,
            &format!("{host}{}", port.unwrap_or_default()),
        );
        assert_eq!(Origin::of(&parts.url).as_ref(), Some(&**hop.origin()));

        // The place that is remembered now is a short cut, and no other way.
        let (again, _) = session.get(text).into_parts();
        assert_eq!(again.url, parts.url);
    }
}

fn check_head(head: &[u8], target: &str, host: &str) {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut request = httparse::Request::new(&mut headers);
    let parsed = request.parse(head).expect("a head");
    assert_eq!(parsed, httparse::Status::Complete(head.len()), "one head");
    assert_eq!((request.method, request.path), (Some("GET"), Some(target)));
    assert!(
        target.bytes().all(|byte| byte.is_ascii_graphic()),
        "{target}"
    );
    let mut hosts = request
        .headers
        .iter()
        .filter(|header| header.name == "host");
    let value = hosts.next().map(|header| header.value);
    assert_eq!((value, hosts.next()), (Some(host.as_bytes()), None));
    let line_ends = head.windows(2).filter(|two| two == b"\r\n").count();
    let others = head.iter().filter(|byte| **byte < b' ').count();
    assert_eq!(others, 2 * line_ends, "no control characters besides");
}
