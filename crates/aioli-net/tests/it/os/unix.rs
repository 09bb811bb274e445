//! Unix sockets.

use std::fs;
use std::io;
use std::path::PathBuf;

use aioli_net::unix::{UnixDatagram, UnixListener, UnixStream};
use aioli_net::{ReadHalf, Server, StreamReader, WriteHalf};
use futures::executor::block_on;
use futures::{AsyncReadExt, AsyncWriteExt};

use crate::poll_once;

/// A path of its own for each test.
fn path(test: &str) -> PathBuf {
    std::env::temp_dir().join(format!("aioli-net-{test}-{}", std::process::id()))
}

async fn echo(path: PathBuf) {
    let listener = UnixListener::bind(&path).unwrap();
    let server = async {
        let (stream, _) = listener.accept().await.unwrap();
        let (mut reader, mut writer) = stream.into_split();
        futures::io::copy(&mut reader, &mut writer).await.unwrap();
    };
    let client = async {
        let (reader, mut writer) = UnixStream::connect(&path).await.unwrap().into_split();
        writer.write_all(b"one\ntwo\n").await.unwrap();
        drop(writer);
        let mut reader = StreamReader::new(reader);
        assert_eq!(reader.readline().await.unwrap(), b"one\n");
        assert_eq!(reader.read_to_end().await.unwrap(), b"two\n");
    };
    futures::join!(server, client);
}

#[test]
fn an_echo_on_our_loop() {
    aioli_task::run(echo(path("ours")));
}

#[test]
fn an_echo_on_other_executors() {
    block_on(echo(path("futures")));
    smol::block_on(async { smol::spawn(echo(path("smol"))).await });
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).build().unwrap();
    runtime.block_on(async { tokio::spawn(echo(path("tokio"))).await.unwrap() });
}

#[test]
fn c298_start_unix_server() {
    aioli_task::run(async {
        let path = path("server");
        let listener = UnixListener::bind(&path).unwrap();
        let server = Server::start(listener, async |stream| {
            let (mut reader, mut writer) = stream.into_streams();
            writer.write(reader.readline().await.unwrap());
            writer.close().await.unwrap();
        });
        assert_eq!(server.address(), &path);
        let stream = UnixStream::connect(&path).await.unwrap();
        let (mut reader, mut writer) = stream.into_streams();
        writer.write("hello\n");
        writer.drain().await.unwrap();
        assert_eq!(reader.read_to_end().await.unwrap(), b"hello\n");
        server.stop().await;
        assert!(!path.exists());
    });
}

/// The own path is removed, one that is gone is no error, and the opt-out is honoured.
#[test]
fn c304_unix_server_cleanup() {
    let path = path("cleanup");
    let bind = || UnixListener::bind(&path).unwrap();
    drop(bind());
    assert!(!path.exists());

    let listener = bind();
    fs::remove_file(&path).unwrap();
    drop(listener);

    drop(bind().keep_path());
    assert!(path.exists());
    fs::remove_file(&path).unwrap();
}

#[test]
fn c304_unix_server_cleanup_replaced() {
    let path = path("replaced");
    let listener = UnixListener::bind(&path).unwrap();
    // Kept, so that its inode is not used again.
    let moved = path.with_extension("moved");
    fs::rename(&path, &moved).unwrap();
    fs::write(&path, "somebody else's").unwrap();
    drop(listener);
    assert_eq!(fs::read_to_string(&path).unwrap(), "somebody else's");
    fs::remove_file(&path).unwrap();
    fs::remove_file(&moved).unwrap();
}

#[test]
fn errors_name_the_path() {
    let path = path("errors");
    let error = block_on(UnixStream::connect(&path)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );

    fs::write(&path, "").unwrap();
    let error = UnixListener::bind(&path).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );
    fs::remove_file(&path).unwrap();
}

#[test]
fn connecting_waits_while_the_queue_is_full() {
    let path = path("full");
    // A queue of one: socket2, because std does not let one choose.
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    socket
        .bind(&socket2::SockAddr::unix(&path).unwrap())
        .unwrap();
    socket.listen(0).unwrap();
    let listener = UnixListener::from_std(socket.into()).unwrap();

    block_on(async {
        let clients = (0..4).map(|_| UnixStream::connect(&path));
        let accepts = async {
            for _ in 0..4 {
                drop(listener.accept().await.unwrap());
            }
        };
        let (clients, ()) = futures::join!(futures::future::join_all(clients), accepts);
        assert!(clients.iter().all(Result::is_ok), "{clients:?}");
    });
    fs::remove_file(&path).unwrap();
}

#[test]
fn datagrams() {
    block_on(async {
        let path = path("datagrams");
        let server = UnixDatagram::bind(&path).unwrap();
        let client = UnixDatagram::unbound().unwrap();
        client.connect(&path).unwrap();
        client.send(b"ping").await.unwrap();
        let mut buffer = [0; 16];
        let (n, from) = server.recv_from(&mut buffer).await.unwrap();
        assert!(from.is_unnamed());
        assert_eq!(&buffer[..n], b"ping");
        fs::remove_file(&path).unwrap();

        // A full queue makes the sender wait.
        let (left, right) = UnixDatagram::pair().unwrap();
        let send = async {
            for _ in 0..2000 {
                left.send(&[1; 1000]).await.unwrap();
            }
        };
        let receive = async {
            for _ in 0..2000 {
                assert_eq!(right.recv(&mut [0; 2000]).await.unwrap(), 1000);
            }
        };
        futures::join!(send, receive);
    });
}

