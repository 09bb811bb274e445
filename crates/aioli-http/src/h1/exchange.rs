//! One request and the head of its response, driven by whoever polls.
//!
//! Both directions are polled in every turn: the response may come before the request is out
//! (a server that refuses an upload answers and closes), and then it is what counts. Sending
//! stops when the final head is there.
//!
//! ```text
//!           ┌────────────── poll ◀───────────────┐
//!           ▼                                    │ woken
//!   poll_send: out ─▶ socket, body ─▶ out        │
//!           ▼                                    │
//!   poll_head: socket ─▶ buffer ─▶ HeadParser ───┴─▶ Final: head, `sent_all`
//! ```

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use aioli_sync::budget;
use aioli_time::Alarm;
use bytes::{Buf as _, Bytes};
use http::StatusCode;

use super::Reject;
use super::buffer::ReadBuffer;
use super::encode::{self, BodyEncoder};
use super::head::{Head, HeadLimits, HeadParser, Progress};
use crate::body::Source;
use crate::error::{BodyErrorKind, BoxError, Error, ErrorKind, Sent};
use crate::session::Traffic;
use crate::tls::config::refused_later;
use crate::transport::Transport;

/// Pieces smaller than this are copied together, larger ones are sent from where they lie.
pub(crate) const COPY_BELOW: usize = 16 * 1024;
/// How much is copied together before it is sent.
const COALESCE: usize = 64 * 1024;
/// What one poll sends before others get their turn.
const MAX_SENT_A_POLL: u64 = 256 * 1024;
/// How many pieces of a body one poll takes before others get their turn.
const MAX_PIECES_A_POLL: usize = 32;

/// The wire of one connection: its transport and both buffers.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) transport: Transport,
    pub(crate) input: ReadBuffer,
    pub(crate) traffic: Arc<Traffic>,
    output: Output,
    /// For the time limits of whoever waits for it.
    alarm: Alarm,
}

impl Wire {
    pub(crate) fn new(transport: Transport, traffic: Arc<Traffic>) -> Wire {
        Wire {
            transport,
            traffic,
            input: ReadBuffer::new(),
            output: Output::default(),
            alarm: Alarm::new(),
        }
    }

    /// As [`Transport::wake_by`].
    pub(crate) fn wake_by(&mut self, moment: Instant, now: Instant) -> bool {
        self.transport.wake_by(moment, now, &mut self.alarm)
    }

    /// No time limit holds for it any more.
    pub(crate) fn disarm(&mut self) {
        self.alarm = Alarm::new();
    }

    /// Whether an idle connection can serve: nothing has come, not the end and no bytes nobody
    /// asked for.
    ///
    /// `thorough` asks the system; otherwise the reactor's word is taken, which costs nothing.
    pub(crate) fn is_silent(&mut self, thorough: bool) -> bool {
        match self.transport.is_quiet(false) {
            Some(quiet) => quiet && (!thorough || self.transport.is_silent()),
            None => self.has_nothing_to_read(thorough),
        }
    }

    /// As [`is_silent`](Wire::is_silent), for a connection that becomes idle: the reactor watches
    /// it from now on. A driver that reports only what somebody waits for would not notice what
    /// comes while it is idle.
    pub(crate) fn falls_silent(&mut self) -> bool {
        self.alarm.rest();
        match self.transport.is_quiet(true) {
            Some(quiet) => quiet,
            None => self.has_nothing_to_read(false),
        }
    }

    /// Tries to read, for transports that have state of their own between us and the socket.
    fn has_nothing_to_read(&mut self, thorough: bool) -> bool {
        debug_assert!(self.input.is_empty(), "only such a wire is put back");
        let mut cx = Context::from_waker(Waker::noop());
        // A task that has used up its turn gets `Pending` for an answer, which is none.
        let thorough = thorough || budget::remaining() == Some(0);
        self.poll_fill(&mut cx).is_pending() && (!thorough || self.transport.is_silent())
    }

    /// Where the head of the next request is written, in memory that is used again and again.
    pub(crate) fn begin(&mut self) -> &mut Vec<u8> {
        self.output.clear();
        &mut self.output.buffer
    }

