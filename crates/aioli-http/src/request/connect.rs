//! The way of one request: its proxy, and whom the certificate must name.

use http::Version;

use super::RequestBuilder;
use crate::error::{Error, ErrorKind, RequestErrorKind, TlsErrorKind};
use crate::h1::encode;
use crate::proxy::Proxy;
use crate::route::{OwnProxy, Way};

impl RequestBuilder {
    /// Takes this proxy, and none of the session's, on all hops of this request.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use aioli_http::{Proxy, Session};
    ///
    /// # async fn example() -> Result<(), aioli_http::Error> {
    /// let proxy = Proxy::socks5h("127.0.0.1:9050");
    /// let page = Session::new().get("https://example.org/").proxy(proxy).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "aiohttp.ClientSession.request.proxy")]
    pub fn proxy(mut self, proxy: Proxy) -> RequestBuilder {
        if let Err(error) = proxy.check() {
            self.fail(error);
        }
        self.way().proxy = Some(OwnProxy::One(proxy));
        self
    }

    /// Takes no proxy, whatever the session says.
    pub fn no_proxy(mut self) -> RequestBuilder {
        self.way().proxy = Some(OwnProxy::None);
        self
    }

    /// Checks the certificate against `name`, and tells the server this name in the handshake,
    /// instead of the URL's host.
    ///
    /// It holds for the origin of the request, and no more when a redirect has left that. The
    /// `host` header stays.
    #[doc(alias = "aiohttp.ClientSession.request.server_hostname")]
    pub fn server_name(mut self, name: &str) -> RequestBuilder {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if rustls::pki_types::ServerName::try_from(name.as_str()).is_err() {
            let kind = TlsErrorKind::HostName;
            self.fail(Error::new(ErrorKind::Tls { kind, source: None }));
        }
        self.way().server_name = Some(name.into());
        self
    }

    /// Puts `target` into the request line as it is, in place of the URL's path and query, which
    /// have been brought into a normal form.
    ///
    /// For `OPTIONS *`, and for servers that tell `/a/../b` from `/b`, or `%41` from `A`. It holds
    /// for the first URL: where a redirect leads is said by that. A proxy that is asked for `http`
    /// URLs is asked for this alone. Cookies and everything else go by the URL, and so does a
    /// policy ([`Egress`](crate::Egress)): a target that names another host (`http://…`) should not
    /// be a stranger's.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Method, Session};
    ///
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("hello");
    /// let request = Session::new().request(Method::OPTIONS, url).target("*");
    /// assert_eq!(request.await?.status(), 200);
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidRequest` with [`RequestErrorKind::Target`] when it is awaited and the target is
    /// empty, has anything but visible ASCII characters, or cannot be said in HTTP/2.
    #[doc(alias = "curl.request-target")]
    pub fn target(mut self, target: &str) -> RequestBuilder {
        if target.is_empty() || !encode::is_target(target) {
            self.fail(Error::invalid_request(RequestErrorKind::Target));
        }
        self.way().target = Some(target.into());
        self
    }

    /// Speaks this version of HTTP: 1.0 or 1.1, and so not HTTP/2 whatever the session says.
    ///
    /// In HTTP/1.0 there are no chunks, so the length of the body has to be known, no expectation
    /// is sent, and the connection is not used again. Servers answer in the version that they like.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Session, Version};
    ///
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("hello");
    /// let request = Session::new().get(url).version(Version::HTTP_10);
    /// assert_eq!(request.await?.text().await?, "hello");
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidRequest` with [`RequestErrorKind::Version`] when it is awaited and the version is
    /// neither of them, or is 1.0 and the length of the body is not known.
    #[doc(alias = "curl.http1.0")]
    #[doc(alias = "aiohttp.ClientSession.version")]
    pub fn version(mut self, version: Version) -> RequestBuilder {
        if !matches!(version, Version::HTTP_10 | Version::HTTP_11) {
            self.fail(Error::invalid_request(RequestErrorKind::Version));
        }
        self.way().version = Some(version);
        self
    }

    fn way(&mut self) -> &mut Way {
        self.parts.more.way.get_or_insert_default()
    }
}
