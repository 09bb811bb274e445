//! Requests over a Unix socket, and files that only their owner may read.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::thread;

use aioli_http::{CookieJar, Egress, ErrorKind, HstsStore, Session, SessionCookies, Timeout};

use crate::server::{ok, run, text};

#[cfg(feature = "http2")]
mod http2;

/// A path nobody else uses, removed at the end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let name = format!("aioli-http-{}-{name}", std::process::id());
        Place(std::env::temp_dir().join(name))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Answers each request with its head, and returns how many connections there were.
fn serve(listener: UnixListener, connections: usize) -> thread::JoinHandle<usize> {
    thread::spawn(move || {
        for n in 0..connections {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while stream.read(&mut byte).unwrap() > 0 {
                head.push(byte[0]);
                if head.ends_with(b"\r\n\r\n") {
                    let echo = ok(&String::from_utf8(std::mem::take(&mut head)).unwrap());
                    stream.write_all(echo.as_bytes()).unwrap();
                    if n + 1 < connections {
                        break;
                    }
                }
            }
        }
        connections
    })
}

#[test]
fn every_host_is_behind_the_socket_and_connections_serve_again() {
    let place = Place::new("serve");
    let server = serve(UnixListener::bind(&place.0).unwrap(), 2);
    run(async {
        let session = Session::builder()
            .unix_socket(&place.0)
            .egress(Egress::public_only())
            .build()
            .unwrap();
        let info = text(&session, "http://docker/info").await;
        assert!(info.starts_with("GET /info HTTP/1.1\r\n"), "{info}");
        assert!(info.contains("host: docker\r\n"), "{info}");
        // The first connection has been closed meanwhile, which is seen, or its request is sent
        // again; the second one serves twice.
        for _ in 0..2 {
            text(&session, "http://docker/").await;
        }
        assert_eq!(session.stats().idle, 1);
    });
    assert_eq!(server.join().unwrap(), 2);
}

#[test]
fn a_socket_that_is_not_there() {
    let place = Place::new("nowhere");
    run(async {
        let session = Session::builder()
            .unix_socket(&place.0)
            .timeout(Timeout::default().connect(20))
            .build()
            .unwrap();
        let error = session.get("http://docker/").await.unwrap_err();
        let ErrorKind::Connect { host, source, .. } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(host, &place.0.display().to_string());
        assert!(
            error
                .to_string()
                .ends_with(&format!("cannot connect to {host}"))
        );
        assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
        assert!(error.is_connect() && !error.maybe_processed());
    });
}

#[test]
fn saved_cookies_are_their_owners() {
    let place = Place::new("cookies");
    std::fs::write(&place.0, "anybody may read this").unwrap();
    CookieJar::new()
        .save(&place.0, SessionCookies::Keep)
        .unwrap();
    let mode = std::fs::metadata(&place.0).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// As `/dev/null` does, which is no file either.
#[test]
fn what_is_no_file_is_saved_to_and_stays() {
    use std::os::unix::fs::FileTypeExt as _;

    let place = Place::new("pipe");
    let made = std::process::Command::new("mkfifo").arg(&place.0).status();
    assert!(made.unwrap().success());
    // Opened for both, it waits for nobody.
    let both = std::fs::File::options()
        .read(true)
        .write(true)
        .open(&place.0);
    let mut pipe = both.unwrap();
    let mut saved = || {
        let kind = std::fs::symlink_metadata(&place.0).unwrap().file_type();
        assert!(kind.is_fifo());
        let mut text = [0; 4096];
        let n = pipe.read(&mut text).unwrap();
        String::from_utf8_lossy(&text[..n]).into_owned()
    };
    let url = aioli_http::Url::parse("https://a.example/").unwrap();
    let jar = CookieJar::new();
    jar.set(&url, "a=1; Secure").unwrap();
    jar.save(&place.0, SessionCookies::Keep).unwrap();
    let text = saved();
    assert_eq!(
        CookieJar::from_json(&text).unwrap().header(&url).unwrap(),
        "a=1"
    );
    let store = HstsStore::from_text("a.example \"unlimited\"\n");
    store.save(&place.0).unwrap();
    let text = saved();
    assert_eq!(HstsStore::from_text(text).hosts(), store.hosts());
}

#[test]
fn a_host_that_wants_https_gets_it_over_a_socket() {
    let place = Place::new("hsts");
    let listener = UnixListener::bind(&place.0).unwrap();
    let server = thread::spawn(move || {
        let mut first = [0];
        listener.accept().unwrap().0.read_exact(&mut first).unwrap();
        first
    });
    run(async {
        let session = Session::builder()
            .unix_socket(&place.0)
            .hsts(HstsStore::from_text("docker \"unlimited\"\n"))
            .danger_accept_invalid_certificates(true)
            .build()
            .unwrap();
        let error = session.get("http://docker/info").await.unwrap_err();
        assert!(error.is_tls(), "{error:?}");
    });
    assert_eq!(server.join().unwrap(), [0x16], "a handshake begins so");
}
