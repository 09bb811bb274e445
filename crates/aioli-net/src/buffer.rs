//! A queue of bytes in one piece.
//!
//! A reader has in it what has come and has not been read, a writer what it has taken and not written.

use std::fmt;

use crate::scratch::ROOM;

/// Least room that is offered to a read.
const ROOM_MIN: usize = 8 * 1024;
/// Memory that an empty buffer keeps while it waits: of small messages, not of long ones.
const KEPT_MAX: usize = 96;

/// A queue of bytes in one piece: `bytes[start..end]`, room after it.
///
/// # Invariants
///
/// `start <= end <= bytes.len()`.
#[derive(Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Room to read into, which grows with what is in the buffer.
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        self.make_room(self.len().clamp(ROOM_MIN, ROOM))
    }

    /// Adds bytes.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.move_to_begin(bytes.len());
        match self.bytes.get_mut(self.end..self.end + bytes.len()) {
            Some(room) => room.copy_from_slice(bytes),
            None => {
                self.bytes.truncate(self.end);
                self.bytes.extend_from_slice(bytes);
            }
        }
        self.add(bytes.len());
    }

    /// Drops all bytes.
    pub(crate) fn clear(&mut self) {
        self.consume(self.len());
    }

    /// Gives memory back, as nothing comes for now.
    pub(crate) fn shrink(&mut self) {
        if self.is_empty() && self.bytes.len() > KEPT_MAX {
            self.bytes = Vec::new();
        }
    }

    fn make_room(&mut self, wanted: usize) -> &mut [u8] {
        self.move_to_begin(wanted);
        if self.bytes.len() - self.end < wanted {
            self.bytes.resize(self.end + wanted, 0);
        }
        &mut self.bytes[self.end..]
    }

    /// Makes room by moving the bytes to the begin, where at least as many have been consumed as are
    /// moved: so a byte is moved once for each that was consumed, and the memory is at most twice
    /// what is needed.
    fn move_to_begin(&mut self, wanted: usize) {
        if self.bytes.len() - self.end < wanted && self.start >= self.len() {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
    }

    /// So many bytes of the room have been filled.
    pub(crate) fn add(&mut self, n: usize) {
        self.end += n;
        assert!(
            self.end <= self.bytes.len(),
            "a read fills at most its room"
        );
    }

    pub(crate) fn consume(&mut self, n: usize) {
        assert!(n <= self.len(), "at most what is there is consumed");
        self.start += n;
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
            // One long message must not keep its memory for ever.
            if self.bytes.len() > 2 * ROOM {
                self.bytes = Vec::new();
            }
        }
    }

    pub(crate) fn take(&mut self, n: usize) -> Vec<u8> {
        let taken = self.bytes()[..n].to_vec();
        self.consume(n);
        taken
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_queue_whatever_the_sizes() {
        let mut buffer = Buffer::default();
        let (mut next_in, mut next_out) = (0_u32, 0_u32);
        // A fixed walk over sizes from 0 to some tens of thousands.
        let mut walk = 12345_u32;
        for _ in 0..200 {
            walk = walk.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let spare = buffer.spare();
            let n = (walk >> 8) as usize % spare.len();
            for byte in &mut spare[..n] {
                *byte = (next_in % 251) as u8;
                next_in += 1;
            }
            buffer.add(n);
            let taken = buffer.take((walk >> 4) as usize % (buffer.len() + 1));
            for byte in taken {
                assert_eq!(byte, (next_out % 251) as u8);
                next_out += 1;
            }
        }
        assert_eq!(buffer.len() as u32, next_in - next_out);
    }

    /// Puts pieces and consumes a part of each; returns how many bytes were put, and moved.
    fn walk(rounds: usize, piece: usize, consumed: usize, read: bool) -> (usize, usize) {
        let mut buffer = Buffer::default();
        let (mut put, mut moved) = (0, 0);
        for _ in 0..rounds {
            let (start, len) = (buffer.start, buffer.len());
            if read {
                buffer.spare();
                buffer.add(piece);
            } else {
                buffer.put(&vec![7; piece]);
            }
            put += piece;
            if buffer.start < start {
                moved += len;
            }
            assert!(buffer.bytes.len() <= 2 * buffer.len() + 2 * ROOM);
            buffer.consume(consumed.min(buffer.len()));
        }
        (put, moved)
    }

    #[test]
    fn what_is_moved_is_bounded_by_what_comes() {
        for read in [false, true] {
            for (piece, consumed) in [(1000, 1), (1000, 500), (1000, 999), (8000, 7999)] {
                let (put, moved) = walk(2000, piece, consumed, read);
                assert!(moved <= put, "{moved} of {put} for {piece}, {consumed}");
            }
        }
    }
}
