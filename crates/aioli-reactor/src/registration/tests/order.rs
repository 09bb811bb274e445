//! Who is woken first when several are reported, with epoll: by it sources are watched by level.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use aioli_task::driver::Park;

use crate::driver::{Driver, DriverKind};
use crate::reactor::Reactor;
use crate::ready::Interest;
use crate::registration::Registration;

/// The length of the buffers, and of all messages by level.
const BUFFER: usize = 4;

/// Notes that its connection was woken.
struct Note(usize, Arc<Mutex<Vec<usize>>>);

impl Wake for Note {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0);
    }
}

struct Connections {
    reactor: Arc<Reactor>,
    /// Dropped before its stream is closed.
    each: Vec<(Registration, UnixStream, UnixStream)>,
    woken: Arc<Mutex<Vec<usize>>>,
}

impl Connections {
    fn new(n: usize) -> Connections {
        let driver = Driver::new(DriverKind::Epoll).unwrap();
        let reactor = Arc::new(Reactor::new(driver, false));
        let each = (0..n).map(|_| {
            let (stream, peer) = UnixStream::pair().unwrap();
            stream.set_nonblocking(true).unwrap();
            let registration = Registration::with_reactor(reactor.clone(), &stream);
            (registration.unwrap(), stream, peer)
        });
        let connections = Connections {
            each: each.collect(),
            reactor: reactor.clone(),
            woken: Arc::default(),
        };
        // They come to know that there is room to write, and that there is nothing to read.
        reactor.poll();
        (0..n).for_each(|at| connections.read(at));
        connections.woken.lock().unwrap().clear();
        connections
    }

    fn send(&mut self, at: usize, n: usize) {
        self.each[at].2.write_all(&vec![1; n]).unwrap();
    }

    /// Reads what there is, and waits for more.
    fn read(&self, at: usize) {
        let waker = Waker::from(Arc::new(Note(at, self.woken.clone())));
        let (registration, stream, _) = &self.each[at];
        let mut room = [0; BUFFER];
        let mut read = || {
            let cx = &mut Context::from_waker(&waker);
            let mut stream = stream;
            let read = || stream.read(&mut room);
            registration.poll_transfer(cx, Interest::Readable, BUFFER, read)
        };
        while read().is_ready() {}
    }

    /// Has these send so much; returns who is woken by the next look, in order, all of whom read.
    fn exchange(&mut self, senders: &[usize], n: usize) -> Vec<usize> {
        senders.iter().for_each(|at| self.send(*at, n));
        self.reactor.poll();
        let woken = std::mem::take(&mut *self.woken.lock().unwrap());
        woken.iter().for_each(|at| self.read(*at));
        woken
    }

    fn are_by_level(&self) -> bool {
        let mut each = self.each.iter();
        each.all(|(registration, ..)| registration.source.readiness.observe().is_by_level())
    }
}

#[test]
fn who_comes_late_goes_before_those_who_have_been_served_meanwhile() {
    let mut connections = Connections::new(4);
    let all = [0, 1, 2, 3];
    for _ in 0..20 {
        connections.exchange(&all, BUFFER);
    }
    assert!(connections.are_by_level());
    assert_eq!(connections.exchange(&all, BUFFER), all);
    assert_eq!(connections.exchange(&[0, 1], BUFFER), [0, 1]);
    // The kernel has 0 and 1 on its list, and 2 and 3 behind them.
    assert_eq!(connections.exchange(&[2, 3, 0, 1], BUFFER), [2, 3, 0, 1]);
    for _ in 0..3 {
        // It goes on in that order.
        assert_eq!(connections.exchange(&all, BUFFER), [2, 3, 0, 1]);
    }
    assert!(connections.are_by_level());
}

#[test]
fn by_edge_who_comes_first_goes_first() {
    let mut connections = Connections::new(4);
    for order in [[0, 1, 2, 3], [2, 0, 3, 1], [3, 2, 1, 0]] {
        assert_eq!(connections.exchange(&order, 1), order);
    }
    assert!(!connections.are_by_level());
}
