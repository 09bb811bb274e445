//! Random operations against the obvious model of each primitive.
//!
//! Each run keeps a handful of waiting futures and polls, drops or starts them at random.

use super::kind::{Lock, Permit, PriorityQueue, PutError, Queue, Semaphore, ShutDown, TryPutError};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

fn poll<T>(future: &mut Boxed<'_, T>) -> Poll<T> {
    future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
}

#[derive(Clone, Debug)]
enum QueueOp {
    TryPut,
    TryGet,
    StartPut,
    StartGet,
    PollPut(usize),
    PollGet(usize),
    DropPut(usize),
    DropGet(usize),
}

fn queue_ops() -> impl Strategy<Value = Vec<QueueOp>> {
    let op = prop_oneof![
        Just(QueueOp::TryPut),
        Just(QueueOp::TryGet),
        Just(QueueOp::StartPut),
        Just(QueueOp::StartGet),
        any::<usize>().prop_map(QueueOp::PollPut),
        any::<usize>().prop_map(QueueOp::PollGet),
        any::<usize>().prop_map(QueueOp::DropPut),
        any::<usize>().prop_map(QueueOp::DropGet),
    ];
    vec(op, 0..120)
}

/// What is in the queue, and who waits: each with whether it has been promised its due.
struct QueueModel {
    maxsize: usize,
    max_bytes: usize,
    weigh: fn(&u32) -> usize,
    items: VecDeque<u32>,
    getters: Vec<(u32, bool)>,
    putters: Vec<(u32, bool)>,
}

impl QueueModel {
    fn promised(waiters: &[(u32, bool)]) -> usize {
        waiters.iter().filter(|(_, promised)| *promised).count()
    }

    fn free_items(&self) -> usize {
        self.items.len() - Self::promised(&self.getters)
    }

    fn bytes(&self) -> usize {
        let promised = self.putters.iter().filter(|(_, promised)| *promised);
        let promised = promised.map(|(item, _)| (self.weigh)(item));
        promised.chain(self.items.iter().map(self.weigh)).sum()
    }

    fn fits(&self, item: u32) -> bool {
        self.items.len() + Self::promised(&self.putters) < self.maxsize
            && self.bytes() + (self.weigh)(&item) <= self.max_bytes
    }

    /// Whether an item can go in past nobody.
    fn has_room(&self, item: u32) -> bool {
        self.putters.iter().all(|(_, promised)| *promised) && self.fits(item)
    }

    fn is_too_large(&self, item: u32) -> bool {
        (self.weigh)(&item) > self.max_bytes
    }

    fn pop(&mut self) -> u32 {
        self.items.pop_front().expect("there is an item")
    }

    /// Promises what is free to those who have waited longest.
    fn settle(&mut self) {
        let free = self.free_items();
        let unpromised = self.getters.iter_mut().filter(|(_, promised)| !promised);
        unpromised
            .take(free)
            .for_each(|(_, promised)| *promised = true);
        for at in 0..self.putters.len() {
            let (item, promised) = self.putters[at];
            if !promised && !self.fits(item) {
                break;
            }
            self.putters[at].1 = true;
        }
    }
}

/// The queue next to its model. The futures that wait stand in the order of the model's.
struct QueueRun<'q> {
    queue: &'q Queue<u32>,
    model: QueueModel,
    gets: Vec<Boxed<'q, Result<u32, ShutDown>>>,
    puts: Vec<Boxed<'q, Result<(), PutError<u32>>>>,
}

