//! Each phase has its limit, and its error says so.

use std::net::TcpListener;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use aioli_http::{Body, Error, Limits, Phase, Session, Timeout};
use futures::{StreamExt as _, stream};

use crate::server::{Conn, Server, ok, run};

const SHORT: Duration = Duration::from_millis(100);

#[track_caller]
fn late(error: &Error, phase: Phase, since: Instant) {
    assert_eq!(error.phase(), Some(phase), "{error:?}");
    assert!(error.is_timeout());
    let took = since.elapsed();
    assert!(took >= SHORT && took < SHORT * 20, "{took:?}");
}

/// Reads the request and says nothing.
fn silent() -> Server {
    Server::start(|conn| conn.wait_closed())
}

#[test]
fn the_head() {
    let server = silent();
    run(async {
        let since = Instant::now();
        let limits = Timeout::default().head(SHORT);
        let error = Session::new()
            .get(server.url("/"))
            .timeout(limits)
            .await
            .unwrap_err();
        late(&error, Phase::Head, since);
        assert!(error.maybe_processed() && error.is_retryable());
    });
}

#[test]
fn the_whole() {
    let server = silent();
    run(async {
        let since = Instant::now();
        let error = Session::new()
            .get(server.url("/"))
            .timeout(SHORT)
            .await
            .unwrap_err();
        late(&error, Phase::Total, since);
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
            let since = Instant::now();
            let mut response = match session.get(server.url("/")).timeout(limits).await {
                Ok(response) => response,
                // On a busy machine the total limit may pass before the head is here.
                Err(error) => {
                    late(&error, Phase::Total, since);
                    continue;
                }
            };
            assert_eq!(response.chunk().await.unwrap().unwrap(), "ab");
            let error = response.chunk().await.unwrap_err();
            late(&error, phase, since);
            assert!(response.chunk().await.unwrap().is_none());
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
        let since = Instant::now();
        let error = Session::new()
            .get(server.url("/"))
            .timeout(SHORT)
            .await
            .unwrap_err();
        late(&error, Phase::Total, since);
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
        let since = Instant::now();
        let limits = Timeout::default().pool(SHORT);
        let error = session
            .get(server.url("/"))
            .timeout(limits)
            .await
            .unwrap_err();
        late(&error, Phase::Pool, since);
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
        let since = Instant::now();
        let limits = Timeout::default().connect(SHORT);
        let error = Session::new()
            .get(format!("https://{addr}/"))
            .timeout(limits)
            .await
            .unwrap_err();
        late(&error, Phase::Tls, since);
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
        let since = Instant::now();
        let limits = Timeout::default().connect(SHORT);
        let error = Session::new()
            .get(format!("http://{addr}/"))
            .timeout(limits)
            .await
            .unwrap_err();
        late(&error, Phase::Connect, since);
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
            let since = Instant::now();
            let request = Session::new()
                .post(server.url("/"))
                .body(vec![0; 50_000_000]);
            let error = request.timeout(limits).await.unwrap_err();
            late(&error, phase, since);
            assert_eq!(error.sent(), aioli_http::Sent::Partly);
        }
    });
}

#[test]
fn a_request_that_was_taken_is_over_for_the_write_limit() {
    let server = silent();
    run(async {
        let since = Instant::now();
        let limits = Timeout::default().write(30).head(SHORT);
        let request = Session::new().post(server.url("/")).body("taken");
        let error = request.timeout(limits).await.unwrap_err();
        late(&error, Phase::Head, since);
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
        let since = Instant::now();
        let limits = Timeout::default().read(30).min_speed(100_000, SHORT);
        let request = Session::new().get(server.url("/")).timeout(limits);
        let error = request.await.unwrap().bytes().await.unwrap_err();
        late(&error, Phase::MinSpeed, since);
    });
}

/// The outcome of sending `body` to a server that reads as `script` does, with at least 100 kB in
/// each [`SHORT`].
fn upload(body: Body, script: impl Fn(&mut Conn) + Send + Sync + 'static) -> Result<u16, Error> {
    let server = Server::start(script);
    run(async {
        let limits = Timeout::default().write(30).min_speed(1_000_000, SHORT);
        let request = Session::new().post(server.url("/")).body(body);
        let response = request.timeout(limits).await?;
        Ok(response.status().as_u16())
    })
}

#[test]
fn n159_a_body_that_is_taken_too_slowly() {
    let since = Instant::now();
    let error = upload(vec![0; 64 << 20].into(), |conn| {
        conn.head();
        while conn.take(1000).is_some() {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let error = error.unwrap_err();
    late(&error, Phase::MinSpeed, since);
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
    let status = upload(Body::stream(pieces), |conn| {
        conn.request();
        std::thread::sleep(SHORT * 3);
        conn.send(ok(""));
    });
    assert_eq!(status.unwrap(), 200);
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
