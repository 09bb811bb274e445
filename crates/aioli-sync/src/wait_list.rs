//! The list of waiters that every primitive of this crate is built on.
//!
//! # How waiting works
//!
//! A waiter queues with a *want* (how many permits, which handle) and leaves with a *grant*
//! (go ahead, shut down, your index). Whoever frees something **grants** it to the first
//! waiter, under the lock and before the waiter runs; it does not merely wake somebody up
//! to come and try. From then on what was freed is spoken for, so nobody who comes later
//! can overtake (no barging), and one freed thing wakes one task (no stampede).
//!
//! ```text
//!          1 push            2 grant               3 poll
//!   (none) ─────▶ Waiting ──────────▶ Granted ────────────▶ (none): the future is ready
//!                    │                   │
//!                    │ 4 remove          │ 5 remove
//!                    ▼                   ▼
//!                 (none): gone      (none): gone, and the primitive passes the grant on
//! ```
//!
//! Transition 5 is the heart of cancellation safety: a waiter that is dropped between its
//! grant and its next poll hands back what it was given, and the primitive gives that to
//! the next in line.
//!
//! # How it is stored
//!
//! Waiters live in a slab inside the list, linked in order of arrival, and a future knows
//! its waiter by a [`Key`]. Nothing is pinned and nothing points into a future, so futures
//! are `Unpin`, may be forgotten without harm to memory, and need no unsafe code. Keys carry
//! a ticket that is never used twice, so a key of the past cannot be mistaken for another's.
//!
//! The list has no lock of its own. It lives in a [`RawLock`](crate::raw_lock::RawLock), and
//! hands every waker it is done with to [`Wakers`], to be invoked or dropped outside.

use crate::wakers::Wakers;
use std::mem;
use std::task::{Context, Poll, Waker};

/// The link that leads nowhere.
const NIL: u32 = u32::MAX;

/// Slots that an idle list keeps; the memory of a larger crowd is given back.
const IDLE_SLOTS_MAX: usize = 32;

/// Waiters in order of arrival: each brings a `W`, each is granted a `G`.
///
/// # Invariants
///
/// 1. `head → … → tail` by `next`, and backwards by `prev`, visits the `Waiting` slots, each
///    once, with rising tickets. `n_waiting` is their number. The `prev` of the head, and `tail`
///    while nobody is in line, say nothing.
/// 2. `free → …` by `next` visits the `Vacant` slots, each once.
/// 3. `Granted` slots are on neither list; only the key of their future leads to them.
/// 4. `n_present` is the number of slots that are not `Vacant`.
pub(crate) struct WaitList<W, G> {
    slots: Vec<Slot<W, G>>,
    free: u32,
    head: u32,
    tail: u32,
    n_waiting: usize,
    n_present: u32,
    next_ticket: u64,
}

struct Slot<W, G> {
    ticket: u64,
    prev: u32,
    next: u32,
    entry: Entry<W, G>,
}

enum Entry<W, G> {
    Vacant,
    Waiting { want: W, waker: Waker },
    Granted(G),
}

/// What a future holds while its waiter is in the list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    index: u32,
    ticket: u64,
}

/// What a waiter was when its future was dropped.
pub(crate) enum Departed<G> {
    /// It was still in line.
    Waiting,
    /// It had been granted this, which is now the primitive's to pass on.
    Granted(G),
}

impl<W, G> WaitList<W, G> {
    pub(crate) const fn new() -> WaitList<W, G> {
        WaitList {
            slots: Vec::new(),
            free: NIL,
            head: NIL,
            tail: NIL,
            n_waiting: 0,
            n_present: 0,
            next_ticket: 0,
        }
    }

