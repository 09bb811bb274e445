//! `aioli get` over TLS: who is trusted, who we are, and which versions are spoken.

mod hsts;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::command::{Folder, run};
use super::like_curl::codes;

/// A key, and the same one behind the passphrase `pass:word`, as `openssl pkcs8 -topk8` writes it.
const KEY: &str = include_str!("../keys/plain.pem");
const PROTECTED_KEY: &str = include_str!("../keys/protected.pem");

/// A certificate authority, and what it has signed.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new([]).unwrap();
        // The usual name is that of all certificates, which would be their own issuers.
        params
            .distinguished_name
            .push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Authority(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Starts a server that answers everybody, or those alone whose certificates it has signed,
    /// and returns its URL.
    fn serve(&self, asks_for_certificates: bool) -> String {
        let port = self.start("127.0.0.1", asks_for_certificates, |_| String::new());
        format!("https://127.0.0.1:{port}/")
    }

    /// Starts a server that is called `name` and answers each request line with these headers,
    /// and returns its port.
    fn start(
        &self,
        name: &str,
        asks_for_certificates: bool,
        headers: impl Fn(&str) -> String + Send + 'static,
    ) -> u16 {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match asks_for_certificates {
            true => builder.with_client_cert_verifier(verifier.build().unwrap()),
            false => builder.with_no_client_auth(),
        };
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = builder.with_single_cert(vec![certificate.der().clone()], key);
        let config = Arc::new(config.unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let connection = ServerConnection::new(config.clone()).unwrap();
                let mut stream = BufReader::new(StreamOwned::new(connection, stream.unwrap()));
                let (mut line, mut first) = (String::new(), String::new());
                // Whom it does not trust, or who does not trust it, leaves before the empty line.
                while line != "\r\n" {
                    line.clear();
                    if !stream.read_line(&mut line).is_ok_and(|n| n > 0) {
                        break;
                    }
                    if first.is_empty() {
                        first.clone_from(&line);
                    }
                }
                let more = headers(first.trim_end());
                let status = if more.contains("location") {
                    "302 Found"
                } else {
                    "200 OK"
                };
                let answer = format!(
                    "HTTP/1.1 {status}\r\n{more}content-length: 4\r\nconnection: close\r\n\r\nfine"
                );
                let _ = stream.get_mut().write_all(answer.as_bytes());
                stream.get_mut().conn.send_close_notify();
                let _ = stream.get_mut().flush();
            }
        });
        port
    }
}

/// Checks how `aioli get` and, if it is there, curl end.
#[track_caller]
fn check(folder: &Folder, words: &[&str], expected: i32) {
    for (who, code) in codes(folder, words) {
        assert_eq!(code, Some(expected), "{who} {words:?}");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn versions_of_tls() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let url = authority.serve(false);
    folder.write("ca.pem", authority.0.pem());
    let roots = folder.path("ca.pem");
    let words = ["--cacert", text(&roots), &url];
    for (more, expected) in [
        (&["--tls-max", "1.2"][..], 0),
        (&["--tls-max", "1.3"], 0),
        (&["--tls-max", "default"], 0),
        (&["--tls-max", "1.2", "--tlsv1.2"], 0),
        (&["--tlsv1.0"], 0),
        (&["--tls-max", "1.2", "--tlsv1.3"], 35),
        (&["--tls-max", "1.1"], 35),
        (&["--tls-max", "1.4"], 2),
    ] {
        check(&folder, &[more, &words].concat(), expected);
    }
    for (newest, line) in [("1.2", "* TLS 1.2"), ("1.3", "* TLS 1.3")] {
        let words = [&["get", "-v", "--tls-max", newest], &words[..]].concat();
        let ended = run(&folder, words);
        assert!(ended.errors.iter().any(|error| error == line), "{ended:?}");
    }
}

#[test]
fn roots_of_a_folder() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let url = authority.serve(false);
    for name in ["full", "empty"] {
        std::fs::create_dir(folder.path(name)).unwrap();
    }
    folder.write("ca.pem", authority.0.pem());
    folder.write("full/0123abcd.0", "nonsense");
    folder.write("full/0123abcd.1", authority.0.pem());
    folder.write("empty/ca.pem", authority.0.pem());
    run(&folder, ["get", "--capath", "full", &url]).check(0, &[]);
    let ended = run(&folder, ["get", "--capath", "empty", &url]);
    ended.check(60, &[&["--capath", "openssl rehash"]]);
    let (roots, empty, missing) = (
        folder.path("ca.pem"),
        folder.path("empty"),
        folder.path("missing"),
    );
    check(&folder, &["--capath", text(&empty), &url], 60);
    check(&folder, &["--capath", text(&missing), &url], 60);
    let both = ["--capath", text(&empty), "--cacert", text(&roots), &url];
    check(&folder, &both, 0);
}

#[test]
fn keys_behind_passphrases() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let url = authority.serve(true);
    let key = KeyPair::from_pem(KEY).unwrap();
    let params = CertificateParams::new(["me".to_owned()]).unwrap();
    let signed = params.signed_by(&key, &authority.0).unwrap();
    let (certificate, certificate_der) = (signed.pem(), signed.der().to_vec());
    folder.write("ca.pem", authority.0.pem());
    folder.write("me.pem", &certificate);
    folder.write("key.pem", PROTECTED_KEY);
    folder.write("both.pem", certificate + PROTECTED_KEY);
    let [roots, me, key, both] =
        ["ca.pem", "me.pem", "key.pem", "both.pem"].map(|name| text(&folder.path(name)).to_owned());
    let roots = ["--cacert", &roots, &url];
    let split = ["--cert", &me, "--key", &key];
    check(
        &folder,
        &[&split[..], &["--pass", "pass:word"], &roots].concat(),
        0,
    );
    check(
        &folder,
        &[&split[..], &["--pass", "s3cret"], &roots].concat(),
        58,
    );
    let der = folder.path("me.der");
    folder.write("me.der", &certificate_der);
    let types = [
        "--cert",
        text(&der),
        "--cert-type",
        "DER",
        "--key-type",
        "pem",
    ];
    let key_of_it = ["--key", &key, "--pass", "pass:word"];
    check(&folder, &[&types[..], &key_of_it, &roots].concat(), 0);
    let joined = format!("{both}:pass:word");
    check(&folder, &[&["-E", &joined], &roots[..]].concat(), 0);
    let joined = format!("{me}:pass:word");
    check(
        &folder,
        &[&["-E", &joined, "--key", &key], &roots[..]].concat(),
        0,
    );
    let joined = format!("{both}:s3cret");
    let said_twice = ["-E", &joined, "--pass", "pass:word"];
    check(&folder, &[&said_twice, &roots[..]].concat(), 0);
    let get = |words: &[&str]| run(&folder, ["get"].iter().chain(words).chain(&roots));
    get(&split).check(58, &[&["key.pem", "--pass", "openssl pkey"]]);
    for words in [
        &["-E", "none.pem:s3cret"][..],
        &["-E", "both.pem:s3cret", "-v"],
    ] {
        let ended = get(words);
        ended.check(58, &[&[".pem: "]]);
        assert!(!format!("{ended:?}").contains("s3cret"), "{ended:?}");
    }
}
