//! UDP sockets.

use aioli_net::{RecvBatch, UdpSocket};
use futures::executor::block_on;

async fn pair() -> (UdpSocket, UdpSocket) {
    let left = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let right = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    left.connect(right.local_addr().unwrap()).await.unwrap();
    right.connect(left.local_addr().unwrap()).await.unwrap();
    (left, right)
}

#[test]
fn datagrams_keep_their_bounds_and_short_buffers_cut_them() {
    block_on(async {
        let (left, right) = pair().await;
        for datagram in [&b"one"[..], b"", b"three"] {
            assert_eq!(left.send(datagram).await.unwrap(), datagram.len());
        }
        let mut buffer = [0; 4];
        assert_eq!(right.recv(&mut buffer).await.unwrap(), 3);
        assert_eq!(right.recv(&mut buffer).await.unwrap(), 0);
        // Some systems cut it, others make it an error.
        if let Ok(n) = right.recv(&mut buffer).await {
            assert_eq!(&buffer[..n], b"thre");
        }
    });
}

#[test]
fn two_tasks_receive_from_one_socket() {
    block_on(async {
        let (left, right) = pair().await;
        let receive = async || right.recv(&mut [0; 8]).await.unwrap();
        let send = async {
            left.send(b"a").await.unwrap();
            left.send(b"bb").await.unwrap();
        };
        let (first, second, ()) = futures::join!(receive(), receive(), send);
        assert_eq!(first + second, 3);
    });
}

#[test]
fn a_refused_datagram_is_an_error_of_the_next_call() {
    block_on(async {
        let (left, right) = pair().await;
        drop(right);
        left.send(b"x").await.unwrap();
        let error = left.recv(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    });
}

#[test]
fn batches_keep_order_bounds_and_senders() {
    block_on(async {
        let (left, right) = (bound().await, bound().await);
        let to = right.local_addr().unwrap();
        let texts: Vec<String> = (0..70).map(|i| format!("number {i}")).collect();
        let datagrams: Vec<_> = texts.iter().map(|text| (text, to)).collect();
        let mut sent = 0;
        while sent < 70 {
            sent += left.send_many(&datagrams[sent..]).await.unwrap();
        }
        let mut batch = RecvBatch::new(48, 7);
        let mut got = Vec::new();
        while got.len() < 70 {
            let n = right.recv_many(&mut batch).await.unwrap();
            assert_eq!((n, batch.len()), (n, n));
            assert!(n > 0 && !batch.is_empty());
            for (datagram, from) in &batch {
                assert_eq!(from, left.local_addr().unwrap());
                got.push(String::from_utf8(datagram.to_vec()).unwrap());
            }
        }
        // Seven bytes of each.
        assert!(got.iter().all(|text| text == "number "));
        assert_eq!(left.send_many(&[("", to); 0]).await.unwrap(), 0);
    });
}

#[test]
fn a_batch_waits_and_a_dropped_one_takes_nothing() {
    block_on(async {
        let (left, right) = (bound().await, bound().await);
        let mut batch = RecvBatch::new(4, 100);
        assert!(crate::poll_once(right.recv_many(&mut batch)).is_pending());
        let to = right.local_addr().unwrap();
        left.send_many(&[("one", to)]).await.unwrap();
        let mut room = [0; 8];
        assert_eq!(right.peek_from(&mut room).await.unwrap().0, 3);
        assert_eq!(right.recv_many(&mut batch).await.unwrap(), 1);
        let all: Vec<&[u8]> = batch.iter().map(|(datagram, _)| datagram).collect();
        assert_eq!(all, [b"one"]);
    });
}

async fn bound() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").await.unwrap()
}
