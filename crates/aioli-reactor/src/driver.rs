//! The closed set of drivers and the choice among them.

use std::env;
use std::fmt;
use std::io;
use std::task::Waker;
use std::time::Duration;

use crate::os::RawSource;
use crate::ready::Ready;
use crate::{epoll, polling, uring};

#[cfg(test)]
mod tests;

/// The environment variable that forces a driver.
const VARIABLE: &str = "AIOLI_DRIVER";
/// The environment variable that says who carries out operations on files.
const FILES: &str = "AIOLI_FILES";

/// Which driver turns readiness into wake-ups.
///
/// # Examples
///
/// ```
/// use aioli_reactor::DriverKind;
///
/// let kind = aioli_reactor::driver_kind()?;
/// assert!(matches!(kind, DriverKind::Epoll | DriverKind::Uring | DriverKind::Poll));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DriverKind {
    /// Linux's epoll, edge-triggered: each source is registered once. `AIOLI_DRIVER=epoll`.
    Epoll,
    /// Linux's io_uring: one multishot poll for each source. Dropping a registration on another
    /// thread than its loop's waits for that one, 20 ms at most. `AIOLI_DRIVER=uring`.
    Uring,
    /// The `polling` crate, on every system: kqueue, event ports, AFD. `AIOLI_DRIVER=poll`.
    Poll,
}

impl DriverKind {
    /// Every kind with the name that forces it.
    const NAMES: [(&'static str, DriverKind); 3] = [
        ("epoll", DriverKind::Epoll),
        ("uring", DriverKind::Uring),
        ("poll", DriverKind::Poll),
    ];

    /// Reads the choice from the value of `AIOLI_DRIVER`; nothing said is `None`.
    fn parse(value: &str) -> io::Result<Option<DriverKind>> {
        if value.is_empty() {
            return Ok(None);
        }
        let known = DriverKind::NAMES.iter().find(|(name, _)| *name == value);
        match known {
            Some((_, kind)) => Ok(Some(*kind)),
            None => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "{VARIABLE}={value}: no such driver; `epoll`, `uring` and `poll` are known"
                ),
            )),
        }
    }
}

impl fmt::Display for DriverKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = DriverKind::NAMES.iter().find(|(_, kind)| kind == self);
        f.write_str(named.map_or("unnamed", |(name, _)| name))
    }
}

/// One report of a driver: the source with this token has become ready in these ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) token: usize,
    pub(crate) ready: Ready,
}

/// When a source that stays ready is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// Once, when it becomes ready.
    Edge,
    /// By each wait.
    Level,
}

/// A driver, matched at the boundary of system calls only. The contract is in
/// [`contract`](crate::contract).
#[derive(Debug)]
pub(crate) enum Driver {
    Epoll(epoll::Driver),
    // Larger by far, this one here and the next one where it is the only one.
    Uring(Box<uring::Driver>),
    Poll(Box<polling::Driver>),
}

impl Driver {
    /// The driver that the environment forces, else the best one that this system has.
    pub(crate) fn choose() -> io::Result<Driver> {
        match DriverKind::parse(&value_of(VARIABLE))? {
            Some(kind) => Driver::new(kind).map_err(|error| {
                io::Error::new(error.kind(), format!("{VARIABLE}={kind}: {error}"))
            }),
            None => preferred(Driver::new),
        }
    }

    /// A driver of this kind.
    pub(crate) fn new(kind: DriverKind) -> io::Result<Driver> {
        match kind {
            DriverKind::Epoll => epoll::Driver::new().map(Driver::Epoll),
            DriverKind::Uring => uring::Driver::new().map(Box::new).map(Driver::Uring),
            DriverKind::Poll => polling::Driver::new().map(Box::new).map(Driver::Poll),
        }
    }

    pub(crate) fn kind(&self) -> DriverKind {
        match self {
            Driver::Epoll(_) => DriverKind::Epoll,
            Driver::Uring(_) => DriverKind::Uring,
            Driver::Poll(_) => DriverKind::Poll,
        }
    }

    /// Makes the source known under `token`.
    pub(crate) fn register(&self, source: RawSource, token: usize) -> io::Result<()> {
        match self {
            Driver::Epoll(driver) => driver.register(source, token),
            Driver::Uring(driver) => driver.register(source, token),
            Driver::Poll(driver) => driver.register(source, token),
        }
    }

    /// The same for what is known to be no file that is always ready, so that nobody need look.
    pub(crate) fn register_pollable(&self, source: RawSource, token: usize) -> io::Result<()> {
        match self {
            Driver::Uring(driver) => driver.register_pollable(source, token),
            Driver::Epoll(_) | Driver::Poll(_) => self.register(source, token),
        }
    }

