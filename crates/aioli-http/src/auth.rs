//! Credentials: who we are, and to whom we say so.
//!
//! They are attached to a hop when its origin is the one they are for, and never taken off
//! afterwards: there is nothing to forget.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use crate::error::{Error, RequestErrorKind, Result};
use crate::h1::fields::Fields;
use crate::origin::Origin;

mod any;
mod challenge;
pub(crate) mod digest;
mod netrc;

pub use netrc::{Netrc, NetrcError};

use any::Any;
pub(crate) use digest::{Asked, Digest, FieldNames, Refusal};

/// Credentials of one of HTTP's schemes, or of what is asked for ([`any`](Auth::any)); for
/// [`RequestBuilder::auth`](crate::RequestBuilder::auth) and
/// [`SessionBuilder::auth`](crate::SessionBuilder::auth).
///
/// Clones share what a server has said to them, so that those that are kept are challenged once and
/// not with every request. `Debug` shows the scheme alone.
///
/// # Examples
///
/// ```
/// use aioli_http::{Auth, Session};
///
/// # aioli_task::run(async {
/// # let (session, url) = (Session::new(), aioli_http::example::serve("hello"));
/// let me = Auth::basic("me", "pass")?;
/// session.get(&url).auth(me.clone()).await?;
/// assert_eq!(format!("{me:?}"), "Auth(Basic)");
/// assert!(Auth::basic("a:b", "the name would end at the colon").is_err());
/// # Ok::<(), aioli_http::Error>(()) }).unwrap();
/// ```
#[doc(alias = "aiohttp.BasicAuth")]
#[derive(Clone)]
pub struct Auth(Arc<Scheme>);

enum Scheme {
    Basic(HeaderValue),
    Bearer(HeaderValue),
    Digest(Box<Digest>),
    Any(Box<Any>),
}

impl Auth {
    /// A name and a password, sent as they are with the first request (RFC 7617), in UTF-8.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` with [`RequestErrorKind::Credentials`] when the name has a colon, or one
    /// of them a control character.
    pub fn basic(user: &str, password: &str) -> Result<Auth> {
        Ok(Auth(Arc::new(Scheme::Basic(basic(user, password)?))))
    }

    /// A token (RFC 6750).
    ///
    /// # Errors
    ///
    /// `InvalidRequest` with [`RequestErrorKind::Credentials`] when the token is empty or has
    /// anything but visible ASCII characters.
    pub fn bearer(token: &str) -> Result<Auth> {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(refused());
        }
        Ok(Auth(Arc::new(Scheme::Bearer(secret("Bearer ", token)?))))
    }

    /// A name and a password that are proved and not sent (RFC 7616): MD5, SHA-256 and
    /// SHA-512-256, their session variants, and `qop=auth`, `auth-int` or none.
    ///
    /// Where a server wants the body protected too and nothing less (`auth-int`), a body that is
    /// bytes, or none, can be sent; the hash of a stream is not known beforehand. A nonce that the
    /// server names for the next request (`authentication-info`) is used for that.
    ///
    /// The server's challenge is answered once a request; then, and for one it has no answer to,
    /// the 401 is the response. A body that is a stream cannot be sent a second time, unless it is
    /// [replayable](crate::Body::replayable) or waits for the server's consent
    /// ([`expect_continue`](crate::RequestBuilder::expect_continue)).
    ///
    /// # Errors
    ///
    /// `InvalidRequest` with [`RequestErrorKind::Credentials`] when the name has a colon, or one
    /// of them a control character.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Auth, Session};
    ///
    /// let session = Session::builder()
    ///     .base_url("https://camera.example/")
    ///     .auth(Auth::digest("me", "pass")?)
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    #[doc(alias = "aiohttp.DigestAuthMiddleware")]
    pub fn digest(user: &str, password: &str) -> Result<Auth> {
        check(user, password)?;
        let digest = Digest::new(FieldNames::Origin, user, password);
        Ok(Auth(Arc::new(Scheme::Digest(Box::new(digest)))))
    }

    /// A name and a password for a server of which it is not known what it asks for: the first
    /// request goes without, and its challenge is answered as [`digest`](Auth::digest) does it if
    /// that is offered, and as [`basic`](Auth::basic) does it otherwise.
    ///
    /// Whoever is on the way can ask for `basic` in the server's name, and gets the password
    /// unless the connection is secure; where it is known that a server asks for a digest, that
    /// is the one to take. A server that has refused a digest is not sent the password after it.
    /// What is said under `digest` of bodies that cannot be sent a second time holds here as well.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` with [`RequestErrorKind::Credentials`] when the name has a colon, or one
    /// of them a control character.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::Auth;
    ///
    /// let me = Auth::any("me", "pass")?;
    /// assert_eq!(format!("{me:?}"), "Auth(Any)");
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    #[doc(alias = "curl.anyauth")]
    pub fn any(user: &str, password: &str) -> Result<Auth> {
        let basic = basic(user, password)?;
        let digest = Digest::new(FieldNames::Origin, user, password);
        let any = Box::new(Any::new(digest, basic));
        Ok(Auth(Arc::new(Scheme::Any(any))))
    }

    /// The `authorization` of a request, if there is something to say already.
    pub(crate) fn header(&self, asked: Asked<'_>) -> Option<HeaderValue> {
        match &*self.0 {
            Scheme::Basic(value) | Scheme::Bearer(value) => Some(value.clone()),
            Scheme::Digest(digest) => digest.answer(asked),
            Scheme::Any(any) => any.answer(asked),
        }
    }

    /// Reads the challenge of a 401; tells whether [`header`](Auth::header) has an answer now.
    pub(crate) fn challenged(&self, origin: &Origin, refusal: Refusal<'_>) -> bool {
        match &*self.0 {
            Scheme::Basic(_) | Scheme::Bearer(_) => false,
            Scheme::Digest(digest) => digest.challenged(origin, refusal),
            Scheme::Any(any) => any.challenged(origin, refusal),
        }
    }

    /// Takes note of what a response says about the answer that its request carried.
    pub(crate) fn accepted(&self, origin: &Origin, headers: &Fields, longest: usize) {
        match &*self.0 {
            Scheme::Basic(_) | Scheme::Bearer(_) => {}
            Scheme::Digest(digest) => digest.accepted(origin, headers, longest),
            Scheme::Any(any) => any.accepted(origin, headers, longest),
        }
    }

    /// Takes note that an answer to a fresh challenge was not accepted.
    pub(crate) fn refused(&self) {
        match &*self.0 {
            Scheme::Basic(_) | Scheme::Bearer(_) => {}
            Scheme::Digest(digest) => digest.refused(),
            Scheme::Any(any) => any.refused(),
        }
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &*self.0 {
            Scheme::Basic(_) => "Auth(Basic)",
            Scheme::Bearer(_) => "Auth(Bearer)",
            Scheme::Digest(_) => "Auth(Digest)",
            Scheme::Any(_) => "Auth(Any)",
        })
    }
}

