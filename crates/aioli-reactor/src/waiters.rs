//! Who waits for a source: one poll slot a direction, and a list of futures.
//!
//! A report wakes *everybody* who waits for its direction. With one wake-up for one of them, the
//! chosen one might be dropped before it runs, and the wake-up with it; and descriptors with
//! several waiters (accepting from several tasks) are few.

use std::task::Waker;

use crate::ready::{Interest, Ready};

/// Identifies a waiting future in the list of its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WaiterKey(u64);

/// The waiters of one source, guarded by the source's lock.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    /// The last task that polled for reading (`poll_read` and the like have one caller).
    reader: Option<Waker>,
    /// The last task that polled for writing.
    writer: Option<Waker>,
    /// The future that began to wait when there was none: most sources have no other.
    first: Option<Waiter>,
    /// The futures that began after it, in order.
    rest: Vec<Waiter>,
    next_key: u64,
}

#[derive(Debug)]
struct Waiter {
    key: WaiterKey,
    interest: Interest,
    waker: Waker,
}

impl Waiters {
    /// Lets the poll slot of this direction wake `waker` instead of whom it woke before, who is
    /// given back to be dropped without the lock: a waker may be the last owner of its task.
    pub(crate) fn set_slot(&mut self, interest: Interest, waker: &Waker) -> Option<Waker> {
        let slot = match interest {
            Interest::Readable => &mut self.reader,
            Interest::Writable => &mut self.writer,
        };
        match slot {
            Some(old) if old.will_wake(waker) => None,
            _ => slot.replace(waker.clone()),
        }
    }

    /// Adds a future, or renews the waker of one that is still in the list and gives back the
    /// former one.
    pub(crate) fn set_listed(
        &mut self,
        key: &mut Option<WaiterKey>,
        interest: Interest,
        waker: &Waker,
    ) -> Option<Waker> {
        let known = |waiter: &&mut Waiter| Some(waiter.key) == *key;
        if key.is_some()
            && let Some(waiter) = self.first.iter_mut().chain(&mut self.rest).find(known)
        {
            if waiter.waker.will_wake(waker) {
                return None;
            }
            return Some(std::mem::replace(&mut waiter.waker, waker.clone()));
        }
        let new = WaiterKey(self.next_key);
        self.next_key += 1;
        *key = Some(new);
        let waiter = Waiter {
            key: new,
            interest,
            waker: waker.clone(),
        };
        if self.first.is_none() && self.rest.is_empty() {
            self.first = Some(waiter);
        } else {
            self.rest.push(waiter);
        }
        None
    }

    /// Takes a future off the list; it may have been woken and be gone already.
    pub(crate) fn remove(&mut self, key: WaiterKey) -> Option<Waker> {
        if let Some(first) = self.first.take_if(|first| first.key == key) {
            return Some(first.waker);
        }
        let index = self.rest.iter().position(|waiter| waiter.key == key)?;
        Some(self.rest.remove(index).waker)
    }

    /// Whether somebody waits for reading.
    pub(crate) fn has_reader(&self) -> bool {
        let mut listed = self.first.iter().chain(&self.rest);
        self.reader.is_some() || listed.any(|waiter| waiter.interest == Interest::Readable)
    }

    /// Takes out everybody whom `ready` concerns, in order, and adds them to `woken`.
    pub(crate) fn take(&mut self, ready: Ready, woken: &mut Vec<Waker>) {
        let concerns = |interest: Interest| ready.intersects(interest.ready() | interest.closed());
        if concerns(Interest::Readable)
            && let Some(reader) = self.reader.take()
        {
            woken.push(reader);
        }
        if concerns(Interest::Writable)
            && let Some(writer) = self.writer.take()
        {
            woken.push(writer);
        }
        let first = self.first.take_if(|first| concerns(first.interest));
        woken.extend(first.map(|first| first.waker));
        if !self.rest.is_empty() {
            let others = self.rest.extract_if(.., |waiter| concerns(waiter.interest));
            woken.extend(others.map(|waiter| waiter.waker));
        }
    }

    /// The directions that somebody waits for.
    pub(crate) fn interest(&self) -> Ready {
        let mut wanted = Ready::NONE;
        if self.reader.is_some() {
            wanted = wanted | Ready::READABLE;
        }
        if self.writer.is_some() {
            wanted = wanted | Ready::WRITABLE;
        }
        for waiter in self.first.iter().chain(&self.rest) {
            wanted = wanted | waiter.interest.ready();
        }
        wanted
    }
}
