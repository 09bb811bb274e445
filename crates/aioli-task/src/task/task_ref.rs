//! References to a task: counted ones, and the places in the loop's queues.
#![expect(
    unsafe_code,
    reason = "counts references to tasks in memory that they share with no allocator"
)]

use std::mem;
use std::ptr::NonNull;
use std::task::Waker;

use super::header::{Header, Place};
use super::run;
use super::slab::Slab;
use super::state::{self, Fate};
use crate::event_loop::Remote;
use crate::watchdog::Facts;

/// A counted reference to a task, for every thread.
///
/// # Invariants
///
/// The task is one reference ahead of all others for as long as the value lives.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct TaskRef(NonNull<Header>);

// SAFETY: what a header shows to other threads is in atomics and behind locks (its invariants), and
// the counts tell the home from the others.
unsafe impl Send for TaskRef {}
// SAFETY: as above.
unsafe impl Sync for TaskRef {}

impl TaskRef {
    /// Takes over a reference that has been counted.
    ///
    /// # Safety
    ///
    /// The caller has a counted reference, and gives it away.
    pub(super) unsafe fn from_counted(task: NonNull<Header>) -> TaskRef {
        TaskRef(task)
    }

    /// Counts one more.
    ///
    /// # Safety
    ///
    /// The task is kept from being freed by somebody.
    pub(super) unsafe fn new(task: NonNull<Header>) -> TaskRef {
        // SAFETY: somebody keeps the task, as the caller says.
        take(unsafe { task.as_ref() });
        TaskRef(task)
    }

    #[inline]
    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the task is there (invariant).
        unsafe { self.0.as_ref() }
    }

    pub(super) fn as_ptr(&self) -> NonNull<Header> {
        self.0
    }

    /// Polls the task in the loop's next pass, unless that is to happen anyway.
    #[inline]
    pub(crate) fn wake(&self) {
        // SAFETY: the task is there (invariant).
        unsafe { wake(self.0) }
    }

    /// Notes a waker for the end of the task. False: it has ended already.
    pub(super) fn add_joiner(&self, place: &mut Place, waker: &Waker) -> bool {
        let header = self.header();
        if header.is_done() {
            return false;
        }
        if header.is_home() {
            header.add_joiner(place, waker);
            return true;
        }
        if header.add_foreign_joiner(place, waker) {
            mail(self.0);
        }
        !header.is_done()
    }

    /// Polls a new task in the caller's own turn; it is neither queued nor running. Home only.
    pub(crate) fn step_eagerly(&self) {
        // SAFETY: the task is there (invariant), and a new one has not ended.
        run::apart(|| unsafe { run::step(self.0) });
    }

    /// Drops the future without asking anybody. False: it has ended already, or is running. Home
    /// only.
    pub(crate) fn drop_future(&self) -> bool {
        run::drop_future(self)
    }
}

impl Clone for TaskRef {
    fn clone(&self) -> TaskRef {
        take(self.header());
        TaskRef(self.0)
    }
}

impl Drop for TaskRef {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the reference is counted (invariant), and is not used again.
        unsafe { give_back(self.0) }
    }
}

/// A task in the ready queue, which keeps it from being freed. Home only.
///
/// # Invariants
///
/// QUEUED is set, by whoever made this value, and cleared by nobody else.
pub(crate) struct Queued(NonNull<Header>);

impl Queued {
    /// # Safety
    ///
    /// The caller, at home, has just set QUEUED.
    pub(super) unsafe fn new(task: NonNull<Header>) -> Queued {
        Queued(task)
    }

    /// The alignment of what [`into_raw`](Queued::into_raw) points to.
    pub(crate) const ALIGN: usize = align_of::<Header>();

    /// The place in the queue as a pointer, which is not null; it is not dropped.
    #[inline]
    pub(crate) fn into_raw(self) -> *mut () {
        let task = self.0;
        mem::forget(self);
        task.as_ptr().cast()
    }

    /// The reverse.
    ///
    /// # Safety
    ///
    /// It came from [`into_raw`](Queued::into_raw), and this is done once.
    #[inline]
    pub(crate) unsafe fn from_raw(task: *mut ()) -> Queued {
        // SAFETY: it was not null when it was made.
        Queued(unsafe { NonNull::new_unchecked(task.cast()) })
    }

    /// What is known of the task for ever.
    pub(crate) fn facts(&self) -> Facts {
        // SAFETY: the task is queued, which keeps it (invariant).
        let header = unsafe { self.0.as_ref() };
        Facts {
            serial: header.serial,
            location: Some(header.location),
            type_name: Some(&header.table.type_name),
        }
    }

