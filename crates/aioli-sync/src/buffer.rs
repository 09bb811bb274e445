//! Items in transit between those who put and those who get: the core of queues and channels.
//!
//! A buffer is two counters of things that are handed out fairly: *items* to getters and
//! *slots* to putters. A waiter is granted one of them as a **promise**; the item stays in
//! the buffer, and the slot stays empty, until the waiter's future is polled and completes.
//! So
//!
//! * a getter that is dropped leaves its item exactly where it was, order included;
//! * a putter that is dropped has put nothing, and its item is dropped with its future;
//! * the bounds, of number and of weight, are never exceeded, not even for a moment;
//! * nobody overtakes: what is promised is not there for anybody else.

use crate::patience::Patience;
use crate::wait_list::{Departed, WaitList};
use crate::wakers::Wakers;
use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Where the items are kept, which decides in which order they come out.
pub trait Items<T> {
    /// Whether items are compared, by users' code that may panic: then what was pushed is in, and what
    /// was to be popped is [`Lost`].
    const COMPARES: bool = false;

    /// What is left of a `pop` that has panicked; [`Infallible`] where none can.
    type Lost: Loss<T>;

    /// Puts an item in. What keeps no weights takes them all for 0.
    fn push(&mut self, item: T, weight: usize);
    /// Takes the next item out, and gives memory back that is no longer needed.
    fn pop(&mut self) -> Result<Option<(T, usize)>, Self::Lost>;
    /// How many items are in.
    fn len(&self) -> usize;
    /// From now on, while it is still empty, keeps weights if it can.
    fn keep_weights(&mut self) {}
}

/// What a panic was called with.
pub(crate) type Panic = Box<dyn Any + Send>;

/// An item that was taken out while comparing the others panicked, and that panic.
///
/// Both hold users' code that drops them: they leave the critical section, and the panic goes on
/// outside.
pub struct Lost<T> {
    pub(crate) item: T,
    pub(crate) weight: usize,
    pub(crate) panic: Panic,
}

impl<T> fmt::Debug for Lost<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lost").finish_non_exhaustive()
    }
}

/// A [`Lost`], or where there is none, nothing.
pub trait Loss<T>: Sized {
    /// What the item weighs.
    fn weight(&self) -> usize;

    /// Takes it apart.
    fn into_lost(self) -> Lost<T>;

    /// Drops the item and lets the panic go on, where the lock is free.
    #[cold]
    fn resume(self) -> ! {
        let Lost { item, panic, .. } = self.into_lost();
        drop(item);
        resume_unwind(panic)
    }
}

impl<T> Loss<T> for Lost<T> {
    fn weight(&self) -> usize {
        self.weight
    }

    fn into_lost(self) -> Lost<T> {
        self
    }
}

impl<T> Loss<T> for Infallible {
    fn weight(&self) -> usize {
        match *self {}
    }

    fn into_lost(self) -> Lost<T> {
        match self {}
    }
}

/// What a waiter learns when its wait is over.
pub(crate) enum Grant<R> {
    /// An item, or a slot, is promised to it.
    Promise,
    /// There will not be any, for this reason.
    Refusal(R),
}

/// A line of a buffer.
pub(crate) type Line<W, R> = WaitList<W, Grant<R>>;

/// What a putter queues with.
pub(crate) trait Want {
    /// Whether there are weights at all. Without them their arithmetic is compiled away.
    const IS_WEIGHED: bool;

    /// How much room it needs.
    fn weight(&self) -> usize;
}

/// How much a buffer may hold; `usize::MAX` is no bound.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) items: usize,
    pub(crate) weight: usize,
}

impl Bounds {
    pub(crate) const NONE: Bounds = Bounds::items(usize::MAX);

    pub(crate) const fn items(items: usize) -> Bounds {
        Bounds {
            items,
            weight: usize::MAX,
        }
    }

    /// Whether one more, of this weight, may come to so many items of the weight `taken`.
    #[inline]
    fn have_room<W: Want>(self, count: usize, taken: usize, weight: usize) -> bool {
        count < self.items && (!W::IS_WEIGHED || weight <= self.weight - taken)
    }

    /// The bound of the items' number, if there is one.
    pub(crate) fn max_items(self) -> Option<usize> {
        finite(self.items)
    }

    /// The bound of their weight, if there is one.
    pub(crate) fn max_weight(self) -> Option<usize> {
        finite(self.weight)
    }
}

