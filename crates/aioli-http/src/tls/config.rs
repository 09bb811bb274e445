//! Whom to trust and who to be: what a session was told, as configurations of `rustls`.
//!
//! A session has two: one for the servers it talks to, and one for proxies, which shows no client
//! certificate. They are made by the first connection that needs them, since reading the system's
//! roots takes files and time. Tickets for resumption are in the configurations, so no session
//! ever resumes what another one has trusted.

use std::io;
use std::sync::{Arc, OnceLock};

use aioli_task::to_thread;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName};
use rustls::server::VerifierBuilderError;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, InconsistentKeys, RootCertStore,
    SupportedProtocolVersion,
};
use url::Host;

use super::verify::{Pin, Refusal, Verifier};
use super::{HandshakeError, der};
use crate::error::{BoxError, Error, ErrorKind, RequestErrorKind, TlsErrorKind};

/// The system's roots. Reading them takes milliseconds and file access, hence once, and on the
/// blocking pool.
static SYSTEM_ROOTS: OnceLock<Vec<CertificateDer<'static>>> = OnceLock::new();

/// What is spoken in a tunnel, or to a proxy.
const ALPN: &[u8] = b"http/1.1";
/// The name of HTTP/2 there.
pub(crate) const HTTP2: &[u8] = b"h2";

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2, the oldest one there is here.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

/// A session's trust, turned into `rustls` configurations by the first connections.
#[derive(Debug)]
pub(crate) struct Trust {
    /// Roots given by the caller.
    extra: Vec<CertificateDer<'static>>,
    /// Whether the system's roots count.
    pub(crate) system: bool,
    pub(crate) pins: Vec<Pin>,
    revoked: Vec<CertificateRevocationListDer<'static>>,
    client: Option<Arc<SingleCertAndKey>>,
    pub(crate) oldest: TlsVersion,
    pub(crate) newest: TlsVersion,
    /// Whether the handshake tells the host's name.
    pub(crate) sni: bool,
    pub(crate) accept_invalid: bool,
    for_servers: OnceLock<Arc<ClientConfig>>,
    for_http2: OnceLock<Arc<ClientConfig>>,
    for_proxies: OnceLock<Arc<ClientConfig>>,
}

/// Whom a secure channel leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    Server,
    /// A server that may pick HTTP/2.
    #[cfg_attr(
        not(feature = "http2"),
        expect(dead_code, reason = "only HTTP/1.1 is offered")
    )]
    Http2,
    Proxy,
}

impl Trust {
    pub(crate) fn new() -> Trust {
        Trust {
            extra: Vec::new(),
            system: true,
            pins: Vec::new(),
            revoked: Vec::new(),
            client: None,
            oldest: TlsVersion::V1_2,
            newest: TlsVersion::V1_3,
            sni: true,
            accept_invalid: false,
            for_servers: OnceLock::new(),
            for_http2: OnceLock::new(),
            for_proxies: OnceLock::new(),
        }
    }

