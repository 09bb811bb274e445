//! `race` for tuples of up to eight futures, and who won.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};

use super::{Race, why};
use crate::branch::{FirstWins, Outcome};
use crate::slot::{AnySlot, Slot, poll_slots};

macro_rules! of {
    ($of:ident, $n:literal, $($variant:ident $doc:literal $index:tt $future:ident),+) => {
        #[doc = concat!("Which of ", $n, " raced, and what it returned; see [`race`](super::race).")]
        ///
        /// # Examples
        ///
        /// ```
        /// use aioli_flow::{Of2, race};
        ///
        /// aioli_task::run(async {
        ///     let winner = race((std::future::pending::<()>(), async { 7 })).await;
        ///     assert_eq!(winner, Of2::B(7));
        /// });
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $of<$($variant),+> {
            $(
                #[doc = concat!("The ", $doc, " one won.")]
                $variant($variant),
            )+
        }

        impl<T> $of<$(of!(@same $variant T)),+> {
            /// The output, whoever won.
            pub fn into_inner(self) -> T {
                match self {
                    $($of::$variant(output))|+ => output,
                }
            }
        }

        impl<$($variant: Future),+> Race for ($($variant,)+) {
            type Output = $of<$($variant::Output),+>;

            fn race_all(self) -> impl Future<Output = Self::Output> {
                $(let $future = Slot::new(self.$index, FirstWins);)+
                async move {
                    $(let mut $future = pin!($future);)+
                    let (mut outcome, mut is_asked) = (Outcome::of_race(), false);
                    poll_fn(|cx| {
                        let slots: &mut [Pin<&mut dyn AnySlot>] = &mut [$($future.as_mut()),+];
                        poll_slots(slots, &mut is_asked, &mut outcome, why, cx)
                    })
                    .await;
                    match outcome.leave().await {
                        $(Some($index) => $of::$variant($future.take()),)+
                        _ => unreachable!("somebody won, or the end of all went outwards"),
                    }
                }
            }
        }
    };
    (@same $variant:ident $same:ident) => { $same };
}

of!(Of2, "two", A "first" 0 a, B "second" 1 b);
of!(Of3, "three", A "first" 0 a, B "second" 1 b, C "third" 2 c);
of!(Of4, "four", A "first" 0 a, B "second" 1 b, C "third" 2 c, D "fourth" 3 d);
of!(Of5, "five", A "first" 0 a, B "second" 1 b, C "third" 2 c, D "fourth" 3 d, E "fifth" 4 e);
of!(
    Of6, "six",
    A "first" 0 a, B "second" 1 b, C "third" 2 c, D "fourth" 3 d, E "fifth" 4 e, F "sixth" 5 f
);
of!(
    Of7, "seven",
    A "first" 0 a, B "second" 1 b, C "third" 2 c, D "fourth" 3 d, E "fifth" 4 e, F "sixth" 5 f,
    G "seventh" 6 g
);
of!(
    Of8, "eight",
    A "first" 0 a, B "second" 1 b, C "third" 2 c, D "fourth" 3 d, E "fifth" 4 e, F "sixth" 5 f,
    G "seventh" 6 g, H "eighth" 7 h
);
