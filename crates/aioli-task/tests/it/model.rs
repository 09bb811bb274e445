//! Random trees of handlers under foreign combinators.
//!
//! No request is lost, nothing hangs, and each clean-up whose body began runs exactly once.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use aioli_task::{Runner, shield, spawn, testing};
use futures::future::{join, select};
use futures::stream::{FuturesUnordered, StreamExt};
use proptest::prelude::*;
use proptest::test_runner::contextualize_config;

use crate::support::{finally, forever, passes};

/// A program whose every suspension point is under some combination of handlers.
#[derive(Debug, Clone)]
enum Shape {
    Forever,
    Passes(usize),
    /// A body and a clean-up of so many passes.
    Finally(Box<Shape>, usize),
    /// A shield around something that ends by itself.
    Shield(usize),
    Join(Box<Shape>, Box<Shape>),
    Select(Box<Shape>, Box<Shape>),
    Unordered(Vec<Shape>),
    Then(Box<Shape>, Box<Shape>),
}

impl Shape {
    /// Whether code that cannot await may drop a handler half-way.
    fn drops(&self) -> bool {
        match self {
            Shape::Forever | Shape::Passes(_) | Shape::Shield(_) => false,
            Shape::Finally(body, _) => body.drops(),
            Shape::Join(a, b) | Shape::Then(a, b) => a.drops() || b.drops(),
            Shape::Select(_, _) => true,
            Shape::Unordered(shapes) => shapes.iter().any(Shape::drops),
        }
    }
}

fn shapes() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        Just(Shape::Forever),
        (0..6usize).prop_map(Shape::Passes),
        (0..6usize).prop_map(Shape::Shield),
    ];
    leaf.prop_recursive(5, 24, 4, |inner| {
        let two = (inner.clone().prop_map(Box::new), inner.clone().prop_map(Box::new));
        prop_oneof![
            3 => (inner.clone().prop_map(Box::new), 0..5usize).prop_map(|(b, n)| Shape::Finally(b, n)),
            1 => two.clone().prop_map(|(a, b)| Shape::Join(a, b)),
            1 => two.clone().prop_map(|(a, b)| Shape::Select(a, b)),
            1 => two.prop_map(|(a, b)| Shape::Then(a, b)),
            1 => prop::collection::vec(inner, 0..4).prop_map(Shape::Unordered),
        ]
    })
}

/// Counts the bodies that began, and the clean-ups that began and ended.
#[derive(Debug, Clone, Default)]
struct Tally(Rc<[Cell<usize>; 3]>);

impl Tally {
    fn count(&self, what: usize) {
        self.0[what].set(self.0[what].get() + 1);
    }

    fn counts(&self) -> [usize; 3] {
        [self.0[0].get(), self.0[1].get(), self.0[2].get()]
    }
}

fn build(shape: Shape, tally: Tally) -> Pin<Box<dyn Future<Output = ()>>> {
    match shape {
        Shape::Forever => Box::pin(forever()),
        Shape::Passes(count) => Box::pin(passes(count)),
        Shape::Shield(count) => Box::pin(shield(passes(count))),
        Shape::Finally(body, cleanup) => Box::pin(async move {
            tally.count(0);
            let body = build(*body, tally.clone());
            let cleanup = async {
                tally.count(1);
                passes(cleanup).await;
                tally.count(2);
            };
            finally(body, cleanup).await;
        }),
        Shape::Join(a, b) => {
            let (a, b) = (build(*a, tally.clone()), build(*b, tally));
            Box::pin(async {
                let _ = join(a, b).await;
            })
        }
        Shape::Select(a, b) => {
            let (a, b) = (build(*a, tally.clone()), build(*b, tally));
            Box::pin(async { drop(select(a, b).await) })
        }
        Shape::Then(a, b) => {
            let (a, b) = (build(*a, tally.clone()), build(*b, tally));
            Box::pin(async {
                a.await;
                b.await;
            })
        }
        Shape::Unordered(shapes) => Box::pin(async move {
            let bodies = shapes.into_iter().map(|shape| build(shape, tally.clone()));
            let mut unordered: FuturesUnordered<_> = bodies.collect();
            while unordered.next().await.is_some() {}
        }),
    }
}

/// A shape, and after how many passes its task is asked, and asked once more.
type Case = (Shape, usize, Option<usize>);

fn cases() -> impl Strategy<Value = Vec<Case>> {
    let case = (shapes(), 0..8usize, prop::option::of(0..8usize));
    prop::collection::vec(case, 1..4)
}

/// Runs a case in a task, cancels it, and looks at what is left.
async fn run_one((shape, first, second): Case) {
    let drops = shape.drops();
    let tally = Tally::default();
    let body = build(shape, tally.clone());
    let task = spawn(async move {
        body.await;
        forever().await;
    });
    passes(first).await;
    assert!(task.cancel());
    if let Some(second) = second {
        passes(second).await;
        task.cancel();
    }
    let outcome = task.outcome().await;
    assert!(
        outcome.is_err_and(|stop| stop.is_cancelled()),
        "the request was lost"
    );
    assert_eq!(testing::counts().handlers, 0);
    let [bodies, began, finished] = tally.counts();
    if !drops {
        assert_eq!(
            [began, finished],
            [bodies, bodies],
            "each clean-up runs to its end once"
        );
    }
    assert!(finished <= began && began <= bodies);
}

/// One after the other on one loop, so that each finds the trees that those before have left.
fn check(cases: Vec<Case>, seed: Option<u64>) {
    let mut builder = Runner::builder().virtual_clock().panic_when_idle(true);
    if let Some(seed) = seed {
        builder = builder.shuffle(seed);
    }
    let mut runner = builder.build();
    let ended = runner.run(async move {
        for case in cases {
            run_one(case).await;
        }
    });
    runner.close();
    ended.expect("nothing hangs");
}

/// So many cases as the environment asks for, or else more than usual.
fn config() -> ProptestConfig {
    contextualize_config(ProptestConfig {
        cases: 800,
        failure_persistence: None,
        ..ProptestConfig::default()
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_request_is_lost(cases in cases(), seed in prop::option::of(any::<u64>())) {
        check(cases, seed);
    }
}
