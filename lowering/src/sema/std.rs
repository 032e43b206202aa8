//! What std offers: types, procedures, methods and awaitable operations, as tables.
//!
//! In: names. Out: signatures for the checker, and [`Builtin`]s and [`AsyncOp`]s for build. Build
//! maps each to instructions or to an import or operation of the host; the contract of each is its
//! doc comment here. Arguments are borrowed, results owned, unless said otherwise.
//!
//! I1: the picks declared here are the first of every program, in the order of [`STD_PICKS`].

use super::types::AdtId;

/// `pick TaskError { Cancelled, Panicked(message: string, span: string) }`; the span reads
/// `path:line:column`.
pub const TASK_ERROR: AdtId = AdtId(0);
/// `pick Timeout { Elapsed }`.
pub const TIMEOUT: AdtId = AdtId(1);
/// `pick SendError { Closed }`.
pub const SEND_ERROR: AdtId = AdtId(2);
/// `pick TaskState { Running, Done, Failed, Cancelled }`.
pub const TASK_STATE: AdtId = AdtId(3);
/// A pick of std: its name and arms with the names of their payload, which are strings.
pub type StdPick = (&'static str, &'static [(&'static str, &'static [&'static str])]);

/// The picks of std, by [`AdtId`].
pub static STD_PICKS: [StdPick; 4] = [
    ("TaskError", &[("Cancelled", &[]), ("Panicked", &["message", "span"])]),
    ("Timeout", &[("Elapsed", &[])]),
    ("SendError", &[("Closed", &[])]),
    ("TaskState", &[("Running", &[]), ("Done", &[]), ("Failed", &[]), ("Cancelled", &[])]),
];

/// Synchronous procedures and methods of std. `T` is the element type of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Builtin {
    /// `(string) -> unit`: to standard output.
    Print,
    /// `(string) -> unit`: the same with a line break.
    Println,
    /// `(string) -> unit`: to standard error.
    Eprint,
    /// `(string) -> unit`: the same with a line break.
    Eprintln,
    /// `(any scalar, string, bytes, unit or pick without payload) -> string`: as `e as string`
    /// says it. Floats in the shortest form that reads back, with `.0` if integral; a pick by the
    /// name of its arm; bytes as UTF-8 with U+FFFD where they are not.
    ToString,
    /// `(string or [T]) -> int`: bytes or elements.
    Len,
    /// `([T], T) -> unit`: appends in place; takes the element over. Faults if memory is out.
    Push,
    /// `([T]) -> ?T`: takes the last element off.
    Pop,
    /// `([T]) -> unit`: takes all elements out.
    Clear,
    /// `(string, int, int) -> string`, `([T], int, int) -> [T]`: from an index to before another;
    /// faults out of range or off a character boundary. A new list, or a new string.
    Slice,
    /// `(string, string) -> string`, `([T], [T]) -> [T]`: one after the other; new.
    Concat,
    /// `(T, [T]) -> bool`: some element is equal, in the sense of `Equal`.
    InList,
    /// `(string, string) -> bool`: the first occurs in the second.
    InString,
    /// `(string, int) -> u8`: the byte at an index; faults out of range.
    ByteAt,
    /// `(U, U) -> bool`: equal strings, lists, tuples, options and results of what can be
    /// compared, picks, forms, unit; part by part. Scalars inside compare as `==`.
    Equal,
    /// `(string, string) -> int`: -1, 0 or 1 by bytes.
    Compare,
    /// `(string) -> ?int`: decimal with an optional sign; null if it is none or does not fit.
    ParseInt,
    /// `(string) -> ?f64`.
    ParseFloat,
    /// `(int) -> Channel[T]`: with that capacity; 0 is unbounded, negative faults. The type of the
    /// expression says `T`.
    ChannelNew,
    /// `(Channel[T]) -> unit`: no more sends; twice is harmless.
    ChannelClose,
    /// `(Channel[T]) -> int`: values waiting in it.
    ChannelLen,
    /// `(Task[T]) -> unit`: asks for cancellation; does not wait.
    TaskCancel,
    /// `(Task[T]) -> TaskState`.
    TaskState,
    /// `(TaskScope) -> unit`: asks all its children to cancel.
    ScopeCancel,
    /// `(TcpListener) -> int`: the local port.
    ListenerPort,
    /// `(TcpListener) -> unit`.
    ListenerClose,
    /// `(TcpStream) -> unit`: both directions.
    StreamClose,
    /// `() -> int`: milliseconds since 1970 (virtual in seeded runs).
    NowMs,
}

/// Awaitable operations of std.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AsyncOp {
    /// `(int) -> unit`: waits so many milliseconds; 0 or less suspends once.
    Sleep,
    /// `() -> unit`: suspends once.
    YieldNow,
    /// `(Channel[T], T) -> Result[unit, SendError]`: takes the value over and crosses it; waits
    /// while the channel is full.
    Send,
    /// `(Channel[T]) -> ?T`: null once it is closed and drained.
    Recv,
    /// `(string) -> Result[TcpListener, string]`: listens at `host:port`. Errors of input and output
    /// are messages.
    TcpListen,
    /// `(TcpListener) -> Result[TcpStream, string]`.
    Accept,
    /// `(string) -> Result[TcpStream, string]`: connects to `host:port`.
    TcpConnect,
    /// `(TcpStream, int) -> Result[string, string]`: at most so many bytes; empty at the end.
    Read,
    /// `(TcpStream, string) -> Result[int, string]`: writes all of it; how many bytes.
    Write,
    /// `() -> ?string`: a line of standard input without its break; null at the end.
    ReadLine,
    /// `(string) -> Result[string, string]`: a whole text file.
    ReadFile,
    /// `(string, string) -> Result[int, string]`: path and new content; how many bytes.
    WriteFile,
}

/// What a name of std stands for in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StdProc {
    /// A synchronous procedure with fixed types.
    Plain(Builtin),
    /// The print family: one argument that can be printed.
    Print(Builtin),
    /// `to_string(x)`.
    ToString,
    /// `len(x)`.
    Len,
    /// `push(xs, v)`.
    Push,
    /// `slice(x, from, to)`.
    Slice,
    /// `abs`, `min`, `max`: compiled to comparisons.
    Choose(Choice),
    /// `wrapping_add` and so on.
    Wrapping(super::hir::BinOp),
    /// `wrapping_neg`.
    WrappingNeg,
    /// `panic("…")` as an expression.
    Panic,
    /// `assert(c, "…")` as an expression.
    Assert,
    /// `unreachable()` as an expression.
    Unreachable,
    /// `Some(v)`.
    Some,
    /// `Ok(v)`.
    Ok,
    /// `Err(e)`.
    Err,
    /// `channel[T](n)`.
    Channel,
    /// An awaitable operation with fixed types.
    Op(AsyncOp),
    /// `timeout(ms, e)`.
    Timeout,
    /// `spawn_detached(e)`.
    SpawnDetached,
    /// `task_scope()`, in `with` only.
    TaskScope,
}

/// Which of two values is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The smaller.
    Min,
    /// The larger.
    Max,
    /// The value or its negation.
    Abs,
}

