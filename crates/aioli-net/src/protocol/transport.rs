//! The handle of a connection with a protocol: what is written to, paused, closed.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use aioli_sync::wake_all;
use aioli_task::spawn;

use super::state::{Stage, State};
use super::{Driving, Endpoint, Protocol, WaterMarkError};
use crate::split::Socket;

/// The handle of a connection that has a [`Protocol`].
///
/// Clones are handles of the same connection, for any thread. Dropping them all changes nothing:
/// the connection belongs to its task.
#[doc(alias = "asyncio.Transport")]
#[doc(alias = "asyncio.BaseTransport")]
#[derive(Clone)]
pub struct Transport(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    local: io::Result<Endpoint>,
    peer: io::Result<Endpoint>,
}

impl Transport {
    /// Runs `protocol` on `stream` in a task of its own, on this thread's event loop.
    ///
    /// # Panics
    ///
    /// Where no aioli event loop runs on this thread; see [`attach`](Transport::attach).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// use aioli_net::protocol::{Protocol, Transport};
    /// use aioli_net::unix::UnixStream;
    ///
    /// struct Echo;
    ///
    /// impl Protocol for Echo {
    ///     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
    ///         transport.write(data);
    ///     }
    /// }
    ///
    /// let (one, other) = UnixStream::pair()?;
    /// let transport = Transport::start(one, Echo);
    /// other.write_all(b"hello").await?;
    /// assert_eq!(other.read(&mut [0; 16]).await?, 5);
    /// transport.close();
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "asyncio.loop.connect_accepted_socket")]
    pub fn start<P>(stream: impl Socket, protocol: P) -> Transport
    where
        P: Protocol + 'static,
    {
        let (transport, driving) = Transport::attach(stream, protocol);
        drop(spawn(driving));
        transport
    }

    /// The handle, and the future that is the connection's life, to be spawned on any executor.
    /// It is `Send` when the protocol is.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_net::protocol::{Protocol, Transport};
    /// use aioli_net::{TcpListener, TcpStream};
    /// use futures::{AsyncReadExt, executor::block_on, join};
    ///
    /// struct Greeter;
    ///
    /// impl Protocol for Greeter {
    ///     fn connection_made(&mut self, transport: &Transport) {
    ///         transport.write("good day");
    ///         transport.close();
    ///     }
    ///     fn data_received(&mut self, _: &Transport, _: &[u8]) {}
    /// }
    ///
    /// block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let mut client = TcpStream::connect(listener.local_addr()).await?;
    ///     let (_, driving) = Transport::attach(listener.accept().await?.0, Greeter);
    ///     let mut text = String::new();
    ///     let (_, read) = join!(driving, client.read_to_string(&mut text));
    ///     assert_eq!(read?, 8);
    /// #   Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn attach<P: Protocol>(stream: impl Socket, protocol: P) -> (Transport, Driving<P>) {
        let [local, peer] = stream.endpoints();
        let transport = Transport(Arc::new(Shared {
            state: Mutex::new(State::new(Box::new(stream))),
            local,
            peer,
        }));
        (transport.clone(), Driving::new(transport, protocol))
    }

    /// Takes bytes, to be written as soon as the system has room: at once if it has some now.
    /// Never waits. On a connection that is closed, or whose direction has been ended by
    /// [`write_eof`](Transport::write_eof), they are dropped with a warning in the log.
    #[doc(alias = "asyncio.WriteTransport.write")]
    pub fn write(&self, bytes: impl AsRef<[u8]>) {
        self.take(bytes.as_ref());
    }

    /// Takes several pieces of bytes, which go out together.
    #[doc(alias = "asyncio.WriteTransport.writelines")]
    pub fn writelines<B: AsRef<[u8]>>(&self, pieces: impl IntoIterator<Item = B>) {
        let mut together = Vec::new();
        for piece in pieces {
            together.extend_from_slice(piece.as_ref());
        }
        self.take(&together);
    }

    fn take(&self, bytes: &[u8]) {
        let mut is_taken = true;
        self.change(|state| {
            is_taken = bytes.is_empty() || state.write(bytes);
            // The task has something to do: bytes that wait, or an error.
            !is_taken || state.pending() > 0 || state.is_closing()
        });
        if !is_taken {
            tracing::warn!(
                bytes = bytes.len(),
                "bytes were written to a closed transport"
            );
        }
    }

    /// Waits until writing is not paused: what waits to be written is not above the low mark, once
    /// it has been above the high one. Any number of tasks may.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    ///
    /// # Errors
    ///
    /// The connection has ended: `ConnectionReset`, or the kind of the error that ended it.
    #[doc(alias = "asyncio.StreamWriter.drain")]
    pub async fn drain(&self) -> io::Result<()> {
        poll_fn(|cx| {
            let mut state = self.lock();
            match &state.stage {
                Stage::Ended(kind) => {
                    let kind = kind.unwrap_or(io::ErrorKind::ConnectionReset);
                    Poll::Ready(Err(kind.into()))
                }
                _ if !state.is_writing_paused => Poll::Ready(Ok(())),
                _ => {
                    state.add_draining(cx.waker());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Ends the writing direction when everything is written: the peer reads the end of the
    /// stream. Bytes still come in.
    #[doc(alias = "asyncio.WriteTransport.write_eof")]
    pub fn write_eof(&self) {
        self.change(|state| {
            state.end_writing();
            true
        });
    }

    /// Reads no more, and ends the connection when everything is written. Again, it does nothing.
    #[doc(alias = "asyncio.BaseTransport.close")]
    pub fn close(&self) {
        self.change(|state| {
            state.close();
            true
        });
    }

    /// Ends the connection now; what is still to be written is dropped. Again, it does nothing.
    #[doc(alias = "asyncio.WriteTransport.abort")]
    pub fn abort(&self) {
        self.change(|state| {
            state.abort(None);
            true
        });
    }

    /// Has it been closed, or is it ending?
    #[doc(alias = "asyncio.BaseTransport.is_closing")]
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.lock().is_closing()
    }

    /// Waits until the protocol has been told that the connection is lost.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    #[doc(alias = "asyncio.StreamWriter.wait_closed")]
    pub async fn wait_closed(&self) {
        poll_fn(|cx| self.poll_closed(cx)).await;
    }

    fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.is_let_go() {
            return Poll::Ready(());
        }
        state.add_ending(cx.waker());
        Poll::Pending
    }

    /// Reads no more until [`resume_reading`](Transport::resume_reading), so that the peer is
    /// held back. Again, it does nothing.
    #[doc(alias = "asyncio.ReadTransport.pause_reading")]
    pub fn pause_reading(&self) {
        self.change(|state| {
            state.is_reading_paused = true;
            false
        });
    }

    /// Reads again. Again, it does nothing.
    #[doc(alias = "asyncio.ReadTransport.resume_reading")]
    pub fn resume_reading(&self) {
        self.change(|state| std::mem::replace(&mut state.is_reading_paused, false));
    }

    /// Is it being read from? Not when reading is paused, after the end, or when it is closing.
    #[doc(alias = "asyncio.ReadTransport.is_reading")]
    #[must_use]
    pub fn is_reading(&self) -> bool {
        self.lock().is_reading()
    }

    /// How many bytes wait to be written.
    #[doc(alias = "asyncio.WriteTransport.get_write_buffer_size")]
    #[must_use]
    pub fn write_buffer_size(&self) -> usize {
        self.lock().pending()
    }

    /// The low and the high mark: 16 KiB and 64 KiB at first.
    #[doc(alias = "asyncio.WriteTransport.get_write_buffer_limits")]
    #[must_use]
    pub fn write_buffer_limits(&self) -> (usize, usize) {
        self.lock().limits()
    }

    /// Sets the marks. Above `high` bytes writing is paused, at `low` it is resumed. One that is
    /// not given follows from the other, a quarter or four times of it; both are 64 KiB and a
    /// quarter of it if none is. `Some(0)` for `high` pauses whenever a byte waits.
    ///
    /// # Errors
    ///
    /// [`WaterMarkError`]: `high` is below `low`. The marks stay as they were.
    #[doc(alias = "asyncio.WriteTransport.set_write_buffer_limits")]
    pub fn set_write_buffer_limits(
        &self,
        high: Option<usize>,
        low: Option<usize>,
    ) -> Result<(), WaterMarkError> {
        let mut set = Ok(());
        self.change(|state| {
            set = state.set_limits(high, low);
            set.is_ok()
        });
        set
    }

    /// The end of this side.
    ///
    /// # Errors
    ///
    /// The system's error when the connection was made.
    #[doc(alias = "asyncio.BaseTransport.get_extra_info")]
    pub fn local_addr(&self) -> io::Result<Endpoint> {
        copy_of(&self.0.local)
    }

    /// The end of the other side.
    ///
    /// # Errors
    ///
    /// The system's error when the connection was made: `NotConnected` when the peer had reset
    /// it already.
    #[doc(alias = "asyncio.BaseTransport.get_extra_info")]
    pub fn peer_addr(&self) -> io::Result<Endpoint> {
        copy_of(&self.0.peer)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state; when `change` says that there is something to do, the task looks.
    fn change(&self, change: impl FnOnce(&mut State) -> bool) {
        let mut state = self.lock();
        let task = change(&mut state).then(|| state.touch()).flatten();
        drop(state);
        task.into_iter().for_each(Waker::wake);
    }

    /// Closes the socket, and wakes those who wait.
    pub(super) fn let_go(&self) {
        let (wire, waiting) = self.lock().let_go();
        drop(wire);
        wake_all(waiting);
    }
}

/// An `io::Error` cannot be cloned, but one of the system can be made again.
fn copy_of(endpoint: &io::Result<Endpoint>) -> io::Result<Endpoint> {
    match endpoint {
        Ok(endpoint) => Ok(endpoint.clone()),
        Err(error) => Err(match error.raw_os_error() {
            Some(number) => io::Error::from_raw_os_error(number),
            None => error.kind().into(),
        }),
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Transport")
            .field("local", &self.0.local)
            .field("peer", &self.0.peer)
            .field("write_buffer_size", &state.pending())
            .field("is_closing", &state.is_closing())
            .finish_non_exhaustive()
    }
}
