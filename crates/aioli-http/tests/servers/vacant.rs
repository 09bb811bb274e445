//! An address where nobody listens, for those who want to be refused, and for servers to come.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, TcpStream};

/// Returns one that the system gives to nobody who leaves the choice to it, for a minute.
///
/// A socket that has been closed is not enough: another test may be given its address at once. So
/// the end of a connection is left there that was closed first, which the system keeps for a while
/// (RFC 9293, section 3.6.1). Whoever asks for the address by its number gets it.
pub(crate) fn vacant() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    drop(listener.accept().unwrap());
    assert_eq!(client.read(&mut [0]).unwrap(), 0, "the other end is first");
    address
}
