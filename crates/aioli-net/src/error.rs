//! The errors of connecting, binding and accepting: what was attempted, where, and why it failed.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use thiserror::Error;

use crate::resolve::ResolveError;
use crate::target::AddressError;

/// Why no connection was made.
///
/// # Examples
///
/// ```
/// use aioli_net::{ConnectError, TcpStream};
/// use futures::executor::block_on;
///
/// let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
/// match block_on(TcpStream::connect(free)) {
///     Err(ConnectError::Failed { attempts, .. }) => assert_eq!(attempts[0].address, free),
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The text is no address.
    #[error("cannot connect: {0}")]
    Address(#[from] AddressError),
    /// The name has no addresses.
    #[error("cannot connect: {0}")]
    Resolve(#[from] ResolveError),
    /// Every address failed.
    #[error("cannot connect to {target}: {}", Attempts(target, attempts))]
    #[non_exhaustive]
    Failed {
        /// What was asked for.
        target: String,
        /// Every address that was tried, in the order in which the attempts began.
        attempts: Vec<Attempt>,
    },
    /// A path of a Unix socket failed.
    #[error("cannot connect to {}: {source}", path.display())]
    #[non_exhaustive]
    Path {
        /// The path.
        path: std::path::PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A protocol wants a task, and no event loop of aioli runs on this thread.
    #[error("cannot connect to {target}: no aioli event loop runs on this thread")]
    #[non_exhaustive]
    NoLoop {
        /// What was asked for.
        target: String,
    },
}

/// One address that was tried, and how it failed.
#[derive(Debug, Error)]
#[error("{address}: {source}")]
#[non_exhaustive]
pub struct Attempt {
    /// The address.
    pub address: SocketAddr,
    /// The system's error.
    pub source: io::Error,
}

/// One attempt by its error, several with their addresses.
struct Attempts<'a>(&'a str, &'a [Attempt]);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.1
            && only.address.to_string() == self.0
        {
            return only.source.fmt(f);
        }
        for (index, attempt) in self.1.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{attempt}")?;
        }
        Ok(())
    }
}

impl ConnectError {
    /// The kind of the error in the terms of [`io::Error`]: of several attempts, that of the
    /// first, whose address was the preferred one.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            ConnectError::Address(_) => io::ErrorKind::InvalidInput,
            ConnectError::Resolve(error) => error.kind(),
            ConnectError::Failed { attempts, .. } => {
                let first = attempts.first();
                first.map_or(io::ErrorKind::Other, |attempt| attempt.source.kind())
            }
            ConnectError::Path { source, .. } => source.kind(),
            ConnectError::NoLoop { .. } => io::ErrorKind::Unsupported,
        }
    }
}

/// Why a socket was not bound to an address.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BindError {
    /// The text is no address.
    #[error("cannot bind: {0}")]
    Address(#[from] AddressError),
    /// The name has no addresses.
    #[error("cannot bind: {0}")]
    Resolve(#[from] ResolveError),
    /// No address could be bound.
    #[error("cannot bind to {target}: {source}")]
    #[non_exhaustive]
    Failed {
        /// What was asked for: an address, a host with a port, or a path.
        target: String,
        /// The system's error for the last address.
        source: io::Error,
    },
    /// A server wants to start tasks, and no event loop of aioli runs on this thread.
    #[error("cannot serve on {target}: no aioli event loop runs on this thread")]
    #[non_exhaustive]
    NoLoop {
        /// What was asked for.
        target: String,
    },
}

impl BindError {
    /// The kind of the error in the terms of [`io::Error`].
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            BindError::Address(_) => io::ErrorKind::InvalidInput,
            BindError::Resolve(error) => error.kind(),
            BindError::Failed { source, .. } => source.kind(),
            BindError::NoLoop { .. } => io::ErrorKind::Unsupported,
        }
    }
}

/// Why a listener has no next connection.
#[derive(Debug, Error)]
#[error("cannot accept a connection on {local}: {source}")]
#[non_exhaustive]
pub struct AcceptError {
    /// The address that is listened on.
    pub local: String,
    /// The system's error.
    pub source: io::Error,
}

impl AcceptError {
    /// The kind of the error in the terms of [`io::Error`].
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }

    /// Has the process no descriptor left? The connection still waits in the listener's queue,
    /// and can be accepted when one is free.
    #[must_use]
    pub fn is_out_of_descriptors(&self) -> bool {
        crate::os::is_out_of_descriptors(&self.source)
    }
}

/// Lets `?` turn the typed errors into `io::Error`, of their kind and with them inside.
macro_rules! into_io_error {
    ($($error:ty),*) => {$(
        impl From<$error> for io::Error {
            fn from(error: $error) -> io::Error {
                io::Error::new(error.kind(), error)
            }
        }
    )*};
}

into_io_error!(ConnectError, BindError, AcceptError);
