//! The two halves of a stream, for two tasks.

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::sync::Arc;

use aioli_reactor::Registration;
use futures_io::{AsyncRead, AsyncWrite};

use crate::protocol::Endpoint;
use crate::stream_io::{read_by_lending, write_by_lending};

/// What the halves ask of a stream; sealed, only streams of this crate are split.
pub trait Socket: sealed::Sealed + Send + Sync + 'static {
    /// Ends one direction or both.
    ///
    /// # Errors
    ///
    /// The system's error.
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;

    /// How its readiness is seen.
    #[doc(hidden)]
    fn registration(&self) -> &Registration;

    /// Reads what is there, without waiting.
    #[doc(hidden)]
    fn read_now(&self, room: &mut [u8]) -> io::Result<usize>;

    /// Writes what there is room for, without waiting.
    #[doc(hidden)]
    fn write_now(&self, bytes: &[u8]) -> io::Result<usize>;

    /// This end and the other one.
    #[doc(hidden)]
    fn endpoints(&self) -> [io::Result<Endpoint>; 2];
}

/// Keeps others from implementing `Socket`.
pub(crate) mod sealed {
    /// Implemented by the streams of this crate.
    pub trait Sealed {}
}

/// The reading half of a split stream.
///
/// # Examples
///
/// ```
/// use aioli_net::{TcpListener, TcpStream};
/// use futures::{AsyncReadExt, AsyncWriteExt};
///
/// aioli_task::run(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let (mut reader, mut writer) = TcpStream::connect(listener.local_addr()).await?.into_split();
///     let (server, _) = listener.accept().await?;
///     writer.write_all(b"ping").await?;
///     drop(writer); // the server reads the end of the stream
///
///     let (mut from, mut to) = server.into_split();
///     futures::io::copy(&mut from, &mut to).await?;
///     drop(to);
///
///     let mut echo = String::new();
///     reader.read_to_string(&mut echo).await?;
///     assert_eq!(echo, "ping");
/// #   Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "dropping both halves closes the stream"]
pub struct ReadHalf<S>(Arc<S>);

/// The writing half of a split stream. Dropping it ends the writing direction, so that the peer
/// reads the end of the stream; [`ReadHalf`] has an example.
#[must_use = "dropping it ends the writing direction"]
pub struct WriteHalf<S: Socket> {
    /// `None` only when the halves have been united again.
    stream: Option<Arc<S>>,
}

pub(crate) fn split<S: Socket>(stream: S) -> (ReadHalf<S>, WriteHalf<S>) {
    let stream = Arc::new(stream);
    let writer = WriteHalf {
        stream: Some(stream.clone()),
    };
    (ReadHalf(stream), writer)
}

impl<S> AsRef<S> for ReadHalf<S> {
    fn as_ref(&self) -> &S {
        &self.0
    }
}

impl<S: Socket> AsRef<S> for WriteHalf<S> {
    fn as_ref(&self) -> &S {
        let stream = self.stream.as_ref();
        stream.expect("the stream is taken only when the half is consumed")
    }
}

impl<S: Socket> ReadHalf<S> {
    /// Unites the halves of one stream again.
    ///
    /// # Errors
    ///
    /// Gives both back when they come from different streams.
    pub fn unite(self, mut writer: WriteHalf<S>) -> Result<S, (ReadHalf<S>, WriteHalf<S>)> {
        if !std::ptr::eq(self.as_ref(), writer.as_ref()) {
            return Err((self, writer));
        }
        drop(writer.stream.take());
        let stream = Arc::into_inner(self.0);
        Ok(stream.expect("a stream is shared by its two halves only"))
    }
}

impl<S: Socket> Drop for WriteHalf<S> {
    fn drop(&mut self) {
        if let Some(stream) = &self.stream {
            // It fails on a connection that has ended already.
            let _ = stream.shutdown(Shutdown::Write);
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for ReadHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadHalf").field(&self.0).finish()
    }
}

impl<S: Socket + fmt::Debug> fmt::Debug for WriteHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteHalf").field(self.as_ref()).finish()
    }
}

read_by_lending!([S] ReadHalf<S>, |this| &*this.0, where for<'s> &'s S: AsyncRead);
write_by_lending!([S: Socket] WriteHalf<S>, |this| AsRef::<S>::as_ref(this), where for<'s> &'s S: AsyncWrite);

/// Ends the writing direction; a stream whose peer has gone has no such direction left.
pub(crate) fn end_of_writing(stream: &(impl Socket + ?Sized)) -> io::Result<()> {
    match stream.shutdown(Shutdown::Write) {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        other => other,
    }
}
