//! `aioli get` beside curl: the same words, the same requests, the same exit code.
//!
//! Where there is no curl, `aioli get` alone is held to what is expected of both.

mod globs;

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use super::command::{Folder, run};
use super::server::{Request, Server, content, refused, reply};

/// Whether there is a curl to compare with.
pub(crate) static CURL: LazyLock<bool> = LazyLock::new(|| {
    let version = Command::new("curl")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    let there = version.is_ok_and(|status| status.success());
    if !there {
        eprintln!("skipped: the comparison with curl, which is not installed");
    }
    there
});

/// Curl with these words, and with nobody's own settings.
pub(crate) fn curl(words: &[&str]) -> Command {
    let mut curl = Command::new("curl");
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        curl.env_remove(name).env_remove(name.to_uppercase());
    }
    curl.args(["-q", "-s"]).args(words);
    curl
}

/// The exit codes of `aioli get` and, if it is there, of curl, with these words.
pub(crate) fn codes(folder: &Folder, words: &[&str]) -> Vec<(&'static str, Option<i32>)> {
    let own = run(folder, ["get", "-s"].iter().chain(words)).code;
    let mut codes = vec![("aioli get", own)];
    if *CURL {
        let status = curl(words).stdout(Stdio::null()).status();
        codes.push(("curl", status.unwrap().code()));
    }
    codes
}

/// Checks what a server sees of both, as methods and targets, and how both end.
#[track_caller]
fn check(server: &Server, words: &[&str], code: i32, seen: &[&str]) {
    let folder = Folder::new();
    for (who, ended) in codes(&folder, words) {
        assert_eq!(ended, Some(code), "{who} {words:?}");
    }
    assert_eq!(came(server), seen.repeat(times()), "{words:?}");
}

/// What has come to a server since this was asked last.
fn came(server: &Server) -> Vec<String> {
    let came = server.take_seen();
    let came = came.iter().map(|r| format!("{} {}", r.method, r.name));
    came.collect()
}

/// How many there are to compare.
fn times() -> usize {
    if *CURL { 2 } else { 1 }
}

/// Checks that both ask for `x` and end with 28 because of a limit of time, which goes in for `{}`.
/// Returns the limit and how long both took, in seconds.
///
/// On a machine that has much else to do a limit may be over before the server was asked: then a
/// longer one is tried.
#[track_caller]
fn check_limit(server: &Server, limits: [f64; 3], words: &[&str]) -> (f64, f64) {
    let folder = Folder::new();
    let expected = ["GET x"].repeat(times());
    let mut seen = Vec::new();
    for limit in limits {
        let (said, began) = (limit.to_string(), Instant::now());
        let words = words
            .iter()
            .map(|&word| if word == "{}" { &said[..] } else { word });
        let words: Vec<_> = words.collect();
        for (who, ended) in codes(&folder, &words) {
            assert_eq!(ended, Some(28), "{who} {words:?}");
        }
        seen = came(server);
        if seen == expected {
            return (limit, began.elapsed().as_secs_f64());
        }
        assert!(seen.len() < expected.len(), "{seen:?}");
    }
    panic!("{words:?}: {seen:?}");
}

/// Answers everything, `CONNECT` too.
fn server() -> Server {
    Server::start(|request, stream| match request.name.as_str() {
        "busy" => reply(stream, "503 Busy", "", b""),
        _ => fine(request, stream),
    })
}

/// Answers, but says nothing behind the head of a tunnel.
fn fine(request: &Request, stream: &mut TcpStream) -> io::Result<()> {
    let body: &[u8] = match request.method.as_str() {
        "CONNECT" => b"",
        _ => b"fine",
    };
    reply(stream, "200 OK", "", body)
}

fn port(server: &Server) -> String {
    let url = server.url("");
    let address = url.trim_end_matches('/');
    address.rsplit(':').next().unwrap().to_owned()
}

#[test]
fn targets() {
    let server = server();
    let url = server.url("a/../b/./c?x=/../y");
    check(&server, &[&url], 0, &["GET b/c?x=/../y"]);
    check(
        &server,
        &["--path-as-is", &url],
        0,
        &["GET a/../b/./c?x=/../y"],
    );
    let words = ["--request-target", "*", "-X", "OPTIONS", &url];
    check(&server, &words, 0, &["OPTIONS *"]);
    let words = ["--request-target", "/x/../%79?z", "--path-as-is", &url];
    check(&server, &words, 0, &["GET x/../%79?z"]);
}