    /// Adds the certificates of `bytes`, which are PEM or one DER certificate.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let malformed = || Error::invalid_request(RequestErrorKind::Certificate);
        let added = read_all::<CertificateDer<'static>>(bytes).ok_or_else(malformed)?;
        let mut store = RootCertStore::empty();
        let mut usable = added.iter().map(|root| store.add(root.clone()).is_ok());
        if !usable.all(|usable| usable) {
            return Err(malformed());
        }
        self.extra.extend(added);
        Ok(())
    }

    /// Adds revocation lists, which are PEM or one in DER.
    pub(crate) fn add_revoked(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let added = read_all(bytes);
        let malformed = || Error::invalid_request(RequestErrorKind::RevocationList);
        self.revoked.extend(added.ok_or_else(malformed)?);
        Ok(())
    }

    /// Sets who we are: a chain of certificates, ours first, and the key, each as PEM or DER.
    pub(crate) fn be(&mut self, chain: &[u8], key: &[u8]) -> Result<(), Error> {
        let malformed = |source: Option<BoxError>| {
            let kind = RequestErrorKind::ClientCertificate;
            Error::new(ErrorKind::InvalidRequest { kind, source })
        };
        let chain: Vec<CertificateDer<'static>> = read_all(chain).ok_or_else(|| malformed(None))?;
        let key = match PrivateKeyDer::from_pem_slice(key) {
            Ok(key) => key,
            // What is no PEM may be DER; the words of either could show parts of the key.
            Err(_) => PrivateKeyDer::try_from(key.to_vec()).map_err(|_| malformed(None))?,
        };
        let key = provider().key_provider.load_private_key(key);
        let key = key.map_err(|error| malformed(Some(error.into())))?;
        // `rustls` would ask a parser that knows no certificates of version 1, which servers take.
        let own = chain.first().and_then(|own| der::parts(own));
        let own = own.ok_or_else(|| malformed(None))?;
        if key.public_key().is_some_and(|key| *key != *own.key) {
            let error = rustls::Error::from(InconsistentKeys::KeyMismatch);
            return Err(malformed(Some(error.into())));
        }
        let certified = CertifiedKey::new(chain, key);
        self.client = Some(Arc::new(SingleCertAndKey::from(certified)));
        Ok(())
    }

    /// Returns the configuration; all connections of the session share it and its tickets.
    pub(crate) async fn config(&self, peer: Peer) -> Result<Arc<ClientConfig>, Error> {
        let place = match peer {
            Peer::Server => &self.for_servers,
            Peer::Http2 => &self.for_http2,
            Peer::Proxy => &self.for_proxies,
        };
        if let Some(config) = place.get() {
            return Ok(config.clone());
        }
        let config = match peer {
            Peer::Server | Peer::Proxy => self.make(peer).await?,
            Peer::Http2 => {
                // With the same tickets: a server that picks HTTP/1.1 is asked for nothing else
                // from then on, and is no stranger all the same.
                let server = Box::pin(self.config(Peer::Server)).await?;
                let mut config = ClientConfig::clone(&server);
                config.alpn_protocols.insert(0, HTTP2.to_vec());
                config
            }
        };
        Ok(place.get_or_init(|| Arc::new(config)).clone())
    }

    async fn make(&self, peer: Peer) -> Result<ClientConfig, Error> {
        let provider = Arc::new(provider());
        let accept_invalid = self.accept_invalid && peer != Peer::Proxy;
        let chain = if accept_invalid {
            None
        } else {
            Some(self.chain(&provider).await?)
        };
        let verifier = Verifier::new(chain, self.pins.clone(), &provider);
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.versions())
            .map_err(tls_error)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &self.client {
            Some(client) if peer != Peer::Proxy => {
                builder.with_client_cert_resolver(client.clone())
            }
            _ => builder.with_no_client_auth(),
        };
        config.enable_sni = self.sni;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(config)
    }

    /// Checks that there is a version to speak.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.oldest <= self.newest {
            true => Ok(()),
            false => Err(Error::invalid_request(RequestErrorKind::TlsVersions)),
        }
    }

    fn versions(&self) -> Vec<&'static SupportedProtocolVersion> {
        [
            (TlsVersion::V1_3, &rustls::version::TLS13),
            (TlsVersion::V1_2, &rustls::version::TLS12),
        ]
        .into_iter()
        .filter(|(version, _)| (self.oldest..=self.newest).contains(version))
        .map(|(_, spoken)| spoken)
        .collect()
    }

    /// Who judges chains: by the roots, and by the revocation lists.
    async fn chain(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<WebPkiServerVerifier>, Error> {
        let mut store = RootCertStore::empty();
        if self.system {
            let roots = match SYSTEM_ROOTS.get() {
                Some(roots) => roots,
                None => to_thread(|| SYSTEM_ROOTS.get_or_init(load_system_roots)).await,
            };
            // A system may well hold a certificate that is unusable; the others count.
            store.add_parsable_certificates(roots.iter().cloned());
        }
        store.add_parsable_certificates(self.extra.iter().cloned());
        WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone())
            .with_crls(self.revoked.iter().cloned())
            // The lists are of some authorities, and the others' certificates are not in them.
            .allow_unknown_revocation_status()
            .build()
            .map_err(|error| match error {
                VerifierBuilderError::NoRootAnchors => Error::new(ErrorKind::Tls {
                    kind: TlsErrorKind::NoRoots,
                    source: None,
                }),
                error => Error::new(ErrorKind::InvalidRequest {
                    kind: RequestErrorKind::RevocationList,
                    source: Some(error.into()),
                }),
            })
    }
}

/// Reads what is PEM, or one item in DER; `None` when it is neither, or nothing at all.
fn read_all<T: PemObject + From<Vec<u8>>>(bytes: &[u8]) -> Option<Vec<T>> {
    if bytes.starts_with(&[0x30]) {
        return Some(vec![T::from(bytes.to_vec())]);
    }
    let items: Vec<T> = T::pem_slice_iter(bytes).collect::<Result<_, _>>().ok()?;
    (!items.is_empty()).then_some(items)
}

fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

fn load_system_roots() -> Vec<CertificateDer<'static>> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!(%error, "some of the system's root certificates cannot be read");
    }
    found.certs
}

/// Returns the name the certificate must bear.
pub(crate) fn server_name(host: &Host<&str>) -> Result<ServerName<'static>, Error> {
    match host {
        Host::Domain(name) => {
            ServerName::try_from(name.trim_end_matches('.').to_owned()).map_err(|_| {
                Error::new(ErrorKind::Tls {
                    kind: TlsErrorKind::HostName,
                    source: None,
                })
            })
        }
        Host::Ipv4(address) => Ok(ServerName::IpAddress((*address).into())),
        Host::Ipv6(address) => Ok(ServerName::IpAddress((*address).into())),
    }
}

