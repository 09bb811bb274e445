//! HTTP Strict Transport Security (RFC 6797): hosts that have asked to be asked by https only.
//!
//! ```text
//!   strict-transport-security ─▶ field ─┐
//!   file of curl's form ─▶ file ────────┴▶ store (bounds, who covers whom) ─▶ http becomes https
//! ```
//!
//! Only `store` has state.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use url::Url;

use crate::kept::Kept;
use crate::limits::{Limits, SiteBounds};
use crate::private_file;
use crate::wall::{self, WallClock};

mod field;
mod file;
mod store;

use store::{NEVER, Store, canonical, name_of};

/// Why nothing is noted of what a response says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HstsError {
    /// It came over plain http, where anybody can say it.
    #[error("a policy counts only if it came over https")]
    Insecure,
    /// The URL has an address in place of a name, or no name that there can be.
    #[error("only names have policies, and addresses have none")]
    Host,
    /// It is malformed, says something twice, or has no `max-age`.
    #[error("the policy is malformed")]
    Malformed,
}

/// A host of an [`HstsStore`].
///
/// # Examples
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
///
/// use aioli_http::HstsStore;
///
/// let store = HstsStore::from_text(".a.example \"unlimited\"\nb.example \"29991231 23:59:59\"\n");
/// let [a, b] = &store.hosts()[..] else { panic!("there are two lines") };
/// assert_eq!((a.name(), a.include_subdomains(), a.expires()), ("a.example", true, None));
/// assert_eq!((b.name(), b.include_subdomains()), ("b.example", false));
/// assert_eq!(b.expires(), Some(UNIX_EPOCH + Duration::from_secs(32_503_679_999)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HstsHost {
    name: String,
    include_subdomains: bool,
    /// Seconds since 1970, or `NEVER`.
    expires: i64,
}

impl HstsHost {
    /// Returns its name: in lower case, in ASCII, without a trailing dot.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{HstsStore, Url};
    ///
    /// let store = HstsStore::new();
    /// store.set(&Url::parse("https://Bücher.example./").unwrap(), "max-age=60").unwrap();
    /// assert_eq!(store.hosts()[0].name(), "xn--bcher-kva.example");
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells whether all hosts below it are meant too.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{HstsStore, Url};
    ///
    /// let store = HstsStore::new();
    /// let url = Url::parse("https://a.example/").unwrap();
    /// store.set(&url, "max-age=60; includeSubDomains").unwrap();
    /// assert!(store.hosts()[0].include_subdomains());
    /// store.set(&url, "max-age=60").unwrap();
    /// assert!(!store.hosts()[0].include_subdomains());
    /// ```
    #[must_use]
    pub fn include_subdomains(&self) -> bool {
        self.include_subdomains
    }

    /// Returns when it may be asked by http again; `None` is never.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, UNIX_EPOCH};
    ///
    /// use aioli_http::{HstsStore, Url};
    ///
    /// let store = HstsStore::with_clock(|| UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    /// store.set(&Url::parse("https://a.example/").unwrap(), "max-age=60").unwrap();
    /// let end = UNIX_EPOCH + Duration::from_secs(1_000_000_060);
    /// assert_eq!(store.hosts()[0].expires(), Some(end));
    /// ```
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        match self.expires {
            NEVER => None,
            expires => wall::time(expires),
        }
    }
}

