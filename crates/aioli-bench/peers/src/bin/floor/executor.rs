//! A queue of numbers: a task is an index, and so is its waker.
#![expect(
    unsafe_code,
    reason = "wakers by hand, and futures pinned in their `Rc`"
)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use crate::timers;

#[derive(Default)]
struct Executor {
    tasks: RefCell<Vec<Option<Rc<dyn Runnable>>>>,
    free: RefCell<Vec<usize>>,
    ready: RefCell<VecDeque<usize>>,
}

thread_local! {
    static EXECUTOR: Executor = Executor::default();
}

trait Runnable {
    /// Polls, and returns whether that was the last time.
    fn run(&self, cx: &mut Context<'_>) -> bool;
    fn set_queued(&self, queued: bool) -> bool;
}

trait Joinable<T> {
    fn poll_output(&self, cx: &mut Context<'_>) -> Poll<T>;
}

struct Task<F: Future> {
    future: RefCell<Option<F>>,
    output: Cell<Option<F::Output>>,
    waiter: Cell<Option<Waker>>,
    queued: Cell<bool>,
}

/// The handle of a task; dropping it lets the task run on.
pub(crate) struct Handle<T>(Rc<dyn Joinable<T>>);

impl<F: Future> Runnable for Task<F> {
    fn run(&self, cx: &mut Context<'_>) -> bool {
        let mut slot = self.future.borrow_mut();
        let Some(future) = slot.as_mut() else {
            return true;
        };
        // SAFETY: the future lies in an `Rc` whose content nobody moves: it is polled here, and
        // dropped in place by the assignment below.
        let future = unsafe { Pin::new_unchecked(future) };
        let Poll::Ready(output) = future.poll(cx) else {
            return false;
        };
        *slot = None;
        self.output.set(Some(output));
        if let Some(waiter) = self.waiter.take() {
            waiter.wake();
        }
        true
    }

    fn set_queued(&self, queued: bool) -> bool {
        self.queued.replace(queued)
    }
}

impl<F: Future> Joinable<F::Output> for Task<F> {
    fn poll_output(&self, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.output.take() {
            Some(output) => Poll::Ready(output),
            None => {
                self.waiter.set(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }
}

impl<T> Future for Handle<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.0.poll_output(cx)
    }
}

/// Starts a task.
pub(crate) fn spawn<F>(future: F) -> Handle<F::Output>
where
    F: Future<Output: 'static> + 'static,
{
    let task = Rc::new(Task {
        future: RefCell::new(Some(future)),
        output: Cell::new(None),
        waiter: Cell::new(None),
        queued: Cell::new(true),
    });
    EXECUTOR.with(|executor| {
        let runnable: Rc<dyn Runnable> = task.clone();
        let mut tasks = executor.tasks.borrow_mut();
        let index = match executor.free.borrow_mut().pop() {
            Some(index) => {
                tasks[index] = Some(runnable);
                index
            }
            None => {
                tasks.push(Some(runnable));
                tasks.len() - 1
            }
        };
        executor.ready.borrow_mut().push_back(index);
    });
    Handle(task)
}

/// Runs all tasks until the main one has ended.
pub(crate) fn block_on<F: Future>(main: F) -> F::Output {
    /// The number of the future that is no task.
    const MAIN: usize = usize::MAX;
    let mut main = std::pin::pin!(main);
    let mut main_is_ready = true;
    EXECUTOR.with(|executor| {
        loop {
            if std::mem::take(&mut main_is_ready) {
                let waker = waker(MAIN);
                if let Poll::Ready(output) = main.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return output;
                }
            }
            let next = executor.ready.borrow_mut().pop_front();
            match next {
                Some(MAIN) => main_is_ready = true,
                Some(index) => executor.run(index),
                None => timers::park(),
            }
        }
    })
}

impl Executor {
    fn run(&self, index: usize) {
        let task = self.tasks.borrow()[index].clone();
        let Some(task) = task else { return };
        task.set_queued(false);
        let waker = waker(index);
        if task.run(&mut Context::from_waker(&waker)) {
            self.tasks.borrow_mut()[index] = None;
            self.free.borrow_mut().push(index);
        }
    }

    fn wake(&self, index: usize) {
        let queued = match self.tasks.borrow().get(index) {
            Some(Some(task)) => task.set_queued(true),
            // The main future may be queued twice, which costs it a poll.
            _ => false,
        };
        if !queued {
            self.ready.borrow_mut().push_back(index);
        }
    }
}

fn waker(index: usize) -> Waker {
    // SAFETY: the data is a number and no pointer, so each function may do with it what it likes,
    // on any thread; on another one it wakes a task of that thread's executor or nobody.
    unsafe { Waker::new(std::ptr::without_provenance(index), &VTABLE) }
}

const VTABLE: RawWakerVTable = RawWakerVTable::new(
    |data| RawWaker::new(data, &VTABLE),
    |data| EXECUTOR.with(|executor| executor.wake(data.addr())),
    |data| EXECUTOR.with(|executor| executor.wake(data.addr())),
    |_| {},
);
