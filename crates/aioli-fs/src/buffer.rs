//! Bytes that have been read and not yet handed out: the buffer of `Lines` and of `BufReader`.

use crate::{
    error::{Error, Result},
    file::{CHUNK, File},
    stdio::Stdin,
};
use std::{
    io,
    task::{Context, Poll, ready},
};

/// The longest line that is read unless its reader says otherwise: 1 MiB. A file without line
/// ends must not be able to fill the memory.
pub(crate) const LIMIT: usize = 1024 * 1024;

/// How much is asked for at a time.
const STEP: usize = CHUNK / 4;

/// Where bytes come from.
#[derive(Debug)]
pub(crate) enum Source {
    File(File),
    Stdin(Stdin),
}

impl Source {
    pub(crate) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<Result<usize>> {
        match self {
            Source::File(file) => file.poll_fill(cx, buf),
            Source::Stdin(stdin) => stdin.poll_fill(cx, buf),
        }
    }

    /// An error of this source.
    pub(crate) fn error(&self, operation: &'static str, source: io::Error) -> Error {
        match self {
            Source::File(file) => file.error(operation, source),
            Source::Stdin(_) => Error::new(operation, Some(Stdin::path()), source),
        }
    }
}

/// What a search in the buffer has come to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// So many bytes up to the delimiter, with it.
    Through(usize),
    /// The source has ended; what is left has no delimiter.
    Rest,
    /// There is no delimiter within the limit.
    TooFar,
}

/// The buffer. Nothing leaves it but by [`consume`](Buffer::consume), so whoever waits for more
/// may be dropped at any time.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    /// Where the next byte to hand out is.
    start: usize,
    /// Up to where nothing has been found since `start`.
    searched: usize,
    /// Up to where there are bytes of the source.
    filled: usize,
}

impl Buffer {
    /// What has been read and not handed out.
    pub(crate) fn available(&self) -> &[u8] {
        &self.bytes[self.start..self.filled]
    }

    /// Hands out the first `n` of the available bytes.
    pub(crate) fn consume(&mut self, n: usize) {
        assert!(
            n <= self.filled - self.start,
            "only what is in the buffer can be consumed"
        );
        self.start += n;
        self.searched = self.searched.max(self.start);
    }

    /// Forgets everything, and gives the memory back.
    pub(crate) fn clear(&mut self) {
        *self = Buffer::default();
    }

    /// Makes room behind what is there and reads into it; 0 is the end.
    pub(crate) fn poll_more(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut Source,
    ) -> Poll<Result<usize>> {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.searched -= self.start;
            self.start = 0;
        }
        if self.bytes.len() < self.filled + STEP {
            self.bytes.resize(self.filled + STEP, 0);
        }
        let n = ready!(source.poll_fill(cx, &mut self.bytes[self.filled..]))?;
        self.filled += n;
        Poll::Ready(Ok(n))
    }

    /// Reads until `delimiter` is in the buffer, the source ends, or `limit` bytes have none.
    pub(crate) fn poll_until(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut Source,
        delimiter: u8,
        limit: usize,
    ) -> Poll<Result<Found>> {
        loop {
            let new = &self.bytes[self.searched..self.filled];
            if let Some(at) = new.iter().position(|byte| *byte == delimiter) {
                let through = self.searched + at + 1 - self.start;
                return Poll::Ready(Ok(Found::Through(through)));
            }
            self.searched = self.filled;
            if self.filled - self.start > limit {
                return Poll::Ready(Ok(Found::TooFar));
            }
            if ready!(self.poll_more(cx, source))? == 0 {
                return Poll::Ready(Ok(Found::Rest));
            }
        }
    }

    /// Reads until `len` bytes are available. False: the source ends before that.
    pub(crate) fn poll_exact(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut Source,
        len: usize,
    ) -> Poll<Result<bool>> {
        while self.available().len() < len {
            if ready!(self.poll_more(cx, source))? == 0 {
                return Poll::Ready(Ok(false));
            }
        }
        Poll::Ready(Ok(true))
    }
}