#[test]
fn halves_are_united_again() {
    block_on(async {
        let (left, mut right) = UnixStream::pair().unwrap();
        let (reader, writer) = left.into_split();
        let left = reader.unite(writer).unwrap();
        left.write_all(b"x").await.unwrap();
        drop(left);
        let mut text = String::new();
        right.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "x");
    });
}

#[test]
fn auto_traits() {
    fn shared<T: Send + Sync + Unpin>() {}
    shared::<UnixStream>();
    shared::<UnixListener>();
    shared::<Server<UnixListener>>();
    shared::<UnixDatagram>();
    shared::<aioli_net::unix::Credentials>();
    shared::<ReadHalf<UnixStream>>();
    shared::<WriteHalf<UnixStream>>();
    fn send<T: Send>(_: T) {}
    send(UnixStream::connect("nowhere"));
    send(aioli_net::unix::open_connection("nowhere"));
}

/// A child process with few descriptors uses them up, so that its server cannot accept; when
/// there are some again, the connection that waited is served.
#[test]
fn a_server_outlasts_a_want_of_descriptors() {
    const TEST: &str = "os::unix::a_server_outlasts_a_want_of_descriptors";
    const CHILD: &str = "AIOLI_TEST_FEW_DESCRIPTORS";
    if std::env::var_os(CHILD).is_none() {
        let mut child = std::process::Command::new("sh");
        child.args(["-c", "ulimit -n 64; exec \"$0\" --exact \"$1\""]);
        child
            .arg(std::env::current_exe().unwrap())
            .arg(TEST)
            .env(CHILD, "");
        let output = child.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}");
        return;
    }
    // The pauses of the server are an instant on the virtual clock.
    let mut runner = aioli_task::Runner::builder().virtual_clock().build();
    let outcome = runner.run(async {
        let server = aioli_net::serve("127.0.0.1:0", async |stream| {
            stream.write_all(b"x").await.unwrap();
        });
        let server = server.await.unwrap();
        let client = aioli_net::TcpStream::connect(server.local_addr())
            .await
            .unwrap();
        let idle = UnixListener::bind(path("idle")).unwrap();
        let mut hoard = Vec::new();
        while let Ok(file) = fs::File::open("/dev/null") {
            hoard.push(file);
        }
        if cfg!(any(target_os = "linux", target_os = "android")) {
            // Nobody is there who would need one.
            assert!(poll_once(idle.accept()).is_pending());
        }
        let start = aioli_task::now();
        while aioli_task::now() == start {
            aioli_time::sleep(0.5).await;
        }
        assert_eq!(server.n_clients(), 0);
        drop(hoard);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 1);
    });
    outcome.unwrap();
}

/// A peer has a path, an abstract name, or no address.
#[test]
fn an_accepted_peer_has_its_address() {
    use socket2::{Domain, SockAddr, Socket, Type};
    block_on(async {
        let path = path("peers");
        let own = path.with_extension("own");
        let listener = UnixListener::bind(&path).unwrap();
        let name = format!("\0aioli-net-peers-{}", std::process::id());
        let mut names: Vec<Option<&std::path::Path>> = vec![None, Some(&own)];
        if cfg!(any(target_os = "linux", target_os = "android")) {
            names.push(Some(name.as_ref()));
        }
        for name in names {
            let client = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
            if let Some(name) = name {
                client.bind(&SockAddr::unix(name).unwrap()).unwrap();
            }
            client.connect(&SockAddr::unix(&path).unwrap()).unwrap();
            let (server, from) = listener.accept().await.unwrap();
            let told = server.peer_addr().unwrap();
            assert_eq!(format!("{from:?}"), format!("{told:?}"));
            assert_eq!(from.is_unnamed(), name.is_none());
            assert_eq!(from.as_pathname(), name.filter(|name| *name == own));
        }
        fs::remove_file(own).unwrap();
    });
}

#[test]
fn the_peer_is_known() {
    use std::os::unix::fs::MetadataExt;
    block_on(async {
        let (one, _other) = UnixStream::pair().unwrap();
        let peer = one.peer_credentials().unwrap();
        let here = fs::metadata("/proc/self").unwrap();
        assert_eq!((peer.user, peer.group), (here.uid(), here.gid()));
        assert_eq!(peer.process, Some(std::process::id()));
    });
}

#[test]
fn datagrams_go_to_a_path() {
    block_on(async {
        let path = path("datagram-to");
        let server = UnixDatagram::bind(&path).unwrap();
        let client = UnixDatagram::unbound().unwrap();
        client.send_to(b"hello", &path).await.unwrap();
        let mut room = [0; 8];
        let (n, from) = server.recv_from(&mut room).await.unwrap();
        assert_eq!((&room[..n], from.is_unnamed()), (&b"hello"[..], true));
        fs::remove_file(path).unwrap();
    });
}

#[test]
fn a_protocol_runs_over_a_unix_socket() {
    use aioli_net::protocol::{Endpoint, Protocol, Transport};
    struct Echo;
    impl Protocol for Echo {
        fn data_received(&mut self, transport: &Transport, data: &[u8]) {
            transport.write(data);
        }
    }
    aioli_task::run(async {
        let path = path("protocol");
        let listener = UnixListener::bind(&path).unwrap();
        let server = Server::start_protocol(listener, || Echo);
        let client = UnixStream::connect(&path).await.unwrap();
        client.write_all(b"hello").await.unwrap();
        client.read_exact(&mut [0; 5]).await.unwrap();
        let transport = Transport::start(client, Echo);
        assert_eq!(transport.peer_addr().unwrap(), Endpoint::Path(Some(path)));
        assert_eq!(transport.local_addr().unwrap(), Endpoint::Path(None));
        server.stop().await;
        transport.wait_closed().await;
    });
}
