//! glommio on io_uring.

#[path = "../../../src/workloads/files.rs"]
mod files;
#[path = "../../../src/workloads/tasks.rs"]
mod tasks;

use std::process::ExitCode;

use futures_lite::io::{AsyncReadExt, AsyncWriteExt};
use glommio::net::{TcpListener, TcpStream};
use harness::net::EchoClient;
use harness::{Outcome, Peer, Program, Run};

fn main() -> ExitCode {
    harness::main(&Program {
        peers: &[Peer {
            name: "glommio",
            families: &["tasks", "tcp", "files"],
            kind: "local",
            cores: 1,
        }],
        packages: &["glommio"],
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
    let listener = TcpListener::bind("127.0.0.1:0").expect("some port is free");
    let port = listener.local_addr().expect("it is bound").port();
    let client = EchoClient::start(run, port).expect("the client starts");
    let mut tasks = Vec::new();
    for _ in 0..run.concurrency {
        let stream = listener.accept().await.expect("the client comes");
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
    use std::cell::{RefCell, RefMut};
    use std::ops::{Deref, DerefMut};
    use std::path::Path;
    use std::rc::Rc;
    use std::time::Duration;

    use glommio::channels::local_channel::{LocalReceiver, LocalSender, new_bounded};
    use glommio::io::BufferedFile;
    use glommio::sync::{Permit, Semaphore};
    use glommio::{LocalExecutor, Task};
    use harness::Run;

    pub(crate) use glommio::spawn_local as spawn;
    pub(crate) use glommio::timer::sleep;

    pub(crate) use self::channel as queue;

    pub(crate) type Shared<T> = Rc<T>;
    /// There is one sender; tasks share it.
    pub(crate) type Sender<T> = Rc<LocalSender<T>>;

    pub(crate) fn block_on<F: Future>(_run: &Run, main: F) -> F::Output {
        LocalExecutor::default().run(main)
    }

    pub(crate) async fn join<T>(task: Task<T>) -> T {
        task.await
    }

    pub(crate) fn detach<T>(task: Task<T>) {
        task.detach();
    }

    pub(crate) async fn yield_now() {
        glommio::executor().yield_now().await;
    }

    pub(crate) fn channel<T>(capacity: usize) -> (Sender<T>, LocalReceiver<T>) {
        let (tx, rx) = new_bounded(capacity);
        (Rc::new(tx), rx)
    }

    pub(crate) async fn send<T>(tx: &Sender<T>, item: T) {
        let _ = tx.send(item).await;
    }

    pub(crate) async fn recv<T>(rx: &mut LocalReceiver<T>) -> Option<T> {
        rx.recv().await
    }

    pub(crate) async fn put<T>(tx: &Sender<T>, item: T) {
        let _ = tx.send(item).await;
    }

    pub(crate) async fn take<T>(rx: &mut LocalReceiver<T>) -> Option<T> {
        rx.recv().await
    }

    /// A semaphore of one permit: the lock of this kind is for readers and a writer.
    pub(crate) struct Lock {
        semaphore: Semaphore,
        value: RefCell<u64>,
    }

    pub(crate) struct Guard<'a> {
        // Dropped in this order: the value is free before somebody else may have it.
        value: RefMut<'a, u64>,
        _permit: Permit<'a>,
    }

    impl Lock {
        pub(crate) fn new(value: u64) -> Lock {
            Lock {
                semaphore: Semaphore::new(1),
                value: RefCell::new(value),
            }
        }
    }

    pub(crate) async fn lock(lock: &Lock) -> Guard<'_> {
        let permit = lock.semaphore.acquire_permit(1).await;
        Guard {
            _permit: permit.expect("nobody closes it"),
            value: lock.value.borrow_mut(),
        }
    }

    impl Deref for Guard<'_> {
        type Target = u64;

        fn deref(&self) -> &u64 {
            &self.value
        }
    }

    impl DerefMut for Guard<'_> {
        fn deref_mut(&mut self) -> &mut u64 {
            &mut self.value
        }
    }

    pub(crate) async fn timeout<F: Future>(length: Duration, f: F) {
        let f = async { Ok(f.await) };
        let _ = glommio::timer::timeout(length, f).await;
    }

    /// A semaphore without a permit.
    pub(crate) struct Event(Semaphore);

    impl Event {
        pub(crate) fn new() -> Event {
            Event(Semaphore::new(0))
        }
    }

    pub(crate) async fn wait(event: &Event) {
        let _ = event.0.acquire(1).await;
    }

    pub(crate) async fn read_file(path: &Path) -> usize {
        let file = BufferedFile::open(path).await.expect("the file is there");
        let size = file.file_size().await.expect("it has a size");
        let read = file.read_at(0, size as usize).await;
        let read = read.expect("the file can be read").len();
        file.close().await.expect("it is closed once");
        read
    }

    pub(crate) async fn write_file(path: &Path, content: Vec<u8>) {
        let file = BufferedFile::create(path).await;
        let file = file.expect("the file can be made");
        let written = file.write_at(content, 0).await;
        written.expect("the file can be written");
        file.close().await.expect("it is closed once");
    }

    pub(crate) async fn read_pieces(path: &Path, size: usize) -> usize {
        let file = BufferedFile::open(path).await.expect("the file is there");
        let mut total = 0;
        loop {
            let read = file.read_at(total as u64, size).await;
            match read.expect("the file can be read").len() {
                0 => break,
                n => total += n,
            }
        }
        file.close().await.expect("it is closed once");
        total
    }
}
