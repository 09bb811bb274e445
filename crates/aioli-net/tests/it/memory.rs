//! What a connection that waits costs.

use std::cell::Cell;
use std::io::{Read, Write};
use std::rc::Rc;

use aioli_net::protocol::{Protocol, Transport};
use aioli_net::{Server, TcpListener, TcpStream, serve};
use aioli_tally::held;
use aioli_task::yield_now;

const CONNECTIONS: usize = 1000;
/// What an idle connection may cost, in bytes of memory of this process.
const BYTES_MAX: isize = 1024;

/// Connects so many, as a program elsewhere would: with sockets that cost nothing here.
async fn connect(server: &Server) -> Vec<std::net::TcpStream> {
    let mut clients = Vec::with_capacity(CONNECTIONS);
    while clients.len() < CONNECTIONS {
        clients.push(std::net::TcpStream::connect(server.local_addr()).unwrap());
        while server.n_clients() < clients.len() {
            yield_now().await;
        }
    }
    clients
}

#[track_caller]
fn check(before: isize, what: &str) {
    let each = (held() - before) / CONNECTIONS as isize;
    println!("{what}: {each} bytes a connection");
    assert!(each <= BYTES_MAX, "{what}: {each} bytes a connection");
}

/// One after the other: each sends a line of this length and reads it again.
async fn exchange(len: usize, clients: &mut [std::net::TcpStream], answered: &Cell<usize>) {
    let mut line = vec![0; len];
    *line.last_mut().unwrap() = b'\n';
    for client in clients {
        let before = answered.get();
        client.write_all(&line).unwrap();
        while answered.get() == before {
            yield_now().await;
        }
        client.read_exact(&mut line).unwrap();
    }
}

#[test]
fn an_idle_connection_with_streams_costs_at_most_a_kibibyte() {
    aioli_task::run(async {
        let answered = Rc::new(Cell::new(0));
        let count = answered.clone();
        let server = serve("127.0.0.1:0", async move |stream: TcpStream| {
            let (mut reader, mut writer) = stream.into_streams();
            while let Ok(line) = reader.readline().await
                && !line.is_empty()
            {
                writer.write(line);
                writer.drain().await.unwrap();
                count.set(count.get() + 1);
            }
        });
        let server = server.await.unwrap();
        let before = held();
        let mut clients = connect(&server).await;
        check(before, "streams");
        for len in [64, 2000] {
            exchange(len, &mut clients, &answered).await;
            check(before, "streams that have had a message");
        }
        server.stop().await;
    });
}

#[test]
fn an_idle_connection_with_a_protocol_costs_at_most_a_kibibyte() {
    struct Echo;
    impl Protocol for Echo {
        fn data_received(&mut self, transport: &Transport, data: &[u8]) {
            transport.write(data);
        }
    }
    aioli_task::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server::start_protocol(listener, || Echo);
        let before = held();
        let _clients = connect(&server).await;
        check(before, "protocol");
        server.stop().await;
    });
}
