//! Instructions and terminators, with their meaning.
//!
//! # Ownership
//!
//! A slot whose type needs dropping ([`super::Module::needs_drop`]) is *owned* between the point
//! where it gets its contents and the point where they are dropped or moved:
//!
//! | becomes owned by | ceases to be owned by |
//! | --- | --- |
//! | being a parameter | [`InstKind::DropSlot`] |
//! | [`InstKind::SlotStore`] of a whole `Ty::Value` slot | [`InstKind::Move`] from it |
//! | [`InstKind::SlotInit`], after piecewise stores | [`Arg::Move`] of it |
//! | [`InstKind::Move`] into it, [`InstKind::Future`] | [`InstKind::SlotForget`] |
//! | being a destination of a call or await that went `ok` | `await` of a future slot, `drain` |
//!
//! On each path it must be dropped or moved exactly once before it is owned again, before
//! [`InstKind::SlotDead`], and before the function ends. Where only some paths own it, a bool value
//! (a *drop flag*) that is true exactly on those paths guards the drop; the verifier follows it.
//!
//! # Faults
//!
//! No instruction traps. Checked arithmetic returns a flag, and the frontend branches to a
//! [`Terminator::Fault`], whose `unwind` edge runs the cleanup and ends in [`Terminator::Unwind`].

use super::entity::{Block, Class, Data, Func, HostOp, Import, Slot, Suspend, Value};
use super::types::{Ty, Type};

/// Operators on one value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnaryOp {
    /// Two's complement negation, wrapping.
    Neg,
    /// Bitwise complement; on `bool` logical not.
    Not,
    /// Floating-point negation.
    Fneg,
    /// Number of leading zero bits.
    Clz,
    /// Number of trailing zero bits.
    Ctz,
    /// Number of one bits.
    Popcnt,
    /// Square root.
    Fsqrt,
    /// Round towards zero.
    Ftrunc,
    /// Round down.
    Ffloor,
    /// Round up.
    Fceil,
    /// Absolute value of a float.
    Fabs,
}

/// Operators on two values of one type, wrapping; shifts take the count modulo the width.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BinaryOp {
    /// Wrapping sum.
    Add,
    /// Wrapping difference.
    Sub,
    /// Wrapping product.
    Mul,
    /// Bitwise (or logical) and.
    And,
    /// Bitwise (or logical) or.
    Or,
    /// Bitwise (or logical) exclusive or.
    Xor,
    /// Shift left.
    Shl,
    /// Arithmetic shift right.
    Sshr,
    /// Logical shift right.
    Ushr,
    /// Float sum.
    Fadd,
    /// Float difference.
    Fsub,
    /// Float product.
    Fmul,
    /// Float quotient.
    Fdiv,
    /// Float minimum (NaN if either is).
    Fmin,
    /// Float maximum (NaN if either is).
    Fmax,
}

/// Integer operators with an overflow flag; `div` and `rem` also flag a zero divisor.
/// Where the flag is set, the value is the wrapped result, or 0 for a division.
/// Not defined for `i128` division.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CheckedOp {
    /// Signed sum.
    Sadd,
    /// Signed difference.
    Ssub,
    /// Signed product.
    Smul,
    /// Unsigned sum.
    Uadd,
    /// Unsigned difference.
    Usub,
    /// Unsigned product.
    Umul,
    /// Signed quotient, truncating.
    Sdiv,
    /// Unsigned quotient.
    Udiv,
    /// Signed remainder, sign of the dividend; flagged also where the quotient overflows.
    Srem,
    /// Unsigned remainder.
    Urem,
}

/// Comparisons. `Eq` and `Ne` also take `bool`, `ptr` and references; `F*` take floats (false with
/// a NaN but for `Fne`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CompareOp {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Signed less.
    Slt,
    /// Signed less or equal.
    Sle,
    /// Signed greater.
    Sgt,
    /// Signed greater or equal.
    Sge,
    /// Unsigned less.
    Ult,
    /// Unsigned less or equal.
    Ule,
    /// Unsigned greater.
    Ugt,
    /// Unsigned greater or equal.
    Uge,
    /// Float equal.
    Feq,
    /// Float not equal, or unordered.
    Fne,
    /// Float less.
    Flt,
    /// Float less or equal.
    Fle,
    /// Float greater.
    Fgt,
    /// Float greater or equal.
    Fge,
}

