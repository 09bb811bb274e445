//! The rules of the contract, each held by every driver of this system.

use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::{Driver, DriverKind, Event};
use crate::os::raw_source;
use crate::ready::Ready;

const LONG: Duration = Duration::from_secs(20);
const BOTH: [Ready; 2] = [Ready::READABLE, Ready::WRITABLE];

/// Runs the check with each driver that exists on this system.
fn each_driver(check: impl Fn(Driver)) {
    for (_, kind) in DriverKind::NAMES {
        match Driver::new(kind) {
            Ok(driver) => check(driver),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::Unsupported),
        }
    }
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
        driver.wait(Some(LONG), &mut events).unwrap();
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
        driver.notify().unwrap();
        driver.wait(Some(LONG), &mut Vec::new()).unwrap();

        let (started, start) = std::sync::mpsc::channel();
        let waiting = thread::spawn({
            let driver = driver.clone();
            move || {
                started.send(()).unwrap();
                driver.wait(Some(LONG), &mut Vec::new()).unwrap();
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
            driver.wait(Some(timeout), &mut Vec::new()).unwrap();
            assert!(begin.elapsed() >= timeout);
            assert!(begin.elapsed() < LONG);
        }
    });
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
        driver.wait(Some(Duration::ZERO), &mut events).unwrap();
        assert_eq!(events, []);

        driver.register(raw_source(&right), 2).unwrap();
        driver.arm(raw_source(&right), 2, Ready::READABLE).unwrap();
        wait_for(&driver, 2, Ready::READABLE);
        driver.deregister(raw_source(&right), 2).unwrap();
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
