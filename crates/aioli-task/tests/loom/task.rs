//! The transitions of a task's state that can race, and the orderings each of them needs.
#![expect(
    unsafe_code,
    reason = "the places of a model are read and written as memory is, and loom says whether they may"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicUsize as StdUsize, Ordering::SeqCst};

use aioli_task::models::{DETACH, DONE, Fate, JOIN, OnceBox, Returns, State, WAKE, weaken};
use loom::cell::UnsafeCell;
use loom::sync::Mutex;
use loom::thread;

/// Memory without a lock: loom fails the model if two threads use it at once.
struct Place<T>(UnsafeCell<T>);

// SAFETY: what may touch it when is what the models are about; loom ends one that does it wrong
// before the memory is touched.
unsafe impl<T: Copy> Sync for Place<T> {}
// SAFETY: as above.
unsafe impl<T: Copy> Send for Place<T> {}

impl<T: Copy> Place<T> {
    fn new(value: T) -> Place<T> {
        Place(UnsafeCell::new(value))
    }

    fn read(&self) -> T {
        // SAFETY: loom has just checked that nobody writes.
        self.0.with(|value| unsafe { *value })
    }

    fn write(&self, new: T) {
        // SAFETY: loom has just checked that nobody else uses it.
        self.0.with_mut(|value| unsafe { *value = new });
    }
}

/// A task as its memory sees it: whoever uses it reads `used`, whoever frees it writes.
struct Task {
    state: State,
    used: Place<u32>,
    /// What two foreign threads, or the home, have to say, each before it tells.
    said: [Place<u32>; 2],
    frees: StdUsize,
    inbox: Mutex<Inbox>,
    /// The reasons that were acted upon, one by one.
    acted: StdMutex<Vec<u64>>,
    /// Whether somebody waits for the end of the task, and how often it was woken.
    waits: Mutex<bool>,
    wakes: StdUsize,
}

#[derive(Default)]
struct Inbox {
    has_task: bool,
    is_closed: bool,
}

impl Task {
    /// A task to which its home has so many references.
    fn new(references: u32) -> Arc<Task> {
        Arc::new(Task {
            state: State::new(0, references),
            used: Place::new(0),
            said: [Place::new(0), Place::new(0)],
            frees: StdUsize::new(0),
            inbox: Mutex::new(Inbox::default()),
            acted: StdMutex::default(),
            waits: Mutex::new(false),
            wakes: StdUsize::new(0),
        })
    }

    fn uses(&self) {
        assert_eq!(self.used.read(), 0, "used after it was freed");
    }

    fn free(&self) {
        self.used.write(1);
        assert_eq!(self.frees.fetch_add(1, SeqCst), 0, "freed twice");
    }

    fn is_freed(&self) -> bool {
        self.frees.load(SeqCst) == 1
    }

    fn follow(&self, fate: Fate) {
        match fate {
            Fate::Alive => {}
            Fate::Free => self.free(),
            Fate::Post => self.mail(),
        }
    }

    fn foreign_give_back(&self) {
        self.uses();
        self.follow(self.state.foreign_give_back());
    }

    fn give_back(&self) {
        self.uses();
        self.follow(self.state.give_back());
    }

    fn post(&self, reason: u64) {
        if self.state.post(reason) {
            self.mail();
        }
    }

    /// Where the inbox is closed, acts as the home would.
    fn mail(&self) {
        let mut inbox = self.inbox.lock().unwrap();
        if !inbox.is_closed {
            assert!(!inbox.has_task, "in the inbox twice");
            inbox.has_task = true;
            return;
        }
        drop(inbox);
        self.act_and_leave(self.state.take_reasons());
    }

    fn act_and_leave(&self, mut reasons: u64) {
        loop {
            self.uses();
            self.act(reasons);
            match self.state.leave_inbox() {
                None => reasons = self.state.take_reasons(),
                Some(fate) => return self.follow(fate),
            }
        }
    }

    /// The first who speaks posts WAKE or JOIN, the second DETACH.
    fn act(&self, reasons: u64) {
        for (reason, who) in [(WAKE, 0), (JOIN, 0), (DETACH, 1)] {
            if reasons & reason != 0 {
                self.hear(who);
                self.acted.lock().unwrap().push(reason);
            }
        }
        if reasons & JOIN != 0 {
            self.wake();
        }
    }

    fn acted(&self) -> Vec<u64> {
        let mut acted = self.acted.lock().unwrap().clone();
        acted.sort_unstable();
        acted
    }

    fn wake(&self) {
        if std::mem::take(&mut *self.waits.lock().unwrap()) {
            self.wakes.fetch_add(1, SeqCst);
        }
    }

    /// What the home does with its inbox.
    fn receive(&self) {
        if std::mem::take(&mut self.inbox.lock().unwrap().has_task) {
            self.received();
        }
    }

    fn received(&self) {
        let (reasons, stays) = self.state.receive();
        if stays {
            return self.act_and_leave(reasons);
        }
        self.state.take();
        self.act(reasons);
        self.state.settle();
        self.give_back();
    }

