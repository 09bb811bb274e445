//! TLS over any byte stream: `rustls` keeps the state, this file moves the bytes.
//!
//! `rustls` reads and writes through `std::io`; [`Adapter`] lends it a stream and a task context
//! for the length of one call, and turns `Pending` into `WouldBlock` and back. Nothing here
//! knows sockets, executors or time.
//!
//! ```text
//!    plaintext   poll_write ─▶ tls.writer()    tls.reader() ─▶ poll_read
//!                                  │                ▲
//!    records          push ◀───────┘                └─────── pull + process_new_packets
//! ```

use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use futures_io::{AsyncRead, AsyncWrite};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use self::config::TlsVersion;

pub(crate) mod config;
mod der;
pub(crate) mod verify;

/// Records read in one poll without any plaintext coming of it: key updates and empty records
/// cost the peer little and us some, so we give way to others now and then.
const MAX_PULLS: usize = 32;

/// A client's TLS stream over `io`.
pub(crate) struct TlsStream<IO> {
    io: IO,
    tls: ClientConnection,
}

/// Why a handshake did not succeed.
#[derive(Debug)]
pub(crate) enum HandshakeError {
    /// `rustls` refused the peer, or the peer refused us.
    Tls(rustls::Error),
    /// The stream failed.
    Io(io::Error),
    /// The stream ended.
    Eof,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> TlsStream<IO> {
    /// Makes the client's side; nothing is sent before [`poll_handshake`](Self::poll_handshake).
    ///
    /// # Errors
    ///
    /// When the configuration cannot be used for this name.
    pub(crate) fn new(
        io: IO,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<TlsStream<IO>, rustls::Error> {
        let tls = ClientConnection::new(config, name)?;
        Ok(TlsStream { io, tls })
    }

    /// The version that the handshake has agreed upon, once it is over.
    pub(crate) fn version(&self) -> TlsVersion {
        match self.tls.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => TlsVersion::V1_2,
            _ => TlsVersion::V1_3,
        }
    }

    /// Shakes hands; application data must wait until this is done, for only then the peer has
    /// proved who it is.
    pub(crate) fn poll_handshake(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), HandshakeError>> {
        while self.tls.is_handshaking() {
            ready!(self.push(cx)).map_err(HandshakeError::Io)?;
            if !self.tls.is_handshaking() {
                break;
            }
            if ready!(self.pull(cx)).map_err(handshake_error)? == 0 {
                return Poll::Ready(Err(HandshakeError::Eof));
            }
        }
        self.push(cx).map_err(HandshakeError::Io)
    }

    /// Reads plaintext; 0 is the peer's orderly end.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` when the stream ended without the peer saying so in TLS; `InvalidData`
    /// around a `rustls::Error` when the peer broke TLS.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        for _ in 0..MAX_PULLS {
            match self.tls.reader().read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
            // Answers to the peer's key updates. When they cannot leave now, a later call takes
            // them along; when they never can, what the peer has sent can still be read.
            let _ = self.push(cx);
            ready!(self.pull(cx))?;
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes plaintext; what was taken leaves at the latest with [`poll_flush`](Self::poll_flush).
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            let taken = self.tls.writer().write_vectored(bufs)?;
            let pushed = self.push(cx)?;
            if taken > 0 || bufs.iter().all(|buf| buf.is_empty()) {
                return Poll::Ready(Ok(taken));
            }
            // Nothing taken: the buffer was full, and has room again only if all of it left.
            ready!(pushed);
        }
    }

    /// Sends what was taken.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.push(cx))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Tells the peer that nothing more will come, as far as that can be sent at once.
    pub(crate) fn say_goodbye(&mut self) {
        self.tls.send_close_notify();
        let _ = self.push(&mut Context::from_waker(Waker::noop()));
    }

    /// As [`say_goodbye`](Self::say_goodbye), waiting until it is said.
    pub(crate) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tls.send_close_notify();
        self.poll_flush(cx)
    }

    /// The protocol that both sides have agreed on in the handshake, if they have.
    pub(crate) fn protocol(&self) -> Option<&[u8]> {
        self.tls.alpn_protocol()
    }

    pub(crate) fn get_ref(&self) -> &IO {
        &self.io
    }

    /// Writes records until there are none.
    fn push(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.tls.wants_write() {
            let mut adapter = Adapter {
                io: &mut self.io,
                cx,
            };
            match self.tls.write_tls(&mut adapter) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads records once and takes them in; 0 is the end of the stream.
    fn pull(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut adapter = Adapter {
            io: &mut self.io,
            cx,
        };
        let n = match self.tls.read_tls(&mut adapter) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            done => done?,
        };
        if let Err(error) = self.tls.process_new_packets() {
            // The alert tells the peer why; whether it arrives changes nothing for us.
            let _ = self.push(cx);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
        }
        Poll::Ready(Ok(n))
    }
}

impl<IO> std::fmt::Debug for TlsStream<IO> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsStream").finish_non_exhaustive()
    }
}

fn handshake_error(error: io::Error) -> HandshakeError {
    match error.downcast::<rustls::Error>() {
        Ok(error) => HandshakeError::Tls(error),
        Err(error) => HandshakeError::Io(error),
    }
}

/// A stream as `std::io` for the length of one poll.
struct Adapter<'a, 'b, IO> {
    io: &'a mut IO,
    cx: &'a mut Context<'b>,
}

/// `Pending` is `WouldBlock`; the waker is registered already.
fn blocking<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(done) => done,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl<IO: AsyncRead + Unpin> io::Read for Adapter<'_, '_, IO> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        blocking(Pin::new(&mut *self.io).poll_read(self.cx, buf))
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        blocking(Pin::new(&mut *self.io).poll_read_vectored(self.cx, bufs))
    }
}

impl<IO: AsyncWrite + Unpin> io::Write for Adapter<'_, '_, IO> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        blocking(Pin::new(&mut *self.io).poll_write(self.cx, buf))
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        blocking(Pin::new(&mut *self.io).poll_write_vectored(self.cx, bufs))
    }

    fn flush(&mut self) -> io::Result<()> {
        blocking(Pin::new(&mut *self.io).poll_flush(self.cx))
    }
}

#[cfg(test)]
mod tests;
