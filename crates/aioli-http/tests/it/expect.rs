//! `Expect: 100-continue`: the body waits for the server's consent, and not for ever.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use aioli_http::{Body, Bytes, ErrorKind, Limits, Phase, Sent, Session, Timeout};
use futures::stream;

use crate::server::{Conn, Server, ok, run, text};

/// Longer than any test.
const EVER: Duration = Duration::from_secs(3600);

/// Bodies of each kind, all of them `hello`.
fn bodies() -> [Body; 4] {
    let words = || stream::iter(["hel", "lo"].map(Ok::<_, std::io::Error>));
    [
        Body::from("hello"),
        Body::stream(words()),
        Body::sized_stream(5, words()),
        Body::replayable(words),
    ]
}

/// Reads a head that expects something; the body must not be there.
fn expecting(conn: &mut Conn) -> Option<crate::server::Request> {
    let request = conn.head()?;
    assert_eq!(request.header("expect"), Some("100-continue"));
    assert_eq!(conn.buffered(), 0, "the body waits");
    Some(request)
}

#[test]
fn the_body_goes_with_the_servers_consent() {
    let server = Server::start(|conn| {
        while let Some(mut request) = expecting(conn) {
            // Other informational responses are no consent.
            conn.send("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
            conn.send("HTTP/1.1 100 Continue\r\n\r\n");
            conn.body(&mut request).unwrap();
            conn.send(ok(request.text()));
        }
    });
    run(async {
        let session = Session::new();
        for body in bodies() {
            let request = session.put(server.url("/")).expect_continue(EVER);
            let response = request.body(body).await.unwrap();
            assert_eq!(response.text().await.unwrap(), "hello");
        }
        let large = Bytes::from(vec![b'x'; 1_000_000]);
        let request = session.put(server.url("/")).expect_continue(EVER);
        let response = request.body(large.clone()).await.unwrap();
        assert_eq!(response.bytes().await.unwrap(), large);
        assert_eq!(server.accepted(), 1, "the connection serves again");
    });
}

#[test]
fn a_server_that_says_nothing_gets_the_body_in_time() {
    let server = Server::start(|conn| {
        // By the time the head is looked at, the body may have come behind it.
        while let Some(mut request) = conn.head() {
            assert_eq!(request.header("expect"), Some("100-continue"));
            conn.body(&mut request).unwrap();
            conn.send(ok(request.text()));
        }
    });
    run(async {
        let session = Session::new();
        for body in bodies() {
            let began = Instant::now();
            let request = session.put(server.url("/")).expect_continue(0.01);
            let response = request.body(body).await.unwrap();
            // The server answers what is whole, so the body waited for as long.
            assert!(began.elapsed() >= Duration::from_millis(10));
            assert_eq!(response.text().await.unwrap(), "hello");
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_refused_body_is_not_sent_and_the_connection_not_used_again() {
    let (tell, told) = mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    let server = Server::start(move |conn| {
        expecting(conn);
        conn.send("HTTP/1.1 401 No\r\ncontent-length: 3\r\n\r\nno!");
        // Whatever comes now was sent after all.
        tell.lock().unwrap().send(conn.need(1).is_none()).unwrap();
    });
    run(async {
        let session = Session::new();
        let mut n = 0;
        for body in bodies() {
            let request = session.put(server.url("/")).expect_continue(EVER);
            let response = request.body(body).await.unwrap();
            assert_eq!(response.status(), 401);
            assert_eq!(response.text().await.unwrap(), "no!");
            assert!(told.recv().unwrap(), "nothing but the end came");
            n += 1;
            assert_eq!(server.accepted(), n);
            assert_eq!(session.stats().idle, 0);
        }
    });
}

#[test]
fn a_server_that_knows_no_expectations_gets_the_request_without() {
    let server = Server::start(|conn| {
        let mut request = conn.head().unwrap();
        if request.header("expect").is_some() {
            conn.send("HTTP/1.1 417 What\r\ncontent-length: 0\r\n\r\n");
            conn.wait_closed();
        } else {
            conn.body(&mut request).unwrap();
            conn.send(ok(request.text()));
            conn.wait_closed();
        }
    });
    run(async {
        for body in bodies() {
            // One slot: the second connection takes the place of the first.
            let limits = Limits::default().connections(1);
            let session = Session::builder().limits(limits).build().unwrap();
            let request = session.put(server.url("/")).expect_continue(EVER);
            let response = request.body(body).await.unwrap();
            assert_eq!(response.text().await.unwrap(), "hello");
        }
        assert_eq!(server.accepted(), 8);
    });
}

#[test]
fn a_second_417_is_the_answer() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let server = Server::start(move |conn| {
        conn.head();
        counted.fetch_add(1, Ordering::SeqCst);
        conn.send("HTTP/1.1 417 What\r\ncontent-length: 0\r\n\r\n");
        conn.wait_closed();
    });
    run(async {
        let request = Session::new().put(server.url("/")).expect_continue(EVER);
        let response = request.body("hello").await.unwrap();
        assert_eq!(response.status(), 417);
        assert_eq!(count.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn a_request_without_a_body_expects_nothing() {
    let server = Server::answering(|request| ok(request.header("expect").unwrap_or("nothing")));
    run(async {
        let session = Session::new();
        for request in [
            session.get(server.url("/")),
            session.post(server.url("/")),
            session.post(server.url("/")).body(""),
        ] {
            let response = request.expect_continue(EVER).await.unwrap();
            assert_eq!(response.text().await.unwrap(), "nothing");
        }
    });
}

#[test]
fn time_limits_hold_while_the_body_waits() {
    let server = Server::start(|conn| {
        expecting(conn);
        conn.wait_closed();
    });
    run(async {
        let session = Session::new();
        for (timeout, phase) in [
            (Timeout::none().head(0.05), Phase::Head),
            (Timeout::total(0.05), Phase::Total),
        ] {
            let request = session.put(server.url("/")).expect_continue(EVER);
            let error = request.timeout(timeout).body("hello").await.unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::Timeout { .. }),
                "{error:?}"
            );
            assert_eq!(error.phase(), Some(phase));
            assert_eq!(error.sent(), Sent::Partly);
        }
        assert_eq!(session.stats().in_use, 0);
    });
}

#[test]
fn waiting_for_consent_is_not_writing() {
    let server = Server::start(|conn| {
        while let Some(mut request) = expecting(conn) {
            conn.body(&mut request).unwrap();
            conn.send(ok(request.text()));
        }
    });
    run(async {
        let request = Session::new().put(server.url("/")).expect_continue(0.2);
        let request = request.timeout(Timeout::none().write(0.05));
        let response = request.body("hello").await.unwrap();
        assert_eq!(response.text().await.unwrap(), "hello");
    });
}

#[test]
fn a_pooled_connection_that_was_closed_is_replaced_before_the_body_moves() {
    let server = Server::start(|conn| {
        if conn.index == 0 {
            conn.request();
            conn.send(ok("first"));
            conn.head();
            // Closed without an answer: the connection was stale.
        } else {
            let mut request = expecting(conn).unwrap();
            conn.send("HTTP/1.1 100 Continue\r\n\r\n");
            conn.body(&mut request).unwrap();
            conn.send(ok(request.text()));
        }
    });
    run(async {
        let session = Session::new();
        text(&session, server.url("/")).await;
        let once = stream::iter(["hel", "lo"].map(Ok::<_, std::io::Error>));
        let request = session.put(server.url("/")).expect_continue(EVER);
        let response = request.body(Body::stream(once)).await.unwrap();
        assert_eq!(response.text().await.unwrap(), "hello");
        assert_eq!(server.accepted(), 2);
    });
}
