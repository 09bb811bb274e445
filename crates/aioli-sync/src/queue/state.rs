//! A queue's state, and what its operations do to it under the lock.

use super::IS_SHARED;
use crate::buffer::{Bounds, Buffer, Grant, Items, Line, Panic, Want};
use crate::error::{PutError, ShutDown, TaskDoneError, TryGetError, TryPutError};
use crate::order::Order;
use crate::patience::Patience;
use crate::stats::QueueStats;
use crate::wait::Wait;
use crate::wait_list::{Departed, WaitList};
use crate::wakers::Wakers;
use std::marker::PhantomData;

/// Everything a queue is.
///
/// # Invariants
///
/// Outside a critical section:
/// 1. Joiners are in line only while `unfinished > 0`.
/// 2. Once shut down, no putter is in line, and getters are only while items are left
///    (all of them promised: the promise may yet pass to one of these getters).
pub(crate) struct State<T, O: Order<T>> {
    buffer: Buffer<O::Items, Weight, ()>,
    /// Items that were put and not yet counted as done.
    unfinished: usize,
    joiners: WaitList<(), ()>,
    shut_down: bool,
}

/// What comes of taking an item, or else what is left of the item that was lost.
pub(crate) type OrLost<R, T, O> = Result<R, <<O as Order<T>>::Items as Items<T>>::Lost>;

/// How much room an item needs: with that its `put` queues.
pub(crate) struct Weight(usize);

impl Want for Weight {
    const IS_WEIGHED: bool = true;

    #[inline]
    fn weight(&self) -> usize {
        self.0
    }
}

/// All handles of a queue are alike: what a getter wants says nothing.
const NO_HANDLE: u64 = 0;

impl<T, O: Order<T>> State<T, O> {
    pub(crate) fn new(bounds: Bounds, is_weighed: bool) -> State<T, O> {
        let mut items = O::Items::default();
        if is_weighed {
            items.keep_weights();
        }
        State {
            buffer: Buffer::new(items, bounds),
            unfinished: 0,
            joiners: WaitList::new(),
            shut_down: false,
        }
    }

    pub(crate) fn try_put(
        &mut self,
        item: T,
        weight: usize,
        wakers: &mut Wakers,
    ) -> Result<(), TryPutError<T>> {
        if !self.buffer.takes(weight) || self.shut_down {
            return Err(self.refusal(item, weight).unwrap_or_else(TryPutError::Full));
        }
        self.put(item, weight, wakers);
        Ok(())
    }

    #[inline]
    fn put(&mut self, item: T, weight: usize, wakers: &mut Wakers) {
        // First: an item whose `Ord` panics is in there all the same.
        self.unfinished += 1;
        self.buffer.put(item, weight, wakers);
    }

    /// Why an item can never be put, if so, and the item if not.
    #[cold]
    fn refusal<E: From<PutError<T>>>(&self, item: T, weight: usize) -> Result<E, T> {
        if self.shut_down {
            Ok(PutError::ShutDown(item).into())
        } else if weight > self.buffer.bounds().weight {
            Ok(PutError::TooLarge(item).into())
        } else {
            Err(item)
        }
    }

    #[inline]
    pub(crate) fn try_get(&mut self, wakers: &mut Wakers) -> OrLost<Result<T, TryGetError>, T, O> {
        match self.buffer.try_get(wakers) {
            Ok(Some(item)) => {
                self.refuse_if_over(wakers);
                Ok(Ok(item))
            }
            Ok(None) if self.is_over() => Ok(Err(TryGetError::ShutDown)),
            Ok(None) => Ok(Err(TryGetError::Empty)),
            // Nothing is compared for the last item, so that others are left and it is not over.
            Err(lost) => Err(lost),
        }
    }

    pub(crate) fn task_done(&mut self, wakers: &mut Wakers) -> Result<(), TaskDoneError> {
        self.unfinished = self.unfinished.checked_sub(1).ok_or(TaskDoneError)?;
        self.release_joiners(wakers);
        Ok(())
    }

    pub(crate) fn shutdown(&mut self, wakers: &mut Wakers) {
        self.shut_down = true;
        self.buffer.putters.grant_all(|| Grant::Refusal(()), wakers);
        self.refuse_if_over(wakers);
    }

    /// Returns the items, and with what an item's `Ord` has panicked, if any has.
    pub(crate) fn shutdown_now(&mut self, wakers: &mut Wakers) -> (Vec<T>, Vec<Panic>) {
        let count = self.buffer.len();
        let taken = self.buffer.take_all();
        // More may have been counted as done than was got: asyncio forgives that here too.
        self.unfinished = self.unfinished.saturating_sub(count);
        self.release_joiners(wakers);
        self.shutdown(wakers);
        taken
    }

    pub(crate) fn stats(&self) -> QueueStats {
        QueueStats {
            len: self.buffer.len(),
            maxsize: self.buffer.bounds().max_items(),
            bytes: self.buffer.weight(),
            max_bytes: self.buffer.bounds().max_weight(),
            unfinished: self.unfinished,
            getting: self.buffer.getters.len(),
            putting: self.buffer.putters.len(),
            joining: self.joiners.len(),
            shut_down: self.shut_down,
        }
    }

    /// Whether nothing will come out any more.
    fn is_over(&self) -> bool {
        self.shut_down && self.buffer.len() == 0
    }

    #[inline]
    fn refuse_if_over(&mut self, wakers: &mut Wakers) {
        if self.is_over() {
            self.buffer.getters.grant_all(|| Grant::Refusal(()), wakers);
        }
    }

    fn release_joiners(&mut self, wakers: &mut Wakers) {
        if self.unfinished == 0 {
            self.joiners.grant_all(|| (), wakers);
        }
    }
}

