//! Files as bodies.

use std::future::Future as _;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use aioli_fs::{File, Operation};
use bytes::{Bytes, BytesMut};
use futures_io::AsyncRead as _;

use super::{Body, Pieces, Source};
use crate::error::BoxError;

/// What is read at once.
const PIECE: usize = 64 * 1024;

impl Body {
    /// The contents of a file, read while they are sent.
    ///
    /// A regular file is sent with the length it has now, and opened anew whenever the body has to
    /// be sent from its beginning. What is appended meanwhile is not sent; when it has become
    /// shorter the request fails. Other files (a pipe, a device) are sent in chunks, once.
    ///
    /// # Cancel safety
    ///
    /// Nothing is left behind.
    ///
    /// # Errors
    ///
    /// When there is no such file, or it is a folder. That it cannot be opened or read is told by
    /// the request.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Body, Session};
    ///
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("hello");
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("picture.png");
    /// # aioli_fs::write(&path, "not really").await?;
    /// Session::new().put(url).body(Body::file(path).await?).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientSession.request.data.file")]
    pub async fn file(path: impl AsRef<Path>) -> io::Result<Body> {
        let path: Arc<Path> = path.as_ref().into();
        let metadata = aioli_fs::metadata(&path).await?;
        if metadata.is_dir() {
            let text = format!("{path:?} is a folder");
            return Err(io::Error::new(io::ErrorKind::IsADirectory, text));
        }
        let length = metadata.is_file().then_some(metadata.len());
        let pieces = FilePieces {
            path,
            length,
            state: State::Closed,
        };
        Ok(Body(Source::stream(length, pieces)))
    }
}

struct FilePieces {
    path: Arc<Path>,
    /// None when it can be read only once.
    length: Option<u64>,
    state: State,
}

enum State {
    /// Before the first poll.
    Closed,
    Opening(Operation<File>),
    Open {
        file: File,
        /// What is still to be sent.
        left: u64,
        buffer: BytesMut,
    },
    /// Read to the end, or failed.
    Over,
}

impl Pieces for FilePieces {
    fn poll_piece(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>> {
        let polled = ready!(self.poll(cx));
        if !matches!(polled, Ok(Some(_))) {
            self.state = State::Over;
        }
        Poll::Ready(polled.transpose())
    }

    fn can_rewind(&self) -> bool {
        self.length.is_some()
    }

    fn rewind(mut self: Pin<&mut Self>) {
        self.state = State::Closed;
    }
}

impl FilePieces {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BoxError>> {
        loop {
            match &mut self.state {
                State::Closed => self.state = State::Opening(aioli_fs::open(&self.path)),
                State::Opening(opening) => {
                    let file = ready!(Pin::new(opening).poll(cx))?;
                    self.state = State::Open {
                        file,
                        left: self.length.unwrap_or(u64::MAX),
                        buffer: BytesMut::new(),
                    };
                }
                State::Open { left: 0, .. } | State::Over => return Poll::Ready(Ok(None)),
                State::Open { file, left, buffer } => {
                    let wanted = usize::try_from(*left).unwrap_or(PIECE).min(PIECE);
                    // A read that was interrupted by `Pending` goes on with the same length.
                    buffer.resize(wanted, 0);
                    let n = ready!(Pin::new(file).poll_read(cx, buffer))?;
                    *left -= n as u64;
                    let mut piece = buffer.split();
                    piece.truncate(n);
                    return Poll::Ready(Ok((n > 0).then(|| piece.freeze())));
                }
            }
        }
    }
}
