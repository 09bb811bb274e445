//! Code of the caller's around each request of a session.
//!
//! It is the outermost layer: it runs once for each request that is awaited, and what is below
//! (retries, redirects, the pool) happens within [`Next::run`]. It sees what the caller has asked
//! for, and not what is attached on the way: the session's default headers, cookies and
//! credentials are put on for each hop, for the origin they are meant for.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::{Extensions, HeaderMap, Method};
use url::Url;

use crate::body::Body;
use crate::error::{Asked, Result, Shown};
use crate::request::Parts;
use crate::response::Response;
use crate::send;
use crate::session::Session;

/// A request on its way through the [middleware](crate::SessionBuilder::with) of a session.
pub struct Request {
    pub(crate) parts: Parts,
}

impl Request {
    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.parts.method
    }

    /// Sets the method.
    pub fn set_method(&mut self, method: Method) {
        self.parts.idempotent = method.is_idempotent();
        self.parts.method = method;
    }

    /// Returns the URL, joined with the session's base.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.parts.url
    }

    /// Returns the URL, to be changed.
    ///
    /// It is checked again before the request is sent. Headers with secrets that the request
    /// brings itself go to the origin that it has then.
    pub fn url_mut(&mut self) -> &mut Url {
        &mut self.parts.url
    }

    /// Returns the headers of this request; the session's defaults are not among them yet.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// Returns the headers of this request, to be changed.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.parts.headers
    }

    /// Returns what was attached to the request and is not sent.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.parts.extensions
    }

    /// Returns what was attached to the request, to be changed; it comes back in the
    /// [response](Response::extensions).
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.parts.extensions
    }

    /// Returns the body, if it is bytes; `None` when it is a stream.
    #[must_use]
    pub fn body(&self) -> Option<&[u8]> {
        self.parts.body.as_bytes()
    }

    /// Sets the body.
    pub fn set_body(&mut self, body: impl Into<Body>) {
        self.parts.body = body.into().0;
    }

    /// Copies the request, if its body can be sent twice.
    ///
    /// # Examples
    ///
    /// Asking once more with a fresh token:
    ///
    /// ```
    /// use aioli_http::{HeaderValue, Mock, Session, header};
    ///
    /// # aioli_task::run(async {
    /// # async fn fresh_token() -> HeaderValue { HeaderValue::from_static("Bearer 2") }
    /// let session = Session::builder()
    ///     .with(async |request, next| {
    ///         let copy = request.try_clone();
    ///         let response = next.run(request).await?;
    ///         match copy {
    ///             Some(mut again) if response.status() == 401 => {
    ///                 let token = fresh_token().await;
    ///                 again.headers_mut().insert(header::AUTHORIZATION, token);
    ///                 next.run(again).await
    ///             }
    ///             _ => Ok(response),
    ///         }
    ///     })
    ///     .mock(async |request| match request.header("authorization") {
    ///         Some("Bearer 2") => Mock::text(200, "welcome"),
    ///         _ => Mock::new(401),
    ///     })
    ///     .build()?;
    /// assert_eq!(session.get("https://a.example/").await?.text().await?, "welcome");
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn try_clone(&self) -> Option<Request> {
        let parts = self.parts.try_clone()?;
        Some(Request { parts })
    }
}

impl fmt::Debug for Request {
    /// Shows no header values: tokens are among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.parts.method)
            .field("url", &format_args!("{}", Shown(&self.parts.url)))
            .field("headers", &self.parts.headers.len())
            .field("body", &self.parts.body)
            .finish_non_exhaustive()
    }
}

/// What is below a middleware: the next one, and in the end the session itself.
#[derive(Clone)]
pub struct Next {
    session: Session,
    /// How many middlewares are above.
    depth: usize,
}

impl Next {
    pub(crate) fn first(session: Session) -> Next {
        Next { session, depth: 0 }
    }

    /// Carries out the request, and waits for the head of the response.
    ///
    /// It may be called again, or not at all.
    ///
    /// # Cancel safety
    ///
    /// As [`Session::request`].
    ///
    /// # Errors
    ///
    /// As [`Session::request`].
    pub async fn run(&self, request: Request) -> Result<Response> {
        match self.session.inner.config.middleware.get(self.depth) {
            Some(middleware) => {
                let next = Next {
                    session: self.session.clone(),
                    depth: self.depth + 1,
                };
                middleware(request, next).await
            }
            None => {
                let mut parts = request.parts;
                parts.check_url(&self.session.inner.config)?;
                let response = send::send(&self.session, &mut parts).await?;
                let raise = parts.raise_for_status;
                let asked = Asked {
                    method: parts.method,
                    url: parts.url,
                    idempotent: parts.idempotent,
                };
                send::finish(response, asked, raise).await
            }
        }
    }

    /// Returns the session that the request was made in.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next")
            .field("depth", &self.depth)
            .finish_non_exhaustive()
    }
}

/// One layer.
pub(crate) type Middleware = Arc<dyn Fn(Request, Next) -> Running + Send + Sync>;
type Running = Pin<Box<dyn Future<Output = Result<Response>> + Send>>;

pub(crate) fn layer<F, R>(layer: F) -> Middleware
where
    F: Fn(Request, Next) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Response>> + Send + 'static,
{
    Arc::new(move |request, next| Box::pin(layer(request, next)))
}
