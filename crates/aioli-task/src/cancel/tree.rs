//! The tree of handlers of one task, and how requests travel in it.
//!
//! Every live handler is an entry of exactly one tree; a tree is guarded by one lock. A task's
//! tree has the task itself as its root; where no task is current, the outermost handler is the
//! root of a tree of its own. The root is always the first entry. A handler compares, at every
//! poll, the handler that is current with the one it hangs under, and moves with everything below
//! it when they differ.
//!
//! # Who refers to an entry
//!
//! Entries live in a slab of their tree, and not inside the handlers' futures: handlers such as
//! `Task<T>` may be moved between two polls, so nothing could point at them. What is outside of
//! the tree refers to an entry by [`Address`], a tree and a key. There are two kinds:
//!
//! * The **owner** of an entry is the [`Place`](super::place::Place) that its handler holds (or, if
//!   it has handed out an `Unwinder`, the lock that both share). There is one owner, and it alone
//!   removes the entry. Its address is therefore always good for something: it leads to the
//!   entry, or, when the entry has moved to another tree with one above it, to a mark that says
//!   where to. Whatever the owner does begins with following the marks and clearing them.
//! * Everybody else (`Kept`, the frame of a waker that polls inline, a parent that a handler is
//!   polled under) only **looks**: follows marks and leaves them. Keys are not given twice, so an
//!   address that is out of date finds nothing; it never finds somebody else.
//!
//! No lock of a tree is held while another is taken, but by a move, which takes two in the order
//! of their addresses in memory and looks again whether both ends are where it thought.
//!
//! # When nobody refers to a tree
//!
//! It is kept for another root, with its room, so that in the long run no handler allocates, the
//! first one of a task included. Its serial numbers go on, but for that of the root, which is the
//! same in every tree.
//!
//! # When nothing is asked
//!
//! A tree without a request anywhere is *quiet*, which can be seen without its lock. A task's poll
//! does not lock a quiet tree: there is nothing to judge. This loses no request: who delivers one
//! ends the quiet, and *then* wakes the task, which clears its mark of being queued and *then* looks
//! at the tree. On the task's thread these steps are in that order by themselves. From another
//! thread the wake goes through the task's inbox, and the poll that follows comes after what the
//! waking thread did before (`task/state.rs`; the model `wake_against_run`).

mod entries;
mod entry;
mod judge;
mod requests;
mod slab;
#[cfg(test)]
mod tests;

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

pub(crate) use self::entries::{Entries, New};
use self::slab::Found;
pub(crate) use self::slab::{Index, Key};
use super::after::After;
use super::reason::Request;
use crate::spares::{self, Pile};

thread_local! {
    static SPARE: Pile<Arc<Tree>> = const { Pile::new() };
}

/// Drops the trees that this thread has kept.
pub(crate) fn drop_spares() {
    spares::clear(&SPARE);
}

/// One root's handlers.
#[derive(Debug)]
pub(crate) struct Tree {
    entries: Mutex<Entries>,
    is_quiet: AtomicBool,
}

/// A handler, and the tree it is in or has been in.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub(super) tree: Arc<Tree>,
    pub(super) key: Key,
}

/// A borrowed address: of a handler around the one that is being polled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot<'a> {
    pub(super) tree: &'a Arc<Tree>,
    pub(super) key: Key,
}

/// What a handler holds when it starts to drop its body.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) request: Option<Request>,
    /// Whether the request came from inside the handler, or from its own scope.
    pub(crate) is_raised: bool,
}

/// What a handler finds when it is polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Entered {
    /// Poll the body.
    Go,
    /// A request has arrived: drop the body.
    Asked,
}

/// What a task finds when its body is pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Pass {
    /// Wait to be woken.
    Rest,
    /// Poll once more even if nobody wakes, to judge which handlers are still polled.
    PollAgain,
    /// A request has arrived: drop the body.
    Asked,
}

