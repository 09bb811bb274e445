//! `gather` and `try_gather` for tuples of up to eight futures.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::why;
use crate::branch::{FirstError, NeedAll, Outcome};
use crate::slot::{AnySlot, Slot, poll_slots};

/// Tuples of two to eight futures, for [`gather`](super::gather).
pub trait GatherTuple: sealed::Tuple {
    /// The tuple of the outputs.
    type Output;

    /// What [`gather`](super::gather) does.
    ///
    /// # Cancel safety
    ///
    /// As with [`gather`](super::gather).
    #[must_use = "futures do nothing unless awaited"]
    fn gather_tuple(self) -> impl Future<Output = Self::Output>;
}

/// Tuples of two to eight futures that return a `Result` with one type of error, for
/// [`try_gather`](super::try_gather).
pub trait TryGatherTuple: sealed::Tuple {
    /// The tuple of the outputs.
    type Output;
    /// The error of all of them.
    type Error;
    // A named type: for an `impl Future` the compiler would have to prove that the errors of all
    // branches are one type each time it looks for `Send`, and fails for errors that borrow.
    /// The future of [`try_gather`](super::try_gather).
    type Future: Future<Output = Result<Self::Output, Self::Error>>;

    /// What [`try_gather`](super::try_gather) does.
    ///
    /// # Cancel safety
    ///
    /// As with [`gather`](super::gather).
    ///
    /// # Errors
    ///
    /// The first error of a branch.
    fn try_gather_tuple(self) -> Self::Future;
}

pub(crate) mod sealed {
    /// Implemented by the tuples of this crate alone.
    pub trait Tuple {}
}

macro_rules! tuple {
    ($name:ident $n:literal, $($future:ident $type:ident $output:ident $index:tt),+) => {
        impl<$($type),+> sealed::Tuple for ($($type,)+) {}

        impl<$($type: Future),+> GatherTuple for ($($type,)+) {
            type Output = ($($type::Output,)+);

            fn gather_tuple(self) -> impl Future<Output = Self::Output> {
                $(let $future = Slot::new(self.$index, NeedAll);)+
                async move {
                    $(let mut $future = pin!($future);)+
                    let (mut outcome, mut is_asked) = (Outcome::of_all(), false);
                    poll_fn(|cx| {
                        let slots: &mut [Pin<&mut dyn AnySlot>] = &mut [$($future.as_mut()),+];
                        poll_slots(slots, &mut is_asked, &mut outcome, why, cx)
                    })
                    .await;
                    outcome.leave().await;
                    ($($future.take(),)+)
                }
            }
        }

        pin_project! {
            #[doc = concat!("The future of [`try_gather`](super::try_gather) for ", $n, " branches.")]
            #[must_use = "futures do nothing unless awaited"]
            pub struct $name<$($type: Future),+> {
                $(#[pin] $future: Slot<$type, FirstError>,)+
                ending: Ending,
            }
        }

        impl<$($type: Future),+> fmt::Debug for $name<$($type),+> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("ending", &self.ending).finish()
            }
        }

        impl<Error, $($output),+, $($type),+> Future for $name<$($type),+>
        where
            $($type: Future<Output = Result<$output, Error>>),+
        {
            type Output = Result<($($output,)+), Error>;

            fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                let mut this = self.project();
                let slots: &mut [Pin<&mut dyn AnySlot>] = &mut [$(this.$future.as_mut()),+];
                Poll::Ready(match ready!(this.ending.poll(slots, cx)) {
                    $(Some($index) => match this.$future.take() {
                        Err(error) => Err(error),
                        Ok(_) => unreachable!("only an error decides"),
                    },)+
                    _ => Ok(($(this.$future.take()?,)+)),
                })
            }
        }

        impl<Error, $($output),+, $($type),+> TryGatherTuple for ($($type,)+)
        where
            $($type: Future<Output = Result<$output, Error>>),+
        {
            type Output = ($($output,)+);
            type Error = Error;
            type Future = $name<$($type),+>;

            fn try_gather_tuple(self) -> Self::Future {
                $name {
                    $($future: Slot::new(self.$index, FirstError),)+
                    ending: Ending::default(),
                }
            }
        }
    };
}

/// How a `try_gather` ends, and the cancellation that it raises then.
#[derive(Default)]
struct Ending {
    outcome: Outcome,
    is_asked: bool,
    raising: Option<Pin<Box<dyn Future<Output = Infallible> + Send + Sync>>>,
}

impl Ending {
    /// Polls the branches; when all have ended, tells which of them decided.
    fn poll(
        &mut self,
        slots: &mut [Pin<&mut dyn AnySlot>],
        cx: &mut Context<'_>,
    ) -> Poll<Option<usize>> {
        if self.raising.is_none() {
            ready!(poll_slots(
                slots,
                &mut self.is_asked,
                &mut self.outcome,
                why,
                cx
            ));
            match mem::take(&mut self.outcome).leave_now() {
                Ok(decided_by) => return Poll::Ready(decided_by),
                Err(cancelled) => {
                    self.raising = Some(Box::pin(async move { cancelled.raise().await }));
                }
            }
        }
        match self
            .raising
            .as_mut()
            .map(|raising| raising.as_mut().poll(cx))
        {
            Some(Poll::Ready(never)) => match never {},
            _ => Poll::Pending,
        }
    }
}

impl fmt::Debug for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ending")
            .field("asked", &self.is_asked)
            .finish_non_exhaustive()
    }
}

tuple!(TryGather2 "two", a A X0 0, b B X1 1);
tuple!(TryGather3 "three", a A X0 0, b B X1 1, c C X2 2);
tuple!(TryGather4 "four", a A X0 0, b B X1 1, c C X2 2, d D X3 3);
tuple!(TryGather5 "five", a A X0 0, b B X1 1, c C X2 2, d D X3 3, e E X4 4);
tuple!(TryGather6 "six", a A X0 0, b B X1 1, c C X2 2, d D X3 3, e E X4 4, f F X5 5);
tuple!(TryGather7 "seven", a A X0 0, b B X1 1, c C X2 2, d D X3 3, e E X4 4, f F X5 5, g G X6 6);
tuple!(TryGather8 "eight", a A X0 0, b B X1 1, c C X2 2, d D X3 3, e E X4 4, f F X5 5, g G X6 6, h H X7 7);
