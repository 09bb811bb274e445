//! Bad input: one line that names the thing and the cause, the rest goes on, the status says so.

use std::io::Write;

use super::command::{Folder, run};
use super::server::{Server, content, refused, reply};

/// Good content under `good`, and what a test makes of the rest.
fn server(
    bad: impl Fn(&str, &mut std::net::TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
) -> Server {
    Server::start(move |request, stream| match request.name.as_str() {
        "good" => reply(stream, "200 OK", "", b"good"),
        name => bad(name, stream),
    })
}

/// Fetches `bad` and something good, and checks that there are these errors and the good file.
#[track_caller]
fn check(server: &Server, folder: &Folder, bad: &[&str], errors: &[&[&str]]) {
    let good = server.url("good");
    let args = ["fetch", "-o", "out"].iter().chain(bad).copied();
    let ended = run(folder, args.chain([good.as_str()]));
    ended.check(1, errors);
    assert!(ended.out.contains("1 fetched"), "{ended:#?}");
    let failed = format!("{} failed", errors.len());
    assert!(ended.out.contains(&failed), "{ended:#?}");
    assert_eq!(folder.read("out/good"), b"good");
}

fn nothing(_: &str, _: &mut std::net::TcpStream) -> std::io::Result<()> {
    unreachable!("it is not asked for")
}

#[test]
fn urls_that_are_none() {
    let errors: [&[&str]; 5] = [
        &["\"nonsense\"", "relative URL"],
        &["\"ftp://a/b\"", "neither http nor https"],
        &["\"http://\"", "empty host"],
        &["\"http://[::1\"", "IPv6"],
        &["\"http://a:99999/\"", "port"],
    ];
    let bad = [
        "nonsense",
        "ftp://a/b",
        "http://",
        "http://[::1",
        "http://a:99999/",
    ];
    check(&server(nothing), &Folder::new(), &bad, &errors);
}

#[test]
fn passwords_are_not_shown() {
    let (server, folder) = (server(nothing), Folder::new());
    let bad = ["http://name:secret@127.0.0.1:1/x"];
    check(
        &server,
        &folder,
        &bad,
        &[&["http://127.0.0.1:1/x", "credentials"]],
    );
    let ended = run(&folder, ["fetch", bad[0]]);
    assert!(!format!("{ended:?}").contains("secret"), "{ended:?}");
}

#[test]
fn lists_that_cannot_be_read() {
    let (server, folder) = (server(nothing), Folder::new());
    std::fs::create_dir(folder.path("folder")).unwrap();
    folder.write("list", b"# names\n\nhttp:/\xff/\nnonsense\n");
    let errors: [&[&str]; 4] = [
        &["no-list", "No such file"],
        &["\"folder\"", "directory"],
        &["list:3:", "UTF-8"],
        &["list:4:", "\"nonsense\"", "relative URL"],
    ];
    let bad = ["-i", "no-list", "-i", "folder", "-i", "list"];
    check(&server, &folder, &bad, &errors);
}

#[test]
fn connections_that_are_refused() {
    let url = refused();
    let errors: [&[&str]; 1] = [&[&url, "Connection refused"]];
    check(&server(nothing), &Folder::new(), &[&url], &errors);
}

#[test]
fn statuses_that_are_errors() {
    let server = server(|name, stream| reply(stream, name, "", b"not the file"));
    let folder = Folder::new();
    let urls = ["404", "500", "204"].map(|status| server.url(status));
    let urls = urls.each_ref().map(String::as_str);
    let errors: [&[&str]; 3] = [
        &["/404", "404 Not Found"],
        &["/500", "500 Internal Server Error"],
        &["/204", "204 No Content"],
    ];
    check(&server, &folder, &urls, &errors);
    assert_eq!(std::fs::read_dir(folder.path("out")).unwrap().count(), 1);
}

#[test]
fn responses_that_are_cut_off() {
    let server = server(|name, stream| {
        match name {
            "head" => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-le")?,
            "body" => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")?,
            "chunk" => {
                let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhalf";
                stream.write_all(head)?;
            }
            _ => {}
        }
        Err(std::io::ErrorKind::ConnectionAborted.into())
    });
    let folder = Folder::new();
    let urls = ["nothing", "head", "body", "chunk"].map(|name| server.url(name));
    let urls = urls.each_ref().map(String::as_str);
    let errors: [&[&str]; 4] = [
        &["/nothing", "the server disconnected"],
        &["/head", "the server disconnected"],
        &["/body", "the response was cut off"],
        &["/chunk", "the response was cut off"],
    ];
    check(&server, &folder, &urls, &errors);
    assert_eq!(folder.read("out/body.part"), b"half");
    assert!(!folder.path("out/body").exists());
    assert!(!folder.path("out/nothing.part").exists());
}

#[test]
fn responses_that_are_too_large() {
    let server = server(|name, stream| match name {
        "head" => {
            let headers = format!("x: {}\r\n", "x".repeat(100_000));
            reply(stream, "200 OK", &headers, b"")
        }
        "told" => reply(stream, "200 OK", "", &content(1, 5000)),
        _ => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
            loop {
                stream.write_all(b"3e8\r\n")?;
                stream.write_all(&[b'x'; 1000])?;
                stream.write_all(b"\r\n")?;
            }
        }
    });
    let folder = Folder::new();
    let urls = ["head", "told", "endless"].map(|name| server.url(name));
    let [head, told, endless] = urls.each_ref().map(String::as_str);
    let errors: [&[&str]; 3] = [
        &["/head", "head is too large"],
        &["/told", "longer than 4000 bytes"],
        &["/endless", "longer than 4000 bytes"],
    ];
    let bad = ["--max-size", "4000", head, told, endless];
    check(&server, &folder, &bad, &errors);
    assert_eq!(std::fs::read_dir(folder.path("out")).unwrap().count(), 1);
}

