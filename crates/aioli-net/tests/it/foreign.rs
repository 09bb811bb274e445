//! The same echo on our loop and on others, with no aioli loop on the thread.

use aioli_net::protocol::{Protocol, Transport};
use aioli_net::{StreamReader, TcpListener, TcpStream, UdpSocket, open_connection};
use futures::{AsyncReadExt, AsyncWriteExt};

const ROUNDS: u32 = 50;

/// Lines through TCP, a big body through the I/O traits, a datagram, and a name.
async fn echo() -> u32 {
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let address = listener.local_addr();
    let server = async {
        let (stream, _) = listener.accept().await.unwrap();
        let (mut reader, mut writer) = stream.into_streams();
        for _ in 0..ROUNDS {
            let line = reader.readline().await.unwrap();
            writer.write(line);
            writer.drain().await.unwrap();
        }
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut body = Vec::new();
        stream.read_to_end(&mut body).await.unwrap();
        stream.write_all(&body).await.unwrap();
        stream.close().await.unwrap();
    };
    let client = async {
        let (mut reader, mut writer) = open_connection(("localhost", address.port()))
            .await
            .unwrap();
        let mut echoes = 0;
        for round in 0..ROUNDS {
            writer.write(format!("line {round}\n"));
            writer.drain().await.unwrap();
            let line = reader.readline().await.unwrap();
            echoes += u32::from(line == format!("line {round}\n").as_bytes());
        }
        big_body(TcpStream::connect(address).await.unwrap()).await;
        datagram().await;
        callbacks().await;
        echoes
    };
    futures::join!(server, client).1
}

async fn big_body(stream: TcpStream) {
    let body: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 253) as u8).collect();
    let (reader, mut writer) = stream.into_split();
    let send = async {
        writer.write_all(&body).await.unwrap();
        writer.close().await.unwrap();
    };
    let mut reader = StreamReader::new(reader);
    let ((), echoed) = futures::join!(send, reader.read_to_end());
    assert!(echoed.unwrap() == body);
}

async fn datagram() {
    let left = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let right = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    left.connect(right.local_addr().unwrap()).await.unwrap();
    let mut buffer = [0; 16];
    let (received, sent) = futures::join!(right.recv_from(&mut buffer), left.send(b"datagram"));
    assert_eq!(sent.unwrap(), 8);
    assert_eq!(received.unwrap(), (8, left.local_addr().unwrap()));
}

/// Protocols on both sides: one sends a big body and counts, the other sends it back.
async fn callbacks() {
    struct Echo;
    impl Protocol for Echo {
        fn data_received(&mut self, transport: &Transport, data: &[u8]) {
            transport.write(data);
        }
        // Held back while the other side does not read.
        fn pause_writing(&mut self, transport: &Transport) {
            transport.pause_reading();
        }
        fn resume_writing(&mut self, transport: &Transport) {
            transport.resume_reading();
        }
    }
    struct Count(usize);
    impl Protocol for Count {
        fn connection_made(&mut self, transport: &Transport) {
            transport.write(vec![1; 3_000_000]);
        }
        fn data_received(&mut self, transport: &Transport, data: &[u8]) {
            self.0 += data.len();
            if self.0 == 3_000_000 {
                transport.close();
            }
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    let (transport, echoing) = Transport::attach(server, Echo);
    let (_, counting) = Transport::attach(client, Count(0));
    futures::join!(echoing, counting, transport.wait_closed());
}

#[test]
fn on_our_loop() {
    assert_eq!(aioli_task::run(echo()), ROUNDS);
}

#[test]
fn on_tokio() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).build().unwrap();
    let task = async { tokio::spawn(echo()).await.unwrap() };
    assert_eq!(runtime.block_on(task), ROUNDS);
}

#[test]
fn on_smol() {
    assert_eq!(smol::block_on(async { smol::spawn(echo()).await }), ROUNDS);
}

#[test]
fn on_futures() {
    assert_eq!(futures::executor::block_on(echo()), ROUNDS);
}
