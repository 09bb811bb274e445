//! What a transport, its clones and its task share: the bytes to write, and how it ends.

use std::io;
use std::task::{Context, Poll, Waker};

use aioli_reactor::Interest;

use crate::buffer::Buffer;
use crate::protocol::WaterMarkError;
use crate::split::{Socket, end_of_writing};
use crate::wakers;

/// asyncio's high mark: more than this is waiting, and writing is paused.
pub(super) const HIGH: usize = 64 * 1024;
/// A low mark is this part of the high one unless it is said.
pub(super) const LOW_PART: usize = 4;
/// Most reads of one poll: others want to run too, also where no loop sees to it.
pub(super) const TURNS_MAX: usize = 32;

/// How far a connection is on its way to its end.
#[derive(Debug)]
pub(super) enum Stage {
    Open,
    /// Closed: it ends when everything is written.
    Closing,
    /// It ends now, with the error that has ended it.
    Ending(Option<io::Error>),
    /// It has ended, by an error of this kind.
    Ended(Option<io::ErrorKind>),
}

/// # Invariants
///
/// `wire` is `None` when the stage is `Ended`, and only then. What changes anything that the
/// task acts upon goes through [`touch`](State::touch).
pub(super) struct State {
    wire: Option<Box<dyn Socket>>,
    pub(super) stage: Stage,
    /// What is to be written.
    pending: Buffer,
    low: usize,
    high: usize,
    pub(super) is_writing_paused: bool,
    pub(super) is_reading_paused: bool,
    /// The peer has ended its direction.
    pub(super) is_at_eof: bool,
    /// This side is to end its direction when everything is written, or has.
    wants_eof: bool,
    has_sent_eof: bool,
    /// The task is being polled, and looks again before it waits.
    is_driving: bool,
    /// Something has changed since the task last looked.
    is_touched: bool,
    task: Option<Waker>,
    /// Who waits for room.
    draining: Vec<Waker>,
    /// Who waits for the end.
    ending: Vec<Waker>,
}

impl State {
    pub(super) fn new(wire: Box<dyn Socket>) -> State {
        State {
            wire: Some(wire),
            stage: Stage::Open,
            pending: Buffer::default(),
            low: HIGH / LOW_PART,
            high: HIGH,
            is_writing_paused: false,
            is_reading_paused: false,
            is_at_eof: false,
            wants_eof: false,
            has_sent_eof: false,
            is_driving: false,
            is_touched: false,
            task: None,
            draining: Vec::new(),
            ending: Vec::new(),
        }
    }

    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn limits(&self) -> (usize, usize) {
        (self.low, self.high)
    }

    pub(super) fn is_closing(&self) -> bool {
        !matches!(self.stage, Stage::Open)
    }

    /// Nothing is written or read any more, but for the protocol to be told.
    pub(super) fn is_ending(&self) -> bool {
        matches!(self.stage, Stage::Ending(_) | Stage::Ended(_))
    }

    pub(super) fn is_reading(&self) -> bool {
        !(self.is_closing() || self.is_reading_paused || self.is_at_eof)
    }

    /// Something has changed that the task is to look at; whom to wake.
    #[must_use]
    pub(super) fn touch(&mut self) -> Option<Waker> {
        self.is_touched = true;
        if self.is_driving {
            return None;
        }
        self.task.clone()
    }

    /// The task begins to look.
    pub(super) fn look(&mut self, waker: &Waker) {
        self.is_driving = true;
        self.is_touched = false;
        match &mut self.task {
            Some(task) => task.clone_from(waker),
            None => self.task = Some(waker.clone()),
        }
    }

    /// May the task wait now? Not when something has changed while it looked.
    pub(super) fn may_wait(&mut self) -> bool {
        self.is_driving = self.is_touched;
        !self.is_touched
    }

    /// The task lets others run, and will be back.
    pub(super) fn look_away(&mut self) {
        self.is_driving = false;
    }

    pub(super) fn set_limits(
        &mut self,
        high: Option<usize>,
        low: Option<usize>,
    ) -> Result<(), WaterMarkError> {
        let high_by_low = low.map_or(HIGH, |low| low.saturating_mul(LOW_PART));
        let high = high.unwrap_or(high_by_low);
        let low = low.unwrap_or(high / LOW_PART);
        if high < low {
            return Err(WaterMarkError { high, low });
        }
        (self.low, self.high) = (low, high);
        self.weigh();
        Ok(())
    }

