//! A source that is always ready does not keep the loop.

use std::cell::Cell;
use std::rc::Rc;

use aioli_task::{spawn, yield_now};

#[test]
fn a_task_whose_source_is_always_ready_lets_others_run() {
    aioli_task::run(async {
        let (_left, right) = crate::pair();
        let passes = Rc::new(Cell::new(0));
        let other = spawn({
            let passes = passes.clone();
            async move {
                loop {
                    passes.set(passes.get() + 1);
                    yield_now().await;
                }
            }
        });
        yield_now().await;
        for _ in 0..10_000 {
            // Room to send: an operation that never waits.
            right.write_with(|_| Ok(())).await.unwrap();
        }
        assert!(passes.get() > 10, "{} passes", passes.get());
        other.stop().await;
    });
}
