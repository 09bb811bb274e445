//! Blocking code on a bounded pool of threads that belongs to the process.

use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::thread;
use std::time::Duration;

use crate::context::{self, Context};
use crate::driver::{Hold, Home};

/// How long a worker waits for a job before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// The most workers: asyncio's default, for the same reason: enough to overlap I/O, few enough
/// not to hurt. It is asked for once: on Linux the answer takes some ten system calls.
static WORKERS_MAX: LazyLock<usize> = LazyLock::new(|| {
    let cores = thread::available_parallelism().map_or(1, |n| n.get());
    (cores + 4).min(32)
});

/// A job on the pool, without its type.
trait Job: Send + Sync {
    fn run(&self);
}

#[derive(Default)]
struct Pool {
    queue: VecDeque<Arc<dyn Job>>,
    workers: usize,
    /// Workers that wait and have not been given a job.
    idle: usize,
}

static POOL: Mutex<Option<Pool>> = Mutex::new(None);
static JOB_ADDED: Condvar = Condvar::new();

fn with_pool<R>(f: impl FnOnce(&mut Pool) -> R) -> R {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    f(pool.get_or_insert_default())
}

/// How a job that has been queued comes to its worker.
enum Next {
    /// One that is idle is woken.
    Wake,
    /// One is started.
    Start,
    /// One that is at work comes for it.
    Nothing,
}

/// Queues a job, and wakes a worker, or starts one if none is free and the bound allows it.
fn submit(job: Arc<dyn Job>) {
    // Before the lock, which the workers want too.
    let workers_max = *WORKERS_MAX;
    let next = with_pool(|pool| {
        pool.queue.push_back(job);
        if pool.idle >= pool.queue.len() {
            return Next::Wake;
        }
        // The idle ones are as many as the jobs before this one at most, and are woken for
        // those; each worker looks for a job before it waits.
        if pool.workers >= workers_max {
            return Next::Nothing;
        }
        pool.workers += 1;
        Next::Start
    });
    match next {
        Next::Wake => JOB_ADDED.notify_one(),
        Next::Start => start_worker(),
        Next::Nothing => {}
    }
}

fn start_worker() {
    let started = thread::Builder::new()
        .name("aioli-worker".to_owned())
        .spawn(work);
    if started.is_err() {
        let left = with_pool(|pool| {
            pool.workers -= 1;
            pool.workers
        });
        // With no thread to be had at all, the caller's is the only one that can do the work.
        if left == 0
            && let Some(job) = with_pool(|pool| pool.queue.pop_back())
        {
            job.run();
        }
    }
}

/// What a worker does until it has been idle for too long.
fn work() {
    while let Some(job) = next_job() {
        job.run();
    }
}

fn next_job() -> Option<Arc<dyn Job>> {
    let mut guard = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    guard.get_or_insert_default().idle += 1;
    let mut timed_out = false;
    loop {
        let pool = guard.get_or_insert_default();
        if let Some(job) = pool.queue.pop_front() {
            pool.idle -= 1;
            return Some(job);
        }
        if timed_out {
            pool.idle -= 1;
            pool.workers -= 1;
            return None;
        }
        let waited = JOB_ADDED.wait_timeout(guard, IDLE);
        let (again, result) = waited.unwrap_or_else(PoisonError::into_inner);
        guard = again;
        timed_out = result.timed_out();
    }
}

/// How far a job has come.
enum Stage<T> {
    /// In the queue, with the function, the caller's context, and its loop held.
    Queued {
        f: Box<dyn FnOnce() -> T + Send>,
        context: Context,
        hold: Option<Hold>,
    },
    Running,
    Done(Result<T, Box<dyn Any + Send>>),
    /// The result has been taken, or nobody wants it any more.
    Gone,
}

struct JobCell<T> {
    state: Mutex<State<T>>,
    abandoned: Arc<AtomicBool>,
}

struct State<T> {
    stage: Stage<T>,
    waker: Option<Waker>,
}

impl<T> JobCell<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    /// Whether the caller of the job that runs on this thread has gone away.
    static ABANDONED: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

impl<T: Send> Job for JobCell<T> {
    fn run(&self) {
        let stage = mem::replace(&mut self.state().stage, Stage::Running);
        let Stage::Queued {
            f,
            mut context,
            hold,
        } = stage
        else {
            // The caller went away while the job was queued.
            self.state().stage = Stage::Gone;
            return;
        };
        let outside = ABANDONED.replace(Some(self.abandoned.clone()));
        let result = catch_unwind(AssertUnwindSafe(|| context.run(f)));
        ABANDONED.set(outside);
        let mut state = self.state();
        let unwanted = if self.abandoned.load(Ordering::SeqCst) {
            state.stage = Stage::Gone;
            Some(result)
        } else {
            state.stage = Stage::Done(result);
            None
        };
        let waker = state.waker.take();
        drop(state);
        drop(unwanted);
        if let Some(waker) = waker {
            waker.wake();
        }
        // After the wake: a virtual clock must not jump before the awaiter is ready.
        drop(hold);
    }
}

