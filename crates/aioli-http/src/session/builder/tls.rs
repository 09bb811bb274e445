//! Whom a session trusts, and who it says it is.

use super::SessionBuilder;

impl SessionBuilder {
    /// Trusts a root certificate, given as DER or as PEM (which may hold several).
    pub fn add_root_certificate(mut self, certificate: impl AsRef<[u8]>) -> SessionBuilder {
        if let Err(error) = self.config.dial.trust.add(certificate.as_ref()) {
            self.fail(error);
        }
        self
    }

    /// Whether the system's root certificates are trusted; they are unless this says `false`.
    ///
    /// They are read by the first `https` request of the process that needs them.
    pub fn system_roots(mut self, yes: bool) -> SessionBuilder {
        self.config.dial.trust.system = yes;
        self
    }
}
