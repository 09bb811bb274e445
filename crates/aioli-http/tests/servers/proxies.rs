//! tinyproxy and microsocks, with nginx behind them, which says what it has seen.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use aioli_http::{Body, Error, ErrorKind, Limits, Proxy, ProxyErrorKind, Session, SocksReply};
use aioli_task::run;
use futures::stream;

use super::authority::Authority;
use super::nginx::{Nginx, configured};
use super::part::{Running, program};
use super::relay::Relay;
use super::vacant::vacant;

/// `me:secret` of the proxy, and `you:word` of the origin.
const PROXYS: &str = "Basic bWU6c2VjcmV0";
const ORIGINS: &str = "Basic eW91OndvcmQ=";

/// Two servers that answer with what they have seen: by plain http, and by https.
struct Origins {
    plain: Nginx,
    secure: Nginx,
    authority: Authority,
}

impl Origins {
    fn start() -> Option<Origins> {
        let seen = "location / { return 200 \
                    '$request_method $request_uri|$http_authorization|$http_proxy_authorization|$http_via'; }";
        let authority = Authority::new();
        let plain = configured(|_, address| format!("server {{ listen {address}; {seen} }}"))?;
        let secure = configured(|folder, address| {
            authority.issue(folder);
            let shown = folder.display();
            format!(
                "server {{
                    listen {address} ssl;
                    ssl_certificate {shown}/certificate;
                    ssl_certificate_key {shown}/key;
                    {seen}
                }}"
            )
        })?;
        Some(Origins {
            plain,
            secure,
            authority,
        })
    }

    fn http(&self, path: &str) -> String {
        self.plain.running.url(path)
    }

    fn https(&self, path: &str) -> String {
        format!("https://{}/{path}", self.secure.running.address)
    }

    fn session(&self, proxy: Proxy) -> Session {
        self.authority.trusted().proxy(proxy).build().unwrap()
    }
}

/// tinyproxy; with `login`, it wants `me` and `secret`.
fn tinyproxy(login: bool) -> Option<Running> {
    let program = program("TINYPROXY")?;
    let command = |folder: &Path, address: SocketAddr| {
        let (ip, port, shown) = (address.ip(), address.port(), folder.display());
        let login = if login { "BasicAuth me secret\n" } else { "" };
        let config = format!(
            "Listen {ip}\nPort {port}\nTimeout 60\nLogFile \"{shown}/log\"\nAllow {ip}\n\
             ViaProxyName \"tiny\"\n{login}"
        );
        fs::write(folder.join("config"), config).unwrap();
        let mut command = Command::new(&program);
        command.arg("-d").arg("-c").arg(folder.join("config"));
        command
    };
    Some(Running::start(command))
}

fn microsocks(login: bool) -> Option<Running> {
    let program = program("MICROSOCKS")?;
    let command = |_: &Path, address: SocketAddr| {
        let mut command = Command::new(&program);
        command.args(["-i", &address.ip().to_string()]);
        command.args(["-p", &address.port().to_string()]);
        // It tells of each connection.
        command.stderr(Stdio::null());
        if login {
            command.args(["-u", "me", "-P", "secret"]);
        }
        command
    };
    Some(Running::start(command))
}

/// What the origin has seen of a request with credentials for it.
async fn seen(session: &Session, url: &str) -> Result<String, Error> {
    let response = session.get(url).basic("you", "word").await?;
    response.error_for_status()?.text().await
}

#[track_caller]
fn refused(error: &Error, want: ProxyErrorKind, code: Option<u16>) {
    let ErrorKind::Proxy { kind, status, .. } = error.kind() else {
        panic!("{error:?}")
    };
    let status = status.map(|status| status.as_u16());
    assert_eq!((*kind, status), (want, code), "{error:?}");
    assert!(error.is_connect() && !error.maybe_processed());
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("secret") && !shown.contains("word"));
}

