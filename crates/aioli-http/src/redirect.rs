//! Where a redirect leads, and what of the request goes along.
//!
//! Secrets are never stripped, they are attached: a header that carries one belongs to the
//! origin of the request's first URL, and goes only to hops of that origin that were reached
//! without leaving it. Once a chain has left, it does not get them back.

use http::header::{self, HeaderName};
use http::{HeaderValue, Method, StatusCode};
use url::Url;

use crate::error::RedirectErrorKind;
use crate::h1::fields::Fields;
use crate::origin::Origin;

/// Headers that carry secrets, or name the host: they stay with their origin.
const BOUND: [HeaderName; 5] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::PROXY_AUTHORIZATION,
    header::WWW_AUTHENTICATE,
    header::HOST,
];
const BOUND_CUSTOM: [&str; 2] = ["x-api-key", "x-auth-token"];

/// How redirects are followed; for [`SessionBuilder::redirect`](crate::SessionBuilder::redirect)
/// and [`RequestBuilder::redirect`](crate::RequestBuilder::redirect).
///
/// As it is: ten hops, to any `http` or `https` URL. 303 makes a `GET` of everything but `HEAD`,
/// 301 and 302 make one of `POST`, and the body is dropped then. Secrets, by which is meant
/// `authorization`, `cookie`, `proxy-authorization`, `www-authenticate`, `x-api-key`,
/// `x-auth-token`, values marked as sensitive, the request's own cookies and all credentials, go
/// to their origin only, and only until the chain leaves it: on the way back they are gone. The
/// cookies of the jar go where they belong. No `referer` is added, and a caller's own does not go
/// from `https` to `http`.
///
/// # Examples
///
/// ```
/// use aioli_http::{Redirect, Session};
///
/// let policy = Redirect::default().max(3).https_only(true).sensitive("x-tenant-key");
/// let session = Session::builder().redirect(policy).build()?;
/// # let _ = session;
/// # Ok::<(), aioli_http::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use]
pub struct Redirect {
    /// `None` leaves it to the limits.
    pub(crate) max: Option<usize>,
    https_only: bool,
    same_origin: bool,
    /// For 301, 302 and 303.
    keep_method: [bool; 3],
    location_trusted: bool,
    sensitive: Vec<HeaderName>,
}

impl Redirect {
    /// How many redirects are followed, in place of
    /// [`Limits::redirects`](crate::Limits::redirects); with 0 the redirect is the response.
    #[doc(alias = "aiohttp.ClientSession.request.max_redirects")]
    pub fn max(mut self, n: usize) -> Redirect {
        self.max = Some(n);
        self
    }

    /// Refuses a redirect to anything but `https`.
    pub fn https_only(mut self, yes: bool) -> Redirect {
        self.https_only = yes;
        self
    }

    /// Refuses a redirect to another scheme, host or port.
    pub fn same_origin(mut self, yes: bool) -> Redirect {
        self.same_origin = yes;
        self
    }

    /// Repeats the method and the body after these statuses, of 301, 302 and 303; others do so
    /// anyway.
    pub fn keep_method(mut self, statuses: impl IntoIterator<Item = u16>) -> Redirect {
        for status in statuses {
            if let 301..=303 = status {
                self.keep_method[usize::from(status - 301)] = true;
            }
        }
        self
    }

    /// Sends the request's secrets along wherever a redirect leads; a `host` header and answers
    /// to digest challenges stay behind all the same.
    ///
    /// Whoever can redirect the request can then have its secrets.
    pub fn location_trusted(mut self, yes: bool) -> Redirect {
        self.location_trusted = yes;
        self
    }

    /// Makes a secret of a header, by its name; what is no header name is none of a request.
    pub fn sensitive<N>(mut self, name: N) -> Redirect
    where
        HeaderName: TryFrom<N>,
    {
        self.sensitive.extend(HeaderName::try_from(name));
        self
    }