fn finite(number: usize) -> Option<usize> {
    (number != usize::MAX).then_some(number)
}

/// Items, and who waits for items and for slots.
///
/// # Invariants
///
/// Outside a critical section:
/// 1. `promised_items <= items.len()`, and `items.len() + promised_slots <= bounds.items`.
/// 2. `weight` is that of the items and of what the promised slots are for, and
///    `weight <= bounds.weight`.
/// 3. If a getter is in line, every item is promised; if a putter is, there is no room for the
///    first in line.
pub(crate) struct Buffer<I, W, R> {
    items: I,
    bounds: Bounds,
    promised_items: usize,
    promised_slots: usize,
    weight: usize,
    pub(crate) getters: Line<u64, R>,
    pub(crate) putters: Line<W, R>,
    pub(crate) getting: Patience,
    pub(crate) putting: Patience,
}

impl<I, W: Want, R> Buffer<I, W, R> {
    pub(crate) const fn new(items: I, bounds: Bounds) -> Buffer<I, W, R> {
        Buffer {
            items,
            bounds,
            promised_items: 0,
            promised_slots: 0,
            weight: 0,
            getters: WaitList::new(),
            putters: WaitList::new(),
            getting: Patience::new(),
            putting: Patience::new(),
        }
    }

    pub(crate) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// The weight of the items, and of those that have been promised a slot.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    pub(crate) fn len<T>(&self) -> usize
    where
        I: Items<T>,
    {
        self.items.len()
    }

    /// Whether an item of this weight may go in now: there is room, and nobody is before it.
    #[inline]
    pub(crate) fn takes<T>(&self, weight: usize) -> bool
    where
        I: Items<T>,
    {
        // Where all weigh alike, nobody is in line while there is room (invariant 3).
        self.has_room(weight) && (!W::IS_WEIGHED || self.putters.len() == 0)
    }

    /// Puts in an item that may go in.
    #[inline]
    pub(crate) fn put<T>(&mut self, item: T, weight: usize, wakers: &mut Wakers)
    where
        I: Items<T>,
    {
        debug_assert!(self.takes(weight), "the bounds are never exceeded");
        if W::IS_WEIGHED {
            self.weight += weight;
        }
        self.push(item, weight, wakers);
    }

    /// Puts an item in and promises it on, also when its `Ord` panics.
    #[inline]
    fn push<T>(&mut self, item: T, weight: usize, wakers: &mut Wakers)
    where
        I: Items<T>,
    {
        if !I::COMPARES {
            self.items.push(item, weight);
            return self.serve_getters(wakers);
        }
        let push = AssertUnwindSafe(|| self.items.push(item, weight));
        let pushed = catch_unwind(push);
        self.serve_getters(wakers);
        pushed.unwrap_or_else(|panic| resume_unwind(panic));
    }

    /// Takes an item out if one is there that nobody before us was promised.
    #[inline]
    pub(crate) fn try_get<T>(&mut self, wakers: &mut Wakers) -> Result<Option<T>, I::Lost>
    where
        I: Items<T>,
    {
        if self.promised_items < self.items.len() {
            self.pop(wakers)
        } else {
            Ok(None)
        }
    }

    /// Fills a promised slot.
    #[inline]
    pub(crate) fn put_promised<T>(&mut self, item: T, weight: usize, wakers: &mut Wakers)
    where
        I: Items<T>,
    {
        self.promised_slots -= 1;
        self.push(item, weight, wakers);
    }

    /// Takes a promised item; `None` if [`take_all`](Self::take_all) was faster.
    #[inline]
    pub(crate) fn get_promised<T>(&mut self, wakers: &mut Wakers) -> Result<Option<T>, I::Lost>
    where
        I: Items<T>,
    {
        let Some(others) = self.promised_items.checked_sub(1) else {
            return Ok(None);
        };
        self.promised_items = others;
        self.pop(wakers)
    }

    /// Takes the next item out, and promises its room on, also when it is lost.
    // PERF: mpsc. Left to itself the compiler makes a call of it, with the item in memory.
    #[inline(always)]
    fn pop<T>(&mut self, wakers: &mut Wakers) -> Result<Option<T>, I::Lost>
    where
        I: Items<T>,
    {
        match self.items.pop() {
            Ok(Some((item, weight))) => {
                self.give_room(weight, wakers);
                Ok(Some(item))
            }
            Ok(None) => Ok(None),
            Err(lost) => {
                self.give_room(lost.weight(), wakers);
                Err(lost)
            }
        }
    }

