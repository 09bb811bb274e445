//! What the handles of a cancel scope and the future that runs inside it share.
//!
//! Nothing is woken, asked or dropped while the lock is held.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use aioli_task::{Reason, ReasonKind, Unwinder};
use aioli_time::Deadline;

use super::chain::Chain;

/// A scope's state.
pub(super) struct Shared(Mutex<State>);

struct State {
    deadline: Deadline,
    is_shielded: bool,
    /// The first cause; once there, it stays.
    cancelled: Option<Reason>,
    is_caught: bool,
    phase: Phase,
    /// The scope's handler, and the scopes around it, until the scope is left.
    place: Option<Place>,
    /// Wakes the scope's future when something has changed.
    waker: Option<Waker>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    Entered,
    Left,
}

/// Where in its task a scope runs.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) handler: Unwinder,
    /// The scopes around; none before the first poll.
    pub(super) around: Chain,
}

/// What a scope looks like from inside.
pub(super) struct View {
    pub(super) is_cancelled: bool,
    pub(super) deadline: Deadline,
    pub(super) place: Place,
}

impl Shared {
    pub(super) fn new(deadline: Deadline) -> Shared {
        Shared(Mutex::new(State {
            deadline,
            is_shielded: false,
            cancelled: None,
            is_caught: false,
            phase: Phase::New,
            place: None,
            waker: None,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters the scope; false if it has been entered before.
    pub(super) fn enter(&self) -> bool {
        let mut state = self.lock();
        let is_new = state.phase == Phase::New;
        if is_new {
            state.phase = Phase::Entered;
        }
        is_new
    }

    /// The scope has a future, whose handler this is.
    pub(super) fn settle_in(&self, handler: Unwinder) {
        let is_shielded = {
            let mut state = self.lock();
            state.place = Some(Place {
                handler: handler.clone(),
                around: Chain::default(),
            });
            state.is_shielded
        };
        handler.set_shield(is_shielded);
    }

    /// The scope's future runs inside other scopes than before.
    pub(super) fn move_to(&self, around: Chain) {
        let old = {
            let mut state = self.lock();
            let place = state.place.as_mut();
            place.map(|place| std::mem::replace(&mut place.around, around))
        };
        drop(old);
    }

    /// The scope has been left. A deadline that had not come by then has no effect any more.
    pub(super) fn leave(&self) {
        let mut state = self.lock();
        state.note_deadline();
        state.phase = Phase::Left;
        let left = (state.place.take(), state.waker.take());
        drop(state);
        drop(left);
    }

    pub(super) fn cancel(&self, reason: Reason) {
        let mut state = self.lock();
        state.note_deadline();
        state.cancelled.get_or_insert(reason);
        let waker = state.waker.take();
        drop(state);
        wake(waker);
    }

    pub(super) fn set_deadline(&self, deadline: Deadline) {
        let mut state = self.lock();
        state.note_deadline();
        state.deadline = deadline;
        let waker = state.waker.take();
        drop(state);
        wake(waker);
    }

    pub(super) fn set_shield(&self, is_up: bool) {
        let handler = {
            let mut state = self.lock();
            state.is_shielded = is_up;
            state.place.as_ref().map(|place| place.handler.clone())
        };
        if let Some(handler) = handler {
            handler.set_shield(is_up);
        }
    }

    pub(super) fn is_shielded(&self) -> bool {
        self.lock().is_shielded
    }

    pub(super) fn deadline(&self) -> Deadline {
        self.lock().deadline
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.reason().is_some()
    }

    /// Why the scope is cancelled, if it is.
    pub(super) fn reason(&self) -> Option<Reason> {
        let mut state = self.lock();
        state.note_deadline();
        state.cancelled.clone()
    }

    pub(super) fn is_caught(&self) -> bool {
        self.lock().is_caught
    }

    pub(super) fn set_caught(&self) {
        self.lock().is_caught = true;
    }

    /// Whom to wake when the scope is cancelled or its deadline moved.
    pub(super) fn set_waker(&self, cx: &Context<'_>) {
        let mut state = self.lock();
        let is_known = |waker: &Waker| waker.will_wake(cx.waker());
        if state.waker.as_ref().is_some_and(is_known) {
            return;
        }
        let old = state.waker.replace(cx.waker().clone());
        drop(state);
        drop(old);
    }

    /// The scope as seen from inside; `None` where nothing runs inside.
    pub(super) fn view(&self) -> Option<View> {
        let mut state = self.lock();
        state.note_deadline();
        let place = state.place.clone()?;
        Some(View {
            is_cancelled: state.cancelled.is_some(),
            deadline: state.deadline,
            place,
        })
    }
}

impl State {
    /// A deadline that has come cancels the scope for good, unless the scope has been left.
    fn note_deadline(&mut self) {
        if self.cancelled.is_none() && self.phase != Phase::Left && self.deadline.is_past() {
            self.cancelled = Some(Reason::new(ReasonKind::Timeout));
        }
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("CancelScope")
            .field("deadline", &state.deadline)
            .field("shielded", &state.is_shielded)
            .field("cancelled", &state.cancelled)
            .field("caught", &state.is_caught)
            .field("phase", &state.phase)
            .finish()
    }
}
