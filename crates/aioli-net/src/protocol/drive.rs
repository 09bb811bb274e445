//! The future of a connection, which reads, writes and calls its protocol.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use aioli_sync::wake_all;

use super::state::TURNS_MAX;
use super::{Protocol, Transport};
use crate::scratch::with_room;

/// The life of a connection with a [`Protocol`]: made by [`Transport::attach`], ready when
/// [`connection_lost`](Protocol::connection_lost) has been called. Dropping it ends the
/// connection, with `ConnectionAborted` for the protocol.
#[must_use = "a connection that is not driven does nothing"]
pub struct Driving<P: Protocol> {
    transport: Transport,
    protocol: P,
    is_made: bool,
    is_told_to_pause: bool,
    is_over: bool,
    /// A callback runs; on drop: it has panicked.
    is_calling: bool,
}

// The protocol is never pinned: its methods take `&mut self`.
impl<P: Protocol> Unpin for Driving<P> {}

impl<P: Protocol> Driving<P> {
    pub(super) fn new(transport: Transport, protocol: P) -> Driving<P> {
        Driving {
            transport,
            protocol,
            is_made: false,
            is_told_to_pause: false,
            is_over: false,
            is_calling: false,
        }
    }

    fn call<T>(&mut self, call: impl FnOnce(&mut P, &Transport) -> T) -> T {
        self.is_calling = true;
        let result = call(&mut self.protocol, &self.transport);
        self.is_calling = false;
        result
    }

    /// Tells the protocol, and those who drain, on which side of the marks the buffer is.
    fn tell_flow(&mut self) {
        let mut state = self.transport.lock();
        if state.is_ending() {
            return;
        }
        let drained = state.take_drained();
        let is_paused = state.is_writing_paused;
        drop(state);
        wake_all(drained);
        match (self.is_told_to_pause, is_paused) {
            (false, true) => self.call(P::pause_writing),
            (true, false) => self.call(P::resume_writing),
            _ => {}
        }
        self.is_told_to_pause = is_paused;
    }

    fn flush(&mut self, cx: &mut Context<'_>) {
        let mut state = self.transport.lock();
        if let Poll::Ready(Err(error)) = state.poll_flush(cx) {
            state.abort(Some(error));
        }
    }

    /// Reads once, and hands over what has come. `false` when there is nothing to read now.
    fn read(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.transport.lock().is_reading() {
            return false;
        }
        with_room(|room| {
            let read = self.transport.lock().poll_read(cx, room);
            match read {
                Poll::Pending => return false,
                Poll::Ready(Ok(0)) => self.end_of_input(),
                Poll::Ready(Ok(n)) => {
                    self.call(|protocol, transport| protocol.data_received(transport, &room[..n]));
                }
                Poll::Ready(Err(error)) => self.transport.lock().abort(Some(error)),
            }
            true
        })
    }

    fn end_of_input(&mut self) {
        self.transport.lock().is_at_eof = true;
        if !self.call(P::eof_received) {
            self.transport.lock().close();
        }
    }

    /// Ends the connection if the time has come.
    fn end(&mut self) -> bool {
        let Some(error) = self.transport.lock().take_end() else {
            return false;
        };
        self.is_over = true;
        self.call(|protocol, _| protocol.connection_lost(error));
        self.transport.let_go();
        true
    }
}

impl<P: Protocol> Future for Driving<P> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.is_over {
            return Poll::Ready(());
        }
        for _ in 0..TURNS_MAX {
            this.transport.lock().look(cx.waker());
            if !this.is_made {
                this.is_made = true;
                this.call(P::connection_made);
            }
            this.tell_flow();
            this.flush(cx);
            this.tell_flow();
            if this.end() {
                return Poll::Ready(());
            }
            if !this.read(cx) && this.transport.lock().may_wait() {
                return Poll::Pending;
            }
        }
        this.transport.lock().look_away();
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<P: Protocol> Drop for Driving<P> {
    fn drop(&mut self) {
        if !self.is_over {
            let mut state = self.transport.lock();
            state.abort(Some(io::ErrorKind::ConnectionAborted.into()));
            let error = state.take_end().flatten();
            drop(state);
            if self.is_made && !self.is_calling {
                self.call(|protocol, _| protocol.connection_lost(error));
            }
        }
        self.transport.let_go();
    }
}

impl<P: Protocol> fmt::Debug for Driving<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Driving");
        shown.field("transport", &self.transport);
        shown.field("is_over", &self.is_over);
        shown.finish_non_exhaustive()
    }
}
