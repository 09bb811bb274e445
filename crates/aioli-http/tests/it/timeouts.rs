//! Each phase has its limit, and its error says so.

use std::net::TcpListener;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use aioli_http::{Body, Error, Limits, Phase, RequestBuilder, Session, Timeout};
use aioli_task::{Runner, testing};
use futures::{StreamExt as _, stream};

use crate::server::{Server, before, ok, run};

const SHORT: Duration = Duration::from_millis(100);

/// The error of a request that is to end by the limit of `phase`, which is [`SHORT`].
async fn late<T>(phase: Phase, request: impl IntoFuture<Output = Result<T, Error>>) -> Error {
    let since = Instant::now();
    let error = before(SHORT * 20, request).await.err().unwrap();
    assert_eq!(error.phase(), Some(phase), "{error:?}");
    assert!(error.is_timeout());
    assert!(since.elapsed() >= SHORT, "{:?}", since.elapsed());
    error
}

/// Reads the request and says nothing.
fn silent() -> Server {
    Server::start(|conn| conn.wait_closed())
}

#[test]
fn the_head() {
    let server = silent();
    run(async {
        let limits = Timeout::default().head(SHORT);
        let request = Session::new().get(server.url("/")).timeout(limits);
        let error = late(Phase::Head, request).await;
        assert!(error.maybe_processed() && error.is_retryable());
    });
}

#[test]
fn the_whole() {
    let server = silent();
    run(async {
        late(
            Phase::Total,
            Session::new().get(server.url("/")).timeout(SHORT),
        )
        .await;
    });
}

#[test]
fn n159_the_body() {
    let server = Server::start(|conn| {
        conn.request();
        conn.send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab");
        conn.wait_closed();
    });
    run(async {
        let session = Session::new();
        for (limits, phase) in [
            (Timeout::default().read(SHORT), Phase::Read),
            (Timeout::total(SHORT), Phase::Total),
        ] {
            let mut response = None;
            let reading = async {
                let request = session.get(server.url("/")).timeout(limits);
                let response = response.insert(request.await?);
                assert_eq!(response.chunk().await?.unwrap(), "ab");
                response.chunk().await
            };
            late(phase, reading).await;
            // On a busy machine the total limit may pass before the head is here.
            if let Some(mut response) = response {
                assert!(response.chunk().await.unwrap().is_none());
            } else {
                assert_eq!(phase, Phase::Total);
            }
        }
    });
}

#[test]
fn n028_a_trickle_does_not_move_the_total() {
    let server = Server::start(|conn| {
        conn.request();
        let trickle = b"HTTP/1.1 200 OK\r\nx-padding: abcdefgh\r\n";
        for byte in trickle.chunks(1).cycle() {
            if conn.try_send(byte).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    run(async {
        late(
            Phase::Total,
            Session::new().get(server.url("/")).timeout(SHORT),
        )
        .await;
    });
}

#[test]
fn the_pool() {
    let server = Server::answering(|_| ok(&"x".repeat(100_000)));
    run(async {
        let session = Session::builder()
            .limits(Limits::default().per_host(1))
            .build()
            .unwrap();
        let held = session.get(server.url("/")).await.unwrap();
        let limits = Timeout::default().pool(SHORT);
        let request = session.get(server.url("/")).timeout(limits);
        let error = late(Phase::Pool, request).await;
        assert!(!error.maybe_processed() && error.is_retryable());
        drop(held);
        session.get(server.url("/")).timeout(limits).await.unwrap();
    });
}

#[test]
fn n138_n156_connecting_and_shaking_hands() {
    // Accepts nothing: the system completes the connection, and nobody answers the handshake.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    run(async {
        let limits = Timeout::default().connect(SHORT);
        let request = Session::new().get(format!("https://{addr}/"));
        let error = late(Phase::Tls, request.timeout(limits)).await;
        assert!(error.is_connect() && !error.maybe_processed());
    });
}

#[test]
fn a_full_backlog_is_a_connect_timeout() {
    use std::net::TcpStream;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    // Fills the queue of connections nobody accepts, until one more does not get through.
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&addr, Duration::from_millis(200)) {
        queued.push(stream);
        if queued.len() > 5000 {
            return;
        }
    }
    run(async {
        let limits = Timeout::default().connect(SHORT);
        let request = Session::new().get(format!("http://{addr}/"));
        late(Phase::Connect, request.timeout(limits)).await;
    });
}

#[test]
fn an_upload_that_makes_no_progress() {
    let server = Server::start(|conn| {
        conn.need(1);
        // Keeps the connection open and reads no more.
        std::thread::park_timeout(Duration::from_secs(5));
    });
    run(async {
        for (limits, phase) in [
            (Timeout::default().head(SHORT), Phase::Head),
            (Timeout::default().write(SHORT).head(30), Phase::Write),
        ] {
            let request = Session::new()
                .post(server.url("/"))
                .body(vec![0; 50_000_000]);
            let error = late(phase, request.timeout(limits)).await;
            assert_eq!(error.sent(), aioli_http::Sent::Partly);
        }
    });
}

#[test]
fn a_request_that_was_taken_is_over_for_the_write_limit() {
    let server = silent();
    run(async {
        let limits = Timeout::default().write(30).head(SHORT);
        let request = Session::new().post(server.url("/")).body("taken");
        let error = late(Phase::Head, request.timeout(limits)).await;
        assert_eq!(error.sent(), aioli_http::Sent::Fully);
    });
}

