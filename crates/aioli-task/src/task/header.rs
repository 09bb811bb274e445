//! What is known about a task without knowing its type.

use std::fmt;
use std::mem;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use crate::cancel::Reason;
use crate::cancel::tree::Tree;
use crate::context::Context;
use crate::event_loop::Shared;

/// What a task is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Spawned by the user, or the user's main future.
    Ordinary,
    /// A clean-up from the orphan list: requests to cancel do not reach it.
    Orphan,
}

/// How far a task has come; the discriminants are what the atomic field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Live = 0,
    Value = 1,
    Cancelled = 2,
    Panicked = 3,
}

/// The part of a task that does not depend on its future.
pub(crate) struct Header {
    pub(crate) serial: u64,
    pub(crate) home: Arc<Shared>,
    pub(crate) location: &'static Location<'static>,
    pub(crate) role: Role,
    /// The task's tree of handlers, once there is one or somebody asks the task to end.
    pub(crate) tree: OnceLock<Arc<Tree>>,
    /// Whether the task is in the ready queue or in the inbox.
    pub(super) queued: AtomicBool,
    /// Whether the future has been polled.
    pub(super) started: AtomicBool,
    /// Whether the future is being polled or dropped right now.
    pub(super) running: AtomicBool,
    /// Whether somebody has looked at the outcome.
    pub(super) retrieved: AtomicBool,
    progress: AtomicU8,
    /// Outside requests, minus those taken back.
    requests: AtomicU32,
    /// Enclosing scopes that are unwinding.
    unwinding: AtomicI32,
    slow: Mutex<Slow>,
}

/// Names the waker of one who waits for the end of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct JoinerKey(u64);

/// What is touched rarely.
struct Slow {
    name: Option<String>,
    context: Context,
    /// The wakers of those who wait for the end, in the order in which they came.
    joiners: Vec<(JoinerKey, Waker)>,
    next_joiner: u64,
    reason: Option<Arc<Reason>>,
}

impl Header {
    pub(crate) fn new(
        serial: u64,
        home: Arc<Shared>,
        location: &'static Location<'static>,
        role: Role,
        context: Context,
    ) -> Header {
        Header {
            serial,
            home,
            location,
            role,
            tree: OnceLock::new(),
            queued: AtomicBool::new(false),
            started: AtomicBool::new(false),
            running: AtomicBool::new(false),
            retrieved: AtomicBool::new(false),
            progress: AtomicU8::new(Progress::Live as u8),
            requests: AtomicU32::new(0),
            unwinding: AtomicI32::new(0),
            slow: Mutex::new(Slow {
                name: None,
                context,
                joiners: Vec::new(),
                next_joiner: 0,
                reason: None,
            }),
        }
    }

    fn slow(&self) -> MutexGuard<'_, Slow> {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn progress(&self) -> Progress {
        // ORDERING: Acquire pairs with the Release in `complete`, so that who sees the end sees
        // the output.
        match self.progress.load(Ordering::Acquire) {
            0 => Progress::Live,
            1 => Progress::Value,
            2 => Progress::Cancelled,
            _ => Progress::Panicked,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.progress() != Progress::Live
    }

    /// Ends the task, once; returns the wakers of those who wait for it.
    pub(super) fn complete(
        &self,
        end: Progress,
        reason: Option<Arc<Reason>>,
    ) -> Vec<(JoinerKey, Waker)> {
        let mut slow = self.slow();
        slow.reason = reason;
        // ORDERING: Release pairs with the Acquire in `progress`.
        self.progress.store(end as u8, Ordering::Release);
        mem::take(&mut slow.joiners)
    }

    /// Notes a waker for the end of the task. False: it has ended already.
    ///
    /// `place` is where the one who waits remembers its waker, to exchange it in a later poll and
    /// to [take it back](Header::remove_joiner) when it waits no longer.
    pub(super) fn add_joiner(&self, place: &mut Option<JoinerKey>, waker: &Waker) -> bool {
        let mut slow = self.slow();
        if self.is_done() {
            return false;
        }
        let own = place.and_then(|key| slow.joiners.iter_mut().find(|joiner| joiner.0 == key));
        let old = match own {
            Some((_, own)) if own.will_wake(waker) => None,
            Some((_, own)) => Some(mem::replace(own, waker.clone())),
            None => {
                slow.next_joiner += 1;
                let key = JoinerKey(slow.next_joiner);
                slow.joiners.push((key, waker.clone()));
                *place = Some(key);
                None
            }
        };
        drop(slow);
        drop(old);
        true
    }

    /// Takes the waker back of one who waits no longer.
    pub(super) fn remove_joiner(&self, place: &mut Option<JoinerKey>) {
        let Some(key) = place.take() else { return };
        let mut slow = self.slow();
        let at = slow.joiners.iter().position(|joiner| joiner.0 == key);
        let removed = at.map(|at| slow.joiners.remove(at));
        drop(slow);
        drop(removed);
    }

    /// Why the task was cancelled, if it ended so.
    pub(crate) fn reason(&self) -> Option<Arc<Reason>> {
        self.slow().reason.clone()
    }

    pub(crate) fn name(&self) -> String {
        self.slow()
            .name
            .clone()
            .unwrap_or_else(|| format!("Task-{}", self.serial))
    }

    pub(crate) fn set_name(&self, name: String) {
        self.slow().name = Some(name);
    }

    pub(crate) fn take_context(&self) -> Context {
        mem::take(&mut self.slow().context)
    }

    pub(crate) fn put_context(&self, context: Context) {
        self.slow().context = context;
    }

    /// Outside requests that have not been taken back.
    pub(crate) fn requests(&self) -> u32 {
        self.requests.load(Ordering::SeqCst)
    }

    pub(super) fn add_request(&self) {
        self.requests.fetch_add(1, Ordering::SeqCst);
    }

    /// Takes one request back; returns how many are left.
    pub(super) fn take_request_back(&self) -> u32 {
        let update = |requests: u32| Some(requests.saturating_sub(1));
        let before = self
            .requests
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, update);
        before.map_or(0, |before| before.saturating_sub(1))
    }

    pub(crate) fn add_unwinding(&self, change: i32) {
        self.unwinding.fetch_add(change, Ordering::SeqCst);
    }

    pub(crate) fn unwinding(&self) -> u32 {
        u32::try_from(self.unwinding.load(Ordering::SeqCst)).unwrap_or(0)
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("name", &self.name())
            .field("progress", &self.progress())
            .field("requests", &self.requests())
            .field("spawned_at", &format_args!("{}", self.location))
            .finish()
    }
}
