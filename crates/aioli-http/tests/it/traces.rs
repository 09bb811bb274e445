//! What traces are told, and in which order; and what timings say.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aioli_http::{
    Body, Error, ErrorKind, HeaderMap, Limits, Mock, Retry, Session, StatusCode, TlsVersion, Trace,
    TraceContext, Url, Version,
};
use futures::stream;

use crate::server::{Server, ok, run, run_virtual};

/// Writes down all signals.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Notes {
    fn note(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Trace for Notes {
    fn request_start(&self, request: &TraceContext) {
        self.note(format!("start {} {}", request.method(), request.url()));
    }
    fn request_headers_sent(&self, _: &TraceContext) {
        self.note("headers sent");
    }
    fn request_chunk_sent(&self, _: &TraceContext, bytes: usize) {
        self.note(format!("sent {bytes}"));
    }
    fn connection_queued_start(&self, _: &TraceContext) {
        self.note("queued");
    }
    fn connection_queued_end(&self, _: &TraceContext) {
        self.note("queued no more");
    }
    fn connection_create_start(&self, _: &TraceContext) {
        self.note("create");
    }
    fn connection_create_end(&self, _: &TraceContext) {
        self.note("created");
    }
    fn connection_reuse(&self, _: &TraceContext) {
        self.note("reuse");
    }
    fn dns_start(&self, _: &TraceContext, host: &str) {
        self.note(format!("dns {host}"));
    }
    fn dns_end(&self, _: &TraceContext, host: &str) {
        self.note(format!("dns end {host}"));
    }
    fn dns_cache_hit(&self, _: &TraceContext, host: &str) {
        self.note(format!("dns hit {host}"));
    }
    fn dns_cache_miss(&self, _: &TraceContext, host: &str) {
        self.note(format!("dns miss {host}"));
    }
    fn tls_end(&self, _: &TraceContext, _: TlsVersion) {
        self.note("tls");
    }
    fn informational(&self, _: &TraceContext, status: StatusCode, headers: &HeaderMap) {
        let link = headers["link"].to_str().unwrap();
        self.note(format!("informational {} {link}", status.as_u16()));
    }
    fn redirect(&self, request: &TraceContext, status: StatusCode, url: &Url) {
        let status = status.as_u16();
        self.note(format!("redirect {status} {} {url}", request.url()));
    }
    fn retry(&self, _: &TraceContext, wait: Duration, error: Option<&Error>) {
        let why = error.map_or("status", |error| error.kind().name());
        self.note(format!("retry after {wait:?}: {why}"));
    }
    fn request_end(&self, request: &TraceContext, status: StatusCode) {
        self.note(format!("end {} {}", request.url(), status.as_u16()));
    }
    fn request_exception(&self, _: &TraceContext, error: &Error) {
        self.note(format!("exception {}", error.kind().name()));
    }
    fn request_dropped(&self, request: &TraceContext) {
        self.note(format!("dropped {}", request.url()));
    }
    fn response_chunk_received(&self, _: &TraceContext, bytes: usize) {
        self.note(format!("received {bytes}"));
    }
}

#[test]
fn a_request_from_its_start_to_its_end() {
    let notes = Arc::new(Notes::default());
    let server = Server::start(|conn| {
        while conn.request().is_some() {
            conn.send("HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n");
            conn.send(ok("hello"));
        }
    });
    let port = server.addr.port();
    let session = Session::builder()
        .trace(notes.clone())
        .resolve("known.example", ([127, 0, 0, 1], 0).into())
        .build()
        .unwrap();
    run(async {
        let url = format!("http://known.example:{port}/");
        let page = session.put(&url).body("abc").await?.text().await?;
        assert_eq!(page, "hello");
        let first = notes.take();
        let rest = [
            "dns hit known.example".to_owned(),
            "created".to_owned(),
            "headers sent".to_owned(),
            "sent 3".to_owned(),
            "informational 103 </a.css>".to_owned(),
            format!("end {url} 200"),
            "received 5".to_owned(),
        ];
        assert_eq!(
            first[..2],
            [format!("start PUT {url}"), "create".to_owned()]
        );
        assert_eq!(first[2..], rest);

        session.get(&url).await?.text().await?;
        let second = notes.take();
        assert_eq!(second[1..3], ["reuse", "headers sent"]);
        Ok::<_, Error>(())
    })
    .unwrap();
}

#[test]
fn names_that_have_to_be_looked_up() {
    let notes = Arc::new(Notes::default());
    let server = Server::start(|conn| {
        conn.request();
        conn.send("HTTP/1.1 200 OK\r\n\r\n");
    });
    let session = Session::builder().trace(notes.clone()).build().unwrap();
    run(async {
        let url = format!("http://localhost:{}/", server.addr.port());
        for _ in 0..2 {
            let response = session.get(&url).await.unwrap();
            let timings = response.timings();
            let known = notes.take().contains(&"dns hit localhost".to_owned());
            assert_eq!(timings.dns().is_none(), known);
            assert!(timings.connect().is_some());
        }
    });
    // The first look-up is always one.
    let session = Session::builder().trace(notes.clone()).build().unwrap();
    run(async {
        let url = format!("http://localhost:{}/", server.addr.port());
        session.get(&url).await.unwrap();
    });
    let told = notes.take();
    let want = ["dns miss localhost", "dns localhost", "dns end localhost"];
    assert_eq!(told[2..5], want);
}

#[test]
fn redirects_retries_and_failures() {
    let notes = Arc::new(Notes::default());
    let answers = Mutex::new(
        [
            Mock::redirect(307, "/b"),
            Mock::new(503),
            Mock::disconnect(),
            Mock::new(404),
            Mock::raw("garbage"),
        ]
        .into_iter(),
    );
    let session = Session::builder()
        .trace(notes.clone())
        .retry(Retry::idempotent(2).backoff(1..9).jitter(|| 1.0))
        .raise_for_status(true)
        .mock(move |_| std::future::ready(answers.lock().unwrap().next().unwrap()))
        .build()
        .unwrap();
    run_virtual(async {
        let error = session.get("http://a.example/").await.unwrap_err();
        assert!(error.is_status());
        session.get("http://a.example/c").await.unwrap_err();
    });
    let told: Vec<_> = notes
        .take()
        .into_iter()
        .filter(|line| !line.starts_with(['c', 'h']) && !line.starts_with("reu"))
        .collect();
    let want = [
        "start GET http://a.example/",
        "redirect 307 http://a.example/ http://a.example/b",
        "retry after 1s: status",
        "retry after 2s: disconnected",
        "end http://a.example/b 404",
        "start GET http://a.example/c",
        "exception protocol",
    ];
    assert_eq!(told, want);
}

#[test]
fn a_refused_redirect_is_an_exception() {
    let notes = Arc::new(Notes::default());
    let session = Session::builder()
        .trace(notes.clone())
        .mock(async |_| Mock::redirect(302, "ftp://a.example/"))
        .build()
        .unwrap();
    run(async {
        session.get("http://a.example/").await.unwrap_err();
        let bad = session
            .get("http://a.example/")
            .header("transfer-encoding", "x");
        bad.await.unwrap_err();
    });
    let told = notes.take();
    let exceptions: Vec<_> = told.iter().filter(|line| line.starts_with("exc")).collect();
    assert_eq!(
        exceptions,
        ["exception redirect", "exception invalid-request"]
    );
}

#[test]
fn every_request_comes_to_one_end() {
    let notes = Arc::new(Notes::default());
    let session = Session::builder()
        .trace(notes.clone())
        .mock(async |request| match request.url().path() {
            "/hang" => Mock::hang(),
            "/lost" => Mock::disconnect(),
            "/bad" => Mock::raw("HTTP/1.1 200 OK\r\ncontent-length: 1, 2\r\n\r\n"),
            _ => Mock::text(200, "fine"),
        })
        .build()
        .unwrap();
    run(async {
        let mut hanging = session.get("http://a.example/hang").send();
        assert!(futures::poll!(&mut hanging).is_pending());
        drop(hanging);
        // One that was never polled has not begun.
        drop(session.get("http://a.example/hang").send());
        session.get("http://a.example/lost").await.unwrap_err();
        session.get("http://a.example/bad").await.unwrap_err();
        session.get("http://a.example/").await.unwrap();
    });
    let told = notes.take();
    let ends = ["start", "dropped", "exception", "end"];
    let ends = |line: &&String| ends.iter().any(|end| line.starts_with(end));
    let ends: Vec<_> = told.iter().filter(ends).collect();
    let want = [
        "start GET http://a.example/hang",
        "dropped http://a.example/hang",
        "start GET http://a.example/lost",
        "exception disconnected",
        "start GET http://a.example/bad",
        "exception protocol",
        "start GET http://a.example/",
        "end http://a.example/ 200",
    ];
    assert_eq!(ends, want);
}

#[test]
fn waiting_for_a_connection() {
    let notes = Arc::new(Notes::default());
    let session = Session::builder()
        .limits(Limits::default().per_host(1))
        .trace(notes.clone())
        .mock(async |_| {
            let pieces = stream::iter(["a", "b"].map(Ok::<_, std::io::Error>));
            Mock::new(200).body(Body::stream(pieces))
        })
        .build()
        .unwrap();
    run_virtual(async {
        let held = session.get("http://a.example/").await.unwrap();
        assert_eq!(held.timings().queued(), Duration::ZERO);
        let second = session.get("http://a.example/").send();
        let later = async {
            aioli_time::sleep(Duration::from_secs(7)).await;
            drop(held);
        };
        let (second, ()) = futures::join!(second, later);
        let timings = second.unwrap().timings();
        assert_eq!(timings.queued(), Duration::from_secs(7));
        assert_eq!(timings.total(), Duration::from_secs(7));
    });
    let told = notes.take();
    let queued = told.iter().position(|line| line == "queued").unwrap();
    assert_eq!(told[queued + 1], "queued no more");
    assert_eq!(told.iter().filter(|line| *line == "queued").count(), 1);
}

#[test]
fn each_part_of_the_time() {
    let session = Session::builder()
        .retry(Retry::idempotent(1).backoff(5..9).jitter(|| 1.0))
        .mock(async |request| {
            if request.url().path() == "/a" {
                return Mock::redirect(302, "/b");
            }
            aioli_time::sleep(Duration::from_secs(3)).await;
            let pieces = stream::unfold(0, |n| async move {
                aioli_time::sleep(Duration::from_secs(1)).await;
                (n < 4).then_some((Ok::<_, std::io::Error>("piece"), n + 1))
            });
            Mock::new(200).body(Body::stream(pieces))
        })
        .build()
        .unwrap();
    run_virtual(async {
        let mut response = session.get("http://a.example/a").await.unwrap();
        let head = response.timings();
        assert_eq!(head.earlier(), Duration::ZERO);
        assert_eq!(head.wait(), Duration::from_secs(3));
        assert_eq!((head.receive(), head.tls()), (None, None));
        while response.chunk().await.unwrap().is_some() {}
        let all = response.timings();
        assert_eq!(all.receive(), Some(Duration::from_secs(5)));
        assert_eq!(all.total(), Duration::from_secs(8));
    });

    let answers = Mutex::new([Mock::new(503), Mock::new(200)].into_iter());
    let session = Session::builder()
        .retry(Retry::idempotent(1).backoff(5..9).jitter(|| 1.0))
        .mock(move |_| std::future::ready(answers.lock().unwrap().next().unwrap()))
        .build()
        .unwrap();
    run_virtual(async {
        let timings = session.get("http://a.example/").await.unwrap().timings();
        assert_eq!(timings.earlier(), Duration::from_secs(5));
        assert_eq!(timings.total(), Duration::from_secs(5));
        assert_eq!(timings.receive(), Some(Duration::ZERO));
    });
}

#[test]
fn each_request_has_a_number() {
    #[derive(Default)]
    struct Ids(Mutex<Vec<u64>>);
    impl Trace for Ids {
        fn request_start(&self, request: &TraceContext) {
            self.0.lock().unwrap().push(request.id());
        }
        fn request_exception(&self, request: &TraceContext, error: &Error) {
            assert!(matches!(error.kind(), ErrorKind::Disconnected { .. }));
            self.0.lock().unwrap().push(request.id());
        }
    }
    let (one, two) = (Arc::new(Ids::default()), Arc::new(Ids::default()));
    let session = Session::builder()
        .trace(one.clone())
        .trace(two.clone())
        .mock(async |_| Mock::disconnect())
        .build()
        .unwrap();
    run(async {
        session.get("http://a.example/").await.unwrap_err();
        session.get("http://a.example/").await.unwrap_err();
    });
    for ids in [one, two] {
        assert_eq!(*ids.0.lock().unwrap(), [0, 0, 1, 1]);
    }
}

/// Puts the heads into a list that each request brings with it.
struct Heads;

type List = Arc<Mutex<Vec<String>>>;

impl Trace for Heads {
    fn request_head(&self, request: &TraceContext, head: &[u8]) {
        let list = request.extensions().get::<List>().unwrap();
        let head = String::from_utf8(head.to_vec()).unwrap();
        assert!(head.ends_with("\r\n\r\n"), "{head}");
        let line = head.lines().next().unwrap().to_owned();
        list.lock().unwrap().push(line);
    }
    fn socket_connected(&self, request: &TraceContext, peer: SocketAddr) {
        let list = request.extensions().get::<List>().unwrap();
        list.lock().unwrap().push(peer.to_string());
    }
    fn response_head(
        &self,
        request: &TraceContext,
        version: Version,
        status: StatusCode,
        headers: &HeaderMap,
    ) {
        let list = request.extensions().get::<List>().unwrap();
        let line = format!("{version:?} {} {}", status.as_u16(), headers.len());
        list.lock().unwrap().push(line);
    }
}

#[cfg(feature = "http2")]
#[test]
fn heads_over_http2() {
    use crate::http2_server::{Answer, H2Server};
    let server = H2Server::start(|seen| Answer::Body(http::Response::new(()), seen.body.clone()));
    let http2 = aioli_http::Http2::prior_knowledge();
    let (heads, notes) = (List::default(), Arc::new(Notes::default()));
    let session = Session::builder().http2(http2).trace(Heads);
    let session = session.trace(notes.clone()).build().unwrap();
    run(async {
        for _ in 0..2 {
            let request = session.put(server.url("/a")).body("abc");
            let response = request.extension(heads.clone()).await?;
            let timings = response.timings();
            assert!(timings.wait() > Duration::ZERO, "{timings:?}");
            assert_eq!(response.text().await?, "abc");
        }
        Ok::<_, Error>(())
    })
    .unwrap();
    let heads = heads.lock().unwrap();
    let exchange = ["PUT /a HTTP/2", "HTTP/2.0 200 0"];
    assert_eq!(heads[1..], [exchange, exchange].concat());
    let notes = notes.take();
    let count = |line: &str| notes.iter().filter(|note| *note == line).count();
    assert_eq!(
        (count("headers sent"), count("sent 3")),
        (2, 2),
        "{notes:?}"
    );
    assert_eq!((count("created"), count("reuse")), (1, 1), "{notes:?}");
}

#[test]
fn heads_of_all_hops_and_a_place_for_each_request() {
    let server = Server::start(|conn| {
        while let Some(request) = conn.request() {
            if request.target == "/moved" {
                conn.send("HTTP/1.1 302 Found\r\nlocation: /a\r\ncontent-length: 0\r\n\r\n");
            } else {
                conn.send(ok("hello"));
            }
        }
    });
    let session = Session::builder().trace(Heads).build().unwrap();
    let (list, other) = (List::default(), List::default());
    run(async {
        let get = |name, list: &List| session.get(server.url(name)).extension(list.clone());
        get("/moved", &list).await?.text().await?;
        get("/b", &other).await?.text().await?;
        Ok::<_, Error>(())
    })
    .unwrap();
    let peer = server.addr.to_string();
    let lines = list.lock().unwrap();
    assert_eq!(
        *lines,
        [
            &peer[..],
            "GET /moved HTTP/1.1",
            "HTTP/1.1 302 2",
            "GET /a HTTP/1.1",
            "HTTP/1.1 200 1",
        ]
    );
    assert_eq!(
        *other.lock().unwrap(),
        ["GET /b HTTP/1.1", "HTTP/1.1 200 1"]
    );
}
