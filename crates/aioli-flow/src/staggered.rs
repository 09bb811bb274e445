//! A race whose racers start one after the other.

use std::future::{Future, Pending, pending, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use aioli_task::{Exit, ExitFuture, Kept, Seconds, exit};
use aioli_time::{Sleep, sleep};

use crate::branch::{Left, Others, Outcome};
use crate::branches::Branches;
use crate::race::why;
use crate::timeout::Length;

/// How a [`staggered`] race ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Staggered<T, E> {
    /// The index of the racer that succeeded, and its value; `None` if all failed.
    pub winner: Option<(usize, T)>,
    /// What became of each racer that started, in their order.
    pub attempts: Vec<Attempt<E>>,
}

/// What became of one racer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attempt<E> {
    /// It won.
    Won,
    /// It failed before anybody won.
    Failed(E),
    /// It was cancelled: it lost, or it awaited a task that others cancelled.
    Cancelled,
}

/// Starts futures one after the other until one succeeds: the next one starts after a delay, or
/// as soon as the one before it has failed.
///
/// The futures run inside the caller's task. They are taken from the iterator when they start, so
/// an iterator that makes them makes only those that are needed. When one succeeds, the others are
/// asked to end and their clean-up is awaited. An infinite delay tries them one by one.
///
/// # Cancel safety
///
/// A request to cancel goes to every racer that has started, and no more are started; when all
/// have cleaned up, the request goes on outwards, even if a racer suppressed it and won.
///
/// # Panics
///
/// When the number of seconds is NaN, and when a racer panics.
///
/// # Examples
///
/// ```
/// use aioli_flow::staggered;
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let addresses = ["refused", "good", "unused"];
///     let attempts = addresses.map(|address| async move {
///         if address == "good" { Ok(address) } else { Err("refused") }
///     });
///     let race = staggered(Duration::from_millis(250), attempts).await;
///     assert_eq!(race.winner, Some((1, "good")));
///     assert_eq!(race.attempts.len(), 2);
/// });
/// ```
#[doc(alias = "asyncio.staggered.staggered_race")]
#[must_use = "futures do nothing unless awaited"]
pub fn staggered<I, F, T, E>(
    delay: impl Seconds,
    futures: I,
) -> impl Future<Output = Staggered<T, E>>
where
    I: IntoIterator<Item = F>,
    F: Future<Output = Result<T, E>>,
{
    let race = Race {
        waiting: Some(futures.into_iter()),
        delay: Length(delay.into_duration()),
        next_start: None,
        branches: Branches::new([]),
        winner: None,
        attempts: Vec::new(),
        outcome: Outcome::of_race(),
        gate: exit(pending()),
        request: None,
    };
    async move { race.run().await }
}

struct Race<I, F, T, E> {
    /// Who has not started; gone when nobody more will.
    waiting: Option<I>,
    delay: Length,
    /// When the next one starts; at once if there is no timer.
    next_start: Option<Sleep>,
    branches: Branches<F>,
    winner: Option<(usize, T)>,
    attempts: Vec<Attempt<E>>,
    outcome: Outcome,
    /// Takes the request to cancel that comes for the race itself, beside those of its racers.
    gate: ExitFuture<Pending<()>>,
    request: Option<Kept>,
}

impl<I, F, T, E> Race<I, F, T, E>
where
    I: Iterator<Item = F>,
    F: Future<Output = Result<T, E>>,
{
    async fn run(mut self) -> Staggered<T, E> {
        poll_fn(|cx| self.poll(cx)).await;
        let Race {
            winner,
            attempts,
            mut outcome,
            request,
            gate,
            ..
        } = self;
        // A handler that nobody polls any more would hold up what is raised below.
        drop(gate);
        // Who awaited a cancelled task has lost, and is listed as cancelled.
        outcome.forget_raised();
        if let Some(request) = request {
            outcome.set_request(request.into_inner());
        }
        outcome.leave().await;
        Staggered { winner, attempts }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Poll::Ready(Exit::Cancelled(request)) = Pin::new(&mut self.gate).poll(cx) {
            let answered = self.request.replace(request.keep());
            drop(answered.map(Kept::into_inner));
            self.waiting = None;
            self.gate = exit(pending());
        }
        loop {
            while self.is_start_due(cx) {
                self.start();
            }
            let polled = self.poll_branches(cx);
            if self.waiting.is_none() {
                return polled;
            }
            if self.next_start.is_some() {
                return Poll::Pending;
            }
        }
    }

    fn is_start_due(&mut self, cx: &mut Context<'_>) -> bool {
        let timer = self.next_start.as_mut();
        self.waiting.is_some() && timer.is_none_or(|timer| Pin::new(timer).poll(cx).is_ready())
    }

    fn start(&mut self) {
        let Some(future) = self.waiting.as_mut().and_then(Iterator::next) else {
            self.waiting = None;
            return;
        };
        self.branches.push(future);
        self.attempts.push(Attempt::Cancelled);
        self.next_start = Some(sleep(self.delay));
    }

    fn poll_branches(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Race {
            waiting,
            next_start,
            branches,
            winner,
            attempts,
            outcome,
            ..
        } = self;
        let on_end = |index: usize, left: Left<Result<T, E>>| {
            let is_last_started = index + 1 == attempts.len();
            let others = match left {
                Left::Drained => Others::GoOn,
                Left::Panicked(panic) => outcome.panicked(panic),
                Left::Cancelled(cancelled) => outcome.cancelled(cancelled),
                Left::Value(Err(error)) => {
                    attempts[index] = Attempt::Failed(error);
                    Others::GoOn
                }
                Left::Value(Ok(value)) => {
                    let others = outcome.decide(index);
                    if others == Others::Ask {
                        *winner = Some((index, value));
                        attempts[index] = Attempt::Won;
                    }
                    others
                }
            };
            if others == Others::Ask {
                *waiting = None;
            } else if is_last_started {
                *next_start = None;
            }
            others
        };
        branches.poll(cx, on_end, why)
    }
}
