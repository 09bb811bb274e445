//! Why something was cancelled: kind, text, who asked, and where.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU64;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::task;

/// What kind of event asked for a cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReasonKind {
    /// Somebody called `cancel` on a task.
    Cancel,
    /// A deadline passed.
    Timeout,
    /// A sibling failed, or the group is closing.
    Group,
    /// A scope ends, or a race is lost.
    Scope,
    /// The user pressed Ctrl-C.
    Interrupt,
    /// The loop is ending.
    Shutdown,
}

impl ReasonKind {
    fn describe(self) -> &'static str {
        match self {
            ReasonKind::Cancel => "cancelled",
            ReasonKind::Timeout => "cancelled by a deadline",
            ReasonKind::Group => "cancelled with its group",
            ReasonKind::Scope => "cancelled with its scope",
            ReasonKind::Interrupt => "interrupted",
            ReasonKind::Shutdown => "cancelled at shutdown",
        }
    }
}

/// Why something was cancelled.
///
/// # Examples
///
/// ```
/// use aioli_task::{Reason, ReasonKind};
///
/// let reason = Reason::new(ReasonKind::Cancel).with_message("no longer wanted");
/// assert_eq!(reason.message(), Some("no longer wanted"));
/// assert!(reason.to_string().starts_with("cancelled: no longer wanted"));
/// ```
#[derive(Debug, Clone)]
pub struct Reason {
    kind: ReasonKind,
    message: Option<Cow<'static, str>>,
    by: Option<String>,
    location: &'static Location<'static>,
}

impl Reason {
    /// A reason of this kind, given at the caller's place in the source.
    #[must_use]
    #[track_caller]
    pub fn new(kind: ReasonKind) -> Reason {
        Reason {
            kind,
            message: None,
            by: None,
            location: Location::caller(),
        }
    }

    /// Adds a text.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Reason {
        self.message = Some(message.into());
        self
    }

    /// Notes the current task, if there is one, as the one that asks.
    #[must_use]
    pub fn by_current_task(self) -> Reason {
        let who = task::try_current().map(|task| task.name());
        self.by(who)
    }

    pub(crate) fn by(mut self, who: Option<String>) -> Reason {
        self.by = who;
        self
    }

    /// What kind of event it was.
    #[must_use]
    pub fn kind(&self) -> ReasonKind {
        self.kind
    }

    /// The text given with the request.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The name of the task that asked.
    #[must_use]
    pub fn by_task(&self) -> Option<&str> {
        self.by.as_deref()
    }

    /// Where in the source the request was made.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.describe())?;
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        if let Some(by) = &self.by {
            write!(f, " (by task {by:?})")?;
        }
        write!(f, " at {}", self.location)
    }
}

/// Names a scope that has asked its own body, for the lifetime of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin(NonZeroU64);

impl Origin {
    /// A name nobody else has. Scopes take one when they first unwind, which most never do.
    pub(super) fn new() -> Origin {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // ORDERING: Relaxed, as nothing but the number itself matters.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Origin(NonZeroU64::new(number).expect("a counter of 64 bits does not come round"))
    }
}

/// A request under way: its reason, and the scope that made it for its own sake.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) reason: Arc<Reason>,
    /// The scope whose own unwind this is; `None` came from outside every scope.
    pub(crate) origin: Option<Origin>,
}

impl Request {
    pub(crate) fn outside(reason: Arc<Reason>) -> Request {
        Request {
            reason,
            origin: None,
        }
    }

    /// Whether both are clones of one request.
    pub(super) fn is_same(&self, other: &Request) -> bool {
        Arc::ptr_eq(&self.reason, &other.reason) && self.origin == other.origin
    }
}
