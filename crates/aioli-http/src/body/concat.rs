//! Several bodies in a row, as one.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};

use super::{Pieces, Source};
use crate::error::{BodyErrorKind, BoxError};

/// Up to here bytes are joined into one piece, which then is sent in one write.
const JOIN_BELOW: usize = 64 * 1024;

/// Joins `parts`: their lengths add up if all are known, and the whole can be sent again if each
/// of them can.
pub(crate) fn concat(parts: Vec<Source>) -> Source {
    let length = parts
        .iter()
        .map(Source::length)
        .try_fold(0_u64, |sum, length| sum.checked_add(length?));
    let all_bytes = parts
        .iter()
        .all(|part| matches!(part, Source::Empty | Source::Bytes(_)));
    match length {
        Some(length) if all_bytes && length <= JOIN_BELOW as u64 => {
            let mut whole = BytesMut::new();
            for part in &parts {
                if let Source::Bytes(bytes) = part {
                    whole.extend_from_slice(bytes);
                }
            }
            Source::Bytes(whole.freeze())
        }
        _ => Source::stream(length, Concat::new(parts)),
    }
}

pub(super) struct Concat {
    parts: Vec<Source>,
    /// The part whose turn it is.
    at: usize,
    /// What that part has given: a part that breaks its word must not be evened out by the next.
    given: u64,
}

impl Concat {
    pub(super) fn new(parts: Vec<Source>) -> Concat {
        Concat {
            parts,
            at: 0,
            given: 0,
        }
    }
}

impl Pieces for Concat {
    fn poll_piece(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>> {
        let Concat { parts, at, given } = &mut *self;
        while let Some(part) = parts.get_mut(*at) {
            let length = part.length();
            let piece = match part {
                Source::Bytes(bytes) if *given == 0 && !bytes.is_empty() => Some(bytes.clone()),
                Source::Empty | Source::Bytes(_) => None,
                Source::Stream {
                    stream, touched, ..
                } => {
                    *touched = true;
                    ready!(stream.as_mut().poll_piece(cx)).transpose()?
                }
            };
            let Some(piece) = piece else {
                if length.is_some_and(|length| length != *given) {
                    return Poll::Ready(Some(Err(BodyErrorKind::TooShort.into())));
                }
                *at += 1;
                *given = 0;
                continue;
            };
            *given = given.saturating_add(piece.len() as u64);
            if length.is_some_and(|length| length < *given) {
                return Poll::Ready(Some(Err(BodyErrorKind::TooLong.into())));
            }
            return Poll::Ready(Some(Ok(piece)));
        }
        Poll::Ready(None)
    }

    fn can_rewind(&self) -> bool {
        self.parts.iter().all(Source::is_whole)
    }

    fn rewind(mut self: Pin<&mut Self>) {
        self.at = 0;
        self.given = 0;
        self.parts.iter_mut().for_each(Source::rewind);
    }
}
