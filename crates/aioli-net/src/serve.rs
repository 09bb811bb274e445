//! Serving: a task for each connection, and an orderly end.

use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use aioli_flow::{AsyncClose, timeout};
use aioli_task::driver::Home;
use aioli_task::{Seconds, Task, spawn};
use aioli_time::sleep;

use self::clients::{Accepting, Clients, Until};
use crate::error::{AcceptError, BindError};
use crate::split::sealed::Sealed;
use crate::target::ToTarget;
use crate::tcp::{TcpListener, TcpStream};

mod clients;

/// How long a server waits for a free descriptor before it accepts again: asyncio's second.
const OUT_OF_DESCRIPTORS_PAUSE: Duration = Duration::from_secs(1);

/// Listens on an address, and runs `handler` in a task of its own for each connection.
///
/// The tasks run on this thread's event loop, and neither they nor the handler need be `Send`. A
/// handler may return nothing or a `Result`; its error, or its panic, is
/// [reported](aioli_task::Report), a cancellation is not, and the others go on. Under a foreign
/// executor use [`TcpListener`] and spawn there.
///
/// # Cancel safety
///
/// Dropping the future leaves nothing bound.
///
/// # Errors
///
/// [`BindError`]: no address, or none that could be bound; no event loop of ours on this thread.
///
/// # Examples
///
/// ```
/// use aioli_net::{open_connection, serve};
///
/// aioli_task::run(async {
///     let server = serve("127.0.0.1:0", async |stream| {
///         let (mut reader, mut writer) = stream.into_streams();
///         while let Ok(line) = reader.readline().await && !line.is_empty() {
///             writer.write(line);
///             if writer.drain().await.is_err() { return }
///         }
///     }).await?;
///
///     let (mut reader, mut writer) = open_connection(server.local_addr()).await?;
///     writer.write("hello\n");
///     writer.close().await?;
///     assert_eq!(reader.readline().await?, b"hello\n");
///     server.stop().await;
/// #   Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.start_server")]
#[doc(alias = "asyncio.loop.create_server")]
pub async fn serve<H, R>(target: impl ToTarget, handler: H) -> Result<Server, BindError>
where
    H: AsyncFn(TcpStream) -> R + 'static,
    R: HandlerResult + 'static,
{
    if Home::try_current().is_none() {
        let target = target.to_target()?.to_string();
        return Err(BindError::NoLoop { target });
    }
    let listener = TcpListener::bind(target).await?;
    Ok(Server::start(listener, handler))
}

/// What the handler of a [`Server`] returns: nothing, or a `Result` whose error is reported. One
/// that never returns is a handler too.
///
/// # Examples
///
/// ```
/// use std::io;
///
/// use aioli_net::{TcpStream, serve};
///
/// async fn greet(stream: TcpStream) -> io::Result<()> {
///     stream.write_all(b"good day").await
/// }
///
/// aioli_task::run(async {
///     let server = serve("127.0.0.1:0", greet).await?;
///     let client = TcpStream::connect(server.local_addr()).await?;
///     assert_eq!(client.read(&mut [0; 16]).await?, 8);
///     server.stop().await;
/// #   Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "the handler of a server returns `()` or a `Result<(), E>` with `E: Display`"
)]
pub trait HandlerResult {
    /// What is to be reported.
    #[doc(hidden)]
    fn into_error(self) -> Option<String>;
}

impl HandlerResult for () {
    fn into_error(self) -> Option<String> {
        None
    }
}

impl HandlerResult for Never {
    fn into_error(self) -> Option<String> {
        self
    }
}

/// `!`: stable Rust has it as what a function returns, and not yet as a type.
type Never = <fn() -> ! as never::Returns>::Output;

mod never {
    pub trait Returns {
        type Output;
    }

    impl<T> Returns for fn() -> T {
        type Output = T;
    }
}

impl<E: fmt::Display> HandlerResult for Result<(), E> {
    fn into_error(self) -> Option<String> {
        self.err().map(|error| format!("{error:#}"))
    }
}