    /// The room of an item that is out is promised on.
    #[inline]
    fn give_room<T>(&mut self, weight: usize, wakers: &mut Wakers)
    where
        I: Items<T>,
    {
        if W::IS_WEIGHED {
            self.weight -= weight;
        }
        self.serve_putters(wakers);
    }

    /// A getter is gone: what it was promised is promised to the next.
    pub(crate) fn abandon_get<T>(&mut self, departed: &Departed<Grant<R>>, wakers: &mut Wakers)
    where
        I: Items<T>,
    {
        if let Departed::Granted(Grant::Promise) = departed {
            // After `take_all` there is neither an item nor a promise left.
            self.promised_items = self.promised_items.saturating_sub(1);
            self.serve_getters(wakers);
        }
    }

    /// A putter of so much is gone: the slot it was promised is promised to the next.
    pub(crate) fn abandon_put<T>(
        &mut self,
        weight: usize,
        departed: &Departed<Grant<R>>,
        wakers: &mut Wakers,
    ) where
        I: Items<T>,
    {
        match departed {
            Departed::Granted(Grant::Promise) => self.decline_slot(weight, wakers),
            Departed::Granted(Grant::Refusal(_)) => {}
            // A heavy item at the head may have been all that held the others up.
            Departed::Waiting => self.serve_putters(wakers),
        }
    }

    /// A promised slot will not be filled, because its putter was refused meanwhile.
    pub(crate) fn decline_slot<T>(&mut self, weight: usize, wakers: &mut Wakers)
    where
        I: Items<T>,
    {
        self.promised_slots -= 1;
        self.weight -= weight;
        self.serve_putters(wakers);
    }

    /// Takes everything out and breaks all promises of items. Beside the items it returns with what
    /// an item's `Ord` has panicked: both are dropped, and the first goes on, where the lock is free.
    pub(crate) fn take_all<T>(&mut self) -> (Vec<T>, Vec<Panic>)
    where
        I: Items<T>,
    {
        self.promised_items = 0;
        let (mut items, mut panics) = (Vec::with_capacity(self.items.len()), Vec::new());
        loop {
            let (item, weight) = match self.items.pop() {
                Ok(Some(popped)) => popped,
                Ok(None) => return (items, panics),
                Err(lost) => {
                    let lost = lost.into_lost();
                    panics.push(lost.panic);
                    (lost.item, lost.weight)
                }
            };
            self.weight -= weight;
            items.push(item);
        }
    }

    #[inline]
    fn has_room<T>(&self, weight: usize) -> bool
    where
        I: Items<T>,
    {
        let count = self.items.len() + self.promised_slots;
        self.bounds.have_room::<W>(count, self.weight, weight)
    }

    #[inline]
    fn serve_getters<T>(&mut self, wakers: &mut Wakers)
    where
        I: Items<T>,
    {
        if self.getters.len() > 0 {
            self.promise_items(wakers);
        }
    }

    #[inline(never)]
    fn promise_items<T>(&mut self, wakers: &mut Wakers)
    where
        I: Items<T>,
    {
        self.getting.serve();
        while self.promised_items < self.items.len()
            && self.getters.grant_first(Grant::Promise, wakers)
        {
            self.promised_items += 1;
        }
    }

    #[inline]
    fn serve_putters<T>(&mut self, wakers: &mut Wakers)
    where
        I: Items<T>,
    {
        if self.putters.len() > 0 {
            self.promise_slots(wakers);
        }
    }

    #[inline(never)]
    fn promise_slots<T>(&mut self, wakers: &mut Wakers)
    where
        I: Items<T>,
    {
        let Buffer {
            items,
            bounds,
            promised_slots,
            weight: taken,
            putters,
            putting,
            ..
        } = self;
        putting.serve();
        let mut take = |want: &W| {
            let weight = want.weight();
            let has_room = bounds.have_room::<W>(items.len() + *promised_slots, *taken, weight);
            has_room.then(|| {
                *promised_slots += 1;
                *taken += weight;
                Grant::Promise
            })
        };
        while putters.grant_first_if(&mut take, wakers) {}
    }
}
