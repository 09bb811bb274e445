//! Servers that break the rules: the error, and that the next request is none the worse.

use aioli_http::{
    BodyErrorKind, Error, ErrorKind, LimitKind, ProtocolErrorKind, Response, Sent, Session, Url,
};

use crate::server::{Server, run};

/// Whatever is longer is sent whole only.
const PIECEMEAL_MOST: usize = 300;

type Outcome = Result<(Response, Result<Vec<u8>, Error>), Error>;

/// Sends `reply` to a first request, then a good one to a second; returns the first outcome. An
/// error is the same whether it is sent whole, byte by byte, or in two pieces. (What comes behind a
/// good response is another matter in pieces: an idle connection on which something arrives.)
#[track_caller]
fn first(reply: impl Into<Vec<u8>>) -> Outcome {
    let reply = reply.into();
    let whole = first_in(&[&reply]);
    let failed = !matches!(whole, Ok((_, Ok(_))));
    if failed && reply.len() <= PIECEMEAL_MOST {
        let bytes: Vec<_> = reply.chunks(1).collect();
        assert_eq!(told(&first_in(&bytes)), told(&whole), "byte by byte");
        for at in (1..reply.len()).step_by(1 + reply.len() / 8) {
            let (a, b) = reply.split_at(at);
            assert_eq!(told(&first_in(&[a, b])), told(&whole), "split at {at}");
        }
    }
    whole
}

/// What an outcome comes to, but for how much was seen before it was clear.
fn told(outcome: &Outcome) -> String {
    let error = |error: &Error| match error.kind() {
        ErrorKind::Limit { kind, limit, .. } => format!("{kind:?} {limit}"),
        _ => format!("{error:?}"),
    };
    let error = |told: &Error| {
        let port = told.url().and_then(Url::port).unwrap();
        error(told).replace(&port.to_string(), "PORT")
    };
    match outcome {
        Ok((response, Ok(_))) => format!("{:?}", response.headers()),
        Ok((response, Err(told))) => format!("{:?} {}", response.headers(), error(told)),
        Err(told) => error(told),
    }
}

#[track_caller]
fn first_in(pieces: &[&[u8]]) -> Outcome {
    let server = Server::bad_once_in(pieces);
    run(async {
        let session = Session::new();
        let outcome = match session.get(server.url("/x")).await {
            Ok(mut response) => {
                let mut body = Ok(Vec::new());
                loop {
                    match response.chunk().await {
                        Ok(Some(piece)) => body.as_mut().unwrap().extend_from_slice(&piece),
                        Ok(None) => break,
                        Err(error) => {
                            body = Err(error);
                            break;
                        }
                    }
                }
                assert!(
                    response.chunk().await.unwrap().is_none(),
                    "an error ends the body"
                );
                Ok((response, body))
            }
            Err(error) => Err(error),
        };
        let second = session.get(server.url("/x")).await.unwrap();
        assert_eq!(second.text().await.unwrap(), "fine");
        assert_eq!(
            server.accepted(),
            2,
            "the first connection was not used again"
        );
        outcome
    })
}

#[track_caller]
fn body(reply: impl Into<Vec<u8>>, want: &str) {
    let (_, body) = first(reply).unwrap();
    assert_eq!(body.unwrap(), want.as_bytes());
}

/// The error of the head or of the body, whichever fails.
#[track_caller]
fn error(reply: impl Into<Vec<u8>>) -> Error {
    match first(reply) {
        Err(error) => error,
        Ok((_, Err(error))) => error,
        Ok((response, body)) => panic!("no error: {response:?} {body:?}"),
    }
}

#[track_caller]
fn protocol(reply: impl Into<Vec<u8>>, want: ProtocolErrorKind) {
    let error = error(reply);
    assert!(
        matches!(error.kind(), ErrorKind::Protocol(kind) if *kind == want),
        "{error:?}"
    );
    assert!(!error.is_retryable() && error.maybe_processed());
}

#[track_caller]
fn limit(reply: impl Into<Vec<u8>>, want: LimitKind) {
    let error = error(reply);
    assert!(
        matches!(error.kind(), ErrorKind::Limit { kind, limit, seen } if *kind == want && seen > limit),
        "{error:?}"
    );
}

#[track_caller]
fn disconnected(reply: impl Into<Vec<u8>>) {
    let error = error(reply);
    let ErrorKind::Disconnected { sent, reused, .. } = error.kind() else {
        panic!("{error:?}")
    };
    assert_eq!((*sent, *reused), (Sent::Fully, false));
    assert!(
        error.maybe_processed() && error.is_retryable(),
        "GET is idempotent"
    );
}

#[track_caller]
fn truncated(reply: impl Into<Vec<u8>>) {
    let error = error(reply);
    let ErrorKind::Body { kind, .. } = error.kind() else {
        panic!("{error:?}")
    };
    assert_eq!(*kind, BodyErrorKind::Truncated);
}

