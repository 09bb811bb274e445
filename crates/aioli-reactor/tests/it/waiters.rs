//! Several waiters on one source.

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
