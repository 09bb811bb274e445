//! Each operation dropped at each stage, a thousand times: no descriptor and no byte is left.
//!
//! Alone in a process, since descriptors are counted, and with both drivers, as every test is.

use std::fs::File;

use aioli_net::protocol::{Protocol, Transport, connect_protocol};
use aioli_net::unix::{UnixDatagram, UnixListener, UnixStream};
use aioli_net::{
    RecvBatch, StreamReader, StreamWriter, TcpListener, TcpStream, UdpSocket, open_connection,
    resolve, serve,
};
use aioli_tally::Holdings;
use aioli_task::{spawn, yield_now};

use crate::{connection, poll_once, settle};

const TIMES: usize = 1000;
/// The most polls before the drop.
const STAGES: usize = 4;
/// What tables and slabs may have grown by; the smallest object that is lost each time is more.
const BYTES_MAX: isize = 15 * TIMES as isize;

/// Polls up to `stage` times, with passes of the loop between, and drops it.
async fn drop_at<F: Future>(stage: usize, future: F) {
    aioli_tally::drop_at(stage, future, async || yield_now().await).await;
}

/// Runs `operation` to each stage, again and again, and counts what is left.
async fn check(what: &str, mut operation: impl AsyncFnMut(usize)) {
    // What is there once for all.
    for stage in 0..2 * STAGES {
        operation(stage % STAGES).await;
    }
    settle().await;
    let before = Holdings::now();
    for time in 0..TIMES {
        operation(time % STAGES).await;
    }
    // The end of the last connections is yet to be seen.
    for _ in 0..1000 {
        settle().await;
        if before.check(what, BYTES_MAX).is_ok() {
            break;
        }
    }
    // Fewer, where it had not been seen either when they were counted first.
    before.check(what, BYTES_MAX).unwrap();
}

#[test]
fn an_operation_that_is_dropped_leaves_nothing() {
    const TEST: &str = "leaks::an_operation_that_is_dropped_leaves_nothing";
    const CHILD: &str = "AIOLI_TEST_LEAKS";
    if std::env::var_os(CHILD).is_none() {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", TEST]).env(CHILD, "");
        let output = child.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}");
        return;
    }
    aioli_task::run(async {
        making().await;
        moving().await;
        buffered().await;
        datagrams().await;
    });
}

/// Making connections, and what makes them.
async fn making() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr();
    let drain = async || {
        while let std::task::Poll::Ready(accepted) = poll_once(listener.accept()) {
            drop(accepted);
        }
    };
    check("connect", async |stage| {
        drop_at(stage, TcpStream::connect(to)).await;
        drain().await;
    })
    .await;
    check("open_connection", async |stage| {
        drop_at(stage, open_connection(to)).await;
        drain().await;
    })
    .await;
    check("accept", async |stage| {
        drop_at(stage, listener.accept()).await;
    })
    .await;
    check("accept somebody", async |stage| {
        let accept = listener.accept();
        let client = std::net::TcpStream::connect(to).unwrap();
        drop_at(stage, accept).await;
        drop(client);
        drain().await;
    })
    .await;
    check("accept in a listener that ends", async |stage| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr()).unwrap();
        drop_at(stage, async {
            let first = listener.accept().await;
            let never = listener.accept().await;
            (first, never)
        })
        .await;
        drop(listener);
        drop(client);
    })
    .await;
    check("resolve", async |stage| {
        drop_at(stage, resolve("localhost:80")).await;
        let _ = resolve("localhost:80").await;
    })
    .await;
    check("bind", async |stage| {
        drop_at(stage, TcpListener::bind("127.0.0.1:0")).await;
    })
    .await;
    check("serve", async |stage| {
        drop_at(stage, serve("127.0.0.1:0", async |_| ())).await;
        settle().await;
    })
    .await;
    let path = std::env::temp_dir().join(format!("aioli-leaks-{}", std::process::id()));
    let unix = UnixListener::bind(&path).unwrap();
    check("unix connect", async |stage| {
        drop_at(stage, UnixStream::connect(&path)).await;
        while let std::task::Poll::Ready(accepted) = poll_once(unix.accept()) {
            drop(accepted);
        }
    })
    .await;
    check("unix accept", async |stage| {
        drop_at(stage, unix.accept()).await;
    })
    .await;
}

/// Reading and writing, with nothing to read and no room to write.
async fn moving() {
    let (client, server) = connection().await;
    while client.try_write(&[0; 65536]).is_ok() {}
    check("read", async |stage| {
        drop_at(stage, client.read(&mut [0; 16])).await;
        drop_at(stage, client.peek(&mut [0; 16])).await;
    })
    .await;
    check("write", async |stage| {
        drop_at(stage, client.write_all(&[0; 16])).await;
    })
    .await;
    let file = File::open("/proc/self/exe").unwrap();
    check("sendfile", async |stage| {
        drop_at(stage, client.sendfile(&file, &mut (0..1000))).await;
    })
    .await;
    drop(server);
}

/// The buffered streams, and protocols.
async fn buffered() {
    struct Silent;
    impl Protocol for Silent {
        fn data_received(&mut self, _: &Transport, _: &[u8]) {}
    }
    check("readline", async |stage| {
        let (client, server) = connection().await;
        server.write_all(b"no end").await.unwrap();
        let mut reader = StreamReader::new(client);
        drop_at(stage, reader.readline()).await;
    })
    .await;
    check("drain", async |stage| {
        let (client, server) = connection().await;
        let mut writer = StreamWriter::new(client);
        writer.write(vec![0; 1_000_000]);
        drop_at(stage, writer.drain()).await;
        drop(server);
        drop(writer);
        settle().await;
    })
    .await;
    check("a protocol", async |stage| {
        let (client, server) = connection().await;
        let (transport, driving) = Transport::attach(client, Silent);
        transport.write(vec![0; 1_000_000]);
        drop_at(stage, transport.drain()).await;
        drop_at(stage, driving).await;
        drop(server);
    })
    .await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr();
    // All along: a connection that is not accepted does not end, and may be heard of late.
    let accepting = spawn(async move {
        loop {
            drop(listener.accept().await);
        }
    });
    check("connect_protocol", async |stage| {
        drop_at(stage, connect_protocol(to, Silent)).await;
        settle().await;
    })
    .await;
    accepting.stop().await;
}

async fn datagrams() {
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut batch = RecvBatch::new(4, 100);
    check("receive", async |stage| {
        drop_at(stage, udp.recv_from(&mut [0; 16])).await;
        drop_at(stage, udp.recv_many(&mut batch)).await;
        drop_at(stage, UdpSocket::bind("127.0.0.1:0")).await;
    })
    .await;
    let (left, _right) = UnixDatagram::pair().unwrap();
    while let std::task::Poll::Ready(sent) = poll_once(left.send(&[0; 1000])) {
        sent.unwrap();
    }
    check("unix datagrams", async |stage| {
        drop_at(stage, left.send(b"x")).await;
        drop_at(stage, left.recv(&mut [0; 16])).await;
    })
    .await;
}
