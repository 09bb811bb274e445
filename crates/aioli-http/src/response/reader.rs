//! A body read like a file: into the caller's memory, or through the traits of `futures-io`.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use futures_io::{AsyncBufRead, AsyncRead};

use super::Response;
use crate::error::Result;

impl Response {
    /// Waits for more of the body and reads as much of it as there is into `buf`; 0 is its end,
    /// unless `buf` is empty.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: the next call goes on where this one was.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Response::chunk).
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("hello");
    /// let mut response = aioli_http::get(url).await?;
    /// let mut buf = [0; 3];
    /// assert_eq!(response.read(&mut buf).await?, 3);
    /// assert_eq!(&buf, b"hel");
    /// assert_eq!(response.chunk().await?.unwrap(), "lo");
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.StreamReader.read")]
    pub async fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        poll_fn(|cx| self.poll_read(cx, buf)).await
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if let Some(decoding) = &mut self.inner.decoding {
            let polled = decoding.poll_read(&mut self.inner.body, cx, buf);
            return polled.map_err(|error| self.inner.head.in_context(error));
        }
        let Some(mut piece) = ready!(self.poll_piece(cx)).transpose()? else {
            return Poll::Ready(Ok(0));
        };
        let n = piece.len().min(buf.len());
        piece.copy_to_slice(&mut buf[..n]);
        if !piece.is_empty() {
            self.inner.body.put_back(piece);
        }
        Poll::Ready(Ok(n))
    }

    /// Turns the response into a reader of its body, for everything that takes one: lines by
    /// `futures`, copying into a file, [`StreamReader`](aioli_net::StreamReader).
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_net::StreamReader;
    ///
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("first\nsecond\n");
    /// let response = aioli_http::get(url).await?;
    /// let mut lines = StreamReader::new(response.into_reader());
    /// assert_eq!(lines.readline().await?, b"first\n");
    /// assert_eq!(lines.readexactly(3).await?, b"sec");
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientResponse.content")]
    #[doc(alias = "aiohttp.StreamReader")]
    pub fn into_reader(self) -> BodyReader {
        BodyReader {
            response: self,
            piece: Bytes::new(),
        }
    }
}

/// The body of a response as a reader, from [`Response::into_reader`].
///
/// Its errors hold the [`Error`](crate::Error) that [`Response::chunk`] would return.
#[derive(Debug)]
#[must_use = "readers do nothing unless polled"]
pub struct BodyReader {
    response: Response,
    /// What `poll_fill_buf` has shown and nobody has consumed.
    piece: Bytes,
}

impl BodyReader {
    /// Returns the response the body belongs to.
    pub fn response(&self) -> &Response {
        &self.response
    }
}

impl AsyncRead for BodyReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.piece.is_empty() {
            return self.response.poll_read(cx, buf).map_err(io::Error::from);
        }
        let n = self.piece.len().min(buf.len());
        self.piece.copy_to_slice(&mut buf[..n]);
        Poll::Ready(Ok(n))
    }
}

impl AsyncBufRead for BodyReader {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let BodyReader { response, piece } = self.get_mut();
        if piece.is_empty()
            && let Some(next) = ready!(response.poll_piece(cx)).transpose()?
        {
            *piece = next;
        }
        Poll::Ready(Ok(piece))
    }

    fn consume(mut self: Pin<&mut Self>, n: usize) {
        self.piece.advance(n);
    }
}
