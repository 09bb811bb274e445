//! What a request carries that is nobody else's: credentials, cookies, and where they may go.

use std::borrow::Borrow;

use super::RequestBuilder;
use crate::auth::Auth;
use crate::cookies;
use crate::error::{Error, RequestErrorKind};
use crate::redirect::Redirect;

impl RequestBuilder {
    /// Sets the credentials, in place of the session's.
    ///
    /// They go to the origin of this request's URL, and to no other: not where a redirect leads,
    /// nor back again. An `authorization` header that is set wins over them.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::Auth;
    ///
    /// # aioli_task::run(async {
    /// # let (session, url) = (aioli_http::Session::new(), aioli_http::example::serve("hello"));
    /// // Kept, so that the server challenges once.
    /// let me = Auth::digest("me", "pass")?;
    /// for n in 0..2 {
    ///     session.get(&url).query([("n", n)]).auth(me.clone()).await?;
    /// }
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientSession.request.auth")]
    pub fn auth(mut self, auth: Auth) -> RequestBuilder {
        self.parts.more.auth = Some(auth);
        self
    }

    /// Sets a name and a password; see [`Auth::basic`] and [`auth`](RequestBuilder::auth).
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let (session, url) = (aioli_http::Session::new(), aioli_http::example::serve("hello"));
    /// session.get(url).basic("me", "pass").await?;
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    pub fn basic(self, user: &str, password: &str) -> RequestBuilder {
        self.checked(Auth::basic(user, password))
    }

    /// Sets a token; see [`Auth::bearer`] and [`auth`](RequestBuilder::auth).
    pub fn bearer(self, token: &str) -> RequestBuilder {
        self.checked(Auth::bearer(token))
    }

    /// Sets a name and a password that are proved; see [`Auth::digest`] and
    /// [`auth`](RequestBuilder::auth).
    ///
    /// Each request is challenged anew; keep an [`Auth`] to save that.
    pub fn digest(self, user: &str, password: &str) -> RequestBuilder {
        self.checked(Auth::digest(user, password))
    }

    fn checked(mut self, auth: Result<Auth, Error>) -> RequestBuilder {
        match auth {
            Ok(auth) => self.parts.more.auth = Some(auth),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Adds a cookie for this request alone, in place of the jar's cookies of that name.
    ///
    /// It goes to the origin of this request's URL, and to no other. The name has to be a token;
    /// a value with a semicolon or a control character is an error.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let (session, url) = (aioli_http::Session::new(), aioli_http::example::serve("hello"));
    /// session.get(url).cookie("theme", "dark").await?;
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    pub fn cookie(mut self, name: &str, value: &str) -> RequestBuilder {
        if cookies::is_sendable(name, value) {
            cookies::write_pair(
                &mut self.parts.more.cookies,
                name.as_bytes(),
                value.as_bytes(),
            );
        } else {
            self.fail(Error::invalid_request(RequestErrorKind::Cookie));
        }
        self
    }

    /// Adds cookies for this request alone; see [`cookie`](RequestBuilder::cookie).
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let (session, url) = (aioli_http::Session::new(), aioli_http::example::serve("hello"));
    /// session.get(url).cookies([("theme", "dark"), ("lang", "eo")]).await?;
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientSession.request.cookies")]
    pub fn cookies<K, V>(self, pairs: impl IntoIterator<Item: Borrow<(K, V)>>) -> RequestBuilder
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        pairs.into_iter().fold(self, |request, pair| {
            let (name, value) = pair.borrow();
            request.cookie(name.as_ref(), value.as_ref())
        })
    }

    /// Sets how redirects are followed, in place of the session's policy; what that calls
    /// [`sensitive`](Redirect::sensitive) is so here too.
    pub fn redirect(mut self, policy: Redirect) -> RequestBuilder {
        if let Some(max) = policy.max {
            self.parts.redirects = max;
        }
        self.parts.more.redirect = Some(Box::new(policy));
        self
    }
}
