//! Connections between requests: who may open one, and which idle one serves next.
//!
//! A request first takes a *slot*, of its route and then of the session, first come first
//! served; only who holds one has a connection in use. So the number in use is bounded whatever
//! is dropped when: the slot is a field of the connection. An idle connection holds no slot; it
//! goes to the pool before its slot is freed, so that the next in line finds it. What is open
//! in all is kept within the same bounds by closing the oldest idle connection before a new one
//! is opened.
//!
//! ```text
//!          granted             equip (idle, alive)
//!  waiting ────────▶ slot ────────────────────────────▶ in use
//!                     │ open (room was made)               │  │ put_back: complete, reusable
//!                     └───────────────────────────────────▶┘  └──────▶ idle ──▶ closed
//! ```
//!
//! Idle connections are used last in, first out: the youngest is the least likely to be stale,
//! and the others grow old and go. One is alive when nothing can be read from it: bytes nobody
//! asked for, or the end, make it useless. It stays with the loop it was opened on.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use aioli_task::driver::Home;

use crate::h1::exchange::Wire;
use crate::limits::Limits;
use crate::route::Route;

mod line;
mod slab;
mod state;

use state::{State, Wakers};

/// A request that must not be sent twice prefers a connection that was used just now: the
/// longer it was idle, the likelier the server is closing it at this moment.
const FRESH: Duration = Duration::from_secs(2);

/// How long the reactor's word is taken that nothing came; after that the system is asked.
const TRUSTED: Duration = Duration::from_secs(1);

/// A connection in use, or idle in the pool.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) wire: Wire,
    /// The loop whose reactor drives the socket.
    home: Home,
    /// Whether it has served a request before.
    pub(crate) reused: bool,
    /// The system is asked before it serves again, whatever the reactor says.
    is_doubtful: bool,
    /// There while it is in use.
    slot: Option<Slot>,
    /// When it became idle.
    since: Instant,
    /// When it has been idle for too long; `None` is never.
    until: Option<Instant>,
}

impl Connection {
    pub(crate) fn new(wire: Wire, slot: Slot) -> Box<Connection> {
        let home = Home::current();
        Box::new(Connection {
            wire,
            since: home.now(),
            home,
            reused: false,
            is_doubtful: false,
            slot: Some(slot),
            until: None,
        })
    }

    /// Closes the connection and keeps the right to open another one.
    pub(crate) fn into_slot(self: Box<Connection>) -> Slot {
        self.slot.expect("a connection in use has a slot")
    }

    /// Gives the connection to the next request, whose time it is at once.
    ///
    /// `keep_alive` is how long the server said it will wait; `now` is the time on the loop of this
    /// thread, for who has just looked. What came right behind the response may not have been seen
    /// by the reactor. A server that sends two each time does so after the first one already, and
    /// one that sends a body where there is none, to `HEAD` above all, after a response that
    /// `is_bodiless`: so the system is asked then.
    pub(crate) fn put_back(
        mut self: Box<Connection>,
        keep_alive: Option<Duration>,
        is_bodiless: bool,
        now: Option<Instant>,
    ) {
        let Some(slot) = self.slot.take() else {
            return;
        };
        // The server's clock began earlier than ours: use four fifths of what it said.
        let lifetime = keep_alive.map_or(Duration::MAX, |said| said * 4 / 5);
        let lifetime = lifetime.min(slot.pool.limits.idle);
        let is_here = self.home.is_current();
        let lives_on = is_here || !self.home.is_closed();
        let usable = self.wire.input.is_empty() && !lifetime.is_zero() && lives_on;
        if usable && self.wire.falls_silent() {
            self.since = match now {
                Some(now) if is_here => now,
                _ => self.home.now(),
            };
            self.until = self.since.checked_add(lifetime);
            self.is_doubtful = is_bodiless || !self.reused;
            self.reused = true;
            slot.leave(self);
        } else {
            // First the socket, then the right to have one.
            drop(self);
            drop(slot);
        }
    }

    /// Whether it cannot serve any more, if it is `at` on its own loop.
    fn is_over(&self, at: Option<Instant>) -> bool {
        at.is_none_or(|at| self.until.is_some_and(|until| until <= at))
    }

    /// The time on its own loop, if it is `now` on the loop of this thread; `None` when that is
    /// closed.
    fn home_time(&self, now: Instant) -> Option<Instant> {
        match self.home.is_current() {
            true => Some(now),
            false => (!self.home.is_closed()).then(|| self.home.now()),
        }
    }
}

/// The right to have one connection in use.
pub(crate) struct Slot {
    pool: Arc<Pool>,
    host: usize,
    freed: bool,
}

impl Slot {
    /// Holds what was granted.
    fn new(pool: Arc<Pool>, host: usize) -> Slot {
        Slot {
            pool,
            host,
            freed: false,
        }
    }

    /// Where a connection in this slot leads.
    pub(crate) fn route(&self) -> Arc<Route> {
        self.pool.lock().route(self.host)
    }