#[test]
fn other_addresses_for_a_host_and_a_port() {
    let server = server();
    let port = &port(&server);
    let resolve = format!("name.example:{port}:127.0.0.1");
    let other = "name.example:1:127.0.0.7";
    let url = format!("http://name.example:{port}/x");
    let words = ["--resolve", other, "--resolve", &resolve, &url];
    check(&server, &words, 0, &["GET x"]);
    for (from, url) in [
        ("name.example:80", "http://name.example/x"),
        (":80", "http://name.example/x"),
        ("127.0.0.1:1", "http://127.0.0.1:1/x"),
    ] {
        let to = format!("{from}:127.0.0.1:{port}");
        check(&server, &["--connect-to", &to, url], 0, &["GET x"]);
    }
    // It is for another port.
    let to = format!("127.0.0.1:2:127.0.0.1:{port}");
    check(&server, &["--connect-to", &to, &refused()], 7, &[]);
}

#[test]
fn a_tunnel_for_every_url() {
    let proxy = server();
    let address = format!("127.0.0.1:{}", port(&proxy));
    let url = "http://a.example/x";
    check(
        &proxy,
        &["-x", &address, url],
        0,
        &["GET http://a.example/x"],
    );
    let tunnel = ["CONNECT a.example:80", "GET x"];
    check(&proxy, &["-p", "-x", &address, url], 0, &tunnel);
}

#[test]
fn a_proof_for_a_proxy() {
    let proxy = Server::start(|request, stream| {
        let answer = request.header("proxy-authorization").unwrap_or_default();
        let is_asked = request.name.contains("a.example");
        let proves = answer.starts_with("Digest ") && answer.contains("nonce=\"n\"");
        if is_asked && !proves {
            let challenge = "proxy-authenticate: Digest realm=\"p\", nonce=\"n\", qop=\"auth\"\r\n";
            return reply(stream, "407 Who", challenge, b"");
        }
        fine(request, stream)
    });
    let address = format!("127.0.0.1:{}", port(&proxy));
    let login = ["-U", "me:secret", "--proxy-digest", "-x", &address];
    let url = "http://a.example/x";
    let words = [&login[..], &[url]].concat();
    check(&proxy, &words, 0, &["GET http://a.example/x"; 2]);
    let connect = "CONNECT a.example:80";
    let words = [&login[..], &["-p", url]].concat();
    check(&proxy, &words, 0, &[connect, connect, "GET x"]);
}

#[test]
fn proxies_of_socks4() {
    let nobody = refused();
    let nobody = nobody
        .trim_start_matches("http://")
        .trim_end_matches("/refused");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    // Refuses, then lets through and answers, for each of the two.
    thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let asked = "\x04\x01\0\x50\0\0\0\x01\0a.example\0".len();
            stream.read_exact(&mut vec![0; asked]).unwrap();
            let times = times();
            let refuses = n < times;
            stream
                .write_all(&[0, 90 + u8::from(refuses), 0, 0, 0, 0, 0, 0])
                .unwrap();
            if !refuses {
                let _ = stream.read(&mut [0; 4096]);
                reply(&mut stream, "200 OK", "connection: close\r\n", b"fine").unwrap();
            }
        }
    });
    let folder = Folder::new();
    let url = "http://a.example/";
    for (proxy, code) in [(nobody, 7), (&address, 97), (&address, 0)] {
        for (who, ended) in codes(&folder, &["--socks4a", proxy, url]) {
            assert_eq!(ended, Some(code), "{who} by {proxy}");
        }
    }
    let words = ["get", "-s", "-x", "socks4://me:secret@127.0.0.1:1", url];
    assert_eq!(run(&folder, words).code, Some(5), "there are no passwords");
}

#[test]
fn how_long_it_is_tried_again() {
    let server = server();
    let url = server.url("busy");
    let words = [
        "-f",
        "--retry",
        "9",
        "--retry-delay",
        "1",
        "--retry-max-time",
        "1",
        &url,
    ];
    check(&server, &words, 22, &["GET busy"; 2]);
}

