//! The ready queue: what runs in the next pass, in order.
//!
//! A pass takes the whole queue as its [`Batch`] and leaves an empty one; two lists take turns, so
//! that a loop in its stride allocates nothing.
#![expect(
    unsafe_code,
    reason = "one word an entry, in lists that are appended to without a check that nobody else is at them"
)]

use std::cell::{Cell, UnsafeCell};
use std::mem;
use std::ptr::{self, NonNull};
use std::rc::Rc;

use super::call::CallState;
use crate::task::Queued;
use crate::watchdog::Facts;

/// Entries that each list keeps room for; a loop that waits gives back the memory of a larger burst.
const ROOM: usize = 1024;

/// An entry of the ready queue.
pub(crate) enum Ready {
    /// Polls a task.
    Task(Queued),
    /// Calls a function, unless it has been cancelled.
    Call(Rc<CallState>),
    /// Calls a function that another thread sent. Boxed twice, for a queued entry has one word.
    Remote(Box<Box<dyn FnOnce() + Send>>),
}

impl Ready {
    /// What is known of it for ever.
    pub(super) fn facts(&self) -> Facts {
        match self {
            Ready::Task(task) => task.facts(),
            Ready::Call(_) | Ready::Remote(_) => Facts::default(),
        }
    }
}

/// An entry in one word, for there may be millions: a pointer with the kind in its lowest bits.
///
/// # Invariants
///
/// It was made by [`pack`](Packed::pack), and owns what that was given.
pub(super) struct Packed(NonNull<()>);

const TASK: usize = 0;
const CALL: usize = 1;
const REMOTE: usize = 2;
const KIND: usize = 3;

/// The least alignment of what an entry points to leaves room for the kind.
const _: () = assert!(
    align_of::<CallState>() > KIND
        && align_of::<Box<dyn FnOnce() + Send>>() > KIND
        && Queued::ALIGN > KIND
);

impl Packed {
    #[inline]
    fn pack(entry: Ready) -> Packed {
        let (pointer, kind) = match entry {
            Ready::Task(task) => (task.into_raw(), TASK),
            Ready::Call(call) => (Rc::into_raw(call).cast_mut().cast(), CALL),
            Ready::Remote(call) => (Box::into_raw(call).cast(), REMOTE),
        };
        let packed = pointer.map_addr(|address| address | kind);
        // SAFETY: none of the three is null, and setting bits does not make it so.
        Packed(unsafe { NonNull::new_unchecked(packed) })
    }

    #[inline]
    pub(super) fn is_task(&self) -> bool {
        self.0.addr().get() & KIND == TASK
    }

    #[inline]
    fn unpack(self) -> Ready {
        let kind = self.0.addr().get() & KIND;
        let pointer = self.0.as_ptr().map_addr(|address| address & !KIND);
        mem::forget(self);
        match kind {
            // SAFETY: it came from `into_raw`, by this kind.
            TASK => Ready::Task(unsafe { Queued::from_raw(pointer) }),
            // SAFETY: as above.
            CALL => Ready::Call(unsafe { Rc::from_raw(pointer.cast()) }),
            // SAFETY: as above.
            _ => Ready::Remote(unsafe { Box::from_raw(pointer.cast()) }),
        }
    }
}

impl Drop for Packed {
    fn drop(&mut self) {
        drop(Packed(self.0).unpack());
    }
}

/// The ready queue of a loop.
///
/// # Invariants
///
/// 1. A list is borrowed only inside of the methods of this type, one at a time but for `take`: none
///    of them calls anything that could come back while it has the borrow.
/// 2. While there is a batch, its entries are in the memory of `batch`, and nobody touches that list.
#[derive(Default)]
pub(crate) struct ReadyQueue {
    /// What runs in the next pass.
    next: UnsafeCell<Vec<Packed>>,
    /// The list of the pass that runs, empty by its length.
    batch: UnsafeCell<Vec<Packed>>,
    has_batch: Cell<bool>,
}

/// Makes room for more, out of the way of the hottest callers there are.
#[cold]
#[inline(never)]
fn push_slowly(list: &mut Vec<Packed>, entry: Packed) {
    list.push(entry);
}

