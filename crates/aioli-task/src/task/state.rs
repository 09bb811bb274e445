//! The state of a task: who refers to it, what it is doing, and what other threads want of it.
//!
//! All atomics of tasks and of their memory are here, but for the place of the side record
//! (`once_box.rs`). The thread of the task's loop, its *home*, works with plain loads and stores;
//! other threads use the one word `shared`. Counting is *biased* towards the
//! home (Choi, Shull, Torrellas: "Biased reference counting", PACT 2018): what the home takes and
//! gives back is counted in `local`, what others take and give back in `shared`. Either count says
//! nothing alone, for a reference may be counted in one and given back in the other; their sum is
//! the number of references.
//!
//! # A task's life
//!
//! ```text
//!            (1) wake           (2) step               (3) complete
//!   idle ───────────────▶ QUEUED ─────────▶ RUNNING ───────────────▶ DONE
//!    ▲                      ▲                │   │
//!    │                      └────(1) wake────┘   │
//!    └───────────────────────────────────────────┘ pending, not woken meanwhile
//! ```
//!
//! 1. At home: sets QUEUED and puts the task into the ready queue, unless it is there. Elsewhere:
//!    (5) with WAKE.
//! 2. QUEUED is cleared before the poll, so that a wake during the poll queues the task again.
//! 3. The future has been dropped and the output stored; DONE is stored with Release, so that
//!    whoever sees it sees the output. From then on the output belongs to the handle.
//!
//! # References
//!
//! ```text
//!             (4) local falls to 0                 (8) count is 0, not in the inbox
//!   biased ────────────────────────────▶ merged ────────────────────────────────▶ free
//!    │  ▲
//!    │  └── (6) receive: bits cleared
//!    └───── (5) post, (7) give back below zero: IN_INBOX
//! ```
//!
//! 4. Merging. At home only. Nobody is left who is counted in `local`, and nobody will be again.
//!    If `shared` is clear then, nobody at all is left: the task is freed without a locked
//!    instruction. Otherwise MERGED is set.
//! 5. Posting. Another thread sets IN_INBOX and a reason. Who sets IN_INBOX puts the task into the
//!    inbox of its loop; who finds it set need not. IN_INBOX keeps the task from being freed.
//! 6. Receiving. At home: takes the reasons. A task that is not merged is freed by its home only,
//!    so all bits go at once; of a merged task IN_INBOX goes last (`leave_inbox`), for after that
//!    others may free it.
//! 7. A foreign thread gives a reference back that was counted in `local`, so that `shared` falls
//!    below zero: the home is asked (MERGE) to add the two counts. Subtracting and posting are one
//!    step, for in between the task could be freed.
//! 8. Exactly one step makes all three true: MERGED, count 0, not IN_INBOX. Who takes it, frees.
//!
//! When a loop ends, its inbox is closed and emptied, and then each of its tasks that is still
//! referred to is merged by force ([`unbias`](State::unbias)): `local` is moved into `shared`. Who
//! posts and finds the inbox closed does itself what the home would have done on receiving.
//!
//! `tests/loom/task.rs` runs each pair of racing transitions through every order of its steps.

#![cfg_attr(
    not(loom),
    expect(unreachable_pub, reason = "public for the models alone")
)]

use std::ptr;

use crate::primitive::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, order};

/// In the ready queue.
pub(crate) const QUEUED: u32 = 1;
/// Being polled or dropped right now.
pub(crate) const RUNNING: u32 = 1 << 1;
/// Has ended, with a value unless one of the next two is set.
pub const DONE: u32 = 1 << 3;
pub(crate) const CANCELLED: u32 = 1 << 4;
pub(crate) const PANICKED: u32 = 1 << 5;
/// The handle that could take the output is gone.
pub(crate) const DETACHED: u32 = 1 << 6;
/// Requests to cancel do not reach it: a clean-up from the orphan list.
pub(crate) const ORPHAN: u32 = 1 << 7;
/// Has context variables of its own.
pub(crate) const CONTEXT: u32 = 1 << 8;

/// The output has been taken, at home.
pub(crate) const TAKEN: u32 = 1 << 9;

