//! What a request does with its body and with that of its response.

use std::num::NonZeroU64;
use std::time::Duration;

use aioli_task::Seconds;
use http::{HeaderValue, Version, header};

use super::{Parts, RequestBuilder, header_pair};
use crate::body::{Body, Source};
use crate::decode;
use crate::multipart::Form;

impl RequestBuilder {
    /// Whether content codings are asked for and decoded, for this request.
    ///
    /// See [`SessionBuilder::decompress`](crate::SessionBuilder::decompress).
    pub fn decompress(mut self, yes: bool) -> RequestBuilder {
        self.parts.decompress = yes && decode::AVAILABLE;
        self
    }

    /// Hands out the body of the response as it comes, with its content coding and, in HTTP/1.1,
    /// with the framing of its chunks.
    ///
    /// What is asked for stays the same: content codings, unless
    /// [`decompress`](RequestBuilder::decompress) says otherwise. The chunks are still read, for
    /// where they end, and bounded. For those who look at what a server sends, and who pass it on.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Mock, Session};
    ///
    /// # aioli_task::run(async {
    /// let session = Session::mock(async |_| {
    ///     Mock::raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
    /// });
    /// let body = session.get("http://a.example/").raw(true).await?.text().await?;
    /// assert_eq!(body, "2\r\nhi\r\n0\r\n\r\n");
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "curl.raw")]
    pub fn raw(mut self, yes: bool) -> RequestBuilder {
        self.parts.raw = yes;
        self
    }

    /// Sets the body to a form with files, and `content-type` unless it is set.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Form, Part};
    ///
    /// # aioli_task::run(async {
    /// # let (session, url) = (aioli_http::Session::new(), aioli_http::example::serve("hello"));
    /// let log = Part::new("all well").file_name("log");
    /// let form = Form::new().text("user", "me").part("log", log);
    /// session.post(url).multipart(form).await?;
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.FormData")]
    pub fn multipart(mut self, form: Form) -> RequestBuilder {
        match form.into_body() {
            Ok((content_type, body)) => {
                self.parts.more.content_type = Some(content_type);
                self.parts.body = body;
            }
            Err(error) => self.fail(error),
        }
        self
    }

    /// Gives the body that the request has by now, whatever it was made of, no faster than at so
    /// many bytes a second: [`Body::limit_rate`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::num::NonZeroU64;
    ///
    /// use aioli_http::{Form, Session};
    ///
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("hello");
    /// let form = Form::new().text("title", "garlic");
    /// let rate = NonZeroU64::new(100_000).unwrap();
    /// Session::new().post(url).multipart(form).limit_rate(rate).await?;
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "curl.limit-rate")]
    pub fn limit_rate(mut self, bytes_per_second: NonZeroU64) -> RequestBuilder {
        let body = std::mem::replace(&mut self.parts.body, Source::Empty);
        self.parts.body = Body(body).limit_rate(bytes_per_second).0;
        self
    }

    /// Asks the server for its consent (`expect: 100-continue`) and waits for it, for at most
    /// `patience`, before the body is sent.
    ///
    /// A server that refuses says so before the body has travelled: its answer is the response,
    /// the body is not sent, and the connection is not used again. One that says nothing in time
    /// gets the body all the same, for many know nothing of this. To an answer of 417, which means
    /// that the server knows no expectations, the request is sent once more without. A request
    /// without a body does not ask.
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let (session, url) = (aioli_http::Session::new(), aioli_http::example::serve("hello"));
    /// session.put(url).expect_continue(0.1).body(vec![0; 1_000_000]).await?;
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientSession.request.expect100")]
    pub fn expect_continue(mut self, patience: impl Seconds) -> RequestBuilder {
        let patience = patience.into_duration().unwrap_or(Duration::MAX);
        self.parts.more.expect = Some(patience);
        self
    }

    /// Asks the server to speak `protocol` from the response on (`upgrade` and `connection:
    /// upgrade`).
    ///
    /// When it agrees, the status is 101, and [`Response::upgrade`](crate::Response::upgrade)
    /// gives the connection.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use aioli_http::Session;
    /// use futures::{AsyncReadExt, AsyncWriteExt};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let response = Session::new().get("http://a.example/echo").upgrade("echo/1").await?;
    /// let mut stream = response.upgrade()?;
    /// stream.write_all(b"hello").await?;
    /// let mut answer = [0; 5];
    /// stream.read_exact(&mut answer).await?;
    /// # Ok(()) }
    /// ```
    pub fn upgrade<V>(mut self, protocol: V) -> RequestBuilder
    where
        HeaderValue: TryFrom<V>,
    {
        match header_pair(header::UPGRADE, protocol) {
            Ok((name, value)) => {
                let upgrade = HeaderValue::from_static("upgrade");
                self.parts.headers.insert(header::CONNECTION, upgrade);
                self.parts.headers.insert(name, value);
            }
            Err(error) => self.fail(error),
        }
        self
    }
}

impl Parts {
    /// How long the body waits for the server's consent; a request without one does not ask.
    pub(crate) fn expectation(&self) -> Option<Duration> {
        // HTTP/1.0 knows no expectations.
        let asks = self.body.length() != Some(0) && self.version() != Version::HTTP_10;
        self.more.expect.filter(|_| asks)
    }
}
