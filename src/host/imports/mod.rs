//! Synchronous imports.
//!
//! In: calls of generated code, in the C signatures of the host table. Out: values. None of them
//! unwinds or faults; a failure is an answer (null, false, a code) that generated code acts upon.
//! References are borrowed, results owned, unless an import says that it takes something.
//!
//! Small integers arrive as `u32` of which only the low bits count: the C convention leaves it to
//! the caller whether to extend them, and not every backend does.

mod lists;
mod objects;
mod text;
mod world;

pub use lists::*;
pub use objects::*;
pub use text::*;
pub use world::*;

macro_rules! string_imports {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident),*) -> $result:ty $body:block)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        ///
        /// String arguments are null or living strings.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(_ctx: *mut vt_ctx, $($arg: *mut u8),*) -> $result {
            $(
                // SAFETY: the caller lends living strings.
                let $arg = unsafe { $crate::host::string::text_of($arg) };
            )*
            $body
        }
    )*};
}
use string_imports;