    /// Tells whether a header of this name is for the origin that it was meant for alone: by its
    /// name, or as [`sensitive`](Redirect::sensitive) says.
    ///
    /// But for `host` and `www-authenticate`, what is in such a header belongs into no log.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Redirect, header};
    ///
    /// let policy = Redirect::default();
    /// assert!(policy.is_sensitive(&header::AUTHORIZATION));
    /// assert!(!policy.is_sensitive(&header::ACCEPT));
    /// ```
    #[must_use]
    pub fn is_sensitive(&self, name: &HeaderName) -> bool {
        is_bound_name(name) || self.sensitive.contains(name)
    }

    /// Whether a header goes to its own origin only: by its name, or because its value was
    /// marked as sensitive.
    pub(crate) fn binds(&self, name: &HeaderName, value: &HeaderValue) -> bool {
        value.is_sensitive() || self.is_sensitive(name)
    }

    pub(crate) fn trusts_locations(&self) -> bool {
        self.location_trusted
    }

    /// Whether a redirect between two URLs is allowed.
    pub(crate) fn check(&self, from: &Url, to: &Url) -> Result<(), RedirectErrorKind> {
        if self.https_only && to.scheme() != "https" {
            return Err(RedirectErrorKind::Scheme);
        }
        if self.same_origin && Origin::of(from) != Origin::of(to) {
            return Err(RedirectErrorKind::OtherOrigin);
        }
        Ok(())
    }

    fn keeps_method(&self, status: StatusCode) -> bool {
        let at = usize::from(status.as_u16()).checked_sub(301);
        at.and_then(|at| self.keep_method.get(at)) == Some(&true)
    }
}

fn is_bound_name(name: &HeaderName) -> bool {
    BOUND.contains(name) || BOUND_CUSTOM.contains(&name.as_str())
}

/// Whether a header describes the body, which a redirect to `GET` drops.
pub(crate) fn describes_body(name: &HeaderName) -> bool {
    name.as_str().starts_with("content-") || *name == header::EXPECT
}

/// Where to go next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Next {
    pub(crate) url: Url,
    /// The URL that the server has named, where that is asked by https instead.
    pub(crate) upgraded: Option<Url>,
    /// The method changes to this one, and the body is dropped.
    pub(crate) rewritten: Option<Method>,
}

/// Reads a response as a redirect; `None` when it is none.
///
/// # Errors
///
/// `Location` when the target is no URL or there are two; `Scheme` when it is not HTTP.
pub(crate) fn next(
    policy: &Redirect,
    status: StatusCode,
    headers: &Fields,
    method: &Method,
    url: &Url,
) -> Result<Option<Next>, RedirectErrorKind> {
    let see_other = match status.as_u16() {
        303 => *method != Method::GET && *method != Method::HEAD,
        301 | 302 => *method == Method::POST,
        307 | 308 => false,
        _ => return Ok(None),
    };
    let mut locations = headers.get_all(header::LOCATION).iter();
    let Some(location) = locations.next().filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    if locations.any(|other| other != location) {
        return Err(RedirectErrorKind::Location);
    }
    // Servers do send raw UTF-8; the URL parser escapes it.
    let location =
        std::str::from_utf8(location.as_bytes()).map_err(|_| RedirectErrorKind::Location)?;
    let mut target = url
        .join(location)
        .map_err(|_| RedirectErrorKind::Location)?;
    if !matches!(target.scheme(), "http" | "https") {
        return Err(RedirectErrorKind::Scheme);
    }
    // User information in a location is the server's idea, not the caller's.
    let _ = target.set_username("");
    let _ = target.set_password(None);
    if target.fragment().is_none() {
        target.set_fragment(url.fragment());
    }
    Ok(Some(Next {
        url: target,
        upgraded: None,
        rewritten: (see_other && !policy.keeps_method(status)).then_some(Method::GET),
    }))
}

#[cfg(test)]
mod tests;