    /// The end of the loop.
    fn close(&self) {
        let mut inbox = self.inbox.lock().unwrap();
        inbox.is_closed = true;
        let has_task = std::mem::take(&mut inbox.has_task);
        drop(inbox);
        if has_task {
            self.received();
        }
        if self.state.is_biased() {
            self.state.take();
            self.state.unbias();
            self.give_back();
        }
    }

    fn say(&self, who: usize) {
        self.said[who].write(1);
    }

    fn hear(&self, who: usize) {
        assert_eq!(self.said[who].read(), 1);
    }
}

/// Runs `f` on the task in another thread.
fn elsewhere<T: 'static>(
    task: &Arc<Task>,
    f: impl FnOnce(&Task) -> T + 'static,
) -> thread::JoinHandle<T> {
    let task = task.clone();
    thread::spawn(move || f(&task))
}

fn join<const N: usize>(threads: [thread::JoinHandle<()>; N]) {
    for thread in threads {
        thread.join().unwrap();
    }
}

/// A reference that another thread has cloned is given back while the home gives back the last
/// one of its own.
fn clone_against_last_at_home() {
    let task = Task::new(1);
    let middle = task.clone();
    // It has the home's reference, clones it for a third thread, and brings it back.
    let lender = thread::spawn(move || {
        middle.state.foreign_take();
        let third = middle.clone();
        thread::spawn(move || third.foreign_give_back())
    });
    let third = lender.join().unwrap();
    task.give_back();
    third.join().unwrap();
    assert!(task.is_freed());
}

/// Another thread gives back a reference that the home has counted.
fn lent_reference_against_last_at_home() {
    let task = Task::new(2);
    let thread = elsewhere(&task, Task::foreign_give_back);
    task.give_back();
    task.receive();
    join([thread]);
    task.receive();
    assert!(task.is_freed());
}

/// Two other threads give back references that the home has counted, and the home has none left.
fn two_lent_references() {
    let task = Task::new(3);
    let threads = [(); 2].map(|()| elsewhere(&task, Task::foreign_give_back));
    task.give_back();
    task.receive();
    join(threads);
    task.receive();
    task.receive();
    assert!(task.is_freed());
}

/// Two threads post for different reasons; the home hears what each had to say.
fn two_posts() {
    let task = Task::new(3);
    let threads = [JOIN, DETACH].map(|reason| {
        elsewhere(&task, move |other| {
            other.say(usize::from(reason == DETACH));
            other.post(reason);
        })
    });
    task.receive();
    join(threads);
    task.receive();
    assert_eq!(task.acted(), [JOIN, DETACH]);
}

/// The same when the loop ends meanwhile: somebody hears each of them, once.
fn two_posts_against_the_end_of_the_loop() {
    let task = Task::new(3);
    let threads = [JOIN, DETACH].map(|reason| {
        elsewhere(&task, move |other| {
            other.say(usize::from(reason == DETACH));
            other.post(reason);
            other.foreign_give_back();
        })
    });
    task.close();
    task.give_back();
    join(threads);
    assert_eq!(task.acted(), [JOIN, DETACH]);
    assert!(task.is_freed());
}

/// A task is woken from another thread while the home takes it in: it is polled once after that,
/// and the poll sees what was done before the wake, as the delivery of a request to cancel.
fn wake_against_run() {
    let task = Task::new(2);
    let thread = elsewhere(&task, |other| {
        other.say(0);
        other.post(WAKE);
        other.foreign_give_back();
    });
    task.receive();
    join([thread]);
    task.receive();
    assert_eq!(task.acted(), [WAKE]);
    task.give_back();
    task.receive();
    assert!(task.is_freed());
}

/// A task is woken from another thread while the home ends it and gives its last reference back.
fn wake_against_completion() {
    let task = Task::new(2);
    let thread = elsewhere(&task, |other| {
        other.say(0);
        if other.state.seen() & DONE == 0 {
            other.post(WAKE);
        }
        other.foreign_give_back();
    });
    task.state.change(DONE, 0);
    task.give_back();
    task.receive();
    join([thread]);
    task.receive();
    task.receive();
    assert!(task.is_freed());
}

/// A merged task that another thread posts and lets go of, while the home takes it out.
fn post_of_a_merged_task() {
    let task = Task::new(1);
    task.state.foreign_take();
    task.give_back();
    let thread = elsewhere(&task, |other| {
        other.say(0);
        other.post(WAKE);
        other.foreign_give_back();
    });
    task.receive();
    join([thread]);
    task.receive();
    assert!(task.is_freed());
}

/// Another thread begins to wait while the home ends the task: it is woken, or sees the end, and
/// sees the output.
fn join_against_completion() {
    let task = Task::new(2);
    let thread = elsewhere(&task, |other| {
        other.say(0);
        *other.waits.lock().unwrap() = true;
        other.post(JOIN);
        let is_done = other.state.seen() & DONE != 0;
        if is_done {
            other.hear(1);
        }
        is_done
    });
    task.say(1);
    task.state.change(DONE, 0);
    task.wake();
    task.receive();
    let saw_the_end = thread.join().unwrap();
    task.receive();
    assert!(saw_the_end || task.wakes.load(SeqCst) == 1);
}

