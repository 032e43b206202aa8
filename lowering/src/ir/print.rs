//! The printer of the text form `.vir`; the grammar is in `lowering/docs/ir.md`.
//!
//! Prints everything a module holds, in entity order, and never fails: malformed modules print too
//! (what the text form cannot express, such as an instruction that does not exist, prints in angle
//! brackets, which do not parse). `parse_module` gives the same module back if instructions are
//! numbered in the order in which they stand; printing that again gives the same text always.

use super::entity::{EntityRef, Value};
use super::function::{BlockData, FuncKind, Function, InstData};
use super::inst::{
    Arg, Awaitee, BlockArg, BlockCall, Callee, Held, InstKind, JoinBranch, SelectArm, Terminator,
};
use super::module::{DataObject, HostOpData, Module, Reloc, Span};
use super::types::{DropAction, Param, Signature, StructData, Ty, Type};
use std::fmt::{self, Display, Formatter};

/// A string literal of the text form.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                c if c.is_control() => write!(f, "\\u{{{:x}}}", c as u32)?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}

/// ` @file:line:column`, or nothing for the unknown position.
struct At(Span);

impl Display for At {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0 == Span::NONE {
            return Ok(());
        }
        write!(f, " @{}:{}:{}", self.0.file.as_u32(), self.0.line, self.0.column)
    }
}

/// ` "name"`, or nothing for the empty name.
struct Named<'a>(&'a str);

impl Display for Named<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " {}", Quoted(self.0)) }
    }
}

fn list<T>(
    f: &mut Formatter<'_>,
    items: impl IntoIterator<Item = T>,
    mut each: impl FnMut(&mut Formatter<'_>, T) -> fmt::Result,
) -> fmt::Result {
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        each(f, item)?;
    }
    Ok(())
}

fn comma<T: Display>(f: &mut Formatter<'_>, items: impl IntoIterator<Item = T>) -> fmt::Result {
    list(f, items, |f, item| write!(f, "{item}"))
}

/// `{ a, b }`
fn braced<T>(
    f: &mut Formatter<'_>,
    items: impl IntoIterator<Item = T>,
    mut each: impl FnMut(&mut Formatter<'_>, T) -> fmt::Result,
) -> fmt::Result {
    f.write_str("{ ")?;
    let mut any = false;
    list(f, items, |f, item| {
        any = true;
        each(f, item)
    })?;
    f.write_str(if any { " }" } else { "}" })
}

/// ` word (a, b)`, ` word a`, or nothing if there is none.
fn optional_list<T: Display>(f: &mut Formatter<'_>, word: &str, items: &[T]) -> fmt::Result {
    match items {
        [] => Ok(()),
        [one] => write!(f, " {word} {one}"),
        many => {
            write!(f, " {word} (")?;
            comma(f, many)?;
            f.write_str(")")
        }
    }
}

fn params(f: &mut Formatter<'_>, params: &[Param]) -> fmt::Result {
    f.write_str("(")?;
    list(f, params, |f, p| {
        if !p.name.is_empty() {
            write!(f, "{}: ", Quoted(&p.name))?;
        }
        write!(f, "{}", p.ty)
    })?;
    f.write_str(")")
}

impl Display for Signature {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        params(f, &self.params)?;
        optional_list(f, "->", &self.results)?;
        if self.faults { f.write_str(" faults") } else { Ok(()) }
    }
}

impl Display for Module {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "module {}", Quoted(&self.name))?;
        for (k, name) in self.files.iter() {
            writeln!(f, "{k} = {}", Quoted(name))?;
        }
        for (k, c) in self.classes.iter() {
            let name = Quoted(&c.name);
            writeln!(f, "{k} = class {name} retain {} release {}", c.retain, c.release)?;
        }
        for (k, s) in self.structs.iter() {
            writeln!(f, "{k} = {s}")?;
        }
        for (k, d) in self.data.iter() {
            writeln!(f, "{k} = {d}")?;
        }
        for (k, i) in self.imports.iter() {
            writeln!(f, "{k} = import {}{}", Quoted(&i.name), i.sig)?;
        }
        for (k, op) in self.ops.iter() {
            writeln!(f, "{k} = {op}")?;
        }
        for (k, func) in self.funcs.iter() {
            writeln!(f)?;
            print_function(f, func, Some(k.index()))?;
        }
        Ok(())
    }
}

