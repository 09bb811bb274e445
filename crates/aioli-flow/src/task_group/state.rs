//! What the block and the children of a group share.
//!
//! Nothing is cancelled, woken or dropped while the lock is held.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use aioli_task::{Reason, ReasonKind, TaskHandle, Unwinder};

use crate::branch::Payload;
use crate::error_group::BoxError;

/// A group's state.
#[derive(Default)]
pub(super) struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    /// Children that have not ended, in the order of spawning; without a handle while they are
    /// being spawned.
    children: BTreeMap<u64, Option<TaskHandle>>,
    next_id: u64,
    errors: Vec<BoxError>,
    panic: Option<Payload>,
    phase: Phase,
    /// Asks the body to end, while it runs.
    body: Option<Unwinder>,
    /// Wakes the block when the last child has ended.
    waker: Option<Waker>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Takes children.
    #[default]
    Open,
    /// Something failed, or the block was cancelled; children and body have been asked to end.
    Closing,
    /// The block has ended.
    Closed,
}

/// Whether a child was taken in.
pub(super) enum Admission {
    Taken(Ticket),
    Refused,
}

/// A child's place in its group, given back when the child has ended or was dropped.
pub(super) struct Ticket {
    id: u64,
    group: Arc<Shared>,
}

impl Ticket {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn group(&self) -> &Shared {
        &self.group
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.group.lock();
        let child = state.children.remove(&self.id);
        let waker = if state.children.is_empty() {
            state.waker.take()
        } else {
            None
        };
        drop(state);
        drop(child);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a child in, if the group is open.
    pub(super) fn admit(this: &Arc<Shared>) -> Admission {
        let mut state = this.lock();
        if state.phase != Phase::Open {
            return Admission::Refused;
        }
        let id = state.next_id;
        state.next_id += 1;
        state.children.insert(id, None);
        Admission::Taken(Ticket {
            id,
            group: this.clone(),
        })
    }

    /// The child has been spawned. If the group was closed by then, it is cancelled as well.
    pub(super) fn set_handle(&self, id: u64, handle: TaskHandle) {
        let mut state = self.lock();
        let is_late = state.phase != Phase::Open;
        if let Some(child) = state.children.get_mut(&id) {
            *child = Some(handle.clone());
        }
        drop(state);
        if is_late {
            handle.cancel_for(reason());
        }
    }

    /// Names what asks the body to end.
    pub(super) fn set_body(&self, body: Option<Unwinder>) {
        let old = std::mem::replace(&mut self.lock().body, body);
        drop(old);
    }

    /// A child failed.
    pub(super) fn fail(&self, error: BoxError) {
        self.lock().errors.push(error);
        self.abort();
    }

    /// A child panicked. The first panic goes on outwards; later ones are dropped with their child.
    pub(super) fn panicked(&self, panic: Payload) {
        let second = {
            let mut state = self.lock();
            if state.panic.is_some() {
                Some(panic)
            } else {
                state.panic.replace(panic)
            }
        };
        drop(second);
        self.abort();
    }

    /// Asks the children and the body to end, once, and takes no more children.
    pub(super) fn abort(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Closing {
            return;
        }
        if state.phase == Phase::Open {
            state.phase = Phase::Closing;
        }
        let children: Vec<TaskHandle> = state.children.values().flatten().cloned().collect();
        let body = state.body.take();
        drop(state);
        for child in children {
            child.cancel_for(reason());
        }
        if let Some(body) = body {
            body.unwind(reason());
        }
    }

    /// The block has ended.
    pub(super) fn close(&self) {
        self.lock().phase = Phase::Closed;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().phase == Phase::Closed
    }

    pub(super) fn is_closing(&self) -> bool {
        self.lock().phase != Phase::Open
    }

    pub(super) fn n_children(&self) -> usize {
        self.lock().children.len()
    }

    /// Ready when no child is left.
    pub(super) fn poll_empty(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.children.is_empty() {
            return Poll::Ready(());
        }
        let is_known = state
            .waker
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()));
        let old = if is_known {
            None
        } else {
            state.waker.replace(cx.waker().clone())
        };
        drop(state);
        drop(old);
        Poll::Pending
    }

    /// The errors in the order in which they happened, and the first panic.
    pub(super) fn take_failures(&self) -> (Vec<BoxError>, Option<Payload>) {
        let mut state = self.lock();
        (std::mem::take(&mut state.errors), state.panic.take())
    }
}

fn reason() -> Reason {
    Reason::new(ReasonKind::Group)
}
