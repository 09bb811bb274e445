//! `aioli get`: what is sent for which option, what is written where, and how it ends.

use std::io::Write as _;
use std::process::Stdio;

use super::command::{Folder, aioli, run};
use super::server::{Request, Server, content, refused, reply};

/// A server that answers with what was asked.
fn echo() -> Server {
    Server::start(|request, stream| {
        let body = [request.method.as_bytes(), b" ", &request.body].concat();
        reply(stream, "200 OK", "x-kind: echo\r\n", &body)
    })
}

/// Runs `aioli get` with the words and a URL behind them, and returns the request that came.
#[track_caller]
fn sent(words: &[&str]) -> Request {
    let (server, folder) = (echo(), Folder::new());
    let url = server.url("path");
    let words = ["get"].iter().chain(words).copied().chain([url.as_str()]);
    run(&folder, words).check(0, &[]);
    let [request] = server.take_seen().try_into().unwrap();
    request
}

#[test]
fn a_plain_get_writes_the_body() {
    let (server, folder) = (echo(), Folder::new());
    let ended = run(&folder, ["get", &server.url("a?b=c")]);
    ended.check(0, &[]);
    assert_eq!(ended.out, "GET ");
    let [request] = server.take_seen().try_into().unwrap();
    assert_eq!(request.name, "a?b=c");
    assert_eq!(request.header("accept"), Some("*/*"));
    assert!(request.header("user-agent").unwrap().starts_with("aioli/"));
}

#[test]
fn methods_and_bodies() {
    let posted = sent(&["-d", "a=1", "--data-urlencode", "b=x y", "--data-raw", "@c"]);
    assert_eq!(
        (posted.method.as_str(), posted.body),
        ("POST", b"a=1&@c&b=x%20y".to_vec())
    );
    let kind = "application/x-www-form-urlencoded";
    assert_eq!(posted.headers["content-type"], kind);
    let json = sent(&["--json", "{\"a\":1}"]);
    assert_eq!(json.body, b"{\"a\":1}");
    assert_eq!(json.headers["content-type"], "application/json");
    assert_eq!(json.headers["accept"], "application/json");
    let query = sent(&["-G", "-d", "a=1", "--url-query", "b=x y"]);
    assert_eq!(
        (query.method.as_str(), query.name.as_str()),
        ("GET", "path?b=x%20y&a=1")
    );
    assert_eq!(sent(&["-X", "DELETE"]).method, "DELETE");
    assert_eq!(sent(&["-X", "PUT", "-d", "x"]).method, "PUT");
    assert_eq!(sent(&["-I"]).method, "HEAD");
}

#[test]
fn headers_are_added_replaced_and_taken_away() {
    let request = sent(&[
        "-H",
        "X-A: b",
        "-H",
        "Accept:",
        "-HUser-Agent: me",
        "-e",
        "http://r/",
    ]);
    assert_eq!(request.header("x-a"), Some("b"));
    assert_eq!(request.header("accept"), None);
    assert_eq!(request.header("user-agent"), Some("me"));
    assert_eq!(request.header("referer"), Some("http://r/"));
    assert_eq!(sent(&["-r", "0-9"]).header("range"), Some("bytes=0-9"));
    assert_eq!(sent(&["-A", ""]).header("user-agent"), None);
}

#[test]
fn uploads_of_files_and_of_the_standard_input() {
    let (server, folder) = (echo(), Folder::new());
    let data = content(1, 300_000);
    folder.write("data", &data);
    run(
        &folder,
        ["get", "-sT", "data", "-o", "out", &server.url("folder/")],
    )
    .check(0, &[]);
    let mut command = aioli(
        &folder,
        ["get", "-T", "-", "-o", "out", &server.url("piped")],
    );
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&data).unwrap();
    super::command::end_of(child).check(0, &[]);
    let [file, piped] = server.take_seen().try_into().unwrap();
    assert_eq!(
        (file.method.as_str(), file.name.as_str()),
        ("PUT", "folder/data")
    );
    assert_eq!(file.headers["content-length"], "300000");
    assert_eq!(piped.headers["transfer-encoding"], "chunked");
    assert!(file.body == data && piped.body == data);
}