    /// Takes bytes, writing at once what can be when none wait before them. `false` when nothing
    /// can be written any more.
    pub(super) fn write(&mut self, bytes: &[u8]) -> bool {
        if self.wants_eof || self.is_closing() {
            return false;
        }
        let mut rest = bytes;
        if self.pending() == 0
            && let Some(wire) = &self.wire
        {
            let write = || wire.write_now(rest);
            match wire.registration().try_io(Interest::Writable, write) {
                Ok(n) => rest = &rest[n..],
                Err(error) if is_not_now(&error) => {}
                Err(error) => {
                    self.stage = Stage::Ending(Some(error));
                    return true;
                }
            }
        }
        self.pending.put(rest);
        self.weigh();
        true
    }

    /// Writes what waits, then ends this direction if that was asked for.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(wire) = &self.wire else {
            return Poll::Ready(Ok(()));
        };
        while !self.pending.is_empty() {
            let rest = self.pending.bytes();
            let write = || wire.write_now(rest);
            let registration = wire.registration();
            match registration.poll_transfer(cx, Interest::Writable, rest.len(), write) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(n)) => self.pending.consume(n),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.weigh();
                    return Poll::Pending;
                }
            }
        }
        if self.wants_eof && !self.has_sent_eof {
            end_of_writing(&**wire)?;
            self.has_sent_eof = true;
        }
        self.forget_pending();
        Poll::Ready(Ok(()))
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let wire = self.wire.as_ref();
        let wire = wire.expect("a connection that has ended is not read from");
        let len = room.len();
        let registration = wire.registration();
        registration.poll_transfer(cx, Interest::Readable, len, || wire.read_now(room))
    }

    pub(super) fn end_writing(&mut self) {
        self.wants_eof = true;
    }

    pub(super) fn close(&mut self) {
        if let Stage::Open = self.stage {
            self.stage = Stage::Closing;
        }
    }

    pub(super) fn abort(&mut self, error: Option<io::Error>) {
        if let Stage::Open | Stage::Closing = self.stage {
            self.stage = Stage::Ending(error);
            self.forget_pending();
        }
    }

    /// The error to end with, once the time has come. It is told once.
    pub(super) fn take_end(&mut self) -> Option<Option<io::Error>> {
        let is_over = match &self.stage {
            Stage::Open | Stage::Ended(_) => false,
            Stage::Closing => self.pending() == 0,
            Stage::Ending(_) => true,
        };
        if !is_over {
            return None;
        }
        match std::mem::replace(&mut self.stage, Stage::Ended(None)) {
            Stage::Ending(Some(error)) => {
                self.stage = Stage::Ended(Some(error.kind()));
                Some(Some(error))
            }
            _ => Some(None),
        }
    }

    /// Lets the socket go, which closes it, and those who wait for anything.
    #[must_use]
    pub(super) fn let_go(&mut self) -> (Option<Box<dyn Socket>>, Vec<Waker>) {
        self.forget_pending();
        self.task = None;
        let mut waiting = std::mem::take(&mut self.draining);
        waiting.append(&mut self.ending);
        (self.wire.take(), waiting)
    }

    pub(super) fn is_let_go(&self) -> bool {
        self.wire.is_none()
    }

    /// Adds somebody who waits for room.
    pub(super) fn add_draining(&mut self, waker: &Waker) {
        wakers::add(&mut self.draining, waker);
    }

    /// Adds somebody who waits for the end.
    pub(super) fn add_ending(&mut self, waker: &Waker) {
        wakers::add(&mut self.ending, waker);
    }

    /// Those who wait for room, when there is some.
    #[must_use]
    pub(super) fn take_drained(&mut self) -> Vec<Waker> {
        match self.is_writing_paused {
            true => Vec::new(),
            false => std::mem::take(&mut self.draining),
        }
    }

    fn forget_pending(&mut self) {
        self.pending.clear();
        self.pending.shrink();
        self.weigh();
    }

    /// Holds what waits against the marks.
    fn weigh(&mut self) {
        if self.pending() > self.high {
            self.is_writing_paused = true;
        } else if self.pending() <= self.low {
            self.is_writing_paused = false;
        }
    }
}

pub(super) fn is_not_now(error: &io::Error) -> bool {
    let kinds = [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted];
    kinds.contains(&error.kind())
}
