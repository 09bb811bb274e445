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
//!          acquire             checkout (idle, alive)
//!  waiting ────────▶ slot ────────────────────────────▶ in use
//!                     │ connect (makes room)               │  │ put: complete, reusable
//!                     └───────────────────────────────────▶┘  └──────▶ idle ──▶ closed
//! ```
//!
//! Idle connections are used last in, first out: the youngest is the least likely to be stale,
//! and the others grow old and go. One is alive when nothing can be read from it: bytes nobody
//! asked for, or the end, make it useless. It stays with the loop it was opened on.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aioli_sync::{OwnedPermit, Semaphore};
use aioli_task::driver::Home;

use crate::h1::exchange::Wire;
use crate::limits::Limits;
use crate::route::Route;

/// A request that must not be sent twice prefers a connection that was used just now: the
/// longer it was idle, the likelier the server is closing it at this moment.
const FRESH: Duration = Duration::from_secs(2);

/// How long the reactor's word is taken that nothing came; after that the system is asked.
const TRUSTED: Duration = Duration::from_secs(1);

/// A connection in use.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) wire: Wire,
    /// The loop whose reactor drives the socket.
    home: Home,
    /// Whether it has served a request before.
    pub(crate) reused: bool,
    slot: Slot,
}

impl Connection {
    pub(crate) fn new(wire: Wire, slot: Slot) -> Connection {
        Connection {
            wire,
            home: Home::current(),
            reused: false,
            slot,
        }
    }

    /// Closes the connection and keeps the right to open another one.
    pub(crate) fn into_slot(self) -> Slot {
        self.slot
    }

    /// Gives the connection to the next request, whose time it is at once.
    ///
    /// `keep_alive` is how long the server said it will wait.
    pub(crate) fn put_back(self, keep_alive: Option<Duration>) {
        let Connection {
            mut wire,
            home,
            slot,
            ..
        } = self;
        // The server's clock began earlier than ours: use four fifths of what it said.
        let lifetime = keep_alive.map_or(Duration::MAX, |said| said * 4 / 5);
        let lifetime = lifetime.min(slot.pool.limits.idle);
        let usable = wire.input.is_empty() && !lifetime.is_zero() && !home.is_closed();
        // Asking now also makes the reactor watch: a driver that reports only what somebody
        // waits for would not notice what comes while the connection is idle.
        if usable && wire.is_silent(false) {
            let since = home.now();
            let idle = Idle {
                age: 0,
                wire,
                home,
                since,
                lifetime,
            };
            let refused = slot.pool.lock().insert(&slot.route, idle);
            drop(refused);
        }
        // The slot is freed here, after the connection can be found.
    }
}

/// The right to have one connection in use.
///
/// The fields are dropped in this order: whoever is next in line must find the counts right.
pub(crate) struct Slot {
    pool: Arc<Pool>,
    pub(crate) route: Arc<Route>,
    _use: Use,
    _host: OwnedPermit,
    _total: OwnedPermit,
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}

/// Keeps a route's entry alive, counting those who wait or use.
struct Use {
    pool: Arc<Pool>,
    route: Arc<Route>,
    /// Whether this counts as a connection in use.
    active: bool,
}

impl Drop for Use {
    fn drop(&mut self) {
        self.pool.lock().leave(&self.route, self.active);
    }
}

/// The connections of one session.
#[derive(Debug)]
pub(crate) struct Pool {
    limits: Limits,
    total: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    hosts: HashMap<Arc<Route>, Entry>,
    /// The idle connections, oldest first.
    by_age: BTreeMap<u64, Arc<Route>>,
    next_age: u64,
    active: usize,
    closed: bool,
}

#[derive(Debug)]
struct Entry {
    slots: Arc<Semaphore>,
    /// Oldest first.
    idle: VecDeque<Idle>,
    /// Requests that wait for or hold a slot.
    users: usize,
    active: usize,
}

#[derive(Debug)]
struct Idle {
    age: u64,
    wire: Wire,
    home: Home,
    since: Instant,
    lifetime: Duration,
}

impl Idle {
    fn is_over(&self) -> bool {
        let idle = self.home.now().saturating_duration_since(self.since);
        idle >= self.lifetime || self.home.is_closed()
    }
}

/// How many connections a session has, and how many requests wait for one.
///
/// # Examples
///
/// ```
/// let session = aioli_http::Session::new();
/// assert_eq!(session.stats().in_use, 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Connections that carry a request or a body that is not read to its end.
    pub in_use: usize,
    /// Open connections that wait for a request.
    pub idle: usize,
    /// Requests that wait for a slot.
    pub waiting: usize,
}

impl Pool {
    pub(crate) fn new(limits: Limits) -> Arc<Pool> {
        let total = Arc::new(Semaphore::new(limits.connections));
        Arc::new(Pool {
            limits,
            total,
            state: Mutex::default(),
        })
    }

    /// Waits for a slot of `route`; dropping the future leaves the line.
    pub(crate) async fn acquire(self: &Arc<Pool>, route: Route) -> Slot {
        let (mut user, slots) = self.enter(route);
        let host = slots.acquire_owned().await;
        let total = self.total.clone().acquire_owned().await;
        self.lock().activate(&mut user);
        let route = user.route.clone();
        Slot {
            pool: self.clone(),
            route,
            _use: user,
            _host: host,
            _total: total,
        }
    }

