//! Trying again, on a virtual clock and without sockets: to the second, in no time.

use std::sync::Mutex;
use std::time::Duration;

use aioli_http::{Body, Error, ErrorKind, Mock, Phase, Response, Result, Retry, Session, Timeout};
use futures::stream;

use crate::server::{Server, ok, run, run_virtual};

const SECOND: Duration = Duration::from_secs(1);

/// Waits of 1 s, 2 s, 4 s, 8 s, 8 s …
fn exact(most: u32) -> Retry {
    Retry::idempotent(most).backoff(1..8).jitter(|| 1.0)
}

/// A session that answers with these, one after the other, and then with 200.
fn answering(retry: Retry, answers: impl IntoIterator<Item = Mock>) -> Session {
    let answers: Vec<_> = answers.into_iter().collect();
    let answers = Mutex::new(answers.into_iter());
    Session::builder()
        .retry(retry)
        .mock(move |_| {
            let next = answers.lock().unwrap().next();
            std::future::ready(next.unwrap_or_else(|| Mock::text(200, "fine")))
        })
        .build()
        .unwrap()
}

/// What became of a request, how often it was made, and how long that took.
fn outcome(
    session: &Session,
    request: impl Future<Output = Result<Response>>,
) -> (Result<u16>, usize, Duration) {
    let (result, took) = run_virtual(async {
        let since = aioli_task::now();
        let result = request.await.map(|response| response.status().as_u16());
        (result, aioli_task::now() - since)
    });
    (result, session.mock_requests().len(), took)
}

const URL: &str = "http://a.example/";

#[test]
fn statuses_with_doubling_waits() {
    let session = answering(exact(5), [429, 502, 503, 504].map(Mock::new));
    let (result, asked, took) = outcome(&session, session.get(URL).send());
    assert_eq!((result.unwrap(), asked, took), (200, 5, 15 * SECOND));
}

#[test]
fn for_so_long_and_no_longer() {
    // Tries begin after 0 s, 1 s, 3 s, 7 s, 15 s.
    for (within, tries, seconds) in [(100, 9, 47), (4, 4, 7), (3, 3, 3), (0, 1, 0)] {
        let session = answering(exact(8).within(within), [503; 99].map(Mock::new));
        let (result, asked, took) = outcome(&session, session.get(URL).send());
        let want = (503, tries, Duration::from_secs(seconds));
        assert_eq!((result.unwrap(), asked, took), want, "within {within} s");
    }
}

#[test]
fn the_last_response_is_the_outcome() {
    let session = answering(exact(2), [503; 9].map(Mock::new));
    let (result, asked, took) = outcome(&session, session.get(URL).send());
    assert_eq!((result.unwrap(), asked, took), (503, 3, 3 * SECOND));

    let session = answering(exact(2), [503; 9].map(Mock::new));
    let request = session.get(URL).raise_for_status(true);
    let (result, asked, _) = outcome(&session, request.send());
    assert!(result.unwrap_err().is_status());
    assert_eq!(asked, 3);
}

#[test]
fn lost_connections() {
    let answers = || [Mock::disconnect(), Mock::hang()];
    let limits = Timeout::total(100).head(10);
    let session = answering(exact(5), answers());
    let request = session.get(URL).timeout(limits);
    let (result, asked, took) = outcome(&session, request.send());
    assert_eq!((result.unwrap(), asked, took), (200, 3, 13 * SECOND));

    // The server may have carried it out.
    let session = answering(exact(5), answers());
    let (result, asked, took) = outcome(&session, session.post(URL).send());
    assert!(matches!(
        result.unwrap_err().kind(),
        ErrorKind::Disconnected { .. }
    ));
    assert_eq!((asked, took), (1, Duration::ZERO));

    let session = answering(exact(5).unsafe_methods(true), answers());
    let request = session.post(URL).body("again").timeout(limits);
    let (result, asked, _) = outcome(&session, request.send());
    assert_eq!((result.unwrap(), asked), (200, 3));
    assert!(
        session
            .mock_requests()
            .iter()
            .all(|request| request.body() == "again")
    );
}

fn refused() -> Mock {
    let kind = ErrorKind::Connect {
        host: "a.example".to_owned(),
        port: 80,
        source: std::io::ErrorKind::ConnectionRefused.into(),
    };
    Mock::error(kind, aioli_http::Sent::Nothing)
}

