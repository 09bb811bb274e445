//! Request bodies: files, forms, and what is sent a second time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aioli_http::{
    Body, BodyErrorKind, ErrorKind, Form, HeaderMap, HeaderValue, Method, Mock, Part,
    RedirectErrorKind, RequestErrorKind, Session, Timeout,
};
use futures::stream::{self, StreamExt as _};

use crate::server::{Conn, Server, ok, run, run_virtual};

fn words(
    parts: &[&'static str],
) -> impl futures::Stream<Item = std::io::Result<&'static str>> + use<> {
    stream::iter(parts.iter().copied().map(Ok).collect::<Vec<_>>())
}

/// Tells how the body was framed, and what it was.
fn echo() -> Server {
    Server::answering(|request| {
        let framing = request
            .header("transfer-encoding")
            .or(request.header("content-length"))
            .unwrap_or("none");
        ok(&format!(
            "{framing} {}",
            String::from_utf8_lossy(&request.body)
        ))
    })
}

/// Sends `/from` on to `/to`, with the method and the body.
fn redirecting() -> Server {
    Server::answering(|request| match &request.target[..] {
        "/from" => "HTTP/1.1 307 Go\r\nlocation: /to\r\ncontent-length: 0\r\n\r\n".into(),
        _ => ok(&String::from_utf8_lossy(&request.body)),
    })
}

#[test]
fn a_body_that_is_given_slowly() {
    let session = Session::mock(|_| std::future::ready(Mock::text(200, "fine")));
    let took = run_virtual(async {
        let since = aioli_task::now();
        let rate = std::num::NonZeroU64::new(1000).unwrap();
        let pieces = stream::iter([3000, 500].map(|n| Ok::<_, std::io::Error>(vec![7; n])));
        for body in [Body::from(vec![7; 3500]), Body::stream(pieces)] {
            let request = session.put("http://a.example/").body(body.limit_rate(rate));
            request.timeout(Timeout::none()).await.unwrap();
        }
        aioli_task::now() - since
    });
    // Of a known length the last piece is the end, and is not followed by a wait.
    assert_eq!(took.as_millis(), 3400 + 3500);
    let [sized, streamed] = session.mock_requests().try_into().unwrap();
    for request in [&sized, &streamed] {
        assert_eq!(request.body()[..], [7; 3500]);
    }
    assert_eq!(sized.header("content-length"), Some("3500"));
    assert_eq!(streamed.header("transfer-encoding"), Some("chunked"));
}

#[test]
fn what_is_given_slowly_is_given_again() {
    let server = redirecting();
    run(async {
        let rate = std::num::NonZeroU64::new(100).unwrap();
        let words = || stream::iter(["hel", "lo"].map(Ok::<_, std::io::Error>));
        for body in [Body::from("hello"), Body::replayable(words)] {
            let request = Session::new().put(server.url("/from"));
            let response = request.body(body.limit_rate(rate)).await.unwrap();
            assert_eq!(response.text().await.unwrap(), "hello");
        }
    });
}

#[test]
fn a_stream_need_not_say_that_its_announced_length_was_all() {
    let server = echo();
    run(async {
        let session = Session::new();
        for _ in 0..2 {
            let pieces = stream::iter(["hello"].map(Ok::<_, std::io::Error>));
            let body = Body::sized_stream(5, pieces.chain(stream::pending()));
            let response = session.put(server.url("/")).body(body).await.unwrap();
            assert_eq!(response.text().await.unwrap(), "5 hello");
        }
        assert_eq!(server.accepted(), 1, "the connection was used again");
    });
}

