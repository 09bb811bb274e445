//! SOCKS4 and SOCKS4a proxies.

use std::net::Ipv4Addr;

use aioli_http::SocksReply;

use super::*;

/// What the proxy was told: a user, and an address or a name, with a port.
type Told = Arc<Mutex<Vec<(String, String)>>>;

fn until_zero(conn: &mut Conn) -> Option<String> {
    let mut text = Vec::new();
    loop {
        match conn.take(1)?[0] {
            0 => return Some(String::from_utf8(text).unwrap()),
            byte => text.push(byte),
        }
    }
}

fn hear(conn: &mut Conn) -> Option<(String, String)> {
    assert_eq!(conn.take(2)?, [4, 1]);
    let port = conn.take(2)?;
    let port = u16::from_be_bytes([port[0], port[1]]);
    let address = <[u8; 4]>::try_from(conn.take(4)?).unwrap();
    let user = until_zero(conn)?;
    let host = match address {
        [0, 0, 0, 1] => until_zero(conn)?,
        address => Ipv4Addr::from(address).to_string(),
    };
    Some((user, format!("{host}:{port}")))
}

/// A proxy that answers `code` and, if that is 90, is the server as well.
fn proxy(inner: Arc<ServerConfig>, code: u8) -> (Server, Told, Seen) {
    let (told, through) = (Told::default(), Seen::default());
    let noted = (told.clone(), through.clone());
    let server = Server::start(move |conn| {
        let Some(heard) = hear(conn) else { return };
        let secure = heard.1.ends_with(":443");
        noted.0.lock().unwrap().push(heard);
        // A reply is eight bytes, however they come.
        for byte in [0, code, 9, 9, 9, 9, 9, 9] {
            conn.send([byte]);
            std::thread::yield_now();
        }
        if code != 90 {
            conn.finish();
            return conn.wait_closed();
        }
        if secure {
            conn.start_tls(inner.clone());
        }
        answer_all(conn, &noted.1);
    });
    (server, told, through)
}

#[test]
fn names_are_looked_up_here_or_there() {
    let authority = Authority::new();
    let (server, told, through) = proxy(authority.issue(&["a.example"], |_| {}), 90);
    let address = server.addr.to_string();
    run(async {
        // Of its addresses the one that can be said.
        let here = ["[2001:db8::1]:0", "192.0.2.7:0"].map(|text| text.parse().unwrap());
        let session = trusting(&authority)
            .resolver(move |_| std::future::ready(Ok(here.to_vec())))
            .build()
            .unwrap();
        for (proxy, url) in [
            (Proxy::socks4(&address), "http://a.example/x"),
            (
                Proxy::socks4(&format!("me@{address}")),
                "https://a.example/x",
            ),
            (Proxy::socks4a(&address), "http://a.example/x"),
            (
                Proxy::socks4a(&address).basic("me", ""),
                "https://a.example/x",
            ),
            (Proxy::socks4a(&address), "http://192.0.2.1:8080/x"),
        ] {
            let request = session.get(url).proxy(proxy);
            assert_eq!(request.await.unwrap().text().await.unwrap(), "fine");
        }
    });
    let told = told.lock().unwrap();
    let told: Vec<_> = told
        .iter()
        .map(|(user, place)| (&user[..], &place[..]))
        .collect();
    assert_eq!(
        told,
        [
            ("", "192.0.2.7:80"),
            ("me", "192.0.2.7:443"),
            ("", "a.example:80"),
            ("me", "a.example:443"),
            ("", "192.0.2.1:8080"),
        ]
    );
    for request in &*through.lock().unwrap() {
        assert_eq!(request.target, "/x");
    }
}

#[test]
fn what_it_refuses_and_what_it_cannot_say() {
    let authority = Authority::new();
    let general = ProxyErrorKind::Socks(SocksReply::GeneralFailure);
    for (code, want) in [(91, general), (93, ProxyErrorKind::Authentication)] {
        let (server, ..) = proxy(authority.issue(&["a.example"], |_| {}), code);
        run(async {
            let proxy = Proxy::socks4a(&server.addr.to_string());
            let session = Session::builder().proxy(proxy).build().unwrap();
            let error = session.get("http://a.example/").await.unwrap_err();
            refused(&error, want, None);
        });
    }
    let server = Server::start(|conn| {
        assert_eq!(conn.take(1), None, "nothing can be said");
    });
    run(async {
        for proxy in [Proxy::socks4, Proxy::socks4a] {
            let request = Session::new().get("http://[2001:db8::1]/");
            let request = request.proxy(proxy(&server.addr.to_string()));
            let error = request.await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Dns { .. }), "{error:?}");
        }
        let long = ["a"; 140].join(".");
        let request = Session::new().get(format!("http://{long}/"));
        let proxy = Proxy::socks4a(&server.addr.to_string());
        let error = request.proxy(proxy).await.unwrap_err();
        let ErrorKind::InvalidRequest { kind, .. } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(*kind, RequestErrorKind::HostTooLong);
    });
}

#[test]
fn the_policy_judges_what_is_looked_up_here() {
    let server = Server::start(|conn| {
        assert_eq!(conn.take(1), None, "the proxy is told nothing");
    });
    let proxy = Proxy::socks4(&server.addr.to_string());
    judged_here(proxy, &["http://a.example/"]);
}

#[test]
fn input_160_dropped_at_each_await() {
    let authority = Authority::new();
    let (server, ..) = proxy(authority.issue(&["a.example"], |_| {}), 90);
    run(async {
        let limits = Limits::default().per_host(1).connections(1).idle(0);
        let proxy = Proxy::socks4a(&server.addr.to_string());
        let session = trusting(&authority).proxy(proxy).limits(limits);
        // TLS behind it, so that there are several awaits however fast the proxy is.
        dropped_at_each_await(&session.build().unwrap(), "https://a.example/").await;
    });
}
