//! The read buffer of one connection: initialised memory with a filled window.

/// What one `read` may bring, and what an idle connection keeps.
pub(crate) const READ_BUFFER: usize = 16 * 1024;

/// Bytes received and not yet consumed.
///
/// # Invariants
///
/// 1. `start <= end <= data.len()`.
/// 2. An empty window is at the beginning.
#[derive(Debug)]
pub(crate) struct ReadBuffer {
    data: Vec<u8>,
    start: usize,
    end: usize,
}

impl ReadBuffer {
    pub(crate) fn new() -> ReadBuffer {
        ReadBuffer {
            data: vec![0; READ_BUFFER],
            start: 0,
            end: 0,
        }
    }

    /// What was received and not consumed.
    pub(crate) fn filled(&self) -> &[u8] {
        &self.data[self.start..self.end]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Room to read into, never empty.
    ///
    /// The window moves to the front when it has reached the end, and the buffer doubles only
    /// when the window fills it: heads are bounded, so this is too.
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        if self.end == self.data.len() {
            if self.start > 0 {
                self.data.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            } else {
                self.data.resize(self.data.len() * 2, 0);
            }
        }
        &mut self.data[self.end..]
    }

    /// Takes note that `n` bytes of `spare` were written.
    pub(crate) fn fill(&mut self, n: usize) {
        self.end += n;
        debug_assert!(self.end <= self.data.len(), "invariant 1");
    }

    /// Drops the first `n` bytes of the window.
    pub(crate) fn consume(&mut self, n: usize) {
        self.start += n;
        debug_assert!(self.start <= self.end, "invariant 1");
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            if self.data.len() > READ_BUFFER {
                self.data.truncate(READ_BUFFER);
                self.data.shrink_to_fit();
            }
        }
    }
}
