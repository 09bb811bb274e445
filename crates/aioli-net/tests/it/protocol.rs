//! The callbacks layer: what is called, in which order, and how a connection ends.

use std::io;
use std::net::Shutdown;
use std::sync::{Arc, Mutex};

use aioli_net::protocol::{
    Endpoint, Protocol, Transport, WaterMarkError, connect_protocol, serve_protocol,
};
use aioli_net::{ConnectError, TcpStream};
use aioli_task::yield_now;
use futures::{AsyncReadExt, FutureExt};

use crate::{connection, settle};

/// What has been called, and the bytes that have come.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<(Vec<String>, Vec<u8>)>>);

impl Log {
    fn put(&self, what: &str) {
        self.0.lock().unwrap().0.push(what.to_owned());
    }

    fn calls(&self) -> Vec<String> {
        self.0.lock().unwrap().0.clone()
    }

    fn has(&self, what: &str) -> bool {
        self.calls().iter().any(|call| call == what)
    }

    fn n_bytes(&self) -> usize {
        self.0.lock().unwrap().1.len()
    }

    /// Lets the loop turn until something has been called.
    async fn until(&self, what: &str) {
        while !self.has(what) {
            yield_now().await;
        }
    }
}

/// A protocol that notes everything.
struct Noting {
    log: Log,
    keeps_open: bool,
}

impl Noting {
    fn new(log: &Log) -> Noting {
        let log = log.clone();
        Noting {
            log,
            keeps_open: false,
        }
    }
}

impl Protocol for Noting {
    fn connection_made(&mut self, _: &Transport) {
        self.log.put("made");
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) {
        self.log.0.lock().unwrap().1.extend_from_slice(data);
    }

    fn eof_received(&mut self, _: &Transport) -> bool {
        self.log.put("eof");
        self.keeps_open
    }

    fn pause_writing(&mut self, _: &Transport) {
        self.log.put("pause");
    }

    fn resume_writing(&mut self, _: &Transport) {
        self.log.put("resume");
    }

    fn connection_lost(&mut self, error: Option<io::Error>) {
        match error {
            None => self.log.put("lost"),
            Some(error) => self.log.put(&format!("lost: {:?}", error.kind())),
        }
    }
}

/// A transport whose protocol notes, and the other side.
async fn noted(log: &Log) -> (Transport, TcpStream) {
    let (one, other) = connection().await;
    let transport = Transport::start(one, Noting::new(log));
    log.until("made").await;
    (transport, other)
}

/// Writes until the system takes no more, and then some.
fn fill(transport: &Transport, at_least: usize) -> usize {
    let piece = vec![b'x'; 64 * 1024];
    let mut written = 0;
    while transport.write_buffer_size() < at_least {
        transport.write(&piece);
        written += piece.len();
    }
    written
}

async fn read_all(mut stream: TcpStream) -> usize {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    all.len()
}

#[test]
fn c293_pause_reading() {
    aioli_task::run(async {
        let log = Log::default();
        let (transport, other) = noted(&log).await;
        transport.pause_reading();
        assert!(!transport.is_reading());
        let sender = aioli_task::spawn(async move {
            other
                .write_all(&vec![b'x'; 16 * 1024 * 1024])
                .await
                .unwrap();
        });
        for _ in 0..100 {
            yield_now().await;
        }
        // Held back: nothing has come, and more is sent than what the system keeps.
        assert_eq!(log.n_bytes(), 0);
        assert!(!sender.is_done());
        transport.resume_reading();
        sender.await;
        log.until("lost").await;
        assert_eq!(log.n_bytes(), 16 * 1024 * 1024);
    });
}

#[test]
fn c294_multiple_drain() {
    aioli_task::run(async {
        let log = Log::default();
        let (transport, other) = noted(&log).await;
        let written = fill(&transport, 1024 * 1024);
        let drains: Vec<_> = (0..10)
            .map(|_| {
                let transport = transport.clone();
                aioli_task::spawn(async move { transport.drain().await })
            })
            .collect();
        log.until("pause").await;
        settle().await;
        assert!(drains.iter().all(|drain| !drain.is_done()));
        let reader = aioli_task::spawn(read_all(other));
        for drain in drains {
            drain.await.unwrap();
        }
        assert!(transport.write_buffer_size() <= transport.write_buffer_limits().0);
        transport.drain().await.unwrap();
        transport.close();
        assert_eq!(reader.await, written);
        assert_eq!(log.calls(), ["made", "pause", "resume", "lost"]);
        let error = transport.drain().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    });
}

