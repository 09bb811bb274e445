//! The same primitives for one thread, on plain cells.
//!
//! What is in here has the names, the promises and the methods of what is in the crate's root,
//! and costs a fraction: no atomics, no mutex, `Rc` for `Arc`. In return nothing of it leaves
//! the thread on which it was made, which the compiler holds, and there are no `blocking_*` ends,
//! because a thread that blocks could only wait for itself. Take it inside one event loop whose
//! tasks stay where they are.
//!
//! ```
//! use aioli_sync::local::channel;
//! use futures::{executor::block_on, join};
//! use std::rc::Rc;
//!
//! let (tx, rx) = channel(1);
//! let send = async move {
//!     for n in 0..3 {
//!         tx.send(Rc::new(n)).await.unwrap(); // what it carries need not be `Send` either
//!     }
//! };
//! let sum = async {
//!     let mut sum = 0;
//!     while let Ok(n) = rx.recv().await {
//!         sum += *n;
//!     }
//!     sum
//! };
//! assert_eq!(block_on(async { join!(send, sum) }).1, 3);
//! ```
//!
//! The sources are the same as well, compiled a second time over other cells, and so is the
//! documentation: for `aioli_sync::Lock` in an example read `aioli_sync::local::Lock`, and `Rc`
//! for `Arc`. Errors and `stats` are the same types for both kinds.
//!
//! Wakers may come from anywhere, and may be invoked anywhere: only the primitive stays.

#[path = "barrier.rs"]
mod barrier;
#[path = "capacity_limiter.rs"]
mod capacity_limiter;
#[path = "channel.rs"]
pub mod channel;
#[path = "condition.rs"]
mod condition;
#[path = "event.rs"]
mod event;
#[path = "lock.rs"]
mod lock;
#[path = "notify.rs"]
mod notify;
#[path = "once_cell.rs"]
mod once_cell;
#[path = "permits.rs"]
mod permits;
mod primitive;
#[path = "queue.rs"]
pub mod queue;
#[path = "raw_lock.rs"]
mod raw_lock;
#[path = "rw_lock.rs"]
mod rw_lock;
#[path = "semaphore.rs"]
mod semaphore;
#[cfg(feature = "sink")]
#[path = "sink.rs"]
mod sink;
#[path = "waiting.rs"]
mod waiting;
#[path = "word.rs"]
mod word;

pub use crate::error::{
    AlreadyBorrowing, Broken, Lagging, PutError, ReceiverGone, RecvError, SendError, SenderGone,
    ShutDown, TaskDoneError, TryGetError, TryPutError, TryRecvError, TrySendError, ZeroCapacity,
};
pub use crate::stats::{
    BarrierPhase, BarrierStats, CapacityLimiterStats, ConditionStats, EventStats, LockStats,
    NotifyStats, QueueStats, RwLockStats, SemaphoreStats,
};
pub use barrier::{Barrier, BarrierWait};
pub use capacity_limiter::{Borrowed, CapacityLimiter};
pub use channel::{broadcast, mpmc::channel, oneshot, watch};
pub use condition::{Condition, ConditionWait};
pub use event::{Event, EventWait};
pub use lock::{Lock, LockGuard, Locking, OwnedLockGuard};
pub use notify::{Notified, Notify};
pub use once_cell::OnceCell;
pub use queue::{LifoQueue, PriorityQueue, Queue, QueueBuilder, Taken};
pub use rw_lock::{ReadGuard, Reading, RwLock, WriteGuard, Writing};
pub use semaphore::{Acquire, OwnedPermit, Permit, Semaphore};
