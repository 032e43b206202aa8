//! Operations: what generated code awaits of the host.
//!
//! ```text
//! storage  ┌──────────────────────────┬───────────────────────────────────────────┐
//!          │ the operation (a future) │ area: results, or a value that it was given │
//!          └──────────────────────────┴───────────────────────────────────────────┘
//!          0                          R = its size rounded up to 8
//! ```
//!
//! The compiler knows the size of each operation from [`Operation::storage`]; the size of the area
//! depends on the program's types and is the compiler's. An operation writes its results itself, at
//! the offsets of a C structure. It borrows the references it is given: the awaiting frame holds
//! them until the operation is over.
//!
//! * **I1** The storage does not move between start and the end of the operation.
//! * **I2** An operation is dropped exactly once: when it is done, fails or is cancelled.

use super::object::Obj;
use super::table::Scalar;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::ptr::null_mut;
use std::task::{Context, Poll};
use vitte_abi::{
    VT_CANCELLED, VT_DONE, VT_FAULTED, VT_MODE_CANCEL, VT_MODE_RESUME, VT_YIELDED, fault_code,
    vt_ctx, vt_status,
};
use vitte_rt::coroutine::{Fault, OpCx};

/// Where an operation writes its results, and finds the value it was given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area(*mut u8);

// SAFETY: the area belongs to the operation, which moves between workers with its task.
unsafe impl Send for Area {}

impl Area {
    /// Its address.
    pub(crate) fn address(self) -> *mut u8 {
        self.0
    }

    /// Writes a result at an offset.
    pub(crate) fn write<T: Copy>(self, offset: usize, value: T) {
        // SAFETY: the compiler reserves the area for all results of the operation (I1).
        let place = unsafe { self.0.add(offset) };
        // SAFETY: as above.
        unsafe { place.cast::<T>().write_unaligned(value) }
    }
}

/// An operation: a future that writes its results, or fails.
pub(crate) trait Operation: Future<Output = Result<(), Fault>> + Send {}
impl<F: Future<Output = Result<(), Fault>> + Send> Operation for F {}

/// Operations that are rare live on the heap: their storage in the frame is two words.
pub(crate) type Boxed = Pin<Box<dyn Operation>>;

/// Text of an argument, kept for the operation.
pub(crate) fn owned_text(s: *mut u8) -> String {
    // SAFETY: generated code passes null or a living string.
    unsafe { super::string::text_of(s) }.to_owned()
}

/// A string that an operation keeps for itself: the frame that awaits it may let it go meanwhile.
pub(crate) struct KeptText(Option<Obj>);

// SAFETY: the operation moves between workers with the task whose string it is, and is dropped by a
// run of that task.
unsafe impl Send for KeptText {}
// SAFETY: shared by the parts of one operation only.
unsafe impl Sync for KeptText {}

impl KeptText {
    /// Adds a count to a string argument.
    pub(crate) fn new(s: *mut u8) -> Self {
        // SAFETY: generated code passes null or a living string.
        let obj = unsafe { Obj::from_raw(s) };
        obj.into_iter().for_each(super::count::retain);
        KeptText(obj)
    }

    /// The text. Appending to a string with another owner makes a new one, so it stays as it is.
    pub(crate) fn get(&self) -> &str {
        self.0.map_or("", |obj| super::string::Str::new(obj).text())
    }
}

impl Drop for KeptText {
    fn drop(&mut self) {
        if let Some(obj) = self.0 {
            // SAFETY: `new` added the count.
            unsafe { super::count::release(obj) }
        }
    }
}

/// Memory was short.
pub(crate) fn memory() -> Fault {
    Fault::new(fault_code::MEMORY, 0)
}

/// The message of an error, as an object.
fn message(error: &std::io::Error) -> Result<*mut u8, Fault> {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    super::string::from_str(text).map(Obj::as_ptr).ok_or_else(memory)
}

/// Writes (0, object, null) or (1, null, message); an object that is `None` is memory run short.
pub(crate) fn finish(area: Area, result: std::io::Result<Option<Obj>>) -> Result<(), Fault> {
    let (tag, object, text) = match result {
        Ok(obj) => (0u8, obj.ok_or_else(memory)?.as_ptr(), null_mut()),
        Err(e) => (1, null_mut(), message(&e)?),
    };
    area.write(0, tag);
    area.write(8, object);
    area.write(16, text);
    Ok(())
}

/// Writes (0, number, null) or (1, 0, message).
pub(crate) fn finish_count(area: Area, result: std::io::Result<usize>) -> Result<(), Fault> {
    let (tag, count, text) = match result {
        Ok(n) => (0u8, n as i64, null_mut()),
        Err(e) => (1, 0, message(&e)?),
    };
    area.write(0, tag);
    area.write(8, count);
    area.write(16, text);
    Ok(())
}

/// What `start` leaves in the storage.
enum Started<F> {
    Going(F),
    /// Building it panicked; the fault is recorded.
    Failed,
}

/// Offset of the area of an operation of type `F`.
const fn area_offset<F>() -> usize {
    size_of::<Started<F>>().next_multiple_of(8)
}

