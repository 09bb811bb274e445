//! HTTP/2 against a server by `h2`, over plain connections and over TLS.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Waker};

use aioli_http::{
    Body, ErrorKind, Http2, Limits, Phase, Sent, Session, SessionBuilder, StatusCode, Timeout,
    Version,
};
use futures::future::{Either, join_all, select, try_join_all};
use futures::stream;
use h2::Reason;
use http::{HeaderMap, Response};

use crate::http2_server::{Answer, H2Server, Settings};
use crate::server::{Server, ok, run};
use crate::tls::Authority;

fn session() -> SessionBuilder {
    Session::builder().http2(Http2::prior_knowledge())
}

fn plain(body: impl Into<Vec<u8>>) -> Answer {
    Answer::Body(Response::new(()), body.into())
}

#[test]
fn requests_share_a_connection() {
    let server = H2Server::start(|seen| plain(seen.head.uri().path()));
    let session = session().build().unwrap();
    let texts = run(try_join_all((0..50).map(|n| {
        let request = session.get(server.url(&format!("/{n}")));
        async { request.await?.text().await }
    })));
    let expected: Vec<_> = (0..50).map(|n| format!("/{n}")).collect();
    assert_eq!(texts.unwrap(), expected);
    assert_eq!(server.accepted(), 1);
}

#[test]
fn heads_say_what_was_asked_and_what_came() {
    let server = H2Server::start(|seen| {
        let head = &seen.head;
        assert_eq!(head.method(), "POST");
        assert_eq!(head.uri().scheme_str(), Some("http"));
        assert_eq!(head.uri().path(), "/a%20b");
        assert_eq!(head.uri().query(), Some("c=d"));
        assert_eq!(head.headers()["content-length"], "5");
        assert_eq!(head.headers()["x-own"], "yes");
        for name in ["host", "connection", "transfer-encoding", "upgrade"] {
            assert!(!head.headers().contains_key(name), "{name}");
        }
        let response = Response::builder().status(201).header("x-own", "too");
        Answer::Body(response.body(()).unwrap(), seen.body.clone())
    });
    run(async {
        let request = session().build().unwrap().post(server.url("/a b?c=d"));
        let request = request
            .header("x-own", "yes")
            .bearer("secret")
            .body("hello");
        let response = request.header("connection", "keep-alive").await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.version(), Version::HTTP_2);
        assert_eq!(response.headers()["x-own"], "too");
        assert_eq!(response.text().await.unwrap(), "hello");
    });
}

#[test]
fn large_bodies_flow_both_ways_through_small_windows() {
    let settings = Settings {
        window: 16_384,
        ..Settings::default()
    };
    let server = H2Server::launch(None, settings, |seen| plain(seen.body.clone()));
    let body: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let small = Http2::prior_knowledge().windows(10_000, 70_000);
    let session = session().http2(small).build().unwrap();
    run(async {
        let whole = session.put(server.url("/")).body(body.clone());
        assert!(whole.await.unwrap().bytes().await.unwrap() == body);
        let pieces: Vec<_> = body
            .chunks(7001)
            .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
            .collect();
        let streamed = session
            .put(server.url("/"))
            .body(Body::stream(stream::iter(pieces)));
        assert!(streamed.await.unwrap().bytes().await.unwrap() == body);
    });
    assert_eq!(server.accepted(), 1);
}

#[test]
fn fields_behind_a_body_are_sent() {
    let server = H2Server::start(|seen| {
        let trailers = seen.trailers.as_ref().unwrap();
        assert_eq!(trailers.len(), 1);
        assert_eq!(trailers["x-sum"], "5");
        plain(seen.body.clone())
    });
    let body = Body::from("hello").with_trailers(|| {
        let mut fields = HeaderMap::new();
        fields.insert("x-sum", "5".parse().unwrap());
        fields.insert("content-length", "7".parse().unwrap());
        fields
    });
    run(async {
        let response = session()
            .build()
            .unwrap()
            .put(server.url("/"))
            .body(body)
            .await;
        assert_eq!(response.unwrap().text().await.unwrap(), "hello");
    });
}

