//! The tree of handlers of one task, and how requests travel in it.
//!
//! Every live handler is an entry of exactly one tree; a tree is guarded by one lock. A task's
//! tree has the task itself as its root; where no task is current, the outermost handler is the
//! root of a tree of its own. A handler compares, at every poll, the handler that is current with
//! the one it hangs under, and moves with everything below it when they differ.
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

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::current;
use super::reason::Request;

/// Identifies a handler for the lifetime of the process.
pub(crate) type Id = u64;

/// A handler's identity, and the tree it is in right now.
#[derive(Debug)]
pub(crate) struct Node {
    id: Id,
    tree: Mutex<Arc<Tree>>,
}

/// A shared reference to a handler's identity.
pub(crate) type NodeRef = Arc<Node>;

/// One root's handlers.
#[derive(Debug, Default)]
pub(crate) struct Tree(Mutex<Entries>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Asked,
    Busy,
    Forwarded,
    Raising,
}

#[derive(Debug)]
struct Entry {
    node: NodeRef,
    parent: Option<Id>,
    kids: Vec<Id>,
    state: State,
    is_shield: bool,
    /// A request was handed to the entries below, which have not settled it.
    pending: bool,
    /// Some entry below has consumed the pending request.
    absorbed: bool,
    /// Some entry below has given back the pending request, so its consumption elsewhere below
    /// does not settle it.
    given_back: bool,
    /// A request that this shield keeps until its body is done.
    parked: bool,
    /// The parent left while this entry was below it; it has not been polled in its new place.
    is_aside: bool,
    /// The request came down from the parent, which gave it to the siblings as well.
    from_above: bool,
    /// The last request from above that was consumed below; if it is raised there again, it still
    /// counts as one from above.
    consumed: Option<Request>,
    /// A request to deliver when the body is next pending.
    rearmed: Option<Request>,
    /// The request that is asked, pending, parked, forwarded or raised.
    request: Option<Request>,
    asked_at: u64,
    polled_at: u64,
    waker: Option<Waker>,
}

#[derive(Debug, Default)]
struct Entries {
    /// Counts the polls of the root.
    pass: u64,
    /// Polls running in which the root woke itself while an asked handler was not reached.
    patience: u32,
    map: HashMap<Id, Entry>,
}

/// Wakers to call once the lock is released, each with the node whose handler it wakes.
type Wakes = Vec<(Option<NodeRef>, Waker)>;

/// How many polls running a root may wake itself before an asked handler that was not polled
/// counts as aside. Combinators that poll a bounded number of children and wake themselves
/// need more than one poll to reach every child.
const PATIENCE: u32 = 8;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

impl Node {
    /// A handler in a tree of its own.
    pub(crate) fn detached(is_shield: bool) -> NodeRef {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let tree = Arc::<Tree>::default();
        let node = Arc::new(Node {
            id,
            tree: Mutex::new(tree.clone()),
        });
        lock(&tree.0)
            .map
            .insert(id, Entry::new(node.clone(), is_shield));
        node
    }

    /// A handler below `parent`, or in a tree of its own.
    pub(crate) fn below(parent: Option<&NodeRef>, is_shield: bool) -> NodeRef {
        let Some(parent) = parent else {
            return Node::detached(is_shield);
        };
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        parent.locked(|tree, entries, _| {
            let node = Arc::new(Node {
                id,
                tree: Mutex::new(tree.clone()),
            });
            let mut entry = Entry::new(node.clone(), is_shield);
            entry.polled_at = entries.pass;
            if let Some(above) = entries.map.get_mut(&parent.id) {
                entry.parent = Some(parent.id);
                above.kids.push(id);
            }
            entries.map.insert(id, entry);
            node
        })
    }

    pub(crate) fn id(&self) -> Id {
        self.id
    }

    /// Runs `f` under the lock of the tree this node is in, then calls the wakers it collected.
    fn locked<R>(&self, f: impl FnOnce(&Arc<Tree>, &mut Entries, &mut Wakes) -> R) -> R {
        let mut wakes = Wakes::new();
        let result = loop {
            let tree = lock(&self.tree).clone();
            let mut entries = lock(&tree.0);
            // The node moves only under the lock of the tree it leaves.
            if Arc::ptr_eq(&lock(&self.tree), &tree) {
                break f(&tree, &mut entries, &mut wakes);
            }
        };
        wake_all(wakes);
        result
    }

