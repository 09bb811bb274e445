//! The body of a request: nothing, bytes, or a stream of pieces.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;

use crate::error::BoxError;

/// What a request carries.
///
/// Made by `From` out of bytes and strings, and from a [`Stream`] of pieces by
/// [`stream`](Body::stream) and [`sized_stream`](Body::sized_stream). Bytes can be sent again,
/// after a redirect or on a fresh connection; a stream that has begun cannot.
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
        stream: Pin<Box<dyn Pieces + Send>>,
        length: Option<u64>,
        /// Whether a piece was asked for: then it cannot be sent from its beginning again.
        touched: bool,
    },
}

/// Any stream of pieces, behind one pointer.
pub(crate) trait Pieces {
    fn poll_piece(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>>;
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
        Body(Source::Stream {
            stream: Box::pin(stream),
            length: None,
            touched: false,
        })
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
        Body(Source::Stream {
            stream: Box::pin(stream),
            length: Some(length),
            touched: false,
        })
    }
}

impl Source {
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
        !matches!(self, Source::Stream { touched: true, .. })
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

/// Copies the text.
impl From<&str> for Body {
    fn from(text: &str) -> Body {
        Bytes::copy_from_slice(text.as_bytes()).into()
    }
}

/// Copies the bytes.
impl From<&[u8]> for Body {
    fn from(bytes: &[u8]) -> Body {
        Bytes::copy_from_slice(bytes).into()
    }
}

/// Copies the bytes.
impl<const N: usize> From<&[u8; N]> for Body {
    fn from(bytes: &[u8; N]) -> Body {
        Bytes::copy_from_slice(bytes).into()
    }
}
