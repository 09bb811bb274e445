//! Somebody on the way who notes what a client says, and passes it on.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes connections on to another address, until the end of the process.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    connections: Arc<Mutex<Vec<Noted>>>,
}

/// What the client of one connection has said so far.
type Noted = Arc<Mutex<Vec<u8>>>;

impl Relay {
    pub(crate) fn to(target: SocketAddr) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::<Mutex<Vec<Noted>>>::default();
        let shared = connections.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let server = TcpStream::connect(target).unwrap();
                let noted = Noted::default();
                shared.lock().unwrap().push(noted.clone());
                let (mut back, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || listen(client, server, &noted));
                thread::spawn(move || {
                    // Who is gone hears no more.
                    let _ = io::copy(&mut back, &mut to);
                    let _ = to.shutdown(Shutdown::Write);
                });
            }
        });
        Relay {
            address,
            connections,
        }
    }

    /// What each connection's client has said, one text each.
    pub(crate) fn heard(&self) -> Vec<String> {
        let connections = self.connections.lock().unwrap();
        connections
            .iter()
            .map(|noted| String::from_utf8_lossy(&noted.lock().unwrap()).into_owned())
            .collect()
    }
}

/// Notes what comes before it goes on, so that nobody has an answer to what was not noted.
fn listen(mut client: TcpStream, mut server: TcpStream, noted: &Mutex<Vec<u8>>) {
    let mut piece = [0; 4096];
    while let Ok(n) = client.read(&mut piece)
        && n > 0
    {
        noted.lock().unwrap().extend_from_slice(&piece[..n]);
        if server.write_all(&piece[..n]).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Write);
}
