//! The entries of one tree: how they are linked, how they leave, and how they move.
//!
//! The kids of an entry are a list in the order in which they were linked, threaded through the
//! entries, so linking and leaving cost the same among a hundred thousand siblings as alone. So
//! that nobody ever has to look at all of them, a parent counts its kids by what a pending request
//! has to expect of them, and the tree counts what is under way in it. Everything that is counted
//! changes in [`Entries::change`].
//!
//! How requests travel is in `requests.rs`; which handlers nobody polls any more, in `judge.rs`.

use std::sync::{Arc, Weak};
use std::task::Waker;

use super::entry::{Entry, State, Tally};
use super::slab::{Found, Index, Key, Slab};
use super::{Address, Entered, Held, Spot, Tree};
use crate::cancel::after::After;
use crate::cancel::reason::{Origin, Request};

#[derive(Debug)]
pub(crate) struct Entries {
    pub(super) slab: Slab,
    /// The tree itself.
    tree: Weak<Tree>,
    /// Counts the polls of the root in which a request was under way.
    pub(super) pass: u64,
    /// Polls running in which the root woke itself while an asked handler was not reached.
    pub(super) patience: u32,
    /// Entries that are pending, asked, and have anything to do with a request.
    pub(super) n_pending: usize,
    pub(super) n_asked: usize,
    n_stirred: usize,
    /// Who has been asked, in this order; some have answered or left since.
    pub(super) asked: Vec<Key>,
    /// Whether the root's waker is not known yet.
    pub(super) wants_waker: bool,
}

/// What a new handler is like.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct New<'a> {
    pub(crate) is_shield: bool,
    pub(crate) origin: Option<Origin>,
    pub(crate) waker: Option<&'a Waker>,
}

fn count(counter: &mut usize, before: bool, after: bool) {
    *counter = *counter + usize::from(after) - usize::from(before);
}

impl Entries {
    pub(super) fn new(tree: Weak<Tree>) -> Entries {
        Entries {
            slab: Slab::default(),
            tree,
            pass: 0,
            patience: 0,
            n_pending: 0,
            n_asked: 0,
            n_stirred: 0,
            asked: Vec::new(),
            wants_waker: false,
        }
    }

    /// Makes the tree, to which nobody refers, ready for another root; returns for how many
    /// entries it has room. `None`: an entry has been left in it, by who has forgotten its owner.
    pub(super) fn renew(&mut self) -> Option<usize> {
        let n_slots = self.slab.renew()?;
        debug_assert!(
            self.n_pending == 0 && self.n_asked == 0 && self.n_stirred == 0,
            "nothing is counted of entries that have left"
        );
        self.patience = 0;
        self.wants_waker = false;
        self.asked.clear();
        self.asked.shrink_to(n_slots);
        Some(n_slots)
    }

    #[inline]
    pub(super) fn entry(&mut self, at: Index) -> &mut Entry {
        self.slab.entry(at)
    }

    pub(crate) fn address(&mut self, at: Index) -> Address {
        let serial = self.entry(at).serial;
        let tree = self.tree.upgrade();
        Address {
            tree: tree.expect("who locks a tree refers to it"),
            key: Key { index: at, serial },
        }
    }

    fn is_of(&self, tree: &Arc<Tree>) -> bool {
        std::ptr::eq(self.tree.as_ptr(), Arc::as_ptr(tree))
    }

    /// Whether no request is under way in this tree, so that nobody needs to look.
    #[inline]
    pub(super) fn is_quiet(&self) -> bool {
        self.n_stirred == 0 && !self.wants_waker
    }

    /// Changes an entry, and what is counted of it.
    #[inline]
    pub(super) fn change<R>(&mut self, at: Index, f: impl FnOnce(&mut Entry) -> R) -> R {
        let entry = self.entry(at);
        let before = entry.tally();
        let result = f(entry);
        let (after, parent) = (entry.tally(), entry.parent);
        if before != after {
            self.count_in_tree(Some(before), Some(after));
            if let Some(parent) = parent {
                self.count_in_parent(parent, Some(before), Some(after));
            }
        }
        result
    }