impl Display for StructData {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "struct {} size {} align {} ", Quoted(&self.name), self.size, self.align)?;
        braced(f, &self.fields, |f, field| {
            write!(f, "{} +{}: {}", Quoted(&field.name), field.offset, field.ty)
        })?;
        if let Some(tag) = &self.tag {
            write!(f, " tag {} ", tag.field)?;
            braced(f, &tag.variants, |f, (value, fields)| {
                write!(f, "{value}: (")?;
                comma(f, fields)?;
                f.write_str(")")
            })?;
        }
        match self.drop {
            DropAction::None => Ok(()),
            DropAction::Fields => f.write_str(" drop fields"),
            DropAction::Call(import) => write!(f, " drop {import}"),
        }
    }
}

impl Display for DataObject {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "data {} align {}", Quoted(&self.name), self.align)?;
        if self.writable {
            f.write_str(" writable")?;
        }
        f.write_str(" x\"")?;
        for byte in &self.bytes {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("\"")?;
        if self.relocs.is_empty() {
            return Ok(());
        }
        f.write_str(" ")?;
        braced(f, &self.relocs, |f, (at, to)| match to {
            Reloc::Data(data, offset) => write!(f, "{at}: {data}+{offset}"),
            Reloc::Func(func) => write!(f, "{at}: {func}"),
            Reloc::Import(import) => write!(f, "{at}: {import}"),
            Reloc::Machine(func) => write!(f, "{at}: machine {func}"),
        })
    }
}

impl Display for HostOpData {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "op {} symbol {}", Quoted(&self.name), Quoted(&self.symbol))?;
        params(f, &self.params)?;
        optional_list(f, "->", &self.results)?;
        write!(f, " size {} align {} result {}", self.size, self.align, self.result_offset)
    }
}

impl Display for FuncKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FuncKind::Sync => "sync",
            FuncKind::Async => "async",
            FuncKind::Generator => "generator",
            FuncKind::Machine => "machine",
        })
    }
}

impl Display for Function {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        print_function(f, self, None)
    }
}

fn print_function(f: &mut Formatter<'_>, func: &Function, number: Option<usize>) -> fmt::Result {
    if func.exported {
        f.write_str("export ")?;
    }
    write!(f, "{} fn", func.kind)?;
    if let Some(n) = number {
        write!(f, "{n}")?;
    }
    writeln!(f, " {}{}{} {{", Quoted(&func.name), func.sig, At(func.span))?;
    for (k, s) in func.slots.iter() {
        write!(f, "  {k}{}: {}", Named(&s.name), s.ty)?;
        if let Some(index) = s.param {
            write!(f, " param {index}")?;
        }
        writeln!(f, "{}", At(s.span))?;
    }
    for (k, s) in func.suspends.iter() {
        writeln!(f, "  {k}{}{}", Named(&s.name), At(s.span))?;
    }
    if func.entry.index() != 0 {
        writeln!(f, "  entry {}", func.entry)?;
    }
    let unused = unused_values(func);
    if !unused.is_empty() {
        f.write_str("  unused ")?;
        list(f, unused, |f, v| print_value_def(f, func, v))?;
        writeln!(f)?;
    }
    for (k, block) in func.blocks.iter() {
        write!(f, "{k}")?;
        if !block.params.is_empty() {
            f.write_str("(")?;
            list(f, &block.params, |f, &v| print_value_def(f, func, v))?;
            f.write_str(")")?;
        }
        writeln!(f, ":")?;
        print_block(f, func, block)?;
    }
    writeln!(f, "}}")
}

