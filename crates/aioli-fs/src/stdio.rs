//! The process's standard input, output and errors.

use crate::{
    error::{Error, Result},
    file::CHUNK,
    lane::{Answer, Lane},
    lines::Lines,
    window::{LIMIT, STEP, Source, Window},
};
use futures_io::{AsyncBufRead, AsyncRead, AsyncWrite};
use std::{
    fmt,
    future::{Future, poll_fn},
    io::{self, Read, Write},
    mem,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

static READING: Lane = Lane::new("aioli-stdin");

static OUTPUT: Output = Output {
    lane: Lane::new("aioli-stdout"),
    operation: "write standard output",
    write: |data| write_to(io::stdout().lock(), data),
};

static ERRORS: Output = Output {
    lane: Lane::new("aioli-stderr"),
    operation: "write standard errors",
    write: |data| write_to(io::stderr().lock(), data),
};

/// The operation's name in errors.
const INPUT_READ: &str = "read standard input";

/// What was read from standard input and not yet handed out, or is being read.
static INPUT: Mutex<Input> = Mutex::new(Input {
    ahead: Vec::new(),
    reading: None,
});

struct Input {
    ahead: Vec<u8>,
    reading: Option<Answer<io::Result<Vec<u8>>>>,
}

fn input() -> MutexGuard<'static, Input> {
    INPUT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Standard input: a terminal, a pipe, a file.
///
/// It is read by a thread of its own, when somebody asks and no more than one read at a time; the
/// end of the process does not wait for it. What has been read for a future that is gone is given
/// to the next read, of whichever handle; tasks that read at once share the input at random.
///
/// # Examples
///
/// ```no_run
/// # aioli_task::run(async {
/// let mut stdin = aioli_fs::stdin();
/// loop {
///     let line = stdin.read_line().await?;
///     if line.is_empty() {
///         break; // the end
///     }
///     print!("you said {line}");
/// }
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "aiofiles.stdin_bytes")]
#[doc(alias = "sys.stdin")]
#[derive(Debug)]
pub struct Stdin {
    window: Window,
}

/// A handle of standard input; see [`Stdin`].
///
/// # Examples
///
/// ```no_run
/// # aioli_task::run(async {
/// let line = aioli_fs::stdin().read_line().await?;
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[must_use]
pub fn stdin() -> Stdin {
    Stdin {
        window: Window::new(),
    }
}

impl Stdin {
    /// Reads up to `buf.len()` bytes; 0 is the end.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: bytes that were on their way are given to the next read.
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
    /// println!("{n} bytes came in");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        poll_fn(|cx| self.poll_read_out(cx, buf)).await
    }

    /// Reads a line with its end; the last one may lack it, and an empty one is the end.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: what has been read is kept for the next read.
    ///
    /// # Errors
    ///
    /// What the system reports, and [`InvalidData`](io::ErrorKind::InvalidData) for a line that
    /// is not UTF-8, which stays, or is longer than 1 MiB.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # aioli_task::run(async {
    /// let mut stdin = aioli_fs::stdin();
    /// let name = stdin.read_line().await?;
    /// let age = stdin.read_line().await?;
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn read_line(&mut self) -> Result<String> {
        poll_fn(|cx| self.poll_line(cx, LIMIT)).await
    }

    /// The lines that are left; see [`Lines`].
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
    pub fn lines(self) -> Lines {
        Lines::over(self, LIMIT)
    }

    /// Reads all that is left, as text.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: what has been read is kept for the next read.
    ///
    /// # Errors
    ///
    /// What the system reports, and [`InvalidData`](io::ErrorKind::InvalidData) for what is not
    /// UTF-8, which stays.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # aioli_task::run(async {
    /// let program = aioli_fs::stdin().read_to_string().await?;
    /// println!("{} lines", program.lines().count());
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn read_to_string(&mut self) -> Result<String> {
        while poll_fn(|cx| self.poll_more(cx)).await? > 0 {}
        self.take_text(self.window.bytes().len())
    }

    fn poll_read_out(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<Result<usize>> {
        if !buf.is_empty() {
            ready!(self.poll_some(cx))?;
        }
        Poll::Ready(Ok(self.window.hand_out(buf)))
    }
}

