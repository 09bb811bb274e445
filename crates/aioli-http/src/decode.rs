//! Content codings: a response's body is decoded on its way to the caller, piece by piece.
//!
//! ```text
//!  Incoming ──pieces──▶ chain: gzip, deflate, br, zstd (at most three) ──≤ 64 KiB──▶ caller
//! ```
//!
//! A layer over [`Incoming`], which knows nothing of it; a response without `content-encoding`
//! has no such layer. Nothing is decoded before the caller asks for the body, so what a redirect
//! or a challenge carries never is. The memory is bounded whatever the peer sends: an input piece,
//! one buffer a coding, and the window of each coding (32 KiB, 16 MiB for `br`, and for `zstd` what
//! [`Limits`](crate::Limits) allows). Doubt is an error: a body that ends too early, goes on after
//! its end, or fails its checksum.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};

use crate::error::{BodyErrorKind, Coding, Error, Exceeded, LimitKind};
use crate::h1::trim_ows;
use crate::response::incoming::Incoming;

mod chain;
#[cfg(feature = "compression")]
mod coder;
#[cfg(not(feature = "compression"))]
#[path = "decode/no_coder.rs"]
mod coder;
#[cfg(all(any(test, fuzzing), feature = "compression"))]
pub(crate) mod fuzz;
mod step;

use chain::{Chain, Pull};
use step::Fault;

/// Whether any coding is compiled in.
pub(crate) const AVAILABLE: bool = cfg!(feature = "compression");
/// What is asked for unless the caller asks for something else.
pub(crate) static ACCEPTED: HeaderValue = HeaderValue::from_static("gzip, deflate, br, zstd");

/// The largest piece that is handed out.
const MAX_PIECE: usize = 64 * 1024;
/// The first piece of a body, whose size nobody knows.
const FIRST_PIECE: usize = 8 * 1024;
/// By how much a buffered body grows at most: memory follows what has come.
const MAX_GROWTH: usize = 1024 * 1024;
/// What is decoded for one task before others get their turn.
const MAX_A_TURN: usize = 256 * 1024;

/// What the codings of one body may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CodingLimits {
    /// Codings, one within the other.
    pub(crate) encodings: usize,
    /// Bytes of the window of `zstd`.
    pub(crate) window: usize,
}

/// The codings of one body.
pub(crate) struct Decoding {
    state: State,
    /// What a piece is decoded into, grown as the pieces fill it.
    scratch: Vec<u8>,
    /// Bytes handed out since the last wait.
    given: usize,
}

enum State {
    Running(Chain),
    /// The codings were refused; told to whoever asks for the body.
    Refused(Exceeded),
    Over,
}

impl Decoding {
    /// Reads `content-encoding`; `None` when there is nothing to decode, or a coding among them
    /// that is not known: the body is then left as it is.
    ///
    /// The headers that describe the coded body, and no longer what the caller gets, are removed.
    ///
    /// More codings than `limits` has are refused: each multiplies what a byte can become.
    pub(crate) fn begin(headers: &mut HeaderMap, limits: CodingLimits) -> Option<Box<Decoding>> {
        let state = match read(headers, limits.encodings)? {
            Ok(codings) => State::Running(Chain::new(&codings, limits.window)?),
            Err(exceeded) => State::Refused(exceeded),
        };
        headers.remove(header::CONTENT_ENCODING);
        headers.remove(header::CONTENT_LENGTH);
        Some(Box::new(Decoding {
            state,
            scratch: Vec::new(),
            given: 0,
        }))
    }

