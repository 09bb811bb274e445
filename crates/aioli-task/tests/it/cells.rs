//! The cells of tasks: all sizes, used again, given back by whichever thread is the last.

use std::future::{pending, poll_fn};
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Poll, Waker};
use std::thread;

use aioli_task::{ContextVar, Runner, TaskHandle, copy_context, run, spawn, spawn_in, yield_now};

/// A future that keeps so many bytes over a yield.
async fn keeps<const N: usize>(seed: u8) -> bool {
    let bytes = black_box([seed; N]);
    yield_now().await;
    bytes.iter().all(|byte| *byte == seed)
}

#[test]
fn futures_of_all_sizes_keep_their_contents() {
    run(async {
        for round in 0..20 {
            let tasks = [
                spawn(keeps::<0>(round)),
                spawn(keeps::<1>(round)),
                spawn(keeps::<100>(round)),
                spawn(keeps::<500>(round)),
                spawn(keeps::<900>(round)),
                spawn(keeps::<1000>(round)),
                spawn(keeps::<5000>(round)),
                spawn(keeps::<100_000>(round)),
            ];
            for task in tasks {
                assert!(task.await);
            }
        }
    });
}

#[repr(align(128))]
struct Aligned(u8);

#[test]
fn a_future_is_aligned_as_it_asks_for() {
    run(async {
        let tasks = (0..50).map(|n| {
            spawn(async move {
                let value = pin!(Aligned(n));
                yield_now().await;
                (std::ptr::from_ref(&*value).addr() % 128, value.0)
            })
        });
        for (n, task) in tasks.collect::<Vec<_>>().into_iter().enumerate() {
            assert_eq!(task.await, (0, n as u8));
        }
    });
}

#[repr(align(16))]
struct Sixteen(u8);

#[test]
fn small_cells_are_aligned_to_sixteen_where_a_future_asks_for_it() {
    run(async {
        let tasks = (0..50).map(|n| {
            // One of another size between two of them, so that they do not lie side by side.
            drop(spawn(keeps::<1>(n)));
            spawn(async move {
                let value = pin!(Sixteen(n));
                yield_now().await;
                (std::ptr::from_ref(&*value).addr() % 16, value.0)
            })
        });
        for (n, task) in tasks.collect::<Vec<_>>().into_iter().enumerate() {
            assert_eq!(task.await, (0, n as u8));
        }
    });
}

#[test]
fn an_output_that_panics_when_it_is_dropped_does_not_keep_its_task() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    static KEPT: ContextVar<Arc<()>> = ContextVar::new();
    let kept = Arc::new(());
    let value = kept.clone();
    run(async move {
        let mut context = copy_context();
        context.run(|| KEPT.set(value));
        let task = spawn_in(context, async { Panics });
        yield_now().await;
        assert!(task.is_done());
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(task)));
        assert!(dropped.is_err());
        // Its context went with it.
        assert_eq!(Arc::strong_count(&kept), 1);
    });
}

/// Counts how often it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The waker of a task that never ends by itself.
async fn waker_of_a_pending_task(guard: Counted) -> (TaskHandle, Waker) {
    let (send, receive) = std::sync::mpsc::channel();
    let task = spawn(async move {
        let _guard = guard;
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        send.send(waker).unwrap();
        pending::<()>().await;
    });
    yield_now().await;
    (task.handle(), receive.recv().unwrap())
}

#[test]
fn wakers_and_handles_are_cloned_and_dropped_everywhere_while_the_task_ends() {
    let drops = Arc::new(AtomicUsize::new(0));
    let (tasks, threads) = (100, 3);
    for _ in 0..tasks {
        let guard = Counted(drops.clone());
        let start = Arc::new(Barrier::new(threads + 1));
        let workers = run(async {
            let (handle, waker) = waker_of_a_pending_task(guard).await;
            let work = |_| {
                let (handle, waker, start) = (handle.clone(), waker.clone(), start.clone());
                thread::spawn(move || {
                    start.wait();
                    for _ in 0..20 {
                        let again = waker.clone();
                        waker.wake_by_ref();
                        let other = handle.clone();
                        drop(waker.clone());
                        again.wake();
                        assert_eq!(other, handle);
                    }
                    handle.cancel();
                })
            };
            let workers: Vec<_> = (0..threads).map(work).collect();
            drop(waker);
            start.wait();
            for _ in 0..10 {
                yield_now().await;
            }
            handle.cancel();
            handle.done().await;
            workers
        });
        workers
            .into_iter()
            .for_each(|worker| worker.join().unwrap());
    }
    assert_eq!(drops.load(Ordering::SeqCst), tasks);
}

