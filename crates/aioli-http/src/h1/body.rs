//! The response's body: where its bytes lie between the marks of its framing.
//!
//! ```text
//!  chunked:   Size ──;──▶ Extension
//!              │ CR          │ CR
//!              ▼             ▼
//!            SizeLf ◀────────┘
//!              │ LF, size > 0       LF, size = 0
//!              ▼                        ▼
//!            Data ──▶ DataCr ──▶ DataLf   TrailerStart ──▶ TrailerName ──▶ TrailerValue
//!                                  │          │ CR     ▲                       │ CR
//!             Size ◀───────────────┘          ▼        └───── TrailerLf ◀──────┘
//!                                           EndLf ──▶ Done
//! ```
//!
//! Trailers are checked, bounded and kept apart; `trailers` says which.

use http::HeaderMap;

use super::framing::Delimiter;
use super::trailers::Trailers;
use super::{Reject, is_token};
use crate::error::{BodyErrorKind, LimitKind, ProtocolErrorKind};

/// Sixteen digits hold 64 bits; more are an attempt to overflow.
const MAX_SIZE_DIGITS: u32 = 16;
/// Chunks above this would overflow a signed length somewhere along the way.
const MAX_SIZE: u64 = i64::MAX as u64;

/// Bounds on what comes between the bytes of one body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimits {
    /// Bytes of the extension of one chunk.
    pub(crate) extension: usize,
    /// Bytes of all extensions: one byte of data must not cost 500 of extension for ever.
    pub(crate) extensions: usize,
    /// Bytes of all trailer lines.
    pub(crate) trailer_bytes: usize,
    pub(crate) trailer_lines: usize,
}

/// What the input begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) struct Piece {
    /// Bytes of framing, to be skipped.
    pub(crate) skip: usize,
    /// Bytes of the body after them.
    pub(crate) data: usize,
}

/// Finds the body's bytes.
#[derive(Debug)]
pub(crate) enum BodyDecoder {
    /// So many bytes are to come.
    Length(u64),
    /// Chunks are to come.
    Chunked(Chunks),
    /// Bytes until the connection ends.
    Eof,
    /// Nothing is to come.
    Done,
}

impl BodyDecoder {
    pub(crate) fn new(delimiter: Delimiter, limits: BodyLimits) -> BodyDecoder {
        match delimiter {
            Delimiter::None | Delimiter::Length(0) => BodyDecoder::Done,
            Delimiter::Length(length) => BodyDecoder::Length(length),
            Delimiter::Chunked => BodyDecoder::Chunked(Chunks::new(limits)),
            Delimiter::Eof => BodyDecoder::Eof,
        }
    }

    /// As [`new`](BodyDecoder::new), but what frames the chunks is handed out with them. It is
    /// checked all the same, and says where the body ends.
    pub(crate) fn raw(delimiter: Delimiter, limits: BodyLimits) -> BodyDecoder {
        let mut decoder = BodyDecoder::new(delimiter, limits);
        if let BodyDecoder::Chunked(chunks) = &mut decoder {
            chunks.raw = true;
        }
        decoder
    }

    pub(crate) fn is_done(&self) -> bool {
        match self {
            BodyDecoder::Done => true,
            BodyDecoder::Chunked(chunks) => chunks.state == State::Done,
            BodyDecoder::Length(_) | BodyDecoder::Eof => false,
        }
    }

    /// Takes the fields after the body, once it is done.
    pub(crate) fn take_trailers(&mut self) -> Option<Box<HeaderMap>> {
        let BodyDecoder::Chunked(chunks) = self else {
            return None;
        };
        let trailers = chunks.trailers.take()?;
        Some(Box::new(trailers.into_fields()))
    }

    /// Finds the next piece of `input`, which begins where the last piece ended.
    ///
    /// A piece without data means that all of `input` is framing, or that the body is done.
    ///
    /// # Errors
    ///
    /// What the peer did wrong between the bytes of the body.
    pub(crate) fn decode(&mut self, input: &[u8]) -> Result<Piece, Reject> {
        match self {
            BodyDecoder::Done => Ok(Piece { skip: 0, data: 0 }),
            BodyDecoder::Eof => Ok(Piece {
                skip: 0,
                data: input.len(),
            }),
            BodyDecoder::Length(left) => {
                let data = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(input.len());
                *left -= data as u64;
                if *left == 0 {
                    *self = BodyDecoder::Done;
                }
                Ok(Piece { skip: 0, data })
            }
            BodyDecoder::Chunked(chunks) => {
                let Piece { skip, data } = chunks.decode(input)?;
                Ok(match chunks.raw {
                    true => Piece {
                        skip: 0,
                        data: skip + data,
                    },
                    false => Piece { skip, data },
                })
            }
        }
    }

    /// Takes note that the connection has ended.
    ///
    /// # Errors
    ///
    /// `Truncated` when the body had not.
    pub(crate) fn end(&mut self) -> Result<(), BodyErrorKind> {
        match self {
            BodyDecoder::Done | BodyDecoder::Eof => {
                *self = BodyDecoder::Done;
                Ok(())
            }
            BodyDecoder::Length(_) | BodyDecoder::Chunked(_) => Err(BodyErrorKind::Truncated),
        }
    }
}

