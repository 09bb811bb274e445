//! Who is taken for whom: certificates of servers, keys that were pinned, and our own.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, SystemTime};

use aioli_http::{
    Error, ErrorKind, Phase, Proxy, RequestErrorKind, Session, SessionBuilder, Timeout,
    TlsErrorKind, TlsVersion, Trace, TraceContext,
};
use futures::future::{Either, select};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa,
    KeyIdMethod, KeyPair, PublicKeyData as _, RevocationReason, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use sha2::{Digest as _, Sha256};

use crate::server::{Server, before, ok, run};
use crate::tls::{Authority, answer, builder, config, refused, session};

/// A server that tells whether a request ever came.
fn listening(config: Arc<ServerConfig>) -> (Server, mpsc::Receiver<bool>) {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let server = Server::tls(config, move |conn| {
        let request = conn.request();
        tell.lock().unwrap().send(request.is_some()).unwrap();
    });
    (server, told)
}

/// A certificate signed by its own key.
fn self_signed(is_authority: bool) -> Arc<ServerConfig> {
    let mut params = CertificateParams::new(["a.b.example".to_owned()]).unwrap();
    if is_authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let key = KeyPair::generate().unwrap();
    config(&params.self_signed(&key).unwrap(), &key)
}

#[test]
fn input_137_certificates_that_are_no_good() {
    let authority = Authority::new();
    let stranger = Authority::new();
    let day = Duration::from_secs(24 * 60 * 60);
    let now = SystemTime::now();
    let issue = |name: &str| authority.issue(&[name], |_| {});
    let host = "a.b.example";
    let cases = [
        (host, issue("b.b.example"), TlsErrorKind::HostMismatch),
        (host, issue("*.example"), TlsErrorKind::HostMismatch),
        (host, issue("*.a.b.example"), TlsErrorKind::HostMismatch),
        (host, issue("127.0.0.1"), TlsErrorKind::HostMismatch),
        ("127.0.0.1", issue("127.0.0.2"), TlsErrorKind::HostMismatch),
        ("127.0.0.1", issue("*.0.0.1"), TlsErrorKind::HostMismatch),
        ("b.example", issue("*.example"), TlsErrorKind::HostMismatch),
        (
            host,
            authority.issue(&[], |params| {
                params
                    .distinguished_name
                    .push(DnType::CommonName, "a.b.example");
            }),
            TlsErrorKind::HostMismatch,
        ),
        (host, self_signed(false), TlsErrorKind::SelfSigned),
        (host, self_signed(true), TlsErrorKind::SelfSigned),
        (
            host,
            stranger.issue(&[host], |_| {}),
            TlsErrorKind::UnknownIssuer,
        ),
        (
            host,
            authority.issue(&[host], |params| {
                params.not_before = (now - 2 * day).into();
                params.not_after = (now - day).into();
            }),
            TlsErrorKind::Expired,
        ),
        (
            host,
            authority.issue(&[host], |params| params.not_before = (now + day).into()),
            TlsErrorKind::NotYetValid,
        ),
    ];
    let good = Server::tls(issue("a.example"), answer);
    for (n, (host, config, want)) in cases.into_iter().enumerate() {
        let (server, told) = listening(config);
        run(async {
            let session = session(&authority, &good)
                .resolve("a.b.example", server.addr)
                .resolve("b.example", server.addr)
                .build()
                .unwrap();
            let url = format!("https://{host}:{}/", server.addr.port());
            let error = session.get(url).await.unwrap_err();
            refused(&error, want);
            assert!(!told.recv().unwrap(), "case {n}: no request was sent");
            assert!(session.get("https://a.example/").await.is_ok());
        });
    }
}

#[test]
fn a_wildcard_is_for_one_label() {
    let authority = Authority::new();
    let server = Server::tls(authority.issue(&["*.b.example"], |_| {}), answer);
    run(async {
        let session = session(&authority, &server)
            .resolve("a.b.example", server.addr)
            .build()
            .unwrap();
        assert!(session.get("https://A.b.example./").await.is_ok());
    });
}

