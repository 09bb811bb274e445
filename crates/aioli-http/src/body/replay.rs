//! Streams that can be made again.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;

use super::{Body, BoxPieces, Pieces, Source};
use crate::error::BoxError;

impl Body {
    /// A body of pieces of unknown total length, sent in chunks, from a function that makes the
    /// stream: once, and again whenever the body has to be sent from its beginning.
    ///
    /// Each stream must give the same bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Body, Session};
    /// use futures::stream;
    ///
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("hello");
    /// let lines = || stream::iter((0..1000).map(|n| Ok::<_, std::io::Error>(format!("{n}\n"))));
    /// Session::new().put(url).body(Body::replayable(lines)).await?;
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    pub fn replayable<F, S, B, E>(make: F) -> Body
    where
        F: FnMut() -> S + Send + 'static,
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: Into<Bytes>,
        E: Into<BoxError>,
    {
        Body(Source::stream(None, Replay::new(make)))
    }

    /// As [`replayable`](Body::replayable), for exactly `length` bytes, sent with
    /// `content-length`.
    ///
    /// The request fails, and its connection is closed, when a stream turns out to be shorter
    /// or longer.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::Body;
    /// use futures::stream;
    ///
    /// let words = || stream::iter(["hel", "lo"].map(Ok::<_, std::io::Error>));
    /// let body = Body::sized_replayable(5, words);
    /// # let _ = body;
    /// ```
    pub fn sized_replayable<F, S, B, E>(length: u64, make: F) -> Body
    where
        F: FnMut() -> S + Send + 'static,
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: Into<Bytes>,
        E: Into<BoxError>,
    {
        Body(Source::stream(Some(length), Replay::new(make)))
    }
}

/// The current stream, and the way to the next one.
struct Replay {
    make: Box<dyn FnMut() -> BoxPieces + Send>,
    /// Made by the first poll.
    stream: Option<BoxPieces>,
}

impl Replay {
    fn new<F, S>(mut make: F) -> Replay
    where
        F: FnMut() -> S + Send + 'static,
        S: Pieces + Send + 'static,
    {
        Replay {
            make: Box::new(move || Box::pin(make())),
            stream: None,
        }
    }
}

impl Pieces for Replay {
    fn poll_piece(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>> {
        let Replay { make, stream } = &mut *self;
        stream.get_or_insert_with(make).as_mut().poll_piece(cx)
    }

    fn can_rewind(&self) -> bool {
        true
    }

    fn rewind(mut self: Pin<&mut Self>) {
        self.stream = None;
    }
}