/// Names that are always there.
static PRELUDE: &[(&str, StdProc)] = {
    use super::hir::BinOp;
    &[
        ("print", StdProc::Print(Builtin::Print)),
        ("println", StdProc::Print(Builtin::Println)),
        ("eprint", StdProc::Print(Builtin::Eprint)),
        ("eprintln", StdProc::Print(Builtin::Eprintln)),
        ("to_string", StdProc::ToString),
        ("len", StdProc::Len),
        ("push", StdProc::Push),
        ("slice", StdProc::Slice),
        ("min", StdProc::Choose(Choice::Min)),
        ("max", StdProc::Choose(Choice::Max)),
        ("abs", StdProc::Choose(Choice::Abs)),
        ("parse_int", StdProc::Plain(Builtin::ParseInt)),
        ("parse_float", StdProc::Plain(Builtin::ParseFloat)),
        ("wrapping_add", StdProc::Wrapping(BinOp::Add)),
        ("wrapping_sub", StdProc::Wrapping(BinOp::Sub)),
        ("wrapping_mul", StdProc::Wrapping(BinOp::Mul)),
        ("wrapping_shl", StdProc::Wrapping(BinOp::Shl)),
        ("wrapping_shr", StdProc::Wrapping(BinOp::Shr)),
        ("wrapping_neg", StdProc::WrappingNeg),
        ("panic", StdProc::Panic),
        ("assert", StdProc::Assert),
        ("unreachable", StdProc::Unreachable),
        ("Some", StdProc::Some),
        ("Ok", StdProc::Ok),
        ("Err", StdProc::Err),
        ("channel", StdProc::Channel),
        ("sleep", StdProc::Op(AsyncOp::Sleep)),
        ("yield_now", StdProc::Op(AsyncOp::YieldNow)),
        ("timeout", StdProc::Timeout),
        ("spawn_detached", StdProc::SpawnDetached),
        ("task_scope", StdProc::TaskScope),
    ]
};

