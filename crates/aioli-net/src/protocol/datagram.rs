//! The callbacks of a UDP socket: a datagram comes, and is called with.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use aioli_sync::wake_all;
use aioli_task::spawn;

use super::state::{HIGH, LOW_PART, TURNS_MAX, is_not_now};
use crate::scratch::with_room;
use crate::udp::UdpSocket;
use crate::wakers;

#[cfg(test)]
mod tests;

/// What a datagram takes besides its bytes: the header of UDP (RFC 768), as asyncio counts. Without
/// it, empty ones would never be too many.
const HEADER: usize = 8;

/// What is called when something happens on a UDP socket. Every method but
/// [`datagram_received`](DatagramProtocol::datagram_received) does nothing unless it is written.
///
/// [`DatagramTransport`] has an example.
#[doc(alias = "asyncio.DatagramProtocol")]
pub trait DatagramProtocol {
    /// The socket is there. Called once, first.
    fn connection_made(&mut self, transport: &DatagramTransport) {
        let _ = transport;
    }

    /// A datagram has come.
    #[doc(alias = "asyncio.DatagramProtocol.datagram_received")]
    fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], from: SocketAddr);

    /// Sending or receiving has failed: often, that nobody listens where one was sent to. The
    /// socket goes on.
    #[doc(alias = "asyncio.DatagramProtocol.error_received")]
    fn error_received(&mut self, transport: &DatagramTransport, error: io::Error) {
        let _ = (transport, error);
    }

    /// More than 64 KiB wait to be sent: better send no more for now.
    fn pause_writing(&mut self, transport: &DatagramTransport) {
        let _ = transport;
    }

    /// No more than 16 KiB wait to be sent, after a
    /// [`pause_writing`](DatagramProtocol::pause_writing).
    fn resume_writing(&mut self, transport: &DatagramTransport) {
        let _ = transport;
    }

    /// The socket has been closed. Called once, last: with `ConnectionAborted` when its task was
    /// cancelled.
    fn connection_lost(&mut self, error: Option<io::Error>) {
        let _ = error;
    }
}

/// The handle of a UDP socket that has a [`DatagramProtocol`].
///
/// Clones are handles of the same socket, for any thread. The socket belongs to its task.
///
/// # Examples
///
/// ```
/// use std::net::SocketAddr;
///
/// use aioli_net::UdpSocket;
/// use aioli_net::protocol::{DatagramProtocol, DatagramTransport};
///
/// struct Echo;
///
/// impl DatagramProtocol for Echo {
///     fn datagram_received(&mut self, to: &DatagramTransport, data: &[u8], from: SocketAddr) {
///         to.send_to(data, from);
///     }
/// }
///
/// aioli_task::run(async {
///     let server = DatagramTransport::start(UdpSocket::bind("127.0.0.1:0").await?, Echo);
///     let client = UdpSocket::bind("127.0.0.1:0").await?;
///     client.connect(server.local_addr()?).await?;
///     client.send(b"hello").await?;
///     assert_eq!(client.recv(&mut [0; 16]).await?, 5);
///     server.close();
/// #   Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.DatagramTransport")]
#[doc(alias = "asyncio.loop.create_datagram_endpoint")]
#[derive(Clone)]
pub struct DatagramTransport(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    local: Option<SocketAddr>,
}

/// # Invariants
///
/// `socket` is `None` from the moment on at which the protocol has been told of the end.
struct State {
    socket: Option<UdpSocket>,
    /// What is to be sent, oldest first; to the peer where no address is.
    queue: VecDeque<(Vec<u8>, Option<SocketAddr>)>,
    /// What failed at once, oldest first: the protocol is yet to be told.
    errors: VecDeque<io::Error>,
    /// How many bytes wait in the queue, with the headers.
    pending: usize,
    is_paused: bool,
    is_closing: bool,
    task: Option<Waker>,
    /// Who waits for the end.
    ending: Vec<Waker>,
}

impl DatagramTransport {
    /// Runs `protocol` on `socket` in a task of its own, on this thread's event loop.
    ///
    /// # Panics
    ///
    /// Where no aioli event loop runs on this thread; see
    /// [`attach`](DatagramTransport::attach).
    pub fn start<P>(socket: UdpSocket, protocol: P) -> DatagramTransport
    where
        P: DatagramProtocol + 'static,
    {
        let (transport, driving) = DatagramTransport::attach(socket, protocol);
        drop(spawn(driving));
        transport
    }

