//! Proxies, scripted: what they are told, what they may answer, and what they never hear.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aioli_http::{
    Egress, Error, ErrorKind, HeaderMap, Limits, Phase, Proxy, ProxyErrorKind, RequestErrorKind,
    Session, SessionBuilder, StatusCode, Timeout, Trace, TraceContext, Version,
};
use rustls::ServerConfig;

use crate::cancel::{at_each_point, at_most};
use crate::server::{Conn, Request, Server, ok, run, text};
use crate::tls::Authority;

mod digest;
mod leaks;
mod socks;
mod socks4;

/// Requests as somebody saw them, in their order.
type Seen = Arc<Mutex<Vec<Request>>>;

/// Answers `ok` to what comes, and notes it.
fn answer_all(conn: &mut Conn, seen: &Seen) {
    while let Some(request) = conn.request() {
        seen.lock().unwrap().push(request);
        conn.send(ok("fine"));
    }
}

/// An HTTP proxy that is the server as well: requests by `http` it answers, and in a tunnel it
/// speaks TLS with `inner`. What it saw, and what came through tunnels.
fn http_proxy(outer: Option<Arc<ServerConfig>>, inner: Arc<ServerConfig>) -> (Server, Seen, Seen) {
    let (seen, through): (Seen, Seen) = Default::default();
    let noted = (seen.clone(), through.clone());
    let script = move |conn: &mut Conn| {
        while let Some(request) = conn.request() {
            let tunnel = request.method == "CONNECT";
            noted.0.lock().unwrap().push(request);
            if tunnel {
                // Framing headers of a tunnel mean nothing.
                conn.send(
                    "HTTP/1.1 200 Established\r\ncontent-length: 5\r\n\
                     transfer-encoding: chunked\r\n\r\n",
                );
                conn.start_tls(inner.clone());
                return answer_all(conn, &noted.1);
            }
            conn.send(ok("fine"));
        }
    };
    let server = match outer {
        None => Server::start(script),
        Some(config) => Server::tls(config, script),
    };
    (server, seen, through)
}

fn trusting(authority: &Authority) -> SessionBuilder {
    Session::builder()
        .system_roots(false)
        .add_root_certificate(authority.pem())
}

async fn fine(session: &Session, url: &str) {
    assert_eq!(text(session, url).await, "fine");
}

/// Asks for `url` and gives up after one poll, after two and so on: nothing is left in use, and in
/// the end there is an answer.
async fn dropped_at_each_await(session: &Session, url: &str) {
    at_each_point(4, async |polls| {
        let done = at_most(polls, fine(session, url)).await;
        let stats = session.stats();
        assert_eq!((stats.in_use, stats.waiting), (0, 0), "after {polls} polls");
        done.is_some()
    })
    .await;
    fine(session, url).await;
}

/// What this proxy is not asked to look up is judged by the policy, and none of `urls` is for it.
#[track_caller]
fn judged_here(proxy: Proxy, urls: &[&str]) {
    run(async {
        let session = Session::builder()
            .proxy(proxy)
            .resolve("a.example", "10.0.0.1:0".parse().unwrap())
            .egress(Egress::public_only().allow("127.0.0.1"))
            .build()
            .unwrap();
        for url in urls {
            let error = session.get(*url).await.unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::Egress { .. }),
                "{url}: {error:?}"
            );
        }
    });
}

#[track_caller]
fn refused(error: &Error, want: ProxyErrorKind, code: Option<u16>) {
    let ErrorKind::Proxy { kind, status, .. } = error.kind() else {
        panic!("{error:?}")
    };
    let status = status.map(|status| status.as_u16());
    assert_eq!((*kind, status), (want, code), "{error:?}");
    assert!(error.is_connect() && !error.maybe_processed());
}

