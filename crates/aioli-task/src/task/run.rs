//! How a task is polled and how it ends, without its type. All of it at home.
#![expect(
    unsafe_code,
    reason = "calls the functions of a task's table as its state allows"
)]

use std::future::Future;
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::cell;
use super::handle::TaskHandle;
use super::header::{End, Header};
use super::join::Task;
use super::output::Output;
use super::state::{self, State};
use super::task_ref::{self, Queued, TaskRef};
use super::waker;
use crate::cancel::current;
use crate::cancel::tree::{Entered, Pass, Tree};
use crate::cancel::{Reason, ReasonKind};
use crate::context;
use crate::event_loop::local::{self, LocalLoop};
use crate::event_loop::ready::Ready;
use crate::report::Report;

/// Ready operations a task may do in one poll before a primitive makes it yield.
const BUDGET: u32 = 128;

/// How a task begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// At the end of the ready queue: spawned by the user, or the user's main future.
    Queued,
    /// The same for a clean-up from the orphan list, which requests to cancel do not reach.
    QueuedOrphan,
    /// In the caller's own turn.
    Eager,
}

/// The task that is running on this thread, if one is.
pub(super) fn current_task() -> Option<TaskHandle> {
    // SAFETY: `with_task` keeps the task from being freed while the reference is counted.
    current::with_task(|task| TaskHandle(unsafe { TaskRef::new(task) }))
}

/// Makes a task of `future`, without a context, and puts it into the ready queue unless it starts
/// eagerly. The first reference is the loop's, which it gives back when the task has ended; the
/// second the caller's.
#[inline]
pub(crate) fn create<F>(
    local: &LocalLoop,
    future: F,
    start: Start,
    location: &'static Location<'static>,
) -> Task<F::Output>
where
    F: Future<Output: 'static> + 'static,
{
    let flags = match start {
        Start::Queued => state::QUEUED,
        Start::QueuedOrphan => state::QUEUED | state::ORPHAN,
        Start::Eager => 0,
    };
    let state = State::new(flags, 2);
    let serial = local.task_begins();
    let task = cell::create(local.slab(), serial, state, location, future);
    // SAFETY: the second of the two references.
    let handle = unsafe { TaskRef::from_counted(task) };
    // SAFETY: the task's output is of that type, and there is no other handle.
    let output = unsafe { Output::new(handle) };
    if flags & state::QUEUED != 0 {
        // SAFETY: QUEUED is set, at home.
        local.push(Ready::Task(unsafe { Queued::new(task) }));
    }
    Task::new(output)
}

/// A task's turn in the ready queue has come.
///
/// # Safety
///
/// The task is queued, and the caller has taken it out of the queue.
#[inline(always)]
pub(super) unsafe fn dequeue(task: NonNull<Header>) {
    // SAFETY: the caller keeps the task from being freed meanwhile.
    let header = unsafe { task.as_ref() };
    if header.state.flags() & (state::DONE | state::RUNNING) != 0 {
        // SAFETY: the caller has taken the task out of the queue.
        return unsafe { unqueue(task) };
    }
    // SAFETY: it has not ended, so the loop's reference keeps it.
    unsafe { step(task) };
}

/// A queued task is not to be polled.
///
/// # Safety
///
/// As for [`dequeue`].
#[inline(never)]
pub(super) unsafe fn unqueue(task: NonNull<Header>) {
    // SAFETY: the caller keeps the task from being freed meanwhile.
    let header = unsafe { task.as_ref() };
    header.state.change(0, state::QUEUED);
    if header.is_done() {
        // SAFETY: the loop's reference.
        unsafe { task_ref::give_back(task) };
    }
}

/// Polls a task once, or ends it if it has been asked to.
///
/// # Safety
///
/// The task has not ended and is not running; it is not in the ready queue any more, and may be
/// freed.
#[inline(always)]
pub(super) unsafe fn step(task: NonNull<Header>) {
    // SAFETY: the caller keeps the task from being freed meanwhile.
    let header = unsafe { task.as_ref() };
    // SAFETY: the loop's reference keeps the task while the waker is used.
    let waker = unsafe { waker::borrowed(task) };
    if let Some(tree) = header.tree() {
        // Before the look: who delivers a request from now on queues the task again.
        header.state.change(0, state::QUEUED);
        if tree.begin_pass(&waker) == Entered::Asked {
            // SAFETY: it has not ended, and is not running.
            return unsafe { end_cancelled(task) };
        }
    }
    let mut cx = Context::from_waker(&waker);
    // Before the poll: who wakes from now on queues the task again.
    let polled = as_current(task, state::QUEUED, || {
        // SAFETY: it has not ended, so it has its future; RUNNING keeps others out.
        unsafe { (header.table.poll)(task, &mut cx) }
    });
    match polled {
        // SAFETY: its future is gone.
        Poll::Ready(end) => unsafe { complete(task, end) },
        Poll::Pending => {
            if let Some(tree) = header.tree() {
                // SAFETY: as above, it has not ended.
                unsafe { rest(task, tree, &waker) };
            }
        }
    }
}