/// Says what a failed handshake means.
pub(crate) fn handshake_failed(error: HandshakeError) -> Error {
    match error {
        HandshakeError::Tls(error) => tls_error(error),
        HandshakeError::Io(error) => Error::new(ErrorKind::Tls {
            kind: TlsErrorKind::Disconnected,
            source: Some(error.into()),
        }),
        HandshakeError::Eof => Error::new(ErrorKind::Tls {
            kind: TlsErrorKind::Disconnected,
            source: None,
        }),
    }
}

pub(crate) fn tls_error(error: rustls::Error) -> Error {
    let kind = match &error {
        rustls::Error::InvalidCertificate(reason) => certificate_kind(reason),
        rustls::Error::NoCertificatesPresented => TlsErrorKind::Certificate,
        rustls::Error::AlertReceived(alert) if is_about_us(*alert) => {
            TlsErrorKind::ClientCertificate
        }
        _ => TlsErrorKind::Handshake,
    };
    Error::new(ErrorKind::Tls {
        kind,
        source: Some(error.into()),
    })
}

/// Whether the server says that it does not take our certificate, or that there is none.
fn is_about_us(alert: AlertDescription) -> bool {
    use AlertDescription as Alert;
    matches!(
        alert,
        Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::CertificateRequired
    )
}

/// Tells a server that has hung up from one that has said before that it does not take our
/// certificate: in TLS 1.3 it judges that after the handshake, when a request may be under way.
pub(crate) fn refused_later(error: &io::Error) -> Option<Error> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    match error {
        rustls::Error::AlertReceived(alert) if is_about_us(*alert) => {
            Some(tls_error(error.clone()))
        }
        _ => None,
    }
}

fn certificate_kind(reason: &CertificateError) -> TlsErrorKind {
    match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            TlsErrorKind::Expired
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            TlsErrorKind::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsErrorKind::HostMismatch
        }
        CertificateError::UnknownIssuer => TlsErrorKind::UnknownIssuer,
        CertificateError::Revoked => TlsErrorKind::Revoked,
        CertificateError::Other(other) => match other.0.downcast_ref::<Refusal>() {
            Some(Refusal::SelfSigned) => TlsErrorKind::SelfSigned,
            Some(Refusal::PinMismatch) => TlsErrorKind::PinMismatch,
            None => TlsErrorKind::Certificate,
        },
        _ => TlsErrorKind::Certificate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate of version 1, without extensions, as `openssl x509 -req` makes them.
    const VERSION_1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBFjCBvQIUOASzyWAaaSRdApAnxS29HMVM8Z4wCgYIKoZIzj0EAwIwDTELMAkG
A1UEAwwCbWUwIBcNMjYxMTI4MjMyMDEzWhgPMjEyNjExMDQyMzIwMTNaMA0xCzAJ
BgNVBAMMAm1lMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE0XS10j3G/75yM5E+
c66tGni8eN9izpwLqWWdChmsPt61UItdDG7RfP4wVQGi7ShbcHYf7EkUfTxlf4pL
YbprdTAKBggqhkjOPQQDAgNIADBFAiAZypI1L2YLAr9Xf8raSrsUnnJFwQAT4IOx
k+ahA4rpIQIhAOtVM/rdSHRq3rnH+LFrCMXIlGzlyA4S1un4S66HdLZf
-----END CERTIFICATE-----
";
    const ITS_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQghKXQJfY5U59EXDPJ
USOFjoczhJloymG1HggBx+xpoiihRANCAATRdLXSPcb/vnIzkT5zrq0aeLx432LO
nAupZZ0KGaw+3rVQi10MbtF8/jBVAaLtKFtwdh/sSRR9PGV/ikthumt1
-----END PRIVATE KEY-----
";

    #[test]
    fn a_certificate_of_version_1_is_known_with_its_key() {
        let mut trust = Trust::new();
        trust.be(VERSION_1.as_bytes(), ITS_KEY.as_bytes()).unwrap();
        let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
        assert!(trust.be(VERSION_1.as_bytes(), other.as_bytes()).is_err());
        assert!(trust.be(b"\x30\x00", ITS_KEY.as_bytes()).is_err());
    }

    #[test]
    fn a_server_that_does_not_take_us_says_so_also_after_the_handshake() {
        let broken = |error: rustls::Error| io::Error::new(io::ErrorKind::InvalidData, error);
        for alert in [
            AlertDescription::CertificateRequired,
            AlertDescription::UnknownCA,
        ] {
            let error = refused_later(&broken(rustls::Error::AlertReceived(alert))).unwrap();
            let ErrorKind::Tls { kind, .. } = error.kind() else {
                panic!("{error:?}")
            };
            assert_eq!(*kind, TlsErrorKind::ClientCertificate);
        }
        let other = rustls::Error::AlertReceived(AlertDescription::InternalError);
        assert!(refused_later(&broken(other)).is_none());
        assert!(refused_later(&io::ErrorKind::BrokenPipe.into()).is_none());
    }
}
