//! Hosts that ask to be asked by https only: whose word counts, and what becomes of requests.

use std::sync::{Arc, Mutex};

use aioli_http::{
    Auth, ErrorKind, HstsStore, Limits, Method, Mock, MockRequest, Proxy, Redirect,
    RedirectErrorKind, Retry, Session, SessionBuilder, StatusCode, Trace, TraceContext, Url,
};

use crate::server::{Server, ok, run, text};
use crate::tls::{Authority, session};

const POLICY: &str = "strict-transport-security: max-age=1000\r\n";

/// `ok`, with a field.
fn saying(field: &str, body: &str) -> String {
    ok(body).replacen("\r\n", &format!("\r\n{field}"), 1)
}

/// Answers over TLS with the target and this field.
fn strict(authority: &Authority, names: &[&str], field: &'static str) -> Server {
    Server::tls(authority.issue(names, |_| {}), move |conn| {
        while let Some(request) = conn.request() {
            conn.send(saying(field, &request.target));
        }
    })
}

/// A session of mocks, whose answers tell what was asked; `a.example` is known.
fn mocked(answer: impl Fn(&MockRequest) -> Mock + Send + Sync + 'static) -> SessionBuilder {
    let answer = Arc::new(answer);
    Session::builder()
        .hsts(HstsStore::from_text(".a.example \"unlimited\"\n"))
        .mock(move |request| {
            let answer = answer.clone();
            async move { answer(&request) }
        })
}

fn told(request: &MockRequest) -> Mock {
    Mock::text(200, request.url().as_str())
}

#[test]
fn a_host_is_asked_by_https_once_it_has_said_so() {
    let authority = Authority::new();
    let server = strict(&authority, &["a.example"], POLICY);
    let store = HstsStore::new();
    let session = session(&authority, &server).hsts(store.clone()).build();
    let session = session.unwrap();
    run(async {
        assert_eq!(text(&session, "https://a.example/x").await, "/x");
        let response = session.get("http://a.example/y?z#f").await.unwrap();
        assert_eq!(response.url().as_str(), "https://a.example/y?z#f");
        assert!(response.history().is_empty(), "it is no redirect");
        assert_eq!(response.text().await.unwrap(), "/y?z");
        // A request that was made before is sent after.
        let early = session.get("http://a.example:80/z");
        assert_eq!(early.await.unwrap().text().await.unwrap(), "/z");
    });
    assert_eq!(server.accepted(), 1, "the connection serves on");
    assert_eq!(session.stats().redirects, 0);
    assert_eq!(store.hosts()[0].name(), "a.example");
    assert_eq!(session.hsts().unwrap().len(), 1);
}

#[test]
fn every_answer_of_a_checked_server_counts() {
    let authority = Authority::new();
    let server = Server::tls(authority.issue(&["a.example"], |_| {}), |conn| {
        while let Some(request) = conn.request() {
            let head = match &request.target[1..] {
                "off" => "HTTP/1.1 404 No\r\nStrict-Transport-Security: max-age=0\r\n",
                "challenge" if request.header("authorization").is_none() => {
                    "HTTP/1.1 401 Who\r\nwww-authenticate: Digest realm=a, nonce=n\r\n\
                     strict-transport-security: max-age=\"7\"\r\n"
                }
                "moved" => {
                    "HTTP/1.1 302 Go\r\nlocation: /\r\nstrict-transport-security: max-age=7\r\n"
                }
                _ => "HTTP/1.1 200 OK\r\n",
            };
            conn.send(format!("{head}content-length: 0\r\n\r\n"));
        }
    });
    let store = HstsStore::new();
    let session = session(&authority, &server).hsts(store.clone()).build();
    let session = session.unwrap();
    run(async {
        for on in ["moved", "challenge"] {
            let url = format!("https://a.example/{on}");
            session.get(url).digest("me", "secret").await.unwrap();
            assert!(store.covers("a.example"), "{on}");
            session.get("http://a.example/off").await.unwrap();
            assert!(store.is_empty(), "{on}");
        }
    });
}