/// In the inbox of its loop, which keeps it from being freed.
const IN_INBOX: u64 = 1;
/// Reason: poll it.
pub const WAKE: u64 = 1 << 1;
/// Reason: somebody on another thread waits for its end.
pub const JOIN: u64 = 1 << 2;
/// Reason: the handle was dropped on another thread.
pub const DETACH: u64 = 1 << 3;
/// Reason: the two counts are to be added.
const MERGE: u64 = 1 << 4;
const REASONS: u64 = WAKE | JOIN | DETACH | MERGE;
/// Nobody is counted in `local` any more.
const MERGED: u64 = 1 << 5;
/// Somebody has shown interest in how it ended, so a panic needs no report.
const RETRIEVED: u64 = 1 << 6;
/// The output has been taken on another thread.
const TAKEN_ELSEWHERE: u64 = 1 << 7;
/// Bits that say nothing about who refers to the task.
const NOTES: u64 = RETRIEVED | TAKEN_ELSEWHERE;
/// One reference in `shared`; the count is signed and has the bits from here on.
const ONE: u64 = 1 << 8;

/// What follows from a reference given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Fate {
    /// The task lives on, or somebody else frees it. It must not be touched again.
    Alive,
    /// The caller frees it.
    Free,
    /// The caller puts it into the inbox of its loop.
    Post,
}

/// The words of one task.
#[derive(Debug)]
pub struct State {
    /// Written at home only, with plain stores.
    flags: AtomicU32,
    /// References counted at home. Touched at home only.
    local: AtomicU32,
    /// Bits, and the count of other threads.
    shared: AtomicU64,
}

fn count(shared: u64) -> i64 {
    shared.cast_signed() >> ONE.trailing_zeros()
}

/// Whether nobody refers to a merged task.
fn is_unused(shared: u64) -> bool {
    count(shared) == 0 && shared & IN_INBOX == 0
}

impl State {
    /// The state of a task to which its home has `references`.
    #[inline]
    pub fn new(flags: u32, references: u32) -> State {
        State {
            flags: AtomicU32::new(flags),
            local: AtomicU32::new(references),
            shared: AtomicU64::new(0),
        }
    }

    /// The flags, at home.
    #[inline]
    pub fn flags(&self) -> u32 {
        // ORDERING: the home reads what it wrote itself.
        self.flags.load(Ordering::Relaxed)
    }

    /// Sets and clears flags. Home only.
    #[inline]
    pub fn change(&self, set: u32, clear: u32) {
        // ORDERING: Release, for DONE publishes the output; on the usual machines a plain store.
        let flags = (self.flags.load(Ordering::Relaxed) & !clear) | set;
        self.flags.store(flags, order(1, Ordering::Release));
    }

    /// The flags, on any thread; who sees DONE sees the output.
    #[inline]
    pub fn seen(&self) -> u32 {
        // ORDERING: pairs with the Release in `change`.
        self.flags.load(order(2, Ordering::Acquire))
    }

    /// Counts one reference more. Home only.
    #[inline]
    pub fn take(&self) {
        match self.local.load(Ordering::Relaxed) {
            0 => self.foreign_take(),
            // A count that wraps would free what is still used.
            u32::MAX => std::process::abort(),
            local => self.local.store(local + 1, Ordering::Relaxed),
        }
    }

    /// Counts one reference less. Home only.
    #[inline]
    pub fn give_back(&self) -> Fate {
        match self.local.load(Ordering::Relaxed) {
            0 => self.foreign_give_back(),
            1 => {
                self.local.store(0, Ordering::Relaxed);
                self.merge()
            }
            local => {
                self.local.store(local - 1, Ordering::Relaxed);
                Fate::Alive
            }
        }
    }

    /// Transition 4.
    #[inline]
    fn merge(&self) -> Fate {
        // ORDERING: Acquire, so that what others did with their references happened before it is
        // freed. A stale value cannot be 0 while somebody refers to the task: every reference in
        // `shared` was cloned from one that was counted in `local` and has come back here since.
        match self.shared.load(order(3, Ordering::Acquire)) & !NOTES {
            0 => Fate::Free,
            _ => self.merge_with_others(),
        }
    }

    #[cold]
    fn merge_with_others(&self) -> Fate {
        // ORDERING: Acquire as above; Release, so that what the home did happened before another
        // thread frees it.
        match is_unused(self.shared.fetch_or(MERGED, order(4, Ordering::AcqRel))) {
            true => Fate::Free,
            false => Fate::Alive,
        }
    }

    /// Counts one reference more, on any thread that has one.
    pub fn foreign_take(&self) {
        // ORDERING: none needed: the caller's own reference keeps the task.
        let before = self.shared.fetch_add(ONE, Ordering::Relaxed);
        if count(before) > i64::from(u32::MAX) {
            std::process::abort();
        }
    }

