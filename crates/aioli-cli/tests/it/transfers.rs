//! `aioli get`: going on, conditions, names of the server's, and several transfers at once.

use std::io::{Read as _, Write as _};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};

use super::command::{Folder, run};
use super::server::{Request, Server, content, refused, reply};

#[test]
fn a_file_goes_on_where_it_ends() {
    let whole = content(5, 30_000);
    let served = whole.clone();
    let server = Server::start(move |request, stream| match request.first() {
        Some(first) if request.name == "f" && first < served.len() => {
            let range = format!("content-range: bytes {first}-29999/30000\r\n");
            reply(stream, "206 Partial Content", &range, &served[first..])
        }
        Some(_) if request.name == "f" => {
            let range = "content-range: bytes */30000\r\n";
            reply(stream, "416 Range Not Satisfiable", range, b"no")
        }
        _ if request.name == "gone" => reply(stream, "404 Not Found", "", b"no"),
        _ => reply(stream, "200 OK", "", &served),
    });
    let folder = Folder::new();
    let get = |name: &str| run(&folder, ["get", "-C", "-", "-O", &server.url(name)]);
    get("f").check(0, &[]);
    assert!(folder.read("f") == whole);
    folder.write("f", &whole[..10_000]);
    get("f").check(0, &[]);
    assert!(folder.read("f") == whole);
    // There is nothing left to come.
    get("f").check(0, &[]);
    assert!(folder.read("f") == whole);
    let ranges: Vec<_> = server.take_seen().iter().map(Request::first).collect();
    assert_eq!(ranges, [None, Some(10_000), Some(30_000)]);
    // A server that has only the whole would spoil the file.
    folder.write("whole", "begun");
    get("whole").check(33, &[&["byte 5", "200"]]);
    assert_eq!(folder.read("whole"), b"begun");
    // An error is one, whatever was asked for.
    folder.write("gone", "begun");
    run(&folder, ["get", "-fC", "-", "-O", &server.url("gone")]).check(22, &[&["404"]]);
    assert_eq!(folder.read("gone"), b"begun");
    let words = ["get", "-C", "29990", "-o", "rest", &server.url("f")];
    run(&folder, words).check(0, &[]);
    assert_eq!(folder.read("rest"), whole[29_990..]);
    run(&folder, ["get", "-C", "x", &server.url("f")]).check(2, &[&["-C x"]]);
}

#[test]
fn conditions_of_time() {
    let server = Server::start(
        |request, stream| match request.header("if-modified-since") {
            Some(_) => reply(stream, "304 Not Modified", "", b""),
            None => reply(stream, "200 OK", "", b"new"),
        },
    );
    let folder = Folder::new();
    let url = server.url("f");
    folder.write("f", "old");
    run(&folder, ["get", "-z", "f", "-o", "f", &url]).check(0, &[]);
    assert_eq!(folder.read("f"), b"old");
    run(&folder, ["get", "-z", "-1 Sep 2021", "-o", "f", &url]).check(0, &[]);
    assert_eq!(folder.read("f"), b"new");
    let [since, until] = server.take_seen().try_into().unwrap();
    assert!(since.header("if-modified-since").unwrap().ends_with(" GMT"));
    let date = "Wed, 01 Sep 2021 00:00:00 GMT";
    assert_eq!(until.header("if-unmodified-since"), Some(date));
    run(&folder, ["get", "-z", "nonsense", &url]).check(2, &[&["-z nonsense"]]);
}

#[test]
fn input_167_names_of_the_server_are_harmless_and_overwrite_nothing() {
    let server = Server::start(|request, stream| {
        let headers = match request.name.as_str() {
            "plain" => "",
            _ => "content-disposition: attachment; filename=\"../../.profile\"\r\n",
        };
        reply(stream, "200 OK", headers, request.name.as_bytes())
    });
    let folder = Folder::new();
    let get = |name: &str| run(&folder, ["get", "-sSJO", &server.url(name)]);
    get("a").check(0, &[]);
    get("plain").check(0, &[]);
    get("plain").check(0, &[]);
    assert_eq!(folder.names(), ["_profile", "plain"]);
    get("b").check(23, &[&["_profile", "exists"]]);
    assert_eq!(folder.read("_profile"), b"a");
    run(&folder, ["get", "-JO", "-o", "own", &server.url("a")]).check(0, &[]);
    assert_eq!(folder.read("own"), b"a");
}

#[test]
fn several_at_the_same_time() {
    // Nobody is answered before all have asked.
    let all = Barrier::new(3);
    let server = Server::start(move |request, stream| {
        all.wait();
        reply(stream, "200 OK", "", request.name.as_bytes())
    });
    let folder = Folder::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| server.url(name));
    let words = ["get", "-Z", "-o", "1", "-o", "2", "-o", "3", &a, &b, &c];
    run(&folder, words).check(0, &[]);
    for (file, name) in [("1", "a"), ("2", "b"), ("3", "c")] {
        assert_eq!(folder.read(file), name.as_bytes());
    }
}

