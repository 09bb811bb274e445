//! Reads and writes of a stream in any order, against the kernel, with each driver.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use aioli_task::driver::Park;
use proptest::prelude::*;
use proptest::test_runner::contextualize_config;

use super::*;
use crate::driver::{Driver, DriverKind};
use crate::operation::{Slot, Work};

#[cfg(target_os = "linux")]
mod order;

/// The length of the buffer, and of most messages.
const BUFFER: usize = 4;

#[derive(Debug, Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Panics when it is woken.
struct Planted;

impl Wake for Planted {
    fn wake(self: Arc<Self>) {
        std::panic::panic_any("planted");
    }
}

/// One direction of the stream, as its task sees it.
#[derive(Debug, Default)]
struct Waiting {
    flag: Arc<Flag>,
    is_waiting: bool,
}

impl Waiting {
    fn begin(&mut self) -> Waker {
        self.flag.0.store(false, Ordering::Relaxed);
        self.is_waiting = true;
        self.flag.clone().into()
    }

    fn is_woken(&self) -> bool {
        self.flag.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// The peer sends so many bytes.
    Send(usize),
    /// A message as long as the buffer comes and is read, and the next one is waited for.
    Exchange,
    Read,
    TryRead,
    /// The task that waits for reading goes away.
    Forget,
    Write,
    /// The peer takes all that was written.
    Drain,
    Turn,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => (1..=3 * BUFFER).prop_map(Step::Send),
        6 => Just(Step::Exchange),
        3 => Just(Step::Read),
        1 => Just(Step::TryRead),
        1 => Just(Step::Forget),
        1 => Just(Step::Write),
        1 => Just(Step::Drain),
        1 => Just(Step::Turn),
    ];
    proptest::collection::vec(step, 1..80)
}

struct Model {
    reactor: Arc<Reactor>,
    registration: Registration,
    stream: UnixStream,
    peer: UnixStream,
    /// Sent by the peer and not read.
    unread: usize,
    /// Written and not taken by the peer.
    untaken: usize,
    reader: Waiting,
    writer: Waiting,
    /// Whether it was ever watched by level.
    by_level: bool,
}

impl Model {
    fn new(driver: Driver) -> Model {
        let (stream, peer) = UnixStream::pair().unwrap();
        stream.set_nonblocking(true).unwrap();
        peer.set_nonblocking(true).unwrap();
        let reactor = Arc::new(Reactor::new(driver, false));
        let registration = Registration::with_reactor(reactor.clone(), &stream).unwrap();
        Model {
            reactor,
            registration,
            stream,
            peer,
            unread: 0,
            untaken: 0,
            reader: Waiting::default(),
            writer: Waiting::default(),
            by_level: false,
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Send(n) => self.send(n),
            Step::Exchange => {
                self.send(BUFFER);
                self.turn();
                while self.read() {}
            }
            Step::Read => {
                self.read();
            }
            Step::TryRead => self.try_read(),
            Step::Forget => self.reader.is_waiting = false,
            Step::Write => self.write(),
            Step::Drain => self.drain(),
            Step::Turn => self.turns(),
        }
        let word = self.registration.source.readiness.observe();
        self.by_level |= word.is_by_level();
        self.turns();
        self.check();
    }

    fn send(&mut self, n: usize) {
        assert_eq!(self.peer.write(&vec![1; n]).unwrap(), n);
        self.unread += n;
    }

    /// Returns whether something was read.
    fn read(&mut self) -> bool {
        let waker = self.reader.begin();
        let mut buffer = [0; BUFFER];
        let mut stream = &self.stream;
        let read = || stream.read(&mut buffer);
        let cx = &mut Context::from_waker(&waker);
        let n = self
            .registration
            .poll_transfer(cx, Interest::Readable, BUFFER, read);
        if let Poll::Ready(n) = n {
            self.reader.is_waiting = false;
            self.unread -= n.unwrap();
            return true;
        }
        false
    }

