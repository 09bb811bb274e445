//! The standard streams of the process: input by a thread of its own, output by jobs of the pool.
//!
//! A read of a terminal cannot be taken back, so one thread reads for all, and only when somebody
//! waits; what it has read lies in one buffer of the process until somebody takes it. It does not
//! keep the process from ending.

use crate::{
    buffer::{Buffer, Source},
    error::{Error, Result},
    lines::Lines,
};
use aioli_task::ToThread;
use futures_io::{AsyncRead, AsyncWrite};
use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    io::{self, Read, Write},
    mem,
    path::Path,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    task::{Context, Poll, Waker, ready},
    thread,
};

/// The most that the thread reads at once, and that one write of the `futures-io` traits takes.
const CHUNK: usize = 64 * 1024;

/// The standard input. Each call gives a handle to the same stream: a byte goes to one of them.
///
/// # Examples
///
/// ```no_run
/// # aioli_task::run(async {
/// let mut lines = aioli_fs::stdin().lines();
/// while let Some(line) = lines.next().await {
///     println!("you said {}", line?);
/// }
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "aiofiles.stdin")]
pub fn stdin() -> Stdin {
    static INPUT: OnceLock<Arc<Input>> = OnceLock::new();
    let input = INPUT.get_or_init(Arc::default).clone();
    let key = {
        let mut state = input.state();
        state.next_key += 1;
        state.next_key
    };
    Stdin { input, key }
}

/// The standard output. What one [`write_all`](Output::write_all) is given comes out in one piece,
/// whatever else this process writes there.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// aioli_fs::stdout().write_all("Hello, async world!\n").await?;
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "aiofiles.stdout")]
pub fn stdout() -> Output {
    Output::new(Stream::Stdout)
}

/// The standard error; otherwise as [`stdout`].
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// aioli_fs::stderr().write_all("it is only a test\n").await?;
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "aiofiles.stderr")]
pub fn stderr() -> Output {
    Output::new(Stream::Stderr)
}

/// What the reading thread and the handles share.
#[derive(Debug, Default)]
struct Input {
    state: Mutex<State>,
    wanted: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Read and not yet taken, from `taken` on.
    bytes: Vec<u8>,
    taken: usize,
    /// What the last read met besides bytes: the end, or an error. Told once.
    stop: Option<io::Result<()>>,
    /// Whether the thread is to read.
    is_wanted: bool,
    has_thread: bool,
    /// Who waits, by handle.
    waiting: BTreeMap<u64, Waker>,
    next_key: u64,
}

impl Input {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock, so its data is whole even then.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads whenever somebody waits, for ever.
    fn run(&self) {
        let mut buffer = vec![0; CHUNK];
        loop {
            let mut state = self.state();
            while !state.is_wanted {
                state = self
                    .wanted
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            drop(state);
            let read = io::stdin().lock().read(&mut buffer);
            if matches!(&read, Err(error) if error.kind() == io::ErrorKind::Interrupted) {
                continue;
            }
            let mut state = self.state();
            state.is_wanted = false;
            match read {
                Ok(0) => state.stop = Some(Ok(())),
                Ok(n) => {
                    state.bytes = buffer[..n].to_vec();
                    state.taken = 0;
                }
                Err(error) => state.stop = Some(Err(error)),
            }
            let woken = mem::take(&mut state.waiting);
            drop(state);
            woken.into_values().for_each(Waker::wake);
        }
    }
}

/// A handle to the standard input; made by [`stdin`].
#[derive(Debug)]
#[must_use = "a handle reads nothing by itself"]
pub struct Stdin {
    input: Arc<Input>,
    key: u64,
}

impl Stdin {
    /// Reads up to `buf.len()` bytes; 0 is the end of the input, after which a terminal can go on.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: what is read for a future that is gone is there for whoever reads next.
    ///
    /// # Errors
    ///
    /// What the system reports.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # aioli_task::run(async {
    /// let mut buf = [0; 1024];
    /// let n = aioli_fs::stdin().read(&mut buf).await?;
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        poll_fn(|cx| self.poll_fill(cx, buf)).await
    }

    /// The input line by line.
    ///
    /// For single lines among other things make a [`BufReader`](crate::BufReader) of it.
    pub fn lines(self) -> Lines {
        Lines::new(Source::Stdin(self), Buffer::default())
    }

    /// What it is called in errors.
    pub(crate) fn path() -> Arc<Path> {
        Arc::from(Path::new("standard input"))
    }

