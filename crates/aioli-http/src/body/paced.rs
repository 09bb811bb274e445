//! A body that is given no faster than is asked for.

use std::future::Future as _;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use aioli_time::{Sleep, sleep_until};
use bytes::Bytes;
use http::HeaderMap;

use super::concat::Concat;
use super::{Body, BoxPieces, Pieces, Source};
use crate::error::BoxError;

/// The largest piece, so that a slow body goes on all the time and not in bursts.
const PIECE_MAX: usize = 64 * 1024;
/// How often a second there is a piece, if they need not be smaller than a byte.
const PIECES_A_SECOND: u64 = 10;

impl Body {
    /// Gives the body no faster than at so many bytes a second, on average since it began.
    ///
    /// See [`RequestBuilder::limit_rate`](crate::RequestBuilder::limit_rate) for one of any kind.
    /// The server's own pace, and what waits in the system's buffers, are not part of that.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::num::NonZeroU64;
    ///
    /// use aioli_http::{Body, Session};
    ///
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("hello");
    /// let rate = NonZeroU64::new(100_000).unwrap();
    /// let backup = Body::from("bytes, a file or a stream").limit_rate(rate);
    /// Session::new().put(url).body(backup).await?;
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "curl.limit-rate")]
    pub fn limit_rate(self, bytes_per_second: NonZeroU64) -> Body {
        let length = self.0.length();
        let body: BoxPieces = match self.0 {
            Source::Empty => return self,
            Source::Stream { stream, .. } => stream,
            whole => Box::pin(Concat::new(vec![whole])),
        };
        let paced = Paced {
            body,
            rate: bytes_per_second,
            rest: Bytes::new(),
            began: None,
            given: 0,
            wait: None,
        };
        Body(Source::stream(length, paced))
    }
}

struct Paced {
    body: BoxPieces,
    rate: NonZeroU64,
    /// What was taken from the body and not given.
    rest: Bytes,
    /// When the first piece was given.
    began: Option<Instant>,
    given: u64,
    /// Until the next piece may be given.
    wait: Option<Sleep>,
}

impl Paced {
    /// Bytes of one piece.
    fn step(&self) -> usize {
        let step = (self.rate.get() / PIECES_A_SECOND).max(1);
        usize::try_from(step).unwrap_or(PIECE_MAX).min(PIECE_MAX)
    }

    /// How long giving what was given has to take.
    fn due(&self) -> Duration {
        let rate = u128::from(self.rate.get());
        let nanos = u128::from(self.given) * 1_000_000_000 / rate;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl Pieces for Paced {
    fn poll_piece(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>> {
        let this = &mut *self;
        if let Some(wait) = &mut this.wait {
            ready!(Pin::new(wait).poll(cx));
            this.wait = None;
        }
        if this.rest.is_empty() {
            match ready!(this.body.as_mut().poll_piece(cx)) {
                Some(Ok(piece)) => this.rest = piece,
                end => return Poll::Ready(end),
            }
        }
        let n = this.step().min(this.rest.len());
        let piece = this.rest.split_to(n);
        this.given += n as u64;
        let began = *this.began.get_or_insert_with(aioli_task::now);
        // A moment that cannot be represented is never.
        this.wait = match began.checked_add(this.due()) {
            Some(at) => Some(sleep_until(at)),
            None => Some(aioli_time::sleep(Duration::MAX)),
        };
        Poll::Ready(Some(Ok(piece)))
    }

    fn can_rewind(&self) -> bool {
        self.body.can_rewind()
    }

    fn rewind(mut self: Pin<&mut Self>) {
        self.body.as_mut().rewind();
        self.rest = Bytes::new();
        // The pace goes on: what was sent in vain was sent as well.
    }

    fn trailers(mut self: Pin<&mut Self>) -> Option<HeaderMap> {
        self.body.as_mut().trailers()
    }
}
