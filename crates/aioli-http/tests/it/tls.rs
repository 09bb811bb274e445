//! https, against a server whose certificates are made on the spot.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aioli_http::{BodyErrorKind, Error, ErrorKind, Session, SessionBuilder, TlsErrorKind};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ConfigBuilder, ServerConfig, WantsVerifier};

use crate::server::{Conn, Server, ok, run, text};

/// A certificate authority of this test's own.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let mut params = CertificateParams::new([]).unwrap();
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("authority {}", COUNT.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Authority {
            issuer: CertifiedIssuer::self_signed(params, key).unwrap(),
        }
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A server's configuration with a certificate for `names`, changed by `change`.
    pub(crate) fn issue(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Arc<ServerConfig> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        config(&certificate, &key)
    }

    pub(crate) fn issuer(&self) -> &CertifiedIssuer<'static, KeyPair> {
        &self.issuer
    }
}

/// A server's configuration with this certificate.
pub(crate) fn config(certificate: &Certificate, key: &KeyPair) -> Arc<ServerConfig> {
    let mut config = builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap();
    // The servers here speak nothing else.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

pub(crate) fn builder() -> ConfigBuilder<ServerConfig, WantsVerifier> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
}

pub(crate) fn answer(conn: &mut Conn) {
    while let Some(request) = conn.request() {
        let alpn = conn
            .tls_connection()
            .unwrap()
            .alpn_protocol()
            .unwrap_or_default();
        conn.send(ok(&format!(
            "{} {}",
            String::from_utf8_lossy(alpn),
            request.text().len()
        )));
    }
}

/// Trusts `authority` alone, and knows where `a.example` is.
pub(crate) fn session(authority: &Authority, server: &Server) -> SessionBuilder {
    Session::builder()
        .system_roots(false)
        .add_root_certificate(authority.pem())
        .resolve("a.example", server.addr)
}

