//! How a task or a run ends when it does not end with a value.

use std::any::Any;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cancel::Reason;
use crate::report::panic_message;

/// Why there is no value.
#[non_exhaustive]
pub enum Stop {
    /// It was cancelled.
    Cancelled(Arc<Reason>),
    /// The user pressed Ctrl-C, and the cancellation of main came out.
    Interrupted,
    /// It panicked.
    Panicked(Panic),
}

/// A panic that has been caught: its message, and the payload to go on with.
pub struct Panic {
    message: String,
    /// Never locked for longer than a move; the lock makes the payload shareable.
    payload: Mutex<Box<dyn Any + Send>>,
}

impl Panic {
    pub(crate) fn new(payload: Box<dyn Any + Send>) -> Panic {
        Panic {
            message: panic_message(&*payload).to_owned(),
            payload: Mutex::new(payload),
        }
    }

    /// The message it was raised with.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What it carries.
    #[must_use]
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.payload
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on with the panic.
    ///
    /// # Panics
    ///
    /// Always: with the original payload.
    pub fn resume(self) -> ! {
        resume_unwind(self.into_payload())
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Panic").field(&self.message).finish()
    }
}

impl Stop {
    /// Whether it was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Stop::Cancelled(_))
    }

    /// Whether it panicked.
    #[must_use]
    pub fn is_panicked(&self) -> bool {
        matches!(self, Stop::Panicked(_))
    }

    /// Goes on with the panic.
    ///
    /// # Panics
    ///
    /// Always: with the task's panic, or with a message that says how it ended.
    pub fn resume(self) -> ! {
        match self {
            Stop::Panicked(panic) => panic.resume(),
            other => panic!("{other}"),
        }
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Cancelled(reason) => f.debug_tuple("Cancelled").field(reason).finish(),
            Stop::Interrupted => f.write_str("Interrupted"),
            Stop::Panicked(panic) => f.debug_tuple("Panicked").field(&panic.message).finish(),
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Cancelled(reason) => fmt::Display::fmt(reason, f),
            Stop::Interrupted => f.write_str("interrupted"),
            Stop::Panicked(panic) => write!(f, "panicked: {}", panic.message),
        }
    }
}

impl std::error::Error for Stop {}
