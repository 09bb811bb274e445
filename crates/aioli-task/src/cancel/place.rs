//! The owner's side of an entry: what a handler holds to be in a tree.

use std::ptr;
use std::sync::Arc;
use std::task::Waker;

use super::after::After;
use super::current;
use super::tree::{Address, Entered, Entries, Index, Locked, New, Spot, Tree};

/// Owns one entry, from linking until leaving.
///
/// It is no handle that may be dropped at will: `leave` takes it, and a `Place` that is dropped
/// instead leaves its entry in the tree until the tree goes.
#[derive(Debug)]
#[must_use = "an entry stays in its tree until its place is left"]
pub(crate) struct Place {
    address: Address,
    known: Known,
}

/// How a handler was last found in its place, so that a poll that finds it so again needs no look
/// into a quiet tree.
///
/// The serial number of the parent is good for as long as the parent is the current handler in the
/// same tree: one that leaves or moves is not current under it any more. The waker is that of the
/// entry, which keeps it, so that its address is nobody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    parent: u64,
    waker: (usize, usize),
}

impl Known {
    /// Nothing is known. No serial number is as large.
    const NOTHING: Known = Known {
        parent: u64::MAX,
        waker: (0, 0),
    };

    #[inline]
    fn new(parent: Option<Spot<'_>>, waker: Option<&Waker>) -> Known {
        match (parent, waker) {
            (Some(parent), Some(waker)) => Known {
                parent: parent.key.serial(),
                waker: (waker.data().addr(), ptr::from_ref(waker.vtable()).addr()),
            },
            _ => Known::NOTHING,
        }
    }
}

impl Place {
    /// Links a handler below `parent`, or as the root of a tree of its own.
    #[inline]
    pub(super) fn link(parent: Option<Spot<'_>>, new: New<'_>) -> Place {
        let Some(parent) = parent else {
            return Place::outermost(new);
        };
        {
            // The usual case: the parent is where it was.
            let mut entries = parent.tree.lock();
            if let Some(below) = entries.live(parent.key) {
                let key = entries.add(Some(below), new);
                drop(entries);
                let tree = parent.tree.clone();
                return Place {
                    address: Address { tree, key },
                    known: Known::new(Some(parent), new.waker),
                };
            }
        }
        let linked = parent.visit((), |entries, below, (), _| {
            let key = entries.add(Some(below), new);
            entries.address(key.index)
        });
        linked.map_or_else(|()| Place::outermost(new), Place::of)
    }

    #[cold]
    fn outermost(new: New<'_>) -> Place {
        let tree = Tree::empty();
        let key = tree.lock().add(None, new);
        Place::of(Address { tree, key })
    }

    /// Takes over an entry that a frame has linked.
    pub(super) fn of(address: Address) -> Place {
        Place {
            address,
            known: Known::NOTHING,
        }
    }

    /// Leaves it to the frame to hand the entry on to an owner.
    pub(super) fn into_address(self) -> Address {
        self.address
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    #[inline]
    pub(super) fn spot(&self) -> Spot<'_> {
        self.address.spot()
    }

    /// Whether no request is under way in the tree.
    #[inline]
    pub(super) fn is_quiet(&self) -> bool {
        self.address.tree.is_quiet()
    }

    /// Does something to the entry, where it is now.
    #[inline]
    pub(super) fn act<R>(
        &mut self,
        after: &mut After,
        f: impl FnOnce(&mut Entries, Index, &mut After) -> R,
    ) -> R {
        loop {
            let mut entries = self.address.tree.lock();
            let Some(moved) = entries.follow(self.address.key) else {
                return f(&mut entries, self.address.key.index, after);
            };
            drop(entries);
            self.address = moved;
        }
    }

    /// Like [`act`](Place::act), for callers that hold no lock: wakes who has been asked.
    #[inline]
    pub(crate) fn now<R>(&mut self, f: impl FnOnce(&mut Entries, Index, &mut After) -> R) -> R {
        let mut after = After::default();
        let result = self.act(&mut after, f);
        after.run();
        result
    }

    /// Whether the handler is polled below `parent` as it was the last time, and nobody has asked
    /// anything of anybody in its tree: nothing has to be noted then.
    ///
    /// When it was polled last does not matter in a quiet tree: passes are counted, and compared
    /// with, from the first request on.
    #[inline]
    pub(super) fn is_in_place(&self, parent: Option<Spot<'_>>, waker: &Waker) -> bool {
        let is_here = parent.is_some_and(|parent| Arc::ptr_eq(parent.tree, &self.address.tree));
        is_here && self.is_quiet() && self.known == Known::new(parent, Some(waker))
    }

