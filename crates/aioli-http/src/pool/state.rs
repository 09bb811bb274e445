//! What the lock of the pool guards: routes, idle connections, and who may open how many.
#![expect(
    clippy::vec_box,
    reason = "a connection is in one place for its life, it is not moved"
)]

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use aioli_task::driver::Home;

use super::Connection;
use super::line::{Line, Stage, Ticket};
use super::slab::Slab;
use crate::limits::Limits;
use crate::route::Route;

/// # Invariants
///
/// 1. `held` of a host is the number of its slots and of its tickets in the line of the session;
///    it is at most `per_host`, and reaches it while somebody waits in the host's line.
/// 2. `active` of a host is the number of its slots, and `active` of the state their sum; that is
///    at most `connections`, and reaches it while somebody waits in the line of the session.
/// 3. A host is there while it has users (slots and tickets) or idle connections.
/// 4. Idle connections are linked from the oldest to the youngest; those of a host are in the
///    same order.
#[derive(Debug, Default)]
pub(super) struct State {
    keys: HashMap<Arc<Route>, usize>,
    hosts: Slab<Host>,
    /// The host that was asked for last.
    recent: Option<usize>,
    idle: Slab<Idle>,
    oldest: Option<usize>,
    youngest: Option<usize>,
    pub(super) active: usize,
    pub(super) tickets: Slab<Ticket>,
    line: Line,
    pub(super) closed: bool,
}

#[derive(Debug)]
struct Host {
    route: Arc<Route>,
    /// Oldest first.
    idle: VecDeque<usize>,
    users: usize,
    held: usize,
    active: usize,
    line: Line,
}

#[derive(Debug)]
struct Idle {
    connection: Box<Connection>,
    host: usize,
    older: Option<usize>,
    younger: Option<usize>,
}

/// Whom to wake once the lock is released.
pub(super) type Wakers = Vec<Waker>;

impl State {
    /// Finds the host of `route`, and counts a user of it.
    pub(super) fn enter(&mut self, route: &Arc<Route>) -> usize {
        let host = match self.recent {
            Some(host) if Arc::ptr_eq(&self.hosts[host].route, route) => host,
            _ => self.find(route),
        };
        self.hosts[host].users += 1;
        host
    }

    fn find(&mut self, route: &Arc<Route>) -> usize {
        let host = match self.keys.get(route) {
            Some(host) => *host,
            None => {
                let host = self.hosts.insert(Host {
                    route: route.clone(),
                    idle: VecDeque::new(),
                    users: 0,
                    held: 0,
                    active: 0,
                    line: Line::default(),
                });
                self.keys.insert(route.clone(), host);
                host
            }
        };
        self.recent = Some(host);
        host
    }

    pub(super) fn route(&self, host: usize) -> Arc<Route> {
        self.hosts[host].route.clone()
    }

    /// Takes a slot, if nobody waits for it.
    pub(super) fn try_grant(&mut self, host: usize, limits: &Limits) -> bool {
        let entry = &mut self.hosts[host];
        let free = entry.held < limits.per_host
            && self.active < limits.connections
            && entry.line.is_empty()
            && self.line.is_empty();
        if free {
            entry.held += 1;
            entry.active += 1;
            self.active += 1;
        }
        free
    }

    /// Gets in line for a slot, which somebody has to wait for.
    pub(super) fn wait(&mut self, host: usize, limits: &Limits) -> usize {
        let key = self.tickets.insert(Ticket {
            host,
            stage: Stage::Route,
            waker: None,
        });
        self.hosts[host].line.push(key);
        let woken = self.advance(host, limits);
        debug_assert!(woken.is_empty(), "nothing is free that somebody waits for");
        key
    }

    /// Takes the slot of a waiting request, once it has one; its host.
    pub(super) fn redeem(&mut self, key: usize) -> Option<usize> {
        let granted = self.tickets[key].stage == Stage::Granted;
        granted.then(|| self.tickets.remove(key).host)
    }

    /// Gives what is free to who is next.
    #[must_use]
    fn advance(&mut self, host: usize, limits: &Limits) -> Wakers {
        let mut woken = Vec::new();
        let entry = &mut self.hosts[host];
        while entry.held < limits.per_host
            && let Some(key) = entry.line.pop(&mut self.tickets)
        {
            entry.held += 1;
            self.tickets[key].stage = Stage::Session;
            self.line.push(key);
        }
        while self.active < limits.connections
            && let Some(key) = self.line.pop(&mut self.tickets)
        {
            let ticket = &mut self.tickets[key];
            ticket.stage = Stage::Granted;
            woken.extend(ticket.waker.take());
            self.active += 1;
            self.hosts[ticket.host].active += 1;
        }
        woken
    }

    /// Takes a waiting request out of its line; what it had goes to who is next.
    #[must_use]
    pub(super) fn give_up(&mut self, key: usize, limits: &Limits) -> Wakers {
        let Ticket { host, stage, .. } = self.tickets[key];
        match stage {
            Stage::Granted => {
                self.tickets.remove(key);
                return self.leave(host, limits);
            }
            Stage::Route => {
                let line = &mut self.hosts[host].line;
                line.leave(key, &mut self.tickets);
            }
            Stage::Session => {
                self.line.leave(key, &mut self.tickets);
                self.hosts[host].held -= 1;
            }
            Stage::Gap => unreachable!("a ticket is given up once"),
        }
        let woken = self.advance(host, limits);
        self.hosts[host].users -= 1;
        self.forget_if_unused(host);
        woken
    }

