//! Calls from other threads that are wanted once, however often they are asked for.
//!
//! The keys of calls that have not begun are in a slot of the loop, one for each type of key. A
//! call takes its key out before it runs, so what is asked for meanwhile runs once more.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::handle::{LoopClosed, LoopHandle};
use crate::driver::Home;

/// The keys of the calls that have not begun.
struct Waiting<K>(Mutex<HashSet<Arc<K>>>);

impl<K: Hash + Eq> Waiting<K> {
    fn new() -> Waiting<K> {
        Waiting(Mutex::new(HashSet::new()))
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Arc<K>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LoopHandle {
    /// Calls `f` on the loop's thread as [`call_soon`](LoopHandle::call_soon) does, unless a call
    /// with an equal key is waiting already.
    ///
    /// Returns whether `f` will be called; if not, the waiting call is made in its place in the
    /// order, and `f` is dropped. Once a call has begun, the next with its key is taken again: what
    /// it missed is not lost. Keys of different types are never equal.
    ///
    /// # Errors
    ///
    /// [`LoopClosed`] when the loop has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_task::{LoopHandle, run, yield_now};
    /// use std::sync::{Arc, atomic::{AtomicU32, Ordering}};
    ///
    /// run(async {
    ///     let redraws = Arc::new(AtomicU32::new(0));
    ///     let (home, count) = (LoopHandle::current(), redraws.clone());
    ///     for _ in 0..100 {
    ///         let count = count.clone();
    ///         let redraw = move || { count.fetch_add(1, Ordering::Relaxed); };
    ///         home.call_soon_once("redraw", redraw).expect("the loop runs");
    ///     }
    ///     yield_now().await; // the call comes in
    ///     yield_now().await; // and is made
    ///     assert_eq!(redraws.load(Ordering::Relaxed), 1);
    /// });
    /// ```
    #[doc(alias = "trio.lowlevel.TrioToken.run_sync_soon")]
    pub fn call_soon_once<K>(
        &self,
        key: K,
        f: impl FnOnce() + Send + 'static,
    ) -> Result<bool, LoopClosed>
    where
        K: Hash + Eq + Send + Sync + 'static,
    {
        if self.0.mailbox.is_closed() {
            return Err(LoopClosed);
        }
        let waiting = Home(self.0.clone()).slot(Waiting::<K>::new);
        let key = Arc::new(key);
        if !waiting.lock().insert(key.clone()) {
            return Ok(false);
        }
        self.call_soon(move || {
            let known = waiting.lock().take(&key);
            drop(known);
            f();
        })?;
        Ok(true)
    }
}