#[test]
fn http_is_asked_of_a_proxy_and_https_goes_through_it() {
    let (Some(origins), Some(proxy)) = (Origins::start(), tinyproxy(false)) else {
        return;
    };
    let proxy = Proxy::http(&proxy.address.to_string());
    let session = origins.session(proxy.clone());
    // This proxy closes each connection without having said so. A `POST` that meets the end of a
    // used one is not sent twice but an error, so uploads here go by connections of their own.
    let unused = origins.authority.trusted().proxy(proxy);
    let unused = unused.limits(Limits::default().idle_per_host(0));
    let unused = unused.build().unwrap();
    run(async {
        for n in 0..20 {
            let text = seen(&session, &origins.http("a?b=%20")).await.unwrap();
            assert!(
                text.starts_with(&format!("GET /a?b=%20|{ORIGINS}||")) && text.contains("tiny"),
                "request {n}: {text}"
            );
            let text = seen(&session, &origins.https("a?b=%20")).await.unwrap();
            assert_eq!(text, format!("GET /a?b=%20|{ORIGINS}||"), "request {n}");
        }
        for url in [origins.http("up"), origins.https("up")] {
            let pieces = (0..20).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 40_000]));
            for body in [
                Body::from(vec![b'x'; 800_000]),
                Body::stream(stream::iter(pieces.clone())),
                Body::sized_stream(800_000, stream::iter(pieces)),
            ] {
                let text = unused.post(&url).body(body).await.unwrap();
                let text = text.text().await.unwrap();
                assert!(text.starts_with("POST /up||"), "{url}: {text}");
            }
        }
    });
    for stats in [session.stats(), unused.stats()] {
        assert_eq!((stats.in_use, stats.waiting), (0, 0));
    }
}

#[test]
fn credentials_of_proxy_and_origin_are_kept_apart() {
    let (Some(origins), Some(proxy)) = (Origins::start(), tinyproxy(true)) else {
        return;
    };
    let relay = Relay::to(proxy.address);
    let login = Proxy::http(&relay.address.to_string()).basic("me", "secret");
    run(async {
        // By way of a tunnel, the proxy hears where to, and who asks.
        let session = origins.session(login.clone());
        for _ in 0..2 {
            let text = seen(&session, &origins.https("hidden")).await.unwrap();
            assert_eq!(text, format!("GET /hidden|{ORIGINS}||"));
        }
        let [tunnel] = &relay.heard()[..] else {
            panic!("one tunnel serves twice")
        };
        let target = origins.secure.running.address;
        assert!(tunnel.starts_with(&format!("CONNECT {target} HTTP/1.1\r\n")));
        assert_eq!(tunnel.matches(PROXYS).count(), 1);
        for hidden in [ORIGINS, "hidden", "\r\nauthorization"] {
            assert!(!tunnel.contains(hidden), "{tunnel}");
        }

        // Asked for an http URL it hears all, and passes on what is the origin's.
        let text = seen(&session, &origins.http("plain")).await.unwrap();
        assert!(
            text.starts_with(&format!("GET /plain|{ORIGINS}||")),
            "{text}"
        );
        let asked = relay.heard().pop().unwrap();
        assert_eq!(
            (
                asked.matches(PROXYS).count(),
                asked.matches(ORIGINS).count()
            ),
            (1, 1)
        );

        // Whoever is reached directly hears nothing that is the proxy's.
        let direct = origins.session(login.no_proxy("localhost, 127.0.0.0/8"));
        for url in [origins.http("x"), origins.https("x")] {
            assert_eq!(
                seen(&direct, &url).await.unwrap(),
                format!("GET /x|{ORIGINS}||")
            );
        }
        assert_eq!(relay.heard().len(), 2);
    });
}

#[test]
fn a_proxy_that_wants_other_credentials_says_so() {
    let (Some(origins), Some(proxy)) = (Origins::start(), tinyproxy(true)) else {
        return;
    };
    let address = proxy.address.to_string();
    let none = Proxy::http(&address);
    run(async {
        // This one answers 401 to wrong ones.
        for (proxy, code) in [
            (none.clone(), 407),
            (none.clone().basic("me", "other"), 401),
        ] {
            let session = origins.session(proxy);
            let error = seen(&session, &origins.https("x")).await.unwrap_err();
            refused(&error, ProxyErrorKind::Authentication, Some(code));
            let response = session.get(origins.http("x")).await.unwrap();
            assert_eq!(response.status(), code);
            // A request of its own with the right ones does not meet the other's connections.
            let request = session.get(origins.https("x"));
            let request = request.proxy(none.clone().basic("me", "secret"));
            assert_eq!(request.await.unwrap().status(), 200);
            let error = seen(&session, &origins.https("x")).await.unwrap_err();
            refused(&error, ProxyErrorKind::Authentication, Some(code));
        }
    });
}

