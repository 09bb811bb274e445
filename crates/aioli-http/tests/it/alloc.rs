//! The system's allocator, which counts what each thread asks for and what all hold.
#![expect(unsafe_code, reason = "implementing `GlobalAlloc` is unsafe")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ASKED: Cell<usize> = const { Cell::new(0) };
    static TAKEN: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Counting;

/// How often this thread has asked for memory, or for more of it.
pub(crate) fn asked() -> usize {
    ASKED.get()
}

/// How many bytes this thread has allocated, whether it has given them back or not.
pub(crate) fn taken() -> usize {
    TAKEN.get()
}

/// How many bytes this thread has allocated and not given back.
pub(crate) fn held() -> isize {
    HELD.get()
}

fn note(asked: usize, bytes: isize) {
    // A thread that ends frees after its counters have gone.
    let _ = ASKED.try_with(|all| all.set(all.get() + asked));
    let _ = TAKEN.try_with(|all| all.set(all.get() + usize::try_from(bytes).unwrap_or(0)));
    let _ = HELD.try_with(|held| held.set(held.get() + bytes));
}

// SAFETY: every method hands its arguments to `System` unchanged, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as isize);
        // SAFETY: as promised by the caller of this method.
        unsafe { System.alloc(layout) }
    }

    // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc_zeroed`.
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as isize);
        // SAFETY: as promised by the caller of this method.
        unsafe { System.alloc_zeroed(layout) }
    }

    // SAFETY: the caller keeps the contract of `GlobalAlloc::realloc`.
    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(1, size as isize - layout.size() as isize);
        // SAFETY: as promised by the caller of this method.
        unsafe { System.realloc(old, layout, size) }
    }

    // SAFETY: the caller keeps the contract of `GlobalAlloc::dealloc`.
    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        note(0, -(layout.size() as isize));
        // SAFETY: as promised by the caller of this method.
        unsafe { System.dealloc(old, layout) }
    }
}
