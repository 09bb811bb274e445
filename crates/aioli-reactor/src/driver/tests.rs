//! The rules of the contract, each held by every driver of this system.

use std::collections::BTreeSet;
use std::fmt::{Debug, Write};
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Metadata, Subscriber};

use super::{Driver, DriverKind, Event, Trigger, preferred};
use crate::beside::Beside;
use crate::contract::EVENTS_MAX;
use crate::os::raw_source;
use crate::ready::Ready;
use crate::uring;

const LONG: Duration = Duration::from_secs(20);
const BOTH: [Ready; 2] = [Ready::READABLE, Ready::WRITABLE];

/// Runs the check with each driver that exists on this system.
fn each_driver(check: impl Fn(Driver) + Sync) {
    let older = uring::Driver::each().into_iter();
    let made = DriverKind::NAMES
        .into_iter()
        .map(|(_, kind)| Driver::new(kind))
        .chain(older.map(|driver| driver.map(Box::new).map(Driver::Uring)));
    for driver in made {
        match driver {
            // On a thread of its own: the end of a ring comes to its thread like a signal.
            Ok(driver) => {
                let checked = thread::scope(|scope| scope.spawn(|| check(driver)).join());
                checked.unwrap_or_else(|panic| resume_unwind(panic));
            }
            Err(error) => assert!(is_refusal(&error), "{error}"),
        }
    }
}

/// The other side has closed, or refuses what it was sent.
#[track_caller]
fn assert_ends(mut stream: TcpStream) {
    stream.set_read_timeout(Some(LONG)).unwrap();
    match stream.read(&mut [0]) {
        Ok(n) => assert_eq!(n, 0),
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
    }
}

/// Whether the system does not have this driver, or forbids it.
fn is_refusal(error: &io::Error) -> bool {
    use io::ErrorKind::{OutOfMemory, PermissionDenied, Unsupported};
    matches!(error.kind(), Unsupported | PermissionDenied | OutOfMemory)
}