/// The modules of std with the names that must be imported, or written with the module.
static MODULES: &[(&str, &[(&str, StdProc)])] = &[
    (
        "net",
        &[
            ("tcp_listen", StdProc::Op(AsyncOp::TcpListen)),
            ("tcp_connect", StdProc::Op(AsyncOp::TcpConnect)),
        ],
    ),
    ("io", &[("read_line", StdProc::Op(AsyncOp::ReadLine))]),
    ("time", &[("now_ms", StdProc::Plain(Builtin::NowMs))]),
    (
        "fs",
        &[
            ("read_file", StdProc::Op(AsyncOp::ReadFile)),
            ("read_all", StdProc::Op(AsyncOp::ReadFile)),
            ("write_file", StdProc::Op(AsyncOp::WriteFile)),
        ],
    ),
    ("task", &[]),
    ("string", &[]),
    ("list", &[]),
    ("math", &[]),
];

/// Finds a name that is always there.
pub(super) fn prelude(name: &str) -> Option<StdProc> {
    PRELUDE.iter().find(|(known, _)| *known == name).map(|(_, what)| *what)
}

/// The name of a procedure of std.
pub(super) fn name_of(proc: StdProc) -> &'static str {
    let members = MODULES.iter().flat_map(|(_, members)| members.iter());
    PRELUDE.iter().chain(members).find(|(_, what)| *what == proc).map_or("", |(name, _)| *name)
}

/// Finds a module of std by its path below `std`.
pub(super) fn module(name: &str) -> Option<&'static str> {
    MODULES.iter().find(|(known, _)| *known == name).map(|(known, _)| *known)
}

/// Finds a member of a module of std; what is always there belongs to every module.
pub(super) fn member(module: &str, name: &str) -> Option<StdProc> {
    let (_, members) = MODULES.iter().find(|(known, _)| *known == module)?;
    members
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, what)| *what)
        .or_else(|| prelude(name))
}

/// Finds the module that has a name, to help those who forgot to import it.
pub(super) fn home(name: &str) -> Option<&'static str> {
    MODULES
        .iter()
        .find(|(_, members)| members.iter().any(|(known, _)| *known == name))
        .map(|(module, _)| *module)
}

/// Names that are types of std rather than procedures, per `use`.
pub(super) const TYPE_NAMES: [&str; 13] = [
    "Task",
    "Channel",
    "Future",
    "Option",
    "Result",
    "TaskError",
    "Timeout",
    "SendError",
    "TaskState",
    "TcpListener",
    "TcpStream",
    "TaskScope",
    "None",
];

/// All names of std that a user can mistype.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    PRELUDE.iter().map(|(name, _)| *name)
}

/// The members of a module of std.
pub(super) fn members(module: &str) -> &'static [(&'static str, StdProc)] {
    MODULES.iter().find(|(known, _)| *known == module).map_or(&[], |(_, members)| members)
}
