//! Whom a session trusts, and who it says it is.

use super::SessionBuilder;
use crate::error::Result;
use crate::tls::config::TlsVersion;
use crate::tls::verify::Pin;

impl SessionBuilder {
    /// Trusts a root certificate, given as DER or as PEM (which may hold several).
    #[doc(alias = "ssl.SSLContext.load_verify_locations")]
    pub fn add_root_certificate(mut self, certificate: impl AsRef<[u8]>) -> SessionBuilder {
        let added = self.config.dial.trust.add(certificate.as_ref());
        self.noted(added)
    }

    /// Whether the system's root certificates are trusted; they are unless this says `false`.
    ///
    /// They are read by the first `https` request of the process that needs them. The variables
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR` of the environment name others.
    pub fn system_roots(mut self, yes: bool) -> SessionBuilder {
        self.config.dial.trust.system = yes;
        self
    }

    /// Shows this certificate to servers that ask for one: a chain, the own certificate first,
    /// and its private key, each as PEM or DER.
    ///
    /// It is shown to every server of the session, and to no proxy.
    #[doc(alias = "ssl.SSLContext.load_cert_chain")]
    pub fn client_certificate(
        mut self,
        chain: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> SessionBuilder {
        let known = self.config.dial.trust.be(chain.as_ref(), key.as_ref());
        self.noted(known)
    }

    /// Takes only certificates for `host` whose public key has this SHA-256, besides all other
    /// checks; of several pins of a host one must fit.
    ///
    /// It is the hash of the `SubjectPublicKeyInfo`, as in RFC 7469 and in curl's
    /// `--pinnedpubkey`, and the key that of the server's own certificate. `host` is the name or
    /// the address that the certificate is checked against, written as in a URL; what is neither
    /// is told by [`build`](SessionBuilder::build).
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::Session;
    ///
    /// // openssl x509 -in cert.pem -noout -pubkey | openssl pkey -pubin -outform der |
    /// //     openssl sha256
    /// let key = [0x5a; 32];
    /// let session = Session::builder().pin_public_key("api.example", key).build()?;
    /// # let _ = session;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    #[doc(alias = "aiohttp.Fingerprint")]
    pub fn pin_public_key(mut self, host: &str, sha256: [u8; 32]) -> SessionBuilder {
        if let Some(host) = self.host(host) {
            self.config.dial.trust.pins.push(Pin { host, sha256 });
        }
        self
    }

    /// Refuses the certificates of a revocation list, given as DER or as PEM (which may hold
    /// several).
    ///
    /// Certificates of authorities without a list are not affected, and a list is used after its
    /// time as well. A malformed one is told here or by the first `https` request.
    pub fn add_revocation_list(mut self, list: impl AsRef<[u8]>) -> SessionBuilder {
        let added = self.config.dial.trust.add_revoked(list.as_ref());
        self.noted(added)
    }

    /// The oldest version of TLS that is spoken; 1.2 unless it is said.
    #[doc(alias = "ssl.SSLContext.minimum_version")]
    pub fn min_tls_version(mut self, version: TlsVersion) -> SessionBuilder {
        self.config.dial.trust.oldest = version;
        self
    }

    /// The newest version of TLS that is spoken; 1.3 unless it is said.
    ///
    /// It is for servers that are to be tried out with 1.2, or that handle 1.3 badly. Proxies are
    /// spoken to in these versions too. When the [oldest](SessionBuilder::min_tls_version) one is
    /// newer, [`build`](SessionBuilder::build) tells it.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Session, TlsVersion};
    ///
    /// let old = Session::builder().max_tls_version(TlsVersion::V1_2);
    /// assert!(old.min_tls_version(TlsVersion::V1_3).build().is_err());
    /// ```
    #[doc(alias = "ssl.SSLContext.maximum_version")]
    pub fn max_tls_version(mut self, version: TlsVersion) -> SessionBuilder {
        self.config.dial.trust.newest = version;
        self
    }

    /// Whether the handshake tells the server the name of the host, which everybody on the way
    /// can read; it does, unless it is said. Addresses are never told.
    pub fn tls_sni(mut self, yes: bool) -> SessionBuilder {
        self.config.dial.trust.sni = yes;
        self
    }

    /// Takes any certificate of a server, for any name, from anybody.
    ///
    /// **Whoever is on the way can then read and change everything.** It is for a test server
    /// whose certificate nobody can get hold of; where somebody can,
    /// [`add_root_certificate`](SessionBuilder::add_root_certificate) keeps the check. Pins still
    /// hold, and proxies are still checked. It is a property of the whole session, whose
    /// connections and tickets are its own: nothing that was accepted here is trusted elsewhere.
    #[doc(alias = "ssl.CERT_NONE")]
    pub fn danger_accept_invalid_certificates(mut self, yes: bool) -> SessionBuilder {
        self.config.dial.trust.accept_invalid = yes;
        self
    }

    fn noted(mut self, outcome: Result<()>) -> SessionBuilder {
        if let Err(error) = outcome {
            self.fail(error);
        }
        self
    }
}
