//! What to start and how: `Command`, `Stdio`, `shell`.

mod delivery;
mod stdio;

pub use self::stdio::Stdio;
use self::{delivery::Delivery, stdio::connect};
use crate::{
    error::{Error, Result},
    exit_status::ExitStatus,
    os,
    process::{Process, Spawned},
};
use aioli_task::catch;
use std::{
    borrow::Cow,
    ffi::{OsStr, OsString},
    fmt, io,
    path::{Path, PathBuf},
    process,
    sync::Arc,
    time::Duration,
};

/// How long a process that was asked to end may take before it is killed, at first.
const GRACE: Duration = Duration::from_secs(5);

/// A program to start, with its arguments and surroundings.
///
/// It can be used any number of times.
///
/// # Examples
///
/// ```
/// # #[cfg(unix)]
/// # aioli_task::run(async {
/// use aioli_process::Command;
///
/// let output = Command::new("echo").arg("hello").output().await?;
/// assert!(output.status.success());
/// assert_eq!(output.text(), "hello\n");
/// # Ok::<(), aioli_process::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "asyncio.create_subprocess_exec")]
#[derive(Debug, Clone)]
#[must_use = "a command does nothing until it is started"]
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    clear: bool,
    /// Changes to the environment, in order; `None` removes.
    env: Vec<(OsString, Option<OsString>)>,
    directory: Option<PathBuf>,
    stdin: Option<Stdio>,
    stdout: Option<Stdio>,
    stderr: Option<Stdio>,
    process_group: Option<i32>,
    grace: Duration,
    delivery: Delivery,
}

/// A command line for the system's shell: `/bin/sh -c`, or `cmd /C` on Windows.
///
/// Never put text of others into it unquoted; [`Command::arg`] needs no quoting.
///
/// # Examples
///
/// ```
/// # #[cfg(unix)]
/// # aioli_task::run(async {
/// let output = aioli_process::shell("echo one two | wc -w").output().await?;
/// assert_eq!(output.text().trim(), "2");
/// # Ok::<(), aioli_process::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "asyncio.create_subprocess_shell")]
pub fn shell(line: impl AsRef<OsStr>) -> Command {
    let [program, switch] = os::SHELL;
    Command::new(program).arg(switch).arg(line)
}

