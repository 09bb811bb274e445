//! Where no counter of the processor is used.

use std::convert::Infallible;

/// That this thread can read the processor's counter, which is never so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticks(Infallible);

impl Ticks {
    pub(crate) fn find() -> Option<Ticks> {
        None
    }

    pub(crate) fn read(self) -> u64 {
        match self.0 {}
    }
}
