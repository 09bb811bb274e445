//! Each bound can be moved, and the error of each says which one it was and how large it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aioli_http::{CookieJar, ErrorKind, LimitKind, Limits, Mock, Session};

use crate::server::{Server, ok, run, text};

/// What a reply comes to within `limits`: nothing, or the bound it went over.
fn outcome(limits: Limits, reply: impl AsRef<[u8]>) -> Option<(LimitKind, u64, u64)> {
    let reply = reply.as_ref().to_vec();
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

#[cfg(feature = "compression")]
#[test]
fn of_windows() {
    let coded = |log: u32| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(log).unwrap();
        encoder.include_contentsize(false).unwrap();
        std::io::Write::write_all(&mut encoder, &[b'x'; 100_000]).unwrap();
        let coded = encoder.finish().unwrap();
        let mut reply = b"HTTP/1.1 200 OK\r\ncontent-encoding: zstd\r\n\r\n".to_vec();
        reply.extend_from_slice(&coded);
        reply
    };
    let window = |bytes: usize| Limits::default().window(bytes);
    assert_eq!(outcome(window(64 << 10), coded(16)), None);
    let refused = outcome(window((128 << 10) - 1), coded(17)).unwrap();
    assert_eq!(refused, (LimitKind::Window, 64 << 10, (64 << 10) + 1));
    // More than RFC 9659 allows, for a server that one knows.
    assert_eq!(outcome(window(usize::MAX), coded(25)), None);
    assert_eq!(
        outcome(Limits::default(), coded(25)).unwrap().0,
        LimitKind::Window
    );
}

#[test]
fn of_cookies() {
    let reply = "HTTP/1.1 200 OK\r\nset-cookie: a=b\r\nset-cookie: c=d\r\n\
                 set-cookie: e=f\r\nset-cookie: long=value\r\ncontent-length: 0\r\n\r\n";
    let limits = Limits::default()
        .set_cookies(4, 8)
        .cookies(2, 2)
        .cookie_header("cookie: x=y; c=d".len());
    let session = Session::builder()
        .limits(limits)
        .mock(move |request| {
            let got = request.header("cookie").unwrap_or_default().to_owned();
            std::future::ready(match got.is_empty() {
                true => Mock::raw(reply),
                false => Mock::text(200, got),
            })
        })
        .build()
        .unwrap();
    run(async {
        let response = session.get("http://a.example/").await.unwrap();
        let names: Vec<_> = response
            .cookies()
            .iter()
            .map(|c| c.name().into_owned())
            .collect();
        assert_eq!(names, ["a", "c", "e"]);
        assert_eq!(session.cookies().unwrap().len(), 2);
        let get = || session.get("http://a.example/");
        assert_eq!(get().await.unwrap().text().await.unwrap(), "c=d; e=f");
        let own = get().cookie("x", "y").await.unwrap();
        assert_eq!(own.text().await.unwrap(), "c=d; x=y");
        let own = get()
            .header("cookie", "much=larger; than=the bound")
            .await
            .unwrap();
        assert_eq!(own.text().await.unwrap(), "much=larger; than=the bound");
        // A jar of one's own has bounds of its own.
        let jar = CookieJar::new();
        let session = Session::builder().limits(limits).cookies(jar.clone());
        let session = session.mock(move |_| std::future::ready(Mock::raw(reply)));
        session
            .build()
            .unwrap()
            .get("http://a.example/")
            .await
            .unwrap();
        assert_eq!(jar.len(), 4);
    });
}

#[test]
fn of_challenges() {
    let answered = |limits: Limits, nonce: usize| {
        let session = Session::builder().limits(limits).digest("me", "pass");
        let session = session.mock(move |request| {
            let challenge = format!("Digest realm=r, nonce=\"{}\"", "n".repeat(nonce));
            let answered = request.header("authorization");
            std::future::ready(match answered {
                Some(_) => Mock::text(200, "in"),
                None => Mock::text(401, "who").header("www-authenticate", challenge),
            })
        });
        let session = session.build().unwrap();
        run(async { session.get("http://a.example/").await.unwrap().status() })
    };
    assert_eq!(answered(Limits::default(), 4096), 200);
    assert_eq!(answered(Limits::default(), 4097), 401);
    assert_eq!(answered(Limits::default().challenge(5000), 5000), 200);
    assert_eq!(answered(Limits::default().challenge(10), 11), 401);
}

#[test]
fn of_names() {
    let server = Server::answering(|_| ok("hi"));
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, address) = (asked.clone(), server.addr);
    let session = Session::builder()
        .limits(Limits::default().names(1).idle(0))
        .resolver(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Ok(vec![address]))
        })
        .build()
        .unwrap();
    run(async {
        for (host, want) in [("a", 1), ("a", 1), ("b", 2), ("a", 3), ("a", 3)] {
            let url = format!("http://{host}.example/");
            assert_eq!(text(&session, url).await, "hi");
            assert_eq!(asked.load(Ordering::Relaxed), want, "{host}");
        }
    });
}