#[test]
fn a_file_is_sent_with_its_length() {
    let server = echo();
    run(async {
        let dir = aioli_fs::TempDir::new().await.unwrap();
        let path = dir.path().join("file");
        let session = Session::new();
        for size in [0, 1, 70_000, 300_000] {
            let data = "x".repeat(size);
            aioli_fs::write(&path, &data).await.unwrap();
            let body = Body::file(&path).await.unwrap();
            let response = session.put(server.url("/")).body(body).await.unwrap();
            assert_eq!(response.text().await.unwrap(), format!("{size} {data}"));
        }
        assert_eq!(server.accepted(), 1);

        // What was appended since is not sent; what is missing is noticed.
        let body = Body::file(&path).await.unwrap();
        aioli_fs::write(&path, "y".repeat(400_000)).await.unwrap();
        let response = session.put(server.url("/")).body(body).await.unwrap();
        assert_eq!(
            response.bytes().await.unwrap().len(),
            300_000 + "300000 ".len()
        );
        let body = Body::file(&path).await.unwrap();
        aioli_fs::write(&path, "z").await.unwrap();
        let error = session.put(server.url("/")).body(body).await.unwrap_err();
        assert!(
            matches!(
                error.kind(),
                ErrorKind::Body {
                    kind: BodyErrorKind::TooShort,
                    ..
                }
            ),
            "{error:?}"
        );
    });
}

#[test]
fn files_that_cannot_be_sent() {
    let server = echo();
    run(async {
        let dir = aioli_fs::TempDir::new().await.unwrap();
        let missing = dir.path().join("missing");
        let error = Body::file(&missing).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        assert!(error.to_string().contains("missing"), "{error}");
        let error = Body::file(dir.path()).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::IsADirectory);

        aioli_fs::write(&missing, "x").await.unwrap();
        let body = Body::file(&missing).await.unwrap();
        aioli_fs::remove_file(&missing).await.unwrap();
        let error = Session::new()
            .put(server.url("/"))
            .body(body)
            .await
            .unwrap_err();
        let ErrorKind::Body { kind, source } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(*kind, BodyErrorKind::Stream);
        assert!(source.as_ref().unwrap().to_string().contains("missing"));
    });
}

#[test]
fn what_can_be_made_again_follows_a_redirect() {
    let server = redirecting();
    run(async {
        let dir = aioli_fs::TempDir::new().await.unwrap();
        let path = dir.path().join("file");
        aioli_fs::write(&path, "hello").await.unwrap();
        let session = Session::new();
        let post = || session.post(server.url("/from"));
        let made = Arc::new(AtomicUsize::new(0));
        let count = made.clone();
        let make = move || {
            count.fetch_add(1, Ordering::SeqCst);
            words(&["hel", "lo"])
        };
        for body in [
            Body::from("hello"),
            Body::file(&path).await.unwrap(),
            Body::replayable(|| words(&["hel", "lo"])),
            Body::sized_replayable(5, make),
        ] {
            let response = post().body(body).await.unwrap();
            assert_eq!(response.text().await.unwrap(), "hello");
        }
        assert_eq!(
            made.load(Ordering::SeqCst),
            2,
            "once for each time it was sent"
        );

        let form = Form::new().text("a", "b").file("f", &path).await.unwrap();
        let sent = post().multipart(form).await.unwrap().text().await.unwrap();
        assert_eq!(sent.matches("filename=\"file\"").count(), 1);
        assert_eq!(sent.matches("hello").count(), 1);

        let once = Form::new().part("s", Part::new(Body::stream(words(&["x"]))));
        for request in [
            post().body(Body::stream(words(&["x"]))),
            post().multipart(once),
        ] {
            let error = request.await.unwrap_err();
            assert!(
                matches!(
                    error.kind(),
                    ErrorKind::Redirect {
                        kind: RedirectErrorKind::BodyNotReplayable,
                        ..
                    }
                ),
                "{error:?}"
            );
        }
    });
}

#[test]
fn what_can_be_made_again_is_sent_again_over_a_fresh_connection() {
    let server = Server::start(|conn: &mut Conn| {
        if conn.index == 0 {
            conn.request();
            conn.send(ok("first"));
            // The second request arrives, and is never answered.
            conn.request();
        } else {
            while let Some(request) = conn.request() {
                conn.send(ok(request.text()));
            }
        }
    });
    run(async {
        let session = Session::new();
        let url = server.url("/");
        session.get(&url).await.unwrap().bytes().await.unwrap();
        let body = Body::sized_replayable(5, || words(&["hel", "lo"]));
        let response = session.request(Method::PUT, &url).body(body).await.unwrap();
        assert_eq!(response.text().await.unwrap(), "hello");
        assert_eq!(server.accepted(), 2);
    });
}

