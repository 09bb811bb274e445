//! Content codings end to end: what is asked for, what is decoded, and what a server can do.

use std::io::Write as _;

use aioli_http::{
    BodyErrorKind, Coding, DecodeErrorKind, Error, ErrorKind, LimitKind, Limits, Response, Session,
};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::server::{Conn, Server, run};

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// A response with a body in `coding`.
fn coded(coding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Answers the first request with `reply`, and all later ones with a coded `fine`.
fn serve(reply: impl Into<Vec<u8>>) -> Server {
    let reply = reply.into();
    Server::start(move |conn: &mut Conn| {
        while let Some(request) = conn.request() {
            if request.target == "/first" {
                conn.send(&reply);
            } else {
                conn.send(coded("gzip", &gzip(b"fine")));
            }
        }
    })
}

/// Reads the body of a first response; a second request must succeed whatever becomes of it.
#[track_caller]
fn first(reply: impl Into<Vec<u8>>) -> Result<String, Error> {
    let server = serve(reply);
    run(async {
        let session = Session::new();
        let outcome = async { session.get(server.url("/first")).await?.text().await }.await;
        let second = session.get(server.url("/second")).await.unwrap();
        assert_eq!(second.text().await.unwrap(), "fine");
        outcome
    })
}

#[track_caller]
fn not_decoded(reply: impl Into<Vec<u8>>, want: Coding) {
    let error = first(reply).unwrap_err();
    let ErrorKind::Body { kind, source } = error.kind() else {
        panic!("{error:?}")
    };
    assert_eq!(*kind, BodyErrorKind::Decode(want));
    assert!(source.is_some(), "the error says what is wrong");
}

/// Reads the body piece by piece and returns its length and that of its largest piece.
async fn stream(mut response: Response) -> (usize, usize) {
    let (mut length, mut largest) = (0, 0);
    while let Some(piece) = response.chunk().await.unwrap() {
        length += piece.len();
        largest = largest.max(piece.len());
    }
    (length, largest)
}

#[test]
fn codings_are_asked_for_unless_the_caller_has_a_say() {
    let server = Server::answering(|request| {
        crate::server::ok(request.header("accept-encoding").unwrap_or("none"))
    });
    run(async {
        let session = Session::new();
        let plain = Session::builder().decompress(false).build().unwrap();
        let own = Session::builder()
            .header("accept-encoding", "br")
            .build()
            .unwrap();
        let url = server.url("/");
        for (request, want) in [
            (session.get(&url), "gzip, deflate, br, zstd"),
            (session.post(&url).body("x"), "gzip, deflate, br, zstd"),
            (session.get(&url).header("accept-encoding", "gzip"), "gzip"),
            (session.get(&url).header("range", "bytes=0-9"), "none"),
            (session.get(&url).decompress(false), "none"),
            (plain.get(&url), "none"),
            (plain.get(&url).decompress(true), "gzip, deflate, br, zstd"),
            (own.get(&url), "br"),
        ] {
            assert_eq!(request.await.unwrap().text().await.unwrap(), want);
        }
    });
}

#[test]
fn a_coded_body_is_decoded_and_its_connection_used_again() {
    let page = "<p>hello</p>".repeat(20_000);
    let zlib = {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(page.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let mut br = Vec::new();
    brotli::BrotliCompress(&mut page.as_bytes(), &mut br, &Default::default()).unwrap();
    let zstd = zstd::stream::encode_all(page.as_bytes(), 3).unwrap();
    let both = zstd::stream::encode_all(&gzip(page.as_bytes())[..], 3).unwrap();
    let replies = [
        ("gzip", gzip(page.as_bytes())),
        ("deflate", zlib),
        ("br", br),
        ("zstd", zstd),
        ("gzip, zstd", both),
    ];
    let count = replies.len();
    let server = Server::start(move |conn| {
        for (coding, body) in &replies {
            conn.request();
            conn.send(coded(coding, body));
        }
    });
    run(async {
        let session = Session::new();
        for n in 0..count {
            let response = session.get(server.url("/")).await.unwrap();
            assert!(!response.headers().contains_key("content-encoding"));
            assert!(!response.headers().contains_key("content-length"));
            assert_eq!(response.content_length(), None);
            if n % 2 == 0 {
                assert_eq!(response.text().await.unwrap(), page);
            } else {
                let (length, largest) = stream(response).await;
                assert_eq!(length, page.len());
                assert!(largest <= 64 * 1024);
            }
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_coded_stream_comes_as_it_is_sent() {
    let (go, wait) = std::sync::mpsc::channel();
    let wait = std::sync::Mutex::new(wait);
    let server = Server::start(move |conn| {
        conn.request();
        conn.send(
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n",
        );
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        for word in ["one", "two"] {
            wait.lock().unwrap().recv().unwrap();
            encoder.write_all(word.as_bytes()).unwrap();
            encoder.flush().unwrap();
            let piece = std::mem::take(encoder.get_mut());
            conn.send([format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat());
        }
        let end = encoder.finish().unwrap();
        conn.send(
            [
                format!("{:x}\r\n", end.len()).as_bytes(),
                &end,
                b"\r\n0\r\n\r\n",
            ]
            .concat(),
        );
        conn.wait_closed();
    });
    run(async {
        let mut response = aioli_http::get(server.url("/")).await.unwrap();
        for word in ["one", "two"] {
            go.send(()).unwrap();
            assert_eq!(response.chunk().await.unwrap().unwrap(), word);
        }
        assert_eq!(response.chunk().await.unwrap(), None);
        assert_eq!(response.chunk().await.unwrap(), None);
    });
}

#[test]
fn input_079_a_bomb_meets_the_limit_and_streams_in_bounded_pieces() {
    const SIZE: usize = 70 * 1024 * 1024;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..SIZE / (1024 * 1024) {
        encoder.write_all(&[0; 1024 * 1024]).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < SIZE / 500);
    let server = serve(coded("gzip", &bomb));
    run(async {
        let session = Session::new();
        let error = async { session.get(server.url("/first")).await?.bytes().await }
            .await
            .unwrap_err();
        let ErrorKind::Limit {
            kind: LimitKind::Body,
            limit,
            seen,
        } = error.kind()
        else {
            panic!("{error:?}")
        };
        assert_eq!(*limit, 64 * 1024 * 1024);
        assert_eq!(*seen, limit + 1);

        let response = session.get(server.url("/first")).await.unwrap();
        let (length, largest) = stream(response).await;
        assert_eq!(length, SIZE);
        assert!(largest <= 64 * 1024);

        // The same twice coded.
        let twice = serve(coded("gzip, gzip", &gzip(&bomb)));
        let limits = Limits::default().body(1000);
        let small = Session::builder().limits(limits).build().unwrap();
        let error = async { small.get(twice.url("/first")).await?.bytes().await }
            .await
            .unwrap_err();
        assert!(error.to_string().contains("the limit is 1000"), "{error}");
        let second = small.get(twice.url("/second")).await.unwrap();
        assert_eq!(second.text().await.unwrap(), "fine");
    });
}

#[test]
fn a_body_of_exactly_the_limit_fits() {
    let page = vec![b'x'; 100_000];
    let server = serve(coded("gzip", &gzip(&page)));
    run(async {
        let session = Session::new();
        for (limit, fits) in [(100_000, true), (99_999, false), (0, false)] {
            let request = session.get(server.url("/first")).body_limit(limit);
            let whole = request.await.unwrap().bytes().await;
            assert_eq!(whole.is_ok_and(|body| body == page), fits, "{limit}");
        }
        assert_eq!(server.accepted(), 1, "all of it had come");
    });
}

#[test]
fn input_080_fifty_codings() {
    let gzips = ["gzip"; 50].join(", ");
    let lines = "content-encoding: gzip\r\n".repeat(50);
    for reply in [
        coded(&gzips, &gzip(b"x")),
        format!("HTTP/1.1 200 OK\r\n{lines}content-length: 1\r\n\r\nx").into(),
    ] {
        let error = first(reply).unwrap_err();
        assert!(
            matches!(
                error.kind(),
                ErrorKind::Limit {
                    kind: LimitKind::Encodings,
                    limit: 3,
                    ..
                }
            ),
            "{error:?}"
        );
    }
}

#[test]
fn input_081_a_redirects_body_is_not_decoded() {
    let server = Server::start(|conn| {
        while let Some(request) = conn.request() {
            match &request.target[..] {
                // Not even valid: whoever decoded it would fail.
                "/first" => conn.send(
                    "HTTP/1.1 302 Found\r\nlocation: /second\r\ncontent-encoding: gzip\r\n\
                     content-length: 7\r\n\r\nnothing",
                ),
                _ => conn.send(coded("gzip", &gzip(b"fine"))),
            }
        }
    });
    run(async {
        let session = Session::new();
        let response = session.get(server.url("/first")).await.unwrap();
        assert_eq!(response.text().await.unwrap(), "fine");
        assert_eq!(server.accepted(), 1);

        let response = session
            .get(server.url("/first"))
            .redirects(0)
            .await
            .unwrap();
        assert_eq!(response.status(), 302);
        assert!(response.bytes().await.is_err(), "asked for, it is");
    });
}

#[test]
fn input_082_to_085_broken_codings() {
    let whole = gzip(&b"hello ".repeat(1000));
    not_decoded(coded("gzip", &whole[..whole.len() - 1]), Coding::Gzip);
    not_decoded(
        coded("gzip", &[&whole[..], b"garbage"].concat()),
        Coding::Gzip,
    );
    let mut wrong = whole.clone();
    let at = wrong.len() - 5;
    wrong[at] ^= 1;
    not_decoded(coded("gzip", &wrong), Coding::Gzip);
    not_decoded(coded("gzip", b"plain text"), Coding::Gzip);
    not_decoded(coded("br", b"plain text"), Coding::Brotli);
    not_decoded(coded("zstd", b"plain text"), Coding::Zstd);
    not_decoded(coded("deflate", b"\xffplain text"), Coding::Deflate);
    let two = [gzip(b"hel"), gzip(b"lo")].concat();
    assert_eq!(first(coded("gzip", &two)).unwrap(), "hello");
}

#[test]
fn input_086_a_large_zstd_window() {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(31).unwrap();
    encoder.write_all(b"hello").unwrap();
    let error = first(coded("zstd", &encoder.finish().unwrap())).unwrap_err();
    assert!(
        matches!(
            error.kind(),
            ErrorKind::Limit {
                kind: LimitKind::Window,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn input_089_codings_without_a_body() {
    for reply in [
        "HTTP/1.1 204 No Content\r\ncontent-encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        assert_eq!(first(reply).unwrap(), "");
    }
    let server = serve("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 99\r\n\r\n");
    run(async {
        let session = Session::new();
        let response = session.head(server.url("/first")).await.unwrap();
        assert_eq!(response.headers()["content-encoding"], "gzip");
        assert_eq!(response.content_length(), Some(99));
        assert_eq!(response.bytes().await.unwrap(), "");
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn input_090_an_unknown_coding_is_left_alone() {
    let server = serve(coded("compress, gzip", &gzip(b"\xff")));
    run(async {
        let session = Session::new();
        let response = session.get(server.url("/first")).await.unwrap();
        assert_eq!(response.headers()["content-encoding"], "compress, gzip");
        assert_eq!(response.bytes().await.unwrap(), gzip(b"\xff"));

        let response = session.get(server.url("/first")).await.unwrap();
        let error = response.text().await.unwrap_err();
        let ErrorKind::Decode { kind, .. } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(*kind, DecodeErrorKind::Coding);
    });
    // What can be read all the same is read.
    assert_eq!(first(coded("x-foo", b"plain")).unwrap(), "plain");
}

#[test]
fn what_is_not_to_be_decoded_is_not() {
    let server = Server::start(|conn| {
        while let Some(request) = conn.request() {
            let status = if request.header("range").is_some() {
                206
            } else {
                200
            };
            conn.send(format!(
                "HTTP/1.1 {status} OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\npart"
            ));
        }
    });
    run(async {
        let session = Session::new();
        for request in [
            session.get(server.url("/")).decompress(false),
            session.get(server.url("/")).header("range", "bytes=0-3"),
        ] {
            let response = request.await.unwrap();
            assert_eq!(response.headers()["content-encoding"], "gzip");
            assert_eq!(response.bytes().await.unwrap(), "part");
        }
    });
}

#[test]
fn an_error_page_is_decoded_for_its_error() {
    let body = gzip("out of oil ".repeat(10_000).as_bytes());
    let mut reply = coded("gzip", &body);
    reply.splice(9..12, *b"503");
    let server = serve(reply);
    run(async {
        let session = Session::builder().raise_for_status(true).build().unwrap();
        let error = session.get(server.url("/first")).await.unwrap_err();
        let ErrorKind::Status { status, body } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(status.as_u16(), 503);
        assert_eq!(body.len(), 4096);
        assert!(body.starts_with(b"out of oil out"));
    });
}

#[test]
fn a_body_of_another_kind_than_json_says_so() {
    let reply = |content_type: &str, body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    for (reply, want) in [
        (
            reply("text/html", "<html>"),
            Some(DecodeErrorKind::ContentType),
        ),
        (reply("application/json", "{"), Some(DecodeErrorKind::Json)),
        (reply("text/html", "\"text\""), Some(DecodeErrorKind::Json)),
        (reply("text/plain", "[1, 2]"), None),
        (reply("a/b+json", "\u{feff}[1, 2]"), None),
    ] {
        let server = serve(&reply[..]);
        run(async {
            let response = aioli_http::get(server.url("/first")).await.unwrap();
            match (response.json::<Vec<u8>>().await, want) {
                (Ok(list), None) => assert_eq!(list, [1, 2]),
                (Err(error), Some(want)) => {
                    let ErrorKind::Decode { kind, .. } = error.kind() else {
                        panic!("{error:?}")
                    };
                    assert_eq!(*kind, want, "{reply}");
                }
                (outcome, want) => panic!("{outcome:?} {want:?}"),
            }
        });
    }
}
