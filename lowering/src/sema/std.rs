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
