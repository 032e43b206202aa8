//! The program's surroundings: output, arguments, arithmetic that has no instruction.

use crate::host::count::release;
use crate::host::list::List;
use crate::host::object::TypeDesc;
use crate::host::{string, task};
use std::io::Write as _;
use std::ptr::null_mut;
use vitte_abi::vt_ctx;
use vitte_rt::coroutine::OpCx;

macro_rules! prints {
    ($($(#[$doc:meta])* fn $name:ident to $out:ident with $end:literal)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        ///
        /// `text` is null or a living string.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(ctx: *mut vt_ctx, text: *mut u8) {
            // SAFETY: the caller lends a living string.
            let text = unsafe { string::text_of(text) };
            // SAFETY: generated code passes its context.
            let cx = unsafe { OpCx::new(ctx) };
            if !task::print(cx, &[text, $end]) {
                write_to(&mut std::io::$out().lock(), &[text, $end]);
            }
        }
    )*};
}

prints! {
    /// Writes to stdout.
    fn vitte_print to stdout with ""
    /// Writes to stdout with a line end.
    fn vitte_println to stdout with "\n"
    /// Writes to stderr.
    fn vitte_eprint to stderr with ""
    /// Writes to stderr with a line end.
    fn vitte_eprintln to stderr with "\n"
}

/// Writes all parts; an output that is gone is no reason to fail.
fn write_to(out: &mut dyn std::io::Write, parts: &[&str]) {
    for part in parts {
        let _ = out.write_all(part.as_bytes());
    }
}

/// Writes a report of the host itself to stderr, whole.
pub(crate) fn report(text: &str) {
    write_to(&mut std::io::stderr().lock(), &[text]);
}

/// Flushes what was printed.
pub fn flush() {
    let _ = std::io::stdout().lock().flush();
}

/// Remainder of the truncated quotient.
#[unsafe(no_mangle)]
pub extern "C" fn vitte_fmod(_ctx: *mut vt_ctx, a: f64, b: f64) -> f64 {
    a % b
}

/// The program's arguments, set once before it runs.
static ARGS: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();

/// Sets what `main(args)` gets. Only the first call counts.
pub fn set_args(args: Vec<String>) {
    let _ = ARGS.set(args);
}

/// The program's arguments as a list of strings; null if memory is short.
///
/// # Safety
///
/// `desc` describes a list of strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_args(_ctx: *mut vt_ctx, desc: *const TypeDesc) -> *mut u8 {
    let args = ARGS.get().map_or(&[][..], Vec::as_slice);
    let Some(list) = List::with_capacity(desc, args.len()) else { return null_mut() };
    for arg in args {
        let text: *mut u8 = string::raw(arg);
        // SAFETY: a reference is an element of this list; the list takes the count over.
        if text.is_null() || !unsafe { list.push((&raw const text).cast()) } {
            // SAFETY: nobody else knows the new list.
            unsafe { release(list.obj()) };
            return null_mut();
        }
    }
    list.obj().as_ptr()
}