/// Runs `f` on a thread of the blocking pool; works on every executor.
///
/// The pool has at most `min(32, cores + 4)` threads, started as needed and ended when idle; jobs
/// beyond that wait in a queue. The job sees a copy of the caller's context variables.
///
/// # Cancel safety
///
/// Dropping the future removes a job that has not started. One that runs is abandoned: it runs to
/// its end, its result is dropped, and [`is_abandoned`] tells it so.
///
/// # Panics
///
/// Awaiting resumes a panic of `f`.
///
/// # Examples
///
/// ```
/// let sum = aioli_task::run(aioli_task::to_thread(|| (1..=10).sum::<u32>()));
/// assert_eq!(sum, 55);
/// ```
#[doc(alias = "asyncio.to_thread")]
#[doc(alias = "asyncio.loop.run_in_executor")]
pub fn to_thread<F, T>(f: F) -> ToThread<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let hold = Home::try_current().map(|home| home.hold());
    let stage = Stage::Queued {
        f: Box::new(f),
        context: context::copy(),
        hold,
    };
    let state = Mutex::new(State { stage, waker: None });
    let cell = Arc::new(JobCell {
        state,
        abandoned: Arc::default(),
    });
    submit(cell.clone());
    ToThread { cell }
}

/// A job that nobody waits for.
struct Detached(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Job for Detached {
    fn run(&self) {
        let f = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(f) = f {
            // The panic's hook has told of it, and the worker has other jobs to do.
            let _ = catch_unwind(AssertUnwindSafe(f));
        }
    }
}

/// Runs `f` on a thread of the blocking pool, whatever becomes of who asks for it.
///
/// It is for drivers that answer by means of their own. No loop waits for the end of it: what has to
/// be waited for takes a [`Hold`] along. A panic of `f` ends `f` and nothing else.
///
/// # Examples
///
/// ```
/// let (sender, receiver) = std::sync::mpsc::channel();
/// aioli_task::driver::run_detached(move || sender.send(3));
/// assert_eq!(receiver.recv(), Ok(3));
/// ```
pub fn run_detached<T>(f: impl FnOnce() -> T + Send + 'static) {
    let f = Box::new(|| drop(f()));
    submit(Arc::new(Detached(Mutex::new(Some(f)))));
}

/// Whether the caller of the job on this thread has gone away, so that its work is in vain.
///
/// # Examples
///
/// ```
/// assert!(!aioli_task::is_abandoned()); // no job runs here
/// ```
#[must_use]
pub fn is_abandoned() -> bool {
    ABANDONED.with_borrow(|flag| {
        flag.as_ref()
            .is_some_and(|flag| flag.load(Ordering::SeqCst))
    })
}

/// A job on the blocking pool; the future of [`to_thread`].
#[must_use = "dropping it removes the job, or abandons it if it runs"]
pub struct ToThread<T> {
    cell: Arc<JobCell<T>>,
}

impl<T> Future for ToThread<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<T> {
        let mut state = self.cell.state();
        if let Stage::Done(_) = state.stage {
            let stage = mem::replace(&mut state.stage, Stage::Gone);
            drop(state);
            return match stage {
                Stage::Done(Ok(value)) => Poll::Ready(value),
                Stage::Done(Err(panic)) => resume_unwind(panic),
                _ => unreachable!("the stage was looked at under the same lock"),
            };
        }
        assert!(
            !matches!(state.stage, Stage::Gone),
            "a job's result is taken once"
        );
        let old = match &state.waker {
            Some(waker) if waker.will_wake(cx.waker()) => None,
            _ => state.waker.replace(cx.waker().clone()),
        };
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl<T> Drop for ToThread<T> {
    fn drop(&mut self) {
        let mut state = self.cell.state();
        self.cell.abandoned.store(true, Ordering::SeqCst);
        let old = match state.stage {
            Stage::Running => None,
            _ => Some(mem::replace(&mut state.stage, Stage::Gone)),
        };
        let waker = state.waker.take();
        drop(state);
        drop((old, waker));
    }
}

impl<T> fmt::Debug for ToThread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToThread").finish_non_exhaustive()
    }
}