    /// The handle, and the future that is the socket's life, to be spawned on any executor. It is
    /// `Send` when the protocol is.
    pub fn attach<P: DatagramProtocol>(
        socket: UdpSocket,
        protocol: P,
    ) -> (DatagramTransport, DrivingDatagrams<P>) {
        let local = socket.local_addr().ok();
        let state = Mutex::new(State {
            socket: Some(socket),
            queue: VecDeque::new(),
            errors: VecDeque::new(),
            pending: 0,
            is_paused: false,
            is_closing: false,
            task: None,
            ending: Vec::new(),
        });
        let transport = DatagramTransport(Arc::new(Shared { state, local }));
        let driving = DrivingDatagrams {
            transport: transport.clone(),
            protocol,
            is_made: false,
            is_told_to_pause: false,
            is_calling: false,
        };
        (transport, driving)
    }

    /// Sends a datagram to `address`, at once if the system has room. Never waits; its error goes
    /// to the protocol. On a closed transport it is dropped.
    #[doc(alias = "asyncio.DatagramTransport.sendto")]
    pub fn send_to(&self, datagram: impl AsRef<[u8]>, address: SocketAddr) {
        self.take(datagram.as_ref(), Some(address));
    }

    /// Sends a datagram to the peer of a connected socket, as
    /// [`send_to`](DatagramTransport::send_to) does.
    pub fn send(&self, datagram: impl AsRef<[u8]>) {
        self.take(datagram.as_ref(), None);
    }

    fn take(&self, datagram: &[u8], address: Option<SocketAddr>) {
        let mut state = self.lock();
        let Some(socket) = state.socket.as_ref().filter(|_| !state.is_closing) else {
            return;
        };
        if state.queue.is_empty() {
            match socket.try_send_now(datagram, address) {
                Ok(_) => return,
                Err(error) if is_not_now(&error) => {}
                Err(error) => {
                    state.errors.push_back(error);
                    return wake(state);
                }
            }
        }
        state.pending += datagram.len() + HEADER;
        state.queue.push_back((datagram.to_vec(), address));
        state.weigh();
        wake(state);
    }

    /// Receives no more, and ends when everything is sent. Again, it does nothing.
    #[doc(alias = "asyncio.DatagramTransport.close")]
    pub fn close(&self) {
        let mut state = self.lock();
        state.is_closing = true;
        wake(state);
    }

    /// Ends now; what is still to be sent is dropped. Again, it does nothing.
    #[doc(alias = "asyncio.DatagramTransport.abort")]
    pub fn abort(&self) {
        let mut state = self.lock();
        state.give_up();
        wake(state);
    }

    /// Has it been closed, or is it ending?
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.lock().is_closing
    }

    /// How many bytes wait to be sent, with 8 for the header of each datagram.
    #[must_use]
    pub fn write_buffer_size(&self) -> usize {
        self.lock().pending
    }

    /// The address of this side.
    ///
    /// # Errors
    ///
    /// `NotConnected` when the system had none for the socket.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local.ok_or(io::ErrorKind::NotConnected.into())
    }

    /// Waits until the protocol has been told that the socket is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn wait_closed(&self) {
        std::future::poll_fn(|cx| {
            let mut state = self.lock();
            if state.socket.is_none() {
                return Poll::Ready(());
            }
            wakers::add(&mut state.ending, cx.waker());
            Poll::Pending
        })
        .await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Closes without sending what waits.
    fn give_up(&mut self) {
        self.is_closing = true;
        self.queue.clear();
        self.errors.clear();
        self.pending = 0;
    }

    fn weigh(&mut self) {
        if self.pending > HIGH {
            self.is_paused = true;
        } else if self.pending <= HIGH / LOW_PART {
            self.is_paused = false;
        }
    }
}

/// Has the task look again.
fn wake(state: MutexGuard<'_, State>) {
    let task = state.task.clone();
    drop(state);
    task.into_iter().for_each(Waker::wake);
}

/// The life of a UDP socket with a [`DatagramProtocol`]: made by
/// [`DatagramTransport::attach`], ready when the socket is closed. Dropping it closes the socket.
#[must_use = "a socket that is not driven does nothing"]
pub struct DrivingDatagrams<P: DatagramProtocol> {
    transport: DatagramTransport,
    protocol: P,
    is_made: bool,
    is_told_to_pause: bool,
    /// A callback runs; on drop: it has panicked.
    is_calling: bool,
}