/// The hosts that have asked to be asked by https only (`strict-transport-security`, RFC 6797).
///
/// A session has none unless it is given one ([`SessionBuilder::hsts`]). With it, a request or a
/// redirect to an `http` URL of such a host becomes one to the `https` URL before anything else is
/// done about it: no name is looked up, no connection opened and no cookie chosen for `http`. Port
/// 80 becomes 443, and another one that the URL names stays. This is no redirect, and is in no
/// [`history`](crate::Response::history): [`Response::url`](crate::Response::url) is the `https`
/// URL, and [`Trace::hsts_upgrade`](crate::Trace::hsts_upgrade) tells of it.
///
/// What a response says is noted only if it came over TLS with a certificate that was checked for
/// the URL's own host: not in a session with
/// [`danger_accept_invalid_certificates`](crate::SessionBuilder::danger_accept_invalid_certificates),
/// not from a request with a [`server_name`](crate::RequestBuilder::server_name) of its own, and
/// not from who is asked for a tunnel (`CONNECT`), a proxy or a server. Only the first field counts,
/// a malformed one not at all, and `max-age=0` forgets the host. Addresses have no policies.
///
/// Clones share the hosts; all methods may be called from any thread, and none waits.
///
/// | bound | |
/// |---|---|
/// | hosts of one site (registered domain) | 180 |
/// | hosts of a store | 3000 |
/// | bytes of a name | 253 |
/// | directives of a field | 32 |
/// | bytes of a file, and of a line of it | 4 MiB, 4095 |
///
/// The first two can be moved by [`with_limits`](HstsStore::with_limits). When there are too many
/// hosts, expired ones go first, then, of a site that is full or of the one that has the most, the
/// one that said so longest ago.
///
/// # Examples
///
/// ```
/// use aioli_http::{HstsStore, Mock, Session};
///
/// # aioli_task::run(async {
/// let known = HstsStore::new(); // or `HstsStore::load(path)`, and `known.save(path)` at the end
/// let session = Session::builder()
///     .hsts(known.clone())
/// #    .mock(async |_| Mock::new(200).header("strict-transport-security", "max-age=60"))
///     .build()?;
/// session.get("https://a.example/").await?;
/// assert!(known.covers("a.example"));
/// let response = session.get("http://a.example/x").await?;
/// assert_eq!(response.url().as_str(), "https://a.example/x");
/// # Ok::<(), aioli_http::Error>(()) }).unwrap();
/// ```
///
/// [`SessionBuilder::hsts`]: crate::SessionBuilder::hsts
#[doc(alias = "curl.hsts")]
#[derive(Clone, Default)]
pub struct HstsStore {
    kept: Arc<Kept<Store>>,
}

impl HstsStore {
    /// Creates an empty store.
    ///
    /// # Examples
    ///
    /// ```
    /// let store = aioli_http::HstsStore::new();
    /// assert!(!store.covers("a.example"));
    /// ```
    #[must_use]
    pub fn new() -> HstsStore {
        HstsStore::default()
    }

    /// Creates an empty store with the bounds on hosts that `limits` has.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{HstsStore, Limits, Url};
    ///
    /// let store = HstsStore::with_limits(&Limits::default().hsts(2, 100));
    /// for n in 0..9 {
    ///     let url = Url::parse(&format!("https://h{n}.a.example/")).unwrap();
    ///     store.set(&url, "max-age=60").unwrap();
    /// }
    /// assert_eq!(store.len(), 2);
    /// assert!(store.covers("h8.a.example"));
    /// ```
    #[must_use]
    pub fn with_limits(limits: &Limits) -> HstsStore {
        HstsStore {
            kept: Arc::new(Kept::new(limits.hsts, WallClock::default())),
        }
    }

    /// Creates an empty store that takes the time of day from `clock`: for tests.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use std::time::{Duration, SystemTime};
    /// use aioli_http::{HstsStore, Url};
    ///
    /// static NOW: AtomicU64 = AtomicU64::new(1_000_000_000);
    /// let seconds = || Duration::from_secs(NOW.load(Ordering::Relaxed));
    /// let store = HstsStore::with_clock(move || SystemTime::UNIX_EPOCH + seconds());
    /// store.set(&Url::parse("https://a.example/").unwrap(), "max-age=60").unwrap();
    /// NOW.fetch_add(59, Ordering::Relaxed);
    /// assert!(store.covers("a.example"));
    /// NOW.fetch_add(1, Ordering::Relaxed);
    /// assert!(!store.covers("a.example"));
    /// ```
    #[must_use]
    pub fn with_clock(clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> HstsStore {
        HstsStore {
            kept: Arc::new(Kept::new(SiteBounds::default(), WallClock::by(clock))),
        }
    }

    /// Notes what the response of `url` says by this `strict-transport-security` field, as if its
    /// certificate had been checked.
    ///
    /// # Errors
    ///
    /// Says why nothing is noted; what was known of the host stays. `max-age=0`, which forgets the
    /// host, is no error.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{HstsError, HstsStore, Url};
    ///
    /// let store = HstsStore::new();
    /// let url = Url::parse("https://a.example/").unwrap();
    /// store.set(&url, "max-age=31536000; includeSubDomains").unwrap();
    /// assert!(store.covers("a.example") && store.covers("www.a.example"));
    /// assert_eq!(store.set(&url, "includeSubDomains"), Err(HstsError::Malformed));
    /// ```
    pub fn set(&self, url: &Url, field: impl AsRef<[u8]>) -> Result<(), HstsError> {
        if url.scheme() != "https" {
            return Err(HstsError::Insecure);
        }
        let host = url.host().ok_or(HstsError::Host)?;
        let name = name_of(&host).ok_or(HstsError::Host)?;
        let policy = field::parse(field.as_ref()).ok_or(HstsError::Malformed)?;
        let now = self.kept.now();
        let host = HstsHost {
            name: name.to_owned(),
            include_subdomains: policy.include_subdomains,
            expires: now.saturating_add_unsigned(policy.max_age),
        };
        self.kept.change(|store| store.note(host, now));
        Ok(())
    }

    /// Returns the URL that is asked in place of an `http` one; `None` when that is asked itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{HstsStore, Url};
    ///
    /// let store = HstsStore::from_text(".a.example \"unlimited\"\n");
    /// let upgraded = |url| store.upgrade(&Url::parse(url).unwrap()).map(String::from);
    /// assert_eq!(upgraded("http://A.example:80/x?y").unwrap(), "https://a.example/x?y");
    /// assert_eq!(upgraded("http://www.a.example:81/").unwrap(), "https://www.a.example:81/");
    /// assert_eq!(upgraded("http://b.example/"), None);
    /// ```
    #[must_use]
    pub fn upgrade(&self, url: &Url) -> Option<Url> {
        if url.scheme() != "http" || self.is_empty() {
            return None;
        }
        let host = url.host()?;
        let name = name_of(&host)?;
        let now = self.kept.now();
        if !self.kept.change(|store| store.covers(name, now)) {
            return None;
        }
        let mut url = url.clone();
        // A port that is not said is that of the scheme, and is so afterwards (section 8.3).
        url.set_scheme("https").ok()?;
        Some(url)
    }

    /// Tells whether `host`, a name without a port, is to be asked by https only: by its own word,
    /// or by that of a host that it is below.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::HstsStore;
    ///
    /// let store = HstsStore::from_text(".a.example \"unlimited\"\n");
    /// assert!(store.covers("a.example") && store.covers("WWW.a.example."));
    /// assert!(!store.covers("example"));
    /// ```
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        let now = self.kept.now();
        canonical(host).is_some_and(|name| self.kept.change(|store| store.covers(&name, now)))
    }

