//! Memory of tasks: cells from pages, a heap per worker.
//!
//! ```text
//! page, 64 KiB, aligned to its size        heap of a worker
//! ├ Page ─┼ cell │ cell │ cell │ … ┤       open[class] ─► page ⇄ page       pages with a free cell
//!          └ state word first              idle        ─► page, page …      pages without a task
//!                                          (full pages are on no list)
//! ```
//!
//! A **cell** is a multiple of 64 bytes, of one of [`CELLS`] sizes; all cells of a page have the same.
//! A task larger or stricter aligned than that has a page of its own. The page of a cell is found by
//! its address, and leads to the runtime, so that a task's header need not.
//!
//! The worker that owns a heap takes and gives cells without atomics. Whoever else frees a cell pushes
//! it to the heap's [`Freed`] stack, which the owner empties when it runs out of cells and when it
//! goes to sleep. One more heap, under a lock, serves threads that are no workers; when the runtime
//! ends it adopts the pages of the others.
//!
//! * **I1** A cell on a free list or not carved yet has no references (I8 of the state word).
//! * **I2** A page is in the runtime's list of pages from its making to its release, under the lock of
//!   that list; so whoever holds the lock may look at every carved cell's state word.
//! * **I3** Only the owner of a heap changes `free`, `n_used` and the lists of its pages.
//! * **I4** A page holds its runtime alive. An idle page is kept only while the runtime is open.
//!
//! Cost: spawning and ending a task of up to 1 KiB allocates nothing once there are pages. A heap keeps
//! [`MIN_KEPT`] of them empty, the rest goes back: at once after a burst. If bursts come again and again
//! and pages were missed that had gone back, it keeps so many more, at most [`MAX_KEPT`], until
//! [`SLEEPS`] sleeps of its worker have passed in which they were not needed.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::cell::Header;
use crate::scheduler::{Shared, ThreadCx};

/// Size and alignment of a page.
const PAGE: usize = 64 << 10;
/// What is asked of the allocator for a page: with room for its own head, two fit side by side.
const PAGE_BYTES: usize = PAGE - 256;
/// Granularity and alignment of cells.
pub(crate) const LINE: usize = 64;
/// Sizes of cells in lines.
const CELLS: [u32; 13] = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 18];
/// Largest cell, in lines.
const MAX_LINES: usize = 18;
/// Class of a cell by its size in lines.
const CLASS: [u8; MAX_LINES + 1] = {
    let mut table = [0; MAX_LINES + 1];
    let (mut lines, mut class) = (0, 0);
    while lines <= MAX_LINES {
        if lines as u32 > CELLS[class] {
            class += 1;
        }
        table[lines] = class as u8;
        lines += 1;
    }
    table
};
/// Empty pages that a heap keeps.
const MIN_KEPT: usize = 32;
/// Empty pages that a heap keeps at most, if it missed those that it gave back.
const MAX_KEPT: usize = 256;
/// Sleeps of a worker between two looks for pages that are kept and not needed.
const SLEEPS: u32 = 64;
/// Marks the stack of a heap whose pages were adopted.
const CLOSED: *mut Free = std::ptr::without_provenance_mut(1);

/// The head of a page.
#[repr(C, align(64))]
struct Page {
    shared: Arc<Shared>,
    /// Index of the heap.
    owner: AtomicUsize,
    layout: Layout,
    /// Cells that were ever given out: those before this index have a state word.
    n_carved: AtomicU32,
    n_cells: u32,
    cell_bytes: u32,
    /// Size class; [`ALONE`] for a page of one task.
    class: u32,
    n_used: u32,
    free: *mut Free,
    /// Neighbours among the open pages of the class.
    previous: *mut Page,
    next: *mut Page,
    /// Place in the runtime's list of pages, under its lock.
    place: usize,
}

impl Page {
    /// Where cell `k` begins. A page of one task has the offset of its cell for the size of cells.
    fn offset_of_cell(&self, k: u32) -> u32 {
        if self.class == ALONE {
            self.cell_bytes
        } else {
            size_of::<Page>() as u32 + k * self.cell_bytes
        }
    }
}

