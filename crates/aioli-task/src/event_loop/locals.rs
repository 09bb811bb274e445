//! What the crates above keep with a loop for its own thread, by type.
#![expect(
    unsafe_code,
    reason = "compares types without a call, as `Any` needs one"
)]

use std::any::{Any, TypeId};
use std::cell::OnceCell;
use std::ptr;

/// A list that only grows, so that what is in it can be borrowed for as long as the list. It has one
/// or two entries: what is looked for is nearly always the first.
#[derive(Default)]
pub(crate) struct Locals {
    first: OnceCell<Local>,
    rest: OnceCell<Box<Locals>>,
}

/// # Invariants
///
/// `id` is the type of `value`.
struct Local {
    id: TypeId,
    value: Box<dyn Any>,
}

impl Locals {
    /// The value of this type, if there is one.
    // PERF: `timeout_yield`.
    #[inline(always)]
    pub(crate) fn get<T: 'static>(&self) -> Option<&T> {
        let Local { id, value } = self.first.get()?;
        if *id != TypeId::of::<T>() {
            return self.get_rest();
        }
        // SAFETY: the pointer has to be good for a `T` for as long as `self` is borrowed. The value is
        // one (invariant), and stays in its box, shared only, for nothing is taken out of a cell that
        // is borrowed.
        Some(unsafe { &*ptr::from_ref::<dyn Any>(&**value).cast::<T>() })
    }

    #[cold]
    fn get_rest<T: 'static>(&self) -> Option<&T> {
        self.rest.get()?.get()
    }

    /// Adds a value, unless there is one of this type. Returns whether it was added.
    pub(crate) fn set<T: 'static>(&self, value: T) -> bool {
        let id = TypeId::of::<T>();
        match self.first.get() {
            None => {
                let value = Box::new(value);
                self.first.set(Local { id, value }).is_ok()
            }
            Some(first) if first.id == id => false,
            Some(_) => self.rest.get_or_init(Box::default).set(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Locals;

    #[test]
    fn there_is_one_value_of_each_type() {
        let locals = Locals::default();
        assert_eq!(locals.get::<u8>(), None);
        assert!(locals.set(1_u8));
        assert!(locals.set("one"));
        assert!(!locals.set(2_u8));
        assert!(!locals.set("two"));
        assert_eq!(locals.get::<u8>(), Some(&1));
        assert_eq!(locals.get::<&str>(), Some(&"one"));
        assert_eq!(locals.get::<u16>(), None);
    }
}