    /// Counts one reference less, on a thread that is not the home (transition 7).
    pub fn foreign_give_back(&self) -> Fate {
        let mut before = self.shared.load(Ordering::Relaxed);
        loop {
            let mut after = before.wrapping_sub(ONE);
            let asks = before & MERGED == 0 && count(after) < 0;
            if asks {
                after |= IN_INBOX | MERGE;
            }
            // ORDERING: Release, so that this thread's use happened before the task is freed;
            // Acquire, for this thread may be the one that frees it.
            let exchanged = self.shared.compare_exchange_weak(
                before,
                after,
                order(5, Ordering::AcqRel),
                Ordering::Relaxed,
            );
            match exchanged {
                Err(now) => before = now,
                Ok(_) if after & MERGED != 0 && is_unused(after) => return Fate::Free,
                Ok(_) if asks && before & IN_INBOX == 0 => return Fate::Post,
                Ok(_) => return Fate::Alive,
            }
        }
    }

    /// Transition 5. True: the caller puts the task into the inbox.
    #[must_use]
    pub fn post(&self, reason: u64) -> bool {
        // ORDERING: Release, so that the home sees what the reason is about.
        let before = self
            .shared
            .fetch_or(IN_INBOX | reason, order(6, Ordering::Release));
        before & IN_INBOX == 0
    }

    /// Transition 6, at home: the reasons for which a task was in the inbox, and whether it still
    /// is; then the caller goes on with [`take_reasons`](State::take_reasons).
    pub fn receive(&self) -> (u64, bool) {
        // MERGED is set at home only, so it is not stale.
        if self.shared.load(Ordering::Relaxed) & MERGED != 0 {
            return (self.take_reasons(), true);
        }
        let gone = REASONS | IN_INBOX;
        // ORDERING: Acquire pairs with the Release of the post. Nothing is told by this: the inbox
        // is ordered by its lock, and what was told before stays told, for a read-modify-write
        // continues the release sequence that it finds.
        let before = self.shared.fetch_and(!gone, order(8, Ordering::Acquire));
        (before & REASONS, false)
    }

    /// The reasons of a task that stays in the inbox until [`leave_inbox`](State::leave_inbox).
    ///
    /// For the home, of a merged task; and for the one whose post found the inbox closed, who then
    /// does what the home would have done, also for those who post meanwhile and find IN_INBOX set.
    pub fn take_reasons(&self) -> u64 {
        // ORDERING: as in `receive`.
        let before = self.shared.fetch_and(!REASONS, order(7, Ordering::Acquire));
        before & REASONS
    }

    /// Takes a task out of the inbox, unless new reasons have come: `None`.
    pub fn leave_inbox(&self) -> Option<Fate> {
        let mut before = self.shared.load(Ordering::Relaxed);
        loop {
            if before & REASONS != 0 {
                return None;
            }
            let after = before & !IN_INBOX;
            // ORDERING: as in `foreign_give_back`.
            let exchanged = self.shared.compare_exchange_weak(
                before,
                after,
                order(9, Ordering::AcqRel),
                Ordering::Relaxed,
            );
            match exchanged {
                Ok(_) if after & MERGED != 0 && is_unused(after) => return Some(Fate::Free),
                Ok(_) => return Some(Fate::Alive),
                Err(now) => before = now,
            }
        }
    }

    /// Moves what others have given back below zero into `local`, for the reason MERGE. Home
    /// only, of a task that is not merged, by one who has counted a reference of its own.
    pub fn settle(&self) {
        let surplus = count(self.shared.load(Ordering::Relaxed));
        let Some(owed) = u32::try_from(-surplus).ok().filter(|owed| *owed > 0) else {
            return;
        };
        // ORDERING: none needed: who gave back has posted, so this thread has seen it in `receive`,
        // or sees it in `merge`, which then finds IN_INBOX.
        self.shared
            .fetch_add(ONE * u64::from(owed), Ordering::Relaxed);
        let local = self.local.load(Ordering::Relaxed);
        debug_assert!(
            local > owed,
            "the two counts add up to the number of references"
        );
        self.local.store(local - owed, Ordering::Relaxed);
    }

    /// Moves all references into `shared`, for the loop has ended. Home only, by one who has a
    /// reference.
    pub fn unbias(&self) {
        let local = u64::from(self.local.load(Ordering::Relaxed));
        self.local.store(0, Ordering::Relaxed);
        // ORDERING: none needed: the caller's own reference is among those moved, and is given
        // back later, with Release.
        self.shared.fetch_add(ONE * local, Ordering::Relaxed);
        self.shared.fetch_or(MERGED, Ordering::Relaxed);
    }

