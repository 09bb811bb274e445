//! The half of a loop that belongs to its thread: the ready queue and the tasks.
#![expect(
    unsafe_code,
    reason = "finds the loop of this thread without counting references to it"
)]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ptr::{self, NonNull};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::locals::Locals;
use super::ready::{Ready, ReadyQueue};
use super::shared::{Remote, Shared};
use super::spinning::Spinning;
use super::turn::EVENTS_INTERVAL;
use crate::cancel;
use crate::first_panic::FirstPanic;
use crate::inspect::PassHook;
use crate::report::{ErrorHandler, Report};
use crate::task::{self, Queued, Slab, TaskHandle};

thread_local! {
    /// The loop that runs on this thread; kept by the [`Entered`] that put it here.
    static CURRENT: Cell<*const LocalLoop> = const { Cell::new(ptr::null()) };
    /// The slab of that loop, by which tasks know their home.
    static HOME: Cell<*const Slab> = const { Cell::new(ptr::null()) };
}

/// Calls `f` with the loop that runs on this thread, if one does.
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(&LocalLoop) -> R) -> Option<R> {
    // SAFETY: whoever put it there keeps it until it is taken away again.
    unsafe { CURRENT.get().as_ref() }.map(f)
}

/// The loop that runs on this thread.
pub(crate) fn current() -> Option<Rc<LocalLoop>> {
    // Not by way of a reference, whose pointer would not be good for the counts beside the loop.
    let local = CURRENT.get();
    if local.is_null() {
        return None;
    }
    // SAFETY: the pointer is that of an `Rc`, which `Entered` holds.
    unsafe { Rc::increment_strong_count(local) };
    // SAFETY: the count was raised for this one.
    Some(unsafe { Rc::from_raw(local) })
}

/// The shared half of the loop that runs on this thread.
pub(crate) fn shared() -> Option<Arc<Shared>> {
    with(|local| local.shared.clone())
}

/// Whether `shared` is the loop of this thread.
#[inline]
pub(crate) fn is_current(shared: &Arc<Shared>) -> bool {
    with(|local| Arc::ptr_eq(&local.shared, shared)).unwrap_or(false)
}

/// Whether `slab` is that of the loop of this thread.
#[inline]
pub(crate) fn is_home(slab: NonNull<Slab>) -> bool {
    ptr::eq(HOME.get(), slab.as_ptr())
}

/// Puts a task of this thread's loop at the end of its ready queue.
#[inline]
pub(crate) fn push_task(task: Queued) {
    with(|local| local.push(Ready::Task(task)));
}

/// A task of this thread's loop has ended.
#[inline]
pub(crate) fn task_ends() {
    with(|local| local.live_tasks.set(local.live_tasks.get() - 1));
}

/// Makes a loop the current one of this thread until it is dropped.
pub(crate) struct Entered {
    outside: (*const LocalLoop, *const Slab),
    _inside: Rc<LocalLoop>,
}

impl Entered {
    /// Enters `local`.
    ///
    /// # Panics
    ///
    /// When this thread is running a loop already.
    pub(crate) fn new(local: &Rc<LocalLoop>) -> Entered {
        assert!(
            CURRENT.get().is_null(),
            "a loop cannot be run from inside a running loop: await instead"
        );
        Entered::to_close(local)
    }

    /// Enters `local` even if another loop runs on this thread: to end it.
    pub(crate) fn to_close(local: &Rc<LocalLoop>) -> Entered {
        let slab = local.slab.get().map_or(ptr::null(), |slab| slab.as_ptr());
        Entered {
            outside: (CURRENT.replace(Rc::as_ptr(local)), HOME.replace(slab)),
            _inside: local.clone(),
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.outside.0);
        HOME.set(self.outside.1);
    }
}

/// How a loop behaves; see [`crate::RunnerBuilder`].
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) debug: bool,
    pub(crate) on_error: ErrorHandler,
    /// A virtual clock with nothing to jump to is a deadlock.
    pub(crate) panic_when_idle: bool,
    /// How long to look for events before waiting for them in the kernel.
    pub(crate) spin: Duration,
}

/// The home-thread part of a loop.
pub(crate) struct LocalLoop {
    pub(crate) shared: Arc<Shared>,
    pub(super) ready: ReadyQueue,
    /// Where the tasks are; `None` once the loop has ended.
    slab: Cell<Option<NonNull<Slab>>>,
    live_tasks: Cell<usize>,
    next_serial: Cell<u64>,
    pub(crate) settings: Settings,
    /// The state of the shuffling order's generator; `None` runs passes in FIFO order.
    pub(crate) shuffle: Option<Cell<u64>>,
    pub(crate) pass_hook: RefCell<Option<PassHook>>,
    pub(super) spinning: Spinning,
    /// Entries that may still run before the parker and the timers are looked at.
    pub(super) until_look: Cell<usize>,
    /// Whether it runs on the real clock, in FIFO order, and nobody watches it: what a pass need not
    /// look at in a loop as most are.
    pub(super) is_plain: bool,
    /// Dropped with the loop, after everything else that it had.
    pub(crate) locals: Locals,
}