    /// Polls the task, or ends it if it has been asked to.
    #[inline(always)]
    pub(crate) fn step(self) {
        let task = self.0;
        mem::forget(self);
        // SAFETY: the task is queued, which keeps it (invariant).
        unsafe { run::dequeue(task) }
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        // SAFETY: the task is queued, which keeps it (invariant).
        unsafe { run::unqueue(self.0) }
    }
}

/// A task in the inbox of its loop, which keeps it from being freed.
///
/// # Invariants
///
/// IN_INBOX was set by whoever made this value.
pub(crate) struct Posted(NonNull<Header>);

// SAFETY: as for `TaskRef`; IN_INBOX keeps the task.
unsafe impl Send for Posted {}

impl Posted {
    /// Does what the task was posted for. Home only.
    pub(crate) fn receive(self) {
        // SAFETY: IN_INBOX keeps the task (invariant), until one of the calls below clears it.
        let header = unsafe { self.0.as_ref() };
        let (reasons, stays) = header.state.receive();
        if stays {
            // SAFETY: it is still in the inbox, by this value.
            return unsafe { act_and_leave(self.0, reasons) };
        }
        // What is dropped or woken now may give the last reference back: this one keeps the task.
        // It is not merged, so this thread counts it.
        header.state.take();
        // SAFETY: the reference counted above keeps the task.
        unsafe { act(self.0, reasons) };
        header.state.settle();
        // SAFETY: the reference counted above.
        unsafe { give_back(self.0) };
    }
}

/// Does what was asked for other than merging.
///
/// # Safety
///
/// The task is kept from being freed.
unsafe fn act(task: NonNull<Header>, reasons: u64) {
    // SAFETY: the caller keeps the task from being freed meanwhile.
    let header = unsafe { task.as_ref() };
    if reasons & state::WAKE != 0 && header.is_home() {
        // SAFETY: the caller keeps the task from being freed meanwhile.
        unsafe { wake(task) };
    }
    if reasons & state::JOIN != 0 && header.is_done() {
        header.wake_side_joiners();
    }
    if reasons & state::DETACH != 0 {
        // SAFETY: the one handle is gone; it was on another thread, so the output is `Send`.
        unsafe { run::detach(task) };
    }
}

/// # Safety
///
/// IN_INBOX keeps the task, and the caller is the one who clears it.
unsafe fn act_and_leave(task: NonNull<Header>, mut reasons: u64) {
    // SAFETY: the caller keeps the task from being freed meanwhile.
    let header = unsafe { task.as_ref() };
    loop {
        // SAFETY: IN_INBOX keeps the task.
        unsafe { act(task, reasons) };
        match header.state.leave_inbox() {
            None => reasons = header.state.take_reasons(),
            // SAFETY: it was the last reference.
            Some(Fate::Free) => return unsafe { free(task) },
            Some(_) => return,
        }
    }
}

/// Puts a task into the inbox of its loop, which the caller has just posted it for.
pub(super) fn mail(task: NonNull<Header>) {
    // SAFETY: IN_INBOX keeps the task.
    let header = unsafe { task.as_ref() };
    // The loop may take the task out, free it, and end, before `send` has returned.
    let home = header.home().clone();
    if let Err(Remote::Task(posted)) = home.mailbox.send(Remote::Task(Posted(task))) {
        // The loop has ended, and so has the task: what its home would do is done here.
        let reasons = header.state.take_reasons();
        // SAFETY: IN_INBOX keeps the task, and nobody else is about to clear it.
        unsafe { act_and_leave(posted.0, reasons) };
    }
}

/// # Safety
///
/// The task is kept from being freed.
#[inline]
pub(super) unsafe fn wake(task: NonNull<Header>) {
    // SAFETY: the caller keeps the task from being freed meanwhile.
    let header = unsafe { task.as_ref() };
    if !header.is_home() {
        // SAFETY: the caller keeps the task from being freed meanwhile.
        return unsafe { wake_elsewhere(task) };
    }
    // SAFETY: the caller keeps the task, and this is its home.
    unsafe { wake_at_home(task) };
}

/// Wakes the task, and gives a reference to it back.
///
/// # Safety
///
/// The caller gives away a counted reference.
// PERF: `mutex_hold`: one look whether this is the home is enough for both.
#[inline]
pub(super) unsafe fn wake_and_give_back(task: NonNull<Header>) {
    // SAFETY: the caller's reference keeps the task.
    let header = unsafe { task.as_ref() };
    if !header.is_home() {
        // SAFETY: the caller's reference keeps the task.
        unsafe { wake_elsewhere(task) };
        // SAFETY: the caller's reference.
        return unsafe { give_back_elsewhere(task) };
    }
    // SAFETY: the caller's reference keeps the task, and this is its home.
    unsafe { wake_at_home(task) };
    // SAFETY: the caller's reference, at home.
    unsafe { give_back_at_home(task) };
}

