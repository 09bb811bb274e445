//! monoio on io_uring, with the channels and the semaphore of local-sync.

#[path = "../../../src/workloads/files.rs"]
mod files;
#[path = "../../../src/workloads/tasks.rs"]
mod tasks;

use std::process::ExitCode;

use harness::net::EchoClient;
use harness::{Outcome, Peer, Program, Run};
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};

fn main() -> ExitCode {
    harness::main(&Program {
        peers: &[Peer {
            name: "monoio",
            families: &["tasks", "tcp", "files"],
            kind: "local",
            cores: 1,
        }],
        packages: &["monoio", "local-sync"],
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
    let mut buffer = Vec::with_capacity(size);
    loop {
        let (result, filled) = stream.read(buffer).await;
        let Ok(1..) = result else { return };
        let (result, mut written) = stream.write_all(filled).await;
        if result.is_err() {
            return;
        }
        written.clear();
        buffer = written;
    }
}

/// What the workloads ask of a runtime.
mod rt {
    use std::cell::{RefCell, RefMut};
    use std::future::poll_fn;
    use std::ops::{Deref, DerefMut};
    use std::path::Path;
    use std::rc::Rc;
    use std::task::Poll;
    use std::time::Duration;

    use harness::Run;
    use local_sync::mpsc::bounded::{Rx, Tx};
    use local_sync::semaphore::{Semaphore, SemaphorePermit};
    use monoio::task::JoinHandle;
    use monoio::{FusionDriver, RuntimeBuilder};

    pub(crate) use local_sync::mpsc::bounded::channel;
    pub(crate) use local_sync::mpsc::bounded::channel as queue;
    pub(crate) use monoio::spawn;
    pub(crate) use monoio::time::sleep;

    pub(crate) type Shared<T> = Rc<T>;

    pub(crate) fn block_on<F: Future>(_run: &Run, main: F) -> F::Output {
        let runtime = RuntimeBuilder::<FusionDriver>::new().enable_timer().build();
        runtime.expect("the runtime starts").block_on(main)
    }

    pub(crate) async fn join<T>(task: JoinHandle<T>) -> T {
        task.await
    }

    pub(crate) fn detach<T>(task: JoinHandle<T>) {
        drop(task);
    }

    /// monoio has none of its own.
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

    pub(crate) async fn send<T>(tx: &Tx<T>, item: T) {
        let _ = tx.send(item).await;
    }

    pub(crate) async fn recv<T>(rx: &mut Rx<T>) -> Option<T> {
        rx.recv().await
    }

    pub(crate) async fn put<T>(tx: &Tx<T>, item: T) {
        let _ = tx.send(item).await;
    }

    pub(crate) async fn take<T>(rx: &mut Rx<T>) -> Option<T> {
        rx.recv().await
    }

    /// A semaphore of one permit: there is no lock.
    pub(crate) struct Lock {
        semaphore: Semaphore,
        value: RefCell<u64>,
    }

    pub(crate) struct Guard<'a> {
        // Dropped in this order: the value is free before somebody else may have it.
        value: RefMut<'a, u64>,
        _permit: SemaphorePermit<'a>,
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
        let permit = lock.semaphore.acquire().await;
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
        let _ = monoio::time::timeout(length, f).await;
    }

    /// A semaphore without a permit.
    pub(crate) struct Event(Semaphore);

    impl Event {
        pub(crate) fn new() -> Event {
            Event(Semaphore::new(0))
        }
    }

    pub(crate) async fn wait(event: &Event) {
        let _ = event.0.acquire().await;
    }

    pub(crate) async fn read_file(path: &Path) -> usize {
        let content = monoio::fs::read(path).await;
        content.expect("the file is there").len()
    }

    pub(crate) async fn write_file(path: &Path, content: Vec<u8>) {
        let (written, _) = monoio::fs::write(path, content).await;
        written.expect("the file can be written");
    }

    pub(crate) async fn read_pieces(path: &Path, size: usize) -> usize {
        let file = monoio::fs::File::open(path).await;
        let file = file.expect("the file is there");
        let mut buffer = harness::files::room(size);
        buffer.clear();
        let mut total = 0;
        loop {
            let (read, filled) = file.read_at(buffer, total as u64).await;
            match read.expect("the file can be read") {
                0 => return total,
                n => total += n,
            }
            buffer = filled;
            buffer.clear();
        }
    }
}
