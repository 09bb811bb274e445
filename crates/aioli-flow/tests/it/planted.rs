//! The harness finds what it is for: five planted bugs, each beside the same code without it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

use aioli_flow::testing::{Everywhere, How, Scenario, Summary, check_every_cancel};
use aioli_flow::timeout;
use aioli_sync::Queue;
use aioli_task::{adopt, catch, exit, shield, spawn};
use aioli_time::sleep;

use crate::everywhere::{Ledger, Resource};

/// Runs the sound and the broken form; the first passes, the second is found out.
#[track_caller]
fn find(name: &str, scenario: impl Fn(bool) -> Scenario) -> Summary {
    let sound = Everywhere::new(name).run(|| scenario(false));
    println!("{sound}");
    sound.assert();
    assert!(sound.points() >= 20, "{sound}");
    let broken = Everywhere::new(format!("{name}, with the bug")).run(|| scenario(true));
    println!("{broken}");
    assert!(!broken.failures().is_empty(), "{name} was not found");
    let uncut = broken
        .failures()
        .iter()
        .any(|failure| failure.cut.how().is_none());
    assert!(
        !uncut,
        "the bug must show only when somebody is cancelled: {broken}"
    );
    broken
}

/// A waiter in line: what it was given, and how to wake it.
struct Waiter<T> {
    grant: Cell<Option<T>>,
    waker: Cell<Option<Waker>>,
    is_gone: Cell<bool>,
}

/// A line of waiters: a channel of items, or a semaphore whose items are permits.
///
/// `T` is what a waiter is woken with: the item itself, or the mere news that there is one.
struct Line<T> {
    items: RefCell<VecDeque<T>>,
    waiting: RefCell<VecDeque<Rc<Waiter<T>>>>,
    /// Whether a grant that its waiter does not take is forgotten: the bug.
    forgets: bool,
}

impl<T> Line<T> {
    fn new(forgets: bool) -> Rc<Line<T>> {
        Rc::new(Line {
            items: RefCell::default(),
            waiting: RefCell::default(),
            forgets,
        })
    }

    /// Gives an item to who has waited for longest, or keeps it.
    fn give(&self, item: T) {
        while let Some(waiter) = { self.waiting.borrow_mut().pop_front() } {
            if waiter.is_gone.get() {
                continue;
            }
            waiter.grant.set(Some(item));
            if let Some(waker) = waiter.waker.take() {
                waker.wake();
            }
            return;
        }
        self.items.borrow_mut().push_back(item);
    }

