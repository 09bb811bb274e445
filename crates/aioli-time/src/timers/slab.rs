//! Where the timers are kept: one vector, whose free entries are a list.
//!
//! After a burst the vector gives its memory back. An entry never moves, so that only the free ones
//! at its end can go; they are looked for each time the timers have become half as many as at the
//! last look, which is rare enough not to show.

use std::task::Waker;

use super::Key;
use crate::moment::Moment;

/// So many entries are never given back.
const KEPT: usize = 64;

/// The place of another entry, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link(u32);

impl Link {
    pub(super) const NONE: Link = Link(u32::MAX);

    pub(super) fn to(index: u32) -> Link {
        Link(index)
    }

    pub(super) fn index(self) -> Option<u32> {
        (self != Link::NONE).then_some(self.0)
    }
}

/// One timer, or a free entry. A million of them are 40 MB: nothing is kept that can be computed.
#[derive(Debug)]
pub(super) struct Timer {
    pub(super) deadline: Moment,
    /// Unique in the set, and growing; of a free entry that of its last timer.
    pub(super) arrival: u64,
    /// `None` of a free entry.
    waker: Option<Waker>,
    /// The neighbours in the list of its slot, or of the free entries, which has one direction.
    pub(super) next: Link,
    pub(super) previous: Link,
}

const _: () = assert!(size_of::<Timer>() == 40);

/// The timers of a set.
#[derive(Debug)]
pub(super) struct Slab {
    entries: Vec<Timer>,
    free: Link,
    /// The key of a timer to come, whose entry is kept for it, being neither live nor free.
    reserved: Option<Key>,
    len: usize,
    /// As few timers as make a look for free entries at the end worth it.
    few: usize,
}

impl Default for Slab {
    fn default() -> Slab {
        Slab {
            entries: Vec::new(),
            free: Link::NONE,
            reserved: None,
            len: 0,
            few: 0,
        }
    }
}

impl Slab {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Keeps a timer that is in no list, and returns its place.
    ///
    /// # Panics
    ///
    /// With 2^32 - 1 timers.
    #[inline]
    pub(super) fn insert(&mut self, deadline: Moment, arrival: u64, waker: Waker) -> u32 {
        self.len += 1;
        let Some(index) = self.free.index() else {
            return self.push(deadline, arrival, Some(waker));
        };
        let entry = &mut self.entries[index as usize];
        debug_assert!(entry.waker.is_none(), "what is on the free list is free");
        self.free = entry.next;
        entry.deadline = deadline;
        entry.arrival = arrival;
        entry.waker = Some(waker);
        index
    }

    fn push(&mut self, deadline: Moment, arrival: u64, waker: Option<Waker>) -> u32 {
        let index = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        assert!(index != u32::MAX, "too many timers for one loop");
        self.entries.push(Timer {
            deadline,
            arrival,
            waker,
            next: Link::NONE,
            previous: Link::NONE,
        });
        self.few = self.entries.len() / 4;
        index
    }

    /// Keeps an entry for a timer to come, or gives the one that is kept a new number.
    ///
    /// # Panics
    ///
    /// As for [`insert`](Slab::insert).
    pub(super) fn reserve(&mut self, arrival: u64) -> Key {
        let index = match (self.reserved, self.free.index()) {
            (Some(key), _) => key.index,
            (None, Some(free)) => {
                self.free = self.entries[free as usize].next;
                free
            }
            (None, None) => self.push(Moment::from_number(0), arrival, None),
        };
        let key = Key { arrival, index };
        self.reserved = Some(key);
        key
    }

    #[inline]
    pub(super) fn reserved(&self) -> Option<Key> {
        self.reserved
    }

    /// Keeps the timer that an entry has been kept for, and returns its place.
    pub(super) fn fill_reserved(&mut self, deadline: Moment, waker: Waker) -> u32 {
        let key = self.reserved.take();
        let Key { arrival, index } = key.expect("a place has been kept for it");
        self.len += 1;
        let entry = &mut self.entries[index as usize];
        entry.deadline = deadline;
        entry.arrival = arrival;
        entry.waker = Some(waker);
        index
    }

    /// The deadline of a key's timer, if that is still there.
    #[inline]
    pub(super) fn deadline(&self, key: Key) -> Option<Moment> {
        let entry = self.entries.get(key.index as usize)?;
        (entry.arrival == key.arrival && entry.waker.is_some()).then_some(entry.deadline)
    }

    /// The waker of a key's timer, if that is still there.
    #[inline]
    pub(super) fn waker_mut(&mut self, key: Key) -> Option<&mut Waker> {
        let entry = self.entries.get_mut(key.index as usize)?;
        let waker = entry.waker.as_mut()?;
        (entry.arrival == key.arrival).then_some(waker)
    }

    /// A timer that is known to be there.
    #[inline]
    pub(super) fn live(&self, index: u32) -> &Timer {
        let entry = &self.entries[index as usize];
        debug_assert!(
            entry.waker.is_some(),
            "what is in a list or the heap is live"
        );
        entry
    }

    /// A timer that is known to be there.
    #[inline]
    pub(super) fn live_mut(&mut self, index: u32) -> &mut Timer {
        let entry = &mut self.entries[index as usize];
        debug_assert!(
            entry.waker.is_some(),
            "what is in a list or the heap is live"
        );
        entry
    }

    /// Takes out a timer that is known to be there.
    #[inline]
    pub(super) fn remove(&mut self, index: u32) -> Waker {
        let entry = &mut self.entries[index as usize];
        let waker = entry.waker.take();
        entry.next = self.free;
        self.free = Link::to(index);
        self.len -= 1;
        if self.len <= self.few && self.entries.len() > KEPT {
            self.shrink();
        }
        waker.expect("what is removed is live")
    }

    /// Takes out all timers, in the order in which they are due.
    pub(super) fn take_all(&mut self) -> Vec<(Key, Waker)> {
        let entries = std::mem::take(self).entries;
        let live = (0..).zip(entries).filter_map(|(index, timer)| {
            let key = Key::from_parts(timer.arrival, index);
            timer.waker.map(|waker| (timer.deadline, key, waker))
        });
        let mut live: Vec<_> = live.collect();
        live.sort_unstable_by_key(|(deadline, key, _)| (*deadline, *key));
        live.into_iter()
            .map(|(_, key, waker)| (key, waker))
            .collect()
    }

    /// Gives back the free entries at the end.
    #[cold]
    fn shrink(&mut self) {
        self.few = self.len / 2;
        let reserved = self.reserved.map(|key| key.index as usize);
        let is_free =
            |(at, entry): &(usize, &mut Timer)| entry.waker.is_none() && Some(*at) != reserved;
        let mut used = self.entries.iter_mut().enumerate();
        let end = used
            .rfind(|entry| !is_free(entry))
            .map_or(0, |(at, _)| at + 1);
        // PERF: `timers_1m`: the list is made anew only for a good part of the memory.
        if end > self.entries.len() / 4 * 3 {
            return;
        }
        self.entries.truncate(end);
        self.entries.shrink_to(end.max(KEPT));
        self.free = Link::NONE;
        for (at, entry) in self.entries.iter_mut().enumerate().rev().filter(is_free) {
            entry.next = std::mem::replace(&mut self.free, Link::to(at as u32));
        }
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.entries.capacity()
    }
}
