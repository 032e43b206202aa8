//! JIT tasks: async functions over scalars, compiled on their first call.
//!
//! ```text
//!  static JitCode (IR as text, an operation per await) ─first poll─► machine code, layout record
//!  JitTask: arguments ─► frame on the heap ─drive─► operations: the awaited Rust futures, in the frame
//! ```
//!
//! The task that awaits drives the frame itself, on any executor; nothing is spawned. A dropped task
//! drops what it awaits at once.
//!
//! * **J1** Code is never freed.
//! * **J2** What lies in a frame is `Send`: scalars, and futures that [`JitOp`] asks it of.

use super::drive::{Frame, drive, keep_panic, leaf, waker_of};
use super::{Coroutine, Reader, Task, Value, Writer};
use crate::rt::task::note_suspend;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};
use vitte_abi::{
    LayoutRecord, SlotRole, VT_CANCEL_ASKED, VT_CANCELLED, VT_DONE, VT_FAULTED, VT_MODE_CANCEL,
    VT_MODE_RESUME, VT_YIELDED, fault_code, vt_ctx, vt_machine, vt_resume, vt_status,
};
use vitte_codegen::{Code, ImportTable, Jit, Options};
use vitte_lowering::{coroutine, ir};
use vitte_rt::coroutine::Fault;

type Start = unsafe extern "C" fn(*mut vt_ctx, *mut u8);
type StartWith = unsafe extern "C" fn(*mut vt_ctx, *mut u8, *const u8);

/// An await of a JIT task: what is awaited is made by a function of Rust and polled in the frame.
#[derive(Clone, Copy, Debug)]
pub struct JitOp {
    start: Start,
    /// Takes the arguments, if there are any.
    start_with: StartWith,
    has_args: bool,
    poll: vt_resume,
    /// Bytes of the future, rounded up to 8: the result follows.
    size: u32,
    align: u32,
}

/// What `start` leaves in the storage.
enum Started<F> {
    Going(F),
    /// Building it panicked; the panic is kept.
    Failed,
}

const fn result_offset<F>() -> usize {
    size_of::<Started<F>>().next_multiple_of(8)
}

impl JitOp {
    /// Awaits what `make` gives for the arguments; the value goes to the task.
    pub const fn new<A, R, F, M>(make: M) -> JitOp
    where
        A: Value,
        R: Value,
        F: Future<Output = R> + Send + 'static,
        M: Fn(A) -> F + Copy + 'static,
    {
        let _ = make;
        Self::of::<A, F, M>(poll_for::<F, R>)
    }

    /// As [`JitOp::new`]; the value is dropped.
    pub const fn dropping<A, F, M>(make: M) -> JitOp
    where
        A: Value,
        F: Future + Send + 'static,
        M: Fn(A) -> F + Copy + 'static,
    {
        let _ = make;
        Self::of::<A, F, M>(poll_only::<F>)
    }

    const fn of<A: Value, F: Future, M: Fn(A) -> F + Copy>(poll: vt_resume) -> JitOp {
        assert!(size_of::<M>() == 0, "I: the closure of an await captures nothing");
        let align = align_of::<Started<F>>() as u32;
        JitOp {
            start: start::<A, F, M>,
            start_with: start_with::<A, F, M>,
            has_args: !A::PARTS.is_empty(),
            poll,
            size: result_offset::<F>() as u32,
            align: if align < 8 { 8 } else { align },
        }
    }
}

/// Builds the future in its storage.
///
/// # Safety
///
/// `ctx` is the context of a drive in progress, `storage` is as large and aligned as the operation
/// says; a value of `M` exists; `args` holds the parts of `A`.
unsafe fn build<A: Value, F: Future, M: Fn(A) -> F + Copy>(
    ctx: *mut vt_ctx,
    storage: *mut u8,
    args: *const u8,
) {
    // SAFETY: a `Copy` value without bytes, of which one exists (caller).
    let make = unsafe { NonNull::<M>::dangling().read() };
    let places = A::PARTS.places(0);
    let started = match catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the caller vouches for the arguments.
        make(A::load(&mut unsafe { Reader::new(args, places.offsets()) }))
    })) {
        Ok(future) => Started::Going(future),
        Err(payload) => {
            // SAFETY: the caller vouches for `ctx`.
            unsafe { keep_panic(ctx, payload) };
            Started::Failed
        }
    };
    // SAFETY: the caller vouches for the storage.
    unsafe { storage.cast::<Started<F>>().write(started) };
}