    /// Returns all hosts that have not expired, the one first that said so longest ago.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{HstsStore, Url};
    ///
    /// let store = HstsStore::new();
    /// for url in ["https://b.example/", "https://a.example/"] {
    ///     store.set(&Url::parse(url).unwrap(), "max-age=60").unwrap();
    /// }
    /// let hosts = store.hosts();
    /// let names: Vec<_> = hosts.iter().map(|host| host.name()).collect();
    /// assert_eq!(names, ["b.example", "a.example"]);
    /// ```
    #[must_use]
    pub fn hosts(&self) -> Vec<HstsHost> {
        let now = self.kept.now();
        self.kept.lock().all(now)
    }

    /// Counts the hosts; some may have expired.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::HstsStore;
    ///
    /// let store = HstsStore::from_text("a.example \"unlimited\"\nb.example \"unlimited\"\n");
    /// assert_eq!(store.len(), 2);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Tells whether there are no hosts.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::HstsStore;
    ///
    /// assert!(HstsStore::from_text("# nobody yet\n").is_empty());
    /// assert!(!HstsStore::from_text("a.example \"unlimited\"\n").is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets a host; `false` when it was not known by itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::HstsStore;
    ///
    /// let store = HstsStore::from_text(".a.example \"unlimited\"\n");
    /// assert!(!store.remove("www.a.example"), "it is the other one that says so");
    /// assert!(store.remove("a.example") && !store.covers("www.a.example"));
    /// ```
    pub fn remove(&self, host: &str) -> bool {
        canonical(host).is_some_and(|name| self.kept.change(|store| store.remove(&name)))
    }

    /// Forgets all hosts.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::HstsStore;
    ///
    /// let store = HstsStore::from_text("a.example \"unlimited\"\nb.example \"unlimited\"\n");
    /// assert_eq!(store.len(), 2);
    /// store.clear();
    /// assert!(store.is_empty());
    /// ```
    pub fn clear(&self) {
        self.kept.clear();
    }

    /// Writes the hosts in the form of curl's `--hsts`, which
    /// [`from_text`](HstsStore::from_text) reads.
    ///
    /// The text tells where its user has been.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, UNIX_EPOCH};
    ///
    /// use aioli_http::{HstsStore, Url};
    ///
    /// let store = HstsStore::with_clock(|| UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    /// let url = Url::parse("https://a.example/").unwrap();
    /// store.set(&url, "max-age=60; includeSubDomains").unwrap();
    /// assert!(store.to_text().ends_with(".a.example \"20010909 01:47:40\"\n"));
    /// ```
    #[must_use]
    pub fn to_text(&self) -> String {
        file::write(&self.hosts())
    }