fn pair() -> (UdpSocket, UdpSocket) {
    let (left, right) = (socket(), socket());
    left.connect(right.local_addr().unwrap()).unwrap();
    right.connect(left.local_addr().unwrap()).unwrap();
    (left, right)
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

/// Waits until `token` is reported for `wanted`.
#[track_caller]
fn wait_for(driver: &Driver, token: usize, wanted: Ready) {
    let begin = Instant::now();
    let mut events = Vec::new();
    while begin.elapsed() < LONG {
        driver
            .wait(Some(LONG), &mut events, &mut Vec::new())
            .unwrap();
        let is_it = |event: &Event| event.token == token && event.ready.contains(wanted);
        if events.iter().any(is_it) {
            return;
        }
    }
    panic!("{:?} was not reported for {wanted:?}: {events:?}", token);
}

#[test]
fn rule_1_what_is_ready_before_it_is_watched_is_reported() {
    each_driver(|driver| {
        let (left, right) = pair();
        left.send(b"x").unwrap();
        driver.register(raw_source(&right), 1).unwrap();
        driver.arm(raw_source(&right), 1, Ready::READABLE).unwrap();
        wait_for(&driver, 1, Ready::READABLE);
        driver.deregister(raw_source(&right), 1).unwrap();
    });
}

#[test]
fn rule_1_each_change_after_would_block_is_reported() {
    each_driver(|driver| {
        let (left, right) = pair();
        driver.register(raw_source(&right), 1).unwrap();
        for _ in 0..3 {
            driver.arm(raw_source(&right), 1, Ready::READABLE).unwrap();
            left.send(b"x").unwrap();
            wait_for(&driver, 1, Ready::READABLE);
            assert_eq!(right.recv(&mut [0; 8]).unwrap(), 1);
            let error = right.recv(&mut [0; 8]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        }
        driver.deregister(raw_source(&right), 1).unwrap();
    });
}

#[test]
fn rule_3_the_end_of_a_stream_is_readable_and_a_refusal_is_writable() {
    each_driver(|driver| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        driver.register(raw_source(&client), 5).unwrap();
        driver.arm(raw_source(&client), 5, Ready::READABLE).unwrap();
        drop(listener.accept().unwrap());
        wait_for(&driver, 5, Ready::READABLE);
        driver.deregister(raw_source(&client), 5).unwrap();
    });
}

#[test]
fn rule_4_registering_and_arming_reach_a_running_wait() {
    each_driver(|driver| {
        let driver = Arc::new(driver);
        let waiting = thread::spawn({
            let driver = driver.clone();
            move || wait_for(&driver, 9, Ready::WRITABLE)
        });
        let socket = socket();
        driver.register(raw_source(&socket), 9).unwrap();
        driver.arm(raw_source(&socket), 9, Ready::WRITABLE).unwrap();
        waiting.join().unwrap();
        driver.deregister(raw_source(&socket), 9).unwrap();
    });
}

#[test]
fn rule_5_a_notification_ends_the_running_wait_or_the_next_one() {
    each_driver(|driver| {
        let driver = Arc::new(driver);
        let begin = Instant::now();
        let (started, start) = std::sync::mpsc::channel();
        let waiting = thread::spawn({
            let driver = driver.clone();
            move || {
                driver.notify().unwrap();
                driver
                    .wait(Some(LONG), &mut Vec::new(), &mut Vec::new())
                    .unwrap();
                started.send(()).unwrap();
                driver
                    .wait(Some(LONG), &mut Vec::new(), &mut Vec::new())
                    .unwrap();
            }
        });
        start.recv().unwrap();
        driver.notify().unwrap();
        waiting.join().unwrap();
        assert!(begin.elapsed() < LONG);
    });
}

#[test]
fn rule_6_a_timeout_ends_a_wait_and_not_early() {
    each_driver(|driver| {
        for timeout in [Duration::ZERO, Duration::from_micros(1500)] {
            let begin = Instant::now();
            driver
                .wait(Some(timeout), &mut Vec::new(), &mut Vec::new())
                .unwrap();
            assert!(begin.elapsed() >= timeout);
            assert!(begin.elapsed() < LONG);
        }
    });
}

#[test]
fn rule_6_no_timeout_is_too_long() {
    for seconds in [1 << 40, 1 << 62, u64::MAX] {
        let timeout = Duration::from_secs(seconds);
        each_driver(|driver| {
            let is_notified = AtomicBool::new(false);
            thread::scope(|scope| {
                scope.spawn(|| {
                    // Long enough for a wait that ends at once to be seen.
                    thread::sleep(Duration::from_millis(5));
                    is_notified.store(true, Ordering::Release);
                    driver.notify().unwrap();
                });
                let mut waits = 0;
                while !is_notified.load(Ordering::Acquire) {
                    driver
                        .wait(Some(timeout), &mut Vec::new(), &mut Vec::new())
                        .unwrap();
                    waits += 1;
                }
                // A signal may end one.
                assert!(waits < 20, "{waits} waits for {timeout:?} by {driver:?}");
            });
        });
    }
}

#[test]
fn rule_8_a_deregistered_source_is_reported_no_more_and_may_come_back() {
    each_driver(|driver| {
        let (left, right) = pair();
        driver.register(raw_source(&right), 1).unwrap();
        driver.arm(raw_source(&right), 1, Ready::READABLE).unwrap();
        driver.deregister(raw_source(&right), 1).unwrap();
        left.send(b"x").unwrap();
        let mut events = Vec::new();
        driver
            .wait(Some(Duration::ZERO), &mut events, &mut Vec::new())
            .unwrap();
        assert_eq!(events, []);

        driver.register(raw_source(&right), 2).unwrap();
        driver.arm(raw_source(&right), 2, Ready::READABLE).unwrap();
        wait_for(&driver, 2, Ready::READABLE);
        driver.deregister(raw_source(&right), 2).unwrap();
    });
}

#[test]
fn rule_8_what_is_deregistered_is_held_no_more() {
    each_driver(|driver| {
        for (token, waits) in [(1, 0), (2, 1), (3, 2)] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            driver.register(raw_source(&listener), token).unwrap();
            let mut events = Vec::new();
            for _ in 0..waits {
                driver
                    .wait(Some(Duration::ZERO), &mut events, &mut Vec::new())
                    .unwrap();
            }
            // A report is on its way.
            let client = TcpStream::connect(address).unwrap();
            driver.deregister(raw_source(&listener), token).unwrap();
            drop(listener);
            assert_ends(client);
            TcpListener::bind(address).unwrap();
        }
    });
}