    /// The handler is polled below `parent`: moves it there, and tells what it should do.
    pub(crate) fn enter(self: &NodeRef, parent: Option<&NodeRef>, waker: &Waker) -> Entered {
        let is_in_place = self.locked(|tree, entries, _| {
            let entry = entries.entry(self.id);
            let same = match (entry.parent, parent) {
                (None, None) => true,
                (Some(id), Some(parent)) => {
                    id == parent.id && !entry.is_aside && Arc::ptr_eq(&lock(&parent.tree), tree)
                }
                _ => false,
            };
            if same && parent.is_none() {
                entries.pass += 1;
            }
            same
        });
        if !is_in_place {
            self.move_below(parent);
        }
        let old = self.locked(|_, entries, _| {
            let pass = entries.pass;
            let entry = entries.entry(self.id);
            entry.polled_at = pass;
            entry.set_waker(waker)
        });
        drop(old);
        self.look()
    }

    /// Whether a request has arrived at this handler.
    pub(crate) fn look(&self) -> Entered {
        let asked = self.locked(|_, entries, _| {
            entries
                .map
                .get(&self.id)
                .is_some_and(|entry| entry.state == State::Asked)
        });
        if asked { Entered::Asked } else { Entered::Go }
    }

    /// The request that is asked here, handed to the handlers below or kept by a shield; else the
    /// last one that came from above and was consumed below.
    pub(crate) fn last_request(&self) -> Option<Request> {
        self.locked(|_, entries, _| {
            let entry = entries.map.get(&self.id)?;
            entry.request.clone().or_else(|| entry.consumed.clone())
        })
    }

    /// The handler's body is pending: notes its waker. A request that arrived while handlers
    /// below were not linked yet is handed to them.
    pub(crate) fn suspend(&self, waker: &Waker) -> Entered {
        let old = self.locked(|_, entries, wakes| {
            let entry = entries.entry(self.id);
            let old = entry.set_waker(waker);
            if entry.state == State::Asked && !entry.kids.is_empty() {
                entry.state = State::Idle;
                entries.distribute(self.id, wakes);
            }
            if let Some(request) = entries.entry(self.id).rearmed.take() {
                entries.deliver(self.id, request, wakes);
            }
            old
        });
        drop(old);
        self.look()
    }

    /// A request arrives at this handler, for the innermost handlers below it.
    pub(crate) fn deliver(&self, request: Request) {
        self.locked(|_, entries, wakes| entries.deliver(self.id, request, wakes));
    }

    /// Keeps `request` until the handler's body is next pending.
    pub(crate) fn rearm(&self, request: Request) {
        self.locked(|_, entries, _| {
            if let Some(entry) = entries.map.get_mut(&self.id) {
                entry.rearmed = Some(request);
            }
        });
    }

    /// The handler starts to drop its body; returns the request it holds.
    pub(crate) fn begin_exit(&self) -> Held {
        self.locked(|_, entries, _| {
            let Some(entry) = entries.map.get_mut(&self.id) else {
                return Held::default();
            };
            entry.state = State::Busy;
            entry.pending = false;
            entry.parked = false;
            let rearmed = entry.rearmed.take();
            let request = entry.request.take().or(rearmed);
            Held {
                request,
                is_raised: !entry.from_above,
            }
        })
    }

    /// The handler leaves the tree. `held` is a request it gives to its parent; `absorbed` says
    /// that it consumed one.
    pub(crate) fn leave(&self, held: Option<Request>, absorbed: bool) {
        let removed =
            self.locked(|_, entries, wakes| entries.leave(self.id, held, absorbed, wakes));
        drop(removed);
    }

    /// The handler passes `request` on outwards, and stays until it is dropped.
    pub(crate) fn raise(&self, request: Request) {
        self.locked(|_, entries, wakes| {
            let entry = entries.entry(self.id);
            entry.state = State::Raising;
            entry.parked = false;
            entry.pending = false;
            entry.request = Some(request.clone());
            if let Some(parent) = entry.parent {
                entries.raised(parent, request, wakes);
            }
        });
    }

    /// Whether the handler has not left yet.
    pub(crate) fn is_linked(&self) -> bool {
        self.locked(|_, entries, _| entries.map.contains_key(&self.id))
    }

