//! compio on io_uring, with async-channel, async-lock and event-listener, for it has none of these.

#[path = "../../../src/workloads/files.rs"]
mod files;
#[path = "../../../src/workloads/tasks.rs"]
mod tasks;

use std::process::ExitCode;

use compio::buf::BufResult;
use compio::io::{AsyncRead, AsyncWriteExt};
use compio::net::{TcpListener, TcpStream};
use harness::net::EchoClient;
use harness::{Outcome, Peer, Program, Run};

fn main() -> ExitCode {
    harness::main(&Program {
        peers: &[Peer {
            name: "compio",
            families: &["tasks", "tcp", "files"],
            kind: "shared",
            cores: 1,
        }],
        packages: &["compio", "async-channel", "async-lock"],
        run,
    })
}

fn run(run: &Run) -> Option<Outcome> {
    tasks::run(run)
        .or_else(|| files::run(run))
        .or_else(|| match run.workload.starts_with("tcp_") {
            true => Some(rt::block_on(run, serve(run))),
            false => None,
        })
}

async fn serve(run: &Run) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("some port is free");
    let port = listener.local_addr().expect("it is bound").port();
    let client = EchoClient::start(run, port).expect("the client starts");
    let mut tasks = Vec::new();
    for _ in 0..run.concurrency {
        let (stream, _) = listener.accept().await.expect("the client comes");
        tasks.push(rt::spawn(echo(stream, run.size)));
    }
    for task in tasks {
        rt::join(task).await;
    }
    client.finish().expect("the client has measured")
}

async fn echo(mut stream: TcpStream, size: usize) {
    let mut buffer = Vec::with_capacity(size);
    loop {
        let BufResult(result, filled) = stream.read(buffer).await;
        let Ok(1..) = result else { return };
        let BufResult(result, mut written) = stream.write_all(filled).await;
        if result.is_err() {
            return;
        }
        written.clear();
        buffer = written;
    }
}

/// What the workloads ask of a runtime.
mod rt {
    use std::future::poll_fn;
    use std::path::Path;
    use std::rc::Rc;
    use std::task::Poll;
    use std::time::Duration;

    use async_channel::{Receiver, Sender};
    use async_lock::MutexGuard;
    use compio::buf::BufResult;
    use compio::io::AsyncReadAt;
    use compio::runtime::{JoinHandle, Runtime};
    use harness::Run;

    pub(crate) use async_channel::bounded as channel;
    pub(crate) use async_channel::bounded as queue;
    pub(crate) use async_lock::Mutex as Lock;
    pub(crate) use compio::runtime::spawn;
    pub(crate) use compio::time::sleep;
    pub(crate) use event_listener::Event;

    pub(crate) type Shared<T> = Rc<T>;

    pub(crate) fn block_on<F: Future>(_run: &Run, main: F) -> F::Output {
        Runtime::new().expect("the runtime starts").block_on(main)
    }

    pub(crate) async fn join<T>(task: JoinHandle<T>) -> T {
        match task.await {
            Ok(output) => output,
            Err(_) => panic!("the task ends"),
        }
    }

    pub(crate) fn detach<T>(task: JoinHandle<T>) {
        task.detach();
    }

    pub(crate) async fn yield_now() {
        let mut yielded = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }

    pub(crate) async fn send<T>(tx: &Sender<T>, item: T) {
        let _ = tx.send(item).await;
    }

    pub(crate) async fn recv<T>(rx: &mut Receiver<T>) -> Option<T> {
        rx.recv().await.ok()
    }

    pub(crate) async fn put<T>(tx: &Sender<T>, item: T) {
        let _ = tx.send(item).await;
    }

    pub(crate) async fn take<T>(rx: &mut Receiver<T>) -> Option<T> {
        rx.recv().await.ok()
    }

    pub(crate) async fn lock(lock: &Lock<u64>) -> MutexGuard<'_, u64> {
        lock.lock().await
    }

    pub(crate) async fn timeout<F: Future>(length: Duration, f: F) {
        let _ = compio::time::timeout(length, f).await;
    }

    pub(crate) async fn wait(event: &Event) {
        event.listen().await;
    }

    pub(crate) async fn read_file(path: &Path) -> usize {
        let content = compio::fs::read(path).await;
        content.expect("the file is there").len()
    }

    pub(crate) async fn write_file(path: &Path, content: Vec<u8>) {
        let BufResult(written, _) = compio::fs::write(path, content).await;
        written.expect("the file can be written");
    }

    pub(crate) async fn read_pieces(path: &Path, size: usize) -> usize {
        let file = compio::fs::File::open(path).await;
        let file = file.expect("the file is there");
        let mut buffer = harness::files::room(size);
        buffer.clear();
        let mut total = 0;
        loop {
            let BufResult(read, filled) = file.read_at(buffer, total as u64).await;
            match read.expect("the file can be read") {
                0 => return total,
                n => total += n,
            }
            buffer = filled;
            buffer.clear();
        }
    }
}
