//! One buffer received or sent, by std.

use std::io::{self, Read, Write};

/// Takes bytes out of a stream, as many as are there and fit.
pub(crate) fn receive<'s, S>(socket: &'s S, buffer: &mut [u8]) -> io::Result<usize>
where
    &'s S: Read,
{
    let mut socket = socket;
    socket.read(buffer)
}

/// Puts bytes into a stream, as many as there is room for.
pub(crate) fn send<'s, S>(socket: &'s S, bytes: &[u8]) -> io::Result<usize>
where
    &'s S: Write,
{
    let mut socket = socket;
    socket.write(bytes)
}