#[test]
fn an_http_url_is_asked_of_the_proxy_whole() {
    let authority = Authority::new();
    let (server, seen, _) = http_proxy(None, authority.issue(&["a.example"], |_| {}));
    run(async {
        let proxy = Proxy::http(&server.addr.to_string()).basic("me", "secret");
        let session = Session::builder()
            .proxy(proxy.header("x-tag", "7"))
            .build()
            .unwrap();
        for url in [
            "http://a.example/x/y?q=%20#part",
            "http://a.example:8080",
            "http://[::1]:80/",
            "http://a.example/",
        ] {
            let request = session.get(url).header("proxy-authorization", "own");
            request.await.unwrap().text().await.unwrap();
        }
    });
    let seen = seen.lock().unwrap();
    let targets: Vec<_> = seen.iter().map(|request| &request.target[..]).collect();
    assert_eq!(
        targets,
        [
            "http://a.example/x/y?q=%20",
            "http://a.example:8080/",
            "http://[::1]/",
            "http://a.example/"
        ]
    );
    for request in &*seen {
        let login = request.header("proxy-authorization");
        assert_eq!(login, Some("Basic bWU6c2VjcmV0"));
        assert_eq!(request.header("x-tag"), Some("7"));
    }
    assert_eq!(seen[1].header("host"), Some("a.example:8080"));
    // One connection for each origin, and the first one served twice.
    assert_eq!(server.accepted(), 3);
}

#[test]
fn a_header_of_the_proxys_that_logs_in_is_the_only_one() {
    let authority = Authority::new();
    let (server, seen, _) = http_proxy(None, authority.issue(&["a.example"], |_| {}));
    run(async {
        let proxy = Proxy::http(&server.addr.to_string());
        let proxy = proxy.header("proxy-authorization", "Bearer proxys");
        let session = Session::builder()
            .proxy(proxy)
            .header("proxy-authorization", "Bearer sessions")
            .build()
            .unwrap();
        let request = session.get("http://a.example/");
        let request = request.header("proxy-authorization", "Bearer own");
        request.await.unwrap().text().await.unwrap();
        fine(&session, "http://a.example/").await;
    });
    for request in &*seen.lock().unwrap() {
        let login = request.header("proxy-authorization");
        assert_eq!(login, Some("Bearer proxys"));
    }
}

#[cfg(feature = "http2")]
#[test]
fn what_is_known_of_servers_is_not_known_of_the_proxy() {
    let authority = Authority::new();
    let (server, seen, _) = http_proxy(None, authority.issue(&["a.example"], |_| {}));
    run(async {
        let proxy = Proxy::http(&server.addr.to_string()).basic("me", "secret");
        let session = Session::builder()
            .http2(aioli_http::Http2::prior_knowledge())
            .proxy(proxy)
            .build()
            .unwrap();
        fine(&session, "http://a.example/").await;
    });
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].target, "http://a.example/");
    let login = seen[0].header("proxy-authorization");
    assert_eq!(login, Some("Basic bWU6c2VjcmV0"));
}

#[test]
fn input_057_and_132_a_tunnel_carries_the_request_and_nothing_else() {
    let authority = Authority::new();
    let (server, seen, through) = http_proxy(None, authority.issue(&["a.example"], |_| {}));
    run(async {
        let proxy = Proxy::http(&server.addr.to_string()).basic("me", "secret");
        let session = trusting(&authority).proxy(proxy).build().unwrap();
        for _ in 0..2 {
            let request = session
                .get("https://a.example/path?query")
                .header("cookie", "c=1");
            let request = request.header("proxy-authorization", "for nobody");
            request.await.unwrap().text().await.unwrap();
        }
    });
    assert_eq!(server.accepted(), 1, "the tunnel serves again");
    let (seen, through) = (seen.lock().unwrap(), through.lock().unwrap());
    assert_eq!((seen.len(), through.len()), (1, 2));
    let names: Vec<_> = seen[0].headers.iter().map(|(name, _)| &name[..]).collect();
    assert_eq!(seen[0].target, "a.example:443");
    assert_eq!(names, ["host", "proxy-authorization"]);
    for request in &*through {
        assert_eq!(request.target, "/path?query");
        assert_eq!(request.header("cookie"), Some("c=1"));
        assert_eq!(request.header("proxy-authorization"), None);
    }
}