    fn count_in_tree(&mut self, before: Option<Tally>, after: Option<Tally>) {
        let is = |tally: Option<Tally>, f: fn(Tally) -> bool| tally.is_some_and(f);
        let pending = |tally: Tally| tally.is_pending;
        let asked = |tally: Tally| tally.is_asked;
        let stirred = |tally: Tally| tally.is_stirred;
        count(&mut self.n_pending, is(before, pending), is(after, pending));
        count(&mut self.n_asked, is(before, asked), is(after, asked));
        count(&mut self.n_stirred, is(before, stirred), is(after, stirred));
    }

    #[inline]
    fn count_in_parent(&mut self, parent: Index, before: Option<Tally>, after: Option<Tally>) {
        let parent = self.entry(parent);
        if let Some(counter) = before.and_then(|tally| parent.count_of(tally.standing)) {
            *counter -= 1;
        }
        if let Some(counter) = after.and_then(|tally| parent.count_of(tally.standing)) {
            *counter += 1;
        }
    }

    /// The slot of a key whose entry is in this tree.
    #[inline]
    pub(crate) fn live(&mut self, key: Key) -> Option<Index> {
        self.slab.live(key)
    }

    /// Where the owner's entry has moved to, if it has; its mark is cleared.
    #[inline]
    pub(crate) fn follow(&mut self, key: Key) -> Option<Address> {
        self.slab.follow(key)
    }

    /// The slot of somebody else's entry; or where it has moved to, unless it has left.
    pub(crate) fn find_parent(&mut self, key: Key) -> Result<Index, Option<Address>> {
        match self.slab.find(key) {
            Found::Live(_) => Ok(key.index),
            Found::Moved(to) => Err(Some(to.clone())),
            Found::Gone => Err(None),
        }
    }

    /// Adds a handler below `parent`, or as the root.
    #[inline]
    pub(crate) fn add(&mut self, parent: Option<Index>, new: New<'_>) -> Key {
        let pass = self.pass;
        let (key, entry) = match parent {
            Some(_) => self.slab.claim(),
            None => self.slab.claim_root(),
        };
        entry.is_shield = new.is_shield;
        entry.origin = new.origin;
        entry.waker = new.waker.cloned();
        (entry.asked_at, entry.polled_at) = (pass, pass);
        if let Some(parent) = parent {
            self.append(parent, key.index);
        }
        key
    }

    /// Makes `at` the youngest kid of `parent`.
    #[inline]
    fn append(&mut self, parent: Index, at: Index) {
        let above = self.entry(parent);
        above.n_kids += 1;
        let last = above.last_kid.replace(at);
        match last {
            Some(last) => self.entry(last).next = Some(at),
            None => self.entry(parent).first_kid = Some(at),
        }
        let entry = self.entry(at);
        entry.parent = Some(parent);
        entry.prev = last;
        let tally = entry.tally();
        self.count_in_parent(parent, None, Some(tally));
    }

    /// Takes `at` out of its parent's list.
    #[inline]
    fn detach(&mut self, at: Index) -> Option<Index> {
        let entry = self.entry(at);
        let tally = entry.tally();
        let parent = entry.parent.take()?;
        let (prev, next) = (entry.prev.take(), entry.next.take());
        match prev {
            Some(prev) => self.entry(prev).next = next,
            None => self.entry(parent).first_kid = next,
        }
        match next {
            Some(next) => self.entry(next).prev = prev,
            None => self.entry(parent).last_kid = prev,
        }
        self.entry(parent).n_kids -= 1;
        self.count_in_parent(parent, Some(tally), None);
        Some(parent)
    }