/// The class of a page that has one cell of its own size.
const ALONE: u32 = u32::MAX;

/// A free cell.
#[repr(C)]
pub(crate) struct Free {
    state: super::state::State,
    next: *mut Free,
}

/// The page of a cell or of anything else within its first 64 KiB.
fn page_of(cell: NonNull<u8>) -> *mut Page {
    cell.as_ptr().map_addr(|a| a & !(PAGE - 1)).cast()
}

/// The runtime of a task.
///
/// # Safety
///
/// `header` is a living task's.
pub(crate) unsafe fn shared_of<'a>(header: NonNull<Header>) -> &'a Arc<Shared> {
    let page = page_of(header.cast());
    // SAFETY: tasks live in pages, and a page lives as long as its tasks.
    unsafe { &(*page).shared }
}

/// All pages of a runtime.
#[derive(Debug, Default)]
pub(crate) struct Pages(Mutex<Vec<NonNull<Page>>>);

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Page({} of {} cells)", self.n_used, self.n_cells)
    }
}

// SAFETY: pages are shared between threads: atomics, the owner's fields (I3), the list's (I2).
unsafe impl Send for Pages {}
// SAFETY: as above.
unsafe impl Sync for Pages {}

impl Pages {
    /// Calls `body` for the state word of every cell that was ever carved.
    pub(crate) fn for_each(&self, mut body: impl FnMut(NonNull<Header>)) {
        let pages = self.0.lock();
        for page in &*pages {
            let base = page.as_ptr();
            // SAFETY: a page in the list is alive (I2).
            let n = unsafe { &(*base).n_carved };
            // Acquire: pairs with the Release of `carve`: the state words are there.
            for k in 0..n.load(Ordering::Acquire) {
                // SAFETY: as above.
                body(unsafe { cell_at(base, k) }.cast());
            }
        }
    }

    fn add(&self, page: *mut Page) {
        let mut pages = self.0.lock();
        // SAFETY: the page is new, nobody else knows it.
        unsafe { (*page).place = pages.len() };
        pages.extend(NonNull::new(page));
    }

    /// Gives a page without a task another class.
    fn reformat(&self, page: *mut Page, class: usize) -> *mut Page {
        let pages = self.0.lock();
        // SAFETY: the page is alive and its heap's; nobody looks at its cells without the lock.
        let p = unsafe { &mut *page };
        p.class = class as u32;
        p.cell_bytes = CELLS[class] * LINE as u32;
        p.n_cells = cells_of(class);
        p.free = null_mut();
        // Relaxed: under the lock.
        p.n_carved.store(0, Ordering::Relaxed);
        drop(pages);
        page
    }

    fn remove(&self, page: *mut Page) {
        let mut pages = self.0.lock();
        // SAFETY: the page is in the list, whose lock guards this field.
        let place = unsafe { (*page).place };
        pages.swap_remove(place);
        if let Some(moved) = pages.get(place) {
            // SAFETY: as above.
            unsafe { (*moved.as_ptr()).place = place };
        }
    }
}

/// Address of cell `k` of a page.
///
/// # Safety
///
/// The page is alive and has more than `k` cells.
unsafe fn cell_at(page: *mut Page, k: u32) -> NonNull<u8> {
    // SAFETY: the page is alive (caller); these fields never change.
    let offset = unsafe { &*page }.offset_of_cell(k);
    // SAFETY: the cell lies inside the page.
    let cell = unsafe { page.cast::<u8>().add(offset as usize) };
    // SAFETY: inside of an allocation.
    unsafe { NonNull::new_unchecked(cell) }
}

/// Where others leave the cells of a heap.
#[derive(Debug)]
pub(crate) struct Freed(AtomicPtr<Free>);

impl Freed {
    pub(crate) fn new() -> Self {
        Freed(AtomicPtr::new(null_mut()))
    }

    /// Leaves a cell; false if the heap has been adopted.
    fn push(&self, cell: NonNull<Free>) -> bool {
        // Relaxed: a first guess for the exchange.
        let mut head = self.0.load(Ordering::Relaxed);
        loop {
            if head == CLOSED {
                return false;
            }
            // SAFETY: the cell is ours until it is in the stack.
            unsafe { (*cell.as_ptr()).next = head };
            // Release: the owner sees the link, and that the task is gone.
            match self.0.compare_exchange(head, cell.as_ptr(), Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(now) => head = now,
            }
        }
    }

