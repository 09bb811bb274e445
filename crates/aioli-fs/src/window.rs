//! Bytes that have come in and wait to be handed out, as they are or by pieces and lines.

use crate::{
    error::{Error, Result},
    file::CHUNK,
};
use std::{
    fmt, io, mem,
    panic::{RefUnwindSafe, UnwindSafe},
    task::{Context, Poll, ready},
};

/// How much is asked for at a time.
pub(crate) const STEP: usize = CHUNK / 4;

/// The longest piece or line unless the user says otherwise: 1 MiB. What comes in without line
/// ends must not be able to fill the memory.
pub(crate) const LIMIT: usize = 1024 * 1024;

/// What has come in and not been handed out, and how far it has been searched.
pub(crate) struct Window {
    buffer: Vec<u8>,
    /// What is handed out next in `buffer`.
    start: usize,
    /// Up to where `buffer` is known not to hold `sought`.
    searched: usize,
    sought: u8,
    /// Up to where `buffer` holds bytes that have come in.
    filled: usize,
}

/// What was found of a piece that ends with a certain byte.
#[derive(Debug)]
pub(crate) enum Piece {
    /// So many bytes, of which the last is the one.
    Whole(usize),
    /// So many bytes up to the end, without it.
    Rest(usize),
    TooLong,
}

impl Window {
    pub(crate) const fn new() -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            sought: b'\n',
            filled: 0,
        }
    }

    /// What is handed out next.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.filled]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.filled
    }

    /// Hands out the next `n` bytes.
    pub(crate) fn take(&mut self, n: usize) {
        assert!(n <= self.bytes().len(), "more than there is");
        self.start += n;
        self.searched = self.start;
    }

    /// Hands out as much as there is and fits.
    pub(crate) fn hand_out(&mut self, buf: &mut [u8]) -> usize {
        let n = buf.len().min(self.bytes().len());
        buf[..n].copy_from_slice(&self.bytes()[..n]);
        self.take(n);
        n
    }

    /// Room for at least `n` bytes behind what is there; [`came`](Self::came) tells what has
    /// been put into it.
    pub(crate) fn room(&mut self, n: usize) -> &mut [u8] {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.searched -= self.start;
            self.start = 0;
        }
        if self.buffer.len() < self.filled + n {
            self.buffer.resize(self.filled + n, 0);
        }
        &mut self.buffer[self.filled..]
    }

    /// Takes over the first `n` bytes of the [`room`](Self::room).
    pub(crate) fn came(&mut self, n: usize) {
        self.filled += n;
    }

    /// Takes over bytes that have come in elsewhere.
    pub(crate) fn push(&mut self, bytes: Vec<u8>) {
        if self.is_empty() {
            let (filled, sought) = (bytes.len(), self.sought);
            *self = Self {
                buffer: bytes,
                filled,
                sought,
                ..Self::new()
            };
        } else {
            self.room(bytes.len())[..bytes.len()].copy_from_slice(&bytes);
            self.came(bytes.len());
        }
    }

    /// Gives up all that is there.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = mem::replace(self, Self::new());
        rest.buffer.truncate(rest.filled);
        rest.buffer.drain(..rest.start);
        rest.buffer
    }

    /// Looks for a piece that ends with `byte`; `None` if more must come in.
    fn find(&mut self, byte: u8, limit: usize) -> Option<Piece> {
        if self.sought != byte {
            self.sought = byte;
            self.searched = self.start;
        }
        let unsearched = &self.buffer[self.searched..self.filled];
        let found = unsearched.iter().position(|b| *b == byte);
        // What is found is found again by whoever asks again.
        self.searched = found.map_or(self.filled, |at| self.searched + at);
        let n = self.searched + usize::from(found.is_some()) - self.start;
        if n > limit {
            Some(Piece::TooLong)
        } else {
            found.map(|_| Piece::Whole(n))
        }
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window")
            .field("bytes", &self.bytes().len())
            .finish_non_exhaustive()
    }
}

/// What is read through a [`Window`].
pub(crate) trait Source: fmt::Debug + Send + Sync + UnwindSafe + RefUnwindSafe {
    fn window(&mut self) -> &mut Window;

    /// Lets more come into the window; 0 is the end.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize>>;

    /// The error of a line.
    fn line_error(&self, reason: io::Error) -> Error;

    /// Waits until there is something in the window, or the end has come.
    fn poll_some(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.window().is_empty() {
            ready!(self.poll_more(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Waits for a piece that ends with `byte`, which is in the window then.
    fn poll_piece(&mut self, cx: &mut Context<'_>, byte: u8, limit: usize) -> Poll<Result<Piece>> {
        loop {
            if let Some(piece) = self.window().find(byte, limit) {
                return Poll::Ready(Ok(piece));
            }
            if ready!(self.poll_more(cx))? == 0 {
                return Poll::Ready(Ok(Piece::Rest(self.window().bytes().len())));
            }
        }
    }

    /// Takes a line with its end; the last one may lack it, and an empty one is the end.
    fn poll_line(&mut self, cx: &mut Context<'_>, limit: usize) -> Poll<Result<String>> {
        let line = match ready!(self.poll_piece(cx, b'\n', limit))? {
            Piece::Whole(n) | Piece::Rest(n) => self.take_text(n),
            Piece::TooLong => Err(self.line_error(too_long(limit))),
        };
        Poll::Ready(line)
    }

    /// Takes the next `n` bytes, which stay if they are no text.
    fn take_text(&mut self, n: usize) -> Result<String> {
        match str::from_utf8(&self.window().bytes()[..n]).map(str::to_owned) {
            Ok(text) => {
                self.window().take(n);
                Ok(text)
            }
            Err(error) => Err(self.line_error(io::Error::new(io::ErrorKind::InvalidData, error))),
        }
    }
}

/// Why a piece is not handed out.
pub(crate) fn too_long(limit: usize) -> io::Error {
    let reason = format!("more than {limit} bytes");
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
