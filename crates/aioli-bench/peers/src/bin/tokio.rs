//! tokio, on one thread and on two.

#[path = "../../../src/workloads/files.rs"]
mod files;
#[path = "../../../src/workloads/tasks.rs"]
mod tasks;

use std::process::ExitCode;

use harness::net::EchoClient;
use harness::{Outcome, Peer, Program, Run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn main() -> ExitCode {
    harness::main(&Program {
        peers: &[
            Peer {
                name: "tokio-ct",
                families: &["tasks", "tcp", "files"],
                kind: "shared",
                cores: 1,
            },
            // Its second worker would share the core of the other end of a socket.
            Peer {
                name: "tokio-mt",
                families: &["tasks", "files"],
                kind: "shared",
                cores: 2,
            },
        ],
        packages: &["tokio"],
        run,
    })
}

fn run(run: &Run) -> Option<Outcome> {
    let again = run.clone();
    tasks::run(run)
        .or_else(|| files::run(run))
        .or_else(|| match run.workload.starts_with("tcp_") {
            true => Some(rt::block_on(run, serve(again))),
            false => None,
        })
}

async fn serve(run: Run) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("some port is free");
    let port = listener.local_addr().expect("it is bound").port();
    let client = EchoClient::start(&run, port).expect("the client starts");
    let mut tasks = Vec::new();
    for _ in 0..run.concurrency {
        let (stream, _) = listener.accept().await.expect("the client comes");
        let _ = stream.set_nodelay(true);
        tasks.push(tokio::spawn(echo(stream, run.size)));
    }
    for task in tasks {
        let _ = task.await;
    }
    client.finish().expect("the client has measured")
}

async fn echo(mut stream: TcpStream, size: usize) {
    let mut buffer = vec![0; size];
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..n]).await.is_err() {
            break;
        }
    }
}

/// What the workloads ask of a runtime.
mod rt {
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    use harness::Run;
    use tokio::io::AsyncReadExt;
    use tokio::runtime::Builder;
    use tokio::sync::mpsc::{Receiver, Sender};
    use tokio::sync::{MutexGuard, Notify};
    use tokio::task::JoinHandle;

    pub(crate) use tokio::spawn;
    pub(crate) use tokio::sync::Mutex as Lock;
    pub(crate) use tokio::sync::Notify as Event;
    pub(crate) use tokio::sync::mpsc::channel;
    pub(crate) use tokio::sync::mpsc::channel as queue;
    pub(crate) use tokio::task::yield_now;
    pub(crate) use tokio::time::sleep;

    pub(crate) type Shared<T> = Arc<T>;

    pub(crate) fn block_on<F>(run: &Run, main: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (mut builder, workers) = match run.peer.as_str() {
            "tokio-mt" => (Builder::new_multi_thread(), 2),
            _ => (Builder::new_current_thread(), 1),
        };
        let runtime = builder.worker_threads(workers).enable_all().build();
        let runtime = runtime.expect("the runtime starts");
        // The future of `block_on` itself is polled outside of the workers.
        let main = runtime.spawn(main);
        runtime.block_on(main).expect("the workload ends")
    }

    pub(crate) async fn join<T>(task: JoinHandle<T>) -> T {
        task.await.expect("the task ends")
    }

    pub(crate) fn detach<T>(task: JoinHandle<T>) {
        drop(task);
    }

    pub(crate) async fn send<T>(tx: &Sender<T>, item: T) {
        let _ = tx.send(item).await;
    }

    pub(crate) async fn recv<T>(rx: &mut Receiver<T>) -> Option<T> {
        rx.recv().await
    }

    pub(crate) async fn put<T>(tx: &Sender<T>, item: T) {
        let _ = tx.send(item).await;
    }

    pub(crate) async fn take<T>(rx: &mut Receiver<T>) -> Option<T> {
        rx.recv().await
    }

    pub(crate) async fn lock(lock: &Lock<u64>) -> MutexGuard<'_, u64> {
        lock.lock().await
    }

    pub(crate) async fn timeout<F: Future>(length: Duration, f: F) {
        let _ = tokio::time::timeout(length, f).await;
    }

    pub(crate) async fn wait(event: &Notify) {
        event.notified().await;
    }

    pub(crate) async fn read_file(path: &Path) -> usize {
        let content = tokio::fs::read(path).await;
        content.expect("the file is there").len()
    }

    pub(crate) async fn write_file(path: &Path, content: Vec<u8>) {
        let written = tokio::fs::write(path, content).await;
        written.expect("the file can be written");
    }

    pub(crate) async fn read_pieces(path: &Path, size: usize) -> usize {
        let mut file = tokio::fs::File::open(path)
            .await
            .expect("the file is there");
        let mut buffer = harness::files::room(size);
        let mut total = 0;
        loop {
            match file.read(&mut buffer).await.expect("the file can be read") {
                0 => return total,
                n => total += n,
            }
        }
    }
}
