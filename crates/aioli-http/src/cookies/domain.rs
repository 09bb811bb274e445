//! Which hosts and paths a cookie belongs to (RFC 6265bis, sections 5.1.2 to 5.1.4).

use url::{Host, Url};

use crate::origin;

/// A host as cookies know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CookieHost {
    /// Lower-case, in ASCII, without a trailing dot; an IPv6 address without brackets.
    pub(super) name: String,
    /// Addresses have no parent domains.
    pub(super) is_address: bool,
}

impl CookieHost {
    /// The host of a URL; a port or a `host` header has no say.
    pub(super) fn of(url: &Url) -> Option<CookieHost> {
        let host = url.host()?;
        let name = origin::written(&host);
        let is_address = !matches!(host, Host::Domain(_));
        (!name.is_empty()).then_some(CookieHost { name, is_address })
    }

    /// A host out of a file.
    pub(super) fn from_name(name: &str) -> CookieHost {
        CookieHost {
            name: name.to_owned(),
            is_address: is_address(name),
        }
    }

    /// Whether this is `domain` or below it.
    pub(super) fn matches(&self, domain: &str) -> bool {
        self.name == domain || (!self.is_address && is_below(&self.name, domain))
    }

    /// Whether whoever has this host has `domain` as well: it is not above what was registered.
    ///
    /// This is more than that `domain` is no public suffix. Below `*.kawasaki.jp` there are
    /// public suffixes, and the name itself is none.
    pub(super) fn owns(&self, domain: &str) -> bool {
        let site = self.site();
        domain == site || is_below(domain, site)
    }

    /// The part of the name that somebody has registered: all cookies that this host can get are
    /// kept under it, and it is what the bound on cookies counts.
    pub(super) fn site(&self) -> &str {
        if self.is_address {
            return &self.name;
        }
        site(&self.name)
    }
}

/// The part of a name that somebody has registered; what nobody can register is its own.
///
/// The list of public suffixes is code, and large: that it is there once takes that it is asked in
/// this file alone, by functions that stay here.
#[inline(never)]
pub(crate) fn site(name: &str) -> &str {
    psl::domain_str(name).unwrap_or(name)
}

/// Whether `name` ends in a dot and `domain`.
fn is_below(name: &str, domain: &str) -> bool {
    !domain.is_empty()
        && name
            .strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.'))
}

fn is_address(name: &str) -> bool {
    name.parse::<std::net::IpAddr>().is_ok()
}

/// Whether two domains are one below the other, or the same.
pub(super) fn are_related(a: &str, b: &str) -> bool {
    a == b || is_below(a, b) || is_below(b, a)
}

/// Whether anybody can register names directly below `domain`, which is in lower case.
///
/// A single label is one as well, known or not: nobody shares cookies across a network's names.
pub(super) fn is_public_suffix(domain: &str) -> bool {
    psl::suffix_str(domain).is_some_and(|suffix| suffix == domain)
}

/// The path of cookies that do not name one: the request's, up to its last slash.
pub(super) fn default_path(url: &Url) -> &str {
    let path = url.path();
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(_) if !path.starts_with('/') => "/",
        Some(at) => &path[..at],
    }
}

/// Whether a request for `path` gets a cookie with `cookie_path`.
pub(super) fn path_matches(path: &str, cookie_path: &str) -> bool {
    path.strip_prefix(cookie_path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || cookie_path.ends_with('/'))
}

/// Whether the URL's connection is protected.
pub(super) fn is_secure(url: &Url) -> bool {
    matches!(url.scheme(), "https" | "wss")
}
