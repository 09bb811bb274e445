//! Channels between two threads, each on a core of its own.
//!
//! What is measured is the channel: everybody's threads wait for it in the same way, by parking.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use harness::{Meter, Outcome, Run, os};

/// A kind of channel, for numbers.
pub(crate) trait Channel {
    type Sender: Send + 'static;
    type Receiver: Send + 'static;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver);

    /// Sends; false when the receiver is gone.
    fn send(sender: &Self::Sender, item: u64) -> impl Future<Output = bool>;

    /// Receives; `None` when the sender is gone.
    fn recv(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>>;
}

/// Runs a workload by its name.
pub(crate) fn run<C: Channel>(run: &Run) -> Option<Outcome> {
    match run.workload.as_str() {
        "threads_channel" => Some(channel::<C>(run)),
        "threads_pingpong" => Some(pingpong::<C>(run)),
        _ => None,
    }
}

/// One thread sends, this one receives.
fn channel<C: Channel>(run: &Run) -> Outcome {
    const ITEMS: u64 = 50_000;
    let (tx, mut rx) = C::bounded(128);
    let producer = beside(run, async move || {
        let mut n = 0;
        while C::send(&tx, n).await {
            n += 1;
        }
    });
    let mut meter = Meter::new(run);
    block_on(async {
        while meter.lap(ITEMS) {
            for _ in 0..ITEMS {
                let item = C::recv(&mut rx).await;
                black_box(item.expect("the producer sends until this end is gone"));
            }
        }
        drop(rx);
    });
    producer.join().expect("the producer does not panic");
    meter.finish()
}

/// A number goes to the other thread and comes back.
fn pingpong<C: Channel>(run: &Run) -> Outcome {
    const TRIPS: u64 = 1000;
    let (ping, mut pinged) = C::bounded(1);
    let (pong, mut ponged) = C::bounded(1);
    let other = beside(run, async move || {
        while let Some(n) = C::recv(&mut pinged).await {
            if !C::send(&pong, n).await {
                break;
            }
        }
    });
    let mut meter = Meter::new(run);
    block_on(async {
        while meter.lap(TRIPS) {
            for n in 0..TRIPS {
                C::send(&ping, n).await;
                let back = C::recv(&mut ponged).await;
                black_box(back.expect("the other side answers until this end is gone"));
            }
        }
        drop(ping);
    });
    other.join().expect("the other side does not panic");
    meter.finish()
}

/// Runs a future on a thread of its own on the first core, and leaves the last one to this thread.
fn beside<F: Future<Output = ()>>(
    run: &Run,
    future: impl FnOnce() -> F + Send + 'static,
) -> thread::JoinHandle<()> {
    let core = |core: Option<&usize>| core.copied().into_iter().collect::<Vec<_>>();
    let (first, last) = (core(run.pin.first()), core(run.pin.last()));
    os::pin(&last).expect("the core is one of those this process may use");
    thread::spawn(move || {
        os::pin(&first).expect("the core is one of those this process may use");
        block_on(future());
    })
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