#[test]
fn a_tunnel_can_be_asked_for_whatever_the_url() {
    let seen = Seen::default();
    let noted = seen.clone();
    let server = Server::start(move |conn| {
        while let Some(request) = conn.request() {
            let answer = match request.method == "CONNECT" {
                true => "HTTP/1.1 200 Established\r\n\r\n".to_owned(),
                false => ok("fine"),
            };
            noted.lock().unwrap().push(request);
            conn.send(answer);
        }
    });
    run(async {
        let proxy = Proxy::http(&server.addr.to_string()).basic("me", "secret");
        let session = Session::builder().proxy(proxy.tunnel(true));
        let session = session.build().unwrap();
        for _ in 0..2 {
            fine(&session, "http://a.example/x").await;
        }
    });
    let seen = seen.lock().unwrap();
    let asked: Vec<_> = seen.iter().map(|request| &request.target[..]).collect();
    assert_eq!(asked, ["a.example:80", "/x", "/x"]);
    let login = |n: usize| seen[n].header("proxy-authorization");
    assert_eq!((login(0), login(1)), (Some("Basic bWU6c2VjcmV0"), None));
}

/// Keeps what proxies say to `CONNECT`.
#[derive(Default)]
struct Heads(Mutex<Vec<String>>);

impl Trace for Heads {
    fn proxy_head(
        &self,
        _: &TraceContext,
        version: Version,
        status: StatusCode,
        headers: &HeaderMap,
    ) {
        let head = format!("{version:?} {} {:?}", status.as_u16(), headers.get("via"));
        self.0.lock().unwrap().push(head);
    }
}

#[test]
fn what_a_proxy_says_to_connect_is_told_whatever_it_is() {
    let server = Server::start(|conn| {
        while let Some(request) = conn.request() {
            conn.send(match &request.target[..] {
                "a.example:80" => "HTTP/1.1 200 Fine\r\nvia: me\r\n\r\n".to_owned(),
                "b.example:80" => "HTTP/1.0 502 No\r\n\r\n".to_owned(),
                _ => ok("fine"),
            });
        }
    });
    let heads = Arc::new(Heads::default());
    run(async {
        let proxy = Proxy::http(&server.addr.to_string()).tunnel(true);
        let session = Session::builder().proxy(proxy).trace(heads.clone());
        let session = session.build().unwrap();
        fine(&session, "http://a.example/x").await;
        let error = session.get("http://b.example/").await.unwrap_err();
        refused(&error, ProxyErrorKind::Refused, Some(502));
    });
    let heads = heads.0.lock().unwrap();
    assert_eq!(*heads, ["HTTP/1.1 200 Some(\"me\")", "HTTP/1.0 502 None"]);
}

#[test]
fn a_proxy_is_spoken_to_over_tls_and_through_it_too() {
    let authority = Authority::new();
    let outer = authority.issue(&["proxy.example"], |_| {});
    let inner = authority.issue(&["a.example"], |_| {});
    let (server, seen, through) = http_proxy(Some(outer), inner);
    run(async {
        let port = server.addr.port();
        let session = trusting(&authority)
            .resolve("proxy.example", server.addr)
            .proxy(Proxy::https(&format!("proxy.example:{port}")))
            .build()
            .unwrap();
        fine(&session, "http://a.example/").await;
        fine(&session, "https://a.example/").await;
        fine(&session, "https://a.example/").await;
        let body = vec![b'x'; 300_000];
        let request = session.post("https://a.example/").body(body);
        assert_eq!(request.await.unwrap().text().await.unwrap(), "fine");
        // A proxy that cannot say who it is is not spoken to.
        let wrong = format!("https://{}", server.addr);
        let request = session.get("https://a.example/").proxy(Proxy::new(&wrong));
        refused(&request.await.unwrap_err(), ProxyErrorKind::Tls, None);
    });
    assert_eq!(seen.lock().unwrap().len(), 2);
    let through = through.lock().unwrap();
    assert_eq!(through.len(), 3);
    assert_eq!(through[2].body.len(), 300_000);
}

