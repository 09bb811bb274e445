//! The right to a task's output, which its one handle has.
#![expect(
    unsafe_code,
    reason = "takes the output out of a task without its type"
)]

use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};
use std::ptr::NonNull;

use super::handle::TaskHandle;
use super::header::{End, Header, Payload};
use super::run;
use super::state;
use super::task_ref::{TaskRef, give_back, mail};

/// The right to the output of a task; dropping it before the output is taken detaches the task.
///
/// # Invariants
///
/// 1. The task's future has the output `T`, and there is one such value a task.
/// 2. The state's mark of a taken output says that it is not there any more; only this value sets
///    and reads it.
pub(crate) struct Output<T> {
    /// Given back by [`drop`](Drop::drop), which does it where it stands: this is the end of every
    /// task that is awaited.
    handle: ManuallyDrop<TaskHandle>,
    /// It is on a thread only if a `T` may be, and shared only if a `T` may be.
    marker: PhantomData<T>,
}

impl<T> Output<T> {
    /// # Safety
    ///
    /// The future of the task has the output `T`, and this is the only such value.
    pub(super) unsafe fn new(task: TaskRef) -> Output<T> {
        Output {
            handle: ManuallyDrop::new(TaskHandle(task)),
            marker: PhantomData,
        }
    }

    pub(crate) fn task(&self) -> &TaskRef {
        &self.handle.0
    }

    pub(super) fn handle(&self) -> &TaskHandle {
        &self.handle
    }

    /// Whether the task has ended with an output, which has not been taken.
    #[inline]
    fn is_there(&self) -> bool {
        let end = self.task().header().end();
        matches!(end, Some(End::Value | End::Panicked)) && !self.is_taken()
    }

    #[inline]
    fn is_taken(&self) -> bool {
        self.task().header().state.is_taken()
    }

    /// Where the output is.
    #[inline]
    fn place(&self) -> NonNull<Result<T, Payload>> {
        let task = self.task();
        // SAFETY: the table says where it is, inside of the cell.
        unsafe { task.as_ptr().byte_add(task.header().table.output_at) }.cast()
    }

    /// Takes the output of a task that has ended with a value, at home: what an awaiter finds
    /// that need not wait, by one look at the flags.
    #[inline]
    pub(super) fn take_at_once(&mut self) -> Option<Result<T, Payload>> {
        let header = self.task().header();
        if !header.is_home() || !header.state.has_value() {
            return None;
        }
        header.state.change(state::TAKEN, 0);
        // SAFETY: the output is there, is of that type, and belongs to this value.
        Some(unsafe { self.place().read() })
    }

    /// Takes the output of a task that has ended with one.
    pub(super) fn take(&mut self) -> Option<Result<T, Payload>> {
        if !self.is_there() {
            return None;
        }
        let header = self.task().header();
        if header.is_home() {
            header.state.change(state::TAKEN, 0);
        } else {
            header.state.set_taken();
        }
        // SAFETY: the output is there, is of that type, and belongs to this value.
        Some(unsafe { self.place().read() })
    }

    /// The value that the task has ended with, unless it has been taken.
    pub(super) fn peek(&self) -> Option<&T> {
        if !self.is_there() {
            return None;
        }
        // SAFETY: the output is there, is of that type, and stays while `self` is borrowed.
        unsafe { self.place().as_ref() }.as_ref().ok()
    }
}

impl<T> Drop for Output<T> {
    #[inline]
    fn drop(&mut self) {
        if !self.is_taken() {
            self.detach();
        }
        // SAFETY: the handle's reference, which nobody uses or gives back after this.
        unsafe { give_back(self.task().as_ptr()) }
    }
}

impl<T> Output<T> {
    /// The output will not be taken. Its `Drop` may panic, which must not keep the task's memory.
    #[inline(never)]
    fn detach(&self) {
        struct GiveBack(NonNull<Header>);
        impl Drop for GiveBack {
            fn drop(&mut self) {
                // SAFETY: the handle's reference, whose own giving back is skipped by the panic.
                unsafe { give_back(self.0) }
            }
        }
        let on_panic = GiveBack(self.task().as_ptr());
        let header = self.task().header();
        if header.is_home() || header.is_done() {
            // SAFETY: this speaks for the handle, and its reference keeps the task; on another
            // thread the task has ended, so that the output is this value's.
            unsafe { run::detach(self.task().as_ptr()) };
        } else if header.state.post(state::DETACH) {
            mail(self.task().as_ptr());
        }
        mem::forget(on_panic);
    }
}
