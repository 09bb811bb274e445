//! Files and the standard input as bodies, read piece by piece while they are sent.

use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aioli::http::{Body, Bytes};
use aioli::prelude::*;
use futures_core::Stream;
use futures_io::AsyncRead;

/// How much is read at once.
pub(super) const STEP: usize = 64 * 1024;

/// A body out of a file; `-` is the standard input.
///
/// # Errors
///
/// When the file cannot be opened.
pub(super) async fn upload(path: &Path) -> Result<Body> {
    if path == Path::new("-") {
        return Ok(Body::stream(Pieces(fs::stdin())));
    }
    Ok(Body::file(path).await?)
}

/// Reads up to the end, if that comes before `most` bytes have.
///
/// # Errors
///
/// When there are more, or when reading fails.
pub(super) async fn all_of(mut from: impl AsyncRead + Unpin, most: usize) -> Result<Vec<u8>> {
    let (mut all, mut piece) = (Vec::new(), vec![0; STEP]);
    loop {
        match poll_fn(|cx| Pin::new(&mut from).poll_read(cx, &mut piece)).await? {
            0 => return Ok(all),
            n => all.extend_from_slice(&piece[..n]),
        }
        ensure!(
            all.len() <= most,
            "too long: no more than {most} bytes are read"
        );
    }
}

/// What a reader gives, in pieces.
struct Pieces<R>(R);

impl<R: AsyncRead + Unpin> Stream for Pieces<R> {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut piece = vec![0; STEP];
        let n = match ready!(Pin::new(&mut self.0).poll_read(cx, &mut piece)) {
            Ok(0) => return Poll::Ready(None),
            Ok(n) => n,
            Err(error) => return Poll::Ready(Some(Err(error))),
        };
        piece.truncate(n);
        Poll::Ready(Some(Ok(piece.into())))
    }
}
