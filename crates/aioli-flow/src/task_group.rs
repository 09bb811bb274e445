//! Task groups: spawned children that end before their block does.

mod child;
mod start;
mod state;

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{Location, resume_unwind};
use std::pin::pin;
use std::sync::Arc;

use aioli_task::{
    Exit, Kept, Reason, ReasonKind, Task, Unwinding, adopt_at, exit, rearm, shield, spawn,
    spawn_eager,
};

pub use self::child::ChildOutput;
use self::child::run_child;
use self::start::{Handshake, run_starting};
pub use self::start::{StartError, Started, Starting};
use self::state::{Admission, Shared};
use crate::branch::Payload;
use crate::error_group::{BoxError, Group};
use crate::with::Place;

/// A group of tasks that end before the group's block ends.
///
/// [`TaskGroup::scope`] runs a body that may [`spawn`](TaskGroup::spawn) children. The block ends
/// when the body and all children have ended. The first failure, of a child or of the body, closes
/// the group: the other children and the body are cancelled, their clean-up is awaited, and all
/// errors come out in one [`Group`]. Being cancelled is no failure.
///
/// Clones refer to the same group, so children can hold one and add siblings, also while the body
/// is done and the group waits.
///
/// # Examples
///
/// ```
/// use aioli_flow::TaskGroup;
/// use aioli_time::sleep;
/// use std::time::Duration;
///
/// async fn fetch(n: u64) -> Result<u64, std::io::Error> {
///     sleep(Duration::from_millis(n)).await;
///     Ok(n)
/// }
///
/// aioli_task::run(async {
///     let sum = TaskGroup::scope(async |tg| {
///         let (a, b) = (tg.spawn(fetch(2)), tg.spawn(fetch(1)));
///         Ok(a.await + b.await)
///     });
///     assert_eq!(sum.await.expect("nobody fails"), 3);
/// });
/// ```
#[doc(alias = "asyncio.TaskGroup")]
#[derive(Clone)]
pub struct TaskGroup(Arc<Shared>);

impl TaskGroup {
    /// Runs `body` with a new group, and waits for the body and all children to end.
    ///
    /// `?` in the body turns any error into the body's failure.
    ///
    /// A panic of a child or of the body closes the group as a failure does; when all children
    /// have ended, it goes on outwards, in place of the errors. A request to cancel from outside
    /// cancels body and children; if some of them fail all the same, the errors come out first,
    /// and the caller is cancelled at its next suspension.
    ///
    /// # Cancel safety
    ///
    /// A request to cancel goes to the body and to the children, and their clean-up is awaited.
    /// When the future is dropped instead, the children are cancelled and the loop waits for them;
    /// their errors are lost.
    ///
    /// # Errors
    ///
    /// [`Group`] with every error of the children, and of the body.
    ///
    /// # Panics
    ///
    /// With the first panic of a child or of the body.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_flow::TaskGroup;
    /// use aioli_time::sleep;
    /// use std::time::Duration;
    ///
    /// aioli_task::run(async {
    ///     let failed = TaskGroup::scope(async |tg| {
    ///         tg.spawn(async { Err::<(), _>("no disk") });
    ///         sleep(Duration::from_secs(3600)).await; // cancelled
    ///         Ok(())
    ///     });
    ///     assert_eq!(failed.await.expect_err("a child fails").errors().len(), 1);
    /// });
    /// ```
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn scope<T, B>(body: B) -> impl Future<Output = Result<T, Group>>
    where
        B: AsyncFnOnce(&TaskGroup) -> Result<T, BoxError>,
    {
        let made_at = Location::caller();
        async move {
            let group = TaskGroup(Arc::default());
            let open = Open(group.clone(), made_at);
            let mut end = group.run_body(body).await;
            group.wait_for_children(&mut end).await;
            group.0.close();
            drop(open);
            end.leave(&group.0).await
        }
    }

