//! A channel's state, and what its operations do to it under the lock.

use super::IS_SHARED;
use crate::buffer::{Bounds, Buffer, Grant, Line, Want};
use crate::error::{RecvError, SendError, TryRecvError, TrySendError};
use crate::patience::Patience;
use crate::stats::ChannelStats;
use crate::wait::Wait;
use crate::wait_list::Departed;
use crate::wakers::Wakers;
use std::collections::VecDeque;
use std::marker::PhantomData;

/// Everything a channel is.
///
/// # Invariants
///
/// Outside a critical section:
/// 1. `senders` and `receivers` count the handles that are neither dropped nor closed.
/// 2. Without receivers no sender is in line and no item is left.
/// 3. Without senders, receivers are in line only while items are left (all of them
///    promised: the promise may yet pass to one of these receivers).
pub(crate) struct State<T> {
    buffer: Buffer<VecDeque<T>, Handle, Gone>,
    senders: usize,
    receivers: usize,
    /// Handles that were closed and are not dropped yet: few, and usually none.
    closed: Vec<u64>,
    next_handle: u64,
}

/// A channel counts its items and does not weigh them.
const NO_WEIGHT: usize = 0;

/// A sender's handle, with which its `send`s queue.
pub(crate) struct Handle(u64);

impl Want for Handle {
    const IS_WEIGHED: bool = false;

    #[inline]
    fn weight(&self) -> usize {
        NO_WEIGHT
    }
}

/// Why a waiter is refused.
#[derive(Clone, Copy)]
pub(crate) enum Gone {
    /// All handles of the other side are gone.
    Others,
    /// Its own handle was closed.
    Itself,
}

impl Gone {
    fn refuse<T>(self, item: T) -> SendError<T> {
        match self {
            Gone::Itself => SendError::Closed(item),
            Gone::Others => SendError::Broken(item),
        }
    }
}

/// The two sides of a channel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Send,
    Receive,
}

impl<T> State<T> {
    /// A channel with no handles yet.
    pub(crate) const fn new(bounds: Bounds) -> State<T> {
        State {
            buffer: Buffer::new(VecDeque::new(), bounds),
            senders: 0,
            receivers: 0,
            closed: Vec::new(),
            next_handle: 0,
        }
    }

    /// Adds a handle and returns its number. A clone of a closed handle is closed.
    pub(crate) fn open(&mut self, side: Side, origin: Option<u64>) -> u64 {
        let handle = self.next_handle;
        self.next_handle += 1;
        if origin.is_some_and(|origin| self.is_closed(origin)) {
            self.closed.push(handle);
        } else {
            *self.handles(side) += 1;
        }
        handle
    }

    /// Closes a handle. Returns the items that nobody can receive any more, to be dropped
    /// outside the lock.
    pub(crate) fn close(&mut self, side: Side, handle: u64, wakers: &mut Wakers) -> Vec<T> {
        if self.is_closed(handle) {
            return Vec::new();
        }
        self.closed.push(handle);
        *self.handles(side) -= 1;
        let refusal = || Grant::Refusal(Gone::Itself);
        match side {
            Side::Send => {
                let putters = &mut self.buffer.putters;
                putters.grant_where(|of| of.0 == handle, refusal, wakers);
            }
            Side::Receive => {
                let getters = &mut self.buffer.getters;
                getters.grant_where(|&of| of == handle, refusal, wakers);
            }
        }
        self.refuse_if_over(wakers);
        if self.receivers > 0 {
            return Vec::new();
        }
        self.buffer
            .putters
            .grant_all(|| Grant::Refusal(Gone::Others), wakers);
        // Nothing is compared, so nothing panics.
        self.buffer.take_all().0
    }

    /// Closes a handle that is being dropped, and forgets it.
    pub(crate) fn drop_handle(&mut self, side: Side, handle: u64, wakers: &mut Wakers) -> Vec<T> {
        let unreceivable = self.close(side, handle, wakers);
        self.closed.retain(|&closed| closed != handle);
        unreceivable
    }

    #[inline]
    pub(crate) fn is_closed(&self, handle: u64) -> bool {
        !self.closed.is_empty() && self.is_among_closed(handle)
    }

    #[cold]
    fn is_among_closed(&self, handle: u64) -> bool {
        self.closed.contains(&handle)
    }

