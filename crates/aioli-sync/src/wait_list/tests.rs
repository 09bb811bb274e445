//! The list against its model, and what its keys promise.

use super::{Departed, Key, WaitList};
use crate::wakers::Wakers;
use proptest::prelude::{Strategy, any, prop_oneof};
use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

fn push(list: &mut WaitList<u32, u32>, want: u32) -> Key {
    list.push(want, Waker::noop().clone())
}

fn poll(list: &mut WaitList<u32, u32>, key: Key) -> Poll<u32> {
    list.poll(
        key,
        &Context::from_waker(Waker::noop()),
        &mut Wakers::default(),
    )
}

#[test]
fn waiters_are_granted_in_order_of_arrival() {
    let mut list = WaitList::new();
    let keys = [1, 2, 3].map(|want| push(&mut list, want));
    let mut wakers = Wakers::default();

    assert!(!list.grant_first_if(|&want| (want > 1).then_some(0), &mut wakers));
    assert!(list.grant_first(10, &mut wakers));
    assert!(list.grant_first(20, &mut wakers));
    assert_eq!(list.len(), 1);

    assert_eq!(poll(&mut list, keys[1]), Poll::Ready(20));
    assert_eq!(poll(&mut list, keys[0]), Poll::Ready(10));
    assert_eq!(poll(&mut list, keys[2]), Poll::Pending);
    assert!(matches!(
        list.remove(keys[2], &mut wakers),
        Departed::Waiting
    ));
    assert!(!list.grant_first(40, &mut wakers));
}

#[test]
fn an_idle_list_gives_the_memory_of_a_crowd_back() {
    let mut list = WaitList::<u32, u32>::new();
    let keys: Vec<_> = (0..1000).map(|want| push(&mut list, want)).collect();
    for key in keys {
        list.remove(key, &mut Wakers::default());
    }
    assert!(list.slots.is_empty());
    assert!(list.slots.capacity() <= super::IDLE_SLOTS_MAX);
}

#[test]
#[should_panic(expected = "a key outlived its waiter")]
fn a_key_of_the_past_opens_nothing() {
    let mut list = WaitList::<u32, u32>::new();
    let _stays = push(&mut list, 0);
    let gone = push(&mut list, 1);
    list.remove(gone, &mut Wakers::default());
    let _reuses_the_slot = push(&mut list, 2);
    let _ = poll(&mut list, gone);
}

#[derive(Clone, Debug)]
enum Op {
    Push(u32),
    GrantFirst,
    GrantOdd,
    Poll(usize),
    Remove(usize),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        any::<u32>().prop_map(Op::Push),
        any::<u32>().prop_map(Op::Push),
        proptest::strategy::Just(Op::GrantFirst),
        proptest::strategy::Just(Op::GrantOdd),
        any::<usize>().prop_map(Op::Poll),
        any::<usize>().prop_map(Op::Remove),
    ];
    proptest::collection::vec(op, 0..200)
}

/// The list with its obvious model: waiting keys in order, granted keys aside.
#[derive(Default)]
struct Model {
    waiting: VecDeque<u32>,
    granted: Vec<u32>,
}

proptest::proptest! {
    /// Wants are unique serial numbers; a grant is the want itself plus one million.
    #[test]
    fn the_list_is_a_queue_with_removal(ops in ops()) {
        let mut list = WaitList::<u32, u32>::new();
        let mut model = Model::default();
        let mut keys: Vec<(u32, Key)> = Vec::new();
        for (serial, op) in (0u32..).zip(ops) {
            let mut wakers = Wakers::default();
            match op {
                Op::Push(parity) => {
                    let want = serial * 2 + parity % 2;
                    keys.push((want, push(&mut list, want)));
                    model.waiting.push_back(want);
                }
                Op::GrantFirst => {
                    let mut first = None;
                    let granted = list.grant_first_if(
                        |&want| {
                            first = Some(want);
                            Some(want)
                        },
                        &mut wakers,
                    );
                    assert_eq!(first, model.waiting.front().copied());
                    assert_eq!(granted, first.is_some());
                    model.granted.extend(model.waiting.pop_front());
                }
                Op::GrantOdd => {
                    list.grant_where(|want| want % 2 == 1, || 7, &mut wakers);
                    let is_odd = |want: &u32| want % 2 == 1;
                    let (odd, even): (Vec<_>, Vec<_>) = model.waiting.drain(..).partition(is_odd);
                    model.granted.extend(odd);
                    model.waiting = even.into();
                }
                Op::Poll(pick) if !keys.is_empty() => {
                    let pick = pick % keys.len();
                    let (want, key) = keys[pick];
                    let polled = poll(&mut list, key);
                    assert_eq!(polled.is_ready(), model.granted.contains(&want));
                    if polled.is_ready() {
                        keys.remove(pick);
                        model.granted.retain(|&granted| granted != want);
                    }
                }
                Op::Remove(pick) if !keys.is_empty() => {
                    let (want, key) = keys.remove(pick % keys.len());
                    let departed = list.remove(key, &mut wakers);
                    let was_granted = matches!(departed, Departed::Granted(_));
                    assert_eq!(was_granted, model.granted.contains(&want));
                    model.waiting.retain(|&waiting| waiting != want);
                    model.granted.retain(|&granted| granted != want);
                }
                Op::Poll(_) | Op::Remove(_) => {}
            }
            assert_eq!(list.len(), model.waiting.len());
            assert_eq!(list.n_present as usize, model.waiting.len() + model.granted.len());
        }
    }
}
