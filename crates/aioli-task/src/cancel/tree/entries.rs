//! The entries of one tree, and the transitions of a request among them.
//!
//! # States of an entry
//!
//! ```text
//!            (1) ask                (2) begin_exit
//!   Idle ───────────────▶ Asked ───────────────────▶ Busy ──(3) leave──▶ gone
//!    ▲ ▲                  │  │                         ▲
//!    │ └──(4) withdraw────┘  └─(5) forward─▶ Forwarded─┘
//!    │                                        │  ▲
//!    └────────────────────────────────────────┘  └─(1) ask again
//!   any ──(6) raise──▶ Raising ──(3) leave──▶ gone
//! ```
//!
//! 1. A request arrived and nothing below is left to do for it.
//! 2. The handler drops its body; what arrives meanwhile is kept in `request` for the parent.
//! 3. The handler leaves; what it still holds goes to its parent, which is re-evaluated.
//! 4. Nobody polls the handler any more: the ask is taken back and the parent takes over.
//! 5. The handler waits for somebody else (an awaited task) to act on the request.
//! 6. The handler passes its request on outwards and stays until it is dropped.
//!
//! `pending` says that a request was handed to the entries below and is not settled yet.
//! `parked` is a request that a shield keeps until its body is done.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::task::Waker;

use super::{Id, NodeRef, Tree, lock};
use crate::cancel::Request;

/// Wakers to call once the lock is released, each with the node whose handler it wakes.
pub(super) type Wakes = Vec<(Option<NodeRef>, Waker)>;

/// How many polls running a root may wake itself before an asked handler that was not polled
/// counts as aside. Combinators that poll a bounded number of children and wake themselves
/// need more than one poll to reach every child.
const PATIENCE: u32 = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Idle,
    Asked,
    Busy,
    Forwarded,
    Raising,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) node: NodeRef,
    pub(super) parent: Option<Id>,
    /// By age. An ordered set: a gather of a hundred thousand is left one by one.
    pub(super) kids: BTreeSet<Id>,
    pub(super) state: State,
    pub(super) is_shield: bool,
    /// A request was handed to the entries below, which have not settled it.
    pub(super) pending: bool,
    /// Some entry below has consumed the pending request.
    pub(super) absorbed: bool,
    /// Some entry below has given back the pending request, so its consumption elsewhere below
    /// does not settle it.
    pub(super) given_back: bool,
    /// A request that this shield keeps until its body is done.
    pub(super) parked: bool,
    /// The parent left while this entry was below it; it has not been polled in its new place.
    pub(super) is_aside: bool,
    /// The request came down from the parent, which gave it to the siblings as well.
    pub(super) from_above: bool,
    /// The last request from above that was consumed below; if it is raised there again, it still
    /// counts as one from above.
    pub(super) consumed: Option<Request>,
    /// A request to deliver when the body is next pending.
    pub(super) rearmed: Option<Request>,
    /// The request that is asked, pending, parked, forwarded or raised.
    pub(super) request: Option<Request>,
    pub(super) asked_at: u64,
    pub(super) polled_at: u64,
    pub(super) waker: Option<Waker>,
}

#[derive(Debug, Default)]
pub(super) struct Entries {
    /// Counts the polls of the root.
    pub(super) pass: u64,
    /// Polls running in which the root woke itself while an asked handler was not reached.
    pub(super) patience: u32,
    /// Whether some entry may be pending; looked up again when it matters.
    pub(super) may_be_pending: bool,
    pub(super) map: HashMap<Id, Entry>,
}

impl Entry {
    pub(super) fn new(node: NodeRef, is_shield: bool) -> Entry {
        Entry {
            node,
            parent: None,
            kids: BTreeSet::new(),
            state: State::Idle,
            is_shield,
            pending: false,
            absorbed: false,
            given_back: false,
            parked: false,
            is_aside: false,
            from_above: false,
            consumed: None,
            rearmed: None,
            request: None,
            asked_at: 0,
            polled_at: 0,
            waker: None,
        }
    }

    /// Replaces the waker; the old one is to be dropped with no lock held.
    pub(super) fn set_waker(&mut self, waker: &Waker) -> Option<Waker> {
        if self.waker.as_ref().is_some_and(|old| old.will_wake(waker)) {
            return None;
        }
        self.waker.replace(waker.clone())
    }
}

impl Entries {
    pub(super) fn entry(&mut self, id: Id) -> &mut Entry {
        self.map
            .get_mut(&id)
            .expect("a handler is in the tree its node names until it leaves")
    }

    pub(super) fn kids(&self, id: Id) -> Vec<Id> {
        self.map
            .get(&id)
            .map(|entry| entry.kids.iter().copied().collect())
            .unwrap_or_default()
    }

    /// Transition 1: nothing below is left to do for the request, so this handler is asked.
    pub(super) fn ask(&mut self, id: Id, wakes: &mut Wakes) {
        let pass = self.pass;
        let Some(entry) = self.map.get_mut(&id) else {
            return;
        };
        if !matches!(entry.state, State::Idle | State::Forwarded) {
            return;
        }
        entry.state = State::Asked;
        entry.asked_at = pass;
        let (waker, parent) = (entry.waker.clone(), entry.parent);
        if let Some(waker) = waker {
            let above = parent
                .and_then(|id| self.map.get(&id))
                .map(|entry| entry.node.clone());
            wakes.push((above, waker));
        }
    }