/// The credentials of a session.
#[derive(Default)]
pub(crate) struct Credentials {
    /// For the base URL, or wherever there is none.
    pub(crate) default: Option<Auth>,
    pub(crate) netrc: Option<Netrc>,
    bound: Vec<(Origin, Auth)>,
}

impl Credentials {
    /// Sets those of an origin; the last ones count.
    pub(crate) fn bind(&mut self, origin: Origin, auth: Auth) {
        self.bound.retain(|(other, _)| *other != origin);
        self.bound.push((origin, auth));
    }

    pub(crate) fn bound_to(&self, origin: &Origin) -> Option<&Auth> {
        let mut bound = self.bound.iter();
        let found = bound.find(|(other, _)| other == origin);
        found.map(|(_, auth)| auth)
    }
}

/// Checks that a name ends where it ends (RFC 7617, section 2).
fn check(user: &str, password: &str) -> Result<()> {
    let has_control = |text: &str| text.chars().any(char::is_control);
    if user.contains(':') || has_control(user) || has_control(password) {
        return Err(refused());
    }
    Ok(())
}

fn refused() -> Error {
    Error::invalid_request(RequestErrorKind::Credentials)
}

fn basic(user: &str, password: &str) -> Result<HeaderValue> {
    check(user, password)?;
    secret("Basic ", &STANDARD.encode(format!("{user}:{password}")))
}

fn secret(scheme: &str, letters: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::try_from([scheme, letters].concat()).map_err(|_| refused())?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn header(auth: &Auth) -> String {
        let origin = Origin::of(&Url::parse("http://a.example/").unwrap()).unwrap();
        let value = auth.header(Asked {
            of: &origin,
            method: "GET",
            target: "/",
            body: Some(b""),
        });
        let value = value.unwrap();
        assert!(value.is_sensitive());
        value.to_str().unwrap().to_owned()
    }

    #[test]
    fn input_121_what_can_be_sent() {
        let basic = |user, password| Auth::basic(user, password).map(|auth| header(&auth));
        assert_eq!(
            basic("Aladdin", "open sesame").unwrap(),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
        assert_eq!(
            basic("test", "123\u{a3}").unwrap(),
            "Basic dGVzdDoxMjPCow=="
        );
        assert_eq!(basic("", "").unwrap(), "Basic Og==");
        assert_eq!(basic("a", "b:c").unwrap(), "Basic YTpiOmM=");
        for (user, password) in [("a:b", "c"), ("a\r\nx: y", "c"), ("a", "c\n"), ("\0", "c")] {
            assert!(Auth::basic(user, password).is_err());
            assert!(Auth::digest(user, password).is_err());
        }
        assert_eq!(
            header(&Auth::bearer("a.b-c_d~e+f/g==").unwrap()),
            "Bearer a.b-c_d~e+f/g=="
        );
        for token in ["", "a b", "a\r\nb", "\u{e4}"] {
            assert!(Auth::bearer(token).is_err(), "{token:?}");
        }
    }

    #[test]
    fn input_164_nothing_is_shown() {
        for auth in [
            Auth::basic("me", "s3cret").unwrap(),
            Auth::bearer("s3cret").unwrap(),
            Auth::digest("me", "s3cret").unwrap(),
        ] {
            let shown = format!("{auth:?}");
            assert!(
                !shown.contains("s3cret") && !shown.contains("me"),
                "{shown}"
            );
        }
    }
}
