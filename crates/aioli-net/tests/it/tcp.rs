//! TCP streams and listeners.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Seek, Write};
use std::net::Shutdown;

use aioli_net::{ConnectError, ConnectOptions, ListenOptions, TcpListener, TcpStream};
use futures::executor::block_on;
use futures::{AsyncReadExt, FutureExt, StreamExt};

use crate::{connection, poll_once};

#[test]
fn the_end_of_writing_is_the_end_of_the_peers_reading() {
    block_on(async {
        let (client, server) = connection().await;
        client.write_all(b"last").await.unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(server.read(&mut buffer).await.unwrap(), 4);
        assert_eq!(server.read(&mut buffer).await.unwrap(), 0);
        // The other direction is open still.
        server.write_all(b"answer").await.unwrap();
        assert_eq!(client.read(&mut buffer).await.unwrap(), 6);
    });
}

#[test]
fn a_peer_that_closes_wakes_the_reader() {
    block_on(async {
        let (client, server) = connection().await;
        let mut buffer = [0; 8];
        let close = async {
            assert!(poll_once(server.read(&mut [0])).is_pending());
            drop(client);
        };
        let (n, ()) = futures::join!(server.read(&mut buffer), close);
        assert_eq!(n.unwrap(), 0);
    });
}

/// Whoever has made the listener.
#[test]
fn what_is_accepted_neither_blocks_nor_waits_with_small_writes() {
    block_on(async {
        let bound = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wrapped = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let shared = wrapped.try_clone().unwrap();
        let wrapped = TcpListener::from_std(wrapped).unwrap();
        for listener in [bound, wrapped] {
            let _client = TcpStream::connect(listener.local_addr()).await.unwrap();
            let (server, _) = listener.accept().await.unwrap();
            assert!(server.nodelay().unwrap());
            let error = server.into_std().read(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        }
        // Who shares it has not asked for this.
        let to = shared.local_addr().unwrap();
        let _client = std::net::TcpStream::connect(to).unwrap();
        shared.set_nonblocking(false).unwrap();
        assert!(!shared.accept().unwrap().0.nodelay().unwrap());
    });
}

#[test]
fn a_peek_takes_nothing() {
    block_on(async {
        let (client, server) = connection().await;
        client.write_all(b"abc").await.unwrap();
        let mut buffer = [0; 8];
        assert_eq!(server.peek(&mut buffer).await.unwrap(), 3);
        assert_eq!(server.read(&mut buffer).await.unwrap(), 3);
    });
}

#[test]
fn several_slices_move_in_one_call() {
    block_on(async {
        let (client, server) = connection().await;
        let written = client
            .write_vectored(&[IoSlice::new(b"ab"), IoSlice::new(b"cde")])
            .await;
        assert_eq!(written.unwrap(), 5);
        let (mut first, mut second) = ([0; 3], [0; 8]);
        let mut slices = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(server.read_vectored(&mut slices).await.unwrap(), 5);
        assert_eq!((&first, &second[..2]), (b"abc", &b"de"[..]));
    });
}

#[test]
fn a_task_reads_while_another_writes_without_a_split() {
    block_on(async {
        let (client, server) = connection().await;
        let body = vec![3; 3_000_000];
        let echo = async {
            let (mut from, mut to) = (&server, &server);
            futures::io::copy(&mut from, &mut to).await.unwrap();
            server.shutdown(Shutdown::Write).unwrap();
        };
        let send = async {
            client.write_all(&body).await.unwrap();
            client.shutdown(Shutdown::Write).unwrap();
        };
        let mut echoed = Vec::new();
        let receive = async { (&client).read_to_end(&mut echoed).await.unwrap() };
        futures::join!(echo, send, receive);
        assert!(echoed == body);
    });
}

#[test]
fn dropping_the_writing_half_ends_that_direction_only() {
    block_on(async {
        let (client, server) = connection().await;
        let (mut reader, writer) = client.into_split();
        drop(writer);
        assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
        server.write_all(b"still").await.unwrap();
        drop(server);
        let mut text = String::new();
        reader.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "still");
    });
}

#[test]
fn halves_of_different_streams_do_not_unite() {
    block_on(async {
        let (client, server) = connection().await;
        let (client_reader, client_writer) = client.into_split();
        let (server_reader, server_writer) = server.into_split();
        let (client_reader, server_writer) = client_reader.unite(server_writer).unwrap_err();
        let client = client_reader.unite(client_writer).unwrap();
        let server = server_reader.unite(server_writer).unwrap();
        client.write_all(b"x").await.unwrap();
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 1);
    });
}

