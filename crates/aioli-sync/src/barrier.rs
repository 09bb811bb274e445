//! A meeting point for a fixed number of tasks.

use super::raw_lock::RawLock;
use super::waiting::Waiting;
use crate::error::{Broken, ZeroCapacity};
use crate::stats::BarrierPhase;
use crate::stats::BarrierStats;
use crate::wait::Wait;
use crate::wait_list::{Departed, WaitList};
use crate::wakers::Wakers;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Holds tasks until there are as many as agreed, then lets them all pass.
///
/// ```text
///          the last of the parties arrives
///  Filling ──────────────────────────────▶ Draining
///     ▲ ▲                                   │   │
///     │ └── everybody has left, or reset() ─┘   │ abort()
///     │ reset()                                 ▼
///     └────────────────────────────────────── Broken ◀── abort() while filling
/// ```
///
/// While a meeting drains, those who come already wait for the next one. A party has left
/// when its `wait` has completed; until then [`reset`](Self::reset) and
/// [`abort`](Self::abort) break the meeting for it.
///
/// # Examples
///
/// ```
/// use aioli_sync::Barrier;
/// use futures::{executor::block_on, join};
///
/// let barrier = Barrier::new(3);
/// let (a, b, c) = block_on(async { join!(barrier.wait(), barrier.wait(), barrier.wait()) });
/// assert_eq!([a?, b?, c?], [0, 1, 2]);
/// # Ok::<(), aioli_sync::Broken>(())
/// ```
#[doc(alias = "asyncio.Barrier")]
pub struct Barrier {
    state: RawLock<State>,
}

/// # Invariants
///
/// Outside a critical section:
/// 1. `leaving > 0` exactly while the phase is `Draining`; it counts the grants of this
///    `epoch` that have been neither taken nor dropped.
/// 2. While `Filling`, fewer than `parties` are in line; while `Broken`, nobody is.
struct State {
    parties: usize,
    phase: BarrierPhase,
    leaving: usize,
    /// Counts the meetings that were broken up: grants of an older epoch are void.
    epoch: u64,
    line: WaitList<(), Result<Pass, Broken>>,
}

/// Leave to pass.
struct Pass {
    index: usize,
    epoch: u64,
}

impl State {
    /// Lets the first `n` in line pass with indices from 0: the meeting is complete.
    fn release(&mut self, n: usize, wakers: &mut Wakers) {
        for index in 0..n {
            let epoch = self.epoch;
            self.line.grant_first(Ok(Pass { index, epoch }), wakers);
        }
        self.leaving = n;
        if n > 0 {
            self.phase = BarrierPhase::Draining;
        }
    }

    /// Begins to fill with those who are in line already.
    fn refill(&mut self, wakers: &mut Wakers) {
        self.phase = BarrierPhase::Filling;
        if self.line.len() >= self.parties {
            self.release(self.parties, wakers);
        }
    }

    fn leave(&mut self, wakers: &mut Wakers) {
        self.leaving -= 1;
        if self.leaving == 0 {
            self.refill(wakers);
        }
    }

    /// Voids the passes of those who have met and not left.
    fn break_up(&mut self) {
        self.epoch += 1;
        self.leaving = 0;
    }
}

impl Barrier {
    /// Creates a barrier for `parties` tasks.
    ///
    /// # Panics
    ///
    /// If `parties` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(aioli_sync::Barrier::new(4).parties(), 4);
    /// ```
    #[must_use]
    pub const fn new(parties: usize) -> Barrier {
        assert!(parties > 0, "a barrier needs at least one party");
        Barrier {
            state: RawLock::new(State {
                parties,
                phase: BarrierPhase::Filling,
                leaving: 0,
                epoch: 0,
                line: WaitList::new(),
            }),
        }
    }

    /// As [`new`](Self::new), for a number that is not known when the program is written.
    ///
    /// # Errors
    ///
    /// [`ZeroCapacity`], if `parties` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(aioli_sync::Barrier::try_new(1).is_ok());
    /// assert!(aioli_sync::Barrier::try_new(0).is_err());
    /// ```
    pub const fn try_new(parties: usize) -> Result<Barrier, ZeroCapacity> {
        match parties {
            0 => Err(ZeroCapacity),
            _ => Ok(Barrier::new(parties)),
        }
    }