    /// Whether the home counts references of its own. Home only.
    pub fn is_biased(&self) -> bool {
        self.local.load(Ordering::Relaxed) > 0
    }

    /// Notes that the output has been taken on another thread.
    pub fn set_taken(&self) {
        // ORDERING: a note of the one handle to itself; who brings the handle to another thread
        // brings it in order.
        self.shared.fetch_or(TAKEN_ELSEWHERE, Ordering::Relaxed);
    }

    /// Whether the output has been taken; asked by the one handle.
    #[inline]
    pub fn is_taken(&self) -> bool {
        self.flags() & TAKEN != 0 || self.shared.load(Ordering::Relaxed) & TAKEN_ELSEWHERE != 0
    }

    /// Whether the task has ended with a value, which has not been taken; asked by the one handle, at
    /// home.
    #[inline]
    pub fn has_value(&self) -> bool {
        let ends = DONE | CANCELLED | PANICKED | TAKEN;
        // ORDERING: the home reads what it wrote itself; TAKEN_ELSEWHERE as in `is_taken`.
        self.flags() & ends == DONE && self.shared.load(Ordering::Relaxed) & TAKEN_ELSEWHERE == 0
    }

    /// Notes that somebody wants no report of how the task ended.
    pub fn set_retrieved(&self) {
        // ORDERING: a mere note.
        self.shared.fetch_or(RETRIEVED, Ordering::Relaxed);
    }

    /// Whether somebody wants no report of how the task ended.
    pub fn is_retrieved(&self) -> bool {
        self.shared.load(Ordering::Relaxed) & RETRIEVED != 0
    }
}

/// Cells that other threads have given back to a slab, and how many are still to come.
///
/// While the loop runs it is a stack that any thread pushes to and the home takes as a whole; a
/// head that has come back meanwhile does no harm, since nobody takes a single cell. When the loop
/// ends, the stack is closed with a mark; from then on each cell that is given back lowers
/// `remaining`, and who brings it to zero frees the memory.
#[derive(Debug)]
pub struct Returns<T> {
    head: AtomicPtr<T>,
    /// Cells in use when the loop ended, minus those given back since, plus one until it is closed.
    remaining: AtomicUsize,
}

/// The mark of a closed stack: an address that no cell has.
fn closed<T>() -> *mut T {
    ptr::without_provenance_mut(1)
}

impl<T> Returns<T> {
    /// Nothing has been given back.
    pub fn new() -> Returns<T> {
        Returns {
            head: AtomicPtr::new(ptr::null_mut()),
            remaining: AtomicUsize::new(0),
        }
    }

    /// Gives `cell` back; `link` makes it point to the cell before it. False: the stack is closed,
    /// and the caller [accounts](Returns::account) for the cell.
    #[must_use]
    pub fn push(&self, cell: *mut T, mut link: impl FnMut(*mut T)) -> bool {
        let mut head = self.head.load(order(10, Ordering::Acquire));
        while head != closed() {
            link(head);
            // ORDERING: Release, so that the home sees the link, and all use of the cell has
            // happened before it is used again. Acquire, for who finds the mark of the end.
            let exchanged = self.head.compare_exchange_weak(
                head,
                cell,
                order(11, Ordering::Release),
                order(10, Ordering::Acquire),
            );
            match exchanged {
                Ok(_) => return true,
                Err(now) => head = now,
            }
        }
        false
    }

    /// Takes what has been given back. Home only, before the end.
    pub fn take(&self) -> *mut T {
        // ORDERING: nothing is read through it.
        if self.head.load(Ordering::Relaxed).is_null() {
            return ptr::null_mut();
        }
        // ORDERING: Acquire pairs with the Release of those who put cells there.
        self.head
            .swap(ptr::null_mut(), order(12, Ordering::Acquire))
    }

    /// Closes the stack, with `live` cells in use by the home's account; returns the last ones
    /// that came in time. The caller accounts for them, and for one more.
    pub fn close(&self, live: usize) -> *mut T {
        self.remaining.store(live + 1, Ordering::Relaxed);
        // ORDERING: Release, so that who sees the mark sees `remaining`; Acquire for the cells.
        self.head.swap(closed(), order(13, Ordering::AcqRel))
    }

    /// Accounts for `count` cells after the end. True: they were the last.
    #[must_use]
    pub fn account(&self, count: usize) -> bool {
        // ORDERING: Release, so that this thread's use comes before the end; Acquire for the one
        // that ends it.
        self.remaining.fetch_sub(count, order(14, Ordering::AcqRel)) == count
    }
}