#[test]
fn a_stream_goes_to_std_and_back() {
    block_on(async {
        let (client, server) = connection().await;
        let client = TcpStream::from_std(client.into_std()).unwrap();
        assert!(client.nodelay().unwrap(), "as asyncio does");
        assert!(server.nodelay().unwrap());
        client.write_all(b"x").await.unwrap();
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 1);
    });
}

#[test]
fn connections_come_as_a_stream() {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr();
        let clients = futures::future::join_all((0..3).map(|_| TcpStream::connect(to)));
        let accepted = listener.incoming().take(3).collect::<Vec<_>>();
        let (clients, accepted) = futures::join!(clients, accepted);
        assert!(clients.iter().all(Result::is_ok));
        assert!(accepted.iter().all(Result::is_ok));
    });
}

#[test]
fn several_tasks_accept_from_one_listener() {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr();
        let clients = async {
            let mut clients = Vec::new();
            for _ in 0..3 {
                clients.push(TcpStream::connect(to).await.unwrap());
            }
            clients
        };
        let accept = || listener.accept();
        let (a, b, c, _clients) = futures::join!(accept(), accept(), accept(), clients);
        assert!(a.is_ok() && b.is_ok() && c.is_ok());
    });
}

#[test]
fn options_reach_the_socket() {
    block_on(async {
        let listener = ListenOptions::new().only_v6(true).bind("127.0.0.1:0").await;
        assert!(listener.is_ok(), "only for addresses of IPv6");
    });
}

/// On Linux and the BSDs two listeners may share a port.
#[cfg(target_os = "linux")]
#[test]
fn a_port_is_shared_when_both_ask_for_it() {
    block_on(async {
        let options = ListenOptions::new().reuse_port(true);
        let first = options.clone().bind("127.0.0.1:0").await.unwrap();
        let second = options.bind(first.local_addr()).await.unwrap();
        assert_eq!(first.local_addr(), second.local_addr());
        assert!(TcpListener::bind(first.local_addr()).await.is_err());
    });
}

#[test]
fn a_socket_outlives_its_loop_and_says_so() {
    let (client, server) = aioli_task::run(connection());
    let error = block_on(server.read(&mut [0])).unwrap_err();
    assert!(error.to_string().contains("event loop"), "{error}");
    // What need not wait works, and so does a new registration.
    block_on(client.write_all(b"x")).unwrap();
    let server = TcpStream::from_std(server.into_std()).unwrap();
    assert_eq!(block_on(server.read(&mut [0])).unwrap(), 1);
}

/// Looking up and connecting are real work, which a virtual clock must not jump over.
#[test]
fn virtual_time_stands_still_while_a_connection_is_made() {
    let mut runner = aioli_task::Runner::builder().virtual_clock().build();
    let outcome = runner.run(async {
        let listener = TcpListener::bind("localhost:0").await.unwrap();
        let to = ("localhost", listener.local_addr().port());
        let start = aioli_task::now();
        let connecting = aioli_flow::timeout(3600, TcpStream::connect(to)).await;
        assert!(connecting.unwrap().is_ok());
        assert_eq!(aioli_task::now(), start);
    });
    outcome.unwrap();
}

#[test]
fn trying_does_not_wait() {
    block_on(async {
        let (client, server) = connection().await;
        let nothing = server.try_read(&mut [0]).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(client.try_write(b"abc").unwrap(), 3);
        let mut buffer = [0; 8];
        assert_eq!(server.read(&mut buffer).await.unwrap(), 3);
        let full = loop {
            if let Err(error) = client.try_write(&[0; 65536]) {
                break error;
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
    });
}

#[test]
fn socket_options_are_those_of_the_system() {
    block_on(async {
        let (client, _server) = connection().await;
        assert!(!client.options().keepalive().unwrap());
        client.options().set_keepalive(true).unwrap();
        assert!(client.options().keepalive().unwrap());
    });
}

#[test]
fn connecting_has_options() {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr();
        // All of 127.0.0.0/8 is this machine on Linux only, so an address that is there for sure.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let local = free.local_addr().unwrap();
        drop(free);
        let options = ConnectOptions::new().bind(local).nodelay(false);
        let client = options.clone().connect(to).await.unwrap();
        assert_eq!(client.local_addr().unwrap(), local);
        assert!(!client.nodelay().unwrap());
        let (_, from) = listener.accept().await.unwrap();
        assert_eq!(from, local);
        let one_by_one = ConnectOptions::new().attempt_delay(f64::INFINITY);
        let _stream = one_by_one.connect(to).await.unwrap();
    });
}

