//! Passes: what runs in which one, and in what order.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::mpsc;

use aioli_task::{LoopHandle, Runner, call_soon, spawn, spawn_eager, yield_now};

use crate::support::{Log, passes, run};

#[test]
fn tasks_run_in_the_order_of_spawning() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        for name in ["a", "b", "c"] {
            let l = l.clone();
            spawn(async move {
                for round in 0..2 {
                    l.put(format!("{name}{round}"));
                    yield_now().await;
                }
            });
        }
        passes(4).await;
    })
    .unwrap();
    assert_eq!(log.joined(), "a0,b0,c0,a1,b1,c1");
}

#[test]
fn what_becomes_ready_in_a_pass_runs_in_the_next_one() {
    let order = Rc::new(RefCell::new(Vec::new()));
    let o = order.clone();
    let mut runner = Runner::builder()
        .virtual_clock()
        .pass_hook(move |pass| o.borrow_mut().push(format!("pass {}", pass.number())))
        .build();
    let o = order.clone();
    runner
        .run(async move {
            let (inner, outer) = (o.clone(), o.clone());
            call_soon(move || {
                outer.borrow_mut().push("outer".into());
                call_soon(move || inner.borrow_mut().push("inner".into()));
            });
            o.borrow_mut().push("main".into());
            passes(2).await;
        })
        .unwrap();
    let want = ["pass 0", "main", "pass 1", "outer", "pass 2", "inner"];
    assert_eq!(*order.borrow(), want);
}

#[test]
fn a_task_that_always_wakes_itself_starves_nobody() {
    run(async {
        let spinner = spawn(async {
            loop {
                yield_now().await;
            }
        });
        let other = spawn(passes(10));
        other.await;
        assert!(spinner.cancel());
    })
    .unwrap();
}

#[test]
fn calls_from_another_thread_run_in_order() {
    run(async {
        let home = LoopHandle::current();
        let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let numbers = seen.clone();
        let sender = std::thread::spawn(move || {
            for number in 0..100 {
                let numbers = numbers.clone();
                home.call_soon(move || numbers.lock().unwrap().push(number))
                    .unwrap();
            }
        });
        sender.join().unwrap();
        passes(2).await;
        assert_eq!(*seen.lock().unwrap(), (0..100).collect::<Vec<_>>());
    })
    .unwrap();
}

#[test]
fn a_call_can_be_taken_back_before_it_runs() {
    run(async {
        let ran = Rc::new(Cell::new(0));
        let (first, second) = (ran.clone(), ran.clone());
        let kept = call_soon(move || first.set(first.get() + 1));
        let taken_back = call_soon(move || second.set(second.get() + 10));
        assert!(taken_back.cancel());
        assert!(!taken_back.cancel());
        passes(1).await;
        assert_eq!(ran.get(), 1);
        assert!(!kept.is_pending());
        assert!(!kept.cancel());
    })
    .unwrap();
}

#[test]
fn an_eager_task_runs_up_to_its_first_suspension_in_the_call() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let inner = l.clone();
        let task = spawn_eager(async move {
            inner.put("first step");
            yield_now().await;
            inner.put("second step");
        });
        l.put("spawned");
        assert_eq!(aioli_task::current().name(), "Task-1");
        task.await;
    })
    .unwrap();
    assert_eq!(log.joined(), "first step,spawned,second step");
}

fn shuffled(seed: u64) -> String {
    let log = Log::default();
    let l = log.clone();
    let mut runner = Runner::builder().virtual_clock().shuffle(seed).build();
    runner
        .run(async move {
            for name in 0..6 {
                let l = l.clone();
                spawn(async move {
                    for _ in 0..3 {
                        l.put(name.to_string());
                        yield_now().await;
                    }
                });
            }
            passes(6).await;
        })
        .unwrap();
    log.joined()
}

#[test]
fn the_same_seed_gives_the_same_order_and_another_one_another() {
    assert_eq!(shuffled(1), shuffled(1));
    let orders: std::collections::HashSet<String> = (0..8).map(shuffled).collect();
    assert!(orders.len() > 4, "eight seeds gave {} orders", orders.len());
}

#[test]
fn an_idle_loop_is_woken_by_another_thread() {
    let (started, wait_for_start) = mpsc::channel();
    let (done, task) = futures::channel::oneshot::channel();
    let waker = std::thread::spawn(move || {
        wait_for_start.recv().unwrap();
        done.send(7).unwrap();
    });
    let value = aioli_task::run(async move {
        started.send(()).unwrap();
        task.await.unwrap()
    });
    assert_eq!(value, 7);
    waker.join().unwrap();
}

#[test]
fn a_task_that_starts_eagerly_leaves_its_spawner_the_budget() {
    use aioli_sync::budget::remaining;
    run(async {
        let before = remaining();
        assert!(before.is_some_and(|left| left > 1));
        let busy = spawn_eager(std::future::poll_fn(|cx| {
            // Uses up some of its own.
            assert!(aioli_sync::budget::poll_proceed(cx).is_ready());
            std::task::Poll::Ready(remaining())
        }));
        assert_eq!(remaining(), before);
        assert_ne!(busy.await, before);
        let (outside, seen) = mpsc::channel();
        call_soon(move || outside.send(remaining()).unwrap());
        yield_now().await;
        assert_eq!(seen.recv(), Ok(None), "a callback has no budget");
    })
    .unwrap();
    assert_eq!(remaining(), None);
}