    /// Why an item can never be sent, if so.
    #[inline]
    fn refusal(&self, handle: u64) -> Option<Gone> {
        if self.is_closed(handle) {
            Some(Gone::Itself)
        } else if self.receivers == 0 {
            Some(Gone::Others)
        } else {
            None
        }
    }

    pub(crate) fn try_send(
        &mut self,
        handle: u64,
        item: T,
        wakers: &mut Wakers,
    ) -> Result<(), TrySendError<T>> {
        if let Some(gone) = self.refusal(handle) {
            Err(gone.refuse(item).into())
        } else if self.buffer.takes(NO_WEIGHT) {
            self.buffer.put(item, NO_WEIGHT, wakers);
            Ok(())
        } else {
            Err(TrySendError::Full(item))
        }
    }

    #[inline]
    pub(crate) fn try_recv(&mut self, handle: u64, wakers: &mut Wakers) -> Result<T, TryRecvError> {
        if self.is_closed(handle) {
            return Err(TryRecvError::Closed);
        }
        let Ok(item) = self.buffer.try_get(wakers);
        match item {
            Some(item) => {
                self.refuse_if_over(wakers);
                Ok(item)
            }
            None if self.is_over() => Err(TryRecvError::End),
            None => Err(TryRecvError::Empty),
        }
    }

    pub(crate) fn stats(&self) -> ChannelStats {
        ChannelStats {
            len: self.buffer.len(),
            capacity: self.buffer.bounds().max_items(),
            senders: self.senders,
            receivers: self.receivers,
            sending: self.buffer.putters.len(),
            receiving: self.buffer.getters.len(),
        }
    }

    fn handles(&mut self, side: Side) -> &mut usize {
        match side {
            Side::Send => &mut self.senders,
            Side::Receive => &mut self.receivers,
        }
    }

    /// Whether nothing will come out any more.
    fn is_over(&self) -> bool {
        self.senders == 0 && self.buffer.len() == 0
    }

    #[inline]
    fn refuse_if_over(&mut self, wakers: &mut Wakers) {
        if self.is_over() {
            self.buffer
                .getters
                .grant_all(|| Grant::Refusal(Gone::Others), wakers);
        }
    }
}

/// Waiting for a slot.
pub(crate) struct Sending<T> {
    pub(super) handle: u64,
    /// Here until it is in the channel: a waiter that is dropped has sent nothing.
    pub(super) item: Option<T>,
}

impl<T> Sending<T> {
    #[inline]
    fn take(&mut self) -> T {
        let item = self.item.take();
        item.expect("the item is here until it was sent")
    }
}

impl<T> Wait for Sending<T> {
    type State = State<T>;
    type Want = Handle;
    type Grant = Grant<Gone>;
    type Output = Result<(), SendError<T>>;

    const IS_PATIENT: bool = IS_SHARED;

    #[inline]
    fn line(state: &mut State<T>) -> &mut Line<Handle, Gone> {
        &mut state.buffer.putters
    }

    #[inline]
    fn patience(state: &mut State<T>) -> &mut Patience {
        &mut state.buffer.putting
    }

    #[inline]
    fn begin(&mut self, state: &mut State<T>, wakers: &mut Wakers) -> Result<Self::Output, Handle> {
        let refusal = state.refusal(self.handle);
        if refusal.is_none() && !state.buffer.takes(NO_WEIGHT) {
            return Err(Handle(self.handle));
        }
        let item = self.take();
        if let Some(gone) = refusal {
            return Ok(Err(gone.refuse(item)));
        }
        state.buffer.put(item, NO_WEIGHT, wakers);
        Ok(Ok(()))
    }

    #[inline]
    fn finish(
        &mut self,
        grant: Grant<Gone>,
        state: &mut State<T>,
        wakers: &mut Wakers,
    ) -> Self::Output {
        let item = self.take();
        if let Grant::Refusal(gone) = grant {
            return Err(gone.refuse(item));
        }
        // Either side may have gone since the promise was made.
        if let Some(gone) = state.refusal(self.handle) {
            state.buffer.decline_slot(NO_WEIGHT, wakers);
            return Err(gone.refuse(item));
        }
        state.buffer.put_promised(item, NO_WEIGHT, wakers);
        Ok(())
    }

    fn abandon(&self, departed: Departed<Grant<Gone>>, state: &mut State<T>, wakers: &mut Wakers) {
        state.buffer.abandon_put(NO_WEIGHT, &departed, wakers);
    }
}

