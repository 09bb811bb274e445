//! The stream against a `rustls` server in memory, a few bytes at a time.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Mutex;

use rustls::pki_types::PrivateKeyDer;
use rustls::{RootCertStore, ServerConfig, ServerConnection};

use super::*;

/// A server behind a stream that takes and gives at most `step` bytes a call, and is not ready
/// every other time.
struct Peer {
    server: ServerConnection,
    to_client: VecDeque<u8>,
    step: usize,
    stall: bool,
    /// Cut the stream instead of closing it.
    cut: bool,
    received: Vec<u8>,
}

#[derive(Clone)]
struct Pipe(Arc<Mutex<Peer>>);

impl Pipe {
    /// Not ready every other time.
    fn stalls(peer: &mut Peer, cx: &Context<'_>) -> bool {
        peer.stall = !peer.stall;
        if peer.stall {
            cx.waker().wake_by_ref();
        }
        peer.stall
    }

    fn send(&self, data: &[u8]) {
        self.0
            .lock()
            .unwrap()
            .server
            .writer()
            .write_all(data)
            .unwrap();
    }

    fn received(&self) -> Vec<u8> {
        self.0.lock().unwrap().received.clone()
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut peer = self.0.lock().unwrap();
        if Pipe::stalls(&mut peer, cx) {
            return Poll::Pending;
        }
        let peer = &mut *peer;
        while peer.server.wants_write() {
            peer.server.write_tls(&mut peer.to_client).unwrap();
        }
        if peer.to_client.is_empty() && !peer.cut {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let n = buf.len().min(peer.step);
        Poll::Ready(peer.to_client.read(&mut buf[..n]))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut peer = self.0.lock().unwrap();
        if Pipe::stalls(&mut peer, cx) {
            return Poll::Pending;
        }
        let n = buf.len().min(peer.step);
        let mut taken = &buf[..n];
        while !taken.is_empty() {
            peer.server.read_tls(&mut taken).unwrap();
            if let Err(error) = peer.server.process_new_packets() {
                return Poll::Ready(Err(io::Error::other(error)));
            }
            let peer = &mut *peer;
            // Ends in `WouldBlock`, which only says that this was all.
            let _ = peer.server.reader().read_to_end(&mut peer.received);
        }
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A client and its peer, for `name`, whose certificate is for `a.example`.
fn pair(name: &str, trusted: bool, step: usize) -> (TlsStream<Pipe>, Pipe) {
    let signed = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::Pkcs8(signed.signing_key.serialize_der().into());
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    let mut other = rcgen::CertificateParams::new(["a.example".to_owned()]).unwrap();
    other
        .distinguished_name
        .push(rcgen::DnType::CommonName, "somebody else");
    let other = other
        .self_signed(&rcgen::KeyPair::generate().unwrap())
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots
        .add(
            if trusted {
                signed.cert.der()
            } else {
                other.der()
            }
            .clone(),
        )
        .unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = ServerConnection::new(Arc::new(server)).unwrap();
    let peer = Peer {
        server,
        to_client: VecDeque::new(),
        step,
        stall: false,
        cut: false,
        received: Vec::new(),
    };
    let pipe = Pipe(Arc::new(Mutex::new(peer)));
    let name = ServerName::try_from(name.to_owned()).unwrap();
    (
        TlsStream::new(pipe.clone(), Arc::new(client), name).unwrap(),
        pipe,
    )
}

fn read(stream: &mut TlsStream<Pipe>, size: usize) -> io::Result<Vec<u8>> {
    let mut buf = vec![0; size];
    let n = futures::executor::block_on(poll_fn(|cx| stream.poll_read(cx, &mut buf)))?;
    buf.truncate(n);
    Ok(buf)
}

fn shake(stream: &mut TlsStream<Pipe>) -> Result<(), HandshakeError> {
    futures::executor::block_on(poll_fn(|cx| stream.poll_handshake(cx)))
}

#[test]
fn bytes_go_both_ways_whatever_the_steps() {
    for step in [1, 7, 1000, usize::MAX] {
        let (mut stream, pipe) = pair("a.example", true, step);
        shake(&mut stream).unwrap();
        let data = vec![b'x'; if step == 1 { 3000 } else { 100_000 }];
        futures::executor::block_on(async {
            let mut left = &data[..];
            while !left.is_empty() {
                let n = poll_fn(|cx| stream.poll_write(cx, &[IoSlice::new(left)]))
                    .await
                    .unwrap();
                left = &left[n..];
            }
            poll_fn(|cx| stream.poll_flush(cx)).await.unwrap();
        });
        assert_eq!(pipe.received().len(), data.len(), "step {step}");

        pipe.send(b"hello");
        assert_eq!(read(&mut stream, 3).unwrap(), b"hel");
        assert_eq!(read(&mut stream, 3).unwrap(), b"lo");
    }
}

#[test]
fn n137_certificates_are_checked_before_anything_is_sent() {
    for (name, trusted, want) in [
        ("b.example", true, TlsErrorKind::HostMismatch),
        ("a.example", false, TlsErrorKind::UnknownIssuer),
    ] {
        let (mut stream, pipe) = pair(name, trusted, 100);
        let HandshakeError::Tls(error) = shake(&mut stream).unwrap_err() else {
            panic!("not a TLS error")
        };
        let error = config::tls_error(error);
        assert!(
            matches!(error.kind(), ErrorKind::Tls { kind, .. } if *kind == want),
            "{error:?}"
        );
        assert_eq!(pipe.received(), b"");
    }
}

#[test]
fn n138_the_end_in_the_handshake() {
    let (mut stream, pipe) = pair("a.example", true, 100);
    pipe.0.lock().unwrap().cut = true;
    {
        let mut peer = pipe.0.lock().unwrap();
        peer.step = 10;
    }
    // The first read finds nothing and the stream at its end.
    let error = loop {
        let mut cx = Context::from_waker(Waker::noop());
        if let Poll::Ready(done) = stream.poll_handshake(&mut cx) {
            break done;
        }
        pipe.0.lock().unwrap().to_client.clear();
    };
    assert!(
        matches!(error, Err(HandshakeError::Eof | HandshakeError::Tls(_))),
        "{error:?}"
    );
}

#[test]
fn n140_an_end_without_close_notify_is_an_error() {
    let (mut stream, pipe) = pair("a.example", true, 1000);
    shake(&mut stream).unwrap();
    pipe.send(b"abc");
    pipe.0.lock().unwrap().cut = true;
    assert_eq!(read(&mut stream, 10).unwrap(), b"abc");
    assert_eq!(
        read(&mut stream, 10).unwrap_err().kind(),
        io::ErrorKind::UnexpectedEof
    );

    let (mut stream, pipe) = pair("a.example", true, 1000);
    shake(&mut stream).unwrap();
    pipe.0.lock().unwrap().server.send_close_notify();
    assert_eq!(read(&mut stream, 10).unwrap(), b"");
}

use crate::error::{ErrorKind, TlsErrorKind};
