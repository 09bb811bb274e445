//! What few tasks have: a name, handlers, a context of their own, several who await them.
//!
//! The records of tasks that are freed at home are used again.

use std::mem;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use super::header::Place;
use crate::cancel::Reason;
use crate::cancel::tree::Tree;
use crate::context::Context;
use crate::spares::{self, Pile};

/// A record weighs as much as the tree that it mostly has, so that as many are kept.
const WEIGHT: usize = 4;

thread_local! {
    static SPARE: Pile<Box<Side>> = const { Pile::new() };
}

/// Drops the records that this thread has kept.
pub(crate) fn drop_spares() {
    spares::clear(&SPARE);
}

/// The side record of a task: made when something in it is first needed, freed with the task.
#[derive(Default)]
pub(crate) struct Side {
    /// The task's handlers, once it has had some or has been asked to end.
    tree: OnceLock<Arc<Tree>>,
    /// Outside requests, minus those taken back.
    requests: AtomicU32,
    /// Enclosing scopes that are unwinding.
    unwinding: AtomicI32,
    rest: Mutex<Rest>,
}

/// Names the waker of one who waits for the end of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct JoinerKey(u32);

#[derive(Default)]
struct Rest {
    name: Option<String>,
    context: Context,
    /// The wakers of those who wait for the end, in the order in which they came.
    joiners: Vec<(JoinerKey, Waker)>,
    next_joiner: u32,
    reason: Option<Arc<Reason>>,
}

impl Side {
    /// A blank record.
    pub(super) fn spare_or_new() -> Box<Side> {
        spares::take(&SPARE).unwrap_or_default()
    }

    /// Keeps the record for another task.
    pub(super) fn retire(mut self: Box<Self>) {
        if let Some(tree) = self.tree.take() {
            tree.retire();
        }
        (*self.requests.get_mut(), *self.unwinding.get_mut()) = (0, 0);
        let rest = self.rest.get_mut().unwrap_or_else(PoisonError::into_inner);
        *rest = Rest::default();
        spares::put(&SPARE, self, WEIGHT);
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tree(&self) -> &OnceLock<Arc<Tree>> {
        &self.tree
    }

    pub(super) fn has_joiners(&self) -> bool {
        !self.rest().joiners.is_empty()
    }

    /// Notes a waker, or exchanges it; returns whether anything has changed.
    pub(super) fn add_joiner(&self, place: &mut Place, waker: &Waker) -> bool {
        let mut rest = self.rest();
        let own = match *place {
            Place::Side(key) => rest.joiners.iter_mut().find(|joiner| joiner.0 == key),
            Place::None | Place::Header => None,
        };
        let old = match own {
            Some((_, own)) if own.will_wake(waker) => return false,
            Some((_, own)) => Some(mem::replace(own, waker.clone())),
            None => {
                rest.next_joiner = rest.next_joiner.wrapping_add(1);
                let key = JoinerKey(rest.next_joiner);
                rest.joiners.push((key, waker.clone()));
                *place = Place::Side(key);
                None
            }
        };
        drop(rest);
        drop(old);
        true
    }

    pub(super) fn remove_joiner(&self, key: JoinerKey) {
        let mut rest = self.rest();
        let at = rest.joiners.iter().position(|joiner| joiner.0 == key);
        let removed = at.map(|at| rest.joiners.remove(at));
        drop(rest);
        drop(removed);
    }

    /// Wakes those who wait for the end, with no lock held.
    #[inline(never)]
    pub(super) fn wake_joiners(&self) {
        let joiners = mem::take(&mut self.rest().joiners);
        for (_, waker) in joiners {
            waker.wake();
        }
    }

    pub(super) fn reason(&self) -> Option<Arc<Reason>> {
        self.rest().reason.clone()
    }

    pub(super) fn set_reason(&self, reason: Arc<Reason>) {
        self.rest().reason = Some(reason);
    }

    pub(super) fn name(&self) -> Option<String> {
        self.rest().name.clone()
    }

    pub(super) fn set_name(&self, name: String) {
        self.rest().name = Some(name);
    }

    pub(crate) fn take_context(&self) -> Context {
        mem::take(&mut self.rest().context)
    }

    pub(crate) fn put_context(&self, context: Context) {
        self.rest().context = context;
    }

    pub(super) fn requests(&self) -> u32 {
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

    pub(super) fn unwinding(&self) -> u32 {
        u32::try_from(self.unwinding.load(Ordering::SeqCst)).unwrap_or(0)
    }

    pub(super) fn add_unwinding(&self, change: i32) {
        self.unwinding.fetch_add(change, Ordering::SeqCst);
    }
}
