//! UDP sockets.

use aioli_net::UdpSocket;
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