/// A server's configuration and the hash of its key.
fn with_key(authority: &Authority, names: &[&str]) -> (Arc<ServerConfig>, [u8; 32]) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(names).unwrap();
    let certificate = params.signed_by(&key, authority.issuer()).unwrap();
    let hash = Sha256::digest(key.subject_public_key_info());
    (config(&certificate, &key), hash.into())
}

#[test]
fn input_137_a_pinned_key_is_the_only_one() {
    let authority = Authority::new();
    let (right, hash) = with_key(&authority, &["a.example", "127.0.0.1"]);
    let (wrong, _) = with_key(&authority, &["a.example", "127.0.0.1"]);
    let right = Server::tls(right, answer);
    let (wrong, told) = listening(wrong);
    run(async {
        let pinned = |server: &Server| {
            session(&authority, server)
                .pin_public_key("A.example.", [0; 32])
                .pin_public_key("a.example", hash)
                .pin_public_key("127.0.0.1", hash)
                .build()
                .unwrap()
        };
        let url = |server: &Server| format!("https://{}/", server.addr);
        assert!(pinned(&right).get("https://a.example/").await.is_ok());
        assert!(pinned(&right).get(url(&right)).await.is_ok());

        let error = pinned(&wrong).get("https://a.example/").await.unwrap_err();
        refused(&error, TlsErrorKind::PinMismatch);
        assert!(!told.recv().unwrap(), "no request was sent");
        let error = pinned(&wrong).get(url(&wrong)).await.unwrap_err();
        refused(&error, TlsErrorKind::PinMismatch);
        assert!(!told.recv().unwrap(), "no request was sent");

        // However the host is written: a pin of nobody's would be no pin.
        let bookshop = "b\u{fc}cher.example";
        for pinned in [bookshop, "B\u{dc}CHER.example.", "xn--bcher-kva.example"] {
            let (config, _) = with_key(&authority, &["xn--bcher-kva.example"]);
            let server = Server::tls(config, answer);
            let session = session(&authority, &server)
                .resolve(bookshop, server.addr)
                .pin_public_key(pinned, hash)
                .build()
                .unwrap();
            let url = format!("https://{bookshop}:{}/", server.addr.port());
            let error = session.get(url).await.unwrap_err();
            refused(&error, TlsErrorKind::PinMismatch);
        }
        for nobody in ["", "https://a.example/", "a.example:443", "a.example.."] {
            let error = Session::builder().pin_public_key(nobody, hash).build();
            let error = error.unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::InvalidUrl(_)),
                "{error:?}"
            );
        }

        // A pin is no trust: the chain is checked all the same.
        let stranger = Authority::new();
        let session = session(&stranger, &right).pin_public_key("a.example", hash);
        let error = session.build().unwrap().get("https://a.example/").await;
        refused(&error.unwrap_err(), TlsErrorKind::UnknownIssuer);
    });
}

