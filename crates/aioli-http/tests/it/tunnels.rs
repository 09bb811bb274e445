//! Raw streams: through proxies, directly, and by a `CONNECT` of the caller's.

use std::sync::{Arc, Mutex};

use aioli_http::{
    Egress, Error, ErrorKind, Limits, Method, Phase, Proxy, ProxyErrorKind, RequestErrorKind,
    Session, Timeout, Upgraded,
};
use futures::{AsyncReadExt, AsyncWriteExt};

use crate::cancel::{at_each_point, at_most};
use crate::server::{Conn, Server, ok, run};
use crate::tls::Authority;

/// Sends back what comes, in upper case, until the client is done.
fn shout(conn: &mut Conn) {
    while let Some(bytes) = conn.take(1) {
        conn.send(bytes.to_ascii_uppercase());
    }
    conn.finish();
}

/// A proxy that is the server as well, which speaks first; what its requests were, as heads.
fn proxy() -> (Server, Arc<Mutex<Vec<String>>>) {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = seen.clone();
    let server = Server::start(move |conn| {
        while let Some(request) = conn.request() {
            let mut head = format!("{} {}", request.method, request.target);
            for (name, value) in &request.headers {
                head += &format!("\n{}: {value}", name.to_ascii_lowercase());
            }
            noted.lock().unwrap().push(head);
            match request.method.as_str() {
                "CONNECT" => {
                    // Framing headers of a tunnel mean nothing, and the server has said something.
                    conn.send(
                        "HTTP/1.1 200 Established\r\ncontent-length: 5\r\n\
                         transfer-encoding: chunked\r\n\r\nwelcome ",
                    );
                    return shout(conn);
                }
                _ => conn.send(ok("fine")),
            }
        }
    });
    (server, seen)
}

async fn talk(mut stream: Upgraded, want: &str) {
    stream.write_all(b"hello").await.unwrap();
    stream.close().await.unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).await.unwrap();
    assert_eq!(all, want);
}

fn proxied(server: &Server) -> Session {
    let proxy = Proxy::http(&server.addr.to_string()).basic("me", "s3cret");
    let limits = Limits::default().connections(1);
    let builder = Session::builder().proxy(proxy).limits(limits);
    let builder = builder.header("authorization", "Bearer own");
    builder.build().unwrap()
}

#[track_caller]
fn refused(error: &Error, want: ProxyErrorKind, code: u16) {
    let ErrorKind::Proxy { kind, status, .. } = error.kind() else {
        panic!("{error:?}")
    };
    assert_eq!((*kind, status.unwrap().as_u16()), (want, code), "{error:?}");
    assert!(error.is_connect() && !error.maybe_processed());
}

#[test]
fn a_stream_through_a_proxy_and_nothing_of_the_session_in_it() {
    let (server, seen) = proxy();
    run(async {
        let session = proxied(&server);
        let stream = session.tunnel("DB.example.", 5432).await.unwrap();
        // It has its slot until it is dropped.
        assert_eq!((session.stats().in_use, session.stats().opened), (1, 1));
        talk(stream, "welcome HELLO").await;
        assert_eq!((session.stats().in_use, session.stats().idle), (0, 0));
        talk(session.tunnel("[::1]", 80).await.unwrap(), "welcome HELLO").await;
    });
    let want = |authority| {
        format!(
            "CONNECT {authority}\nhost: {authority}\n\
             proxy-authorization: Basic bWU6czNjcmV0"
        )
    };
    assert_eq!(
        *seen.lock().unwrap(),
        [want("db.example:5432"), want("[::1]:80")]
    );
}