    fn take(&self, leave: *mut Free) -> *mut Free {
        // Relaxed: an empty stack is left alone, it is looked at again.
        if leave.is_null()
            && matches!(self.0.load(Ordering::Relaxed), p if p.is_null() || p == CLOSED)
        {
            return null_mut();
        }
        // Acquire: pairs with `push`.
        let head = self.0.swap(leave, Ordering::AcqRel);
        if head == CLOSED { null_mut() } else { head }
    }
}

/// The heap of one worker, or of all other threads.
#[derive(Debug)]
pub(crate) struct Heap {
    index: usize,
    open: [*mut Page; CELLS.len()],
    idle: Vec<NonNull<Page>>,
    /// Idle pages beyond this number go back.
    n_kept: usize,
    /// Pages that went back and were not missed so far.
    n_given_back: usize,
    /// Fewest idle pages since the last look, and sleeps since then.
    n_unneeded: usize,
    n_sleeps: u32,
    closed: bool,
}

// SAFETY: a heap's pages move with it; see I3.
unsafe impl Send for Heap {}

impl Heap {
    pub(crate) fn new(index: usize) -> Self {
        Heap {
            index,
            open: [null_mut(); CELLS.len()],
            idle: Vec::new(),
            n_kept: MIN_KEPT,
            n_given_back: 0,
            n_unneeded: 0,
            n_sleeps: 0,
            closed: false,
        }
    }

    /// A cell of at least `bytes` bytes, with the state word of a free one; `None` if memory is short.
    fn alloc(&mut self, shared: &Arc<Shared>, class: usize) -> Option<NonNull<u8>> {
        if self.open[class].is_null() {
            self.collect(shared);
        }
        if self.open[class].is_null() {
            self.open_page(shared, class)?;
        }
        let page = self.open[class];
        // SAFETY: an open page is alive and its heap is ours (I3).
        let p = unsafe { &mut *page };
        let cell = if let Some(cell) = NonNull::new(p.free) {
            // SAFETY: a cell on the free list leads to the next.
            p.free = unsafe { (*cell.as_ptr()).next };
            cell.cast()
        } else {
            carve(page)
        };
        p.n_used += 1;
        if p.n_used == p.n_cells {
            self.close_page(page, class);
        }
        Some(cell)
    }

    /// Takes a cell back.
    ///
    /// # Safety
    ///
    /// The cell is of a page of this heap and its task is gone.
    unsafe fn free(&mut self, cell: NonNull<Free>) -> Option<NonNull<Page>> {
        let page = page_of(cell.cast());
        // SAFETY: the page is alive, it has this cell, and its heap is ours (I3).
        let p = unsafe { &mut *page };
        // SAFETY: the cell is ours.
        unsafe { (*cell.as_ptr()).next = p.free };
        p.free = cell.as_ptr();
        let class = p.class as usize;
        if p.n_used == p.n_cells {
            (p.previous, p.next) = (null_mut(), self.open[class]);
            if !p.next.is_null() {
                // SAFETY: open pages are alive.
                unsafe { (*p.next).previous = page };
            }
            self.open[class] = page;
        }
        p.n_used -= 1;
        // The only open page of its class stays open, so that a task that comes and goes costs nothing.
        if p.n_used > 0 || (!self.closed && p.previous.is_null() && p.next.is_null()) {
            return None;
        }
        self.close_page(page, class);
        let page = NonNull::new(page)?;
        if self.closed || self.idle.len() >= self.n_kept {
            self.n_given_back += 1;
            return Some(page);
        }
        self.idle.push(page);
        None
    }

    /// Takes back what others have freed; releases what is too much.
    pub(crate) fn collect(&mut self, shared: &Shared) {
        let mut at = shared.freed(self.index).take(null_mut());
        while let Some(cell) = NonNull::new(at) {
            // SAFETY: a cell in the stack is free and leads to the next.
            at = unsafe { (*cell.as_ptr()).next };
            // SAFETY: the cells in our stack are of our pages.
            if let Some(page) = unsafe { self.free(cell) } {
                release(page);
            }
        }
    }