// The protocol is never pinned: its methods take `&mut self`.
impl<P: DatagramProtocol> Unpin for DrivingDatagrams<P> {}

impl<P: DatagramProtocol> DrivingDatagrams<P> {
    fn call(&mut self, call: impl FnOnce(&mut P, &DatagramTransport)) {
        self.is_calling = true;
        call(&mut self.protocol, &self.transport);
        self.is_calling = false;
    }

    fn tell_flow(&mut self) {
        let is_paused = self.transport.lock().is_paused;
        match (self.is_told_to_pause, is_paused) {
            (false, true) => self.call(P::pause_writing),
            (true, false) => self.call(P::resume_writing),
            _ => {}
        }
        self.is_told_to_pause = is_paused;
    }

    /// Tells of an error, or sends the oldest that waits. Pending: there is none, or no room.
    fn send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.transport.lock();
        if let Some(error) = state.errors.pop_front() {
            drop(state);
            self.call(|protocol, transport| protocol.error_received(transport, error));
            return Poll::Ready(());
        }
        let State { socket, queue, .. } = &mut *state;
        let (Some(socket), Some((datagram, address))) = (socket, queue.front()) else {
            return Poll::Pending;
        };
        let sent = std::task::ready!(socket.poll_send_now(cx, datagram, *address));
        let len = datagram.len();
        queue.pop_front();
        state.pending -= len + HEADER;
        state.weigh();
        drop(state);
        if let Err(error) = sent {
            self.call(|protocol, transport| protocol.error_received(transport, error));
        }
        Poll::Ready(())
    }

    /// Receives one. Pending: none is there, or none is wanted any more.
    fn receive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        with_room(|room| {
            let state = self.transport.lock();
            let Some(socket) = state.socket.as_ref().filter(|_| !state.is_closing) else {
                return Poll::Pending;
            };
            let received = std::task::ready!(socket.poll_recv_now(cx, room));
            drop(state);
            self.call(|protocol, transport| match received {
                Ok((n, from)) => protocol.datagram_received(transport, &room[..n], from),
                Err(error) => protocol.error_received(transport, error),
            });
            Poll::Ready(())
        })
    }

    /// Closes the socket, after the protocol has been told.
    fn end(&mut self, error: Option<io::Error>) {
        if self.is_made && !self.is_calling {
            self.call(|protocol, _| protocol.connection_lost(error));
        }
        let mut state = self.transport.lock();
        state.give_up();
        state.task = None;
        let socket = state.socket.take();
        let ending = std::mem::take(&mut state.ending);
        drop(state);
        drop(socket);
        wake_all(ending);
    }
}

impl<P: DatagramProtocol> Future for DrivingDatagrams<P> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        // Before anything is looked at, so that no change after that is missed.
        match &mut this.transport.lock().task {
            Some(task) => task.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        if !this.is_made {
            this.is_made = true;
            this.call(P::connection_made);
        }
        for _ in 0..TURNS_MAX {
            this.tell_flow();
            let has_sent = this.send(cx).is_ready();
            this.tell_flow();
            let state = this.transport.lock();
            if state.socket.is_none() {
                return Poll::Ready(());
            }
            let is_over = state.is_closing && state.queue.is_empty() && state.errors.is_empty();
            drop(state);
            if is_over {
                this.end(None);
                return Poll::Ready(());
            }
            let has_received = this.receive(cx).is_ready();
            if !has_sent && !has_received {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<P: DatagramProtocol> Drop for DrivingDatagrams<P> {
    fn drop(&mut self) {
        if self.transport.lock().socket.is_some() {
            self.end(Some(io::ErrorKind::ConnectionAborted.into()));
        }
    }
}

impl<P: DatagramProtocol> fmt::Debug for DrivingDatagrams<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("DrivingDatagrams");
        shown.field("transport", &self.transport);
        shown.finish_non_exhaustive()
    }
}

impl fmt::Debug for DatagramTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("DatagramTransport")
            .field("local", &self.0.local)
            .field("write_buffer_size", &state.pending)
            .field("is_closing", &state.is_closing)
            .finish_non_exhaustive()
    }
}