/// A proxy that answers the first `CONNECT` in the way of the test, and works from then on.
fn bad_once(authority: &Authority, answer: impl Fn(&mut Conn) + Send + Sync + 'static) -> Server {
    let inner = authority.issue(&["a.example"], |_| {});
    Server::start(move |conn| {
        let request = conn.request().unwrap();
        assert_eq!(request.method, "CONNECT");
        if conn.index == 0 {
            return answer(conn);
        }
        conn.send("HTTP/1.0 200 OK\r\n\r\n");
        conn.start_tls(inner.clone());
        while conn.request().is_some() {
            conn.send(ok("fine"));
        }
    })
}

/// Sends `piece` until nobody listens any more; whether that came about within 64 MiB.
fn flood(conn: &mut Conn, piece: &str) {
    let sent = (0..64 * 1024 * 1024 / piece.len()).find(|_| conn.try_send(piece).is_err());
    assert!(sent.is_some(), "the client takes all there is");
}

#[track_caller]
fn check_answer(
    answer: impl Fn(&mut Conn) + Send + Sync + 'static,
    want: ProxyErrorKind,
    status: Option<u16>,
) {
    let authority = Authority::new();
    let server = bad_once(&authority, answer);
    run(async {
        let proxy = Proxy::http(&server.addr.to_string()).basic("me", "secret");
        let session = trusting(&authority).proxy(proxy).build().unwrap();
        let error = session.get("https://a.example/").await.unwrap_err();
        refused(&error, want, status);
        fine(&session, "https://a.example/").await;
        assert_eq!(server.accepted(), 2);
    });
}

#[test]
fn input_128_bytes_behind_the_answer_are_not_the_servers() {
    check_answer(
        |conn| conn.send("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
        ProxyErrorKind::UnexpectedBytes,
        Some(200),
    );
}

#[test]
fn input_129_an_endless_refusal_is_not_read() {
    for (status, want) in [
        (
            "407 Proxy Authentication Required",
            ProxyErrorKind::Authentication,
        ),
        ("401 Unauthorized", ProxyErrorKind::Authentication),
        ("502 Bad Gateway", ProxyErrorKind::Refused),
    ] {
        let head = format!("HTTP/1.1 {status}\r\ntransfer-encoding: chunked\r\n\r\n");
        let code = status[..3].parse().unwrap();
        let answer = move |conn: &mut Conn| {
            conn.send(&head);
            flood(conn, &format!("1000\r\n{}\r\n", "x".repeat(0x1000)));
        };
        check_answer(answer, want, Some(code));
    }
}

#[test]
fn input_130_a_redirect_of_a_tunnel_is_a_refusal() {
    let elsewhere = Server::answering(|_| ok("evil"));
    let to = elsewhere.url("/");
    check_answer(
        move |conn| {
            conn.send(format!(
                "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"
            ));
            conn.wait_closed();
        },
        ProxyErrorKind::Refused,
        Some(302),
    );
    assert_eq!(elsewhere.accepted(), 0);
}

#[test]
fn input_131_a_proxy_has_to_come_to_the_point() {
    check_answer(
        |conn| flood(conn, "HTTP/1.1 100 Continue\r\n\r\n"),
        ProxyErrorKind::TooLarge,
        None,
    );
    check_answer(
        |conn| {
            conn.send("HTTP/1.1 200 OK\r\n");
            flood(conn, "x-filler: 0123456789\r\n");
        },
        ProxyErrorKind::TooLarge,
        None,
    );
}

#[test]
fn what_is_no_answer() {
    check_answer(
        |conn| conn.send("SSH-2.0-x\r\n\r\n"),
        ProxyErrorKind::Malformed,
        None,
    );
    check_answer(|_| {}, ProxyErrorKind::Disconnected, None);
    check_answer(
        |conn| conn.send("HTTP/1.1 200 OK\r\n"),
        ProxyErrorKind::Disconnected,
        None,
    );
}

#[test]
fn a_proxy_that_says_nothing_is_given_up_in_time() {
    let server = Server::start(Conn::wait_closed);
    run(async {
        let limit = Duration::from_millis(50);
        for kind in [Proxy::http, Proxy::socks5h] {
            let session = Session::builder()
                .proxy(kind(&server.addr.to_string()))
                .timeout(Timeout::default().connect(limit))
                .build()
                .unwrap();
            let error = session.get("https://a.example/").await.unwrap_err();
            assert_eq!(error.phase(), Some(Phase::Proxy), "{error:?}");
            assert!(error.is_connect() && !error.maybe_processed());
        }
    });
}

#[test]
fn a_proxy_that_is_not_there_or_not_allowed() {
    run(async {
        for proxy in [Proxy::http("127.0.0.1:1"), Proxy::socks5("127.0.0.1:1")] {
            let session = Session::builder().proxy(proxy).build().unwrap();
            let error = session.get("http://127.0.0.1:1/").await.unwrap_err();
            refused(&error, ProxyErrorKind::Connect, None);
            let ErrorKind::Proxy { source, .. } = error.kind() else {
                unreachable!()
            };
            assert!(error.to_string().contains("proxy 127.0.0.1:1: "), "{error}");
            assert!(source.as_ref().unwrap().to_string().contains("127.0.0.1:1"));
            assert!(error.is_retryable());
        }
        // The policy is for the proxy as well, and for what it would be asked to reach.
        let closed = Server::start(|_| panic!("nobody may come here"));
        let address = closed.addr.to_string();
        for kind in [Proxy::http, Proxy::https, Proxy::socks5, Proxy::socks5h] {
            let session = Session::builder()
                .proxy(kind(&address))
                .egress(Egress::public_only())
                .build()
                .unwrap();
            let error = session.get("http://9.9.9.9/").await.unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::Egress { .. }),
                "{error:?}"
            );
        }
        // With local look-ups the proxy comes first; the tests of SOCKS have that.
        for kind in [Proxy::http, Proxy::https, Proxy::socks5h] {
            let session = Session::builder()
                .proxy(kind(&address))
                .egress(Egress::public_only().allow(&closed.addr.ip().to_string()))
                .build()
                .unwrap();
            for url in ["http://169.254.169.254/", "https://[::ffff:10.0.0.1]/"] {
                let error = session.get(url).await.unwrap_err();
                assert!(
                    matches!(error.kind(), ErrorKind::Egress { .. }),
                    "{error:?}"
                );
            }
        }
        assert_eq!(closed.accepted(), 0);
    });
}

