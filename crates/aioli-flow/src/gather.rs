//! Running futures together inside the caller's task, and waiting for all of them.

mod tuple;

use std::future::{Future, poll_fn};

use aioli_task::{Reason, ReasonKind};

pub use self::tuple::{GatherTuple, TryGatherTuple};
use crate::branch::{Left, Others, Outcome, Why};
use crate::branches::Branches;

/// Runs the futures of a tuple together and returns all their outputs, in the tuple's order.
///
/// The futures run inside the caller's task, so they may borrow and need not be `Send`. Outputs
/// are kept as they are: a branch that returns `Err` does not touch the others, as with asyncio's
/// `return_exceptions=True`. [`try_gather`] fails at the first error instead. For anything that
/// can be iterated there is [`Gather::gather`].
///
/// A branch that panics, or that is cancelled by itself (it awaits a task that others cancelled),
/// ends the whole: the other branches are asked to end, their clean-up is awaited, and then the
/// panic or the cancellation goes on outwards.
///
/// # Cancel safety
///
/// A request to cancel goes to every branch, and the clean-up of each is awaited. When the future
/// is dropped instead, so are its branches; outputs of branches that have ended are lost.
///
/// # Examples
///
/// ```
/// use aioli_flow::gather;
/// use aioli_time::sleep;
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let name = String::from("borrowed");
///     let (length, ()) = gather((async { name.len() }, sleep(Duration::from_millis(1)))).await;
///     assert_eq!(length, 8);
/// });
/// ```
#[doc(alias = "asyncio.gather")]
#[must_use = "futures do nothing unless awaited"]
pub fn gather<G: GatherTuple>(futures: G) -> impl Future<Output = G::Output> {
    futures.gather_tuple()
}

