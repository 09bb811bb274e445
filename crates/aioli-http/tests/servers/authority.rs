//! Certificates for servers that read theirs from files.

use std::fs;
use std::path::Path;

use aioli_http::{Session, SessionBuilder};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// A certificate authority of one test's own.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let mut params = CertificateParams::new([]).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Authority {
            issuer: CertifiedIssuer::self_signed(params, key).unwrap(),
        }
    }

    /// A session that trusts it and nobody else.
    pub(crate) fn trusted(&self) -> SessionBuilder {
        Session::builder()
            .system_roots(false)
            .add_root_certificate(self.issuer.pem())
    }

    /// Writes `certificate` and `key` for servers on this machine into `folder`.
    pub(crate) fn issue(&self, folder: &Path) {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let params = CertificateParams::new(names).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(folder.join("certificate"), certificate.pem()).unwrap();
        fs::write(folder.join("key"), key.serialize_pem()).unwrap();
    }
}
