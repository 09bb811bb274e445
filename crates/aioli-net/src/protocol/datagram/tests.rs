//! What waits to be sent, by the marks, and who waits for the end.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

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

struct Planted {
    woken: Arc<AtomicUsize>,
    panics: bool,
}

impl Wake for Planted {
    fn wake(self: Arc<Self>) {
        self.woken.fetch_add(1, Ordering::Relaxed);
        if self.panics {
            panic_any("planted");
        }
    }
}

#[test]
fn who_waits_for_the_end_is_woken_whatever_another_waker_does() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let socket = UdpSocket::from_std(socket).unwrap();
    let (transport, driving) = DatagramTransport::attach(socket, Ignores);
    let woken = Arc::new(AtomicUsize::new(0));
    for panics in [true, false, false] {
        let woken = woken.clone();
        let waker = Waker::from(Arc::new(Planted { woken, panics }));
        let mut closed = Box::pin(transport.wait_closed());
        let cx = &mut Context::from_waker(&waker);
        assert!(closed.as_mut().poll(cx).is_pending());
    }
    let panic = catch_unwind(AssertUnwindSafe(|| drop(driving))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"planted"));
    assert_eq!(woken.load(Ordering::Relaxed), 3);
}