#[test]
fn a_form_with_files_and_streams() {
    let server = Server::answering(|request| {
        let content_type = request.header("content-type").unwrap();
        let boundary = content_type
            .strip_prefix("multipart/form-data; boundary=")
            .unwrap();
        let framing = request.header("content-length").unwrap_or("chunked");
        let parts = request.text().matches(&format!("--{boundary}\r\n")).count();
        let end = request.text().ends_with(&format!("\r\n--{boundary}--\r\n"));
        ok(&format!("{} {parts} {end}", framing != "chunked"))
    });
    run(async {
        let dir = aioli_fs::TempDir::new().await.unwrap();
        let path = dir.path().join("a \"b\".png");
        aioli_fs::write(&path, "x".repeat(100_000)).await.unwrap();
        let session = Session::new();
        let form = Form::new().text("a", "b").file("f", &path).await.unwrap();
        let sent = session.post(server.url("/")).multipart(form).await.unwrap();
        assert_eq!(sent.text().await.unwrap(), "true 2 true");
        let form = Form::new()
            .part(
                "s",
                Part::new(Body::stream(words(&["hel", "lo"]))).file_name("s"),
            )
            .text("a", "b");
        let sent = session.post(server.url("/")).multipart(form).await.unwrap();
        assert_eq!(sent.text().await.unwrap(), "false 2 true");
        assert_eq!(server.accepted(), 1);

        let bad = Form::new().part("p", Part::new("x").content_type("a\nb"));
        let error = session
            .post(server.url("/"))
            .multipart(bad)
            .await
            .unwrap_err();
        assert!(
            matches!(
                error.kind(),
                ErrorKind::InvalidRequest {
                    kind: RequestErrorKind::Header,
                    ..
                }
            ),
            "{error:?}"
        );
    });
}

#[test]
fn input_123_a_length_that_a_form_does_not_have() {
    run(async {
        let form = Form::new().text("a", "b");
        let request = Session::new().post("http://127.0.0.1:1/").multipart(form);
        let error = request.header("content-length", 3).await.unwrap_err();
        assert!(
            matches!(
                error.kind(),
                ErrorKind::InvalidRequest {
                    kind: RequestErrorKind::ContentLength,
                    ..
                }
            ),
            "{error:?}"
        );
    });
}

#[test]
fn input_124_a_part_shorter_than_it_said() {
    let server = Server::start(|conn| {
        assert!(conn.request().is_none(), "it never arrives whole");
    });
    run(async {
        let short = Part::new(Body::sized_stream(9, words(&["hel", "lo"])));
        let form = Form::new().part("s", short).text("a", "b");
        let request = Session::new().post(server.url("/")).multipart(form);
        let error = request.await.unwrap_err();
        let ErrorKind::Body { kind, source } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(*kind, BodyErrorKind::Stream);
        assert!(source.as_ref().unwrap().to_string().contains("shorter"));
    });
}

#[test]
fn trailers_go_behind_chunks() {
    let server = Server::start(|conn| {
        for end in [
            "5\r\nhello\r\n0\r\ndigest: abc\r\n\r\n",
            "3\r\nhel\r\n2\r\nlo\r\n0\r\ndigest: abc\r\n\r\n",
            "0\r\ndigest: abc\r\n\r\n",
            "hello",
        ] {
            let request = conn.head().unwrap();
            let chunked = request.header("transfer-encoding") == Some("chunked");
            assert_eq!(chunked, end != "hello");
            let sent = conn.take(end.len()).unwrap();
            assert_eq!(String::from_utf8(sent).unwrap(), end);
            conn.send(ok("fine"));
        }
    });
    run(async {
        let session = Session::new();
        let fields = || {
            let mut fields = HeaderMap::new();
            fields.insert("digest", HeaderValue::from_static("abc"));
            // Framing is ours to say.
            fields.insert("content-length", HeaderValue::from_static("9"));
            fields
        };
        let put = |body: Body| {
            session
                .put(server.url("/"))
                .body(body.with_trailers(fields))
        };
        for request in [
            put(Body::from("hello")),
            put(Body::stream(words(&["hel", "lo"]))),
            put(Body::default()),
            put(Body::from("hello")).header("content-length", 5),
        ] {
            let response = request.await.unwrap();
            assert_eq!(response.text().await.unwrap(), "fine");
        }
        assert_eq!(server.accepted(), 1);
    });
}