    fn enter(self: &Arc<Pool>, route: Route) -> (Use, Arc<Semaphore>) {
        let mut state = self.lock();
        let route = match state.hosts.get_key_value(&route) {
            Some((known, _)) => known.clone(),
            None => Arc::new(route),
        };
        let per_host = self.limits.per_host;
        let entry = state.hosts.entry(route.clone()).or_insert_with(|| Entry {
            slots: Arc::new(Semaphore::new(per_host)),
            idle: VecDeque::new(),
            users: 0,
            active: 0,
        });
        entry.users += 1;
        let slots = entry.slots.clone();
        drop(state);
        (
            Use {
                pool: self.clone(),
                route,
                active: false,
            },
            slots,
        )
    }

    /// Turns `slot` into a live idle connection of its route, if there is one.
    ///
    /// `careful` requests take only one that was used just now.
    ///
    /// # Errors
    ///
    /// The slot, when a connection has to be opened; there is room for it.
    pub(crate) fn checkout(slot: Slot, careful: bool) -> Result<Connection, Slot> {
        let home = Home::current();
        loop {
            let mut state = slot.pool.lock();
            let old = state.take_old();
            let taken = state.take(&slot.route, &home);
            drop(state);
            drop(old);
            let Some(Idle {
                mut wire,
                home,
                since,
                lifetime,
                ..
            }) = taken
            else {
                let room = slot.pool.lock().make_room(&slot.route, &slot.pool.limits);
                drop(room);
                return Err(slot);
            };
            let idle = home.now().saturating_duration_since(since);
            if idle < lifetime
                && (!careful || idle < FRESH)
                && wire.is_silent(careful || idle > TRUSTED)
            {
                return Ok(Connection {
                    wire,
                    home,
                    reused: true,
                    slot,
                });
            }
            if careful && idle >= FRESH {
                // The others are older still, and good enough for requests less careful.
                return Err(slot);
            }
        }
    }

    /// Closes the idle connections and keeps none from now on.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.by_age.clear();
        let idle: Vec<_> = state
            .hosts
            .values_mut()
            .map(|entry| std::mem::take(&mut entry.idle))
            .collect();
        state.hosts.retain(|_, entry| entry.users > 0);
        // Sockets are closed outside the lock.
        drop(state);
        drop(idle);
    }

    pub(crate) fn stats(&self) -> PoolStats {
        let state = self.lock();
        let users: usize = state.hosts.values().map(|entry| entry.users).sum();
        PoolStats {
            in_use: state.active,
            idle: state.by_age.len(),
            waiting: users - state.active,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn activate(&mut self, user: &mut Use) {
        user.active = true;
        self.active += 1;
        self.hosts
            .get_mut(&user.route)
            .expect("a user keeps its entry")
            .active += 1;
    }

    fn leave(&mut self, route: &Arc<Route>, active: bool) {
        let entry = self.hosts.get_mut(route).expect("a user keeps its entry");
        entry.users -= 1;
        entry.active -= usize::from(active);
        self.active -= usize::from(active);
        self.forget_if_unused(route);
    }

    fn forget_if_unused(&mut self, route: &Arc<Route>) {
        if self
            .hosts
            .get(route)
            .is_some_and(|entry| entry.users == 0 && entry.idle.is_empty())
        {
            self.hosts.remove(route);
        }
    }

    /// Takes in an idle connection; gives it back, to be closed outside the lock, when none is
    /// kept any more.
    fn insert(&mut self, route: &Arc<Route>, mut idle: Idle) -> Option<Idle> {
        if self.closed {
            return Some(idle);
        }
        idle.age = self.next_age;
        self.next_age += 1;
        self.by_age.insert(idle.age, route.clone());
        let entry = self.hosts.get_mut(route).expect("a user keeps its entry");
        entry.idle.push_back(idle);
        None
    }

    /// Takes out some connections whose time is over, so that a route that is never asked
    /// again does not keep its own.
    fn take_old(&mut self) -> Vec<Idle> {
        /// More than one request can add, so that they never pile up.
        const AT_ONCE: usize = 2;
        let mut old = Vec::new();
        while old.len() < AT_ONCE
            && let Some((_, route)) = self.by_age.first_key_value()
        {
            let route = route.clone();
            let entry = self
                .hosts
                .get_mut(&route)
                .expect("an idle connection keeps its entry");
            let front = entry
                .idle
                .front()
                .expect("the oldest of all is the oldest of its route");
            if !front.is_over() {
                break;
            }
            self.by_age.pop_first();
            old.extend(entry.idle.pop_front());
            self.forget_if_unused(&route);
        }
        old
    }

    /// Takes the youngest idle connection of `route` that lives on `home`.
    fn take(&mut self, route: &Arc<Route>, home: &Home) -> Option<Idle> {
        let idle = &mut self.hosts.get_mut(route)?.idle;
        let index = idle.iter().rposition(|idle| idle.home == *home)?;
        let idle = idle.remove(index)?;
        self.by_age.remove(&idle.age);
        Some(idle)
    }

    /// Takes out what must be closed before a connection to `route` is opened: the holder of
    /// the slot counts as active already.
    fn make_room(&mut self, route: &Arc<Route>, limits: &Limits) -> Vec<Idle> {
        let mut room = Vec::new();
        let entry = self.hosts.get_mut(route).expect("a user keeps its entry");
        while entry.active + entry.idle.len() > limits.per_host {
            let Some(idle) = entry.idle.pop_front() else {
                break;
            };
            self.by_age.remove(&idle.age);
            room.push(idle);
        }
        while self.active + self.by_age.len() > limits.connections {
            let Some((age, owner)) = self.by_age.pop_first() else {
                break;
            };
            let entry = self
                .hosts
                .get_mut(&owner)
                .expect("an idle connection keeps its entry");
            let oldest = entry.idle.pop_front();
            debug_assert!(oldest.as_ref().is_some_and(|idle| idle.age == age));
            room.extend(oldest);
            self.forget_if_unused(&owner);
        }
        room
    }
}