    /// Waits for an item.
    async fn take(&self) -> T {
        if let Some(item) = { self.items.borrow_mut().pop_front() } {
            return item;
        }
        let waiter = Rc::new(Waiter {
            grant: Cell::new(None),
            waker: Cell::new(None),
            is_gone: Cell::new(false),
        });
        self.waiting.borrow_mut().push_back(waiter.clone());
        let guard = InLine { line: self, waiter };
        poll_fn(|cx| match guard.waiter.grant.take() {
            Some(item) => Poll::Ready(item),
            None => {
                guard.waiter.waker.set(Some(cx.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }
}

/// A waiter that passes on what it was given, if it goes away.
struct InLine<'a, T> {
    line: &'a Line<T>,
    waiter: Rc<Waiter<T>>,
}

impl<T> Drop for InLine<'_, T> {
    fn drop(&mut self) {
        self.waiter.is_gone.set(true);
        if let Some(item) = self.waiter.grant.take()
            && !self.line.forgets
        {
            self.line.give(item);
        }
    }
}

/// Items behind a line of wake-ups: a getter that is woken takes an item, if there is one still.
fn lost_wake_up(is_broken: bool) -> Scenario {
    let news = Line::<()>::new(is_broken);
    let items = Rc::new(RefCell::new(VecDeque::new()));
    let (inside, received) = (items.clone(), Rc::new(Cell::new(0)));
    let n_received = received.clone();
    let main = async move {
        let getter = || {
            let (news, items) = (news.clone(), inside.clone());
            async move {
                news.take().await;
                items.borrow_mut().pop_front()
            }
        };
        let consumer = || {
            let (getter, received) = (getter(), n_received.clone());
            async move {
                if timeout(60, getter).await.is_ok_and(|item| item.is_some()) {
                    received.set(received.get() + 1);
                }
            }
        };
        let tasks = [spawn(consumer()), spawn(consumer()), spawn(consumer())];
        for n in 0..3 {
            sleep(1).await;
            inside.borrow_mut().push_back(n);
            news.give(());
        }
        for task in tasks {
            task.handle().done().await;
        }
        // Who is woken for nothing has been cancelled, and its wake-up is here.
        while !inside.borrow().is_empty() {
            let next = timeout(60, getter()).await;
            let next = next.expect("where there is an item there is a wake-up");
            n_received.set(n_received.get() + next.into_iter().count());
        }
    };
    Scenario::new(main, |_| Ok(()))
}

/// Items that are handed to their getter.
fn lost_item(is_broken: bool) -> Scenario {
    let line = Line::<u32>::new(is_broken);
    let (given, received) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (inside, n_given, n_received) = (line.clone(), given.clone(), received.clone());
    let main = async move {
        let consumer = || {
            let (line, received) = (inside.clone(), n_received.clone());
            async move {
                if timeout(60, line.take()).await.is_ok() {
                    received.set(received.get() + 1);
                }
            }
        };
        let tasks = [spawn(consumer()), spawn(consumer()), spawn(consumer())];
        for n in 0..3 {
            sleep(1).await;
            inside.give(n);
            n_given.set(n_given.get() + 1);
        }
        for task in tasks {
            task.handle().done().await;
        }
    };
    Scenario::new(main, move |_| {
        let (given, here) = (given.get(), received.get() + line.items.borrow().len());
        if given == here {
            Ok(())
        } else {
            Err(format!("{given} given, {here} received or left"))
        }
    })
}

/// Permits that are handed to who waits for them.
fn leaked_permit(is_broken: bool) -> Scenario {
    const PERMITS: usize = 2;
    let line = Line::<()>::new(is_broken);
    for _ in 0..PERMITS {
        line.give(());
    }
    let inside = line.clone();
    let main = async move {
        struct Permit(Rc<Line<()>>);
        impl Drop for Permit {
            fn drop(&mut self) {
                self.0.give(());
            }
        }
        let user = || {
            let line = inside.clone();
            async move {
                line.take().await;
                let _permit = Permit(line);
                sleep(1).await;
            }
        };
        let tasks: Vec<_> = (0..5).map(|_| spawn(timeout(60, user()))).collect();
        for task in tasks {
            task.handle().done().await;
        }
    };
    Scenario::new(main, move |_| match line.items.borrow().len() {
        PERMITS => Ok(()),
        left => Err(format!("{left} of {PERMITS} permits are left")),
    })
}

/// Workers that tell the queue when they are done with an item.
fn missing_task_done(is_broken: bool) -> Scenario {
    let queue = Queue::unbounded();
    for item in 0..4 {
        queue.try_put(item).expect("the queue is unbounded");
    }
    let inside = queue.clone();
    let main = async move {
        let worker = || {
            let queue = inside.clone();
            async move {
                if is_broken {
                    while queue.get().await.is_ok() {
                        sleep(1).await;
                        queue.task_done().expect("one was taken");
                    }
                } else {
                    queue.for_each(async |_| sleep(1).await).await;
                }
            }
        };
        let workers = [spawn(worker()), spawn(worker())];
        inside.join().await;
        for worker in workers {
            worker.stop().await;
        }
    };
    Scenario::new(main, move |_| {
        let stats = queue.stats();
        if stats.unfinished == stats.len {
            Ok(())
        } else {
            Err(format!("{stats:?}"))
        }
    })
}

/// A hand-written `with`, whose guard does not know that the clean-up has begun.
async fn with_twice<T>(is_broken: bool, resource: Resource, body: impl Future<Output = T>) -> T {
    struct Twice {
        resource: Option<Rc<Resource>>,
    }
    impl Drop for Twice {
        fn drop(&mut self) {
            if let Some(resource) = self.resource.take() {
                adopt(close(resource));
            }
        }
    }
    async fn close(resource: Rc<Resource>) {
        resource.close().await;
    }
    /// Finishes on the loop, if it is dropped half-way.
    struct Closing(Option<std::pin::Pin<Box<dyn Future<Output = ()>>>>);
    impl Drop for Closing {
        fn drop(&mut self) {
            if let Some(rest) = self.0.take() {
                adopt(rest);
            }
        }
    }
    let resource = Rc::new(resource);
    let mut guard = Twice {
        resource: Some(resource.clone()),
    };
    let out = exit(body).await;
    if !is_broken {
        guard.resource = None;
    }
    let mut closing = Closing(Some(Box::pin(close(resource))));
    shield(poll_fn(|cx| {
        closing.0.as_mut().expect("it is closing").as_mut().poll(cx)
    }))
    .await;
    closing.0 = None;
    guard.resource = None;
    match out {
        aioli_task::Exit::Value(value) => value,
        aioli_task::Exit::Cancelled(cancelled) => cancelled.raise().await,
        aioli_task::Exit::Panicked(panic) => std::panic::resume_unwind(panic),
    }
}

fn double_clean_up(is_broken: bool) -> Scenario {
    let ledger = Ledger::default();
    let inside = ledger.clone();
    let main = async move {
        let user = |seconds: u32| {
            let ledger = inside.clone();
            async move { with_twice(is_broken, ledger.open(), sleep(seconds)).await }
        };
        let tasks = [spawn(user(1)), spawn(user(2)), spawn(user(3))];
        for task in tasks {
            let _ = catch(task.outcome()).await;
        }
    };
    Scenario::new(main, move |_| ledger.check())
}

/// The one call that a test needs tells the sound from the broken, by where it was called.
#[test]
fn the_short_form_finds_each_of_them() {
    type Case = fn(bool) -> Scenario;
    let cases: [Case; 5] = [
        lost_wake_up,
        lost_item,
        leaked_permit,
        missing_task_done,
        double_clean_up,
    ];
    for case in cases {
        assert!(check_every_cancel(|| case(false)) >= 20);
        let found = std::panic::catch_unwind(|| check_every_cancel(|| case(true)));
        let panic = found.expect_err("the bug shows");
        let text = panic.downcast_ref::<String>().expect("a list of failures");
        assert!(text.contains(file!()), "{text}");
    }
}

#[test]
fn a_lost_wake_up_is_found() {
    let _: Summary = find("lost wake-up", lost_wake_up);
}

#[test]
fn an_item_lost_after_its_grant_is_found() {
    let _: Summary = find("item lost after its grant", lost_item);
}

#[test]
fn a_leaked_permit_is_found() {
    let _: Summary = find("leaked permit", leaked_permit);
}

#[test]
fn a_missing_task_done_is_found() {
    let _: Summary = find("missing task_done", missing_task_done);
}

#[test]
fn a_clean_up_that_runs_twice_is_found() {
    let broken = find("clean-up run twice", double_clean_up);
    // The guard forgets only what is dropped half-way.
    assert!(
        broken
            .failures()
            .iter()
            .all(|failure| failure.cut.how() == Some(How::Drop)),
        "{broken}"
    );
}
