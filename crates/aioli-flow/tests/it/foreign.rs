//! Without a loop of ours on the thread: under tokio, smol and `futures::executor`.
//!
//! The futures are `Send`, and timers are those of the background loop.

use std::time::Duration;

use aioli_flow::{
    AsyncClose, Elapsed, Gather, Of2, RaceAll, TryGather, finally, for_each, gather, generator,
    promise, race, shield_for, staggered, timeout, timeout_scope, try_gather, wait_up_to, with,
};
use aioli_task::{Exit, catch, exit};
use aioli_time::sleep;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// In milliseconds: never, for these tests.
const HOUR: u64 = 3_600_000;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

struct Counted(Arc<AtomicU32>);

impl AsyncClose for Counted {
    async fn aclose(self) {
        sleep(ms(1)).await;
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

async fn after<T>(n: u64, value: T) -> T {
    sleep(ms(n)).await;
    value
}

/// Every combinator once; panics when one misbehaves.
async fn scenario() {
    assert_eq!(gather((after(2, 1), after(1, 2))).await, (1, 2));
    assert_eq!((1..4).map(|n| after(n, n)).gather().await, [1, 2, 3]);
    let failed = try_gather((after(HOUR, Ok(1)), after(1, Err::<u8, _>("no")))).await;
    assert_eq!(failed, Err("no"));
    let failed = [after(HOUR, Ok(1)), after(1, Err("no"))].try_gather().await;
    assert_eq!(failed, Err("no"));
    assert_eq!(race((after(HOUR, 1), after(1, 2))).await, Of2::B(2));
    assert_eq!([after(HOUR, 1), after(1, 2)].race().await, 2);
    assert_eq!(timeout(ms(1), after(HOUR, 1)).await, Err(Elapsed));
    assert_eq!(timeout(ms(60_000), after(1, 1)).await, Ok(1));

    let closed = Arc::new(AtomicU32::new(0));
    let user = with(Counted(closed.clone()), async |_| sleep(ms(HOUR)).await);
    assert_eq!(timeout(ms(1), user).await, Err(Elapsed));
    assert_eq!(closed.load(Ordering::Relaxed), 1, "the clean-up is awaited");

    let cleaned = AtomicU32::new(0);
    let body = finally(after(1, 7), async {
        cleaned.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!((body.await, cleaned.into_inner()), (7, 1));

    let mut job = Box::pin(after(250, 8));
    assert_eq!(wait_up_to(ms(1), &mut job).await, None);
    assert_eq!(job.await, 8);
    let moved = timeout_scope(ms(1), async |scope| {
        scope.reschedule(ms(60_000)).expect("it is active");
        after(5, 9).await
    });
    assert_eq!(moved.await, Ok(9));
    assert_eq!(shield_for(ms(60_000), after(1, 3)).await, Ok(3));
    let tried = staggered(ms(1), [after(HOUR, Err(1)), after(1, Ok::<_, u8>("won"))]).await;
    assert_eq!(tried.winner, Some((1, "won")));

    let (promise, promised) = promise();
    let (sent, got) = gather((async { promise.set(5) }, promised)).await;
    assert_eq!((sent, got), (Ok(()), 5));
    assert!(catch(after(1, ())).await.is_ok());
    // `AsyncFnMut` closures that capture are not `Send` with today's compiler.
    for_each(futures::stream::iter([1, 2, 3]), async |n| {
        sleep(ms(n)).await
    })
    .await;
}

/// A dropped promise raises; the nearest scope takes it, with no task around.
async fn raises() {
    let (promise, promised) = promise::<u8>();
    drop(promise);
    assert!(matches!(exit(promised).await, Exit::Cancelled(_)));
}

async fn all() {
    scenario().await;
    raises().await;
}

#[test]
fn under_tokio_on_several_threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build();
    let runtime = runtime.expect("tokio starts");
    let tasks: Vec<_> = (0..8).map(|_| runtime.spawn(all())).collect();
    for task in tasks {
        runtime.block_on(task).expect("the task does not panic");
    }
}

#[test]
fn under_smol() {
    smol::block_on(smol::spawn(all()));
}

#[test]
fn under_the_futures_executor() {
    futures::executor::block_on(all());
}

#[test]
fn a_task_of_a_loop_is_watched_from_a_foreign_executor() {
    let handle = std::sync::mpsc::channel();
    let (sender, receiver) = handle;
    let thread = std::thread::spawn(move || {
        aioli_task::run(async move {
            let task = aioli_task::spawn(after(5, 7));
            sender.send(task).expect("the test waits");
            sleep(ms(50)).await;
        });
    });
    let mut tasks = vec![receiver.recv().expect("the loop sends a task")];
    let (mut done, pending) =
        futures::executor::block_on(aioli_flow::wait(&mut tasks).into_future());
    assert!(pending.is_empty());
    let task = done.pop().expect("one task is done");
    assert_eq!(futures::executor::block_on(task), 7);
    thread.join().expect("the loop does not panic");
}

#[test]
fn a_generator_runs_where_it_was_made() {
    futures::executor::block_on(async {
        let cleaned = std::rc::Rc::new(std::cell::Cell::new(0));
        let count = cleaned.clone();
        let mut items = generator(async move |y| {
            let puts = async {
                for n in 0.. {
                    y.put(n).await;
                    sleep(ms(1)).await;
                }
            };
            finally(puts, async { count.set(count.get() + 1) }).await;
        });
        assert_eq!((items.next().await, items.next().await), (Some(0), Some(1)));
        items.aclose().await;
        assert_eq!(cleaned.get(), 1);
    });
}

#[test]
fn what_is_dropped_without_a_loop_is_dropped_plainly() {
    let closed = Arc::new(AtomicU32::new(0));
    drop(with(Counted(closed.clone()), async |_| ()));
    assert_eq!(
        (closed.load(Ordering::Relaxed), Arc::strong_count(&closed)),
        (0, 1)
    );
}
