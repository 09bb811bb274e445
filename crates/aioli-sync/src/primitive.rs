//! What the primitives are made of where threads share them.
//!
//! This and `local/primitive.rs` are all that the two kinds of primitives differ in: how a
//! state is guarded, how a handle is shared, how permits are counted, whether another thread may
//! serve a waiter. Everything else is compiled once over each. The models of `word.rs` put loom's
//! atomics in this place.

pub(crate) use crate::value::{ToMany, ToOne};
pub(crate) use std::sync::Arc as Ref;
pub(crate) use std::sync::OnceLock as OnceValue;
pub(crate) use std::sync::atomic::AtomicUsize;

use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The ordering with this number in its file.
#[inline]
pub(crate) const fn order(_number: u32, ordering: Ordering) -> Ordering {
    ordering
}

/// Whether waiters here may be served by other threads.
pub(crate) const IS_SHARED: bool = true;

/// A state that one at a time may touch.
pub(crate) struct Guarded<S>(Mutex<S>);

impl<S> Guarded<S> {
    pub(crate) const fn new(state: S) -> Guarded<S> {
        Guarded(Mutex::new(state))
    }

    /// A panic inside a section (of an item's `Ord`, or for want of memory) does not poison:
    /// the panic is one task's, and the primitive goes on for the others.
    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, S> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