fn print_block(f: &mut Formatter<'_>, func: &Function, block: &BlockData) -> fmt::Result {
    for &inst in &block.insts {
        match func.insts.get(inst) {
            Some(data) => print_inst(f, func, data)?,
            None => writeln!(f, "  <{inst}>")?,
        }
    }
    match &block.term {
        Some(term) => writeln!(f, "  {term}{}", At(block.term_span)),
        None => writeln!(f, "  incomplete{}", At(block.term_span)),
    }
}

/// Values that no instruction or block of the function defines: left behind by passes.
fn unused_values(func: &Function) -> Vec<Value> {
    let mut defined = vec![false; func.values.len()];
    let mut define = |v: Value| {
        if let Some(d) = defined.get_mut(v.index()) {
            *d = true;
        }
    };
    for block in func.blocks.values() {
        block.params.iter().copied().for_each(&mut define);
        for data in block.insts.iter().filter_map(|&i| func.insts.get(i)) {
            data.results.iter().copied().for_each(&mut define);
        }
    }
    func.values.keys().filter(|v| !defined[v.index()]).collect()
}

fn print_value_def(f: &mut Formatter<'_>, func: &Function, v: Value) -> fmt::Result {
    match func.values.get(v) {
        Some(d) => write!(f, "{v}{}{}: {}", Named(&d.name), At(d.span), d.ty),
        None => write!(f, "<{v}>"),
    }
}

fn print_inst(f: &mut Formatter<'_>, func: &Function, data: &InstData) -> fmt::Result {
    f.write_str("  ")?;
    list(f, &data.results, |f, &v| print_value_def(f, func, v))?;
    if !data.results.is_empty() {
        f.write_str(" = ")?;
    }
    let ty = data.results.first().and_then(|&v| func.values.get(v)).map(|d| d.ty);
    print_kind(f, &data.kind, ty)?;
    writeln!(f, "{}", At(data.span))
}

impl Display for InstKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        print_kind(f, self, None)
    }
}

/// A mnemonic, with the type as suffix unless the first result has that type.
fn typed(f: &mut Formatter<'_>, word: &str, ty: Type, first: Option<Type>) -> fmt::Result {
    if first == Some(ty) { f.write_str(word) } else { write!(f, "{word}.{ty}") }
}