#[test]
fn only_the_first_field_says_something() {
    let authority = Authority::new();
    for (fields, known) in [
        (
            "strict-transport-security: max-age=0\r\nstrict-transport-security: max-age=9\r\n",
            false,
        ),
        (
            "strict-transport-security: nothing\r\nstrict-transport-security: max-age=9\r\n",
            false,
        ),
        (
            "strict-transport-security: max-age=9\r\nstrict-transport-security: max-age=0\r\n",
            true,
        ),
        ("strict-transport-security: max-age=9, max-age=9\r\n", false),
        ("STRICT-TRANSPORT-SECURITY:MAX-AGE=9\r\n", true),
    ] {
        let server = strict(&authority, &["a.example"], fields);
        let store = HstsStore::new();
        let session = session(&authority, &server).hsts(store.clone()).build();
        run(async { text(&session.unwrap(), "https://a.example/").await });
        assert_eq!(store.covers("a.example"), known, "{fields}");
    }
}

#[test]
fn words_that_anybody_could_say_do_not_count() {
    let authority = Authority::new();
    let names = ["a.example", "b.example", "127.0.0.1"];
    let server = strict(&authority, &names, POLICY);
    let plain = Server::answering(|_| saying(POLICY, "plain"));
    let store = HstsStore::new();
    let trusting = || session(&authority, &server).hsts(store.clone());
    run(async {
        let session = trusting()
            .resolve("plain.example", plain.addr)
            .build()
            .unwrap();
        text(&session, "http://plain.example/").await;
        // An address, which is checked like a name.
        text(&session, format!("https://{}/", server.addr)).await;
        // Somebody else's certificate, as was asked for.
        let request = session.get("https://a.example/").server_name("b.example");
        request.await.unwrap();
        // Nobody's.
        let blind = trusting().danger_accept_invalid_certificates(true);
        let blind = blind.system_roots(false).build().unwrap();
        text(&blind, "https://a.example/").await;
        assert!(store.is_empty(), "{:?}", store.hosts());
        text(&session, "https://a.example/").await;
        assert!(store.covers("a.example"));
        // Known hosts are asked by https all the same.
        assert_eq!(text(&blind, "http://a.example/x").await, "/x");
    });
    assert_eq!(plain.accepted(), 1);
}

#[test]
fn nothing_is_asked_in_clear_when_tls_fails() {
    let authority = Authority::new();
    let server = Server::start(|conn| {
        // A handshake of TLS begins so.
        assert_eq!(conn.take(1), Some(vec![0x16]));
    });
    run(async {
        let session = session(&authority, &server)
            .hsts(HstsStore::from_text("a.example \"unlimited\"\n"))
            .retry(Retry::idempotent(1).backoff(0.0..0.0))
            .build()
            .unwrap();
        let error = session.get("http://a.example/secret").await.unwrap_err();
        assert!(error.is_tls(), "{error:?}");
        assert_eq!(error.url().unwrap().scheme(), "https");
    });
    assert_eq!(server.accepted(), 2, "it is tried again as it was");
}

#[test]
fn what_a_proxy_says_does_not_count_and_an_upgraded_url_goes_through_a_tunnel() {
    let authority = Authority::new();
    let inner = authority.issue(&["a.example", "b.example"], |_| {});
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = asked.clone();
    let proxy = Server::tls(authority.issue(&["127.0.0.1"], |_| {}), move |conn| {
        while let Some(request) = conn.request() {
            let line = format!("{} {}", request.method, request.target);
            noted.lock().unwrap().push(line);
            if request.method == "CONNECT" {
                conn.send(format!("HTTP/1.1 200 Established\r\n{POLICY}\r\n"));
                conn.start_tls(inner.clone());
                while conn.request().is_some() {
                    conn.send(ok("inner"));
                }
                return;
            }
            // By a checked connection, but not by one to the host itself.
            conn.send(saying(POLICY, "outer"));
        }
    });
    let store = HstsStore::new();
    run(async {
        let session = Session::builder()
            .system_roots(false)
            .add_root_certificate(authority.pem())
            .proxy(Proxy::https(&proxy.addr.to_string()))
            .hsts(store.clone())
            .build()
            .unwrap();
        assert_eq!(text(&session, "https://a.example/").await, "inner");
        assert_eq!(text(&session, "http://b.example/x").await, "outer");
        assert!(store.is_empty(), "{:?}", store.hosts());
        store.add_text("b.example \"unlimited\"\n");
        assert_eq!(text(&session, "http://b.example/x").await, "inner");
    });
    assert_eq!(
        *asked.lock().unwrap(),
        [
            "CONNECT a.example:443",
            "GET http://b.example/x",
            "CONNECT b.example:443"
        ]
    );
}