#[test]
fn rule_8_other_threads_let_go_too_while_a_wait_runs() {
    each_driver(|driver| {
        let driver = Arc::new(driver);
        let is_over = Arc::new(AtomicBool::new(false));
        let waiting = thread::spawn({
            let (driver, is_over) = (driver.clone(), is_over.clone());
            move || {
                while !is_over.load(Ordering::Acquire) {
                    driver.wait(None, &mut Vec::new(), &mut Vec::new()).unwrap();
                }
            }
        });
        for token in 0..100 {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (server, _) = listener.accept().unwrap();
            driver.register(raw_source(&server), token).unwrap();
            if token % 2 == 0 {
                thread::yield_now();
            }
            driver.deregister(raw_source(&server), token).unwrap();
            drop(server);
            assert_ends(client);
        }
        is_over.store(true, Ordering::Release);
        driver.notify().unwrap();
        waiting.join().unwrap();
    });
}

#[test]
fn rule_8_a_thread_that_never_comes_back_holds_nobody_up() {
    each_driver(|driver| {
        let sockets: Vec<_> = (0..200).map(|_| socket()).collect();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                for (token, socket) in sockets.iter().enumerate() {
                    driver.register(raw_source(socket), token).unwrap();
                }
                driver
                    .wait(Some(Duration::ZERO), &mut Vec::new(), &mut Vec::new())
                    .unwrap();
            });
            waiting.join().unwrap();
        });
        let begin = Instant::now();
        for (token, socket) in sockets.iter().enumerate() {
            driver.deregister(raw_source(socket), token).unwrap();
        }
        assert!(begin.elapsed() < Duration::from_secs(2));
    });
}

#[test]
fn rule_9_by_level_what_stays_is_reported_by_each_wait() {
    each_driver(|driver| {
        let (left, right) = pair();
        let source = raw_source(&right);
        driver.register(source, 4).unwrap();
        if !driver.watch(source, 4, Trigger::Level).unwrap() {
            return; // it watches as before
        }
        let look = || {
            let mut events = Vec::new();
            driver
                .wait(Some(Duration::ZERO), &mut events, &mut Vec::new())
                .unwrap();
            events
        };
        assert_eq!(look(), [], "writing is not watched by level");
        left.send(b"x").unwrap();
        let (token, ready) = (4, Ready::READABLE);
        for _ in 0..3 {
            assert_eq!(look(), [Event { token, ready }]);
        }
        assert!(driver.watch(source, 4, Trigger::Edge).unwrap());
        let ready = Ready::READABLE | Ready::WRITABLE;
        assert_eq!(look(), [Event { token, ready }]);
        assert_eq!(look(), []);
        driver.deregister(source, 4).unwrap();
    });
}

#[test]
fn rule_10_a_closed_driver_holds_nothing() {
    each_driver(|driver| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        driver.register(raw_source(&listener), 1).unwrap();
        driver
            .wait(Some(Duration::ZERO), &mut Vec::new(), &mut Vec::new())
            .unwrap();
        driver.close(&mut Vec::new());
        // Whoever still has a registration gives it up afterwards.
        driver.deregister(raw_source(&listener), 1).unwrap();
        drop(listener);
        TcpListener::bind(address).unwrap();
    });
}

#[cfg(unix)]
#[test]
fn what_cannot_wait_is_refused_or_always_ready() {
    let Ok(null) = std::fs::File::open("/dev/null") else {
        return;
    };
    each_driver(|driver| {
        let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
        let refused = driver.register(raw_source(&file), 1).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        if driver.register(raw_source(&null), 2).is_err() {
            return;
        }
        for _ in 0..3 {
            driver.arm(raw_source(&null), 2, Ready::READABLE).unwrap();
            wait_for(&driver, 2, Ready::READABLE);
        }
        // Nobody waits: it must not be reported for ever.
        let begin = Instant::now();
        let short = Duration::from_millis(2);
        driver
            .wait(Some(short), &mut Vec::new(), &mut Vec::new())
            .unwrap();
        assert!(begin.elapsed() >= short);
        driver.deregister(raw_source(&null), 2).unwrap();
    });
}

