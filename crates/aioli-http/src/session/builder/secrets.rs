//! Cookies, credentials and redirects of a session, and which hosts it asks by https only.

use super::SessionBuilder;
use crate::auth::{Auth, Netrc};
use crate::cookies::CookieJar;
use crate::error::{Error, ErrorKind, Result, UrlErrorKind};
use crate::hsts::HstsStore;
use crate::origin::Origin;
use crate::redirect::Redirect;
use crate::request::IntoUrl;

impl SessionBuilder {
    /// Keeps cookies in `jar`, which may be shared and saved, or with `None` keeps none.
    ///
    /// Without this a session has a jar of its own, within its [`Limits`](crate::Limits).
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{CookieJar, Session};
    ///
    /// let jar = CookieJar::new();
    /// let shared = Session::builder().cookies(jar.clone()).build()?;
    /// let without = Session::builder().cookies(None).build()?;
    /// assert!(shared.cookies().is_some() && without.cookies().is_none());
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    #[doc(alias = "aiohttp.ClientSession.cookie_jar")]
    #[doc(alias = "aiohttp.DummyCookieJar")]
    pub fn cookies(mut self, jar: impl Into<Option<CookieJar>>) -> SessionBuilder {
        self.config.cookies = jar.into();
        self.own_jar = false;
        self
    }

    /// Asks the hosts of `store` by https only, and notes there which others want that
    /// (`strict-transport-security`, RFC 6797); off unless it is set.
    ///
    /// [`HstsStore`] says what that means for a request. Secrets, cookies and proxies are those of
    /// the `https` URL: what is for an `http` origin alone
    /// ([`auth_for`](SessionBuilder::auth_for)) stays behind. An `http` base URL stands for both.
    /// [`https_only`](SessionBuilder::https_only) judges a request's URL as it is written, and
    /// where a redirect leads as it would be asked.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{HstsStore, Mock, Session};
    ///
    /// # aioli_task::run(async {
    /// let session = Session::builder()
    ///     .hsts(HstsStore::from_text(".example.org \"unlimited\"\n"))
    ///     .mock(async |request| Mock::text(200, request.url().scheme()))
    ///     .build()?;
    /// assert_eq!(session.get("http://www.example.org/").await?.text().await?, "https");
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "curl.hsts")]
    pub fn hsts(mut self, store: impl Into<Option<HstsStore>>) -> SessionBuilder {
        self.config.hsts = store.into();
        self
    }

    /// Sets the credentials of requests that have none of their own.
    ///
    /// They go to the origin of the base URL; without a base, to that of each request's first
    /// URL. A default `authorization` header wins over them.
    #[doc(alias = "aiohttp.ClientSession.auth")]
    pub fn auth(mut self, auth: Auth) -> SessionBuilder {
        self.credentials().default = Some(auth);
        self
    }

    /// Sets the credentials of requests to the origin (scheme, host and port) of `url`.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Auth, Session};
    ///
    /// let session = Session::builder()
    ///     .auth_for("https://a.example/", Auth::basic("me", "pass")?)
    ///     .auth_for("https://b.example/", Auth::bearer("e5d7")?)
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    pub fn auth_for(mut self, url: impl IntoUrl, auth: Auth) -> SessionBuilder {
        let origin = url
            .into_url(self.config.base.as_ref())
            .and_then(|url| Origin::of(&url).ok_or(UrlErrorKind::NoHost));
        match origin {
            Ok(origin) => self.credentials().bind(origin, auth),
            Err(kind) => self.fail(Error::new(ErrorKind::InvalidUrl(kind))),
        }
        self
    }

    /// Sets a name and a password; see [`Auth::basic`] and [`auth`](SessionBuilder::auth).
    pub fn basic(self, user: &str, password: &str) -> SessionBuilder {
        self.checked(Auth::basic(user, password))
    }

    /// Sets a token; see [`Auth::bearer`] and [`auth`](SessionBuilder::auth).
    pub fn bearer(self, token: &str) -> SessionBuilder {
        self.checked(Auth::bearer(token))
    }

    /// Sets a name and a password that are proved; see [`Auth::digest`] and
    /// [`auth`](SessionBuilder::auth).
    pub fn digest(self, user: &str, password: &str) -> SessionBuilder {
        self.checked(Auth::digest(user, password))
    }

    /// Gives requests without other credentials those that `netrc` has for their host.
    ///
    /// The file tells neither scheme nor port: a request over plain `http` sends the password as
    /// well. They are not sent where a redirect leads to another origin.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use aioli_http::{Netrc, Session};
    ///
    /// let session = Session::builder().netrc(Netrc::from_env()?).build()?;
    /// # let _ = session;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "aiohttp.ClientSession.trust_env")]
    pub fn netrc(mut self, netrc: Netrc) -> SessionBuilder {
        self.credentials().netrc = Some(netrc);
        self
    }

    /// Sets how redirects are followed.
    pub fn redirect(mut self, policy: Redirect) -> SessionBuilder {
        self.config.redirect = policy;
        self
    }

    fn checked(mut self, auth: Result<Auth>) -> SessionBuilder {
        match auth {
            Ok(auth) => self.credentials().default = Some(auth),
            Err(error) => self.fail(error),
        }
        self
    }

    fn credentials(&mut self) -> &mut crate::auth::Credentials {
        self.config.credentials.get_or_insert_default()
    }
}
