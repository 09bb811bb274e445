//! Dropping a future at any await loses no bytes, no connection and no descriptor.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use aioli_net::{StreamReader, StreamWriter, TcpListener, TcpStream, UdpSocket};
use futures::executor::block_on;

use crate::{connection, poll_once};

#[test]
fn a_dropped_read_takes_no_bytes() {
    block_on(async {
        let (client, server) = connection().await;
        assert!(poll_once(server.read(&mut [0; 8])).is_pending());
        client.write_all(b"abc").await.unwrap();
        let mut buffer = [0; 8];
        assert_eq!(server.read(&mut buffer).await.unwrap(), 3);
        assert_eq!(&buffer[..3], b"abc");
    });
}

#[test]
fn a_dropped_accept_leaves_the_connection_in_the_queue() {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        assert!(poll_once(listener.accept()).is_pending());
        let client = TcpStream::connect(listener.local_addr()).await.unwrap();
        let (_, from) = listener.accept().await.unwrap();
        assert_eq!(from, client.local_addr().unwrap());
    });
}

/// Connections come in bursts of every length, and those who accept are dropped at every stage: each
/// connection goes to one accept, and none is left behind.
#[test]
fn accepts_that_are_dropped_anywhere_lose_no_connection() {
    aioli_task::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr();
        for burst in 0..40 {
            let mut sent = Vec::new();
            for _ in 0..burst % 8 {
                sent.push(TcpStream::connect(address).await.unwrap());
            }
            let mut expected: Vec<_> = sent.iter().map(|c| c.local_addr().unwrap()).collect();
            let mut accepted = Vec::new();
            while accepted.len() < sent.len() {
                // Two wait at the same time, and one of them is given up after `n` polls.
                let n = (burst + accepted.len()) % 4;
                let (dropped, kept) = futures::join!(drop_at(listener.accept(), n), async {
                    match accepted.len() + 1 < sent.len() {
                        true => Some(listener.accept().await),
                        false => None,
                    }
                });
                let came = [dropped, kept].into_iter().flatten();
                accepted.extend(came.map(|accepted| accepted.unwrap().1));
                if accepted.len() + 1 == sent.len() {
                    accepted.push(listener.accept().await.unwrap().1);
                }
            }
            accepted.sort();
            expected.sort();
            assert_eq!(accepted, expected);
            assert!(poll_once(listener.accept()).is_pending());
        }
    });
}

#[test]
fn a_dropped_receive_takes_no_datagram() {
    block_on(async {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        assert!(poll_once(socket.recv_from(&mut [0; 8])).is_pending());
        socket.send_to(b"x", address).await.unwrap();
        assert_eq!(socket.recv_from(&mut [0; 8]).await.unwrap(), (1, address));
    });
}

/// c311: "the cancelled accept left nothing behind".
#[test]
fn c311_cancel_sock_accept() {
    aioli_task::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr();
        let accepting = aioli_task::spawn(async move { listener.accept().await.map(drop) });
        aioli_task::yield_now().await;
        assert!(accepting.stop().await.is_none());
        let error = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    });
}

/// The reader is cancelled after every poll, and gets everything.
#[test]
fn a_reader_that_is_dropped_at_every_wait_loses_nothing() {
    block_on(async {
        let (client, server) = connection().await;
        let mut reader = StreamReader::new(server);
        for piece in ["he", "llo\nwor", "ld", "\nrest"] {
            assert!(poll_once(reader.readline()).is_pending());
            client.write_all(piece.as_bytes()).await.unwrap();
            // Wait until it has come, so that the next poll takes it.
            reader.get_ref().as_async().readable().await.unwrap();
            if piece.contains('\n') {
                let expected = if piece.starts_with('l') {
                    "hello\n"
                } else {
                    "world\n"
                };
                assert_eq!(reader.readline().await.unwrap(), expected.as_bytes());
            }
        }
        drop(client);
        assert_eq!(reader.readexactly(4).await.unwrap(), b"rest");
        assert!(reader.read(1).await.unwrap().is_empty());
    });
}

#[test]
fn a_drain_that_is_dropped_goes_on_where_it_was() {
    const LEN: usize = 4 << 20;
    block_on(async {
        let (client, server) = connection().await;
        let mut writer = StreamWriter::new(client);
        let sent: Vec<u8> = (0..LEN).map(|n| (n % 251) as u8).collect();
        writer.write(&sent);
        let write = async {
            let mut drops = 0;
            while poll_once(writer.drain()).is_pending() {
                drops += 1;
                writer.get_ref().as_async().writable().await.unwrap();
            }
            writer.close().await.unwrap();
            drops
        };
        let mut received = Vec::new();
        let mut reader = StreamReader::new(server);
        let read = async { received = reader.read_to_end().await.unwrap() };
        let (drops, ()) = futures::join!(write, read);
        assert!(drops > 0, "the socket was full at least once");
        assert!(received == sent, "every byte once, in order");
    });
}

/// How many descriptors of this process are sockets that concern `port`: by the kernel's table,
/// so that other tests do not disturb.
#[cfg(target_os = "linux")]
fn sockets_of(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let of_port = format!(":{port:04X} ");
    let inodes: Vec<&str> = table
        .lines()
        .filter(|line| line.contains(&of_port))
        .filter_map(|line| line.split_whitespace().nth(9))
        .collect();
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap();
    let targets = descriptors.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let is_ours = |target: &std::path::PathBuf| {
        let target = target.to_string_lossy().into_owned();
        let inode = target
            .strip_prefix("socket:[")
            .and_then(|rest| rest.strip_suffix(']'));
        inode.is_some_and(|inode| inodes.contains(&inode))
    };
    targets.filter(is_ours).count()
}

/// Polls a future up to its `n`th poll and drops it there; `None` when it was over before.
async fn drop_at<F: Future>(future: F, n: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 1..n {
        if let Poll::Ready(output) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return Some(output);
        }
        aioli_task::yield_now().await;
    }
    None
}

/// Connecting, accepting and echoing, dropped at every poll in turn, leaks no socket.
#[cfg(target_os = "linux")]
#[test]
fn an_exchange_that_is_dropped_anywhere_leaks_no_descriptor() {
    async fn exchange(listener: &TcpListener, address: std::net::SocketAddr) {
        let (client, server) = futures::join!(TcpStream::connect(address), listener.accept());
        let (client, (server, _)) = (client.unwrap(), server.unwrap());
        let (mut reader, mut writer) = client.into_streams();
        writer.write("ping\n");
        writer.drain().await.unwrap();
        let mut buffer = [0; 16];
        let n = server.read(&mut buffer).await.unwrap();
        server.write_all(&buffer[..n]).await.unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"ping\n");
    }

    aioli_task::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr();
        let mut n = 1;
        while drop_at(exchange(&listener, address), n).await.is_none() {
            n += 1;
            // Connections that were given up while they waited in the queue.
            while let Poll::Ready(left) = poll_once(listener.accept()) {
                drop(left.unwrap());
            }
            assert_eq!(
                sockets_of(address.port()),
                1,
                "after {n} polls: the listener alone"
            );
        }
        assert!(n > 2, "{n} polls");
    });
}
