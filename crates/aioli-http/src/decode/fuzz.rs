//! What holds of content codings, whatever the body is.

use super::{Bytes, Chain, HeaderMap, MAX_PIECE, Pull, header, read};
use crate::error::Coding;
use crate::fuzz::CUTS;
use crate::limits::Limits;
use http::HeaderValue;

/// How much is decoded of a body that has no end.
const ENOUGH: usize = 128 * 1024;

/// What a body was decoded to.
#[derive(Debug, PartialEq)]
enum Outcome {
    Whole(Vec<u8>),
    /// More than what is decoded here.
    Endless,
    Refused,
}

/// A `content-encoding`, a line feed and a body.
pub(crate) fn content_codings(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (names, body) = data.split_at(end.unwrap_or(data.len()));
    let body = body.get(1..).unwrap_or_default();
    let Ok(names) = HeaderValue::from_bytes(names) else {
        return;
    };
    let headers = HeaderMap::from_iter([(header::CONTENT_ENCODING, names)]);
    let Some(Ok(codings)) = read(&headers, 3) else {
        return;
    };
    assert!(!codings.is_empty() && codings.len() <= 3);
    let whole = decode(&codings, [body], MAX_PIECE);
    for (cut, room) in CUTS.into_iter().zip([MAX_PIECE, 100]) {
        let pieces = decode(&codings, body.chunks(cut), room);
        // Where the end is not seen, the order of what comes first is the decoder's.
        if whole != Outcome::Endless && pieces != Outcome::Endless {
            assert_eq!(pieces, whole, "{codings:?} in pieces of {cut} into {room}");
        }
    }
}

fn decode<'a>(
    codings: &[Coding],
    pieces: impl IntoIterator<Item = &'a [u8]>,
    room: usize,
) -> Outcome {
    let mut chain =
        Chain::new(codings, Limits::default().codings().window).expect("the codings are there");
    let mut pieces = pieces.into_iter();
    let mut out = vec![0; room];
    let mut whole = Vec::new();
    loop {
        match chain.pull(&mut out) {
            Ok(Pull::Data(n)) => {
                assert!(n > 0 && n <= room);
                whole.extend_from_slice(&out[..n]);
                if whole.len() > ENOUGH {
                    return Outcome::Endless;
                }
            }
            Ok(Pull::End) => return Outcome::Whole(whole),
            Ok(Pull::Hungry) => match pieces.next() {
                Some(piece) => chain.push(Bytes::copy_from_slice(piece)),
                None => chain.end(),
            },
            Err(_) => return Outcome::Refused,
        }
    }
}
