//! A registration that is dropped, whatever it was doing, leaves no descriptor open.
//!
//! Not in this process, and not in the kernel, which would keep the connection up.
//!
//! Descriptors are counted for the whole process, so the counting runs in one of its own.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use aioli_reactor::{Async, Interest};
use futures::executor::block_on;

use crate::drivers::{forced, others, run_with};
use crate::{Count, poll_once};

const ROUNDS: usize = 1000;
/// Set in the process that counts.
const COUNTING: &str = "AIOLI_TEST_COUNTING";
const LONG: Duration = Duration::from_secs(20);

/// What a registration can be doing when it is dropped.
const STAGES: [(&str, Stage); 6] = [
    ("new", |_, _| {}),
    ("waited for", |server, _| {
        let (_, waker) = Count::new();
        let wait = server.registration().ready(Interest::Readable);
        assert!(poll_once(wait, &waker).is_pending());
    }),
    ("seen by the driver", |server, _| {
        block_on(server.writable()).unwrap();
    }),
    ("about to be reported", |server, client| {
        block_on(server.writable()).unwrap();
        (&*client).write_all(b"x").unwrap();
    }),
    ("reported", |server, client| {
        (&*client).write_all(b"x").unwrap();
        block_on(server.readable()).unwrap();
    }),
    ("at the end of its stream", |server, client| {
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let read = server.read_with(|mut server| server.read(&mut [0]));
        assert_eq!(block_on(read).unwrap(), 0);
    }),
];

type Stage = fn(&Async<TcpStream>, &TcpStream);

/// How many descriptors this process has open.
fn descriptors() -> Option<usize> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count())
}

fn assert_ends(mut client: TcpStream) {
    client.set_read_timeout(Some(LONG)).unwrap();
    match client.read(&mut [0]) {
        Ok(n) => assert_eq!(n, 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

/// Goes through the stage and drops the registration; the other side sees that.
fn round(listener: &TcpListener, stage: Stage) {
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let server = Async::new(listener.accept().unwrap().0).unwrap();
    stage(&server, &client);
    drop(server);
    assert_ends(client);
}

#[test]
fn a_dropped_registration_leaks_no_descriptor() {
    const THIS: &str = "drop::a_dropped_registration_leaks_no_descriptor";
    if forced().is_some() && env::var_os(COUNTING).is_none() {
        return; // the suite with another driver: the first run has counted for it
    }
    if env::var_os(COUNTING).is_none() {
        let preferred = aioli_reactor::driver_kind().unwrap().to_string();
        for driver in others().into_iter().chain([&*preferred]) {
            let output = run_with(
                driver,
                &["--exact", THIS, "--nocapture"],
                &[(COUNTING, "1")],
            );
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "with {driver}:\n{text}");
        }
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for (name, stage) in STAGES {
        // The background loop, whose home thread is another one.
        round(&listener, stage);
        let before = descriptors();
        (0..ROUNDS).for_each(|_| round(&listener, stage));
        assert_settles_at(before, name);
    }
    // A loop of its own for each round, which ends before the registration does.
    let before = descriptors();
    for _ in 0..ROUNDS / 10 {
        let (server, client) = aioli_task::run(async {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let server = Async::new(listener.accept().unwrap().0).unwrap();
            server.writable().await.unwrap();
            (server, client)
        });
        drop(server);
        assert_ends(client);
    }
    assert_settles_at(before, "of a loop that has ended");
    // One loop, on whose thread the registrations are dropped.
    aioli_task::run(async {
        let (mut before, address) = (None, listener.local_addr().unwrap());
        for n in 0..=ROUNDS {
            let client = TcpStream::connect(address).unwrap();
            let server = Async::new(listener.accept().unwrap().0).unwrap();
            server.writable().await.unwrap();
            if n % 2 == 1 {
                (&client).write_all(b"x").unwrap();
            }
            drop(server);
            assert_ends(client);
            before = before.or_else(descriptors);
        }
        assert_settles_at(before, "of this thread's loop");
    });
}

/// The kernel may take a moment to let go of a ring that was closed.
#[track_caller]
fn assert_settles_at(before: Option<usize>, stage: &str) {
    let begin = Instant::now();
    while descriptors() != before && begin.elapsed() < LONG {
        thread::yield_now();
    }
    assert_eq!(descriptors(), before, "{stage}");
}