#[test]
fn who_makes_a_tunnel_says_nothing_of_itself() {
    let authority = Authority::new();
    let server = Server::tls(authority.issue(&["a.example"], |_| {}), |conn| {
        conn.request();
        conn.send(format!("HTTP/1.1 200 Established\r\n{POLICY}\r\n"));
        conn.wait_closed();
    });
    let store = HstsStore::new();
    run(async {
        let session = session(&authority, &server)
            .hsts(store.clone())
            .build()
            .unwrap();
        let request = session.request(Method::CONNECT, "https://a.example/");
        request.target("b.example:25").await.unwrap();
        assert!(store.is_empty());
    });
}

#[test]
fn redirects_lead_to_https_too() {
    let session = mocked(
        |request| match (request.url().scheme(), request.url().path()) {
            (_, "/away") => Mock::redirect(302, "http://www.a.example/x"),
            (_, "/round") => Mock::redirect(307, "http://a.example/round"),
            _ => told(request),
        },
    );
    let session = session.build().unwrap();
    run(async {
        let response = session.get("http://other.example/away").await.unwrap();
        let history: Vec<_> = response.history().iter().map(Url::as_str).collect();
        assert_eq!(history, ["http://other.example/away"]);
        assert_eq!(
            text(&session, "http://other.example/away").await,
            "https://www.a.example/x"
        );

        let error = session.get("http://a.example/round").await.unwrap_err();
        let ErrorKind::Redirect { kind, history } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(*kind, RedirectErrorKind::TooMany);
        assert_eq!(history.len(), 11);
        assert!(history.iter().all(|url| url.scheme() == "https"));
    });
}

#[test]
fn a_redirect_is_judged_as_it_is_asked() {
    let session = |policy: Redirect| {
        let session = mocked(|request| match request.url().path() {
            "/" => Mock::redirect(302, "http://a.example/x"),
            "/plain" => Mock::redirect(302, "http://b.example/x"),
            _ => told(request),
        });
        session.redirect(policy).build().unwrap()
    };
    run(async {
        for policy in [
            Redirect::default().https_only(true),
            Redirect::default().same_origin(true),
        ] {
            let session = session(policy);
            let page = session
                .get("https://a.example/")
                .bearer("secret")
                .await
                .unwrap();
            assert_eq!(page.text().await.unwrap(), "https://a.example/x");
            let last = session.mock_requests().pop().unwrap();
            assert_eq!(
                last.header("authorization"),
                Some("Bearer secret"),
                "the same origin"
            );
            session.get("https://a.example/plain").await.unwrap_err();
        }
        let all = mocked(told).https_only(true).build().unwrap();
        let error = all.get("http://a.example/").await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::InvalidUrl(_)),
            "it is as it was written"
        );
    });
}

#[test]
fn secrets_and_cookies_are_those_of_the_https_url() {
    let session = mocked(|request| {
        let got = |name| request.header(name).unwrap_or("-").to_owned();
        Mock::text(200, format!("{} {}", got("authorization"), got("cookie")))
            .header("set-cookie", "s=1; Secure; Path=/")
    });
    let session = session
        .auth_for("http://a.example/", Auth::bearer("plain").unwrap())
        .auth_for("https://a.example/", Auth::bearer("secure").unwrap())
        .auth_for("http://www.a.example/", Auth::bearer("plain").unwrap())
        .build()
        .unwrap();
    run(async {
        let a = "http://a.example/";
        assert_eq!(text(&session, a).await, "Bearer secure -");
        assert_eq!(text(&session, a).await, "Bearer secure s=1");
        assert_eq!(text(&session, "http://www.a.example/").await, "- -");
        let own = session.get(a).bearer("own").await.unwrap();
        assert_eq!(own.text().await.unwrap(), "Bearer own s=1");
    });
}

#[test]
fn a_base_of_http_stands_for_both() {
    for base in ["http://a.example/v1/", "http://a.example:8080/v1/"] {
        let builder = mocked(|request| {
            let secret = request.header("x-api-key").unwrap_or("-");
            Mock::text(200, format!("{} {secret}", request.url()))
        });
        let session = builder
            .base_url(base)
            .header("x-api-key", "7")
            .query([("k", "v")])
            .build()
            .unwrap();
        let https = base.replacen("http", "https", 1);
        run(async {
            let expected = format!("{https}x?k=v 7");
            for url in ["x", &format!("{base}x"), &format!("{https}x")] {
                assert_eq!(text(&session, url).await, expected, "{url}");
            }
            for other in [
                "https://a.example:81/",
                "http://www.a.example/",
                "http://b.example/",
            ] {
                let told = text(&session, other).await;
                assert!(told.ends_with("/ -"), "{other}: {told}");
            }
        });
    }
    let nowhere = mocked(told)
        .base_url("ftp://a.example/")
        .query([("k", "v")]);
    let told = run(text(&nowhere.build().unwrap(), "http://a.example/"));
    assert_eq!(
        told, "https://a.example/",
        "a base without an origin is nobody's"
    );
    let without = Session::builder()
        .base_url("http://a.example/")
        .header("x-api-key", "7")
        .mock(async |request| Mock::text(200, request.header("x-api-key").unwrap_or("-")))
        .build()
        .unwrap();
    assert_eq!(run(text(&without, "https://a.example/")), "-");
}

