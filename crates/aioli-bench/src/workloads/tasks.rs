//! Tasks, hand-offs, locks and timers, over the module `rt` of the program this is part of.
//!
//! The text is the same for every peer; what its names mean is the peer's business. `rt` has
//! `block_on`, `spawn`, `join`, `detach`, `yield_now`, channels (`channel`, `send`, `recv`) and
//! queues (`queue`, `put`, `take`), a `Lock` around a number, `timeout`, `sleep`, an `Event`, and
//! `Shared`, the pointer by which its tasks share things.

use std::future::{poll_fn, ready};
use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use harness::{Meter, Outcome, Run, Sample, os};

use super::rt;

/// Longer than any run.
const HOUR: Duration = Duration::from_secs(3600);

/// Runs a workload by its name.
pub(crate) fn run(run: &Run) -> Option<Outcome> {
    let meter = Meter::new(run);
    let again = run.clone();
    Some(match run.workload.as_str() {
        "spawn_join" => rt::block_on(run, spawn_join(meter)),
        "yield" => rt::block_on(run, yields(meter)),
        "wake" => rt::block_on(run, wake(meter)),
        "pingpong" => rt::block_on(run, pingpong(meter)),
        "mpsc" => rt::block_on(run, mpsc(meter)),
        "queue" => rt::block_on(run, queue(meter)),
        "mutex" => rt::block_on(run, mutex(meter, false)),
        "mutex_hold" => rt::block_on(run, mutex(meter, true)),
        "timeout_ready" => rt::block_on(run, timeout_ready(meter)),
        "timeout_yield" => rt::block_on(run, timeout_yield(meter)),
        "sleep_acc" => rt::block_on(run, sleep_acc(meter)),
        "idle_pending" => rt::block_on(run, idle(again, false)),
        "idle_event" => rt::block_on(run, idle(again, true)),
        "timers_1m" => rt::block_on(run, timers(again)),
        _ => return None,
    })
}

async fn spawn_join(mut meter: Meter) -> Outcome {
    const TASKS: u64 = 10_000;
    let mut tasks = Vec::with_capacity(TASKS as usize);
    while meter.lap(TASKS) {
        for i in 0..TASKS {
            tasks.push(rt::spawn(async move { i }));
        }
        for task in tasks.drain(..) {
            black_box(rt::join(task).await);
        }
    }
    meter.finish()
}

async fn yields(mut meter: Meter) -> Outcome {
    const TASKS: u64 = 1000;
    const YIELDS: u64 = 100;
    let mut tasks = Vec::with_capacity(TASKS as usize);
    while meter.lap(TASKS * YIELDS) {
        for _ in 0..TASKS {
            tasks.push(rt::spawn(async {
                for _ in 0..YIELDS {
                    rt::yield_now().await;
                }
            }));
        }
        for task in tasks.drain(..) {
            rt::join(task).await;
        }
    }
    meter.finish()
}

/// Two tasks that do nothing but wake each other.
async fn wake(mut meter: Meter) -> Outcome {
    const WAKES: u64 = 20_000;
    while meter.lap(2 * WAKES) {
        let one = rt::Shared::new(Side::default());
        let other = rt::Shared::new(Side::default());
        let (again, other_again) = (rt::Shared::clone(&one), rt::Shared::clone(&other));
        let first = rt::spawn(async move { take_turns(&one, &other, WAKES).await });
        let second = rt::spawn(async move { take_turns(&other_again, &again, WAKES).await });
        rt::join(first).await;
        rt::join(second).await;
    }
    meter.finish()
}

/// One of two tasks: where it waits, and whether it is done.
#[derive(Default)]
struct Side {
    waiting: Mutex<Option<Waker>>,
    done: AtomicBool,
}