#[test]
fn more_sources_than_one_wait_reports_are_all_reported() {
    each_driver(|driver| {
        let pairs: Vec<_> = (0..400).map(|_| pair()).collect();
        let mut missing: BTreeSet<_> = (0..pairs.len()).collect();
        for (token, (_, right)) in pairs.iter().enumerate() {
            driver.register(raw_source(right), token).unwrap();
            driver
                .arm(raw_source(right), token, Ready::READABLE)
                .unwrap();
        }
        for round in 0..5 {
            for (left, _) in &pairs {
                left.send(&[round]).unwrap();
            }
            let begin = Instant::now();
            while !missing.is_empty() && begin.elapsed() < LONG {
                let mut events = Vec::new();
                driver
                    .wait(Some(LONG), &mut events, &mut Vec::new())
                    .unwrap();
                assert!(events.len() <= EVENTS_MAX);
                for event in events.iter().filter(|e| e.ready.contains(Ready::READABLE)) {
                    missing.remove(&event.token);
                }
            }
            assert_eq!(missing, BTreeSet::new());
            for (token, (_, right)) in pairs.iter().enumerate() {
                while right.recv(&mut [0]).is_ok() {}
                driver
                    .arm(raw_source(right), token, Ready::READABLE)
                    .unwrap();
                missing.insert(token);
            }
        }
        for (token, (_, right)) in pairs.iter().enumerate() {
            driver.deregister(raw_source(right), token).unwrap();
        }
    });
}

#[test]
fn both_directions_are_reported_together() {
    each_driver(|driver| {
        let (left, right) = pair();
        left.send(b"x").unwrap();
        driver.register(raw_source(&right), 3).unwrap();
        let [readable, writable] = BOTH;
        driver
            .arm(raw_source(&right), 3, readable | writable)
            .unwrap();
        wait_for(&driver, 3, readable | writable);
        driver.deregister(raw_source(&right), 3).unwrap();
    });
}

#[test]
fn the_variable_is_read_strictly() {
    for (name, kind) in DriverKind::NAMES {
        assert_eq!(DriverKind::parse(name).unwrap(), Some(kind));
        assert_eq!(kind.to_string(), name);
    }
    assert_eq!(DriverKind::parse("").unwrap(), None);
    let error = DriverKind::parse("epol").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert_eq!(
        error.to_string(),
        "AIOLI_DRIVER=epol: no such driver; `epoll`, `uring` and `poll` are known"
    );
}

/// Keeps the fields of every debug event.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::DEBUG
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut Line(&mut self.0.lock().unwrap()));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn what_the_system_refuses_is_passed_over_with_an_event() {
    use DriverKind::{Epoll, Poll, Uring};
    for (refused, expected) in [
        (&[][..], Ok(Epoll)),
        (&[Uring], Ok(Epoll)),
        (&[Epoll], Ok(Uring)),
        (&[Epoll, Uring], Ok(Poll)),
        (&[Epoll, Uring, Poll], Err(io::ErrorKind::PermissionDenied)),
    ] {
        let make = |kind| match refused.contains(&kind) {
            true => Err(io::Error::new(io::ErrorKind::PermissionDenied, "not here")),
            false => Ok(kind),
        };
        let log = Log::default();
        let made = tracing::subscriber::with_default(log.clone(), || preferred(make));
        assert_eq!(made.map_err(|error| error.kind()), expected);
        // The last one's refusal is not passed over, and who is not asked refuses nothing.
        let heard = log.0.lock().unwrap();
        let passed_over = match expected {
            Ok(Epoll) => &[][..],
            Ok(Uring) => &["epoll"],
            _ => &["epoll", "uring"],
        };
        for name in ["epoll", "uring", "poll"] {
            let event = format!("driver={name} error=not here ");
            assert_eq!(
                heard.contains(&event),
                passed_over.contains(&name),
                "{heard}"
            );
        }
    }
}

#[test]
fn a_ring_that_is_refused_is_told_of_once_and_not_asked_for_again() {
    let beside = Beside::default();
    assert!(beside.get().is_none(), "nobody has asked for it");
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), || {
        let refused = || {
            Some(Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "no rings",
            )))
        };
        assert!(beside.get_or_make(refused).is_none());
        assert!(
            beside
                .get_or_make(|| unreachable!("it was refused"))
                .is_none()
        );
    });
    let heard = log.0.lock().unwrap();
    assert_eq!(heard.matches("error=no rings ").count(), 1, "{heard}");
}

#[test]
fn a_loop_that_has_ended_makes_no_ring() {
    let beside = Beside::default();
    beside.close(&mut Vec::new());
    assert!(
        beside
            .get_or_make(|| unreachable!("it is too late"))
            .is_none()
    );
}
