//! Attributes that make Rust async functions tasks of vitte.
//!
//! ```text
//!  tokens ─► attr (options) ─► ast (the function) ─► valid (what cannot be) ─► expand
//!                                    └────────── an error ──────────► fallback: the error, a dummy
//! ```
//!
//! In: the tokens of an attribute and its item. Out: tokens without `unsafe`, spans kept, so that
//! what rustc has to say it says at the user's code. The explicit machine is made by
//! [`vitte_lowering::rust`]; the types that expansions name are in the façade, `vitte::__private`.
//!
//! A macro never panics: every mistake is an error with a span, and after an error the item is
//! still there in some form, so that one mistake gives one message.
#![forbid(unsafe_code)]

mod ast;
mod attr;
#[cfg(feature = "embed")]
mod embed;
mod entry;
mod fallback;
mod jit;
mod native;
mod task;
mod valid;

#[cfg(test)]
mod goldens;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes an `async fn main` the entry point: builds a runtime and runs the body on it.
///
/// # Options
///
/// | option | meaning |
/// | --- | --- |
/// | `workers = N` | number of worker threads; one per processor unless told otherwise |
/// | `flavor = "multi_thread"` | worker threads (the default), or `"current_thread"`: none |
/// | `seed = S` | deterministic: virtual time, and an interleaving made from `S` |
/// | `start_paused = true` | virtual time that jumps to the next timer; the same as `seed = 0` |
/// | `crate = path` | where `vitte` is, if it was renamed |
///
/// The function takes no arguments and is not generic; it may return whatever `main` may.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use vitte::{sleep, task};
///
/// #[vitte::main(flavor = "current_thread")]
/// async fn main() {
///     let hello = task::spawn(async {
///         sleep(Duration::from_millis(1)).await;
///         "hello"
///     });
///     assert_eq!(hello.await.unwrap(), "hello");
/// }
/// ```
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::expand(entry::Point::Main, options.into(), item.into()).into()
}

/// Makes an `async fn` a test that runs on a runtime of its own, on the thread of the test.
///
/// # Options
///
/// Those of [`macro@main`] (the flavor is `"current_thread"` unless told otherwise), and
///
/// | option | meaning |
/// | --- | --- |
/// | `seeds = N` | deterministic, once for each seed below `N`; a failure prints its seed and how to run it alone (`VITTE_SEED`) |
///
/// # Examples
///
/// ```
/// #[vitte::test(seeds = 20)]
/// async fn whoever_comes_first() {
///     let (a, b) = (vitte::task::spawn(async { 1 }), vitte::task::spawn(async { 2 }));
///     assert_eq!(a.await.unwrap() + b.await.unwrap(), 3);
/// }
/// ```
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::expand(entry::Point::Test, options.into(), item.into()).into()
}

/// Makes an `async fn` a coroutine that knows its states: its calls return a `vitte::Coroutine`.
///
/// | form | whose machine |
/// | --- | --- |
/// | `#[vitte::task]` | an explicit one where the syntax proves that it is equivalent, else rustc's |
/// | `#[vitte::task(explicit)]` | an explicit one; what stands in the way is an error. `join!`, `try_join!` and `select!` are one await each |
/// | `#[vitte::task(native)]` | rustc's, with named suspend points |
/// | `#[vitte::task(jit)]` | over scalars only: machine code made on the first call (feature `jit`) |
///
/// `crate = path` says where `vitte` is, if it was renamed. Methods, generics and lifetimes are
/// fine; the crate must be of edition 2024, whose rules for `impl Trait` are those of `async fn`.
///
/// # Compiled on the first call
///
/// A `jit` task computes with integers of up to 64 bits, floats, `bool`, `char`, and tuples and arrays of
/// them: locals, `let … else`, `if` and `while` (with `let`, and chains of it), `match`, loops, labels,
/// `panic!`, `assert!`, `matches!`, constants in capital letters. It is lowered to the IR of vitte while
/// Rust compiles, and to machine code once, on its first poll. It awaits calls of any async function whose
/// future is `Send`: other `jit` tasks, those of the runtime (`vitte::sleep`), your own. A value that it
/// takes from there needs a spelled type: `let n: u64 = step(i).await;`, and so does a constant that meets
/// none. Whatever else a body has is an error that names it; all of them are told at once.
///
/// Overflow, division by zero and indices out of range panic, in every profile, with the words of
/// rustc and the place. Dropping the future drops what it awaits at once. It runs on any executor.
///
/// ```
/// #[vitte::task(jit)]
/// async fn collatz(start: u64) -> u32 {
///     let (mut n, mut steps) = (start, 0);
///     while n != 1 {
///         n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
///         steps += 1;
///         if steps % 64 == 0 {
///             vitte::task::yield_now().await;
///         }
///     }
///     steps
/// }
///
/// assert_eq!(vitte::block_on(collatz(27)), 111);
/// ```
///
/// # Examples
///
/// ```
/// use vitte::Coroutine;
///
/// #[vitte::task]
/// async fn sum(n: u64) -> u64 {
///     let mut total: u64 = 0;
///     let mut i: u64 = 0;
///     while i < n {
///         vitte::task::yield_now().await;
///         total += i;
///         i += 1;
///     }
///     total
/// }
///
/// let sum = sum(10);
/// assert_eq!(sum.layout().kind, "explicit");
/// let runtime = vitte::rt::runtime::Builder::current_thread().build()?;
/// assert_eq!(runtime.block_on(sum), 45);
/// # std::io::Result::Ok(())
/// ```
#[proc_macro_attribute]
pub fn task(options: TokenStream, item: TokenStream) -> TokenStream {
    task::expand(options.into(), item.into()).into()
}

