//! The body of a response on its way: from the connection, through its framing, to the caller.

use std::fmt;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use crate::deadline::Deadline;
use crate::error::{BodyErrorKind, Error, Phase};
use crate::h1::Reject;
use crate::h1::body::BodyDecoder;
use crate::h1::buffer::{READ_BUFFER, ReadBuffer};
use crate::h2;
use crate::limits::Timeout;
use crate::pool::Connection;
use crate::watch::Watch;

/// Pieces one task may take before others get their turn.
const MAX_PIECES_A_TURN: usize = 32;
/// What one read may bring when the body's bytes lie next to each other.
const DIRECT_READ: usize = 64 * 1024;
/// What one read may bring into memory that is the caller's.
const DIRECT_MOST: usize = 256 * 1024;

/// A body that may still be arriving.
///
/// Dropping it closes the connection, unless what is left has arrived already.
pub(crate) struct Incoming {
    /// What was decoded and not handed out.
    ready: Option<Bytes>,
    /// What went wrong after `ready`.
    failed: Option<Error>,
    /// The connection the rest comes on.
    live: Option<Live>,
    /// In place of `live`: the stream of HTTP/2 the rest comes on.
    shared: Option<Box<h2::Body>>,
    deadline: Deadline,
    /// Pieces handed out since the last wait.
    pieces: usize,
    /// The fields after a chunked body.
    trailers: Option<Box<HeaderMap>>,
}

/// What it takes to go on.
struct Live {
    connection: Box<Connection>,
    decoder: BodyDecoder,
    /// Whether the connection goes back to the pool at the end, and for how long.
    reuse: Option<Reuse>,
}

/// That a connection may serve again once its body is at its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reuse {
    /// How long the server says it will wait.
    pub(crate) keep_alive: Option<Duration>,
    /// No body belongs to the response, whatever its head says.
    pub(crate) is_bodiless: bool,
}

impl Incoming {
    /// A body that [`begin`](Incoming::begin) is to receive, once it is where it stays.
    #[inline(always)]
    pub(crate) fn new(
        connection: Box<Connection>,
        decoder: BodyDecoder,
        reuse: Option<Reuse>,
        deadline: Deadline,
    ) -> Incoming {
        let live = Some(Live {
            connection,
            decoder,
            reuse,
        });
        Incoming {
            ready: None,
            failed: None,
            live,
            shared: None,
            deadline,
            pieces: 0,
            trailers: None,
        }
    }

    /// Begins to receive; a body that came whole with its head gives its connection back here.
    pub(crate) fn begin(&mut self, limits: &Timeout) {
        let now = self.deadline.look();
        self.deadline.begin(Phase::Read, limits.read);
        self.deadline.demand_speed(limits.min_speed);
        match self.decode(Some(now)) {
            Ok(piece) => self.ready = piece,
            Err(error) => self.fail(error),
        }
        if self.live.is_none() {
            self.deadline.watch.timings.end_with_head();
        }
    }

    /// Returns what is noted of the request.
    pub(crate) fn watch(&self) -> &Watch {
        &self.deadline.watch
    }

    /// No body.
    pub(crate) fn empty(deadline: Deadline) -> Incoming {
        Incoming {
            ready: None,
            failed: None,
            live: None,
            shared: None,
            deadline,
            pieces: 0,
            trailers: None,
        }
    }