/// Conversions; the target type is the instruction's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConvertOp {
    /// Sign-extend an integer.
    Sext,
    /// Zero-extend an integer or bool.
    Zext,
    /// Keep the low bits of an integer; to `bool`: bit 0.
    Trunc,
    /// Signed integer to float, rounding to nearest.
    SintToFloat,
    /// Unsigned integer to float, rounding to nearest.
    UintToFloat,
    /// Float to signed integer, truncating and saturating; NaN is 0.
    FloatToSint,
    /// Float to unsigned integer, truncating and saturating; NaN is 0.
    FloatToUint,
    /// `f32` to `f64`.
    Promote,
    /// `f64` to `f32`.
    Demote,
    /// Same size, same bits: `i64`/`f64`/`ptr`/reference, `i32`/`f32`.
    Bitcast,
}

/// How a [`InstKind::Box`] frame is owned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BoxKind {
    /// By the task: awaited, drained or dropped by whoever holds the pointer.
    Arena,
    /// By the scheduler: the pointer is handed to a spawn import.
    Task,
}

/// An argument of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arg {
    /// A value.
    Value(Value),
    /// A slot, moved into the callee; the slot is no longer owned, its bytes are undefined.
    Move(Slot),
}

/// What is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Callee {
    /// A synchronous function of the module.
    Func(Func),
    /// An import.
    Import(Import),
}

/// Functions of the context's table that machines call. Arguments after `ctx`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CtxFn {
    /// `(machine: ptr, kind: i32) -> ptr`
    AllocFrame,
    /// `(frame: ptr)`
    FreeFrame,
    /// `()`
    Overrun,
    /// `(code: i32, span: ptr, payload: i64, in_cleanup: i32)`
    Fault,
    /// `(n: i32) -> i32`
    Choose,
    /// `(branches: ptr, n: i32, flags: i32) -> i32`
    Branches,
    /// `(leaf: ptr) -> i32`
    Run,
}

/// An instruction. Results are listed in `[ ]`.
#[derive(Clone, PartialEq, Debug)]
pub enum InstKind {
    /// `[ty]` A constant; `bits` zero-extended from the type's width (floats: their bit pattern).
    Const {
        /// Type.
        ty: Type,
        /// Bits.
        bits: u128,
    },
    /// `[ty]` The null of `ptr` or a reference.
    Null {
        /// Type.
        ty: Type,
    },
    /// `[ptr]` Address of a synchronous function.
    FuncAddr(Func),
    /// `[ptr]` Address of the `vt_machine` of an async function.
    MachineAddr(Func),
    /// `[ptr]` Address of static data, at an offset.
    DataAddr(Data, u32),
    /// `[ref(class)]` Address of static data as a reference of a class (immortal object).
    DataRef(Data, Class),
    /// `[ty]` One operand.
    Unary {
        /// Operator.
        op: UnaryOp,
        /// Operand.
        arg: Value,
    },
    /// `[ty]` Two operands of one type.
    Binary {
        /// Operator.
        op: BinaryOp,
        /// Operands.
        args: [Value; 2],
    },
    /// `[ty, bool]` Two integers of one type; the flag says that the result is not exact.
    Checked {
        /// Operator.
        op: CheckedOp,
        /// Operands.
        args: [Value; 2],
    },
    /// `[bool]` Two operands of one type.
    Compare {
        /// Operator.
        op: CompareOp,
        /// Operands.
        args: [Value; 2],
    },
    /// `[ty]` `args[0]` where `cond`, else `args[1]`; both are evaluated already.
    Select {
        /// Condition, a bool.
        cond: Value,
        /// Alternatives of one type.
        args: [Value; 2],
    },
    /// `[ty]` Conversion to `ty`.
    Convert {
        /// Operator.
        op: ConvertOp,
        /// Operand.
        arg: Value,
        /// Target type.
        ty: Type,
    },
    /// `[ptr]` Address of a slot at an offset. The only thing that pins a slot.
    SlotAddr {
        /// Slot.
        slot: Slot,
        /// Offset.
        offset: u32,
    },
    /// `[ty]` Reads from a slot.
    SlotLoad {
        /// Slot.
        slot: Slot,
        /// Offset.
        offset: u32,
        /// Type.
        ty: Type,
    },
    /// Writes to a slot.
    SlotStore {
        /// Slot.
        slot: Slot,
        /// Offset.
        offset: u32,
        /// Value.
        value: Value,
    },
    /// `[ty]` Reads from memory, any alignment.
    Load {
        /// Type.
        ty: Type,
        /// Address.
        addr: Value,
        /// Signed offset.
        offset: i32,
    },
    /// Writes to memory, any alignment.
    Store {
        /// Address.
        addr: Value,
        /// Signed offset.
        offset: i32,
        /// Value.
        value: Value,
    },
    /// `[ptr]` Address plus a constant.
    PtrOffset {
        /// Address.
        base: Value,
        /// Signed offset.
        offset: i32,
    },
    /// Copies bytes; the ranges may overlap.
    Copy {
        /// Destination address.
        dst: Value,
        /// Source address.
        src: Value,
        /// Number of bytes.
        bytes: u32,
    },
    /// The slot's storage begins, with undefined contents. Without it storage begins at the first
    /// write.
    SlotLive(Slot),
    /// The slot's storage ends.
    SlotDead(Slot),
    /// The slot's contents are complete: it is owned from here.
    SlotInit(Slot),
    /// The slot's contents have been taken over piece by piece: it is not owned from here.
    SlotForget(Slot),
    /// Adds a count to a reference.
    Retain(Value),
    /// Takes a count off a reference.
    Drop(Value),
    /// Runs the drop action of a slot.
    DropSlot(Slot),
    /// Moves the contents of one slot to another of the same type.
    Move {
        /// Source.
        src: Slot,
        /// Destination.
        dst: Slot,
    },
    /// `[value results]` Calls something that cannot fault; slot results go to `dests` in order.
    Call {
        /// Callee.
        callee: Callee,
        /// Arguments.
        args: Vec<Arg>,
        /// Destinations of the results that travel by slot.
        dests: Vec<Slot>,
    },
    /// Makes a cold, unstarted future of an async function in a slot of type `future(func)`.
    Future {
        /// Destination.
        slot: Slot,
        /// Async function.
        func: Func,
        /// Arguments.
        args: Vec<Arg>,
    },
    /// `[ptr]` Makes a cold future in a frame of its own. Null if memory is short, and then the
    /// arguments have been dropped.
    Box {
        /// Who owns the frame.
        kind: BoxKind,
        /// Async function.
        func: Func,
        /// Arguments.
        args: Vec<Arg>,
    },
    /// `[ptr]` Moves an unstarted future from a slot to a frame of its own; null as for `Box`.
    BoxSlot {
        /// Who owns the frame.
        kind: BoxKind,
        /// Slot of type `future(func)`.
        slot: Slot,
    },
    /// Drops an unstarted boxed future and frees its frame.
    DropBox(Value),
    /// `[]` or `[bool]` Spends loop budget; stands on back-edges. Answers whether there is fuel for
    /// another round: not so once a deterministic run has used up what it was given. Who does not
    /// ask goes on all the same.
    Budget,
    /// Holds cancels off (+1) or lets them through again (−1).
    Shield(i8),
    /// `[bool]` Whether enough native stack is left for another synchronous call.
    StackOk,
    /// `[ptr]` The context.
    Ctx,

