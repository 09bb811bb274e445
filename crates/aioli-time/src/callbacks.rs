//! The callbacks that wait on this thread, and the wakers that call them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Wake, Waker};

use aioli_task::call_soon;

use crate::driver::ClockId;

pub(crate) type Callback = Box<dyn FnOnce()>;

thread_local! {
    /// The callbacks of this thread's loop that have not run, by number.
    static CALLBACKS: RefCell<HashMap<u64, (ClockId, Callback)>> = RefCell::default();
}

/// Keeps a callback on this thread, whose loop has that clock. Returns its number, and a waker that
/// calls it in the next pass.
pub(crate) fn keep(clock: ClockId, callback: Callback) -> (u64, Waker) {
    /// Numbers callbacks, in the whole process: one thread may run one loop after another.
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    CALLBACKS.with_borrow_mut(|callbacks| callbacks.insert(number, (clock, callback)));
    (number, Waker::from(Arc::new(Caller(number))))
}

/// Drops a callback of this thread. Returns whether it had still to run.
pub(crate) fn forget(number: u64) -> bool {
    take(number).is_some()
}

/// Drops all callbacks of a clock of this thread.
pub(crate) fn forget_all(clock: ClockId) {
    let forgotten = CALLBACKS.try_with(|callbacks| {
        let mut callbacks = callbacks.borrow_mut();
        let is_of = |_: &u64, kept: &mut (ClockId, Callback)| kept.0 == clock;
        callbacks.extract_if(is_of).collect::<Vec<_>>()
    });
    drop(forgotten);
}

fn take(number: u64) -> Option<Callback> {
    // The table is gone while the thread ends; so are the callbacks then.
    let taken = CALLBACKS.try_with(|callbacks| callbacks.borrow_mut().remove(&number));
    taken.ok().flatten().map(|(_, callback)| callback)
}

/// Wakes a callback of this number, on its own thread.
struct Caller(u64);

impl Wake for Caller {
    fn wake(self: Arc<Self>) {
        let is_kept = CALLBACKS.try_with(|kept| kept.borrow().contains_key(&self.0));
        if is_kept == Ok(true) {
            call_soon(move || {
                if let Some(callback) = take(self.0) {
                    callback();
                }
            });
        }
    }
}
