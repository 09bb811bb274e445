//! Wakers: counted references to a task, in the form that futures know.
#![expect(
    unsafe_code,
    reason = "a waker without an allocation of its own needs a table of raw functions"
)]

use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::header::Header;
use super::task_ref;

/// What a task's waker does; its data is the address of the header.
static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop);

/// A waker that owns a reference.
///
/// # Safety
///
/// The caller has a counted reference, and gives it away.
pub(super) unsafe fn from_counted(task: NonNull<Header>) -> Waker {
    // SAFETY: the functions of the table take and give back references as a waker's must, and work
    // on every thread.
    unsafe { Waker::new(task.as_ptr().cast_const().cast(), &TABLE) }
}

/// A waker that owns none, and is not to be dropped.
///
/// # Safety
///
/// The task is kept from being freed for as long as the waker is used.
pub(super) unsafe fn borrowed(task: NonNull<Header>) -> ManuallyDrop<Waker> {
    // SAFETY: it gives nothing back, as it is not dropped; the rest is the caller's promise.
    ManuallyDrop::new(unsafe { from_counted(task) })
}

/// The task of a waker's data.
///
/// # Safety
///
/// The data is that of one of our wakers, which the caller has.
unsafe fn task(data: *const ()) -> NonNull<Header> {
    // SAFETY: it was not null when the waker was made of it.
    unsafe { NonNull::new_unchecked(data.cast_mut().cast()) }
}

/// Makes another waker of the same task.
///
/// # Safety
///
/// The data is that of one of our wakers, which the caller has.
unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: the data is that of a waker.
    let task = unsafe { task(data) };
    // SAFETY: the caller has the waker, and so a reference.
    task_ref::take(unsafe { task.as_ref() });
    RawWaker::new(data, &TABLE)
}

/// Wakes the task and gives the waker away.
///
/// # Safety
///
/// The data is that of one of our wakers, which the caller has.
unsafe fn wake(data: *const ()) {
    // SAFETY: the data is that of a waker.
    let task = unsafe { task(data) };
    // SAFETY: the caller has the waker, and so a reference, and gives it away.
    unsafe { task_ref::wake_and_give_back(task) };
}

/// Wakes the task.
///
/// # Safety
///
/// The data is that of one of our wakers, which the caller has.
unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: the data is that of a waker.
    let task = unsafe { task(data) };
    // SAFETY: the caller has the waker, and so a reference.
    unsafe { task_ref::wake(task) };
}

/// Gives the waker away.
///
/// # Safety
///
/// The data is that of one of our wakers, which the caller has.
unsafe fn drop(data: *const ()) {
    // SAFETY: the data is that of a waker.
    let task = unsafe { task(data) };
    // SAFETY: the caller has the waker, and so a reference, and gives it away.
    unsafe { task_ref::give_back(task) };
}
