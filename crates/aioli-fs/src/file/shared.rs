//! What an open file and its jobs share: how many run, and what an abandoned one met.

use crate::{
    error::Error,
    os::{self, Now},
};
use aioli_task::ToThread;
use std::{
    future::poll_fn,
    io,
    path::Path,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker, ready},
};

/// The part of a file that its jobs see too.
#[derive(Debug)]
pub(crate) struct Shared {
    /// For error messages only: the name the file was opened by.
    path: Option<Arc<Path>>,
    /// Whether reading at once has not yet been found impossible here.
    reads_now: AtomicBool,
    /// Whether the file goes past the page cache, once this has been asked.
    is_direct: OnceLock<bool>,
    jobs: Mutex<Jobs>,
    /// Whether `jobs` has a failure, so that who finds none need not lock.
    has_failure: AtomicBool,
    /// Whether the file is locked for somebody who has been told so. It is held while the lock is
    /// taken or given up.
    locked: Mutex<bool>,
}

/// The jobs that hold the descriptor, and what they left behind.
#[derive(Debug, Default)]
struct Jobs {
    running: usize,
    /// The first failed effect whose future was gone; the next operation reports it.
    failure: Option<Error>,
    /// Who waits in `close` for `running` to come to zero.
    closer: Option<Waker>,
}

impl Shared {
    /// Of a file whose path is known or not, and whether it goes past the page cache.
    pub(crate) fn new(path: Option<Arc<Path>>, is_direct: Option<bool>) -> Arc<Self> {
        let reads_now = AtomicBool::new(true);
        let jobs = Mutex::default();
        Arc::new(Self {
            path,
            reads_now,
            is_direct: is_direct.map_or_else(OnceLock::new, OnceLock::from),
            jobs,
            has_failure: AtomicBool::new(false),
            locked: Mutex::new(false),
        })
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub(crate) fn error(&self, operation: &'static str, source: io::Error) -> Error {
        Error::new(operation, self.path.clone(), source)
    }

    /// Keeps a failed effect for the next operation; a later one adds nothing to the first.
    pub(crate) fn record(&self, error: Error) {
        let mut jobs = self.jobs();
        jobs.failure.get_or_insert(error);
        // ORDERING: release pairs with the acquire in `take_failure`. Who has to find a failure has
        // waited for its job, which is counted out or has told its end after this.
        self.has_failure.store(true, Ordering::Release);
    }

    #[inline]
    pub(crate) fn take_failure(&self) -> Result<(), Error> {
        if !self.has_failure.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut jobs = self.jobs();
        self.has_failure.store(false, Ordering::Relaxed);
        match jobs.failure.take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Whether the file goes past the page cache: then a read waits for the disk even where it
    /// must not wait for anything, and buffers have to be aligned.
    pub(crate) fn is_direct(&self, file: &std::fs::File) -> bool {
        *self.is_direct.get_or_init(|| os::is_direct(file))
    }

    /// Does `read` if it needs no waiting, which spends from the budget.
    pub(crate) fn poll_now(
        &self,
        cx: &mut Context<'_>,
        file: &std::fs::File,
        read: impl FnOnce() -> Now,
    ) -> Poll<Way> {
        ready!(aioli_sync::budget::poll_proceed(cx));
        let mut way = Way::Thread;
        if self.is_direct(file) {
            way = Way::Ring;
        } else if self.reads_now.load(Ordering::Relaxed) {
            match read() {
                Now::Done(n) => return Poll::Ready(Way::Done(n)),
                Now::Later => way = Way::Ring,
                Now::Never => self.reads_now.store(false, Ordering::Relaxed),
            }
        }
        // What follows is a wait of its own.
        aioli_sync::budget::refund();
        Poll::Ready(way)
    }

    /// Whether the file is locked for somebody who has been told so.
    pub(crate) fn locked(&self) -> MutexGuard<'_, bool> {
        self.locked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no job holds the descriptor.
    pub(crate) async fn idle(&self) {
        poll_fn(|cx| {
            let mut jobs = self.jobs();
            if jobs.running == 0 {
                return Poll::Ready(());
            }
            jobs.closer = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        // Nothing that can panic runs under the lock, so its data is whole even then.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a read goes on after the attempt to do it on the spot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// It is done, with this many bytes.
    Done(usize),
    /// It has to wait, which the kernel can do for this file without a thread.
    Ring,
    /// All that the kernel could do is to have a thread wait.
    Thread,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Err(error) = self.take_failure() {
            tracing::error!(%error, "a file was dropped before its failure could be reported");
        }
    }
}

/// The descriptor, as one job holds it.
///
/// Fields are dropped in order: `close` may count on the descriptor's being released when
/// the job is counted out.
#[derive(Debug)]
pub(crate) struct Held {
    file: Arc<std::fs::File>,
    running: Running,
}

/// Counts one job in, and out when dropped.
#[derive(Debug)]
struct Running(Arc<Shared>);

impl Held {
    pub(crate) fn new(file: &Arc<std::fs::File>, shared: &Arc<Shared>) -> Self {
        shared.jobs().running += 1;
        let file = Arc::clone(file);
        let running = Running(Arc::clone(shared));
        Self { file, running }
    }

    /// The descriptor. A job that took the field out of this would no longer be counted: a
    /// closure captures the field alone when it names it, and the whole when it calls this.
    pub(crate) fn file(&self) -> &std::fs::File {
        &self.file
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.running.0
    }

    /// Runs an effect on the pool, whose failure is recorded if nobody is left to hear it.
    pub(crate) async fn effect<T: Send + 'static>(
        self,
        name: &'static str,
        job: impl FnOnce(&std::fs::File) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let delivery = Delivery {
            shared: Arc::clone(self.shared()),
            cell: Arc::default(),
        };
        let cell = Arc::clone(&delivery.cell);
        let mut running: ToThread<Option<T>> = aioli_task::to_thread(move || {
            let result = job(self.file()).map_err(|e| self.shared().error(name, e));
            match result {
                Ok(value) => Some(value),
                Err(error) => {
                    let mut outcome = cell.lock().unwrap_or_else(PoisonError::into_inner);
                    if outcome.abandoned {
                        self.shared().record(error);
                    } else {
                        outcome.failure = Some(error);
                    }
                    None
                }
            }
        });
        match poll_fn(|cx| Pin::new(&mut running).poll(cx)).await {
            Some(value) => Ok(value),
            None => Err(delivery
                .take()
                .expect("a job without a value has left its error")),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut jobs = self.0.jobs();
        jobs.running -= 1;
        let closer = if jobs.running == 0 {
            jobs.closer.take()
        } else {
            None
        };
        drop(jobs);
        if let Some(closer) = closer {
            closer.wake();
        }
    }
}

/// The future's end of an effect: an error that it has not taken goes to the file.
struct Delivery {
    shared: Arc<Shared>,
    cell: Arc<Mutex<Outcome>>,
}

#[derive(Default)]
struct Outcome {
    abandoned: bool,
    failure: Option<Error>,
}

impl Delivery {
    fn take(&self) -> Option<Error> {
        self.cell
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .failure
            .take()
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let mut outcome = self.cell.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.abandoned = true;
        let failure = outcome.failure.take();
        drop(outcome);
        if let Some(error) = failure {
            self.shared.record(error);
        }
    }
}
