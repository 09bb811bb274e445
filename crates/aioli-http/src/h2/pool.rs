//! Which connections there are to whom, and which one serves next.
//!
//! ```text
//!            find                        open, one request at a time
//!  unknown ───────▶ Found::Open ─────────────┬─▶ the server picked HTTP/2: shared from now on
//!                                            └─▶ it did not: HTTP/1.1, and that is remembered
//! ```

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aioli_sync::Lock;

use super::connection::{Place, Shared};
use super::settings::Http2;
use crate::route::Route;

/// Routes that something is remembered of; beyond this, those without connections are forgotten.
const ROUTES_MAX: usize = 1024;

/// The HTTP/2 connections of a session.
pub(crate) struct Connections {
    pub(super) settings: Http2,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    routes: HashMap<Arc<Route>, Known>,
    /// Nothing is kept any more.
    closed: bool,
}

/// What is known of a route.
#[derive(Default)]
struct Known {
    /// Its server does not speak HTTP/2.
    is_http1: bool,
    shared: Vec<Shared>,
    /// Whoever opens a connection holds it, and the others wait for the outcome.
    gate: Arc<Lock<()>>,
}

/// What a request finds.
pub(super) enum Found {
    Http1,
    Http2(Shared, Place),
    /// A connection has to be opened by whoever holds the lock.
    Open(Arc<Lock<()>>),
}

impl Connections {
    pub(crate) fn new(settings: Http2) -> Connections {
        Connections {
            settings,
            state: Mutex::default(),
        }
    }

    /// Finds the connection with the fewest requests on it.
    pub(super) fn find(&self, route: &Arc<Route>) -> Found {
        let mut state = self.lock();
        let known = state.known(route);
        if known.is_http1 {
            return Found::Http1;
        }
        known.shared.retain(|shared| !shared.is_over());
        let most = match known.shared.len() >= self.settings.connections {
            true => usize::MAX,
            false => self.settings.streams,
        };
        let least = known.shared.iter().min_by_key(|shared| shared.streams());
        match least.and_then(|shared| Some((shared, shared.enter(most)?))) {
            Some((shared, place)) => Found::Http2(shared.clone(), place),
            None => Found::Open(known.gate.clone()),
        }
    }

    /// Takes in a connection for others to find; once the session is closed there are none, and
    /// it ends with the requests that it carries.
    pub(super) fn add(&self, route: &Arc<Route>, shared: Shared) {
        let mut state = self.lock();
        if !state.closed {
            state.known(route).shared.push(shared);
            return;
        }
        drop(state);
        shared.retire();
    }

    pub(super) fn remember_http1(&self, route: &Arc<Route>) {
        self.lock().known(route).is_http1 = true;
    }

    /// Closes what carries no request.
    pub(crate) fn close_idle(&self) {
        for known in self.lock().routes.values() {
            known.shared.iter().for_each(Shared::close_if_idle);
        }
    }

    /// Closes what carries no request, and keeps further requests from the rest.
    #[expect(
        clippy::mutable_key_type,
        reason = "what a route's proxy was asked before is no part of its hash"
    )]
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let routes = std::mem::take(&mut state.routes);
        drop(state);
        for shared in routes.values().flat_map(|known| &known.shared) {
            shared.retire();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn known(&mut self, route: &Arc<Route>) -> &mut Known {
        if self.routes.len() >= ROUTES_MAX && !self.routes.contains_key(route) {
            self.routes.retain(|_, known| {
                known.shared.retain(|shared| !shared.is_over());
                // Whoever waits at the gate finds the route again.
                !known.shared.is_empty()
            });
        }
        self.routes.entry(route.clone()).or_default()
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("settings", &self.settings)
            .field("routes", &self.lock().routes.len())
            .finish_non_exhaustive()
    }
}
