//! The contract of a ring beside epoll, held by each flavour that this kernel can play.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Write, pipe};
use std::os::fd::{AsRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

use aioli_task::driver::Park;

use crate::driver::Driver;
use crate::operation::{SharedFile, Slot, Work};
use crate::os::linux::Notifier;
use crate::reactor::Reactor;
use crate::readiness::Snapshot;
use crate::ready::Interest;
use crate::source::Place;
use crate::{epoll, uring};

const LONG: Duration = Duration::from_secs(20);

/// Runs the check with each flavour, on a thread of its own, which is the ring's home.
fn each_flavour(check: impl Fn(&Reactor) + Sync) {
    let count = uring::Driver::each_beside(&epoll::Driver::new().unwrap().notifier()).len();
    for flavour in 0..count {
        let epoll = epoll::Driver::new().unwrap();
        let ring = uring::Driver::each_beside(&epoll.notifier()).swap_remove(flavour);
        let Ok(ring) = ring else {
            continue; // this kernel does not have it, or allows no ring
        };
        let reactor = Reactor::new(Driver::Epoll(epoll), true);
        assert!(reactor.beside.get_or_make(|| Some(Ok(ring))).is_some());
        thread::scope(|scope| scope.spawn(|| check(&reactor)).join().unwrap());
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// Reading from a pipe, and its other end.
fn work() -> (Work, PipeWriter) {
    let (reader, writer): (PipeReader, _) = pipe().unwrap();
    let file = SharedFile(Arc::new(File::from(OwnedFd::from(reader))));
    let (buffer, range, offset) = (vec![0; 8], 0..8, u64::MAX);
    let work = Work::Read {
        file,
        buffer,
        range,
        offset,
    };
    (work, writer)
}

/// An operation that reads from a pipe, to be started, and whether it has ended.
fn reading() -> (Arc<Slot>, Arc<Flag>, PipeWriter) {
    let (work, writer) = work();
    let ended = Arc::new(Flag(AtomicBool::new(false)));
    let slot = Slot::new(work, &Waker::from(ended.clone()));
    (slot, ended, writer)
}

fn park_until(reactor: &Reactor, ended: &Flag) {
    while !ended.0.load(Ordering::Acquire) {
        // A wake-up that is lost would make the test hang, and not pass late.
        reactor.park(None);
    }
}

#[test]
fn a_completion_ends_the_wait_of_the_driver() {
    each_flavour(|reactor| {
        for _ in 0..50 {
            let (slot, ended, mut writer) = reading();
            reactor.start(slot);
            reactor.park(Some(Duration::ZERO));
            assert!(!ended.0.load(Ordering::Acquire));
            let late = thread::spawn(move || writer.write_all(b"late").unwrap());
            park_until(reactor, &ended);
            late.join().unwrap();
        }
        reactor.close();
    });
}

#[test]
fn what_has_ended_at_once_is_not_slept_upon() {
    each_flavour(|reactor| {
        let (slot, ended, mut writer) = reading();
        writer.write_all(b"early").unwrap();
        reactor.start(slot);
        park_until(reactor, &ended);
        reactor.close();
    });
}

#[test]
fn what_another_thread_asks_for_ends_the_wait() {
    each_flavour(|reactor| {
        // The thread that parks is the home thread before anything is asked for.
        reactor.park(Some(Duration::ZERO));
        let (started, go_on) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..50 {
                    let (slot, ended, mut writer) = reading();
                    writer.write_all(b"early").unwrap();
                    reactor.start(slot);
                    started.send(ended).unwrap();
                }
                drop(started);
            });
            while let Ok(ended) = go_on.recv_timeout(LONG) {
                park_until(reactor, &ended);
            }
        });
        reactor.close();
    });
}

struct Planted;

impl Wake for Planted {
    fn wake(self: Arc<Self>) {
        panic_any("planted");
    }
}

/// Lets a waker panic whose operation ends in the same wait as another one, and as a report.
fn check_panic(reactor: &Reactor) {
    let (reader, mut sender) = pipe().unwrap();
    let source = reactor.register(reader.as_raw_fd()).unwrap();
    let reported = Arc::new(Flag(AtomicBool::new(false)));
    let waker = Waker::from(reported.clone());
    let is_enough = |_: Snapshot| false;
    let waits = source.poll_ready(
        &reactor.driver,
        Interest::Readable,
        &waker,
        Place::Slot,
        is_enough,
    );
    assert!(waits.is_pending());
    let (work, mut writer) = work();
    reactor.start(Slot::new(work, &Waker::from(Arc::new(Planted))));
    let (slot, ended, mut also_writer) = reading();
    reactor.start(slot);
    reactor.park(Some(Duration::ZERO));
    for writer in [&mut writer, &mut also_writer, &mut sender] {
        writer.write_all(b"late").unwrap();
    }
    let mut count = 0;
    while !(ended.0.load(Ordering::Acquire) && reported.0.load(Ordering::Acquire)) {
        // What has been missed would make the test hang.
        let parked = catch_unwind(AssertUnwindSafe(|| reactor.park(None)));
        count += usize::from(parked.is_err_and(|panic| panic.is::<&str>()));
    }
    assert_eq!(count, 1);
    reactor.deregister(&source);
    reactor.close();
}

#[test]
fn a_waker_that_panics_keeps_nobody_from_being_woken() {
    each_flavour(check_panic);
    for driver in uring::Driver::each().into_iter().flatten() {
        check_panic(&Reactor::new(Driver::Uring(Box::new(driver)), true));
    }
}

#[test]
fn the_end_of_the_loop_ends_what_the_kernel_has() {
    each_flavour(|reactor| {
        let (submitted, ended, writer) = reading();
        reactor.start(submitted);
        reactor.park(Some(Duration::ZERO));
        let (queued, also_ended, _) = reading();
        reactor.start(queued);
        assert_eq!(reactor.ring().unwrap().stats().in_flight, 1);
        reactor.close();
        assert!(ended.0.load(Ordering::Acquire) && also_ended.0.load(Ordering::Acquire));
        assert_eq!(reactor.ring().unwrap().stats().in_flight, 0);
        let (late, refused, _) = reading();
        reactor.start(late);
        assert!(refused.0.load(Ordering::Acquire));
        drop(writer);
    });
}

#[test]
fn a_source_whose_loop_cannot_be_woken_is_not_kept() {
    let Ok(mut driver) = uring::Driver::new() else {
        return; // this kernel allows no ring
    };
    driver.notifier = Arc::new(Notifier::broken());
    driver.sleep = AtomicU8::new(super::ASLEEP);
    let (reader, _writer) = pipe().unwrap();
    driver.register(reader.as_raw_fd(), 1).unwrap_err();
    assert!(crate::lock(&driver.shared).sources.is_empty());
}
