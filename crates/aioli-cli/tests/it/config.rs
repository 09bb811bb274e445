//! `aioli get -K`: options of files, beside curl where both read a file the same way.

use std::io::Write as _;
use std::process::Stdio;

use super::command::{Folder, aioli, end_of, run};
use super::like_curl::codes;
use super::server::{Request, Server, reply};

/// A server that answers everything.
fn server() -> Server {
    Server::start(|_, stream| reply(stream, "200 OK", "", b"fine"))
}

/// What a server sees of `aioli get` and, if it is there, of curl, which must be the same, with a
/// file that says `text`, in which `URL` is the server's.
#[track_caller]
fn seen(text: &str, words: &[&str]) -> Vec<Request> {
    let (server, folder) = (server(), Folder::new());
    folder.write("k", text.replace("URL", &server.url("x")));
    let path = folder.path("k");
    let words = [&["-K", path.to_str().unwrap()], words].concat();
    let ended = codes(&folder, &words);
    for (who, code) in &ended {
        assert_eq!(*code, Some(0), "{who}: {text}");
    }
    let mut all = server.take_seen();
    let curls = all.split_off(all.len() / ended.len());
    if ended.len() == 1 {
        return curls;
    }
    for (own, curls) in all.iter().zip(&curls) {
        let what = |r: &Request| (r.method.clone(), r.name.clone(), r.body.clone());
        assert_eq!(what(own), what(curls), "{text}");
        for name in ["x-a", "referer", "authorization"] {
            assert_eq!(own.header(name), curls.header(name), "{text}");
        }
    }
    all
}

#[test]
fn words_are_what_curl_takes_them_for() {
    let (server, folder) = (server(), Folder::new());
    let url = server.url("x");
    for (words, sent) in [
        (&["-d", "-x"][..], "-x"),
        (&["-d=x"], "=x"),
        (&["-sd", "--next"], "--next"),
        (&["-d", "--"], "--"),
        (&["--data-raw", "-K"], "-K"),
    ] {
        let words = [words, &[&url]].concat();
        for (who, code) in codes(&folder, &words) {
            assert_eq!(code, Some(0), "{who} {words:?}");
        }
        for request in server.take_seen() {
            assert_eq!(request.body, sent.as_bytes(), "{words:?}");
        }
    }
}

#[test]
fn what_a_line_says() {
    let data = |line: &str| {
        let [request] = seen(&format!("url=URL\n{line}\n"), &[]).try_into().unwrap();
        String::from_utf8(request.body).unwrap()
    };
    for (line, sent) in [
        ("data=x", "x"),
        ("  data \t: = x # a comment", "x"),
        ("--data x", "x"),
        ("-d=x", "=x"),
        ("-sSd -x", "-x"),
        ("data = \"a \\\"b\\\" \\\\ \\t\\n\\q\"", "a \"b\" \\ \t\nq"),
        ("data = --next", "--next"),
        ("data=\"\"", ""),
        ("# data=y\n\n/ data=y\r\n* data=y\ndata=x\r", "x"),
    ] {
        assert_eq!(data(line), sent, "{line}");
    }
    let text = "url URL\nheader \"X-A: b c\"\nreferer=http://a/#b\nuser = me:secret\nno-silent # now\nshow-error #now";
    let [request] = seen(text, &[]).try_into().unwrap();
    assert_eq!(request.header("x-a"), Some("b c"));
    assert_eq!(request.header("referer"), Some("http://a/#b"));
    assert_eq!(request.header("authorization"), Some("Basic bWU6c2VjcmV0"));
}

