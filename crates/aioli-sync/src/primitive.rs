//! What `word.rs` needs from outside, so that its models can put loom's in place of it.

pub(crate) use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

/// The ordering with this number in its file.
#[inline]
pub(crate) const fn order(_number: u32, ordering: Ordering) -> Ordering {
    ordering
}
