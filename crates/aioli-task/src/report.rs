//! What nobody else would hear of: panics that nobody awaited, clean-ups that could not run.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;

use crate::event_loop::local;

/// Something that went wrong where no caller can be told.
#[doc(alias = "asyncio.loop.call_exception_handler")]
#[derive(Debug, Clone)]
pub struct Report {
    message: Cow<'static, str>,
    task: Option<String>,
    location: Option<&'static Location<'static>>,
    error: Option<String>,
}

impl Report {
    pub(crate) fn new(message: impl Into<Cow<'static, str>>) -> Report {
        Report {
            message: message.into(),
            task: None,
            location: None,
            error: None,
        }
    }

    pub(crate) fn task(mut self, name: String, location: &'static Location<'static>) -> Report {
        self.task = Some(name);
        self.location = Some(location);
        self
    }

    pub(crate) fn at(mut self, location: &'static Location<'static>) -> Report {
        self.location = Some(location);
        self
    }

    pub(crate) fn panic(mut self, payload: &(dyn Any + Send)) -> Report {
        self.error = Some(panic_message(payload).to_owned());
        self
    }

    pub(crate) fn callback(payload: &(dyn Any + Send)) -> Report {
        Report::new("panic in a callback").panic(payload)
    }

    /// What happened.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The name of the task it happened in.
    #[must_use]
    pub fn task_name(&self) -> Option<&str> {
        self.task.as_deref()
    }

    /// Where that task was spawned, or where the guard was made.
    #[must_use]
    pub fn location(&self) -> Option<&'static Location<'static>> {
        self.location
    }

    /// The message of the panic or the error.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Sends the report to this thread's loop's error handler, or to the standard error stream.
    pub(crate) fn send(&self) {
        match local::current() {
            Some(local) => local.report(self),
            None => eprintln!("{self}"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "aioli: {}", self.message)?;
        if let Some(task) = &self.task {
            write!(f, " (task {task:?})")?;
        }
        if let Some(location) = self.location {
            write!(f, " at {location}")?;
        }
        if let Some(error) = &self.error {
            write!(f, ": {error}")?;
        }
        Ok(())
    }
}

/// The text of a panic's payload, as far as it has one.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "a panic with a payload that is not text"
    }
}

/// A user's function for [`Report`]s.
type Handler = Rc<dyn Fn(&Report)>;

/// Who gets the reports of a loop: the user's function, else the standard error stream.
#[derive(Clone, Default)]
pub(crate) struct ErrorHandler(Option<Handler>);

impl ErrorHandler {
    pub(crate) fn new(handler: impl Fn(&Report) + 'static) -> ErrorHandler {
        ErrorHandler(Some(Rc::new(handler)))
    }

    pub(crate) fn report(&self, report: &Report) {
        let Some(handler) = &self.0 else {
            eprintln!("{report}");
            return;
        };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| handler(report))) {
            eprintln!("{report}");
            eprintln!(
                "{}",
                Report::new("panic in the error handler").panic(&*panic)
            );
        }
    }
}

/// Reports something that went wrong where no caller can be told: to the error handler of this
/// thread's loop, or to the standard error stream.
///
/// # Examples
///
/// ```
/// use std::{cell::RefCell, rc::Rc};
///
/// let seen = Rc::new(RefCell::new(Vec::new()));
/// let log = seen.clone();
/// let mut runner = aioli_task::Runner::builder()
///     .on_error(move |report| log.borrow_mut().push(report.message().to_owned()))
///     .build();
/// runner.run(async { aioli_task::report("a clean-up was skipped") }).unwrap();
/// assert_eq!(*seen.borrow(), ["a clean-up was skipped"]);
/// ```
#[track_caller]
pub fn report(message: impl Into<Cow<'static, str>>) {
    Report::new(message).at(Location::caller()).send();
}

/// Whether this thread's loop is in debug mode.
///
/// # Examples
///
/// ```
/// let mut runner = aioli_task::Runner::builder().debug(true).build();
/// assert!(runner.run(async { aioli_task::is_debug() }).unwrap());
/// ```
#[doc(alias = "asyncio.loop.get_debug")]
#[must_use]
pub fn is_debug() -> bool {
    local::current().is_some_and(|local| local.settings.debug)
}
