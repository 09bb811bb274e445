//! A cell whose content never leaves its loop's thread, in a value that may.
#![expect(
    unsafe_code,
    reason = "lets a task whose future is not `Send` be referred to from other threads"
)]

use std::cell::UnsafeCell;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::event_loop::{Shared, local};

/// Holds a pinned value that only the thread of one loop may touch.
///
/// # Invariants
///
/// 1. The content is reached by [`with_content`](HomeCell::with_content) alone, which runs on the
///    home thread only.
/// 2. `borrowed` is set while the content is borrowed; it is touched on the home thread only, so
///    relaxed operations are enough.
/// 3. Content that is still there when the cell is dropped on another thread is leaked.
/// 4. The content is pinned with the cell.
pub(super) struct HomeCell<T> {
    home: Arc<Shared>,
    borrowed: AtomicBool,
    content: UnsafeCell<Option<T>>,
}

// SAFETY: by invariants 1 and 3 the content is neither touched nor dropped on another thread,
// so sharing and sending the cell never shares or sends a `T`.
unsafe impl<T> Send for HomeCell<T> {}
// SAFETY: as above; the other field is `Sync` by itself.
unsafe impl<T> Sync for HomeCell<T> {}

impl<T> HomeCell<T> {
    pub(super) fn new(home: Arc<Shared>, content: T) -> HomeCell<T> {
        HomeCell {
            home,
            borrowed: AtomicBool::new(false),
            content: UnsafeCell::new(Some(content)),
        }
    }

    /// Runs `f` on the pinned content.
    ///
    /// # Panics
    ///
    /// On any thread but the one that runs the home loop, and when called from inside `f`.
    pub(super) fn with_content<R>(self: Pin<&Self>, f: impl FnOnce(Pin<&mut Option<T>>) -> R) -> R {
        assert!(
            local::is_current(&self.home),
            "a task is polled and dropped on its loop's thread"
        );
        let _borrow = Borrow::new(&self.borrowed);
        // SAFETY: only the home thread gets here, and `borrowed` keeps a second borrow out while
        // this one is alive (invariants 1 and 2).
        let content = unsafe { &mut *self.content.get() };
        // SAFETY: the cell itself is pinned, so its content does not move (invariant 4).
        f(unsafe { Pin::new_unchecked(content) })
    }
}

/// Marks the content as borrowed until it is dropped.
struct Borrow<'a>(&'a AtomicBool);

impl<'a> Borrow<'a> {
    fn new(borrowed: &'a AtomicBool) -> Borrow<'a> {
        let before = borrowed.swap(true, Ordering::Relaxed);
        assert!(
            !before,
            "a task's future is not polled or dropped from inside itself"
        );
        Borrow(borrowed)
    }
}

impl Drop for Borrow<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl<T> Drop for HomeCell<T> {
    fn drop(&mut self) {
        // Dropping it here could run its `Drop` on a foreign thread: leak it and say so.
        if let Some(content) = self
            .content
            .get_mut()
            .take_if(|_| !local::is_current(&self.home))
        {
            std::mem::forget(content);
            debug_assert!(
                false,
                "a task's future is dropped by its loop, before its cell"
            );
        }
    }
}

impl<T> fmt::Debug for HomeCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HomeCell").finish_non_exhaustive()
    }
}
