//! What waits to be sent, by the marks.

use super::*;

struct Ignores;

impl DatagramProtocol for Ignores {
    fn datagram_received(&mut self, _: &DatagramTransport, _: &[u8], _: SocketAddr) {}
}

#[test]
fn empty_datagrams_count_too() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = socket.local_addr().unwrap();
    let socket = UdpSocket::from_std(socket).unwrap();
    let (transport, driving) = DatagramTransport::attach(socket, Ignores);
    // As if there had been no room for it.
    let mut state = transport.lock();
    state.queue.push_back((Vec::new(), Some(to)));
    state.pending += HEADER;
    drop(state);
    let mut n = 1;
    while !transport.lock().is_paused {
        transport.send_to(b"", to);
        n += 1;
        assert_eq!(transport.write_buffer_size(), n * HEADER);
    }
    assert_eq!(n, HIGH / HEADER + 1);
    let mut driving = Box::pin(driving);
    let cx = &mut Context::from_waker(Waker::noop());
    while transport.write_buffer_size() > 0 {
        assert!(driving.as_mut().poll(cx).is_pending());
    }
    assert!(!transport.lock().is_paused);
}