impl Side {
    fn wake(&self) {
        let waker = self.waiting.lock().ok().and_then(|mut waker| waker.take());
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

async fn take_turns(mine: &Side, theirs: &Side, mut left: u64) {
    poll_fn(|cx| {
        if let Ok(mut waiting) = mine.waiting.lock() {
            *waiting = Some(cx.waker().clone());
        }
        // On two cores one may be ahead of the other, which then waits for nobody.
        let ended = left == 0 || theirs.done.load(Ordering::SeqCst);
        mine.done.store(ended, Ordering::SeqCst);
        theirs.wake();
        if ended {
            return Poll::Ready(());
        }
        left -= 1;
        Poll::Pending
    })
    .await
}

async fn pingpong(mut meter: Meter) -> Outcome {
    const TRIPS: u64 = 50_000;
    while meter.lap(TRIPS) {
        let (ping, mut pinged) = rt::channel::<u64>(1);
        let (pong, mut ponged) = rt::channel::<u64>(1);
        let other = rt::spawn(async move {
            while let Some(n) = rt::recv(&mut pinged).await {
                rt::send(&pong, n).await;
            }
        });
        let one = rt::spawn(async move {
            for n in 0..TRIPS {
                rt::send(&ping, n).await;
                black_box(rt::recv(&mut ponged).await);
            }
        });
        rt::join(one).await;
        rt::join(other).await;
    }
    meter.finish()
}

async fn mpsc(mut meter: Meter) -> Outcome {
    const PRODUCERS: u64 = 4;
    const ITEMS: u64 = 50_000;
    while meter.lap(PRODUCERS * ITEMS) {
        let (tx, mut rx) = rt::channel::<u64>(128);
        let consumer = rt::spawn(async move {
            while let Some(n) = rt::recv(&mut rx).await {
                black_box(n);
            }
        });
        for _ in 0..PRODUCERS {
            let tx = tx.clone();
            rt::detach(rt::spawn(async move {
                for n in 0..ITEMS {
                    rt::send(&tx, n).await;
                }
            }));
        }
        drop(tx);
        rt::join(consumer).await;
    }
    meter.finish()
}

async fn queue(mut meter: Meter) -> Outcome {
    const ITEMS: u64 = 100_000;
    while meter.lap(ITEMS) {
        let (tx, mut rx) = rt::queue::<u64>(5);
        let producer = rt::spawn(async move {
            for n in 0..ITEMS {
                rt::put(&tx, n).await;
            }
        });
        let consumer = rt::spawn(async move {
            for _ in 0..ITEMS {
                black_box(rt::take(&mut rx).await);
            }
        });
        rt::join(producer).await;
        rt::join(consumer).await;
    }
    meter.finish()
}

async fn mutex(mut meter: Meter, hold: bool) -> Outcome {
    const TASKS: u64 = 100;
    const TURNS: u64 = 1000;
    let mut tasks = Vec::with_capacity(TASKS as usize);
    while meter.lap(TASKS * TURNS) {
        let lock = rt::Shared::new(rt::Lock::new(0));
        for _ in 0..TASKS {
            let lock = rt::Shared::clone(&lock);
            tasks.push(rt::spawn(async move {
                for _ in 0..TURNS {
                    let mut guard = rt::lock(&lock).await;
                    *guard += 1;
                    if hold {
                        rt::yield_now().await;
                    }
                }
            }));
        }
        for task in tasks.drain(..) {
            rt::join(task).await;
        }
    }
    meter.finish()
}

async fn timeout_ready(mut meter: Meter) -> Outcome {
    const TIMES: u64 = 50_000;
    while meter.lap(TIMES) {
        for n in 0..TIMES {
            rt::timeout(HOUR, ready(black_box(n))).await;
        }
    }
    meter.finish()
}

async fn timeout_yield(mut meter: Meter) -> Outcome {
    const TIMES: u64 = 50_000;
    while meter.lap(TIMES) {
        for _ in 0..TIMES {
            rt::timeout(HOUR, rt::yield_now()).await;
        }
    }
    meter.finish()
}

async fn sleep_acc(mut meter: Meter) -> Outcome {
    const LENGTH: Duration = Duration::from_millis(1);
    let mut late = Vec::new();
    while meter.lap(1) {
        let began = Instant::now();
        rt::sleep(LENGTH).await;
        late.push(began.elapsed().saturating_sub(LENGTH).as_nanos() as f64);
    }
    late.sort_by(f64::total_cmp);
    let quantile = |q: f64| late[(late.len() as f64 * q) as usize];
    let (p50, p99) = (quantile(0.5), quantile(0.99));
    meter
        .finish()
        .figure("p50_overshoot_ns", p50)
        .figure("p99_overshoot_ns", p99)
}

/// How many tasks have come so far; a static, so that it takes no room in their futures.
static ARRIVED: AtomicU64 = AtomicU64::new(0);

async fn idle(run: Run, on_event: bool) -> Outcome {
    let tasks = run.ops_or(1_000_000);
    let event = rt::Shared::new(rt::Event::new());
    let before = os::memory();
    let start = Sample::take();
    // Somebody must hold the handle of a task that nothing else knows, or it is freed.
    let mut handles = Vec::with_capacity(tasks as usize);
    for _ in 0..tasks {
        handles.push(match on_event {
            true => rt::spawn({
                let event = rt::Shared::clone(&event);
                async move {
                    ARRIVED.fetch_add(1, Ordering::Release);
                    rt::wait(&event).await;
                }
            }),
            false => rt::spawn(async {
                ARRIVED.fetch_add(1, Ordering::Release);
                std::future::pending().await
            }),
        });
    }
    while ARRIVED.load(Ordering::Acquire) < tasks {
        rt::sleep(Duration::from_millis(1)).await;
    }
    let end = Sample::take();
    let held = size_of_val(handles.as_slice()) as u64;
    let bytes = os::memory().saturating_sub(before + held) as f64;
    start
        .until(&end, tasks)
        .figure("bytes_per_task", bytes / tasks as f64)
}

/// A million timers at the same time, that fire within a second.
async fn timers(run: Run) -> Outcome {
    let timers = run.ops_or(1_000_000);
    os::reset_peak();
    let before = os::memory();
    let start = Sample::take();
    for i in 0..timers {
        rt::detach(rt::spawn(async move {
            rt::sleep(Duration::from_micros(timers + i)).await;
            ARRIVED.fetch_add(1, Ordering::Release);
        }));
    }
    while ARRIVED.load(Ordering::Acquire) < timers {
        rt::sleep(Duration::from_millis(10)).await;
    }
    let end = Sample::take();
    let peak = os::peak_memory().saturating_sub(before) as f64;
    start
        .until(&end, timers)
        .figure("peak_rss_per_timer", peak / timers as f64)
}