    /// How many are in line, not counting those that have their grant already.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.n_waiting
    }

    /// Queues a waiter at the end of the line.
    // PERF: `mutex_hold`, as all that follows up to `vacate`: a waiter costs about a hundred
    // instructions from here until it is gone, and calls would be a third of them.
    #[inline]
    pub(crate) fn push(&mut self, want: W, waker: Waker) -> Key {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let entry = Entry::Waiting { want, waker };
        let prev = self.tail;
        let index = match self.slots.get_mut(self.free as usize) {
            Some(slot) => {
                slot.ticket = ticket;
                slot.prev = prev;
                let next_free = mem::replace(&mut slot.next, NIL);
                let vacant = mem::replace(&mut slot.entry, entry);
                debug_assert!(matches!(vacant, Entry::Vacant), "invariant 2");
                // There is nothing in it: not even look for what to drop.
                mem::forget(vacant);
                mem::replace(&mut self.free, next_free)
            }
            None => self.add_slot(Slot {
                ticket,
                prev,
                next: NIL,
                entry,
            }),
        };
        match self.head {
            NIL => self.head = index,
            _ => self.slots[prev as usize].next = index,
        }
        self.tail = index;
        self.n_waiting += 1;
        self.n_present += 1;
        Key { index, ticket }
    }

    #[cold]
    fn add_slot(&mut self, slot: Slot<W, G>) -> u32 {
        let index = u32::try_from(self.slots.len()).expect("fewer than 2^32 waiters");
        self.slots.push(slot);
        index
    }

    /// Grants `grant` to the first in line; `false` when nobody is.
    #[inline]
    pub(crate) fn grant_first(&mut self, grant: G, wakers: &mut Wakers) -> bool {
        self.grant_first_if(|_| Some(grant), wakers)
    }

    /// Grants the first in line what it is given for its want; `false` when it is given nothing, or
    /// nobody is in line.
    #[inline]
    pub(crate) fn grant_first_if(
        &mut self,
        grant: impl FnOnce(&W) -> Option<G>,
        wakers: &mut Wakers,
    ) -> bool {
        let Some(slot) = self.slots.get_mut(self.head as usize) else {
            return false;
        };
        let grant = match &slot.entry {
            Entry::Waiting { want, .. } => grant(want),
            _ => unreachable!("the head of the line waits (invariant 1)"),
        };
        let Some(grant) = grant else { return false };
        self.head = slot.next;
        self.n_waiting -= 1;
        slot.grant(grant, wakers);
        true
    }

    /// Grants everybody in line `grant()`, in order.
    pub(crate) fn grant_all(&mut self, mut grant: impl FnMut() -> G, wakers: &mut Wakers) {
        while self.head != NIL {
            self.grant_first(grant(), wakers);
        }
    }

    /// Grants `grant()` to those whose want is `chosen`, in order; the others stay in line.
    pub(crate) fn grant_where(
        &mut self,
        chosen: impl Fn(&W) -> bool,
        grant: impl Fn() -> G,
        wakers: &mut Wakers,
    ) {
        let mut index = self.head;
        while index != NIL {
            let slot = &self.slots[index as usize];
            let next = slot.next;
            if matches!(&slot.entry, Entry::Waiting { want, .. } if chosen(want)) {
                self.grant(index, grant(), wakers);
            }
            index = next;
        }
    }

    /// Takes the grant of `key`'s waiter, which then is gone, or notes whom to wake.
    #[inline(always)]
    pub(crate) fn poll(&mut self, key: Key, cx: &Context<'_>, wakers: &mut Wakers) -> Poll<G> {
        match &mut self.slot(key).entry {
            Entry::Vacant => unreachable!("a key is given up when its waiter leaves"),
            Entry::Granted(_) => {}
            Entry::Waiting { waker, .. } => {
                if !waker.will_wake(cx.waker()) {
                    wakers.retire(mem::replace(waker, cx.waker().clone()));
                }
                return Poll::Pending;
            }
        }
        match self.vacate(key.index) {
            Entry::Granted(grant) => Poll::Ready(grant),
            _ => unreachable!("the entry was looked at above"),
        }
    }

    /// Takes the grant of `key`'s waiter, if it has one, which then is gone.
    pub(crate) fn take(&mut self, key: Key) -> Option<G> {
        if !matches!(self.slot(key).entry, Entry::Granted(_)) {
            return None;
        }
        match self.vacate(key.index) {
            Entry::Granted(grant) => Some(grant),
            _ => unreachable!("the entry was looked at above"),
        }
    }

    /// Removes `key`'s waiter, whose future is being dropped.
    pub(crate) fn remove(&mut self, key: Key, wakers: &mut Wakers) -> Departed<G> {
        if matches!(self.slot(key).entry, Entry::Waiting { .. }) {
            self.unlink(key.index);
        }
        match self.vacate(key.index) {
            Entry::Vacant => unreachable!("a key is given up when its waiter leaves"),
            Entry::Granted(grant) => Departed::Granted(grant),
            Entry::Waiting { waker, .. } => {
                wakers.retire(waker);
                Departed::Waiting
            }
        }
    }

    /// The slot that `key` leads to.
    #[inline]
    fn slot(&mut self, key: Key) -> &mut Slot<W, G> {
        let slot = &mut self.slots[key.index as usize];
        assert!(slot.ticket == key.ticket, "a key outlived its waiter");
        slot
    }

    /// Takes a waiter out of line, leaves it its grant, and has it woken.
    fn grant(&mut self, index: u32, grant: G, wakers: &mut Wakers) {
        self.unlink(index);
        self.slots[index as usize].grant(grant, wakers);
    }

    /// Takes a waiting slot out of the line.
    fn unlink(&mut self, index: u32) {
        let Slot { prev, next, .. } = self.slots[index as usize];
        match self.head == index {
            true => self.head = next,
            false => self.slots[prev as usize].next = next,
        }
        match next {
            NIL => self.tail = prev,
            next => self.slots[next as usize].prev = prev,
        }
        self.n_waiting -= 1;
    }

    /// Empties a slot that is out of line and makes it the first free one.
    #[inline]
    fn vacate(&mut self, index: u32) -> Entry<W, G> {
        let slot = &mut self.slots[index as usize];
        slot.next = self.free;
        let entry = mem::replace(&mut slot.entry, Entry::Vacant);
        self.free = index;
        self.n_present -= 1;
        if self.slots.len() > IDLE_SLOTS_MAX && self.n_present == 0 {
            self.give_back();
        }
        entry
    }

    /// Gives the memory of a crowd back that has left.
    #[cold]
    fn give_back(&mut self) {
        self.slots.clear();
        self.slots.shrink_to(IDLE_SLOTS_MAX);
        self.free = NIL;
    }
}

impl<W, G> Slot<W, G> {
    /// Leaves a waiter, which the caller takes out of line, its grant, and has it woken.
    #[inline]
    fn grant(&mut self, grant: G, wakers: &mut Wakers) {
        match mem::replace(&mut self.entry, Entry::Granted(grant)) {
            Entry::Waiting { waker, .. } => wakers.push(waker),
            _ => unreachable!("only who waits is granted anything (invariant 1)"),
        }
    }
}

#[cfg(test)]
mod tests;