/// Waiting for an item.
pub(crate) struct Receiving<T> {
    handle: u64,
    item: PhantomData<fn() -> T>,
}

impl<T> Receiving<T> {
    pub(crate) const fn new(handle: u64) -> Receiving<T> {
        Receiving {
            handle,
            item: PhantomData,
        }
    }
}

impl<T> Wait for Receiving<T> {
    type State = State<T>;
    type Want = u64;
    type Grant = Grant<Gone>;
    type Output = Result<T, RecvError>;

    const IS_PATIENT: bool = IS_SHARED;

    #[inline]
    fn line(state: &mut State<T>) -> &mut Line<u64, Gone> {
        &mut state.buffer.getters
    }

    #[inline]
    fn patience(state: &mut State<T>) -> &mut Patience {
        &mut state.buffer.getting
    }

    #[inline]
    fn begin(&mut self, state: &mut State<T>, wakers: &mut Wakers) -> Result<Self::Output, u64> {
        match state.try_recv(self.handle, wakers) {
            Ok(item) => Ok(Ok(item)),
            Err(TryRecvError::End) => Ok(Err(RecvError::End)),
            Err(TryRecvError::Closed) => Ok(Err(RecvError::Closed)),
            Err(TryRecvError::Empty) => Err(self.handle),
        }
    }

    /// A promised item is received even if the handle was closed since: it was ours.
    #[inline]
    fn finish(
        &mut self,
        grant: Grant<Gone>,
        state: &mut State<T>,
        wakers: &mut Wakers,
    ) -> Self::Output {
        match grant {
            Grant::Promise => {
                let Ok(item) = state.buffer.get_promised(wakers);
                state.refuse_if_over(wakers);
                item.ok_or(RecvError::Closed)
            }
            Grant::Refusal(Gone::Others) => Err(RecvError::End),
            Grant::Refusal(Gone::Itself) => Err(RecvError::Closed),
        }
    }

    fn abandon(&self, departed: Departed<Grant<Gone>>, state: &mut State<T>, wakers: &mut Wakers) {
        state.buffer.abandon_get(&departed, wakers);
    }
}

/// Waiting for an item, to receive those behind it as well.
pub(crate) struct ReceivingMany<'a, T> {
    first: Receiving<T>,
    into: &'a mut Vec<T>,
    limit: usize,
}

impl<'a, T> ReceivingMany<'a, T> {
    pub(crate) const fn new(handle: u64, into: &'a mut Vec<T>, limit: usize) -> Self {
        ReceivingMany {
            first: Receiving::new(handle),
            into,
            limit,
        }
    }

    /// Adds the first item and those that are there and promised to nobody.
    fn add(&mut self, first: T, state: &mut State<T>, wakers: &mut Wakers) -> usize {
        self.into.push(first);
        let mut count = 1;
        while count < self.limit
            && let Ok(item) = state.try_recv(self.first.handle, wakers)
        {
            self.into.push(item);
            count += 1;
        }
        count
    }
}

impl<T> Wait for ReceivingMany<'_, T> {
    type State = State<T>;
    type Want = u64;
    type Grant = Grant<Gone>;
    type Output = Result<usize, RecvError>;

    const IS_PATIENT: bool = IS_SHARED;

    #[inline]
    fn line(state: &mut State<T>) -> &mut Line<u64, Gone> {
        Receiving::line(state)
    }

    #[inline]
    fn patience(state: &mut State<T>) -> &mut Patience {
        Receiving::patience(state)
    }

    #[inline]
    fn begin(&mut self, state: &mut State<T>, wakers: &mut Wakers) -> Result<Self::Output, u64> {
        let received = self.first.begin(state, wakers)?;
        Ok(received.map(|first| self.add(first, state, wakers)))
    }

    #[inline]
    fn finish(
        &mut self,
        grant: Grant<Gone>,
        state: &mut State<T>,
        wakers: &mut Wakers,
    ) -> Self::Output {
        let received = self.first.finish(grant, state, wakers);
        received.map(|first| self.add(first, state, wakers))
    }

    fn abandon(&self, departed: Departed<Grant<Gone>>, state: &mut State<T>, wakers: &mut Wakers) {
        self.first.abandon(departed, state, wakers);
    }
}
