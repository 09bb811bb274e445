//! Whom to trust: the system's roots, read once a process and only when needed, and given ones.

use std::sync::{Arc, OnceLock};

use aioli_task::to_thread;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use url::Host;

use super::HandshakeError;
use crate::error::{Error, ErrorKind, RequestErrorKind, TlsErrorKind};

/// The system's roots. Reading them takes milliseconds and file access, hence once, and on the
/// blocking pool.
static SYSTEM_ROOTS: OnceLock<Vec<CertificateDer<'static>>> = OnceLock::new();

/// A session's trust, turned into a `rustls` configuration by the first `https` request.
#[derive(Debug, Clone)]
pub(crate) struct Trust {
    /// Roots given by the caller.
    pub(crate) extra: Vec<CertificateDer<'static>>,
    /// Whether the system's roots count.
    pub(crate) system: bool,
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl Trust {
    pub(crate) fn new() -> Trust {
        Trust {
            extra: Vec::new(),
            system: true,
            config: Arc::new(OnceLock::new()),
        }
    }

    /// Adds the certificates of `bytes`, which are PEM or one DER certificate.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let malformed = || Error::invalid_request(RequestErrorKind::Certificate);
        let before = self.extra.len();
        if bytes.starts_with(&[0x30]) {
            self.extra.push(CertificateDer::from(bytes.to_vec()));
        } else {
            for certificate in CertificateDer::pem_slice_iter(bytes) {
                self.extra.push(certificate.map_err(|_| malformed())?);
            }
        }
        let added = &self.extra[before..];
        let mut store = RootCertStore::empty();
        let usable = added
            .iter()
            .all(|certificate| store.add(certificate.clone()).is_ok());
        if added.is_empty() || !usable {
            self.extra.truncate(before);
            return Err(malformed());
        }
        Ok(())
    }

    /// Returns the configuration; all connections of the session share it and its tickets.
    pub(crate) async fn config(&self) -> Result<Arc<ClientConfig>, Error> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
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
        if store.is_empty() {
            return Err(Error::new(ErrorKind::Tls {
                kind: TlsErrorKind::NoRoots,
                source: None,
            }));
        }
        let config = client_config(store).map_err(tls_error)?;
        Ok(self.config.get_or_init(|| Arc::new(config)).clone())
    }
}

fn load_system_roots() -> Vec<CertificateDer<'static>> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!(%error, "some of the system's root certificates cannot be read");
    }
    found.certs
}

fn client_config(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
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
        _ => TlsErrorKind::Handshake,
    };
    Error::new(ErrorKind::Tls {
        kind,
        source: Some(error.into()),
    })
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
        _ => TlsErrorKind::Certificate,
    }
}