fn print_kind(f: &mut Formatter<'_>, kind: &InstKind, first: Option<Type>) -> fmt::Result {
    match kind {
        InstKind::Const { ty, bits } => {
            typed(f, "const", *ty, first)?;
            print_const(f, *ty, *bits)
        }
        InstKind::Null { ty } => typed(f, "null", *ty, first),
        InstKind::FuncAddr(func) => write!(f, "func_addr {func}"),
        InstKind::MachineAddr(func) => write!(f, "machine_addr {func}"),
        InstKind::DataAddr(data, offset) => write!(f, "data_addr {data}{}", Offset(*offset)),
        InstKind::DataRef(data, class) => write!(f, "data_ref {data}, {class}"),
        InstKind::Unary { op, arg } => write!(f, "{op} {arg}"),
        InstKind::Binary { op, args: [a, b] } => write!(f, "{op} {a}, {b}"),
        InstKind::Checked { op, args: [a, b] } => write!(f, "checked.{op} {a}, {b}"),
        InstKind::Compare { op, args: [a, b] } => write!(f, "cmp.{op} {a}, {b}"),
        InstKind::Select { cond, args: [a, b] } => write!(f, "select {cond}, {a}, {b}"),
        InstKind::Convert { op, arg, ty } => {
            typed(f, op.name(), *ty, first)?;
            write!(f, " {arg}")
        }
        InstKind::SlotAddr { slot, offset } => write!(f, "slot_addr {slot}{}", Offset(*offset)),
        InstKind::SlotLoad { slot, offset, ty } => {
            typed(f, "slot_load", *ty, first)?;
            write!(f, " {slot}{}", Offset(*offset))
        }
        InstKind::SlotStore { slot, offset, value } => {
            write!(f, "slot_store {slot}{}, {value}", Offset(*offset))
        }
        InstKind::Load { ty, addr, offset } => {
            typed(f, "load", *ty, first)?;
            write!(f, " {addr}{}", Signed(*offset))
        }
        InstKind::Store { addr, offset, value } => {
            write!(f, "store {addr}{}, {value}", Signed(*offset))
        }
        InstKind::PtrOffset { base, offset } => write!(f, "ptr_offset {base}{}", Signed(*offset)),
        InstKind::Copy { dst, src, bytes } => write!(f, "copy {dst}, {src}, {bytes}"),
        InstKind::SlotLive(slot) => write!(f, "slot_live {slot}"),
        InstKind::SlotDead(slot) => write!(f, "slot_dead {slot}"),
        InstKind::SlotInit(slot) => write!(f, "slot_init {slot}"),
        InstKind::SlotForget(slot) => write!(f, "slot_forget {slot}"),
        InstKind::Retain(v) => write!(f, "retain {v}"),
        InstKind::Drop(v) => write!(f, "drop {v}"),
        InstKind::DropSlot(slot) => write!(f, "drop {slot}"),
        InstKind::Move { src, dst } => write!(f, "move {src} to {dst}"),
        InstKind::Call { callee, args, dests } => {
            write!(f, "call {callee}{}", Args(args))?;
            optional_list(f, "into", dests)
        }
        InstKind::Future { slot, func, args } => write!(f, "future {slot}, {func}{}", Args(args)),
        InstKind::Box { kind, func, args } => write!(f, "box {kind} {func}{}", Args(args)),
        InstKind::BoxSlot { kind, slot } => write!(f, "box {kind} {slot}"),
        InstKind::DropBox(v) => write!(f, "drop_box {v}"),
        InstKind::Budget => f.write_str("budget"),
        InstKind::Shield(delta) => write!(f, "shield {delta}"),
        InstKind::StackOk => f.write_str("stack_ok"),
        InstKind::Ctx => f.write_str("ctx"),
        InstKind::SiteAddr { offset, state } => write!(f, "site_addr {offset}, {state}"),
        InstKind::ResumeAddr(func) => write!(f, "resume_addr {func}"),
        InstKind::PollAddr(op) => write!(f, "poll_addr {op}"),
        InstKind::ResumeFunc { func, frame } => write!(f, "resume {func}, {frame}"),
        InstKind::ResumePtr { resume, frame } => write!(f, "resume {resume}, {frame}"),
        InstKind::OpStart { op, storage, args } => {
            write!(f, "op_start {op}, {storage}{}", Args(args))
        }
        InstKind::OpPoll { op, storage } => write!(f, "op_poll {op}, {storage}"),
        InstKind::CtxCall { func, args } => {
            write!(f, "ctx_call {func}(")?;
            comma(f, args)?;
            f.write_str(")")
        }
        InstKind::SpanAddr => f.write_str("span_addr"),
    }
}

/// Integers as signed decimals, bools as words, floats as bit patterns.
fn print_const(f: &mut Formatter<'_>, ty: Type, bits: u128) -> fmt::Result {
    let width = 8 * ty.bytes();
    match ty {
        Type::Bool if bits < 2 => write!(f, " {}", bits == 1),
        Type::F32 | Type::F64 => write!(f, " {bits:#x}"),
        _ if ty.is_int() && bits.checked_shr(width).unwrap_or(0) == 0 => {
            let shift = 128 - width;
            write!(f, " {}", ((bits << shift) as i128) >> shift)
        }
        _ => write!(f, " {bits:#x}"),
    }
}

/// `+n`, or nothing for 0.
struct Offset(u32);

impl Display for Offset {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { Ok(()) } else { write!(f, "+{}", self.0) }
    }
}

/// `+n` or `-n`, or nothing for 0.
struct Signed(i32);

impl Display for Signed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { Ok(()) } else { write!(f, "{:+}", self.0) }
    }
}

struct Args<'a>(&'a [Arg]);

impl Display for Args<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        comma(f, self.0)?;
        f.write_str(")")
    }
}

impl Display for Arg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Arg::Value(v) => v.fmt(f),
            Arg::Move(slot) => write!(f, "move {slot}"),
        }
    }
}

