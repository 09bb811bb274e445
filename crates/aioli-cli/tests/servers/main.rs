//! `aioli fetch` from a server that others have written, many files at once.
//!
//! `cargo xtask servers` runs it where nginx is there or can be fetched, and names its program in the
//! variable `AIOLI_SERVER_NGINX`. Without it nothing is done: what is not there is the task's to
//! report.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "the HTTP client's tests use all of it")]
#[path = "../../../aioli-http/tests/servers/part.rs"]
mod part;
#[path = "../../../aioli-http/tests/servers/vacant.rs"]
mod vacant;

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use self::part::{Folder, Running, program};

const FILES: usize = 20_000;

/// What nginx answers for a number: of 18 to some 5000 bytes, and none as another.
fn content(number: usize) -> String {
    let times = 1 + number % 10 * (number % 100);
    format!("file {number}\n{}", format!("{number}.").repeat(times))
}

/// Serves a file for each number.
fn nginx(folder: &Path, address: SocketAddr) -> Command {
    let files = folder.join("files");
    fs::create_dir(&files).unwrap();
    for number in 0..FILES {
        fs::write(files.join(number.to_string()), content(number)).unwrap();
    }
    let servers = format!("server {{ listen {address}; root {}; }}", files.display());
    part::nginx(&program("NGINX").unwrap(), folder, &servers)
}

#[test]
fn twenty_thousand_files_from_nginx_are_what_they_were() {
    if program("NGINX").is_none() {
        return;
    }
    let server = Running::start(nginx);
    let mut urls = String::new();
    for number in 0..FILES {
        writeln!(urls, "{}", server.url(&number.to_string())).unwrap();
    }
    let folder = Folder::new();
    let folder = folder.path();
    fs::write(folder.join("urls"), urls).unwrap();

    let mut fetch = Command::new(env!("CARGO_BIN_EXE_aioli"));
    fetch.args(["fetch", "-j", "256", "-i", "urls", "-o", "got"]);
    let ended = fetch.env("no_proxy", "*").current_dir(folder).output();
    let ended = ended.unwrap();
    assert!(ended.status.success(), "{ended:?}");

    let got = folder.join("got");
    assert_eq!(
        fs::read_dir(&got).unwrap().count(),
        FILES,
        "no others are left"
    );
    for number in 0..FILES {
        let bytes = fs::read(got.join(number.to_string())).unwrap();
        assert!(bytes == content(number).as_bytes(), "{number} differs");
    }
}
