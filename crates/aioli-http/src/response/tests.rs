//! Character sets.

use http::HeaderValue;

use super::*;

fn text(content_type: Option<&'static str>, bytes: &[u8]) -> Result<String> {
    let mut headers = HeaderMap::new();
    if let Some(content_type) = content_type {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    decode(charset(&headers).as_deref(), Bytes::copy_from_slice(bytes))
}

#[test]
fn text_is_decoded_by_its_charset() {
    for (content_type, bytes, want) in [
        (None, "é".as_bytes(), "é"),
        (Some("text/html"), "é".as_bytes(), "é"),
        (Some("text/html; charset=utf-8"), b"\xef\xbb\xbfa", "a"),
        (Some("text/html; x=y; Charset=\"UTF-8\""), b"a", "a"),
        (Some("text/plain; charset=ISO-8859-1"), b"\xe9", "é"),
        (Some("text/plain;charset=us-ascii"), b"a", "a"),
    ] {
        assert_eq!(text(content_type, bytes).unwrap(), want, "{content_type:?}");
    }
}

#[test]
fn text_that_is_none_is_an_error() {
    let kind = |result: Result<String>| match result.unwrap_err().kind() {
        ErrorKind::Decode { kind, .. } => *kind,
        other => panic!("{other}"),
    };
    assert_eq!(kind(text(None, b"\xff")), DecodeErrorKind::Text);
    assert_eq!(
        kind(text(Some("a/b; charset=utf-16"), b"a")),
        DecodeErrorKind::Charset
    );
}
