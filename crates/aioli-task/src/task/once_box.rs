//! A box that is made when it is first needed, in one word.
//!
//! ```text
//!             get_or_init: exchange
//!   null ─────────────────────────────▶ made, for ever
//! ```
//!
//! Several threads may make one at the same time; the first to exchange the null has made it, and
//! the others drop theirs. `tests/loom/task.rs` has the model.
#![expect(unsafe_code, reason = "lends out what an atomic pointer points to")]
#![cfg_attr(
    not(loom),
    expect(unreachable_pub, reason = "public for the models alone")
)]

use std::fmt;
use std::marker::PhantomData;
use std::ptr;

use crate::primitive::atomic::{AtomicPtr, Ordering, order};

/// A place for a box.
///
/// # Invariants
///
/// The pointer is null, or owns a box and stays what it is while this is borrowed shared.
pub struct OnceBox<T> {
    pointer: AtomicPtr<T>,
    /// It is shared only if a `T` may be.
    owns: PhantomData<Box<T>>,
}

impl<T: Send + Sync> OnceBox<T> {
    /// An empty place.
    #[inline]
    pub fn new() -> OnceBox<T> {
        OnceBox {
            pointer: AtomicPtr::new(ptr::null_mut()),
            owns: PhantomData,
        }
    }

    /// What is in it, if it has been made.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        // ORDERING: pairs with the Release of who has made it.
        let pointer = self.pointer.load(order(15, Ordering::Acquire));
        // SAFETY: null, or a box that stays as long as `self` (invariant).
        unsafe { pointer.as_ref() }
    }

    /// What is in it, made now if there was nothing.
    pub fn get_or_init(&self, make: impl FnOnce() -> Box<T>) -> &T {
        if let Some(made) = self.get() {
            return made;
        }
        let new = Box::into_raw(make());
        // ORDERING: Release, so that who sees the pointer sees what it points to; Acquire for the one
        // that somebody else has made meanwhile.
        let exchanged = self.pointer.compare_exchange(
            ptr::null_mut(),
            new,
            order(16, Ordering::Release),
            order(17, Ordering::Acquire),
        );
        let made = match exchanged {
            Ok(_) => new,
            Err(made) => {
                // SAFETY: it came from a box above, and nobody else has seen it.
                drop(unsafe { Box::from_raw(new) });
                made
            }
        };
        // SAFETY: a box that stays as long as `self` (invariant).
        unsafe { &*made }
    }
}

impl<T> OnceBox<T> {
    /// Takes out what is in it, and leaves the place empty.
    #[inline]
    pub fn take(&mut self) -> Option<Box<T>> {
        // ORDERING: the caller has the place for itself.
        let pointer = self.pointer.load(Ordering::Relaxed);
        if pointer.is_null() {
            return None;
        }
        self.pointer.store(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: it owned a box (invariant), which nobody borrows, and does not any more.
        Some(unsafe { Box::from_raw(pointer) })
    }
}

impl<T> Drop for OnceBox<T> {
    #[inline]
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<T> fmt::Debug for OnceBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceBox").finish_non_exhaustive()
    }
}
