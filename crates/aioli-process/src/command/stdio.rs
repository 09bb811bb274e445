//! Where a process's input comes from, and its output goes.

use std::{io, process, sync::Arc};

/// Where a process's input comes from, or its output goes.
///
/// # Examples
///
/// ```
/// # #[cfg(unix)]
/// # aioli_task::run(async {
/// use aioli_process::{Stdio, shell};
///
/// let both = shell("echo out; echo err >&2").stderr(Stdio::merge()).output().await?;
/// assert_eq!(both.text(), "out\nerr\n");
/// # Ok::<(), aioli_process::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct Stdio(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Inherit,
    Null,
    Piped,
    Merge,
    File(Arc<std::fs::File>),
}

impl Stdio {
    /// The same as this process's.
    #[must_use]
    pub fn inherit() -> Self {
        Self(Kind::Inherit)
    }

    /// Empty input; output that goes nowhere.
    #[must_use]
    #[doc(alias = "asyncio.subprocess.DEVNULL")]
    pub fn null() -> Self {
        Self(Kind::Null)
    }

    /// A pipe, whose other end is a field of the [`Process`](crate::Process).
    #[must_use]
    #[doc(alias = "asyncio.subprocess.PIPE")]
    pub fn piped() -> Self {
        Self(Kind::Piped)
    }

    /// For error messages: where the output goes.
    #[must_use]
    #[doc(alias = "asyncio.subprocess.STDOUT")]
    pub fn merge() -> Self {
        Self(Kind::Merge)
    }

    pub(super) fn into_std(self) -> io::Result<process::Stdio> {
        Ok(match self.0 {
            Kind::Inherit | Kind::Merge => process::Stdio::inherit(),
            Kind::Null => process::Stdio::null(),
            Kind::Piped => process::Stdio::piped(),
            Kind::File(file) => file.try_clone()?.into(),
        })
    }
}

impl From<std::fs::File> for Stdio {
    fn from(file: std::fs::File) -> Self {
        Self(Kind::File(Arc::new(file)))
    }
}

/// Sets output and error; if both go to one pipe, that is the reading end.
pub(super) fn connect(
    command: &mut process::Command,
    stdout: Stdio,
    stderr: Stdio,
) -> io::Result<Option<io::PipeReader>> {
    let Kind::Merge = stderr.0 else {
        command
            .stdout(stdout.into_std()?)
            .stderr(stderr.into_std()?);
        return Ok(None);
    };
    match stdout.0 {
        Kind::Piped => {
            let (reader, writer) = io::pipe()?;
            command.stdout(writer.try_clone()?).stderr(writer);
            Ok(Some(reader))
        }
        Kind::Inherit | Kind::Merge => {
            command
                .stdout(process::Stdio::inherit())
                .stderr(io::stdout());
            Ok(None)
        }
        other => {
            command
                .stderr(Stdio(other.clone()).into_std()?)
                .stdout(Stdio(other).into_std()?);
            Ok(None)
        }
    }
}
