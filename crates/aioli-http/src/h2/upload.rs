//! Sending a request body as the server's windows allow.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::SendStream;
use http::HeaderMap;

use super::error::Failure;
use crate::body::Source;
use crate::error::BodyErrorKind;
use crate::h1::trailers::is_allowed;

/// What one poll sends before others get their turn.
const MAX_SENT_A_POLL: usize = 256 * 1024;
/// The most that is asked of a window at once.
const STEP: usize = 64 * 1024;

/// A body on its way out.
pub(super) struct Upload<'a> {
    source: &'a mut Source,
    /// What was taken from the source and not sent.
    rest: Bytes,
    /// What the head has announced and was not taken yet.
    left: Option<u64>,
    /// There is no more to take.
    taken: bool,
    /// Bytes handed to the connection.
    pub(super) sent: u64,
}

impl<'a> Upload<'a> {
    pub(super) fn new(source: &'a mut Source) -> Upload<'a> {
        let left = source.length();
        let (rest, taken) = match source {
            Source::Empty => (Bytes::new(), true),
            Source::Bytes(bytes) => (bytes.clone(), true),
            Source::Stream { .. } => (Bytes::new(), false),
        };
        Upload {
            source,
            rest,
            left,
            taken,
            sent: 0,
        }
    }

    /// Whether there is nothing to be sent after the head.
    pub(super) fn is_empty(&self) -> bool {
        self.taken && self.rest.is_empty()
    }

    /// Whether something is there that was not sent.
    pub(super) fn has_more(&self) -> bool {
        !self.rest.is_empty()
    }

    /// Sends until the end; ready when the connection has taken all of it.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut SendStream<Bytes>,
    ) -> Poll<Result<(), Failure>> {
        let bound = self.sent + MAX_SENT_A_POLL as u64;
        loop {
            if self.rest.is_empty() {
                ready!(self.poll_take(cx))?;
            }
            if self.rest.is_empty() {
                let ended = match self.trailers() {
                    Some(fields) => stream.send_trailers(fields),
                    None => stream.send_data(Bytes::new(), true),
                };
                return Poll::Ready(ended.map_err(Failure::H2));
            }
            if self.sent >= bound {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            stream.reserve_capacity(self.rest.len().min(STEP));
            let room = match stream.capacity() {
                0 => match ready!(stream.poll_capacity(cx)) {
                    Some(room) => room.map_err(Failure::H2)?,
                    // The server wants no more of it; its response is what counts.
                    None => return Poll::Pending,
                },
                room => room,
            };
            let piece = self.rest.split_to(room.min(self.rest.len()));
            self.sent += piece.len() as u64;
            let is_last = self.taken && self.rest.is_empty();
            stream.send_data(piece, is_last).map_err(Failure::H2)?;
            if is_last {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// The fields behind the body, without those that may stand in front of one only.
    fn trailers(&mut self) -> Option<HeaderMap> {
        let Source::Stream { stream, .. } = self.source else {
            return None;
        };
        let fields = stream.as_mut().trailers()?;
        let allowed = fields.iter().filter(|(name, _)| is_allowed(name));
        let allowed: HeaderMap = allowed
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        (!allowed.is_empty()).then_some(allowed)
    }

    /// Takes the next piece that is not empty, and keeps the announced length.
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        while !self.taken && self.rest.is_empty() {
            let Source::Stream {
                stream, touched, ..
            } = self.source
            else {
                unreachable!("only streams are taken from")
            };
            *touched = true;
            let fail = |kind| Failure::Body(kind, None);
            match ready!(stream.as_mut().poll_piece(cx)) {
                Some(Ok(piece)) => {
                    if let Some(left) = &mut self.left {
                        *left = left
                            .checked_sub(piece.len() as u64)
                            .ok_or_else(|| fail(BodyErrorKind::TooLong))?;
                    }
                    self.rest = piece;
                }
                Some(Err(error)) => {
                    return Poll::Ready(Err(Failure::Body(BodyErrorKind::Stream, Some(error))));
                }
                None if self.left.is_some_and(|left| left > 0) => {
                    return Poll::Ready(Err(fail(BodyErrorKind::TooShort)));
                }
                None => self.taken = true,
            }
        }
        Poll::Ready(Ok(()))
    }
}