#[test]
fn nothing_sent_is_repeated_whatever_the_method() {
    let session = answering(exact(5), [refused(), refused()]);
    let (result, asked, took) = outcome(&session, session.post(URL).send());
    assert_eq!((result.unwrap(), asked, took), (200, 3, 3 * SECOND));
}

#[test]
fn what_would_fail_again_is_not_repeated() {
    for bad in [
        Mock::raw("garbage"),
        Mock::raw(format!(
            "HTTP/1.1 200 OK\r\na: {}\r\n\r\n",
            "b".repeat(1 << 17)
        )),
        Mock::redirect(302, "ftp://a.example/"),
    ] {
        let session = answering(exact(5), [bad]);
        let (result, asked, _) = outcome(&session, session.get(URL).send());
        assert!(!result.unwrap_err().is_retryable());
        assert_eq!(asked, 1);
    }
}

#[test]
fn a_stream_that_has_begun_is_not_repeated() {
    let session = answering(exact(5), [Mock::new(503)]);
    let body = Body::stream(stream::iter(["a", "b"].map(Ok::<_, std::io::Error>)));
    let (result, asked, _) = outcome(&session, session.put(URL).body(body).send());
    assert_eq!((result.unwrap(), asked), (503, 1));
}

#[test]
fn input_163_the_server_says_how_long() {
    let busy = |after: &str| Mock::new(429).header("retry-after", after);
    let session = answering(
        exact(9),
        [
            busy("10"),
            busy("99999999"),
            busy("-3"),
            busy("Mon, 01 Jan 1900 00:00:00 GMT"),
        ],
    );
    let (result, asked, took) = outcome(&session, session.get(URL).send());
    // As asked, the cap, and twice nothing; and the backoff beside that.
    assert_eq!(
        (result.unwrap(), asked, took),
        (200, 5, (10 + 60 + 15) * SECOND)
    );
    run(async { session.get(URL).await.unwrap() });
}

#[test]
fn the_total_limit_is_over_everything() {
    // 1 s and 2 s are waited for; 4 s more would not end in time, and nobody waits in vain.
    let session = answering(exact(9), [503; 9].map(Mock::new));
    let (result, asked, took) = outcome(&session, session.get(URL).timeout(6).send());
    assert_eq!((result.unwrap(), asked, took), (503, 3, 3 * SECOND));

    let answers = [Mock::new(503), Mock::hang()];
    let session = answering(exact(9), answers);
    let (result, asked, took) = outcome(&session, session.get(URL).timeout(6).send());
    assert_eq!(result.unwrap_err().phase(), Some(Phase::Total));
    assert_eq!((asked, took), (2, 6 * SECOND));
}

#[test]
fn the_budget_is_the_sessions() {
    let session = answering(exact(3).budget(0.0), [503; 1000].map(Mock::new));
    let asked = run_virtual(async {
        for _ in 0..20 {
            session.get(URL).await.unwrap();
        }
        session.mock_requests().len()
    });
    assert_eq!(asked, 20 + 10);
}

#[test]
fn off_unless_it_is_asked_for() {
    let session = Session::mock(async |_| Mock::new(503));
    let (result, asked, _) = outcome(&session, session.get(URL).send());
    assert_eq!((result.unwrap(), asked), (503, 1));
    let (result, asked, _) = outcome(&session, session.get(URL).retry(exact(1)).send());
    assert_eq!((result.unwrap(), asked), (503, 3));

    let session = answering(exact(3), [503; 9].map(Mock::new));
    let (result, asked, _) = outcome(&session, session.get(URL).retry(None).send());
    assert_eq!((result.unwrap(), asked), (503, 1));
}

#[test]
fn n099_redirects_are_counted_across_retries() {
    let hop = || Mock::redirect(302, "/next");
    let answers = [
        hop(),
        Mock::new(503),
        hop(),
        Mock::disconnect(),
        hop(),
        hop(),
    ];
    let session = answering(exact(3), answers);
    let request = session.get(URL).redirects(3);
    let (result, asked, _) = outcome(&session, request.send());
    let error = result.unwrap_err();
    let ErrorKind::Redirect { history, .. } = error.kind() else {
        panic!("{error:?}");
    };
    assert_eq!((history.len(), asked), (4, 6));
}