    /// Puts a future on this thread's loop as a child of the group.
    ///
    /// The child starts in the next pass. It returns `()`, or a `Result` whose error closes the
    /// group; the returned task gives the value. A child that fails has ended cancelled as far as
    /// its task tells: its error is the group's.
    ///
    /// A group that is closing takes no children: the future is dropped, and the returned task has
    /// been cancelled. [`is_closing`](TaskGroup::is_closing) tells.
    ///
    /// # Panics
    ///
    /// When no loop runs on this thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_flow::TaskGroup;
    ///
    /// aioli_task::run(async {
    ///     let all = TaskGroup::scope(async |tg| {
    ///         let sibling = tg.clone();
    ///         let child = tg.spawn(async move { sibling.spawn(async {}).await });
    ///         child.await;
    ///         Ok(())
    ///     });
    ///     assert!(all.await.is_ok());
    /// });
    /// ```
    #[doc(alias = "asyncio.TaskGroup.create_task")]
    #[track_caller]
    pub fn spawn<F>(&self, f: F) -> Task<<F::Output as ChildOutput>::Value>
    where
        F: Future<Output: ChildOutput> + 'static,
        <F::Output as ChildOutput>::Value: 'static,
    {
        let Admission::Taken(ticket) = Shared::admit(&self.0) else {
            drop(f);
            return refused();
        };
        let id = ticket.id();
        let task = spawn(run_child(ticket, f));
        self.0.set_handle(id, task.handle());
        task
    }

    /// Starts a child and waits until it reports that it is up, with a value: an address it
    /// listens on, a handle to it.
    ///
    /// The child's first step runs within this call. Until it reports, the child belongs to who
    /// waits for it: its failure comes out here, and a request to cancel the caller goes on to the
    /// child, whose end is awaited. From its report on it is a child like any other, whose failure
    /// is the group's. In a [cancelled](crate::CancelScope) caller a report comes too late, and the
    /// child goes with the caller.
    ///
    /// A child that ends cancelled before it reports cancels the caller, as awaiting it would; so
    /// does a group that is closing and takes no children.
    ///
    /// # Cancel safety
    ///
    /// A request to cancel goes to the child. Dropping the returned future cancels the child, and
    /// the group waits for it.
    ///
    /// # Errors
    ///
    /// [`StartError::Failed`] with the child's error, if it failed before it reported, and
    /// [`StartError::NotReported`] if it ended without a report.
    ///
    /// # Panics
    ///
    /// When no loop runs on this thread, and when the child panics before it reports.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_flow::TaskGroup;
    /// use aioli_time::sleep;
    /// use std::time::Duration;
    ///
    /// aioli_task::run(async {
    ///     let served = TaskGroup::scope(async |tg| {
    ///         let port = tg.start::<u16, ()>(async |started| {
    ///             sleep(Duration::from_millis(1)).await; // binds its socket
    ///             started.send(8080).expect("somebody waits");
    ///             sleep(Duration::from_millis(1)).await; // serves
    ///         });
    ///         Ok(port.await?)
    ///     });
    ///     assert_eq!(served.await.expect("nobody fails"), 8080);
    /// });
    /// ```
    #[doc(alias = "trio.Nursery.start")]
    #[doc(alias = "anyio.abc.TaskGroup.start")]
    #[track_caller]
    pub fn start<T, R>(&self, child: impl AsyncFnOnce(Started<T>) -> R + 'static) -> Starting<T>
    where
        T: 'static,
        R: ChildOutput + 'static,
    {
        let handshake = Handshake::new();
        let Admission::Taken(ticket) = Shared::admit(&self.0) else {
            drop(child);
            return Starting::new(refused(), handshake);
        };
        let id = ticket.id();
        let task = spawn_eager(run_starting(ticket, handshake.clone(), child));
        self.0.set_handle(id, task.handle());
        Starting::new(task, handshake)
    }

    /// Whether the group takes no children any more: something failed, or its block has ended.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    /// How many children have not ended. Children that have are forgotten.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.n_children()
    }