    // ---- Below: only in machines, made by the transform. ----
    /// `[ptr]` Address of the `vt_site` {this machine, offset, state}; offset `u32::MAX` for a child
    /// with a frame of its own.
    SiteAddr {
        /// Offset of the child in this frame.
        offset: u32,
        /// State number (3 + i).
        state: u32,
    },
    /// `[ptr]` Address of a coroutine's resume function.
    ResumeAddr(Func),
    /// `[ptr]` Address of a host operation's poll function (same C signature as a resume function).
    PollAddr(HostOp),
    /// `[i32]` Resumes a known coroutine by a direct call.
    ResumeFunc {
        /// Coroutine.
        func: Func,
        /// Its frame.
        frame: Value,
    },
    /// `[i32]` Resumes through a pointer.
    ResumePtr {
        /// Resume function.
        resume: Value,
        /// Its frame.
        frame: Value,
    },
    /// Builds a host operation in its storage. Slots are moved from.
    OpStart {
        /// Operation.
        op: HostOp,
        /// Address of the storage.
        storage: Value,
        /// Arguments; slots are passed by address.
        args: Vec<Arg>,
    },
    /// `[i32]` Resumes a host operation; by direct call to its poll symbol.
    OpPoll {
        /// Operation.
        op: HostOp,
        /// Address of the storage.
        storage: Value,
    },
    /// `[results]` Calls a function of the context's table.
    CtxCall {
        /// Which.
        func: CtxFn,
        /// Arguments after the context.
        args: Vec<Value>,
    },
    /// `[ptr]` Address of a static `vt_span` for this instruction's position.
    SpanAddr,
}

/// A value passed along an edge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BlockArg {
    /// An SSA value.
    Value(Value),
    /// Value result `n` of the terminator (results that travel by slot are not counted).
    Result(u32),
    /// On an unwind edge: why, an `i32` (`VT_FAULTED` or `VT_CANCELLED`).
    Cause,
}

/// An edge: target and arguments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockCall {
    /// Target.
    pub block: Block,
    /// One argument per parameter of the target.
    pub args: Vec<BlockArg>,
}

impl BlockCall {
    /// An edge with plain values.
    pub fn new(block: Block, args: impl IntoIterator<Item = Value>) -> Self {
        Self { block, args: args.into_iter().map(BlockArg::Value).collect() }
    }
}

