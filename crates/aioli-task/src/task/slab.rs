//! The memory of a loop's tasks: cells of a few sizes, cut from chunks.
//!
//! Only the loop's thread, the *home*, cuts cells and takes them from the lists of free ones. Cells
//! that other threads give back go onto one stack, which the home empties when it runs out.
//!
//! The memory outlives the loop until its last cell is given back, for wakers and handles may. How
//! the stack is closed and who frees the memory is in `state.rs`, with all other atomics.
#![expect(
    unsafe_code,
    reason = "places tasks of many types in memory that is reused without the allocator"
)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use super::state::Returns;
use crate::event_loop::Shared;

/// Cells are this far apart in size, up to `SMALL_MAX`.
const STEP: usize = 8;
/// Chunks begin at multiples of this. So do the cells of a size that is a multiple of it, which the
/// size of what is aligned so always is.
const ALIGN: usize = 16;
const SMALL_MAX: usize = 1024;
const CLASSES: usize = SMALL_MAX / STEP;
/// The first chunk of a class has about this many bytes, and each next one twice as many as the one
/// before, up to `CHUNK_MAX`: small programs stay small, and large ones seldom ask the allocator.
const CHUNK_MIN: usize = 4096;
const CHUNK_MAX: usize = 256 * 1024;

/// What is at the beginning of every cell that is in use or free.
///
/// A task's header begins with its table of functions, which is never null.
#[repr(C)]
struct Front {
    /// Null in a free cell. Written and read at home only.
    in_use: *const (),
    /// The next free cell, in a free one.
    next: *mut Front,
}

/// Cells of one size.
#[derive(Default)]
struct Class {
    free: Cell<*mut Front>,
    chunks: RefCell<Vec<Chunk>>,
}

struct Chunk {
    start: NonNull<u8>,
    layout: Layout,
    /// How many cells have been cut so far.
    cut: usize,
}

/// The memory of one loop's tasks.
///
/// # Invariants
///
/// 1. `classes`, `large` and `live` are touched by the home alone, until the stack is closed; after
///    that by whoever accounts for the last cell.
/// 2. A cell is in exactly one place: in use, in the list of its class, on the stack, or not cut.
pub(crate) struct Slab {
    shared: Arc<Shared>,
    classes: [Class; CLASSES],
    /// Cells that are too large, or aligned too strictly, for a class.
    large: RefCell<BTreeSet<NonNull<Front>>>,
    /// Cells in use, as far as the home knows.
    live: Cell<usize>,
    returns: Returns<Front>,
}

// SAFETY: by invariant 1 other threads touch `shared` and `returns` alone, which are `Sync`; the
// last one to give a cell back has the slab for itself.
unsafe impl Sync for Slab {}

/// What a slab has to know of a type of cell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) layout: Layout,
    /// The class of such cells; `None` are the large ones.
    class: Option<usize>,
}

impl Room {
    /// The room for a cell of this layout, which is not empty.
    pub(super) const fn new(layout: Layout) -> Room {
        assert!(layout.size() > 0, "a cell has a header");
        let class = match layout.size() <= SMALL_MAX && layout.align() <= ALIGN {
            true => Some(layout.size().div_ceil(STEP) - 1),
            false => None,
        };
        Room { layout, class }
    }
}

/// What a large cell is allocated with: its `Front` must fit.
fn large_layout(layout: Layout) -> Layout {
    layout.align_to(align_of::<Front>()).unwrap_or(layout)
}

impl Slab {
    /// The memory for the tasks of one loop; to be [closed](Slab::close) when it ends.
    pub(crate) fn create(shared: Arc<Shared>) -> NonNull<Slab> {
        let slab = Box::new(Slab {
            shared,
            classes: std::array::from_fn(|_| Class::default()),
            large: RefCell::default(),
            live: Cell::new(0),
            returns: Returns::new(),
        });
        NonNull::from(Box::leak(slab))
    }

    /// The shared half of the loop.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// A cell, not initialised. Home only.
    ///
    /// The caller writes a pointer that is not null to its beginning, before anything else is
    /// asked of the slab.
    #[inline]
    pub(super) fn allocate(&self, room: Room) -> NonNull<u8> {
        self.live.set(self.live.get() + 1);
        let class = room.class.map(|index| &self.classes[index]);
        match class.and_then(Class::reuse) {
            Some(cell) => cell,
            None => self.allocate_more(room),
        }
    }