impl Command {
    /// A program by its path, or by its name to be looked up in `PATH`.
    ///
    /// Standard input, output and error are inherited unless another is set or
    /// [`output`](Self::output) and the like say otherwise.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_os_string(),
            args: Vec::new(),
            clear: false,
            env: Vec::new(),
            directory: None,
            stdin: None,
            stdout: None,
            stderr: None,
            process_group: None,
            grace: GRACE,
            delivery: Delivery::Close,
        }
    }

    /// Adds an argument. It is passed as it is: nothing splits or expands it.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_os_string());
        self
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_os_string()));
        self
    }

    /// Sets a variable of the environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((
            name.as_ref().to_os_string(),
            Some(value.as_ref().to_os_string()),
        ));
        self
    }

    /// Removes a variable of the environment.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_os_string(), None));
        self
    }

    /// Starts from an empty environment instead of this process's.
    pub fn env_clear(mut self) -> Self {
        self.clear = true;
        self.env.clear();
        self
    }

    /// Sets the folder in which the program starts.
    pub fn current_dir(mut self, path: impl AsRef<Path>) -> Self {
        self.directory = Some(path.as_ref().to_path_buf());
        self
    }

    /// Sets what the program reads.
    pub fn stdin(mut self, stdio: impl Into<Stdio>) -> Self {
        self.stdin = Some(stdio.into());
        self
    }

    /// Sets where the program's output goes.
    pub fn stdout(mut self, stdio: impl Into<Stdio>) -> Self {
        self.stdout = Some(stdio.into());
        self
    }

    /// Sets where the program's error messages go.
    pub fn stderr(mut self, stdio: impl Into<Stdio>) -> Self {
        self.stderr = Some(stdio.into());
        self
    }

    /// Puts the process into a process group; 0 is a new one, named after the process.
    ///
    /// Ctrl-C reaches the group in the foreground only. [`Process::signal_group`] sends a signal to
    /// a group of its own. Dropping or closing the process ends the process alone. Elsewhere than
    /// on Unix this does nothing.
    pub fn process_group(mut self, group: i32) -> Self {
        self.process_group = Some(group);
        self
    }

    /// Sets how long the process may take to end when it is closed, before it is killed.
    ///
    /// It is 5 seconds at first.
    pub fn grace(mut self, time: Duration) -> Self {
        self.grace = time;
        self
    }

    /// Sets how [`status`](Self::status), [`output`](Self::output) and [`run`](Self::run) end the
    /// process when they are cancelled, instead of asking it and killing it after the
    /// [`grace`](Self::grace) time.
    ///
    /// The pipes are closed first. `deliver` runs shielded, until the process has ended: then it is cancelled itself, however
    /// long it wanted to wait. If it returns before, the process is waited for without a limit.
    /// The process is killed at once when what runs it is dropped, as ever.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// use aioli_process::{Command, SIGINT};
    /// use std::time::Duration;
    ///
    /// let sleeping = Command::new("sleep").arg("1000").deliver_cancel(async |process| {
    ///     let _ = process.send_signal(SIGINT);
    ///     aioli_time::sleep(Duration::from_secs(5)).await;
    ///     let _ = process.kill();
    /// });
    /// let timed = aioli_flow::timeout(Duration::from_millis(10), sleeping.status());
    /// assert!(timed.await.is_err());
    /// # })
    /// ```
    pub fn deliver_cancel<F>(
        mut self,
        deliver: impl Fn(Arc<Process>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.delivery = Delivery::custom(deliver);
        self
    }

    /// Starts the program, and comes back when it runs.
    ///
    /// # Cancel safety
    ///
    /// A process that was already started is killed and reaped.
    ///
    /// # Errors
    ///
    /// [`Error::Start`]: no such program, no permission, no such folder, too many processes.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// use aioli_process::Command;
    ///
    /// let process = Command::new("sleep").arg("1000").spawn().await?;
    /// process.terminate()?;
    /// assert_eq!(process.wait().await?.signal(), Some(aioli_process::SIGTERM));
    /// # Ok::<(), aioli_process::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn spawn(&self) -> Result<Process> {
        self.start([Stdio::inherit(), Stdio::inherit(), Stdio::inherit()])
            .await
    }

    /// Runs the program to its end, and tells how it ended.
    ///
    /// # Cancel safety
    ///
    /// A request to cancel asks the process to end, kills it after the
    /// [`grace`](Self::grace) time, and reaps it; or whatever
    /// [`deliver_cancel`](Self::deliver_cancel) says. Dropping the future kills it at once.
    ///
    /// # Errors
    ///
    /// [`Error::Start`]; whatever the program does is no error.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// assert!(aioli_process::Command::new("true").status().await?.success());
    /// # Ok::<(), aioli_process::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn status(&self) -> Result<ExitStatus> {
        let process = self.spawn().await?;
        let ended = catch(process.wait()).await;
        match ended {
            Ok(status) => status,
            Err(cancelled) => self.delivery.deliver(cancelled, process).await,
        }
    }

    /// Runs the program to its end, and collects what it writes.
    ///
    /// Its input is empty and its output is collected, unless set otherwise.
    ///
    /// # Cancel safety
    ///
    /// As [`status`](Self::status).
    ///
    /// # Errors
    ///
    /// [`Error::Start`], and [`Error::Io`] for a pipe that fails; whatever the program does is
    /// no error.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// let output = aioli_process::shell("echo out; echo err >&2; exit 3").output().await?;
    /// assert_eq!((output.stdout, output.stderr), (b"out\n".to_vec(), b"err\n".to_vec()));
    /// assert_eq!(output.status.code(), Some(3));
    /// # Ok::<(), aioli_process::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "subprocess.run")]
    pub async fn output(&self) -> Result<Output> {
        let mut process = self
            .start([Stdio::null(), Stdio::piped(), Stdio::piped()])
            .await?;
        let ended = catch(process.communicate([])).await;
        match ended {
            Ok(output) => output,
            Err(cancelled) => self.delivery.deliver(cancelled, process).await,
        }
    }

    /// Runs the program to its end, which must be a success, and collects what it writes.
    ///
    /// # Cancel safety
    ///
    /// As [`status`](Self::status).
    ///
    /// # Errors
    ///
    /// As [`output`](Self::output), and [`Error::Failed`] with the output for a status other
    /// than success.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// let error = aioli_process::shell("echo sorry >&2; exit 1").run().await.unwrap_err();
    /// assert_eq!(error.to_string(), r#""/bin/sh" ended with exit status 1: sorry"#);
    /// # })
    /// ```
    #[doc(alias = "subprocess.check_output")]
    pub async fn run(&self) -> Result<Output> {
        let output = self.output().await?;
        if output.status.success() {
            return Ok(output);
        }
        let (program, output) = (self.program.clone(), Box::new(output));
        Err(Error::Failed { program, output })
    }

    async fn start(&self, defaults: [Stdio; 3]) -> Result<Process> {
        let command = self.clone();
        let started = aioli_task::to_thread(move || command.start_now(defaults)).await;
        let start_error = |cause| Error::Start {
            program: self.program.clone(),
            cause,
        };
        let spawned = started.map_err(start_error)?;
        let has_own_group = self.process_group == Some(0);
        Process::new(
            spawned,
            Arc::from(&*self.program),
            self.grace,
            has_own_group,
        )
        .map_err(start_error)
    }

    fn start_now(self, [stdin, stdout, stderr]: [Stdio; 3]) -> io::Result<Spawned> {
        let mut command = process::Command::new(&self.program);
        command.args(&self.args);
        if self.clear {
            command.env_clear();
        }
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
            // The system's error would be the one for a program that is not there.
            if !directory.is_dir() {
                let reason = format!("no folder {directory:?} to start in");
                return Err(io::Error::new(io::ErrorKind::NotFound, reason));
            }
        }
        os::prepare(&mut command, self.process_group);
        command.stdin(self.stdin.unwrap_or(stdin).into_std()?);
        let (stdout, stderr) = (self.stdout.unwrap_or(stdout), self.stderr.unwrap_or(stderr));
        let merged = connect(&mut command, stdout, stderr)?;
        let spawned = Spawned::new(command.spawn()?, merged);
        // With `command` goes our copy of the merged pipe's writing end.
        drop(command);
        Ok(spawned)
    }
}

/// How a process ended, and what it had written.
#[derive(Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its output, if it was piped.
    pub stdout: Vec<u8>,
    /// Its error messages, if they were piped.
    pub stderr: Vec<u8>,
}

impl Output {
    /// The output as text, with `U+FFFD` for what is not UTF-8.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("status", &self.status)
            .field("stdout", &self.text())
            .field("stderr", &String::from_utf8_lossy(&self.stderr))
            .finish()
    }
}