    /// Merges a request into an entry: of two, the one from farther outside stays.
    pub(super) fn keep(&mut self, id: Id, new: Request) {
        let Some(old) = self.map.get(&id).and_then(|entry| entry.request.clone()) else {
            if let Some(entry) = self.map.get_mut(&id) {
                entry.request = Some(new);
            }
            return;
        };
        if self.is_farther_out(id, new.origin, old.origin) {
            self.entry(id).request = Some(new);
        }
    }

    /// Whether origin `a` is farther out than origin `b`, seen from entry `id`.
    pub(super) fn is_farther_out(&self, id: Id, a: Option<Id>, b: Option<Id>) -> bool {
        let (Some(a), Some(b)) = (a, b) else {
            return b.is_some();
        };
        let mut at = Some(id);
        while let Some(here) = at {
            if here == a {
                return false;
            }
            if here == b {
                return true;
            }
            at = self.map.get(&here).and_then(|entry| entry.parent);
        }
        false
    }

    /// A request arrives at `id`: asks the innermost handlers below, or this one when there are
    /// none.
    pub(super) fn deliver(&mut self, id: Id, request: Request, wakes: &mut Wakes) {
        let Some(entry) = self.map.get_mut(&id) else {
            return;
        };
        let state = entry.state;
        if entry.is_shield && state != State::Busy {
            entry.parked = true;
            return self.keep(id, request);
        }
        self.keep(id, request);
        if matches!(state, State::Busy | State::Asked | State::Raising) {
            return;
        }
        self.distribute(id, wakes);
    }

    /// Hands the request that `id` holds to the entries below.
    pub(super) fn distribute(&mut self, id: Id, wakes: &mut Wakes) {
        let kids = self.kids(id);
        if kids.is_empty() {
            return self.ask(id, wakes);
        }
        let entry = self.entry(id);
        entry.pending = true;
        entry.absorbed = false;
        entry.given_back = false;
        let request = entry
            .request
            .clone()
            .expect("a request that is handed down is held");
        self.may_be_pending = true;
        for kid in kids {
            let Some(below) = self.map.get_mut(&kid) else {
                continue;
            };
            if below.state != State::Raising {
                below.from_above = true;
                self.deliver(kid, request.clone(), wakes);
            }
        }
        self.settle(id, wakes);
    }

    /// A handler below `id` raised: its siblings are asked, and when all of them are gone or
    /// raising, so is `id`. A shield does not stop what comes from inside it.
    pub(super) fn raised(&mut self, id: Id, request: Request, wakes: &mut Wakes) {
        let Some(entry) = self.map.get_mut(&id) else {
            return;
        };
        if matches!(entry.state, State::Busy | State::Raising) {
            return;
        }
        let consumed = entry.consumed.as_ref();
        entry.from_above |= consumed.is_some_and(|old| old.is_same(&request));
        let is_asked = entry.state == State::Asked;
        self.keep(id, request);
        if !is_asked {
            self.distribute(id, wakes);
        }
    }

    /// Nobody below has anything left to do for the request: passes it on, or it was consumed.
    pub(super) fn settle(&mut self, id: Id, wakes: &mut Wakes) {
        let Some(entry) = self.map.get(&id) else {
            return;
        };
        if !entry.pending || matches!(entry.state, State::Busy | State::Asked | State::Raising) {
            return;
        }
        let mut any_raising = false;
        for kid in entry.kids.iter().filter_map(|kid| self.map.get(kid)) {
            match kid.state {
                State::Raising => any_raising |= !kid.is_aside,
                State::Asked | State::Busy | State::Forwarded => return,
                State::Idle if kid.pending || kid.parked => return,
                State::Idle => {}
            }
        }
        let entry = self.entry(id);
        entry.pending = false;
        if any_raising || entry.given_back || !entry.absorbed {
            return self.ask(id, wakes);
        }
        let parent = entry.parent;
        if std::mem::take(&mut entry.from_above) {
            entry.consumed = entry.request.clone();
        }
        if !entry.parked {
            entry.request = None;
        }
        if let Some(parent) = parent {
            if let Some(above) = self.map.get_mut(&parent) {
                above.absorbed = true;
            }
            self.settle(parent, wakes);
        }
    }

    /// Transition 3. Returns the entry, to be dropped with no lock held.
    pub(super) fn leave(
        &mut self,
        id: Id,
        held: Option<Request>,
        absorbed: bool,
        wakes: &mut Wakes,
    ) -> Option<Entry> {
        let entry = self.map.remove(&id)?;
        let late = entry.request.clone().filter(|_| entry.state == State::Busy);
        for &kid in &entry.kids {
            if let Some(kid) = self.map.get_mut(&kid) {
                kid.parent = entry.parent;
                kid.is_aside = true;
            }
        }
        let Some(parent) = entry.parent else {
            return Some(entry);
        };
        if let Some(above) = self.map.get_mut(&parent) {
            above.kids.remove(&id);
            above.kids.extend(&entry.kids);
            above.absorbed |= absorbed;
        }
        for request in [held, late].into_iter().flatten() {
            if request.origin != Some(id) {
                self.hand_up(parent, request, wakes);
            }
        }
        self.settle(parent, wakes);
        Some(entry)
    }