#[test]
fn what_is_too_slow() {
    let stalled = Server::start(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")?;
        // Until the client leaves.
        stream.read(&mut [0]).map(drop)
    });
    let url = stalled.url("x");
    check_limit(
        &stalled,
        [1.0, 4.0, 16.0],
        &["-Y", "1000", "-y", "{}", &url],
    );
    let fine = server();
    let url = fine.url("x");
    for none in [&["-y", "0"][..], &["-Y", "0"], &["-y", "1", "-Y", "0"]] {
        check(&fine, &[none, &[&url]].concat(), 0, &["GET x"]);
        // What ends it is not that it is slow, but another limit.
        let slow = stalled.url("x");
        let words = [none, &["-m", "{}", &slow]].concat();
        let (limit, took) = check_limit(&stalled, [1.5, 4.0, 16.0], &words);
        let both = if *CURL { 2.0 * limit } else { limit };
        assert!(took >= both, "{none:?}: {took} s");
    }
}

#[test]
fn a_pace_does_not_outlast_the_time_limit() {
    let server = Server::start(|_, stream| reply(stream, "200 OK", "", &[b'x'; 150_000]));
    let url = server.url("x");
    let words = ["--limit-rate", "100", "-m", "{}", &url];
    let (_, took) = check_limit(&server, [0.5, 4.0, 16.0], &words);
    // At that pace it takes more than twenty minutes.
    assert!(took < 60.0, "{took} s");
    let words = ["-m", "0", "--connect-timeout", "0", &url];
    check(&server, &words, 0, &["GET x"]);
}

#[test]
fn no_faster_than_asked_for() {
    let body = content(3, 150_000);
    let served = body.clone();
    let server = Server::start(
        move |request: &Request, stream| match request.method.as_str() {
            "GET" => reply(stream, "200 OK", "", &served),
            _ => reply(stream, "200 OK", "", b""),
        },
    );
    let folder = Folder::new();
    folder.write("up", &body);
    for words in [
        &["-o", "down"][..],
        &["-T", "up"],
        &["--data-binary", "@up"],
        &["-F", "f=@up"],
    ] {
        let since = Instant::now();
        let url = server.url("x");
        let words = [&["get", "-s", "--limit-rate", "100k"], words, &[&url]].concat();
        run(&folder, words).check(0, &[]);
        let took = since.elapsed();
        assert!(took >= Duration::from_millis(1300), "{took:?}");
    }
    assert!(folder.read("down") == body);
    let [_, put, post, form] = server.take_seen().try_into().unwrap();
    assert!(put.body == body && post.body == body);
    assert!(form.body.len() > body.len());
}

/// What `aioli get` and, if it is there, curl write with these words.
fn written(folder: &Folder, words: &[&str]) -> Vec<(&'static str, String)> {
    let own = run(folder, ["get", "-s"].iter().chain(words));
    own.check(0, &[]);
    let mut all = vec![("aioli get", own.out)];
    if *CURL {
        let output = curl(words).output();
        all.push(("curl", String::from_utf8(output.unwrap().stdout).unwrap()));
    }
    all
}

#[test]
fn bodies_as_they_come() {
    let server = Server::start(|_, stream| {
        stream.write_all(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-encoding: gzip\r\n\r\n\
              2;x=y\r\nhi\r\n0\r\na: b\r\n\r\n",
        )
    });
    let folder = Folder::new();
    let url = server.url("x");
    for words in [&["--raw", &url][..], &["--raw", "--compressed", &url]] {
        for (who, body) in written(&folder, words) {
            assert_eq!(body, "2;x=y\r\nhi\r\n0\r\na: b\r\n\r\n", "{who}");
        }
    }
    let asked = server.take_seen();
    let asked = asked
        .iter()
        .map(|seen| seen.header("accept-encoding").is_some());
    let times = times();
    let expected = [false, true].map(|asks| vec![asks; times]).concat();
    assert_eq!(asked.collect::<Vec<_>>(), expected);
}

