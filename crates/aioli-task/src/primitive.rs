//! The locks of the parts that are model-checked: the standard ones, or loom's.
//!
//! Reference counts are the standard ones in both cases: loom's cannot hold trait objects.

pub(crate) use std::sync::{Arc, PoisonError};

#[cfg(loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
pub(crate) use std::sync::{Mutex, MutexGuard};