#[test]
fn input_137_a_revoked_certificate() {
    let authority = Authority::new();
    let serial = |n: u64| {
        move |params: &mut CertificateParams| {
            params.serial_number = Some(SerialNumber::from(n));
        }
    };
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2024, 1, 1),
        next_update: date_time_ymd(2124, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: vec![RevokedCertParams {
            serial_number: SerialNumber::from(66),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let list = list.signed_by(authority.issuer()).unwrap();
    let good = Server::tls(authority.issue(&["a.example"], serial(65)), answer);
    let (bad, told) = listening(authority.issue(&["a.example"], serial(66)));
    // Nobody has a list of this one.
    let other = Authority::new();
    let unlisted = Server::tls(other.issue(&["a.example"], serial(66)), answer);
    run(async {
        for list in [list.pem().unwrap().into_bytes(), list.der().to_vec()] {
            let careful = |server: &Server| {
                session(&authority, server)
                    .add_root_certificate(other.pem())
                    .add_revocation_list(&list)
                    .build()
                    .unwrap()
            };
            assert!(careful(&good).get("https://a.example/").await.is_ok());
            assert!(careful(&unlisted).get("https://a.example/").await.is_ok());
            let error = careful(&bad).get("https://a.example/").await.unwrap_err();
            refused(&error, TlsErrorKind::Revoked);
            assert!(!told.recv().unwrap(), "no request was sent");
        }
    });
    let kind = |error: Error| match error.kind() {
        ErrorKind::InvalidRequest { kind, .. } => *kind,
        other => panic!("{other:?}"),
    };
    let error = Session::builder().add_revocation_list("none").build();
    assert_eq!(kind(error.unwrap_err()), RequestErrorKind::RevocationList);
    let session = session(&authority, &good).add_revocation_list(b"\x30\x00");
    let error = run(session.build().unwrap().get("https://a.example/").send());
    assert_eq!(kind(error.unwrap_err()), RequestErrorKind::RevocationList);
}

/// A client's certificate and its key, as PEM.
fn identity(authority: &Authority, name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority.issuer()).unwrap();
    (certificate.pem(), key.serialize_pem())
}

/// A server that asks for a certificate of `clients`, and says whether it got one.
fn asking(server: &Authority, clients: &Authority, optional: bool) -> Server {
    let mut roots = RootCertStore::empty();
    roots.add(clients.issuer().der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    if optional {
        verifier = verifier.allow_unauthenticated();
    }
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["a.example".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, server.issuer()).unwrap();
    let config = builder()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![certificate.der().clone()],
            rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        );
    Server::tls(Arc::new(config.unwrap()), |conn| {
        while let Some(request) = conn.request() {
            let known = conn.tls_connection().unwrap().peer_certificates().is_some();
            conn.send(ok(&format!("{} {known}", request.method)));
        }
    })
}

#[test]
fn a_server_learns_who_we_are_if_it_asks() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let server = asking(&authority, &clients, false);
    run(async {
        let (chain, key) = identity(&clients, "me");
        let known = session(&authority, &server).client_certificate(chain, key);
        let known = known.build().unwrap();
        for _ in 0..2 {
            let text = known.get("https://a.example/").await.unwrap().text().await;
            assert_eq!(text.unwrap(), "GET true");
        }
        assert_eq!(server.accepted(), 1);
        // Without one, and with one that somebody else has issued, there is no answer.
        let (chain, key) = identity(&authority, "me");
        for unknown in [
            session(&authority, &server),
            session(&authority, &server).client_certificate(chain, key),
        ] {
            let session = unknown.build().unwrap();
            let error = session.get("https://a.example/").await.unwrap_err();
            // A reset can overtake what the server has said.
            match error.kind() {
                ErrorKind::Tls { kind, .. } => assert_eq!(*kind, TlsErrorKind::ClientCertificate),
                ErrorKind::Disconnected { .. } => {}
                other => panic!("{other:?}"),
            }
            assert_eq!(session.stats().idle, 0);
        }
    });
}

#[test]
fn a_proxy_does_not_learn_who_we_are() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let server = asking(&authority, &clients, true);
    run(async {
        let (chain, key) = identity(&clients, "me");
        let session = session(&authority, &server)
            .client_certificate(chain, key)
            .build()
            .unwrap();
        let asked = session.get("https://a.example/").await.unwrap();
        assert_eq!(asked.text().await.unwrap(), "GET true");
        let proxy = Proxy::https(&server.addr.to_string());
        let by_proxy = session.get("http://a.example/").proxy(proxy).await.unwrap();
        assert_eq!(by_proxy.text().await.unwrap(), "GET false");
    });
}

#[test]
fn an_identity_that_is_none_is_told_and_shows_no_key() {
    let authority = Authority::new();
    let (chain, key) = identity(&authority, "me");
    let (_, other_key) = identity(&authority, "you");
    for (chain, key) in [
        (&chain[..], &other_key[..]),
        (&chain, "no key"),
        ("no chain", &key),
        ("", ""),
        (&key, &chain),
    ] {
        let builder = Session::builder().client_certificate(chain, key);
        let error = builder.build().unwrap_err();
        let ErrorKind::InvalidRequest { kind, .. } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(*kind, RequestErrorKind::ClientCertificate);
        assert!(!format!("{error:?} {error}").contains("no key"));
    }
}

