//! Character sets by table.

use http::HeaderValue;

use super::*;

fn headers(content_type: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if !content_type.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    headers
}

fn text(content_type: &'static str, bytes: &'static [u8]) -> Result<String, DecodeErrorKind> {
    decode(&headers(content_type), Bytes::from_static(bytes)).map_err(|error| error.kind)
}

#[test]
fn text_is_decoded_by_its_charset() {
    for (content_type, bytes, want) in [
        ("", "é".as_bytes(), "é"),
        ("text/html", "é".as_bytes(), "é"),
        ("text/html; charset=", "é".as_bytes(), "é"),
        ("text/html; charset=utf-8", b"\xef\xbb\xbfa", "a"),
        ("text/html; x=y; Charset=\"UTF-8\"", b"a", "a"),
        ("text/plain; charset=ISO-8859-1", b"\xe9\x80", "é€"),
        ("text/plain;charset=us-ascii", b"a", "a"),
        ("text/plain; charset=utf-16", b"a\0\xe9\0", "aé"),
        ("text/plain; charset=utf-16be", b"\0a", "a"),
        ("text/plain; charset=shift_jis", b"\x93\xfa\x96\x7b", "日本"),
        ("text/plain; charset=gb18030", b"\xc4\xe3", "你"),
        ("text/plain; charset=windows-1251", b"\xcf", "П"),
        // The mark wins over the label.
        (
            "text/plain; charset=iso-8859-1",
            b"\xef\xbb\xbf\xc3\xa9",
            "é",
        ),
        ("", b"\xff\xfea\0", "a"),
        ("", b"\xfe\xff\0a", "a"),
        // An unknown label, and what is UTF-8 all the same.
        ("text/plain; charset=klingon", "é".as_bytes(), "é"),
        ("text/plain; charset=utf-16", b"", ""),
    ] {
        assert_eq!(
            text(content_type, bytes).as_deref(),
            Ok(want),
            "{content_type}"
        );
    }
}

#[test]
fn what_is_no_text_is_an_error() {
    for (content_type, bytes, want) in [
        ("", &b"a\xff"[..], DecodeErrorKind::Text),
        ("a/b; charset=utf-16", b"abc", DecodeErrorKind::Text),
        ("a/b; charset=shift_jis", b"\x93", DecodeErrorKind::Text),
        ("a/b; charset=klingon", b"\xe9", DecodeErrorKind::Charset),
        // One of the labels that stand for nothing but attacks.
        (
            "a/b; charset=iso-2022-kr",
            b"\xe9",
            DecodeErrorKind::Charset,
        ),
    ] {
        assert_eq!(text(content_type, bytes), Err(want), "{content_type}");
    }
}

#[test]
fn the_caller_may_know_better_or_not_care() {
    let latin = Bytes::from_static(b"\xe9");
    assert_eq!(decode_as("latin1", latin.clone()).unwrap(), "é");
    assert_eq!(
        decode_as("utf-8", Bytes::from_static(b"\xef\xbb\xbfa")).unwrap(),
        "a"
    );
    let kind = |label| decode_as(label, latin.clone()).unwrap_err().kind;
    assert_eq!(kind("utf-8"), DecodeErrorKind::Text);
    assert_eq!(kind("klingon"), DecodeErrorKind::Charset);
    assert_eq!(
        decode_lossy(&headers(""), Bytes::from_static(b"a\xffb")),
        "a\u{fffd}b"
    );
    assert_eq!(decode_lossy(&headers("a/b;charset=latin1"), latin), "é");
}

#[test]
fn json_is_utf8_unless_it_says_otherwise() {
    for (content_type, bytes) in [
        ("application/json", "\"é\"".as_bytes()),
        ("application/json", b"\xef\xbb\xbf\"\xc3\xa9\""),
        ("application/json; charset=latin1", b"\"\xe9\""),
        ("", b"\xff\xfe\"\0\xe9\0\"\0"),
    ] {
        let bytes = utf8(&headers(content_type), Bytes::from_static(bytes)).unwrap();
        assert_eq!(bytes, "\"é\"".as_bytes(), "{content_type}");
    }
    for (content_type, want) in [
        ("application/json", true),
        ("Application/JSON; charset=utf-8", true),
        ("application/problem+json", true),
        ("text/html", false),
        ("", false),
    ] {
        assert_eq!(says_json(&headers(content_type)), want, "{content_type}");
    }
}