    /// Whether somebody is above who can take over what this handler raises.
    pub(crate) fn has_parent(&self) -> bool {
        self.locked(|_, entries, _| entries.entry(self.id).parent.is_some())
    }

    /// The handler waits for somebody else to act on the request; a further one is asked again.
    pub(crate) fn forward(&self) -> Option<Request> {
        self.locked(|_, entries, _| {
            let entry = entries.entry(self.id);
            entry.state = State::Forwarded;
            entry.request.clone()
        })
    }

    /// How many handlers are in this tree below this one.
    pub(crate) fn count_below(&self) -> usize {
        self.locked(|_, entries, _| entries.map.len().saturating_sub(1))
    }

    /// Withdraws what has been asked from here downwards and not been acted on.
    pub(crate) fn take_back(&self) {
        self.locked(|_, entries, _| {
            if entries.map.contains_key(&self.id) {
                entries.withdraw_below(self.id);
            }
        });
    }

    /// Takes the handler and what is below it out of its tree, and withdraws what it was asked.
    pub(crate) fn set_aside(self: &NodeRef) {
        self.move_below(None);
    }

    /// The root is about to poll its body.
    pub(crate) fn begin_pass(&self, waker: &Waker) {
        let old = self.locked(|_, entries, _| {
            entries.pass += 1;
            entries.entry(self.id).set_waker(waker)
        });
        drop(old);
    }

    /// The root's body is pending. Judges which asked handlers nobody polls any more, and returns
    /// whether the root must be polled again to judge the others.
    ///
    /// `is_queued` says whether the root has been woken meanwhile.
    pub(crate) fn rest(&self, is_queued: bool) -> bool {
        self.locked(|_, entries, wakes| entries.rest(self.id, is_queued, wakes))
    }

    /// Whether this root of its tree is waiting for a request to be settled.
    pub(crate) fn is_unsettled_root(&self) -> bool {
        self.locked(|_, entries, _| {
            entries
                .map
                .get(&self.id)
                .is_some_and(|e| e.parent.is_none() && e.pending)
        })
    }

    /// Like [`rest`](Node::rest), for an outermost handler under a foreign executor, which does
    /// not tell whether it will poll again: the handler asks for up to [`PATIENCE`] more polls.
    pub(crate) fn judge_outermost(&self) -> bool {
        self.locked(|_, entries, wakes| {
            entries.rest(self.id, true, wakes);
            entries
                .map
                .iter()
                .any(|(id, e)| *id != self.id && e.state == State::Asked)
        })
    }

    /// Moves this handler, with everything below it, below `parent` or into a tree of its own.
    fn move_below(self: &NodeRef, parent: Option<&NodeRef>) {
        let mut wakes = Wakes::new();
        loop {
            let from = lock(&self.tree).clone();
            let to = parent.map_or_else(Arc::<Tree>::default, |node| lock(&node.tree).clone());
            let is_same = Arc::ptr_eq(&from, &to);
            // Two trees are locked in the order of their addresses.
            let from_first = Arc::as_ptr(&from) <= Arc::as_ptr(&to);
            let first = lock(if from_first { &from.0 } else { &to.0 });
            let second = (!is_same).then(|| lock(if from_first { &to.0 } else { &from.0 }));
            let in_place = Arc::ptr_eq(&lock(&self.tree), &from)
                && parent.is_none_or(|node| Arc::ptr_eq(&lock(&node.tree), &to));
            if !in_place {
                continue;
            }
            let (mut here, there) = match second {
                None => (first, None),
                Some(second) if from_first => (first, Some(second)),
                Some(second) => (second, Some(first)),
            };
            here.unlink(self.id, &mut wakes);
            match there {
                None => here.link(self.id, parent.map(|node| node.id), &mut wakes),
                Some(mut there) => {
                    here.transfer(self.id, &mut there, &to);
                    there.link(self.id, parent.map(|node| node.id), &mut wakes);
                }
            }
            break;
        }
        wake_all(wakes);
    }
}

/// Calls wakers with no lock held. A waker that polls inline does so under the handler that the
/// woken one hangs under, as its own task would.
fn wake_all(wakes: Wakes) {
    for (parent, waker) in wakes {
        let _frame = current::Base::enter(parent);
        waker.wake();
    }
}

