//! What is known of a task without knowing its type.
#![expect(
    unsafe_code,
    reason = "shares between threads what only the task's home may touch"
)]

use std::any::Any;
use std::cell::UnsafeCell;
use std::fmt;
use std::mem;
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::once_box::OnceBox;
use super::side::{JoinerKey, Side};
use super::slab::{Room, Slab};
use super::state::{self, State};
use crate::cancel::Reason;
use crate::cancel::tree::Tree;
use crate::context;
use crate::event_loop::{Shared, local};

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send>;

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Value,
    Cancelled,
    Panicked,
}

/// What can be done with a task whose type is forgotten. All of it is for the home, but for the
/// output, which belongs to the handle once the task has ended.
pub(super) struct Table {
    pub(super) room: Room,
    /// The name of the future's type.
    pub(super) type_name: fn() -> &'static str,
    /// Polls the future; when it is done, drops it and stores the output.
    pub(super) poll: unsafe fn(NonNull<Header>, &mut Context<'_>) -> Poll<End>,
    /// Drops the future; stores the panic, if there is one.
    pub(super) drop_future: unsafe fn(NonNull<Header>) -> End,
    /// Where the output is, in bytes from the header: a `Result<T, Payload>`.
    pub(super) output_at: usize,
    pub(super) drop_output: unsafe fn(NonNull<Header>),
    /// The panic that is the output.
    pub(super) panic: unsafe fn(NonNull<Header>) -> Option<NonNull<dyn Any + Send>>,
}

/// The part of a task that does not depend on its future.
///
/// # Invariants
///
/// 1. `table` is the first field, so that the slab finds it, and the table of the cell's type.
/// 2. `joiner` is touched at home only, or by who frees the task.
#[repr(C)]
pub(crate) struct Header {
    pub(super) table: &'static Table,
    pub(crate) serial: u64,
    pub(super) state: State,
    pub(super) slab: NonNull<Slab>,
    pub(crate) location: &'static Location<'static>,
    /// What few tasks have; made when somebody needs it.
    side: OnceBox<Side>,
    /// The first one on the home thread who waits for the end; the others are in `side`.
    joiner: UnsafeCell<Option<Waker>>,
}

/// Where one who waits for the end of a task remembers its waker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Place {
    #[default]
    None,
    /// In the header.
    Header,
    /// In the side record.
    Side(JoinerKey),
}

