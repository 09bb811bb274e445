//! What a whole primitive keeps of the memory that a burst took.

use crate::harness::ready;
use aioli_sync::{Queue, channel};
use aioli_tally::held;

const BURST: u64 = 1_000_000;
const BYTES: isize = BURST as isize * size_of::<u64>() as isize;

/// More than any container keeps for the next burst.
const KEPT_MAX: isize = 8192;

/// Fills and empties: beyond what is held while idle, nearly nothing is kept.
#[track_caller]
fn check(fill: impl FnOnce(), empty: impl FnOnce()) {
    let idle = held();
    fill();
    assert!(held() - idle >= BYTES, "the burst is held");
    empty();
    let kept = held() - idle;
    assert!(kept <= KEPT_MAX, "{kept} bytes are kept");
}

#[test]
fn a_channel_gives_the_memory_of_a_burst_back() {
    let (tx, rx) = channel::unbounded();
    let fill = || (0..BURST).for_each(|n| tx.try_send(n).expect("there is no bound"));
    check(fill, || {
        (0..BURST).for_each(|n| assert_eq!(ready(rx.recv()), Ok(n)));
    });
    check(fill, || {
        let (mut batch, mut left) = (Vec::new(), BURST);
        while left > 0 {
            left -= ready(rx.recv_many(&mut batch, 1000)).expect("it is open") as u64;
            batch.clear();
        }
    });
    check(fill, || {
        rx.close();
        assert_eq!(tx.stats().len, 0);
    });
}

#[test]
fn a_queue_gives_the_memory_of_a_burst_back() {
    let queue = Queue::builder().max_bytes(usize::MAX, |_| 1).build();
    let fill = || (0..BURST).for_each(|n| queue.try_put(n).expect("there is room"));
    check(fill, || {
        (0..BURST).for_each(|n| assert_eq!(ready(queue.get()), Ok(n)));
    });
    check(fill, || {
        assert_eq!(queue.shutdown_now().len() as u64, BURST);
    });
}
