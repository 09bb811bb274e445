//! asyncio's front door: a reader and a writer for a connection.

use crate::error::ConnectError;
use crate::split::{ReadHalf, WriteHalf};
use crate::stream_reader::StreamReader;
use crate::stream_writer::StreamWriter;
use crate::target::ToTarget;
use crate::tcp::TcpStream;

/// The reader and the writer of a connection.
pub type Connection<S = TcpStream> = (StreamReader<ReadHalf<S>>, StreamWriter<WriteHalf<S>>);

/// Connects by TCP, and returns a reader and a writer.
///
/// # Cancel safety
///
/// Dropping the future closes every socket that it has opened.
///
/// # Errors
///
/// [`ConnectError`], which lists every address that was tried.
///
/// # Examples
///
/// ```
/// use aioli_net::{TcpListener, open_connection};
/// use futures::executor::block_on;
///
/// block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let (mut reader, mut writer) = open_connection(listener.local_addr()).await?;
///     let (mut from_client, mut to_client) = listener.accept().await?.0.into_streams();
///
///     writer.write("hello\n");
///     writer.drain().await?;
///     let line = from_client.readline().await?;
///     to_client.write(line);
///     to_client.close().await?;
///     assert_eq!(reader.read_to_end().await?, b"hello\n");
/// #   Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.open_connection")]
pub fn open_connection(
    target: impl ToTarget,
) -> impl Future<Output = Result<Connection, ConnectError>> + Send {
    let connecting = TcpStream::connect(target);
    async move { Ok(connecting.await?.into_streams()) }
}