#[test]
fn a_post_that_was_redirected_is_not_made_again() {
    let answers = [
        Mock::redirect(303, "/made"),
        Mock::new(503),
        Mock::disconnect(),
    ];
    let session = answering(exact(3), answers);
    let (result, _, _) = outcome(&session, session.post(URL).body("once").send());
    assert_eq!(result.unwrap(), 200);
    let methods: Vec<_> = session
        .mock_requests()
        .iter()
        .map(|request| format!("{} {}", request.method(), request.url().path()))
        .collect();
    assert_eq!(methods, ["POST /", "GET /made", "GET /made", "GET /made"]);
}

#[test]
fn over_sockets() {
    let server = Server::start(|conn| {
        while conn.request().is_some() {
            if conn.index == 0 {
                conn.send("HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy");
            } else {
                conn.send(ok("fine"));
            }
            if conn.index == 0 {
                return;
            }
        }
    });
    run(async {
        let session = Session::builder()
            .retry(Retry::idempotent(2).backoff(0.0..0.01))
            .build()
            .unwrap();
        let page = session.get(server.url("/")).await?.text().await?;
        assert_eq!(page, "fine");
        Ok::<_, Error>(())
    })
    .unwrap();
    assert_eq!(server.accepted(), 2);
}

#[test]
fn the_beginning_of_an_error_page_is_waited_for() {
    let page = |length: usize| {
        let pieces = stream::iter((0..length).map(|_| Ok::<_, std::io::Error>("x".repeat(1000))));
        Mock::new(500).body(Body::stream(pieces))
    };
    let body = |mock: Mock| {
        let session = answering(exact(0), [mock]);
        let request = session.get(URL).raise_for_status(true);
        let error = run_virtual(request.send()).unwrap_err();
        match error.kind() {
            ErrorKind::Status { status, body } if *status == 500 => body.len(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(body(page(2)), 2000);
    assert_eq!(body(page(100_000)), 4096);
    assert_eq!(body(Mock::text(500, "gone").cut_after(2)), 2);
    let stuck = stream::StreamExt::chain(
        stream::iter([Ok::<_, std::io::Error>("begun")]),
        stream::pending(),
    );
    assert_eq!(body(Mock::new(500).body(Body::stream(stuck))), 5);
}

/// Middleware, a retry, a redirect and a body, with an await in each.
fn layered() -> Session {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    Session::builder()
        .limits(aioli_http::Limits::default().per_host(1).connections(1))
        .retry(Retry::idempotent(2).backoff(0.001..0.001).jitter(|| 1.0))
        .with(async |request, next| {
            aioli_task::yield_now().await;
            let response = next.run(request).await;
            aioli_task::yield_now().await;
            response
        })
        .mock(move |request| {
            let n = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            async move {
                aioli_task::yield_now().await;
                match request.url().path() {
                    "/" => Mock::redirect(307, "/next"),
                    _ if n % 3 == 1 => Mock::new(503),
                    _ => {
                        let pieces = stream::unfold(0, |n| async move {
                            aioli_task::yield_now().await;
                            (n < 2).then_some((Ok::<_, std::io::Error>("piece"), n + 1))
                        });
                        Mock::new(200).body(Body::stream(pieces))
                    }
                }
            }
        })
        .build()
        .unwrap()
}

#[test]
fn n160_dropped_at_each_await_of_each_layer() {
    run_virtual(async {
        let mut points = 0;
        for polls in 0.. {
            let session = layered();
            let whole = || async { session.put(URL).body("x").await?.text().await };
            let done = crate::cancel::at_most(polls, whole()).await;
            let stats = session.stats();
            assert_eq!((stats.in_use, stats.waiting), (0, 0), "after {polls} polls");
            if let Some(text) = done {
                assert_eq!(text.unwrap(), "piecepiece");
                break;
            }
            points = polls;
            // The one slot is free: the next request does not wait for ever.
            let next = session.get("http://a.example/next").await.unwrap();
            assert!(next.status() == 200 || next.status() == 503);
        }
        assert!(points >= 8, "{points} cancel points");
    });
}

#[test]
fn under_executors_that_are_not_ours() {
    async fn work() {
        let page = layered().put(URL).body("x").await.unwrap();
        assert_eq!(page.text().await.unwrap(), "piecepiece");
    }
    futures::executor::block_on(work());
    smol::block_on(work());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async { tokio::spawn(work()).await.unwrap() });
}
