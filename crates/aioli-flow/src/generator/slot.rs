//! Where a generator's body leaves an item for the consumer.
//!
//! ```text
//!            (1) put           (2) take            (3) resume
//!   empty ───────────▶ full ────────────▶ taken ───────────────▶ empty
//! ```
//!
//! 1. The body puts an item and suspends.
//! 2. The consumer takes it; the body stays suspended.
//! 3. The consumer asks for the next item; the `put` is done, and another one may begin.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The place between a body and its consumer.
pub(super) struct Slot<T>(Mutex<State<T>>);

struct State<T> {
    item: Item<T>,
    /// How many items have been taken and resumed from.
    n_done: u64,
    /// Who puts, and waits for its own item or for its turn.
    waiting: Vec<Waker>,
}

enum Item<T> {
    Empty,
    Full(T),
    Taken,
}

impl<T> Default for Slot<T> {
    fn default() -> Slot<T> {
        let waiting = Vec::new();
        Slot(Mutex::new(State {
            item: Item::Empty,
            n_done: 0,
            waiting,
        }))
    }
}

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The consumer is about to poll the body with `waker`, which needs no waking.
    pub(super) fn resume(&self, waker: &Waker) {
        let mut state = self.lock();
        if !matches!(state.item, Item::Taken) {
            return;
        }
        state.item = Item::Empty;
        state.n_done += 1;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        for putter in waiting {
            if !putter.will_wake(waker) {
                putter.wake();
            }
        }
    }

    /// Takes the item, if there is one.
    pub(super) fn take(&self) -> Option<T> {
        let mut state = self.lock();
        match std::mem::replace(&mut state.item, Item::Taken) {
            Item::Full(item) => Some(item),
            other => {
                state.item = other;
                None
            }
        }
    }

    /// Drops the item. Who has put it is not told that it is done.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        let item = std::mem::replace(&mut state.item, Item::Empty);
        drop(state);
        drop(item);
    }
}

/// What a generator's body puts its items into; see [`generator`](super::generator).
pub struct Yielder<T>(Arc<Slot<T>>);

impl<T> Yielder<T> {
    pub(super) fn new(slot: Arc<Slot<T>>) -> Yielder<T> {
        Yielder(slot)
    }

    /// Hands an item to the consumer, and waits until it asks for the next one.
    ///
    /// # Cancel safety
    ///
    /// An item that was put is the consumer's, also when the future is dropped afterwards.
    #[doc(alias = "yield")]
    pub fn put(&self, item: T) -> Put<'_, T> {
        Put {
            slot: &self.0,
            stage: Stage::New(item),
        }
    }
}

/// Hands over one item; the future of [`Yielder::put`].
#[must_use = "futures do nothing unless awaited"]
pub struct Put<'a, T> {
    slot: &'a Slot<T>,
    stage: Stage<T>,
}

enum Stage<T> {
    New(T),
    /// The item is in the slot; when so many are done, it has been taken.
    Waiting {
        until: u64,
    },
    /// Between two stages.
    Moving,
}

impl<T> Future for Put<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut state = this.slot.lock();
        match std::mem::replace(&mut this.stage, Stage::Moving) {
            Stage::New(item) if matches!(state.item, Item::Empty) => {
                state.item = Item::Full(item);
                this.stage = Stage::Waiting {
                    until: state.n_done + 1,
                };
            }
            Stage::Waiting { until } if state.n_done >= until => return Poll::Ready(()),
            other => this.stage = other,
        }
        if !state
            .waiting
            .iter()
            .any(|waiting| waiting.will_wake(cx.waker()))
        {
            state.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl<T> Unpin for Put<'_, T> {}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Yielder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Yielder").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Put<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_put = matches!(self.stage, Stage::Waiting { .. });
        f.debug_struct("Put").field("put", &is_put).finish()
    }
}
