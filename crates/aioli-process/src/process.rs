//! A running process: its pipes, its end, and the signals it is sent.

mod communicate;
mod owned;

use communicate::Talk;
pub(crate) use owned::Spawned;

use crate::{
    command::Output,
    error::{Error, Result},
    exit_status::ExitStatus,
    os::ExitWatch,
    pipe::{PipeReader, PipeWriter},
    signal_name::{SIGKILL, SIGTERM},
};
use aioli_flow::{AsyncClose, timeout};
use owned::Owned;
use std::{
    ffi::{OsStr, OsString},
    fmt,
    future::poll_fn,
    io,
    sync::Arc,
    time::Duration,
};

/// A process that we have started.
///
/// It belongs to this value: dropping it kills the process, if it still runs, and reaps it, so
/// that no zombie stays. Through [`with`](aioli_flow::with), or
/// [`aclose`](AsyncClose::aclose), it is first asked to end and given some time.
///
/// # Examples
///
/// ```
/// # #[cfg(unix)]
/// # aioli_task::run(async {
/// use aioli_process::{Command, Stdio};
///
/// let sort = Command::new("sort").stdin(Stdio::piped()).stdout(Stdio::piped());
/// let output = sort.spawn().await?.communicate("b\na\n").await?;
/// assert_eq!(output.text(), "a\nb\n");
/// # Ok::<(), aioli_process::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "asyncio.subprocess.Process")]
pub struct Process {
    /// What the process reads, if piped. Taking and dropping it ends the input.
    pub stdin: Option<PipeWriter>,
    /// The process's output, if piped.
    pub stdout: Option<PipeReader>,
    /// The process's error messages, if piped.
    pub stderr: Option<PipeReader>,
    talk: Option<Talk>,
    owned: Owned,
    watch: ExitWatch,
    program: Arc<OsStr>,
    grace: Duration,
    has_own_group: bool,
}

impl Process {
    /// Takes over what was started, on the loop that is to watch it.
    pub(crate) fn new(
        spawned: Spawned,
        program: Arc<OsStr>,
        grace: Duration,
        has_own_group: bool,
    ) -> io::Result<Self> {
        let Spawned {
            owned,
            stdin,
            stdout,
            stderr,
        } = spawned;
        let watch = ExitWatch::new(owned.id());
        Ok(Self {
            stdin: stdin
                .map(crate::os::Writer::new)
                .transpose()?
                .map(PipeWriter::new),
            stdout: stdout
                .map(crate::os::Reader::new)
                .transpose()?
                .map(PipeReader::new),
            stderr: stderr
                .map(crate::os::Reader::new)
                .transpose()?
                .map(PipeReader::new),
            talk: None,
            owned,
            watch,
            program,
            grace,
            has_own_group,
        })
    }

    /// The system's number of the process.
    #[must_use]
    #[doc(alias = "asyncio.subprocess.Process.pid")]
    pub fn id(&self) -> u32 {
        self.owned.id()
    }

    /// Waits until the process has ended, and tells how.
    ///
    /// Any number of tasks may wait, again and again: all are told the same.
    ///
    /// A process that waits for input, or whose piped output nobody reads, may never end; see
    /// [`communicate`](Self::communicate).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: the status is kept.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if somebody else has reaped the process.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// let process = aioli_process::shell("exit 7").spawn().await?;
    /// assert_eq!(process.wait().await?.code(), Some(7));
    /// # Ok::<(), aioli_process::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "asyncio.subprocess.Process.wait")]
    pub async fn wait(&self) -> Result<ExitStatus> {
        let status = self.watch.wait(|| self.owned.try_wait()).await;
        status
            .map(ExitStatus::from)
            .map_err(|cause| self.error("wait for", cause))
    }

    /// How the process has ended, or `None` while it runs.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if somebody else has reaped the process.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// let process = aioli_process::Command::new("sleep").arg("1000").spawn().await?;
    /// assert_eq!(process.try_wait()?, None);
    /// # Ok::<(), aioli_process::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "asyncio.subprocess.Process.returncode")]
    pub fn try_wait(&self) -> Result<Option<ExitStatus>> {
        let status = self.owned.try_wait();
        let status = status.map_err(|cause| self.error("wait for", cause))?;
        Ok(status.map(ExitStatus::from))
    }

    /// Gives the process its whole input, reads its output and error messages to their ends,
    /// all at once, and waits until it has ended.
    ///
    /// A process that ends without reading its input is no error.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: a further call goes on where this one was, with the input that is left
    /// of this one; its own input is ignored.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] for a pipe that fails, and for input without a piped stdin.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// use aioli_process::{Command, Stdio};
    ///
    /// let cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped());
    /// let output = cat.spawn().await?.communicate("hello").await?;
    /// assert_eq!(output.text(), "hello");
    /// # Ok::<(), aioli_process::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "asyncio.subprocess.Process.communicate")]
    pub async fn communicate(&mut self, input: impl AsRef<[u8]>) -> Result<Output> {
        if self.talk.is_none() {
            let input = input.as_ref().to_vec();
            if self.stdin.is_none() && !input.is_empty() {
                let cause = io::Error::new(io::ErrorKind::InvalidInput, "its stdin is not piped");
                return Err(self.error("write to", cause));
            }
            self.talk = Some(Talk::new(input));
        }
        let talked = poll_fn(|cx| {
            let talk = self.talk.as_mut().expect("it was made above");
            talk.poll(cx, &mut self.stdin, &mut self.stdout, &mut self.stderr)
        });
        if let Err((operation, cause)) = talked.await {
            return Err(self.error(operation, cause));
        }
        let status = self.wait().await?;
        let (stdout, stderr) = self.talk.take().map(Talk::into_parts).unwrap_or_default();
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }

    /// Sends the process a signal.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchProcess`] when it has ended, and [`Error::Io`] for what the system
    /// refuses: no such signal, a process that has taken other rights; on Windows all signals
    /// but `SIGTERM` and `SIGKILL`, which both end the process.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// use aioli_process::{Command, SIGTERM};
    ///
    /// let process = Command::new("sleep").arg("1000").spawn().await?;
    /// process.send_signal(SIGTERM)?;
    /// assert_eq!(process.wait().await?.returncode(), -SIGTERM);
    /// assert!(process.send_signal(SIGTERM).is_err());
    /// # Ok::<(), aioli_process::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "asyncio.subprocess.Process.send_signal")]
    pub fn send_signal(&self, signal: i32) -> Result<()> {
        self.tell_sent(self.owned.send_signal(signal))
    }

    /// Sends a signal to the process and to all that it has started, and they have started, as
    /// far as they have stayed in its [group](crate::Command::process_group).
    ///
    /// # Errors
    ///
    /// As [`send_signal`](Self::send_signal); `InvalidInput` for a process that was not put into a
    /// group of its own; on Windows always.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// use aioli_process::{SIGTERM, shell};
    ///
    /// let process = shell("sleep 1000 & sleep 1000 & wait").process_group(0).spawn().await?;
    /// process.signal_group(SIGTERM)?; // the shell and both
    /// assert_eq!(process.wait().await?.signal(), Some(SIGTERM));
    /// # Ok::<(), aioli_process::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "os.killpg")]
    pub fn signal_group(&self, signal: i32) -> Result<()> {
        if !self.has_own_group {
            let reason = "it has no process group of its own";
            let cause = io::Error::new(io::ErrorKind::InvalidInput, reason);
            return Err(self.error("send a signal to the group of", cause));
        }
        self.tell_sent(self.owned.signal_group(signal))
    }

    fn tell_sent(&self, sent: io::Result<bool>) -> Result<()> {
        match sent {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::NoSuchProcess {
                program: self.program(),
                id: self.id(),
            }),
            Err(cause) => Err(self.error("send a signal to", cause)),
        }
    }

    /// Ends the process at once, by `SIGKILL`. It is still to be waited for, or dropped.
    ///
    /// # Errors
    ///
    /// As [`send_signal`](Self::send_signal).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// use aioli_process::{Command, SIGKILL};
    ///
    /// let process = Command::new("sleep").arg("1000").spawn().await?;
    /// process.kill()?;
    /// assert_eq!(process.wait().await?.signal(), Some(SIGKILL));
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "asyncio.subprocess.Process.kill")]
    pub fn kill(&self) -> Result<()> {
        self.send_signal(SIGKILL)
    }

    /// Asks the process to end, by `SIGTERM`.
    ///
    /// # Errors
    ///
    /// As [`send_signal`](Self::send_signal).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// use aioli_process::{Command, SIGTERM};
    ///
    /// let process = Command::new("sleep").arg("1000").spawn().await?;
    /// process.terminate()?;
    /// assert_eq!(process.wait().await?.signal(), Some(SIGTERM));
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "asyncio.subprocess.Process.terminate")]
    pub fn terminate(&self) -> Result<()> {
        self.send_signal(SIGTERM)
    }

    pub(crate) fn close_pipes(&mut self) {
        self.stdin = None;
        self.stdout = None;
        self.stderr = None;
    }

    fn program(&self) -> OsString {
        self.program.to_os_string()
    }

    fn error(&self, operation: &'static str, cause: io::Error) -> Error {
        Error::Io {
            operation,
            program: self.program(),
            cause,
        }
    }
}

impl AsyncClose for Process {
    /// Closes the pipes, asks the process to end, kills it if it has not ended within the
    /// [`grace`](crate::Command::grace) time, and reaps it.
    async fn aclose(mut self) {
        self.close_pipes();
        if self.terminate().is_err() {
            return;
        }
        if timeout(self.grace, self.wait()).await.is_ok() {
            return;
        }
        tracing::warn!(program = ?self.program, id = self.id(), "had to be killed");
        // An error means that it has ended, which `wait` and the drop that follows see too.
        if self.kill().is_ok() {
            drop(self.wait().await);
        }
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("program", &self.program)
            .field("id", &self.id())
            .field("stdin", &self.stdin)
            .field("stdout", &self.stdout)
            .field("stderr", &self.stderr)
            .finish_non_exhaustive()
    }
}