#[test]
fn which_requests_take_which_proxy() {
    let authority = Authority::new();
    let (first, _, _) = http_proxy(None, authority.issue(&["a.example"], |_| {}));
    let (second, _, _) = http_proxy(None, authority.issue(&["a.example"], |_| {}));
    let direct = Server::answering(|_| ok("direct"));
    run(async {
        let session = Session::builder()
            .proxy(
                Proxy::http(&first.addr.to_string())
                    .only_http()
                    .no_proxy("127.0.0.1"),
            )
            .proxy(Proxy::http(&second.addr.to_string()).no_proxy("*"))
            .resolve("b.example", direct.addr)
            .build()
            .unwrap();
        fine(&session, "http://a.example/").await;
        assert_eq!(
            (first.accepted(), second.accepted(), direct.accepted()),
            (1, 0, 0)
        );
        let direct_url = direct.url("/");
        assert_eq!(text(&session, &direct_url).await, "direct");
        let request = session.get("http://b.example/").no_proxy();
        assert_eq!(request.await.unwrap().text().await.unwrap(), "direct");
        assert_eq!(
            (first.accepted(), second.accepted(), direct.accepted()),
            (1, 0, 2)
        );
        let other = Proxy::http(&second.addr.to_string());
        let request = session.get(&direct_url).proxy(other);
        assert_eq!(request.await.unwrap().text().await.unwrap(), "fine");
        assert_eq!(
            (first.accepted(), second.accepted(), direct.accepted()),
            (1, 1, 2)
        );
    });
}

#[test]
fn input_136_other_credentials_other_connections() {
    let authority = Authority::new();
    let (server, seen, _) = http_proxy(None, authority.issue(&["a.example"], |_| {}));
    run(async {
        let session = trusting(&authority).build().unwrap();
        let proxy = Proxy::http(&server.addr.to_string());
        for user in ["me", "you", "me"] {
            for url in ["http://a.example/", "https://a.example/"] {
                let request = session.get(url).proxy(proxy.clone().basic(user, "x"));
                request.await.unwrap().text().await.unwrap();
            }
        }
    });
    assert_eq!(server.accepted(), 4, "two users by two ways");
    let seen = seen.lock().unwrap();
    let tunnels = seen.iter().filter(|request| request.method == "CONNECT");
    assert_eq!(tunnels.count(), 2);
}

