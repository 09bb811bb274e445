//! Section C: the promise side of futures.

use aioli_flow::promise;
use aioli_task::{Exit, Task, catch, exit, spawn, yield_now};

use crate::support::{Log, in_any_order, in_order, message, passes, reports, settle};

#[test]
fn c050_future_that_is_given_up() {
    in_any_order(async || {
        // From the waiting side: who would set it is told.
        let (setter, promised) = promise::<u32>();
        assert!(!setter.is_abandoned());
        drop(promised);
        assert!(setter.is_abandoned());
        assert_eq!(setter.set(1), Err(1));
        // From the other side: who waits for it is cancelled.
        let (setter, promised) = promise::<u32>();
        assert!(!promised.is_done());
        drop(setter);
        assert!(promised.is_done());
        let cancelled = catch(promised).await.expect_err("nobody will set it");
        assert!(cancelled.reason().message().is_some());
    });
}

#[test]
fn c051_result_is_set_and_there() {
    in_any_order(async || {
        let (setter, mut promised) = promise();
        setter.set(42).unwrap();
        assert!(promised.is_done());
        assert_eq!(promised.try_take(), Some(42));
        assert_eq!(promised.try_take(), None);
        let (setter, promised) = promise::<Result<u32, &str>>();
        setter.fail("no").unwrap();
        assert_eq!(promised.await, Err("no"));
    });
}

#[test]
fn c052_who_waits_for_an_end_goes_on_in_the_next_pass() {
    in_order(async || {
        let log = Log::default();
        let (setter, promised) = promise();
        let task = spawn(promised);
        let watchers = [1, 2].map(|name| {
            let (done, log) = (task.handle().done(), log.clone());
            spawn(async move {
                done.await;
                log.put(name);
            })
        });
        settle().await;
        setter.set(()).unwrap();
        assert!(log.is_empty());
        // One pass for the task, and one for those who wait for it.
        passes(1).await;
        assert!(task.is_done() && log.is_empty());
        passes(1).await;
        assert_eq!(log.names(), ["1", "2"]);
        for watcher in watchers {
            watcher.await;
        }
    });
}

#[test]
fn c054_failure_is_reported_once_unless_somebody_looked() {
    let failing = || -> Task<()> {
        spawn(async {
            yield_now().await;
            panic!("nobody looks");
        })
    };
    let dropped = reports(None, async || {
        let task = failing();
        settle().await;
        drop(task);
    });
    assert_eq!(
        dropped,
        ["a task panicked, and nobody awaited it: nobody looks"]
    );
    let detached = reports(None, async || {
        drop(failing());
        settle().await;
    });
    assert_eq!(detached, dropped);
    let looked_at = reports(None, async || {
        match exit(failing()).await {
            Exit::Panicked(panic) => assert_eq!(message(&*panic), "nobody looks"),
            _ => panic!("it was to panic"),
        }
        assert!(failing().outcome().await.is_err());
    });
    assert_eq!(looked_at, [""; 0]);
}

#[test]
fn c053_callback_is_taken_away() {
    in_order(async || {
        let log = Log::default();
        let (setter, promised) = promise();
        let task = spawn(promised);
        let add = |name: u32| {
            let log = log.clone();
            task.on_done(move |task| {
                assert!(task.is_done());
                log.put(name);
            })
        };
        let (first, second) = (add(1), add(2));
        assert!(second.is_pending() && second.remove());
        let kept = add(2);
        let again: Vec<_> = (0..5).map(|_| add(1)).collect();
        let removed = again.iter().chain([&first]).filter(|added| added.remove());
        assert_eq!(removed.count(), 6);
        assert!(!first.remove() && !first.is_pending());
        setter.set(()).unwrap();
        // One pass for the task, and one for the callback.
        passes(1).await;
        assert!(task.is_done() && log.is_empty());
        passes(1).await;
        assert_eq!(log.names(), ["2"]);
        assert!(!kept.is_pending() && !kept.remove());
        // One that comes too late is called in the next pass.
        let late = add(3);
        assert!(late.is_pending());
        passes(1).await;
        assert_eq!(log.names(), ["2", "3"]);
    });
}

/// Callbacks of tasks that the end of the run cancels are called too.
#[test]
fn c053_callback_of_a_task_that_is_left_over() {
    let log = Log::default();
    let noting = log.clone();
    let mut runner = crate::support::builder().build();
    let ended = runner.run(async move {
        let task = spawn(std::future::pending::<()>());
        task.on_done(move |task| noting.put(task.is_cancelled()));
    });
    ended.expect("main ends");
    runner.close();
    assert_eq!(log.names(), ["true"]);
}
