//! SOCKS5 proxies.

use std::net::SocketAddr;

use aioli_http::SocksReply;

use super::*;

/// What a SOCKS proxy was told.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    login: Option<(String, String)>,
    /// A name or an address, as it was said.
    host: String,
    port: u16,
}

/// Takes part in the handshake up to the answer; `None` when the client leaves.
fn shake_hands(conn: &mut Conn) -> Option<Told> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let counted = |conn: &mut Conn| {
        let n = conn.take(1)?[0];
        conn.take(n.into())
    };
    assert_eq!(conn.take(1)?, [5]);
    let methods = counted(conn)?;
    let login = if methods.contains(&2) {
        conn.send([5, 2]);
        assert_eq!(conn.take(1)?, [1]);
        let login = (text(counted(conn)?), text(counted(conn)?));
        conn.send([1, 0]);
        Some(login)
    } else {
        conn.send([5, 0]);
        None
    };
    assert_eq!(conn.take(3)?, [5, 1, 0]);
    let host = match conn.take(1)?[0] {
        1 => std::net::Ipv4Addr::from(<[u8; 4]>::try_from(conn.take(4)?).unwrap()).to_string(),
        4 => std::net::Ipv6Addr::from(<[u8; 16]>::try_from(conn.take(16)?).unwrap()).to_string(),
        3 => text(counted(conn)?),
        other => panic!("{other}"),
    };
    let port = conn.take(2)?;
    let port = u16::from_be_bytes([port[0], port[1]]);
    Some(Told { login, host, port })
}

pub(super) const FINE: [u8; 10] = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];

/// A proxy that is the server as well: TLS for port 443. What it was told, and was asked.
pub(super) fn socks_proxy(inner: Arc<ServerConfig>) -> (Server, Arc<Mutex<Vec<String>>>, Seen) {
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let through = Seen::default();
    let noted = (told.clone(), through.clone());
    let server = Server::start(move |conn| {
        let Some(said) = shake_hands(conn) else {
            return;
        };
        let secure = said.port == 443;
        noted.0.lock().unwrap().push(format!("{said:?}"));
        conn.send(FINE);
        if secure {
            conn.start_tls(inner.clone());
        }
        answer_all(conn, &noted.1);
    });
    (server, told, through)
}

fn told(login: Option<(&str, &str)>, host: &str, port: u16) -> String {
    let login = login.map(|(user, password)| (user.to_owned(), password.to_owned()));
    let host = host.to_owned();
    format!("{:?}", Told { login, host, port })
}

#[test]
fn names_are_looked_up_here_or_there() {
    let authority = Authority::new();
    let (server, heard, through) = socks_proxy(authority.issue(&["a.example"], |_| {}));
    run(async {
        let address = server.addr.to_string();
        let here: SocketAddr = "192.0.2.7:0".parse().unwrap();
        let session = trusting(&authority)
            .resolve("a.example", here)
            .build()
            .unwrap();
        let login = Proxy::socks5(&address).basic("me", "secret");
        for (proxy, url) in [
            (Proxy::socks5(&address), "http://a.example/x"),
            (Proxy::socks5h(&address), "http://a.example/x"),
            (login, "https://a.example/x"),
            (Proxy::socks5h(&address), "https://a.example/x"),
            (Proxy::socks5h(&address), "http://[::1]:8080/x"),
            (Proxy::socks5h(&address), "http://192.0.2.1/x"),
        ] {
            let request = session.get(url).proxy(proxy);
            assert_eq!(request.await.unwrap().text().await.unwrap(), "fine");
        }
    });
    assert_eq!(
        *heard.lock().unwrap(),
        [
            told(None, "192.0.2.7", 80),
            told(None, "a.example", 80),
            told(Some(("me", "secret")), "192.0.2.7", 443),
            told(None, "a.example", 443),
            told(None, "::1", 8080),
            told(None, "192.0.2.1", 80),
        ]
    );
    // No part of a request is for the proxy.
    for request in &*through.lock().unwrap() {
        assert_eq!(request.target, "/x");
        assert_eq!(request.header("proxy-authorization"), None);
    }
}

