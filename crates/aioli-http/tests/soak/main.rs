//! Hundreds of thousands of requests against servers that end connections at any point.
//!
//! No idempotent request is lost, no other one carried out twice, and in the end nothing is left:
//! no connection, no descriptor, no memory. A binary of its own, because it counts what belongs
//! to the process. The short run is a test as all others; the long one takes about a minute in
//! release, some in debug, and is for `cargo xtask ci --full`, or
//! `cargo test --release -p aioli-http --test soak -- --include-ignored --nocapture`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod server;

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use aioli_http::{BodyErrorKind, ErrorKind, Limits, Retry, Session, Timeout};
use aioli_task::run;
use futures::stream::{self, StreamExt as _};

use self::server::{Ledger, Server, Temper, body};

/// Origins that requests are spread over.
const SERVERS: usize = 4;
/// Requests under way at the same time; more than there are connections, so that some wait.
const CONCURRENCY: usize = 48;
const CONNECTIONS: usize = 8;
/// So many failures in a row, at one in six, do not come about by chance.
const TRIES: u32 = 24;
/// By how much memory may differ at two times, in KiB: what allocators keep in hand.
const MEMORY_SLACK: u64 = 8 * 1024;

/// What a request was answered with, as its caller knows it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Outcome {
    Answered,
    /// It failed, and the server may have carried it out.
    Unknown,
    /// It failed, and the server has not seen it.
    Unseen,
}

struct Soak {
    session: Session,
    servers: Vec<Server>,
    ledger: Arc<Ledger>,
    /// Requests that were begun.
    begun: AtomicU64,
}

impl Soak {
    fn start(temper: Temper, ids: usize) -> Soak {
        let ledger = Ledger::new(ids);
        let servers = (0..SERVERS as u64).map(|n| Server::start(temper, n, &ledger));
        let servers = servers.collect();
        let session = Session::builder()
            .limits(Limits::default().per_host(CONNECTIONS))
            .timeout(Timeout::total(60));
        let session = match temper {
            // What is replaced without being asked for has to do.
            Temper::Mild => session,
            Temper::Wild => {
                let retry = Retry::idempotent(TRIES);
                session.retry(retry.backoff(0..0).budget(f64::INFINITY))
            }
        };
        Soak {
            session: session.build().unwrap(),
            servers,
            ledger,
            begun: AtomicU64::new(0),
        }
    }

    fn url(&self, id: usize) -> String {
        format!("http://{}/{id}", self.servers[id % SERVERS].address)
    }

    async fn request(&self, id: usize) -> Outcome {
        if is_post(id) {
            self.post(id).await
        } else {
            self.get(id).await;
            Outcome::Answered
        }
    }

    async fn get(&self, id: usize) {
        for _ in 0..TRIES {
            self.begun.fetch_add(1, Ordering::Relaxed);
            let response = self.session.get(self.url(id)).await;
            let response = response.unwrap_or_else(|error| panic!("GET {id} is lost: {error:?}"));
            match response.bytes().await {
                Ok(bytes) => {
                    assert!(bytes == body(id), "GET {id} got the answer of another");
                    return;
                }
                // Part of it is the caller's already, and so is the rest of the matter.
                Err(error) => assert!(is_cut(error.kind()), "GET {id}: {error:?}"),
            }
        }
        panic!("GET {id} was cut off {TRIES} times");
    }

    async fn post(&self, id: usize) -> Outcome {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let request = self.session.post(self.url(id)).body(vec![b'x'; id % 300]);
        let answer = async { request.await?.bytes().await };
        match answer.await {
            Ok(bytes) => {
                assert!(bytes == body(id), "POST {id} got the answer of another");
                Outcome::Answered
            }
            Err(error) if error.maybe_processed() => Outcome::Unknown,
            Err(_) => Outcome::Unseen,
        }
    }

    /// Makes the requests of `ids`, and judges each by what the server has done.
    fn run(&self, ids: std::ops::Range<usize>) {
        let outcomes = stream::iter(ids)
            .map(|id| async move { (id, self.request(id).await) })
            .buffer_unordered(CONCURRENCY);
        let judged = outcomes.for_each(|(id, outcome)| {
            let times = self.ledger.times(id);
            let right = match outcome {
                _ if !is_post(id) => times >= 1,
                Outcome::Answered => times == 1,
                Outcome::Unknown => times <= 1,
                Outcome::Unseen => times == 0,
            };
            assert!(right, "{id}: {outcome:?}, and carried out {times} times");
            std::future::ready(())
        });
        run(judged);
    }

    /// Ends all; tells what there was.
    fn end(self, ids: usize) -> String {
        let stats = self.session.stats();
        let begun = self.begun.into_inner();
        assert_eq!((stats.in_use, stats.waiting), (0, 0));
        assert!(stats.idle <= SERVERS * CONNECTIONS);
        assert_eq!(stats.requests, begun);
        assert!(stats.opened + stats.reused >= stats.requests + stats.retries);
        drop(self.session);
        for server in self.servers {
            server.stop(&self.ledger);
        }
        let accepted = self.ledger.accepted.load(Ordering::SeqCst);
        assert_eq!(
            accepted, stats.opened,
            "connections made and connections seen"
        );
        // Nothing came late, either.
        for id in (0..ids).filter(|id| is_post(*id)) {
            assert!(
                self.ledger.times(id) <= 1,
                "POST {id} was carried out twice"
            );
        }
        let faults = self.ledger.faults.load(Ordering::Relaxed);
        let expected = begun / 100 * 5;
        assert!(faults >= expected, "only {faults} connections were ended");
        format!(
            "{begun} requests, {} retries, {accepted} connections, {faults} of them ended",
            stats.retries
        )
    }
}

/// Every third one; whichever the server, the size and the coding of its answer.
fn is_post(id: usize) -> bool {
    (id / 12).is_multiple_of(3)
}

fn is_cut(kind: &ErrorKind) -> bool {
    let ErrorKind::Body { kind, .. } = kind else {
        return false;
    };
    matches!(kind, BodyErrorKind::Truncated)
}

/// How many descriptors this process has, where the system tells.
fn descriptors() -> Option<usize> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count())
}

/// How much memory this process has, in KiB, where the system tells.
fn memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn soak(n: usize) {
    // One at a time: they count what the process has.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // What the process has from its first request on.
    let warm = Soak::start(Temper::Mild, CONCURRENCY);
    warm.run(0..CONCURRENCY);
    warm.end(0);

    for temper in [Temper::Mild, Temper::Wild] {
        let began = Instant::now();
        let before = descriptors();
        let soak = Soak::start(temper, n);
        soak.run(0..n / 2);
        let half = memory();
        soak.run(n / 2..n);
        let whole = memory();
        let told = soak.end(n);
        assert_eq!(descriptors(), before, "descriptors after and before");
        if let (Some(half), Some(whole)) = (half, whole) {
            assert!(
                whole <= half + MEMORY_SLACK,
                "{half} KiB at half-time, {whole} KiB at the end"
            );
        }
        println!(
            "{temper:?}: {told}; {half:?}, {whole:?} KiB; {:.1?}",
            began.elapsed()
        );
    }
}

#[test]
fn two_thousand_requests() {
    soak(1_000);
}

#[test]
#[ignore = "takes a minute"]
fn two_hundred_thousand_requests() {
    soak(100_000);
}