#[test]
fn output_goes_where_it_is_told_to() {
    let (server, folder) = (echo(), Folder::new());
    let (a, b) = (server.url("x/a.txt"), server.url("b"));
    run(&folder, ["get", "-o", "1", "-o", "2", &a, &b]).check(0, &[]);
    run(
        &folder,
        ["get", "-O", "--create-dirs", "--output-dir", "new/dir", &a],
    )
    .check(0, &[]);
    assert_eq!(folder.read("1"), b"GET ");
    assert_eq!(folder.read("2"), b"GET ");
    assert_eq!(folder.read("new/dir/a.txt"), b"GET ");
    let outside = folder.path("outside");
    let outside = outside.to_str().unwrap();
    let words = [
        "get",
        "--create-dirs",
        "--output-dir",
        "new",
        "-o",
        outside,
        &a,
    ];
    run(&folder, words).check(0, &[]);
    assert_eq!(folder.read(&format!("new/{outside}")), b"GET ");
    assert!(!std::path::Path::new(outside).exists());
    let ended = run(&folder, ["get", "-i", "-D", "head", &a]);
    let head = "HTTP/1.1 200 OK\r\nx-kind: echo\r\ncontent-length: 4\r\n\r\n";
    assert_eq!(ended.out, format!("{head}GET "));
    assert_eq!(folder.read("head"), head.as_bytes());
    let head = run(&folder, ["get", "-I", &a]);
    assert!(head.out.starts_with("HTTP/1.1 200 OK\r\n"), "{head:?}");
    let format = "%{http_code} %{size_download} %{num_redirects}\\n";
    assert_eq!(
        run(&folder, ["get", "-so", "1", "-w", format, &a]).out,
        "200 4 0\n"
    );
    let ended = run(&folder, ["get", "-o", "no/such/dir", &a]);
    ended.check(23, &[&["get: (23)", "no/such/dir"]]);
}

#[test]
fn redirects_are_followed_when_asked_for() {
    let server = Server::start(|request, stream| match request.name.as_str() {
        "loop" => reply(stream, "302 Found", "location: /loop\r\n", b""),
        "moved" => reply(stream, "302 Found", "location: /there\r\n", b"moved"),
        name => reply(stream, "200 OK", "", name.as_bytes()),
    });
    let folder = Folder::new();
    assert_eq!(run(&folder, ["get", &server.url("moved")]).out, "moved");
    let followed = run(
        &folder,
        ["get", "-Lw", " %{num_redirects}", &server.url("moved")],
    );
    assert_eq!(followed.out, "there 1");
    let words = ["get", "-L", "--max-redirs", "3", &server.url("loop")];
    run(&folder, words).check(47, &[&["(47)"]]);
}

#[test]
fn exit_codes() {
    let server = Server::start(|request, stream| match request.name.as_str() {
        "missing" => reply(stream, "404 Not Found", "", b"no such page"),
        "short" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort")?;
            Err(std::io::ErrorKind::ConnectionAborted.into())
        }
        "empty" => Err(std::io::ErrorKind::ConnectionAborted.into()),
        "nonsense" => stream.write_all(b"SSH-2.0-x\r\n\r\n"),
        "long" => reply(stream, "200 OK", "", &[b'x'; 1000]),
        _ => {
            // Until the client has given up.
            let mut byte = [0];
            std::io::Read::read(stream, &mut byte).map(drop)
        }
    });
    let folder = Folder::new();
    let code = |words: &[&str], name: &str| {
        let url = server.url(name);
        let words = ["get"].iter().chain(words).copied().chain([url.as_str()]);
        run(&folder, words)
    };
    assert_eq!(code(&[], "missing").out, "no such page");
    let failed = code(&["-f"], "missing");
    failed.check(22, &[&["(22)", "404"]]);
    assert_eq!(failed.out, "");
    assert_eq!(code(&["--fail-with-body"], "missing").out, "no such page");
    code(&["-sf"], "missing").check(22, &[]);
    code(&["-sSf"], "missing").check(22, &[&["404"]]);
    code(&["-o", "x"], "short").check(18, &[&["(18)"]]);
    code(&[], "empty").check(52, &[&["(52)"]]);
    code(&[], "nonsense").check(1, &[&["(1)"]]);
    code(&["--max-filesize", "999"], "long").check(63, &[&["(63)"]]);
    code(&["-m", "0.05"], "silent").check(28, &[&["(28)"]]);
    run(&folder, ["get", &refused()]).check(7, &[&["(7)"]]);
    run(&folder, ["get", "http://no.such.host.invalid/"]).check(6, &[&["(6)"]]);
    run(&folder, ["get", "http://[x/"]).check(3, &[&["(3)"]]);
    run(&folder, ["get", "ftp://a/"]).check(1, &[&["(1)"]]);
    run(&folder, ["get", "-s"]).check(2, &[]);
    assert_eq!(run(&folder, ["get", "--no-such-option"]).code, Some(2));
    let help = run(&folder, ["get", "--help"]);
    assert!(
        help.code == Some(0) && help.out.contains("--max-filesize"),
        "{help:?}"
    );
}