unsafe extern "C" fn start<A: Value, F: Future, M: Fn(A) -> F + Copy>(
    ctx: *mut vt_ctx,
    storage: *mut u8,
) {
    // SAFETY: generated code starts an operation without arguments; its address was taken where a
    // value of `M` existed.
    unsafe { build::<A, F, M>(ctx, storage, NonNull::dangling().as_ptr()) }
}

unsafe extern "C" fn start_with<A: Value, F: Future, M: Fn(A) -> F + Copy>(
    ctx: *mut vt_ctx,
    storage: *mut u8,
    args: *const u8,
) {
    // SAFETY: as above, with the arguments in sequence.
    unsafe { build::<A, F, M>(ctx, storage, args) }
}

/// Polls the future in `storage`; once ready it is dropped and `finish` gets its value.
///
/// # Safety
///
/// As [`build`], which was called for this storage; unless `VT_YIELDED` is answered, the future is gone.
unsafe fn poll<F: Future>(
    ctx: *mut vt_ctx,
    storage: *mut u8,
    finish: impl FnOnce(F::Output),
) -> vt_status {
    // SAFETY: the caller vouches for `ctx`.
    let mode = unsafe { &mut (*ctx).mode };
    let cancelled = mem::replace(mode, VT_MODE_RESUME) == VT_MODE_CANCEL;
    let polled = if cancelled {
        Ok(None)
    } else {
        // SAFETY: `build` left it there.
        let Started::Going(future) = (unsafe { &mut *storage.cast::<Started<F>>() }) else {
            return VT_FAULTED;
        };
        // SAFETY: it stays in its storage until it is dropped in place.
        let future = unsafe { Pin::new_unchecked(future) };
        // SAFETY: the caller vouches for `ctx`.
        let waker = unsafe { waker_of(ctx) };
        match catch_unwind(AssertUnwindSafe(|| future.poll(&mut Context::from_waker(waker)))) {
            Ok(Poll::Pending) => return VT_YIELDED,
            Ok(Poll::Ready(value)) => Ok(Some(value)),
            Err(payload) => Err(payload),
        }
    };
    let drop_it = || {
        // SAFETY: it is not used again.
        unsafe { storage.cast::<Started<F>>().drop_in_place() }
    };
    let dropped = catch_unwind(AssertUnwindSafe(drop_it));
    let value = polled.and_then(|value| dropped.map(|()| value));
    let done = value.and_then(|value| match value {
        None => Ok(VT_CANCELLED),
        Some(value) => catch_unwind(AssertUnwindSafe(|| finish(value))).map(|()| VT_DONE),
    });
    done.unwrap_or_else(|payload| {
        // SAFETY: the caller vouches for `ctx`.
        unsafe { keep_panic(ctx, payload) };
        VT_FAULTED
    })
}

unsafe extern "C" fn poll_for<F, R>(ctx: *mut vt_ctx, storage: *mut u8) -> vt_status
where
    F: Future<Output = R>,
    R: Value,
{
    let finish = |value: R| {
        let places = R::PARTS.places(0);
        let area = storage.wrapping_add(result_offset::<F>());
        // SAFETY: the compiler reserves room for the parts behind the future.
        value.store(&mut unsafe { Writer::new(area, places.offsets()) });
    };
    // SAFETY: generated code polls what it has started.
    unsafe { poll::<F>(ctx, storage, finish) }
}

unsafe extern "C" fn poll_only<F: Future>(ctx: *mut vt_ctx, storage: *mut u8) -> vt_status {
    // SAFETY: generated code polls what it has started.
    unsafe { poll::<F>(ctx, storage, drop) }
}