/// What a [`Server`] accepts connections from; sealed, the listeners of this crate.
pub trait Listener: Sealed + 'static {
    /// What a connection is.
    type Stream: 'static;
    /// Where is listened.
    type Address: Send + Sync + Unpin + fmt::Debug;

    /// Where is listened.
    fn address(&self) -> Self::Address;

    /// Waits for the next connection.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no connection.
    ///
    /// # Errors
    ///
    /// [`AcceptError`]; the listener remains usable.
    fn accept_stream(&self) -> impl Future<Output = Result<Self::Stream, AcceptError>> + Send;
}

impl Sealed for TcpListener {}

impl Listener for TcpListener {
    type Stream = TcpStream;
    type Address = SocketAddr;

    fn address(&self) -> SocketAddr {
        self.local_addr()
    }

    async fn accept_stream(&self) -> Result<TcpStream, AcceptError> {
        self.accept().await.map(|(stream, _)| stream)
    }
}

/// A server that [`serve`] has started, or that serves a listener of your own.
///
/// Dropping it stops accepting, and leaves the connections that there are to their handlers.
#[doc(alias = "asyncio.Server")]
#[must_use = "the server stops accepting when it is dropped"]
pub struct Server<L: Listener = TcpListener> {
    address: L::Address,
    accepting: Task<()>,
    clients: Clients,
}

impl Server {
    /// The address that is listened on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl<L: Listener> Server<L> {
    /// Serves the connections of a listener of your own, by TCP or by a Unix socket.
    ///
    /// # Panics
    ///
    /// Where no aioli event loop runs on this thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_net::{ListenOptions, Server, TcpStream};
    ///
    /// aioli_task::run(async {
    ///     let listener = ListenOptions::new().backlog(16).bind("127.0.0.1:0").await?;
    ///     let server = Server::start(listener, async |stream| {
    ///         let _ = stream.write_all(b"good day").await;
    ///     });
    ///     let client = TcpStream::connect(server.local_addr()).await?;
    ///     assert_eq!(client.read(&mut [0; 16]).await?, 8);
    ///     server.stop().await;
    /// #   Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn start<H, R>(listener: L, handler: H) -> Server<L>
    where
        H: AsyncFn(L::Stream) -> R + 'static,
        R: HandlerResult + 'static,
    {
        let address = listener.address();
        let clients = Clients::default();
        // Made here, and not by the task: one that is cancelled before its first poll ends too.
        let ending = Accepting(clients.clone());
        let accepting = spawn(accept_all(listener, handler, ending));
        Server {
            address,
            accepting,
            clients,
        }
    }

    /// Where is listened: an address, or the path of a Unix socket.
    #[must_use]
    pub fn address(&self) -> &L::Address {
        &self.address
    }

    /// How many connections have a handler that runs.
    #[must_use]
    pub fn n_clients(&self) -> usize {
        self.clients.lock().running.len()
    }

    /// Does it accept connections?
    #[doc(alias = "asyncio.Server.is_serving")]
    #[must_use]
    pub fn is_serving(&self) -> bool {
        !self.accepting.is_done()
    }

    /// Serves until it is cancelled, which also cancels the handlers.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the server and requests the handlers to end.
    #[doc(alias = "asyncio.Server.serve_forever")]
    pub async fn serve_forever(self) {
        let server = StopOnDrop(self);
        server.0.wait_closed().await;
    }

    /// Stops accepting, and returns when nobody listens any more. Connections go on.
    ///
    /// # Cancel safety
    ///
    /// The server stops accepting soon, also when the future is dropped after its first poll.
    #[doc(alias = "asyncio.Server.close")]
    pub async fn close(&self) {
        self.accepting.cancel();
        self.clients.wait(Until::NobodyAccepts).await;
    }

    /// Cancels every handler that runs. [`wait_closed`](Server::wait_closed) tells when they have
    /// ended.
    #[doc(alias = "asyncio.Server.close_clients")]
    pub fn close_clients(&self) {
        let running: Vec<_> = self.clients.lock().running.values().cloned().collect();
        for client in running {
            client.cancel();
        }
    }