    pub(crate) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(aioli_sync::budget::poll_proceed(cx));
        let mut state = self.input.state();
        let n = buf.len().min(state.bytes.len() - state.taken);
        if n > 0 {
            let from = state.taken;
            buf[..n].copy_from_slice(&state.bytes[from..from + n]);
            state.taken += n;
            return Poll::Ready(Ok(n));
        }
        if let Some(stop) = state.stop.take() {
            let told = stop.map(|()| 0);
            return Poll::Ready(told.map_err(|e| Error::new("read", Some(Self::path()), e)));
        }
        aioli_sync::budget::refund();
        let former = state.waiting.insert(self.key, cx.waker().clone());
        state.is_wanted = true;
        let is_first = !mem::replace(&mut state.has_thread, true);
        drop(state);
        drop(former);
        if is_first {
            self.start()?;
        }
        self.input.wanted.notify_one();
        Poll::Pending
    }

    fn start(&self) -> Result<()> {
        let input = self.input.clone();
        let thread = thread::Builder::new().name("aioli-stdin".to_owned());
        let started = thread.spawn(move || input.run());
        started.map(drop).map_err(|error| {
            self.input.state().has_thread = false;
            Error::new("read", Some(Self::path()), error)
        })
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        let waker = self.input.state().waiting.remove(&self.key);
        drop(waker);
    }
}

impl AsyncRead for Stdin {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_fill(cx, buf).map_err(io::Error::from)
    }
}

#[derive(Debug, Clone, Copy)]
enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    fn write(self, data: &[u8]) -> io::Result<()> {
        match self {
            Stream::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(data)?;
                out.flush()
            }
            Stream::Stderr => io::stderr().lock().write_all(data),
        }
    }

    fn error(self, source: io::Error) -> Error {
        let name = match self {
            Stream::Stdout => "standard output",
            Stream::Stderr => "standard error",
        };
        Error::new("write", Some(Arc::from(Path::new(name))), source)
    }
}

/// What a write brings back: the data, and how it went.
type Written = (Vec<u8>, io::Result<()>);

/// The standard output or the standard error; made by [`stdout`] and [`stderr`].
///
/// It is unbuffered: a write is complete when the system has taken the bytes. A write that has
/// begun is carried out even if its future is dropped; the next operation waits for it, and reports
/// its failure.
#[derive(Debug)]
pub struct Output {
    stream: Stream,
    job: Option<ToThread<Written>>,
    /// The failure of a write whose future is gone.
    failure: Option<io::Error>,
}

impl Output {
    fn new(stream: Stream) -> Self {
        Self {
            stream,
            job: None,
            failure: None,
        }
    }

    /// Writes all of `data`.
    ///
    /// # Cancel safety
    ///
    /// A write that has begun is carried out.
    ///
    /// # Errors
    ///
    /// What the system reports, for instance that the other end of a pipe is closed.
    pub async fn write_all(&mut self, data: impl AsRef<[u8]>) -> Result<()> {
        self.flush().await?;
        self.start(data.as_ref().to_vec());
        match poll_fn(|cx| self.poll_job(cx)).await {
            Some((_, Err(error))) => Err(self.stream.error(error)),
            Some((_, Ok(()))) | None => Ok(()),
        }
    }

    /// Waits for a write whose future was dropped.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    ///
    /// # Errors
    ///
    /// The failure of such a write.
    pub async fn flush(&mut self) -> Result<()> {
        poll_fn(|cx| self.poll_idle(cx)).await
    }

    fn start(&mut self, data: Vec<u8>) {
        let stream = self.stream;
        self.job = Some(aioli_task::to_thread(move || {
            let result = stream.write(&data);
            (data, result)
        }));
    }

    fn poll_job(&mut self, cx: &mut Context<'_>) -> Poll<Option<Written>> {
        let Some(job) = &mut self.job else {
            return Poll::Ready(None);
        };
        let written = ready!(Pin::new(job).poll(cx));
        self.job = None;
        Poll::Ready(Some(written))
    }

    /// Waits until nothing is being written, and reports what failed.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if let Some((_, Err(error))) = ready!(self.poll_job(cx)) {
            self.failure.get_or_insert(error);
        }
        Poll::Ready(match self.failure.take() {
            Some(error) => Err(self.stream.error(error)),
            None => Ok(()),
        })
    }
}

/// `poll_flush` and `poll_close` wait for what is being written. Nothing is closed.
impl AsyncWrite for Output {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match ready!(self.poll_job(cx)) {
                // A write under way is taken for the caller's own when its data begins what the
                // caller brings: that is the same request polled again.
                Some((data, result)) if buf.starts_with(&data) => {
                    return Poll::Ready(result.map(|()| data.len()));
                }
                Some((_, Err(error))) => return Poll::Ready(Err(error)),
                Some((_, Ok(()))) => {}
                None => {
                    if let Some(error) = self.failure.take() {
                        return Poll::Ready(Err(error));
                    }
                    if buf.is_empty() {
                        return Poll::Ready(Ok(0));
                    }
                    self.start(buf[..buf.len().min(CHUNK)].to_vec());
                }
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_idle(cx).map_err(io::Error::from)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
