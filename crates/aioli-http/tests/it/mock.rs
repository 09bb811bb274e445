//! A mocked session behaves as one that talks to a server.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aioli_http::{
    Body, BodyErrorKind, Error, ErrorKind, Mock, Phase, ProtocolErrorKind, Sent, Session, Timeout,
    header,
};
use futures::stream;

use crate::server::{run, run_virtual};

#[test]
fn a_request_arrives_as_it_was_meant() {
    let session = Session::builder()
        .base_url("https://api.example:8443/v1/")
        .header("x-default", "yes")
        .mock(async |_| Mock::json(201, &["made"]))
        .build()
        .unwrap();
    run(async {
        let request = session.post("items").query([("dry", true)]).json(&[1, 2]);
        let response = request.await.unwrap();
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        let made: Vec<String> = response.json().await.unwrap();
        assert_eq!(made, ["made"]);
    });
    let [seen] = &session.mock_requests()[..] else {
        panic!("one request");
    };
    assert_eq!(seen.method(), "POST");
    assert_eq!(
        seen.url().as_str(),
        "https://api.example:8443/v1/items?dry=true"
    );
    assert_eq!(seen.header("x-default"), Some("yes"));
    assert_eq!(seen.header("host"), Some("api.example:8443"));
    assert_eq!(seen.json::<Vec<u32>>().unwrap(), [1, 2]);
}

#[test]
fn connections_are_kept_and_bodies_are_framed() {
    let session = Session::mock(async |request| Mock::new(200).body(request.body().clone()));
    run(async {
        for length in [0, 1, 100_000, 3_000_000] {
            let sent = "x".repeat(length);
            let echoed = session.put("http://a.example/").body(&sent[..]);
            assert_eq!(echoed.await.unwrap().text().await.unwrap(), sent);
        }
        let pieces = stream::iter((0..1000).map(|n| Ok::<_, io::Error>(format!("{n} "))));
        let echoed = session
            .put("http://[::1]:8080/")
            .body(Body::stream(pieces))
            .await
            .unwrap();
        let numbers = echoed.text().await.unwrap();
        assert!(numbers.starts_with("0 1 2 ") && numbers.ends_with(" 998 999 "));
        assert_eq!(session.stats().idle, 2);
    });
}

#[test]
fn bodies_may_come_in_pieces() {
    let session = Session::mock(async |_| {
        let pieces = stream::iter(["gar", "", "lic"].map(Ok::<_, io::Error>));
        Mock::new(200).body(Body::stream(pieces))
    });
    run(async {
        for _ in 0..2 {
            let mut response = session.get("http://a.example/").await.unwrap();
            assert_eq!(response.chunk().await.unwrap().unwrap(), "gar");
            assert_eq!(response.chunk().await.unwrap().unwrap(), "lic");
            assert_eq!(response.chunk().await.unwrap(), None);
        }
        let head = session.head("http://a.example/").await.unwrap();
        assert_eq!(head.text().await.unwrap(), "");
    });
}

#[test]
fn redirects_are_followed() {
    let session = Session::mock(async |request| match request.url().path() {
        "/a" => Mock::redirect(303, "//b.example/b"),
        _ => Mock::text(200, request.header("authorization").unwrap_or("none")),
    });
    run(async {
        let request = session.post("http://a.example/a").body("x");
        let response = request.header("authorization", "secret").await.unwrap();
        assert_eq!(response.url().as_str(), "http://b.example/b");
        assert_eq!(response.text().await.unwrap(), "none");
    });
    let methods: Vec<_> = session
        .mock_requests()
        .iter()
        .map(|request| request.method().to_string())
        .collect();
    assert_eq!(methods, ["POST", "GET"]);
}

/// The error of a request that is answered with what `mock` makes.
fn error(mock: impl Fn() -> Mock + Send + Sync + 'static) -> Error {
    let session = Session::mock(move |_| std::future::ready(mock()));
    let error = run_virtual(async {
        let response = session.get("http://a.example/").await?;
        response.bytes().await
    });
    error.unwrap_err()
}

#[test]
fn failures_are_those_of_a_real_server() {
    let lost = error(Mock::disconnect);
    assert!(matches!(lost.kind(), ErrorKind::Disconnected { .. }));
    assert!(lost.maybe_processed() && lost.is_retryable());

    let late = error(Mock::hang);
    assert_eq!(late.phase(), Some(Phase::Total));

    let refused = error(|| {
        let kind = ErrorKind::Connect {
            host: "a.example".to_owned(),
            port: 80,
            source: io::ErrorKind::ConnectionRefused.into(),
        };
        Mock::error(kind, Sent::Nothing)
    });
    assert!(refused.is_connect() && !refused.maybe_processed());
    assert_eq!(
        refused.to_string(),
        "GET http://a.example/: cannot connect to a.example:80"
    );

    for cut in [
        error(|| Mock::text(200, "garlic").cut_after(3)),
        error(|| {
            let pieces = stream::iter(["gar", "lic"].map(Ok::<_, io::Error>));
            Mock::new(200).body(Body::stream(pieces)).cut_after(4)
        }),
        error(|| {
            let pieces = stream::iter([Ok("gar"), Err(io::Error::other("no more"))]);
            Mock::new(200).body(Body::stream(pieces))
        }),
    ] {
        let truncated = matches!(
            cut.kind(),
            ErrorKind::Body {
                kind: BodyErrorKind::Truncated,
                ..
            }
        );
        assert!(truncated, "{cut:?}");
    }
    let folded = error(|| Mock::raw("HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n"));
    assert!(matches!(
        folded.kind(),
        ErrorKind::Protocol(ProtocolErrorKind::Folded)
    ));
}

#[test]
fn a_failure_is_not_repeated_behind_the_tests_back() {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = asked.clone();
    let session = Session::mock(move |_| {
        let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if first {
                Mock::new(200)
            } else {
                Mock::disconnect()
            }
        }
    });
    run(async {
        session.get("http://a.example/").await.unwrap();
        assert_eq!(session.stats().idle, 1);
        session.get("http://a.example/").await.unwrap_err();
    });
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[test]
fn the_handler_may_wait_and_the_limits_hold() {
    let session = Session::mock(async |_| {
        aioli_time::sleep(Duration::from_secs(60)).await;
        Mock::text(200, "late")
    });
    run_virtual(async {
        let url = "http://a.example/";
        let patient = session.get(url).await.unwrap();
        assert_eq!(patient.text().await.unwrap(), "late");
        let limits = Timeout::total(300).head(59);
        let error = session.get(url).timeout(limits).await.unwrap_err();
        assert_eq!(error.phase(), Some(Phase::Head));
    });
}

#[test]
fn it_needs_no_loop() {
    let session = Session::mock(async |_| Mock::text(200, "hello"));
    let page =
        futures::executor::block_on(async { session.get("http://a.example/").await?.text().await });
    assert_eq!(page.unwrap(), "hello");
}

#[test]
fn the_last_thousand_requests_are_kept() {
    let session = Session::mock(async |_| Mock::new(204));
    run(async {
        for n in 0..1005 {
            let request = session.get(format!("http://a.example/{n}"));
            request.await.unwrap();
        }
    });
    let seen = session.mock_requests();
    assert_eq!((seen.len(), seen[0].url().path()), (1000, "/5"));
}