#[test]
fn servers_that_do_not_speak_http() {
    let server = server(|_, stream| {
        stream.write_all(b"SSH-2.0-server\r\n")?;
        Err(std::io::ErrorKind::ConnectionAborted.into())
    });
    let url = server.url("ssh");
    check(&server, &Folder::new(), &[&url], &[&["/ssh", "not http"]]);
}

#[test]
fn servers_that_say_nothing() {
    let server = server(|_, _| {
        std::thread::park();
        Ok(())
    });
    let url = server.url("silent");
    let bad = ["--timeout", "1", &url];
    check(&server, &Folder::new(), &bad, &[&["/silent", "timed out"]]);
}

/// A disk that is full: what is written to this device fails with that error.
#[test]
#[cfg(target_os = "linux")]
fn disks_that_are_full() {
    let server = server(|_, stream| reply(stream, "200 OK", "", &content(1, 5000)));
    let folder = Folder::new();
    std::fs::create_dir(folder.path("out")).unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path("out/big.part")).unwrap();
    let url = server.url("big");
    let errors: [&[&str]; 1] = [&["/big", "No space left on device"]];
    check(&server, &folder, &[&url], &errors);
    assert!(!folder.path("out/big").exists());
}

#[test]
fn names_that_are_taken() {
    let (server, folder) = (server(nothing), Folder::new());
    std::fs::create_dir_all(folder.path("out/taken")).unwrap();
    std::fs::create_dir_all(folder.path("out/half.part")).unwrap();
    let (taken, half) = (server.url("taken"), server.url("half"));
    let errors: [&[&str]; 2] = [
        &["/taken", "is a folder"],
        &["/half", "cannot open", "half.part", "directory"],
    ];
    check(&server, &folder, &[&taken, &half], &errors);
}

#[test]
fn folders_that_cannot_be_made() {
    let folder = Folder::new();
    folder.write("file", "");
    let ended = run(&folder, ["fetch", "-o", "file/out", &refused()]);
    ended.check(1, &[&["file/out"]]);
}

#[test]
fn bad_usage() {
    let folder = Folder::new();
    for args in [
        &["fetch", "-j", "0", "http://a/"][..],
        &["fetch"],
        &["fetch", "--max-size", "many", "http://a/"],
        &["unknown"],
        &[],
    ] {
        let ended = run(&folder, args);
        assert_eq!(ended.code, Some(2), "{args:?} {ended:?}");
    }
    assert_eq!(folder.names(), [""; 0]);
}