    /// Whether no child is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Runs the body; a failing child asks it to end.
    async fn run_body<T, B>(&self, body: B) -> End<T>
    where
        B: AsyncFnOnce(&TaskGroup) -> Result<T, BoxError>,
    {
        let body = exit(body(self));
        let unwinder = body.unwinder();
        self.0.set_body(Some(unwinder.clone()));
        let mut unwinding = None;
        let mut body = pin!(body);
        let out = poll_fn(|cx| {
            let polled = body.as_mut().poll(cx);
            if polled.is_pending() && unwinding.is_none() && self.is_closing() {
                unwinding = Some(Unwinding::enter());
            }
            polled
        })
        .await;
        self.0.set_body(None);
        let mut end = End {
            value: None,
            own: None,
            panic: None,
            outside: None,
        };
        match out {
            Exit::Value(Ok(value)) => end.value = Some(value),
            Exit::Value(Err(error)) => end.own = Some(error),
            Exit::Panicked(panic) => end.panic = Some(panic),
            Exit::Cancelled(cancelled) if cancelled.is_from(&unwinder) => {}
            Exit::Cancelled(cancelled) => end.outside = Some(cancelled.keep()),
        }
        if end.value.is_none() {
            self.0.abort();
        }
        end
    }

    /// Waits until no child is left. A request from outside cancels them, and the wait goes on.
    async fn wait_for_children<T>(&self, end: &mut End<T>) {
        let empty = || poll_fn(|cx| self.0.poll_empty(cx));
        if !self.is_closing() {
            match exit(empty()).await {
                Exit::Value(()) => return,
                Exit::Panicked(panic) => resume_unwind(panic),
                Exit::Cancelled(cancelled) => {
                    end.outside = Some(cancelled.keep());
                    self.0.abort();
                }
            }
        }
        // The children have been asked, once: further requests wait until they have ended. A
        // cancel scope, which asks again and again, would spin otherwise.
        if !self.is_empty() {
            shield(empty()).await;
        }
    }
}

/// What a group that takes no children returns for one.
#[track_caller]
fn refused<T: 'static>() -> Task<T> {
    let task = spawn(std::future::pending());
    task.cancel_for(
        Reason::new(ReasonKind::Group).with_message("the task group takes no children"),
    );
    task
}

/// How the body of a group ended, and what else goes on outwards.
struct End<T> {
    value: Option<T>,
    /// The body's error.
    own: Option<BoxError>,
    /// The body's panic.
    panic: Option<Payload>,
    outside: Option<Kept>,
}

impl<T> End<T> {
    /// Panics go first, then errors with a request behind them, then the request.
    async fn leave(self, group: &Shared) -> Result<T, Group> {
        let (mut errors, panic) = group.take_failures();
        if let Some(panic) = panic.or(self.panic) {
            resume_unwind(panic);
        }
        errors.extend(self.own);
        if let Some(failed) = Group::new(errors) {
            // What was raised in the body (it awaited a child that failed) is nobody's request.
            if let Some(cancelled) = self.outside.map(Kept::into_inner)
                && !cancelled.is_raised()
            {
                rearm(cancelled);
            }
            return Err(failed);
        }
        match (self.outside, self.value) {
            (Some(kept), _) => kept.raise().await,
            (None, value) => Ok(value.expect("a body without a value has failed or was cancelled")),
        }
    }
}

/// Ends the group when its block is dropped half-way.
struct Open(TaskGroup, Place);

impl Drop for Open {
    fn drop(&mut self) {
        let group = &self.0.0;
        if group.is_closed() {
            return;
        }
        group.set_body(None);
        group.abort();
        group.close();
        if group.n_children() > 0 {
            let group = self.0.clone();
            let rest = async move { poll_fn(|cx| group.0.poll_empty(cx)).await };
            adopt_at(rest, self.1);
        }
    }
}

impl fmt::Debug for TaskGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup")
            .field("children", &self.len())
            .field("closing", &self.is_closing())
            .finish()
    }
}
