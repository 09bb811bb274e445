//! A session as a whole: what it counts, what it adds to queries, and its end.

use std::sync::Mutex;
use std::time::Duration;

use aioli_http::{Body, Error, ErrorKind, Limits, Mock, Retry, Session};
use futures::stream;

use crate::server::{Server, ok, run, run_virtual};

#[test]
fn everything_is_counted() {
    let answers = Mutex::new(
        [
            Mock::redirect(302, "/next"),
            Mock::new(503),
            Mock::text(200, "fine"),
        ]
        .into_iter(),
    );
    let session = Session::builder()
        .retry(Retry::idempotent(1).jitter(|| 0.0))
        .mock(move |_| std::future::ready(answers.lock().unwrap().next().unwrap()))
        .build()
        .unwrap();
    run_virtual(async {
        session.get("http://a.example/").await.unwrap();
    });
    let stats = session.stats();
    let hops = (stats.requests, stats.redirects, stats.retries);
    assert_eq!(hops, (1, 1, 1));
    assert_eq!((stats.opened, stats.reused), (1, 2));
}

#[test]
fn bytes_are_those_on_the_wire() {
    let server = Server::start(|conn| {
        for length in [5, 1_000_000] {
            conn.request();
            conn.send(ok(&"x".repeat(length)));
        }
    });
    let session = Session::new();
    run(async {
        for length in [5_usize, 1_000_000] {
            let before = session.stats();
            let page = session.put(server.url("/")).body("abc").await.unwrap();
            assert_eq!(page.bytes().await.unwrap().len(), length);
            let after = session.stats();
            let received = after.bytes_received - before.bytes_received;
            assert_eq!(received as usize, ok(&"x".repeat(length)).len());
            let sent = after.bytes_sent - before.bytes_sent;
            assert!((100..400).contains(&sent), "{sent}");
        }
    });
}

#[test]
fn default_queries() {
    let session = Session::builder()
        .base_url("http://a.example/")
        .query([("key", 7)])
        .query([("lang", "en")])
        .mock(async |request| match request.url().path() {
            "/away" => Mock::redirect(302, "http://b.example/?own=1"),
            _ => Mock::text(200, request.url().query().unwrap_or("none")),
        })
        .build()
        .unwrap();
    let query = |request: aioli_http::RequestBuilder| run(async { request.await?.text().await });
    for (url, want) in [
        ("/", "key=7&lang=en"),
        ("/?lang=fr", "lang=fr&key=7"),
        ("/?lang=fr&key=8", "lang=fr&key=8"),
        ("http://b.example/", "none"),
        ("/away", "own=1"),
    ] {
        assert_eq!(query(session.get(url)).unwrap(), want, "{url}");
    }
    let own = session.get("/").query([("key", "a&b")]);
    assert_eq!(query(own).unwrap(), "key=a%26b&lang=en");
}

#[track_caller]
fn closed(error: &Error) {
    assert!(matches!(error.kind(), ErrorKind::Closed), "{error:?}");
    assert!(!error.maybe_processed() && !error.is_retryable());
}

#[test]
fn a_closed_session_begins_nothing() {
    let server = Server::answering(|_| ok("hello"));
    let session = Session::new();
    run(async {
        session.get(server.url("/")).await.unwrap();
        let clone = session.clone();
        clone.close().await;
        assert!(session.is_closed());
        assert_eq!(session.stats().idle, 0);
        let error = session.get(server.url("/")).await.unwrap_err();
        assert_eq!(error.kind().name(), "closed");
        closed(&error);
        session.close().await;
    });
    assert_eq!(server.accepted(), 1);
}

#[test]
fn who_waits_for_a_connection_hears_of_the_end() {
    let session = Session::builder()
        .limits(Limits::default().per_host(1))
        .mock(async |_| {
            let pieces = stream::iter(["a", "b"].map(Ok::<_, std::io::Error>));
            Mock::new(200).body(Body::stream(pieces))
        })
        .build()
        .unwrap();
    run(async {
        let held = session.get("http://a.example/").await.unwrap();
        let waiting = session.get("http://a.example/").send();
        let (waited, ()) = futures::join!(waiting, session.close());
        closed(&waited.unwrap_err());
        // What is being read goes on, and is not kept.
        assert_eq!(held.text().await.unwrap(), "ab");
        let stats = session.stats();
        assert_eq!((stats.in_use, stats.idle, stats.waiting), (0, 0, 0));
    });
}

#[test]
fn what_is_on_its_way_goes_on_but_no_further() {
    let session = Session::builder()
        .retry(Retry::idempotent(3))
        .mock(async |request| {
            aioli_time::sleep(Duration::from_secs(1)).await;
            match request.url().path() {
                "/away" => Mock::redirect(302, "/"),
                _ => Mock::text(200, "fine"),
            }
        })
        .build()
        .unwrap();
    run_virtual(async {
        let close = async {
            aioli_time::sleep(0.5).await;
            session.close().await;
        };
        let good = session.get("http://a.example/").send();
        let away = session.get("http://a.example/away").send();
        let (good, away, ()) = futures::join!(good, away, close);
        assert_eq!(good.unwrap().text().await.unwrap(), "fine");
        let error = away.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Closed));
        assert!(error.maybe_processed(), "the first hop was seen");
    });
}
