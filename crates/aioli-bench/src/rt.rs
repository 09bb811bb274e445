//! What the workloads ask of a runtime, by aioli.

#[path = "primitives.rs"]
mod primitives;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aioli::http::{Body, Http2, Session};
use aioli::prelude as aio;
use aioli::task::Task;
use harness::Run;
use harness::net::{CERTIFICATE, HttpServer, Protocol};

pub(crate) use aioli::prelude::{spawn, yield_now};
pub(crate) use kind::{Event, Lock};
pub(crate) use primitives::{channel, lock, put, queue, recv, send, take, wait};

use kind::{Receiver, Sender};

/// The primitives.
mod kind {
    pub(crate) use aioli::sync::channel::mpmc::{Receiver, Sender};
    pub(crate) use aioli::sync::{Event, Lock, LockGuard, Queue, channel as make_channel};
}

/// How tasks share things.
pub(crate) type Shared<T> = Arc<T>;

/// The name of the loop that looks for events for a while before it sleeps.
pub(crate) const SPINNING: &str = "aioli-spinning";
/// About what it costs here to wake a thread on another core.
const SPIN: Duration = Duration::from_micros(50);

pub(crate) fn block_on<F: Future>(run: &Run, main: F) -> F::Output {
    if run.peer != SPINNING {
        return aio::run(main);
    }
    // Both sides are pinned to a core each.
    let mut runner = aioli::task::Runner::builder().force_spin(SPIN).build();
    runner.run(main).unwrap_or_else(|stop| stop.resume())
}

pub(crate) fn join<T>(task: Task<T>) -> Task<T> {
    task
}

pub(crate) fn detach<T>(task: Task<T>) {
    drop(task);
}

/// The channel between threads.
pub(crate) struct Channel;

impl crate::threads::Channel for Channel {
    type Sender = Sender<u64>;
    type Receiver = Receiver<u64>;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver) {
        channel(capacity)
    }

    async fn send(sender: &Self::Sender, item: u64) -> bool {
        sender.send(item).await.is_ok()
    }

    async fn recv(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}

pub(crate) async fn timeout<F: Future>(length: Duration, f: F) {
    let _ = aio::timeout(length, f).await;
}

pub(crate) async fn sleep(length: Duration) {
    aio::sleep(length).await;
}

pub(crate) async fn read_file(path: &Path) -> usize {
    aioli::fs::read(path)
        .await
        .expect("the file is there")
        .len()
}

pub(crate) async fn write_file(path: &Path, content: Vec<u8>) {
    let written = aioli::fs::write(path, content).await;
    written.expect("the file can be written");
}

pub(crate) async fn read_pieces(path: &Path, size: usize) -> usize {
    let mut file = aioli::fs::open(path).await.expect("the file is there");
    let mut buffer = harness::files::room(size);
    let mut total = 0;
    loop {
        match file.read(&mut buffer).await.expect("the file can be read") {
            0 => return total,
            n => total += n,
        }
    }
}

/// One session for all tasks, as a program has one.
pub(crate) struct Client {
    session: Session,
    url: String,
}

pub(crate) async fn clients(server: &HttpServer, n: usize) -> Vec<Client> {
    let limits = aioli::http::Limits::default().connections(n).per_host(n);
    let session = Session::builder().limits(limits);
    let session = match server.protocol() {
        Protocol::Tls => session
            .add_root_certificate(CERTIFICATE)
            .system_roots(false),
        Protocol::Http2 => session.http2(Http2::prior_knowledge()),
        Protocol::Http1 | Protocol::Upload => session,
    };
    let session = session.build();
    let session = session.expect("nothing about it can be wrong");
    let client = || Client {
        session: session.clone(),
        url: server.url(),
    };
    (0..n).map(|_| client()).collect()
}

pub(crate) async fn get(client: &mut Client) -> usize {
    let response = client.session.get(client.url.as_str()).await;
    let body = response.expect("the server answers").bytes().await;
    body.expect("the body arrives").len()
}

pub(crate) async fn upload(client: &mut Client, body: &'static [u8]) -> usize {
    let body = Body::from_static(body);
    let response = client.session.put(client.url.as_str()).body(body).await;
    let body = response.expect("the server answers").bytes().await;
    body.expect("the body arrives").len()
}
