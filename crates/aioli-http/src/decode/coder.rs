//! One content coding at a time, without I/O: bytes in, bytes out, a verdict.
//!
//! The libraries find the bytes; here is what they leave open: where a body may end, what may
//! follow its end, and how large a window may be.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder as ZstdDecoder, Operation as _};

use super::step::{Fault, Step};
use crate::error::Coding;

/// The only window that `deflate` has, as its logarithm.
const DEFLATE_WINDOW_LOG: u8 = 15;

/// A decoder.
pub(super) enum Coder {
    Gzip(Gzip),
    Deflate(Deflate),
    Brotli(Box<Brotli>),
    Zstd(Zstd),
}

impl Coder {
    /// Makes a decoder; `None` when there is none for this coding. The window of `zstd` has at
    /// most `window` bytes.
    pub(super) fn new(coding: Coding, window: usize) -> Option<Coder> {
        Some(match coding {
            Coding::Gzip => Coder::Gzip(Gzip::new()),
            Coding::Deflate => Coder::Deflate(Deflate::new()),
            Coding::Brotli => Coder::Brotli(Box::new(Brotli::new())),
            Coding::Zstd => Coder::Zstd(Zstd::new(window)?),
        })
    }

    /// Decodes once; takes less than all of `input` only if `output` is full, or at a border
    /// within the coding.
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        match self {
            Coder::Gzip(gzip) => gzip.step(input, output),
            Coder::Deflate(deflate) => deflate.step(input, output),
            Coder::Brotli(brotli) => brotli.step(input, output),
            Coder::Zstd(zstd) => zstd.step(input, output),
        }
    }

    /// Whether the input may end here.
    pub(super) fn is_complete(&self) -> bool {
        match self {
            Coder::Gzip(gzip) => gzip.between,
            Coder::Deflate(deflate) => deflate.done,
            Coder::Brotli(brotli) => brotli.done,
            Coder::Zstd(zstd) => zstd.between,
        }
    }
}

/// RFC 1952: members, one after the other.
pub(super) struct Gzip {
    inflate: Decompress,
    /// A member has ended and no other one has begun.
    between: bool,
}

impl Gzip {
    fn new() -> Gzip {
        Gzip {
            inflate: Decompress::new_gzip(DEFLATE_WINDOW_LOG),
            between: false,
        }
    }

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        if self.between && !input.is_empty() {
            // What follows a member is the next one, and not even padding.
            if input[0] != 0x1f {
                return Err(Fault::Trailing);
            }
            self.inflate.reset(true);
            self.between = false;
        }
        let (step, ended) = inflate(&mut self.inflate, input, output)?;
        self.between |= ended;
        Ok(step)
    }
}

/// `deflate`: RFC 1950 by the book, RFC 1951 as many servers send it.
pub(super) struct Deflate {
    inflate: Option<Decompress>,
    /// The first byte, while it alone has come: two tell which of both it is.
    first: Option<u8>,
    done: bool,
}

impl Deflate {
    fn new() -> Deflate {
        Deflate {
            inflate: None,
            first: None,
            done: false,
        }
    }

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        if self.done && !input.is_empty() {
            return Err(Fault::Trailing);
        }
        let decoder = match (&mut self.inflate, self.first, input) {
            (Some(decoder), ..) => decoder,
            (None, None, [first]) => {
                self.first = Some(*first);
                return Ok(Step {
                    read: 1,
                    written: 0,
                });
            }
            (empty, None, [first, second, ..]) => {
                empty.insert(Decompress::new(is_zlib(*first, *second)))
            }
            (empty, Some(first), [second, ..]) => {
                let decoder = empty.insert(Decompress::new(is_zlib(first, *second)));
                // Nothing can come out of one byte.
                inflate(decoder, &[first], output)?;
                decoder
            }
            (None, _, []) => {
                return Ok(Step {
                    read: 0,
                    written: 0,
                });
            }
        };
        let (step, ended) = inflate(decoder, input, output)?;
        self.done |= ended;
        Ok(step)
    }
}

/// Whether two bytes are the header of RFC 1950: the method, the window, and their check.
///
/// A raw stream begins like that only if it begins with an uncompressed block whose padding is
/// not zero, which nobody writes.
fn is_zlib(first: u8, second: u8) -> bool {
    first & 0x0f == 8 && first >> 4 <= 7 && u16::from_be_bytes([first, second]).is_multiple_of(31)
}

/// Inflates once; tells whether the stream has ended, checksum included.
fn inflate(
    decoder: &mut Decompress,
    input: &[u8],
    output: &mut [u8],
) -> Result<(Step, bool), Fault> {
    let before = (decoder.total_in(), decoder.total_out());
    let status = decoder
        .decompress(input, output, FlushDecompress::None)
        .map_err(|error| Fault::Corrupt(Some(error.into())))?;
    let step = Step {
        read: (decoder.total_in() - before.0) as usize,
        written: (decoder.total_out() - before.1) as usize,
    };
    Ok((step, status == Status::StreamEnd))
}

/// RFC 7932, without the extension to large windows.
pub(super) struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    done: bool,
}

impl Brotli {
    fn new() -> Brotli {
        let alloc = StandardAlloc::default;
        Brotli {
            state: BrotliState::new_strict(alloc(), alloc(), alloc()),
            done: false,
        }
    }

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        if self.done && !input.is_empty() {
            return Err(Fault::Trailing);
        }
        let (mut left, mut read) = (input.len(), 0);
        let (mut room, mut written) = (output.len(), 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut read,
            input,
            &mut room,
            &mut written,
            output,
            &mut 0,
            &mut self.state,
        );
        match result {
            BrotliResult::ResultFailure => return Err(Fault::Corrupt(None)),
            BrotliResult::ResultSuccess => self.done = true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
        }
        Ok(Step { read, written })
    }
}

/// RFC 8878: frames, one after the other.
pub(super) struct Zstd {
    decoder: ZstdDecoder<'static>,
    /// A frame has ended and no other one has begun.
    between: bool,
    /// The largest window that it takes.
    window: usize,
}

/// The windows that the library can be told to allow, as logarithms: what it needs, and what all
/// platforms have.
const ZSTD_WINDOW_LOGS: std::ops::RangeInclusive<u32> = 10..=30;

impl Zstd {
    fn new(window: usize) -> Option<Zstd> {
        let mut decoder = ZstdDecoder::new().ok()?;
        let log = window.max(1).ilog2();
        let log = log.clamp(*ZSTD_WINDOW_LOGS.start(), *ZSTD_WINDOW_LOGS.end());
        decoder.set_parameter(DParameter::WindowLogMax(log)).ok()?;
        Some(Zstd {
            decoder,
            window: 1 << log,
            between: false,
        })
    }

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        let was_between = self.between;
        if was_between && input.is_empty() {
            // The library would take a call for the beginning of another frame.
            return Ok(Step {
                read: 0,
                written: 0,
            });
        }
        let status = self.decoder.run_on_buffers(input, output);
        let status = status.map_err(|error| {
            // The library has a text for each of its errors and no other way to tell them.
            let text = error.to_string();
            if text.contains("requires too much memory") {
                Fault::Window(self.window)
            } else if was_between && text.contains("Unknown frame descriptor") {
                Fault::Trailing
            } else {
                Fault::Corrupt(Some(error.into()))
            }
        })?;
        self.between = status.remaining == 0;
        Ok(Step {
            read: status.bytes_read,
            written: status.bytes_written,
        })
    }
}