#[test]
fn sessions_share_a_store_and_a_session_without_has_none() {
    let store = HstsStore::with_limits(&Limits::default().hsts(2, 5));
    let session = |store: Option<&HstsStore>| {
        let says = async |request: MockRequest| {
            told(&request).header("strict-transport-security", "max-age=60")
        };
        let session = Session::builder().hsts(store.cloned()).mock(says);
        session.build().unwrap()
    };
    let (first, second, none) = (session(Some(&store)), session(Some(&store)), session(None));
    run(async {
        for session in [&none, &first] {
            text(session, "https://a.example/").await;
        }
        assert_eq!(
            text(&second, "http://a.example/").await,
            "https://a.example/"
        );
        assert_eq!(text(&none, "http://a.example/").await, "http://a.example/");
        for n in 0..50 {
            text(&first, format!("https://h{n}.b.example/")).await;
            text(&first, format!("https://h{n}.example/")).await;
            assert!(store.len() <= 5);
        }
    });
    assert!(none.hsts().is_none());
}

#[test]
fn signals_and_middleware_of_an_upgrade() {
    #[derive(Default)]
    struct Notes(Mutex<Vec<String>>);
    impl Notes {
        fn note(&self, line: String) {
            self.0.lock().unwrap().push(line);
        }
    }
    impl Trace for Notes {
        fn request_start(&self, request: &TraceContext) {
            self.note(format!("start {}", request.url()));
        }
        fn hsts_upgrade(&self, request: &TraceContext, url: &Url) {
            self.note(format!("{} is {url}", request.url()));
        }
        fn request_end(&self, request: &TraceContext, _: StatusCode) {
            self.note(format!("end {}", request.url()));
        }
        fn redirect(&self, _: &TraceContext, status: StatusCode, url: &Url) {
            self.note(format!("{} {url}", status.as_u16()));
        }
    }
    let notes = Arc::new(Notes::default());
    let session = mocked(|request| match request.url().path() {
        "/" => Mock::redirect(308, "http://a.example/x"),
        _ => told(request),
    });
    let session = session
        .trace(notes.clone())
        .with(async |request, next| {
            assert_eq!(request.url().scheme(), "http", "as the caller has it");
            next.run(request).await
        })
        .build()
        .unwrap();
    run(async { text(&session, "http://a.example/").await });
    let notes = notes.0.lock().unwrap();
    assert_eq!(
        *notes,
        [
            "start http://a.example/",
            "http://a.example/ is https://a.example/",
            "308 http://a.example/x",
            "http://a.example/x is https://a.example/x",
            "end https://a.example/x",
        ]
    );
}

#[cfg(feature = "http2")]
#[test]
fn http2_says_so_too() {
    use aioli_http::{Http2, Version};
    use http::Response;

    use crate::http2_server::{Answer, H2Server, Settings};

    let authority = Authority::new();
    let mut config = Arc::unwrap_or_clone(authority.issue(&["a.example"], |_| {}));
    config.alpn_protocols = vec![b"h2".to_vec()];
    let server = H2Server::launch(Some(config), Settings::default(), |seen| {
        let said = Response::builder().header("strict-transport-security", "max-age=60");
        Answer::Body(said.body(()).unwrap(), seen.head.uri().to_string().into())
    });
    let store = HstsStore::new();
    run(async {
        let session = Session::builder()
            .system_roots(false)
            .add_root_certificate(authority.pem())
            .resolve("a.example", server.address)
            .http2(Http2::negotiated())
            .hsts(store.clone())
            .build()
            .unwrap();
        let response = session.get("https://a.example/").await.unwrap();
        assert_eq!(response.version(), Version::HTTP_2);
        let text = session
            .get("http://a.example/x")
            .await
            .unwrap()
            .text()
            .await;
        assert_eq!(text.unwrap(), "https://a.example/x");
    });
    assert_eq!(server.accepted(), 1);
}