#[test]
fn what_a_proxy_cannot_reach_is_its_refusal() {
    let (Some(origins), Some(proxy)) = (Origins::start(), tinyproxy(false)) else {
        return;
    };
    let session = origins.session(Proxy::http(&proxy.address.to_string()));
    let nobody = vacant();
    run(async {
        let error = session.get(format!("https://{nobody}/")).await;
        let error = error.unwrap_err();
        let ErrorKind::Proxy { kind, status, .. } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(*kind, ProxyErrorKind::Refused);
        assert!(status.unwrap().is_server_error(), "{error:?}");
        let response = session.get(format!("http://{nobody}/")).await.unwrap();
        assert!(response.status().is_server_error());
        assert!(seen(&session, &origins.https("x")).await.is_ok());
    });
}

#[test]
fn a_proxy_that_is_not_there_is_not_gone_around() {
    let Some(origins) = Origins::start() else {
        return;
    };
    let address = vacant().to_string();
    run(async {
        for proxy in [
            Proxy::http(&address).basic("me", "secret"),
            Proxy::https(&address),
            Proxy::socks5(&address).basic("me", "secret"),
            Proxy::socks5h(&address),
        ] {
            let session = origins.session(proxy);
            for url in [origins.http("x"), origins.https("x")] {
                let error = seen(&session, &url).await.unwrap_err();
                refused(&error, ProxyErrorKind::Connect, None);
            }
        }
    });
}

#[test]
fn names_are_looked_up_by_whom_it_was_said() {
    let (Some(origins), Some(proxy)) = (Origins::start(), microsocks(false)) else {
        return;
    };
    let address = proxy.address.to_string();
    let (there, here) = (Proxy::socks5h(&address), Proxy::socks5(&address));
    // Who looks it up here ends nowhere, and the proxy says so.
    let nobody = vacant();
    let session = origins.authority.trusted().resolve("localhost", nobody);
    let session = session.build().unwrap();
    run(async {
        for (scheme, port) in [
            ("http", origins.plain.running.address.port()),
            ("https", origins.secure.running.address.port()),
        ] {
            let url = format!("{scheme}://localhost:{port}/x");
            let error = session.get(&url).proxy(here.clone()).await.unwrap_err();
            let refusal = ProxyErrorKind::Socks(SocksReply::ConnectionRefused);
            refused(&error, refusal, None);
            for _ in 0..2 {
                let request = session.get(&url).proxy(there.clone()).basic("you", "word");
                let text = request.await.unwrap().text().await.unwrap();
                assert_eq!(text, format!("GET /x|{ORIGINS}||"));
            }
        }
        assert_eq!(session.stats().opened, 2);
    });
}

#[test]
fn socks_with_a_login_hears_no_other() {
    let (Some(origins), Some(proxy)) = (Origins::start(), microsocks(true)) else {
        return;
    };
    let relay = Relay::to(proxy.address);
    let address = relay.address.to_string();
    run(async {
        let session = origins.session(Proxy::socks5(&address).basic("me", "secret"));
        let text = seen(&session, &origins.https("hidden")).await.unwrap();
        assert_eq!(text, format!("GET /hidden|{ORIGINS}||"));
        let text = seen(&session, &origins.http("plain")).await.unwrap();
        assert_eq!(text, format!("GET /plain|{ORIGINS}||"));
        let heard = relay.heard();
        assert_eq!(heard.len(), 2);
        for connection in &heard {
            assert_eq!(connection.matches("\u{2}me\u{6}secret").count(), 1);
            assert!(!connection.contains(PROXYS));
        }
        assert!(!heard[0].contains(ORIGINS) && !heard[0].contains("hidden"));
        for proxy in [
            Proxy::socks5(&address),
            Proxy::socks5(&address).basic("me", "other"),
            Proxy::socks5(&address).basic("other", "secret"),
        ] {
            let session = origins.session(proxy);
            for url in [origins.http("x"), origins.https("x")] {
                let error = seen(&session, &url).await.unwrap_err();
                refused(&error, ProxyErrorKind::Authentication, None);
            }
        }
    });
}