#[test]
fn c305_close_write_buffer() {
    aioli_task::run(async {
        let log = Log::default();
        let (transport, other) = noted(&log).await;
        let written = fill(&transport, 1024 * 1024);
        transport.close();
        transport.close();
        assert!(transport.is_closing());
        settle().await;
        assert!(!log.has("lost"));
        assert_eq!(read_all(other).await, written);
        transport.wait_closed().await;
        assert_eq!(log.calls(), ["made", "pause", "resume", "lost"]);
        transport.write("too late");
        assert_eq!(transport.write_buffer_size(), 0);
    });
}

#[test]
fn c306_force_close() {
    aioli_task::run(async {
        let log = Log::default();
        let (transport, other) = noted(&log).await;
        let written = fill(&transport, 1024 * 1024);
        log.until("pause").await;
        transport.abort();
        assert_eq!(transport.write_buffer_size(), 0);
        transport.abort();
        transport.close();
        transport.wait_closed().await;
        assert_eq!(log.calls(), ["made", "pause", "lost"]);
        assert!(read_all(other).await < written);
    });
}

#[test]
fn c307_pause_resume_reading() {
    aioli_task::run(async {
        let log = Log::default();
        let (transport, other) = noted(&log).await;
        assert!(transport.is_reading());
        for _ in 0..2 {
            transport.pause_reading();
            assert!(!transport.is_reading());
        }
        other.write_all(b"x").await.unwrap();
        settle().await;
        assert_eq!(log.n_bytes(), 0);
        for _ in 0..2 {
            transport.resume_reading();
            assert!(transport.is_reading());
        }
        while log.n_bytes() == 0 {
            yield_now().await;
        }
        transport.close();
        assert!(!transport.is_reading());
        transport.pause_reading();
        transport.resume_reading();
        assert!(!transport.is_reading());
    });
}

#[test]
fn c308_read_ready_eof_keep_open() {
    aioli_task::run(async {
        let log = Log::default();
        let (one, other) = connection().await;
        let keeps_open = true;
        let protocol = Noting {
            keeps_open,
            ..Noting::new(&log)
        };
        let transport = Transport::start(one, protocol);
        other.shutdown(Shutdown::Write).unwrap();
        log.until("eof").await;
        settle().await;
        assert!(!transport.is_closing() && !transport.is_reading());
        transport.write("still here");
        let mut text = [0; 10];
        other.read_exact(&mut text).await.unwrap();
        assert_eq!(&text, b"still here");
        transport.close();
        transport.wait_closed().await;
        assert_eq!(log.calls(), ["made", "eof", "lost"]);
    });
}

#[test]
fn the_end_of_input_closes_what_is_not_kept_open() {
    aioli_task::run(async {
        let log = Log::default();
        let (transport, other) = noted(&log).await;
        transport.write("bye");
        other.shutdown(Shutdown::Write).unwrap();
        transport.wait_closed().await;
        assert_eq!(log.calls(), ["made", "eof", "lost"]);
        assert_eq!(read_all(other).await, 3);
    });
}

#[test]
fn c309_write_eof_buffer() {
    aioli_task::run(async {
        let log = Log::default();
        let (transport, other) = noted(&log).await;
        let written = fill(&transport, 1024 * 1024);
        transport.write_eof();
        transport.write_eof();
        let before = transport.write_buffer_size();
        transport.write("too late");
        assert_eq!(transport.write_buffer_size(), before);
        // Everything, then the end; and the other direction is open.
        let mut other = other;
        let mut all = Vec::new();
        other.read_to_end(&mut all).await.unwrap();
        assert_eq!(all.len(), written);
        assert!(!transport.is_closing());
        other.write_all(b"answer").await.unwrap();
        while log.n_bytes() < 6 {
            yield_now().await;
        }
        drop(other);
        transport.wait_closed().await;
        assert_eq!(log.calls().last().unwrap(), "lost");
    });
}

#[test]
fn c310_set_write_limits() {
    aioli_task::run(async {
        let log = Log::default();
        let (transport, _other) = noted(&log).await;
        let default = (16 * 1024, 64 * 1024);
        assert_eq!(transport.write_buffer_limits(), default);
        let wrong: WaterMarkError = transport
            .set_write_buffer_limits(Some(127), Some(128))
            .unwrap_err();
        assert_eq!((wrong.high, wrong.low), (127, 128));
        assert_eq!(transport.write_buffer_limits(), default);
        // One follows from the other.
        transport.set_write_buffer_limits(Some(400), None).unwrap();
        assert_eq!(transport.write_buffer_limits(), (100, 400));
        transport.set_write_buffer_limits(None, Some(100)).unwrap();
        assert_eq!(transport.write_buffer_limits(), (100, 400));

        // More waits than the high mark that is set: paused.
        let high = Some(usize::MAX);
        transport.set_write_buffer_limits(high, None).unwrap();
        fill(&transport, 512);
        yield_now().await;
        assert!(!log.has("pause"));
        let (low, high) = (Some(128), Some(256));
        transport.set_write_buffer_limits(high, low).unwrap();
        assert_eq!(transport.write_buffer_limits(), (128, 256));
        yield_now().await;
        assert_eq!(log.calls(), ["made", "pause"]);
    });
}

