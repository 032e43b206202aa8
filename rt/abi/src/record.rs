//! The layout record: what lies where in a frame, in each state.
//!
//! In: what the lowering knows of one machine. Out: text and JSON for debuggers, dumps, snapshots,
//! size reports and the fuzz oracle. Names are stable: (function, state name, slot name, type).

use crate::json::JsonWriter;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Layout of the frame of one coroutine. All sizes and offsets in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayoutRecord {
    /// Name of the coroutine.
    pub name: String,
    /// What made it: `machine` (lowered), `collapsed` (shares its callee's frame) or `none`.
    pub kind: String,
    /// Bytes of the frame without padding at its end; awaiters may use what follows.
    pub used: u64,
    /// Bytes of the frame.
    pub size: u64,
    /// Alignment of the frame.
    pub align: u64,
    /// Lower bound of the size: heaviest state's live bytes, tag and links, rounded up.
    pub floor: u64,
    /// Heaviest set of things live together, before padding: the bound for any packing.
    pub clique: u64,
    /// Movable values copied inside the frame per resume, at most.
    pub copies: u64,
    /// Offset of the state tag.
    pub tag_offset: u64,
    /// Bytes of the state tag.
    pub tag_bytes: u64,
    /// Offset of the result once finished.
    pub result_offset: u64,
    /// Bytes of the result.
    pub result_bytes: u64,
    /// Everything that has a place in the frame.
    pub slots: Vec<SlotRecord>,
    /// The suspended states: state 3 + i is entry i. (0 unresumed, 1 returned, 2 poisoned.)
    pub states: Vec<StateRecord>,
}

/// One thing with a place in the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotRecord {
    /// Name in the source, or a derived one.
    pub name: String,
    /// Type, as the IR prints it.
    pub ty: String,
    /// What it is.
    pub role: SlotRole,
    /// Offset in the frame.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
    /// Alignment.
    pub align: u64,
    /// Offsets, relative to the slot, that hold counted references.
    pub refs: Vec<u64>,
    /// Drop action, as the IR prints it; empty if none.
    pub drop: String,
}

/// What a slot of a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotRole {
    /// Link of a child, before its frame.
    Link,
    /// State tag.
    Tag,
    /// A parameter.
    Param,
    /// The result.
    Result,
    /// A named slot of the function.
    Slot,
    /// A value saved over a suspend.
    Saved,
    /// Frame of an awaited child.
    Child,
    /// Storage of a host operation.
    Op,
    /// Branch records of a join or select.
    Branches,
}

impl SlotRole {
    /// The word used in records.
    pub fn name(self) -> &'static str {
        match self {
            SlotRole::Link => "link",
            SlotRole::Tag => "tag",
            SlotRole::Param => "param",
            SlotRole::Result => "result",
            SlotRole::Slot => "slot",
            SlotRole::Saved => "saved",
            SlotRole::Child => "child",
            SlotRole::Op => "op",
            SlotRole::Branches => "branches",
        }
    }
}

/// A source position in a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordSpan {
    /// Path of the source file; empty if unknown.
    pub file: String,
    /// Line, from 1; 0 if unknown.
    pub line: u32,
    /// Column, from 1; 0 if unknown.
    pub column: u32,
}

/// What a state waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwaiteeRecord {
    /// A child coroutine, by name.
    Child(String),
    /// A host operation, by name.
    Op(String),
    /// A boxed future.
    Boxed,
    /// All branches of a join.
    Join(Vec<AwaiteeRecord>),
    /// The first branch of a select.
    Select(Vec<AwaiteeRecord>),
    /// The consumer of a generator's value.
    Consumer,
    /// Nothing: the coroutine just gave way.
    Nothing,
}

/// One suspended state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateRecord {
    /// State number: 3 + index of the suspend point.
    pub id: u32,
    /// Name of the state.
    pub name: String,
    /// Where the source suspends.
    pub span: RecordSpan,
    /// What it waits for.
    pub awaitee: AwaiteeRecord,
    /// Indices into `slots` of what is live (initialised and still needed) in this state.
    pub live: Vec<u32>,
    /// Names of variables in scope here that are dead: a debugger shows them as gone.
    pub dead: Vec<String>,
}

/// Version of the record's JSON form; raised when a field changes meaning.
const VERSION: u32 = 1;

impl LayoutRecord {
    /// Hash of everything that decides what a suspended frame's bytes mean: sizes, tag, slots, and
    /// the states' names and live sets; not spans, floor or copies. FNV-1a, 64 bits.
    pub fn layout_hash(&self) -> u64 {
        let mut h = Fnv(0xcbf2_9ce4_8422_2325);
        for n in [self.size, self.align, self.tag_offset, self.tag_bytes] {
            h.number(n);
        }
        h.number(self.result_offset);
        h.number(self.result_bytes);
        for s in &self.slots {
            h.text(&s.name);
            h.text(&s.ty);
            h.text(s.role.name());
            h.number(s.offset);
            h.number(s.size);
            for r in &s.refs {
                h.number(*r);
            }
        }
        for s in &self.states {
            h.text(&s.name);
            for &l in &s.live {
                h.number(u64::from(l));
            }
        }
        h.0
    }

    /// The record as one JSON object.
    pub fn to_json(&self) -> String {
        let mut w = JsonWriter::default();
        self.write_json(&mut w);
        w.finish()
    }

