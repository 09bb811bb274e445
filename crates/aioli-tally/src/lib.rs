//! What the tests of the other crates count: memory and descriptors.
//!
//! *Should I depend on this crate?* No: it is for the tests here, and not published. A test binary
//! that uses any of it has the system's allocator, which counts.
//!
//! ```
//! let before = (aioli_tally::asked(), aioli_tally::held());
//! let bytes = vec![0_u8; 100];
//! assert_eq!(aioli_tally::asked() - before.0, 1);
//! assert_eq!(aioli_tally::held() - before.1, 100);
//! drop(bytes);
//! assert_eq!(aioli_tally::held(), before.1);
//! ```
//!
//! What a thread has asked for is not disturbed by tests that run beside it; what all hold, and
//! descriptors, are to be counted in a process of their own.
//!
//! *Out of scope*: who allocated what, and where. That is a profiler's.
#![expect(unsafe_code, reason = "implementing `GlobalAlloc` is unsafe")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering};

thread_local! {
    static ASKED: Cell<usize> = const { Cell::new(0) };
    static TAKEN: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
}

static HELD_BY_ALL: AtomicIsize = AtomicIsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Counting;

/// How often this thread has asked for memory, or for more of it.
#[must_use]
pub fn asked() -> usize {
    ASKED.get()
}

/// How many bytes this thread has allocated, whether it has given them back or not.
#[must_use]
pub fn taken() -> usize {
    TAKEN.get()
}

/// How many bytes this thread has allocated and not given back; those that it has given back for
/// others count against it.
#[must_use]
pub fn held() -> isize {
    HELD.get()
}

/// How many bytes all threads have allocated and not given back.
#[must_use]
pub fn held_by_all() -> isize {
    HELD_BY_ALL.load(Ordering::Relaxed)
}

/// How many descriptors the process has open, on Linux.
///
/// # Panics
///
/// Where there is no `/proc`.
#[must_use]
pub fn descriptors() -> usize {
    let open = std::fs::read_dir("/proc/self/fd").expect("Linux lists them there");
    open.count()
}

fn note(asked: usize, bytes: isize) {
    HELD_BY_ALL.fetch_add(bytes, Ordering::Relaxed);
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
