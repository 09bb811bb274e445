//! The half of a loop that belongs to its thread: the ready queue and the tasks.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::call::CallState;
use super::shared::{Remote, Shared};
use crate::inspect::PassHook;
use crate::report::{ErrorHandler, Report};
use crate::task::{Runnable, TaskHandle};

thread_local! {
    static CURRENT: RefCell<Option<Rc<LocalLoop>>> = const { RefCell::new(None) };
}

/// The loop that runs on this thread.
pub(crate) fn current() -> Option<Rc<LocalLoop>> {
    CURRENT
        .try_with(|current| current.borrow().clone())
        .ok()
        .flatten()
}

/// The shared half of the loop that runs on this thread.
pub(crate) fn shared() -> Option<Arc<Shared>> {
    let shared = CURRENT.try_with(|c| c.borrow().as_ref().map(|l| l.shared.clone()));
    shared.ok().flatten()
}

/// Whether `shared` is the loop of this thread.
pub(crate) fn is_current(shared: &Arc<Shared>) -> bool {
    let same = CURRENT.try_with(|current| {
        current
            .borrow()
            .as_ref()
            .is_some_and(|local| Arc::ptr_eq(&local.shared, shared))
    });
    same.unwrap_or(false)
}

/// Makes a loop the current one of this thread until it is dropped.
pub(crate) struct Entered(Option<Rc<LocalLoop>>);

impl Entered {
    /// Enters `local`.
    ///
    /// # Panics
    ///
    /// When this thread is running a loop already.
    pub(crate) fn new(local: &Rc<LocalLoop>) -> Entered {
        CURRENT.with(|current| {
            let mut current = current.borrow_mut();
            assert!(
                current.is_none(),
                "a loop cannot be run from inside a running loop: await instead"
            );
            *current = Some(local.clone());
        });
        Entered(None)
    }

    /// Enters `local` even if another loop runs on this thread: to end it.
    pub(crate) fn to_close(local: &Rc<LocalLoop>) -> Entered {
        Entered(CURRENT.replace(Some(local.clone())))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let left = CURRENT.replace(self.0.take());
        drop(left);
    }
}

/// An entry of the ready queue.
pub(crate) enum Ready {
    /// Polls a task.
    Task(Arc<dyn Runnable>),
    /// Calls a function, unless it has been cancelled.
    Call(Rc<CallState>),
    /// Calls a function that another thread sent.
    Remote(Box<dyn FnOnce() + Send>),
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
    pub(crate) ready: RefCell<VecDeque<Ready>>,
    /// All live tasks by serial number, which is the order of spawning.
    tasks: RefCell<BTreeMap<u64, Arc<dyn Runnable>>>,
    next_serial: Cell<u64>,
    pub(crate) settings: Settings,
    /// The state of the shuffling order's generator; `None` runs passes in FIFO order.
    pub(crate) shuffle: Option<Cell<u64>>,
    pub(crate) pass: Cell<u64>,
    pub(crate) pass_hook: RefCell<Option<PassHook>>,
}

impl LocalLoop {
    pub(crate) fn new(shared: Arc<Shared>, settings: Settings, shuffle: Option<u64>) -> Rc<Self> {
        Rc::new(LocalLoop {
            shared,
            ready: RefCell::default(),
            tasks: RefCell::default(),
            next_serial: Cell::new(1),
            settings,
            shuffle: shuffle.map(Cell::new),
            pass: Cell::new(0),
            pass_hook: RefCell::default(),
        })
    }

    /// A number no other task of this loop has.
    pub(crate) fn next_serial(&self) -> u64 {
        self.next_serial.replace(self.next_serial.get() + 1)
    }

    pub(crate) fn push(&self, entry: Ready) {
        self.ready.borrow_mut().push_back(entry);
    }

    /// Takes a task in; the loop owns it until it has ended.
    pub(crate) fn insert(&self, task: Arc<dyn Runnable>) {
        self.tasks.borrow_mut().insert(task.header().serial, task);
    }

    /// Lets a task go that has ended.
    pub(crate) fn remove(&self, serial: u64) {
        let removed = self.tasks.borrow_mut().remove(&serial);
        drop(removed);
    }

    /// All tasks that have not ended, in the order of spawning.
    pub(crate) fn tasks(&self) -> Vec<TaskHandle> {
        self.tasks
            .borrow()
            .values()
            .cloned()
            .map(TaskHandle)
            .collect()
    }

    pub(crate) fn has_tasks(&self) -> bool {
        !self.tasks.borrow().is_empty()
    }

    /// Moves what other threads have sent to the end of the ready queue.
    pub(crate) fn receive(&self) {
        for entry in self.shared.mailbox.receive() {
            self.push(match entry {
                Remote::Task(task) => Ready::Task(task),
                Remote::Call(call) => Ready::Remote(call),
            });
        }
    }

    pub(crate) fn report(&self, report: &Report) {
        self.settings.on_error.report(report);
    }

    /// Ends the loop: drops the futures of what tasks are left, then the slots.
    pub(crate) fn close(&self) {
        while let Some((_, task)) = self.take_first_task() {
            task.drop_future();
        }
        let ready = std::mem::take(&mut *self.ready.borrow_mut());
        drop(ready);
        self.pass_hook.borrow_mut().take();
        self.shared.close();
    }

    fn take_first_task(&self) -> Option<(u64, Arc<dyn Runnable>)> {
        self.tasks.borrow_mut().pop_first()
    }

    /// Whether real work is in flight that the loop should wait for.
    pub(crate) fn is_held(&self) -> bool {
        self.shared.holds.load(Ordering::SeqCst) > 0
    }
}

impl fmt::Debug for LocalLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalLoop")
            .field("pass", &self.pass.get())
            .finish_non_exhaustive()
    }
}
