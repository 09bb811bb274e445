//! Queues, channels and locks for any executor.

pub mod budget;
mod buffer;
mod error;
mod event;
mod lock;
mod permits;
pub mod queue;
mod raw_lock;
mod semaphore;
mod wait_list;
mod waiting;

pub use error::{ShutDown, TaskDoneError, TryGetError, TryPutError};
pub use event::{Event, EventStats, EventWait};
pub use lock::{Lock, LockGuard, LockStats, Locking, OwnedLockGuard};
pub use queue::{LifoQueue, PriorityQueue, Queue, QueueStats, Taken};
pub use semaphore::{Acquire, OwnedPermit, Permit, Semaphore, SemaphoreStats};
