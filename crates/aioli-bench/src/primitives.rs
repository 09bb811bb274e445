//! What the workloads ask of a runtime's primitives, over the kind that stands beside this.

use super::kind::{Event, Lock, LockGuard, Queue, Receiver, Sender, make_channel};

pub(crate) fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    make_channel(capacity)
}

pub(crate) async fn send<T>(tx: &Sender<T>, item: T) {
    let _ = tx.send(item).await;
}

pub(crate) async fn recv<T>(rx: &mut Receiver<T>) -> Option<T> {
    rx.recv().await.ok()
}

pub(crate) fn queue<T>(capacity: usize) -> (Queue<T>, Queue<T>) {
    let queue = Queue::new(capacity);
    (queue.clone(), queue)
}

pub(crate) async fn put<T>(queue: &Queue<T>, item: T) {
    let _ = queue.put(item).await;
}

pub(crate) async fn take<T>(queue: &mut Queue<T>) -> Option<T> {
    queue.get().await.ok()
}

pub(crate) async fn lock(lock: &Lock<u64>) -> LockGuard<'_, u64> {
    lock.lock().await
}

pub(crate) async fn wait(event: &Event) {
    event.wait().await;
}
