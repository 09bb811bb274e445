//! Protocols on UDP sockets.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aioli_net::UdpSocket;
use aioli_net::protocol::{DatagramProtocol, DatagramTransport};
use aioli_task::yield_now;

#[derive(Clone, Default)]
struct Noting(Arc<Mutex<Vec<String>>>);

impl Noting {
    fn put(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn calls(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    async fn until(&self, n: usize) {
        while self.calls().len() < n {
            yield_now().await;
        }
    }
}

impl DatagramProtocol for Noting {
    fn connection_made(&mut self, _: &DatagramTransport) {
        self.put("made");
    }

    fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], from: SocketAddr) {
        self.put(String::from_utf8_lossy(data));
        transport.send_to(data, from);
    }

    fn error_received(&mut self, _: &DatagramTransport, error: io::Error) {
        self.put(format!("{:?}", error.kind()));
    }

    fn connection_lost(&mut self, error: Option<io::Error>) {
        self.put(format!("lost: {:?}", error.map(|error| error.kind())));
    }
}

async fn bound() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").await.unwrap()
}

/// A socket whose address takes nothing from others, as if nobody had it, and which nobody else is
/// given meanwhile: it hears itself alone.
async fn deaf() -> (UdpSocket, SocketAddr) {
    let socket = bound().await;
    let address = socket.local_addr().unwrap();
    socket.connect(address).await.unwrap();
    (socket, address)
}

#[test]
fn datagrams_come_in_order_and_are_answered() {
    aioli_task::run(async {
        let log = Noting::default();
        let server = DatagramTransport::start(bound().await, log.clone());
        let client = bound().await;
        client.connect(server.local_addr().unwrap()).await.unwrap();
        for text in ["one", "", "three"] {
            client.send(text.as_bytes()).await.unwrap();
            let mut room = [0; 8];
            let n = client.recv(&mut room).await.unwrap();
            assert_eq!(&room[..n], text.as_bytes());
        }
        server.close();
        server.close();
        server.wait_closed().await;
        server.send_to("too late", client.local_addr().unwrap());
        assert!(server.is_closing());
        assert_eq!(log.calls(), ["made", "one", "", "three", "lost: None"]);
    });
}

#[test]
fn an_error_is_told_and_the_socket_goes_on() {
    aioli_task::run(async {
        let (log, socket) = (Noting::default(), bound().await);
        let (_deaf, gone) = deaf().await;
        socket.connect(gone).await.unwrap();
        let transport = DatagramTransport::start(socket, log.clone());
        log.until(1).await;
        transport.send("nobody is there");
        log.until(2).await;
        // Longer than any datagram may be.
        transport.send(vec![0; 100_000]);
        log.until(3).await;
        assert_eq!(log.calls()[..2], ["made", "ConnectionRefused"]);
        assert_eq!(transport.write_buffer_size(), 0);
        transport.abort();
        transport.wait_closed().await;
        assert_eq!(log.calls()[3..], ["lost: None"]);
    });
}

#[test]
fn an_error_that_a_sending_has_taken_is_told() {
    aioli_task::run(async {
        let (log, socket) = (Noting::default(), bound().await);
        let (deaf, gone) = deaf().await;
        socket.connect(gone).await.unwrap();
        let address = socket.local_addr().unwrap();
        let transport = DatagramTransport::start(socket, log.clone());
        log.until(1).await;
        transport.send("nobody is there");
        // Somebody is from here on, so that no later sending is refused.
        deaf.connect(address).await.unwrap();
        transport.send("takes the error of the one before");
        transport.close();
        transport.wait_closed().await;
        assert_eq!(log.calls(), ["made", "ConnectionRefused", "lost: None"]);
    });
}

#[test]
fn a_cancelled_socket_is_lost() {
    aioli_task::run(async {
        let log = Noting::default();
        let (transport, driving) = DatagramTransport::attach(bound().await, log.clone());
        let driving = aioli_task::spawn(driving);
        log.until(1).await;
        driving.stop().await;
        transport.wait_closed().await;
        assert_eq!(log.calls(), ["made", "lost: Some(ConnectionAborted)"]);
    });
}

#[test]
fn it_runs_on_tokio() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let (transport, driving) = DatagramTransport::attach(bound().await, Noting::default());
        let driving = tokio::spawn(driving);
        let client = bound().await;
        let to = transport.local_addr().unwrap();
        client.send_to(b"hello", to).await.unwrap();
        assert_eq!(client.recv(&mut [0; 8]).await.unwrap(), 5);
        transport.close();
        driving.await.unwrap();
    });
}
