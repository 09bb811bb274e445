//! Bodies as they come, and requests in an older version.

use aioli_http::{
    Body, BodyErrorKind, Error, ErrorKind, Limits, ProtocolErrorKind, RequestErrorKind, Session,
    Version,
};
use bytes::Bytes;

use crate::server::{Server, ok, run};

fn chunked(chunks: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-encoding: gzip\r\n\r\n{chunks}"
    )
}

#[test]
fn chunks_and_codings_stay_and_the_connection_serves_again() {
    let chunks = "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\na: b\r\n\r\n";
    let server = Server::start(move |conn| {
        while let Some(request) = conn.request() {
            assert_eq!(
                request.header("accept-encoding").is_some(),
                cfg!(feature = "compression")
            );
            let reply = chunked(chunks);
            // Whole, and in pieces.
            let at = if request.target == "/whole" {
                0
            } else {
                reply.len() - 20
            };
            conn.send(&reply[..at]);
            std::thread::yield_now();
            conn.send(&reply[at..]);
        }
    });
    run(async {
        let session = Session::new();
        for path in ["/whole", "/pieces", "/whole"] {
            let response = session.get(server.url(path)).raw(true).await.unwrap();
            assert_eq!(response.headers()["content-encoding"], "gzip");
            let mut response = response;
            let mut body = Vec::new();
            while let Some(piece) = response.chunk().await.unwrap() {
                body.extend_from_slice(&piece);
            }
            assert_eq!(body, chunks.as_bytes());
            assert_eq!(response.trailers().unwrap()["a"], "b");
        }
        assert_eq!(server.accepted(), 1);
    });
}

/// What becomes of a body that is taken as it comes.
fn raw(reply: String, limits: Limits) -> Result<Bytes, Error> {
    let server = Server::bad_once(reply);
    run(async {
        let session = Session::builder().limits(limits).build().unwrap();
        let request = session.get(server.url("/")).raw(true);
        let outcome = async { request.await?.bytes().await }.await;
        assert_eq!(
            session
                .get(server.url("/"))
                .await
                .unwrap()
                .text()
                .await
                .unwrap(),
            "fine"
        );
        assert_eq!(server.accepted(), 2);
        outcome
    })
}

#[test]
fn the_framing_is_held_to_its_rules_all_the_same() {
    let kind = |chunks: &str| match raw(chunked(chunks), Limits::default()) {
        Err(error) => match error.kind() {
            ErrorKind::Protocol(kind) => Ok(*kind),
            ErrorKind::Body { kind, .. } => Err(*kind),
            _ => panic!("{error:?}"),
        },
        Ok(body) => panic!("{body:?}"),
    };
    assert_eq!(
        kind("+5\r\nhello\r\n0\r\n\r\n"),
        Ok(ProtocolErrorKind::ChunkSize)
    );
    assert_eq!(kind("3\r\nabcXX"), Ok(ProtocolErrorKind::ChunkEnd));
    assert_eq!(kind("3\r\nabc\r\n"), Err(BodyErrorKind::Truncated));
    let error = raw(
        chunked(&"1\r\na\r\n".repeat(1000)),
        Limits::default().body(5000),
    )
    .unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Limit { .. }),
        "framing counts: {error:?}"
    );
}

#[test]
fn a_request_in_an_older_version() {
    let server = Server::start(|conn| {
        while let Some(request) = conn.request() {
            let expects = request.header("expect").is_some();
            let text = format!("{} {expects} {}", request.version, request.text());
            conn.send(ok(&text));
        }
    });
    run(async {
        let session = Session::new();
        let post = |version| {
            let post = session
                .post(server.url("/"))
                .version(version)
                .expect_continue(0);
            post.body("body").send()
        };
        for _ in 0..2 {
            let text = post(Version::HTTP_10).await.unwrap().text().await.unwrap();
            assert_eq!(text, "HTTP/1.0 false body");
        }
        assert_eq!(server.accepted(), 2, "each over a connection of its own");
        for _ in 0..2 {
            let text = post(Version::HTTP_11).await.unwrap().text().await.unwrap();
            assert_eq!(text, "HTTP/1.1 true body");
        }
        assert_eq!(server.accepted(), 3);
    });
}

#[test]
fn what_cannot_be_said_in_a_version() {
    let pieces = || Body::stream(futures::stream::iter([Ok::<_, std::io::Error>("piece")]));
    run(async {
        let session = Session::new();
        let post = |version| session.post("http://127.0.0.1:1/").version(version);
        for request in [
            post(Version::HTTP_10).body(pieces()),
            post(Version::HTTP_09),
            post(Version::HTTP_2),
            post(Version::HTTP_3),
        ] {
            let error = request.await.unwrap_err();
            let ErrorKind::InvalidRequest { kind, .. } = error.kind() else {
                panic!("{error:?}")
            };
            assert_eq!(*kind, RequestErrorKind::Version);
        }
        // Whose length is known, or told by the caller, can be sent.
        let server = Server::answering(|request| ok(request.text()));
        let post = session.post(server.url("/")).version(Version::HTTP_10);
        let response = post
            .header("content-length", "5")
            .body(pieces())
            .await
            .unwrap();
        assert_eq!(response.text().await.unwrap(), "piece");
    });
}