/// An async function as IR: a static of its expansion.
#[derive(Debug)]
pub struct JitCode {
    task: &'static Task,
    /// The IR as text, verified; the function is named `task`.
    text: &'static str,
    /// Messages of its panics.
    messages: &'static [&'static str],
    /// Its awaits, by number.
    ops: &'static [JitOp],
    compiled: OnceLock<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    /// Never freed (J1).
    _code: Code,
    machine: &'static vt_machine,
    /// Where the parts of the arguments lie in the frame.
    params: Vec<u32>,
    record: LayoutRecord,
    /// Per suspended state of the machine, the await it is at.
    awaits: Vec<usize>,
}

impl JitCode {
    /// The function that `text` holds.
    pub const fn new(
        task: &'static Task,
        text: &'static str,
        messages: &'static [&'static str],
        ops: &'static [JitOp],
    ) -> Self {
        JitCode { task, text, messages, ops, compiled: OnceLock::new() }
    }

    /// Calls the function: a cold future.
    pub const fn call<A: Value + Send, R: Value>(&'static self, args: A) -> JitTask<A, R> {
        JitTask { state: State::Unresumed(args), code: self, result: PhantomData }
    }

    /// The machine code; the first call makes it. Whoever comes meanwhile waits.
    fn compiled(&self) -> &Compiled {
        self.compiled.get_or_init(|| self.compile())
    }

    fn compile(&self) -> Compiled {
        let name = self.task.name;
        let mut module = ir::parse_module(self.text).expect("I: the macro printed it");
        let mut imports = ImportTable::new();
        for ((n, op), data) in self.ops.iter().enumerate().zip(module.ops.values_mut()) {
            let area = data.size - data.result_offset;
            data.result_offset = op.size;
            data.align = op.align;
            data.size = (op.size + area).next_multiple_of(op.align);
            let start =
                if op.has_args { op.start_with as *const u8 } else { op.start as *const u8 };
            // SAFETY: the function has the signature that the module declares for the operation, and
            // does not unwind.
            unsafe { imports.register(format!("await{n}_start"), start) };
            // SAFETY: as above.
            unsafe { imports.register(format!("await{n}_poll"), op.poll as *const u8) };
        }
        let lowered = coroutine::lower(&module)
            .unwrap_or_else(|e| panic!("cannot lower the JIT task `{name}`: {}", e[0].message));
        let options = Options::default();
        let code = Jit::compile(&lowered.module, &lowered.machines, &imports, &options)
            .unwrap_or_else(|e| panic!("cannot compile the JIT task `{name}`: {e}"));
        let func = module.func_by_name("task").expect("I: the macro named it");
        let machine = std::ptr::from_ref(code.machine(func).expect("I: it is async"));
        // SAFETY: `code` goes into a static that is never dropped (J1).
        let machine = unsafe { &*machine };
        let mut record = lowered.machines[&func].clone();
        record.name = name.into();
        record.kind = "jit".into();
        let params = record.slots.iter().filter(|s| s.role == SlotRole::Param);
        let params = params.map(|s| s.offset as u32).collect();
        let number = |name: &str| name.strip_prefix("await").and_then(|n| n.parse().ok());
        let awaits = record.states.iter().map(|s| number(&s.name).unwrap_or(usize::MAX)).collect();
        Compiled { _code: code, machine, params, record, awaits }
    }

    /// Panics as the function did.
    fn failed(&self, fault: Option<&Fault>) -> ! {
        let Some(fault) = fault else { panic!("the JIT task `{}` failed", self.task.name) };
        let n = fault.code.wrapping_sub(fault_code::FIRST_FRONTEND) as usize;
        let text = self.messages.get(n).map_or_else(
            || fault.to_string(),
            |text| text.replace("{}", &fault.payload.to_string()),
        );
        // SAFETY: code is never freed (J1).
        match unsafe { fault.place() } {
            Some((file, line, column)) if line > 0 => {
                panic!("{text}\n  --> {file}:{line}:{column}")
            }
            _ => panic!("{text}"),
        }
    }
}

/// What a `#[vitte::task(jit)]` function returns.
pub struct JitTask<A, R> {
    state: State<A>,
    code: &'static JitCode,
    result: PhantomData<fn() -> R>,
}

enum State<A> {
    Unresumed(A),
    Suspended(Frame),
    Returned,
    Poisoned,
}

