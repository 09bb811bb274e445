//! Batches where the system has none: one call for each datagram, one copy for each piece.

use std::io::{self, Write};
use std::net::{SocketAddr, UdpSocket};
use std::ops::Range;

use crate::scratch::with_room;

/// Receives datagrams into the pieces of `bytes`, each `size` long. An error after the first one goes
/// into `late`, for the system tells it once.
pub(crate) fn receive_many(
    socket: &UdpSocket,
    bytes: &mut [u8],
    size: usize,
    received: &mut Vec<(usize, SocketAddr)>,
    late: &mut Option<i32>,
) -> io::Result<usize> {
    receive_each(bytes, size, received, late, |piece| socket.recv_from(piece))
}

fn receive_each(
    bytes: &mut [u8],
    size: usize,
    received: &mut Vec<(usize, SocketAddr)>,
    late: &mut Option<i32>,
    mut receive: impl FnMut(&mut [u8]) -> io::Result<(usize, SocketAddr)>,
) -> io::Result<usize> {
    let mut got = 0;
    for piece in bytes.chunks_exact_mut(size) {
        match receive(piece) {
            Ok(one) => received.push(one),
            Err(error) if got == 0 => return Err(error),
            Err(error) => {
                use io::ErrorKind::{Interrupted, WouldBlock};
                let is_over = matches!(error.kind(), WouldBlock | Interrupted);
                *late = error.raw_os_error().filter(|_| !is_over);
                break;
            }
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
        let mut late = None;
        let mut receive = || receive_many(&right, &mut bytes, 4, &mut received, &mut late);
        assert_eq!(receive().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(send_many(&left, &[("one", to), ("", to)]).unwrap(), 2);
        while receive().is_ok() {}
        assert_eq!(received, [(3, from), (0, from)]);
        assert_eq!(&bytes[..3], b"one");
        assert_eq!(late, None, "that nothing more is there is no error");
    }

    #[test]
    fn an_error_after_some_datagrams_is_kept() {
        const REFUSED: i32 = 111;
        let (_, from) = bound();
        let (mut bytes, mut received, mut late) = ([0; 20], Vec::new(), None);
        let mut answers = [
            Ok((1, from)),
            Ok((2, from)),
            Err(io::Error::from_raw_os_error(REFUSED)),
            Err(io::Error::from_raw_os_error(REFUSED)),
        ]
        .into_iter();
        let mut receive = || {
            receive_each(&mut bytes, 4, &mut received, &mut late, |_| {
                answers.next().unwrap()
            })
        };
        assert_eq!(receive().unwrap(), 2);
        // With nothing before it, it is told at once.
        assert_eq!(receive().unwrap_err().raw_os_error(), Some(REFUSED));
        assert_eq!(received.len(), 2);
        assert_eq!(late, Some(REFUSED));
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