#[test]
fn n159_a_body_that_comes_too_slowly() {
    let server = Server::start(|conn| {
        conn.request();
        conn.send("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n");
        while conn.try_send("a").is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    run(async {
        let limits = Timeout::default().read(30).min_speed(100_000, SHORT);
        let request = Session::new().get(server.url("/")).timeout(limits);
        late(Phase::MinSpeed, async { request.await?.bytes().await }).await;
    });
}

/// Sends `body`, of which at least 100 kB are to be taken in each [`SHORT`].
fn upload(server: &Server, body: Body) -> RequestBuilder {
    let limits = Timeout::default().write(30).min_speed(1_000_000, SHORT);
    let request = Session::new().post(server.url("/")).body(body);
    request.timeout(limits)
}

#[test]
fn n159_a_body_that_is_taken_too_slowly() {
    let server = Server::start(|conn| {
        conn.head();
        while conn.take(1000).is_some() {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let request = upload(&server, vec![0; 64 << 20].into());
    let error = run(late(Phase::MinSpeed, request));
    assert_eq!(error.sent(), aioli_http::Sent::Partly);
    assert!(error.maybe_processed());
}

#[test]
fn n159_the_consent_and_a_pace_of_our_own_are_not_slow() {
    let server = Server::start(|conn| {
        let mut request = conn.head().unwrap();
        // No byte of the body is on its way while the server makes up its mind.
        std::thread::sleep(SHORT * 3);
        conn.send("HTTP/1.1 100 Continue\r\n\r\n");
        conn.body(&mut request).unwrap();
        conn.send(ok(request.text()));
    });
    run(async {
        let limits = Timeout::default().min_speed(1_000_000, SHORT);
        let request = Session::new().post(server.url("/")).body("paced");
        let request = request.limit_rate(NonZeroU64::new(10).unwrap());
        let request = request.expect_continue(3600).timeout(limits);
        assert_eq!(request.await.unwrap().text().await.unwrap(), "paced");
    });
}

#[test]
fn n159_who_has_no_more_to_send_and_who_thinks_are_not_slow() {
    // The body comes in two pieces with a long pause, and the answer after another one.
    let pieces = stream::iter([true, false]).then(async |first| {
        if !first {
            aioli_time::sleep(SHORT * 3).await;
        }
        Ok::<_, std::io::Error>("half")
    });
    let server = Server::start(|conn| {
        conn.request();
        std::thread::sleep(SHORT * 3);
        conn.send(ok(""));
    });
    let response = run(upload(&server, Body::stream(pieces)).send());
    assert_eq!(response.unwrap().status(), 200);
}

/// Answers each request but those for `/silent`; to `/slow` after a while.
fn choosy() -> Server {
    Server::start(|conn| {
        while let Some(request) = conn.request() {
            match &request.target[..] {
                "/silent" => return conn.wait_closed(),
                "/slow" => std::thread::sleep(SHORT * 3),
                _ => {}
            }
            conn.send(ok("hi"));
        }
    })
}

#[test]
fn a_connection_takes_over_no_limit_of_the_request_before() {
    let server = choosy();
    run(async {
        let session = Session::new();
        let get = async |path, limits: Duration| {
            let request = session.get(server.url(path)).timeout(limits);
            request.await?.text().await
        };
        // A shorter limit comes after a longer one, and is kept.
        get("/", SHORT * 600).await.unwrap();
        late(Phase::Total, get("/silent", SHORT)).await;
        // A longer one comes after a shorter one: whether that has passed while the connection was
        // idle, or passes while its next request waits, makes no difference.
        for pause in [SHORT * 3 / 2, Duration::ZERO] {
            // On a busy machine this one may be too late, and then there is another connection.
            let _short = get("/", SHORT).await;
            aioli_time::sleep(pause).await;
            assert_eq!(get("/slow", SHORT * 600).await.unwrap(), "hi");
        }
        let _short = get("/", SHORT).await;
        let since = Instant::now();
        late(Phase::Total, get("/silent", SHORT * 2)).await;
        assert!(since.elapsed() >= SHORT * 2);
    });
}

#[test]
fn a_virtual_clock_stops_at_the_limits_of_those_who_wait() {
    const LIMIT: Duration = Duration::from_secs(60);
    let server = choosy();
    let mut runner = Runner::builder().autojump(f64::INFINITY).build();
    let main = async {
        let session = Session::new();
        let get = |path| session.get(server.url(path)).timeout(LIMIT);
        for _ in 0..2 {
            get("/").await.unwrap().text().await.unwrap();
            assert_eq!(session.stats().idle, 1);
            assert_eq!(aioli_time::stats().pending, 0, "nobody waits");
            testing::advance(LIMIT / 2);
        }
        let mut silent = get("/silent").send();
        assert!(futures::poll!(&mut silent).is_pending());
        testing::advance(LIMIT - SHORT);
        assert!(futures::poll!(&mut silent).is_pending());
        testing::advance(SHORT);
        assert_eq!(silent.await.unwrap_err().phase(), Some(Phase::Total));
        assert_eq!(aioli_time::stats().pending, 0);
    };
    runner.run(main).expect("main is not stopped");
}

#[test]
fn no_limits() {
    let server = Server::answering(|_| ok("hi"));
    run(async {
        let request = Session::new().get(server.url("/")).timeout(Timeout::none());
        assert_eq!(request.await.unwrap().text().await.unwrap(), "hi");
        let request = Session::new().get(server.url("/")).timeout(f64::INFINITY);
        assert_eq!(request.await.unwrap().text().await.unwrap(), "hi");
    });
}