#[test]
fn the_last_transfer_decides_and_groups_have_options_of_their_own() {
    let (server, folder) = (echo(), Folder::new());
    let (good, bad) = (server.url("good"), refused());
    run(&folder, ["get", &bad, &good]).check(0, &[&["(7)"]]);
    run(&folder, ["get", &good, &bad]).check(7, &[&["(7)"]]);
    let ended = run(
        &folder,
        ["get", "-X", "PUT", &good, "--next", "-d", "x", &good],
    );
    assert_eq!(ended.out, "PUT POST x");
}

#[test]
fn credentials_go_to_their_origin_only() {
    let basic = sent(&["-u", "me:pass word"]);
    assert_eq!(
        basic.header("authorization"),
        Some("Basic bWU6cGFzcyB3b3Jk")
    );
    let bearer = sent(&["--oauth2-bearer", "token"]);
    assert_eq!(bearer.header("authorization"), Some("Bearer token"));

    let other = echo();
    let target = other.url("there");
    let server = Server::start(move |_, stream| {
        reply(stream, "302 Found", &format!("location: {target}\r\n"), b"")
    });
    let folder = Folder::new();
    let url = server.url("secret");
    run(
        &folder,
        ["get", "-L", "-u", "me:secret", "-b", "a=secret", &url],
    )
    .check(0, &[]);
    let [kept] = other.take_seen().try_into().unwrap();
    assert_eq!(
        (kept.header("authorization"), kept.header("cookie")),
        (None, None)
    );
    run(
        &folder,
        ["get", "--location-trusted", "-u", "me:secret", &url],
    )
    .check(0, &[]);
    let [sent] = other.take_seen().try_into().unwrap();
    assert!(sent.header("authorization").is_some());
}

#[test]
fn errors_show_no_secret() {
    let folder = Folder::new();
    for words in [
        ["get", "-H", "Authorization secret", "http://a/"],
        ["get", "-F", "secret", "http://a/"],
        ["get", "--form-string", "secret", "http://a/"],
    ] {
        let ended = run(&folder, words);
        ended.check(2, &[&[words[1], "one is not NAME"]]);
        assert!(!ended.errors[0].contains("secret"), "{ended:?}");
    }
    let ended = run(&folder, ["fetch", "http://me:secret@[x/"]);
    ended.check(1, &[&["[hidden]@[x/", "not a URL"]]);
    assert!(!ended.errors[0].contains("secret"), "{ended:?}");
}

#[test]
fn netrc_files() {
    let (server, folder) = (echo(), Folder::new());
    folder.write("netrc", "machine 127.0.0.1 login me password secret\n");
    run(&folder, ["get", "--netrc-file", "netrc", &server.url("a")]).check(0, &[]);
    let [request] = server.take_seen().try_into().unwrap();
    assert_eq!(request.header("authorization"), Some("Basic bWU6c2VjcmV0"));
    let missing = run(
        &folder,
        ["get", "--netrc-file", "missing", &server.url("a")],
    );
    missing.check(26, &[&["(26)"]]);
}

#[test]
fn cookies_are_kept_in_files() {
    let server = Server::start(|request, stream| {
        let cookie = request.header("cookie").unwrap_or_default().to_owned();
        let headers = match request.name.as_str() {
            "set" => "set-cookie: a=1; max-age=1000\r\nset-cookie: b=2\r\n",
            _ => "",
        };
        reply(stream, "200 OK", headers, cookie.as_bytes())
    });
    let folder = Folder::new();
    let ended = run(
        &folder,
        ["get", "-c", "jar", &server.url("set"), &server.url("x")],
    );
    assert_eq!(ended.out, "a=1; b=2");
    assert_eq!(
        run(&folder, ["get", "-b", "jar", &server.url("x")]).out,
        "a=1; b=2"
    );
    assert_eq!(
        run(&folder, ["get", "-j", "-b", "jar", &server.url("x")]).out,
        "a=1"
    );
    let given = run(&folder, ["get", "-b", "c=3; d=4", &server.url("x")]);
    assert_eq!(given.out, "c=3; d=4");
    assert_eq!(
        run(&folder, ["get", "-b", "missing", &server.url("x")]).out,
        ""
    );
}