#[test]
fn the_server_picks_in_the_handshake() {
    let authority = Authority::new();
    let config = authority.issue(&["localhost"], |_| {});
    let mut tls = Arc::unwrap_or_clone(config.clone());
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let server = H2Server::launch(Some(tls), Settings::default(), |_| plain("two"));
    let url = format!("https://localhost:{}/", server.address.port());
    let trusting = || {
        Session::builder()
            .system_roots(false)
            .add_root_certificate(authority.pem())
    };
    let session = trusting().build().unwrap();
    run(async {
        for _ in 0..3 {
            let response = session.get(&url).await.unwrap();
            assert_eq!(response.version(), Version::HTTP_2);
            assert_eq!(response.text().await.unwrap(), "two");
        }
    });
    assert_eq!(server.accepted(), 1);

    let server = Server::tls(config, |conn| {
        while conn.request().is_some() {
            conn.send(ok("one"));
        }
    });
    let url = format!("https://localhost:{}/", server.addr.port());
    run(async {
        let both = join_all([session.get(&url).send(), session.get(&url).send()]).await;
        for response in both {
            let response = response.unwrap();
            assert_eq!(response.version(), Version::HTTP_11);
            assert_eq!(response.text().await.unwrap(), "one");
        }
        let off = trusting().http2(Http2::off()).build().unwrap();
        assert_eq!(off.get(&url).await.unwrap().version(), Version::HTTP_11);
    });
}

#[test]
fn more_connections_are_opened_when_one_is_full() {
    let waiting = Arc::new(AtomicUsize::new(0));
    let seen = waiting.clone();
    let server = H2Server::start(move |_| {
        seen.fetch_add(1, Ordering::SeqCst);
        Answer::Silence
    });
    let bounds = Http2::prior_knowledge().streams(5).connections(3);
    let session = session()
        .http2(bounds)
        .timeout(Timeout::none())
        .build()
        .unwrap();
    run(async {
        let requests: Vec<_> = (0..30)
            .map(|_| session.get(server.url("/")).send())
            .collect();
        let mut all = pin!(join_all(requests));
        while waiting.load(Ordering::SeqCst) < 30 {
            assert!(
                all.as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_pending()
            );
            aioli_task::yield_now().await;
        }
    });
    assert_eq!(server.accepted(), 3);
}

#[test]
fn what_the_server_has_not_looked_at_is_sent_again() {
    let tries = AtomicUsize::new(0);
    let server = H2Server::start(move |seen| match tries.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::Reset(Reason::REFUSED_STREAM),
        _ => plain(seen.body.clone()),
    });
    run(async {
        // Not idempotent, and sent again all the same: it was not carried out.
        let response = session()
            .build()
            .unwrap()
            .post(server.url("/"))
            .body("once")
            .await;
        assert_eq!(response.unwrap().text().await.unwrap(), "once");
    });
}

#[test]
fn input_145_who_refuses_for_ever_is_believed_in_the_end() {
    let server = H2Server::start(|_| Answer::Reset(Reason::REFUSED_STREAM));
    let error = run(session()
        .build()
        .unwrap()
        .post(server.url("/"))
        .body("x")
        .send());
    let error = error.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Disconnected { .. }),
        "{error:?}"
    );
    assert!(error.is_retryable() && !error.maybe_processed());
}

