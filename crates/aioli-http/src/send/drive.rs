//! An exchange on its way: polled within the time limits, which begin anew whenever bytes move.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use aioli_time::{Sleep, sleep};

use super::signals::Signals;
use crate::deadline::Deadline;
use crate::error::{Error, Phase};
use crate::h1::exchange::{Exchange, Failure};
use crate::h1::head::Head as WireHead;
use crate::limits::Timeout;

/// An exchange, and what was seen of it so far.
///
/// No `async fn`, whose future would hold what it is given twice: it is in the future of every
/// request.
pub(super) struct Drive<'a> {
    pub(super) exchange: Exchange<'a>,
    /// How long the body waits for the server's consent; few do.
    patience: Option<Box<Sleep>>,
    signals: Signals,
    /// The moves of the exchange that were seen.
    moves: u64,
    /// The bytes written that the speed was measured by.
    written: u64,
    /// The body waited for the server's consent when it was last looked at.
    held: bool,
}

impl<'a> Drive<'a> {
    /// Begins the limits of an exchange whose head has `head` bytes, and whose body waits
    /// at most for `patience`, if it does.
    // It is made where it stays.
    #[inline(always)]
    pub(super) fn new(
        mut exchange: Exchange<'a>,
        head: usize,
        patience: Option<Duration>,
        deadline: &mut Deadline,
        timeout: &Timeout,
    ) -> Drive<'a> {
        if deadline.watch.tracer.is_some() {
            exchange.keep_informational();
        }
        let held = exchange.is_holding();
        if held {
            // Nothing is being sent while the server is asked.
            deadline.begin(Phase::Head, timeout.head);
        } else {
            begin_sending(deadline, timeout);
        }
        if timeout.min_speed.is_some() && exchange.has_body() {
            deadline.demand_speed(timeout.min_speed);
        }
        Drive {
            moves: exchange.moves(),
            signals: Signals::new(head),
            written: 0,
            exchange,
            patience: patience.map(|most| Box::new(sleep(most))),
            held,
        }
    }

    /// Resolves with what has become of the exchange, or when a limit has passed.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        deadline: &mut Deadline,
        timeout: &Timeout,
    ) -> Poll<Result<Result<WireHead, Failure>, Error>> {
        let exchange = &mut self.exchange;
        let mut polled = exchange.poll(cx);
        if polled.is_pending()
            && exchange.is_holding()
            && let Some(patience) = &mut self.patience
            && Pin::new(&mut **patience).poll(cx).is_ready()
        {
            exchange.release();
            polled = exchange.poll(cx);
        }
        self.signals.tell(exchange, &deadline.watch);
        if let Poll::Ready(done) = polled {
            deadline.note_head();
            return Poll::Ready(Ok(done));
        }
        if exchange.moves() != self.moves {
            self.moves = exchange.moves();
            deadline.progress();
        }
        if self.held && !exchange.is_holding() {
            self.held = false;
            begin_sending(deadline, timeout);
        }
        if deadline.demands_speed() {
            let taken = exchange.written() - self.written;
            self.written = exchange.written();
            deadline.measure(taken, exchange.waits_for_server());
        }
        if deadline.phase() == Some(Phase::Write) && exchange.sent_all() {
            deadline.begin(Phase::Head, timeout.head);
        }
        let late = deadline.poll_on(cx, exchange.wire());
        if exchange.sent_all() {
            deadline.note_sent();
        }
        late.map(Err)
    }
}

/// Begins the limit of sending, which is that of the head unless it has one of its own.
fn begin_sending(deadline: &mut Deadline, timeout: &Timeout) {
    match timeout.write {
        Some(write) => deadline.begin(Phase::Write, Some(write)),
        None => deadline.begin(Phase::Head, timeout.head),
    }
}