/// A future that is held in a slot or behind a pointer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Held {
    /// A slot of type `future(func)`.
    Slot(Slot),
    /// A boxed frame. Consumed: freed once the future is finished.
    Boxed {
        /// The frame.
        frame: Value,
        /// Types of its results, which the machine's result area holds in sequence.
        results: Vec<Ty>,
    },
}

/// What is awaited.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Awaitee {
    /// An async function, called here. Results: its own.
    Call {
        /// Callee.
        func: Func,
        /// Arguments.
        args: Vec<Arg>,
    },
    /// A host operation. Results: its own.
    Op {
        /// Operation.
        op: HostOp,
        /// Arguments.
        args: Vec<Arg>,
    },
    /// A future made earlier; consumed. Results: its function's.
    Future(Held),
    /// The next item of a generator, which stays held (a boxed generator is not freed; the slot
    /// stays owned): the item's results on `ok`; once it has ended, the `done` edge is taken.
    Next(Held),
    /// Ends a future or generator early: drops it if unstarted, else cancels it and waits for its
    /// cleanup, under the shield; consumed. No results.
    Drain(Held),
    /// Gives way once. No results.
    GiveWay,
}

/// One branch of a join.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JoinBranch {
    /// What is awaited; not `Next`, `Drain` or `GiveWay`.
    pub awaitee: Awaitee,
    /// Destinations of the results that travel by slot.
    pub dests: Vec<Slot>,
}

/// One arm of a select.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SelectArm {
    /// What is awaited; not `Next`, `Drain` or `GiveWay`.
    pub awaitee: Awaitee,
    /// Destinations of the results that travel by slot.
    pub dests: Vec<Slot>,
    /// Taken if this arm wins; `Result(n)` counts this arm's results.
    pub ok: BlockCall,
}

/// Last instruction of a block.
#[derive(Clone, PartialEq, Debug)]
pub enum Terminator {
    /// Goes on.
    Jump(BlockCall),
    /// Two ways.
    Br {
        /// A bool.
        cond: Value,
        /// If true.
        then: BlockCall,
        /// If false.
        otherwise: BlockCall,
    },
    /// Many ways.
    Switch {
        /// An integer.
        value: Value,
        /// Cases, distinct.
        cases: Vec<(u64, BlockCall)>,
        /// If none fits.
        default: BlockCall,
    },
    /// Calls something that may fault.
    Call {
        /// Callee.
        callee: Callee,
        /// Arguments.
        args: Vec<Arg>,
        /// Destinations of the results that travel by slot.
        dests: Vec<Slot>,
        /// On success.
        ok: BlockCall,
        /// After a fault in the callee.
        unwind: BlockCall,
    },
    /// Suspends until the awaitee is finished; not at all if it is finished at once.
    Await {
        /// Suspend point.
        point: Suspend,
        /// What is awaited.
        awaitee: Awaitee,
        /// Destinations of the results that travel by slot.
        dests: Vec<Slot>,
        /// On success.
        ok: BlockCall,
        /// For `Next`: the generator has ended.
        done: Option<BlockCall>,
        /// After a fault in the awaitee, or a cancel. Destinations are not owned then.
        unwind: BlockCall,
    },
    /// In a generator: hands out an item and suspends until the consumer asks for the next.
    Yield {
        /// Suspend point.
        point: Suspend,
        /// The item.
        args: Vec<Arg>,
        /// The next is asked for.
        ok: BlockCall,
        /// The consumer has lost interest.
        unwind: BlockCall,
    },
    /// Awaits all branches concurrently. Results: all branches' value results in order.
    Join {
        /// Suspend point.
        point: Suspend,
        /// Branches.
        branches: Vec<JoinBranch>,
        /// All succeeded.
        ok: BlockCall,
        /// One faulted, or a cancel; the results of the others have been dropped.
        unwind: BlockCall,
    },
    /// Awaits the first of several; the others are cancelled and drained before its arm starts.
    Select {
        /// Suspend point.
        point: Suspend,
        /// Arms.
        arms: Vec<SelectArm>,
        /// Do not wait: taken if no arm is ready at once.
        otherwise: Option<BlockCall>,
        /// A fault in an arm, or a cancel.
        unwind: BlockCall,
    },
    /// Finishes with results. (In a machine: one `i32`, the status.)
    Return(Vec<Arg>),
    /// Records a fault (the first one of a task counts) and unwinds.
    Fault {
        /// `fault_code`.
        code: u32,
        /// Belongs to the code; an `i64`.
        payload: Option<Value>,
        /// The cleanup, or `None` inside cleanup: the function then ends at once, and so does the
        /// cleanup of the whole task.
        unwind: Option<BlockCall>,
    },
    /// Cleanup is over: finishes with the cause, an `i32`.
    Unwind(Value),
    /// Never reached.
    Unreachable,
}
