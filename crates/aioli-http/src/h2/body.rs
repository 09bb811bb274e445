//! The body of a response on a stream, whose window opens as it is read.

use std::fmt;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use http::HeaderMap;

use super::connection::Place;
use super::error::body_error;
use crate::error::Error;

/// A body that is arriving. Dropping it resets its stream, and nothing else.
pub(crate) struct Body {
    stream: RecvStream,
    trailers: Option<Box<HeaderMap>>,
    place: Place,
}

impl Body {
    pub(super) fn new(stream: RecvStream, place: Place) -> Body {
        Body {
            stream,
            trailers: None,
            place,
        }
    }

    /// Whether its end has come already.
    pub(crate) fn is_over(&self) -> bool {
        self.stream.is_end_stream()
    }

    /// The trailers, once the body is at its end.
    pub(crate) fn take_trailers(&mut self) -> Option<Box<HeaderMap>> {
        self.trailers.take()
    }

    /// The next piece, which is not empty; `None` at the end.
    pub(crate) fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, Error>> {
        loop {
            let Some(piece) = ready!(self.stream.poll_data(cx)) else {
                let trailers = ready!(self.stream.poll_trailers(cx)).map_err(body_error)?;
                self.trailers = trailers.map(Box::new);
                return Poll::Ready(Ok(None));
            };
            let piece = piece.map_err(body_error)?;
            // What is handed out is bounded by who reads it; the window is for what waits here.
            let released = self.stream.flow_control().release_capacity(piece.len());
            released.map_err(body_error)?;
            self.place.count_taken(piece.len());
            if !piece.is_empty() {
                return Poll::Ready(Ok(Some(piece)));
            }
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("over", &self.is_over())
            .finish_non_exhaustive()
    }
}
