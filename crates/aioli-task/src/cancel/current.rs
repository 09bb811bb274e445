//! Which handler is current: frames on the native stack, linked through a thread-local pointer.
//!
//! A frame is pushed around the poll of a body. A handler that is polled for the first time pushes
//! one that has no address. The entry is made when a handler below needs a parent, or when the body
//! turns out to be pending; a body that is ready at its first poll never touches a tree. Nor does
//! a task in which nobody ever links: its frame refers to the place where its tree would be.
#![expect(
    unsafe_code,
    reason = "frames are linked by pointers to the native stack, which costs no allocation"
)]

use std::cell::{Cell, OnceCell};
use std::ptr::{self, NonNull};

use super::place::Place;
use super::tree::{Address, New, Spot};
use crate::task::Header;

/// What is around the code that runs.
struct Frame<'a> {
    /// The frame around this one, or null.
    above: *const Frame<'static>,
    at: At<'a>,
}

enum At<'a> {
    /// Handlers polled from here on are outermost.
    Outside,
    /// A task, which is the root of its tree once there is one. Its loop keeps it for as long as the
    /// frame is there.
    Task(NonNull<Header>),
    /// A handler that is linked.
    Linked(&'a Address),
    /// A handler that was not linked when its body's poll began.
    New {
        linked: &'a OnceCell<Address>,
        is_shield: bool,
    },
}

thread_local! {
    /// The innermost frame, or null.
    ///
    /// # Invariants
    ///
    /// It is null or points to a frame in [`enter`], which has not returned. The same holds for
    /// the `above` of each frame, as calls return in the reverse order.
    static CURRENT: Cell<*const Frame<'static>> = const { Cell::new(ptr::null()) };
}

/// Runs `f` with one frame more.
#[inline]
fn enter<R>(at: At<'_>, f: impl FnOnce() -> R) -> R {
    /// Pops the frame, also when `f` unwinds.
    struct Pop(*const Frame<'static>);
    impl Drop for Pop {
        #[inline]
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let above = CURRENT.get();
    let frame = Frame { above, at };
    let _pop = Pop(above);
    CURRENT.set(ptr::from_ref(&frame).cast());
    f()
}

/// Runs `f` as a task, whose tree is made when a handler needs it.
///
/// # Safety
///
/// The task is not freed before `f` returns.
#[inline]
pub(crate) unsafe fn in_task<R>(task: NonNull<Header>, f: impl FnOnce() -> R) -> R {
    enter(At::Task(task), f)
}

/// Calls `f` with the innermost task that runs on this thread, which is not freed meanwhile.
pub(crate) fn with_task<R>(f: impl FnOnce(NonNull<Header>) -> R) -> Option<R> {
    with_frame(|frame| frame.and_then(Frame::task).map(f))
}

/// Runs `f` with no handler around it.
#[inline]
pub(crate) fn outside<R>(f: impl FnOnce() -> R) -> R {
    enter(At::Outside, f)
}

/// Runs `f` below a handler that is linked.
#[inline]
pub(super) fn under<R>(address: &Address, f: impl FnOnce() -> R) -> R {
    enter(At::Linked(address), f)
}

/// Runs `f`, the poll or the drop of the body of a handler that is not linked. If it is linked
/// meanwhile, its address is in `linked` afterwards, also when `f` unwinds.
#[inline]
pub(super) fn in_new<R>(linked: &OnceCell<Address>, is_shield: bool, f: impl FnOnce() -> R) -> R {
    enter(At::New { linked, is_shield }, f)
}

/// Calls `f` with the innermost frame.
#[inline]
fn with_frame<R>(f: impl FnOnce(Option<&Frame<'_>>) -> R) -> R {
    let frame = CURRENT.get();
    // SAFETY: by the invariant of `CURRENT` it is null or points to a live frame, whose `enter` is
    // still on this thread's stack and cannot return before `f` does. Frames are only ever
    // borrowed shared, and `f` is called for any lifetime, so nothing borrowed leaves it.
    f(unsafe { frame.as_ref() })
}

/// The task of a frame, for as long as the frame is borrowed.
#[inline]
fn header(task: &NonNull<Header>) -> &Header {
    // SAFETY: it was given to `in_task`, whose caller keeps the task while the frame is there, and
    // the place in the frame is borrowed for as long.
    unsafe { task.as_ref() }
}

impl Frame<'_> {
    fn above(&self) -> Option<&Frame<'_>> {
        // SAFETY: by the invariant of `CURRENT` it is null or points to a frame whose `enter`
        // is farther out on this thread's stack than this one's, so it outlives `self`.
        unsafe { self.above.as_ref() }
    }

    /// The innermost task from here outwards.
    fn task(&self) -> Option<NonNull<Header>> {
        match self.at {
            At::Task(task) => Some(task),
            _ => self.above()?.task(),
        }
    }

    /// The handler of this frame, linked into its tree now if it was not yet.
    #[inline]
    fn spot(&self) -> Option<Spot<'_>> {
        match &self.at {
            At::Outside => None,
            At::Task(task) => Some(header(task).tree_or_new().root()),
            At::Linked(address) => Some(address.spot()),
            At::New { linked, is_shield } => Some(self.linked_or_new(linked, *is_shield).spot()),
        }
    }

    fn linked_or_new<'a>(&self, linked: &'a OnceCell<Address>, is_shield: bool) -> &'a Address {
        linked.get_or_init(|| {
            let new = New {
                is_shield,
                ..New::default()
            };
            Place::link(self.above().and_then(Frame::spot), new).into_address()
        })
    }

    /// Whether this handler, or one above it with no shield between, is asked right now.
    fn is_asked(&self) -> bool {
        match &self.at {
            At::Outside => false,
            At::Task(task) => header(task)
                .tree()
                .is_some_and(|tree| tree.root().is_asked_here_or_above()),
            At::Linked(address) => address.spot().is_asked_here_or_above(),
            At::New { linked, is_shield } => match linked.get() {
                Some(address) => address.spot().is_asked_here_or_above(),
                None => !is_shield && self.above().is_some_and(Frame::is_asked),
            },
        }
    }
}

/// Calls `f` with the current handler if it is linked.
#[inline]
pub(super) fn with_linked<R>(f: impl FnOnce(Option<Spot<'_>>) -> R) -> R {
    with_frame(|frame| {
        f(frame.and_then(|frame| match &frame.at {
            At::Outside => None,
            At::Task(task) => header(task).tree().map(|tree| tree.root()),
            At::Linked(address) => Some(address.spot()),
            At::New { linked, .. } => linked.get().map(Address::spot),
        }))
    })
}

/// Calls `f` with the current handler, linked into its tree now if it was not yet.
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(Option<Spot<'_>>) -> R) -> R {
    with_frame(|frame| f(frame.and_then(Frame::spot)))
}

/// Whether a handler or a task is around the caller, without linking anything.
pub(crate) fn is_inside() -> bool {
    with_frame(|frame| frame.is_some_and(|frame| !matches!(frame.at, At::Outside)))
}

/// Whether the current handler, or one above it with no shield between, is asked right now.
pub(super) fn is_asked() -> bool {
    with_frame(|frame| frame.is_some_and(Frame::is_asked))
}