#[test]
fn options_of_a_file_stand_where_it_is_named() {
    let methods = |text: &str, words: &[&str]| {
        let all = seen(text, words);
        let methods = all.iter().map(|request| request.method.clone());
        methods.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(methods("url=URL\nrequest=PUT", &[]), "PUT");
    assert_eq!(methods("url=URL\nrequest=PUT", &["-X", "PATCH"]), "PATCH");
    let groups = "url=URL\n-I\nnext\nurl=URL\n--next\nurl=URL\nrequest = PUT";
    assert_eq!(methods(groups, &[]), "HEAD GET PUT");
    assert_eq!(methods("url=URL", &["-I", "-d", "-K", "-G"]), "HEAD");
    let [request] = seen("url=URL\nget", &["-d", "-K"]).try_into().unwrap();
    assert_eq!(request.name, "x?-K");
}

#[test]
fn files_within_files() {
    let (server, folder) = (server(), Folder::new());
    folder.write("a", "config = b\ndata=3");
    folder.write("b", "data=1\n-K c\n");
    folder.write("c", format!("data=2\nurl={}", server.url("x")));
    run(&folder, ["get", "-sKa", "-d", "4"]).check(0, &[]);
    let [request] = server.take_seen().try_into().unwrap();
    assert_eq!(request.body, b"1&2&3&4");
    folder.write("c", "config=a");
    let ended = run(&folder, ["get", "--config=a"]);
    ended.check(2, &[&["b:2: more than 5 files within each other"]]);
    folder.write("c", vec![b'\n'; 9 << 20]);
    folder.write("a", "config=c\nconfig=c");
    run(&folder, ["get", "-K", "a"]).check(26, &[&["a:2: c", "too long"]]);
}

#[test]
fn options_of_the_standard_input() {
    let (server, folder) = (server(), Folder::new());
    let mut command = aioli(&folder, ["get", "-K", "-", "-d", "@-"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let text = format!("url={}\nuser=\"me:secret\"\n", server.url("x"));
    let mut input = child.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    end_of(child).check(0, &[]);
    let [request] = server.take_seen().try_into().unwrap();
    assert_eq!(request.method, "POST");
    assert_eq!(request.header("authorization"), Some("Basic bWU6c2VjcmV0"));
    // Nobody's own settings are read.
    folder.write(".curlrc", "data=x");
    let mut command = aioli(&folder, ["get", &server.url("x")]);
    command
        .env("HOME", folder.path(""))
        .env("CURL_HOME", folder.path(""));
    assert!(command.status().unwrap().success());
    assert_eq!(server.take_seen()[0].method, "GET");
}

#[test]
fn files_that_cannot_be_read() {
    let folder = Folder::new();
    let missing = ["-K", "none", "http://a/"];
    for (who, code) in codes(&folder, &missing) {
        assert_eq!(code, Some(26), "{who}");
    }
    let get = |words: &[&str]| run(&folder, ["get", "-s"].iter().chain(words));
    get(&missing).check(26, &[&["-K none: ", "No such file"]]);
    folder.write("a", "silent\n\nconfig = none");
    get(&["-K", "a"]).check(26, &[&["a:3: none: ", "No such file"]]);
    std::fs::create_dir(folder.path("folder")).unwrap();
    get(&["-K", "folder"]).check(26, &[&["-K folder: ", "directory"]]);
    folder.write("b", b"silent\nuser=me:\xff");
    get(&["-K", "b"]).check(2, &[&["b:2: not UTF-8"]]);
}

#[test]
#[cfg(target_os = "linux")] // others refuse to make such a name
fn names_that_are_not_utf8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let (server, folder) = (server(), Folder::new());
    let (name, long, short) = (b"k\xff", b"--config=k\xff", b"-sKk\xff");
    let [name, long, short] = [&name[..], long, short].map(OsStr::from_bytes);
    std::fs::write(folder.path("").join(name), "data=x").unwrap();
    let url = server.url("x");
    run(&folder, ["get".as_ref(), "-K".as_ref(), name, url.as_ref()]).check(0, &[]);
    assert_eq!(server.take_seen()[0].body, b"x");
    for word in [long, short] {
        let ended = run(&folder, ["get".as_ref(), word, url.as_ref()]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.errors[0].contains("not UTF-8"), "{ended:?}");
    }
    assert!(
        server.take_seen().is_empty(),
        "nothing is asked for without the file"
    );
}

/// Of what a line says that is wrong no value is told.
#[test]
fn lines_that_are_wrong() {
    let folder = Folder::new();
    for (line, wrong) in [
        ("user = \"me:secret", "the quotes are not closed"),
        ("user = \"me\" secret", "behind the quotes"),
        ("header = Authorization: secret", "needs quotes"),
        ("secret", "no such option"),
        ("http://me:secret@a/", "no such option"),
        ("usr=me:secret", "no such option; is user meant?"),
        ("--usr=me:secret", "no such option"),
        ("-Qsecret", "no such option"),
        ("silent = secret", "takes no value"),
        ("-s%secret", "no such option"),
        ("-ume:secret other", "takes no value, or one alone"),
        ("oauth2-bearer", "needs a value"),
        ("user = # me:secret", "needs a value"),
        ("max-time = secret", "max-time: not a number"),
        (
            "parallel-max = 98765",
            "parallel-max: not a value that it takes",
        ),
        ("tls-max = secret", "tls-max: not a value that it takes"),
    ] {
        folder.write("k", format!("url=http://a/\n{line}\n"));
        let ended = run(&folder, ["get", "-K", "k"]);
        ended.check(2, &[&["(2) k:2: ", wrong]]);
        let told = format!("{ended:?}");
        assert!(
            !told.contains("secret") && !told.contains("98765"),
            "{told}"
        );
    }
    // What does not fit together is said by names alone.
    folder.write("k", "range = secret\ncontinue-at=7654\nurl=http://a/");
    let ended = run(&folder, ["get", "-K", "k"]);
    let told = format!("{ended:?}");
    assert_eq!(ended.code, Some(2), "{told}");
    assert!(
        told.contains("--range") && told.contains("--continue-at"),
        "{told}"
    );
    assert!(!told.contains("secret") && !told.contains("7654"), "{told}");
}

#[test]
fn help_is_short_and_long() {
    let folder = Folder::new();
    let lines = |word| {
        let ended = run(&folder, ["get", word]);
        ended.check(0, &[]);
        assert!(ended.out.contains("--config <FILE>"), "{ended:?}");
        ended.out.lines().count()
    };
    assert!(lines("-h") < lines("--help"));
}