    /// Whether sources have to be armed, each time that they are waited for.
    pub(crate) fn needs_arming(&self) -> bool {
        match self {
            Driver::Epoll(_) => false,
            Driver::Uring(driver) => driver.needs_arming(),
            Driver::Poll(_) => true,
        }
    }

    /// Watches the source for `interest`, and for nothing else, until the next report of it.
    pub(crate) fn arm(&self, source: RawSource, token: usize, interest: Ready) -> io::Result<()> {
        match self {
            Driver::Epoll(driver) => driver.arm(source, token, interest),
            Driver::Uring(driver) => driver.arm(source, token, interest),
            Driver::Poll(driver) => driver.arm(source, token, interest),
        }
    }

    /// Watches reading of the source by level, and nothing else, or by edge again what it is always
    /// watched for. False: this driver cannot.
    pub(crate) fn watch(
        &self,
        source: RawSource,
        token: usize,
        trigger: Trigger,
    ) -> io::Result<bool> {
        match self {
            Driver::Epoll(driver) => driver.watch(source, token, trigger).map(|()| true),
            Driver::Uring(_) | Driver::Poll(_) => Ok(false),
        }
    }

    /// Whether a source is watched by level, or has been.
    #[inline]
    pub(crate) fn watches_by_level(&self) -> bool {
        match self {
            Driver::Epoll(driver) => driver.watches_by_level(),
            Driver::Uring(_) | Driver::Poll(_) => false,
        }
    }

    /// Forgets the source, which is still open, and lets go of its file.
    pub(crate) fn deregister(&self, source: RawSource, token: usize) -> io::Result<()> {
        match self {
            Driver::Epoll(driver) => driver.deregister(source, token),
            Driver::Uring(driver) => driver.deregister(source, token),
            Driver::Poll(driver) => driver.deregister(source, token),
        }
    }

    /// Waits for events, a notification or the timeout (`None`: for ever), and appends what
    /// became ready to `events`, and whose operation has ended to `woken`.
    pub(crate) fn wait(
        &self,
        timeout: Option<Duration>,
        events: &mut Vec<Event>,
        woken: &mut Vec<Waker>,
    ) -> io::Result<()> {
        match self {
            Driver::Epoll(driver) => driver.wait(timeout, events),
            Driver::Uring(driver) => driver.turn(timeout, events, woken),
            Driver::Poll(driver) => driver.wait(timeout, events),
        }
    }

    /// Ends the running `wait`, else the next one.
    pub(crate) fn notify(&self) -> io::Result<()> {
        match self {
            Driver::Epoll(driver) => driver.notify(),
            Driver::Uring(driver) => driver.notify(),
            Driver::Poll(driver) => driver.notify(),
        }
    }

    /// This driver as one that carries out operations on files.
    pub(crate) fn as_ring(&self) -> Option<&uring::Driver> {
        match self {
            Driver::Uring(driver) => Some(driver),
            Driver::Epoll(_) | Driver::Poll(_) => None,
        }
    }

    /// A ring whose completions end a wait of this driver; `None` if it cannot be told of them.
    pub(crate) fn make_beside(&self) -> Option<io::Result<uring::Driver>> {
        match self {
            Driver::Epoll(driver) => Some(uring::Driver::beside(driver.notifier())),
            Driver::Uring(_) | Driver::Poll(_) => None,
        }
    }

    /// The loop has ended, and nobody waits any more: lets go of all files. Adds to `woken` who waits
    /// for an operation.
    pub(crate) fn close(&self, woken: &mut Vec<Waker>) {
        match self {
            Driver::Epoll(driver) => driver.close(woken),
            Driver::Uring(driver) => driver.close(woken),
            Driver::Poll(driver) => driver.close(),
        }
    }
}

fn value_of(variable: &str) -> String {
    match env::var(variable) {
        Ok(value) => value,
        Err(env::VarError::NotPresent) => String::new(),
        Err(env::VarError::NotUnicode(value)) => value.to_string_lossy().into_owned(),
    }
}

/// Whether the environment leaves operations on files to a ring where there is one.
pub(crate) fn allows_operations() -> io::Result<bool> {
    match &*value_of(FILES) {
        "" | "ring" => Ok(true),
        "pool" => Ok(false),
        value => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{FILES}={value}: `ring` and `pool` are known"),
        )),
    }
}

/// Makes the first driver of the order of preference that this system does not refuse.
fn preferred<T>(make: impl Fn(DriverKind) -> io::Result<T>) -> io::Result<T> {
    const ORDER: [DriverKind; 2] = [DriverKind::Epoll, DriverKind::Uring];
    for kind in ORDER {
        match make(kind) {
            Ok(driver) => return Ok(driver),
            Err(error) => tracing::debug!(driver = %kind, %error, "this driver is refused"),
        }
    }
    make(DriverKind::Poll)
}