/// Builds an operation in its storage.
///
/// # Safety
///
/// `ctx` is the context of the resume in progress; `storage` is as large as the compiler was told.
pub(crate) unsafe fn start<F: Operation>(
    ctx: *mut vt_ctx,
    storage: *mut u8,
    build: impl FnOnce(OpCx<'_>, Area) -> F,
) {
    // SAFETY: the caller vouches for `ctx`.
    let cx = unsafe { OpCx::new(ctx) };
    let area = Area(storage.wrapping_add(area_offset::<F>()));
    let started = match catch_unwind(AssertUnwindSafe(|| build(cx, area))) {
        Ok(operation) => Started::Going(operation),
        Err(_) => {
            cx.fault(Fault::host("a host operation panicked"));
            Started::Failed
        }
    };
    // SAFETY: the storage is large and aligned enough (caller).
    unsafe { storage.cast::<Started<F>>().write(started) };
}

/// Polls the operation in a storage; see `vt_op_start`.
///
/// # Safety
///
/// As [`start`], which was called for this storage with an operation of this type.
pub(crate) unsafe fn poll<F: Operation>(ctx: *mut vt_ctx, storage: *mut u8) -> vt_status {
    // SAFETY: the caller vouches for `ctx`.
    let mode = unsafe { &mut (*ctx).mode };
    let cancelled = std::mem::replace(mode, VT_MODE_RESUME) == VT_MODE_CANCEL;
    // SAFETY: the caller vouches for `ctx`.
    let cx = unsafe { OpCx::new(ctx) };
    let outcome = if cancelled {
        Ok(VT_CANCELLED)
    } else {
        // SAFETY: `start` left it there (I1, I2).
        let Started::Going(operation) = (unsafe { &mut *storage.cast::<Started<F>>() }) else {
            return VT_FAULTED;
        };
        // SAFETY: it stays in the storage until it is dropped in place (I1).
        let operation = unsafe { Pin::new_unchecked(operation) };
        let turn = || cx.with_waker(|waker| operation.poll(&mut Context::from_waker(waker)));
        match catch_unwind(AssertUnwindSafe(turn)) {
            Ok(Poll::Pending) => return VT_YIELDED,
            Ok(Poll::Ready(result)) => result.map(|()| VT_DONE),
            Err(_) => Err(Fault::host("a host operation panicked")),
        }
    };
    let drop_it = || {
        // SAFETY: it is not used again (I2).
        unsafe { storage.cast::<Started<F>>().drop_in_place() }
    };
    let dropped = catch_unwind(AssertUnwindSafe(drop_it))
        .map_err(|_| Fault::host("a host operation panicked while it was dropped"));
    match dropped.and(outcome) {
        Ok(status) => status,
        Err(fault) => {
            cx.fault(fault);
            VT_FAULTED
        }
    }
}

/// What the compiler and the linker need of an operation.
#[derive(Clone, Debug)]
pub struct OpEntry {
    /// Symbol prefix.
    pub symbol: &'static str,
    /// Address of `{symbol}_start`.
    pub start: *const u8,
    /// Address of `{symbol}_poll`.
    pub poll: *const u8,
    /// Bytes of the fixed part of the storage.
    pub size: u32,
    /// Alignment of the storage.
    pub align: u32,
    /// Parameters after context and storage.
    pub params: Vec<Scalar>,
}

/// Size and alignment of the fixed part of the storage of an operation, found from the function that
/// builds it.
pub(crate) const fn storage<A, F: Operation>(_build: fn(OpCx<'_>, Area, A) -> F) -> (u32, u32) {
    let align = align_of::<Started<F>>();
    (area_offset::<F>() as u32, if align < 8 { 8 } else { align as u32 })
}

/// Polls the operation that a building function makes.
///
/// # Safety
///
/// As [`poll`].
pub(crate) unsafe fn poll_of<A, F: Operation>(
    _build: fn(OpCx<'_>, Area, A) -> F,
    ctx: *mut vt_ctx,
    storage: *mut u8,
) -> vt_status {
    // SAFETY: as the caller vouches.
    unsafe { poll::<F>(ctx, storage) }
}

/// Defines the symbols of operations from the functions that build them: `fn(OpCx, Area, (args…))`.
macro_rules! operations {
    ($table:ident; $($symbol:literal $start:ident $poll:ident = $build:path, ($($arg:ident: $ty:ty),*);)*) => {
        $(
            #[doc = concat!("Builds `", $symbol, "` in its storage.")]
            ///
            /// # Safety
            ///
            /// Called by generated code with the arguments that the host table names.
            #[unsafe(no_mangle)]
            pub(crate) unsafe extern "C" fn $start(ctx: *mut vt_ctx, storage: *mut u8, $($arg: $ty),*) {
                // SAFETY: generated code passes its context and a storage of the size it was told.
                unsafe { $crate::host::op::start(ctx, storage, |cx, area| $build(cx, area, ($($arg,)*))) }
            }

            #[doc = concat!("Polls `", $symbol, "`.")]
            ///
            /// # Safety
            ///
            /// Called by generated code after the start.
            #[unsafe(no_mangle)]
            pub(crate) unsafe extern "C" fn $poll(ctx: *mut vt_ctx, storage: *mut u8) -> vt_status {
                // SAFETY: generated code passes its context and a storage it has started.
                unsafe { $crate::host::op::poll_of($build, ctx, storage) }
            }
        )*

        /// The operations of this module.
        pub(crate) fn $table() -> Vec<$crate::host::op::OpEntry> {
            vec![$({
                let (size, align) = $crate::host::op::storage($build);
                let start: unsafe extern "C" fn(*mut vt_ctx, *mut u8, $($ty),*) = $start;
                let poll: unsafe extern "C" fn(*mut vt_ctx, *mut u8) -> vt_status = $poll;
                $crate::host::op::OpEntry {
                    symbol: $symbol,
                    start: start as *const u8,
                    poll: poll as *const u8,
                    size,
                    align,
                    params: vec![$(<$ty as $crate::host::table::IsScalar>::SCALAR),*],
                }
            }),*]
        }
    };
}
pub(crate) use operations;
