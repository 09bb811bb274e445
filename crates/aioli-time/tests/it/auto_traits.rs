//! Every public type is `Send`, and what is not polled through `&mut` is `Sync`.

use std::time::Instant;

use aioli_time::{Alarm, Deadline, Interval, MissedTicks, Sleep, Stats, TimerHandle};

fn is_all<T: Send + Sync + Unpin>() {}
fn is_send<T: Send>(_: T) {}

#[test]
fn every_public_type() {
    is_all::<Alarm>();
    is_all::<Sleep>();
    is_all::<Interval>();
    is_all::<MissedTicks>();
    is_all::<Deadline>();
    is_all::<TimerHandle>();
    is_all::<Stats>();
}

#[test]
fn every_future() {
    let mut ticks = aioli_time::interval(1);
    is_send(ticks.tick());
    is_send(ticks.next());
    is_send(aioli_time::sleep(1));
    is_send(aioli_time::sleep_until(Instant::now()));
    is_send(Deadline::NEVER.wait());
}
