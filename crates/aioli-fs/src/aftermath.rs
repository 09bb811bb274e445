//! What a dropped object still has to do.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Wake, Waker},
    thread::{self, Thread},
};

/// Runs `job` on the pool in the background of this thread's loop, which does not end before
/// it, or here and now where there is no loop.
pub(crate) fn run(job: impl FnOnce() + Send + 'static) {
    if aioli_task::driver::Home::try_current().is_some() {
        aioli_task::adopt(aioli_task::to_thread(job));
    } else {
        job();
    }
}

/// Runs `work` in the background of this thread's loop, which does not end before it, or waits
/// for it where there is no loop.
///
/// `work` may wait for jobs of the pool and for nothing else: these need no executor, so that
/// the thread can wait for them.
pub(crate) fn finish(work: impl Future<Output = ()> + 'static) {
    if aioli_task::driver::Home::try_current().is_some() {
        aioli_task::adopt(work);
        return;
    }
    let mut work = pin!(work);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    while work.as_mut().poll(&mut cx).is_pending() {
        thread::park();
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