#[test]
fn input_125_a_name_that_is_too_long_is_refused_before_anything_is_sent() {
    let server = Server::start(|_| panic!("nobody may come here"));
    run(async {
        let proxy = Proxy::socks5h(&server.addr.to_string());
        let session = Session::builder().proxy(proxy).build().unwrap();
        let name = ["a"; 140].join(".");
        let error = session.get(format!("http://{name}/")).await.unwrap_err();
        let ErrorKind::InvalidRequest { kind, .. } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(*kind, RequestErrorKind::HostTooLong);
        assert_eq!(server.accepted(), 0);
    });
}

#[test]
fn what_a_socks_proxy_refuses() {
    let answers: [(&[u8], ProxyErrorKind); 6] = [
        (&[5, 0xff], ProxyErrorKind::Authentication),
        (&[5, 2, 1, 1], ProxyErrorKind::Authentication),
        (
            &[5, 0, 5, 5, 0, 1],
            ProxyErrorKind::Socks(SocksReply::ConnectionRefused),
        ),
        (
            &[5, 0, 5, 2, 0, 1],
            ProxyErrorKind::Socks(SocksReply::NotAllowed),
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            ProxyErrorKind::Malformed,
        ),
        (&[5], ProxyErrorKind::Disconnected),
    ];
    for (answer, want) in answers {
        let server = Server::start(move |conn| {
            if conn.index > 0 {
                shake_hands(conn);
                conn.send(FINE);
                while conn.request().is_some() {
                    conn.send(ok("fine"));
                }
                return;
            }
            // All answers at once; the client takes them one by one.
            conn.take(4);
            conn.send(answer);
            conn.finish();
            conn.wait_closed();
        });
        run(async {
            let proxy = Proxy::socks5h(&server.addr.to_string()).basic("me", "secret");
            let session = Session::builder().proxy(proxy).build().unwrap();
            let error = session.get("http://a.example/").await.unwrap_err();
            refused(&error, want, None);
            fine(&session, "http://a.example/").await;
        });
    }
}

#[test]
fn the_policy_judges_what_is_looked_up_here() {
    let authority = Authority::new();
    let (server, heard, _) = socks_proxy(authority.issue(&["a.example"], |_| {}));
    let proxy = Proxy::socks5(&server.addr.to_string());
    judged_here(proxy, &["http://a.example/", "http://169.254.169.254/"]);
    assert!(
        heard.lock().unwrap().is_empty(),
        "the proxy was told nothing"
    );
}

#[test]
fn input_160_dropped_at_each_await_on_the_way_through_socks() {
    let server = Server::start(|conn| {
        for (wanted, answer) in [
            (4, &[5_u8][..]),
            (0, &[2]),
            (1 + 3 + 7, &[1]),
            (0, &[0]),
            (4 + 1 + 9 + 2, &FINE[..3]),
            (0, &FINE[3..]),
        ] {
            if conn.take(wanted).is_none() {
                return;
            }
            conn.send(answer);
            std::thread::yield_now();
        }
        while conn.request().is_some() {
            conn.send(ok("fine"));
        }
    });
    run(async {
        let limits = Limits::default().per_host(1).connections(1).idle(0);
        let proxy = Proxy::socks5h(&server.addr.to_string()).basic("me", "secret");
        let session = Session::builder()
            .proxy(proxy)
            .limits(limits)
            .build()
            .unwrap();
        dropped_at_each_await(&session, "http://a.example/").await;
    });
}

#[test]
fn a_raw_stream_through_it() {
    let server = Server::start(|conn| {
        let said = shake_hands(conn).unwrap();
        // The server may speak in the same segment as the proxy.
        conn.send([&FINE[..], format!("{}:{}", said.host, said.port).as_bytes()].concat());
        conn.finish();
        conn.wait_closed();
    });
    run(async {
        let proxy = Proxy::socks5h(&server.addr.to_string());
        let tunnel = Session::new().tunnel("db.example", 5432).proxy(proxy);
        let mut all = String::new();
        let mut stream = tunnel.await.unwrap();
        futures::AsyncReadExt::read_to_string(&mut stream, &mut all)
            .await
            .unwrap();
        assert_eq!(all, "db.example:5432");
    });
}
