//! Queues, channels and locks for any executor.

mod barrier;
pub mod budget;
mod buffer;
pub mod channel;
mod condition;
mod error;
mod event;
mod lock;
mod once_cell;
mod permits;
pub mod queue;
mod raw_lock;
mod rw_lock;
mod semaphore;
mod wait_list;
mod waiting;

pub use barrier::{Barrier, BarrierPhase, BarrierStats, BarrierWait};
pub use channel::{mpmc::channel, oneshot};
pub use condition::{Condition, ConditionStats, ConditionWait};
pub use error::{
    Broken, ReceiverGone, RecvError, SendError, SenderGone, ShutDown, TaskDoneError, TryGetError,
    TryPutError, TryRecvError, TrySendError,
};
pub use event::{Event, EventStats, EventWait};
pub use lock::{Lock, LockGuard, LockStats, Locking, OwnedLockGuard};
pub use once_cell::OnceCell;
pub use queue::{LifoQueue, PriorityQueue, Queue, QueueStats, Taken};
pub use rw_lock::{ReadGuard, Reading, RwLock, RwLockStats, WriteGuard, Writing};
pub use semaphore::{Acquire, OwnedPermit, Permit, Semaphore, SemaphoreStats};
