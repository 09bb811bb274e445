//! What an operation that may have to wait does at each of its steps.

use crate::patience::Patience;
use crate::wait_list::{Departed, WaitList};
use crate::wakers::Wakers;

/// One way of waiting on a primitive whose state is a `State`.
///
/// All of it but [`begin_unlocked`](Self::begin_unlocked) runs under the primitive's lock.
pub(crate) trait Wait {
    type State;
    type Want;
    type Grant;
    type Output;

    /// Whether waiters may look again before they have themselves woken.
    const IS_PATIENT: bool = false;

    /// Whether users' items are compared under the lock, which may panic.
    const COMPARES: bool = false;

    /// Whether [`begin_unlocked`](Self::begin_unlocked) does anything.
    const BEGINS_UNLOCKED: bool = false;

    /// The line in which this operation queues.
    fn line(state: &mut Self::State) -> &mut WaitList<Self::Want, Self::Grant>;

    /// What that line knows about looking again.
    #[inline]
    fn patience(_: &mut Self::State) -> &mut Patience {
        unreachable!("only who looks again asks (`IS_PATIENT`)")
    }

    /// Completes without the lock, for a primitive that can; not to is never wrong.
    #[inline]
    fn begin_unlocked(&mut self) -> Option<Self::Output> {
        None
    }

    /// Completes without waiting, or says what to queue with.
    fn begin(
        &mut self,
        state: &mut Self::State,
        wakers: &mut Wakers,
    ) -> Result<Self::Output, Self::Want>;

    /// Completes with the grant that was received in line.
    fn finish(
        &mut self,
        grant: Self::Grant,
        state: &mut Self::State,
        wakers: &mut Wakers,
    ) -> Self::Output;

    /// Puts right what the line owes after a waiter was dropped: passes its grant on, or
    /// serves those who were only behind it.
    fn abandon(
        &self,
        departed: Departed<Self::Grant>,
        state: &mut Self::State,
        wakers: &mut Wakers,
    );
}
