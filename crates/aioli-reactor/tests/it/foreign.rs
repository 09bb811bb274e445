//! The same exchange on our loop and on others.

use aioli_reactor::Async;
use std::net::UdpSocket;

/// Two sockets play ping-pong; every datagram makes one side wait.
async fn ping_pong() -> u32 {
    let socket = || UdpSocket::bind("127.0.0.1:0").unwrap();
    let (left, right) = (socket(), socket());
    left.connect(right.local_addr().unwrap()).unwrap();
    right.connect(left.local_addr().unwrap()).unwrap();
    let (left, right) = (Async::new(left).unwrap(), Async::new(right).unwrap());

    let server = async {
        for _ in 0..ROUNDS {
            let mut byte = [0];
            right
                .read_with(|socket| socket.recv(&mut byte))
                .await
                .unwrap();
            right.write_with(|socket| socket.send(&byte)).await.unwrap();
        }
    };
    let client = async {
        let mut echoes = 0;
        for round in 0..ROUNDS {
            let mut byte = [round as u8];
            left.write_with(|socket| socket.send(&byte)).await.unwrap();
            left.read_with(|socket| socket.recv(&mut byte))
                .await
                .unwrap();
            echoes += u32::from(byte == [round as u8]);
        }
        echoes
    };
    futures::join!(server, client).1
}

const ROUNDS: u32 = 100;

#[test]
fn on_our_loop() {
    assert_eq!(aioli_task::run(ping_pong()), ROUNDS);
}

#[test]
fn on_tokio() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let task = async { tokio::spawn(ping_pong()).await.unwrap() };
    assert_eq!(runtime.block_on(task), ROUNDS);
}

#[test]
fn on_smol() {
    assert_eq!(
        smol::block_on(async { smol::spawn(ping_pong()).await }),
        ROUNDS
    );
}

#[test]
fn on_futures() {
    assert_eq!(futures::executor::block_on(ping_pong()), ROUNDS);
}
