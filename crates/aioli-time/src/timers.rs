//! The timers of one loop: a wheel for what is far, exact order for what is near.
//!
//! Time is cut into ticks of 2^17 ns (131 µs). Of the ticks, the *current* one and all before it
//! are **near**: their timers are kept in order (`near.rs`), by their deadlines, and by their arrival
//! among equal deadlines. Everything later is **far**, in a slot of one of eight levels. A tick is
//! read as a number of eight digits to the base 64; a far timer is on the level of the highest
//! digit in which its tick differs from the current one, in the slot of that digit's value:
//!
//! | | is in | leaves for |
//! |---|---|---|
//! | near | the order | its firing, or its removal |
//! | far, level 0 | the slot of its own tick | near, when that tick becomes the current one |
//! | far, level *n* | a slot of 64ⁿ ticks | a lower level or near, when the slot's first tick does |
//!
//! What is on a level is due before everything on the levels above it, and lower slots are due
//! before higher ones, so the lowest bit of the lowest level in use shows the next slot. Adding and
//! removing a far timer touches one list, whatever the number of timers; most are removed, a
//! timeout that did not strike, and are never put in order.
//!
//! Ticks only sort: what fires is decided by the exact deadline, so nothing fires early, and what
//! is due together fires in order. The set knows no loop and no thread: it is given the time, and
//! gives back whom to wake. Nothing is woken or dropped in here, because a waker may run anything,
//! this set's own operations included.

use std::task::Waker;

pub(crate) use self::due::Due;
use self::near::Near;
use self::slab::{Link, Slab};
use crate::moment::Moment;

mod due;
mod near;
mod slab;

/// The length of a tick, as a power of two of nanoseconds.
const TICK_BITS: u32 = 17;

/// The length of a digit, in bits: a level has a slot for each of its values.
const DIGIT_BITS: u32 = 6;

/// The slots of a level.
const SLOTS: usize = 1 << DIGIT_BITS;

/// As many levels as it takes for every tick that 64 bits of nanoseconds have.
const LEVELS: usize = (u64::BITS - TICK_BITS).div_ceil(DIGIT_BITS) as usize;

/// Names one timer: where it is kept, and a number that no other timer of the set has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    arrival: u64,
    index: u32,
}

impl Key {
    /// Its parts, to be given to [`from_parts`](Key::from_parts).
    pub(crate) fn parts(self) -> (u64, u32) {
        (self.arrival, self.index)
    }

    pub(crate) const fn from_parts(arrival: u64, index: u32) -> Key {
        Key { arrival, index }
    }
}

/// Where a timer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Among those that are kept in order.
    Near,
    /// The list of a slot.
    Far { level: usize, slot: usize },
}

/// The timers of one loop.
#[derive(Debug)]
pub(crate) struct Timers {
    /// The beginning of the first tick. What is due earlier is in that tick too.
    origin: Moment,
    /// The current tick.
    current: u64,
    slab: Slab,
    near: Near,
    /// The first timer of each slot, level by level.
    slots: [[Link; SLOTS]; LEVELS],
    /// The slots of a level that are not empty, one bit each.
    occupied: [u64; LEVELS],
    /// The earliest deadline, as long as it is known.
    earliest: Option<Moment>,
    /// The number of the next timer.
    arrivals: u64,
}

impl Timers {
    /// An empty set. `origin` should not be later than the deadlines to come: those would all be
    /// near, which is slower, though right.
    pub(crate) fn new(origin: Moment) -> Timers {
        Timers {
            origin,
            current: 0,
            slab: Slab::default(),
            near: Near::default(),
            slots: [[Link::NONE; SLOTS]; LEVELS],
            occupied: [0; LEVELS],
            earliest: None,
            arrivals: 0,
        }
    }

    /// Adds a timer. It fires after every timer with the same deadline that is there already.
    /// Also tells whether it may be the earliest one now.
    pub(crate) fn insert(&mut self, deadline: Moment, waker: Waker) -> (Key, bool) {
        let is_earliest = self.note(deadline);
        let arrival = self.arrivals;
        self.arrivals += 1;
        let index = self.slab.insert(deadline, arrival, waker);
        self.place(index, deadline);
        (Key { arrival, index }, is_earliest)
    }

    /// Keeps a place for a timer to come, as of now: it will fire after every timer with the same
    /// deadline that is there already, and before all that are added later. There is one such place.
    pub(crate) fn reserve(&mut self) -> Key {
        let arrival = self.arrivals;
        self.arrivals += 1;
        self.slab.reserve(arrival)
    }

    /// Whether the key is that of the place that is kept.
    #[inline]
    pub(crate) fn is_reserved(&self, key: Key) -> bool {
        self.slab.reserved() == Some(key)
    }

    /// Adds the timer that a place has been kept for.
    pub(crate) fn insert_reserved(&mut self, deadline: Moment, waker: Waker) {
        self.note(deadline);
        let index = self.slab.fill_reserved(deadline, waker);
        self.place(index, deadline);
    }

    /// A timer is about to be added. Tells whether it may be the earliest one.
    #[inline]
    fn note(&mut self, deadline: Moment) -> bool {
        // The earliest is not looked for here: it is not known after each removal of it.
        let is_earliest = self.earliest.is_none_or(|first| deadline < first);
        if is_earliest && (self.earliest.is_some() || self.len() == 0) {
            self.earliest = Some(deadline);
        }
        is_earliest
    }

    /// Removes a timer; the caller drops its waker where it holds no lock.
    #[must_use]
    pub(crate) fn remove(&mut self, key: Key) -> Option<Waker> {
        let deadline = self.slab.deadline(key)?;
        if self.earliest == Some(deadline) {
            self.earliest = None;
        }
        match self.place_of(deadline) {
            Place::Near => self.near.forget_one(),
            Place::Far { level, slot } => self.unlink(key.index, level, slot),
        }
        let waker = self.slab.remove(key.index);
        self.near.purge(&self.slab);
        Some(waker)
    }

