//! The body of a request: nothing, bytes, a stream of pieces, a file, or several of them in a row.
//!
//! A request may have to be sent again: a pooled connection was stale, a redirect keeps the method,
//! a server wants credentials, a retry. So a body knows whether it can be given from its beginning
//! once more: bytes and files can, and streams of which there is a way to make another one.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use http::HeaderMap;

use crate::error::BoxError;

pub(crate) mod concat;
mod file;
mod paced;
mod replay;
mod trailers;

/// What a request carries.
///
/// Made by `From` out of bytes and strings, out of a [`file`](Body::file), and from a [`Stream`]
/// of pieces. Bytes that are given away (`Vec<u8>`, `String`, [`Bytes`]) or that stay for ever
/// ([`from_static`](Body::from_static)) are sent from where they lie; slices are copied, as they
/// need not live as long as the request. What can be sent again is sent again where it must be:
/// after a redirect that keeps the method, on a fresh connection when a pooled one was stale, with
/// credentials that were asked for. A plain stream that has begun cannot;
/// [`replayable`](Body::replayable) ones can.
///
/// # Examples
///
/// ```
/// use aioli_http::Body;
/// use futures::stream;
///
/// let bytes = Body::from("hello");
/// let pieces = stream::iter(["hel", "lo"].map(Ok::<_, std::io::Error>));
/// let stream = Body::stream(pieces); // sent in chunks
/// # let _ = (bytes, stream);
/// ```
#[doc(alias = "aiohttp.Payload")]
#[must_use]
pub struct Body(pub(crate) Source);

/// The representations of a body.
pub(crate) enum Source {
    Empty,
    Bytes(Bytes),
    Stream {
        stream: BoxPieces,
        length: Option<u64>,
        /// Whether a piece was asked for: then it cannot be sent from its beginning again.
        touched: bool,
    },
}

/// Pieces behind one pointer.
pub(crate) type BoxPieces = Pin<Box<dyn Pieces + Send>>;

/// Any stream of pieces.
pub(crate) trait Pieces {
    fn poll_piece(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>>;

    /// Whether it can be given from its beginning again.
    fn can_rewind(&self) -> bool {
        false
    }

    /// Goes back to the beginning; only if [`can_rewind`](Pieces::can_rewind).
    fn rewind(self: Pin<&mut Self>) {}

    /// The fields after the last piece, which was taken.
    fn trailers(self: Pin<&mut Self>) -> Option<HeaderMap> {
        None
    }
}

impl<S, B, E> Pieces for S
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
    E: Into<BoxError>,
{
    fn poll_piece(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>> {
        self.poll_next(cx)
            .map(|item| Some(item?.map(Into::into).map_err(Into::into)))
    }
}

impl Body {
    /// A body of bytes that are part of the program, sent from where they lie.
    ///
    /// `From` of a slice copies it, however long it lives.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Body, Session};
    ///
    /// static PICTURE: &[u8] = b"as from include_bytes!";
    ///
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("hello");
    /// Session::new().put(url).body(Body::from_static(PICTURE)).await?;
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    pub const fn from_static(bytes: &'static [u8]) -> Body {
        Body(Source::Bytes(Bytes::from_static(bytes)))
    }

    /// A body of pieces of unknown total length, sent in chunks.
    ///
    /// The stream is polled by the request's own future, whenever the connection takes more.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Body, Session};
    /// use futures::stream;
    ///
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("hello");
    /// let lines = stream::iter((0..1000).map(|n| Ok::<_, std::io::Error>(format!("{n}\n"))));
    /// Session::new().put(url).body(Body::stream(lines)).await?;
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    pub fn stream<S, B, E>(stream: S) -> Body
    where
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: Into<Bytes>,
        E: Into<BoxError>,
    {
        Body(Source::stream(None, stream))
    }

    /// A body of pieces that make up exactly `length` bytes, sent with `content-length`.
    ///
    /// The request fails, and its connection is closed, when the stream turns out to be shorter
    /// or longer.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::Body;
    /// use futures::stream;
    ///
    /// let body = Body::sized_stream(5, stream::iter(["hel", "lo"].map(Ok::<_, std::io::Error>)));
    /// # let _ = body;
    /// ```
    pub fn sized_stream<S, B, E>(length: u64, stream: S) -> Body
    where
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: Into<Bytes>,
        E: Into<BoxError>,
    {
        Body(Source::stream(Some(length), stream))
    }
}

impl Source {
    pub(crate) fn stream(length: Option<u64>, stream: impl Pieces + Send + 'static) -> Source {
        Source::Stream {
            stream: Box::pin(stream),
            length,
            touched: false,
        }
    }

    /// The length, if it is known beforehand.
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Source::Empty => Some(0),
            Source::Bytes(bytes) => Some(bytes.len() as u64),
            Source::Stream { length, .. } => *length,
        }
    }

    /// Returns the bytes, if it is made of them.
    pub(crate) fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Source::Empty => Some(b""),
            Source::Bytes(bytes) => Some(bytes),
            Source::Stream { .. } => None,
        }
    }

    /// Copies it, if it can be sent twice.
    pub(crate) fn try_clone(&self) -> Option<Source> {
        match self {
            Source::Empty => Some(Source::Empty),
            Source::Bytes(bytes) => Some(Source::Bytes(bytes.clone())),
            Source::Stream { .. } => None,
        }
    }

    /// Whether it can be sent from its beginning (again).
    pub(crate) fn is_whole(&self) -> bool {
        match self {
            Source::Stream {
                stream, touched, ..
            } => !touched || stream.can_rewind(),
            Source::Empty | Source::Bytes(_) => true,
        }
    }

    /// Goes back to the beginning, if it has left it and can.
    pub(crate) fn rewind(&mut self) {
        if let Source::Stream {
            stream, touched, ..
        } = self
            && *touched
            && stream.can_rewind()
        {
            stream.as_mut().rewind();
            *touched = false;
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Shows sizes and never contents: bodies carry secrets.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Empty => f.write_str("Empty"),
            Source::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Source::Stream { length, .. } => write!(f, "Stream({length:?})"),
        }
    }
}

impl Default for Body {
    /// No body.
    fn default() -> Body {
        Body(Source::Empty)
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Body {
        Body(Source::Bytes(bytes))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Body {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Body {
        Bytes::from(text).into()
    }
}

/// Copies the text; [`Body::from_static`] does not.
impl From<&str> for Body {
    fn from(text: &str) -> Body {
        Bytes::copy_from_slice(text.as_bytes()).into()
    }
}

/// Copies the bytes; [`Body::from_static`] does not.
impl From<&[u8]> for Body {
    fn from(bytes: &[u8]) -> Body {
        Bytes::copy_from_slice(bytes).into()
    }
}

/// Copies the bytes; [`Body::from_static`] does not.
impl<const N: usize> From<&[u8; N]> for Body {
    fn from(bytes: &[u8; N]) -> Body {
        Bytes::copy_from_slice(bytes).into()
    }
}
