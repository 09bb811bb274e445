//! Runs a future that lives on the caller's stack as a task.
#![expect(
    unsafe_code,
    reason = "lets `run` take a main future that is not `'static`"
)]

use std::cell::Cell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::process;
use std::ptr::NonNull;
use std::task::{Context, Poll};

/// The future on the stack, and where its output goes.
struct Slot<'a, F: Future> {
    future: Option<F>,
    output: Option<F::Output>,
    /// Whether the [`Borrowed`] that points here has been dropped. It is not in the slot, for it is
    /// read while the slot is still pointed to from elsewhere.
    released: &'a Cell<bool>,
}

trait Erased {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;
    fn release(self: Pin<&mut Self>);
}

impl<F: Future> Slot<'_, F> {
    fn future(self: Pin<&mut Self>) -> Pin<&mut Option<F>> {
        // SAFETY: `future` is structurally pinned: it is set to `None` in place and never moved.
        unsafe { self.map_unchecked_mut(|slot| &mut slot.future) }
    }

    fn output(self: Pin<&mut Self>) -> &mut Option<F::Output> {
        // SAFETY: the output is not structurally pinned.
        unsafe { &mut self.get_unchecked_mut().output }
    }
}

impl<F: Future> Erased for Slot<'_, F> {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let future = self.as_mut().future().as_pin_mut();
        let polled = future
            .expect("a future is not polled after it is done")
            .poll(cx);
        polled.map(|output| *self.output() = Some(output))
    }

    fn release(mut self: Pin<&mut Self>) {
        // Set first: if the future's `Drop` panics, it has been dropped all the same.
        self.released.set(true);
        self.as_mut().future().set(None);
    }
}

/// Stands for the future on the stack; dropping it drops that future.
///
/// # Invariants
///
/// `slot` is valid until `released` is set: [`with`] does not return, nor unwind, before that.
pub(crate) struct Borrowed {
    slot: NonNull<dyn Erased>,
}

impl Future for Borrowed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // SAFETY: the slot is valid (invariant), and only this value refers to it meanwhile.
        let slot = unsafe { self.slot.as_mut() };
        // SAFETY: the slot was pinned before its address was taken.
        unsafe { Pin::new_unchecked(slot) }.poll(cx)
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        // SAFETY: the slot is valid (invariant), and only this value refers to it meanwhile.
        let slot = unsafe { self.slot.as_mut() };
        // SAFETY: the slot was pinned before its address was taken.
        unsafe { Pin::new_unchecked(slot) }.release();
    }
}

/// Ends the process if the frame of a borrowed future is left while it is still referred to.
struct AbortUnlessReleased<'a>(&'a Cell<bool>);

impl Drop for AbortUnlessReleased<'_> {
    fn drop(&mut self) {
        if !self.0.get() {
            process::abort();
        }
    }
}

/// Calls `body` with a stand-in for `future`, which `body` must drop before it returns or
/// unwinds; the process is aborted otherwise. Returns the output, if there is one.
pub(crate) fn with<F: Future, R>(
    future: F,
    body: impl FnOnce(Borrowed) -> R,
) -> (R, Option<F::Output>) {
    let released = Cell::new(false);
    let mut slot = pin!(Slot {
        future: Some(future),
        output: None,
        released: &released,
    });
    let result = {
        let _guard = AbortUnlessReleased(&released);
        // SAFETY: nothing is moved out of the slot through this reference.
        let erased: *mut (dyn Erased + '_) = unsafe { slot.as_mut().get_unchecked_mut() };
        // SAFETY: only the lifetime bound of the trait object changes; the guard sees to it that
        // the pointer is not used after this block (invariant of `Borrowed`).
        let erased: *mut (dyn Erased + 'static) = unsafe { std::mem::transmute(erased) };
        // SAFETY: the address of a local is not null.
        let slot = unsafe { NonNull::new_unchecked(erased) };
        body(Borrowed { slot })
    };
    let output = slot.output().take();
    (result, output)
}
