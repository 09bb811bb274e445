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
