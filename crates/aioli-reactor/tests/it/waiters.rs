//! Several waiters on one source.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};

use aioli_reactor::{Async, Interest};
use futures::executor::block_on;
use futures::join;

use crate::{Count, pair, poll_once, receive};

#[test]
fn all_who_wait_are_served() {
    let (left, right) = pair();
    block_on(async {
        let send = async {
            for byte in [1, 2, 3] {
                left.send(&[byte]).unwrap();
            }
        };
        let (a, b, c, ()) = join!(receive(&right), receive(&right), receive(&right), send);
        assert_eq!(a + b + c, 6);
    });
}

/// Waits for the one wake: the loop's thread notes what is ready before it wakes anybody, so who
/// looks may see the one before the other.
fn woken_once(count: &Count) {
    while count.get() == 0 {
        std::thread::yield_now();
    }
    assert_eq!(count.get(), 1);
}

#[test]
fn a_reader_and_a_writer_do_not_replace_each_other() {
    let (left, right) = pair();
    let (reader, writer) = (Count::new(), Count::new());
    let registration = right.registration();
    let poll = |waker: &std::task::Waker, read: bool| {
        let cx = &mut std::task::Context::from_waker(waker);
        match read {
            true => registration.poll_readable(cx),
            false => registration.poll_writable(cx),
        }
    };
    assert!(poll(&reader.1, true).is_pending());
    if poll(&writer.1, false).is_pending() {
        block_on(right.writable()).unwrap();
        woken_once(&writer.0);
    }
    assert_eq!(reader.0.get(), 0);
    left.send(b"x").unwrap();
    block_on(right.readable()).unwrap();
    woken_once(&reader.0);
}

#[test]
fn of_two_pollers_of_one_direction_the_last_one_is_woken() {
    let (left, right) = pair();
    let (first, second) = (Count::new(), Count::new());
    for waker in [&first.1, &second.1] {
        let cx = &mut std::task::Context::from_waker(waker);
        assert!(right.registration().poll_readable(cx).is_pending());
    }
    left.send(b"x").unwrap();
    block_on(right.readable()).unwrap();
    woken_once(&second.0);
    assert_eq!(first.0.get(), 0);
}

#[test]
fn its_waker_wakes_all_who_wait_and_they_can_wait_again() {
    let (left, right) = pair();
    let registration = right.registration();
    let waker = registration.waker();
    waker.wake_by_ref();
    let (polled, listed) = (Count::new(), Count::new());
    let mut readable = std::pin::pin!(registration.readable());
    for round in 1..=2 {
        let cx = &mut std::task::Context::from_waker(&polled.1);
        assert!(registration.poll_readable(cx).is_pending());
        let cx = &mut std::task::Context::from_waker(&listed.1);
        assert!(readable.as_mut().poll(cx).is_pending());
        waker.wake_by_ref();
        assert_eq!((polled.0.get(), listed.0.get()), (round, round));
        waker.wake_by_ref();
        assert_eq!((polled.0.get(), listed.0.get()), (round, round));
    }
    left.send(b"x").unwrap();
    block_on(readable).unwrap();
    waker.wake();
}

#[test]
fn its_waker_wakes_who_waits_for_room_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let stream = Async::new(stream).unwrap();
    let registration = stream.registration();
    let (count, waker) = Count::new();
    let cx = &mut std::task::Context::from_waker(&waker);
    let write = || stream.get_ref().write(&[0; 1 << 16]);
    while registration
        .poll_io(cx, Interest::Writable, write)
        .is_ready()
    {}
    registration.waker().wake();
    assert!(count.get() > 0);
}

#[test]
fn a_waker_that_outlives_the_registration_wakes_nobody_and_keeps_nobody() {
    let (_left, right) = pair();
    let waker = right.registration().waker();
    let (count, polled) = Count::new();
    let cx = &mut std::task::Context::from_waker(&polled);
    assert!(right.registration().poll_readable(cx).is_pending());
    drop(right);
    drop(polled);
    assert_eq!(std::sync::Arc::strong_count(&count), 1);
    waker.wake();
    assert_eq!(count.get(), 0);
}

#[test]
fn what_comes_while_nobody_waits_is_reported() {
    let (left, right) = pair();
    let registration = right.registration();
    assert!(!registration.watch_readable());
    left.send(b"x").unwrap();
    while !registration.watch_readable() {
        std::thread::yield_now();
    }
    assert_eq!(block_on(receive(&right)), b'x');
}

#[test]
fn tasks_on_many_threads_share_one_source() {
    const EACH: usize = 200;
    let (left, right) = pair();
    let taken = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                block_on(async {
                    for _ in 0..EACH {
                        receive(&right).await;
                        taken.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    }
                });
            });
        }
        // No more on the way than a socket buffer surely holds, or datagrams are lost.
        for sent in 0..4 * EACH {
            left.send(b"x").unwrap();
            while sent > taken.load(std::sync::atomic::Ordering::SeqCst) + 16 {
                std::thread::yield_now();
            }
        }
    });
}

#[test]
fn a_poll_by_another_task_moves_the_waker() {
    let (left, right) = pair();
    let (_, first) = Count::new();
    let mut wait = Box::pin(right.readable());
    assert!(poll_once(wait.as_mut(), &first).is_pending());
    left.send(b"x").unwrap();
    block_on(wait).unwrap();
}