/// A file of so many bytes, which has no name any more.
fn file_of(len: usize) -> (File, Vec<u8>) {
    let path = std::env::temp_dir().join(format!("aioli-sendfile-{len}-{}", std::process::id()));
    let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
    let options = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path);
    let mut file = options.unwrap();
    file.write_all(&bytes).unwrap();
    std::fs::remove_file(path).unwrap();
    (file, bytes)
}

#[test]
fn a_file_is_sent_by_range_and_its_position_stays() {
    block_on(async {
        let (mut file, bytes) = file_of(3_000_000);
        let position = file.stream_position().unwrap();
        let (client, mut server) = connection().await;
        let send = async {
            let mut range = 1000..2_500_000;
            let sent = client.sendfile(&file, &mut range).await.unwrap();
            assert_eq!((sent, range), (2_499_000, 2_500_000..2_500_000));
            // Beyond the end there is nothing.
            let mut range = 2_999_999..9_000_000;
            assert_eq!(client.sendfile(&file, &mut range).await.unwrap(), 1);
            assert_eq!(range.start, 3_000_000);
            client.shutdown(Shutdown::Write).unwrap();
        };
        let mut got = Vec::new();
        let (read, ()) = futures::join!(server.read_to_end(&mut got), send);
        read.unwrap();
        assert!(got[..2_499_000] == bytes[1000..2_500_000]);
        assert_eq!(got[2_499_000..], bytes[2_999_999..]);
        assert_eq!(file.stream_position().unwrap(), position);
    });
}

#[test]
fn a_sending_of_a_file_that_was_dropped_goes_on() {
    block_on(async {
        let (file, bytes) = file_of(8_000_000);
        let (client, mut server) = connection().await;
        let mut range = 0..8_000_000;
        // Nobody reads, so that it stops half-way.
        let first = client.sendfile(&file, &mut range).now_or_never();
        assert!(first.is_none());
        let begin = range.start;
        assert!(0 < begin && begin < 8_000_000);
        let send = async {
            let rest = client.sendfile(&file, &mut range).await.unwrap();
            assert_eq!(begin + rest, 8_000_000);
            client.shutdown(Shutdown::Write).unwrap();
        };
        let mut got = Vec::new();
        let (read, ()) = futures::join!(server.read_to_end(&mut got), send);
        read.unwrap();
        assert!(got == bytes);
    });
}

/// A listener whose queue is full, with the connections that fill it: another one gets no
/// answer at all.
fn black_hole() -> (TcpListener, Vec<socket2::Socket>) {
    let options = ListenOptions::new().backlog(1);
    let listener = block_on(options.bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().into();
    let dial = || {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
        socket.connect_timeout(&address, std::time::Duration::from_millis(100))?;
        Ok::<_, io::Error>(socket)
    };
    let filling: Vec<_> = std::iter::from_fn(|| dial().ok()).take(64).collect();
    assert!(filling.len() < 64, "the queue is never full");
    (listener, filling)
}

#[test]
fn an_attempt_that_takes_too_long_fails_and_only_so_many_are_made() {
    let (hole, _filling) = black_hole();
    block_on(async {
        let options = ConnectOptions::new()
            .attempt_delay(f64::INFINITY)
            .attempt_timeout(0.05);
        let addresses = vec![hole.local_addr(); 3];
        let error = options.clone().attempts_max(2).connect(addresses).await;
        let ConnectError::Failed { attempts, .. } = error.unwrap_err() else {
            panic!("it has connected");
        };
        assert_eq!(attempts.len(), 2);
        for attempt in attempts {
            assert_eq!(attempt.source.kind(), io::ErrorKind::TimedOut);
            assert_eq!(attempt.source.raw_os_error(), None);
        }

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = vec![hole.local_addr(), listener.local_addr()];
        let stream = options.keepalive(60).connect(addresses).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), listener.local_addr());
        assert!(stream.options().keepalive().unwrap());
    });
}

#[test]
fn any_length_of_silence_can_be_asked_for() {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        for silence in [0.0, 0.5, 60.0, 1e9] {
            let options = ConnectOptions::new().keepalive(silence);
            let stream = options.connect(listener.local_addr()).await.unwrap();
            assert!(stream.options().keepalive().unwrap(), "{silence}");
        }
    });
}
