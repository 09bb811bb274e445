//! Queues, channels and locks for any executor.
//!
//! ```
//! use aioli_sync::Queue;
//! use futures::{executor::block_on, join};
//!
//! let queue = Queue::new(5);
//! let producer = async {
//!     for page in 1..=20 {
//!         queue.put(page).await.unwrap(); // waits while five are in the queue
//!     }
//!     queue.join().await; // every page has been worked on
//!     queue.shutdown(); // the consumers end by themselves
//! };
//! let consumer = |name: &'static str| {
//!     queue.clone().for_each(async move |page| println!("{name} has page {page}"))
//! };
//! block_on(async { join!(producer, consumer("anne"), consumer("bob")) });
//! ```
//!
//! # Should I depend on this crate?
//!
//! Yes, when async code on *any* executor has to share, limit or hand over: this crate knows no
//! runtime, starts no thread, and depends on `futures-core` alone. You get what asyncio offers,
//! with its order of service, plus channels: nobody overtakes, and nothing is lost when a task is
//! cancelled at any await. An application takes the facade `aioli`, which re-exports everything.
//!
//! Not if you need the last nanosecond between threads, where a lock-free channel is faster; nor
//! for a value that is never held across an await, for which [`std::sync::Mutex`] is right.
//!
//! # In scope / Out of scope
//!
//! In scope, all of it but [`local`] `Send` and `Sync` as far as the values allow:
//!
//! | take | when | who is served first | a cancelled waiter leaves | asyncio |
//! |---|---|---|---|---|
//! | [`Queue`] | work is handed out, and one wants to know when it is *done*; bounded by number, or [by bytes](QueueBuilder::max_bytes) | oldest item to the longest wait | its item in the queue; a cancelled `put` has put nothing | `Queue` |
//! | [`PriorityQueue`] | … the smallest item goes first | smallest item, oldest among equals | as `Queue` | `PriorityQueue` |
//! | [`LifoQueue`] | … the newest item goes first | newest item | as `Queue` | `LifoQueue` |
//! | [`channel()`] | values flow, and the flow ends when one side goes away | oldest item to the longest wait | its item in the channel; a cancelled `send` has sent nothing | – |
//! | [`oneshot`] | one value, once | – | the value, if `&mut receiver` was awaited | `Future` |
//! | [`watch`] | many want to know the latest value | all at once, in order | the value unseen | – |
//! | [`broadcast`] | everybody gets every item | all at once, in order | the item unreceived | – |
//! | [`Lock`] | one at a time uses a value across awaits | longest wait | the lock to the next | `Lock` |
//! | [`RwLock`] | many read it or one changes it | longest wait, readers and writers alike | what it was granted to the next | – |
//! | [`Semaphore`] | so many at a time do something | longest wait, large requests not overtaken | its permits to the next | `Semaphore` |
//! | [`CapacityLimiter`] | … their number changes, or each may have one only | longest wait | its token to the next | – |
//! | [`Event`] | something has happened, tell everybody | all at once, in order | nothing | `Event` |
//! | [`Notify`] | one of those who wait is to look again, or the next who will | longest wait | its notification to the next, or as the permit | – |
//! | [`Condition`] | the value in a [`Lock`] must become something | longest wait | its notification to the next, and no lock | `Condition` |
//! | [`Barrier`] | so many must meet before they go on | all at once, by index | the meeting, one short | `Barrier` |
//! | [`OnceCell`] | a value is computed once, by whoever needs it first | longest wait | the computing to the next | – |
//! | [`local`] | all of these, and nothing leaves the thread: `Rc` for `Arc`, no atomics, a fraction of the cost | as above | as above | – |
//!
//! Beside them stands [`budget`], which keeps a task that finds everything ready from starving
//! the others. Every primitive has `stats()`, a plain look at its value and its lines.
//!
//! Out of scope: tasks, time and cancellation itself. A timeout around a `get` is
//! `aioli-flow`'s; to get it drops the future, which is all this crate needs to know.
//!
//! # Examples
//!
//! A limit across threads and executors, in permits that return by themselves:
//!
//! ```
//! use aioli_sync::Semaphore;
//! use std::sync::Arc;
//!
//! let limit = Arc::new(Semaphore::new(2));
//! let threads = (0..8).map(|n| {
//!     let limit = Arc::clone(&limit);
//!     std::thread::spawn(move || {
//!         futures::executor::block_on(async {
//!             let _permit = limit.acquire().await;
//!             n * n // at most two threads at a time are here
//!         })
//!     })
//! });
//! let threads: Vec<_> = threads.collect();
//! let sum: u32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
//! assert_eq!(sum, 140);
//! ```
//!
//! A stream that ends when the last sender is gone:
//!
//! ```
//! use aioli_sync::channel;
//! use futures::{StreamExt, executor::block_on};
//!
//! let (tx, rx) = channel::unbounded();
//! for n in 0..3 {
//!     tx.clone().try_send(n).unwrap();
//! }
//! drop(tx);
//! assert_eq!(block_on(rx.collect::<Vec<_>>()), [0, 1, 2]);
//! ```
//!
//! ## Threads
//!
//! A plain thread takes part with `blocking_*`: [`Lock::blocking_lock`], [`Queue::blocking_put`],
//! [`Event::blocking_wait`], and so on for each that can wait. They wait in the same line as
//! everybody. On the thread of an executor they stop its tasks, maybe those one waits for.
//!
//! ## One thread
//!
//! Inside one loop whose tasks stay where they are, [`local`] costs a fraction and takes items
//! that are not `Send`. Take the primitives of the root for what another thread may touch, for
//! `static`s, and when in doubt: moving from one to the other is a change of the `use` line.
//!
//! ```
//! use aioli_sync::local::Lock;
//! use std::rc::Rc;
//!
//! # futures::executor::block_on(async {
//! let shared = Rc::new(Lock::new(Rc::new(1)));
//! let guard = Rc::clone(&shared).lock_owned().await;
//! assert_eq!(**guard, 1);
//! # });
//! ```
//!
//! # Cancellation
//!
//! To cancel an operation is to drop its future, whenever you like. Whoever frees something (an
//! item, a slot, a permit, a lock) *grants* it to the first waiter then and there, so that nobody
//! can overtake; and a waiter that is dropped between its grant and its next poll hands the grant
//! on. A `get` that is dropped leaves its item where it was, order included; a `put` or `send`
//! that is dropped has put or sent nothing, and drops its item with it.
//!
//! The reverse of a grant is that its waiter has to be polled: a future that was granted a lock
//! and is then neither polled nor dropped keeps everybody waiting. Drop futures that you have
//! lost interest in.
//!
//! # Implementation
//!
//! Each primitive keeps its state, waiters included, behind a `std` mutex (in [`local`] a cell),
//! and each operation is one short critical section. What [`Lock`], [`RwLock`] and [`Semaphore`]
//! have to give stands in an atomic word before it: with nobody in line, one step takes and one
//! releases, and the mutex is not touched. All of them queue in the same wait list: a slab inside
//! the primitive, linked in order of arrival, in which a future finds its waiter by an index and a
//! ticket. So futures are `Unpin`, may be forgotten, and need no unsafe code; the only such code
//! are the guards of [`Lock`] and [`RwLock`], which lend out their value, and what says that
//! threads may share it. Queues and channels share a core that *promises* items and slots to
//! waiters and moves them only when a future completes.
//!
//! Waking another thread costs as much as hundreds of items. So where a queue or a channel is
//! served by another thread, who waits looks again for some 20 µs before its waker is noted, if that
//! has been paying off: it stands in line as everybody does, and its task is polled a few times more.
//! Within a thread this never happens.
//!
//! Wakers are invoked, and dropped, outside the critical section, and so are items: a waker may
//! poll inline, and an item's `Drop` may use its queue. An item's `Ord` in a [`PriorityQueue`]
//! may not.
//!
//! # Features
//!
//! * `sink`: [`Sender::into_sink`](channel::mpmc::Sender) and
//!   [`Queue::into_sink`](queue::OrderedQueue) make a `Sink` of the `futures` family.
//!
//! # Asyncio correspondence
//!
//! Searching these docs for a name of asyncio, such as `asyncio.Queue.put_nowait`, finds ours. On
//! purpose different:
//!
//! * What asyncio raises for a misuse of locks cannot be written here: releasing is dropping a
//!   guard, and [`Condition::wait`] takes one.
//! * A cancelled [`Condition::wait`] does not take the lock again: it has no guard to give back.
//! * `Queue(0)` means no bound there; here [`Queue::new`] refuses 0 and names
//!   [`Queue::unbounded`].
//! * After a shutdown, `get` and `put` return an error, with the item; nothing is raised.
//! * [`Queue::shutdown_now`] returns the items that asyncio drops.
//! * Equal items leave a [`PriorityQueue`] in order of arrival, those of a heap in any.
//! * The indices of a [`Barrier`] stay distinct when somebody is cancelled in between.
//!
//! [`Queue::blocking_get`]: queue::OrderedQueue::blocking_get
//! [`Queue::blocking_put`]: queue::OrderedQueue::blocking_put
//! [`Queue::new`]: queue::OrderedQueue::new
//! [`Queue::unbounded`]: queue::OrderedQueue::unbounded
//! [`Queue::shutdown_now`]: queue::OrderedQueue::shutdown_now