    /// A leaving handler gives a request it holds to its parent.
    pub(super) fn hand_up(&mut self, parent: Id, request: Request, wakes: &mut Wakes) {
        let Some(above) = self.map.get(&parent) else {
            return;
        };
        if above.is_shield {
            // It came from inside the shield, or was let in by it: the shield keeps it.
            self.entry(parent).parked = true;
            return self.keep(parent, request);
        }
        if above.pending {
            // The siblings have been asked already; the parent is asked when they are done.
            self.entry(parent).given_back = true;
            return self.keep(parent, request);
        }
        self.deliver(parent, request, wakes);
    }

    /// Takes `id` from its parent's list; what it was asked goes back, and the parent takes over.
    pub(super) fn unlink(&mut self, id: Id, wakes: &mut Wakes) {
        let entry = self.entry(id);
        let parent = entry.parent.take();
        if let Some(parent) = parent {
            self.withdraw_below(id);
            if let Some(above) = self.map.get_mut(&parent) {
                above.kids.remove(&id);
            }
            self.settle(parent, wakes);
        }
    }

    /// Hangs `id` below `parent`. What has raised raises again there.
    pub(super) fn link(&mut self, id: Id, parent: Option<Id>, wakes: &mut Wakes) {
        let pass = self.pass;
        let entry = self.entry(id);
        entry.parent = parent;
        entry.is_aside = false;
        entry.asked_at = pass;
        entry.polled_at = pass;
        let raised = entry
            .request
            .clone()
            .filter(|_| entry.state == State::Raising);
        if let Some(parent) = parent {
            if let Some(above) = self.map.get_mut(&parent) {
                above.kids.insert(id);
            }
            if let Some(request) = raised {
                self.raised(parent, request, wakes);
            }
        }
    }

    /// Moves the entries from `id` downwards into another tree.
    pub(super) fn transfer(&mut self, id: Id, there: &mut Entries, tree: &Arc<Tree>) {
        let Some(mut entry) = self.map.remove(&id) else {
            return;
        };
        entry.asked_at = there.pass;
        entry.polled_at = there.pass;
        there.may_be_pending |= entry.pending;
        *lock(&entry.node.tree) = tree.clone();
        for kid in entry.kids.clone() {
            self.transfer(kid, there, tree);
        }
        there.map.insert(id, entry);
    }

    /// Transition 4 for `id` and everything below it, without a judgement.
    pub(super) fn withdraw_below(&mut self, id: Id) {
        let entry = self.entry(id);
        let was_pending = entry.pending;
        if was_pending || entry.parked || entry.state == State::Asked {
            entry.request = None;
        }
        if entry.state == State::Asked {
            entry.state = State::Idle;
        }
        entry.pending = false;
        entry.parked = false;
        entry.from_above = false;
        if was_pending {
            for kid in self.kids(id) {
                if self.map.contains_key(&kid) {
                    self.withdraw_below(kid);
                }
            }
        }
    }

    pub(super) fn rest(&mut self, root: Id, is_queued: bool, wakes: &mut Wakes) -> bool {
        if self.may_be_pending {
            self.may_be_pending = self.map.values().any(|entry| entry.pending);
        }
        if !self.may_be_pending {
            self.patience = 0;
            return false;
        }
        if is_queued {
            self.patience += 1;
        }
        if !is_queued || self.patience >= PATIENCE {
            self.patience = 0;
            self.withdraw_unreached(wakes);
        }
        let pass = self.pass;
        let asked_now =
            |(id, e): (&Id, &Entry)| *id != root && e.state == State::Asked && e.asked_at == pass;
        self.map.iter().any(asked_now)
    }

    /// Transition 4: asks that were made in an earlier pass and not polled since go back.
    fn withdraw_unreached(&mut self, wakes: &mut Wakes) {
        let pass = self.pass;
        let pending = |(id, entry): (&Id, &Entry)| entry.pending.then_some(*id);
        let mut parents: Vec<Id> = self.map.iter().filter_map(pending).collect();
        // In an order that does not depend on the map; younger ones are mostly farther in.
        parents.sort_unstable_by(|a, b| b.cmp(a));
        for id in parents {
            let mut any = false;
            for kid in self.kids(id) {
                if let Some(entry) = self.map.get_mut(&kid)
                    && entry.state == State::Asked
                    && entry.asked_at < pass
                    && entry.polled_at < pass
                {
                    entry.state = State::Idle;
                    entry.request = None;
                    entry.from_above = false;
                    any = true;
                }
            }
            if any {
                self.settle(id, wakes);
            }
        }
    }
}
