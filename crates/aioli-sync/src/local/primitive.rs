//! What the primitives are made of where one thread alone has them.

pub(crate) use crate::value::{ToNobody as ToMany, ToNobody as ToOne};
pub(crate) use std::cell::OnceCell as OnceValue;
pub(crate) use std::rc::Rc as Ref;

use std::cell::{Cell, RefCell, RefMut};
use std::marker::PhantomData;
use std::sync::atomic::Ordering;

/// Orderings say nothing to a single thread.
#[inline]
pub(crate) const fn order(_number: u32, ordering: Ordering) -> Ordering {
    ordering
}

/// Whether waiters here may be served by other threads.
pub(crate) const IS_SHARED: bool = false;

/// A state that one at a time may touch, on the thread that it was made on.
pub(crate) struct Guarded<S> {
    state: RefCell<S>,
    stays: PhantomData<Ref<()>>,
}

impl<S> Guarded<S> {
    pub(crate) const fn new(state: S) -> Guarded<S> {
        Guarded {
            state: RefCell::new(state),
            stays: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn lock(&self) -> RefMut<'_, S> {
        self.state.borrow_mut()
    }
}

/// A number with the methods of an atomic one, as far as `word.rs` uses them.
pub(crate) struct AtomicUsize(Cell<usize>);

impl AtomicUsize {
    pub(crate) const fn new(value: usize) -> AtomicUsize {
        AtomicUsize(Cell::new(value))
    }

    #[inline]
    pub(crate) fn load(&self, _: Ordering) -> usize {
        self.0.get()
    }

    #[inline]
    pub(crate) fn store(&self, value: usize, _: Ordering) {
        self.0.set(value);
    }

    #[inline]
    pub(crate) fn fetch_or(&self, bits: usize, _: Ordering) -> usize {
        self.0.replace(self.0.get() | bits)
    }

    #[inline]
    pub(crate) fn compare_exchange_weak(
        &self,
        current: usize,
        new: usize,
        _: Ordering,
        _: Ordering,
    ) -> Result<usize, usize> {
        match self.0.get() {
            value if value == current => Ok(self.0.replace(new)),
            value => Err(value),
        }
    }
}