/// The body is pending: looks at what its handlers have been asked.
///
/// # Safety
///
/// As for [`step`].
#[inline(never)]
unsafe fn rest(task: NonNull<Header>, tree: &Tree, waker: &Waker) {
    // SAFETY: the caller keeps the task from being freed meanwhile.
    let header = unsafe { task.as_ref() };
    let is_queued = header.state.flags() & state::QUEUED != 0;
    match tree.end_pass(waker, is_queued) {
        Pass::Rest => {}
        Pass::PollAgain => waker.wake_by_ref(),
        // SAFETY: it has not ended, and is not running.
        Pass::Asked => unsafe { end_cancelled(task) },
    }
}

/// The task's future is about to be dropped: requests go nowhere from now on.
#[inline]
pub(super) fn begin_exit(header: &Header) {
    if let Some(tree) = header.tree() {
        tree.begin_exit();
    }
}

/// Runs `f` as this task: its handlers, its context and its budget are the current ones. Clears
/// the flags `clear` in the same store in which it says that the task is running. The budget stays,
/// for the loop to lift when the last task of a pass has run.
#[inline(always)]
fn as_current<R>(task: NonNull<Header>, clear: u32, f: impl FnOnce() -> R) -> R {
    struct Running<'a>(&'a Header);
    impl Drop for Running<'_> {
        #[inline]
        fn drop(&mut self) {
            self.0.state.change(0, state::RUNNING);
        }
    }
    // SAFETY: the loop's reference keeps the task until it has ended.
    let header = unsafe { task.as_ref() };
    header.state.change(state::RUNNING, clear);
    aioli_sync::budget::refill(BUDGET);
    let _running = Running(header);
    // SAFETY: the loop's reference keeps the task from being freed until it has ended, which the
    // loop finds out after `f` has returned.
    context::in_task(header, || unsafe { current::in_task(task, f) })
}

/// Drops the future of a task without asking anybody; see [`TaskRef::drop_future`].
pub(super) fn drop_future(task: &TaskRef) -> bool {
    let header = task.header();
    assert!(
        header.is_home(),
        "a task's future is dropped on its loop's thread"
    );
    if header.state.flags() & (state::DONE | state::RUNNING) != 0 {
        return false;
    }
    // SAFETY: it has not ended, and is not running.
    apart(|| unsafe { end_cancelled(task.as_ptr()) });
    true
}

/// Runs `f`, which runs a task inside of another one or of a callback: the budget of the outer one
/// is as before afterwards.
pub(super) fn apart<R>(f: impl FnOnce() -> R) -> R {
    let left = aioli_sync::budget::remaining();
    let result = f();
    match left {
        Some(left) => aioli_sync::budget::refill(left),
        None => aioli_sync::budget::unlimited(),
    }
    result
}

/// # Safety
///
/// The task has not ended and is not running; it may be freed.
#[inline(never)]
unsafe fn end_cancelled(task: NonNull<Header>) {
    // SAFETY: the caller keeps the task from being freed meanwhile.
    let header = unsafe { task.as_ref() };
    let held = header.tree().map(|tree| tree.begin_exit());
    // It may be in the ready queue, and stays there: the queue lets it go.
    let end = as_current(task, 0, || {
        // SAFETY: it has not ended, so it has its future; RUNNING keeps others out.
        unsafe { (header.table.drop_future)(task) }
    });
    if end == End::Cancelled {
        let request = held.and_then(|held| held.request);
        let dropped = || Arc::new(Reason::new(ReasonKind::Shutdown));
        let reason = request.map_or_else(dropped, |request| request.reason);
        header.side_or_new().set_reason(reason);
    }
    // SAFETY: its future is gone.
    unsafe { complete(task, end) };
}

