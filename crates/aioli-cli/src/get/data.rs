//! The body that `-d` and its relatives put together.

use aioli::http::Url;
use aioli::prelude::*;

use super::body::all_of;
use super::options::BodyOptions;

/// What is to be sent, and as what.
#[derive(Debug, PartialEq)]
pub(super) struct Data {
    pub(super) bytes: Vec<u8>,
    pub(super) content_type: &'static str,
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// Puts the parts together, `&` between those of a form; `None` when there are none.
///
/// # Errors
///
/// When a file cannot be read.
pub(super) async fn data(options: &BodyOptions) -> Result<Option<Data>> {
    if !options.json.is_empty() {
        let mut bytes = Vec::new();
        for text in &options.json {
            bytes.extend(content(text).await?);
        }
        return Ok(Some(Data {
            bytes,
            content_type: JSON,
        }));
    }
    let mut parts = Vec::new();
    for text in &options.data {
        let mut part = content(text).await?;
        if text.starts_with('@') {
            part.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
        }
        parts.push(part);
    }
    for text in &options.data_binary {
        parts.push(content(text).await?);
    }
    parts.extend(options.data_raw.iter().map(|text| text.clone().into()));
    for text in &options.data_urlencode {
        parts.push(encoded(text).await?);
    }
    Ok((!parts.is_empty()).then(|| Data {
        bytes: parts.join(&b'&'),
        content_type: FORM,
    }))
}

/// The text, or what is in the file that it names.
async fn content(text: &str) -> Result<Vec<u8>> {
    match text.strip_prefix('@') {
        Some(path) => file(path).await,
        None => Ok(text.as_bytes().to_vec()),
    }
}

/// Reads a file; `-` is the standard input.
pub(super) async fn file(path: &str) -> Result<Vec<u8>> {
    match path {
        // Whoever types it may interrupt it.
        "-" => all_of(fs::stdin(), usize::MAX).await,
        path => Ok(fs::read(path).await?),
    }
}

/// Escapes what `--data-urlencode` is given; a name before it is left as it is.
async fn encoded(text: &str) -> Result<Vec<u8>> {
    let (name, value) = match text.find(['=', '@']) {
        Some(at) if text.as_bytes()[at] == b'@' => (&text[..at], file(&text[at + 1..]).await?),
        Some(at) => (&text[..at], text.as_bytes()[at + 1..].to_vec()),
        None => ("", text.as_bytes().to_vec()),
    };
    let mut part = name.as_bytes().to_vec();
    if !name.is_empty() {
        part.push(b'=');
    }
    for byte in value {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            part.push(byte);
        } else {
            part.extend(format!("%{byte:02X}").bytes());
        }
    }
    Ok(part)
}

/// Appends to a URL's query as it is, but for what no URL may contain.
pub(super) fn add_to_query(url: &mut Url, more: &str) {
    let query = match url.query() {
        Some(query) if !query.is_empty() => format!("{query}&{more}"),
        _ => more.to_owned(),
    };
    url.set_query(Some(&query));
}

/// The escaped form of what `--url-query` is given; `+TEXT` is left as it is.
pub(super) async fn url_query(text: &str) -> Result<String> {
    Ok(match text.strip_prefix('+') {
        Some(plain) => plain.to_owned(),
        None => String::from_utf8(encoded(text).await?).expect("it is escaped"),
    })
}

#[cfg(test)]
mod tests {
    use super::{Data, FORM, add_to_query, data, encoded, url_query};
    use crate::get::options::{Options, parse};
    use aioli::http::Url;
    use aioli::task::run;

    fn options(words: &[&str]) -> Options {
        let words = words.iter().map(Into::into).collect();
        parse(words).unwrap().remove(0)
    }

    #[test]
    fn parts_of_a_form_are_joined() {
        let words = ["-d", "a=1", "-d", "b=x y", "--data-raw", "@c"];
        let body = run(data(&options(&words).body)).unwrap();
        let bytes = b"a=1&b=x y&@c".to_vec();
        assert_eq!(
            body,
            Some(Data {
                bytes,
                content_type: FORM
            })
        );
        assert_eq!(run(data(&options(&["host"]).body)).unwrap(), None);
    }

    #[test]
    fn files_lose_their_line_ends_unless_they_are_binary() {
        let folder = run(aioli::fs::TempDir::new()).unwrap();
        let path = folder.path().join("data");
        std::fs::write(&path, b"a\r\nb\0\n").unwrap();
        let at = format!("@{}", path.display());
        let body = |words: &[&str]| run(data(&options(words).body)).unwrap().unwrap().bytes;
        assert_eq!(body(&["-d", &at]), b"ab");
        assert_eq!(body(&["--data-binary", &at]), b"a\r\nb\0\n");
        assert_eq!(body(&["--json", &at]), b"a\r\nb\0\n");
        let missing = format!("{at}-missing");
        assert!(run(data(&options(&["-d", &missing]).body)).is_err());
    }

    #[test]
    fn escaped_data() {
        for (text, expected) in [
            ("a b&c", "a%20b%26c"),
            ("=a=b", "a%3Db"),
            ("name=ü", "name=%C3%BC"),
            ("-._~", "-._~"),
        ] {
            assert_eq!(run(encoded(text)).unwrap(), expected.as_bytes(), "{text}");
        }
        assert_eq!(run(url_query("+a=b c")).unwrap(), "a=b c");
    }

    #[test]
    fn queries_grow() {
        let mut url = Url::parse("http://a/b").unwrap();
        add_to_query(&mut url, "x=1");
        add_to_query(&mut url, "y=a b");
        assert_eq!(url.query(), Some("x=1&y=a%20b"));
    }
}
