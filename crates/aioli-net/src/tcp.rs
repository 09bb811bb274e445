//! TCP: streams and listeners.

mod listener;
mod stream;

pub use self::listener::{Incoming, ListenOptions, TcpListener};
pub use self::stream::TcpStream;
