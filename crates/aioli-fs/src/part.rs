//! Memory that travels to the kernel and back: a buffer, and what of it is meant.

use crate::aligned::AlignedBuf;
use std::ops::Range;

/// A part of a buffer that an operation owns while it goes on.
#[derive(Debug)]
pub struct Part {
    pub(crate) memory: Vec<u8>,
    pub(crate) range: Range<usize>,
}

impl Part {
    /// Zeros, aligned for direct I/O if need be.
    pub(crate) fn new(len: usize, is_aligned: bool) -> Self {
        if is_aligned {
            AlignedBuf::new(len).into_part()
        } else {
            vec![0; len].into_part()
        }
    }

    /// A copy of `data`.
    pub(crate) fn copy_of(data: &[u8], is_aligned: bool) -> Self {
        if !is_aligned {
            return data.to_vec().into_part();
        }
        let mut part = Self::new(data.len(), true);
        part.bytes_mut().copy_from_slice(data);
        part
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.memory[self.range.clone()]
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.range.clone()]
    }

    /// Whether it was made for direct I/O, which takes more memory than there are bytes, wherever
    /// they begin.
    pub(crate) fn is_aligned(&self) -> bool {
        self.memory.len() > self.range.len()
    }

    /// The first `n` bytes.
    pub(crate) fn into_first(mut self, n: usize) -> Vec<u8> {
        self.memory.truncate(self.range.start + n);
        self.memory.drain(..self.range.start);
        self.memory
    }
}

/// A buffer that can travel to the kernel and back: a `Vec<u8>`, or an [`AlignedBuf`].
///
/// See [`File::read_at_owned`](crate::File::read_at_owned).
pub trait OwnedBuf: sealed::Sealed + Send + 'static {
    #[doc(hidden)]
    fn into_part(self) -> Part;
    #[doc(hidden)]
    fn from_part(part: Part) -> Self;
}

impl OwnedBuf for Vec<u8> {
    fn into_part(self) -> Part {
        let range = 0..self.len();
        let memory = self;
        Part { memory, range }
    }

    fn from_part(part: Part) -> Self {
        part.memory
    }
}

impl OwnedBuf for AlignedBuf {
    fn into_part(self) -> Part {
        self.0
    }

    fn from_part(part: Part) -> Self {
        Self(part)
    }
}

#[cfg(test)]
mod tests;

mod sealed {
    use super::AlignedBuf;

    pub trait Sealed {}
    impl Sealed for Vec<u8> {}
    impl Sealed for AlignedBuf {}
}