/// The entries of a tree, locked.
pub(super) struct Locked<'a> {
    is_quiet: &'a AtomicBool,
    entries: MutexGuard<'a, Entries>,
}

impl Deref for Locked<'_> {
    type Target = Entries;

    #[inline]
    fn deref(&self) -> &Entries {
        &self.entries
    }
}

impl DerefMut for Locked<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Entries {
        &mut self.entries
    }
}

impl Drop for Locked<'_> {
    #[inline]
    fn drop(&mut self) {
        let is_quiet = self.entries.is_quiet();
        // ORDERING: written under the lock alone, so reading one's own side relaxed is enough.
        if self.is_quiet.load(Ordering::Relaxed) != is_quiet {
            // ORDERING: none needed: the wake that follows orders it before the task's next look.
            self.is_quiet.store(is_quiet, Ordering::Relaxed);
        }
    }
}

impl Tree {
    /// The tree of a task that is its root.
    pub(crate) fn new() -> Arc<Tree> {
        let tree = Tree::empty();
        {
            let mut entries = tree.lock();
            entries.add(None, New::default());
            entries.wants_waker = true;
        }
        tree
    }

    /// A tree for an outermost handler.
    pub(super) fn empty() -> Arc<Tree> {
        spares::take(&SPARE).unwrap_or_else(Tree::make)
    }

    #[cold]
    fn make() -> Arc<Tree> {
        Arc::new_cyclic(|tree| Tree {
            entries: Mutex::new(Entries::new(tree.clone())),
            is_quiet: AtomicBool::new(true),
        })
    }

    /// The caller has no use for the tree any more. If nobody else refers to it, it is kept for
    /// another root.
    #[inline]
    pub(crate) fn retire(self: Arc<Tree>) {
        // The tree's own reference to itself is out of reach for who has none that counts, so a
        // count of one does not grow. What others have done in the tree, they did under its lock.
        if Arc::strong_count(&self) == 1 {
            self.keep();
        }
    }

    #[inline(never)]
    fn keep(self: Arc<Tree>) {
        let n_slots = self.lock().renew();
        if let Some(n_slots) = n_slots {
            spares::put(&SPARE, self, n_slots);
        }
    }

    #[inline]
    pub(super) fn lock(&self) -> Locked<'_> {
        Locked {
            entries: self.entries.lock().unwrap_or_else(PoisonError::into_inner),
            is_quiet: &self.is_quiet,
        }
    }

    /// Whether no request is under way anywhere in the tree; see the module's documentation.
    #[inline]
    pub(super) fn is_quiet(&self) -> bool {
        // ORDERING: as where it is stored, in `Locked`.
        self.is_quiet.load(Ordering::Relaxed)
    }

    /// The root, as a parent of other handlers.
    #[inline]
    pub(crate) fn root(self: &Arc<Tree>) -> Spot<'_> {
        Spot {
            tree: self,
            key: Key::ROOT,
        }
    }

    /// Does something to the root, unless it has left.
    fn with_root<R>(&self, f: impl FnOnce(&mut Entries, Index, &mut After) -> R) -> Option<R> {
        let mut after = After::default();
        let result = {
            let mut entries = self.lock();
            let root = entries.slab.live(Key::ROOT);
            root.map(|root| f(&mut entries, root, &mut after))
        };
        after.run();
        result
    }

    /// The task is about to poll its body.
    pub(crate) fn begin_pass(&self, waker: &Waker) -> Entered {
        if self.is_quiet() {
            return Entered::Go;
        }
        let entered = self.with_root(|entries, root, after| {
            entries.pass += 1;
            entries.wants_waker = false;
            entries.polled(root, waker, after)
        });
        entered.unwrap_or(Entered::Go)
    }

    /// The task's body is pending. Judges which asked handlers nobody polls any more.
    ///
    /// `is_queued` says whether the task has been woken meanwhile.
    pub(crate) fn end_pass(&self, waker: &Waker, is_queued: bool) -> Pass {
        if self.is_quiet() {
            return Pass::Rest;
        }
        let pass = self.with_root(|entries, root, after| {
            entries.wants_waker = false;
            let _ = entries.polled(root, waker, after);
            entries.suspend(root, after);
            if entries.look(root) == Entered::Asked {
                return Pass::Asked;
            }
            let is_queued = is_queued || after.wakes_anybody();
            let judge_again = entries.rest(is_queued, after);
            match (entries.look(root), judge_again) {
                (Entered::Asked, _) => Pass::Asked,
                (Entered::Go, true) => Pass::PollAgain,
                (Entered::Go, false) => Pass::Rest,
            }
        });
        pass.unwrap_or(Pass::Rest)
    }

    /// The task starts to drop its future; returns the request it holds.
    pub(crate) fn begin_exit(&self) -> Held {
        let held = self.with_root(|entries, root, _| entries.begin_exit(root));
        held.unwrap_or_default()
    }

    /// The task has ended.
    pub(crate) fn leave(&self) {
        self.with_root(Entries::leave_as_root);
    }

    /// A request arrives at the task, for the innermost handlers.
    pub(crate) fn deliver(&self, request: Request) {
        self.with_root(|entries, root, after| entries.deliver(root, request, after));
    }

    /// Withdraws what has been asked and not been acted on.
    pub(crate) fn take_back(&self) {
        self.with_root(|entries, root, _| entries.withdraw_below(root));
    }

    /// How many handlers hang in this tree.
    pub(crate) fn count_below(&self) -> usize {
        self.with_root(|entries, root, _| entries.count_below(root))
            .unwrap_or(0)
    }
}

