//! Channels, a lock and an event for one thread.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::task::{Poll, Waker};

struct Channel<T> {
    items: RefCell<VecDeque<T>>,
    capacity: usize,
    senders: Cell<usize>,
    receiver: Cell<Option<Waker>>,
    waiting: RefCell<VecDeque<Waker>>,
}

pub(crate) struct Sender<T>(Rc<Channel<T>>);
pub(crate) struct Receiver<T>(Rc<Channel<T>>);

pub(crate) fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let channel = Rc::new(Channel {
        items: RefCell::new(VecDeque::with_capacity(capacity)),
        capacity,
        senders: Cell::new(1),
        receiver: Cell::new(None),
        waiting: RefCell::default(),
    });
    (Sender(Rc::clone(&channel)), Receiver(channel))
}

impl<T> Sender<T> {
    pub(crate) async fn send(&self, item: T) {
        let channel = &*self.0;
        let mut item = Some(item);
        poll_fn(|cx| {
            let mut items = channel.items.borrow_mut();
            if items.len() == channel.capacity {
                channel.waiting.borrow_mut().push_back(cx.waker().clone());
                return Poll::Pending;
            }
            items.extend(item.take());
            if let Some(receiver) = channel.receiver.take() {
                receiver.wake();
            }
            Poll::Ready(())
        })
        .await
    }
}

impl<T> Receiver<T> {
    pub(crate) async fn recv(&mut self) -> Option<T> {
        let channel = &*self.0;
        poll_fn(|cx| {
            let item = channel.items.borrow_mut().pop_front();
            if item.is_some() {
                if let Some(sender) = channel.waiting.borrow_mut().pop_front() {
                    sender.wake();
                }
                return Poll::Ready(item);
            }
            if channel.senders.get() == 0 {
                return Poll::Ready(None);
            }
            channel.receiver.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.0.senders.set(self.0.senders.get() + 1);
        Sender(Rc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.senders.set(self.0.senders.get() - 1);
        if self.0.senders.get() == 0
            && let Some(receiver) = self.0.receiver.take()
        {
            receiver.wake();
        }
    }
}

pub(crate) struct Lock<T> {
    value: RefCell<T>,
    held: Cell<bool>,
    waiting: RefCell<VecDeque<Waker>>,
}

pub(crate) struct Guard<'a, T> {
    lock: &'a Lock<T>,
    /// Taken out before the next holder may borrow.
    value: Option<RefMut<'a, T>>,
}

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Lock<T> {
        Lock {
            value: RefCell::new(value),
            held: Cell::new(false),
            waiting: RefCell::default(),
        }
    }

    pub(crate) async fn lock(&self) -> Guard<'_, T> {
        let mut queued = false;
        poll_fn(|cx| {
            // Who was queued is woken with the lock in its name.
            if !queued && self.held.replace(true) {
                queued = true;
                self.waiting.borrow_mut().push_back(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        Guard {
            lock: self,
            value: Some(self.value.borrow_mut()),
        }
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("taken by the drop only")
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("taken by the drop only")
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        self.value = None;
        match self.lock.waiting.borrow_mut().pop_front() {
            Some(next) => next.wake(),
            None => self.lock.held.set(false),
        }
    }
}

#[derive(Default)]
pub(crate) struct Event(RefCell<Vec<Waker>>);

impl Event {
    pub(crate) fn new() -> Event {
        Event::default()
    }

    /// Waits for good: no workload sets the event.
    pub(crate) async fn wait(&self) {
        poll_fn(|cx| {
            self.0.borrow_mut().push(cx.waker().clone());
            Poll::<()>::Pending
        })
        .await
    }
}