    /// Opens an idle page or a new one for a class.
    fn open_page(&mut self, shared: &Arc<Shared>, class: usize) -> Option<()> {
        // SAFETY: an idle page is alive and ours.
        let is_fit = |page: &NonNull<Page>| unsafe { page.as_ref() }.class as usize == class;
        let page = match self.idle.iter().rposition(is_fit) {
            Some(at) => self.idle.swap_remove(at).as_ptr(),
            None => match self.idle.pop() {
                Some(page) => shared.pages.reformat(page.as_ptr(), class),
                None => {
                    self.miss_page();
                    new_page(shared, self.index, class)?.as_ptr()
                }
            },
        };
        self.n_unneeded = self.n_unneeded.min(self.idle.len());
        debug_assert!(self.open[class].is_null(), "opened when there is none");
        self.open[class] = page;
        Some(())
    }

    /// There is no idle page: had one been kept that was given back, there were.
    fn miss_page(&mut self) {
        if self.n_given_back > 0 {
            self.n_given_back -= 1;
            self.n_kept = (self.n_kept + 1).min(MAX_KEPT);
        }
    }

    /// The worker goes to sleep: now and then gives pages back that were kept in vain.
    fn settle(&mut self) {
        self.n_sleeps += 1;
        if self.n_sleeps < SLEEPS {
            return;
        }
        let n_unneeded = std::mem::replace(&mut self.n_unneeded, self.idle.len());
        self.n_sleeps = 0;
        self.n_kept = self.n_kept.saturating_sub(n_unneeded).max(MIN_KEPT);
        self.n_given_back = 0;
        while self.idle.len() > self.n_kept {
            self.idle.pop().into_iter().for_each(release);
        }
    }

    /// Takes a page out of the open ones.
    fn close_page(&mut self, page: *mut Page, class: usize) {
        // SAFETY: an open page is alive and its heap is ours (I3).
        let p = unsafe { &mut *page };
        let previous = std::mem::replace(&mut p.previous, null_mut());
        let next = std::mem::replace(&mut p.next, null_mut());
        if previous.is_null() {
            self.open[class] = next;
        } else {
            // SAFETY: open pages are alive.
            unsafe { (*previous).next = next };
        }
        if !next.is_null() {
            // SAFETY: as above.
            unsafe { (*next).previous = previous };
        }
    }

    /// Gives all pages without a task away.
    fn drain_idle(&mut self) -> Vec<NonNull<Page>> {
        let mut idle = std::mem::take(&mut self.idle);
        for class in 0..CELLS.len() {
            let mut at = self.open[class];
            while let Some(page) = NonNull::new(at) {
                // SAFETY: an open page is alive and its heap is ours (I3).
                let p = unsafe { page.as_ref() };
                at = p.next;
                if p.n_used == 0 {
                    self.close_page(page.as_ptr(), class);
                    idle.push(page);
                }
            }
        }
        idle
    }
}

/// The next cell that was never used.
fn carve(page: *mut Page) -> NonNull<u8> {
    // SAFETY: the caller's page is alive.
    let n_carved = unsafe { &(*page).n_carved };
    // Relaxed: only the owner writes it.
    let k = n_carved.load(Ordering::Relaxed);
    // SAFETY: a page that is not full and has no free cell has cells left.
    let cell = unsafe { cell_at(page, k) };
    // SAFETY: the cell is ours; a state word of zeros is that of a free cell.
    unsafe { cell.cast::<u64>().write(0) };
    // Release: pairs with `for_each`.
    n_carved.store(k + 1, Ordering::Release);
    cell
}

/// How many cells of a class a page has.
fn cells_of(class: usize) -> u32 {
    (PAGE_BYTES - size_of::<Page>()) as u32 / (CELLS[class] * LINE as u32)
}