/// The room of the cell that begins here.
///
/// # Safety
///
/// The cell begins with the header of a task, or with what is left of one.
pub(super) unsafe fn room_of(cell: NonNull<()>) -> Room {
    // SAFETY: the table is the first field (invariant 1); the rest may be overwritten.
    unsafe { cell.cast::<&'static Table>().read() }.room
}

impl Header {
    #[inline]
    pub(super) fn new(
        table: &'static Table,
        serial: u64,
        state: State,
        slab: NonNull<Slab>,
        location: &'static Location<'static>,
    ) -> Header {
        Header {
            table,
            serial,
            state,
            slab,
            location,
            side: OnceBox::new(),
            joiner: UnsafeCell::new(None),
        }
    }

    /// Whether this is the thread of the task's loop, and the loop runs.
    #[inline]
    pub(super) fn is_home(&self) -> bool {
        local::is_home(self.slab)
    }

    /// The shared half of the task's loop.
    #[inline]
    pub(crate) fn home(&self) -> &Arc<Shared> {
        // SAFETY: the slab outlives its cells, and this is in one.
        unsafe { self.slab.as_ref() }.shared()
    }

    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        self.state.seen() & state::DONE != 0
    }

    /// How the task ended, if it has.
    #[inline]
    pub(crate) fn end(&self) -> Option<End> {
        let seen = self.state.seen();
        if seen & state::DONE == 0 {
            return None;
        }
        Some(match seen & (state::CANCELLED | state::PANICKED) {
            0 => End::Value,
            state::CANCELLED => End::Cancelled,
            _ => End::Panicked,
        })
    }

    pub(crate) fn is_orphan(&self) -> bool {
        self.state.seen() & state::ORPHAN != 0
    }

    /// The side record, if the task has one.
    #[inline]
    pub(crate) fn side(&self) -> Option<&Side> {
        self.side.get()
    }

    /// The side record, made now if there was none.
    pub(crate) fn side_or_new(&self) -> &Side {
        self.side.get_or_init(Side::spare_or_new)
    }

    /// The task's tree of handlers, if it has had one.
    #[inline]
    pub(crate) fn tree(&self) -> Option<&Arc<Tree>> {
        self.side()?.tree().get()
    }

    /// The task's tree of handlers, made now if there was none.
    pub(crate) fn tree_or_new(&self) -> &Arc<Tree> {
        self.side_or_new().tree().get_or_init(Tree::new)
    }

    /// Runs `f` on the place of the first waker. Home only.
    #[inline]
    fn with_joiner<R>(&self, f: impl FnOnce(&mut Option<Waker>) -> R) -> R {
        debug_assert!(self.is_home(), "the first waker is the home's");
        // SAFETY: only the home gets here (invariant 2), and no `f` in this file calls anything
        // that could come back: wakers are cloned, and dropped by the callers of these functions.
        f(unsafe { &mut *self.joiner.get() })
    }

    /// Notes a waker for the end of a task that has not ended. Home only.
    pub(super) fn add_joiner(&self, place: &mut Place, waker: &Waker) {
        let has_others = || self.side().is_some_and(Side::has_joiners);
        if *place == Place::None && self.with_joiner(|slot| slot.is_none()) && !has_others() {
            *place = Place::Header;
        }
        if *place == Place::Header {
            let new = self.with_joiner(|slot| match slot {
                Some(old) => !old.will_wake(waker),
                None => true,
            });
            if new {
                let waker = waker.clone();
                drop(self.with_joiner(|slot| slot.replace(waker)));
            }
        } else {
            let _ = self.side_or_new().add_joiner(place, waker);
        }
    }

    /// The same on another thread. Returns whether the caller is to mail the task to its home, which
    /// may be just ending it.
    #[must_use]
    pub(super) fn add_foreign_joiner(&self, place: &mut Place, waker: &Waker) -> bool {
        // A waker in the header stays behind: it is woken once more than needed.
        if *place == Place::Header {
            *place = Place::None;
        }
        self.side_or_new().add_joiner(place, waker) && self.state.post(state::JOIN)
    }

    /// Takes the waker back of one who waits no longer.
    #[inline]
    pub(super) fn remove_joiner(&self, place: &mut Place) {
        match mem::take(place) {
            Place::Header if self.is_home() => drop(self.with_joiner(Option::take)),
            Place::Side(key) => self
                .side()
                .into_iter()
                .for_each(|side| side.remove_joiner(key)),
            Place::None | Place::Header => {}
        }
    }

    /// Whether the header owns memory or references, so that dropping it does something. Home only.
    #[inline]
    pub(super) fn owns_something(&self) -> bool {
        self.side.get().is_some() || self.with_joiner(|slot| slot.is_some())
    }

    /// Wakes those who wait for the end, in the order in which they came. Home only.
    #[inline]
    pub(super) fn wake_joiners(&self) {
        if let Some(waker) = self.with_joiner(Option::take) {
            waker.wake();
        }
        self.wake_side_joiners();
    }

    /// Wakes those who wait in the side record.
    #[inline]
    pub(super) fn wake_side_joiners(&self) {
        if let Some(side) = self.side() {
            side.wake_joiners();
        }
    }

    /// Whether the task has context variables. Home only.
    #[inline]
    pub(crate) fn has_context(&self) -> bool {
        self.state.flags() & state::CONTEXT != 0
    }

    /// Takes the context out of the task. Home only.
    pub(crate) fn take_context(&self) -> context::Context {
        match self.side().filter(|_| self.has_context()) {
            Some(side) => {
                self.state.change(0, state::CONTEXT);
                side.take_context()
            }
            None => context::Context::default(),
        }
    }

    /// Gives the task its context. Home only.
    #[inline]
    pub(crate) fn put_context(&self, context: context::Context) {
        if !context.is_none() {
            self.side_or_new().put_context(context);
            self.state.change(state::CONTEXT, 0);
        }
    }

    /// Why the task was cancelled, if it ended so.
    pub(crate) fn reason(&self) -> Option<Arc<Reason>> {
        self.side()?.reason()
    }

    pub(crate) fn name(&self) -> String {
        let given = self.side().and_then(Side::name);
        given.unwrap_or_else(|| format!("Task-{}", self.serial))
    }

    /// Outside requests that have not been taken back.
    pub(crate) fn requests(&self) -> u32 {
        self.side().map_or(0, Side::requests)
    }

    pub(crate) fn unwinding(&self) -> u32 {
        self.side().map_or(0, Side::unwinding)
    }
}

impl Drop for Header {
    fn drop(&mut self) {
        if let Some(side) = self.side.take()
            && self.is_home()
        {
            side.retire();
        }
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("name", &self.name())
            .field("end", &self.end())
            .field("requests", &self.requests())
            .field("spawned_at", &format_args!("{}", self.location))
            .finish()
    }
}
