//! What the workloads ask of a runtime.

use std::fs::{self, File};
use std::future::poll_fn;
use std::io::Read;
use std::path::Path;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use harness::Run;

use crate::executor::{self, Handle};
use crate::sync::{Guard, Receiver, Sender};

pub(crate) use crate::executor::spawn;
pub(crate) use crate::sync::channel as queue;
pub(crate) use crate::sync::{Event, Lock, channel};
pub(crate) use crate::timers::sleep;

pub(crate) type Shared<T> = Rc<T>;

pub(crate) fn block_on<F: Future>(_run: &Run, main: F) -> F::Output {
    executor::block_on(main)
}

pub(crate) async fn join<T>(task: Handle<T>) -> T {
    task.await
}

pub(crate) fn detach<T>(task: Handle<T>) {
    drop(task);
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
    tx.send(item).await;
}

pub(crate) async fn recv<T>(rx: &mut Receiver<T>) -> Option<T> {
    rx.recv().await
}

pub(crate) async fn put<T>(tx: &Sender<T>, item: T) {
    tx.send(item).await;
}

pub(crate) async fn take<T>(rx: &mut Receiver<T>) -> Option<T> {
    rx.recv().await
}

pub(crate) async fn lock(lock: &Lock<u64>) -> Guard<'_, u64> {
    lock.lock().await
}

pub(crate) async fn timeout<F: Future>(length: Duration, f: F) {
    let mut f = pin!(f);
    let mut limit = pin!(sleep(length));
    poll_fn(|cx| match f.as_mut().poll(cx) {
        Poll::Ready(_) => Poll::Ready(()),
        Poll::Pending => limit.as_mut().poll(cx),
    })
    .await
}

pub(crate) async fn wait(event: &Event) {
    event.wait().await;
}

pub(crate) async fn read_file(path: &Path) -> usize {
    fs::read(path).expect("the file is there").len()
}

pub(crate) async fn write_file(path: &Path, content: Vec<u8>) {
    fs::write(path, content).expect("the file can be written");
}

pub(crate) async fn read_pieces(path: &Path, size: usize) -> usize {
    let mut file = File::open(path).expect("the file is there");
    let mut buffer = harness::files::room(size);
    let mut total = 0;
    loop {
        match file.read(&mut buffer).expect("the file can be read") {
            0 => return total,
            n => total += n,
        }
    }
}
