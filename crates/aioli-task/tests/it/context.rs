//! Context variables across tasks, callbacks and runs.

use aioli_task::{ContextVar, Runner, copy_context, spawn, spawn_in, yield_now};

use crate::support::run;

static V: ContextVar<u32> = ContextVar::new();

#[test]
fn tasks_inherit_a_copy() {
    run(async {
        V.set(1);
        let child = spawn(async {
            let before = V.get();
            V.set(2);
            yield_now().await;
            (before, V.get())
        });
        yield_now().await;
        assert_eq!(V.get(), Some(1));
        assert_eq!(child.await, (Some(1), Some(2)));
    })
    .unwrap();
    assert_eq!(V.get(), None);
}

#[test]
fn a_token_restores_what_was_there() {
    let mut context = copy_context();
    context.run(|| {
        let unset = V.set(1);
        let one = V.set(2);
        V.reset(one);
        assert_eq!(V.get(), Some(1));
        V.reset(unset);
        assert_eq!(V.get(), None);
        assert_eq!(V.get_or(9), 9);
    });
}

#[test]
fn runs_of_one_runner_share_a_context() {
    let mut runner = Runner::builder().virtual_clock().build();
    runner.run(async { drop(V.set(5)) }).unwrap();
    assert_eq!(runner.run(async { V.get() }).unwrap(), Some(5));
    assert_eq!(V.get(), None);
}

#[test]
fn a_panic_leaves_the_callers_context_in_place() {
    run(async {
        V.set(3);
        let mut inner = copy_context();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            inner.run(|| {
                V.set(4);
                panic!("inside");
            })
        }));
        assert!(result.is_err());
        assert_eq!(V.get(), Some(3));
        assert_eq!(spawn_in(inner, async { V.get() }).await, Some(4));
    })
    .unwrap();
}
