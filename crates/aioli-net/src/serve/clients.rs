//! Who is being served: the handlers that run, and who waits for their end.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use aioli_sync::wake_all;
use aioli_task::TaskHandle;

use crate::wakers;

/// What a server, its accepting task and its handlers' tasks share.
#[derive(Clone, Default)]
pub(super) struct Clients(Arc<Mutex<State>>);

#[derive(Default)]
pub(super) struct State {
    pub(super) running: HashMap<u64, TaskHandle>,
    next_number: u64,
    is_closed: bool,
    waiting: Vec<Waker>,
}

/// What is waited for.
#[derive(Clone, Copy)]
pub(super) enum Until {
    NobodyAccepts,
    AllEnded,
}

impl Clients {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn place(&self) -> Place {
        let mut state = self.lock();
        state.next_number += 1;
        Place {
            clients: self.clone(),
            number: state.next_number,
        }
    }

    pub(super) async fn wait(&self, until: Until) {
        poll_fn(|cx| self.poll_wait(cx, until)).await;
    }

    fn poll_wait(&self, cx: &mut Context<'_>, until: Until) -> Poll<()> {
        let mut state = self.lock();
        let is_over = match until {
            Until::NobodyAccepts => state.is_closed,
            Until::AllEnded => state.is_closed && state.running.is_empty(),
        };
        if is_over {
            return Poll::Ready(());
        }
        wakers::add(&mut state.waiting, cx.waker());
        Poll::Pending
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        wake_all(waiting);
    }
}

/// Says on drop that nobody accepts any more.
pub(super) struct Accepting(pub(super) Clients);

impl Drop for Accepting {
    fn drop(&mut self) {
        self.0.change(|state| state.is_closed = true);
    }
}

/// A handler's place among the clients, given up when its future is dropped, however it ends.
pub(super) struct Place {
    clients: Clients,
    pub(super) number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.clients.change(|state| {
            state.running.remove(&self.number);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::Wake;

    use super::*;

    struct Noted(AtomicBool);

    impl Wake for Noted {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    struct Panics;

    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker that panics");
        }
    }

    #[test]
    fn who_waits_after_a_waker_that_panics_is_woken_too() {
        let clients = Clients::default();
        let noted = Arc::new(Noted(AtomicBool::new(false)));
        for waker in [Waker::from(Arc::new(Panics)), Waker::from(noted.clone())] {
            let cx = &mut Context::from_waker(&waker);
            assert!(clients.poll_wait(cx, Until::NobodyAccepts).is_pending());
        }
        assert!(catch_unwind(|| drop(Accepting(clients))).is_err());
        assert!(noted.0.load(Ordering::Relaxed));
    }
}
