//! Where the timers are kept: one vector, whose free entries are a list.
//!
//! After a burst the vector gives its memory back. An entry never moves, so that only the free ones
//! at its end can go; they are looked for each time the timers have become half as many as at the
//! last look, which is rare enough not to show.

use std::time::Instant;

use super::{Action, Key};

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

/// Which structure a timer is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The heap.
    Near,
    /// The list of a slot.
    Far { level: u8, slot: u8 },
}

/// One timer.
#[derive(Debug)]
pub(super) struct Timer {
    pub(super) deadline: Instant,
    /// Unique in the set, and growing.
    pub(super) arrival: u64,
    pub(super) action: Action,
    pub(super) place: Place,
    /// Its neighbours in the list of its slot.
    pub(super) next: Link,
    pub(super) previous: Link,
}

#[derive(Debug)]
enum Entry {
    Live(Timer),
    /// The next free entry.
    Free(Link),
}

/// The timers of a set.
#[derive(Debug)]
pub(super) struct Slab {
    entries: Vec<Entry>,
    free: Link,
    len: usize,
    /// As few timers as make a look for free entries at the end worth it.
    few: usize,
}

impl Default for Slab {
    fn default() -> Slab {
        Slab {
            entries: Vec::new(),
            free: Link::NONE,
            len: 0,
            few: 0,
        }
    }
}

impl Slab {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Keeps a timer, and returns its place.
    ///
    /// # Panics
    ///
    /// With 2^32 - 1 timers.
    pub(super) fn insert(&mut self, timer: Timer) -> u32 {
        self.len += 1;
        if let Some(index) = self.free.index() {
            let entry = &mut self.entries[index as usize];
            match std::mem::replace(entry, Entry::Live(timer)) {
                Entry::Free(next) => self.free = next,
                Entry::Live(_) => unreachable!("the list of free entries has none in use"),
            }
            return index;
        }
        let index = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        assert!(index != u32::MAX, "too many timers for one loop");
        self.entries.push(Entry::Live(timer));
        self.few = self.entries.len() / 4;
        index
    }

    /// The timer of a key, if it is still there.
    pub(super) fn get(&self, key: Key) -> Option<&Timer> {
        match self.entries.get(key.index as usize) {
            Some(Entry::Live(timer)) if timer.arrival == key.arrival => Some(timer),
            _ => None,
        }
    }

    /// The timer of a key, if it is still there.
    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut Timer> {
        match self.entries.get_mut(key.index as usize) {
            Some(Entry::Live(timer)) if timer.arrival == key.arrival => Some(timer),
            _ => None,
        }
    }

    /// A timer that is known to be there.
    pub(super) fn live(&self, index: u32) -> &Timer {
        match &self.entries[index as usize] {
            Entry::Live(timer) => timer,
            Entry::Free(_) => unreachable!("what is in a list or in the heap is live"),
        }
    }

    /// A timer that is known to be there.
    pub(super) fn live_mut(&mut self, index: u32) -> &mut Timer {
        match &mut self.entries[index as usize] {
            Entry::Live(timer) => timer,
            Entry::Free(_) => unreachable!("what is in a list or in the heap is live"),
        }
    }

    /// Takes out a timer that is known to be there.
    pub(super) fn remove(&mut self, index: u32) -> Timer {
        let free = Entry::Free(self.free);
        let Entry::Live(timer) = std::mem::replace(&mut self.entries[index as usize], free) else {
            unreachable!("what is removed is live");
        };
        self.free = Link::to(index);
        self.len -= 1;
        if self.len <= self.few && self.entries.len() > KEPT {
            self.shrink();
        }
        timer
    }

    /// Takes out all timers, in no particular order.
    pub(super) fn take_all(&mut self) -> Vec<Timer> {
        let entries = std::mem::take(self).entries;
        let live = entries.into_iter().filter_map(|entry| match entry {
            Entry::Live(timer) => Some(timer),
            Entry::Free(_) => None,
        });
        live.collect()
    }

    /// Gives back the free entries at the end.
    fn shrink(&mut self) {
        self.few = self.len / 2;
        let is_live = |entry: &Entry| matches!(entry, Entry::Live(_));
        let end = self.entries.iter().rposition(is_live).map_or(0, |n| n + 1);
        self.entries.truncate(end);
        self.entries.shrink_to(end.max(KEPT));
        self.free = Link::NONE;
        for (index, entry) in self.entries.iter_mut().enumerate().rev() {
            if let Entry::Free(next) = entry {
                *next = std::mem::replace(&mut self.free, Link::to(index as u32));
            }
        }
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.entries.capacity()
    }
}
