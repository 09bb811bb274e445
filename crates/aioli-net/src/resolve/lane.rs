//! The lane: a few threads that call `getaddrinfo`, one flight a name.
//!
//! `getaddrinfo` blocks, for seconds when a server does not answer, and cannot be interrupted.
//! Its own lane keeps it from filling the blocking pool, where it would hold up file operations;
//! and tasks that ask for a name that is being looked up join that flight.
//!
//! ```text
//!   Lookup::poll (first) ──▶ queued ──▶ running ──▶ landed: every joined task is woken
//!                              │
//!         last Lookup dropped  ▼
//!                           removed         (a running one goes on, and lands for nobody)
//! ```

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use aioli_sync::wake_all;
use aioli_task::driver::{Hold, Home};

#[cfg(test)]
mod tests;

/// Most names that are looked up at the same time; the others queue.
const THREADS_MAX: usize = 4;
/// How long a thread of the lane waits for the next name before it ends.
const IDLE_MAX: Duration = Duration::from_secs(10);

/// What a flight lands with, shared by all who joined it.
pub(super) type Landed = Result<Arc<[SocketAddr]>, Arc<io::Error>>;

/// The lane: names that wait, names that are being looked up, and a few threads.
#[derive(Debug)]
pub(super) struct Lane {
    state: Mutex<State>,
    work: Condvar,
    lookup: fn(&str) -> io::Result<Vec<SocketAddr>>,
}

#[derive(Debug, Default)]
struct State {
    /// Every flight that has not landed, by name.
    flights: HashMap<Arc<str>, Arc<Flight>>,
    /// The flights that have not begun, oldest first.
    queue: VecDeque<Arc<Flight>>,
    n_threads: usize,
    n_idle: usize,
}

/// One lookup. Its lock is taken after the lane's, where both are.
#[derive(Debug)]
struct Flight {
    host: Arc<str>,
    state: Mutex<FlightState>,
}

#[derive(Debug, Default)]
struct FlightState {
    landed: Option<Landed>,
    /// Who has joined, by seat.
    passengers: Vec<(u64, Waker)>,
    next_seat: u64,
}

impl Lane {
    pub(super) fn new(lookup: fn(&str) -> io::Result<Vec<SocketAddr>>) -> Arc<Lane> {
        Arc::new(Lane {
            state: Mutex::default(),
            work: Condvar::new(),
            lookup,
        })
    }

    pub(super) fn lookup(self: &Arc<Lane>, host: &str) -> Lookup {
        Lookup {
            lane: self.clone(),
            host: host.into(),
            joined: None,
        }
    }

    /// Joins the flight of this name, or adds one and sees that a thread takes it.
    fn join(self: &Arc<Lane>, host: &Arc<str>, waker: &Waker) -> io::Result<Joined> {
        let mut state = lock(&self.state);
        let flight = match state.flights.get(host) {
            Some(flight) => flight.clone(),
            None => {
                self.staff(&mut state)?;
                let flight = Arc::new(Flight {
                    host: host.clone(),
                    state: Mutex::default(),
                });
                state.flights.insert(host.clone(), flight.clone());
                state.queue.push_back(flight.clone());
                self.work.notify_one();
                flight
            }
        };
        let mut passengers = lock(&flight.state);
        let seat = passengers.next_seat;
        passengers.next_seat += 1;
        passengers.passengers.push((seat, waker.clone()));
        drop(passengers);
        Ok(Joined { flight, seat })
    }

    /// Starts a thread, when there may be more and none is idle for what will be queued.
    fn staff(self: &Arc<Lane>, state: &mut State) -> io::Result<()> {
        if state.n_idle > state.queue.len() || state.n_threads >= THREADS_MAX {
            return Ok(());
        }
        let lane = self.clone();
        let started = thread::Builder::new()
            .name("aioli-names".to_owned())
            .spawn(move || lane.work());
        match started {
            Ok(_) => state.n_threads += 1,
            // The threads that there are get to it.
            Err(_) if state.n_threads > 0 => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The life of a thread of the lane.
    fn work(&self) {
        let mut state = lock(&self.state);
        loop {
            let Some(flight) = state.queue.pop_front() else {
                state.n_idle += 1;
                let waited = self.work.wait_timeout(state, IDLE_MAX);
                let (guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                state = guard;
                state.n_idle -= 1;
                if timeout.timed_out() && state.queue.is_empty() {
                    state.n_threads -= 1;
                    return;
                }
                continue;
            };
            drop(state);
            let landed = match (self.lookup)(&flight.host) {
                Ok(addresses) => Ok(addresses.into()),
                Err(error) => Err(Arc::new(error)),
            };
            state = lock(&self.state);
            // From here on the name starts a new flight.
            state.flights.remove(&flight.host);
            drop(state);
            // A waker that panics does not end the thread, which is counted.
            let _ = catch_unwind(AssertUnwindSafe(|| flight.land(landed)));
            state = lock(&self.state);
        }
    }

    /// Gives up a seat, and the flight with it when it was the last one and has not begun.
    fn leave(&self, joined: &Joined) {
        let mut state = lock(&self.state);
        let mut flight = lock(&joined.flight.state);
        let seat = flight
            .passengers
            .iter()
            .position(|(seat, _)| *seat == joined.seat);
        let former = seat.map(|index| flight.passengers.remove(index));
        let is_empty = flight.passengers.is_empty();
        drop(flight);
        let queued = state
            .queue
            .iter()
            .position(|queued| Arc::ptr_eq(queued, &joined.flight));
        if is_empty && let Some(index) = queued {
            state.queue.remove(index);
            state.flights.remove(&joined.flight.host);
        }
        drop(state);
        drop(former);
    }
}

impl Flight {
    fn land(&self, landed: Landed) {
        let mut state = lock(&self.state);
        state.landed = Some(landed);
        let passengers = std::mem::take(&mut state.passengers);
        drop(state);
        wake_all(passengers.into_iter().map(|(_, waker)| waker));
    }
}

/// A seat in a flight.
#[derive(Debug)]
struct Joined {
    flight: Arc<Flight>,
    seat: u64,
}

/// The future of one lookup. It holds the virtual clock of its loop: real work is under way.
#[derive(Debug)]
pub(super) struct Lookup {
    lane: Arc<Lane>,
    host: Arc<str>,
    joined: Option<(Joined, Option<Hold>)>,
}

impl Future for Lookup {
    type Output = Landed;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Landed> {
        let Some((joined, _)) = &self.joined else {
            let hold = Home::try_current().map(|home| home.hold());
            let joined = self.lane.join(&self.host, cx.waker()).map_err(Arc::new)?;
            self.joined = Some((joined, hold));
            return Poll::Pending;
        };
        let mut former = None;
        let mut flight = lock(&joined.flight.state);
        if let Some(landed) = &flight.landed {
            return Poll::Ready(landed.clone());
        }
        let seat = flight
            .passengers
            .iter_mut()
            .find(|(seat, _)| *seat == joined.seat);
        if let Some((_, waker)) = seat
            && !waker.will_wake(cx.waker())
        {
            former = Some(std::mem::replace(waker, cx.waker().clone()));
        }
        drop(flight);
        drop(former);
        Poll::Pending
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        if let Some((joined, _)) = &self.joined {
            self.lane.leave(joined);
        }
    }
}

/// Locks. Nothing foreign runs under the lane's locks, so a poisoned one is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
