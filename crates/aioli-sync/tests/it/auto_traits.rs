//! Every public type, and what it is with an item that is everything, `Send` only, or nothing.

use aioli_sync::channel::mpmc;
use aioli_sync::queue::{self, Fifo, Lifo, Priority};
use aioli_sync::{
    Acquire, AlreadyBorrowing, Barrier, BarrierPhase, BarrierStats, BarrierWait, Borrowed, Broken,
    CapacityLimiter, CapacityLimiterStats, Condition, ConditionStats, ConditionWait, Event,
    EventStats, EventWait, Lagging, LifoQueue, Lock, LockGuard, LockStats, Locking, Notified,
    Notify, NotifyStats, OnceCell, OwnedLockGuard, OwnedPermit, Permit, PriorityQueue, PutError,
    Queue, QueueStats, ReadGuard, Reading, ReceiverGone, RecvError, RwLock, RwLockStats, Semaphore,
    SemaphoreStats, SendError, SenderGone, ShutDown, Taken, TaskDoneError, TryGetError,
    TryPutError, TryRecvError, TrySendError, WriteGuard, Writing, ZeroCapacity, broadcast, local,
    oneshot, watch,
};
use std::cell::Cell;
use std::error::Error;
use std::fmt::Debug;
use std::marker::{PhantomData, PhantomPinned};
use std::rc::Rc;

/// `Send` and not `Sync`.
type SendOnly = Cell<u32>;
/// Neither `Send` nor `Sync`.
type Local = Rc<u32>;

/// What the `Has*` types answer where their bound does not hold: an inherent constant, where
/// there is one, goes before a trait's.
trait Otherwise {
    const ANSWER: bool = false;
}

struct HasSend<T>(PhantomData<T>);
struct HasSync<T>(PhantomData<T>);
struct HasUnpin<T>(PhantomData<T>);

impl<T> Otherwise for HasSend<T> {}
impl<T> Otherwise for HasSync<T> {}
impl<T> Otherwise for HasUnpin<T> {}

impl<T: Send> HasSend<T> {
    const ANSWER: bool = true;
}
impl<T: Sync> HasSync<T> {
    const ANSWER: bool = true;
}
impl<T: Unpin> HasUnpin<T> {
    const ANSWER: bool = true;
}

/// Type, whether it is `Send`, whether it is `Sync`; all are `Unpin`.
macro_rules! check {
    ($($type:ty: $send:literal $sync:literal;)*) => {
        $(
            let name = stringify!($type);
            assert_eq!(<HasSend<$type>>::ANSWER, $send, "{name}: Send");
            assert_eq!(<HasSync<$type>>::ANSWER, $sync, "{name}: Sync");
            assert_eq!(<HasUnpin<$type>>::ANSWER, true, "{name}: Unpin");
        )*
    };
}

#[test]
fn plain_types() {
    check! {
        Event: true true;
        EventStats: true true;
        EventWait<'static>: true true;
        Semaphore: true true;
        SemaphoreStats: true true;
        Acquire<'static>: true true;
        Permit<'static>: true true;
        OwnedPermit: true true;
        CapacityLimiter: true true;
        CapacityLimiterStats: true true;
        Borrowed<'static>: true true;
        AlreadyBorrowing: true true;
        Lagging: true true;
        watch::WatchStats: true true;
        broadcast::BroadcastStats: true true;
        Notify: true true;
        NotifyStats: true true;
        Notified<'static>: true true;
        Condition: true true;
        ConditionStats: true true;
        Barrier: true true;
        BarrierPhase: true true;
        BarrierStats: true true;
        BarrierWait<'static>: true true;
        QueueStats: true true;
        LockStats: true true;
        RwLockStats: true true;
        mpmc::ChannelStats: true true;
        Broken: true true;
        ZeroCapacity: true true;
        RecvError: true true;
        SenderGone: true true;
        TaskDoneError: true true;
        TryGetError: true true;
        TryRecvError: true true;
    }
}

