//! Room to read into that belongs to the thread, so that who waits for bytes has none.

use std::cell::Cell;

/// What one read takes at most: the kernel can hold more of it.
pub(crate) const ROOM: usize = 64 * 1024;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Calls `read` with the room. What is called from inside gets room of its own.
pub(crate) fn with_room<T>(read: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut room = SCRATCH.take();
    room.resize(ROOM, 0);
    let result = read(&mut room);
    SCRATCH.set(room);
    result
}