    /// Leaves the tree with nothing below and nothing under way here, and returns the entry's
    /// waker, to be dropped with no lock held. `None`: there is more to do.
    #[inline]
    pub(super) fn leave_as_leaf(&self) -> Option<Option<Waker>> {
        let mut entries = self.address.tree.lock();
        let at = entries.live(self.address.key)?;
        entries.leave_as_leaf(at)
    }

    /// Whether nobody else refers to the tree.
    #[inline]
    pub(super) fn is_last(&self) -> bool {
        Arc::strong_count(&self.address.tree) == 1
    }

    /// The entry has left.
    #[inline]
    pub(super) fn retire(self) {
        self.address.tree.retire();
    }

    /// Takes the handler out of its parent's list, until it is polled again.
    pub(super) fn unlink(&mut self, after: &mut After) {
        self.known = Known::NOTHING;
        self.act(after, |entries, at, after| entries.unlink(at, after));
    }

    /// The handler is polled below `parent`: moves there, and is told what to do.
    pub(super) fn enter(
        &mut self,
        parent: Option<Spot<'_>>,
        waker: &Waker,
        after: &mut After,
    ) -> Entered {
        let entered = self.act(after, |entries, at, after| {
            entries.enter(at, parent, waker, after)
        });
        self.known = Known::new(parent, Some(waker));
        entered.unwrap_or_else(|| {
            self.known = Known::NOTHING;
            self.move_below(parent, after);
            self.act(after, |entries, at, after| entries.polled(at, waker, after))
        })
    }

    /// Moves this handler, with everything below it, below `parent`, or into a tree of its own
    /// where there is none or it has left.
    fn move_below(&mut self, parent: Option<Spot<'_>>, after: &mut After) {
        let mut parent = parent.map(Spot::address);
        loop {
            let to = parent
                .as_ref()
                .map_or_else(Tree::empty, |parent| parent.tree.clone());
            let (mut here, mut there) = lock_both(&self.address.tree, &to);
            if let Some(moved) = here.follow(self.address.key) {
                drop((here, there));
                self.address = moved;
                continue;
            }
            let at = self.address.key.index;
            let target = there.as_mut().unwrap_or(&mut here);
            let below = match parent.as_ref().map(|parent| target.find_parent(parent.key)) {
                None => None,
                Some(Ok(below)) => Some(below),
                Some(Err(moved)) => {
                    drop((here, there));
                    parent = moved;
                    continue;
                }
            };
            let key = match (&mut there, below) {
                (Some(there), below) => here.move_to(at, there, below, after),
                (None, Some(below)) => {
                    here.hang(at, below, after);
                    return;
                }
                (None, None) => unreachable!("a new tree is another one"),
            };
            drop((here, there));
            self.address = Address { tree: to, key };
            return;
        }
    }
}

/// Locks two trees, in the order of their addresses in memory; a tree is locked once.
fn lock_both<'a>(here: &'a Arc<Tree>, there: &'a Arc<Tree>) -> (Locked<'a>, Option<Locked<'a>>) {
    if Arc::ptr_eq(here, there) {
        return (here.lock(), None);
    }
    if Arc::as_ptr(here) < Arc::as_ptr(there) {
        let here = here.lock();
        (here, Some(there.lock()))
    } else {
        let there = there.lock();
        (here.lock(), Some(there))
    }
}

/// The place of a handler that has no body of its own, and so needs no frame.
#[derive(Debug, Default)]
pub(crate) struct LeafPlace(Option<Place>);

impl LeafPlace {
    pub(crate) fn is_linked(&self) -> bool {
        self.0.is_some()
    }

    /// The handler is polled: takes its place below the current one.
    pub(crate) fn enter(&mut self, waker: &Waker) -> Entered {
        let mut after = After::default();
        let entered = current::with(|parent| match &mut self.0 {
            Some(place) => place.enter(parent, waker, &mut after),
            None => {
                let new = New {
                    waker: Some(waker),
                    ..New::default()
                };
                self.0 = Some(Place::link(parent, new));
                Entered::Go
            }
        });
        after.run();
        entered
    }

    /// Does something to the entry, if there is one.
    pub(crate) fn now<R>(
        &mut self,
        f: impl FnOnce(&mut Entries, Index, &mut After) -> R,
    ) -> Option<R> {
        self.0.as_mut().map(|place| place.now(f))
    }

    /// Leaves the tree, if there is an entry in one.
    #[inline]
    pub(crate) fn leave(&mut self, f: impl FnOnce(&mut Entries, Index, &mut After)) {
        // Most awaited tasks have ended by then, and nothing was ever linked.
        if self.0.is_some() {
            self.leave_linked(f);
        }
    }

    #[cold]
    fn leave_linked(&mut self, f: impl FnOnce(&mut Entries, Index, &mut After)) {
        if let Some(mut place) = self.0.take() {
            place.now(f);
            place.retire();
        }
    }
}
