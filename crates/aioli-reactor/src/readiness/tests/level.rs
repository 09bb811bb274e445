//! Every order of the steps of those who meet over a source that is watched by level.

use super::*;

/// What a kernel does for one descriptor.
#[derive(Debug, Clone, Copy)]
struct Kernel {
    bytes: usize,
    by_level: bool,
    /// The edge that the next wait reports.
    has_edge: bool,
}

impl Kernel {
    /// The peer sends.
    fn arrive(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.has_edge = true;
    }

    /// The trigger is changed: what is there is reported, as by a new edge.
    fn watch(&mut self, by_level: bool) {
        self.by_level = by_level;
        self.has_edge = self.bytes > 0;
    }

    fn wait(&mut self) -> bool {
        let is_reported = self.bytes > 0 && (self.by_level || self.has_edge);
        self.has_edge = false;
        is_reported
    }
}

/// All that there is, at one moment.
#[derive(Debug, Clone)]
struct World {
    word: usize,
    kernel: Kernel,
    /// What the reader saw before its read.
    seen: Option<Snapshot>,
    /// Whether the read has filled its buffer.
    outcome: Option<Extent>,
    /// What the wait has reported, and has not noted yet.
    reported: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Extent {
    Full,
    Short,
    WouldBlock,
}

impl World {
    fn new(word: usize, by_level: bool, bytes: usize) -> World {
        World {
            word,
            kernel: Kernel {
                bytes,
                by_level,
                has_edge: false,
            },
            seen: None,
            outcome: None,
            reported: false,
        }
    }

    fn with<T>(&mut self, act: impl FnOnce(&Readiness) -> T) -> T {
        let word = Readiness(AtomicUsize::new(self.word));
        let result = act(&word);
        self.word = word.observe().0;
        result
    }

    fn observe(&mut self) {
        let seen = self.with(|word| word.observe());
        self.seen = seen.is_worth_trying(Interest::Readable).then_some(seen);
        self.outcome = None;
    }

    fn read(&mut self) {
        if self.seen.is_none() {
            return;
        }
        const BUFFER: usize = 2;
        let n = self.kernel.bytes.min(BUFFER);
        self.kernel.bytes -= n;
        self.outcome = Some(match n {
            0 => Extent::WouldBlock,
            BUFFER => Extent::Full,
            _ => Extent::Short,
        });
    }

    fn note(&mut self) {
        let (Some(seen), Some(outcome)) = (self.seen, self.outcome) else {
            return;
        };
        self.with(|word| match outcome {
            Extent::Full => word.transition_to_assumed(seen),
            Extent::Short => {
                word.transition_to_drained(seen, Interest::Readable);
            }
            Extent::WouldBlock => {
                word.transition_to_waiting(seen, Interest::Readable);
            }
        });
    }

    fn wait(&mut self) {
        self.reported = self.kernel.wait();
    }

    fn report(&mut self) {
        if self.reported {
            self.with(|word| word.transition_to_ready(Ready::READABLE));
        }
    }
}

type Step = fn(&mut World);

/// Runs the threads in every order of their steps, and `check` at the end of each.
fn every_order(world: &World, threads: &[&[Step]], check: &impl Fn(&World), orders: &mut usize) {
    let mut is_end = true;
    for (index, thread) in threads.iter().enumerate() {
        let [step, rest @ ..] = thread else { continue };
        is_end = false;
        let mut next = world.clone();
        step(&mut next);
        let mut threads = threads.to_vec();
        threads[index] = rest;
        every_order(&next, &threads, check, orders);
    }
    if is_end {
        *orders += 1;
        check(world);
    }
}

const READ: [Step; 6] = [
    World::observe,
    World::read,
    World::note,
    World::observe,
    World::read,
    World::note,
];
const TURN: [Step; 2] = [World::wait, World::report];
const ARRIVE: [Step; 1] = [|world| world.kernel.arrive(3)];
const ENTER: [Step; 2] = [
    |world| world.kernel.watch(true),
    |world| {
        world.with(|word| word.transition_to_level());
    },
];
const LEAVE: [Step; 2] = [
    |world| world.with(Readiness::transition_to_edge),
    |world| world.kernel.watch(false),
];

/// What is unread is known to be there, after one more turn.
fn nothing_is_lost(world: &World) {
    let mut after = world.clone();
    after.wait();
    after.report();
    let is_known = Snapshot(after.word).is_worth_trying(Interest::Readable);
    assert!(after.kernel.bytes == 0 || is_known, "{world:?}");
}

/// The words that a source with two unread bytes can have.
fn words(by_level: bool) -> [usize; 2] {
    let ready = Ready::READABLE.bits() | Ready::WRITABLE.bits() | EDGE;
    let bit = if by_level { BY_LEVEL } else { 0 };
    [ready | bit, ready | bit | UNTRIED_READ]
}

#[test]
fn nothing_is_lost_while_a_source_is_watched_by_level() {
    let mut orders = 0;
    for word in words(true) {
        for bytes in 0..4 {
            let world = World::new(word, true, bytes);
            let threads: [&[Step]; 3] = [&READ, &TURN, &ARRIVE];
            every_order(&world, &threads, &nothing_is_lost, &mut orders);
        }
    }
    assert_eq!(orders, 2 * 4 * 252);
}

#[test]
fn nothing_is_lost_when_it_is_watched_by_edge_again() {
    let mut orders = 0;
    for word in words(true) {
        for bytes in 0..4 {
            let world = World::new(word, true, bytes);
            let threads: [&[Step]; 4] = [&READ, &TURN, &ARRIVE, &LEAVE];
            every_order(&world, &threads, &nothing_is_lost, &mut orders);
        }
    }
    assert_eq!(orders, 2 * 4 * 13_860);
}

#[test]
fn nothing_is_lost_when_it_comes_to_be_watched_by_level() {
    let mut orders = 0;
    for word in words(false) {
        for bytes in 0..4 {
            let world = World::new(word, false, bytes);
            let threads: [&[Step]; 4] = [&READ, &TURN, &ARRIVE, &ENTER];
            every_order(&world, &threads, &nothing_is_lost, &mut orders);
        }
    }
    assert_eq!(orders, 2 * 4 * 13_860);
}

#[test]
fn the_model_finds_what_is_lost_by_the_wrong_order() {
    // Told to the driver first, and noted afterwards.
    let wrong: [Step; 2] = [LEAVE[1], LEAVE[0]];
    let threads: [&[Step]; 4] = [&READ, &TURN, &ARRIVE, &wrong];
    let lost = std::cell::Cell::new(0);
    let count = |world: &World| {
        let mut after = world.clone();
        after.wait();
        after.report();
        let is_known = Snapshot(after.word).is_worth_trying(Interest::Readable);
        if after.kernel.bytes > 0 && !is_known {
            lost.set(lost.get() + 1);
        }
    };
    let world = World::new(words(true)[0], true, 3);
    every_order(&world, &threads, &count, &mut 0);
    assert!(lost.get() > 0);
}
