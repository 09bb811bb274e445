//! The value that a lock owns and its guards lend out.
#![expect(
    unsafe_code,
    reason = "whether threads may share it depends on who it is lent to"
)]

use std::cell::UnsafeCell;
use std::marker::PhantomData;

/// Lent to one guard at a time, on any thread.
pub(crate) enum ToOne {}

/// Lent to one guard that changes it, or to many that read it, on any threads.
pub(crate) enum ToMany {}

/// Not lent to other threads.
pub(crate) enum ToNobody {}

/// A value that is reached through a pointer only.
///
/// # Invariants
///
/// Whoever uses the pointer of a `Value<T, ToOne>` does so on one thread at a time; whoever
/// uses that of a `Value<T, ToMany>` does so too, or only reads.
pub(crate) struct Value<T: ?Sized, L> {
    lent: PhantomData<L>,
    cell: UnsafeCell<T>,
}

// SAFETY: one thread at a time has `&mut T` (the invariant), and so possibly for good, which is
// sending it: `T: Send` is needed, and is enough.
unsafe impl<T: ?Sized + Send> Sync for Value<T, ToOne> {}
// SAFETY: several threads have `&T` at once, for which `T: Sync` is needed, or one has `&mut T`
// (the invariant), possibly for good, for which `T: Send` is.
unsafe impl<T: ?Sized + Send + Sync> Sync for Value<T, ToMany> {}

impl<T, L> Value<T, L> {
    pub(crate) const fn new(value: T) -> Value<T, L> {
        Value {
            lent: PhantomData,
            cell: UnsafeCell::new(value),
        }
    }

    pub(crate) fn into_inner(self) -> T {
        self.cell.into_inner()
    }
}

impl<T: ?Sized, L> Value<T, L> {
    #[inline]
    pub(crate) const fn get(&self) -> *mut T {
        self.cell.get()
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.cell.get_mut()
    }
}