#[test]
fn a_secure_connection_serves_again() {
    let authority = Authority::new();
    let server = Server::tls(authority.issue(&["a.example"], |_| {}), answer);
    run(async {
        let session = session(&authority, &server).build().unwrap();
        for size in [0, 10, 1_000_000] {
            let request = session.post("https://a.example/").body(vec![b'x'; size]);
            let text = request.await.unwrap().text().await.unwrap();
            assert_eq!(text, format!("http/1.1 {size}"));
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn addresses_have_certificates_too() {
    let authority = Authority::new();
    let server = Server::tls(authority.issue(&["127.0.0.1"], |_| {}), answer);
    run(async {
        let session = session(&authority, &server).build().unwrap();
        let url = format!("https://{}/", server.addr);
        assert_eq!(text(&session, url).await, "http/1.1 0");
    });
}

#[track_caller]
pub(crate) fn refused(error: &Error, want: TlsErrorKind) {
    let ErrorKind::Tls { kind, .. } = error.kind() else {
        panic!("{error:?}")
    };
    assert_eq!(*kind, want, "{error:?}");
    assert!(error.is_tls() && error.is_connect() && !error.maybe_processed());
}

#[test]
fn n139_a_server_that_speaks_something_else() {
    let authority = Authority::new();
    let mut config = Arc::unwrap_or_clone(authority.issue(&["a.example"], |_| {}));
    config.alpn_protocols = vec![b"smtp".to_vec()];
    let server = Server::tls(Arc::new(config), answer);
    run(async {
        let session = session(&authority, &server).build().unwrap();
        let error = session.get("https://a.example/").await.unwrap_err();
        refused(&error, TlsErrorKind::Handshake);
    });
}

#[test]
fn nobody_is_trusted_without_roots() {
    let authority = Authority::new();
    let server = Server::tls(authority.issue(&["a.example"], |_| {}), answer);
    run(async {
        let session = Session::builder()
            .system_roots(false)
            .resolve("a.example", server.addr)
            .build();
        refused(
            &session
                .unwrap()
                .get("https://a.example/")
                .await
                .unwrap_err(),
            TlsErrorKind::NoRoots,
        );
        let session = Session::builder()
            .resolve("a.example", server.addr)
            .build()
            .unwrap();
        let error = session.get("https://a.example/").await.unwrap_err();
        let ErrorKind::Tls { kind, .. } = error.kind() else {
            panic!("{error:?}")
        };
        // Without any root on this system, that is what is said.
        assert!(
            matches!(kind, TlsErrorKind::UnknownIssuer | TlsErrorKind::NoRoots),
            "{error:?}"
        );
    });
}

#[test]
fn roots_that_are_none() {
    for bad in [
        &b""[..],
        b"text",
        b"\x30\x00",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n",
    ] {
        let error = Session::builder()
            .add_root_certificate(bad)
            .build()
            .unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::InvalidRequest { .. }),
            "{error:?}"
        );
    }
}

#[test]
fn a_plain_server_behind_https() {
    let server = Server::start(|conn| {
        conn.need(5);
        conn.send("HTTP/1.1 400 Bad Request\r\n\r\n");
        conn.wait_closed();
    });
    let error = run(aioli_http::get(format!("https://{}/", server.addr)).send()).unwrap_err();
    // A system without roots says that first.
    let ErrorKind::Tls { kind, .. } = error.kind() else {
        panic!("{error:?}")
    };
    assert!(
        matches!(kind, TlsErrorKind::Handshake | TlsErrorKind::NoRoots),
        "{error:?}"
    );
}

#[test]
fn n138_a_server_that_leaves_in_the_handshake() {
    let authority = Authority::new();
    let server = Server::start(|conn| {
        conn.need(1);
    });
    run(async {
        let session = session(&authority, &server).build().unwrap();
        refused(
            &session.get("https://a.example/").await.unwrap_err(),
            TlsErrorKind::Disconnected,
        );
    });
}

/// Sends `reply` and ends: in an orderly way when `orderly`.
fn ending(authority: &Authority, reply: &'static str, orderly: bool) -> Server {
    Server::tls(authority.issue(&["a.example"], |_| {}), move |conn| {
        conn.request();
        conn.send(reply);
        if orderly {
            conn.finish();
        }
    })
}

#[test]
fn n059_n140_truncation_is_seen() {
    let authority = Authority::new();
    for (reply, orderly, want) in [
        ("HTTP/1.1 200 OK\r\n\r\nhello", true, Some("hello")),
        ("HTTP/1.1 200 OK\r\n\r\nhello", false, None),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello",
            false,
            None,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello",
            true,
            None,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
            false,
            Some("hello"),
        ),
    ] {
        let server = ending(&authority, reply, orderly);
        run(async {
            let session = session(&authority, &server).build().unwrap();
            let body = session
                .get("https://a.example/")
                .await
                .unwrap()
                .text()
                .await;
            match want {
                Some(want) => assert_eq!(body.unwrap(), want),
                None => {
                    let error = body.unwrap_err();
                    let ErrorKind::Body { kind, .. } = error.kind() else {
                        panic!("{error:?}")
                    };
                    assert_eq!(*kind, BodyErrorKind::Truncated);
                }
            }
        });
    }
}

#[test]
fn n094_from_https_to_http_secrets_stay_behind() {
    let plain = Server::answering(|request| ok(&format!("{:?}", request.header("authorization"))));
    let target = plain.url("/x");
    let authority = Authority::new();
    let server = Server::tls(authority.issue(&["127.0.0.1"], |_| {}), move |conn| {
        while conn.request().is_some() {
            conn.send(format!(
                "HTTP/1.1 302 Go\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n"
            ));
        }
    });
    run(async {
        let url = format!("https://{}/", server.addr);
        let loose = session(&authority, &server).build().unwrap();
        let response = loose
            .get(&url)
            .header("authorization", "secret")
            .await
            .unwrap();
        assert_eq!(response.text().await.unwrap(), "None");

        let strict = session(&authority, &server)
            .https_only(true)
            .build()
            .unwrap();
        let error = strict.get(&url).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Redirect { .. }),
            "{error:?}"
        );
    });
}

#[test]
fn under_a_foreign_executor() {
    let authority = Authority::new();
    let server = Server::tls(authority.issue(&["a.example"], |_| {}), answer);
    let session = session(&authority, &server).build().unwrap();
    let text = futures::executor::block_on(async { text(&session, "https://a.example/").await });
    assert_eq!(text, "http/1.1 0");
}
