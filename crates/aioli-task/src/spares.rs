//! What tasks and handlers leave behind is used again by the next ones, thread by thread.
//!
//! A pile keeps few: a burst goes back to the allocator, and the end of a loop drops what its thread
//! has kept. What is kept is blank, so that dropping it calls nobody's code.

use std::cell::RefCell;
use std::thread::LocalKey;

/// What all that is in one pile may weigh; see the callers for what one of theirs does.
const KEPT: usize = 512;

/// Spare values of one kind, each with its weight.
#[derive(Debug)]
pub(crate) struct Pile<T>(RefCell<Heap<T>>);

#[derive(Debug)]
struct Heap<T> {
    values: Vec<(T, usize)>,
    weight: usize,
}

/// A thread's pile.
pub(crate) type Piles<T> = LocalKey<Pile<T>>;

impl<T> Heap<T> {
    const fn new() -> Heap<T> {
        Heap {
            values: Vec::new(),
            weight: 0,
        }
    }
}

impl<T> Pile<T> {
    pub(crate) const fn new() -> Pile<T> {
        Pile(RefCell::new(Heap::new()))
    }
}

/// Takes the value that was put last, unless there is none or the thread is ending.
pub(crate) fn take<T>(piles: &'static Piles<T>) -> Option<T> {
    let taken = piles.try_with(|pile| {
        let heap = &mut *pile.0.borrow_mut();
        let (value, weight) = heap.values.pop()?;
        heap.weight -= weight;
        Some(value)
    });
    taken.ok().flatten()
}

/// Keeps a blank value, or drops it if there are enough.
pub(crate) fn put<T>(piles: &'static Piles<T>, value: T, weight: usize) {
    // Where the thread is ending, the value goes with the closure.
    let _ = piles.try_with(move |pile| {
        let heap = &mut *pile.0.borrow_mut();
        if heap.weight + weight <= KEPT {
            heap.weight += weight;
            heap.values.push((value, weight));
        }
    });
}

/// Drops what the thread has kept.
pub(crate) fn clear<T>(piles: &'static Piles<T>) {
    let _ = piles.try_with(|pile| pile.0.replace(Heap::new()));
}
