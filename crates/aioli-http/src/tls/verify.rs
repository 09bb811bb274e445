//! Who may be at the other end: certificates by their chain, and keys that were pinned.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, SignatureScheme};
use sha2::{Digest as _, Sha256};

use super::der;

/// A key that a host must have: the SHA-256 of its public key, as RFC 7469 takes it.
#[derive(Debug, Clone)]
pub(crate) struct Pin {
    pub(crate) host: String,
    pub(crate) sha256: [u8; 32],
}

/// Why a certificate is refused, where `rustls` has no word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the certificate is signed by itself, and by nobody we trust")]
    SelfSigned,
    #[error("the key is none of those that were pinned")]
    PinMismatch,
}

#[derive(Debug)]
pub(super) struct Verifier {
    /// Who judges the chain and the name; nobody when the session takes any certificate.
    pub(super) chain: Option<Arc<WebPkiServerVerifier>>,
    pub(super) pins: Vec<Pin>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    pub(super) fn new(
        chain: Option<Arc<WebPkiServerVerifier>>,
        pins: Vec<Pin>,
        provider: &CryptoProvider,
    ) -> Verifier {
        Verifier {
            chain,
            pins,
            algorithms: provider.signature_verification_algorithms,
        }
    }

    fn check_pins(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
    ) -> Result<(), rustls::Error> {
        let host = match name {
            ServerName::DnsName(name) => name.as_ref().to_ascii_lowercase(),
            ServerName::IpAddress(address) => IpAddr::from(*address).to_string(),
            _ => String::new(),
        };
        let mut pins = self.pins.iter().filter(|pin| pin.host == host).peekable();
        if pins.peek().is_none() {
            return Ok(());
        }
        let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
        let hash = Sha256::digest(&*key);
        if pins.any(|pin| pin.sha256[..] == hash[..]) {
            return Ok(());
        }
        Err(refused(Refusal::PinMismatch))
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(chain) = &self.chain {
            chain
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                .map_err(|error| explain(error, end_entity))?;
        }
        self.check_pins(end_entity, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Tells a certificate that nobody has signed from one that somebody unknown has signed. The
/// usual ones are refused for being an authority's, which helps nobody.
fn explain(error: rustls::Error, certificate: &CertificateDer<'_>) -> rustls::Error {
    let by_itself = || der::parts(certificate).is_some_and(|parts| parts.issuer == parts.subject);
    match &error {
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::Other(_),
        ) if by_itself() => refused(Refusal::SelfSigned),
        _ => error,
    }
}

fn refused(refusal: Refusal) -> rustls::Error {
    CertificateError::Other(OtherError(Arc::new(refusal))).into()
}
