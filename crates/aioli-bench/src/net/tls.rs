//! The server's side of TLS, and whom clients are to trust.

/// The certificate of the server that speaks TLS, as PEM: it is for 127.0.0.1, is its own root,
/// and its private key is in the repository, so that it vouches for nothing.
pub const CERTIFICATE: &[u8] = include_bytes!("tls/certificate.pem");

#[cfg(feature = "tls")]
pub(super) use server::Server;

#[cfg(feature = "tls")]
mod server {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::Arc;

    use rustls::crypto::ring::default_provider;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use rustls::{ServerConfig, ServerConnection, StreamOwned};

    use crate::Result;

    /// What all connections have in common.
    #[derive(Debug)]
    pub(in crate::net) struct Server(Arc<ServerConfig>);

    impl Server {
        pub(in crate::net) fn new() -> Result<Server> {
            let chain = vec![CertificateDer::from_pem_slice(super::CERTIFICATE)?];
            let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/key.pem"))?;
            let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
                .with_safe_default_protocol_versions()?
                .with_no_client_auth()
                .with_single_cert(chain, key)?;
            Ok(Server(Arc::new(config)))
        }

        /// Returns a stream whose handshake is part of its first reads.
        pub(in crate::net) fn accept(
            &self,
            stream: TcpStream,
        ) -> Result<impl Read + Write + 'static> {
            let connection = ServerConnection::new(Arc::clone(&self.0))?;
            Ok(StreamOwned::new(connection, stream))
        }
    }
}

#[cfg(not(feature = "tls"))]
pub(super) use nothing::Server;

#[cfg(not(feature = "tls"))]
mod nothing {
    use std::net::TcpStream;

    use crate::Result;

    /// Stands for the server in programs that have none.
    #[derive(Debug)]
    pub(in crate::net) struct Server(std::convert::Infallible);

    impl Server {
        pub(in crate::net) fn new() -> Result<Server> {
            Err("this program is built without the feature `tls`".into())
        }

        pub(in crate::net) fn accept(&self, _stream: TcpStream) -> Result<TcpStream> {
            match self.0 {}
        }
    }
}