const OK: &str = "HTTP/1.1 200 OK\r\n";

#[test]
fn n001_n002_n034_the_end_before_the_head_is_complete() {
    disconnected("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n");
    disconnected("");
    disconnected("HTTP/1.1 100 Continue\r\n\r\n");
}

#[test]
fn n004_a_reset_instead_of_a_reply() {
    // Closing with the request unread makes the system send a reset.
    let server = Server::start(|conn| conn.wait_readable());
    let error = run(aioli_http::get(server.url("/")).send()).unwrap_err();
    let ErrorKind::Disconnected { sent, source, .. } = error.kind() else {
        panic!("{error:?}")
    };
    assert_eq!(*sent, Sent::Fully);
    let reset = source.as_ref().map(std::io::Error::kind);
    assert_eq!(reset, Some(std::io::ErrorKind::ConnectionReset));
}

#[test]
fn each_byte_in_its_own_packet() {
    for (reply, want) in [
        (format!("{OK}content-length: 5\r\n\r\nhello"), "hello"),
        (
            chunked("3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\na: b\r\n\r\n"),
            "hello",
        ),
        (
            format!("HTTP/1.1 100 Continue\r\n\r\n{OK}content-length: 0\r\n\r\n"),
            "",
        ),
    ] {
        let server = Server::start(move |conn| {
            while conn.request().is_some() {
                for byte in reply.as_bytes().chunks(1) {
                    conn.send(byte);
                    std::thread::yield_now();
                }
            }
        });
        run(async {
            let session = Session::new();
            for _ in 0..3 {
                let response = session.get(server.url("/")).await.unwrap();
                assert_eq!(response.text().await.unwrap(), want);
            }
            assert_eq!(server.accepted(), 1);
        });
    }
}

#[test]
fn n005_to_n012_status_lines() {
    protocol("HTP/1.1 200 OK\r\n\r\n", ProtocolErrorKind::Version);
    protocol("HTTP/2.0 200 OK\r\n\r\n", ProtocolErrorKind::Version);
    protocol("<html>old style</html>", ProtocolErrorKind::NotHttp);
    protocol("SSH-2.0-OpenSSH_9.6\r\n", ProtocolErrorKind::NotHttp);
    protocol(
        *b"\x15\x03\x01\x00\x02\x02\x46",
        ProtocolErrorKind::TlsOnPlainPort,
    );
    protocol("HTTP/1.1 2x0 OK\r\n\r\n", ProtocolErrorKind::Status);
    protocol("HTTP/1.1\t200 OK\r\n\r\n", ProtocolErrorKind::StatusLine);
}

#[test]
fn n014_to_n027_heads() {
    limit(
        format!("HTTP/1.1 200 {}", "a".repeat(1 << 20)),
        LimitKind::Reason,
    );
    protocol("HTTP/1.1 200 OK\nA: b\n\n", ProtocolErrorKind::LineEnd);
    protocol(format!("{OK}\r\r\n"), ProtocolErrorKind::LineEnd);
    limit("\r\n".repeat(1000), LimitKind::Head);
    protocol(format!("{OK}A: b\r\n c\r\n\r\n"), ProtocolErrorKind::Folded);
    protocol(
        format!("{OK}Foo : bar\r\n\r\n"),
        ProtocolErrorKind::HeaderName,
    );
    protocol(
        format!("{OK}a: b\0\r\n\r\n"),
        ProtocolErrorKind::HeaderValue,
    );
    limit(
        format!("{OK}{}\r\n", "a: b\r\n".repeat(129)),
        LimitKind::Headers,
    );
    limit(
        format!("{OK}a: {}\r\n\r\n", "b".repeat(64 * 1024)),
        LimitKind::Head,
    );
}