    /// Begins to receive on a stream of HTTP/2; `None` when there is nothing to come.
    #[cfg_attr(
        not(feature = "http2"),
        expect(dead_code, reason = "only HTTP/2 has streams")
    )]
    pub(crate) fn shared(
        shared: Option<Box<h2::Body>>,
        mut deadline: Deadline,
        limits: &Timeout,
    ) -> Incoming {
        deadline.begin(Phase::Read, limits.read);
        deadline.demand_speed(limits.min_speed);
        if shared.is_none() {
            deadline.disarm();
            deadline.watch.timings.end_with_head();
        }
        let mut incoming = Incoming::empty(deadline);
        incoming.shared = shared;
        incoming
    }

    /// Whether all of it was handed out.
    pub(crate) fn is_over(&self) -> bool {
        let is_received = self.live.is_none() && self.shared.is_none();
        self.ready.is_none() && is_received && self.failed.is_none()
    }

    /// The fields after the body, once all of it was handed out.
    pub(crate) fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_deref().filter(|_| self.is_over())
    }

    /// Takes what has arrived and was not handed out.
    pub(crate) fn take_buffered(&mut self) -> Option<Bytes> {
        self.ready.take()
    }

    /// Takes back what is left of the last piece.
    pub(crate) fn put_back(&mut self, rest: Bytes) {
        debug_assert!(self.ready.is_none(), "only the last piece was handed out");
        self.ready = Some(rest);
        // A small buffer must not cost a turn of the loop every few bytes.
        self.pieces = self.pieces.saturating_sub(1);
    }

    /// Gives up the body; its connection goes back if what is left has come already.
    pub(crate) fn give_up(&mut self) {
        self.ready = None;
        self.failed = None;
        self.shared = None;
        self.deadline.disarm();
        if let Some(live) = self.live.take() {
            live.settle(None);
        }
    }

    /// Returns how long the whole request may still take.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        self.deadline.time_left()
    }

    /// Gives up the body and hands on the time limits.
    pub(crate) fn into_deadline(mut self) -> Deadline {
        if let Some(live) = self.live.take() {
            live.settle(None);
        }
        self.deadline.take()
    }

    pub(crate) fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Error>>> {
        if self.pieces >= MAX_PIECES_A_TURN {
            self.pieces = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.poll_ready(cx) {
            Poll::Ready(Ok(piece)) => {
                self.pieces += 1;
                if let Some(piece) = &piece {
                    let watch = &self.deadline.watch;
                    watch.tell(|trace, cx| trace.response_chunk_received(cx, piece.len()));
                }
                Poll::Ready(piece.map(Ok))
            }
            Poll::Ready(Err(error)) => {
                self.fail(error);
                Poll::Ready(self.failed.take().map(Err))
            }
            Poll::Pending => {
                self.pieces = 0;
                Poll::Pending
            }
        }
    }

    /// Reads bytes of a body of known length straight into `room`; `None` when the next bytes are
    /// there already, or do not lie next to each other, or are to be waited for as pieces.
    pub(crate) fn poll_direct(
        &mut self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<Option<Result<usize, Error>>> {
        if self.ready.is_some() || self.failed.is_some() || self.pieces >= MAX_PIECES_A_TURN {
            return Poll::Ready(None);
        }
        let Some(live) = &mut self.live else {
            return Poll::Ready(None);
        };
        let most = room.len().min(live.plain()).min(DIRECT_MOST);
        if most == 0 {
            return Poll::Ready(None);
        }
        let wire = &mut live.connection.wire;
        let result = match wire.transport.poll_read(cx, &mut room[..most]) {
            Poll::Ready(result) => result,
            Poll::Pending => {
                self.pieces = 0;
                let late = ready!(self.deadline.poll_on(cx, wire));
                self.fail(late);
                return Poll::Ready(self.failed.take().map(Err));
            }
        };
        let result = live.took(result, room);
        match result {
            Ok(n) => {
                self.pieces += 1 + n / DIRECT_READ;
                self.deadline.progress_by(n);
                let watch = &self.deadline.watch;
                watch.tell(|trace, cx| trace.response_chunk_received(cx, n));
                // What was the last of the body gives the connection back.
                match self.decode(None) {
                    Ok(piece) => debug_assert!(piece.is_none(), "nothing was buffered"),
                    Err(error) => self.fail(error),
                }
                Poll::Ready(Some(Ok(n)))
            }
            Err(error) => {
                self.fail(error);
                Poll::Ready(self.failed.take().map(Err))
            }
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        loop {
            if let Some(piece) = self.ready.take() {
                return Poll::Ready(Ok(Some(piece)));
            }
            if let Some(error) = self.failed.take() {
                return Poll::Ready(Err(error));
            }
            if let Some(piece) = self.decode(None)? {
                return Poll::Ready(Ok(Some(piece)));
            }
            if let Some(shared) = &mut self.shared {
                let Poll::Ready(piece) = shared.poll_piece(cx) else {
                    return self.deadline.poll(cx).map(Err);
                };
                self.ready = piece?;
                match &self.ready {
                    Some(piece) => self.deadline.progress_by(piece.len()),
                    None => {
                        self.deadline.disarm();
                        self.trailers = shared.take_trailers();
                        self.shared = None;
                    }
                }
                continue;
            }
            let Some(live) = &mut self.live else {
                self.deadline.watch.end();
                return Poll::Ready(Ok(None));
            };
            match live.poll_read(cx) {
                Poll::Ready((n, piece)) => {
                    self.deadline.progress_by(n);
                    self.ready = piece?;
                }
                Poll::Pending => {
                    let wire = &mut live.connection.wire;
                    return self.deadline.poll_on(cx, wire).map(Err);
                }
            }
        }
    }

    /// Decodes what is in the buffer; gives the connection away when that was the end.
    ///
    /// `now` is for who has just looked at the clock.
    fn decode(&mut self, now: Option<Instant>) -> Result<Option<Bytes>, Error> {
        let Some(live) = &mut self.live else {
            return Ok(None);
        };
        let piece = drain(&mut live.decoder, &mut live.connection.wire.input)?;
        if live.decoder.is_done()
            && let Some(mut live) = self.live.take()
        {
            self.trailers = live.decoder.take_trailers();
            self.deadline.disarm();
            live.settle(now);
        }
        Ok(piece)
    }

    /// Closes the connection and keeps the reason for the next poll.
    fn fail(&mut self, error: Error) {
        self.live = None;
        self.shared = None;
        self.deadline.disarm();
        self.failed = Some(error);
    }
}

impl Live {
    /// Reads once: straight into a piece where the body's bytes lie next to each other, else into
    /// the buffer. The end of the connection may be the end of the body.
    ///
    /// Returns how many bytes came, framing included, as well.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<(usize, Result<Option<Bytes>, Error>)> {
        let wire = &mut self.connection.wire;
        let direct = match &self.decoder {
            BodyDecoder::Length(left) => usize::try_from(*left).unwrap_or(usize::MAX),
            BodyDecoder::Eof => DIRECT_READ,
            BodyDecoder::Chunked(_) | BodyDecoder::Done => 0,
        };
        let read = if direct < READ_BUFFER {
            let before = wire.input.filled().len();
            let filled = ready!(wire.poll_fill(cx));
            filled.map(|_| (wire.input.filled().len() - before, None))
        } else {
            let mut piece = BytesMut::zeroed(direct.min(DIRECT_READ));
            ready!(wire.transport.poll_read(cx, &mut piece)).map(|n| {
                wire.traffic.received(n);
                piece.truncate(n);
                (n, Some(piece))
            })
        };
        Poll::Ready(match read {
            Ok((0, _)) => {
                let end = self.decoder.end();
                let end = end.map_err(|kind| Error::body(kind, None));
                (0, end.map(|()| None))
            }
            Ok((n, piece)) => (n, Ok(piece.map(|piece| self.own(piece)))),
            Err(error) => {
                let source = Some(error.into());
                (0, Err(Error::body(BodyErrorKind::Truncated, source)))
            }
        })
    }

    /// How many bytes, not yet received, are the body and nothing else.
    fn plain(&self) -> usize {
        match self.decoder {
            BodyDecoder::Length(left) if self.connection.wire.input.is_empty() => {
                usize::try_from(left).unwrap_or(usize::MAX)
            }
            _ => 0,
        }
    }

    /// Counts what was read directly into `room`.
    fn took(&mut self, read: io::Result<usize>, room: &[u8]) -> Result<usize, Error> {
        match read {
            Ok(0) => {
                let end = self.decoder.end().err().unwrap_or(BodyErrorKind::Truncated);
                Err(Error::body(end, None))
            }
            Ok(n) => {
                self.connection.wire.traffic.received(n);
                let counted = self.decoder.decode(&room[..n]);
                debug_assert!(counted.is_ok_and(|found| found.data == n));
                Ok(n)
            }
            Err(error) => Err(Error::body(BodyErrorKind::Truncated, Some(error.into()))),
        }
    }

    /// Counts a piece that was read directly.
    fn own(&mut self, piece: BytesMut) -> Bytes {
        let counted = self.decoder.decode(&piece);
        debug_assert!(counted.is_ok_and(|found| found.data == piece.len()));
        // A short piece must not keep a long allocation alive.
        if piece.len() < DIRECT_READ / 2 {
            Bytes::copy_from_slice(&piece)
        } else {
            piece.freeze()
        }
    }

    /// Gives the connection back if its body is at the end and nothing speaks against it.
    fn settle(mut self, now: Option<Instant>) {
        if !self.decoder.is_done()
            && drain(&mut self.decoder, &mut self.connection.wire.input).is_err()
        {
            return;
        }
        if self.decoder.is_done()
            && let Some(reuse) = self.reuse
        {
            let Reuse {
                keep_alive,
                is_bodiless,
            } = reuse;
            self.connection.put_back(keep_alive, is_bodiless, now);
        }
    }
}

/// Decodes all that is in `input`, as one piece: a slice of the buffer where the body's bytes lie
/// next to each other, and a copy where framing is between them.
fn drain(decoder: &mut BodyDecoder, input: &mut ReadBuffer) -> Result<Option<Bytes>, Reject> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    loop {
        let piece = decoder.decode(input.filled())?;
        if piece.skip > 0 {
            input.consume(piece.skip);
        }
        if piece.data == 0 {
            let whole = if whole.is_empty() {
                first
            } else {
                whole.freeze()
            };
            return Ok((!whole.is_empty()).then_some(whole));
        }
        let data = input.take(piece.data);
        if first.is_empty() {
            if decoder.is_done() {
                return Ok(Some(data));
            }
            first = data;
            continue;
        }
        if whole.is_empty() {
            // Framing included, this is more than the data, and at most one buffer.
            whole.reserve(first.len() + data.len() + input.filled().len());
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&data);
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(live) = self.live.take() {
            live.settle(None);
        }
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("over", &self.is_over())
            .finish_non_exhaustive()
    }
}
