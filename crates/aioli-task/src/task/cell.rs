//! The task itself: header, and future or output, in one cell.
#![expect(
    unsafe_code,
    reason = "keeps a pinned future and then its output in one place"
)]

use std::alloc::Layout;
use std::any::{Any, type_name};
use std::future::Future;
use std::mem::{ManuallyDrop, needs_drop, offset_of};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::ptr::{self, NonNull};
use std::task::{Context, Poll};

use super::header::{End, Header, Payload, Table};
use super::run;
use super::slab::{Room, Slab};
use super::state::State;

/// What a task returned, or panicked with.
type Output<F> = Result<<F as Future>::Output, Payload>;

/// The future of a task that has not ended, or the output of one that has and was not cancelled.
///
/// Which of the two it is follows from the header's flags, so that no byte is spent on it here.
#[repr(C)]
union Stage<F: Future> {
    future: ManuallyDrop<F>,
    output: ManuallyDrop<Output<F>>,
}

/// A task with its type.
///
/// # Invariants
///
/// 1. `stage` holds the future, pinned and touched at home only, until the header says DONE or a
///    function of this table that ends the future has returned; the header's RUNNING keeps a second
///    use out.
/// 2. After that it holds the output, unless the task was cancelled. The output is the handle's,
///    which is on another thread only if the output is `Send`; without a handle it is the home's.
#[repr(C)]
struct TaskCell<F: Future> {
    header: Header,
    stage: Stage<F>,
}

/// Makes a task in a cell of `slab`. Home only.
#[inline]
pub(super) fn create<F>(
    slab: NonNull<Slab>,
    serial: u64,
    state: State,
    location: &'static Location<'static>,
    future: F,
) -> NonNull<Header>
where
    F: Future<Output: 'static> + 'static,
{
    let table = const { &table_of::<F>() };
    // SAFETY: the home's slab is there while its loop runs.
    let slab_ref = unsafe { slab.as_ref() };
    let cell = slab_ref.allocate(table.room).cast::<TaskCell<F>>();
    // Header and future are written to their places one after the other: a cell that is put
    // together elsewhere and then copied costs a third of the whole spawn.
    // SAFETY: the place is inside of the cell.
    let header = unsafe { &raw mut (*cell.as_ptr()).header };
    // SAFETY: it is fresh memory for a header.
    unsafe { header.write(Header::new(table, serial, state, slab, location)) };
    // SAFETY: the cell is one of that type.
    let place = unsafe { self::future::<F>(cell.cast()) };
    // SAFETY: it is fresh memory for the future.
    unsafe { place.write(future) };
    cell.cast()
}

const fn table_of<F: Future<Output: 'static> + 'static>() -> Table {
    Table {
        room: Room::new(Layout::new::<TaskCell<F>>()),
        type_name: type_name::<F>,
        poll: poll::<F>,
        drop_future: drop_future::<F>,
        output_at: offset_of!(TaskCell<F>, stage),
        drop_output: drop_output::<F>,
        panic: panic::<F>,
    }
}

/// Where future and output are; both begin where their union does.
///
/// # Safety
///
/// The header is that of a `TaskCell<F>`, and is not freed.
#[inline]
unsafe fn stage<F: Future>(task: NonNull<Header>) -> *mut Stage<F> {
    let cell = task.cast::<TaskCell<F>>().as_ptr();
    // SAFETY: the caller says that this is the header of such a cell, and the field is inside of it.
    unsafe { &raw mut (*cell).stage }
}

/// The future's place.
///
/// # Safety
///
/// As for [`stage`].
#[inline]
unsafe fn future<F: Future>(task: NonNull<Header>) -> *mut F {
    // SAFETY: the caller says that this is the header of such a cell.
    unsafe { stage::<F>(task) }.cast()
}

/// The output's place.
///
/// # Safety
///
/// As for [`stage`].
#[inline]
unsafe fn output<F: Future>(task: NonNull<Header>) -> *mut Output<F> {
    // SAFETY: the caller says that this is the header of such a cell.
    unsafe { stage::<F>(task) }.cast()
}

