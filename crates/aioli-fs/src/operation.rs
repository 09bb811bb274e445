//! The future of an operation that is done on the spot, by the kernel's ring, or on the pool.

use crate::error::{Error, Result};
use aioli_task::ToThread;
use std::{
    fmt,
    future::Future,
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// A file operation, returned by the functions of this crate that need no open file.
///
/// It owns its paths and its data, so it is `'static` and can be given to `spawn` whatever
/// it was made from. Nothing happens before it is first polled.
///
/// # Cancel safety
///
/// Dropping it before its job has started undoes the request: nothing happens. Dropping it
/// while the job runs lets the job run to its end on its thread; what it made of memory and
/// descriptors is released there. Whether the effect took place is then unknown.
///
/// # Panics
///
/// Polling it again after it has completed panics.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// let operation = {
///     let path = String::from("/no/such/file");
///     aioli_fs::read(&path) // owns what it needs of the path
/// };
/// assert!(aioli_task::spawn(operation).await.is_err());
/// # })
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct Operation<T> {
    name: &'static str,
    state: State<T>,
}

/// What is to be done: on the spot if that needs no waiting, else by a job.
pub(crate) trait Work<T>: Send {
    /// Whether trying on the spot makes sense at all.
    fn tries(&self) -> bool {
        false
    }

    /// Does the whole operation if it needs no waiting; `None` leaves it, and what there is to
    /// say about errors, to the job.
    fn try_now(&mut self) -> Option<T> {
        None
    }

    /// Has what is left of it after [`try_now`](Work::try_now) done elsewhere than by a job of its own.
    fn elsewhere(self: Box<Self>) -> Rest<T>;

    fn run(self: Box<Self>) -> Result<T>;
}

/// What the kernel's ring does, or a job for several, or else the work, for a job of its own.
pub(crate) type Rest<T> = std::result::Result<Elsewhere<T>, Box<dyn Work<T>>>;

/// Work that goes to the pool by itself if it is not done where it was given.
pub(crate) type Elsewhere<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// Work that is never done on the spot.
struct Job<F>(F);

impl<T, F: FnOnce() -> Result<T> + Send + 'static> Work<T> for Job<F> {
    fn elsewhere(self: Box<Self>) -> Rest<T> {
        Err(self)
    }

    fn run(self: Box<Self>) -> Result<T> {
        (self.0)()
    }
}

/// How far the operation has come.
enum State<T> {
    New(Box<dyn Work<T>>),
    Running(ToThread<Result<T>>),
    Elsewhere(Elsewhere<T>),
    Done,
}

impl<T: Send + 'static> Operation<T> {
    pub(crate) fn new(
        name: &'static str,
        job: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Self {
        Self::of(name, Job(job))
    }

    /// An operation that may be done on the spot.
    pub(crate) fn of(name: &'static str, work: impl Work<T> + 'static) -> Self {
        let state = State::New(Box::new(work));
        Self { name, state }
    }

    /// An operation on one path, whose error names it.
    pub(crate) fn on(
        name: &'static str,
        path: impl AsRef<Path>,
        job: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Self {
        let path: Arc<Path> = Arc::from(path.as_ref());
        Self::new(name, move || {
            job(&path).map_err(|source| Error::new(name, Some(path), source))
        })
    }

    /// An operation on two paths, whose error names both.
    pub(crate) fn between(
        name: &'static str,
        from: impl AsRef<Path>,
        to: impl AsRef<Path>,
        job: impl FnOnce(&Path, &Path) -> io::Result<T> + Send + 'static,
    ) -> Self {
        let from: PathBuf = from.as_ref().to_path_buf();
        let to: PathBuf = to.as_ref().to_path_buf();
        Self::new(name, move || {
            job(&from, &to).map_err(|source| Error::between(name, &from, &to, source))
        })
    }
}

impl<T: Send + 'static> Future for Operation<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            match &mut this.state {
                State::New(work) => {
                    // What is in memory is always ready, so that it spends from the budget.
                    if work.tries() {
                        std::task::ready!(aioli_sync::budget::poll_proceed(cx));
                        if let Some(value) = work.try_now() {
                            this.state = State::Done;
                            return Poll::Ready(Ok(value));
                        }
                        // What follows is a wait of its own.
                        aioli_sync::budget::refund();
                    }
                    if let State::New(work) = std::mem::replace(&mut this.state, State::Done) {
                        this.state = match work.elsewhere() {
                            Ok(rest) => State::Elsewhere(rest),
                            Err(work) => State::Running(aioli_task::to_thread(|| work.run())),
                        };
                    }
                }
                State::Running(job) => {
                    let result = std::task::ready!(Pin::new(job).poll(cx));
                    this.state = State::Done;
                    return Poll::Ready(result);
                }
                State::Elsewhere(rest) => {
                    let result = std::task::ready!(rest.as_mut().poll(cx));
                    this.state = State::Done;
                    return Poll::Ready(result);
                }
                State::Done => panic!("`{}` was polled after it had completed", this.name),
            }
        }
    }
}

// The value is only ever handed out, never pinned in place.
impl<T> Unpin for Operation<T> {}

impl<T> fmt::Debug for Operation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::New(_) => "new",
            State::Running(_) | State::Elsewhere(_) => "running",
            State::Done => "done",
        };
        f.debug_struct("Operation")
            .field("name", &self.name)
            .field("state", &state)
            .finish()
    }
}
