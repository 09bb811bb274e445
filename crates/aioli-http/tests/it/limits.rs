//! Each bound can be moved, and the error of each says which one it was and how large it is.

use aioli_http::{ErrorKind, LimitKind, Limits, Mock, Session};

use crate::server::run;

/// What a reply comes to within `limits`: nothing, or the bound it went over.
fn outcome(limits: Limits, reply: &str) -> Option<(LimitKind, u64, u64)> {
    let reply = reply.to_owned();
    let session = Session::builder()
        .limits(limits)
        .mock(move |_| std::future::ready(Mock::raw(reply.clone())))
        .build()
        .unwrap();
    let result = run(async { session.get("http://a.example/").await?.bytes().await });
    let error = result.err()?;
    match error.kind() {
        ErrorKind::Limit { kind, limit, seen } => Some((*kind, *limit, *seen)),
        other => panic!("{other:?}"),
    }
}

/// Allows `reply` where `allow` says so, and not with one less.
#[track_caller]
fn bound(kind: LimitKind, n: usize, allow: impl Fn(Limits, usize) -> Limits, reply: &str) {
    assert_eq!(outcome(allow(Limits::default(), n), reply), None);
    let refused = outcome(allow(Limits::default(), n - 1), reply).unwrap();
    let (limit, seen) = (n as u64 - 1, n as u64);
    assert_eq!(refused, (kind, limit, seen));
    let text = ErrorKind::Limit { kind, limit, seen }.to_string();
    assert!(text.contains(&limit.to_string()), "{text}");
}

#[test]
fn of_heads() {
    let empty = "HTTP/1.1 200 OK\r\nA: b\r\ncontent-length: 0\r\n\r\n";
    bound(LimitKind::Head, empty.len(), Limits::head, empty);
    bound(LimitKind::Headers, 2, Limits::headers, empty);
    bound(LimitKind::Reason, 2, Limits::reason, empty);
    let hinted = format!("{}{empty}", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(4));
    bound(LimitKind::Informational, 4, Limits::informational, &hinted);
}

#[test]
fn of_bodies() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let extended = format!("{head}1;abc\r\nx\r\n1;abcd\r\nx\r\n0\r\n\r\n");
    let each = |limits: Limits, n| limits.chunk_extensions(n, 100);
    bound(LimitKind::ChunkExtension, 4, each, &extended);
    let all = |limits: Limits, n| limits.chunk_extensions(100, n);
    bound(LimitKind::ChunkExtensions, 7, all, &extended);

    let trailed = format!("{head}0\r\na: b\r\nc: d\r\n\r\n");
    let lines = |limits: Limits, n| limits.trailers(1000, n);
    bound(LimitKind::TrailerLines, 2, lines, &trailed);
    let bytes = |limits: Limits, n| limits.trailers(n, 100);
    let refused = outcome(bytes(Limits::default(), 5), &trailed).unwrap();
    assert_eq!((refused.0, refused.1), (LimitKind::Trailers, 5));

    let long = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ngarlic";
    bound(LimitKind::Body, 6, Limits::body, long);
    let endless = "HTTP/1.1 200 OK\r\n\r\ngarlic";
    bound(LimitKind::Body, 6, Limits::body, endless);
}

#[cfg(feature = "compression")]
#[test]
fn of_codings() {
    let coded = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip, br\r\n\r\nx";
    let refused = outcome(Limits::default().encodings(1), coded);
    assert_eq!(refused, Some((LimitKind::Encodings, 1, 2)));
}