    /// Waits until the server has been closed and all its handlers have ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    #[doc(alias = "asyncio.Server.wait_closed")]
    pub async fn wait_closed(&self) {
        self.clients.wait(Until::AllEnded).await;
    }

    /// Stops accepting, gives the handlers up to `grace` to end by themselves, cancels those that
    /// have not, and returns when all have ended. Tells whether all ended by themselves.
    ///
    /// # Cancel safety
    ///
    /// As [`stop`](Server::stop).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use aioli_net::{TcpStream, serve};
    ///
    /// aioli_task::run(async {
    ///     let server = serve("127.0.0.1:0", async |stream| {
    ///         let _ = stream.read(&mut [0]).await;
    ///     }).await?;
    ///     let client = TcpStream::connect(server.local_addr()).await?;
    ///     client.write_all(b".").await?;
    ///     assert!(server.shutdown(Duration::from_secs(10)).await);
    /// #   Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn shutdown(self, grace: impl Seconds) -> bool {
        let server = StopOnDrop(self);
        server.0.close().await;
        let has_ended = timeout(grace, server.0.wait_closed()).await.is_ok();
        if !has_ended {
            server.0.close_clients();
            server.0.wait_closed().await;
        }
        has_ended
    }

    /// Stops accepting, cancels the handlers, and returns when they have ended, their clean-up
    /// included.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the server stops accepting and the handlers are cancelled also when the
    /// future is dropped.
    pub async fn stop(self) {
        let server = StopOnDrop(self);
        server.0.close().await;
        server.0.close_clients();
        server.0.wait_closed().await;
    }
}

/// For `with(server, async |server| …)`: [`stop`](Server::stop) on every way out.
impl<L: Listener> AsyncClose for Server<L> {
    async fn aclose(self) {
        self.stop().await;
    }
}

impl<L: Listener> Drop for Server<L> {
    fn drop(&mut self) {
        self.accepting.cancel();
    }
}

impl<L: Listener> fmt::Debug for Server<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .field("is_serving", &self.is_serving())
            .field("n_clients", &self.n_clients())
            .finish()
    }
}

/// A server whose handlers do not outlive it.
struct StopOnDrop<L: Listener>(Server<L>);

impl<L: Listener> Drop for StopOnDrop<L> {
    fn drop(&mut self) {
        self.0.close_clients();
    }
}

/// The accepting task. Its end closes the listener.
async fn accept_all<L, H, R>(listener: L, handler: H, ending: Accepting)
where
    L: Listener,
    H: AsyncFn(L::Stream) -> R + 'static,
    R: HandlerResult + 'static,
{
    let ending = ending;
    // Declared after, so dropped before whoever waits for the end is woken.
    let listener = listener;
    let handler = Rc::new(handler);
    loop {
        match listener.accept_stream().await {
            Ok(stream) => start_client(stream, handler.clone(), &ending.0),
            Err(error) => pause_after(&error).await,
        }
    }
}

/// The handler's task. Detached: the server knows it by its handle and its place.
fn start_client<S, H, R>(stream: S, handler: Rc<H>, clients: &Clients)
where
    S: 'static,
    H: AsyncFn(S) -> R + 'static,
    R: HandlerResult + 'static,
{
    let place = clients.place();
    let number = place.number;
    let client = spawn(async move {
        let _place = place;
        if let Some(error) = handler(stream).await.into_error() {
            aioli_task::report(format!("the handler of a connection failed: {error}"));
        }
    });
    clients.lock().running.insert(number, client.handle());
}

/// An accepting error concerns one connection, or lasts until a descriptor is free.
async fn pause_after(error: &AcceptError) {
    tracing::error!(%error, "a server goes on after an error");
    if error.is_out_of_descriptors() {
        sleep(OUT_OF_DESCRIPTORS_PAUSE).await;
    }
}
