//! Which connection serves next, how many there are, and what happens to one that went stale.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::task::{Context, Poll, Waker};

use aioli_http::{ErrorKind, Limits, Sent, Session};
use aioli_task::Runner;
use futures::future::join_all;

use crate::server::{Server, ok, run, text};

#[test]
fn one_connection_serves_one_request_after_the_other() {
    let server = Server::answering(|_| ok("hi"));
    run(async {
        let session = Session::new();
        for _ in 0..10 {
            let response = session.clone().get(server.url("/")).await.unwrap();
            // The body came with the head, so the connection is free before it is read.
            assert_eq!((session.stats().idle, session.stats().in_use), (1, 0));
            assert_eq!(response.text().await.unwrap(), "hi");
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn closed_when_the_last_clone_is_dropped() {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let server = Server::start(move |conn| {
        conn.request();
        conn.send(ok("hi"));
        conn.wait_closed();
        tell.lock().unwrap().send(()).unwrap();
    });
    run(async {
        let session = Session::new();
        let clone = session.clone();
        text(&session, server.url("/")).await;
        drop(session);
        assert!(told.try_recv().is_err());
        drop(clone);
        told.recv().unwrap();
    });
}

#[test]
fn a_response_that_is_not_read_does_not_serve_again() {
    let server = Server::start(|conn| {
        while conn.request().is_some() {
            conn.send("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n");
            conn.send("x".repeat(1_000_000));
        }
    });
    run(async {
        let session = Session::new();
        let response = session.get(server.url("/")).await.unwrap();
        assert_eq!(session.stats().in_use, 1);
        drop(response);
        assert_eq!((session.stats().idle, session.stats().in_use), (0, 0));
        text(&session, server.url("/")).await;
        assert_eq!(server.accepted(), 2);
        assert_eq!(session.stats().idle, 1);
    });
}

/// Serves one request a connection and then closes it, whatever its headers promised.
fn closes_after_one(served: Arc<AtomicUsize>, gate: Arc<Barrier>) -> Server {
    Server::start(move |conn| {
        if conn.request().is_some() {
            served.fetch_add(1, Ordering::SeqCst);
            conn.send(ok("hi"));
            if conn.index == 0 {
                gate.wait();
            } else {
                conn.wait_closed();
            }
        }
    })
}

#[test]
fn n162_a_connection_closed_while_idle_is_not_used() {
    let served = Arc::new(AtomicUsize::new(0));
    let gate = Arc::new(Barrier::new(2));
    let server = closes_after_one(served.clone(), gate.clone());
    run(async {
        let session = Session::new();
        text(&session, server.url("/")).await;
        gate.wait();
        // The connection may be found closed at check-out or after the write: either way a GET
        // goes through.
        text(&session, server.url("/")).await;
        assert_eq!((server.accepted(), served.load(Ordering::SeqCst)), (2, 2));
    });
}

/// Reads a second request on its first connection and closes without an answer.
fn stale() -> (Server, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let count = requests.clone();
    let server = Server::start(move |conn| {
        while conn.request().is_some() {
            let n = count.fetch_add(1, Ordering::SeqCst);
            if conn.index == 0 && n > 0 {
                return;
            }
            conn.send(ok("hi"));
        }
    });
    (server, requests)
}

#[test]
fn n003_a_stale_connection_is_retried_once_when_that_is_safe() {
    // On a clock that stands still the connection stays fresh enough for a POST.
    let mut runner = Runner::builder().autojump(f64::INFINITY).build();
    let ended = runner.run(async {
        let (server, requests) = stale();
        let session = Session::new();
        text(&session, server.url("/")).await;
        session
            .put(server.url("/"))
            .body("again")
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert_eq!((server.accepted(), requests.load(Ordering::SeqCst)), (2, 3));

        let (server, requests) = stale();
        let session = Session::new();
        text(&session, server.url("/")).await;
        let error = session
            .post(server.url("/"))
            .body("once")
            .await
            .unwrap_err();
        let ErrorKind::Disconnected { sent, reused, .. } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!((*sent, *reused), (Sent::Fully, true));
        assert!(error.maybe_processed() && !error.is_retryable());
        assert_eq!((server.accepted(), requests.load(Ordering::SeqCst)), (1, 2));
    });
    ended.expect("nobody cancels it");
}

#[test]
fn a_second_stale_connection_is_an_error() {
    let server = Server::start(|conn| {
        if conn.request().is_some() && conn.index == 0 {
            conn.send(ok("hi"));
            conn.request();
        }
    });
    run(async {
        let session = Session::new();
        text(&session, server.url("/")).await;
        let error = session.get(server.url("/")).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Disconnected { reused: false, .. }),
            "{error:?}"
        );
        assert_eq!(server.accepted(), 2);
    });
}

#[test]
fn n045_unsolicited_bytes_make_an_idle_connection_useless() {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let server = Server::start(move |conn| {
        conn.request();
        conn.send(ok("first"));
        if conn.index == 0 {
            conn.send(ok("evil"));
            tell.lock().unwrap().send(()).unwrap();
        }
        while conn.request().is_some() {
            conn.send(ok("evil"));
        }
    });
    run(async {
        let session = Session::new();
        assert_eq!(text(&session, server.url("/")).await, "first");
        told.recv().unwrap();
        // Lets the loop see that the idle connection has become readable: a busy one looks at
        // I/O now and then only.
        for _ in 0..200 {
            aioli_task::yield_now().await;
        }
        assert_eq!(text(&session, server.url("/")).await, "first");
        assert_eq!(server.accepted(), 2);
    });
}

/// What the request after the last of `answers` gets, if `unasked` came behind that one, and the
/// loop has not looked since.
fn after_unasked(answers: &[(&str, &'static str)], unasked: &'static str) -> String {
    let ((ask, asked), (tell, told)) = (mpsc::channel(), mpsc::channel());
    let channels = Mutex::new((asked, tell));
    let replies: Vec<_> = answers.iter().map(|(_, answer)| *answer).collect();
    let server = Server::start(move |conn| {
        if conn.index == 0 {
            for answer in &replies {
                conn.request();
                conn.send(answer);
            }
            let channels = channels.lock().unwrap();
            channels.0.recv().unwrap();
            conn.send(unasked);
            channels.1.send(()).unwrap();
        }
        while conn.request().is_some() {
            conn.send(ok("asked"));
        }
    });
    run(async {
        let session = Session::new();
        for (method, _) in answers {
            let request = session.request(method.parse().unwrap(), server.url("/"));
            request.await.unwrap().bytes().await.unwrap();
        }
        // The thread waits, and so does its loop.
        ask.send(()).unwrap();
        told.recv().unwrap();
        let text = text(&session, server.url("/")).await;
        assert_eq!(server.accepted(), 2);
        text
    })
}

const HI: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
const EVIL: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";

#[test]
fn n045_a_second_response_behind_the_first_one_is_nobodys() {
    assert_eq!(after_unasked(&[("GET", HI)], EVIL), "asked");
}

#[test]
fn n045_a_body_where_there_is_none_is_no_response() {
    let not_modified = "HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\n\r\n";
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 49\r\n\r\n";
    for (method, bodiless) in [("HEAD", head), ("GET", not_modified)] {
        let answers = [("GET", HI), ("GET", HI), (method, bodiless)];
        assert_eq!(after_unasked(&answers, EVIL), "asked", "{method}");
    }
}

#[test]
fn n062_an_idle_limit_of_zero_uses_each_connection_once() {
    let server = Server::answering(|_| ok("hi"));
    run(async {
        let limits = Limits::default().idle(0);
        let session = Session::builder().limits(limits).build().unwrap();
        for n in 1..4 {
            text(&session, server.url("/")).await;
            assert_eq!(server.accepted(), n);
        }
    });
}

#[test]
fn a_request_that_asks_to_close_does_not_go_to_the_pool() {
    let server = Server::answering(|_| ok("hi"));
    run(async {
        let session = Session::new();
        for (options, idle) in [("close", 0), ("te ,\tCLOSE", 0), ("te, closed", 1)] {
            let request = session.get(server.url("/")).header("connection", options);
            assert_eq!(request.await.unwrap().text().await.unwrap(), "hi");
            assert_eq!(session.stats().idle, idle, "{options}");
        }
    });
}

/// A server that knows how many connections were open at once.
fn counting(open_max: Arc<AtomicUsize>) -> Server {
    let open = Arc::new(AtomicUsize::new(0));
    Server::start(move |conn| {
        let now = open.fetch_add(1, Ordering::SeqCst) + 1;
        open_max.fetch_max(now, Ordering::SeqCst);
        while conn.request().is_some() {
            conn.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n");
            conn.send("hi");
        }
        open.fetch_sub(1, Ordering::SeqCst);
    })
}

/// Sends `n` requests at once; returns the order in which they were served.
async fn all_at_once(session: &Session, url: &str, n: usize) -> Vec<usize> {
    let order = Mutex::new(Vec::new());
    join_all((0..n).map(|n| {
        let order = &order;
        async move {
            text(session, url).await;
            order.lock().unwrap().push(n);
        }
    }))
    .await;
    let stats = session.stats();
    assert_eq!((stats.in_use, stats.waiting), (0, 0));
    order.into_inner().unwrap()
}

#[test]
fn connections_to_one_origin_are_bounded() {
    let open_max = Arc::new(AtomicUsize::new(0));
    let server = counting(open_max.clone());
    run(async {
        let limits = Limits::default().per_host(3);
        let session = Session::builder().limits(limits).build().unwrap();
        all_at_once(&session, &server.url("/"), 30).await;
        assert!(open_max.load(Ordering::SeqCst) <= 3);
        assert_eq!(server.accepted(), 3);
    });
}

#[test]
fn first_come_first_served() {
    let server = Server::answering(|_| ok("hi"));
    run(async {
        let limits = Limits::default().per_host(1);
        let session = Session::builder().limits(limits).build().unwrap();
        let order = all_at_once(&session, &server.url("/"), 30).await;
        assert!(order.is_sorted(), "{order:?}");
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn the_total_bound_closes_idle_connections_of_others() {
    let open_max = Arc::new(AtomicUsize::new(0));
    let servers: Vec<Server> = (0..3).map(|_| counting(open_max.clone())).collect();
    run(async {
        let limits = Limits::default().connections(2);
        let session = Session::builder().limits(limits).build().unwrap();
        for server in servers.iter().chain(&servers) {
            text(&session, server.url("/")).await;
            assert!(session.stats().idle <= 2);
        }
        assert_eq!(
            servers.iter().map(Server::accepted).collect::<Vec<_>>(),
            [2, 2, 2]
        );
    });
}

#[test]
fn n160_a_waiter_that_leaves_takes_nothing_along() {
    let server = Server::answering(|_| ok(&"x".repeat(100_000)));
    run(async {
        let limits = Limits::default().per_host(1);
        let session = Session::builder().limits(limits).build().unwrap();
        let held = session.get(server.url("/")).await.unwrap();
        {
            let mut first = pin!(session.get(server.url("/")).send());
            let mut second = pin!(session.get(server.url("/")).send());
            let mut cx = Context::from_waker(Waker::noop());
            assert!(matches!(first.as_mut().poll(&mut cx), Poll::Pending));
            assert!(matches!(second.as_mut().poll(&mut cx), Poll::Pending));
            assert_eq!(session.stats().waiting, 2);
        }
        assert_eq!(session.stats().waiting, 0);
        held.bytes().await.unwrap();
        text(&session, server.url("/")).await;
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn connections_stay_with_their_loop() {
    let server = Server::answering(|_| ok("hi"));
    let session = Session::new();
    for n in 1..3 {
        run(async {
            text(&session, server.url("/")).await;
            text(&session, server.url("/")).await;
        });
        assert_eq!(server.accepted(), n);
    }
}

#[test]
fn loops_that_live_at_the_same_time_share_a_session() {
    let server = Server::answering(|_| ok("hi"));
    let session = Session::new();
    let together = Barrier::new(3);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                run(async {
                    for _ in 0..20 {
                        together.wait();
                        text(&session, server.url("/")).await;
                    }
                });
            });
        }
    });
    assert_eq!(server.accepted(), 3, "one connection for each loop");
}

#[test]
fn what_a_burst_leaves_is_bounded() {
    let server = counting(Arc::default());
    run(async {
        for (most, want) in [(2, 2), (0, 0), (100, 5)] {
            let limits = Limits::default().per_host(5).idle_per_host(most);
            let session = Session::builder().limits(limits).build().unwrap();
            all_at_once(&session, &server.url("/"), 20).await;
            let stats = session.stats();
            assert_eq!((stats.in_use, stats.idle), (0, want), "{most}");
            let idle = want;
            let opened = stats.opened;
            text(&session, server.url("/")).await;
            let more = u64::from(idle == 0);
            assert_eq!(session.stats().opened, opened + more, "the rest serves");
        }
    });
}