/// Makes a page for a class.
fn new_page(shared: &Arc<Shared>, owner: usize, class: usize) -> Option<NonNull<Page>> {
    let cell_bytes = CELLS[class] * LINE as u32;
    let layout = Layout::from_size_align(PAGE_BYTES, PAGE).ok()?;
    // SAFETY: the layout is not empty.
    let page = NonNull::new(unsafe { alloc(layout) }.cast::<Page>())?;
    let head = Page {
        shared: shared.clone(),
        owner: AtomicUsize::new(owner),
        layout,
        n_carved: AtomicU32::new(0),
        n_cells: cells_of(class),
        cell_bytes,
        class: class as u32,
        n_used: 0,
        free: null_mut(),
        previous: null_mut(),
        next: null_mut(),
        place: 0,
    };
    // SAFETY: the page is ours and large enough.
    unsafe { page.write(head) };
    shared.pages.add(page.as_ptr());
    Some(page)
}

/// Gives a page without a task back to the allocator.
fn release(page: NonNull<Page>) {
    // SAFETY: the page is alive until its memory is given back below.
    let head = unsafe { page.as_ref() };
    let (layout, shared) = (head.layout, head.shared.clone());
    shared.pages.remove(page.as_ptr());
    // SAFETY: no task is in the page, and nobody finds it any more.
    unsafe { page.drop_in_place() };
    // SAFETY: as above.
    unsafe { dealloc(page.as_ptr().cast(), layout) };
}

/// Memory for a task of `bytes` bytes at `align`, `lead` bytes into which it has that alignment. Its
/// state word is that of a free cell. `None` if memory is short or the alignment is beyond 16 KiB.
#[inline]
pub(crate) fn alloc_cell(
    shared: &Arc<Shared>,
    bytes: usize,
    align: usize,
    lead: usize,
) -> Option<NonNull<u8>> {
    let fits = align <= LINE && lead.is_multiple_of(align) && bytes <= MAX_LINES * LINE;
    if !fits {
        return alloc_alone(shared, bytes, align, lead);
    }
    alloc_of_class(shared, CLASS[bytes.div_ceil(LINE)] as usize)
}

/// A cell of a class, from the heap of this thread's worker if it plays one.
fn alloc_of_class(shared: &Arc<Shared>, class: usize) -> Option<NonNull<u8>> {
    ThreadCx::with(|cx| {
        if let Some(cx) = cx
            && cx.is_of(shared)
            && let Ok(mut core) = cx.core.try_borrow_mut()
            && let Some(core) = core.as_mut()
        {
            return core.heap.alloc(&cx.shared, class);
        }
        shared.heap.lock().alloc(shared, class)
    })
}

/// A page for one task.
fn alloc_alone(
    shared: &Arc<Shared>,
    bytes: usize,
    align: usize,
    lead: usize,
) -> Option<NonNull<u8>> {
    if align > PAGE / 4 {
        return None;
    }
    let offset = (size_of::<Page>() + lead).next_multiple_of(align.max(LINE)) - lead;
    let layout = Layout::from_size_align(offset.checked_add(bytes)?, PAGE).ok()?;
    // SAFETY: the layout is not empty.
    let page = NonNull::new(unsafe { alloc(layout) }.cast::<Page>())?;
    let head = Page {
        shared: shared.clone(),
        owner: AtomicUsize::new(usize::MAX),
        layout,
        n_carved: AtomicU32::new(0),
        n_cells: 1,
        cell_bytes: offset as u32,
        class: ALONE,
        n_used: 1,
        free: null_mut(),
        previous: null_mut(),
        next: null_mut(),
        place: 0,
    };
    // SAFETY: the page is ours and large enough.
    unsafe { page.write(head) };
    shared.pages.add(page.as_ptr());
    Some(carve(page.as_ptr()))
}

/// As [`alloc_cell`], for a caller that cannot go on without.
#[inline]
pub(crate) fn alloc_cell_or_abort(shared: &Arc<Shared>, layout: Layout) -> NonNull<u8> {
    alloc_cell(shared, layout.size(), layout.align(), 0)
        .unwrap_or_else(|| handle_alloc_error(layout))
}