/// Waiting for a slot.
pub(crate) struct Putting<T, O> {
    /// Here until it is in the queue: a waiter that is dropped has put nothing.
    item: Option<T>,
    weight: usize,
    order: PhantomData<fn() -> O>,
}

impl<T, O> Putting<T, O> {
    pub(crate) fn new(item: T, weight: usize) -> Putting<T, O> {
        Putting {
            item: Some(item),
            weight,
            order: PhantomData,
        }
    }
}

impl<T, O: Order<T>> Wait for Putting<T, O> {
    type State = State<T, O>;
    type Want = Weight;
    type Grant = Grant<()>;
    type Output = Result<(), PutError<T>>;

    const IS_PATIENT: bool = IS_SHARED;
    const COMPARES: bool = O::Items::COMPARES;

    #[inline]
    fn line(state: &mut State<T, O>) -> &mut Line<Weight, ()> {
        &mut state.buffer.putters
    }

    #[inline]
    fn patience(state: &mut State<T, O>) -> &mut Patience {
        &mut state.buffer.putting
    }

    #[inline]
    fn begin(
        &mut self,
        state: &mut State<T, O>,
        wakers: &mut Wakers,
    ) -> Result<Self::Output, Weight> {
        let item = self.item.take().expect("the item is here until it was put");
        if state.buffer.takes(self.weight) && !state.shut_down {
            state.put(item, self.weight, wakers);
            return Ok(Ok(()));
        }
        match state.refusal(item, self.weight) {
            Ok(refusal) => Ok(Err(refusal)),
            Err(item) => {
                self.item = Some(item);
                Err(Weight(self.weight))
            }
        }
    }

    #[inline]
    fn finish(
        &mut self,
        grant: Grant<()>,
        state: &mut State<T, O>,
        wakers: &mut Wakers,
    ) -> Self::Output {
        let item = self.item.take().expect("the item is here until it was put");
        match grant {
            Grant::Promise if !state.shut_down => {
                state.unfinished += 1;
                state.buffer.put_promised(item, self.weight, wakers);
                Ok(())
            }
            Grant::Promise => {
                state.buffer.decline_slot(self.weight, wakers);
                Err(PutError::ShutDown(item))
            }
            Grant::Refusal(()) => Err(PutError::ShutDown(item)),
        }
    }

    fn abandon(&self, departed: Departed<Grant<()>>, state: &mut State<T, O>, wakers: &mut Wakers) {
        state.buffer.abandon_put(self.weight, &departed, wakers);
    }
}

/// Waiting for an item.
pub(crate) struct Getting<T, O>(PhantomData<fn() -> (T, O)>);

impl<T, O> Getting<T, O> {
    pub(crate) const fn new() -> Getting<T, O> {
        Getting(PhantomData)
    }
}

impl<T, O: Order<T>> Wait for Getting<T, O> {
    type State = State<T, O>;
    type Want = u64;
    type Grant = Grant<()>;
    type Output = OrLost<Result<T, ShutDown>, T, O>;

    const IS_PATIENT: bool = IS_SHARED;

    #[inline]
    fn line(state: &mut State<T, O>) -> &mut Line<u64, ()> {
        &mut state.buffer.getters
    }

    #[inline]
    fn patience(state: &mut State<T, O>) -> &mut Patience {
        &mut state.buffer.getting
    }

    #[inline]
    fn begin(&mut self, state: &mut State<T, O>, wakers: &mut Wakers) -> Result<Self::Output, u64> {
        match state.try_get(wakers) {
            Ok(Ok(item)) => Ok(Ok(Ok(item))),
            Ok(Err(TryGetError::ShutDown)) => Ok(Ok(Err(ShutDown))),
            Ok(Err(TryGetError::Empty)) => Err(NO_HANDLE),
            Err(lost) => Ok(Err(lost)),
        }
    }

    #[inline]
    fn finish(
        &mut self,
        grant: Grant<()>,
        state: &mut State<T, O>,
        wakers: &mut Wakers,
    ) -> Self::Output {
        match grant {
            Grant::Promise => {
                let item = state.buffer.get_promised(wakers);
                state.refuse_if_over(wakers);
                item.map(|item| item.ok_or(ShutDown))
            }
            Grant::Refusal(()) => Ok(Err(ShutDown)),
        }
    }

    fn abandon(&self, departed: Departed<Grant<()>>, state: &mut State<T, O>, wakers: &mut Wakers) {
        state.buffer.abandon_get(&departed, wakers);
    }
}

/// Waiting until every item is done.
pub(crate) struct Joining<T, O>(PhantomData<fn() -> (T, O)>);

impl<T, O> Joining<T, O> {
    pub(crate) const fn new() -> Joining<T, O> {
        Joining(PhantomData)
    }
}

impl<T, O: Order<T>> Wait for Joining<T, O> {
    type State = State<T, O>;
    type Want = ();
    type Grant = ();
    type Output = ();

    #[inline]
    fn line(state: &mut State<T, O>) -> &mut WaitList<(), ()> {
        &mut state.joiners
    }

    #[inline]
    fn begin(&mut self, state: &mut State<T, O>, _: &mut Wakers) -> Result<(), ()> {
        if state.unfinished == 0 {
            Ok(())
        } else {
            Err(())
        }
    }

    #[inline]
    fn finish(&mut self, (): (), _: &mut State<T, O>, _: &mut Wakers) {}

    /// Everybody gets the same news, so nobody has anything to pass on.
    fn abandon(&self, _: Departed<()>, _: &mut State<T, O>, _: &mut Wakers) {}
}
