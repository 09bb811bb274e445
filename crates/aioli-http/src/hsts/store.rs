//! The hosts of a store: which of them cover a name, and which one has to go.

use std::collections::{HashMap, HashSet};

use url::Host;

use super::HstsHost;
use crate::cookies::site;
use crate::kept::Bounded;
use crate::limits::SiteBounds;
use crate::origin;

/// The longest name that there is (RFC 1035, section 2.3.4, without the octets of its ends).
const MAX_NAME: usize = 253;

/// What does not end; also whatever ends after the year 9999, which no file can say.
pub(super) const NEVER: i64 = i64::MAX;
const END_OF_9999: i64 = 253_402_300_799;

/// What is known of a host.
#[derive(Debug, Clone, Copy)]
struct Known {
    include_subdomains: bool,
    expires: i64,
    /// Which of all notes was the last of this host.
    noted: u64,
}

/// All hosts of a store, by their names.
#[derive(Debug)]
pub(super) struct Store {
    bounds: SiteBounds,
    hosts: HashMap<Box<str>, Known>,
    /// How many of them there are of each site.
    sites: HashMap<Box<str>, usize>,
    /// Counts notes.
    serial: u64,
}

impl Bounded for Store {
    type Bounds = SiteBounds;

    fn new(bounds: SiteBounds) -> Store {
        Store {
            bounds,
            hosts: HashMap::new(),
            sites: HashMap::new(),
            serial: 0,
        }
    }

    fn len(&self) -> usize {
        self.hosts.len()
    }
}

impl Store {
    /// Notes a host, in place of what was known of it; another one makes room for it.
    pub(super) fn note(&mut self, host: HstsHost, now: i64) {
        if host.expires <= now {
            self.remove(&host.name);
            return;
        }
        if !self.hosts.contains_key(&*host.name) {
            self.make_room(&host.name, now);
        }
        self.put(host);
    }

    /// Notes a host of a file: it takes no other's place, and of two notes of the same host that
    /// counts which holds longer. `false` when there is no room for it.
    pub(super) fn add(&mut self, host: HstsHost, now: i64) -> bool {
        let known = self.hosts.get(&*host.name).map(|known| known.expires);
        if host.expires <= now || known.is_some_and(|expires| host.expires <= expires) {
            return true;
        }
        if known.is_none() && !self.has_room(site(&host.name)) {
            return false;
        }
        self.put(host);
        true
    }

    /// Whether `name` is to be asked by https only; what has expired on the way there is dropped.
    ///
    /// A host further up counts if its subdomains are meant too (RFC 6797, section 8.2).
    pub(super) fn covers(&mut self, name: &str, now: i64) -> bool {
        let mut rest = name;
        loop {
            match self.hosts.get(rest).copied() {
                Some(known) if known.expires <= now => {
                    self.remove(rest);
                }
                Some(known) if known.include_subdomains || rest.len() == name.len() => return true,
                _ => {}
            }
            match rest.split_once('.') {
                Some((_, up)) => rest = up,
                None => return false,
            }
        }
    }

    /// Forgets a host; `false` when it was not known.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        if self.hosts.remove(name).is_none() {
            return false;
        }
        let site = site(name);
        if let Some(count) = self.sites.get_mut(site) {
            *count -= 1;
            if *count == 0 {
                self.sites.remove(site);
            }
        }
        true
    }

    /// All hosts, the one first that was noted longest ago.
    pub(super) fn all(&self, now: i64) -> Vec<HstsHost> {
        let all = self.hosts.iter().map(|(name, known)| (&**name, known));
        let mut all: Vec<_> = all.filter(|(_, known)| known.expires > now).collect();
        all.sort_by_key(|(_, known)| known.noted);
        let host = |(name, known): (&str, &Known)| HstsHost {
            name: name.to_owned(),
            include_subdomains: known.include_subdomains,
            expires: known.expires,
        };
        all.into_iter().map(host).collect()
    }

    fn put(&mut self, host: HstsHost) {
        self.serial += 1;
        let known = Known {
            include_subdomains: host.include_subdomains,
            expires: until(host.expires),
            noted: self.serial,
        };
        let site = site(&host.name);
        if !self.hosts.contains_key(&*host.name) {
            match self.sites.get_mut(site) {
                Some(count) => *count += 1,
                None => drop(self.sites.insert(site.into(), 1)),
            }
        }
        self.hosts.insert(host.name.into_boxed_str(), known);
        debug_assert!(self.len() <= self.bounds.all as usize, "room was made");
    }

    fn has_room(&self, site: &str) -> bool {
        let of_site = self.sites.get(site).copied().unwrap_or_default();
        of_site < self.bounds.per_site as usize && self.len() < self.bounds.all as usize
    }

    /// Makes room for one more host: expired ones go first, then of a site that is full, or else of
    /// the one that has the most, the host that was noted longest ago. Who can make up many names
    /// drives out its own, and no other site's.
    fn make_room(&mut self, name: &str, now: i64) {
        let own = site(name);
        if self.has_room(own) {
            return;
        }
        let expired: Vec<_> = self
            .hosts
            .iter()
            .filter(|(_, known)| known.expires <= now)
            .map(|(name, _)| name.clone())
            .collect();
        for name in expired {
            self.remove(&name);
        }
        let of_own = self.sites.get(own).copied().unwrap_or_default();
        if of_own >= self.bounds.per_site as usize {
            self.evict(|site| site == own);
        } else if self.len() >= self.bounds.all as usize {
            let most = self.sites.values().copied().max().unwrap_or_default();
            let largest: HashSet<_> = self
                .sites
                .iter()
                .filter(|(_, count)| **count == most)
                .map(|(site, _)| site.clone())
                .collect();
            self.evict(|site| largest.contains(site));
        }
    }

    /// Forgets the host that was noted longest ago, of the sites for which `from` holds.
    fn evict(&mut self, from: impl Fn(&str) -> bool) {
        let of_site = self.hosts.iter().filter(|(name, _)| from(site(name)));
        let oldest = of_site.min_by_key(|(_, known)| known.noted);
        let oldest = oldest.map(|(name, _)| name.clone());
        self.remove(&oldest.expect("a site that is counted has hosts"));
    }
}

/// When what expires at `expires` ends, as it is kept.
fn until(expires: i64) -> i64 {
    match expires > END_OF_9999 {
        true => NEVER,
        false => expires,
    }
}

/// The name that a host of a URL is kept under, which is none for addresses.
pub(super) fn name_of<S: AsRef<str>>(host: &Host<S>) -> Option<&str> {
    let Host::Domain(name) = host else {
        return None;
    };
    let name = name.as_ref();
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_name = !name.is_empty() && name.len() <= MAX_NAME;
    (is_name && name.split('.').all(|label| !label.is_empty())).then_some(name)
}

/// The name that a host is kept under which is given apart from a URL.
pub(super) fn canonical(text: &str) -> Option<String> {
    let host = origin::parse_host(text).ok()?;
    name_of(&origin::read_host(&host)).map(str::to_owned)
}
