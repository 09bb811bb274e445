//! Running futures together inside the caller's task until one has a result.

mod tuple;

use std::future::{Future, poll_fn};

use aioli_task::{Reason, ReasonKind};

pub use self::tuple::{Of2, Of3, Of4, Of5, Of6, Of7, Of8};
use crate::branch::{Left, Others, Outcome, Why};
use crate::branches::Branches;

/// Runs futures together until the first has a result; the others lose.
///
/// A tuple of two to eight futures resolves to [`Of2`] … [`Of8`], which tells who won; a `Vec` or
/// an array of futures of one type resolves to the winner's output, as does
/// [`.race()`](RaceAll::race) on anything that can be iterated. This loop is the answer to
/// `select!`:
///
/// ```
/// use aioli_flow::{Of2, race};
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let mut ticks = aioli_time::interval(Duration::from_millis(1));
///     let mut seen = 0;
///     let mut stop = Box::pin(aioli_time::sleep(Duration::from_millis(3)));
///     loop {
///         match race((ticks.tick(), &mut stop)).await {
///             Of2::A(_) => seen += 1,
///             Of2::B(()) => break,
///         }
///     }
///     assert!(seen >= 3);
/// });
/// ```
///
/// The futures are taken by value and polled in order, so among those that are ready in the same
/// pass the first one wins. A loser without a handler inside (everything of ours that only waits)
/// is dropped before `race` returns, in the same pass; a loser with clean-up to do (`with`,
/// `finally`, an awaited task) is asked, and its clean-up is awaited first. What a loser returns
/// all the same is dropped.
///
/// A branch that is cancelled by itself (it awaits a task that others cancelled) counts as lost;
/// if all are, so is the race. A panic of a branch ends the others, and goes on outwards.
///
/// # Cancel safety
///
/// A request to cancel goes to every branch, and the clean-up of each is awaited. A request that
/// arrives while losers clean up does not take the result away: the result is returned, and the
/// caller is cancelled at its next suspension.
///
/// # Examples
///
/// ```
/// use aioli_flow::race;
/// use aioli_time::sleep;
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let mirrors = [50, 1, 20].map(|ms| async move {
///         sleep(Duration::from_millis(ms)).await;
///         ms
///     });
///     assert_eq!(race(mirrors).await, 1);
/// });
/// ```
#[doc(alias = "asyncio.wait")]
#[must_use = "futures do nothing unless awaited"]
pub fn race<R: Race>(futures: R) -> impl Future<Output = R::Output> {
    futures.race_all()
}

/// What [`race`] takes: tuples of two to eight futures, and a `Vec` or an array of futures.
pub trait Race {
    /// What the winner is returned as.
    type Output;

    /// What [`race`] does.
    ///
    /// # Cancel safety
    ///
    /// As with [`race`].
    #[must_use = "futures do nothing unless awaited"]
    fn race_all(self) -> impl Future<Output = Self::Output>;
}

/// `race` on anything that can be iterated into futures of one type.
pub trait RaceAll: Sized {
    /// The output of one future.
    type Output;

    /// Runs the futures together until the first has a result; see [`race`].
    ///
    /// Only branches that have been woken are polled. A race of nobody never ends.
    ///
    /// # Cancel safety
    ///
    /// As with [`race`].
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_flow::RaceAll;
    ///
    /// aioli_task::run(async {
    ///     let first = (0..3).map(|n| async move { n }).race().await;
    ///     assert_eq!(first, 0);
    /// });
    /// ```
    #[must_use = "futures do nothing unless awaited"]
    fn race(self) -> impl Future<Output = Self::Output>;
}

impl<I> RaceAll for I
where
    I: IntoIterator<Item: Future>,
{
    type Output = <I::Item as Future>::Output;

    fn race(self) -> impl Future<Output = Self::Output> {
        let branches = Branches::new(self);
        async move { race_branches(branches).await }
    }
}

impl<F: Future> Race for Vec<F> {
    type Output = F::Output;

    fn race_all(self) -> impl Future<Output = F::Output> {
        self.race()
    }
}

impl<F: Future, const N: usize> Race for [F; N] {
    type Output = F::Output;

    fn race_all(self) -> impl Future<Output = F::Output> {
        self.race()
    }
}

/// Why the losers are asked.
pub(crate) fn why() -> Why {
    let reason = Reason::new(ReasonKind::Scope).with_message("another branch of the race has won");
    Why {
        reason,
        is_race: true,
    }
}

async fn race_branches<F: Future>(mut branches: Branches<F>) -> F::Output {
    if branches.len() == 0 {
        return std::future::pending().await;
    }
    let mut outcome = Outcome::of_race();
    let mut winner = None;
    poll_fn(|cx| {
        let on_end = |index: usize, left| match left {
            Left::Value(value) => {
                let others = outcome.decide(index);
                if others == Others::Ask {
                    winner = Some(value);
                }
                others
            }
            Left::Drained => Others::GoOn,
            Left::Panicked(panic) => outcome.panicked(panic),
            Left::Cancelled(cancelled) => outcome.cancelled(cancelled),
        };
        branches.poll(cx, on_end, why)
    })
    .await;
    outcome.leave().await;
    winner.expect("somebody won, or the end of all went outwards")
}