impl LocalLoop {
    pub(crate) fn new(
        shared: Arc<Shared>,
        settings: Settings,
        shuffle: Option<u64>,
        pass_hook: Option<PassHook>,
    ) -> Rc<Self> {
        let is_watched = shared.watch.is_some() || pass_hook.is_some();
        let is_plain = !shared.clock.is_virtual() && shuffle.is_none() && !is_watched;
        let slab = Slab::create(shared.clone());
        Rc::new(LocalLoop {
            shared,
            ready: ReadyQueue::default(),
            slab: Cell::new(Some(slab)),
            live_tasks: Cell::new(0),
            next_serial: Cell::new(1),
            spinning: Spinning::new(settings.spin),
            settings,
            shuffle: shuffle.map(Cell::new),
            pass_hook: RefCell::new(pass_hook),
            until_look: Cell::new(EVENTS_INTERVAL),
            is_plain,
            locals: Locals::default(),
        })
    }

    /// Where the tasks are.
    ///
    /// # Panics
    ///
    /// When the loop has ended.
    #[inline]
    pub(crate) fn slab(&self) -> NonNull<Slab> {
        self.slab
            .get()
            .expect("a loop that has ended takes no tasks")
    }

    /// A task begins; returns a number that no other task of this loop has.
    #[inline]
    pub(crate) fn task_begins(&self) -> u64 {
        self.live_tasks.set(self.live_tasks.get() + 1);
        self.next_serial.replace(self.next_serial.get() + 1)
    }

    /// How many tasks have begun so far.
    pub(crate) fn tasks_begun(&self) -> u64 {
        self.next_serial.get()
    }

    #[inline]
    pub(crate) fn push(&self, entry: Ready) {
        self.ready.push(entry);
    }

    /// How many passes have begun so far.
    pub(crate) fn passes(&self) -> u64 {
        self.shared.turns.load(Ordering::Relaxed) as u64
    }

    /// All tasks that have not ended, in the order of spawning.
    pub(crate) fn tasks(&self) -> Vec<TaskHandle> {
        match self.has_tasks() {
            true => task::live_tasks(self),
            false => Vec::new(),
        }
    }

    pub(crate) fn has_tasks(&self) -> bool {
        self.live_tasks.get() > 0
    }

    /// Moves what other threads have sent to the end of the ready queue.
    #[inline]
    pub(crate) fn receive(&self) {
        if self.shared.mailbox.has_entries() {
            self.receive_some();
        }
    }

    #[inline(never)]
    fn receive_some(&self) {
        for entry in self.shared.mailbox.receive() {
            match entry {
                Remote::Task(task) => task.receive(),
                Remote::Call(call) => self.push(Ready::Remote(Box::new(call))),
            }
        }
    }

    pub(crate) fn report(&self, report: &Report) {
        self.settings.on_error.report(report);
    }

    /// Ends the loop, which is the current one: drops the futures of what tasks are left, then the
    /// slots; what is still referred to then belongs to no loop.
    pub(crate) fn close(&self, panics: &mut FirstPanic) {
        let Some(slab) = self.slab.get() else { return };
        // What is dropped may spawn, wake and call once more.
        while self.has_tasks() || !self.ready.is_empty() {
            for task in self.tasks() {
                task.0.drop_future();
            }
            panics.catch(|| self.ready.clear());
        }
        let hook = self.pass_hook.borrow_mut().take();
        panics.catch(|| drop(hook));
        for entry in self.shared.close(panics) {
            match entry {
                Remote::Task(task) => task.receive(),
                Remote::Call(call) => panics.catch(|| drop(call)),
            }
        }
        task::unbias_all(self);
        self.slab.set(None);
        HOME.set(ptr::null());
        // SAFETY: this is the home, and it has no use for the slab any more: `slab` is gone, and no
        // task takes this thread for its home.
        unsafe { Slab::close(slab) };
        task::drop_spares();
        cancel::tree::drop_spares();
    }

    /// Whether real work is in flight that the loop should wait for.
    pub(crate) fn is_held(&self) -> bool {
        self.shared.holds.load(Ordering::SeqCst) > 0
    }
}

impl Drop for LocalLoop {
    fn drop(&mut self) {
        debug_assert!(
            self.slab.get().is_none(),
            "a loop is closed before it is dropped"
        );
    }
}

impl fmt::Debug for LocalLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalLoop")
            .field("passes", &self.passes())
            .finish_non_exhaustive()
    }
}
