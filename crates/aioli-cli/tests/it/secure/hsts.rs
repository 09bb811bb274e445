//! Hosts that are asked by https only, beside curl.

use super::{Authority, text};
use crate::command::{Folder, run};
use crate::like_curl::{CURL, curl};

/// A server called `a.example` whose answers say what their path says, and the words that lead to
/// it.
struct Strict {
    /// It has the root certificate.
    _folder: Folder,
    port: u16,
    words: Vec<String>,
}

impl Strict {
    fn new() -> Strict {
        let (authority, folder) = (Authority::new(), Folder::new());
        let port = authority.start("a.example", false, |line| {
            let says = |policy: &str| format!("Strict-Transport-Security: {policy}\r\n");
            match line.split(' ').nth(1).unwrap_or_default() {
                "/on" => says("max-age=31536000; includeSubDomains"),
                "/twice" => says("max-age=60; max-age=60"),
                "/off" => says("max-age=0"),
                path => match path.strip_prefix("/to/") {
                    Some(port) => {
                        let on = says("max-age=\"1000\"");
                        format!("{on}location: http://a.example:{port}/x\r\n")
                    }
                    None => String::new(),
                },
            }
        });
        folder.write("ca.pem", authority.0.pem());
        let roots = text(&folder.path("ca.pem")).to_owned();
        let resolve = format!("a.example:{port}:127.0.0.1");
        let words = ["--cacert", &roots, "--resolve", &resolve];
        let words = words.map(str::to_owned).into();
        Strict {
            _folder: folder,
            port,
            words,
        }
    }

    fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://a.example:{}/{path}", self.port)
    }

    /// How both end, each in a folder of its own, in whose file `hosts` stands `before`.
    fn get(&self, before: Option<&str>, words: &[&str]) -> Vec<(&'static str, Ended)> {
        let ended = |folder: &Folder, code: Option<i32>, out: String| Ended {
            code: code.unwrap(),
            out,
            hosts: hosts(folder),
        };
        let place = || {
            let folder = Folder::new();
            if let Some(before) = before {
                folder.write("hosts", before);
            }
            folder
        };
        let words = || {
            self.words
                .iter()
                .map(String::as_str)
                .chain(words.iter().copied())
        };
        let folder = place();
        let own = run(&folder, ["get", "-s"].into_iter().chain(words()));
        let mut all = vec![("aioli get", ended(&folder, own.code, own.out))];
        if *CURL {
            let folder = place();
            let output = curl(&words().collect::<Vec<_>>())
                .current_dir(folder.path(""))
                .output()
                .unwrap();
            let out = String::from_utf8(output.stdout).unwrap();
            all.push(("curl", ended(&folder, output.status.code(), out)));
        }
        all
    }
}

#[derive(Debug, PartialEq)]
struct Ended {
    code: i32,
    out: String,
    hosts: Vec<String>,
}

