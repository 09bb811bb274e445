//! The locks and atomics of the parts that are model-checked: the standard ones, or loom's.
//!
//! Reference counts are the standard ones in both cases: loom's cannot hold trait objects.

pub(crate) use std::sync::{Arc, PoisonError};

#[cfg(loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
pub(crate) use std::sync::{Mutex, MutexGuard};

/// Atomics, and orderings that a model can weaken.
pub(crate) mod atomic {
    #[cfg(loom)]
    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering,
    };
    #[cfg(not(loom))]
    pub(crate) use std::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering,
    };

    /// The ordering that a model replaces by `Relaxed`, by its number; zero is none.
    #[cfg(loom)]
    pub(crate) static WEAKENED: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

    /// The ordering with this number in its file, which a model may weaken to see that it fails.
    #[cfg(loom)]
    pub(crate) fn order(number: u32, ordering: Ordering) -> Ordering {
        match WEAKENED.load(std::sync::atomic::Ordering::Relaxed) {
            weakened if weakened == number => Ordering::Relaxed,
            _ => ordering,
        }
    }

    /// The ordering with this number in its file.
    #[cfg(not(loom))]
    pub(crate) const fn order(_number: u32, ordering: Ordering) -> Ordering {
        ordering
    }
}