#[test]
fn without_a_proxy_it_leads_there_directly() {
    let server = Server::start(shout);
    let (proxy, seen) = proxy();
    run(async {
        let (host, port) = (server.addr.ip().to_string(), server.addr.port());
        talk(Session::new().tunnel(&host, port).await.unwrap(), "HELLO").await;
        let session = proxied(&proxy);
        let direct = session.tunnel(&host, port).no_proxy();
        talk(direct.await.unwrap(), "HELLO").await;
        let own = Proxy::http(&proxy.addr.to_string());
        let through = Session::new().tunnel(&host, port).proxy(own);
        talk(through.await.unwrap(), "welcome HELLO").await;
    });
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[test]
fn an_idle_connection_of_requests_is_not_taken() {
    let authority = Authority::new();
    let config = authority.issue(&["127.0.0.1"], |_| {});
    let server = Server::start(move |conn| {
        if conn.index == 0 {
            conn.start_tls(config.clone());
            while conn.request().is_some() {
                conn.send(ok("fine"));
            }
        } else {
            shout(conn);
        }
    });
    run(async {
        let builder = Session::builder().system_roots(false);
        let builder = builder.add_root_certificate(authority.pem());
        let session = builder.build().unwrap();
        let url = format!("https://{}/", server.addr);
        assert_eq!(crate::server::text(&session, url).await, "fine");
        assert_eq!(session.stats().idle, 1);
        let stream = session.tunnel("127.0.0.1", server.addr.port());
        talk(stream.await.unwrap(), "HELLO").await;
        assert_eq!(server.accepted(), 2);
    });
}

#[test]
fn what_a_proxy_refuses_and_what_is_no_host() {
    let server = Server::start(|conn| {
        let request = conn.request().unwrap();
        let status = request.header("x-status").unwrap().to_owned();
        conn.send(format!(
            "HTTP/1.1 {status} No\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
        ));
        conn.wait_closed();
    });
    run(async {
        for (status, want) in [
            (407, ProxyErrorKind::Authentication),
            (302, ProxyErrorKind::Refused),
            (503, ProxyErrorKind::Refused),
        ] {
            let proxy = Proxy::http(&server.addr.to_string());
            let proxy = proxy.header("x-status", status.to_string());
            let tunnel = Session::new().tunnel("a.example", 22).proxy(proxy);
            let error = tunnel.await.unwrap_err();
            refused(&error, want, status);
            assert!(error.to_string().contains("CONNECT"), "{error}");
            assert_eq!(error.url().unwrap().as_str(), "https://a.example:22/");
        }
        for host in ["", "a b", "a/b", "a:1", "me@a", "[::1"] {
            let error = Session::new().tunnel(host, 1).await.unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::InvalidUrl(_)),
                "{error:?}"
            );
        }
        let egress = Session::builder().egress(Egress::public_only());
        let egress = egress.build().unwrap();
        let error = egress.tunnel("127.0.0.1", 1).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Egress { .. }),
            "{error:?}"
        );
    });
}

#[test]
fn limits_hold_until_it_is_open() {
    let silent = Server::start(|conn| {
        conn.request();
        conn.wait_closed();
    });
    run(async {
        let proxy = Proxy::http(&silent.addr.to_string());
        let session = Session::builder().proxy(proxy).build().unwrap();
        let limit = Timeout::total(0.05);
        let error = session.tunnel("a.example", 1).timeout(limit).await;
        let error = error.unwrap_err();
        assert!(
            matches!(
                error.kind(),
                ErrorKind::Timeout {
                    phase: Phase::Total,
                    ..
                }
            ),
            "{error:?}"
        );
        assert_eq!(session.stats().in_use, 0);
    });
}

#[test]
fn dropped_at_each_await() {
    let server = Server::start(|conn| {
        if conn.request().is_some() {
            for part in ["HTTP/1.1 200 OK\r\n", "via: me\r\n", "\r\nwel", "come "] {
                conn.send(part);
                std::thread::yield_now();
            }
            shout(conn);
        }
    });
    run(async {
        let session = proxied(&server);
        at_each_point(2, async |polls| {
            let tunnel = session.tunnel("a.example", 1).into_future();
            let done = at_most(polls, tunnel).await;
            let open = usize::from(done.is_some());
            let stats = session.stats();
            assert_eq!(
                (stats.in_use, stats.waiting),
                (open, 0),
                "after {polls} polls"
            );
            let Some(stream) = done else {
                return false;
            };
            talk(stream.unwrap(), "welcome HELLO").await;
            true
        })
        .await;
    });
}