/// The hosts of the file, with their dots and without when they end.
fn hosts(folder: &Folder) -> Vec<String> {
    if !folder.names().contains(&"hosts".to_owned()) {
        return Vec::new();
    }
    let text = String::from_utf8(folder.read("hosts")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}

const KNOWN: &str = "# hosts\nold.example \"20200101 00:00:00\"\n.a.example \"unlimited\"\n";
const WHERE: &str = "%{url_effective} %{num_redirects}";

impl Strict {
    /// Checks how both end, what they write, and which hosts are in their files then.
    #[track_caller]
    fn check(&self, before: Option<&str>, words: &[&str], out: &str, hosts: &[&str]) {
        for (who, ended) in self.get(before, words) {
            let hosts = hosts.iter().map(|&host| host.to_owned()).collect();
            let out = out.to_owned();
            let expected = Ended {
                code: 0,
                out,
                hosts,
            };
            assert_eq!(ended, expected, "{who} {words:?}");
        }
    }
}

#[test]
fn a_known_host_is_asked_by_https() {
    let server = Strict::new();
    let (http, https) = (server.url("http", "x"), server.url("https", "x"));
    let told = format!("fine{https} 0");
    let words = ["--hsts", "hosts", "-w", WHERE, &http];
    server.check(Some(KNOWN), &words, &told, &[".a.example"]);
    let words = ["--hsts", "hosts", "--proto", "=https", &http];
    server.check(Some(KNOWN), &words, "fine", &[".a.example"]);
    // Curl reads the file for each of them.
    let alone = Some(".a.example \"unlimited\"\n");
    let words = ["-Z", "--hsts", "hosts", &http, &http];
    server.check(alone, &words, "finefine", &[".a.example"]);
    // Whose port was not said is asked at that of https.
    let to = format!("a.example:443:127.0.0.1:{}", server.port);
    let words = ["--hsts", "hosts", "--connect-to", &to, "http://A.example/x"];
    server.check(Some(KNOWN), &words, "fine", &[".a.example"]);
    let words = ["get", "-v", "--hsts", "hosts"].into_iter();
    let words = words.chain(server.words.iter().map(String::as_str));
    let folder = Folder::new();
    folder.write("hosts", KNOWN);
    let ended = run(&folder, words.chain([&http[..]]));
    let line = "* a.example is asked by https, as it wants to be";
    assert!(ended.errors.iter().any(|error| error == line), "{ended:?}");
    let plain = server.get(None, &["--hsts", "hosts", &http]);
    assert!(plain.iter().all(|(_, ended)| ended.code != 0), "{plain:?}");
}

#[test]
fn what_servers_say_is_kept() {
    let server = Strict::new();
    for (before, path, hosts) in [
        (None, "on", &[".a.example"][..]),
        (None, "x", &[]),
        (None, "twice", &[]),
        (Some(KNOWN), "off", &[]),
        (
            Some("b.example \"unlimited\"\n"),
            "on",
            &["b.example", ".a.example"],
        ),
    ] {
        let words = ["--hsts", "hosts", &server.url("https", path)];
        server.check(before, &words, "fine", hosts);
    }
}

#[test]
fn an_empty_name_is_for_one_run() {
    let server = Strict::new();
    let (on, http) = (server.url("https", "on"), server.url("http", "x"));
    let to = server.url("https", &format!("to/{}", server.port));
    let told = format!("fine{} 1", server.url("https", "x"));
    server.check(None, &["--hsts", "", "-L", "-w", WHERE, &to], &told, &[]);
    let words = ["--hsts", "", "-L", "--proto-redir", "=https", &to];
    server.check(None, &words, "fine", &[]);
    server.check(None, &["--hsts", "", &on, &http], "finefine", &[]);
    let again: Vec<_> = server.words.iter().map(String::as_str).collect();
    let first = ["--hsts", "", &on, "--next"];
    let words = [&first[..], &again, &["--hsts", "", &http]];
    server.check(None, &words.concat(), "finefine", &[]);
}

#[test]
fn files_that_cannot_be_read_or_written() {
    let server = Strict::new();
    let (on, folder) = (server.url("https", "on"), Folder::new());
    server.check(None, &["--hsts", "missing/hosts", &on], "fine", &[]);
    let words = || server.words.iter().map(String::as_str);
    let get = |more: &[&'static str]| {
        let words = ["get"]
            .into_iter()
            .chain(words())
            .chain(more.iter().copied());
        run(&folder, words.chain([&on[..]]))
    };
    get(&["--hsts", "missing/hosts"]).check(0, &[&["(23)", "missing"]]);
    get(&["--hsts", "."]).check(26, &[&["--hsts .: "]]);
    // Curl believes whoever has answered.
    get(&["-k", "--hsts", "hosts"]).check(0, &[]);
    assert_eq!(hosts(&folder), [""; 0]);
    // The last of several files is written.
    folder.write("other", KNOWN);
    get(&["--hsts", "other", "--hsts", "hosts"]).check(0, &[]);
    assert_eq!(hosts(&folder), [".a.example"]);
    assert_eq!(folder.read("other"), KNOWN.as_bytes());
}