    /// Takes `idle` if it is alive, else the next one, as long as there are any.
    fn equip(self, mut idle: Option<Box<Connection>>, now: Instant, careful: bool) -> Begun {
        if idle.is_none() && Home::try_current().is_none() {
            idle = self.pool.lock().take(self.host, Some(&Home::current()));
        }
        while let Some(mut connection) = idle {
            let at = connection.home_time(now);
            let is_over = connection.is_over(at);
            let at = at.unwrap_or(now);
            // Moments are compared: their distance takes longer to find.
            let is_fresh = at < connection.since + FRESH;
            let is_trusted = at <= connection.since + TRUSTED && !connection.is_doubtful;
            if !is_over
                && (!careful || is_fresh)
                && connection.wire.is_silent(careful || !is_trusted)
            {
                connection.slot = Some(self);
                return Begun::Connection(connection);
            }
            if careful && !is_fresh {
                // The others are older still, and good enough for requests less careful.
                return Begun::Open(self);
            }
            let home = &connection.home;
            idle = self.pool.lock().take(self.host, Some(home));
        }
        let room = self.pool.lock().make_room(self.host, &self.pool.limits);
        drop(room);
        Begun::Open(self)
    }

    /// Frees the slot, after a connection that goes on has become idle: whoever is next in line
    /// finds it.
    fn leave(mut self, idle: Box<Connection>) {
        self.free(Some(idle));
    }

    fn free(&mut self, idle: Option<Box<Connection>>) {
        self.freed = true;
        let mut state = self.pool.lock();
        let refused = idle.and_then(|idle| state.insert(self.host, idle, &self.pool.limits));
        let woken = state.leave(self.host, &self.pool.limits);
        drop(state);
        drop(refused);
        wake(woken);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.freed {
            self.free(None);
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

fn wake(wakers: Wakers) {
    for waker in wakers {
        waker.wake();
    }
}

/// What a request finds.
pub(crate) enum Begun {
    /// A live connection.
    Connection(Box<Connection>),
    /// The right to open one; there is room for it.
    Open(Slot),
    /// Others to wait for.
    Wait(Waiting),
}

/// A place in the line of a route; dropping it leaves the line.
#[must_use = "futures do nothing unless polled"]
pub(crate) struct Waiting {
    pool: Arc<Pool>,
    /// `None` when it is done.
    ticket: Option<usize>,
}

impl Future for Waiting {
    type Output = Slot;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Slot> {
        let this = &mut *self;
        let key = this.ticket.expect("polled after it was done");
        let waker = cx.waker().clone();
        let mut state = this.pool.lock();
        if let Some(host) = state.redeem(key) {
            this.ticket = None;
            drop(state);
            let pool = this.pool.clone();
            return Poll::Ready(Slot::new(pool, host));
        }
        let former = state.tickets[key].waker.replace(waker);
        drop(state);
        drop(former);
        Poll::Pending
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(key) = self.ticket {
            let mut state = self.pool.lock();
            let former = state.tickets[key].waker.take();
            let woken = state.give_up(key, &self.pool.limits);
            drop(state);
            drop(former);
            wake(woken);
        }
    }
}

/// The connections of one session.
#[derive(Debug)]
pub(crate) struct Pool {
    limits: Limits,
    state: Mutex<State>,
}

/// How many connections a session has, and how many requests wait for one.
pub(crate) struct PoolStats {
    pub(crate) in_use: usize,
    pub(crate) idle: usize,
    pub(crate) waiting: usize,
}

impl Pool {
    pub(crate) fn new(limits: Limits) -> Arc<Pool> {
        Arc::new(Pool {
            limits,
            state: Mutex::default(),
        })
    }

    /// Begins a request by `route`, at `now`: takes a slot, and a live idle connection if there is
    /// one.
    ///
    /// `careful` requests take only one that was used just now.
    pub(crate) fn begin(
        self: &Arc<Pool>,
        route: &Arc<Route>,
        careful: bool,
        now: Instant,
    ) -> Begun {
        let pool = self.clone();
        let mut state = self.lock();
        let host = state.enter(route);
        if !state.try_grant(host, &self.limits) {
            let ticket = Some(state.wait(host, &self.limits));
            return Begun::Wait(Waiting { pool, ticket });
        }
        let old = state.take_old(now);
        let idle = state.take(host, None);
        drop(state);
        drop(old);
        Slot::new(pool, host).equip(idle, now, careful)
    }

    /// As [`begin`](Pool::begin), for one who has waited.
    pub(crate) fn resume(slot: Slot, careful: bool) -> Begun {
        let now = aioli_task::now();
        let idle = slot.pool.lock().take(slot.host, None);
        slot.equip(idle, now, careful)
    }

    /// Closes the idle connections and keeps none from now on.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let idle = state.clear();
        // Sockets are closed outside the lock.
        drop(state);
        drop(idle);
    }

    pub(crate) fn stats(&self) -> PoolStats {
        let state = self.lock();
        PoolStats {
            in_use: state.active,
            idle: state.idle(),
            waiting: state.users() - state.active,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