impl QueueRun<'_> {
    fn check(queue: &Queue<u32>, weigh: fn(&u32) -> usize, ops: Vec<QueueOp>) {
        let mut run = QueueRun {
            queue,
            model: QueueModel {
                maxsize: queue.maxsize().expect("it has a bound"),
                max_bytes: queue.stats().max_bytes.unwrap_or(usize::MAX),
                weigh,
                items: VecDeque::new(),
                getters: Vec::new(),
                putters: Vec::new(),
            },
            gets: Vec::new(),
            puts: Vec::new(),
        };
        for (serial, op) in (0u32..).zip(ops) {
            run.step(serial, op);
        }
    }

    fn step(&mut self, serial: u32, op: QueueOp) {
        match op {
            QueueOp::TryPut => {
                let put = self.queue.try_put(serial);
                if self.model.is_too_large(serial) {
                    assert_eq!(put, Err(TryPutError::TooLarge(serial)));
                } else if self.model.has_room(serial) {
                    assert_eq!(put, Ok(()));
                    self.model.items.push_back(serial);
                } else {
                    assert_eq!(put, Err(TryPutError::Full(serial)));
                }
            }
            QueueOp::TryGet => {
                let got = self.queue.try_get().ok();
                let is_free = self.model.free_items() > 0;
                assert_eq!(got, is_free.then(|| self.model.pop()));
            }
            QueueOp::StartPut => self.start_put(serial),
            QueueOp::StartGet => self.start_get(serial),
            QueueOp::PollPut(pick) if !self.puts.is_empty() => self.poll_put(pick),
            QueueOp::PollGet(pick) if !self.gets.is_empty() => self.poll_get(pick),
            QueueOp::DropPut(pick) if !self.puts.is_empty() => {
                let pick = pick % self.puts.len();
                drop(self.puts.remove(pick));
                self.model.putters.remove(pick);
            }
            QueueOp::DropGet(pick) if !self.gets.is_empty() => {
                let pick = pick % self.gets.len();
                drop(self.gets.remove(pick));
                self.model.getters.remove(pick);
            }
            _ => {}
        }
        self.model.settle();
        let stats = self.queue.stats();
        let waiting = |waiters: &[(u32, bool)]| waiters.len() - QueueModel::promised(waiters);
        assert_eq!(stats.len, self.model.items.len());
        assert_eq!(stats.bytes, self.model.bytes());
        assert_eq!(stats.getting, waiting(&self.model.getters));
        assert_eq!(stats.putting, waiting(&self.model.putters));
    }

    fn start_put(&mut self, item: u32) {
        let mut put: Boxed<'_, _> = Box::pin(self.queue.put(item));
        let polled = poll(&mut put);
        if self.model.is_too_large(item) {
            assert_eq!(polled, Poll::Ready(Err(PutError::TooLarge(item))));
        } else if self.model.has_room(item) {
            assert_eq!(polled, Poll::Ready(Ok(())));
            self.model.items.push_back(item);
        } else {
            assert_eq!(polled, Poll::Pending);
            self.puts.push(put);
            self.model.putters.push((item, false));
        }
    }

    fn start_get(&mut self, serial: u32) {
        let mut get: Boxed<'_, _> = Box::pin(self.queue.get());
        let polled = poll(&mut get);
        if self.model.free_items() > 0 {
            assert_eq!(polled, Poll::Ready(Ok(self.model.pop())));
        } else {
            assert_eq!(polled, Poll::Pending);
            self.gets.push(get);
            self.model.getters.push((serial, false));
        }
    }

    fn poll_put(&mut self, pick: usize) {
        let pick = pick % self.puts.len();
        let (item, promised) = self.model.putters[pick];
        assert_eq!(poll(&mut self.puts[pick]).is_ready(), promised);
        if promised {
            drop(self.puts.remove(pick));
            self.model.putters.remove(pick);
            self.model.items.push_back(item);
        }
    }

    fn poll_get(&mut self, pick: usize) {
        let pick = pick % self.gets.len();
        let polled = poll(&mut self.gets[pick]);
        if self.model.getters[pick].1 {
            drop(self.gets.remove(pick));
            self.model.getters.remove(pick);
            assert_eq!(polled, Poll::Ready(Ok(self.model.pop())));
        } else {
            assert_eq!(polled, Poll::Pending);
        }
    }
}

proptest::proptest! {
    #[test]
    fn queue_is_a_bounded_vec_deque(maxsize in 1usize..4, ops in queue_ops()) {
        QueueRun::check(&Queue::new(maxsize), |_| 0, ops);
    }

    #[test]
    fn queue_is_bounded_by_bytes(maxsize in 1usize..6, max_bytes in 1usize..8, ops in queue_ops()) {
        let weigh = |item: &u32| *item as usize % 5;
        let queue = Queue::builder().max_items(maxsize).max_bytes(max_bytes, weigh).build();
        QueueRun::check(&queue, weigh, ops);
    }

    #[test]
    fn priority_queue_is_a_stable_sort(keys in vec(0u8..8, 0..100)) {
        let queue = PriorityQueue::unbounded();
        let mut expected: Vec<_> = keys.into_iter().zip(0u32..).map(ByKey).collect();
        for item in &expected {
            queue.try_put(item.clone()).expect("it is unbounded");
        }
        expected.sort_by_key(|ByKey((key, _))| *key);
        let got: Vec<_> = std::iter::from_fn(|| queue.try_get().ok()).map(|ByKey(it)| it).collect();
        assert_eq!(got, expected.into_iter().map(|ByKey(it)| it).collect::<Vec<_>>());
    }

    #[test]
    fn semaphore_is_a_counter_with_a_line(permits in 0usize..4, ops in permit_ops()) {
        let semaphore = Semaphore::new(permits);
        let mut run = SemaphoreRun {
            semaphore: &semaphore,
            free: permits,
            held: Vec::new(),
            waiting: Vec::new(),
        };
        for op in ops {
            run.step(op);
        }
    }

    #[test]
    fn lock_has_one_owner(ops in vec((0u8..4, any::<usize>()), 0..120)) {
        let lock = Lock::new(0u32);
        let mut guard = None;
        let mut waiting: VecDeque<Boxed<'_, _>> = VecDeque::new();
        let mut entered = 0;
        for (op, pick) in ops {
            match op {
                0 => {
                    let mut locking: Boxed<'_, _> = Box::pin(lock.lock());
                    match poll(&mut locking) {
                        Poll::Ready(it) => assert!(guard.replace(it).is_none()),
                        Poll::Pending => waiting.push_back(locking),
                    }
                }
                1 => guard = None,
                2 if !waiting.is_empty() => drop(waiting.remove(pick % waiting.len())),
                3 if !waiting.is_empty() => {
                    let pick = pick % waiting.len();
                    if let Poll::Ready(it) = poll(&mut waiting[pick]) {
                        assert_eq!(pick, 0, "first come, first served");
                        assert!(guard.replace(it).is_none(), "two guards");
                        waiting.remove(pick);
                    }
                }
                _ => {}
            }
            if let Some(guard) = &mut guard {
                **guard += 1;
                entered += 1;
            }
            assert_eq!(lock.is_locked(), guard.is_some() || !waiting.is_empty());
        }
        drop((guard, waiting));
        assert_eq!(lock.into_inner(), entered);
    }
}