/// The handle is dropped on another thread while the home ends the task: the output is dropped
/// once, and by one who sees it.
fn detach_against_completion() {
    let task = Task::new(2);
    let thread = elsewhere(&task, |other| {
        let is_done = other.state.seen() & DONE != 0;
        if is_done {
            other.hear(1);
        } else {
            other.post(DETACH);
        }
        other.foreign_give_back();
        is_done
    });
    task.say(1);
    task.state.change(DONE, 0);
    task.receive();
    let dropped_there = thread.join().unwrap();
    task.receive();
    assert_eq!(task.acted().len() + usize::from(dropped_there), 1);
}

/// A cell that is given back elsewhere, as its link sees it.
struct Cell {
    link: Place<*mut Cell>,
}

/// The memory of a loop: its stack, and its cells.
struct Memory {
    returns: Returns<Cell>,
    cells: [Cell; 2],
    ends: StdUsize,
    is_there: Place<bool>,
    /// Stands for the count that is stored before the stack is closed: loom would not let a
    /// subtraction come before that store, whatever the orderings.
    live: Place<usize>,
}

impl Memory {
    fn new() -> Arc<Memory> {
        let cell = || Cell {
            link: Place::new(std::ptr::null_mut()),
        };
        Arc::new(Memory {
            returns: Returns::new(),
            cells: [cell(), cell()],
            ends: StdUsize::new(0),
            is_there: Place::new(true),
            live: Place::new(0),
        })
    }

    fn account(&self, count: usize) {
        assert!(self.is_there.read());
        if self.returns.account(count) {
            self.is_there.write(false);
            self.ends.fetch_add(1, SeqCst);
        }
    }

    fn give(&self, which: usize) {
        let cell = &self.cells[which];
        let address = std::ptr::from_ref(cell).cast_mut();
        if !self.returns.push(address, |next| cell.link.write(next)) {
            assert!(self.live.read() > 0);
            self.account(1);
        }
    }

    /// How many cells hang on a list.
    fn length(&self, mut list: *mut Cell) -> usize {
        let mut length = 0;
        while let Some(cell) = self.cells.iter().find(|cell| std::ptr::eq(*cell, list)) {
            list = cell.link.read();
            length += 1;
        }
        length
    }
}

/// Two threads give cells back while the loop takes some and ends: all are accounted for, and the
/// last one ends the memory.
fn cells_against_the_end_of_the_loop() {
    let memory = Memory::new();
    let threads = [0, 1].map(|which| {
        let memory = memory.clone();
        thread::spawn(move || memory.give(which))
    });
    let early = memory.length(memory.returns.take());
    memory.live.write(3 - early);
    let late = memory.length(memory.returns.close(2 - early));
    memory.account(late + 1);
    join(threads);
    assert_eq!(memory.ends.load(SeqCst), 1);
}

/// Two threads make the same box, and a third looks for it: all see what it holds.
fn a_box_made_twice() {
    fn look(place: &OnceBox<Place<u32>>) -> u32 {
        let made = place.get_or_init(|| {
            let made = Place::new(0);
            made.write(7);
            Box::new(made)
        });
        made.read()
    }
    let place = Arc::new(OnceBox::new());
    let threads = [0, 1].map(|_| {
        let place = place.clone();
        thread::spawn(move || assert_eq!(look(&place), 7))
    });
    if let Some(made) = place.get() {
        assert_eq!(made.read(), 7);
    }
    join(threads);
}

/// A model by its name, with the orderings without which it must fail.
type Model = (&'static str, fn(), &'static [u32]);

const MODELS: &[Model] = &[
    (
        "clone against last at home",
        clone_against_last_at_home,
        &[3, 4, 5],
    ),
    (
        "lent reference against last at home",
        lent_reference_against_last_at_home,
        &[],
    ),
    ("two lent references", two_lent_references, &[]),
    ("two posts", two_posts, &[6, 8]),
    (
        "two posts against the end",
        two_posts_against_the_end_of_the_loop,
        &[7],
    ),
    ("wake against run", wake_against_run, &[]),
    ("wake against completion", wake_against_completion, &[]),
    ("post of a merged task", post_of_a_merged_task, &[9]),
    ("join against completion", join_against_completion, &[1, 2]),
    ("detach against completion", detach_against_completion, &[]),
    (
        "cells against the end",
        cells_against_the_end_of_the_loop,
        &[10, 11, 12, 13, 14],
    ),
    ("a box made twice", a_box_made_twice, &[15, 16, 17]),
];

/// Runs a model through every order of its steps in which threads are interrupted up to three
/// times; more than that would take hours for three threads.
fn run(model: fn()) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// One test, for the orderings are weakened for the whole process.
#[test]
fn races_end_well_and_each_ordering_is_needed() {
    for (name, model, needed) in MODELS {
        println!("{name}");
        run(*model);
        for ordering in *needed {
            weaken(*ordering);
            let outcome = catch_unwind(AssertUnwindSafe(|| run(*model)));
            weaken(0);
            assert!(
                outcome.is_err(),
                "{name}: ordering {ordering} seems to be of no use"
            );
        }
    }
}