/// # Safety
///
/// The task is kept from being freed, and this is its home.
#[inline]
unsafe fn wake_at_home(task: NonNull<Header>) {
    // SAFETY: the caller keeps the task from being freed meanwhile.
    let header = unsafe { task.as_ref() };
    if header.state.flags() & (state::QUEUED | state::DONE) == 0 {
        header.state.change(state::QUEUED, 0);
        // SAFETY: QUEUED has just been set, at home.
        crate::event_loop::local::push_task(unsafe { Queued::new(task) });
    }
}

/// The same on another thread than the home's.
///
/// # Safety
///
/// The task is kept from being freed.
#[inline(never)]
unsafe fn wake_elsewhere(task: NonNull<Header>) {
    // SAFETY: the caller keeps the task from being freed meanwhile.
    let header = unsafe { task.as_ref() };
    if !header.is_done() && header.state.post(state::WAKE) {
        mail(task);
    }
}

/// Counts a reference more.
#[inline]
pub(super) fn take(header: &Header) {
    if header.is_home() {
        header.state.take();
    } else {
        header.state.foreign_take();
    }
}

/// Counts a reference less, and frees the task if it was the last one.
///
/// # Safety
///
/// The caller gives away a counted reference.
#[inline]
pub(super) unsafe fn give_back(task: NonNull<Header>) {
    // SAFETY: the caller keeps the task from being freed meanwhile.
    let header = unsafe { task.as_ref() };
    if !header.is_home() {
        // SAFETY: the caller's reference.
        return unsafe { give_back_elsewhere(task) };
    }
    // SAFETY: the caller's reference, at home.
    unsafe { give_back_at_home(task) };
}

/// # Safety
///
/// As for [`give_back`], and this is the task's home.
#[inline]
unsafe fn give_back_at_home(task: NonNull<Header>) {
    // SAFETY: the caller keeps the task from being freed meanwhile.
    let header = unsafe { task.as_ref() };
    match header.state.give_back() {
        Fate::Alive => {}
        // SAFETY: it was the last reference.
        Fate::Free => unsafe { free_at_home(task) },
        Fate::Post => mail(task),
    }
}

/// The same on another thread than the home's.
///
/// # Safety
///
/// As for [`give_back`].
#[inline(never)]
unsafe fn give_back_elsewhere(task: NonNull<Header>) {
    // SAFETY: the caller keeps the task from being freed meanwhile.
    match unsafe { task.as_ref() }.state.foreign_give_back() {
        Fate::Alive => {}
        // SAFETY: it was the last reference.
        Fate::Free => unsafe { free(task) },
        Fate::Post => mail(task),
    }
}

/// Frees a task, whose future and output are gone, at home.
///
/// # Safety
///
/// Nobody refers to it.
// PERF: `spawn_join`: few tasks own anything, and those alone go through a call in here.
#[inline(never)]
unsafe fn free_at_home(task: NonNull<Header>) {
    // SAFETY: the caller keeps the task from being freed meanwhile.
    let header = unsafe { task.as_ref() };
    if header.owns_something() {
        // SAFETY: nobody refers to it.
        return unsafe { drop_and_free_at_home(task) };
    }
    let (room, slab) = (header.table.room, header.slab);
    // SAFETY: the slab outlives its cells.
    let slab = unsafe { slab.as_ref() };
    // SAFETY: the cell is of that slab, was allocated with that room, and is nobody's.
    unsafe { slab.free(task.cast(), room) };
}

/// # Safety
///
/// As for [`free_at_home`].
#[cold]
unsafe fn drop_and_free_at_home(task: NonNull<Header>) {
    // SAFETY: the caller keeps the task from being freed meanwhile.
    let header = unsafe { task.as_ref() };
    let (room, slab) = (header.table.room, header.slab);
    // SAFETY: nobody refers to it.
    unsafe { task.drop_in_place() };
    // SAFETY: the slab outlives its cells.
    let slab = unsafe { slab.as_ref() };
    // SAFETY: the cell is of that slab, was allocated with that room, and is nobody's.
    unsafe { slab.free(task.cast(), room) };
}

/// Frees a task, whose future and output are gone.
///
/// # Safety
///
/// Nobody refers to it.
unsafe fn free(task: NonNull<Header>) {
    // SAFETY: the caller keeps the task from being freed meanwhile.
    let header = unsafe { task.as_ref() };
    if header.is_home() {
        // SAFETY: nobody refers to it.
        return unsafe { free_at_home(task) };
    }
    let (room, slab) = (header.table.room, header.slab);
    // SAFETY: nobody refers to it.
    unsafe { task.drop_in_place() };
    // SAFETY: the cell is of that slab, was allocated with that room, and is nobody's; the slab
    // outlives its cells and is not used afterwards.
    unsafe { Slab::free_elsewhere(slab, task.cast(), room) };
}
