//! The bytes of a form, and what no value can do to them.

use std::task::{Context, Poll, Waker};

use futures::stream;

use super::*;

/// The boundary, the announced length, and all bytes of a form, twice if it can be sent again.
fn bytes(form: Form) -> (String, Option<u64>, Vec<u8>) {
    let (content_type, mut source) = form.into_body().unwrap();
    let text = content_type.to_str().unwrap();
    let boundary = text.strip_prefix("multipart/form-data; boundary=").unwrap();
    let length = source.length();
    let whole = drain(&mut source);
    if source.is_whole() {
        source.rewind();
        assert_eq!(drain(&mut source), whole, "the same again");
    }
    if let Some(length) = length {
        assert_eq!(whole.len() as u64, length);
    }
    (boundary.to_owned(), length, whole)
}

fn drain(source: &mut Source) -> Vec<u8> {
    let Source::Stream {
        stream, touched, ..
    } = source
    else {
        let Source::Bytes(bytes) = source else {
            return Vec::new();
        };
        return bytes.to_vec();
    };
    *touched = true;
    let mut whole = Vec::new();
    let mut cx = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(piece)) = stream.as_mut().poll_piece(&mut cx) {
        whole.extend_from_slice(&piece.unwrap());
    }
    whole
}

#[test]
fn a_form_is_written_as_browsers_do() {
    let form = Form::new()
        .text("a", "one")
        .part(
            "b",
            Part::new("two")
                .file_name("b.txt")
                .content_type("text/plain")
                .header("x-note", "n"),
        )
        .part("c", Part::new(""));
    let (boundary, length, bytes) = bytes(form);
    assert!(length.is_some());
    let want = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"b\"; filename=\"b.txt\"\r\n\
         Content-Type: text/plain\r\nx-note: n\r\n\r\ntwo\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"c\"\r\n\r\n\r\n\
         --{boundary}--\r\n"
    );
    assert_eq!(String::from_utf8(bytes).unwrap(), want);
}

#[test]
fn a_form_without_parts_has_an_end() {
    let (boundary, _, bytes) = bytes(Form::new());
    assert_eq!(bytes, format!("--{boundary}--\r\n").into_bytes());
}

#[test]
fn input_120_names_cannot_leave_their_header() {
    let evil = "a\"; x=\"\r\nContent-Type: evil\r\n\r\nb";
    let form = Form::new().text(evil, "text").part(
        "f",
        Part::new("x").file_name(evil).content_type("text/plain"),
    );
    let (_, _, bytes) = bytes(form);
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(
        text.matches("Content-Type").count(),
        3,
        "one of them a header: {text}"
    );
    assert_eq!(text.matches("\r\nContent-Type: ").count(), 1);
    assert_eq!(
        text.matches("%22; x=%22%0D%0AContent-Type: evil%0D%0A%0D%0Ab\"")
            .count(),
        2
    );
    let quotes = text
        .lines()
        .filter(|line| line.contains("filename"))
        .collect::<String>();
    assert_eq!(quotes.matches('"').count(), 4);
}

#[test]
fn input_120_no_two_boundaries_are_alike_and_each_is_long() {
    let boundaries: Vec<_> = (0..10).map(|_| bytes(Form::new()).0).collect();
    for (i, boundary) in boundaries.iter().enumerate() {
        assert_eq!(boundary.len(), 32);
        assert!(!boundaries[..i].contains(boundary));
    }
}

#[test]
fn headers_of_a_part_are_checked() {
    for part in [
        Part::new("x").content_type("a\r\nb: c"),
        Part::new("x").header("a b", "c"),
        Part::new("x").header("content-disposition", "attachment"),
    ] {
        let form = Form::new().part("p", part);
        let error = form.into_body().map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("header"), "{error}");
    }
}

#[test]
fn the_length_is_known_when_that_of_each_part_is() {
    let words = || stream::iter(["hel", "", "lo"].map(Ok::<_, std::io::Error>));
    for (body, known, again) in [
        (Body::from(vec![b'x'; 200_000]), true, true),
        (Body::sized_replayable(5, words), true, true),
        (Body::replayable(words), false, true),
        (Body::sized_stream(5, words()), true, false),
        (Body::stream(words()), false, false),
    ] {
        let form = Form::new().text("a", "b").part("p", Part::new(body));
        let (_, mut source) = form.into_body().unwrap();
        assert_eq!(source.length().is_some(), known);
        assert!(source.is_whole());
        let whole = drain(&mut source);
        assert!(
            source
                .length()
                .is_none_or(|length| length == whole.len() as u64)
        );
        assert_eq!(source.is_whole(), again);
    }
}

#[test]
fn a_part_that_breaks_its_word_is_an_error_even_if_another_makes_up_for_it() {
    let words = |parts: &[&'static str]| {
        let parts: Vec<_> = parts.iter().copied().map(Ok::<_, std::io::Error>).collect();
        stream::iter(parts)
    };
    for (first, second) in [(&["abc"][..], &["a"][..]), (&["a"], &["abc"])] {
        let form = Form::new()
            .part("a", Part::new(Body::sized_stream(2, words(first))))
            .part("b", Part::new(Body::sized_stream(2, words(second))));
        let (_, source) = form.into_body().unwrap();
        let Source::Stream { mut stream, .. } = source else {
            panic!("streams make a stream")
        };
        let mut cx = Context::from_waker(Waker::noop());
        let failed = loop {
            match stream.as_mut().poll_piece(&mut cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(error))) => break error,
                other => panic!("{other:?}"),
            }
        };
        assert!(failed.to_string().contains("announced"), "{failed}");
    }
}

#[test]
fn types_by_name() {
    for (name, want) in [
        ("a.png", "image/png"),
        ("A.JPG", "image/jpeg"),
        ("a.tar.gz", "application/gzip"),
        ("a", "application/octet-stream"),
        (".png", "application/octet-stream"),
        ("a.exe", "application/octet-stream"),
    ] {
        assert_eq!(file_type::by_name(Path::new(name)), want, "{name}");
    }
}