// SAFETY: a frame belongs to its task alone, and what lies in it is `Send` (J2).
unsafe impl<A: Send, R> Send for JitTask<A, R> {}

/// Nothing of it is pinned: the frame lies on the heap.
impl<A, R> Unpin for JitTask<A, R> {}

impl<A, R> JitTask<A, R> {
    /// Number of the await that it is suspended at.
    fn site(&self, frame: &Frame) -> Option<usize> {
        let Compiled { machine, awaits, .. } = self.code.compiled();
        let at = frame.address().wrapping_add(machine.tag_offset as usize);
        let tag = match machine.tag_bytes {
            // SAFETY: a frame has its tag there.
            1 => u32::from(unsafe { at.read() }),
            // SAFETY: as above.
            2 => u32::from(unsafe { at.cast::<u16>().read_unaligned() }),
            // SAFETY: as above.
            _ => unsafe { at.cast::<u32>().read_unaligned() },
        };
        awaits.get(tag.checked_sub(3)? as usize).copied()
    }
}

impl<A: Value, R: Value> Future for JitTask<A, R> {
    type Output = R;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let this = self.get_mut();
        let name = this.code.task.name;
        let compiled = this.code.compiled();
        let frame = match mem::replace(&mut this.state, State::Poisoned) {
            State::Unresumed(args) => {
                let frame = Frame::new(compiled.machine).expect("out of memory for a frame");
                // SAFETY: the layout record says that the arguments are there.
                let mut writer = unsafe { Writer::new(frame.address(), &compiled.params) };
                args.store(&mut writer);
                frame
            }
            State::Suspended(frame) => frame,
            State::Returned => panic!("`{name}` was polled after it returned"),
            State::Poisoned => panic!("`{name}` was polled after it panicked"),
        };
        let mut leaf = leaf(compiled.machine, &frame);
        // SAFETY: the frame is unresumed or suspended; the machine is never freed (J1).
        let (status, requeue, ended) = unsafe { drive(&mut leaf, cx.waker()) };
        match status {
            VT_YIELDED => {
                if let Some(site) = this.site(&frame).and_then(|n| this.code.task.sites.get(n)) {
                    note_suspend(cx.waker(), site);
                }
                this.state = State::Suspended(frame);
                if requeue {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
            VT_DONE => {
                this.state = State::Returned;
                let at = frame.address().wrapping_add(compiled.machine.result_offset as usize);
                let places = R::PARTS.places(0);
                // SAFETY: a finished coroutine has its result there, which the macro made `R` of.
                Poll::Ready(R::load(&mut unsafe { Reader::new(at, places.offsets()) }))
            }
            _ => match ended.panic {
                Some(payload) => resume_unwind(payload),
                None => this.code.failed(ended.fault.as_ref()),
            },
        }
    }
}

impl<A: Value, R: Value> Coroutine for JitTask<A, R> {
    fn state_name(&self) -> &'static str {
        match &self.state {
            State::Unresumed(_) => "unresumed",
            State::Suspended(frame) => {
                let site = self.site(frame).and_then(|n| self.code.task.sites.get(n));
                site.map_or("suspended", |site| site.state)
            }
            State::Returned => "returned",
            State::Poisoned => "poisoned",
        }
    }

    fn layout(&self) -> LayoutRecord {
        self.code.compiled().record.clone()
    }

    fn is_done(&self) -> bool {
        matches!(self.state, State::Returned | State::Poisoned)
    }
}

impl<A, R> Drop for JitTask<A, R> {
    fn drop(&mut self) {
        let State::Suspended(frame) = mem::replace(&mut self.state, State::Returned) else {
            return;
        };
        let machine = self.code.compiled().machine;
        let mut leaf = leaf(machine, &frame);
        leaf.cancel = VT_CANCEL_ASKED;
        // SAFETY: the frame is suspended; the machine is never freed (J1).
        let (_, _, ended) = unsafe { drive(&mut leaf, Waker::noop()) };
        if let Some(payload) = ended.panic
            && !std::thread::panicking()
        {
            resume_unwind(payload);
        }
    }
}

impl<A, R> fmt::Debug for JitTask<A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JitTask({})", self.code.task.name)
    }
}