#[test]
fn limits_that_are_raised_let_go_who_drains() {
    aioli_task::run(async {
        let log = Log::default();
        let (transport, _other) = noted(&log).await;
        fill(&transport, 100 * 1024);
        // Registered before the protocol has been told anything.
        let mut drain = Box::pin(transport.drain());
        assert!((&mut drain).now_or_never().is_none());
        let (low, high) = (Some(1 << 30), Some(1 << 31));
        transport.set_write_buffer_limits(high, low).unwrap();
        drain.await.unwrap();
    });
}

#[test]
fn a_peer_that_resets_is_an_error_once() {
    aioli_task::run(async {
        let log = Log::default();
        let (transport, other) = noted(&log).await;
        transport.write("never read");
        drop(other); // with unread bytes: a reset
        log.until("lost: ConnectionReset").await;
        assert_eq!(log.calls(), ["made", "lost: ConnectionReset"]);
        let error = transport.drain().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_cancelled_connection_is_lost() {
    let log = Log::default();
    aioli_task::run(async {
        let (one, _other) = connection().await;
        let (transport, driving) = Transport::attach(one, Noting::new(&log));
        let driving = aioli_task::spawn(driving);
        log.until("made").await;
        driving.stop().await;
        assert_eq!(log.calls(), ["made", "lost: ConnectionAborted"]);
        transport.wait_closed().await;
    });
}

#[test]
fn a_callback_that_panics_ends_the_connection() {
    struct Panicking(Log);
    impl Protocol for Panicking {
        fn data_received(&mut self, _: &Transport, _: &[u8]) {
            panic!("asked to");
        }
        fn connection_lost(&mut self, _: Option<io::Error>) {
            self.0.put("lost");
        }
    }
    let (log, reported) = (Log::default(), Log::default());
    let report = reported.clone();
    let mut runner = aioli_task::Runner::builder()
        .on_error(move |seen| report.put(seen.error().unwrap_or_default()))
        .build();
    runner
        .run(async {
            let (one, other) = connection().await;
            let transport = Transport::start(one, Panicking(log.clone()));
            other.write_all(b"x").await.unwrap();
            assert_eq!(read_all(other).await, 0);
            transport.wait_closed().await;
        })
        .unwrap();
    assert_eq!(reported.calls(), ["asked to"]);
    assert!(log.calls().is_empty());
}

#[test]
fn a_server_of_protocols_answers_and_stops() {
    struct Echo;
    impl Protocol for Echo {
        fn data_received(&mut self, transport: &Transport, data: &[u8]) {
            transport.writelines([data, b"!"]);
        }
    }
    aioli_task::run(async {
        let server = serve_protocol("127.0.0.1:0", || Echo).await.unwrap();
        let log = Log::default();
        let address = server.local_addr();
        let transport = connect_protocol(address, Noting::new(&log)).await.unwrap();
        assert_eq!(transport.peer_addr().unwrap(), Endpoint::Ip(address));
        transport.write("hello");
        while log.n_bytes() < 6 {
            yield_now().await;
        }
        server.stop().await;
        transport.wait_closed().await;
        assert_eq!(log.calls(), ["made", "eof", "lost"]);
    });
}

#[test]
fn without_a_loop_connecting_is_an_error_and_attaching_is_not() {
    futures::executor::block_on(async {
        let log = Log::default();
        let refused = connect_protocol("127.0.0.1:1", Noting::new(&log)).await;
        assert!(matches!(refused, Err(ConnectError::NoLoop { .. })));
        let (one, other) = connection().await;
        let (transport, driving) = Transport::attach(one, Noting::new(&log));
        transport.write("hello");
        transport.close();
        let (_, read) = futures::join!(driving, read_all(other));
        assert_eq!(read, 5);
        assert_eq!(log.calls(), ["made", "lost"]);
    });
}

#[test]
fn a_peer_that_never_stops_does_not_have_the_thread_for_itself() {
    // Without a loop of ours there is no budget either.
    futures::executor::block_on(async {
        let log = Log::default();
        let (one, other) = connection().await;
        let (transport, driving) = Transport::attach(one, Noting::new(&log));
        let sender = std::thread::spawn(move || {
            let other = other.into_std();
            other.set_nonblocking(false).unwrap();
            let piece = [b'x'; 65536];
            while io::Write::write_all(&mut &other, &piece).is_ok() {}
        });
        let mut driving = std::pin::pin!(driving);
        while log.n_bytes() < 64 * 1024 * 1024 {
            assert!(crate::poll_once(driving.as_mut()).is_pending());
        }
        transport.abort();
        driving.await;
        sender.join().unwrap();
    });
}
