//! Downloads that go on where an earlier run has stopped, or begin again.

use super::command::{Folder, run};
use super::server::{Request, Server, content, file, reply};

const LENGTH: usize = 50_000;

fn whole() -> Vec<u8> {
    content(7, LENGTH)
}

/// A folder with the first `n` bytes of `whole`, and a note of the version they are of.
fn begun(server: &Server, n: usize, validator: &str, total: Option<usize>) -> Folder {
    let folder = Folder::new();
    folder.write("f.part", &whole()[..n]);
    let total = total.map_or("null".to_owned(), |total| total.to_string());
    let note = format!(
        r#"{{"url": "{}", "validator": {validator:?}, "total": {total}}}"#,
        server.url("f")
    );
    folder.write("f.part.json", note);
    folder
}

/// Fetches `f`, and checks that nothing else is there then, and how often what was asked for.
#[track_caller]
fn check(server: &Server, folder: &Folder, ranges: &[Option<usize>]) {
    run(folder, ["fetch", &server.url("f")]).check(0, &[]);
    assert_eq!(folder.names(), ["f"]);
    assert!(folder.read("f") == whole(), "the content is wrong");
    let seen: Vec<_> = server.take_seen().iter().map(Request::first).collect();
    assert_eq!(seen, ranges);
}

#[test]
fn the_rest_is_asked_for() {
    let server = Server::start(|request, stream| file(request, stream, &whole(), "\"1\""));
    let folder = begun(&server, 20_000, "\"1\"", Some(LENGTH));
    check(&server, &folder, &[Some(20_000)]);
    let folder = begun(&server, 20_000, "\"1\"", None);
    check(&server, &folder, &[Some(20_000)]);
}

#[test]
fn input_168_another_version_starts_over() {
    let server = Server::start(|request, stream| file(request, stream, &whole(), "\"2\""));
    let folder = begun(&server, 20_000, "\"1\"", Some(LENGTH));
    folder.write("f.part", vec![b'x'; 20_000]);
    check(&server, &folder, &[Some(20_000)]);
}

#[test]
fn input_168_a_server_without_ranges_starts_over() {
    let server = Server::start(|_, stream| reply(stream, "200 OK", "", &whole()));
    let folder = begun(&server, 20_000, "\"1\"", Some(LENGTH));
    check(&server, &folder, &[Some(20_000)]);
}

#[test]
fn what_is_complete_needs_no_request() {
    let server = Server::start(|request, stream| file(request, stream, &whole(), "\"1\""));
    let folder = begun(&server, LENGTH, "\"1\"", Some(LENGTH));
    check(&server, &folder, &[]);
}

#[test]
fn there_may_be_no_rest() {
    let server = Server::start(|request, stream| file(request, stream, &whole(), "\"1\""));
    let folder = begun(&server, LENGTH, "\"1\"", None);
    check(&server, &folder, &[Some(LENGTH)]);
}

#[test]
fn what_nothing_is_known_of_starts_over() {
    let server = Server::start(|request, stream| file(request, stream, &whole(), "\"1\""));
    // Without a note, with one that is damaged, with one of another URL, with too many bytes.
    let folder = begun(&server, 20_000, "\"1\"", Some(LENGTH));
    std::fs::remove_file(folder.path("f.part.json")).unwrap();
    check(&server, &folder, &[None]);
    let folder = begun(&server, 20_000, "\"1\"", Some(LENGTH));
    folder.write("f.part.json", "{\"url\": ");
    check(&server, &folder, &[None]);
    let folder = begun(&server, 20_000, "\"1\"", Some(LENGTH));
    let other = r#"{"url": "http://127.0.0.1:1/f", "validator": "\"1\"", "total": null}"#;
    folder.write("f.part.json", other);
    check(&server, &folder, &[None]);
    let folder = begun(&server, LENGTH, "\"1\"", Some(20_000));
    check(&server, &folder, &[None]);
}

#[test]
fn a_part_that_does_not_fit_is_not_used() {
    let server = Server::start(|request, stream| match request.first() {
        // The right version, the wrong place.
        Some(_) => {
            let headers = format!("content-range: bytes 0-9/{LENGTH}\r\n");
            reply(stream, "206 Partial Content", &headers, &[b'x'; 10])
        }
        None => reply(stream, "200 OK", "", &whole()),
    });
    let folder = begun(&server, 20_000, "\"1\"", Some(LENGTH));
    check(&server, &folder, &[Some(20_000), None]);
}

