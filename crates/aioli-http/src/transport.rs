//! The byte stream under a connection: a socket, and the layers of TLS on it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use aioli_net::TcpStream;
use aioli_time::Alarm;
use futures_io::{AsyncRead, AsyncWrite};

use crate::mock::MockStream;
use crate::os::{UnixStream, is_unix_silent};
use crate::tls::TlsStream;
use crate::tls::config::HTTP2;

/// An established stream.
#[derive(Debug)]
pub(crate) enum Transport {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// No socket, but a function that answers.
    Mock(Box<MockStream>),
    /// On another one, which may be secure itself: the way to a proxy and the way through it.
    Tls(Box<TlsStream<Transport>>),
}

impl Transport {
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Transport::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Transport::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Transport::Mock(stream) => stream.poll_read(cx, buf),
            Transport::Tls(stream) => stream.poll_read(cx, buf),
        }
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Transport::Tcp(stream) => match bufs {
                [one] => Pin::new(stream).poll_write(cx, one),
                several => Pin::new(stream).poll_write_vectored(cx, several),
            },
            Transport::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Transport::Mock(stream) => stream.poll_write(bufs),
            Transport::Tls(stream) => stream.poll_write(cx, bufs),
        }
    }

    /// Whether the reactor knows of nothing to read, where that can be told without trying.
    ///
    /// With `watch`, the reactor reports what comes from now on, though nobody waits for it.
    pub(crate) fn is_quiet(&self, watch: bool) -> Option<bool> {
        let Transport::Tcp(stream) = self else {
            return None;
        };
        if watch {
            let is_reported = stream.as_async().registration().watch_readable();
            return Some(!is_reported || self.is_silent());
        }
        let read = stream.try_read(&mut [0]);
        Some(read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock))
    }

    /// Sees to it that whoever waits for the socket is woken by `moment`; `now` is what the clock
    /// has just shown. False: there is no socket that could tell.
    pub(crate) fn wake_by(&self, moment: Instant, now: Instant, alarm: &mut Alarm) -> bool {
        match self {
            Transport::Tcp(stream) => {
                let waker = || stream.as_async().registration().waker();
                alarm.ring_by(moment, now, waker);
                true
            }
            Transport::Tls(stream) => stream.get_ref().wake_by(moment, now, alarm),
            Transport::Unix(_) | Transport::Mock(_) => false,
        }
    }

    /// Asks the system whether there is nothing to read.
    pub(crate) fn is_silent(&self) -> bool {
        match self {
            Transport::Tcp(stream) => {
                let peeked = stream.as_async().get_ref().peek(&mut [0]);
                peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
            }
            Transport::Unix(stream) => is_unix_silent(stream),
            Transport::Mock(stream) => stream.is_silent(),
            Transport::Tls(stream) => stream.get_ref().is_silent(),
        }
    }

    /// Sends what was taken and tells the peer that nothing more will come.
    pub(crate) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Transport::Tcp(stream) => Pin::new(stream).poll_close(cx),
            Transport::Unix(stream) => Pin::new(stream).poll_close(cx),
            Transport::Mock(_) => Poll::Ready(Ok(())),
            Transport::Tls(stream) => stream.poll_finish(cx),
        }
    }

    /// Whether the server has picked HTTP/2 in the handshake.
    #[cfg_attr(
        not(feature = "http2"),
        expect(dead_code, reason = "nothing else is negotiated")
    )]
    pub(crate) fn has_picked_http2(&self) -> bool {
        match self {
            Transport::Tls(stream) => stream.protocol() == Some(HTTP2),
            _ => false,
        }
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Transport::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Transport::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Transport::Mock(_) => Poll::Ready(Ok(())),
            Transport::Tls(stream) => stream.poll_flush(cx),
        }
    }
}

/// For a layer of TLS on top.
impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Transport::poll_read(self.get_mut(), cx, buf)
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Transport::poll_write(self.get_mut(), cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Transport::poll_write(self.get_mut(), cx, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Transport::poll_flush(self.get_mut(), cx)
    }

    /// Sends what was taken; the stream itself closes when it is dropped.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Transport::poll_flush(self.get_mut(), cx)
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        if let Transport::Tls(stream) = self {
            stream.say_goodbye();
        }
    }
}
