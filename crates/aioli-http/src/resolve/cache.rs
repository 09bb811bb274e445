//! What was looked up: for a short time, for a bounded number of names, one look-up a name.
//!
//! Who asks for a name that is not known takes its *turn* (a lock); who has it looks the name up,
//! and the others wait for theirs. When it comes, the name is known or the look-up has failed, and
//! either is theirs as well: what finished after they had begun to wait is as good as their own.
//! When the one that looks up is dropped, the next in line looks up instead.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aioli_sync::Lock;

/// How many addresses of a name are remembered: more than anybody tries.
const ADDRESSES_MAX: usize = 64;

/// What a look-up ended with, shared by all who waited for it.
type Outcome = Result<Arc<[SocketAddr]>, Arc<io::Error>>;

#[derive(Debug, Default)]
pub(super) struct Cache {
    entries: Mutex<HashMap<Arc<str>, Arc<Entry>>>,
}

/// One name.
#[derive(Debug, Default)]
struct Entry {
    turn: Lock<()>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How many look-ups have ended.
    ended: u64,
    last: Option<(Outcome, Instant)>,
}

impl Cache {
    /// What is known of `host`, else what `ask` says; `most` names are remembered, for an endless
    /// number of them must not take endless memory.
    pub(super) async fn get<F>(
        &self,
        host: &str,
        ttl: Duration,
        most: usize,
        ask: impl FnOnce() -> F,
    ) -> io::Result<Vec<SocketAddr>>
    where
        F: Future<Output = io::Result<Vec<SocketAddr>>>,
    {
        let now = aioli_task::now();
        let entry = self.entry(host, now, ttl, most);
        if let Some(known) = entry.fresh(now, ttl) {
            return Ok(known.to_vec());
        }
        let ended = lock(&entry.state).ended;
        let turn = entry.turn.lock().await;
        let outcome = match entry.ended_after(ended) {
            Some(outcome) => outcome,
            None => {
                let outcome: Outcome = match ask().await {
                    Ok(mut found) => {
                        found.truncate(ADDRESSES_MAX);
                        Ok(found.into())
                    }
                    Err(error) => Err(Arc::new(error)),
                };
                entry.end(outcome.clone(), aioli_task::now());
                outcome
            }
        };
        drop(turn);
        match outcome {
            Ok(found) => Ok(found.to_vec()),
            Err(error) => Err(io::Error::new(error.kind(), error)),
        }
    }

    /// Whether `host` was looked up just now.
    pub(super) fn knows(&self, host: &str, ttl: Duration) -> bool {
        let entry = lock(&self.entries).get(host).cloned();
        entry.is_some_and(|entry| entry.fresh(aioli_task::now(), ttl).is_some())
    }

    pub(super) fn forget(&self, host: &str) {
        lock(&self.entries).remove(host);
    }

    /// The entry of `host`. When there are too many others and all are in use, it is one that
    /// nobody else finds.
    fn entry(&self, host: &str, now: Instant, ttl: Duration, most: usize) -> Arc<Entry> {
        let mut entries = lock(&self.entries);
        if let Some(entry) = entries.get(host) {
            return entry.clone();
        }
        if entries.len() >= most {
            entries.retain(|_, entry| entry.is_in_use() || entry.fresh(now, ttl).is_some());
        }
        if entries.len() >= most {
            let oldest = entries
                .iter()
                .filter(|(_, entry)| !entry.is_in_use())
                .min_by_key(|(_, entry)| lock(&entry.state).last.as_ref().map(|(_, at)| *at))
                .map(|(host, _)| host.clone());
            let Some(oldest) = oldest else {
                return Arc::default();
            };
            entries.remove(&oldest);
        }
        let entry: Arc<Entry> = Arc::default();
        entries.insert(host.into(), entry.clone());
        entry
    }
}

impl Entry {
    /// Whether anybody but the map has it; asked with the map locked.
    fn is_in_use(self: &Arc<Entry>) -> bool {
        Arc::strong_count(self) > 1
    }

    fn fresh(&self, now: Instant, ttl: Duration) -> Option<Arc<[SocketAddr]>> {
        match &lock(&self.state).last {
            Some((Ok(found), at)) if now.saturating_duration_since(*at) < ttl => {
                Some(found.clone())
            }
            _ => None,
        }
    }

    /// What the last look-up ended with, if that was after so many others.
    fn ended_after(&self, ended: u64) -> Option<Outcome> {
        let state = lock(&self.state);
        let (outcome, _) = state.last.as_ref().filter(|_| state.ended > ended)?;
        Some(outcome.clone())
    }

    fn end(&self, outcome: Outcome, now: Instant) {
        let mut state = lock(&self.state);
        state.ended += 1;
        state.last = Some((outcome, now));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