    /// Reads once into the input buffer; `false` is the end.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let n = ready!(self.transport.poll_read(cx, self.input.spare()))?;
        self.input.fill(n);
        self.traffic.received(n);
        Poll::Ready(Ok(n > 0))
    }
}

/// What waits to be written, in this order: `buffer`, `piece`, `tail`.
#[derive(Debug, Default)]
struct Output {
    buffer: Vec<u8>,
    /// How much of `buffer` is written.
    at: usize,
    piece: Bytes,
    tail: &'static [u8],
}

impl Output {
    fn is_empty(&self) -> bool {
        self.at == self.buffer.len() && self.piece.is_empty() && self.tail.is_empty()
    }

    /// Appends `data`; nothing may wait behind the buffer.
    fn copy(&mut self, data: &[u8]) {
        debug_assert!(self.piece.is_empty() && self.tail.is_empty());
        self.buffer.extend_from_slice(data);
    }

    /// Appends a body of bytes, to be sent from where they lie if they are many.
    fn load(&mut self, body: &Source) {
        let Source::Bytes(bytes) = body else { return };
        if bytes.len() < COPY_BELOW {
            self.copy(bytes);
        } else {
            self.piece = bytes.clone();
        }
    }

    fn advance(&mut self, mut n: usize) {
        let step = n.min(self.buffer.len() - self.at);
        self.at += step;
        n -= step;
        let step = n.min(self.piece.len());
        self.piece.advance(step);
        self.tail = &self.tail[n - step..];
        if self.is_empty() {
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.buffer.clear();
        self.buffer.shrink_to(COALESCE);
        self.at = 0;
        self.piece = Bytes::new();
        self.tail = b"";
    }
}

/// Why there is no response.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The connection failed or ended, before or while the head came.
    Disconnected {
        source: Option<io::Error>,
        head_begun: bool,
    },
    /// The peer's bytes are not acceptable.
    Reject(Reject),
    /// The caller's body failed.
    Body(BodyErrorKind, Option<BoxError>),
}

/// One exchange on one wire.
pub(crate) struct Exchange<'a> {
    wire: &'a mut Wire,
    body: &'a mut Source,
    encoder: Option<BodyEncoder>,
    parser: HeadParser,
    /// The final head has not come, and something of a head has.
    head_begun: bool,
    /// Bytes of the request written.
    written: u64,
    sent_all: bool,
    /// Every announced byte has left; the stream has not said yet that there are no more.
    is_whole: bool,
    /// The server has taken all there is, and the body has no more yet.
    awaits_body: bool,
    /// Writing failed; there may still be a response.
    write_error: Option<io::Error>,
    /// Changes whenever bytes move.
    moves: u64,
    /// The informational responses that were not taken yet, if anybody wants them.
    informational: Option<Vec<Head>>,
    /// The body waits for the server's consent.
    holding: bool,
}

/// What else than sending and waiting for the answer an exchange is to do.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Manner {
    /// Send the body only when the server agrees with a 100, or [`Exchange::release`] is called.
    pub(crate) hold: bool,
    /// Take a 101 for the answer.
    pub(crate) upgrade: bool,
}

