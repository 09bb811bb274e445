//! What one sees who looks at a primitive: plain values, the same for both kinds.

/// What a [`Barrier`](crate::Barrier) is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BarrierPhase {
    /// Parties arrive and wait.
    Filling,
    /// All parties have arrived, and not all of them have left.
    Draining,
    /// Aborted: nobody passes until it is reset.
    Broken,
}

/// A look at a [`Barrier`](crate::Barrier), from [`Barrier::stats`](crate::Barrier::stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BarrierStats {
    /// How many meet.
    pub parties: usize,
    /// What the barrier is doing.
    pub phase: BarrierPhase,
    /// How many wait for a meeting to be complete: this one, or the next while one drains.
    pub waiting: usize,
    /// How many have met and not left yet.
    pub leaving: usize,
}

/// A look at a [`CapacityLimiter`](crate::CapacityLimiter),
/// from [`CapacityLimiter::stats`](crate::CapacityLimiter::stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CapacityLimiterStats {
    /// How many tokens may be out.
    pub total: usize,
    /// How many are out, which is more than `total` after that was lowered.
    pub borrowed: usize,
    /// Operations in line.
    pub waiting: usize,
}

/// A look at a [`Condition`](crate::Condition),
/// from [`Condition::stats`](crate::Condition::stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConditionStats {
    /// Operations that wait for a notification.
    pub waiting: usize,
}

/// A look at an [`Event`](crate::Event), from [`Event::stats`](crate::Event::stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventStats {
    /// Whether the flag is set.
    pub set: bool,
    /// Operations that wait for it.
    pub waiting: usize,
}

/// A look at a [`Lock`](crate::Lock), from [`Lock::stats`](crate::Lock::stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockStats {
    /// Whether somebody holds the lock or has just been granted it.
    pub locked: bool,
    /// Operations in line.
    pub waiting: usize,
}

/// A look at a [`Notify`](crate::Notify), from [`Notify::stats`](crate::Notify::stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotifyStats {
    /// Whether a permit is there for the next who waits.
    pub permit: bool,
    /// Operations in line.
    pub waiting: usize,
}

/// A look at an [`RwLock`](crate::RwLock), from [`RwLock::stats`](crate::RwLock::stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RwLockStats {
    /// How many hold it for reading, or have just been granted that.
    pub readers: usize,
    /// Whether somebody holds it for writing, or has just been granted that.
    pub writing: bool,
    /// Operations in line, of both kinds.
    pub waiting: usize,
}

/// A look at a [`Semaphore`](crate::Semaphore),
/// from [`Semaphore::stats`](crate::Semaphore::stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SemaphoreStats {
    /// Permits that nobody holds and nobody has been granted.
    pub available: usize,
    /// Operations in line.
    pub waiting: usize,
}

/// A look at a queue, from [`OrderedQueue::stats`](crate::queue::OrderedQueue::stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStats {
    /// Items in the queue.
    pub len: usize,
    /// The bound of their number, if there is one.
    pub maxsize: Option<usize>,
    /// What the items weigh together, and those that have been promised a slot; 0 if nothing
    /// weighs them.
    pub bytes: usize,
    /// The bound of their weight, if there is one.
    pub max_bytes: Option<usize>,
    /// Items that were put and are not done yet, whether still in the queue or not.
    pub unfinished: usize,
    /// `get`s in line.
    pub getting: usize,
    /// `put`s in line.
    pub putting: usize,
    /// `join`s in line.
    pub joining: usize,
    /// Whether the queue was shut down.
    pub shut_down: bool,
}

/// A look at a channel, from [`Sender::stats`](crate::channel::mpmc::Sender::stats)
/// or [`Receiver::stats`](crate::channel::mpmc::Receiver::stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelStats {
    /// Items on their way.
    pub len: usize,
    /// The bound, if there is one.
    pub capacity: Option<usize>,
    /// Senders that are neither dropped nor closed.
    pub senders: usize,
    /// Receivers that are neither dropped nor closed.
    pub receivers: usize,
    /// `send`s in line.
    pub sending: usize,
    /// `recv`s in line.
    pub receiving: usize,
}

/// A look at a channel, from [`Sender::stats`](crate::watch::Sender::stats)
/// or [`Receiver::stats`](crate::watch::Receiver::stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatchStats {
    /// Senders that are there.
    pub senders: usize,
    /// Receivers that are there.
    pub receivers: usize,
    /// Receivers that wait for a change.
    pub waiting: usize,
}

/// A look at a channel, from [`Sender::stats`](crate::broadcast::Sender::stats)
/// or [`Receiver::stats`](crate::broadcast::Receiver::stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BroadcastStats {
    /// Items that are kept, whether or not somebody has yet to receive them.
    pub len: usize,
    /// The most items that are kept.
    pub capacity: usize,
    /// Senders that are there.
    pub senders: usize,
    /// Receivers that are there.
    pub receivers: usize,
    /// Receivers that wait for an item.
    pub waiting: usize,
}