    /// Writes the record into a larger JSON document.
    pub fn write_json(&self, w: &mut JsonWriter) {
        w.object(|w| {
            w.key("version").number(VERSION);
            w.key("name").string(&self.name);
            w.key("kind").string(&self.kind);
            w.key("layout_hash").string(&alloc::format!("{:016x}", self.layout_hash()));
            w.key("size").number(self.size);
            w.key("used").number(self.used);
            w.key("align").number(self.align);
            w.key("floor").number(self.floor);
            w.key("clique").number(self.clique);
            w.key("copies").number(self.copies);
            w.key("tag").object(|w| {
                w.key("offset").number(self.tag_offset);
                w.key("size").number(self.tag_bytes);
            });
            w.key("result").object(|w| {
                w.key("offset").number(self.result_offset);
                w.key("size").number(self.result_bytes);
            });
            w.key("slots").array(&self.slots, |w, s| {
                w.object(|w| {
                    w.key("name").string(&s.name);
                    w.key("type").string(&s.ty);
                    w.key("role").string(s.role.name());
                    w.key("offset").number(s.offset);
                    w.key("size").number(s.size);
                    w.key("align").number(s.align);
                    w.key("refs").array(&s.refs, |w, r| w.number(*r));
                    w.key("drop").string(&s.drop);
                });
            });
            w.key("states").array(&self.states, |w, s| {
                w.object(|w| {
                    w.key("id").number(s.id);
                    w.key("name").string(&s.name);
                    w.key("span").object(|w| {
                        w.key("file").string(&s.span.file);
                        w.key("line").number(s.span.line);
                        w.key("column").number(s.span.column);
                    });
                    w.key("awaitee");
                    s.awaitee.write_json(w);
                    w.key("live").array(&s.live, |w, i| w.number(*i));
                    w.key("dead").array(&s.dead, |w, d| w.string(d));
                });
            });
        });
    }
}

impl AwaiteeRecord {
    fn write_json(&self, w: &mut JsonWriter) {
        let (kind, name, branches) = match self {
            AwaiteeRecord::Child(n) => ("child", Some(n), None),
            AwaiteeRecord::Op(n) => ("op", Some(n), None),
            AwaiteeRecord::Boxed => ("boxed", None, None),
            AwaiteeRecord::Join(b) => ("join", None, Some(b)),
            AwaiteeRecord::Select(b) => ("select", None, Some(b)),
            AwaiteeRecord::Consumer => ("consumer", None, None),
            AwaiteeRecord::Nothing => ("nothing", None, None),
        };
        w.object(|w| {
            w.key("kind").string(kind);
            if let Some(name) = name {
                w.key("name").string(name);
            }
            if let Some(branches) = branches {
                w.key("branches").array(branches, |w, b| b.write_json(w));
            }
        });
    }
}

impl fmt::Display for AwaiteeRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, word: &str, b: &[AwaiteeRecord]| {
            write!(f, "{word}(")?;
            for (i, a) in b.iter().enumerate() {
                write!(f, "{}{a}", if i == 0 { "" } else { ", " })?;
            }
            write!(f, ")")
        };
        match self {
            AwaiteeRecord::Child(n) | AwaiteeRecord::Op(n) => write!(f, "{n}"),
            AwaiteeRecord::Boxed => write!(f, "a boxed future"),
            AwaiteeRecord::Join(b) => list(f, "join", b),
            AwaiteeRecord::Select(b) => list(f, "select", b),
            AwaiteeRecord::Consumer => write!(f, "its consumer"),
            AwaiteeRecord::Nothing => write!(f, "nothing"),
        }
    }
}

/// The record as a table for people.
impl fmt::Display for LayoutRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "frame {}: {} bytes, align {} (floor {}, clique {}, {} copies per resume)",
            self.name, self.size, self.align, self.floor, self.clique, self.copies
        )?;
        writeln!(
            f,
            "  {:>6} {:>6} {:>5}  {:<8} {:<20} type",
            "offset", "size", "align", "role", "name"
        )?;
        for s in &self.slots {
            write!(
                f,
                "  {:>6} {:>6} {:>5}  {:<8} {:<20} {}",
                s.offset,
                s.size,
                s.align,
                s.role.name(),
                s.name,
                s.ty
            )?;
            if !s.drop.is_empty() {
                write!(f, "  drop {}", s.drop)?;
            }
            writeln!(f)?;
        }
        for s in &self.states {
            write!(f, "  state {} {}: awaiting {}", s.id, s.name, s.awaitee)?;
            if s.span.line != 0 {
                write!(f, " at {}:{}:{}", s.span.file, s.span.line, s.span.column)?;
            }
            write!(f, "; live:")?;
            for &i in &s.live {
                let name = self.slots.get(i as usize).map_or("?", |s| s.name.as_str());
                write!(f, " {name}")?;
            }
            if !s.dead.is_empty() {
                write!(f, "; dead:")?;
                for d in &s.dead {
                    write!(f, " {d}")?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

struct Fnv(u64);

impl Fnv {
    fn byte(&mut self, b: u8) {
        self.0 = (self.0 ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    fn number(&mut self, n: u64) {
        n.to_le_bytes().into_iter().for_each(|b| self.byte(b));
    }
    fn text(&mut self, s: &str) {
        s.bytes().for_each(|b| self.byte(b));
        self.byte(0xff);
    }
}