/// Runs the futures of a tuple together until all have returned `Ok`, or one has failed.
///
/// The first error asks the other branches to end; when their clean-up is done, that error is
/// returned. What the others return meanwhile is dropped. To leave the others running, spawn them
/// and gather `task.shielded()`: shields give up at once and the tasks go on.
///
/// A request from outside that arrives while the others clean up is not lost: the error comes out
/// first, and the caller is cancelled at its next suspension.
///
/// # Cancel safety
///
/// As with [`gather`].
///
/// # Errors
///
/// The first error of a branch.
///
/// # Examples
///
/// ```
/// use aioli_flow::try_gather;
/// use aioli_time::sleep;
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let slow = async {
///         sleep(Duration::from_secs(3600)).await;
///         Ok::<u32, &str>(1)
///     };
///     let failing = async { Err::<u32, &str>("no") };
///     assert_eq!(try_gather((slow, failing)).await, Err("no"));
/// });
/// ```
#[doc(alias = "asyncio.gather")]
#[must_use = "futures do nothing unless awaited"]
pub fn try_gather<G: TryGatherTuple>(futures: G) -> G::Future {
    futures.try_gather_tuple()
}

/// `gather` on anything that can be iterated into futures of one type.
pub trait Gather: Sized {
    /// The output of one future.
    type Output;

    /// Runs the futures together and returns all their outputs, in their order.
    ///
    /// Like [`gather`] otherwise. Only branches that have been woken are polled, in the order of
    /// their waking.
    ///
    /// # Cancel safety
    ///
    /// A request to cancel goes to every branch, and the clean-up of each is awaited. When the
    /// future is dropped instead, so are its branches; outputs of branches that have ended are
    /// lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_flow::Gather;
    ///
    /// aioli_task::run(async {
    ///     let squares = (1..=3).map(|n| async move { n * n }).gather().await;
    ///     assert_eq!(squares, [1, 4, 9]);
    /// });
    /// ```
    #[doc(alias = "asyncio.gather")]
    #[must_use = "futures do nothing unless awaited"]
    fn gather(self) -> impl Future<Output = Vec<Self::Output>>;
}

/// `try_gather` on anything that can be iterated into fallible futures of one type.
pub trait TryGather: Sized {
    /// The output of one future that succeeds.
    type Output;
    /// The error of one future.
    type Error;

    /// Runs the futures together until all have returned `Ok`, or one has failed.
    ///
    /// Like [`try_gather`] otherwise. Only branches that have been woken are polled, in the order
    /// of their waking.
    ///
    /// # Cancel safety
    ///
    /// As with [`Gather::gather`].
    ///
    /// # Errors
    ///
    /// The first error of a branch.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_flow::TryGather;
    ///
    /// aioli_task::run(async {
    ///     let numbers = ["1", "2", "x"].map(|text| async move { text.parse::<u32>() });
    ///     assert!(numbers.try_gather().await.is_err());
    /// });
    /// ```
    #[doc(alias = "asyncio.gather")]
    #[must_use = "futures do nothing unless awaited"]
    fn try_gather(self) -> impl Future<Output = Result<Vec<Self::Output>, Self::Error>>;
}

impl<I> Gather for I
where
    I: IntoIterator<Item: Future>,
{
    type Output = <I::Item as Future>::Output;

    fn gather(self) -> impl Future<Output = Vec<Self::Output>> {
        let branches = Branches::new(self);
        async move { gather_branches(branches).await }
    }
}

impl<I, F, T, E> TryGather for I
where
    I: IntoIterator<Item = F>,
    F: Future<Output = Result<T, E>>,
{
    type Output = T;
    type Error = E;

    fn try_gather(self) -> impl Future<Output = Result<Vec<T>, E>> {
        let branches = Branches::new(self);
        async move { try_gather_branches(branches).await }
    }
}

/// Why the branches of a gather are asked.
fn why() -> Why {
    let reason =
        Reason::new(ReasonKind::Group).with_message("another branch of the gather ended it");
    Why {
        reason,
        is_race: false,
    }
}

/// What to do when a branch has ended in some other way than with a value.
fn other_end<T>(
    outcome: &mut Outcome,
    left: Left<T>,
    on_value: impl FnOnce(T) -> Others,
) -> Others {
    match left {
        Left::Value(value) => on_value(value),
        Left::Drained => Others::GoOn,
        Left::Cancelled(cancelled) => outcome.cancelled(cancelled),
        Left::Panicked(panic) => outcome.panicked(panic),
    }
}

/// Outputs that come in any order.
struct Outputs<T>(Vec<Option<T>>);

impl<T> Outputs<T> {
    fn new(n: usize) -> Outputs<T> {
        Outputs(std::iter::repeat_with(|| None).take(n).collect())
    }

    fn into_vec(self) -> Vec<T> {
        let all = self.0.into_iter();
        all.map(|output| output.expect("each branch left a value, or its end went outwards"))
            .collect()
    }
}

async fn gather_branches<F: Future>(mut branches: Branches<F>) -> Vec<F::Output> {
    let mut outputs = Outputs::new(branches.len());
    let mut outcome = Outcome::of_all();
    poll_fn(|cx| {
        let (outputs, outcome) = (&mut outputs.0, &mut outcome);
        let on_end = |index: usize, left| {
            other_end(outcome, left, |value| {
                outputs[index] = Some(value);
                Others::GoOn
            })
        };
        branches.poll(cx, on_end, why)
    })
    .await;
    outcome.leave().await;
    outputs.into_vec()
}

async fn try_gather_branches<F, T, E>(mut branches: Branches<F>) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut outputs = Outputs::new(branches.len());
    let mut outcome = Outcome::of_all();
    let mut error = None;
    poll_fn(|cx| {
        let (outputs, outcome, error) = (&mut outputs.0, &mut outcome, &mut error);
        let on_end = |index: usize, left: Left<F::Output>| {
            let mut failed = false;
            let others = other_end(outcome, left, |value| match value {
                Ok(value) => {
                    outputs[index] = Some(value);
                    Others::GoOn
                }
                Err(first) => {
                    failed = true;
                    error.get_or_insert(first);
                    Others::Ask
                }
            });
            if failed {
                let _: Others = outcome.decide(index);
            }
            others
        };
        branches.poll(cx, on_end, why)
    })
    .await;
    outcome.leave().await;
    match error {
        Some(error) => Err(error),
        None => Ok(outputs.into_vec()),
    }
}
