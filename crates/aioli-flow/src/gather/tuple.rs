//! `gather` and `try_gather` for tuples of up to eight futures.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};

use super::why;
use crate::branch::Outcome;
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

    /// What [`try_gather`](super::try_gather) does.
    ///
    /// # Cancel safety
    ///
    /// As with [`gather`](super::gather).
    ///
    /// # Errors
    ///
    /// The first error of a branch.
    #[must_use = "futures do nothing unless awaited"]
    fn try_gather_tuple(self) -> impl Future<Output = Result<Self::Output, Self::Error>>;
}

pub(crate) mod sealed {
    /// Implemented by the tuples of this crate alone.
    pub trait Tuple {}
}

macro_rules! tuple {
    ($($future:ident $type:ident $output:ident $index:tt),+) => {
        impl<$($type),+> sealed::Tuple for ($($type,)+) {}

        impl<$($type: Future),+> GatherTuple for ($($type,)+) {
            type Output = ($($type::Output,)+);

            fn gather_tuple(self) -> impl Future<Output = Self::Output> {
                $(let $future = Slot::new(self.$index, |_| false);)+
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

        impl<Error, $($output),+, $($type),+> TryGatherTuple for ($($type,)+)
        where
            $($type: Future<Output = Result<$output, Error>>),+
        {
            type Output = ($($output,)+);
            type Error = Error;

            fn try_gather_tuple(self) -> impl Future<Output = Result<Self::Output, Error>> {
                $(let $future = Slot::new(self.$index, Result::is_err);)+
                async move {
                    $(let mut $future = pin!($future);)+
                    let (mut outcome, mut is_asked) = (Outcome::of_all(), false);
                    poll_fn(|cx| {
                        let slots: &mut [Pin<&mut dyn AnySlot>] = &mut [$($future.as_mut()),+];
                        poll_slots(slots, &mut is_asked, &mut outcome, why, cx)
                    })
                    .await;
                    match outcome.leave().await {
                        $(Some($index) => match $future.take() {
                            Err(error) => Err(error),
                            Ok(_) => unreachable!("only an error decides"),
                        },)+
                        _ => Ok(($($future.take()?,)+)),
                    }
                }
            }
        }
    };
}

tuple!(a A X0 0, b B X1 1);
tuple!(a A X0 0, b B X1 1, c C X2 2);
tuple!(a A X0 0, b B X1 1, c C X2 2, d D X3 3);
tuple!(a A X0 0, b B X1 1, c C X2 2, d D X3 3, e E X4 4);
tuple!(a A X0 0, b B X1 1, c C X2 2, d D X3 3, e E X4 4, f F X5 5);
tuple!(a A X0 0, b B X1 1, c C X2 2, d D X3 3, e E X4 4, f F X5 5, g G X6 6);
tuple!(a A X0 0, b B X1 1, c C X2 2, d D X3 3, e E X4 4, f F X5 5, g G X6 6, h H X7 7);