/// Vitte source inside of Rust: parsed, checked and compiled to IR when the Rust program is compiled.
///
/// Each procedure becomes a Rust function of the same name: an `async fn` if it is async. Those marked
/// `export` do, or all of the top level if none is marked (those that are generic or streams left out).
/// Machine code is made on the first call of any of them, once.
///
/// | Vitte | Rust |
/// | --- | --- |
/// | `bool char i8 … u64 usize f32 f64` (`int` is `i64`) | the same |
/// | `string` | `String`; a parameter is `impl Into<String>` |
/// | `[T]`, `bytes` | `Vec<T>`, `Vec<u8>` |
/// | `(A, B)`, `unit` | `(A, B)`, `()` |
/// | `?T`, `Result[T, E]` | `Option<T>`, `Result<T, E>` |
/// | `form`, `pick` | a struct, an enum: public, with `Clone`, `Debug` and `PartialEq` |
///
/// Values are copied when they cross. A form that contains itself has its own type in a `Box`.
///
/// * An async procedure runs as a task of its own of the current runtime, from the first poll on. It
///   ends after the tasks that it spawned. Dropping the Rust future cancels it; its cleanup runs on
///   the runtime.
/// * A panic of the procedure (overflow, index, `panic`, `assert`) is a panic of the Rust function,
///   with the message and the place in the Vitte source. What shall not panic gives a `Result`.
/// * Comments are Rust's, and so are the escapes in texts.
/// * Vitte's warnings are shown at their tokens, as uses of something deprecated: that is how a macro
///   can warn. `#[allow(deprecated)]` on a module around the macro turns them off.
/// * `crate = path;` at the beginning says where `vitte` is, if it was renamed.
///
/// # Examples
///
/// ```
/// vitte::vitte! {
///     form Point { x: int, y: int }
///
///     async proc walk(from: Point, steps: int) -> Point {
///         let mut at = from
///         for i in 0..steps {
///             await sleep(0)
///             set at = Point { x: at.x + i, y: at.y + 1 }
///         }
///         give at
///     }
///
///     proc shout(text: string) -> string {
///         give text + "!"
///     }
/// }
///
/// let end = vitte::block_on(walk(Point { x: 1, y: 2 }, 3));
/// assert_eq!(end, Point { x: 4, y: 5 });
/// assert_eq!(shout("hello"), "hello!");
/// ```
#[cfg(feature = "embed")]
#[proc_macro]
pub fn vitte(tokens: TokenStream) -> TokenStream {
    embed::inline(tokens.into()).into()
}

/// As [`vitte!`], with the source in a file of its own; its path is relative to the Rust file, as for
/// `include_str!`. A change of the file builds again.
///
/// Errors and warnings are shown at the path, as text with line and column in the Vitte file.
/// `crate = path` behind the path says where `vitte` is, if it was renamed.
///
/// # Examples
///
/// ```text
/// mod jobs {
///     vitte::include_vitte!("jobs.vit");
/// }
/// mod more_jobs {
///     my_vitte::include_vitte!("more.vit", crate = my_vitte);
/// }
/// ```
#[cfg(feature = "embed")]
#[proc_macro]
pub fn include_vitte(tokens: TokenStream) -> TokenStream {
    embed::include(tokens.into()).into()
}