#![doc(test(attr(deny(warnings))))]
#![allow(
    clippy::duplicate_mod,
    reason = "`local` is the same sources over another `primitive.rs`"
)]

mod barrier;
mod blocking;
pub mod budget;
mod buffer;
mod capacity_limiter;
pub mod channel;
mod condition;
mod error;
mod event;
pub mod local;
mod lock;
mod notify;
mod once_cell;
mod order;
mod patience;
mod permits;
mod primitive;
pub mod queue;
mod raw_lock;
mod rw_lock;
mod semaphore;
#[cfg(feature = "sink")]
mod sink;
mod stats;
mod value;
mod wait;
mod wait_list;
mod waiting;
mod wakers;
mod word;

pub use barrier::{Barrier, BarrierWait};
pub use capacity_limiter::{Borrowed, CapacityLimiter};
pub use channel::{broadcast, mpmc::channel, oneshot, watch};
pub use condition::{Condition, ConditionWait};
pub use error::{
    AlreadyBorrowing, Broken, Lagging, PutError, ReceiverGone, RecvError, SendError, SenderGone,
    ShutDown, TaskDoneError, TryGetError, TryPutError, TryRecvError, TrySendError, ZeroCapacity,
};
pub use event::{Event, EventWait};
pub use lock::{Lock, LockGuard, Locking, OwnedLockGuard};
pub use notify::{Notified, Notify};
pub use once_cell::OnceCell;
pub use queue::{LifoQueue, PriorityQueue, Queue, QueueBuilder, Taken};
pub use rw_lock::{ReadGuard, Reading, RwLock, WriteGuard, Writing};
pub use semaphore::{Acquire, OwnedPermit, Permit, Semaphore};
pub use stats::{
    BarrierPhase, BarrierStats, CapacityLimiterStats, ConditionStats, EventStats, LockStats,
    NotifyStats, QueueStats, RwLockStats, SemaphoreStats,
};
pub use wakers::wake_all;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
