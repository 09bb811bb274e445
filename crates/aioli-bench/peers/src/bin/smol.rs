//! smol, with an executor that stays on its thread.

#[path = "../../../src/workloads/files.rs"]
mod files;
#[path = "../../../src/workloads/tasks.rs"]
mod tasks;

use std::process::ExitCode;

use harness::net::EchoClient;
use harness::{Outcome, Peer, Program, Run};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};

fn main() -> ExitCode {
    harness::main(&Program {
        peers: &[Peer {
            name: "smol",
            families: &["tasks", "tcp", "files"],
            kind: "shared",
            cores: 1,
        }],
        packages: &["smol", "async-executor", "async-io"],
        run,
    })
}

fn run(run: &Run) -> Option<Outcome> {
    tasks::run(run)
        .or_else(|| files::run(run))
        .or_else(|| match run.workload.starts_with("tcp_") {
            true => Some(rt::block_on(run, serve(run.clone()))),
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
        tasks.push(rt::spawn(echo(stream, run.size)));
    }
    for task in tasks {
        task.await;
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
    use std::rc::Rc;
    use std::time::Duration;

    use harness::Run;
    use smol::channel::{Receiver, Sender};
    use smol::io::AsyncReadExt;
    use smol::lock::MutexGuard;
    use smol::{LocalExecutor, Task, Timer};

    pub(crate) use event_listener::Event;
    pub(crate) use smol::channel::bounded as channel;
    pub(crate) use smol::channel::bounded as queue;
    pub(crate) use smol::future::yield_now;
    pub(crate) use smol::lock::Mutex as Lock;

    pub(crate) type Shared<T> = Rc<T>;

    thread_local! {
        // Leaked, as a program's executor that lives as long as the program.
        static EXECUTOR: &'static LocalExecutor<'static> = Box::leak(Box::default());
    }

    pub(crate) fn block_on<F: Future>(_run: &Run, main: F) -> F::Output {
        let executor = EXECUTOR.with(|executor| *executor);
        smol::block_on(executor.run(main))
    }

    pub(crate) fn spawn<F>(f: F) -> Task<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        EXECUTOR.with(|executor| executor.spawn(f))
    }

    pub(crate) async fn join<T>(task: Task<T>) -> T {
        task.await
    }

    pub(crate) fn detach<T>(task: Task<T>) {
        task.detach();
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
        let limited = async { Some(f.await) };
        let limit = async {
            Timer::after(length).await;
            None
        };
        smol::future::or(limited, limit).await;
    }

    pub(crate) async fn sleep(length: Duration) {
        Timer::after(length).await;
    }

    pub(crate) async fn wait(event: &Event) {
        event.listen().await;
    }

    pub(crate) async fn read_file(path: &Path) -> usize {
        let content = smol::fs::read(path).await;
        content.expect("the file is there").len()
    }

    pub(crate) async fn write_file(path: &Path, content: Vec<u8>) {
        let written = smol::fs::write(path, content).await;
        written.expect("the file can be written");
    }

    pub(crate) async fn read_pieces(path: &Path, size: usize) -> usize {
        let mut file = smol::fs::File::open(path).await.expect("the file is there");
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
