//! Items in transit between those who put and those who get: the core of queues and channels.
//!
//! A buffer is two counters of things that are handed out fairly: *items* to getters and
//! *slots* to putters. A waiter is granted one of them as a **promise**; the item stays in
//! the buffer, and the slot stays empty, until the waiter's future is polled and completes.
//! So
//!
//! * a getter that is dropped leaves its item exactly where it was, order included;
//! * a putter that is dropped has put nothing, and its item is dropped with its future;
//! * the bound is never exceeded, not even for a moment;
//! * nobody overtakes: what is promised is not there for anybody else.

use crate::wait_list::{Departed, WaitList};
use crate::wakers::Wakers;

/// Where the items are kept, which decides in which order they come out.
pub trait Items<T> {
    /// Puts an item in.
    fn push(&mut self, item: T);
    /// Takes the next item out.
    fn pop(&mut self) -> Option<T>;
    /// How many items are in.
    fn len(&self) -> usize;
}

/// What a waiter learns when its wait is over.
pub(crate) enum Grant<R> {
    /// An item, or a slot, is promised to it.
    Promise,
    /// There will not be any, for this reason.
    Refusal(R),
}

/// One of the two lines of a buffer; the want is the handle that waits.
pub(crate) type Line<R> = WaitList<u64, Grant<R>>;

/// Items, and who waits for items and for slots.
///
/// # Invariants
///
/// Outside a critical section:
/// 1. `promised_items <= items.len()`, and `items.len() + promised_slots <= capacity`.
/// 2. If a getter is in line, every item is promised; if a putter is, every slot is.
pub(crate) struct Buffer<I, R> {
    items: I,
    capacity: usize,
    promised_items: usize,
    promised_slots: usize,
    pub(crate) getters: Line<R>,
    pub(crate) putters: Line<R>,
}

impl<I, R> Buffer<I, R> {
    pub(crate) const fn new(items: I, capacity: usize) -> Buffer<I, R> {
        Buffer {
            items,
            capacity,
            promised_items: 0,
            promised_slots: 0,
            getters: WaitList::new(),
            putters: WaitList::new(),
        }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn len<T>(&self) -> usize
    where
        I: Items<T>,
    {
        self.items.len()
    }

    /// Puts an item in if a slot is free and nobody is before us.
    pub(crate) fn try_put<T>(&mut self, item: T, wakers: &mut Wakers) -> Result<(), T>
    where
        I: Items<T>,
    {
        if self.items.len() + self.promised_slots < self.capacity {
            self.items.push(item);
            self.serve_getters(wakers);
            Ok(())
        } else {
            Err(item)
        }
    }

    /// Takes an item out if one is there that nobody before us was promised.
    pub(crate) fn try_get<T>(&mut self, wakers: &mut Wakers) -> Option<T>
    where
        I: Items<T>,
    {
        if self.promised_items < self.items.len() {
            let item = self.items.pop();
            self.serve_putters(wakers);
            item
        } else {
            None
        }
    }

    /// Fills a promised slot.
    pub(crate) fn put_promised<T>(&mut self, item: T, wakers: &mut Wakers)
    where
        I: Items<T>,
    {
        self.promised_slots -= 1;
        self.items.push(item);
        self.serve_getters(wakers);
    }

    /// Takes a promised item; `None` if [`take_all`](Self::take_all) was faster.
    pub(crate) fn get_promised<T>(&mut self, wakers: &mut Wakers) -> Option<T>
    where
        I: Items<T>,
    {
        self.promised_items = self.promised_items.checked_sub(1)?;
        let item = self.items.pop();
        self.serve_putters(wakers);
        item
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

    /// A putter is gone: the slot it was promised is promised to the next.
    pub(crate) fn abandon_put<T>(&mut self, departed: &Departed<Grant<R>>, wakers: &mut Wakers)
    where
        I: Items<T>,
    {
        if let Departed::Granted(Grant::Promise) = departed {
            self.decline_slot(wakers);
        }
    }

    /// A promised slot will not be filled, because its putter was refused meanwhile.
    pub(crate) fn decline_slot<T>(&mut self, wakers: &mut Wakers)
    where
        I: Items<T>,
    {
        self.promised_slots -= 1;
        self.serve_putters(wakers);
    }

    /// Takes everything out and breaks all promises of items.
    pub(crate) fn take_all<T>(&mut self) -> Vec<T>
    where
        I: Items<T>,
    {
        self.promised_items = 0;
        std::iter::from_fn(|| self.items.pop()).collect()
    }

    fn serve_getters<T>(&mut self, wakers: &mut Wakers)
    where
        I: Items<T>,
    {
        while self.promised_items < self.items.len()
            && self.getters.grant_first(Grant::Promise, wakers)
        {
            self.promised_items += 1;
        }
    }

    fn serve_putters<T>(&mut self, wakers: &mut Wakers)
    where
        I: Items<T>,
    {
        while self.items.len() + self.promised_slots < self.capacity
            && self.putters.grant_first(Grant::Promise, wakers)
        {
            self.promised_slots += 1;
        }
    }
}
