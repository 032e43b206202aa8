//! Handles: objects that all tasks may hold, with a body of the host in them.
//!
//! A handle is counted atomically and never copied; its body is shared with the operations that
//! work on it, so an operation does not care whether the program still holds the handle. Handles of
//! tasks have no body: they are the tasks' own objects ([`super::task`]).

use super::object::{Header, Obj, TypeDesc, allocate, deallocate, kind, live};
use std::alloc::Layout;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

/// What a handle stands for.
pub(crate) type Body = Arc<dyn Any + Send + Sync>;

#[repr(C)]
struct HandleObject {
    header: Header,
    body: Body,
}

const LAYOUT: Layout = Layout::new::<HandleObject>();

/// Makes a handle with a count of 1; `None` if memory is short.
pub(crate) fn new(desc: *const TypeDesc, body: Body) -> Option<Obj> {
    let address = allocate(LAYOUT)?;
    let header = Header { count: AtomicI64::new(1), desc };
    // SAFETY: the allocation has this layout.
    unsafe { address.cast::<HandleObject>().write(HandleObject { header, body }) };
    live::add(1);
    // SAFETY: a new object.
    unsafe { Obj::from_raw(address.as_ptr()) }
}

/// The body of a handle, if it is of this type.
///
/// # Safety
///
/// `obj` was made by [`new`] and is alive.
pub(crate) unsafe fn try_body<T: Any + Send + Sync>(obj: Obj) -> Option<Arc<T>> {
    // SAFETY: a handle is a `HandleObject`.
    let handle = unsafe { &*obj.as_ptr().cast::<HandleObject>() };
    handle.body.clone().downcast().ok()
}

/// The body of a handle.
///
/// # Safety
///
/// As [`try_body`].
pub(crate) unsafe fn body<T: Any + Send + Sync>(obj: Obj) -> Arc<T> {
    // SAFETY: as the caller vouches.
    let body = unsafe { try_body(obj) };
    body.expect("I: a handle's body is of the type that its class says")
}

/// Drops the body of a dead handle and frees it.
///
/// # Safety
///
/// `obj` was made by [`new`] or is a task's object, and nobody holds it.
pub(crate) unsafe fn free(obj: Obj) {
    if obj.desc().kind == kind::TASK {
        // SAFETY: as the caller vouches; a task's handle is its object.
        return unsafe { super::task::free_handle(obj) };
    }
    let handle = obj.as_ptr().cast::<HandleObject>();
    live::add(-1);
    // SAFETY: the handle is valid and dropped once.
    unsafe { std::ptr::drop_in_place(handle) };
    // SAFETY: allocated in `new` with this layout.
    unsafe { deallocate(obj.as_ptr(), LAYOUT) };
}
