//! Which machine for which function: explicit, rustc's own, or compiled when the program runs.
//!
//! An async function is a machine: a state, and a step that goes from one await to the next. rustc
//! makes one of every `async fn`. [`task`](macro@crate::task) makes one whose states are an enum of
//! the function's own locals, where that is sure to be the same function, and names the awaits of
//! rustc's where it is not.
//!
//! | form | use it | what it costs |
//! | --- | --- | --- |
//! | no attribute | small glue, closures, whatever nobody looks at | the dump shows no name |
//! | `#[vitte::task]` | everywhere else: it takes every valid `async fn` | see below |
//! | `#[vitte::task(explicit)]` | a frame that exists a million times, a type that must not borrow from itself | some functions are refused, with the ways out |
//! | `#[vitte::task(native)]` | a function whose borrows across awaits are wanted | a word per frame, 1 ns per await |
//! | `#[vitte::task(jit)]` (feature `jit`) | numbers whose overflow must panic in every profile; a machine like those of Vitte programs, to look at or to measure | scalars only; a frame on the heap per call, machine code made on the first one, the code generator in the program |
//!
//! Where rustc can compile a function, its code is as good as ours and there from the beginning: `jit` is
//! for what has to run on the coroutine ABI, not for speed. `task_ratios` measures it
//! beside the other two for functions of numbers, below.
//!
//! # Figures
//!
//! 37 functions of the explicit class beside the same functions of rustc's, in one run
//! (`cargo run --release -p vitte-benches --bin task_ratios`, which has a line for `jit` under those that are
//! numbers alone; the sizes are exact, the times those of a busy machine with two cores):
//!
//! | function | rustc's frame | explicit | what it keeps |
//! | --- | --- | --- | --- |
//! | `handler` | 216 | 104 | a request with path and body, moved from step to step |
//! | `transfer` | 224 | 88 | two owned arguments, awaited one after the other |
//! | `digest` | 352 | 152 | an array of 128 bytes that is dead after the first await |
//! | `four_states` | 48 | 32 | two numbers over four awaits in a loop |
//! | `while_sum` | 40 | 32 | three numbers over one await in a loop |
//! | `nested_loops` | 80 | 72 | two ranges, two indices, a sum |
//! | `buffer_by_value` | 192 | 184 | a buffer of 128 bytes that goes out and comes back |
//!
//! Frames in bytes: 0.71 of rustc's at the median, between 0.39 and 0.96, never larger. A resume
//! takes 1.05 to 1.15 times rustc's at the median, mostly between 0.8 and 1.3 (rustc's is 4 to 5 ns in a loop
//! of numbers): by instructions 1.14 times at the median, of which some five per poll note where the task
//! waits. Whether a helper of the function is inlined into its step differs from build to build, and is most
//! of `dead_argument`: 1.3 to 1.7. 500 explicit tasks take 2.8 to 2.9 times as long to check as 500 plain async
//! functions (`task_compile`), a fifth of it their expansion: 0.4 to 0.6 ms each, 0.8 the slowest.
//!
//! The 15 functions of numbers as `jit`: frames as large as rustc's at the median, between 0.54 and 1.0 of
//! them; a resume takes 18 times rustc's, some 85 ns, because an await of a Rust future passes from machine
//! code to Rust and back.
//!
//! What makes frames smaller: rustc keeps an argument twice, where the caller put it and as a local,
//! and keeps what is in scope; an explicit state keeps what is read later or must still be dropped.
//! What makes frames equal: loops with a few numbers, where both keep the same.
//!
//! # What `#[vitte::task]` takes for sure
//!
//! A macro sees words, not types. The explicit machine is made if all of this holds; otherwise the
//! function is rustc's, and [`Coroutine::layout`](crate::Coroutine::layout) says `native`:
//!
//! * each awaited operand is made of calls by path, locals, literals and arithmetic: nothing is lent
//!   to it, and no temporary waits with it. Or it lends for this one await what it names, all of spelled
//!   types, in a statement whose value is dropped or of a spelled type:
//!   `let n: usize = read(&mut buf).await?;`, `socket.fill(&mut buf).await;` with `socket: &mut Socket`.
//!   The state then holds an `async` block that owns the buffer and gives it back, so a buffer is copied
//!   into the state and out of it; a large one is better boxed, or left to `native`;
//! * a local that a state keeps is not captured, not lent to anything that could be kept as well, and
//!   no part of it is moved. A method may be called on it in a statement of its own, or for a value
//!   whose type is spelled: `let n: usize = list.len();`, `list.push(x)` with `x: u64`. Spelled types
//!   are what this rests on: numbers, `bool`, `char`, `&'static str`, arrays and tuples of them, and
//!   the owners of the standard library (`String`, `Vec<u64>`, `Option<String>`, …);
//! * it is known on every way whether a local was moved: one that is called is moved if its type says
//!   `FnOnce`, and stays if it says `Fn` or `FnMut`;
//! * no temporary would have to live across an await: what is matched or looped over around one, and what
//!   stands before one in the same statement, is made of places, numbers, ranges and calls by value.
//!   `match list.lock().pop() { Some(x) => f(x).await, … }` holds its guard all the while, so it is rustc's;
//! * patterns around awaits bind all of the value;
//! * no macro but those of the standard library whose arguments are expressions, no item in an inner block
//!   that awaits, no call of itself, no parameter that is a pattern, no `impl Trait` in the result, no
//!   `#[cfg]` on a part (an attribute sees the function before rustc takes the part out).
//!
//! `explicit` asks less: it leaves borrows to the compiler, and takes `join!`, `try_join!` and `select!`
//! (called by these words, or by a path that begins with `vitte`) as one await of all their futures.
//! In a `select!` whose handlers await, patterns bind all of the value. It refuses a temporary that may have
//! to live across an await (methods of the standard library are known by their names), a `&mut` reference
//! that is lent to an awaited call and used again, and tells the way out: bind it first, or end the borrow.
//!
//! It takes a part of a local that is named (`let n = request.id;`) to be copied, and a closure whose type is
//! not spelled to be called often: where one was moved, the compiler says so. Bind all parts at once, or spell
//! `Box<dyn FnOnce()>`.
//!
//! One thing it takes for granted: a local whose parts are all bound by the patterns of a `match`
//! with awaiting arms has nothing left to drop. Of a type with a `Drop` of its own, whose parts are numbers,
//! the drop comes at the arm's first await.
//!
//! Some of it is stricter than needed. To see what stands in the way, write `explicit` for a moment.
//!
//! # What it does not see
//!
//! Valid functions that the explicit machine cannot be, and that are made one nevertheless. Each is an
//! error of the compiler, never another behaviour; `native` is the way out.
//!
//! * A function that awaits itself through other functions: its state would hold itself (E0720).
//! * A method `fn(&'a mut self)` of a type that borrows from itself for `'a`.
//! * A type of one's own that is called `u64`, `String` or `Vec` and borrows; a macro of one's own that
//!   is called `println`, `vec` or `assert` and returns.
//! * Locals of two macros by example that share a spelling: words are compared, not their hygiene.
//! * A constant in small letters used as a pattern: it is taken for a name.