#[test]
fn so_many_at_the_same_time_and_no_more_after_a_failure() {
    let now = AtomicU32::new(0);
    let server = Server::start(move |_, stream| {
        let n = now.fetch_add(1, Ordering::SeqCst) + 1;
        let answer = reply(stream, "200 OK", "", n.to_string().as_bytes());
        now.fetch_sub(1, Ordering::SeqCst);
        answer
    });
    let (folder, url, bad) = (Folder::new(), server.url("x"), refused());
    let one = ["get", "-Z", "--parallel-max", "1", &url, &bad, &url];
    let ended = run(&folder, one);
    ended.check(7, &[&["(7)"]]);
    assert_eq!(ended.out, "11");
    let early = [
        "get",
        "--fail-early",
        "-Z",
        "--parallel-max",
        "1",
        &bad,
        &url,
    ];
    run(&folder, early).check(7, &[&["(7)"]]);
    let early = ["get", "--fail-early", &bad, &url, "--next", &url];
    run(&folder, early).check(7, &[&["(7)"]]);
    assert_eq!(server.take_seen().len(), 2);
}

#[test]
fn long_bodies_wait_for_consent() {
    let server = Server::start(|_, stream| reply(stream, "200 OK", "", b""));
    let folder = Folder::new();
    folder.write("long", vec![b'x'; 1_100_000]);
    let url = server.url("x");
    let put = |words: &[&str]| {
        let words = ["get", "--expect100-timeout", "0.01"].iter().chain(words);
        run(&folder, words.chain(&[&url[..]])).check(0, &[]);
        let [request] = server.take_seen().try_into().unwrap();
        let expect = request.header("expect").map(str::to_owned);
        (expect, request.body.len())
    };
    let asks = Some("100-continue".to_owned());
    assert_eq!(put(&["-T", "long"]), (asks.clone(), 1_100_000));
    assert_eq!(put(&["-T", "long", "-H", "Expect:"]), (None, 1_100_000));
    assert_eq!(put(&["-d", "x"]), (None, 1));
    assert_eq!(put(&["-d", "x", "-H", "Expect: 100-continue"]), (asks, 1));
}

#[test]
fn what_is_written_out() {
    let tries = AtomicU32::new(0);
    let server = Server::start(
        move |_, stream| match tries.fetch_add(1, Ordering::SeqCst) {
            0 => reply(stream, "503 Service Unavailable", "", b""),
            _ => reply(stream, "200 OK", "", b"body"),
        },
    );
    let folder = Folder::new();
    let format = "%{http_version} %{remote_ip} %{num_retries} %{num_connects} %{size_upload} \
                  %{method} %{scheme} %{filename_effective}|%{time_connect} \
                  %{time_appconnect} %{time_starttransfer} %{time_total}";
    let url = server.url("x");
    let words = [
        "get",
        "-d",
        "abc",
        "--retry",
        "1",
        "--retry-all-errors",
        "--retry-delay",
        "0.01",
    ];
    let ended = run(
        &folder,
        words.iter().chain(&["-so", "f", "-w", format, &url]),
    );
    ended.check(0, &[]);
    let (words, times) = ended.out.split_once('|').unwrap();
    // The body was sent twice.
    assert_eq!(words, "1.1 127.0.0.1 1 1 6 POST http f");
    let times: Vec<f64> = times.split(' ').map(|time| time.parse().unwrap()).collect();
    let [connect, tls, start, total] = times[..] else {
        panic!("{times:?}")
    };
    assert!(
        tls == 0.0 && connect <= start && start <= total,
        "{times:?}"
    );
    let failed = run(
        &folder,
        ["get", "-sw", "%{exitcode} %{errormsg}", &refused()],
    );
    assert!(failed.out.starts_with("7 "), "{failed:?}");
    assert!(failed.out.len() > 3, "{failed:?}");
}

#[test]
fn a_transfer_that_fails_half_way_leaves_no_other_undone() {
    let server = Server::start(|request, stream| match request.name.as_str() {
        "bad" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort")?;
            Err(std::io::ErrorKind::ConnectionAborted.into())
        }
        "never" => stream.read(&mut [0]).map(drop),
        _ => reply(stream, "200 OK", "", b"good"),
    });
    let folder = Folder::new();
    let [bad, never, good] = ["bad", "never", "good"].map(|name| server.url(name));
    let words = [
        "get", "-Zm", "0.5", "-o", "1", "-o", "2", "-o", "3", &never, &bad, &good,
    ];
    run(&folder, words).check(28, &[&["(28)"], &["(18)"]]);
    assert_eq!(folder.read("3"), b"good");
}
