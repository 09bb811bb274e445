//! Secrets times ways: who is told what, judged by what the proxy and the server received.

use super::socks::socks_proxy;
use super::*;

/// Secrets for the server, and how they look on the wire.
const FOR_SERVER: [&str; 4] = [
    "cookie-secret",
    "bearer-secret",
    "key-secret",
    "path-secret",
];
/// Secrets for the proxy: a name, a password, both as HTTP says them, and a header.
const FOR_PROXY: [&str; 4] = [
    "proxyuser",
    "proxypassword",
    "cHJveHl1c2VyOnByb3h5cGFzc3dvcmQ=",
    "header-for-proxy",
];

async fn ask(authority: &Authority, proxy: Proxy, scheme: &str) {
    let proxy = proxy
        .basic("proxyuser", "proxypassword")
        .header("x-for-proxy", "header-for-proxy");
    let session = trusting(authority)
        .resolve("a.example", "192.0.2.7:0".parse().unwrap())
        .proxy(proxy)
        .header("x-api-key", "key-secret")
        .build()
        .unwrap();
    let request = session
        .get(format!("{scheme}://a.example/path-secret"))
        .header("cookie", "cookie-secret")
        .header("authorization", "Bearer bearer-secret");
    assert_eq!(request.await.unwrap().text().await.unwrap(), "fine");
}

#[track_caller]
fn hears(seen: &str, secrets: &[&str], yes: bool) {
    for secret in secrets {
        assert_eq!(seen.contains(secret), yes, "{secret} in {seen}");
    }
}

#[test]
fn input_132_secrets_reach_whom_they_are_for() {
    for over_tls in [false, true] {
        for secure in [false, true] {
            let authority = Authority::new();
            let outer = over_tls.then(|| authority.issue(&["127.0.0.1"], |_| {}));
            let inner = authority.issue(&["a.example"], |_| {});
            let (server, seen, through) = http_proxy(outer, inner);
            let address = server.addr.to_string();
            let kind = if over_tls { Proxy::https } else { Proxy::http };
            run(ask(
                &authority,
                kind(&address),
                if secure { "https" } else { "http" },
            ));
            let seen = format!("{:?}", seen.lock().unwrap());
            let through = format!("{:?}", through.lock().unwrap());
            hears(&seen, &FOR_PROXY[2..], true);
            // By `http` the proxy carries the request in the open, as everybody on the way.
            hears(&seen, &FOR_SERVER, !secure);
            hears(&through, &FOR_SERVER, secure);
            hears(&through, &FOR_PROXY, false);
        }
    }
}

#[test]
fn input_132_secrets_reach_whom_they_are_for_by_socks_too() {
    for kind in [Proxy::socks5, Proxy::socks5h] {
        for scheme in ["http", "https"] {
            let authority = Authority::new();
            let (server, told, through) = socks_proxy(authority.issue(&["a.example"], |_| {}));
            run(ask(&authority, kind(&server.addr.to_string()), scheme));
            let told = format!("{:?}", told.lock().unwrap());
            let through = format!("{:?}", through.lock().unwrap());
            hears(&told, &FOR_PROXY[..2], true);
            hears(&told, &FOR_SERVER, false);
            hears(&through, &FOR_SERVER, true);
            hears(&through, &FOR_PROXY, false);
        }
    }
}