    /// The handler is polled below `parent`: hangs it there, and tells what it should do. `None`
    /// when it is to move to another tree first.
    #[inline]
    pub(crate) fn enter(
        &mut self,
        at: Index,
        parent: Option<Spot<'_>>,
        waker: &Waker,
        after: &mut After,
    ) -> Option<Entered> {
        match parent {
            None if at == Index::ROOT => self.pass += 1,
            Some(spot) if self.is_of(spot.tree) => {
                let parent = self.slab.live(spot.key)?;
                self.hang(at, parent, after);
            }
            _ => return None,
        }
        Some(self.polled(at, waker, after))
    }

    /// Hangs `at` below `parent`, if it does not yet.
    pub(crate) fn hang(&mut self, at: Index, parent: Index, after: &mut After) {
        let entry = self.entry(at);
        let is_in_place = entry.parent == Some(parent) && !entry.is_aside;
        // A waker that polls inline may come from farther in than what it polls.
        if !is_in_place && !self.is_within(parent, at) {
            self.unlink(at, after);
            self.link(at, Some(parent), after);
        }
    }

    /// Whether `inner` is `outer` or below it.
    fn is_within(&mut self, inner: Index, outer: Index) -> bool {
        let mut at = Some(inner);
        while let Some(here) = at {
            if here == outer {
                return true;
            }
            at = self.entry(here).parent;
        }
        false
    }

    /// The handler is polled in its place.
    #[inline]
    pub(crate) fn polled(&mut self, at: Index, waker: &Waker, after: &mut After) -> Entered {
        let pass = self.pass;
        let entry = self.entry(at);
        entry.polled_at = pass;
        after.drop_waker(entry.set_waker(waker));
        self.look(at)
    }

    /// Whether a request has arrived at this handler.
    #[inline]
    pub(super) fn look(&mut self, at: Index) -> Entered {
        if self.entry(at).state == State::Asked {
            Entered::Asked
        } else {
            Entered::Go
        }
    }

    /// Whether somebody is above who can take over what this handler raises.
    pub(crate) fn has_parent(&mut self, at: Index) -> bool {
        self.entry(at).parent.is_some()
    }

    /// Takes `at` from its parent's list; what it was asked goes back, and the parent takes over.
    pub(crate) fn unlink(&mut self, at: Index, after: &mut After) {
        if self.entry(at).parent.is_some() {
            self.withdraw_below(at);
            if let Some(parent) = self.detach(at) {
                self.settle(parent, after);
            }
        }
    }

    /// Hangs `at`, which hangs nowhere, below `parent`. What has raised raises again there.
    pub(super) fn link(&mut self, at: Index, parent: Option<Index>, after: &mut After) {
        let pass = self.pass;
        self.change(at, |entry| entry.is_aside = false);
        let entry = self.entry(at);
        entry.asked_at = pass;
        entry.polled_at = pass;
        let is_raising = entry.state == State::Raising;
        let raised = entry.request.clone().filter(|_| is_raising);
        if let Some(parent) = parent {
            self.append(parent, at);
            if let Some(request) = raised {
                self.raised(parent, request, after);
            }
        }
    }

    /// Moves the entries from `at` downwards to the tree `there`. The slot of the topmost is left
    /// empty; the others leave marks in theirs, for their owners to find.
    fn transfer(&mut self, at: Index, there: &mut Entries, parent: Option<Index>) -> Key {
        let mut entry = self.slab.take(at);
        let tally = entry.tally();
        let mut kid = entry.first_kid;
        entry.unlinked(there.pass);
        self.count_in_tree(Some(tally), None);
        there.count_in_tree(None, Some(tally));
        let (key, new) = match there.slab.is_empty() {
            true => there.slab.claim_root(),
            false => there.slab.claim(),
        };
        entry.serial = key.serial;
        *new = entry;
        if tally.is_asked {
            there.asked.push(key);
        }
        if let Some(parent) = parent {
            there.append(parent, key.index);
        }
        while let Some(below) = kid {
            kid = self.entry(below).next;
            let to = self.transfer(below, there, Some(key.index)).index;
            self.slab.mark(below, there.address(to));
        }
        key
    }

