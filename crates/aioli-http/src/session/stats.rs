//! What a session has done and is doing, in numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Session;

/// Counts what happens; each number by itself, so that they may be out of step for a moment.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    requests: AtomicU64,
    retries: AtomicU64,
    redirects: AtomicU64,
    opened: AtomicU64,
    reused: AtomicU64,
    traffic: Arc<Traffic>,
}

/// The bytes of all connections of a session.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    sent: AtomicU64,
    received: AtomicU64,
}

fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Counters {
    pub(crate) fn request(&self) {
        add(&self.requests, 1);
    }

    pub(crate) fn retry(&self) {
        add(&self.retries, 1);
    }

    pub(crate) fn redirect(&self) {
        add(&self.redirects, 1);
    }

    /// Counts a new connection; returns where it counts its bytes.
    pub(crate) fn open(&self) -> Arc<Traffic> {
        add(&self.opened, 1);
        self.traffic.clone()
    }

    pub(crate) fn reuse(&self) {
        add(&self.reused, 1);
    }
}

impl Traffic {
    pub(crate) fn sent(&self, n: usize) {
        add(&self.sent, n as u64);
    }

    pub(crate) fn received(&self, n: usize) {
        add(&self.received, n as u64);
    }
}

/// What a session has done since it was built, and what it is doing, from [`Session::stats`].
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let url = aioli_http::example::serve("hello");
/// let session = aioli_http::Session::new();
/// for _ in 0..3 {
///     session.get(&url).await?.text().await?;
/// }
/// let stats = session.stats();
/// assert_eq!((stats.requests, stats.opened, stats.reused), (3, 1, 2));
/// assert_eq!((stats.in_use, stats.idle, stats.waiting), (0, 1, 0));
/// # Ok::<(), aioli_http::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections that carry a request or a body that is not read to its end.
    pub in_use: usize,
    /// Open connections that wait for a request.
    pub idle: usize,
    /// Requests that wait for a connection.
    pub waiting: usize,
    /// Requests that were begun.
    pub requests: u64,
    /// Times that a request was made again, as [`Retry`](crate::Retry) says.
    pub retries: u64,
    /// Redirects that were followed.
    pub redirects: u64,
    /// Connections that were opened.
    pub opened: u64,
    /// Times that an open connection served once more.
    pub reused: u64,
    /// Bytes sent over connections of HTTP, before encryption.
    pub bytes_sent: u64,
    /// Bytes received over connections of HTTP, after decryption and before content decoding.
    pub bytes_received: u64,
}

impl Session {
    /// Counts connections, requests and bytes.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let pool = self.inner.pool.stats();
        let counters = &self.inner.counters;
        Stats {
            in_use: pool.in_use,
            idle: pool.idle,
            waiting: pool.waiting,
            requests: read(&counters.requests),
            retries: read(&counters.retries),
            redirects: read(&counters.redirects),
            opened: read(&counters.opened),
            reused: read(&counters.reused),
            bytes_sent: read(&counters.traffic.sent),
            bytes_received: read(&counters.traffic.received),
        }
    }
}