#[test]
fn types_with_an_item_that_may_be_sent() {
    check! {
        Queue<SendOnly>: true true;
        PriorityQueue<SendOnly>: true true;
        LifoQueue<SendOnly>: true true;
        queue::Put<'static, SendOnly>: true false;
        queue::Get<'static, SendOnly>: true true;
        queue::Join<'static, SendOnly>: true true;
        queue::DoneMark<SendOnly>: true true;
        Taken<SendOnly>: true false;
        Taken<u32>: true true;
        mpmc::Sender<SendOnly>: true true;
        mpmc::Receiver<SendOnly>: true true;
        mpmc::SendFuture<'static, SendOnly>: true false;
        mpmc::RecvFuture<'static, SendOnly>: true true;
        mpmc::RecvManyFuture<'static, SendOnly>: true false;
        mpmc::RecvManyFuture<'static, u32>: true true;
        watch::Sender<u32>: true true;
        watch::Receiver<u32>: true true;
        watch::Sender<SendOnly>: false false;
        watch::Changed<'static, u32>: true true;
        broadcast::Sender<u32>: true true;
        broadcast::Receiver<u32>: true true;
        broadcast::Receiver<SendOnly>: false false;
        broadcast::Recv<'static, u32>: true true;
        oneshot::Sender<SendOnly>: true true;
        oneshot::Receiver<SendOnly>: true true;
        Lock<SendOnly>: true true;
        Locking<'static, SendOnly>: true true;
        LockGuard<'static, SendOnly>: true false;
        LockGuard<'static, u32>: true true;
        OwnedLockGuard<SendOnly>: true false;
        OwnedLockGuard<u32>: true true;
        ConditionWait<'static, 'static, SendOnly>: true false;
        ConditionWait<'static, 'static, u32>: true true;
        RwLock<SendOnly>: true false;
        RwLock<u32>: true true;
        Reading<'static, u32>: true true;
        Writing<'static, u32>: true true;
        ReadGuard<'static, u32>: true true;
        ReadGuard<'static, SendOnly>: false false;
        WriteGuard<'static, u32>: true true;
        WriteGuard<'static, SendOnly>: false false;
        OnceCell<SendOnly>: true false;
        OnceCell<u32>: true true;
        ShutDown: true true;
        PutError<SendOnly>: true false;
        queue::QueueBuilder<SendOnly>: true true;
        TryPutError<u32>: true true;
        SendError<u32>: true true;
        TrySendError<u32>: true true;
        ReceiverGone<u32>: true true;
    }
}

#[test]
fn types_with_an_item_that_may_not_be_sent() {
    check! {
        Queue<Local>: false false;
        queue::Put<'static, Local>: false false;
        queue::Get<'static, Local>: false false;
        queue::Join<'static, Local>: false false;
        Taken<Local>: false false;
        mpmc::Sender<Local>: false false;
        mpmc::Receiver<Local>: false false;
        mpmc::RecvFuture<'static, Local>: false false;
        oneshot::Sender<Local>: false false;
        oneshot::Receiver<Local>: false false;
        Lock<Local>: false false;
        Locking<'static, Local>: false false;
        LockGuard<'static, Local>: false false;
        OwnedLockGuard<Local>: false false;
        RwLock<Local>: false false;
        OnceCell<Local>: false false;
    }
}

#[test]
fn futures_can_be_moved_whatever_they_carry() {
    check! {
        queue::Put<'static, PhantomPinned>: true true;
        queue::Get<'static, PhantomPinned, Lifo>: true true;
        queue::Get<'static, u32, Priority>: true true;
        queue::Join<'static, PhantomPinned, Fifo>: true true;
        mpmc::SendFuture<'static, PhantomPinned>: true true;
        mpmc::Receiver<PhantomPinned>: true true;
        oneshot::Receiver<PhantomPinned>: true true;
        Locking<'static, PhantomPinned>: true true;
        ConditionWait<'static, 'static, PhantomPinned>: true true;
    }
}

