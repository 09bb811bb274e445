//! The future of an operation that is done on the spot, or is one job for the blocking pool.

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

/// Does the whole operation if it needs no waiting; `None` leaves it, and what there is to say
/// about errors, to the job.
struct Attempt<T> {
    try_now: fn(&Path) -> Option<T>,
    path: Arc<Path>,
}

/// How far the operation has come.
enum State<T> {
    New {
        /// What may be done on the spot, if the operation is of that kind.
        attempt: Option<Attempt<T>>,
        job: Box<dyn FnOnce() -> Result<T> + Send>,
    },
    Running(ToThread<Result<T>>),
    Done,
}

impl<T: Send + 'static> Operation<T> {
    pub(crate) fn new(
        name: &'static str,
        job: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Self {
        let state = State::New {
            attempt: None,
            job: Box::new(job),
        };
        Self { name, state }
    }

    /// An operation on one path, whose error names it.
    pub(crate) fn on(
        name: &'static str,
        path: impl AsRef<Path>,
        job: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Self {
        Self::at(name, Arc::from(path.as_ref()), None, job)
    }

    /// The same, which tries `try_now` first, on the thread that polls; it must not wait for
    /// anything.
    pub(crate) fn or_now(
        name: &'static str,
        path: impl AsRef<Path>,
        try_now: fn(&Path) -> Option<T>,
        job: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Self {
        let path: Arc<Path> = Arc::from(path.as_ref());
        let attempt = Attempt {
            try_now,
            path: path.clone(),
        };
        Self::at(name, path, Some(attempt), job)
    }

    fn at(
        name: &'static str,
        path: Arc<Path>,
        attempt: Option<Attempt<T>>,
        job: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Self {
        let job = move || job(&path).map_err(|source| Error::new(name, Some(path), source));
        let state = State::New {
            attempt,
            job: Box::new(job),
        };
        Self { name, state }
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
                State::New { attempt, .. } => {
                    // What is in memory is always ready, so that it spends from the budget.
                    if attempt.is_some() {
                        std::task::ready!(aioli_sync::budget::poll_proceed(cx));
                    }
                    let done = attempt
                        .take()
                        .and_then(|attempt| (attempt.try_now)(&attempt.path));
                    let state = std::mem::replace(&mut this.state, State::Done);
                    match (done, state) {
                        (Some(value), _) => return Poll::Ready(Ok(value)),
                        (None, State::New { job, .. }) => {
                            this.state = State::Running(aioli_task::to_thread(job));
                        }
                        (None, _) => unreachable!("the state was looked at above"),
                    }
                }
                State::Running(job) => {
                    let result = std::task::ready!(Pin::new(job).poll(cx));
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
            State::New { .. } => "new",
            State::Running(_) => "running",
            State::Done => "done",
        };
        f.debug_struct("Operation")
            .field("name", &self.name)
            .field("state", &state)
            .finish()
    }
}
