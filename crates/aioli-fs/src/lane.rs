//! A thread of its own for calls that may wait for people, or for other processes.
//!
//! Such a call must not take a thread of the pool, of which there are few, and must not hold up
//! the end of the process: nobody joins these threads.

use std::{
    future::Future,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    task::{Context, Poll, Waker},
    thread,
};

type Call = Box<dyn FnOnce() + Send>;

/// A thread that does one call after the other, started with the first.
pub(crate) struct Lane {
    name: &'static str,
    calls: Mutex<Option<mpsc::Sender<Call>>>,
}

impl Lane {
    pub(crate) const fn new(name: &'static str) -> Self {
        let calls = Mutex::new(None);
        Self { name, calls }
    }

    /// Does `call` after those that were asked for before; dropping the answer stops nothing.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<Answer<T>> {
        let (answer, call) = with_answer(call);
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = match &mut *calls {
            Some(sender) => sender,
            none => {
                let (sender, receiver) = mpsc::channel::<Call>();
                // A waker that panics does not end the lane.
                let work = move || {
                    for call in receiver {
                        let _ = catch_unwind(AssertUnwindSafe(call));
                    }
                };
                start(self.name, work)?;
                none.insert(sender)
            }
        };
        sender
            .send(call)
            .expect("the thread lives as long as the lane");
        Ok(answer)
    }
}

/// Does `call` on a thread that is made for it.
pub(crate) fn ask_once<T: Send + 'static>(
    name: &'static str,
    call: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Answer<T>> {
    let (answer, call) = with_answer(call);
    start(name, call)?;
    Ok(answer)
}

fn start(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(work).map(drop)
}

fn with_answer<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> (Answer<T>, Call) {
    let cell = Arc::new(Mutex::new(Cell {
        value: None,
        wakers: Vec::new(),
    }));
    let answer = Answer {
        cell: Arc::clone(&cell),
    };
    let call = move || {
        let value = call();
        let mut cell = locked(&cell);
        cell.value = Some(value);
        let wakers = std::mem::take(&mut cell.wakers);
        drop(cell);
        aioli_sync::wake_all(wakers);
    };
    (answer, Box::new(call))
}

fn locked<T>(cell: &Mutex<Cell<T>>) -> MutexGuard<'_, Cell<T>> {
    // Nothing that can panic runs under the lock, so its data is whole even then.
    cell.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a call returns.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    cell: Arc<Mutex<Cell<T>>>,
}

#[derive(Debug)]
struct Cell<T> {
    value: Option<T>,
    /// Who waits: more than one where an answer is shared.
    wakers: Vec<Waker>,
}

impl<T> Future for Answer<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut cell = locked(&self.cell);
        match cell.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                if !cell.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                    cell.wakers.push(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests;