/// A semaphore next to its model: a counter, and the waiters each with what it wants and
/// whether it has been granted that.
struct SemaphoreRun<'s> {
    semaphore: &'s Semaphore,
    free: usize,
    held: Vec<Permit<'s>>,
    waiting: Vec<(usize, bool, Boxed<'s, Permit<'s>>)>,
}

impl SemaphoreRun<'_> {
    fn step(&mut self, op: PermitOp) {
        let nobody_waits = self.waiting.iter().all(|(_, granted, _)| *granted);
        match op {
            PermitOp::TryAcquire(n) => {
                let permit = self.semaphore.try_acquire_many(n);
                assert_eq!(permit.is_some(), nobody_waits && n <= self.free);
                self.free -= permit.as_ref().map_or(0, Permit::count);
                self.held.extend(permit);
            }
            PermitOp::Start(n) => {
                let mut acquire: Boxed<'_, _> = Box::pin(self.semaphore.acquire_many(n));
                if let Poll::Ready(permit) = poll(&mut acquire) {
                    assert!(nobody_waits && n <= self.free);
                    self.free -= n;
                    self.held.push(permit);
                } else {
                    self.waiting.push((n, false, acquire));
                }
            }
            PermitOp::Poll(pick) if !self.waiting.is_empty() => {
                let pick = pick % self.waiting.len();
                let (_, granted, acquire) = &mut self.waiting[pick];
                let polled = poll(acquire);
                assert_eq!(polled.is_ready(), *granted);
                if let Poll::Ready(permit) = polled {
                    drop(self.waiting.remove(pick));
                    self.held.push(permit);
                }
            }
            PermitOp::Drop(pick) if !self.waiting.is_empty() => {
                let (n, granted, _) = self.waiting.remove(pick % self.waiting.len());
                self.free += if granted { n } else { 0 };
            }
            PermitOp::Release(pick) if !self.held.is_empty() => {
                let pick = pick % self.held.len();
                self.free += self.held.swap_remove(pick).count();
            }
            PermitOp::Add(n) => {
                self.semaphore.add_permits(n);
                self.free += n;
            }
            _ => {}
        }
        self.settle();
        assert_eq!(self.semaphore.available(), self.free);
    }

    /// Grants in order, until there is not enough for the next.
    fn settle(&mut self) {
        for (n, granted, _) in self.waiting.iter_mut().filter(|(_, granted, _)| !granted) {
            if *n > self.free {
                break;
            }
            *granted = true;
            self.free -= *n;
        }
    }
}

/// Compares by key only, so that equals can be told apart.
#[derive(Clone, Debug)]
struct ByKey((u8, u32));

impl PartialEq for ByKey {
    fn eq(&self, other: &ByKey) -> bool {
        self.0.0 == other.0.0
    }
}

impl Eq for ByKey {}

impl PartialOrd for ByKey {
    fn partial_cmp(&self, other: &ByKey) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByKey {
    fn cmp(&self, other: &ByKey) -> std::cmp::Ordering {
        self.0.0.cmp(&other.0.0)
    }
}

#[derive(Clone, Debug)]
enum PermitOp {
    TryAcquire(usize),
    Start(usize),
    Poll(usize),
    Drop(usize),
    Release(usize),
    Add(usize),
}

fn permit_ops() -> impl Strategy<Value = Vec<PermitOp>> {
    let op = prop_oneof![
        (0usize..4).prop_map(PermitOp::TryAcquire),
        (0usize..4).prop_map(PermitOp::Start),
        any::<usize>().prop_map(PermitOp::Poll),
        any::<usize>().prop_map(PermitOp::Drop),
        any::<usize>().prop_map(PermitOp::Release),
        (0usize..3).prop_map(PermitOp::Add),
    ];
    vec(op, 0..120)
}
