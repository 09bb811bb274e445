//! What the workloads ask of a runtime, by aioli's primitives for one thread.

#[expect(
    clippy::duplicate_mod,
    reason = "the same functions over other primitives"
)]
#[path = "../primitives.rs"]
mod primitives;

use std::rc::Rc;

pub(crate) use crate::rt::{block_on, detach, join, sleep, spawn, timeout, yield_now};
pub(crate) use kind::{Event, Lock};
pub(crate) use primitives::{channel, lock, put, queue, recv, send, take, wait};

/// How tasks share things.
pub(crate) type Shared<T> = Rc<T>;

/// The primitives.
mod kind {
    pub(crate) use aioli::sync::local::channel::mpmc::{Receiver, Sender};
    pub(crate) use aioli::sync::local::{Event, Lock, LockGuard, Queue, channel as make_channel};
}
