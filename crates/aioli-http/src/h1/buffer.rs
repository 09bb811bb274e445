//! The read buffer of one connection: what was received can be handed out without copying.
//!
//! ```text
//!   handed out (Bytes) │ filled │ spare, initialised │
//!                      └──────── data ───────────────┘
//! ```
//!
//! Heads and small bodies are slices of one allocation. When its end comes near, `BytesMut` goes
//! back to the beginning if nobody holds a slice any more, and takes another allocation otherwise.
//! Going back costs zeroing what is read into: as many bytes as were received.

use bytes::{Buf as _, Bytes, BytesMut};

/// What a connection begins with.
pub(crate) const READ_BUFFER: usize = 16 * 1024;
/// A message up to this size should come with one read, once one of that size was seen.
const MESSAGE_MAX: usize = 32 * 1024;
/// Messages in a row that would have done with less, before a large buffer is given up.
const SMALL_MESSAGES: u32 = 64;

/// Bytes received and not yet consumed.
///
/// # Invariants
///
/// 1. `end <= data.len()`.
#[derive(Debug)]
pub(crate) struct ReadBuffer {
    /// What was received, then room for more.
    data: BytesMut,
    end: usize,
    /// How much there was room for when room was last made.
    size: usize,
    /// The least room to read into.
    room: usize,
    /// Messages since the last one that needed this much room.
    small: u32,
}

impl ReadBuffer {
    pub(crate) fn new() -> ReadBuffer {
        ReadBuffer {
            data: BytesMut::zeroed(READ_BUFFER),
            end: 0,
            size: READ_BUFFER,
            room: READ_BUFFER / 2,
            small: 0,
        }
    }

    /// What was received and not consumed.
    pub(crate) fn filled(&self) -> &[u8] {
        &self.data[..self.end]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.end == 0
    }

    /// Room to read into, never empty.
    ///
    /// The buffer grows beyond its size only when what was received and not consumed leaves too
    /// little: heads are bounded, so this is too.
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        if self.data.len() - self.end < self.room {
            self.make_room();
        }
        &mut self.data[self.end..]
    }

    #[cold]
    fn make_room(&mut self) {
        let size = (2 * self.room).max(self.end + self.room);
        if self.end == 0 && self.size > size {
            // It was large once and need not be any more.
            self.data = BytesMut::zeroed(size);
        } else {
            // What is behind the end means nothing.
            self.data.truncate(self.end);
            self.data.reserve(size - self.end);
            self.data.resize(size, 0);
        }
        self.size = size;
    }

    /// Takes note that `n` bytes of `spare` were written.
    pub(crate) fn fill(&mut self, n: usize) {
        self.end += n;
        debug_assert!(self.end <= self.data.len(), "invariant 1");
    }

    /// Drops the first `n` bytes.
    pub(crate) fn consume(&mut self, n: usize) {
        debug_assert!(n <= self.end, "only what was received is consumed");
        self.data.advance(n);
        self.end -= n;
    }

    /// Hands out the first `n` bytes. They keep the buffer alive, and it keeps its size.
    pub(crate) fn take(&mut self, n: usize) -> Bytes {
        debug_assert!(n <= self.end, "only what was received is consumed");
        self.end -= n;
        self.data.split_to(n).freeze()
    }

    /// Takes note of a message of `size` bytes: the next ones may be as large, and one read should
    /// bring each.
    pub(crate) fn saw_message(&mut self, size: usize) {
        if size > self.room {
            if size <= MESSAGE_MAX {
                self.room = size.next_multiple_of(4096);
            }
            self.small = 0;
        } else if self.room > READ_BUFFER / 2 {
            self.small = if size > self.room / 2 {
                0
            } else {
                self.small + 1
            };
            if self.small > SMALL_MESSAGES {
                self.room = READ_BUFFER / 2;
            }
        }
    }
}

#[cfg(test)]
mod tests;