#[test]
fn input_145_a_reset_may_have_been_carried_out() {
    let server = H2Server::start(|_| Answer::Reset(Reason::INTERNAL_ERROR));
    let session = session().build().unwrap();
    let error = run(session.post(server.url("/")).body("x").send()).unwrap_err();
    assert!(
        matches!(
            error.kind(),
            ErrorKind::Disconnected {
                sent: Sent::Fully,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.maybe_processed() && !error.is_retryable());
}

#[test]
fn a_connection_that_is_going_away_serves_nobody_else() {
    let server = H2Server::start(|seen| match seen.head.uri().path() {
        "/goaway" => Answer::GoAway(b"last".to_vec()),
        _ => plain(seen.connection.to_string()),
    });
    let session = session().build().unwrap();
    run(async {
        let last = session.get(server.url("/goaway")).await.unwrap();
        assert_eq!(last.text().await.unwrap(), "last");
        let next = session.get(server.url("/")).await.unwrap();
        assert_eq!(next.text().await.unwrap(), "1");
    });
}

#[test]
fn a_request_that_was_sent_before_the_goodbye_is_sent_once() {
    let settings = Settings {
        streams_max: 1,
        ..Settings::default()
    };
    let (silent, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (silent.clone(), asked.clone());
    let server = H2Server::launch(None, settings, move |seen| match seen.head.uri().path() {
        "/silence" => {
            counts.0.fetch_add(1, Ordering::SeqCst);
            Answer::Silence
        }
        "/goaway" => {
            counts.1.fetch_add(1, Ordering::SeqCst);
            Answer::GoAway(vec![0; 50_000])
        }
        _ => plain("known"),
    });
    let bounds = Http2::prior_knowledge().connections(1);
    let session = session().http2(bounds).build().unwrap();
    run(async {
        session.get(server.url("/")).await.unwrap();
        let before = session.stats().bytes_received;
        let mut cx = Context::from_waker(Waker::noop());
        let mut first = Box::pin(session.get(server.url("/silence")).send());
        while silent.load(Ordering::SeqCst) == 0 {
            assert!(first.as_mut().poll(&mut cx).is_pending());
            aioli_task::yield_now().await;
        }
        // It waits for the end of the first one, and is sent while nobody looks.
        let mut second = Box::pin(session.post(server.url("/goaway")).send());
        assert!(second.as_mut().poll(&mut cx).is_pending());
        drop(first);
        while session.stats().bytes_received < before + 50_000 {
            aioli_task::yield_now().await;
        }
        let body = second.await.unwrap().bytes().await.unwrap();
        assert_eq!(body.len(), 50_000);
    });
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[test]
fn the_target_as_it_is() {
    let server = H2Server::start(|seen| {
        let target = seen.head.uri().path_and_query().unwrap();
        plain(target.as_str())
    });
    run(async {
        let session = session().build().unwrap();
        for target in ["/a/../b?c", "*"] {
            let request = session.get(server.url("/path")).target(target);
            assert_eq!(request.await.unwrap().text().await.unwrap(), target);
        }
        for unsayable in ["a.example:443", "/a#b"] {
            let request = session.get(server.url("/path")).target(unsayable);
            let error = request.await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::InvalidRequest { .. }));
        }
    });
}

#[test]
fn responses_without_a_body_and_with_trailers() {
    let server = H2Server::start(|seen| match seen.head.uri().path() {
        "/trailers" => {
            let mut trailers = HeaderMap::new();
            trailers.insert("x-sum", "42".parse().unwrap());
            Answer::Trailers(Response::new(()), b"body".to_vec(), trailers)
        }
        _ => Answer::Body(
            Response::builder().status(204).body(()).unwrap(),
            Vec::new(),
        ),
    });
    let session = session().build().unwrap();
    run(async {
        let none = session.get(server.url("/none")).await.unwrap();
        assert_eq!(none.status(), 204);
        assert!(none.bytes().await.unwrap().is_empty());
        let mut response = session.get(server.url("/trailers")).await.unwrap();
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.unwrap() {
            body.extend_from_slice(&piece);
        }
        assert_eq!(body, b"body");
        assert_eq!(response.trailers().unwrap()["x-sum"], "42");
    });
}

#[test]
fn time_limits_name_their_phase() {
    let settings = Settings {
        streams_max: 1,
        ..Settings::default()
    };
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let server = H2Server::launch(None, settings, move |seen| {
        if seen.head.uri().path() == "/first" {
            return plain("there");
        }
        tell.lock().unwrap().send(()).unwrap();
        Answer::Silence
    });
    let bounds = Http2::prior_knowledge().connections(1);
    let session = session().http2(bounds).build().unwrap();
    run(async {
        // With its answer, the server's bound is known.
        let first = session.get(server.url("/first")).await.unwrap();
        first.bytes().await.unwrap();
        let get = |limits| session.get(server.url("/")).timeout(limits).send();
        let holder = aioli_task::spawn(get(Timeout::none()));
        // Until it has the only place.
        while told.try_recv().is_err() {
            aioli_task::yield_now().await;
        }
        let error = get(Timeout::none().head(0.05).pool(0.02)).await;
        assert_eq!(error.unwrap_err().phase(), Some(Phase::Pool));
        holder.cancel();
        let error = get(Timeout::none().head(0.2)).await;
        assert_eq!(error.unwrap_err().phase(), Some(Phase::Head));
    });
}

#[test]
fn n159_a_body_that_is_not_taken() {
    // The window is never opened again.
    let server = H2Server::start(|_| Answer::Silence);
    run(async {
        let session = session().build().unwrap();
        let limits = Timeout::default().min_speed(1000, 0.1);
        let post = session.post(server.url("/unread")).timeout(limits);
        let error = post.body(vec![0; 1 << 20]).await.unwrap_err();
        assert_eq!(error.phase(), Some(Phase::MinSpeed), "{error:?}");
        assert_eq!(error.sent(), Sent::Partly);
        // What was sent whole is waited for, on a connection whose window has room.
        let session = self::session().build().unwrap();
        let post = session.post(server.url("/")).timeout(limits.head(0.3));
        let error = post.body("short").await.unwrap_err();
        assert_eq!(error.phase(), Some(Phase::Head), "{error:?}");
    });
}

#[test]
fn input_148_a_window_that_is_never_opened_meets_the_write_limit() {
    let server = H2Server::start(|seen| match seen.head.uri().path() {
        "/unread" => Answer::Silence,
        _ => plain("fine"),
    });
    run(async {
        let session = session().build().unwrap();
        for _ in 0..3 {
            let post = session.post(server.url("/unread"));
            let post = post.timeout(Timeout::none().write(0.1));
            let error = post.body(vec![0; 1 << 20]).await.unwrap_err();
            assert_eq!(error.phase(), Some(Phase::Write), "{error:?}");
            assert_eq!(error.sent(), Sent::Partly);
            // Its stream is free again, and the connection as good as before.
            let response = session.get(server.url("/")).await.unwrap();
            assert_eq!(response.text().await.unwrap(), "fine");
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn input_160_dropped_requests_leave_room() {
    let server = H2Server::start(|_| plain(vec![0; 100_000]));
    let bounds = Http2::prior_knowledge().connections(1).streams(4);
    let session = session().http2(bounds).build().unwrap();
    run(async {
        // Who is dropped while it connects takes the connection along.
        session.get(server.url("/")).await.unwrap();
        for polls in 0..40 {
            let mut request = pin!(async {
                let mut response = session.get(server.url("/")).await?;
                while response.chunk().await?.is_some() {}
                Ok::<_, aioli_http::Error>(())
            });
            for _ in 0..polls {
                let polled = request
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()));
                if polled.is_ready() {
                    break;
                }
                aioli_task::yield_now().await;
            }
        }
        for _ in 0..10 {
            let response = session.get(server.url("/")).await.unwrap();
            assert_eq!(response.bytes().await.unwrap().len(), 100_000);
        }
    });
    assert_eq!(server.accepted(), 1, "no request has cost its connection");
}

#[test]
fn closing_ends_the_wait_for_who_connects() {
    // Whoever is first gets no further than the handshake of TLS.
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", server.local_addr().unwrap());
    let session = Session::builder().timeout(Timeout::none()).build().unwrap();
    run(async {
        let first = aioli_task::spawn(session.get(&url).send());
        let second = session.get(&url).timeout(Timeout::total(10));
        let second = aioli_task::spawn(second.send());
        aioli_task::yield_now().await;
        aioli_task::yield_now().await;
        session.close().await;
        let error = second.await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Closed), "{error:?}");
        first.cancel();
    });
}

#[test]
fn a_connection_that_comes_after_the_session_is_closed_serves_only_its_request() {
    let authority = Authority::new();
    let mut tls = Arc::unwrap_or_clone(authority.issue(&["localhost"], |_| {}));
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let server = H2Server::launch(Some(tls), Settings::default(), |_| plain("there"));
    let url = format!("https://localhost:{}/", server.address.port());
    let session = Session::builder()
        .system_roots(false)
        .add_root_certificate(authority.pem())
        .limits(Limits::default().idle(1000))
        .build()
        .unwrap();
    run(async {
        let request = aioli_task::spawn(session.get(&url).send());
        // It connects.
        while session.stats().in_use == 0 {
            aioli_task::yield_now().await;
        }
        session.close().await;
        let response = request.await.unwrap();
        assert_eq!(response.text().await.unwrap(), "there");
        let left = async {
            while session.stats().in_use > 0 {
                aioli_task::yield_now().await;
            }
        };
        let (left, late) = (pin!(left), pin!(aioli_time::sleep(10)));
        let is_left = matches!(select(left, late).await, Either::Left(_));
        assert!(is_left, "{:?}", session.stats());
        let error = session.get(&url).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Closed), "{error:?}");
    });
}