impl ReadyQueue {
    /// Calls `f` with the list of the next pass; `f` calls nothing that could come back here.
    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut Vec<Packed>) -> R) -> R {
        // SAFETY: the type is not `Sync`, and no `f` in this file comes back here (invariant 1), so
        // this is the only borrow.
        f(unsafe { &mut *self.next.get() })
    }

    /// Appends an entry.
    #[inline]
    pub(crate) fn push(&self, entry: Ready) {
        let entry = Packed::pack(entry);
        self.with(|next| match next.len() == next.capacity() {
            true => push_slowly(next, entry),
            // There is room: nothing is allocated here, and nothing can unwind.
            false => next.push(entry),
        });
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.with(|next| next.is_empty())
    }

    /// Takes what is ready now.
    ///
    /// # Panics
    ///
    /// When there is a batch already.
    #[inline]
    pub(super) fn take(&self) -> Batch<'_> {
        assert!(
            !self.has_batch.replace(true),
            "a loop runs one pass at a time"
        );
        // SAFETY: there was no batch (invariant 2), and nothing below comes back here, so this is the
        // only borrow.
        let list = unsafe { &mut *self.batch.get() };
        self.with(|next| mem::swap(next, list));
        let len = list.len();
        // SAFETY: the length is lowered; the entries are the batch's from now on.
        unsafe { list.set_len(0) };
        let start = NonNull::new(list.as_mut_ptr()).expect("a list's address is not null");
        Batch {
            queue: self,
            start,
            at: 0,
            len,
        }
    }

    /// Takes what is ready now, for good.
    pub(crate) fn clear(&self) {
        let entries = self.with(mem::take);
        drop(entries);
    }

    /// Gives back the memory of a large burst.
    pub(super) fn shrink(&self) {
        if self.has_batch.get() {
            return;
        }
        // SAFETY: there is no batch, and nothing below comes back here, so this is the only borrow.
        unsafe { &mut *self.batch.get() }.shrink_to(ROOM);
        self.with(|next| next.shrink_to(ROOM));
    }
}

/// The entries of one pass; what has not been taken out when it is dropped is dropped with it.
///
/// # Invariants
///
/// The list has a length of zero, and behind it the entries from `at` up to `len`; it is not
/// touched as long as the batch is there (invariant 2 of the queue), so that `start` is its address.
pub(super) struct Batch<'a> {
    queue: &'a ReadyQueue,
    start: NonNull<Packed>,
    at: usize,
    len: usize,
}

impl Batch<'_> {
    /// The entries that have not been taken out.
    #[inline]
    pub(super) fn rest(&mut self) -> &mut [Packed] {
        // SAFETY: `at` is not above `len`, and so inside of the list.
        let start = unsafe { self.start.add(self.at) };
        // SAFETY: there are the entries from `at` up to `len`, and nobody else refers to them
        // (invariant).
        unsafe { NonNull::slice_from_raw_parts(start, self.len - self.at).as_mut() }
    }
}

impl Iterator for Batch<'_> {
    type Item = Ready;

    #[inline]
    fn next(&mut self) -> Option<Ready> {
        if self.at == self.len {
            return None;
        }
        // SAFETY: `at` is below `len`, and so inside of the list.
        let place = unsafe { self.start.add(self.at) };
        self.at += 1;
        // SAFETY: there is an entry (invariant), which is moved out, being before `at` now.
        Some(unsafe { place.read() }.unpack())
    }
}

impl Drop for Batch<'_> {
    #[inline]
    fn drop(&mut self) {
        // PERF: `wake`: nothing that is called is given `self`, so that a batch is in registers.
        if self.at < self.len {
            // SAFETY: these entries are there (invariant), and nobody takes them out any more.
            unsafe { drop_entries(self.rest()) };
        }
        self.queue.has_batch.set(false);
    }
}

/// Drops entries that are not to be run: a panic has ended the pass.
///
/// # Safety
///
/// They are the caller's, and are not used again.
#[cold]
#[inline(never)]
unsafe fn drop_entries(entries: &mut [Packed]) {
    // SAFETY: the caller says so.
    unsafe { ptr::drop_in_place(entries) };
}
