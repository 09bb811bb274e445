//! When a source is ready, and when it is not.

use std::io;
use std::net::{TcpListener, TcpStream};

use aioli_reactor::Async;
use futures::executor::block_on;
use futures::{AsyncReadExt, AsyncWriteExt};

use crate::{Count, pair, poll_once, receive};

#[test]
fn a_fresh_source_is_not_readable_and_soon_writable() {
    let (_left, right) = pair();
    let (_, waker) = Count::new();
    assert!(poll_once(right.readable(), &waker).is_pending());
    block_on(right.writable()).unwrap();
}

#[test]
fn a_report_lasts_until_an_attempt_would_block() {
    let (left, right) = pair();
    let (_, waker) = Count::new();
    left.send(b"x").unwrap();
    block_on(right.readable()).unwrap();
    block_on(right.readable()).unwrap();
    assert_eq!(
        right.try_read_with(|socket| socket.recv(&mut [0])).unwrap(),
        1
    );
    let error = right
        .try_read_with(|socket| socket.recv(&mut [0]))
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    assert!(poll_once(right.readable(), &waker).is_pending());
}

#[test]
fn a_false_report_is_waited_out() {
    let (left, right) = pair();
    left.send(b"x").unwrap();
    block_on(right.readable()).unwrap();
    // Taken behind the reactor's back: the report is false now.
    right.get_ref().recv(&mut [0]).unwrap();
    let (_, waker) = Count::new();
    assert!(poll_once(receive(&right), &waker).is_pending());
    left.send(b"y").unwrap();
    assert_eq!(block_on(receive(&right)), b'y');
}

#[test]
fn an_error_of_the_operation_is_passed_on() {
    let (_left, right) = pair();
    let refusal = block_on(right.read_with(|_| Err::<(), _>(io::ErrorKind::InvalidData.into())));
    assert_eq!(refusal.unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[test]
fn an_interrupted_operation_is_tried_again() {
    let (_left, right) = pair();
    let mut attempts = 0;
    let done = block_on(right.write_with(|_| {
        attempts += 1;
        if attempts < 3 {
            Err(io::ErrorKind::Interrupted.into())
        } else {
            Ok(attempts)
        }
    }));
    assert_eq!(done.unwrap(), 3);
}

/// An operation that says `WouldBlock` whatever is reported must not keep the thread.
#[test]
fn an_operation_that_never_succeeds_lets_others_run() {
    let (left, right) = pair();
    let (_, waker) = Count::new();
    left.send(b"x").unwrap();
    block_on(right.readable()).unwrap();
    let never = right.read_with(|_| Err::<(), _>(io::ErrorKind::WouldBlock.into()));
    assert!(poll_once(never, &waker).is_pending());
}

fn tcp_pair() -> (Async<TcpStream>, Async<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let server = listener.accept().unwrap().0;
    (Async::new(client).unwrap(), Async::new(server).unwrap())
}

#[test]
fn a_stream_is_read_to_its_end_through_short_reads() {
    let (mut client, mut server) = tcp_pair();
    block_on(async {
        let send = async {
            for _ in 0..100 {
                client.write_all(&[7; 1000]).await.unwrap();
            }
            client
                .get_ref()
                .shutdown(std::net::Shutdown::Write)
                .unwrap();
        };
        let receive = async {
            // Never a divisor of what is sent: reads are short at the end of each burst.
            let (mut total, mut buffer) = (0, [0; 777]);
            loop {
                match server.read(&mut buffer).await.unwrap() {
                    0 => return total,
                    n => total += n,
                }
            }
        };
        assert_eq!(futures::join!(send, receive).1, 100_000);
    });
}

#[test]
fn a_full_stream_makes_the_writer_wait_until_it_is_read() {
    const LEN: usize = 8 << 20;
    let (mut client, mut server) = tcp_pair();
    block_on(async {
        let send = async {
            client.write_all(&vec![7; LEN]).await.unwrap();
            client
                .get_ref()
                .shutdown(std::net::Shutdown::Write)
                .unwrap();
        };
        let mut received = Vec::new();
        let receive = async { server.read_to_end(&mut received).await.unwrap() };
        assert_eq!(futures::join!(send, receive).1, LEN);
    });
}

#[test]
fn a_close_by_the_peer_ends_the_wait() {
    let (client, mut server) = tcp_pair();
    let (count, waker) = Count::new();
    let mut buffer = [0; 8];
    assert!(poll_once(server.read(&mut buffer), &waker).is_pending());
    drop(client);
    assert_eq!(block_on(server.read(&mut buffer)).unwrap(), 0);
    assert!(count.get() <= 1);
}