#[test]
fn input_103_a_redirect_to_another_proxy_does_not_take_the_credentials_along() {
    let authority = Authority::new();
    let (second, seen, through) = http_proxy(None, authority.issue(&["a.example"], |_| {}));
    let first_seen = Seen::default();
    let noted = first_seen.clone();
    let first = Server::start(move |conn| {
        while let Some(request) = conn.request() {
            noted.lock().unwrap().push(request);
            conn.send(
                "HTTP/1.1 302 Found\r\nlocation: https://a.example/\r\ncontent-length: 0\r\n\r\n",
            );
        }
    });
    run(async {
        let session = trusting(&authority)
            .proxy(
                Proxy::http(&first.addr.to_string())
                    .basic("one", "1")
                    .only_http(),
            )
            .proxy(
                Proxy::http(&second.addr.to_string())
                    .basic("two", "2")
                    .only_https(),
            )
            .build()
            .unwrap();
        fine(&session, "http://a.example/").await;
    });
    let login = |seen: &Seen| {
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 1);
        seen[0].header("proxy-authorization").map(ToOwned::to_owned)
    };
    assert_eq!(login(&first_seen).as_deref(), Some("Basic b25lOjE="));
    assert_eq!(login(&seen).as_deref(), Some("Basic dHdvOjI="));
    assert_eq!(login(&through), None);
}

#[test]
fn a_malformed_proxy_is_told_before_anything_is_sent() {
    let malformed = |error: &Error| {
        let ErrorKind::InvalidRequest { kind, source } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(*kind, RequestErrorKind::Proxy);
        source.as_ref().unwrap().to_string()
    };
    let proxy = || Proxy::http("p").basic("a:b", "sesame");
    let error = Session::builder().proxy(proxy()).build().unwrap_err();
    assert!(!malformed(&error).contains("sesame"));
    run(async {
        let request = Session::new().get("http://a.example/").proxy(proxy());
        malformed(&request.await.unwrap_err());
    });
}

#[test]
fn input_160_dropped_at_each_await_on_the_way_through_a_proxy() {
    let authority = Authority::new();
    let inner = authority.issue(&["a.example"], |_| {});
    let server = Server::start(move |conn| {
        let Some(_) = conn.request() else { return };
        for piece in [
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 200 ",
            "OK\r\n",
            "\r\n",
        ] {
            conn.send(piece);
            std::thread::yield_now();
        }
        conn.start_tls(inner.clone());
        while conn.request().is_some() {
            conn.send(ok("fine"));
        }
    });
    run(async {
        let limits = Limits::default().per_host(1).connections(1).idle(0);
        let session = trusting(&authority)
            .proxy(Proxy::http(&server.addr.to_string()))
            .limits(limits)
            .build()
            .unwrap();
        dropped_at_each_await(&session, "https://a.example/").await;
    });
}

#[test]
fn under_a_foreign_executor() {
    let authority = Authority::new();
    let (server, _, _) = http_proxy(None, authority.issue(&["a.example"], |_| {}));
    let address = server.addr;
    let here = move |host: String| async move {
        assert_eq!(host, "proxy.example");
        Ok(vec![address])
    };
    let session = trusting(&authority)
        .resolver(here)
        .proxy(Proxy::http("proxy.example").basic("me", "secret"))
        .egress(Egress::listed_only().allow(&address.ip().to_string()))
        .timeout(Timeout::total(30).dns(10).sock_connect(10).tls(10))
        .build()
        .unwrap();
    futures::executor::block_on(async {
        fine(&session, "https://a.example/").await;
        fine(&session, "http://a.example/").await;
        let direct = session
            .get("http://10.0.0.1/")
            .no_proxy()
            .await
            .unwrap_err();
        assert!(
            matches!(direct.kind(), ErrorKind::Egress { .. }),
            "{direct:?}"
        );
    });
}