    /// A cell, where none is free as far as is known.
    #[cold]
    #[inline(never)]
    fn allocate_more(&self, room: Room) -> NonNull<u8> {
        let Some(index) = room.class else {
            let cell = checked(room.layout);
            self.large.borrow_mut().insert(cell.cast());
            return cell;
        };
        self.take_returned();
        let class = &self.classes[index];
        class
            .reuse()
            .unwrap_or_else(|| class.cut((index + 1) * STEP))
    }

    /// Takes a cell back. Home only.
    ///
    /// # Safety
    ///
    /// The cell is of this slab and in use, was allocated with `room`, and nobody refers to it any
    /// more.
    #[inline]
    pub(super) unsafe fn free(&self, cell: NonNull<u8>, room: Room) {
        self.live.set(self.live.get() - 1);
        match room.class {
            // SAFETY: the cell is of this class and nobody refers to it, as the caller says.
            Some(index) => unsafe { self.classes[index].put(cell.cast()) },
            // SAFETY: as above, and it is of no class.
            None => unsafe { self.free_large(cell, room) },
        }
    }

    /// # Safety
    ///
    /// As for [`free`](Slab::free), of a cell that is too large for the classes.
    #[cold]
    unsafe fn free_large(&self, cell: NonNull<u8>, room: Room) {
        self.large.borrow_mut().remove(&cell.cast());
        // SAFETY: it was allocated so, and nobody refers to it.
        unsafe { dealloc(cell.as_ptr(), large_layout(room.layout)) };
    }

    /// Takes a cell back on a thread that is not the home, or when the loop has ended.
    ///
    /// # Safety
    ///
    /// As for [`free`](Slab::free); and `slab` must not be used afterwards if the cell was the
    /// caller's only reason to believe that it is there.
    pub(super) unsafe fn free_elsewhere(slab: NonNull<Slab>, cell: NonNull<u8>, room: Room) {
        // SAFETY: the slab outlives its cells.
        let this = unsafe { slab.as_ref() };
        let front = cell.cast::<Front>().as_ptr();
        // SAFETY: the cell is nobody else's, and has room for a `Front`, whose first word is the
        // home's and stays.
        let link = |next| unsafe { (*front).next = next };
        if this.returns.push(front, link) {
            return;
        }
        if room.class.is_none() {
            // SAFETY: it was allocated so, and nobody refers to it.
            unsafe { dealloc(cell.as_ptr(), large_layout(room.layout)) };
        }
        // SAFETY: the cell that this accounts for has been given back by now.
        unsafe { Slab::release(slab, 1) };
    }

    /// Sorts the cells that other threads have given back into the lists of their classes.
    fn take_returned(&self) {
        let list = self.returns.take();
        // SAFETY: the stack held free cells, and is the home's now.
        unsafe { self.sort(list) };
    }

    /// # Safety
    ///
    /// `list` is a chain of free cells of this slab that belongs to the caller. Home only.
    unsafe fn sort(&self, mut list: *mut Front) -> usize {
        let mut count = 0;
        while let Some(cell) = NonNull::new(list) {
            // SAFETY: a free cell has a valid `Front`; its link is read before it is reused.
            list = unsafe { cell.as_ref() }.next;
            // SAFETY: the header of a task that was freed elsewhere is left as it was but for
            // the link, so that its table still tells its room.
            let room = unsafe { super::header::room_of(cell.cast()) };
            // SAFETY: it is in use by the home's account, and free.
            unsafe { self.free(cell.cast(), room) };
            count += 1;
        }
        count
    }