impl Display for Callee {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Callee::Func(func) => func.fmt(f),
            Callee::Import(import) => import.fmt(f),
        }
    }
}

impl Display for BlockArg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            BlockArg::Value(v) => v.fmt(f),
            BlockArg::Result(n) => write!(f, "r{n}"),
            BlockArg::Cause => f.write_str("cause"),
        }
    }
}

impl Display for BlockCall {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.block.fmt(f)?;
        if self.args.is_empty() {
            return Ok(());
        }
        f.write_str("(")?;
        comma(f, &self.args)?;
        f.write_str(")")
    }
}

impl Display for Held {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Held::Slot(slot) => slot.fmt(f),
            Held::Boxed { frame, results } => {
                write!(f, "boxed {frame}(")?;
                comma::<&Ty>(f, results)?;
                f.write_str(")")
            }
        }
    }
}

impl Display for Awaitee {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Awaitee::Call { func, args } => write!(f, "{func}{}", Args(args)),
            Awaitee::Op { op, args } => write!(f, "{op}{}", Args(args)),
            Awaitee::Future(held) => write!(f, "future {held}"),
            Awaitee::Next(held) => write!(f, "next {held}"),
            Awaitee::Drain(held) => write!(f, "drain {held}"),
            Awaitee::GiveWay => f.write_str("give_way"),
        }
    }
}

impl Display for Terminator {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Terminator::Jump(to) => write!(f, "jump {to}"),
            Terminator::Br { cond, then, otherwise } => {
                write!(f, "br {cond}, {then}, {otherwise}")
            }
            Terminator::Switch { value, cases, default } => {
                write!(f, "switch {value} ")?;
                braced(f, cases, |f, (n, to)| write!(f, "{n}: {to}"))?;
                write!(f, ", default {default}")
            }
            Terminator::Call { callee, args, dests, ok, unwind } => {
                write!(f, "call {callee}{}", Args(args))?;
                optional_list(f, "into", dests)?;
                write!(f, " -> ok {ok}, unwind {unwind}")
            }
            Terminator::Await { point, awaitee, dests, ok, done, unwind } => {
                write!(f, "await {point} {awaitee}")?;
                optional_list(f, "into", dests)?;
                write!(f, " -> ok {ok}")?;
                if let Some(done) = done {
                    write!(f, ", done {done}")?;
                }
                write!(f, ", unwind {unwind}")
            }
            Terminator::Yield { point, args, ok, unwind } => {
                write!(f, "yield {point} {} -> ok {ok}, unwind {unwind}", Args(args))
            }
            Terminator::Join { point, branches, ok, unwind } => {
                write!(f, "join {point} ")?;
                braced(f, branches, |f, JoinBranch { awaitee, dests }| {
                    write!(f, "{awaitee}")?;
                    optional_list(f, "into", dests)
                })?;
                write!(f, " -> ok {ok}, unwind {unwind}")
            }
            Terminator::Select { point, arms, otherwise, unwind } => {
                write!(f, "select {point} ")?;
                braced(f, arms, |f, SelectArm { awaitee, dests, ok }| {
                    write!(f, "{awaitee}")?;
                    optional_list(f, "into", dests)?;
                    write!(f, " -> {ok}")
                })?;
                if let Some(otherwise) = otherwise {
                    write!(f, ", otherwise {otherwise}")?;
                }
                write!(f, ", unwind {unwind}")
            }
            Terminator::Return(args) => {
                f.write_str("return")?;
                if !args.is_empty() {
                    f.write_str(" ")?;
                }
                comma(f, args)
            }
            Terminator::Fault { code, payload, unwind } => {
                write!(f, "fault {code}")?;
                if let Some(payload) = payload {
                    write!(f, ", {payload}")?;
                }
                if let Some(unwind) = unwind {
                    write!(f, " -> unwind {unwind}")?;
                }
                Ok(())
            }
            Terminator::Unwind(cause) => write!(f, "unwind {cause}"),
            Terminator::Unreachable => f.write_str("unreachable"),
        }
    }
}
