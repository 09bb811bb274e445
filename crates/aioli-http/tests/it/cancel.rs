//! A request dropped at any of its awaits, or a response anywhere in its body, leaks nothing.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use aioli_http::{Body, Limits, Session};
use futures::{StreamExt, stream};

use crate::server::{Server, run, text};

/// Polls `future` at most `polls` times; `None` when that did not suffice.
pub(crate) async fn at_most<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// Has `attempt` drop something after no poll, after one and so on, until it says that all was
/// done; and all that once more until `want` cancel points were met in one pass: an answer that
/// comes between two polls leaves no point, and how many do is up to the threads.
pub(crate) async fn at_each_point(want: usize, mut attempt: impl AsyncFnMut(usize) -> bool) {
    let mut most = 0;
    for _ in 0..100 {
        let mut polls = 0;
        while !attempt(polls).await {
            polls += 1;
        }
        // What was done with the last poll was dropped after each poll before.
        most = most.max(polls - 1);
        if most >= want {
            return;
        }
    }
    panic!("at most {most} cancel points in a hundred passes, and {want} are awaited");
}

/// A server whose answers come in several pieces, so that there are several awaits.
fn piecemeal() -> Server {
    Server::start(|conn| {
        while conn.request().is_some() {
            for part in [
                "HTTP/1.1 200 OK\r\n",
                "content-length: 6\r\n\r\nab",
                "cd",
                "ef",
            ] {
                conn.send(part);
                std::thread::yield_now();
            }
        }
    })
}

#[test]
fn n160_dropped_at_each_await() {
    let server = piecemeal();
    let points = Rc::new(Cell::new(0));
    let count = points.clone();
    run(async move {
        // One slot: whatever leaks it makes the next request wait for ever.
        let limits = Limits::default().per_host(1).connections(1);
        let session = Session::builder().limits(limits).build().unwrap();
        let exchange = || async {
            let body = stream::iter(["a", "b"]).then(|piece| async move {
                aioli_task::yield_now().await;
                Ok::<_, std::io::Error>(piece)
            });
            let request = session.post(server.url("/")).body(Body::stream(body));
            request.await.unwrap().text().await.unwrap()
        };
        for polls in 0.. {
            let done = at_most(polls, exchange()).await;
            let stats = session.stats();
            assert_eq!((stats.in_use, stats.waiting), (0, 0), "after {polls} polls");
            if let Some(text) = done {
                assert_eq!(text, "abcdef");
                break;
            }
            assert_eq!(exchange().await, "abcdef");
            count.set(polls);
        }
    });
    assert!(points.get() >= 3, "{} cancel points", points.get());
}

#[test]
fn a_cancelled_chunk_loses_nothing() {
    let server = piecemeal();
    run(async {
        let session = Session::new();
        let mut response = session.get(server.url("/")).await.unwrap();
        let mut text = Vec::new();
        loop {
            match at_most(1, response.chunk()).await {
                Some(Ok(Some(piece))) => text.extend_from_slice(&piece),
                Some(end) => {
                    assert!(end.unwrap().is_none());
                    break;
                }
                None => aioli_task::yield_now().await,
            }
        }
        assert_eq!(text, b"abcdef");
        assert_eq!(session.stats().idle, 1);
    });
}

/// The same text, coded, in pieces of a byte each.
#[cfg(feature = "compression")]
fn coded_piecemeal(text: &'static str) -> Server {
    use std::io::Write;

    Server::start(move |conn| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
        encoder.write_all(text.as_bytes()).unwrap();
        let coded = encoder.finish().unwrap();
        while conn.request().is_some() {
            conn.send(format!(
                "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
                coded.len()
            ));
            for byte in &coded {
                conn.send([*byte]);
                std::thread::yield_now();
            }
        }
    })
}

#[cfg(feature = "compression")]
#[test]
fn a_cancelled_read_of_a_coded_body_loses_nothing() {
    let text = "all of it comes out in the end";
    let server = coded_piecemeal(text);
    run(async {
        let session = Session::new();
        let mut response = session.get(server.url("/")).await.unwrap();
        let mut read = Vec::new();
        let mut buf = [0; 4];
        for turn in 0.. {
            let more = if turn % 2 == 0 {
                let piece = at_most(1, response.chunk()).await;
                piece.map(|piece| piece.unwrap().map(|piece| read.extend_from_slice(&piece)))
            } else {
                let n = at_most(1, response.read(&mut buf)).await;
                n.map(|n| (n.unwrap(), &mut read)).map(|(n, read)| {
                    read.extend_from_slice(&buf[..n]);
                    (n > 0).then_some(())
                })
            };
            match more {
                Some(Some(())) => {}
                Some(None) => break,
                None => aioli_task::yield_now().await,
            }
        }
        assert_eq!(read, text.as_bytes());
        assert_eq!(session.stats().idle, 1);
    });
}

#[test]
fn n160_a_body_that_waits_for_consent_dropped_at_each_await() {
    let server = Server::start(|conn| {
        while let Some(mut request) = conn.head() {
            if request.header("expect").is_some() {
                conn.send("HTTP/1.1 100 Continue\r\n\r\n");
            }
            if conn.body(&mut request).is_none() {
                return;
            }
            conn.send(crate::server::ok(request.text()));
        }
    });
    run(async {
        let limits = Limits::default().per_host(1).connections(1);
        let session = Session::builder().limits(limits).build().unwrap();
        let exchange = || async {
            let words = || stream::iter(["hel", "lo"].map(Ok::<_, std::io::Error>));
            let request = session.put(server.url("/")).expect_continue(60);
            let response = request.body(Body::replayable(words)).await.unwrap();
            response.text().await.unwrap()
        };
        for polls in 0.. {
            let done = at_most(polls, exchange()).await;
            let stats = session.stats();
            assert_eq!((stats.in_use, stats.waiting), (0, 0), "after {polls} polls");
            if let Some(text) = done {
                assert_eq!(text, "hello");
                break;
            }
            assert_eq!(exchange().await, "hello");
        }
    });
}

#[test]
fn cancelled_by_its_task() {
    let server = Server::start(|conn| conn.wait_closed());
    run(async {
        let session = Session::new();
        let (inner, url) = (session.clone(), server.url("/"));
        let task = aioli_task::spawn(async move { inner.get(url).await.map(drop) });
        while session.stats().in_use == 0 {
            aioli_task::yield_now().await;
        }
        assert!(task.stop().await.is_none());
        assert_eq!(session.stats().in_use, 0);
    });
}

#[test]
fn n160_a_storm_of_cancellations_balances() {
    const LIMIT: usize = 4;
    let server = piecemeal();
    run(async {
        let limits = Limits::default().per_host(LIMIT);
        let session = Session::builder().limits(limits).build().unwrap();
        // A fixed sequence without visible order.
        let mut state = 1_u32;
        let mut patience = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as usize % 12
        };
        let requests = (0..300).map(|_| {
            let session = &session;
            let request = session.get(server.url("/")).send();
            let polls = patience();
            async move {
                let outcome = at_most(polls, async { request.await.unwrap().text().await }).await;
                assert!(session.stats().in_use <= LIMIT);
                usize::from(outcome.is_some_and(|text| text.unwrap() == "abcdef"))
            }
        });
        let served: usize = futures::future::join_all(requests).await.into_iter().sum();
        let stats = session.stats();
        assert_eq!((stats.in_use, stats.waiting), (0, 0));
        assert!(stats.idle <= LIMIT);
        assert!(served < 300);
        assert_eq!(text(&session, server.url("/")).await, "abcdef");
    });
}
