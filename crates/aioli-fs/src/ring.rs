//! What would wait for a disk, given to the kernel's ring.
//!
//! A ring says success, and the failures of effects; whatever else it says, the pool does the
//! operation once more, and tells. So nothing depends on what a kernel's ring can do.

use crate::{file::Held, part::Part};
use aioli_reactor::{LoopEnded, Operations};
use std::{io, sync::Arc};

/// The offset of what has no positions, like a pipe.
pub(crate) const NO_OFFSET: u64 = u64::MAX;

/// The ring of this thread's loop, else of the background loop, if there is one.
pub(crate) fn operations() -> Option<Operations> {
    Operations::current().unwrap_or_else(|error| {
        tracing::debug!(%error, "no ring for files; the pool takes its place");
        None
    })
}

/// Reads into the part, which comes back; the file is let go of before that.
pub(crate) async fn read(
    ring: &Operations,
    held: Held,
    part: Part,
    offset: u64,
) -> (io::Result<usize>, Part) {
    let is_aligned = part.is_aligned();
    let Part { memory, range } = part;
    let reading = ring.read_into(Arc::new(held), memory, range.clone(), offset);
    let (result, memory) = reading.await;
    // A loop that has ended may have left the memory to the kernel.
    if memory.len() < range.end {
        return (result, Part::new(range.len(), is_aligned));
    }
    (result, Part { memory, range })
}

/// Whether this says that the ring did not do it, so that the pool has to.
pub(crate) fn has_refused(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, InvalidInput, Unsupported, WouldBlock};
    let kind = error.kind();
    LoopEnded::caused(error) || [Interrupted, InvalidInput, Unsupported, WouldBlock].contains(&kind)
}
