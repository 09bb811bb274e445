//! A cookie, and whether a server may set it.
//!
//! That is section 5.7 of RFC 6265bis, but for what depends on the cookies that are there already.

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

use bytes::Bytes;
use url::Url;

use super::CookieError;
use super::domain::{self, CookieHost};
use super::parse::{self, SetCookie};
use crate::wall;

/// No cookie lives longer than 400 days without being set again.
pub(super) const MAX_LIFETIME: i64 = 400 * 86_400;

/// Which requests of a *browser* carry a cookie; kept, and without effect on this client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SameSite {
    /// The server has not said.
    #[default]
    Unset,
    /// All of them.
    None,
    /// Those from the same site, and links.
    Lax,
    /// Those from the same site.
    Strict,
}

impl SameSite {
    pub(super) fn parse(value: &[u8]) -> SameSite {
        let is = |known: &str| value.eq_ignore_ascii_case(known.as_bytes());
        if is("none") {
            SameSite::None
        } else if is("lax") {
            SameSite::Lax
        } else if is("strict") {
            SameSite::Strict
        } else {
            SameSite::Unset
        }
    }
}

/// A cookie that a server has set; from [`Response::cookies`](crate::Response::cookies) and
/// [`CookieJar::cookies`](crate::CookieJar::cookies).
///
/// Its `Debug` does not show the value.
///
/// # Examples
///
/// ```
/// use aioli_http::{CookieJar, Url};
///
/// let jar = CookieJar::new();
/// let url = Url::parse("https://example.org/account/login").unwrap();
/// jar.set(&url, "sid=31d4d96e; HttpOnly; Secure").unwrap();
///
/// let cookie = &jar.cookies()[0];
/// assert_eq!((cookie.name(), cookie.value()), ("sid".into(), "31d4d96e".into()));
/// assert_eq!((cookie.domain(), cookie.path()), ("example.org", "/account"));
/// assert!(cookie.host_only() && cookie.http_only() && cookie.secure());
/// assert_eq!(cookie.expires(), None);
/// assert!(!format!("{cookie:?}").contains("31d4"));
/// ```
#[doc(alias = "http.cookies.Morsel")]
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie {
    pub(super) name: Bytes,
    pub(super) value: Bytes,
    pub(super) domain: String,
    pub(super) host_only: bool,
    pub(super) path: String,
    pub(super) secure: bool,
    pub(super) http_only: bool,
    pub(super) same_site: SameSite,
    /// Seconds since 1970; `None` ends with the session.
    pub(super) expires: Option<i64>,
}

