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
/// `pick IoError { NotFound, … }`: no payload, hence its tag alone.
pub const IO_ERROR: AdtId = AdtId(4);

/// A pick of std: its name and arms with the names of their payload, which are strings.
pub type StdPick = (&'static str, &'static [(&'static str, &'static [&'static str])]);

/// The picks of std, by [`AdtId`].
pub static STD_PICKS: [StdPick; 5] = [
    ("TaskError", &[("Cancelled", &[]), ("Panicked", &["message", "span"])]),
    ("Timeout", &[("Elapsed", &[])]),
    ("SendError", &[("Closed", &[])]),
    ("TaskState", &[("Running", &[]), ("Done", &[]), ("Failed", &[]), ("Cancelled", &[])]),
    (
        "IoError",
        &[
            ("NotFound", &[]),
            ("PermissionDenied", &[]),
            ("ConnectionRefused", &[]),
            ("ConnectionReset", &[]),
            ("ConnectionAborted", &[]),
            ("NotConnected", &[]),
            ("AddrInUse", &[]),
            ("AddrNotAvailable", &[]),
            ("BrokenPipe", &[]),
            ("AlreadyExists", &[]),
            ("InvalidInput", &[]),
            ("InvalidData", &[]),
            ("TimedOut", &[]),
            ("UnexpectedEof", &[]),
            ("Refused", &[]),
            ("Other", &[]),
        ],
    ),
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
    /// `([T], int, T) -> unit`: inserts before an index up to the length, or faults; takes the
    /// element over.
    Insert,
    /// `([T], int) -> T`: takes an element out, or faults.
    Remove,
    /// `([T]) -> unit`: takes all elements out.
    Clear,
    /// `([T]) -> unit`: in place.
    Reverse,
    /// `([T]) -> unit`: in place, stable, ascending; `T` is a scalar or string. Floats in their
    /// total order.
    Sort,
    /// `(string, int, int) -> string`, `([T], int, int) -> [T]`: from an index to before another;
    /// faults out of range or off a character boundary. A new list, or a new string.
    Slice,
    /// `(string, string) -> string`, `([T], [T]) -> [T]`: one after the other; new.
    Concat,
    /// `(T, [T]) -> bool`: some element is equal, in the sense of `Equal`.
    InList,
    /// `(string or char, string) -> bool`: occurs in it.
    InString,
    /// `(string, int) -> char`: the character that begins at a byte; faults out of range or off a
    /// boundary.
    CharAt,
    /// `(U, U) -> bool`: equal strings, lists, tuples, options and results of what can be
    /// compared, picks, forms, unit; part by part. Scalars inside compare as `==`.
    Equal,
    /// `(string, string) -> int`: -1, 0 or 1 by bytes.
    Compare,
    /// `(string, string) -> bool`.
    StartsWith,
    /// `(string, string) -> bool`.
    EndsWith,
    /// `(string, string) -> ?int`: first place where the second occurs.
    Find,
    /// `(string, string) -> [string]`: parts between occurrences of a separator (of each
    /// character, if it is empty).
    Split,
    /// `(string) -> [string]`: without their line breaks.
    Lines,
    /// `(string) -> string`: without white space at both ends.
    Trim,
    /// `(string) -> string`.
    ToUpper,
    /// `(string) -> string`.
    ToLower,
    /// `(string, string, string) -> string`: each occurrence of the second by the third.
    Replace,
    /// `(string, int) -> string`: so many times; none if negative.
    RepeatString,
    /// `(string) -> [char]`.
    Chars,
    /// `(string) -> bytes`.
    ToBytes,
    /// `(string) -> ?int`: decimal with an optional sign; null if it is none or does not fit.
    ParseInt,
    /// `(string) -> ?f64`.
    ParseFloat,
    /// `([string], string) -> string`: with a separator between.
    Join,
    /// `(f64) -> f64`.
    Sqrt,
    /// `(f64) -> f64`.
    Floor,
    /// `(f64) -> f64`.
    Ceil,
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
    /// `(TcpListener) -> string`: the local address with port.
    ListenerAddress,
    /// `(TcpListener) -> unit`.
    ListenerClose,
    /// `(TcpStream) -> string`: the local address with port.
    StreamLocalAddress,
    /// `(TcpStream) -> string`: the peer's address with port.
    StreamPeerAddress,
    /// `(TcpStream) -> unit`: both directions.
    StreamClose,
    /// `() -> int`: milliseconds since 1970 (virtual in seeded runs).
    NowMs,
    /// `() -> int`: milliseconds of a clock that never goes back.
    MonotonicMs,
    /// `() -> int`: nanoseconds of that clock.
    MonotonicNs,
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
    /// `(string) -> Result[TcpListener, IoError]`: listens at `host:port`.
    TcpListen,
    /// `(TcpListener) -> Result[TcpStream, IoError]`.
    Accept,
    /// `(string) -> Result[TcpStream, IoError]`: connects to `host:port`.
    TcpConnect,
    /// `(TcpStream, int) -> Result[bytes, IoError]`: at least one byte and at most so many; none
    /// at the end.
    Read,
    /// `(TcpStream, int) -> Result[string, IoError]`: the same as UTF-8; a character cut in two is
    /// kept for the next read, bytes that are no UTF-8 are `InvalidData`.
    ReadText,
    /// `(TcpStream, string) -> Result[unit, IoError]`: writes all of it.
    Write,
    /// `(TcpStream, bytes) -> Result[unit, IoError]`: writes all of it.
    WriteBytes,
    /// `() -> ?string`: a line of standard input without its break; null at the end.
    ReadLine,
}
