//! The trace: everything a program does that its host can see, printable and comparable.
//!
//! Two forms of one program are equal if their traces are. Nothing in a trace depends on how often a
//! coroutine was resumed or polled, on addresses, or on how a frame is laid out.

use std::fmt;

/// A value as the host sees it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Atom {
    /// An integer or bool, read as signed (bool: 0 or 1).
    Int(i128),
    /// Bits of an `f32` or `f64`.
    Float(u64),
    /// A tracked object, by the order of its making.
    Object(u32),
    /// A null reference or pointer.
    Null,
    /// Some other address: static data, memory, code.
    Address,
    /// Bytes of a slot; undefined ones are `None`.
    Bytes(Vec<Option<u8>>),
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Atom::Int(n) => write!(f, "{n}"),
            Atom::Float(bits) => write!(f, "0f{bits:x}"),
            Atom::Object(n) => write!(f, "obj{n}"),
            Atom::Null => f.write_str("null"),
            Atom::Address => f.write_str("address"),
            Atom::Bytes(bytes) => {
                f.write_str("[")?;
                for b in bytes {
                    match b {
                        Some(b) => write!(f, "{b:02x}")?,
                        None => f.write_str("??")?,
                    }
                }
                f.write_str("]")
            }
        }
    }
}

/// One thing that happened.
///
/// Host operations are numbered in the order of their starts, objects in the order of their making.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A host operation was started.
    Start {
        /// Number of the operation.
        op: u32,
        /// Its name.
        name: String,
        /// Its arguments.
        args: Vec<Atom>,
    },
    /// An operation was found ready; its result was handed over.
    Ready {
        /// Number of the operation.
        op: u32,
        /// Its results.
        results: Vec<Atom>,
    },
    /// An operation failed.
    Failed {
        /// Number of the operation.
        op: u32,
    },
    /// An operation was cancelled.
    Cancelled {
        /// Number of the operation.
        op: u32,
    },
    /// `t_note`.
    Note(i64),
    /// An object was made, with a count of 1.
    New {
        /// Number of the object.
        object: u32,
        /// Its id, chosen by the program.
        id: i64,
    },
    /// A count was added.
    Retain {
        /// Number of the object.
        object: u32,
        /// Count now.
        count: u32,
    },
    /// A count was taken off.
    Release {
        /// Number of the object.
        object: u32,
        /// Count now; at 0 the object is gone.
        count: u32,
    },
    /// An import that is not of the common vocabulary was called.
    Call {
        /// Its name.
        name: String,
        /// Its arguments.
        args: Vec<Atom>,
    },
    /// A fault was recorded.
    Fault {
        /// `fault_code`.
        code: u32,
        /// What belongs to it.
        payload: i64,
        /// Inside cleanup: the task ends here.
        in_cleanup: bool,
    },
    /// The root handed out an item.
    Item(Vec<Atom>),
    /// The task was asked to cancel.
    CancelAsked,
    /// The root finished.
    End {
        /// Name of the status.
        status: &'static str,
        /// Results, if it is DONE.
        results: Vec<Atom>,
    },
}

struct List<'a>(&'a [Atom], &'static str);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, a) in self.0.iter().enumerate() {
            write!(f, "{}{a}", if i == 0 { "" } else { self.1 })?;
        }
        Ok(())
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tail = |f: &mut fmt::Formatter<'_>, values: &[Atom]| {
            if values.is_empty() { Ok(()) } else { write!(f, " {}", List(values, " ")) }
        };
        match self {
            Event::Start { op, name, args } => write!(f, "op{op} {name}({})", List(args, ", ")),
            Event::Ready { op, results } => {
                write!(f, "op{op} ready")?;
                tail(f, results)
            }
            Event::Failed { op } => write!(f, "op{op} failed"),
            Event::Cancelled { op } => write!(f, "op{op} cancelled"),
            Event::Note(n) => write!(f, "note {n}"),
            Event::New { object, id } => write!(f, "new obj{object} id {id}"),
            Event::Retain { object, count } => write!(f, "retain obj{object} to {count}"),
            Event::Release { object, count } => write!(f, "release obj{object} to {count}"),
            Event::Call { name, args } => write!(f, "call {name}({})", List(args, ", ")),
            Event::Fault { code, payload, in_cleanup } => {
                write!(f, "fault {code} payload {payload}")?;
                f.write_str(if *in_cleanup { " in cleanup" } else { "" })
            }
            Event::Item(values) => {
                f.write_str("item")?;
                tail(f, values)
            }
            Event::CancelAsked => f.write_str("cancel"),
            Event::End { status, results } => {
                write!(f, "end {status}")?;
                tail(f, results)
            }
        }
    }
}

/// Events in the order in which they happened.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trace {
    /// The events.
    pub events: Vec<Event>,
}

impl Trace {
    /// Appends an event.
    pub fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    /// One line per event, without line ends.
    pub fn lines(&self) -> Vec<String> {
        self.events.iter().map(ToString::to_string).collect()
    }

    /// The first place where two traces differ: index and both events. `None` if they are equal.
    pub fn first_difference(&self, other: &Trace) -> Option<String> {
        let n = self.events.len().max(other.events.len());
        let at = (0..n).find(|&i| self.events.get(i) != other.events.get(i))?;
        let show = |t: &Trace| t.events.get(at).map_or("nothing".to_string(), ToString::to_string);
        Some(format!("event {at}: {} / {}", show(self), show(other)))
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for e in &self.events {
            writeln!(f, "{e}")?;
        }
        Ok(())
    }
}
