//! The tree of handlers of one task, and how requests travel in it.
//!
//! Every live handler is an entry of exactly one tree; a tree is guarded by one lock. A task's
//! tree has the task itself as its root; where no task is current, the outermost handler is the
//! root of a tree of its own. A handler compares, at every poll, the handler that is current with
//! the one it hangs under, and moves with everything below it when they differ.
//!
//! How requests travel is in `tree/entries.rs`.

mod entries;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use self::entries::{Entries, Entry, State, Wakes};
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
                above.kids.insert(id);
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

    /// Whether this handler, or one above it with no shield between, is asked right now.
    pub(crate) fn is_asked_here_or_above(&self) -> bool {
        self.locked(|_, entries, _| {
            let mut at = Some(self.id);
            while let Some(entry) = at.and_then(|id| entries.map.get(&id)) {
                if entry.state == State::Asked {
                    return true;
                }
                at = entry.parent.filter(|_| !entry.is_shield);
            }
            false
        })
    }

    /// Whether a request at `above` comes down to here: it is above, and no shield is between.
    pub(crate) fn is_reached_from(&self, above: &Node) -> bool {
        self.locked(|_, entries, _| {
            let mut at = Some(self.id);
            while let Some(entry) = at.and_then(|id| entries.map.get(&id)) {
                if at == Some(above.id) {
                    return true;
                }
                at = entry.parent.filter(|_| !entry.is_shield);
            }
            false
        })
    }

    /// Whether no request is asked here, handed to the handlers below, or kept by the shield.
    pub(crate) fn is_settled(&self) -> bool {
        self.locked(|_, entries, _| {
            entries
                .map
                .get(&self.id)
                .is_none_or(|entry| entry.state == State::Idle && !entry.pending && !entry.parked)
        })
    }

    /// Makes the handler a shield, or none; then the request that it has kept goes in.
    pub(crate) fn set_shield(&self, is_shield: bool) {
        self.locked(|_, entries, wakes| {
            let Some(entry) = entries.map.get_mut(&self.id) else {
                return;
            };
            entry.is_shield = is_shield;
            let lets_in =
                !is_shield && entry.state == State::Idle && std::mem::take(&mut entry.parked);
            if lets_in && !entry.pending {
                entries.distribute(self.id, wakes);
            }
        });
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

    /// Whether this is the root of its tree and a request in the tree may not be settled.
    pub(crate) fn is_unsettled_root(&self) -> bool {
        self.locked(|_, entries, _| {
            let is_root = |entry: &Entry| entry.parent.is_none();
            entries.may_be_pending && entries.map.get(&self.id).is_some_and(is_root)
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
