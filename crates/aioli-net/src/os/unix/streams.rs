//! asyncio's front doors for Unix sockets.

use std::path::Path;

use super::{UnixListener, UnixStream};
use crate::error::{BindError, ConnectError};
use crate::serve::{HandlerResult, Server};
use crate::streams::Connection;
use aioli_task::driver::Home;

/// Connects to the listener at `path`, and returns a reader and a writer.
///
/// # Cancel safety
///
/// Dropping the future closes the socket.
///
/// # Errors
///
/// [`ConnectError::Path`]: no socket at this path, or nobody who listens.
///
/// # Examples
///
/// [`serve`] has one.
#[doc(alias = "asyncio.open_unix_connection")]
pub fn open_connection(
    path: impl AsRef<Path>,
) -> impl Future<Output = Result<Connection<UnixStream>, ConnectError>> + Send {
    let connecting = UnixStream::connect(path);
    async move { Ok(connecting.await?.into_streams()) }
}

/// Listens at `path`, and runs `handler` in a task of its own for each connection, as
/// [`aioli_net::serve`](crate::serve()) does for TCP. Never waits.
///
/// # Errors
///
/// [`BindError`]: the path exists, its folder does not, or it is too long; no event loop of ours
/// on this thread.
///
/// # Examples
///
/// ```
/// use aioli_net::unix::{open_connection, serve};
///
/// let path = std::env::temp_dir().join(format!("aioli-serve-{}", std::process::id()));
/// aioli_task::run(async {
///     let server = serve(&path, async |stream| {
///         let (mut reader, mut writer) = stream.into_streams();
///         writer.write(reader.readline().await?);
///         writer.close().await
///     })?;
///     let (mut reader, mut writer) = open_connection(&path).await?;
///     writer.write("hello\n");
///     writer.drain().await?;
///     assert_eq!(reader.readline().await?, b"hello\n");
///     writer.close().await?;
///     server.stop().await;
/// #   Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.start_unix_server")]
pub fn serve<H, R>(path: impl AsRef<Path>, handler: H) -> Result<Server<UnixListener>, BindError>
where
    H: AsyncFn(UnixStream) -> R + 'static,
    R: HandlerResult + 'static,
{
    let path = path.as_ref();
    if Home::try_current().is_none() {
        let target = path.display().to_string();
        return Err(BindError::NoLoop { target });
    }
    Ok(Server::start(UnixListener::bind(path)?, handler))
}