/// As `/dev/null` does, which is no file either.
#[cfg(target_os = "linux")]
#[test]
fn what_is_no_file_is_written_to_and_stays() {
    use std::io::Read as _;
    use std::os::unix::fs::FileTypeExt as _;

    let headers = "set-cookie: a=1\r\netag: \"a=1\"\r\n";
    let server = Server::start(move |_, stream| reply(stream, "200 OK", headers, b""));
    for (option, expected) in [("-c", "a\t1\n"), ("--etag-save", "\"a=1\"\n")] {
        let folder = Folder::new();
        let path = folder.path("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        // Linux opens both ends at once, and waits for nobody.
        let both = std::fs::File::options().read(true).write(true).open(&path);
        let mut pipe = both.unwrap();
        let url = server.url("x");
        run(&folder, ["get", option, "pipe", &url]).check(0, &[]);
        let kind = std::fs::symlink_metadata(&path).unwrap().file_type();
        assert!(kind.is_fifo(), "{option}");
        let mut text = vec![0; 4096];
        let n = pipe.read(&mut text).unwrap();
        let text = String::from_utf8_lossy(&text[..n]).into_owned();
        assert!(text.contains(expected), "{option}: {text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_no_file_is_not_removed() {
    let short = |_: &Request, stream: &mut std::net::TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")?;
        Err(std::io::ErrorKind::ConnectionAborted.into())
    };
    let (server, folder) = (Server::start(short), Folder::new());
    std::os::unix::fs::symlink("/dev/null", folder.path("null")).unwrap();
    for (name, left) in [("null", &["null"][..]), ("file", &["null"])] {
        let words = ["get", "--remove-on-error", "-o", name, &server.url("x")];
        run(&folder, words).check(18, &[&["(18)"]]);
        assert_eq!(folder.names(), left);
    }
}

#[test]
fn forms_with_files() {
    let (server, folder) = (echo(), Folder::new());
    folder.write("a.txt", "content");
    let file = "f=@a.txt;type=text/x-test";
    let words = [
        "get",
        "-F",
        file,
        "-F",
        "n=v;w",
        "--form-string",
        "s=@x",
        &server.url("a"),
    ];
    run(&folder, words).check(0, &[]);
    let [request] = server.take_seen().try_into().unwrap();
    assert_eq!(request.method, "POST");
    assert!(request.headers["content-type"].starts_with("multipart/form-data; boundary="));
    let body = String::from_utf8(request.body).unwrap();
    for part in [
        "name=\"f\"; filename=\"a.txt\"\r\n",
        "content-type: text/x-test\r\n",
        "\r\n\r\ncontent\r\n",
        "\r\n\r\nv;w\r\n",
        "\r\n\r\n@x\r\n",
    ] {
        assert!(
            body.to_ascii_lowercase()
                .contains(&part.to_ascii_lowercase()),
            "{part}: {body}"
        );
    }
    run(&folder, ["get", "-F", "f=@missing", &server.url("a")]).check(26, &[&["(26)"]]);
}

#[test]
fn what_fails_in_passing_is_tried_again() {
    let tries = std::sync::atomic::AtomicU32::new(0);
    let server = Server::start(move |_, stream| {
        match tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => reply(stream, "503 Service Unavailable", "retry-after: 0\r\n", b""),
            _ => reply(stream, "200 OK", "", b"at last"),
        }
    });
    let folder = Folder::new();
    let ended = run(&folder, ["get", "--retry", "2", &server.url("a")]);
    assert_eq!(ended.out, "at last");
}

#[test]
fn verbose_shows_heads_and_hides_secrets() {
    let server = Server::start(|request, stream| match request.name.as_str() {
        "moved" => reply(
            stream,
            "302 Found",
            "location: /there\r\nset-cookie: a=secret\r\n",
            b"",
        ),
        _ => {
            stream.write_all(b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n")?;
            reply(stream, "200 OK", "", b"there")
        }
    });
    let folder = Folder::new();
    let url = server.url("moved");
    let words = ["get", "-vLiD", "heads", "-u", "me:secret", &url];
    let ended = run(&folder, words);
    assert_eq!(ended.code, Some(0));
    let has = |line: &str| {
        let n = ended.errors.iter().filter(|error| *error == line).count();
        assert!(n > 0, "no {line:?}: {ended:#?}");
        n
    };
    let address = url.trim_start_matches("http://").trim_end_matches("/moved");
    has(&format!("* connected to {address}"));
    has("* an open connection to 127.0.0.1 is used again");
    has(&format!("* redirected to http://{address}/there"));
    has("> GET /moved HTTP/1.1");
    has("> GET /there HTTP/1.1");
    has("< HTTP/1.1 302 Found");
    has("< set-cookie: [hidden]");
    has("> cookie: [hidden]");
    has("< HTTP/1.1 103 Early Hints");
    has("< HTTP/1.1 200 OK");
    assert_eq!(has("> authorization: [hidden]"), 2);
    assert_eq!((has("> "), has("< ")), (2, 3));
    assert!(!ended.errors.iter().any(|line| line.contains("secret")));

    // The heads of all hops are written, as they came.
    let moved = "HTTP/1.1 302 Found\r\nlocation: /there\r\nset-cookie: a=secret\r\n\
                 content-length: 0\r\n\r\n";
    let last = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n\
                HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
    let heads = format!("{moved}{last}");
    assert_eq!(ended.out, format!("{heads}there"));
    assert_eq!(folder.read("heads"), heads.as_bytes());
    let there = server.url("there");
    run(&folder, ["get", "-sD", "heads", &there, &there]).check(0, &[]);
    assert_eq!(folder.read("heads"), last.repeat(2).as_bytes());
}

#[test]
fn messages_go_where_they_are_told_to() {
    let (server, folder) = (echo(), Folder::new());
    let (url, nobody) = (server.url("x"), refused());
    folder.write("log", "something longer than what comes");
    let words = ["get", "-v", "--stderr", "log", &url, &nobody];
    let ended = run(&folder, words);
    ended.check(7, &[]);
    assert_eq!(ended.out, "GET ");
    let log = String::from_utf8(folder.read("log")).unwrap();
    for line in ["* connected to", "> GET /x HTTP/1.1", "< HTTP/1.1 200 OK"] {
        assert!(log.lines().any(|known| known.starts_with(line)), "{log}");
    }
    assert!(
        log.ends_with("Connection refused\n") && !log.contains("longer"),
        "{log}"
    );
    // It is for all groups, and the last one counts.
    let words = [
        "get", "--stderr", "other", &nobody, "--next", "--stderr", "-", &nobody,
    ];
    let ended = run(&folder, words);
    ended.check(7, &[]);
    assert_eq!(ended.out.matches("aioli: get: (7)").count(), 2, "{ended:?}");
    assert_eq!(folder.names(), ["log"]);
    // What cannot be written keeps nothing from being done.
    let words = ["get", "--stderr", "none/log", &url];
    run(&folder, words).check(0, &[&["--stderr none/log", "No such file"]]);
    run(&folder, ["get", "-s", "--stderr", "none/log", &url]).check(0, &[]);
}

#[test]
fn the_scheme_that_a_server_asks_for() {
    for (challenge, sent) in [
        ("Basic realm=b", "Basic bWU6c2VjcmV0"),
        (
            "Basic realm=b, Digest realm=d, nonce=n, qop=auth",
            "Digest ",
        ),
    ] {
        let server = Server::start(
            move |request, stream| match request.header("authorization") {
                Some(_) => reply(stream, "200 OK", "", b"in"),
                None => {
                    let header = format!("www-authenticate: {challenge}\r\n");
                    reply(stream, "401 Who", &header, b"")
                }
            },
        );
        let (folder, url) = (Folder::new(), server.url("x"));
        let words = ["--anyauth", "-u", "me:secret", &url];
        let ended = super::like_curl::codes(&folder, &words);
        let seen = server.take_seen();
        assert_eq!(seen.len(), 2 * ended.len());
        for pair in seen.chunks(2) {
            assert_eq!(pair[0].header("authorization"), None);
            assert!(pair[1].header("authorization").unwrap().starts_with(sent));
        }
        assert!(ended.iter().all(|(_, code)| *code == Some(0)), "{ended:?}");
    }
}