/// # Safety
///
/// At home; the task has its future, and nobody else uses it.
unsafe fn poll<F: Future>(task: NonNull<Header>, cx: &mut Context<'_>) -> Poll<End> {
    // SAFETY: this function is in the table of that type of cell.
    let place = unsafe { future::<F>(task) };
    // SAFETY: the future is there, and nobody else uses it.
    let place = unsafe { &mut *place };
    // SAFETY: a cell does not move, and the future is dropped in its place.
    let pinned = unsafe { Pin::new_unchecked(place) };
    let result = match catch_unwind(AssertUnwindSafe(|| pinned.poll(cx))) {
        Ok(Poll::Pending) => return Poll::Pending,
        Ok(Poll::Ready(value)) => Ok(value),
        Err(panic) => Err(panic),
    };
    // SAFETY: the task has its future, which is not polled any more, at home.
    Poll::Ready(unsafe { finish::<F>(task, result) })
}

/// Drops the future and stores the output. Of two panics the first one tells what went wrong.
///
/// # Safety
///
/// As for [`poll`]; afterwards the future is gone.
#[inline]
unsafe fn finish<F: Future>(task: NonNull<Header>, result: Output<F>) -> End {
    // SAFETY: the task has its future, so it is not freed.
    run::begin_exit(unsafe { task.as_ref() });
    // SAFETY: the task has its future, which is not polled any more, at home.
    let dropped = unsafe { clear::<F>(task) };
    let result = match (result, dropped) {
        (Ok(value), Ok(())) => Ok(value),
        (Err(panic), _) => Err(panic),
        (Ok(value), Err(panic)) => {
            let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
            Err(panic)
        }
    };
    let end = match result {
        Ok(_) => End::Value,
        Err(_) => End::Panicked,
    };
    // SAFETY: this function is in the table of that type of cell.
    let place = unsafe { output::<F>(task) };
    // SAFETY: the future is gone, so its place is free for the output.
    unsafe { place.write(result) };
    end
}

/// Drops the future in its place; a panic of its `Drop` is the task's panic.
///
/// # Safety
///
/// As for [`poll`]; afterwards the future is gone.
#[inline]
unsafe fn clear<F: Future>(task: NonNull<Header>) -> Result<(), Payload> {
    if !needs_drop::<F>() {
        return Ok(());
    }
    // SAFETY: this function is in the table of that type of cell.
    let place = unsafe { future::<F>(task) };
    // SAFETY: the future is there, and is not used any more.
    catch_unwind(AssertUnwindSafe(|| unsafe { ptr::drop_in_place(place) }))
}

/// # Safety
///
/// As for [`poll`]; afterwards the future is gone.
unsafe fn drop_future<F: Future>(task: NonNull<Header>) -> End {
    // SAFETY: the task has its future, which is not polled any more, at home.
    match unsafe { clear::<F>(task) } {
        Ok(()) => End::Cancelled,
        Err(panic) => {
            // SAFETY: this function is in the table of that type of cell.
            let place = unsafe { output::<F>(task) };
            // SAFETY: the future is gone, so its place is free for the output.
            unsafe { place.write(Err(panic)) };
            End::Panicked
        }
    }
}

/// # Safety
///
/// The task has its output, which is the caller's to drop.
unsafe fn drop_output<F: Future>(task: NonNull<Header>) {
    // SAFETY: this function is in the table of that type of cell.
    let output = unsafe { output::<F>(task) };
    // SAFETY: the output is there, and is not used any more.
    unsafe { ptr::drop_in_place(output) };
}

/// # Safety
///
/// The task has its output, which nobody takes as long as the result is used.
unsafe fn panic<F: Future>(task: NonNull<Header>) -> Option<NonNull<dyn Any + Send>> {
    // SAFETY: this function is in the table of that type of cell.
    let output = unsafe { output::<F>(task) };
    // SAFETY: the output is there.
    match unsafe { &mut *output } {
        Ok(_) => None,
        Err(panic) => Some(NonNull::from(&mut **panic)),
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use super::table_of;

    struct Words<const N: usize>([u64; N]);

    impl<const N: usize> Future for Words<N> {
        type Output = ();

        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            match self.0.first() {
                Some(0) => Poll::Pending,
                _ => Poll::Ready(()),
            }
        }
    }

    #[test]
    fn a_small_task_takes_96_bytes() {
        let sizes = [
            table_of::<Words<0>>(),
            table_of::<Words<3>>(),
            table_of::<Words<4>>(),
        ];
        assert_eq!(sizes.map(|table| table.room.layout.size()), [88, 96, 104]);
        assert_eq!(table_of::<Words<2>>().room.layout.align(), 8);
    }
}