    /// Gives up a slot.
    #[must_use]
    pub(super) fn leave(&mut self, host: usize, limits: &Limits) -> Wakers {
        let entry = &mut self.hosts[host];
        entry.users -= 1;
        entry.active -= 1;
        entry.held -= 1;
        self.active -= 1;
        if entry.line.is_gone() && self.line.is_gone() {
            self.forget_if_unused(host);
            return Vec::new();
        }
        let woken = self.advance(host, limits);
        self.forget_if_unused(host);
        woken
    }

    fn forget_if_unused(&mut self, host: usize) {
        let entry = &mut self.hosts[host];
        if entry.users == 0 && entry.idle.is_empty() {
            entry.line.clear(&mut self.tickets);
            let entry = self.hosts.remove(host);
            self.keys.remove(&entry.route);
            if self.recent == Some(host) {
                self.recent = None;
            }
        }
    }

    /// Takes in an idle connection; gives one back, to be closed outside the lock, when there are
    /// too many: the oldest of the host, or this one when none is kept.
    pub(super) fn insert(
        &mut self,
        host: usize,
        connection: Box<Connection>,
        limits: &Limits,
    ) -> Option<Box<Connection>> {
        if self.closed {
            return Some(connection);
        }
        let mut excess = None;
        if self.hosts[host].idle.len() >= limits.idle_per_host {
            let Some(key) = self.hosts[host].idle.pop_front() else {
                return Some(connection);
            };
            excess = Some(self.unlink(key));
        }
        let key = self.idle.insert(Idle {
            connection,
            host,
            older: self.youngest,
            younger: None,
        });
        match self.youngest.replace(key) {
            Some(older) => self.idle[older].younger = Some(key),
            None => self.oldest = Some(key),
        }
        self.hosts[host].idle.push_back(key);
        excess
    }

    /// Takes an idle connection out of the order of ages.
    fn unlink(&mut self, key: usize) -> Box<Connection> {
        let Idle {
            connection,
            older,
            younger,
            ..
        } = self.idle.remove(key);
        match older {
            Some(older) => self.idle[older].younger = younger,
            None => self.oldest = younger,
        }
        match younger {
            Some(younger) => self.idle[younger].older = older,
            None => self.youngest = older,
        }
        connection
    }

    /// Takes the oldest connection of all.
    fn pop_oldest(&mut self) -> Option<Box<Connection>> {
        let key = self.oldest?;
        let host = self.idle[key].host;
        let first = self.hosts[host].idle.pop_front();
        debug_assert_eq!(first, Some(key), "invariant 4");
        let connection = self.unlink(key);
        self.forget_if_unused(host);
        Some(connection)
    }

    /// Takes out some connections whose time is over, so that a route that is never asked
    /// again does not keep its own.
    pub(super) fn take_old(&mut self, now: Instant) -> Vec<Box<Connection>> {
        /// More than one request can add, so that they never pile up.
        const AT_ONCE: usize = 2;
        let mut old = Vec::new();
        while old.len() < AT_ONCE
            && let Some(key) = self.oldest
            && let connection = &self.idle[key].connection
            && connection.is_over(connection.home_time(now))
        {
            old.extend(self.pop_oldest());
        }
        old
    }

    /// Takes the youngest idle connection of a host that lives on `home`, or on the loop of this
    /// thread.
    pub(super) fn take(&mut self, host: usize, home: Option<&Home>) -> Option<Box<Connection>> {
        let idle = &mut self.hosts[host].idle;
        let lives_here = |key: &usize| {
            let of = &self.idle[*key].connection.home;
            home.map_or_else(|| of.is_current(), |home| of == home)
        };
        let key = if idle.back().is_some_and(lives_here) {
            idle.pop_back()?
        } else {
            let index = idle.iter().rposition(lives_here)?;
            idle.remove(index)?
        };
        Some(self.unlink(key))
    }

    /// Takes out what must be closed before a connection of a host is opened: the holder of
    /// the slot counts as active already.
    pub(super) fn make_room(&mut self, host: usize, limits: &Limits) -> Vec<Box<Connection>> {
        let mut room = Vec::new();
        while self.hosts[host].active + self.hosts[host].idle.len() > limits.per_host
            && let Some(key) = self.hosts[host].idle.pop_front()
        {
            room.push(self.unlink(key));
        }
        while self.active + self.idle.len() > limits.connections
            && let Some(oldest) = self.pop_oldest()
        {
            room.push(oldest);
        }
        room
    }

    /// Takes out all idle connections.
    pub(super) fn clear(&mut self) -> Vec<Box<Connection>> {
        std::iter::from_fn(|| self.pop_oldest()).collect()
    }

    pub(super) fn idle(&self) -> usize {
        self.idle.len()
    }

    pub(super) fn users(&self) -> usize {
        self.hosts.values().map(|host| host.users).sum()
    }
}

#[cfg(test)]
mod tests;