#[test]
fn an_origin_that_offers_tunnels_is_asked() {
    let (server, seen) = proxy();
    run(async {
        let session = Session::new();
        let request = session
            .request(Method::CONNECT, server.url("/ignored?x"))
            .target("db.example:5432")
            .header("proxy-authorization", "Basic own");
        let response = request.await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.content_length(), None);
        talk(response.upgrade().unwrap(), "welcome HELLO").await;
        assert_eq!((session.stats().in_use, session.stats().idle), (0, 0));
    });
    let seen = seen.lock().unwrap();
    assert!(seen[0].starts_with("CONNECT db.example:5432\n"), "{seen:?}");
    assert!(
        seen[0].contains("\nproxy-authorization: Basic own"),
        "{seen:?}"
    );
    assert!(seen[0].contains("\nhost: db.example:5432"), "{seen:?}");
    assert_eq!(seen[0].matches("\nhost:").count(), 1, "{seen:?}");
}

#[test]
fn behind_a_proxy_an_origin_is_asked_in_a_tunnel() {
    // The proxy makes the outer tunnel, in which the origin makes another one.
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = heads.clone();
    let server = Server::start(move |conn| {
        for _ in 0..2 {
            let request = conn.request().unwrap();
            let login = request.header("proxy-authorization").unwrap_or("-");
            let line = format!("{} {} {login}", request.method, request.target);
            noted.lock().unwrap().push(line);
            conn.send("HTTP/1.1 200 Established\r\n\r\n");
        }
        shout(conn);
    });
    run(async {
        let session = proxied(&server);
        let request = session.request(Method::CONNECT, "http://b.example:8080/");
        let response = request.target("c.example:1").await.unwrap();
        talk(response.upgrade().unwrap(), "HELLO").await;
    });
    assert_eq!(
        *heads.lock().unwrap(),
        [
            "CONNECT b.example:8080 Basic bWU6czNjcmV0",
            "CONNECT c.example:1 -"
        ]
    );
}

#[test]
fn an_origin_that_refuses_a_tunnel_has_answered() {
    let server = Server::answering(|request| match &request.target[..] {
        "moved.example:1" => "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\n\
                              content-length: 0\r\n\r\n"
            .to_owned(),
        _ => "HTTP/1.1 405 No\r\ncontent-length: 2\r\n\r\nno".to_owned(),
    });
    run(async {
        let session = Session::new();
        let ask = |target: &str| {
            let request = session.request(Method::CONNECT, server.url("/"));
            request.target(target)
        };
        let response = ask("moved.example:1").await.unwrap();
        assert_eq!(response.status(), 302);
        assert_eq!(response.text().await.unwrap(), "");
        let response = ask("a.example:1").await.unwrap();
        assert_eq!(response.status(), 405);
        assert_eq!(response.text().await.unwrap(), "no");
        assert_eq!(server.accepted(), 1, "the connection is HTTP's still");

        for (request, want) in [
            (ask("a.example:1").body("x"), RequestErrorKind::Method),
            (ask("a.example"), RequestErrorKind::Target),
            (ask("a.example:"), RequestErrorKind::Target),
            (ask("a.example:+1"), RequestErrorKind::Target),
            (ask("a.example:70000"), RequestErrorKind::Target),
            (ask("::1:80"), RequestErrorKind::Target),
            (ask("[a]:80"), RequestErrorKind::Target),
            (ask("http://a.example:80"), RequestErrorKind::Target),
            (ask("me@a.example:80"), RequestErrorKind::Target),
            (ask(":80"), RequestErrorKind::Target),
        ] {
            let error = request.await.unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::InvalidRequest { kind, .. } if *kind == want),
                "{error:?}"
            );
        }
        let mocked = Session::mock(async |_| aioli_http::Mock::new(200));
        let request = mocked.request(Method::CONNECT, "http://a.example/");
        let error = request.target("b.example:1").await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::InvalidRequest { .. }));
        let error = mocked.tunnel("b.example", 1).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::InvalidRequest { .. }));
    });
}