    /// Calls `f` with each cell that is in use by the home's account. Home only.
    ///
    /// Among them are cells that other threads have given back and the home has not seen yet.
    /// `f` must not allocate or free cells.
    pub(crate) fn for_each(&self, mut f: impl FnMut(NonNull<u8>)) {
        for (index, class) in self.classes.iter().enumerate() {
            let size = (index + 1) * STEP;
            for chunk in class.chunks.borrow().iter() {
                for at in 0..chunk.cut {
                    // SAFETY: the chunk has `cut` cells of that size at least.
                    let cell = unsafe { chunk.start.add(at * size) };
                    // SAFETY: a cell that has been cut has a `Front`, whose first word is the
                    // home's.
                    if !unsafe { cell.cast::<Front>().as_ref().in_use }.is_null() {
                        f(cell);
                    }
                }
            }
        }
        for cell in self.large.borrow().iter() {
            f(cell.cast());
        }
    }

    /// The loop has ended: cells are only given back from now on, and the last one frees the slab.
    ///
    /// # Safety
    ///
    /// Home only, once; afterwards nobody calls anything but `free_elsewhere`.
    pub(crate) unsafe fn close(slab: NonNull<Slab>) {
        // SAFETY: it is there until all is accounted for, which the call at the end delays.
        let this = unsafe { slab.as_ref() };
        this.take_returned();
        let list = this.returns.close(this.live.get());
        // SAFETY: as in `take_returned`; the home still has the lists.
        let late = unsafe { this.sort(list) };
        // SAFETY: this accounts for the cells taken back here and for the one added above.
        unsafe { Slab::release(slab, late + 1) };
    }

    /// # Safety
    ///
    /// The caller accounts for `count` cells, and does not use `slab` afterwards.
    unsafe fn release(slab: NonNull<Slab>, count: usize) {
        // SAFETY: it is there until all is accounted for, which needs the caller's count.
        let this = unsafe { slab.as_ref() };
        if this.returns.account(count) {
            // SAFETY: it was made by `Box` in `create`, and nobody refers to it any more.
            drop(unsafe { Box::from_raw(slab.as_ptr()) });
        }
    }
}

/// Memory from the allocator.
fn checked(layout: Layout) -> NonNull<u8> {
    let layout = large_layout(layout);
    // SAFETY: a task has a header, so its layout is not empty.
    let cell = unsafe { alloc(layout) };
    NonNull::new(cell).unwrap_or_else(|| handle_alloc_error(layout))
}

impl Class {
    /// Takes a cell out of the list of free ones.
    #[inline]
    fn reuse(&self) -> Option<NonNull<u8>> {
        let cell = NonNull::new(self.free.get())?;
        // SAFETY: a cell in a list is free memory with a valid `Front` (invariant 2 of the slab).
        self.free.set(unsafe { cell.as_ref() }.next);
        Some(cell.cast())
    }

    /// Cuts a cell of `size` bytes from the newest chunk, or from a new one.
    fn cut(&self, size: usize) -> NonNull<u8> {
        let mut chunks = self.chunks.borrow_mut();
        let is_full = |chunk: &Chunk| (chunk.cut + 1) * size > chunk.layout.size();
        if chunks.last().is_none_or(is_full) {
            let bytes = (CHUNK_MIN << chunks.len().min(16)).min(CHUNK_MAX);
            let cells = (bytes / size).max(1);
            let layout = Layout::from_size_align(cells * size, ALIGN);
            let layout = layout.expect("a chunk is far smaller than the address space");
            let start = checked(layout);
            chunks.push(Chunk {
                start,
                layout,
                cut: 0,
            });
        }
        let chunk = chunks.last_mut().expect("one was added if there was none");
        // SAFETY: the chunk has room for one cell more.
        let cell = unsafe { chunk.start.add(chunk.cut * size) };
        chunk.cut += 1;
        cell
    }

    /// # Safety
    ///
    /// The cell is of this class, and nobody refers to it.
    #[inline]
    unsafe fn put(&self, cell: NonNull<Front>) {
        let front = Front {
            in_use: ptr::null(),
            next: self.free.get(),
        };
        // SAFETY: the cell is free memory of at least that size.
        unsafe { cell.write(front) };
        self.free.set(cell.as_ptr());
    }
}

impl Drop for Class {
    fn drop(&mut self) {
        for chunk in self.chunks.get_mut() {
            // SAFETY: it was allocated with this layout, and all its cells are free.
            unsafe { dealloc(chunk.start.as_ptr(), chunk.layout) };
        }
    }
}

impl fmt::Debug for Slab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slab").finish_non_exhaustive()
    }
}