/// Publishes how the task ended and tells those who wait for it.
///
/// # Safety
///
/// The future is gone, and the output, if there is one, stored; the task may be freed.
#[inline(always)]
unsafe fn complete(task: NonNull<Header>, end: End) {
    // SAFETY: the caller keeps the task from being freed meanwhile.
    let header = unsafe { task.as_ref() };
    if let Some(tree) = header.tree() {
        tree.leave();
    }
    let kind = match end {
        End::Value => 0,
        End::Cancelled => state::CANCELLED,
        End::Panicked => state::PANICKED,
    };
    header.state.change(state::DONE | kind, 0);
    local::task_ends();
    if header.state.flags() & state::DETACHED != 0 {
        // SAFETY: there is no handle, so the output is the home's.
        unsafe { drop_output(task) };
    }
    header.wake_joiners();
    if header.state.flags() & state::QUEUED == 0 {
        // SAFETY: the loop's reference; of a queued task it is given back by the queue.
        unsafe { task_ref::give_back(task) };
    }
}

/// The handle is gone, and has left the output. Home, or a thread where the handle could be.
///
/// # Safety
///
/// The caller speaks for the handle, and keeps the task.
pub(super) unsafe fn detach(task: NonNull<Header>) {
    // SAFETY: the caller keeps the task from being freed meanwhile.
    let header = unsafe { task.as_ref() };
    if header.is_done() {
        // SAFETY: the output was the handle's.
        unsafe { drop_output(task) };
    } else {
        header.state.change(state::DETACHED, 0);
    }
}

/// Drops the output, if there is one; a panic that nobody has looked at is reported.
///
/// # Safety
///
/// The task has ended; the output is the caller's, and has not been taken.
#[inline(never)]
unsafe fn drop_output(task: NonNull<Header>) {
    // SAFETY: the caller keeps the task from being freed meanwhile.
    let header = unsafe { task.as_ref() };
    let end = header.end();
    if end == Some(End::Panicked) && !header.state.is_retrieved() {
        // SAFETY: the task has ended with an output, which the caller owns and has not taken.
        if let Some(panic) = unsafe { (header.table.panic)(task) } {
            // The error handler runs in the context of the task.
            context::exchanged(header, || {
                Report::new("a task panicked, and nobody awaited it")
                    .task(header.name(), header.location)
                    // SAFETY: the output is not taken meanwhile.
                    .panic(unsafe { panic.as_ref() })
                    .send();
            });
        }
    }
    if end != Some(End::Cancelled) {
        // SAFETY: the task has ended with an output, which the caller owns and has not taken.
        unsafe { (header.table.drop_output)(task) };
    }
}

/// The state of a task, or of what is left of one in a cell of its loop's slab.
///
/// # Safety
///
/// The cell is in use by the home's account.
unsafe fn state_of<'a>(cell: NonNull<Header>) -> &'a State {
    // SAFETY: the caller says that a cell is there. Who frees a task elsewhere writes to other fields only.
    unsafe { &(*cell.as_ptr()).state }
}

/// References to those tasks in a loop's slab that are `wanted` by their state.
fn tasks(local: &LocalLoop, wanted: impl Fn(&State) -> bool) -> Vec<TaskRef> {
    let mut tasks = Vec::new();
    // SAFETY: the slab is there until the loop has closed it, which comes last.
    unsafe { local.slab().as_ref() }.for_each(|cell| {
        let task = cell.cast::<Header>();
        // SAFETY: the cell is in use.
        if wanted(unsafe { state_of(task) }) {
            // SAFETY: the home counts references of its own, so nobody else frees it.
            tasks.push(unsafe { TaskRef::new(task) });
        }
    });
    tasks
}

/// The live tasks of a loop, in the order of spawning. Home only.
pub(crate) fn live_tasks(local: &LocalLoop) -> Vec<TaskHandle> {
    let tasks = tasks(local, |state| state.flags() & state::DONE == 0);
    let mut tasks: Vec<_> = tasks.into_iter().map(TaskHandle).collect();
    tasks.sort_unstable_by_key(TaskHandle::id);
    tasks
}

/// The loop has ended: from now on the counts of all its tasks are those of other threads.
///
/// At home; all tasks have ended, and the inbox is closed and empty.
pub(crate) fn unbias_all(local: &LocalLoop) {
    for task in tasks(local, State::is_biased) {
        task.header().state.unbias();
    }
}