/// Gives a task's memory back.
///
/// # Safety
///
/// The task's contents are dropped and no reference is left.
pub(crate) unsafe fn free_cell(header: NonNull<Header>) {
    // SAFETY: the header is valid until the cell is free.
    unsafe { header.as_ref() }.state.reset();
    let page = page_of(header.cast());
    // SAFETY: the page is alive while the cell is not free.
    let p = unsafe { &*page };
    let cell = header.cast::<Free>();
    if p.class == ALONE {
        // SAFETY: a page is not null.
        return release(unsafe { NonNull::new_unchecked(page) });
    }
    // Acquire: pairs with `adopt`.
    let owner = p.owner.load(Ordering::Acquire);
    let done = ThreadCx::with(|cx| {
        if let Some(cx) = cx
            && cx.is_of(&p.shared)
            && let Ok(mut core) = cx.core.try_borrow_mut()
            && let Some(core) = core.as_mut()
            && core.index == owner
        {
            // SAFETY: the cell is of a page of this heap, and free.
            if let Some(page) = unsafe { core.heap.free(cell) } {
                release(page);
            }
            return true;
        }
        false
    });
    if done || p.shared.freed(owner).push(cell) {
        return;
    }
    // The runtime has ended: the last heap is under a lock, and keeps no pages.
    let shared = p.shared.clone();
    // SAFETY: the cell is of an adopted page, and free.
    let page = unsafe { shared.heap.lock().free(cell) };
    if let Some(page) = page {
        release(page);
    }
}

impl Shared {
    /// Takes back what was freed elsewhere, when a worker has nothing better to do.
    pub(crate) fn tidy(&self, core: &mut crate::scheduler::Core) {
        core.heap.collect(self);
        core.heap.settle();
        if let Some(mut heap) = self.heap.try_lock() {
            heap.collect(self);
            heap.settle();
        }
    }

    /// The runtime has ended and nobody plays this worker any more: its pages go over to the heap of
    /// all threads. Idle ones are released.
    pub(crate) fn adopt(&self, mut from: Heap) {
        let mut heap = self.heap.lock();
        let idle = from.drain_idle();
        for class in 0..CELLS.len() {
            while let Some(page) = NonNull::new(from.open[class]) {
                from.close_page(page.as_ptr(), class);
                heap.take_open(page, class);
            }
        }
        // All pages of the heap, the full ones too.
        for page in &*self.pages.0.lock() {
            // SAFETY: a page in the list is alive (I2).
            let owner = unsafe { &page.as_ref().owner };
            // Release: pairs with `free_cell`. A push that still goes to the old stack is collected
            // below, or is refused there.
            let _ = owner.compare_exchange(
                from.index,
                heap.index,
                Ordering::Release,
                Ordering::Relaxed,
            );
        }
        let released = heap.drain_stack(self.freed(from.index).take(CLOSED));
        drop(heap);
        idle.into_iter().chain(released).for_each(release);
    }

    /// The runtime has ended: the heap of all threads keeps no page without a task any more.
    pub(crate) fn close_heap(&self) {
        let mut heap = self.heap.lock();
        heap.closed = true;
        let stack = self.freed(heap.index).take(CLOSED);
        let mut released = heap.drain_stack(stack);
        released.extend(heap.drain_idle());
        drop(heap);
        released.into_iter().for_each(release);
    }
}

impl Heap {
    fn take_open(&mut self, page: NonNull<Page>, class: usize) {
        let next = self.open[class];
        // SAFETY: the page was given to us.
        unsafe { (*page.as_ptr()).next = next };
        if !next.is_null() {
            // SAFETY: open pages are alive.
            unsafe { (*next).previous = page.as_ptr() };
        }
        self.open[class] = page.as_ptr();
    }

    /// Frees the cells of a stack; the pages that are to be released.
    fn drain_stack(&mut self, mut at: *mut Free) -> Vec<NonNull<Page>> {
        let mut released = Vec::new();
        while let Some(cell) = NonNull::new(at) {
            // SAFETY: a cell in the stack is free and leads to the next.
            at = unsafe { (*cell.as_ptr()).next };
            // SAFETY: the pages are ours now.
            released.extend(unsafe { self.free(cell) });
        }
        released
    }
}