    /// Moves `at`, with everything below it, to the tree `there`, below `parent` or nowhere.
    pub(crate) fn move_to(
        &mut self,
        at: Index,
        there: &mut Entries,
        parent: Option<Index>,
        after: &mut After,
    ) -> Key {
        self.unlink(at, after);
        let key = self.transfer(at, there, None);
        self.slab.free(at);
        there.link(key.index, parent, after);
        key
    }

    /// Transition 2: the handler starts to drop its body; returns the request it holds.
    pub(crate) fn begin_exit(&mut self, at: Index) -> Held {
        self.change(at, |entry| {
            entry.state = State::Busy;
            entry.pending = false;
            let rearmed = entry.rearmed.take();
            Held {
                request: entry.request.take().or(rearmed),
                is_raised: !entry.from_above,
            }
        })
    }

    /// Transition 3. `held` is a request that the handler gives to its parent; `absorbed` says
    /// that it consumed one.
    pub(crate) fn leave(
        &mut self,
        at: Index,
        held: Option<Request>,
        absorbed: bool,
        after: &mut After,
    ) {
        self.give_kids_away(at);
        let parent = self.detach(at);
        let entry = self.slab.take(at);
        self.count_in_tree(Some(entry.tally()), None);
        self.slab.free(at);
        if let Some(parent) = parent {
            self.entry(parent).absorbed |= absorbed;
            let late = entry
                .request
                .as_ref()
                .filter(|_| entry.state == State::Busy);
            let requests = [held.as_ref(), late, entry.parked.as_ref()];
            for request in requests.into_iter().flatten() {
                if !entry.is_own(request) {
                    self.hand_up(parent, request.clone(), after);
                }
            }
            self.settle(parent, after);
        }
        after.drop_waker(entry.waker);
    }

    /// The handler leaves after its body has been dropped, as a rule with nothing to pass on.
    pub(crate) fn leave_at_once(&mut self, at: Index, after: &mut After) {
        if let Some(waker) = self.leave_as_leaf(at) {
            after.drop_waker(waker);
            return;
        }
        let held = self.begin_exit(at);
        self.leave(at, held.request, false, after);
    }

    /// The same for a handler with nothing below it and nothing under way, which leaves its waker to
    /// be dropped; `None`: there is more to do.
    #[inline]
    pub(crate) fn leave_as_leaf(&mut self, at: Index) -> Option<Option<Waker>> {
        let entry = self.entry(at);
        if entry.n_kids > 0 || entry.tally().is_stirred {
            return None;
        }
        self.detach(at);
        let waker = self.entry(at).clear();
        self.slab.free(at);
        // It was settled, so nothing above waited for it.
        Some(waker)
    }

    /// The root leaves. Nobody is above it who would care for what it holds.
    pub(super) fn leave_as_root(&mut self, at: Index, after: &mut After) {
        self.change(at, |entry| entry.state = State::Idle);
        match self.leave_as_leaf(at) {
            Some(waker) => after.drop_waker(waker),
            None => self.leave(at, None, false, after),
        }
    }

    /// What still hangs below a leaving handler goes to its parent.
    fn give_kids_away(&mut self, at: Index) {
        let parent = self.entry(at).parent;
        while let Some(kid) = self.entry(at).first_kid {
            self.detach(kid);
            self.change(kid, |entry| entry.is_aside = true);
            if let Some(parent) = parent {
                self.append(parent, kid);
            }
        }
    }

    /// How many entries hang below this one.
    pub(super) fn count_below(&mut self, at: Index) -> usize {
        let mut total = 0;
        let mut kid = self.entry(at).first_kid;
        while let Some(below) = kid {
            total += 1 + self.count_below(below);
            kid = self.entry(below).next;
        }
        total
    }
}