impl Cookie {
    /// Returns the name; empty when the server sent a value alone.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.name)
    }

    /// Returns the value; [`value_bytes`](Cookie::value_bytes) has it when it is not UTF-8.
    #[must_use]
    pub fn value(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.value)
    }

    /// Returns the value as it was sent.
    #[must_use]
    pub fn value_bytes(&self) -> &[u8] {
        &self.value
    }

    /// Returns the host that gets it, and that set it unless [`host_only`](Cookie::host_only)
    /// is false.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Tells whether hosts below the domain do not get it.
    #[must_use]
    pub fn host_only(&self) -> bool {
        self.host_only
    }

    /// Returns the path it goes to, with everything below.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Tells whether it goes over `https` only.
    #[must_use]
    pub fn secure(&self) -> bool {
        self.secure
    }

    /// Tells whether scripts of a page may not see it; here there are none.
    #[must_use]
    pub fn http_only(&self) -> bool {
        self.http_only
    }

    /// Returns which requests of a browser carry it.
    #[must_use]
    pub fn same_site(&self) -> SameSite {
        self.same_site
    }

    /// Returns when it ends; `None` is with the session.
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        Some(wall::time(self.expires?).unwrap_or(SystemTime::UNIX_EPOCH))
    }

    pub(super) fn is_expired(&self, now: i64) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Whether a request of `host` for `path` gets it.
    pub(super) fn goes_to(&self, host: &CookieHost, path: &str, secure: bool) -> bool {
        let host_fits = if self.host_only {
            host.name == self.domain
        } else {
            host.matches(&self.domain)
        };
        host_fits && (secure || !self.secure) && domain::path_matches(path, &self.path)
    }

    /// The cookie that a response of `url` sets by `line`, with a name and a value of at most
    /// `pair` bytes.
    pub(super) fn from_line(
        url: &Url,
        line: &[u8],
        pair: u32,
        now: i64,
    ) -> Result<Cookie, CookieError> {
        let set = parse::parse(line, pair)?;
        let host = CookieHost::of(url).ok_or(CookieError::Host)?;
        let (cookie_domain, host_only) = settle_domain(&set, host)?;
        let path = match set.path {
            Some(path) if path.starts_with(b"/") => {
                String::from_utf8(path.to_vec()).map_err(|_| CookieError::Path)?
            }
            _ => domain::default_path(url).to_owned(),
        };
        let cookie = Cookie {
            name: Bytes::copy_from_slice(set.name),
            value: Bytes::copy_from_slice(set.value),
            domain: cookie_domain,
            host_only,
            path,
            secure: set.secure,
            http_only: set.http_only,
            same_site: set.same_site,
            expires: settle_expiry(&set, now),
        };
        if cookie.secure && !domain::is_secure(url) {
            return Err(CookieError::Insecure);
        }
        if cookie.lacks_secure() {
            return Err(CookieError::Insecure);
        }
        cookie.check_prefix(set.path == Some(b"/"))?;
        Ok(cookie)
    }

    /// Whether it is for requests from everywhere, and not `Secure` as those have to be.
    pub(super) fn lacks_secure(&self) -> bool {
        self.same_site == SameSite::None && !self.secure
    }

    /// Holds what the beginning of the name promises to the server.
    pub(super) fn check_prefix(&self, path_is_root: bool) -> Result<(), CookieError> {
        let begins = |text: &[u8], prefix: &str| {
            text.get(..prefix.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(prefix.as_bytes()))
        };
        // A value alone is sent as it is, and would look like a name with a promise.
        let shown = if self.name.is_empty() {
            &self.value
        } else {
            &self.name
        };
        let (to_host, to_secure) = (begins(shown, "__Host-"), begins(shown, "__Secure-"));
        let holds = match (to_host, to_secure) {
            (false, false) => true,
            _ if self.name.is_empty() => false,
            (true, _) => self.secure && self.host_only && path_is_root,
            (false, true) => self.secure,
        };
        if holds {
            Ok(())
        } else {
            Err(CookieError::Prefix)
        }
    }
}

impl fmt::Debug for Cookie {
    /// Shows no value: it may be all that logs somebody in.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookie")
            .field("name", &self.name())
            .field("domain", &self.domain)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// The domain of a new cookie, and whether it is for that host only.
fn settle_domain(set: &SetCookie<'_>, host: CookieHost) -> Result<(String, bool), CookieError> {
    if set.domain.is_empty() {
        return Ok((host.name, true));
    }
    let domain = std::str::from_utf8(set.domain)
        .ok()
        .filter(|domain| domain.is_ascii())
        .ok_or(CookieError::Domain)?
        .to_ascii_lowercase();
    if !host.matches(&domain) || !host.owns(&domain) {
        return Err(CookieError::Domain);
    }
    // Addresses stand for themselves only, and so does a host that is a public suffix.
    let alone = host.is_address || domain::is_public_suffix(&domain);
    Ok((domain, alone))
}

/// When a new cookie ends.
fn settle_expiry(set: &SetCookie<'_>, now: i64) -> Option<i64> {
    let expires = match set.max_age {
        Some(seconds) if seconds <= 0 => Some(i64::MIN),
        Some(seconds) => Some(now.saturating_add(seconds)),
        None => set.expires,
    };
    expires.map(|expires| expires.min(now.saturating_add(MAX_LIFETIME)))
}
