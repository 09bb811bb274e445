//! The cookies of a jar: who gets which, in which order, and which one has to go.
//!
//! Cookies are kept by site, the registered part of their domain: whatever a host can get is
//! in one place, and nobody else's is. Both bounds are held at every insertion, so a search
//! looks at no more cookies than one site may have.

use std::collections::HashMap;

use super::cookie::Cookie;
use super::domain::{self, CookieHost};
use super::{CookieError, parse};
use crate::kept::Bounded;
use crate::limits::CookieBounds;

/// A site with more cookies than this loses them first when the jar is full.
const MANY_PER_SITE: usize = 50;

/// A kept cookie.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) cookie: Cookie,
    /// Which insertion made it; one that replaces another takes its number over.
    pub(super) created: u64,
    /// Which use was the last.
    used: u64,
}

/// All cookies of a jar.
#[derive(Debug)]
pub(super) struct Store {
    per_site: usize,
    all: usize,
    sites: HashMap<String, Vec<Kept>>,
    len: usize,
    /// Counts insertions and uses.
    serial: u64,
}

impl Bounded for Store {
    type Bounds = CookieBounds;

    fn new(bounds: CookieBounds) -> Store {
        Store {
            per_site: bounds.kept.per_site as usize,
            all: bounds.kept.all as usize,
            sites: HashMap::new(),
            len: 0,
            serial: 0,
        }
    }

    fn len(&self) -> usize {
        self.len
    }
}

impl Store {
    /// Keeps a cookie, in place of the one with its name, domain and path.
    ///
    /// An expired one removes that one, which is how servers delete.
    ///
    /// # Errors
    ///
    /// `Overlay` when it came over plain http and would hide a secure one.
    pub(super) fn insert(
        &mut self,
        cookie: Cookie,
        over_secure: bool,
        now: i64,
    ) -> Result<(), CookieError> {
        self.serial += 1;
        let host = CookieHost::from_name(&cookie.domain);
        let site = host.site();
        // An expired one is as good as gone: nothing hides it, and nobody takes its age over.
        self.remove_expired_of(site, now);
        if let Some(kept) = self.sites.get_mut(site) {
            let hidden = |kept: &Kept| hides(&cookie, &kept.cookie);
            if !over_secure && !cookie.secure && kept.iter().any(hidden) {
                return Err(CookieError::Overlay);
            }
            if let Some(old) = kept.iter_mut().find(|kept| is_same(&cookie, &kept.cookie)) {
                old.cookie = cookie;
                old.used = self.serial;
                self.remove_expired_of(site, now);
                return Ok(());
            }
        }
        if cookie.is_expired(now) {
            return Ok(());
        }
        self.make_room(site, now);
        let (created, used) = (self.serial, self.serial);
        let kept = self.sites.entry(site.to_owned()).or_default();
        kept.push(Kept {
            cookie,
            created,
            used,
        });
        self.len += 1;
        debug_assert!(self.len <= self.all, "room was made");
        Ok(())
    }

    /// The cookies that a request gets, in the order in which they are sent: longer paths first,
    /// then older ones.
    pub(super) fn matching<'a>(
        &'a mut self,
        host: &CookieHost,
        path: &str,
        secure: bool,
        now: i64,
    ) -> Vec<&'a Cookie> {
        self.serial += 1;
        let serial = self.serial;
        let Some(kept) = self.sites.get_mut(host.site()) else {
            return Vec::new();
        };
        let mut found: Vec<&Kept> = kept
            .iter_mut()
            .filter(|kept| kept.cookie.goes_to(host, path, secure) && !kept.cookie.is_expired(now))
            .map(|kept| {
                kept.used = serial;
                &*kept
            })
            .collect();
        found.sort_by_key(|kept| (usize::MAX - kept.cookie.path.len(), kept.created));
        found.into_iter().map(|kept| &kept.cookie).collect()
    }

    /// All cookies, the oldest first.
    pub(super) fn all(&self, now: i64) -> Vec<&Cookie> {
        let mut all: Vec<&Kept> = self
            .sites
            .values()
            .flatten()
            .filter(|kept| !kept.cookie.is_expired(now))
            .collect();
        all.sort_by_key(|kept| kept.created);
        all.into_iter().map(|kept| &kept.cookie).collect()
    }

    /// Keeps the cookies for which `keep` holds; returns how many went.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Cookie) -> bool) -> usize {
        let before = self.len;
        self.sites.retain(|_, kept| {
            kept.retain(|kept| keep(&kept.cookie));
            !kept.is_empty()
        });
        self.len = self.sites.values().map(Vec::len).sum();
        before - self.len
    }

    fn remove_expired_of(&mut self, site: &str, now: i64) {
        if let Some(kept) = self.sites.get_mut(site) {
            let before = kept.len();
            kept.retain(|kept| !kept.cookie.is_expired(now));
            self.len -= before - kept.len();
            if kept.is_empty() {
                self.sites.remove(site);
            }
        }
    }

    /// Makes room for one more cookie of `site`, whose expired ones are gone: expired ones of other
    /// sites go first, then those that are not secure of sites that have many, then any of theirs,
    /// then any; among equals the one that was used longest ago.
    fn make_room(&mut self, site: &str, now: i64) {
        if self.sites.get(site).map_or(0, Vec::len) >= self.per_site {
            self.evict(|candidate, _| candidate == site);
        }
        if self.len >= self.all {
            self.retain(|cookie| !cookie.is_expired(now));
        }
        if self.len >= self.all && !self.evict(|_, many| many > MANY_PER_SITE) {
            self.evict(|_, _| true);
        }
    }

    /// Removes one cookie of the sites for which `from` holds, given their numbers of cookies.
    fn evict(&mut self, from: impl Fn(&str, usize) -> bool) -> bool {
        let candidates = self
            .sites
            .iter()
            .filter(|(site, kept)| from(site, kept.len()));
        let victim = candidates
            .flat_map(|(site, kept)| kept.iter().enumerate().map(move |(at, k)| (site, at, k)))
            .min_by_key(|(_, _, kept)| (kept.cookie.secure, kept.used, kept.created))
            .map(|(site, at, _)| (site.clone(), at));
        let Some((site, at)) = victim else {
            return false;
        };
        let kept = self.sites.get_mut(&site).expect("it was just found");
        kept.swap_remove(at);
        self.len -= 1;
        if kept.is_empty() {
            self.sites.remove(&site);
        }
        true
    }
}

/// Whether two cookies are the same one, perhaps with different values.
fn is_same(a: &Cookie, b: &Cookie) -> bool {
    a.name == b.name && a.domain == b.domain && a.path == b.path && a.host_only == b.host_only
}

/// Whether `new`, which is not secure, would hide a secure cookie somewhere.
fn hides(new: &Cookie, old: &Cookie) -> bool {
    old.secure
        && new.name == old.name
        && domain::are_related(&new.domain, &old.domain)
        && domain::path_matches(&new.path, &old.path)
}

/// The name and the value of a cookie as they stand in a request.
pub(crate) fn write_pair(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    debug_assert!(
        !name
            .iter()
            .chain(value)
            .any(|byte| parse::is_control(*byte))
    );
    if !out.is_empty() {
        out.extend_from_slice(b"; ");
    }
    out.extend_from_slice(name);
    if !name.is_empty() {
        out.push(b'=');
    }
    out.extend_from_slice(value);
}
