//! `aioli get` by way of proxies, and what it says of certificates and addresses.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use super::command::{Folder, aioli, run};
use super::server::{Request, Server, refused, reply};

/// A proxy that answers itself; what it refuses has `refused` in its name.
fn proxy() -> Server {
    Server::start(|request, stream| {
        let status = if request.name.contains("refused") {
            "407 Not You"
        } else {
            "200 OK"
        };
        reply(stream, status, "", b"by proxy")
    })
}

fn address(server: &Server) -> String {
    let url = server.url("");
    url.trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned()
}

#[test]
fn a_proxy_of_the_command_line() {
    let (proxy, folder) = (proxy(), Folder::new());
    let words = [
        "get",
        "-x",
        &address(&proxy),
        "-U",
        "me:s:t",
        "--proxy-header",
        "X-Tag: 1",
    ];
    let ended = run(&folder, words.iter().chain(&["http://a.example/x?y"]));
    ended.check(0, &[]);
    assert_eq!(ended.out, "by proxy");
    let [seen]: [Request; 1] = proxy.take_seen().try_into().unwrap();
    assert_eq!(seen.name, "http://a.example/x?y");
    assert_eq!(seen.header("proxy-authorization"), Some("Basic bWU6czp0"));
    assert_eq!(seen.header("x-tag"), Some("1"));
}

#[test]
fn a_proxy_of_the_environment() {
    let (proxy, direct, folder) = (proxy(), proxy(), Folder::new());
    let (by, url) = (address(&proxy), direct.url("x"));
    let get = |words: &[&str], variables: &[(&str, &str)]| {
        let words = ["get"].iter().chain(words).copied().chain([&url[..]]);
        let mut command = aioli(&folder, words);
        let ended = command.envs(variables.iter().copied()).output().unwrap();
        assert!(ended.status.success(), "{ended:?}");
        (proxy.take_seen().len(), direct.take_seen().len())
    };
    let by_proxy = [("http_proxy", &by[..])];
    assert_eq!(get(&[], &by_proxy), (1, 0));
    assert_eq!(get(&[], &[("ALL_PROXY", &by)]), (1, 0));
    assert_eq!(get(&[], &[("HTTPS_PROXY", &by)]), (0, 1));
    assert_eq!(get(&["-x", ""], &by_proxy), (0, 1));
    assert_eq!(get(&["--noproxy", "127.0.0.0/8"], &by_proxy), (0, 1));
    let not_here = [by_proxy[0], ("NO_PROXY", "127.0.0.1")];
    assert_eq!(get(&[], &not_here), (0, 1));
    assert_eq!(get(&["-x", &by], &not_here), (0, 1));
    assert_eq!(get(&["-x", &by, "--noproxy", ""], &not_here), (1, 0));
    let visitor = [("REQUEST_METHOD", "GET"), ("HTTP_PROXY", &by[..])];
    assert_eq!(get(&[], &visitor), (0, 1));
}

#[test]
fn proxies_that_do_not_serve() {
    let (proxy, folder) = (proxy(), Folder::new());
    let nobody = refused();
    let nobody = nobody
        .trim_start_matches("http://")
        .trim_end_matches("/refused");
    let get = |words: &[&str]| run(&folder, ["get"].iter().chain(words));
    get(&["-x", nobody, "http://a.example/"]).check(7, &[&[nobody]]);
    get(&["--socks5-hostname", nobody, "http://a.example/"]).check(7, &[&[nobody]]);
    get(&["-x", &address(&proxy), "https://refused.example/"]).check(56, &[&["407"]]);
    let ended = get(&["--proxy-header", "Authorization secret", "http://a/"]);
    ended.check(2, &[&["--proxy-header: one is not NAME: VALUE"]]);
    assert!(!ended.errors[0].contains("secret"));
    get(&["-x", "gopher://a", "http://a.example/"]).check(5, &[&["scheme"]]);
    // A proxy of SOCKS that cannot reach anybody.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socks = listener.local_addr().unwrap().to_string();
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 3]).unwrap();
        stream.write_all(&[5, 0]).unwrap();
        stream.read_exact(&mut [0; 16]).unwrap();
        stream.write_all(&[5, 4, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
        let _ = stream.read(&mut [0]);
    });
    let url = "http://a.example/";
    get(&["--socks5-hostname", &socks, url]).check(97, &[&["unreachable"]]);
    served.join().unwrap();
}

#[test]
fn certificates_and_addresses() {
    let (server, folder) = (proxy(), Folder::new());
    let url = server.url("x");
    let get = |words: &[&str]| {
        let words = ["get"].iter().chain(words).copied().chain([&url[..]]);
        run(&folder, words)
    };
    for fine in [
        &["-4"][..],
        &["--interface", "127.0.0.1"],
        &["-k"],
        &["--tlsv1.3"],
        &["--tlsv1.2", "--http1.1"],
        &["--keepalive-time", "9"],
    ] {
        get(fine).check(0, &[]);
    }
    let port = address(&server).rsplit_once(':').unwrap().1.to_owned();
    let to = format!("name.example:80:127.0.0.1:{port}");
    let words = [
        "get",
        "--connect-to",
        &to,
        "--no-keepalive",
        "http://name.example/",
    ];
    run(&folder, words).check(0, &[]);
    let seen = server.take_seen();
    assert_eq!(seen.last().unwrap().header("host"), Some("name.example"));
    run(&folder, ["get", "--connect-to", "a:b", "http://a/"]).check(2, &[&["--connect-to"]]);
    get(&["--connect-to", ":::1"]).check(7, &[&["127.0.0.1"]]);
    get(&["--http2-prior-knowledge"]).check(16, &[&["http/2"]]);
    get(&["--http2-prior-knowledge", "--http2"]).check(0, &[]);
    get(&["-6"]).check(6, &[&["family"]]);
    get(&["--interface", "host!127.0.0.1"]).check(0, &[]);
    get(&["--cert", "none.pem"]).check(58, &[&["none.pem"]]);
    get(&["--crlfile", "none.pem"]).check(82, &[&["none.pem"]]);
    folder.write("text.pem", "text");
    get(&["-E", "text.pem"]).check(58, &[&["certificate"]]);
    get(&["--crlfile", "text.pem"]).check(82, &[&["revocation"]]);
    get(&["--pinnedpubkey", "text.pem"]).check(2, &[&["--pinnedpubkey"]]);
}

#[test]
#[cfg(target_os = "linux")]
fn interfaces() {
    let (server, folder) = (proxy(), Folder::new());
    let (url, nobody) = (server.url("x"), refused());
    for (interface, url, expected) in [
        ("lo", &url, 0),
        ("if!lo", &url, 0),
        ("lo", &nobody, 7),
        ("no-such-one", &url, 45),
        ("if!no-such-one", &url, 45),
        ("192.0.2.1", &url, 45),
        ("host!no-such-host.invalid", &url, 45),
    ] {
        let words = ["--interface", interface, url];
        for (who, code) in super::like_curl::codes(&folder, &words) {
            assert_eq!(code, Some(expected), "{who} {interface}");
        }
    }
    let ended = run(&folder, ["get", "--interface", "no-such-one", &url]);
    ended.check(45, &[&["no-such-one"]]);
}