#[test]
fn what_is_left_when_a_loop_ends_is_given_back_by_other_threads() {
    for _ in 0..50 {
        let drops = Arc::new(AtomicUsize::new(0));
        let kept = run(async {
            let mut kept = Vec::new();
            for _ in 0..10 {
                kept.push(waker_of_a_pending_task(Counted(drops.clone())).await);
            }
            kept
        });
        assert_eq!(drops.load(Ordering::SeqCst), 10);
        let (handles, wakers): (Vec<_>, Vec<_>) = kept.into_iter().unzip();
        let waking = thread::spawn(move || {
            for waker in wakers {
                let other = waker.clone();
                waker.wake_by_ref();
                other.wake();
            }
        });
        let looking = thread::spawn(move || {
            for handle in handles {
                assert!(handle.is_cancelled() && !handle.cancel());
            }
        });
        waking.join().unwrap();
        looking.join().unwrap();
    }
}

#[test]
fn references_come_back_while_the_loop_ends() {
    for _ in 0..100 {
        let start = Arc::new(Barrier::new(2));
        let meanwhile = start.clone();
        let drops = Arc::new(AtomicUsize::new(0));
        let guard = Counted(drops.clone());
        let worker = run(async move {
            let (task, waker) = waker_of_a_pending_task(guard).await;
            let worker = thread::spawn(move || {
                meanwhile.wait();
                drop(task);
                for _ in 0..5 {
                    let other = waker.clone();
                    other.wake_by_ref();
                }
            });
            start.wait();
            worker
        });
        worker.join().unwrap();
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn a_handle_is_used_between_two_runs_on_the_same_thread() {
    let mut runner = Runner::new();
    let drops = Arc::new(AtomicUsize::new(0));
    let guard = Counted(drops.clone());
    let (handle, waker) = runner.run(waker_of_a_pending_task(guard)).unwrap();
    // No loop runs on this thread now, so this is as from another one.
    let more = handle.clone();
    waker.wake_by_ref();
    drop(waker.clone());
    handle.cancel();
    drop(more);
    runner.run(async { handle.done().await }).unwrap();
    assert_eq!(drops.load(Ordering::SeqCst), 1);
    drop(runner);
    assert!(handle.is_cancelled());
    drop(waker);
}

#[test]
fn an_output_that_nobody_takes_is_dropped_once() {
    for elsewhere in [false, true] {
        for early in [false, true] {
            let drops = Arc::new(AtomicUsize::new(0));
            let output = Counted(drops.clone());
            run(async {
                let task = spawn(async move {
                    yield_now().await;
                    output
                });
                if !early {
                    task.handle().done().await;
                }
                if elsewhere {
                    thread::spawn(move || drop(task)).join().unwrap();
                } else {
                    drop(task);
                }
                for _ in 0..5 {
                    yield_now().await;
                }
            });
            assert_eq!(drops.load(Ordering::SeqCst), 1, "{elsewhere} {early}");
        }
    }
}

#[test]
fn tasks_that_are_spawned_while_the_loop_ends_are_ended_too() {
    struct Spawns(Arc<AtomicUsize>);
    impl Drop for Spawns {
        fn drop(&mut self) {
            let guard = Counted(self.0.clone());
            drop(spawn(async move {
                let _guard = guard;
                pending::<()>().await;
            }));
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let spawns = Spawns(drops.clone());
    run(async move {
        drop(spawn(async move {
            let _spawns = spawns;
            pending::<()>().await;
        }));
        yield_now().await;
    });
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}