/// Nothing of `local` leaves its thread, whatever it carries.
#[test]
fn local_types_stay() {
    check! {
        local::Event: false false;
        local::EventWait<'static>: false false;
        local::Notify: false false;
        local::Notified<'static>: false false;
        local::Semaphore: false false;
        local::Acquire<'static>: false false;
        local::Permit<'static>: false false;
        local::OwnedPermit: false false;
        local::CapacityLimiter: false false;
        local::Borrowed<'static>: false false;
        local::Condition: false false;
        local::ConditionWait<'static, 'static, u32>: false false;
        local::Barrier: false false;
        local::BarrierWait<'static>: false false;
        local::Queue<u32>: false false;
        local::PriorityQueue<u32>: false false;
        local::LifoQueue<u32>: false false;
        local::queue::Put<'static, u32>: false false;
        local::queue::Get<'static, u32>: false false;
        local::queue::Join<'static, u32>: false false;
        local::queue::DoneMark<u32>: false false;
        local::Taken<u32>: false false;
        local::channel::mpmc::Sender<u32>: false false;
        local::channel::mpmc::Receiver<u32>: false false;
        local::channel::mpmc::SendFuture<'static, u32>: false false;
        local::channel::mpmc::RecvFuture<'static, u32>: false false;
        local::channel::mpmc::RecvManyFuture<'static, u32>: false false;
        local::watch::Sender<u32>: false false;
        local::watch::Receiver<u32>: false false;
        local::watch::Changed<'static, u32>: false false;
        local::broadcast::Sender<u32>: false false;
        local::broadcast::Receiver<u32>: false false;
        local::broadcast::Recv<'static, u32>: false false;
        local::oneshot::Sender<u32>: false false;
        local::oneshot::Receiver<u32>: false false;
        local::Lock<u32>: false false;
        local::Locking<'static, u32>: false false;
        local::LockGuard<'static, u32>: false false;
        local::OwnedLockGuard<u32>: false false;
        local::RwLock<u32>: false false;
        local::Reading<'static, u32>: false false;
        local::Writing<'static, u32>: false false;
        local::ReadGuard<'static, u32>: false false;
        local::WriteGuard<'static, u32>: false false;
        local::OnceCell<u32>: false false;
    }
}

/// The futures of `async fn`s, which have no names.
#[test]
fn unnamed_futures_are_send() {
    fn send<T: Send>(_: &T) {}
    let queue = Queue::<SendOnly>::unbounded();
    send(&queue.take());
    send(&queue.clone().for_each(async |_| ()));
    send(&queue.clone().try_for_each(async |_| Ok::<(), Broken>(())));
    let (lock, semaphore) = (Lock::new(Cell::new(0)).into(), Semaphore::new(1).into());
    send(&Lock::lock_owned(std::sync::Arc::clone(&lock)));
    send(&Semaphore::acquire_owned(std::sync::Arc::clone(&semaphore)));
    send(&Semaphore::acquire_many_owned(semaphore, 2));
    let condition = Condition::new();
    if let Some(guard) = lock.try_lock() {
        send(&condition.wait_for(guard, |_| true));
    }
    let cell = OnceCell::new();
    send(&cell.get_or_init(async || 1));
    send(&cell.get_or_try_init(async || Ok::<u32, Broken>(1)));
    let (mut tx, _rx) = oneshot::channel::<SendOnly>();
    send(&tx.closed());
}

/// `?` takes the errors with items into boxed errors, with no `Debug` asked of the item.
#[test]
fn errors_are_errors_whatever_they_carry() {
    struct Opaque;
    fn boxed(error: impl Error + Send + Sync + 'static) {
        let _: Box<dyn Error + Send + Sync> = error.into();
    }
    boxed(PutError::ShutDown(Opaque));
    boxed(TryPutError::Full(Opaque));
    boxed(SendError::Broken(Opaque));
    boxed(TrySendError::Closed(Opaque));
    boxed(ReceiverGone(Opaque));

    fn debug<T: Debug>() {}
    debug::<Queue<Opaque>>();
    debug::<mpmc::Sender<Opaque>>();
    debug::<oneshot::Receiver<Opaque>>();
}
