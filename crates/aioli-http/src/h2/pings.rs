//! The one ping that may be on its way: who probes a silent server and who measures share it.

use std::task::{Context, Poll};

use h2::{Ping, PingPong};

/// The pings of a connection, of which `h2` has one at a time.
pub(super) struct Pings {
    pings: PingPong,
    /// One was sent and is not answered.
    is_out: bool,
}

impl Pings {
    pub(super) fn new(pings: PingPong) -> Pings {
        Pings {
            pings,
            is_out: false,
        }
    }

    /// Sends one, unless there is one on its way, which serves everybody.
    ///
    /// Returns whether one is on its way. It goes when the connection is polled next.
    pub(super) fn send(&mut self) -> bool {
        self.is_out = self.is_out || self.pings.send_ping(Ping::opaque()).is_ok();
        self.is_out
    }

    /// Whether one is on its way.
    pub(super) fn is_out(&self) -> bool {
        self.is_out
    }

    /// Whether the one on its way has been answered, which is said once.
    pub(super) fn is_answered(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.is_out {
            return false;
        }
        // An error is the end of the connection, which says so itself.
        let is_answered = matches!(self.pings.poll_pong(cx), Poll::Ready(Ok(_)));
        self.is_out = !is_answered;
        is_answered
    }
}
