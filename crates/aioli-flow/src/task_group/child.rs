//! A child of a task group: what it may return, and how its end reaches the group.

use std::convert::Infallible;
use std::future::{Future, pending};

use aioli_task::{Exit, Reason, ReasonKind, current, exit};

use super::state::Ticket;
use crate::error_group::BoxError;

/// What a child of a [`TaskGroup`](super::TaskGroup) may return: `()`, or a `Result` with any error
/// that can be boxed.
#[diagnostic::on_unimplemented(
    message = "a child of a task group returns `()` or a `Result`, not `{Self}`",
    note = "wrap the value: `async {{ Ok::<_, std::io::Error>(value) }}`"
)]
pub trait ChildOutput {
    /// The value of a child that did not fail.
    type Value;

    /// Tells the value from the failure.
    ///
    /// # Errors
    ///
    /// The failure.
    fn into_result(self) -> Result<Self::Value, BoxError>;
}

impl ChildOutput for () {
    type Value = ();

    fn into_result(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl ChildOutput for Infallible {
    type Value = Infallible;

    fn into_result(self) -> Result<Infallible, BoxError> {
        match self {}
    }
}

impl<T, E: Into<BoxError>> ChildOutput for Result<T, E> {
    type Value = T;

    fn into_result(self) -> Result<T, BoxError> {
        self.map_err(Into::into)
    }
}

/// Runs a child. Its failure goes to the group, and the child's own task ends cancelled then.
pub(super) async fn run_child<F>(ticket: Ticket, f: F) -> <F::Output as ChildOutput>::Value
where
    F: Future<Output: ChildOutput>,
{
    match exit(f).await {
        Exit::Value(output) => match output.into_result() {
            Ok(value) => return value,
            Err(error) => ticket.group().fail(error),
        },
        Exit::Panicked(panic) => ticket.group().panicked(panic),
        Exit::Cancelled(cancelled) => cancelled.raise().await,
    }
    current().cancel_for(
        Reason::new(ReasonKind::Group).with_message("this child failed; its group has the error"),
    );
    pending().await
}
