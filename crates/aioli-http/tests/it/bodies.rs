//! Bodies, in both directions, framed in all ways.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use aioli_http::{Body, BodyErrorKind, Bytes, ErrorKind, LimitKind, Limits, Session};
use futures::{StreamExt, TryStreamExt, stream};

use crate::server::{Server, ok, run};

fn pieces(
    parts: &[&'static str],
) -> impl futures::Stream<Item = std::io::Result<&'static str>> + use<> {
    stream::iter(parts.to_vec()).map(Ok)
}

#[test]
fn streams_go_up_in_chunks_or_with_a_length() {
    let server = Server::answering(|request| {
        let framing = request
            .header("transfer-encoding")
            .or(request.header("content-length"))
            .unwrap_or("none");
        ok(&format!("{framing} {}", request.text()))
    });
    run(async {
        let session = Session::new();
        let put = || session.put(server.url("/"));
        for (request, want) in [
            (
                put().body(Body::stream(pieces(&["hel", "", "lo"]))),
                "chunked hello",
            ),
            (put().body(Body::stream(pieces(&[]))), "chunked "),
            (
                put().body(Body::sized_stream(5, pieces(&["hel", "lo"]))),
                "5 hello",
            ),
            (
                put()
                    .body(Body::stream(pieces(&["hello"])))
                    .header("content-length", 5),
                "5 hello",
            ),
            (put().body("text"), "4 text"),
            (put().body(String::from("text")), "4 text"),
            (put().body(vec![b'x'; 3]), "3 xxx"),
            (put().body(Bytes::from_static(b"b")), "1 b"),
            (put().body(b"array"), "5 array"),
            (put().body(Body::from_static(b"static")), "6 static"),
        ] {
            assert_eq!(request.await.unwrap().text().await.unwrap(), want);
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn large_bodies_go_both_ways() {
    const SIZE: usize = 3_000_000;
    let server = Server::start(|conn| {
        while let Some(request) = conn.request() {
            assert!(request.body.iter().enumerate().all(|(i, b)| *b == i as u8));
            conn.send(format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
                request.body.len()
            ));
            conn.send(&request.body);
        }
    });
    let data: Vec<u8> = (0..SIZE).map(|i| i as u8).collect();
    run(async {
        let session = Session::new();
        let chunked = stream::iter(
            data.chunks(100_000)
                .map(|c| Ok::<_, std::io::Error>(c.to_vec()))
                .collect::<Vec<_>>(),
        );
        let tiny = stream::iter(
            data.chunks(1000)
                .map(|c| Ok::<_, std::io::Error>(c.to_vec()))
                .collect::<Vec<_>>(),
        );
        for body in [
            Body::from(data.clone()),
            Body::stream(chunked),
            Body::stream(tiny),
        ] {
            let response = session.post(server.url("/")).body(body).await.unwrap();
            assert_eq!(response.bytes().await.unwrap(), data);
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_chunked_response_comes_out_whole() {
    let server = Server::answering(|_| {
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
         3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nset-cookie: a=b\r\n\r\n"
            .into()
    });
    run(async {
        let session = Session::new();
        for _ in 0..3 {
            let response = session.get(server.url("/")).await.unwrap();
            assert_eq!(response.content_length(), None);
            assert!(!response.headers().contains_key("set-cookie"));
            assert_eq!(response.text().await.unwrap(), "hello");
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn pieces_come_as_they_are_sent() {
    let (go, wait) = mpsc::channel();
    let wait = Mutex::new(wait);
    let server = Server::start(move |conn| {
        conn.request();
        conn.send("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n");
        for part in ["ab", "cd", "ef"] {
            wait.lock().unwrap().recv().unwrap();
            conn.send(part);
        }
        conn.wait_closed();
    });
    run(async {
        let mut response = aioli_http::get(server.url("/")).await.unwrap();
        for part in ["ab", "cd", "ef"] {
            go.send(()).unwrap();
            assert_eq!(response.chunk().await.unwrap().unwrap(), part);
        }
        assert_eq!(response.chunk().await.unwrap(), None);
        assert_eq!(response.chunk().await.unwrap(), None);
    });
}

#[test]
fn a_response_is_a_stream_that_can_be_sent_on() {
    let server = Server::answering(|request| ok(&"x".repeat(request.body.len().max(200_000))));
    run(async {
        let session = Session::new();
        let source = session.get(server.url("/")).await.unwrap().into_stream();
        assert_eq!(source.response().content_length(), Some(200_000));
        let copied = session
            .put(server.url("/"))
            .body(Body::stream(source))
            .await
            .unwrap();
        let all: Vec<Bytes> = copied.into_stream().try_collect().await.unwrap();
        assert_eq!(all.iter().map(Bytes::len).sum::<usize>(), 200_000);
    });
}

#[test]
fn n058_a_body_until_the_end_of_the_connection() {
    let server = Server::start(|conn| {
        conn.request();
        conn.send("HTTP/1.1 200 OK\r\n\r\nhello ");
        conn.send("x".repeat(100_000));
    });
    run(async {
        let session = Session::new();
        for n in 1..3 {
            let response = session.get(server.url("/")).await.unwrap();
            assert_eq!(response.bytes().await.unwrap().len(), 100_006);
            assert_eq!(server.accepted(), n);
        }
    });
}

#[test]
fn buffered_bodies_are_bounded() {
    let server = Server::answering(|request| match &request.target[..] {
        "/length" => ok(&"x".repeat(1001)),
        "/chunked" => format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}0\r\n\r\n",
            format!("64\r\n{}\r\n", "x".repeat(100)).repeat(11)
        ),
        "/huge" => "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\nabc".into(),
        _ => ok(&"x".repeat(1000)),
    });
    run(async {
        let session = Session::builder()
            .limits(Limits::default().body(1000))
            .build()
            .unwrap();
        let get = |path: &str| session.get(server.url(path));
        assert_eq!(
            get("/fits").await.unwrap().bytes().await.unwrap().len(),
            1000
        );
        for path in ["/length", "/chunked", "/huge"] {
            let error = get(path).await.unwrap().bytes().await.unwrap_err();
            assert!(
                matches!(
                    error.kind(),
                    ErrorKind::Limit {
                        kind: LimitKind::Body,
                        ..
                    }
                ),
                "{path}: {error:?}"
            );
        }
        let response = get("/length").body_limit(2000).await.unwrap();
        assert_eq!(response.bytes().await.unwrap().len(), 1001);

        // Streaming is not bounded.
        let all: Vec<Bytes> = get("/chunked")
            .await
            .unwrap()
            .into_stream()
            .try_collect()
            .await
            .unwrap();
        assert_eq!(all.iter().map(Bytes::len).sum::<usize>(), 1100);
    });
}

#[test]
fn n124_streams_that_break_their_word() {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let server = Server::start(move |conn| {
        let request = conn.request();
        tell.lock().unwrap().send(request.is_none()).unwrap();
    });
    run(async {
        let session = Session::new();
        for (body, want) in [
            (
                Body::sized_stream(6, pieces(&["hel", "lo"])),
                BodyErrorKind::TooShort,
            ),
            (
                Body::sized_stream(4, pieces(&["hel", "lo"])),
                BodyErrorKind::TooLong,
            ),
            (
                Body::stream(stream::iter([
                    Ok("a"),
                    Err(std::io::Error::other("broken")),
                ])),
                BodyErrorKind::Stream,
            ),
        ] {
            let error = session.post(server.url("/")).body(body).await.unwrap_err();
            let ErrorKind::Body { kind, .. } = error.kind() else {
                panic!("{error:?}")
            };
            assert_eq!(*kind, want);
            assert!(
                told.recv().unwrap(),
                "the server never saw a complete request"
            );
        }
    });
}

#[test]
fn n161_a_refused_upload_still_has_its_answer() {
    let server = Server::start(|conn| {
        conn.need(1);
        conn.send("HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nno!");
        conn.finish();
        conn.wait_closed();
    });
    let sent = Arc::new(Mutex::new(0_usize));
    let count = sent.clone();
    run(async move {
        let endless = stream::repeat_with(move || {
            *count.lock().unwrap() += 1;
            Ok::<_, std::io::Error>(vec![b'x'; 64 * 1024])
        });
        let session = Session::new();
        for body in [Body::stream(endless), Body::from(vec![b'x'; 50_000_000])] {
            let response = session.post(server.url("/")).body(body).await.unwrap();
            assert_eq!(response.status(), 413);
            assert_eq!(response.text().await.unwrap(), "no!");
        }
        assert_eq!(
            server.accepted(),
            2,
            "an unfinished upload ends its connection"
        );
    });
    assert!(*sent.lock().unwrap() < 10_000, "sending stopped");
}

/// The same body raw and coded, so that both ways to the caller are taken.
fn raw_and_coded(body: &'static str) -> Server {
    Server::start(move |conn| {
        let coded = {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
            std::io::Write::write_all(&mut encoder, body.as_bytes()).unwrap();
            encoder.finish().unwrap()
        };
        while let Some(request) = conn.request() {
            if request.target == "/raw" || !cfg!(feature = "compression") {
                conn.send(ok(body));
            } else {
                conn.send(format!(
                    "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
                    coded.len()
                ));
                conn.send(&coded);
            }
        }
    })
}

#[test]
fn a_body_is_read_into_buffers_of_any_size() {
    let body = "a line\nanother line\n".repeat(2000).leak();
    let server = raw_and_coded(body);
    run(async {
        let session = Session::new();
        for path in ["/raw", "/coded"] {
            for size in [1, 7, 1000, 100_000] {
                let mut response = session.get(server.url(path)).await.unwrap();
                let mut buf = vec![0; size];
                let mut whole = Vec::new();
                assert_eq!(response.read(&mut []).await.unwrap(), 0);
                loop {
                    let n = response.read(&mut buf).await.unwrap();
                    if n == 0 {
                        break;
                    }
                    whole.extend_from_slice(&buf[..n]);
                }
                assert_eq!(whole, body.as_bytes(), "{path} by {size}");
                assert_eq!(response.chunk().await.unwrap(), None);
            }
            // Sized reads and pieces go together.
            let mut response = session.get(server.url(path)).await.unwrap();
            let mut start = [0; 6];
            assert_eq!(response.read(&mut start).await.unwrap(), 6);
            assert_eq!(&start, b"a line");
            assert_eq!(response.text().await.unwrap(), body[6..]);
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_reader_is_buffered_and_its_errors_are_ours() {
    let body = "a line\nanother line\n".repeat(2000).leak();
    let server = raw_and_coded(body);
    let broken = Server::start(|conn| {
        conn.request();
        conn.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
    });
    run(async {
        use futures::{AsyncBufReadExt, AsyncReadExt};

        let session = Session::new();
        for path in ["/raw", "/coded"] {
            let response = session.get(server.url(path)).await.unwrap();
            let reader = response.into_reader();
            assert_eq!(reader.response().status(), 200);
            let lines: Vec<_> = reader.lines().try_collect().await.unwrap();
            assert_eq!(lines.len(), 4000);
            assert_eq!(lines[3999], "another line");

            // Bytes that were shown and not consumed come first.
            let response = session.get(server.url(path)).await.unwrap();
            let mut reader = response.into_reader();
            assert!(reader.fill_buf().await.unwrap().starts_with(b"a line"));
            reader.consume_unpin(2);
            let mut rest = String::new();
            reader.read_to_string(&mut rest).await.unwrap();
            assert_eq!(rest, body[2..]);
        }
        let mut all = Vec::new();
        let response = session.get(broken.url("/")).await.unwrap();
        let error = response
            .into_reader()
            .read_to_end(&mut all)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
        let inner = error.get_ref().unwrap();
        assert!(inner.downcast_ref::<aioli_http::Error>().is_some());
        assert_eq!(all, b"abc");
    });
}

#[test]
fn input_074_trailers_are_kept_apart_and_some_of_them_dropped() {
    let server = Server::answering(|request| {
        let trailers = match &request.target[..] {
            "/some" => "digest: abc\r\nX-Time:  5 ms \r\nx-time: 6 ms\r\n",
            "/evil" => {
                "Content-Length: 3\r\nTransfer-Encoding: chunked\r\nHost: evil\r\n\
                 Set-Cookie: a=b\r\nAuthorization: x\r\nLocation: /x\r\nfine: yes\r\n"
            }
            _ => "",
        };
        format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
             3\r\nhel\r\n2\r\nlo\r\n0\r\n{trailers}\r\n"
        )
    });
    run(async {
        let session = Session::new();
        let read = async |path: &str| {
            let mut response = session.get(server.url(path)).await.unwrap();
            assert!(response.trailers().is_none(), "not before the end");
            let mut body = Vec::new();
            while let Some(piece) = response.chunk().await.unwrap() {
                body.extend_from_slice(&piece);
            }
            assert_eq!(body, b"hello");
            assert_eq!(response.headers().len(), 1);
            response.trailers().cloned()
        };
        assert!(read("/none").await.is_none());
        let some = read("/some").await.unwrap();
        assert_eq!(some["digest"], "abc");
        let times: Vec<_> = some.get_all("x-time").iter().collect();
        assert_eq!(times, ["5 ms", "6 ms"]);
        let evil = read("/evil").await.unwrap();
        assert_eq!(evil.len(), 1);
        assert_eq!(evil["fine"], "yes");
        assert_eq!(server.accepted(), 1);
    });
}
