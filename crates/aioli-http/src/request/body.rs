//! What a request does with its body and with that of its response.

use super::RequestBuilder;
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

    /// Sets the body to a form with files, and `content-type` unless it is set.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Form, Part};
    ///
    /// # aioli_task::run(async {
    /// # let (session, url) = (aioli_http::Session::new(), aioli_http::example::serve("hello"));
    /// let form = Form::new().text("user", "me").part("log", Part::new("all well").file_name("log"));
    /// session.post(url).multipart(form).await?;
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.FormData")]
    pub fn multipart(mut self, form: Form) -> RequestBuilder {
        match form.into_body() {
            Ok((content_type, body)) => {
                self.parts.content_type = Some(content_type);
                self.parts.body = body;
            }
            Err(error) => self.fail(error),
        }
        self
    }
}