#[test]
fn requests_and_bytes_are_counted() {
    let server = H2Server::start(|seen| plain(seen.body.clone()));
    let session = session().build().unwrap();
    run(async {
        for _ in 0..3 {
            let request = session.put(server.url("/")).body(vec![1; 100_000]);
            request.await.unwrap().bytes().await.unwrap();
        }
    });
    let stats = session.stats();
    assert_eq!((stats.requests, stats.opened, stats.reused), (3, 1, 2));
    for bytes in [stats.bytes_sent, stats.bytes_received] {
        assert!((300_000..310_000).contains(&bytes), "{stats:?}");
    }
}

#[test]
fn idle_connections_are_closed() {
    let server = H2Server::start(|seen| plain(seen.connection.to_string()));
    let session = session()
        .limits(Limits::default().idle(0.02))
        .build()
        .unwrap();
    run(async {
        for number in ["0", "1"] {
            let response = session.get(server.url("/")).await.unwrap();
            assert_eq!(response.text().await.unwrap(), number);
            while session.stats().in_use > 0 {
                aioli_time::sleep(0.005).await;
            }
        }
    });
}

#[test]
fn it_works_under_other_executors() {
    let server = H2Server::start(|_| plain("there"));
    let work = || async {
        let session = session().build().unwrap();
        for _ in 0..3 {
            let response = session.get(server.url("/")).await.unwrap();
            assert_eq!(response.text().await.unwrap(), "there");
        }
    };
    futures::executor::block_on(work());
    smol::block_on(work());
    let tokio = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    tokio.block_on(work());
    assert_eq!(server.accepted(), 3);
}
