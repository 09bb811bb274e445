//! What timers do. All but `alarm`, `foreign`, `real` and `stage` is on the virtual clock.

mod alarm;
mod auto_traits;
mod callbacks;
mod cancel;
mod foreign;
mod interval;
mod order;
mod panics;
mod real;
mod stage;
mod trace;

use std::cell::RefCell;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use aioli_task::Runner;
use aioli_time::Sleep;

/// Runs `main` on a virtual clock.
fn run<F: Future>(main: F) -> F::Output {
    Runner::builder()
        .virtual_clock()
        .build()
        .run(main)
        .expect("main is not stopped")
}

/// A log that tasks share.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn put(&self, entry: impl Debug) {
        self.0.borrow_mut().push(format!("{entry:?}"));
    }

    #[track_caller]
    fn check(&self, expected: &[&str]) {
        assert_eq!(*self.0.borrow(), expected);
    }
}

/// The time since `begin`, on the loop's clock.
fn since(begin: Instant) -> Duration {
    aioli_task::now() - begin
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A waker that reports to a channel.
struct Bell(mpsc::Sender<()>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // The receiver is gone when nobody listens any more.
        let _ = self.0.send(());
    }
}

/// A waker, and what hears of it.
fn bell() -> (Waker, mpsc::Receiver<()>) {
    let (bell, rung) = mpsc::channel();
    (Waker::from(Arc::new(Bell(bell))), rung)
}

fn poll(nap: &mut Sleep, waker: &Waker) -> Poll<()> {
    Pin::new(nap).poll(&mut Context::from_waker(waker))
}
