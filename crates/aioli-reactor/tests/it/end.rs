//! A loop that ends tells those who still wait for its sources.

use std::net::UdpSocket;
use std::thread;

use aioli_reactor::{Async, Interest, LoopEnded};
use futures::executor::block_on;

/// A socket of a loop that has ended.
fn orphan() -> Async<UdpSocket> {
    aioli_task::run(async { crate::pair().1 })
}

#[test]
fn waiting_on_an_ended_loop_is_an_error() {
    let socket = orphan();
    for result in [block_on(socket.readable()), block_on(socket.writable())] {
        assert!(LoopEnded::caused(&result.unwrap_err()));
    }
    let result = block_on(socket.read_with(|socket| socket.recv(&mut [0])));
    assert!(LoopEnded::caused(&result.unwrap_err()));
}

#[test]
fn what_is_idle_on_an_ended_loop_is_not_taken_for_quiet() {
    assert!(orphan().registration().watch_readable());
}

#[test]
fn what_need_not_wait_still_succeeds() {
    let socket = orphan();
    let to = socket.get_ref().local_addr().unwrap();
    let sent = block_on(socket.write_with(|socket| socket.send_to(b"x", to)));
    assert_eq!(sent.unwrap(), 1);
}

#[test]
fn who_waits_elsewhere_is_woken_when_the_loop_ends() {
    let (hand_over, waiter) = std::sync::mpsc::channel::<Async<UdpSocket>>();
    let (waiting, is_waiting) = std::sync::mpsc::channel();
    let elsewhere = thread::spawn(move || {
        let socket = waiter.recv().unwrap();
        block_on(async {
            let mut wait = std::pin::pin!(socket.registration().ready(Interest::Readable));
            assert!(futures::poll!(wait.as_mut()).is_pending());
            waiting.send(()).unwrap();
            wait.await
        })
    });
    aioli_task::run(async {
        hand_over.send(crate::pair().1).unwrap();
        is_waiting.recv().unwrap();
    });
    assert!(LoopEnded::caused(&elsewhere.join().unwrap().unwrap_err()));
}
