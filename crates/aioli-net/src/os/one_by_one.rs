//! Batches where the system has none: one call for each datagram, one copy for each piece.

use std::io::{self, Write};
use std::net::{SocketAddr, UdpSocket};
use std::ops::Range;

use crate::scratch::with_room;

/// Receives datagrams into the pieces of `bytes`, each `size` long.
pub(crate) fn receive_many(
    socket: &UdpSocket,
    bytes: &mut [u8],
    size: usize,
    received: &mut Vec<(usize, SocketAddr)>,
) -> io::Result<usize> {
    let mut got = 0;
    for piece in bytes.chunks_exact_mut(size) {
        match socket.recv_from(piece) {
            Ok(one) => received.push(one),
            Err(error) if got == 0 => return Err(error),
            Err(_) => break,
        }
        got += 1;
    }
    Ok(got)
}

/// Sends the first datagrams, as many as there is room for.
pub(crate) fn send_many(
    socket: &UdpSocket,
    datagrams: &[(impl AsRef<[u8]>, SocketAddr)],
) -> io::Result<usize> {
    let mut sent = 0;
    for (bytes, to) in datagrams {
        match socket.send_to(bytes.as_ref(), *to) {
            Ok(_) => sent += 1,
            Err(error) if sent == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(sent)
}

/// Reads the begin of a range, and writes as much of it as there is room for.
pub(super) fn write_from<S>(
    socket: &S,
    range: &mut Range<u64>,
    read_at: impl FnOnce(&mut [u8], u64) -> io::Result<usize>,
) -> io::Result<usize>
where
    for<'s> &'s S: Write,
{
    let count = range.end.saturating_sub(range.start);
    with_room(|room| {
        let count = usize::try_from(count).map_or(room.len(), |count| count.min(room.len()));
        let n = read_at(&mut room[..count], range.start)?;
        if n == 0 {
            return Ok(0);
        }
        let mut socket = socket;
        let sent = socket.write(&room[..n])?;
        range.start += sent as u64;
        Ok(sent)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound() -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    #[test]
    fn a_batch_takes_what_is_there_and_then_would_wait() {
        let ((left, from), (right, to)) = (bound(), bound());
        let (mut bytes, mut received) = ([0; 20], Vec::new());
        let mut receive = || receive_many(&right, &mut bytes, 4, &mut received);
        assert_eq!(receive().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(send_many(&left, &[("one", to), ("", to)]).unwrap(), 2);
        while receive().is_ok() {}
        assert_eq!(received, [(3, from), (0, from)]);
        assert_eq!(&bytes[..3], b"one");
    }

    #[test]
    fn a_range_moves_by_what_was_taken_and_stays_at_the_end() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut range = 2..9;
        let read = |room: &mut [u8], offset: u64| {
            assert_eq!((room.len(), offset), (7, 2));
            room[..3].copy_from_slice(b"abc");
            Ok(3)
        };
        assert_eq!(write_from(&socket, &mut range, read).unwrap(), 3);
        assert_eq!(range, 5..9);
        let at_end = |_: &mut [u8], _| Ok(0);
        assert_eq!(write_from(&socket, &mut range, at_end).unwrap(), 0);
        assert_eq!(range, 5..9);
    }
}
