//! Switching protocols: when asked, and when not.

use aioli_http::{Body, Error, ErrorKind, Limits, ProtocolErrorKind, Session, Timeout};
use futures::{AsyncReadExt, AsyncWriteExt, stream};

use crate::server::{Conn, Server, ok, run};

const SWITCHED: &str =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: Echo/1\r\n\r\n";

/// Sends back what comes, in upper case, until the client is done.
fn shout(conn: &mut Conn) {
    while let Some(bytes) = conn.take(1) {
        conn.send(bytes.to_ascii_uppercase());
    }
    conn.finish();
}

#[track_caller]
fn is_protocol(error: &Error, want: ProtocolErrorKind) {
    assert!(
        matches!(error.kind(), ErrorKind::Protocol(kind) if *kind == want),
        "{error:?}"
    );
}

#[test]
fn a_connection_changes_hands() {
    let server = Server::start(|conn| {
        let request = conn.request().unwrap();
        assert_eq!(request.header("upgrade"), Some("echo/1"));
        assert_eq!(request.header("connection"), Some("upgrade"));
        // The first bytes of the new protocol come along with the head.
        conn.send([SWITCHED, "welcome"].concat());
        shout(conn);
    });
    run(async {
        let limits = Limits::default().connections(1);
        let session = Session::builder().limits(limits).build().unwrap();
        let request = session.get(server.url("/")).upgrade("echo/1");
        let response = request.timeout(Timeout::total(60)).await.unwrap();
        assert_eq!(response.status(), 101);
        assert_eq!(response.headers()["upgrade"], "Echo/1");
        assert_eq!(response.content_length(), None);
        let mut stream = response.upgrade().unwrap();
        assert_eq!(aioli_time::stats().pending, 0, "no time limit holds for it");
        let mut welcome = [0; 7];
        stream.read_exact(&mut welcome[..3]).await.unwrap();
        stream.read_exact(&mut welcome[3..]).await.unwrap();
        assert_eq!(&welcome, b"welcome");

        // Both directions at once.
        let (mut reader, mut writer) = stream.split();
        let write = async {
            writer.write_all(&[b'x'; 10_000]).await.unwrap();
            writer.close().await.unwrap();
        };
        let mut all = Vec::new();
        let (_, read) = futures::join!(write, reader.read_to_end(&mut all));
        assert_eq!(read.unwrap(), 10_000);
        assert!(all.iter().all(|byte| *byte == b'X'));

        // It has its slot until it is dropped.
        assert_eq!(session.stats().in_use, 1);
        drop((reader, writer));
        assert_eq!((session.stats().in_use, session.stats().idle), (0, 0));
    });
}

#[test]
fn a_body_goes_before_the_switch() {
    let server = Server::start(|conn| {
        let request = conn.request().unwrap();
        conn.send([SWITCHED, request.text()].concat());
        conn.wait_closed();
    });
    run(async {
        let request = Session::new().post(server.url("/")).upgrade("echo/1");
        let response = request.body("hello").await.unwrap();
        let mut hello = [0; 5];
        let mut stream = response.upgrade().unwrap();
        stream.read_exact(&mut hello).await.unwrap();
        assert_eq!(&hello, b"hello");
    });
}

#[test]
fn a_server_that_does_not_switch_has_answered() {
    let server = Server::answering(|_| ok("no"));
    run(async {
        let session = Session::new();
        let response = session
            .get(server.url("/"))
            .upgrade("echo/1")
            .await
            .unwrap();
        assert_eq!(response.text().await.unwrap(), "no");
        let response = session
            .get(server.url("/"))
            .upgrade("echo/1")
            .await
            .unwrap();
        is_protocol(
            &response.upgrade().unwrap_err(),
            ProtocolErrorKind::NoUpgrade,
        );
        assert_eq!(server.accepted(), 1, "the connection is HTTP's still");
    });
}

#[test]
fn input_032_switching_unasked_or_to_something_else() {
    let server = Server::start(|conn| {
        while let Some(request) = conn.request() {
            match &request.target[..] {
                "/fine" => conn.send(ok("fine")),
                "/unnamed" => conn.send("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
                _ => conn.send(SWITCHED),
            }
        }
    });
    run(async {
        let session = Session::new();
        for request in [
            session.get(server.url("/unasked")),
            session.get(server.url("/other")).upgrade("chat/2"),
            session.get(server.url("/unnamed")).upgrade("echo/1"),
        ] {
            let error = request.await.unwrap_err();
            is_protocol(&error, ProtocolErrorKind::Upgrade);
            let second = session.get(server.url("/fine")).await.unwrap();
            assert_eq!(second.text().await.unwrap(), "fine");
        }
        assert_eq!(session.stats().in_use, 0);
    });
}

#[test]
fn switching_before_the_request_is_out_is_refused() {
    let server = Server::start(|conn| {
        conn.head();
        conn.send(SWITCHED);
        conn.wait_closed();
    });
    run(async {
        let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 64 * 1024]));
        let request = Session::new().post(server.url("/")).upgrade("echo/1");
        let error = request.body(Body::stream(endless)).await.unwrap_err();
        is_protocol(&error, ProtocolErrorKind::Upgrade);
    });
}

#[test]
fn a_response_that_is_dropped_takes_the_connection_along() {
    let server = Server::start(|conn| {
        conn.request();
        conn.send(SWITCHED);
        conn.wait_closed();
    });
    run(async {
        let session = Session::new();
        for n in 1..3 {
            let response = session
                .get(server.url("/"))
                .upgrade("echo/1")
                .await
                .unwrap();
            assert_eq!(session.stats().in_use, 1);
            assert_eq!(response.bytes().await.unwrap(), "");
            assert_eq!(session.stats().in_use, 0);
            assert_eq!(server.accepted(), n);
        }
    });
}
