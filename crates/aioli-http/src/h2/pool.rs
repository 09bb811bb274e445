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
    routes: Mutex<HashMap<Arc<Route>, Known>>,
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
            routes: Mutex::default(),
        }
    }

    /// Finds the connection with the fewest requests on it.
    pub(super) fn find(&self, route: &Arc<Route>) -> Found {
        let mut routes = self.lock();
        if !routes.contains_key(route) {
            make_room(&mut routes);
        }
        let known = routes.entry(route.clone()).or_default();
        if known.is_http1 {
            return Found::Http1;
        }
        known.shared.retain(|shared| !shared.is_over());
        known.shared.sort_by_key(Shared::streams);
        let is_full = known.shared.len() >= self.settings.connections;
        let most = if is_full {
            usize::MAX
        } else {
            self.settings.streams
        };
        let found = known
            .shared
            .iter()
            .find_map(|shared| Some((shared.clone(), shared.enter(most)?)));
        match found {
            Some((shared, place)) => Found::Http2(shared, place),
            None => Found::Open(known.gate.clone()),
        }
    }

    pub(super) fn add(&self, route: &Arc<Route>, shared: Shared) {
        let mut routes = self.lock();
        routes.entry(route.clone()).or_default().shared.push(shared);
    }

    pub(super) fn remember_http1(&self, route: &Arc<Route>) {
        self.lock().entry(route.clone()).or_default().is_http1 = true;
    }

    /// Closes what carries no request.
    pub(crate) fn close_idle(&self) {
        for known in self.lock().values() {
            known.shared.iter().for_each(Shared::close_if_idle);
        }
    }

    /// Closes what carries no request, and keeps further requests from the rest.
    pub(crate) fn close(&self) {
        let routes = std::mem::take(&mut *self.lock());
        for shared in routes.values().flat_map(|known| &known.shared) {
            shared.retire();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<Route>, Known>> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(routes: &mut HashMap<Arc<Route>, Known>) {
    if routes.len() >= ROUTES_MAX {
        routes.retain(|_, known| {
            known.shared.retain(|shared| !shared.is_over());
            // Whoever waits at the gate finds the route again.
            !known.shared.is_empty()
        });
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("settings", &self.settings)
            .field("routes", &self.lock().len())
            .finish_non_exhaustive()
    }
}