/// Some servers look at the range and not at the version that it is of.
#[test]
fn a_part_of_another_version_is_not_used() {
    let server = Server::start(|request, stream| match request.first() {
        Some(first) => {
            let last = LENGTH - 1;
            let headers =
                format!("etag: \"2\"\r\ncontent-range: bytes {first}-{last}/{LENGTH}\r\n");
            reply(stream, "206 Partial Content", &headers, &whole()[first..])
        }
        None => reply(stream, "200 OK", "", &whole()),
    });
    let folder = begun(&server, 20_000, "\"1\"", Some(LENGTH));
    folder.write("f.part", vec![b'x'; 20_000]);
    check(&server, &folder, &[Some(20_000), None]);
}

#[test]
fn what_was_there_outlives_a_limit_that_is_too_low() {
    let server = Server::start(|request, stream| file(request, stream, &whole(), "\"1\""));
    let folder = begun(&server, 20_000, "\"1\"", Some(LENGTH));
    let ended = run(&folder, ["fetch", "--max-size", "30000", &server.url("f")]);
    ended.check(1, &[&["/f", "longer than 30000 bytes"]]);
    drop(server.take_seen());
    check(&server, &folder, &[Some(20_000)]);
}

#[test]
fn a_range_that_is_refused_starts_over() {
    let server = Server::start(|request, stream| match request.first() {
        Some(_) => {
            let headers = "content-range: bytes */10\r\n";
            reply(stream, "416 Range Not Satisfiable", headers, b"")
        }
        None => reply(stream, "200 OK", "", &whole()),
    });
    let folder = begun(&server, 20_000, "\"1\"", Some(LENGTH));
    check(&server, &folder, &[Some(20_000), None]);
}

#[test]
fn input_168_another_part_than_was_asked_for_starts_over() {
    for range in ["19999-49998", "20000-49998", "0-29999"] {
        let server = Server::start(move |request, stream| match request.first() {
            Some(_) => {
                let headers = format!("etag: \"1\"\r\ncontent-range: bytes {range}/50000\r\n");
                reply(stream, "206 Partial Content", &headers, &vec![b'x'; 30_000])
            }
            None => reply(stream, "200 OK", "etag: \"1\"\r\n", &whole()),
        });
        let folder = begun(&server, 20_000, "\"1\"", Some(LENGTH));
        check(&server, &folder, &[Some(20_000), None]);
    }
}

#[test]
fn input_168_a_part_that_nobody_asked_for_is_an_error() {
    let server = Server::start(|_, stream| {
        let headers = "content-range: bytes 0-0/2\r\n";
        reply(stream, "206 Partial Content", headers, b"x")
    });
    let folder = Folder::new();
    let ended = run(&folder, ["fetch", &server.url("f")]);
    ended.check(1, &[&["/f", "answered with a part"]]);
    assert_eq!(folder.names(), [""; 0]);
}

/// What a download that is cut off leaves, by what the server tells of the version.
#[test]
fn which_versions_can_be_asked_for_again() {
    let time = "last-modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n";
    let later = "date: Mon, 01 Jan 2024 00:00:01 GMT\r\n";
    let same = "date: Mon, 01 Jan 2024 00:00:00 GMT\r\n";
    for (headers, validator) in [
        ("etag: \"1\"\r\n".to_owned(), Some("\"1\"")),
        ("etag: W/\"1\"\r\n".to_owned(), None),
        (
            format!("{time}{later}"),
            Some("Mon, 01 Jan 2024 00:00:00 GMT"),
        ),
        (format!("{time}{same}"), None),
        (time.to_owned(), None),
        (String::new(), None),
        (format!("etag: \"1\"\r\n{time}{later}"), Some("\"1\"")),
    ] {
        let own = headers.clone();
        let server = Server::start(move |_, stream| {
            use std::io::Write;
            write!(
                stream,
                "HTTP/1.1 200 OK\r\n{own}content-length: {LENGTH}\r\n\r\n"
            )?;
            stream.write_all(&whole()[..20_000])?;
            Err(std::io::ErrorKind::ConnectionAborted.into())
        });
        let folder = Folder::new();
        let ended = run(&folder, ["fetch", &server.url("f")]);
        ended.check(1, &[&["/f", "the response was cut off"]]);
        assert!(folder.read("f.part") == whole()[..20_000], "{headers}");
        drop(server.take_seen());
        run(&folder, ["fetch", &server.url("f")]).check(1, &[&["cut off"]]);
        let [request] = &server.take_seen()[..] else {
            panic!("one request: {headers}")
        };
        let range = validator.map(|_| 20_000);
        assert_eq!(request.first(), range, "{headers}");
        assert_eq!(request.header("if-range"), validator, "{headers}");
    }
}
