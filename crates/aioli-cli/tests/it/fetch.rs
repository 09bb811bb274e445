//! Downloads that nothing goes wrong with.

use std::io::Write;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use super::command::{Folder, aioli, run};
use super::server::{Request, Server, content, file, reply};

#[test]
fn files_of_all_sizes() {
    let sizes = [0, 1, 1000, 100_000, 3_000_000];
    let names = |i: usize| format!("file-{i}");
    let files = sizes.iter().enumerate();
    let files: Vec<_> = files
        .map(|(i, size)| (names(i), content(i as u32, *size)))
        .collect();
    let server = Server::of_files(files.iter().cloned().collect());
    let folder = Folder::new();
    let urls = (0..sizes.len()).map(|i| server.url(&names(i)));
    let args = ["fetch", "-o", "a/b"].map(str::to_owned);
    let args: Vec<_> = args.into_iter().chain(urls).collect();
    let ended = run(&folder, &args);
    ended.check(0, &[]);
    assert!(ended.out.contains("5 fetched (2.96 MiB in"), "{ended:?}");
    for (name, content) in &files {
        assert!(folder.read(&format!("a/b/{name}")) == *content, "{name}");
    }
    assert_eq!(server.take_seen().len(), 5);

    let ended = run(&folder, &args);
    ended.check(0, &[]);
    assert!(ended.out.contains("5 skipped"), "{ended:?}");
    assert_eq!(server.take_seen(), []);
}

#[test]
fn lists_in_files_and_on_the_standard_input() {
    let files = ["a", "b", "c", "d"].map(|name| (name.to_owned(), name.as_bytes().to_vec()));
    let server = Server::of_files(files.into());
    let folder = Folder::new();
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| server.url(name));
    // Comments, empty lines, ends of lines of another system, and the same URL again.
    folder.write("list", format!("# list\r\n\r\n{a}\r\n  {b}#top\n{a}"));
    folder.write("other", format!("{c}\n"));
    let mut command = aioli(&folder, ["fetch", "-i", "list", "-i", "-", "-i", "other"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{d}\n{b}").unwrap();
    drop(stdin);
    super::command::end_of(child).check(0, &[]);
    assert_eq!(folder.names(), ["a", "b", "c", "d", "list", "other"]);
    assert_eq!(server.take_seen().len(), 4);
}

#[test]
fn no_name_leads_out_of_the_folder_and_no_two_are_equal() {
    let server =
        Server::start(|request, stream| reply(stream, "200 OK", "", request.name.as_bytes()));
    let folder = Folder::new();
    let names = [
        "..%2f..%2fescaped",
        "%2Ftmp%2Fescaped",
        "x/same.txt",
        "y/SAME.txt",
        "folder/",
        ".hidden",
    ];
    let urls = names.map(|name| server.url(name));
    let args = ["fetch", "-o", "out"].into_iter();
    run(&folder, args.chain(urls.iter().map(String::as_str))).check(0, &[]);
    assert_eq!(folder.names(), ["out"]);
    let fetched = std::fs::read_dir(folder.path("out")).unwrap();
    let fetched = fetched.map(|entry| entry.unwrap().path());
    let mut contents: Vec<_> = fetched.map(|path| std::fs::read(path).unwrap()).collect();
    contents.sort();
    let mut expected = names.map(|name| name.as_bytes().to_vec());
    expected.sort();
    assert_eq!(contents, expected);
    for name in ["_._.._escaped", "_tmp_escaped", "index.html", "_hidden"] {
        assert!(folder.path("out").join(name).is_file(), "{name}");
    }
}

#[test]
fn bodies_without_a_length_and_redirects() {
    let server = Server::start(|request, stream| {
        match request.name.as_str() {
        "chunked" => stream.write_all(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        ),
        "moved" => reply(stream, "302 Found", "location: /chunked\r\n", b""),
        _ => {
            stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nuntil the end")?;
            Err(std::io::ErrorKind::ConnectionAborted.into())
        }
    }
    });
    let folder = Folder::new();
    let urls = ["chunked", "moved", "closed"].map(|name| server.url(name));
    run(&folder, [&["fetch".to_owned()], &urls[..]].concat()).check(0, &[]);
    assert_eq!(folder.read("chunked"), b"abcde");
    assert_eq!(folder.read("moved"), b"abcde");
    assert_eq!(folder.read("closed"), b"until the end");
}

#[test]
fn downloads_that_break_off_are_tried_again_where_they_stopped() {
    let whole = content(3, 50_000);
    let (served, tries) = (whole.clone(), AtomicU32::new(0));
    let server = Server::start(
        move |request, stream| match tries.fetch_add(1, Ordering::SeqCst) {
            0 => reply(stream, "503 Service Unavailable", "retry-after: 0\r\n", b""),
            1 => {
                let head = "HTTP/1.1 200 OK\r\netag: \"1\"\r\ncontent-length: 50000\r\n\r\n";
                stream.write_all(&[head.as_bytes(), &served[..20_000]].concat())?;
                Err(std::io::ErrorKind::ConnectionAborted.into())
            }
            _ => file(request, stream, &served, "\"1\""),
        },
    );
    let folder = Folder::new();
    let words = [
        "fetch",
        "--retries",
        "2",
        "--per-host",
        "1",
        &server.url("f"),
    ];
    let ended = run(&folder, words);
    ended.check(0, &[&["503", "once more"], &["once more"]]);
    assert!(folder.read("f") == whole, "the content is wrong");
    let seen: Vec<_> = server.take_seen().iter().map(Request::first).collect();
    assert_eq!(seen, [None, None, Some(20_000)]);
}

#[test]
fn what_another_try_would_not_change_is_not_tried_again() {
    let server = Server::of_files([].into());
    let folder = Folder::new();
    let words = ["fetch", "--retries", "5", &server.url("f")];
    run(&folder, words).check(1, &[&["404"]]);
    assert_eq!(server.take_seen().len(), 1);
}

#[test]
fn files_have_to_be_what_they_should_be() {
    // The hashes of "abc" and of nothing.
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let files = ["a", "b", "c"].map(|name| (name.to_owned(), b"abc".to_vec()));
    let server = Server::of_files(files.into());
    let [a, b, c] = ["a", "b", "c"].map(|name| server.url(name));
    let folder = Folder::new();
    run(&folder, ["fetch", "--sha256", empty, &a]).check(1, &[&[abc, empty]]);
    assert_eq!(folder.names(), [""; 0]);
    run(&folder, ["fetch", "--sha256", &abc.to_uppercase(), &a]).check(0, &[]);
    // What is there already has to be it too.
    run(&folder, ["fetch", "--sha256", empty, &a]).check(1, &[&[abc, empty]]);
    run(&folder, ["fetch", "--sha256", abc, &a, &b]).check(2, &[&["--sha256"]]);
    folder.write("list", format!("{abc}  a\n{empty} *x/b\n"));
    let ended = run(&folder, ["fetch", "--checksums", "list", &a, &b, &c]);
    ended.check(1, &[&[&b, empty], &[&c, "no SHA-256"]]);
    assert_eq!(folder.names(), ["a", "list"]);
    folder.write("list", "nonsense\n");
    run(&folder, ["fetch", "--checksums", "list", &a]).check(1, &[&["list:1"]]);
}
