//! Notifications: whom they reach, and where they go when that one goes away.

use crate::harness::{pending, ready, start};
use aioli_sync::Notify;

#[test]
fn one_at_a_time_in_order_and_then_a_permit() {
    let notify = Notify::new();
    let (first, second) = (pending(notify.notified()), pending(notify.notified()));
    notify.notify_one();
    assert!(!second.is_woken());
    first.finish();
    notify.notify_one();
    second.finish();
    notify.notify_one();
    notify.notify_one();
    ready(notify.notified());
    pending(notify.notified()).cancel();
}

#[test]
fn a_cancelled_waiter_hands_its_notification_on() {
    let notify = Notify::new();
    let (first, second) = (pending(notify.notified()), pending(notify.notified()));
    notify.notify_one();
    first.cancel();
    assert!(!notify.stats().permit);
    second.cancel();
    assert!(notify.stats().permit, "nobody was left to be told");
}

#[test]
fn all_are_told_and_a_cancelled_one_owes_nothing() {
    let notify = Notify::new();
    let mut unpolled = start(notify.notified());
    let (first, second) = (pending(notify.notified()), pending(notify.notified()));
    notify.notify_waiters();
    let mut late = pending(notify.notified());
    first.cancel();
    second.finish();
    assert!(late.poll().is_pending());
    assert!(!notify.stats().permit);
    assert!(unpolled.poll().is_ready(), "it was made before");
}
