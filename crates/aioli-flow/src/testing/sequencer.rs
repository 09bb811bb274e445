//! Steps of several tasks in one order that a test lays down: trio's `Sequencer`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use thiserror::Error;

/// Makes several tasks take their steps in the order of the steps' numbers, from zero on.
///
/// Clones are the same sequence, for other tasks and threads.
///
/// # Examples
///
/// ```
/// use aioli_flow::{gather, testing::Sequencer};
/// use std::cell::RefCell;
///
/// let steps = RefCell::new(Vec::new());
/// aioli_task::run(async {
///     let sequence = Sequencer::new();
///     let one = async {
///         for number in [1, 3] {
///             let _step = sequence.step(number).await.expect("nobody is cancelled");
///             steps.borrow_mut().push(number);
///         }
///     };
///     let other = async {
///         for number in [0, 2] {
///             let _step = sequence.step(number).await.expect("nobody is cancelled");
///             steps.borrow_mut().push(number);
///         }
///     };
///     gather((one, other)).await;
/// });
/// assert_eq!(steps.into_inner(), [0, 1, 2, 3]);
/// ```
#[doc(alias = "trio.testing.Sequencer")]
#[derive(Clone, Default)]
pub struct Sequencer(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// The step whose turn it is, once it is waited for; all before it are over.
    turn: u64,
    /// The steps from `turn` on that somebody has asked for.
    taken: BTreeSet<u64>,
    waiting: BTreeMap<u64, Waker>,
    is_broken: bool,
}

/// A step cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum SequenceError {
    /// Somebody has taken this step, or waits for it.
    #[error("the step of this number has been taken already")]
    Taken,
    /// Who waited for a step went away, so that it will never be over.
    #[error("the sequence is broken: a wait for one of its steps was cancelled")]
    Broken,
}

impl Sequencer {
    /// A sequence that begins with step zero.
    #[must_use]
    pub fn new() -> Sequencer {
        Sequencer::default()
    }

    /// Waits until all steps before this one are over; this one is when its guard is dropped.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before its turn has come breaks the sequence: everybody else is told so.
    /// A future that has never been polled has taken no step.
    ///
    /// # Errors
    ///
    /// [`SequenceError::Taken`] for a number the second time, and [`SequenceError::Broken`] when
    /// the turn of this step cannot come any more.
    pub fn step(&self, number: u64) -> Turn {
        Turn {
            sequence: self.clone(),
            number,
            is_waiting: false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sequencer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Sequencer")
            .field("turn", &state.turn)
            .field("is_broken", &state.is_broken)
            .finish_non_exhaustive()
    }
}

/// The future of [`Sequencer::step`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Turn {
    sequence: Sequencer,
    number: u64,
    /// The step has been taken, and its turn has not come.
    is_waiting: bool,
}

impl Future for Turn {
    type Output = Result<Step, SequenceError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Turn {
            sequence,
            number,
            is_waiting,
        } = &mut *self;
        let mut state = sequence.lock();
        if !*is_waiting && (*number < state.turn || state.taken.contains(number)) {
            return Poll::Ready(Err(SequenceError::Taken));
        }
        if state.is_broken {
            *is_waiting = false;
            return Poll::Ready(Err(SequenceError::Broken));
        }
        state.taken.insert(*number);
        if state.turn == *number {
            *is_waiting = false;
            return Poll::Ready(Ok(Step {
                sequence: sequence.clone(),
            }));
        }
        *is_waiting = true;
        let old = state.waiting.insert(*number, cx.waker().clone());
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.is_waiting {
            return;
        }
        let mut state = self.sequence.lock();
        state.is_broken = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        aioli_sync::wake_all(waiting.into_values());
    }
}

/// A step whose turn it is; the next one's turn comes when this is dropped.
#[derive(Debug)]
#[must_use = "the step is over as soon as this is dropped"]
pub struct Step {
    sequence: Sequencer,
}

impl Drop for Step {
    fn drop(&mut self) {
        let mut state = self.sequence.lock();
        let over = state.turn;
        state.taken.remove(&over);
        state.turn += 1;
        let next = state.turn;
        let waker = state.waiting.remove(&next);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests;