impl Source for Stdin {
    fn window(&mut self) -> &mut Window {
        &mut self.window
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize>> {
        let bytes = ready!(poll_input(cx))?;
        let n = bytes.len();
        self.window.push(bytes);
        Poll::Ready(Ok(n))
    }

    fn line_error(&self, reason: io::Error) -> Error {
        failed(INPUT_READ, reason)
    }
}

/// What came in, nothing at the end.
fn poll_input(cx: &mut Context<'_>) -> Poll<Result<Vec<u8>>> {
    let mut input = input();
    if !input.ahead.is_empty() {
        return Poll::Ready(Ok(mem::take(&mut input.ahead)));
    }
    let reading = match &mut input.reading {
        Some(reading) => reading,
        none => {
            let reading = READING.ask(read_input).map_err(|e| failed(INPUT_READ, e))?;
            none.insert(reading)
        }
    };
    let read = ready!(Pin::new(reading).poll(cx));
    input.reading = None;
    Poll::Ready(read.map_err(|error| failed(INPUT_READ, error)))
}

fn read_input() -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; STEP];
    loop {
        match io::stdin().lock().read(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => {
                bytes.truncate(read?);
                return Ok(bytes);
            }
        }
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        if !self.window.is_empty() {
            let mut input = input();
            let later = mem::take(&mut input.ahead);
            input.ahead = self.window.rest();
            input.ahead.extend(later);
        }
    }
}

impl AsyncRead for Stdin {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_read_out(cx, buf).map_err(io::Error::from)
    }
}

impl AsyncBufRead for Stdin {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        ready!(this.poll_some(cx))?;
        Poll::Ready(Ok(this.window.bytes()))
    }

    fn consume(mut self: Pin<&mut Self>, n: usize) {
        self.window.take(n);
    }
}

/// Standard output, or standard errors: unbuffered, written by a thread of its own.
///
/// The bytes of one call stay together, whoever else writes through this or through [`std::io`],
/// and calls are done in the order in which they were made.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// aioli_fs::stdout().write_all("to the output\n").await?;
/// aioli_fs::stderr().write_all("to the errors\n").await?;
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "aiofiles.stdout")]
#[doc(alias = "sys.stdout")]
#[derive(Debug)]
pub struct Stdout {
    output: &'static Output,
    /// The write of `poll_write` that runs.
    writing: Option<Answer<Written>>,
}

/// A handle of standard output; see [`Stdout`].
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// aioli_fs::stdout().write_all("to the output\n").await?;
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[must_use]
pub fn stdout() -> Stdout {
    Stdout {
        output: &OUTPUT,
        writing: None,
    }
}

/// A handle of standard errors; see [`Stdout`].
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// aioli_fs::stderr().write_all("to the errors\n").await?;
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "aiofiles.stderr")]
#[must_use]
pub fn stderr() -> Stdout {
    Stdout {
        output: &ERRORS,
        writing: None,
    }
}

impl Stdout {
    /// Writes all of `data`, in one piece.
    ///
    /// # Cancel safety
    ///
    /// A write that has been polled is carried out to its end.
    ///
    /// # Errors
    ///
    /// What the system reports, for instance that nobody reads the pipe any more.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// let mut out = aioli_fs::stdout();
    /// out.write_all("one line\n").await?;
    /// out.write_all(b"another\n").await?;
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn write_all(&mut self, data: impl AsRef<[u8]>) -> Result<()> {
        let written = match self.output.start(data.as_ref().to_vec()) {
            Ok(writing) => writing.await.heard(),
            Err(error) => Err(error),
        };
        written.map_err(|error| failed(self.output.operation, error))
    }

    fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(writing) = &mut self.writing else {
            return Poll::Ready(Ok(()));
        };
        let written = ready!(Pin::new(writing).poll(cx));
        self.writing = None;
        Poll::Ready(written.heard())
    }
}

/// One of the streams that are written.
struct Output {
    lane: Lane,
    /// The operation's name in errors.
    operation: &'static str,
    write: fn(&[u8]) -> io::Result<()>,
}

impl Output {
    fn start(&'static self, data: Vec<u8>) -> io::Result<Answer<Written>> {
        self.lane.ask(move || Written {
            operation: self.operation,
            result: (self.write)(&data),
        })
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}

fn write_to(mut stream: impl Write, data: &[u8]) -> io::Result<()> {
    stream.write_all(data)?;
    stream.flush()
}

/// What came of a write; a failure that nobody hears is logged.
#[derive(Debug)]
struct Written {
    operation: &'static str,
    result: io::Result<()>,
}

impl Written {
    fn heard(mut self) -> io::Result<()> {
        mem::replace(&mut self.result, Ok(()))
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if let Err(error) = &self.result {
            let operation = self.operation;
            tracing::error!(%error, operation, "a write failed that nobody waited for");
        }
    }
}

/// Each write is a piece of at most 256 KiB. It is done when `poll_flush` says so.
impl AsyncWrite for Stdout {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_done(cx))?;
        let n = data.len().min(CHUNK);
        self.writing = Some(self.output.start(data[..n].to_vec())?);
        Poll::Ready(Ok(n))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_done(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

fn failed(operation: &'static str, source: io::Error) -> Error {
    Error::new(operation, None, source)
}
