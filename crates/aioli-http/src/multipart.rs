//! `multipart/form-data`: what a form with files sends, RFC 7578 as the HTML standard writes it.
//!
//! Names are the only thing of a caller that gets between the delimiters, and a quote or a line
//! end in one would end the header it stands in; they are escaped as browsers do. Values are sent
//! as they are. The boundary is of 128 random bits, so that nobody who can choose a value can
//! write it there, and no value contains it by accident.

use std::fmt;
use std::io;
use std::path::Path;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::body::{Body, Source, concat::concat};
use crate::error::{Error, RequestErrorKind, Result};
use crate::request::header_pair;

mod file_type;

/// A form with named parts, sent by
/// [`RequestBuilder::multipart`](crate::RequestBuilder::multipart).
///
/// It is sent with a `content-length` when all of its parts have one, and can be sent again when
/// all of its parts can; see [`Body`].
///
/// # Examples
///
/// ```
/// use aioli_http::{Form, Part, Session};
///
/// # aioli_task::run(async {
/// # let url = aioli_http::example::serve("hello");
/// # let dir = aioli_fs::TempDir::new().await?;
/// # let path = dir.path().join("picture.png");
/// # aioli_fs::write(&path, "not really").await?;
/// let form = Form::new()
///     .text("title", "Olives")
///     .part("notes", Part::new("fresh").file_name("notes.txt").content_type("text/plain"))
///     .file("picture", path)
///     .await?;
/// Session::new().post(url).multipart(form).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[doc(alias = "aiohttp.FormData.add_field")]
#[doc(alias = "aiohttp.MultipartWriter")]
#[derive(Default)]
#[must_use]
pub struct Form {
    parts: Vec<(String, Part)>,
}

/// One part of a [`Form`]: a body, and what is said about it.
///
/// What is malformed is remembered, and told when the request is awaited.
///
/// # Examples
///
/// ```
/// use aioli_http::Part;
///
/// let part = Part::new(r#"{"n": 1}"#).content_type("application/json");
/// # let _ = part;
/// ```
#[must_use]
pub struct Part {
    body: Body,
    file_name: Option<String>,
    headers: HeaderMap,
    error: Option<Error>,
}

impl Form {
    /// A form without parts.
    pub fn new() -> Form {
        Form::default()
    }

    /// Adds a text field.
    pub fn text(self, name: impl Into<String>, value: impl Into<String>) -> Form {
        self.part(name, Part::new(value.into()))
    }

    /// Adds a part.
    pub fn part(mut self, name: impl Into<String>, part: Part) -> Form {
        self.parts.push((name.into(), part));
        self
    }

    /// Adds a file, with its name and the type that its name suggests; see [`Body::file`].
    ///
    /// # Cancel safety
    ///
    /// The form is lost with the future.
    ///
    /// # Errors
    ///
    /// As [`Body::file`].
    pub async fn file(self, name: impl Into<String>, path: impl AsRef<Path>) -> io::Result<Form> {
        let part = Part::file(path).await?;
        Ok(self.part(name, part))
    }

    /// The value of `content-type`, and the body.
    pub(crate) fn into_body(self) -> Result<(HeaderValue, Source)> {
        let boundary = boundary()?;
        let mut parts = Vec::with_capacity(2 * self.parts.len() + 1);
        // Every delimiter but the first one begins with the line end after a part.
        let mut before = "";
        for (name, part) in self.parts {
            if let Some(error) = part.error {
                return Err(error);
            }
            let mut head = format!("{before}--{boundary}\r\n").into_bytes();
            write_head(&mut head, &name, part.file_name.as_deref(), &part.headers);
            parts.push(Source::Bytes(head.into()));
            parts.push(part.body.0);
            before = "\r\n";
        }
        let end = format!("{before}--{boundary}--\r\n");
        parts.push(Source::Bytes(end.into()));
        let content_type = format!("multipart/form-data; boundary={boundary}");
        let content_type = HeaderValue::try_from(content_type).expect("letters and digits");
        Ok((content_type, concat(parts)))
    }
}

impl Part {
    /// A part with this body and no file name.
    pub fn new(body: impl Into<Body>) -> Part {
        Part {
            body: body.into(),
            file_name: None,
            headers: HeaderMap::new(),
            error: None,
        }
    }

    /// A file, with its name and the type that its name suggests; see [`Body::file`].
    ///
    /// # Cancel safety
    ///
    /// Nothing is left behind.
    ///
    /// # Errors
    ///
    /// As [`Body::file`].
    pub async fn file(path: impl AsRef<Path>) -> io::Result<Part> {
        let path = path.as_ref();
        let part = Part::new(Body::file(path).await?);
        let Some(name) = path.file_name() else {
            return Ok(part);
        };
        let file_type = file_type::by_name(Path::new(name));
        Ok(part
            .file_name(name.to_string_lossy())
            .content_type(file_type))
    }

    /// Sets the name under which the receiver is to see a file.
    pub fn file_name(mut self, name: impl Into<String>) -> Part {
        self.file_name = Some(name.into());
        self
    }

    /// Sets the part's `content-type`.
    pub fn content_type<V>(mut self, value: V) -> Part
    where
        HeaderValue: TryFrom<V>,
    {
        match header_pair(header::CONTENT_TYPE, value) {
            Ok((name, value)) => drop(self.headers.insert(name, value)),
            Err(error) => self.error = self.error.or(Some(error)),
        }
        self
    }

    /// Adds a header to the part. `content-disposition` is the form's to set.
    pub fn header<K, V>(mut self, name: K, value: V) -> Part
    where
        HeaderName: TryFrom<K>,
        HeaderValue: TryFrom<V>,
    {
        let refused = || Error::invalid_request(RequestErrorKind::Header);
        match header_pair(name, value) {
            Ok((header::CONTENT_DISPOSITION, _)) => self.error = self.error.or(Some(refused())),
            Ok((name, value)) => drop(self.headers.append(name, value)),
            Err(error) => self.error = self.error.or(Some(error)),
        }
        self
    }
}

/// Writes the head of a part, with the blank line after it.
fn write_head(out: &mut Vec<u8>, name: &str, file_name: Option<&str>, headers: &HeaderMap) {
    out.extend_from_slice(b"Content-Disposition: form-data; name=\"");
    escape(out, name);
    out.push(b'"');
    if let Some(file_name) = file_name {
        out.extend_from_slice(b"; filename=\"");
        escape(out, file_name);
        out.push(b'"');
    }
    out.extend_from_slice(b"\r\n");
    for (name, value) in headers {
        // Some servers know the header by this spelling only.
        if name == header::CONTENT_TYPE {
            out.extend_from_slice(b"Content-Type");
        } else {
            out.extend_from_slice(name.as_str().as_bytes());
        }
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// Escapes what would end a quoted name, as the HTML standard says; the rest is UTF-8.
fn escape(out: &mut Vec<u8>, name: &str) {
    for byte in name.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"%22"),
            b'\r' => out.extend_from_slice(b"%0D"),
            b'\n' => out.extend_from_slice(b"%0A"),
            byte => out.push(byte),
        }
    }
}

/// A boundary that nobody can foresee.
fn boundary() -> Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|_| Error::invalid_request(RequestErrorKind::Randomness))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(random)))
}

impl fmt::Debug for Form {
    /// Shows names and sizes and never contents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.parts.iter().map(|(name, part)| (name, part));
        f.debug_map().entries(parts).finish()
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part")
            .field("body", &self.body)
            .field("file_name", &self.file_name)
            .field("headers", &self.headers.len())
            .finish()
    }
}

#[cfg(test)]
mod tests;
