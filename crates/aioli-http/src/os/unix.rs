//! Unix sockets, where there are some.

use std::io;
use std::path::Path;

use aioli_net::ConnectError;
pub(crate) use aioli_net::unix::UnixStream;

/// Connects to the listener at `path`.
pub(crate) async fn connect_unix(path: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(path)
        .await
        .map_err(|error| match error {
            ConnectError::Path { source, .. } => source,
            error => io::Error::new(error.kind(), error),
        })
}

/// Asks the system whether there is nothing to read.
pub(crate) fn is_unix_silent(stream: &UnixStream) -> bool {
    let peeked = stream
        .options()
        .peek(&mut [std::mem::MaybeUninit::uninit()]);
    peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}
