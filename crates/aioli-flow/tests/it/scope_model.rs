//! Random programs of scopes, shields, timeouts and clean-ups.
//!
//! None hangs, none leaves anything behind, and none goes on where it is cancelled.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;

use aioli_flow::{
    CancelScope, Gather, TaskGroup, checkpoint, current_effective_deadline, finally, timeout,
};
use aioli_task::{catch, current, now, shield, testing, time};
use aioli_time::sleep;
use proptest::prelude::*;
use proptest::test_runner::contextualize_config;

use crate::virtual_clock;

/// A program, interpreted by [`Run::step`].
#[derive(Debug, Clone)]
enum Step {
    Checkpoint,
    Sleep(u8),
    /// Cancels the scope so many levels out, or the task where there are not so many.
    Cancel(usize),
    /// Moves the deadline of the scope so many levels out.
    Move(usize, u8),
    /// Switches the shield of the scope so many levels out.
    Shield(usize, bool),
    Catch(Vec<Step>),
    Shielded(Vec<Step>),
    Finally(Vec<Step>, Vec<Step>),
    Timeout(u8, Vec<Step>),
    Scope(Option<u8>, bool, Vec<Step>),
    Gather(Vec<Vec<Step>>),
    Group(Vec<Vec<Step>>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let leaf = prop_oneof![
        3 => Just(Step::Checkpoint),
        2 => (0..4u8).prop_map(Step::Sleep),
        1 => (0..3usize).prop_map(Step::Cancel),
        1 => (0..3usize, 0..4u8).prop_map(|(out, d)| Step::Move(out, d)),
        1 => (0..3usize, any::<bool>()).prop_map(|(out, up)| Step::Shield(out, up)),
    ];
    let program = prop::collection::vec(leaf, 1..4);
    program.prop_recursive(4, 40, 4, |inner| {
        let block = prop_oneof![
            5 => inner.clone().prop_map(Step::Catch),
            1 => inner.clone().prop_map(Step::Shielded),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| Step::Finally(a, b)),
            1 => (0..4u8, inner.clone()).prop_map(|(d, p)| Step::Timeout(d, p)),
            5 => (prop::option::of(0..3u8), prop::bool::weighted(0.2), inner.clone())
                .prop_map(|(d, up, p)| Step::Scope(d, up, p)),
            1 => prop::collection::vec(inner.clone(), 1..3).prop_map(Step::Gather),
            1 => prop::collection::vec(inner.clone(), 1..3).prop_map(Step::Group),
        ];
        let program = (block, inner).prop_map(|(block, mut rest)| {
            rest.insert(rest.len() / 2, block);
            rest
        });
        program.boxed()
    })
}

/// What the code of a program knows of its surroundings.
#[derive(Clone)]
struct Run {
    /// The scopes around, the innermost last.
    scopes: Vec<CancelScope>,
    /// Whether the code runs alone in its task: what is asked waits for nobody else.
    is_alone: bool,
    /// Suspensions that came to their end.
    suspended: Rc<Cell<u32>>,
}

type Future<'a> = Pin<Box<dyn std::future::Future<Output = ()> + 'a>>;

impl Run {
    fn out(&self, levels: usize) -> Option<&CancelScope> {
        self.scopes.iter().rev().nth(levels)
    }

    fn all<'a>(&'a self, steps: &'a [Step]) -> Future<'a> {
        Box::pin(async move {
            for step in steps {
                self.step(step).await;
            }
        })
    }

    async fn suspend(&self, f: impl std::future::Future<Output = ()>) {
        let is_cancelled = current_effective_deadline().is_some_and(|at| at <= now());
        f.await;
        assert!(
            !(is_cancelled && self.is_alone),
            "it went on where it is cancelled"
        );
        self.suspended.set(self.suspended.get() + 1);
    }

    async fn step(&self, step: &Step) {
        match step {
            Step::Checkpoint => self.suspend(checkpoint()).await,
            Step::Sleep(seconds) => self.suspend(sleep(u32::from(*seconds))).await,
            Step::Cancel(levels) => match self.out(*levels) {
                Some(scope) => scope.cancel(),
                None => _ = current().cancel(),
            },
            Step::Move(levels, seconds) => {
                if let Some(scope) = self.out(*levels) {
                    scope.set_deadline(now() + crate::secs((*seconds).into()));
                }
            }
            Step::Shield(levels, up) => {
                if let Some(scope) = self.out(*levels) {
                    scope.set_shield(*up);
                }
            }
            Step::Catch(steps) => drop(catch(self.all(steps)).await),
            Step::Shielded(steps) => shield(self.all(steps)).await,
            Step::Finally(body, cleanup) => finally(self.all(body), self.all(cleanup)).await,
            Step::Timeout(seconds, steps) => {
                let _ = timeout(u32::from(*seconds), self.all(steps)).await;
            }
            Step::Scope(seconds, up, steps) => self.scope(*seconds, *up, steps).await,
            Step::Gather(branches) => {
                let one_of_many = self.one_of_many();
                let branches = branches.iter().map(|steps| one_of_many.all(steps));
                drop(branches.gather().await);
            }
            Step::Group(children) => {
                let one_of_many = self.one_of_many();
                let group = TaskGroup::scope(async |tg| {
                    for steps in children {
                        let (run, steps) = (one_of_many.clone(), steps.clone());
                        tg.spawn(async move { run.all(&steps).await });
                    }
                    Ok(())
                });
                group.await.expect("nobody fails");
            }
        }
    }

    fn one_of_many(&self) -> Run {
        Run {
            is_alone: false,
            ..self.clone()
        }
    }

    async fn scope(&self, seconds: Option<u8>, is_shielded: bool, steps: &[Step]) {
        let scope = CancelScope::after(seconds.map_or(f64::INFINITY, f64::from));
        scope.set_shield(is_shielded);
        let mut inside = self.clone();
        inside.scopes.push(scope.clone());
        let out = scope.run(inside.all(steps)).await;
        assert_eq!(out.is_none(), scope.cancelled_caught());
        assert!(scope.cancel_called() || out.is_some());
    }
}

fn check(steps: &[Step], seed: Option<u64>) -> (Option<u32>, f64) {
    let mut builder = virtual_clock();
    if let Some(seed) = seed {
        builder = builder.shuffle(seed);
    }
    let mut runner = builder.build();
    let run = Run {
        scopes: Vec::new(),
        is_alone: true,
        suspended: Rc::default(),
    };
    let suspended = run.suspended.clone();
    let steps = steps.to_vec();
    let main = async {
        let task = aioli_task::spawn(async move { run.all(&steps).await });
        let ended = task.outcome().await;
        if let Err(stop) = &ended {
            assert!(stop.is_cancelled(), "{stop}");
        }
        let left = testing::counts();
        assert_eq!((left.handlers, left.tasks, left.orphans), (0, 1, 0));
        assert_eq!(aioli_time::stats().pending, 0);
        (ended.is_ok().then(|| suspended.get()), time())
    };
    match runner.run(main) {
        Ok(end) => end,
        Err(stop) => stop.resume(),
    }
}

proptest! {
    #![proptest_config(contextualize_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() }))]

    #[test]
    fn random_programs_end_and_stay_where_they_are_cancelled(steps in steps()) {
        check(&steps, None);
        check(&steps, Some(1));
    }
}
