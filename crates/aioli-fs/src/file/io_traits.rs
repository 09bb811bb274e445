//! The `futures-io` traits for [`File`], so that generic code can use it.

use super::{CHUNK, File};
use futures_io::{AsyncRead, AsyncSeek, AsyncWrite};
use std::{
    io::{self, IoSlice, IoSliceMut, SeekFrom},
    pin::Pin,
    task::{Context, Poll},
};

impl AsyncRead for File {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.cursor.poll_read(cx, buf).map_err(io::Error::from)
    }

    fn poll_read_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let n = self.cursor.poll_read_vectored(cx, bufs);
        n.map_err(io::Error::from)
    }
}

/// `poll_close` waits for what is in flight and reports its failure. The descriptor itself is
/// closed by [`File::close`] or by dropping the file.
impl AsyncWrite for File {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.cursor.poll_write(cx, buf).map_err(io::Error::from)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let data = super::gathered(bufs, CHUNK);
        self.cursor.poll_write(cx, &data).map_err(io::Error::from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.cursor.poll_ready(cx).map_err(io::Error::from)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.cursor.poll_ready(cx).map_err(io::Error::from)
    }
}

impl AsyncSeek for File {
    fn poll_seek(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: SeekFrom,
    ) -> Poll<io::Result<u64>> {
        self.cursor.poll_seek(cx, to).map_err(io::Error::from)
    }
}
