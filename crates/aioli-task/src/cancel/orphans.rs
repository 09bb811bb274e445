//! Clean-ups whose handler was dropped by code that cannot await: the loop runs them.

use std::future::Future;
use std::panic::Location;

use crate::context;
use crate::event_loop::local;
use crate::report::Report;
use crate::task::{self, Start};

/// Hands a clean-up to this thread's loop, which runs it; the end of `run` waits for it.
///
/// For the `Drop` of a guard whose clean-up must await. Requests to cancel do not reach it.
/// Where no loop runs on this thread, the clean-up is dropped and reported. In debug mode each
/// adopted clean-up is reported, with the caller's place in the source.
///
/// # Examples
///
/// ```
/// use std::{cell::Cell, rc::Rc};
///
/// let cleaned = Rc::new(Cell::new(false));
/// let flag = cleaned.clone();
/// aioli_task::run(async move { aioli_task::adopt(async move { flag.set(true) }) });
/// assert!(cleaned.get());
/// ```
#[doc(alias = "asyncio.loop.shutdown_asyncgens")]
#[track_caller]
pub fn adopt(cleanup: impl Future<Output = ()> + 'static) {
    adopt_at(cleanup, Location::caller());
}

/// Like [`adopt`], for a guard that remembers the place in the source where it was made, which is
/// then the one that is reported.
///
/// # Examples
///
/// ```
/// use std::panic::Location;
///
/// let made_at = Location::caller();
/// aioli_task::run(async move { aioli_task::adopt_at(async {}, made_at) });
/// ```
pub fn adopt_at(cleanup: impl Future<Output = ()> + 'static, location: &'static Location<'static>) {
    match local::current() {
        Some(local) if !local.shared.mailbox.is_closed() => {
            if local.settings.debug {
                local.report(&Report::new("a clean-up was left to the loop").at(location));
            }
            let task = task::create(&local, cleanup, Start::QueuedOrphan, location);
            context::inherit(task.0.header());
        }
        _ => {
            drop(cleanup);
            Report::new("a clean-up was dropped: no loop runs on this thread")
                .at(location)
                .send();
        }
    }
}