impl Spot<'_> {
    pub(super) fn address(self) -> Address {
        Address {
            tree: self.tree.clone(),
            key: self.key,
        }
    }

    /// Does something to the handler, wherever it has moved to. Gives `arg` back when it has left.
    pub(super) fn visit<A, R>(
        self,
        arg: A,
        f: impl FnOnce(&mut Entries, Index, A, &mut After) -> R,
    ) -> Result<R, A> {
        let mut moved: Option<Address> = None;
        loop {
            let at = moved.as_ref().map_or(self, Address::spot);
            let mut entries = at.tree.lock();
            let to = match entries.slab.find(at.key) {
                Found::Moved(to) => to.clone(),
                Found::Gone => return Err(arg),
                Found::Live(_) => {
                    let mut after = After::default();
                    let result = f(&mut entries, at.key.index, arg, &mut after);
                    drop(entries);
                    after.run();
                    return Ok(result);
                }
            };
            drop(entries);
            moved = Some(to);
        }
    }

    /// A request arrives at this handler, for the innermost handlers below it. Gives it back when
    /// the handler has left.
    pub(super) fn deliver(self, request: Request) -> Result<(), Request> {
        self.visit(request, |entries, at, request, after| {
            entries.deliver(at, request, after);
        })
    }

    /// Keeps `request` until the handler's body is next pending.
    pub(super) fn rearm(self, request: Request) {
        // It is around the caller. If it has left all the same, there is nobody to cancel.
        let _ = self.visit(request, |entries, at, request, _| {
            entries.rearm(at, request)
        });
    }

    /// Whether this handler, or one above it with no shield between, is asked right now.
    pub(super) fn is_asked_here_or_above(self) -> bool {
        let asked = self.visit((), |entries, at, (), _| entries.is_asked_here_or_above(at));
        asked.unwrap_or(false)
    }

    /// Whether `scope` is this handler or above it with no shield between.
    pub(super) fn is_reached_from(self, scope: &Address) -> bool {
        let reached = self.visit((), |entries, at, (), _| entries.is_reached_from(at, scope));
        reached.unwrap_or(false)
    }
}

impl Address {
    #[inline]
    pub(super) fn spot(&self) -> Spot<'_> {
        Spot {
            tree: &self.tree,
            key: self.key,
        }
    }
}