    /// Reads hosts in the form of curl's `--hsts`: a line for each, with a dot before the name when
    /// the hosts below are meant too, and when it ends, in UTC.
    ///
    /// Lines that are none, those of addresses and those that have expired are left out, and so
    /// are those for which there is no room.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::HstsStore;
    ///
    /// let store = HstsStore::from_text("# mine\n.a.example \"unlimited\"\nb.example \"99991231 23:59:59\"\n");
    /// assert!(store.covers("www.a.example") && !store.covers("www.b.example"));
    /// assert_eq!(HstsStore::from_text(store.to_text()).hosts(), store.hosts());
    /// ```
    #[must_use]
    pub fn from_text(text: impl AsRef<[u8]>) -> HstsStore {
        let store = HstsStore::new();
        store.add_text(text);
        store
    }

    /// Adds the hosts of a text as [`from_text`](HstsStore::from_text) does, within this store's
    /// bounds; of two lines for a host that counts which ends later.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::HstsStore;
    ///
    /// let store = HstsStore::from_text("a.example \"29991231 23:59:59\"\n");
    /// store.add_text("a.example \"20991231 23:59:59\"\nb.example \"unlimited\"\n");
    /// assert_eq!(store.to_text().matches("29991231").count(), 1);
    /// assert_eq!(store.len(), 2);
    /// ```
    pub fn add_text(&self, text: impl AsRef<[u8]>) {
        let now = self.kept.now();
        let left_out = self.kept.change(|store| {
            let hosts = file::read(text.as_ref());
            hosts.filter(|host| !store.add(host.clone(), now)).count()
        });
        if left_out > 0 {
            let limit = self.kept.bounds.all;
            tracing::debug!(limit, left_out, "there is no room for all hosts of a text");
        }
    }

    /// Saves the hosts to a file that only its owner may read, in one step.
    ///
    /// The file is written beside its place and then put there: it is never half a file. What is
    /// there and no file, as a device or a pipe, stays, and is written to. Blocks the thread; in a
    /// busy loop write [`to_text`](HstsStore::to_text) as you write other files.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use aioli_http::{HstsStore, Session};
    ///
    /// // The first time there is no file.
    /// let known = HstsStore::load("hsts.txt").unwrap_or_default();
    /// let session = Session::builder().hsts(known.clone()).build().unwrap();
    /// # let _ = session;
    /// known.save("hsts.txt").unwrap();
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> io::Result<()> {
        private_file::save(path.as_ref(), &self.to_text())
    }

    /// Loads the hosts of a file in the form of curl's `--hsts`, as
    /// [`from_text`](HstsStore::from_text) does; blocks the thread.
    ///
    /// # Errors
    ///
    /// Those of the file system, and `InvalidData` for a file of more than 4 MiB.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::HstsStore;
    ///
    /// # let dir = std::env::temp_dir().join(format!("aioli-hsts-load-{}", std::process::id()));
    /// # std::fs::create_dir_all(&dir)?;
    /// # let path = dir.join("hsts.txt");
    /// std::fs::write(&path, ".a.example \"unlimited\"\n")?;
    /// let store = HstsStore::load(&path)?;
    /// assert!(store.covers("www.a.example"));
    /// # std::fs::remove_dir_all(dir)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn load(path: impl AsRef<Path>) -> io::Result<HstsStore> {
        let store = HstsStore::new();
        store.add_file(path)?;
        Ok(store)
    }

    /// Adds the hosts of a file, as [`add_text`](HstsStore::add_text) does; blocks the thread.
    ///
    /// # Errors
    ///
    /// As [`load`](HstsStore::load); then nothing is added.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use aioli_http::HstsStore;
    ///
    /// let known = HstsStore::new();
    /// for path in ["everybody.txt", "mine.txt"] {
    ///     known.add_file(path)?;
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn add_file(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let too_large = "a file of HSTS hosts has at most 4 MiB";
        let text = private_file::load(path.as_ref(), file::MAX_FILE, too_large)?;
        self.add_text(text);
        Ok(())
    }

    /// Makes the URL of a hop that of `https` if its host wants that, and returns what it was.
    pub(crate) fn secure(&self, url: &mut Url) -> Option<Url> {
        let upgraded = self.upgrade(url)?;
        tracing::debug!(
            host = url.host_str(),
            "asked by https, as its host wants it"
        );
        Some(std::mem::replace(url, upgraded))
    }

    /// Notes what the response of `url` says by its first field.
    pub(crate) fn take_from(&self, url: &Url, field: &[u8]) {
        if let Err(reason) = self.set(url, field) {
            tracing::debug!(host = url.host_str(), %reason, "a policy of HSTS was refused");
        }
    }
}

impl fmt::Debug for HstsStore {
    /// Shows no hosts: they tell where somebody has been.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HstsStore")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
