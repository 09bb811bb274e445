//! What a request says, and what its response tells.

use aioli_http::{
    ErrorKind, HeaderMap, HeaderValue, Method, RequestErrorKind, Session, StatusCode, UrlErrorKind,
    Version, header,
};
use serde::{Deserialize, Serialize};

use crate::server::{Request, Server, ok, run, text};
use crate::vacant::vacant;

/// Answers with the request itself.
fn echo() -> Server {
    Server::answering(|request| ok(&show(request)))
}

fn show(request: &Request) -> String {
    let mut headers = request.headers.clone();
    headers.retain(|(name, _)| {
        !["host", "user-agent", "accept", "accept-encoding"].contains(&name.as_str())
    });
    let headers: Vec<String> = headers.iter().map(|(k, v)| format!("{k}={v}")).collect();
    format!(
        "{} {} [{}] {}",
        request.method,
        request.target,
        headers.join(" "),
        request.text()
    )
}

#[test]
fn each_method() {
    let server = echo();
    run(async {
        let session = Session::new();
        let url = server.url("/x");
        for (request, want) in [
            (session.get(&url), "GET /x [] "),
            (session.delete(&url), "DELETE /x [] "),
            (session.post(&url), "POST /x [content-length=0] "),
            (session.put(&url), "PUT /x [content-length=0] "),
            (session.patch(&url), "PATCH /x [content-length=0] "),
            (session.request(Method::OPTIONS, &url), "OPTIONS /x [] "),
            (
                session.request("PURGE".parse().unwrap(), &url),
                "PURGE /x [] ",
            ),
        ] {
            assert_eq!(request.await.unwrap().text().await.unwrap(), want);
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn head_has_headers_and_no_body() {
    let server = Server::answering(|request| {
        assert_eq!(request.method, "HEAD");
        "HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n".into()
    });
    run(async {
        let session = Session::new();
        for _ in 0..2 {
            let response = session.head(server.url("/")).await.unwrap();
            assert_eq!(response.content_length(), Some(1 << 30));
            assert_eq!(response.bytes().await.unwrap(), "");
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn the_response_tells_its_head() {
    let server = Server::answering(|_| {
        "HTTP/1.1 201 Made\r\nX-A: 1\r\nx-a: 2\r\ncontent-length: 2\r\n\r\nhi".into()
    });
    run(async {
        let url = server.url("/x?y#z");
        let response = aioli_http::get(&url).await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.version(), Version::HTTP_11);
        assert_eq!(response.url().as_str(), url);
        assert_eq!(response.content_length(), Some(2));
        let values: Vec<_> = response.headers().get_all("x-a").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert_eq!(response.text().await.unwrap(), "hi");
    });
}

#[test]
fn the_usual_headers() {
    let server = Server::answering(|request| {
        let host = request.header("host").unwrap();
        let agent = request.header("user-agent").unwrap();
        ok(&format!(
            "{host} {agent} {}",
            request.header("accept").unwrap()
        ))
    });
    run(async {
        let got = aioli_http::get(server.url("/"))
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(got, format!("{} aioli-http/{version} */*", server.addr));
    });
}

#[test]
fn a_base_and_default_headers() {
    let server = echo();
    run(async {
        let session = Session::builder()
            .base_url(server.url("/v1/"))
            .header("x-app", "demo")
            .header("x-own", "default")
            .user_agent("tester")
            .build()
            .unwrap();
        let response = session
            .get("users/7")
            .header("x-own", "mine")
            .await
            .unwrap();
        assert_eq!(
            response.text().await.unwrap(),
            "GET /v1/users/7 [x-own=mine x-app=demo] "
        );
        let response = session.get("/top").await.unwrap();
        assert_eq!(response.url().path(), "/top");
    });
}

#[test]
fn queries_are_escaped() {
    let server = echo();
    run(async {
        let session = Session::new();
        let response = session
            .get(server.url("/find?a=1"))
            .query([("q", "a&b=c d")])
            .query(&[("page", 2)])
            .query(&[] as &[(&str, &str)])
            .await
            .unwrap();
        assert_eq!(
            response.text().await.unwrap(),
            "GET /find?a=1&q=a%26b%3Dc+d&page=2 [] "
        );
    });
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Item {
    name: String,
    n: u32,
}

#[test]
fn json_both_ways() {
    let server = Server::answering(|request| {
        assert_eq!(request.header("content-type"), Some("application/json"));
        ok(request.text())
    });
    run(async {
        let session = Session::new();
        let item = Item {
            name: "oil".into(),
            n: 7,
        };
        let back: Item = session
            .post(server.url("/"))
            .json(&item)
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(back, item);

        let response = session.post(server.url("/")).json("no item").await.unwrap();
        let error = response.json::<Item>().await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Decode { .. }),
            "{error:?}"
        );
        assert_eq!(error.url().unwrap().path(), "/");
    });
}

#[test]
fn forms() {
    let server = echo();
    run(async {
        let session = Session::new();
        let response = session
            .post(server.url("/"))
            .form([("u", "me"), ("p", "a&b")])
            .await;
        let want = "POST / [content-type=application/x-www-form-urlencoded content-length=12] u=me&p=a%26b";
        assert_eq!(response.unwrap().text().await.unwrap(), want);
        let response = session
            .post(server.url("/"))
            .form([("n", 1)])
            .header("content-type", "x/y")
            .await;
        assert_eq!(
            response.unwrap().text().await.unwrap(),
            "POST / [content-type=x/y content-length=3] n=1"
        );
    });
}

#[test]
fn statuses_become_errors_when_asked() {
    let server = Server::answering(|request| match &request.target[..] {
        "/404" => "HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\n\r\nno way".into(),
        "/503" => "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n".into(),
        _ => ok("fine"),
    });
    run(async {
        let session = Session::builder().raise_for_status(true).build().unwrap();
        assert_eq!(text(&session, server.url("/")).await, "fine");

        let error = session.get(server.url("/404")).await.unwrap_err();
        assert_eq!(error.status(), Some(StatusCode::NOT_FOUND));
        assert!(error.is_status() && error.maybe_processed() && !error.is_retryable());
        let ErrorKind::Status { body, .. } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(body, "no way");

        assert!(
            session
                .get(server.url("/503"))
                .await
                .unwrap_err()
                .is_retryable()
        );
        assert!(
            !session
                .post(server.url("/503"))
                .await
                .unwrap_err()
                .is_retryable()
        );

        let response = session
            .get(server.url("/404"))
            .raise_for_status(false)
            .await
            .unwrap();
        assert!(response.error_for_status().unwrap_err().is_status());
    });
}

#[track_caller]
fn invalid_url(url: &str, kind: UrlErrorKind) {
    let error = run(aioli_http::get(url).send()).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::InvalidUrl(k) if *k == kind),
        "{url}: {error:?}"
    );
    assert!(!error.maybe_processed());
}

#[test]
fn n119_urls_that_cannot_be_requested() {
    invalid_url("/x", UrlErrorKind::Relative);
    invalid_url("ftp://a.example/", UrlErrorKind::Scheme);
    invalid_url("data:,x", UrlErrorKind::Scheme);
    invalid_url("http://user:word@a.example/", UrlErrorKind::Credentials);
    for bad in [
        "http://",
        "http://a%0d%0ab/",
        "http://a%2Fb/",
        "http://[::1",
        "http://a:99999/",
    ] {
        let error = run(aioli_http::get(bad).send()).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::InvalidUrl(UrlErrorKind::Syntax(_))),
            "{bad}"
        );
    }
    let session = Session::builder().https_only(true).build().unwrap();
    let error = run(session.get("http://a.example/").send()).unwrap_err();
    assert!(matches!(
        error.kind(),
        ErrorKind::InvalidUrl(UrlErrorKind::NotHttps)
    ));
}

#[test]
fn n117_n118_n123_requests_that_contradict_themselves() {
    let session = Session::new();
    let post = || session.post("http://127.0.0.1:1/");
    for (request, want) in [
        (post().header("a", "b\r\nc: d"), RequestErrorKind::Header),
        (post().header("a\r\nb", "c"), RequestErrorKind::Header),
        (post().header("a", "b\0"), RequestErrorKind::Header),
        (
            post().header("content-length", 5),
            RequestErrorKind::ContentLength,
        ),
        (
            post().header("content-length", "+0"),
            RequestErrorKind::ContentLength,
        ),
        (
            post()
                .header("content-length", 2)
                .header("content-length", 2)
                .body("ab"),
            RequestErrorKind::ContentLength,
        ),
        (
            post().header("transfer-encoding", "chunked"),
            RequestErrorKind::TransferEncoding,
        ),
        (
            session.request(Method::CONNECT, "http://127.0.0.1:1/"),
            RequestErrorKind::Method,
        ),
    ] {
        let error = run(request.send()).unwrap_err();
        let ErrorKind::InvalidRequest { kind, .. } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(*kind, want);
        assert!(!error.maybe_processed() && !error.is_retryable());
    }
    assert!("GET /x HTTP/1.1\r\nX: y".parse::<Method>().is_err());
}

#[test]
fn n119_what_is_odd_in_a_url_is_escaped() {
    let server = echo();
    run(async {
        let url = server.url("/a b\r\n\u{e9}?q=\u{fc} x");
        let got = aioli_http::get(&url).await.unwrap().text().await.unwrap();
        assert_eq!(got, "GET /a%20b%C3%A9?q=%C3%BC%20x [] ");
    });
}

#[test]
fn n164_errors_and_debug_output_keep_secrets() {
    let session = Session::builder()
        .header("authorization", "Bearer hunter2")
        .build()
        .unwrap();
    let request = session
        .post("http://127.0.0.1:1/path?token=hunter2")
        .header("cookie", "hunter2")
        .body("hunter2");
    let shown = format!("{session:?} {request:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    let error = run(request.send()).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("POST http://127.0.0.1:1/path"), "{shown}");
}

#[test]
fn headers_in_bulk_keep_their_repetitions() {
    let server = echo();
    run(async {
        let mut headers = HeaderMap::new();
        headers.append("x-a", HeaderValue::from_static("1"));
        headers.append("x-a", HeaderValue::from_static("2"));
        headers.append(header::RANGE, HeaderValue::from_static("bytes=1-"));
        let session = Session::new();
        let got = session.get(server.url("/")).headers(headers).await.unwrap();
        assert_eq!(
            got.text().await.unwrap(),
            "GET / [x-a=1 x-a=2 range=bytes=1-] "
        );
    });
}

#[test]
fn a_name_can_be_given_an_address() {
    let server = echo();
    run(async {
        let session = Session::builder()
            .resolve("No.Such.Name.example", server.addr)
            .build()
            .unwrap();
        let response = session.get("http://no.such.name.example/x").await.unwrap();
        assert_eq!(response.text().await.unwrap(), "GET /x [] ");
    });
}

#[test]
fn an_address_for_one_port() {
    let (one, other) = (echo(), echo());
    run(async {
        let session = Session::builder()
            .resolve("a.example", other.addr)
            .resolve_port("a.example", 81, [one.addr])
            .resolve_port("192.0.2.1", 82, [one.addr])
            .build()
            .unwrap();
        for (url, from_one, from_other) in [
            ("http://a.example/", 0, 1),
            ("http://a.example:81/", 1, 1),
            ("http://192.0.2.1:82/", 2, 1),
        ] {
            text(&session, url).await;
            assert_eq!((one.accepted(), other.accepted()), (from_one, from_other));
        }
    });
}

#[test]
fn the_target_as_it_is() {
    let server = Server::answering(|request| {
        let location = "location: /two?x\r\n";
        match &request.target[..] {
            "/one/../two" => ok("").replacen("200 OK\r\n", &format!("302 Go\r\n{location}"), 1),
            target => ok(target),
        }
    });
    run(async {
        let session = Session::new();
        for (target, want) in [
            ("*", "*"),
            ("/a/../b?%41", "/a/../b?%41"),
            ("http://other.example/", "http://other.example/"),
            ("/one/../two", "/two?x"),
        ] {
            let request = session.get(server.url("/path")).target(target);
            assert_eq!(request.await.unwrap().text().await.unwrap(), want);
        }
        for target in ["", "/a b", "/\r\nx: y", "/\u{e4}", "/\0"] {
            let error = session
                .get(server.url("/"))
                .target(target)
                .await
                .unwrap_err();
            let ErrorKind::InvalidRequest { kind, .. } = error.kind() else {
                panic!("{error:?}")
            };
            assert_eq!(*kind, RequestErrorKind::Target, "{target:?}");
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_refused_connection_is_named() {
    let addr = vacant();
    let error = run(aioli_http::get(format!("http://{addr}/")).send()).unwrap_err();
    let ErrorKind::Connect { source, port, .. } = error.kind() else {
        panic!("{error:?}")
    };
    assert_eq!(*port, addr.port());
    assert_eq!(source.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(error.is_connect() && error.is_retryable() && !error.maybe_processed());
}

#[test]
fn n158_a_name_without_addresses() {
    // No resolver sends a label of more than 63 characters anywhere.
    let error = run(aioli_http::get(format!("http://{}.example/", "a".repeat(70))).send());
    let error = error.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Dns { .. }), "{error:?}");
    assert!(error.is_connect() && !error.maybe_processed());
}

#[test]
fn n168_ranges_are_plain_headers() {
    let server = Server::answering(|request| {
        assert_eq!(request.header("if-range"), Some("\"v1\""));
        let range = request.header("range").unwrap();
        assert_eq!(range, "bytes=2-");
        "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 2-4/5\r\ncontent-length: 3\r\n\r\nllo"
            .into()
    });
    run(async {
        let request = Session::new().get(server.url("/"));
        let response = request
            .header("range", "bytes=2-")
            .header("if-range", "\"v1\"")
            .await;
        let response = response.unwrap();
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(response.headers()["content-range"], "bytes 2-4/5");
        assert_eq!(response.text().await.unwrap(), "llo");
    });
}