impl Entry {
    fn new(node: NodeRef, is_shield: bool) -> Entry {
        Entry {
            node,
            parent: None,
            kids: Vec::new(),
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
    fn set_waker(&mut self, waker: &Waker) -> Option<Waker> {
        if self.waker.as_ref().is_some_and(|old| old.will_wake(waker)) {
            return None;
        }
        self.waker.replace(waker.clone())
    }
}

impl Entries {
    fn entry(&mut self, id: Id) -> &mut Entry {
        self.map
            .get_mut(&id)
            .expect("a handler is in the tree its node names until it leaves")
    }

    fn kids(&self, id: Id) -> Vec<Id> {
        self.map
            .get(&id)
            .map(|entry| entry.kids.clone())
            .unwrap_or_default()
    }

    /// Transition 1: nothing below is left to do for the request, so this handler is asked.
    fn ask(&mut self, id: Id, wakes: &mut Wakes) {
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
    fn keep(&mut self, id: Id, new: Request) {
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
    fn is_farther_out(&self, id: Id, a: Option<Id>, b: Option<Id>) -> bool {
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
    fn deliver(&mut self, id: Id, request: Request, wakes: &mut Wakes) {
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
    fn distribute(&mut self, id: Id, wakes: &mut Wakes) {
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
    fn raised(&mut self, id: Id, request: Request, wakes: &mut Wakes) {
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
    fn settle(&mut self, id: Id, wakes: &mut Wakes) {
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
    fn leave(
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
            above.kids.retain(|&kid| kid != id);
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
    fn hand_up(&mut self, parent: Id, request: Request, wakes: &mut Wakes) {
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
    fn unlink(&mut self, id: Id, wakes: &mut Wakes) {
        let entry = self.entry(id);
        let parent = entry.parent.take();
        if let Some(parent) = parent {
            self.withdraw_below(id);
            if let Some(above) = self.map.get_mut(&parent) {
                above.kids.retain(|&kid| kid != id);
            }
            self.settle(parent, wakes);
        }
    }

    /// Hangs `id` below `parent`. What has raised raises again there.
    fn link(&mut self, id: Id, parent: Option<Id>, wakes: &mut Wakes) {
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
                above.kids.push(id);
            }
            if let Some(request) = raised {
                self.raised(parent, request, wakes);
            }
        }
    }

    /// Moves the entries from `id` downwards into another tree.
    fn transfer(&mut self, id: Id, there: &mut Entries, tree: &Arc<Tree>) {
        let Some(mut entry) = self.map.remove(&id) else {
            return;
        };
        entry.asked_at = there.pass;
        entry.polled_at = there.pass;
        *lock(&entry.node.tree) = tree.clone();
        for kid in entry.kids.clone() {
            self.transfer(kid, there, tree);
        }
        there.map.insert(id, entry);
    }

    /// Transition 4 for `id` and everything below it, without a judgement.
    fn withdraw_below(&mut self, id: Id) {
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

    fn rest(&mut self, root: Id, is_queued: bool, wakes: &mut Wakes) -> bool {
        let is_unsettled = self.map.get(&root).is_some_and(|e| e.pending);
        if !is_unsettled {
            self.patience = 0;
            return false;
        }
        if is_queued {
            self.patience += 1;
        }
        if !is_queued || self.patience >= PATIENCE {
            self.patience = 0;
            self.withdraw_unreached(root, wakes);
        }
        let pass = self.pass;
        let asked_now =
            |(id, e): (&Id, &Entry)| *id != root && e.state == State::Asked && e.asked_at == pass;
        self.map.iter().any(asked_now)
    }

    /// Transition 4: asks that were made in an earlier pass and not polled since go back.
    fn withdraw_unreached(&mut self, id: Id, wakes: &mut Wakes) {
        let pass = self.pass;
        let mut any = false;
        for kid in self.kids(id) {
            let Some(entry) = self.map.get_mut(&kid) else {
                continue;
            };
            if entry.state == State::Asked {
                if entry.asked_at < pass && entry.polled_at < pass {
                    entry.state = State::Idle;
                    entry.request = None;
                    entry.from_above = false;
                    any = true;
                }
            } else if entry.pending {
                self.withdraw_unreached(kid, wakes);
            }
        }
        if any {
            self.settle(id, wakes);
        }
    }
}