/// The decoder of chunks.
#[derive(Debug)]
pub(crate) struct Chunks {
    limits: BodyLimits,
    state: State,
    /// The size being read, then what is left of the chunk's data.
    size: u64,
    /// Digits of the size so far.
    digits: u32,
    /// Bytes of this chunk's extension.
    extension: usize,
    /// Bytes of all extensions.
    extensions: usize,
    trailer_bytes: usize,
    trailer_lines: usize,
    /// Made by the first line.
    trailers: Option<Box<Trailers>>,
    /// Framing counts as data.
    raw: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    Done,
}

impl Chunks {
    fn new(limits: BodyLimits) -> Chunks {
        Chunks {
            limits,
            state: State::Size,
            size: 0,
            digits: 0,
            extension: 0,
            extensions: 0,
            trailer_bytes: 0,
            trailer_lines: 0,
            trailers: None,
            raw: false,
        }
    }

    fn decode(&mut self, input: &[u8]) -> Result<Piece, Reject> {
        let mut skip = 0;
        while self.state != State::Done && skip < input.len() {
            if self.state == State::Data {
                let room = input.len() - skip;
                let data = usize::try_from(self.size).unwrap_or(usize::MAX).min(room);
                self.size -= data as u64;
                if self.size == 0 {
                    self.state = State::DataCr;
                }
                return Ok(Piece { skip, data });
            }
            self.state = self.step(input[skip])?;
            skip += 1;
        }
        Ok(Piece { skip, data: 0 })
    }

    /// The state after one byte of framing.
    fn step(&mut self, byte: u8) -> Result<State, Reject> {
        match (self.state, byte) {
            (State::Size, b'\r' | b';') if self.digits == 0 => {
                Err(ProtocolErrorKind::ChunkSize.into())
            }
            (State::Size, b'\r') => Ok(State::SizeLf),
            (State::Size, b';') => Ok(State::Extension),
            (State::Size, byte) => self.digit(byte),
            (State::Extension, b'\r') => Ok(State::SizeLf),
            (State::Extension, byte) => self.extension_byte(byte),
            (State::SizeLf, b'\n') => Ok(self.begin_chunk()),
            (State::SizeLf, _) => Err(ProtocolErrorKind::ChunkSize.into()),
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => Ok(State::Size),
            (State::DataCr | State::DataLf, _) => Err(ProtocolErrorKind::ChunkEnd.into()),
            (State::EndLf, b'\n') => Ok(State::Done),
            (state, byte) => self.trailer_byte(state, byte),
        }
    }

    fn digit(&mut self, byte: u8) -> Result<State, Reject> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => return Err(ProtocolErrorKind::ChunkSize.into()),
        };
        self.digits += 1;
        self.size = (self.size << 4) | u64::from(digit);
        if self.digits > MAX_SIZE_DIGITS || self.size > MAX_SIZE {
            return Err(ProtocolErrorKind::ChunkSize.into());
        }
        Ok(State::Size)
    }

    fn extension_byte(&mut self, byte: u8) -> Result<State, Reject> {
        self.extension += 1;
        self.extensions += 1;
        bounded(
            LimitKind::ChunkExtension,
            self.extension,
            self.limits.extension,
        )?;
        bounded(
            LimitKind::ChunkExtensions,
            self.extensions,
            self.limits.extensions,
        )?;
        if !is_text(byte) {
            return Err(ProtocolErrorKind::ChunkExtension.into());
        }
        Ok(State::Extension)
    }

    fn begin_chunk(&mut self) -> State {
        self.digits = 0;
        self.extension = 0;
        if self.size == 0 {
            State::TrailerStart
        } else {
            State::Data
        }
    }

    fn trailer_byte(&mut self, state: State, byte: u8) -> Result<State, Reject> {
        self.trailer_bytes += 1;
        bounded(
            LimitKind::Trailers,
            self.trailer_bytes,
            self.limits.trailer_bytes,
        )?;
        let next = match (state, byte) {
            (State::TrailerStart, b'\r') => return Ok(State::EndLf),
            (State::TrailerStart, byte) if is_token(byte) => {
                self.trailer_lines += 1;
                bounded(
                    LimitKind::TrailerLines,
                    self.trailer_lines,
                    self.limits.trailer_lines,
                )?;
                State::TrailerName
            }
            (State::TrailerName, b':') => State::TrailerValue,
            (State::TrailerName, byte) if is_token(byte) => State::TrailerName,
            (State::TrailerValue, b'\r') => {
                self.trailers.get_or_insert_default().end_line();
                return Ok(State::TrailerLf);
            }
            (State::TrailerValue, byte) if is_text(byte) => State::TrailerValue,
            (State::TrailerLf, b'\n') => return Ok(State::TrailerStart),
            _ => return Err(ProtocolErrorKind::Trailer.into()),
        };
        self.trailers.get_or_insert_default().push(byte);
        Ok(next)
    }
}

fn bounded(kind: LimitKind, seen: usize, limit: usize) -> Result<(), Reject> {
    if seen > limit {
        return Err(kind.over(limit, seen as u64).into());
    }
    Ok(())
}

/// What a field value may contain: no control characters but the tab.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests;
