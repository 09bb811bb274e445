//! tokio's traits, by those of `futures-io`.

use crate::{BufReader, BufWriter, File, Stdin, Stdout};
use std::{
    io::{self, IoSlice, SeekFrom},
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

macro_rules! reads {
    ($($t:ty),*) => { $(
        impl AsyncRead for $t {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                let unfilled = buf.initialize_unfilled();
                let n = ready!(futures_io::AsyncRead::poll_read(self, cx, unfilled))?;
                buf.advance(n);
                Poll::Ready(Ok(()))
            }
        }
    )* };
}

macro_rules! reads_buffered {
    ($($t:ty),*) => { $(
        impl AsyncBufRead for $t {
            fn poll_fill_buf(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<io::Result<&[u8]>> {
                futures_io::AsyncBufRead::poll_fill_buf(self, cx)
            }

            fn consume(self: Pin<&mut Self>, n: usize) {
                futures_io::AsyncBufRead::consume(self, n);
            }
        }
    )* };
}

macro_rules! writes {
    ($($t:ty, $vectored:literal;)*) => { $(
        impl AsyncWrite for $t {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                futures_io::AsyncWrite::poll_write(self, cx, buf)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                futures_io::AsyncWrite::poll_write_vectored(self, cx, bufs)
            }

            fn is_write_vectored(&self) -> bool {
                $vectored
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                futures_io::AsyncWrite::poll_flush(self, cx)
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                futures_io::AsyncWrite::poll_close(self, cx)
            }
        }
    )* };
}

reads!(File, BufReader, Stdin);
reads_buffered!(BufReader, Stdin);
writes!(File, true; BufWriter, false; Stdout, false;);

/// A seek takes two calls here; what it fails with is told by the second.
impl AsyncSeek for File {
    fn start_seek(mut self: Pin<&mut Self>, to: SeekFrom) -> io::Result<()> {
        self.to_seek = Some(to);
        Ok(())
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let to = self.to_seek.unwrap_or(SeekFrom::Current(0));
        let at = ready!(futures_io::AsyncSeek::poll_seek(self.as_mut(), cx, to));
        self.to_seek = None;
        Poll::Ready(at)
    }
}