#[test]
fn another_name_than_that_of_the_host() {
    let authority = Authority::new();
    let server = Server::tls(authority.issue(&["other.example"], |_| {}), |conn| {
        while let Some(request) = conn.request() {
            let told = conn.tls_connection().unwrap().server_name();
            let told = told.unwrap_or("nobody").to_owned();
            conn.send(ok(&format!("{} {told}", request.header("host").unwrap())));
        }
    });
    run(async {
        let session = session(&authority, &server).build().unwrap();
        let error = session.get("https://a.example/").await.unwrap_err();
        refused(&error, TlsErrorKind::HostMismatch);
        let request = || {
            session
                .get("https://a.example/")
                .server_name("Other.example.")
        };
        let text = request().await.unwrap().text().await.unwrap();
        assert_eq!(text, "a.example other.example");
        // That connection is for requests that ask for the same name.
        assert!(session.get("https://a.example/").await.is_err());
        assert_eq!(server.accepted(), 3);
        assert!(request().await.is_ok());
        assert_eq!(server.accepted(), 3);

        let error = session
            .get("https://a.example/")
            .server_name("no name")
            .await;
        refused(&error.unwrap_err(), TlsErrorKind::HostName);
    });
}

#[test]
fn the_name_is_told_unless_it_is_not_to_be() {
    let authority = Authority::new();
    let names = ["a.example", "127.0.0.1"];
    let server = Server::tls(authority.issue(&names, |_| {}), |conn| {
        while conn.request().is_some() {
            let told = conn.tls_connection().unwrap().server_name();
            conn.send(ok(told.unwrap_or("nobody")));
        }
    });
    run(async {
        let by_address = format!("https://{}/", server.addr);
        for (sni, url, want) in [
            (true, "https://a.example/", "a.example"),
            (false, "https://a.example/", "nobody"),
            (true, &by_address, "nobody"),
        ] {
            let session = session(&authority, &server).tls_sni(sni).build().unwrap();
            let text = session.get(url).await.unwrap().text().await.unwrap();
            assert_eq!(text, want);
        }
    });
}

#[test]
fn the_oldest_version() {
    let authority = Authority::new();
    let old =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["a.example".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority.issuer()).unwrap();
    let config = old.with_no_client_auth().with_single_cert(
        vec![certificate.der().clone()],
        rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into()),
    );
    let server = Server::tls(Arc::new(config.unwrap()), |conn| {
        while conn.request().is_some() {
            conn.send(ok("fine"));
        }
    });
    run(async {
        let session_of = |builder: SessionBuilder| builder.build().unwrap();
        let any = session_of(session(&authority, &server));
        assert!(any.get("https://a.example/").await.is_ok());
        let strict = session(&authority, &server).min_tls_version(TlsVersion::V1_3);
        let error = session_of(strict)
            .get("https://a.example/")
            .await
            .unwrap_err();
        refused(&error, TlsErrorKind::Handshake);
    });
}

#[test]
fn the_newest_version_of_tls() {
    let authority = Authority::new();
    let server = Server::tls(authority.issue(&["a.example"], |_| {}), answer);
    let modern =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["a.example".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority.issuer()).unwrap();
    let config = modern.with_no_client_auth().with_single_cert(
        vec![certificate.der().clone()],
        rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into()),
    );
    let modern = Server::tls(Arc::new(config.unwrap()), answer);
    run(async {
        for (newest, spoken) in [
            (TlsVersion::V1_2, TlsVersion::V1_2),
            (TlsVersion::V1_3, TlsVersion::V1_3),
        ] {
            let heard = Arc::new(Mutex::new(Vec::new()));
            let session = session(&authority, &server).max_tls_version(newest);
            let session = session.trace(Versions(heard.clone())).build().unwrap();
            session.get("https://a.example/").await.unwrap();
            assert_eq!(*heard.lock().unwrap(), [spoken]);
        }
        let old = session(&authority, &modern).max_tls_version(TlsVersion::V1_2);
        let old = old.build().unwrap();
        let error = old.get("https://a.example/").await.unwrap_err();
        refused(&error, TlsErrorKind::Handshake);
    });
    let none = Session::builder()
        .max_tls_version(TlsVersion::V1_2)
        .min_tls_version(TlsVersion::V1_3);
    let error = none.build().unwrap_err();
    let ErrorKind::InvalidRequest { kind, .. } = error.kind() else {
        panic!("{error:?}")
    };
    assert_eq!(*kind, RequestErrorKind::TlsVersions);
}