    /// Waits for the other parties. The result tells them apart: 0 for the first that came,
    /// up to `parties - 1` for the last.
    ///
    /// # Errors
    ///
    /// [`Broken`], if the barrier is aborted, or is reset while we wait.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the meeting is complete, it is as if the party had not come. Dropped
    /// afterwards, it has left; the others pass.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let alone = aioli_sync::Barrier::new(1);
    /// assert_eq!(alone.wait().await, Ok(0));
    /// assert_eq!(alone.wait().await, Ok(0));
    /// # });
    /// ```
    #[doc(alias = "asyncio.Barrier.wait")]
    pub fn wait(&self) -> BarrierWait<'_> {
        BarrierWait(Waiting::new(&self.state, Meeting))
    }

    /// Breaks up the meeting and starts afresh: those inside get [`Broken`], an aborted
    /// barrier can be used again.
    ///
    /// Those who wait for the next meeting while one drains stay, and fill it.
    ///
    /// # Examples
    ///
    /// ```
    /// let barrier = aioli_sync::Barrier::new(2);
    /// barrier.abort();
    /// barrier.reset();
    /// assert!(!barrier.is_broken());
    /// ```
    #[doc(alias = "asyncio.Barrier.reset")]
    pub fn reset(&self) {
        self.state.with(|state, wakers| {
            if state.phase == BarrierPhase::Filling {
                state.line.grant_all(|| Err(Broken), wakers);
            }
            state.break_up();
            state.refill(wakers);
        });
    }

    /// Breaks the barrier for good: everybody gets [`Broken`] until [`reset`](Self::reset).
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let barrier = aioli_sync::Barrier::new(2);
    /// barrier.abort();
    /// assert!(barrier.wait().await.is_err());
    /// # });
    /// ```
    #[doc(alias = "asyncio.Barrier.abort")]
    pub fn abort(&self) {
        self.state.with(|state, wakers| {
            state.phase = BarrierPhase::Broken;
            state.break_up();
            state.line.grant_all(|| Err(Broken), wakers);
        });
    }

    /// How many meet.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(aioli_sync::Barrier::new(3).parties(), 3);
    /// ```
    #[doc(alias = "asyncio.Barrier.parties")]
    #[must_use]
    pub fn parties(&self) -> usize {
        self.stats().parties
    }

    /// How many have come while the barrier fills; 0 while it does not.
    ///
    /// # Examples
    ///
    /// ```
    /// let barrier = aioli_sync::Barrier::new(3);
    /// assert_eq!(barrier.n_waiting(), 0);
    /// ```
    #[doc(alias = "asyncio.Barrier.n_waiting")]
    #[must_use]
    pub fn n_waiting(&self) -> usize {
        let stats = self.stats();
        match stats.phase {
            BarrierPhase::Filling => stats.waiting,
            _ => 0,
        }
    }

    /// Whether the barrier was aborted.
    ///
    /// # Examples
    ///
    /// ```
    /// let barrier = aioli_sync::Barrier::new(2);
    /// barrier.abort();
    /// assert!(barrier.is_broken());
    /// ```
    #[doc(alias = "asyncio.Barrier.broken")]
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.stats().phase == BarrierPhase::Broken
    }

    /// A look at the barrier.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::{Barrier, BarrierPhase};
    ///
    /// assert_eq!(Barrier::new(2).stats().phase, BarrierPhase::Filling);
    /// ```
    #[must_use]
    pub fn stats(&self) -> BarrierStats {
        self.state.read(|state| BarrierStats {
            parties: state.parties,
            phase: state.phase,
            waiting: state.line.len(),
            leaving: state.leaving,
        })
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.stats(), f)
    }
}

/// Waiting for the other parties.
struct Meeting;

impl Wait for Meeting {
    type State = State;
    type Want = ();
    type Grant = Result<Pass, Broken>;
    type Output = Result<usize, Broken>;

    fn line(state: &mut State) -> &mut WaitList<(), Self::Grant> {
        &mut state.line
    }

    fn begin(&mut self, state: &mut State, wakers: &mut Wakers) -> Result<Self::Output, ()> {
        match state.phase {
            BarrierPhase::Broken => Ok(Err(Broken)),
            BarrierPhase::Filling if state.line.len() + 1 == state.parties => {
                let index = state.parties - 1;
                state.release(index, wakers);
                Ok(Ok(index))
            }
            _ => Err(()),
        }
    }

    fn finish(
        &mut self,
        grant: Self::Grant,
        state: &mut State,
        wakers: &mut Wakers,
    ) -> Self::Output {
        let pass = grant?;
        if pass.epoch != state.epoch {
            return Err(Broken);
        }
        state.leave(wakers);
        Ok(pass.index)
    }

    fn abandon(&self, departed: Departed<Self::Grant>, state: &mut State, wakers: &mut Wakers) {
        if let Departed::Granted(Ok(pass)) = departed
            && pass.epoch == state.epoch
        {
            state.leave(wakers);
        }
    }
}

/// The future of [`Barrier::wait`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct BarrierWait<'a>(Waiting<'a, Meeting>);

impl Future for BarrierWait<'_> {
    type Output = Result<usize, Broken>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl fmt::Debug for BarrierWait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BarrierWait")
            .field(&self.0.stage_name())
            .finish()
    }
}