    /// The waker of a timer that has not fired.
    pub(crate) fn waker_mut(&mut self, key: Key) -> Option<&mut Waker> {
        self.slab.waker_mut(key)
    }

    /// The earliest deadline.
    ///
    /// Looks through the timers of one slot when the earliest timer has been removed since the last
    /// call, and nothing is near.
    pub(crate) fn next_deadline(&mut self) -> Option<Moment> {
        if self.earliest.is_none() && self.len() > 0 {
            self.earliest = self.near.first(&self.slab).or_else(|| self.first_far());
        }
        self.earliest
    }

    /// Takes out everything that is due at `now`, in order.
    #[must_use]
    pub(crate) fn take_due(&mut self, now: Moment) -> Due {
        let mut due = Due::default();
        loop {
            while let Some(index) = self.near.pop_due(now, &self.slab) {
                due.push(self.slab.remove(index));
            }
            // While something is near, everything far is later.
            if !self.near.is_empty() || !self.advance(self.tick(now)) {
                break;
            }
        }
        self.near.give_back();
        self.earliest = None;
        due
    }

    /// Takes out everything, in order.
    #[must_use]
    pub(crate) fn take_all(&mut self) -> Vec<(Key, Waker)> {
        self.near.clear();
        self.slots = [[Link::NONE; SLOTS]; LEVELS];
        self.occupied = [0; LEVELS];
        self.earliest = None;
        self.slab.take_all()
    }

    /// How many timers there are.
    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    /// The tick a moment is in.
    #[inline]
    fn tick(&self, moment: Moment) -> u64 {
        moment.nanoseconds_since(self.origin) >> TICK_BITS
    }

    /// Where a timer with this deadline is. It stays there until the current tick is one of its
    /// slot's.
    #[inline]
    fn place_of(&self, deadline: Moment) -> Place {
        let tick = self.tick(deadline);
        if tick <= self.current {
            return Place::Near;
        }
        let highest = u64::BITS - 1 - (tick ^ self.current).leading_zeros();
        let level = (highest / DIGIT_BITS) as usize;
        let slot = (tick >> (level as u32 * DIGIT_BITS)) as usize % SLOTS;
        Place::Far { level, slot }
    }

    /// Puts a timer that is in no list where it belongs.
    #[inline(always)]
    fn place(&mut self, index: u32, deadline: Moment) {
        match self.place_of(deadline) {
            Place::Near => {
                let arrival = self.slab.live(index).arrival;
                self.near.push(deadline, arrival, index);
            }
            Place::Far { level, slot } => self.link(index, level, slot),
        }
    }

    /// Puts a timer into a slot.
    #[inline]
    fn link(&mut self, index: u32, level: usize, slot: usize) {
        let next = std::mem::replace(&mut self.slots[level][slot], Link::to(index));
        self.occupied[level] |= 1 << slot;
        if let Some(next) = next.index() {
            self.slab.live_mut(next).previous = Link::to(index);
        }
        let timer = self.slab.live_mut(index);
        timer.next = next;
        timer.previous = Link::NONE;
    }

    /// Takes a timer out of its slot.
    #[inline]
    fn unlink(&mut self, index: u32, level: usize, slot: usize) {
        let timer = self.slab.live(index);
        let (next, previous) = (timer.next, timer.previous);
        if let Some(next) = next.index() {
            self.slab.live_mut(next).previous = previous;
        }
        if let Some(previous) = previous.index() {
            self.slab.live_mut(previous).next = next;
            return;
        }
        debug_assert!(
            self.slots[level][slot] == Link::to(index),
            "it is the first there"
        );
        self.slots[level][slot] = next;
        if next.index().is_none() {
            self.occupied[level] &= !(1 << slot);
        }
    }

    /// The slot that is due first: its level, itself, and its first tick.
    fn first_slot(&self) -> Option<(usize, usize, u64)> {
        let level = self.occupied.iter().position(|slots| *slots != 0)?;
        let slot = self.occupied[level].trailing_zeros();
        let shift = level as u32 * DIGIT_BITS;
        let above = self.current >> shift >> DIGIT_BITS << DIGIT_BITS;
        Some((level, slot as usize, (above | u64::from(slot)) << shift))
    }

    /// The earliest deadline of the far timers.
    fn first_far(&self) -> Option<Moment> {
        let (level, slot, _) = self.first_slot()?;
        let first = self.slots[level][slot].index();
        let after = |&index: &u32| self.slab.live(index).next.index();
        std::iter::successors(first, after)
            .map(|index| self.slab.live(index).deadline)
            .min()
    }

    /// Moves the current tick on to the next slot that is in use, and its timers to where they
    /// belong then; to `until` when no slot begins before its end. Returns whether a slot was found.
    fn advance(&mut self, until: u64) -> bool {
        let Some((level, slot, begin)) = self.first_slot().filter(|(_, _, tick)| *tick <= until)
        else {
            self.current = self.current.max(until);
            return false;
        };
        self.current = begin;
        self.occupied[level] &= !(1 << slot);
        let mut link = std::mem::replace(&mut self.slots[level][slot], Link::NONE);
        while let Some(index) = link.index() {
            let timer = self.slab.live(index);
            let (deadline, arrival) = (timer.deadline, timer.arrival);
            link = timer.next;
            match self.place_of(deadline) {
                Place::Near => self.near.add(deadline, arrival, index),
                Place::Far { level, slot } => self.link(index, level, slot),
            }
        }
        self.near.sort();
        true
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