    fn try_read(&mut self) {
        let read = || (&self.stream).read(&mut [0; BUFFER]);
        match self.registration.try_io(Interest::Readable, read) {
            Ok(n) => self.unread -= n,
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
    }

    /// Writes until there is no room.
    fn write(&mut self) {
        let bytes = vec![2; 1 << 16];
        loop {
            let waker = self.writer.begin();
            let cx = &mut Context::from_waker(&waker);
            let mut stream = &self.stream;
            let write = || stream.write(&bytes);
            let len = bytes.len();
            match self
                .registration
                .poll_transfer(cx, Interest::Writable, len, write)
            {
                Poll::Ready(n) => self.untaken += n.unwrap(),
                Poll::Pending => break,
            }
        }
    }

    fn drain(&mut self) {
        let mut room = vec![0; 1 << 16];
        while self.untaken > 0 {
            self.untaken -= self.peer.read(&mut room).unwrap();
        }
    }

    /// The loop looks, and serves who is woken: only then it looks again.
    fn turn(&self) {
        let is_served = |_: &u8| !self.reader.is_woken();
        (0..3)
            .take_while(is_served)
            .for_each(|_| self.reactor.poll());
    }

    /// The loop looks and serves nobody. By level the first look finds what is unread, the second
    /// one that nobody waits for it, and the third one once more the edge that comes of that.
    fn turns(&self) {
        (0..4).for_each(|_| self.reactor.poll());
    }

    fn check(&self) {
        if self.reader.is_waiting && self.unread > 0 {
            assert!(self.reader.is_woken(), "{} bytes are unread", self.unread);
        }
        if self.writer.is_waiting && self.untaken == 0 {
            assert!(self.writer.is_woken(), "there is room");
        }
        // Whoever was woken has been told: until it does something, the loop may sleep.
        assert_eq!(self.reactor.reported(), 0, "something is reported again");
    }
}

fn each_driver(check: impl Fn(DriverKind, Driver)) {
    for kind in [DriverKind::Epoll, DriverKind::Uring, DriverKind::Poll] {
        if let Ok(driver) = Driver::new(kind) {
            check(kind, driver);
        }
    }
}

proptest! {
    #![proptest_config(contextualize_config(ProptestConfig::with_cases(64)))]

    #[test]
    fn nothing_that_comes_is_waited_for_in_vain(steps in steps()) {
        each_driver(|_, driver| {
            let mut model = Model::new(driver);
            steps.iter().for_each(|step| model.step(*step));
        });
    }
}

#[test]
fn messages_as_long_as_the_buffer_are_read_by_level_until_one_is_longer() {
    each_driver(|kind, driver| {
        let mut model = Model::new(driver);
        let is_by_level = |model: &Model| {
            let word = model.registration.source.readiness.observe();
            word.is_by_level()
        };
        (0..600).for_each(|_| model.step(Step::Exchange));
        assert_eq!(is_by_level(&model), kind == DriverKind::Epoll);
        // A transfer in bulk: the next probe ends it.
        model.send(1000 * BUFFER);
        while model.unread > 0 {
            model.turn();
            while model.read() {}
        }
        assert!(!is_by_level(&model));
    });
}

#[test]
fn what_nobody_reads_does_not_keep_the_loop_awake() {
    each_driver(|kind, driver| {
        let mut model = Model::new(driver);
        (0..20).for_each(|_| model.step(Step::Exchange));
        assert_eq!(model.by_level, kind == DriverKind::Epoll);
        model.send(BUFFER);
        model.turns();
        assert!(model.reader.is_woken());
        // It was woken, and does not read.
        model.step(Step::Forget);
        model.step(Step::Read);
        assert_eq!(model.unread, 0);
    });
}

/// Has the one wait for reading and the other for writing; neither is ready.
fn wait_on(registration: &Registration, reader: &Waker, writer: &Waker) {
    for (waker, interest) in [(reader, Interest::Readable), (writer, Interest::Writable)] {
        let cx = &mut Context::from_waker(waker);
        let pending: Poll<io::Result<()>> =
            registration.poll_io(cx, interest, || Err(io::ErrorKind::WouldBlock.into()));
        assert!(pending.is_pending());
    }
}

#[test]
fn who_is_reported_after_a_waker_that_panics_is_woken_too() {
    each_driver(|_, driver| {
        let reactor = Arc::new(Reactor::new(driver, false));
        let pairs = (0..3).map(|_| UnixStream::pair().unwrap());
        let (streams, peers): (Vec<_>, Vec<_>) = pairs.unzip();
        let flags: Vec<Arc<Flag>> = (0..3).map(|_| Arc::default()).collect();
        let mut registrations = Vec::new();
        for (stream, flag) in streams.iter().zip(&flags) {
            let registration = Registration::with_reactor(reactor.clone(), stream).unwrap();
            let panics = Waker::from(Arc::new(Planted));
            let counts = Waker::from(flag.clone());
            wait_on(&registration, &panics, &counts);
            registrations.push(registration);
        }
        drop(peers);
        let is_woken = |flag: &Arc<Flag>| flag.0.load(Ordering::Relaxed);
        for _ in 0..3 {
            let turn = std::panic::AssertUnwindSafe(|| reactor.poll());
            if let Err(panic) = std::panic::catch_unwind(turn) {
                assert_eq!(panic.downcast_ref(), Some(&"planted"));
                // Those of one report are in one turn.
                assert!(flags.iter().any(is_woken));
            }
        }
        assert!(flags.iter().all(is_woken));
        drop(registrations);
        drop(streams);
    });
}

#[test]
fn who_waits_at_the_end_of_the_loop_is_told_whatever_another_waker_does() {
    each_driver(|_, driver| {
        let reactor = Arc::new(Reactor::new(driver, true));
        let pairs: Vec<_> = (0..3).map(|_| UnixStream::pair().unwrap()).collect();
        let flags: Vec<Arc<Flag>> = (0..3).map(|_| Arc::default()).collect();
        let mut registrations = Vec::new();
        for ((stream, _), flag) in pairs.iter().zip(&flags) {
            let registration = Registration::with_reactor(reactor.clone(), stream).unwrap();
            let panics = Waker::from(Arc::new(Planted));
            wait_on(&registration, &panics, &flag.clone().into());
            registrations.push(registration);
        }
        let done = Arc::new(Flag::default());
        if reactor.ring().is_some() {
            for waker in [Arc::new(Planted).into(), done.clone().into()] {
                reactor.start(Slot::new(Work::Close { file: None }, &waker));
            }
        } else {
            done.clone().wake();
        }
        let close = std::panic::AssertUnwindSafe(|| reactor.close());
        let panic = std::panic::catch_unwind(close).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"planted"));
        let mut all = flags.iter().chain([&done]);
        assert!(all.all(|flag| flag.0.load(Ordering::Relaxed)));
    });
}