#[test]
fn n027_an_endless_head_is_cut_off() {
    let server = Server::start(|conn| {
        conn.request();
        conn.send("HTTP/1.1 200 OK\r\n");
        while conn
            .try_send(format!("x-a: {}\r\n", "b".repeat(1000)))
            .is_ok()
        {}
    });
    let error = run(aioli_http::get(server.url("/")).send()).unwrap_err();
    assert!(
        matches!(
            error.kind(),
            ErrorKind::Limit {
                kind: LimitKind::Head,
                limit: 65536,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn n030_to_n033_informational_responses() {
    limit(
        "HTTP/1.1 100 Continue\r\n\r\n".repeat(40),
        LimitKind::Informational,
    );
    let hint = format!(
        "HTTP/1.1 103 Early Hints\r\nLink: {}\r\n\r\n",
        "a".repeat(4096)
    );
    limit(hint.repeat(30), LimitKind::Head);
    protocol(
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        ProtocolErrorKind::Upgrade,
    );
    body(
        "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n\
         HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi",
        "hi",
    );
}

#[test]
fn n035_a_continue_after_the_head_is_unsolicited() {
    body(
        format!("{OK}content-length: 2\r\n\r\nhiHTTP/1.1 100 Continue\r\n\r\n"),
        "hi",
    );
}

#[test]
fn n036_to_n052_framing() {
    protocol(
        format!("{OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
        ProtocolErrorKind::ContentLength,
    );
    protocol(
        format!("{OK}Content-Length: +5\r\n\r\nhello"),
        ProtocolErrorKind::ContentLength,
    );
    protocol(
        format!("{OK}Content-Length: 18446744073709551616\r\n\r\n"),
        ProtocolErrorKind::ContentLength,
    );
    for coding in ["chunked, chunked", "gzip", "gzip, chunked", "xchunked"] {
        protocol(
            format!("{OK}Transfer-Encoding: {coding}\r\n\r\n0\r\n\r\n"),
            ProtocolErrorKind::TransferEncoding,
        );
    }
    protocol(
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ProtocolErrorKind::TransferEncoding,
    );
}

#[test]
fn n041_n042_shorter_than_announced() {
    truncated(format!(
        "{OK}Content-Length: 18446744073709551615\r\n\r\nabc"
    ));
    truncated(format!("{OK}Content-Length: 10\r\n\r\nabc"));
}

#[test]
fn n043_n044_more_than_announced() {
    body(format!("{OK}Content-Length: 3\r\n\r\nabcdefghij"), "abc");
    let evil = format!("{OK}Content-Length: 4\r\n\r\nevil");
    body(format!("{OK}Content-Length: 3\r\n\r\nabc{evil}"), "abc");
}

#[test]
fn n046_chunked_with_a_length() {
    let (response, body) = first(format!(
        "{OK}Transfer-Encoding: chunked\r\nContent-Length: 99\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    ))
    .unwrap();
    assert_eq!(body.unwrap(), b"hi");
    assert_eq!(response.content_length(), None);
    assert!(!response.headers().contains_key("content-length"));
}

#[test]
fn n054_n056_bodies_where_there_are_none() {
    body(
        "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
        "",
    );
    body("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "");
    body("HTTP/1.1 304 Not Modified\r\n\r\nhello", "");
}

#[test]
fn n060_close_beats_keep_alive() {
    body(
        format!("{OK}Connection: close\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi"),
        "hi",
    );
    body("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", "hi");
    body(
        format!("{OK}Keep-Alive: timeout=0\r\nContent-Length: 2\r\n\r\nhi"),
        "hi",
    );
}

fn chunked(chunks: &str) -> String {
    format!("{OK}Transfer-Encoding: chunked\r\n\r\n{chunks}")
}

#[test]
fn n063_to_n078_chunks() {
    for bad in [
        "5 ",
        "+5",
        "0x5",
        " 5",
        "",
        "FFFFFFFFFFFFFFFF",
        "00000000000000000005",
    ] {
        protocol(
            chunked(&format!("{bad}\r\nhello\r\n0\r\n\r\n")),
            ProtocolErrorKind::ChunkSize,
        );
    }
    protocol(
        chunked("5\nhello\r\n0\r\n\r\n"),
        ProtocolErrorKind::ChunkSize,
    );
    protocol(
        chunked("5;a\nb\r\nhello\r\n0\r\n\r\n"),
        ProtocolErrorKind::ChunkExtension,
    );
    limit(
        chunked(&format!("5;{}\r\nhello", "a".repeat(1 << 20))),
        LimitKind::ChunkExtension,
    );
    limit(
        chunked(&format!("1;{}\r\na\r\n", "x".repeat(500)).repeat(100)),
        LimitKind::ChunkExtensions,
    );
    protocol(chunked("3\r\nabcXX0\r\n\r\n"), ProtocolErrorKind::ChunkEnd);
    limit(
        chunked(&format!("0\r\n{}", "X: y\r\n".repeat(10_000))),
        LimitKind::TrailerLines,
    );
    protocol(chunked("0\r\nno colon\r\n\r\n"), ProtocolErrorKind::Trailer);
    for cut in ["5", "5\r\nhel", "5\r\nhello\r\n", "0\r\n"] {
        truncated(chunked(cut));
    }
    body(chunked("0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), "");
}

#[test]
fn n070_many_tiny_chunks() {
    let server =
        Server::answering(|_| chunked(&format!("{}0\r\n\r\n", "1\r\na\r\n".repeat(300_000))));
    let body = run(async {
        aioli_http::get(server.url("/"))
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap()
    });
    assert_eq!(body.len(), 300_000);
}

#[test]
fn every_cut_of_a_good_response_is_an_error_and_never_a_panic() {
    let whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: b\r\n\r\n3;x\r\nabc\r\n0\r\nT: u\r\n\r\n";
    for at in (0..whole.len()).step_by(3) {
        let error = error(&whole[..at]);
        assert!(
            matches!(
                error.kind(),
                ErrorKind::Disconnected { .. }
                    | ErrorKind::Body {
                        kind: BodyErrorKind::Truncated,
                        ..
                    }
            ),
            "{at}: {error:?}"
        );
    }
}