#[test]
fn what_a_proxy_says_to_connect() {
    let server = Server::start(|request, stream| match request.method.as_str() {
        "CONNECT" => stream.write_all(b"HTTP/1.1 200 OK\r\nvia: me\r\n\r\n"),
        _ => reply(stream, "200 OK", "", b"fine"),
    });
    let address = format!("127.0.0.1:{}", port(&server));
    let folder = Folder::new();
    let words = ["-i", "-p", "-x", &address, "http://a.example/x"];
    let heads = |body: &str| body.matches("HTTP/1.1 200 OK").count();
    for (who, body) in written(&folder, &words) {
        assert!(
            body.starts_with("HTTP/1.1 200 OK\r\nvia: me\r\n\r\nHTTP"),
            "{who}: {body}"
        );
        assert_eq!(heads(&body), 2, "{who}: {body}");
    }
    let words = ["--suppress-connect-headers"].iter().chain(&words).copied();
    for (who, body) in written(&folder, &words.collect::<Vec<_>>()) {
        assert_eq!(heads(&body), 1, "{who}: {body}");
        assert!(!body.contains("via"), "{who}: {body}");
    }
}

#[test]
fn schemes_that_are_allowed() {
    let server = Server::start(|request, stream| match request.name.as_str() {
        "away" => reply(stream, "302 Found", "location: /x\r\n", b""),
        _ => reply(stream, "200 OK", "", b"fine"),
    });
    let (url, away) = (server.url("x"), server.url("away"));
    for list in ["=https", "-http", "=ftp"] {
        check(&server, &["--proto", list, &url], 1, &[]);
    }
    for list in ["=http,https", "-all,http", "+ftp", "-ftp"] {
        check(&server, &["--proto", list, &url], 0, &["GET x"]);
    }
    let follow = ["-L", "--proto-redir", "=https", &away];
    check(&server, &follow, 1, &["GET away"]);
    let follow = ["-L", "--proto-redir", "=http,https", &away];
    check(&server, &follow, 0, &["GET away", "GET x"]);
    let without = url.trim_start_matches("http://");
    check(
        &server,
        &["--proto-default", "http", without],
        0,
        &["GET x"],
    );
}

#[test]
fn an_older_version() {
    let lines = |words: &[&str], upload: bool| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/x", listener.local_addr().unwrap());
        let times = times();
        let server = thread::spawn(move || {
            let serve = |_| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut head = [0; 1000];
                let n = stream.read(&mut head).unwrap();
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                    .unwrap();
                String::from_utf8_lossy(&head[..n])
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            };
            (0..times).map(serve).collect::<Vec<_>>()
        });
        let folder = Folder::new();
        let words: Vec<_> = words.iter().copied().chain([&url[..]]).collect();
        for (who, code) in codes(&folder, &words) {
            assert_eq!(code, Some(if upload { 25 } else { 0 }), "{who}");
        }
        (!upload).then(|| server.join().unwrap())
    };
    for (words, line) in [
        (&["-0"][..], "GET /x HTTP/1.0"),
        (&["--http1.0", "-d", "a"], "POST /x HTTP/1.0"),
        (&["-0", "--http1.1"], "GET /x HTTP/1.1"),
    ] {
        for seen in lines(words, false).unwrap() {
            assert_eq!(seen, line);
        }
    }
    assert_eq!(lines(&["-0", "-T", "-"], true), None);
}

/// As [`written`], each in a folder of its own; what is in that afterwards comes with it.
fn left(folders: [&Folder; 2], words: &[&str], code: i32) -> Vec<(&'static str, String)> {
    let [own, curls] = folders;
    let ended = run(own, ["get", "-s"].iter().chain(words));
    assert_eq!(ended.code, Some(code), "{words:?} {ended:?}");
    let mut all = vec![("aioli get", ended.out)];
    if *CURL {
        let output = curl(words).current_dir(curls.path("")).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{words:?}");
        assert_eq!(own.names(), curls.names(), "{words:?}");
        all.push(("curl", String::from_utf8(output.stdout).unwrap()));
    }
    all
}

/// Answers with a version of a file; half of another one.
fn versions() -> Server {
    Server::start(|request, stream| match request.name.as_str() {
        "half" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")?;
            Err(io::ErrorKind::ConnectionAborted.into())
        }
        "away" => reply(stream, "302 Found", "location: /x\r\nx-tag: 7\r\n", b""),
        "bare" => reply(stream, "200 OK", "", b"bare"),
        _ if request.header("if-none-match") == Some("\"one\"") => {
            reply(stream, "304 Not Modified", "etag: \"one\"\r\n", b"")
        }
        _ => {
            let head = "etag: \"one\"\r\nlast-modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
            reply(stream, "200 OK", head, b"fine")
        }
    })
}