/// Hears which versions of TLS are spoken.
struct Versions(Arc<Mutex<Vec<TlsVersion>>>);

impl Trace for Versions {
    fn tls_end(&self, _: &TraceContext, version: TlsVersion) {
        self.0.lock().unwrap().push(version);
    }
}

#[test]
fn input_135_what_one_session_accepts_no_other_does() {
    let server = Server::tls(self_signed(true), answer);
    let (key_of_nobody, url) = ([7; 32], "https://a.example/");
    run(async {
        let careless = || {
            Session::builder()
                .system_roots(false)
                .resolve("a.example", server.addr)
                .danger_accept_invalid_certificates(true)
        };
        let authority = Authority::new();
        let careful = session(&authority, &server).build().unwrap();
        let first = careless().build().unwrap();
        assert!(first.get(url).await.is_ok());
        let error = careful.get(url).await.unwrap_err();
        refused(&error, TlsErrorKind::SelfSigned);
        assert!(first.get(url).await.is_ok());
        assert_eq!(
            server.accepted(),
            2,
            "the first session has its connection still"
        );
        // Pins hold, and proxies are checked.
        let pinned = careless().pin_public_key("a.example", key_of_nobody);
        let error = pinned.build().unwrap().get(url).await.unwrap_err();
        refused(&error, TlsErrorKind::PinMismatch);
        let proxy = Proxy::https(&server.addr.to_string());
        let session = careless().system_roots(false).proxy(proxy).build().unwrap();
        let error = session.get("http://b.example/").await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Proxy { .. }), "{error:?}");
    });
}

#[test]
fn input_138_a_server_that_says_nothing_in_the_handshake() {
    let authority = Authority::new();
    let server = Server::start(|conn| conn.wait_closed());
    run(async {
        let limit = Duration::from_millis(50);
        for timeout in [
            Timeout::default().tls(limit),
            Timeout::default().connect(limit),
        ] {
            let session = session(&authority, &server)
                .timeout(timeout)
                .build()
                .unwrap();
            let error = session.get("https://a.example/").await.unwrap_err();
            let ErrorKind::Timeout { phase, after } = error.kind() else {
                panic!("{error:?}")
            };
            assert_eq!((*phase, *after), (Phase::Tls, limit));
            assert!(error.is_connect() && !error.maybe_processed());
        }
    });
}

#[test]
fn input_141_a_flood_of_key_updates_neither_blocks_nor_lasts() {
    let authority = Authority::new();
    let server = Server::tls(authority.issue(&["a.example"], |_| {}), |conn| {
        if conn.index > 0 {
            return answer(conn);
        }
        conn.request();
        while conn.change_keys().is_ok() {}
    });
    run(async {
        let session = session(&authority, &server).build().unwrap();
        let limit = Duration::from_millis(300);
        let request = session
            .get("https://a.example/")
            .timeout(Timeout::total(limit));
        let ticks = AtomicUsize::new(0);
        let others = async {
            loop {
                ticks.fetch_add(1, Ordering::Relaxed);
                aioli_task::yield_now().await;
            }
        };
        let (flooded, others) = (pin!(request.send()), pin!(others));
        let Either::Left((outcome, _)) = before(limit * 10, select(flooded, others)).await;
        outcome.unwrap_err();
        assert!(ticks.load(Ordering::Relaxed) > 0, "others had their turns");
        assert!(session.get("https://a.example/").await.is_ok());
    });
}
