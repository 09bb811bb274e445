//! Under other executors, with no loop of ours on the thread.

use std::pin::pin;

use aioli_task::driver::Home;
use aioli_task::{
    Exit, LoopHandle, Reason, ReasonKind, Task, catch, exit, run, shield, spawn, to_thread,
    yield_now,
};
use futures::executor::block_on;

/// Jobs, handlers and the background loop, as one future that any executor may run.
async fn everything() -> u32 {
    let job = to_thread(|| 1).await;
    let caught = catch(async { 2 }).await.unwrap();
    let shielded = shield(async { 3 }).await;
    // A scope of its own unwinds, with the outermost handler as the root.
    let mut scope = pin!(exit(catch(std::future::pending::<()>())));
    let unwinder = scope.unwinder();
    assert!(futures::poll!(scope.as_mut()).is_pending());
    unwinder.unwind(Reason::new(ReasonKind::Timeout));
    let absorbed = matches!(scope.await, Exit::Value(Err(_)));
    yield_now().await;
    assert!(!Home::current().is_current());
    assert!(Home::current() == Home::current());
    job + caught + shielded + u32::from(absorbed)
}

#[test]
fn on_tokio_with_several_threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    assert_eq!(
        runtime.block_on(async { tokio::spawn(everything()).await.unwrap() }),
        7
    );
}

#[test]
fn on_smol() {
    assert_eq!(smol::block_on(async { smol::spawn(everything()).await }), 7);
}

#[test]
fn on_the_executor_of_futures() {
    assert_eq!(block_on(everything()), 7);
}

#[test]
fn a_handler_that_nobody_polls_does_not_stall_a_scope() {
    let ended = block_on(async {
        let body = crate::support::OnlyOnce {
            first: Box::pin(catch(std::future::pending::<()>())),
            second: Box::pin(std::future::pending::<()>()),
            polled: false,
        };
        let mut scope = pin!(exit(body));
        let unwinder = scope.unwinder();
        assert!(futures::poll!(scope.as_mut()).is_pending());
        unwinder.unwind(Reason::new(ReasonKind::Timeout));
        matches!(scope.await, Exit::Cancelled(c) if c.is_from(&unwinder))
    });
    assert!(ended);
}

/// A task that lives on another thread's loop.
fn elsewhere(cancel: bool) -> (Task<u32>, std::thread::JoinHandle<()>) {
    let (give, take) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        run(async move {
            let task = spawn(async {
                yield_now().await;
                5
            });
            if cancel {
                task.cancel();
            }
            let handle = task.handle();
            give.send(task).unwrap();
            handle.done().await;
        });
    });
    (take.recv().unwrap(), thread)
}

#[test]
fn a_task_may_be_awaited_from_another_executor() {
    let (task, thread) = elsewhere(false);
    assert_eq!(block_on(task), 5);
    thread.join().unwrap();
    let (task, thread) = elsewhere(true);
    assert!(block_on(task.outcome()).unwrap_err().is_cancelled());
    thread.join().unwrap();
}

#[test]
fn where_nothing_can_unwind_awaiting_a_cancelled_task_panics_and_names_the_way_out() {
    let (task, thread) = elsewhere(true);
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| block_on(task)));
    let payload = panic.unwrap_err();
    let message = payload.downcast_ref::<String>().map(String::as_str);
    let message = message.or(payload.downcast_ref::<&str>().copied()).unwrap();
    assert!(message.contains("outcome()"), "{message}");
    thread.join().unwrap();
}

#[test]
fn a_loop_is_reached_from_a_foreign_task() {
    run(async {
        let handle = LoopHandle::current();
        let from_tokio = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            runtime.block_on(async { handle.submit(|| async { 9 }).unwrap().wait().unwrap() })
        });
        assert_eq!(to_thread(move || from_tokio.join().unwrap()).await, 9);
    });
}