#[test]
fn versions_are_told_by_their_tags() {
    let server = versions();
    let (own, curls) = (Folder::new(), Folder::new());
    let folders = [&own, &curls];
    let (url, bare) = (server.url("x"), server.url("bare"));
    left(folders, &["--etag-save", "tag", "-o", "f", &url], 0);
    assert_eq!(
        (own.read("tag"), own.read("f")),
        (b"\"one\"\n".into(), b"fine".into())
    );
    for folder in folders {
        folder.write("f", "kept");
    }
    let words = [
        "--etag-compare",
        "tag",
        "-o",
        "f",
        "-w",
        "%{http_code}",
        &url,
    ];
    for (who, out) in left(folders, &words, 0) {
        assert_eq!(out, "304", "{who}");
    }
    assert_eq!(own.read("f"), b"kept");
    left(folders, &["--etag-save", "none", &bare], 0);
    assert_eq!(own.read("none"), b"");
    server.take_seen();
    left(folders, &["--etag-compare", "none", &url], 0);
    for seen in server.take_seen() {
        assert_eq!(seen.header("if-none-match"), Some("\"\""));
    }
    left(folders, &["--etag-compare", "missing", &url], 26);
}

#[test]
fn files_that_are_there_and_files_of_failures() {
    let server = versions();
    let (own, curls) = (Folder::new(), Folder::new());
    let folders = [&own, &curls];
    let (url, half) = (server.url("x"), server.url("half"));
    for _ in 0..3 {
        left(folders, &["--no-clobber", "-o", "f", &url], 0);
    }
    assert_eq!(own.names(), ["f", "f.1", "f.2"]);
    left(folders, &["-o", "begun", &half], 18);
    assert_eq!(own.read("begun"), b"half");
    left(folders, &["--remove-on-error", "-o", "other", &half], 18);
    assert!(!own.names().contains(&"other".to_owned()));
    left(folders, &["-R", "-o", "old", &url], 0);
    let modified = |folder: &Folder| std::fs::metadata(folder.path("old")).unwrap().modified();
    let at = Duration::from_secs(784_111_777);
    assert_eq!(modified(&own).unwrap(), std::time::UNIX_EPOCH + at);
    let names = [
        "--remote-name-all",
        "--output-dir",
        "d",
        "--create-dirs",
        &url,
        &half,
    ];
    left(folders, &names, 18);
    assert_eq!(own.read("d/x"), b"fine");
}

#[test]
fn headers_and_formats_of_files_and_urls_by_name() {
    let server = versions();
    let (own, curls) = (Folder::new(), Folder::new());
    let folders = [&own, &curls];
    for folder in folders {
        folder.write("headers", "x-a: 1\r\n\nx-b: 2\n");
        folder.write("format", "%{urlnum} %header{x-tag} \n%{num_headers}\\n");
    }
    let (url, away) = (server.url("x"), server.url("away"));
    let words = [
        "-H", "@headers", "-w", "@format", "-o", "a", "-o", "b", "--url", &away, &url,
    ];
    for (who, out) in left(folders, &words, 0) {
        let mut lines = out.lines();
        assert!(lines.next().unwrap().starts_with("0 7 "), "{who}: {out}");
        assert!(lines.next().unwrap().starts_with("1  "), "{who}: {out}");
    }
    for seen in server.take_seen() {
        assert_eq!(
            (seen.header("x-a"), seen.header("x-b")),
            (Some("1"), Some("2"))
        );
    }
    for (who, out) in left(folders, &["-w", "%{redirect_url}", &away], 0) {
        assert_eq!(out, url, "{who}");
    }
    let words = [
        "-qgN",
        "--tcp-nodelay",
        "--retry-connrefused",
        "-L",
        "--no-location",
        &away,
    ];
    left(folders, &words, 0);
    let targets = server.take_seen();
    assert!(
        targets.iter().all(|seen| seen.name == "away"),
        "nothing is followed"
    );
    let version = run(&own, ["get", "-V"]);
    assert!(version.code == Some(0) && version.out.contains(env!("CARGO_PKG_VERSION")));
}