impl<'a> Exchange<'a> {
    /// Prepares to send the head that is in the output, complete with its blank line, and `body`
    /// behind it.
    ///
    /// `encoder` frames a body that is a stream; other bodies have their length in the head.
    // It is made where it stays.
    #[inline(always)]
    pub(crate) fn new(
        wire: &'a mut Wire,
        body: &'a mut Source,
        encoder: Option<BodyEncoder>,
        limits: HeadLimits,
        manner: Manner,
    ) -> Exchange<'a> {
        body.rewind();
        if !manner.hold {
            wire.output.load(body);
        }
        let encoder = encoder.filter(|_| matches!(body, Source::Stream { .. }));
        Exchange {
            wire,
            body,
            encoder,
            parser: HeadParser::new(limits).upgrade(manner.upgrade),
            head_begun: false,
            written: 0,
            sent_all: false,
            is_whole: false,
            awaits_body: false,
            write_error: None,
            moves: 0,
            informational: None,
            holding: manner.hold,
        }
    }

    /// Whether the body waits for the server's consent.
    pub(crate) fn is_holding(&self) -> bool {
        self.holding
    }

    /// Whether there is a body to be sent.
    pub(crate) fn has_body(&self) -> bool {
        !matches!(self.body, Source::Empty)
    }

    /// Whether all of the body can be sent once more.
    pub(crate) fn can_repeat(&self) -> bool {
        self.body.is_whole()
    }

    /// Whether the server could take more of the request, and does not.
    pub(crate) fn waits_for_server(&self) -> bool {
        !self.sent_all && !self.holding && !self.awaits_body && self.write_error.is_none()
    }

    /// Lets the body go; the next poll sends it.
    pub(crate) fn release(&mut self) {
        if std::mem::take(&mut self.holding) {
            self.wire.output.load(self.body);
        }
    }

    /// Bytes of the request that have left.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Keeps informational responses from now on.
    pub(crate) fn keep_informational(&mut self) {
        self.informational.get_or_insert_default();
    }

    /// Takes the informational responses that were kept.
    pub(crate) fn take_informational(&mut self) -> Vec<Head> {
        self.informational
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// How much of the request is known to have left.
    pub(crate) fn sent(&self) -> Sent {
        match (self.written, self.sent_all()) {
            (_, true) => Sent::Fully,
            (0, false) => Sent::Nothing,
            _ => Sent::Partly,
        }
    }

    /// A number that changes whenever bytes move in either direction.
    pub(crate) fn moves(&self) -> u64 {
        self.moves
    }

    /// Sends what can be sent and reads what has come, until the final head is there.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Head, Failure>> {
        let held = self.holding;
        let polled = self.poll_both(cx);
        if held && !self.holding && polled.is_pending() {
            // The server's consent came just now.
            return self.poll_both(cx);
        }
        polled
    }

    fn poll_both(&mut self, cx: &mut Context<'_>) -> Poll<Result<Head, Failure>> {
        if !self.sent_all && self.write_error.is_none() {
            match self.poll_send(cx) {
                Poll::Ready(Ok(())) => self.sent_all = true,
                Poll::Ready(Err(Failure::Disconnected { source, .. })) => {
                    self.write_error = source;
                }
                Poll::Ready(Err(failure)) => return Poll::Ready(Err(failure)),
                Poll::Pending => {}
            }
        }
        self.poll_head(cx)
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.awaits_body = false;
        let budget = self.written + MAX_SENT_A_POLL;
        for _ in 0..MAX_PIECES_A_POLL {
            let more = self.take_pieces(cx)?;
            ready!(self.poll_write(cx, budget)).map_err(disconnected)?;
            match more {
                Poll::Ready(false) => {
                    return self.wire.transport.poll_flush(cx).map_err(disconnected);
                }
                Poll::Ready(true) => {}
                // What was taken must not wait for the next piece.
                Poll::Pending => {
                    ready!(self.wire.transport.poll_flush(cx)).map_err(disconnected)?;
                    self.is_whole = self.encoder == Some(BodyEncoder::Length(0));
                    self.awaits_body = true;
                    return Poll::Pending;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes pieces of a stream into the output while they are small and there is room.
    ///
    /// `Ready(true)` when the output is to be written first, `Ready(false)` when there is no
    /// more to take.
    fn take_pieces(&mut self, cx: &mut Context<'_>) -> Result<Poll<bool>, Failure> {
        if self.holding {
            return Ok(Poll::Pending);
        }
        let (
            Some(encoder),
            Source::Stream {
                stream, touched, ..
            },
        ) = (&mut self.encoder, &mut *self.body)
        else {
            return Ok(Poll::Ready(false));
        };
        let output = &mut self.wire.output;
        let fail = |kind| Failure::Body(kind, None);
        for _ in 0..MAX_PIECES_A_POLL {
            if output.buffer.len() >= COALESCE || !output.piece.is_empty() {
                return Ok(Poll::Ready(true));
            }
            *touched = true;
            let piece = match stream.as_mut().poll_piece(cx) {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(Some(Ok(piece))) => piece,
                Poll::Ready(Some(Err(error))) => {
                    return Err(Failure::Body(BodyErrorKind::Stream, Some(error)));
                }
                Poll::Ready(None) => {
                    let end = encoder.finish().map_err(fail)?;
                    match stream.as_mut().trailers() {
                        Some(fields) if *encoder == BodyEncoder::Chunked => {
                            encode::last_chunk(&mut output.buffer, &fields);
                        }
                        _ => output.copy(end),
                    }
                    self.encoder = None;
                    return Ok(Poll::Ready(false));
                }
            };
            let tail = encoder.frame(&piece, &mut output.buffer).map_err(fail)?;
            if piece.len() < COPY_BELOW {
                output.copy(&piece);
                output.copy(tail);
            } else {
                output.piece = piece;
                output.tail = tail;
            }
        }
        Ok(Poll::Ready(true))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, budget: u64) -> Poll<io::Result<()>> {
        while !self.wire.output.is_empty() {
            if self.written >= budget {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let Wire {
                output, transport, ..
            } = &mut *self.wire;
            let n = if output.piece.is_empty() && output.tail.is_empty() {
                // Most requests are a head, or have a body that is small.
                let only = IoSlice::new(&output.buffer[output.at..]);
                ready!(transport.poll_write(cx, &[only]))?
            } else {
                let bufs = [
                    IoSlice::new(&output.buffer[output.at..]),
                    IoSlice::new(&output.piece),
                    IoSlice::new(output.tail),
                ];
                // The parts that wait are adjacent: a plain write where there is one.
                let first = bufs.iter().position(|buf| !buf.is_empty()).unwrap_or(0);
                let last = bufs.iter().rposition(|buf| !buf.is_empty()).unwrap_or(0);
                ready!(transport.poll_write(cx, &bufs[first..=last]))?
            };
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += n as u64;
            self.wire.traffic.sent(n);
            self.moves += 1;
            self.wire.output.advance(n);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Head, Failure>> {
        loop {
            while !self.wire.input.is_empty() {
                self.head_begun = true;
                let progress = self.parser.parse(&mut self.wire.input);
                match progress.map_err(Failure::Reject)? {
                    Progress::Partial => break,
                    Progress::Informational(head) => {
                        if head.status == StatusCode::CONTINUE {
                            self.release();
                        }
                        if let Some(kept) = &mut self.informational {
                            kept.push(head);
                        }
                    }
                    Progress::Final(head) => return Poll::Ready(Ok(head)),
                }
            }
            match ready!(self.wire.poll_fill(cx)) {
                Ok(true) => self.moves += 1,
                end => {
                    // A failed write is the cause when there is one, reading only shows it.
                    let source = self.write_error.take().or(end.err());
                    let head_begun = self.head_begun;
                    return Poll::Ready(Err(Failure::Disconnected { source, head_begun }));
                }
            }
        }
    }

    /// The connection, for the time limits of the wait.
    pub(crate) fn wire(&mut self) -> &mut Wire {
        self.wire
    }

    /// The failure as the caller sees it.
    pub(crate) fn error(&self, failure: Failure, reused: bool) -> Error {
        let sent = self.sent();
        let error = match failure {
            Failure::Disconnected { source, .. } => match source.as_ref().and_then(refused_later) {
                Some(error) => error,
                None => Error::new(ErrorKind::Disconnected {
                    sent,
                    reused,
                    source,
                }),
            },
            Failure::Reject(reject) => reject.into(),
            Failure::Body(kind, source) => Error::body(kind, source),
        };
        error.with_sent(sent)
    }

    pub(crate) fn sent_all(&self) -> bool {
        self.sent_all || self.is_whole
    }
}

fn disconnected(error: io::Error) -> Failure {
    Failure::Disconnected {
        source: Some(error),
        head_begun: false,
    }
}