    /// The next decoded piece; `None` is the end. After an error the body is at its end.
    pub(crate) fn poll_piece(
        &mut self,
        incoming: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Error>>> {
        let mut scratch = std::mem::take(&mut self.scratch);
        if scratch.is_empty() {
            scratch.resize(FIRST_PIECE, 0);
        }
        let polled = self.poll_read(incoming, cx, &mut scratch);
        let piece = match polled {
            Poll::Ready(Ok(n)) => {
                let piece = (n > 0).then(|| Ok(Bytes::copy_from_slice(&scratch[..n])));
                if n == scratch.len() && n < MAX_PIECE {
                    scratch.resize(n * 2, 0);
                }
                Poll::Ready(piece)
            }
            Poll::Ready(Err(error)) => Poll::Ready(Some(Err(error))),
            Poll::Pending => Poll::Pending,
        };
        if !matches!(self.state, State::Over) {
            self.scratch = scratch;
        }
        piece
    }

    /// Decodes into `out`, which is not empty; 0 is the end.
    pub(crate) fn poll_read(
        &mut self,
        incoming: &mut Incoming,
        cx: &mut Context<'_>,
        out: &mut [u8],
    ) -> Poll<Result<usize, Error>> {
        if self.given >= MAX_A_TURN {
            self.given = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = self.poll_chain(incoming, cx, out);
        match &polled {
            Poll::Ready(Ok(n)) if *n > 0 => self.given += n,
            Poll::Pending => self.given = 0,
            Poll::Ready(_) => {
                self.state = State::Over;
                incoming.give_up();
            }
        }
        polled
    }

    fn poll_chain(
        &mut self,
        incoming: &mut Incoming,
        cx: &mut Context<'_>,
        out: &mut [u8],
    ) -> Poll<Result<usize, Error>> {
        let chain = match &mut self.state {
            State::Running(chain) => chain,
            State::Refused(exceeded) => return Poll::Ready(Err((*exceeded).into())),
            State::Over => return Poll::Ready(Ok(0)),
        };
        loop {
            match chain.pull(out)? {
                Pull::Data(n) => return Poll::Ready(Ok(n)),
                Pull::End => return Poll::Ready(Ok(0)),
                Pull::Hungry => match ready!(incoming.poll_piece(cx)) {
                    Some(piece) => chain.push(piece?),
                    None => chain.end(),
                },
            }
        }
    }

    /// Decodes all of the body that is left, at most `limit` bytes.
    pub(crate) async fn collect(
        &mut self,
        incoming: &mut Incoming,
        limit: usize,
    ) -> Result<Bytes, Error> {
        let mut whole = Vec::new();
        let mut filled = 0;
        loop {
            if filled == whole.len() {
                // One byte past the limit shows that it does not suffice.
                let room = filled.clamp(FIRST_PIECE, MAX_GROWTH);
                let most = limit.saturating_add(1);
                whole.resize(filled.saturating_add(room).min(most), 0);
            }
            let n = poll_fn(|cx| self.poll_read(incoming, cx, &mut whole[filled..])).await?;
            filled += n;
            if filled > limit {
                self.state = State::Over;
                incoming.give_up();
                return Err(LimitKind::Body.over(limit, filled as u64).into());
            }
            if n == 0 {
                whole.truncate(filled);
                return Ok(whole.into());
            }
        }
    }

    /// Decodes the beginning of `coded`, at most `max` bytes of it; for error messages only.
    pub(crate) fn beginning(&mut self, coded: Bytes, max: usize) -> Bytes {
        let State::Running(chain) = &mut self.state else {
            return Bytes::new();
        };
        chain.push(coded);
        let mut text = vec![0; max];
        let mut filled = 0;
        while let Ok(Pull::Data(n)) = chain.pull(&mut text[filled..]) {
            filled += n;
            if filled == max {
                break;
            }
        }
        text.truncate(filled);
        text.into()
    }
}

/// Whether the body is in a content coding still.
pub(crate) fn is_coded(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|value| !trim_ows(value.as_bytes()).eq_ignore_ascii_case(b"identity"))
}

/// The codings in the order in which they were applied; `None` when the body stays as it is.
fn read(headers: &HeaderMap, limit: usize) -> Option<Result<Vec<Coding>, Exceeded>> {
    let mut codings = Vec::new();
    for value in headers.get_all(header::CONTENT_ENCODING) {
        for token in value.as_bytes().split(|byte| *byte == b',') {
            let token = trim_ows(token);
            if token.is_empty() || token.eq_ignore_ascii_case(b"identity") {
                continue;
            }
            if codings.len() == limit {
                let seen = limit as u64 + 1;
                return AVAILABLE.then_some(Err(LimitKind::Encodings.over(limit, seen)));
            }
            codings.push(parse(token)?);
        }
    }
    (!codings.is_empty()).then_some(Ok(codings))
}

fn parse(token: &[u8]) -> Option<Coding> {
    let known: [(&[u8], Coding); 5] = [
        (b"gzip", Coding::Gzip),
        // RFC 9110 section 8.4.1.3 wants it taken for the same.
        (b"x-gzip", Coding::Gzip),
        (b"deflate", Coding::Deflate),
        (b"br", Coding::Brotli),
        (b"zstd", Coding::Zstd),
    ];
    known
        .into_iter()
        .find(|(name, _)| token.eq_ignore_ascii_case(name))
        .map(|(_, coding)| coding)
}

/// What went wrong in which coding.
struct Failure {
    coding: Coding,
    fault: Fault,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        match failure.fault {
            Fault::Window(limit) => LimitKind::Window.over(limit, limit as u64 + 1).into(),
            fault => {
                let kind = BodyErrorKind::Decode(failure.coding);
                Error::body(kind, Some(Box::new(fault)))
            }
        }
    }
}

impl fmt::Debug for Decoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoding")
            .field("over", &matches!(self.state, State::Over))
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "compression"))]
mod tests;
