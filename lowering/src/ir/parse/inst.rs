//! Instructions and terminators.

use super::body::Statement;
use super::lexer::Tok;
use super::{Parsed, Parser, code};
use crate::ir::entity::{Block, Class, Data, Func, HostOp, Import, Slot, Suspend, Value};
use crate::ir::inst::{
    Arg, Awaitee, BinaryOp, BlockArg, BlockCall, BoxKind, Callee, CheckedOp, CompareOp, ConvertOp,
    CtxFn, Held, InstKind, JoinBranch, SelectArm, Terminator, UnaryOp,
};
use crate::ir::types::Type;

impl Parser<'_> {
    /// An instruction (after `results =`) or a terminator. `first` is the type of the first result.
    pub(super) fn operation(&mut self, first: Option<Type>) -> Parsed<Statement> {
        let Tok::Word(word) = self.peek() else {
            return self.expected("an instruction", "see lowering/docs/ir.md for all of them");
        };
        if let Some(term) = self.terminator(word)? {
            return Ok(term);
        }
        if let Some(kind) = self.typed_inst(word, first)? {
            return Ok(Statement::Inst(kind));
        }
        if let Some(kind) = self.operator(word)? {
            return Ok(Statement::Inst(kind));
        }
        self.plain_inst(word)
    }

    /// Instructions that name a type: as suffix, or as that of the first result.
    fn typed_inst(&mut self, word: &str, first: Option<Type>) -> Parsed<Option<InstKind>> {
        let (base, suffix) = match word.split_once('.') {
            Some((base, suffix)) => (base, Some(suffix)),
            None => (word, None),
        };
        let convert = ConvertOp::from_name(base);
        if convert.is_none() && !matches!(base, "const" | "null" | "slot_load" | "load") {
            return Ok(None);
        }
        let ty = match (suffix, first) {
            (Some(suffix), _) => match self.type_word(suffix)? {
                Some(ty) => ty,
                None => return self.expected("a type as suffix", super::TYPES),
            },
            (None, Some(ty)) => {
                self.bump();
                ty
            }
            (None, None) => {
                let help = "give it a result, v0: ty = …, or a suffix, as in const.i64";
                return self.fail(code::EXPECTED, format!("the type of `{base}` is open"), help);
            }
        };
        Ok(Some(match base {
            "const" => InstKind::Const { ty, bits: self.constant(ty)? },
            "null" => InstKind::Null { ty },
            "slot_load" => {
                let (slot, offset) = self.slot_place()?;
                InstKind::SlotLoad { slot, offset, ty }
            }
            "load" => {
                let (addr, offset) = self.address()?;
                InstKind::Load { ty, addr, offset }
            }
            _ => {
                let op = convert.expect("I: checked above");
                InstKind::Convert { op, arg: self.value()?, ty }
            }
        }))
    }

    fn constant(&mut self, ty: Type) -> Parsed<u128> {
        if self.eat_word("true") {
            return Ok(1);
        }
        if self.eat_word("false") {
            return Ok(0);
        }
        if self.eat('-') {
            let n = self.number("a number", 1 << 127)?;
            let width = 8 * ty.bytes();
            let mask = if width == 128 { u128::MAX } else { (1 << width) - 1 };
            return Ok(n.wrapping_neg() & mask);
        }
        self.number("a number, `true` or `false`", u128::MAX)
    }

    /// Operators on plain values.
    fn operator(&mut self, word: &str) -> Parsed<Option<InstKind>> {
        if let Some(op) = UnaryOp::from_name(word) {
            self.bump();
            return Ok(Some(InstKind::Unary { op, arg: self.value()? }));
        }
        if let Some(op) = BinaryOp::from_name(word) {
            self.bump();
            return Ok(Some(InstKind::Binary { op, args: self.two_values()? }));
        }
        if let Some(op) = word.strip_prefix("checked.").and_then(CheckedOp::from_name) {
            self.bump();
            return Ok(Some(InstKind::Checked { op, args: self.two_values()? }));
        }
        if let Some(op) = word.strip_prefix("cmp.").and_then(CompareOp::from_name) {
            self.bump();
            return Ok(Some(InstKind::Compare { op, args: self.two_values()? }));
        }
        Ok(None)
    }

    fn plain_inst(&mut self, word: &str) -> Parsed<Statement> {
        let at = self.bump();
        Ok(Statement::Inst(match word {
            "func_addr" => InstKind::FuncAddr(self.func()?),
            "machine_addr" => InstKind::MachineAddr(self.func()?),
            "data_addr" => {
                let data = self.entity(Data::PREFIX, "static data")?;
                InstKind::DataAddr(data, self.plus_offset()?)
            }
            "data_ref" => {
                let data = self.entity(Data::PREFIX, "static data")?;
                self.punct(',')?;
                InstKind::DataRef(data, self.entity(Class::PREFIX, "a class")?)
            }
            "select" => {
                let cond = self.value()?;
                self.punct(',')?;
                InstKind::Select { cond, args: self.two_values()? }
            }
            "slot_addr" => {
                let (slot, offset) = self.slot_place()?;
                InstKind::SlotAddr { slot, offset }
            }
            "slot_store" => {
                let (slot, offset) = self.slot_place()?;
                self.punct(',')?;
                InstKind::SlotStore { slot, offset, value: self.value()? }
            }
            "store" => {
                let (addr, offset) = self.address()?;
                self.punct(',')?;
                InstKind::Store { addr, offset, value: self.value()? }
            }
            "ptr_offset" => {
                let (base, offset) = self.address()?;
                InstKind::PtrOffset { base, offset }
            }
            "copy" => {
                let [dst, src] = self.two_values()?;
                self.punct(',')?;
                InstKind::Copy { dst, src, bytes: self.u32("a number of bytes")? }
            }
            "slot_live" => InstKind::SlotLive(self.slot()?),
            "slot_dead" => InstKind::SlotDead(self.slot()?),
            "slot_init" => InstKind::SlotInit(self.slot()?),
            "slot_forget" => InstKind::SlotForget(self.slot()?),
            "retain" => InstKind::Retain(self.value()?),
            "drop" => match self.eat_entity(Slot::PREFIX) {
                Some(slot) => InstKind::DropSlot(slot),
                None => InstKind::Drop(self.entity(Value::PREFIX, "a slot or value")?),
            },
            "move" => {
                let src = self.slot()?;
                self.word("to")?;
                InstKind::Move { src, dst: self.slot()? }
            }
            "call" => {
                let callee = self.callee()?;
                let args = self.args()?;
                let dests = self.dests()?;
                if self.eat_arrow() {
                    let (ok, unwind) = self.ok_unwind()?;
                    return Ok(Statement::Term(Terminator::Call {
                        callee,
                        args,
                        dests,
                        ok,
                        unwind,
                    }));
                }
                InstKind::Call { callee, args, dests }
            }
            "future" => {
                let slot = self.slot()?;
                self.punct(',')?;
                let func = self.func()?;
                InstKind::Future { slot, func, args: self.args()? }
            }
            "box" => {
                let kind = match self.peek() {
                    Tok::Word(name) => BoxKind::from_name(name),
                    _ => None,
                };
                let Some(kind) = kind else { return self.expected("`arena` or `task`", "") };
                self.bump();
                if let Some(slot) = self.eat_entity(Slot::PREFIX) {
                    InstKind::BoxSlot { kind, slot }
                } else {
                    let func = self.func()?;
                    InstKind::Box { kind, func, args: self.args()? }
                }
            }
            "drop_box" => InstKind::DropBox(self.value()?),
            "budget" => InstKind::Budget,
            "shield" => {
                let negative = self.eat('-');
                let n = self.number("1 or -1", 127)? as i8;
                InstKind::Shield(if negative { -n } else { n })
            }
            "stack_ok" => InstKind::StackOk,
            "ctx" => InstKind::Ctx,
            "site_addr" => {
                let offset = self.u32("an offset in bytes")?;
                self.punct(',')?;
                InstKind::SiteAddr { offset, state: self.u32("a state")? }
            }
            "resume_addr" => InstKind::ResumeAddr(self.func()?),
            "poll_addr" => InstKind::PollAddr(self.op()?),
            "resume" => {
                if let Some(func) = self.eat_entity(Func::PREFIX) {
                    self.punct(',')?;
                    InstKind::ResumeFunc { func, frame: self.value()? }
                } else {
                    let [resume, frame] = self.two_values()?;
                    InstKind::ResumePtr { resume, frame }
                }
            }
            "op_start" => {
                let op = self.op()?;
                self.punct(',')?;
                let storage = self.value()?;
                InstKind::OpStart { op, storage, args: self.args()? }
            }
            "op_poll" => {
                let op = self.op()?;
                self.punct(',')?;
                InstKind::OpPoll { op, storage: self.value()? }
            }
            "ctx_call" => {
                let Tok::Word(name) = self.peek() else { return self.expected("a name", "") };
                let Some(func) = CtxFn::from_name(name) else {
                    let names: Vec<_> = CtxFn::ALL.iter().map(|f| f.name()).collect();
                    let help = format!("functions: {}", names.join(" "));
                    return self.expected("a function of the context", &help);
                };
                self.bump();
                InstKind::CtxCall { func, args: self.list('(', ')', Self::value)? }
            }
            "span_addr" => InstKind::SpanAddr,
            _ => {
                let message = format!("`{word}` is no instruction");
                let help = "see lowering/docs/ir.md for all of them";
                self.error_at(at, code::OPCODE, message, help);
                return Err(super::Failed);
            }
        }))
    }

    fn terminator(&mut self, word: &str) -> Parsed<Option<Statement>> {
        let is_select = matches!(self.peek_after(), Tok::Word(w) if w.starts_with(Suspend::PREFIX));
        match word {
            "jump" | "br" | "switch" | "await" | "yield" | "join" | "return" | "fault"
            | "unwind" | "unreachable" | "incomplete" => {}
            "select" if is_select => {}
            _ => return Ok(None),
        }
        self.bump();
        let term = match word {
            "jump" => Terminator::Jump(self.block_call()?),
            "br" => {
                let cond = self.value()?;
                self.punct(',')?;
                let then = self.block_call()?;
                self.punct(',')?;
                Terminator::Br { cond, then, otherwise: self.block_call()? }
            }
            "switch" => {
                let value = self.value()?;
                let cases = self.list('{', '}', |p| {
                    let n = p.number("a case", u128::from(u64::MAX))? as u64;
                    p.punct(':')?;
                    Ok((n, p.block_call()?))
                })?;
                self.punct(',')?;
                self.word("default")?;
                Terminator::Switch { value, cases, default: self.block_call()? }
            }
            "await" => {
                let point = self.point()?;
                let awaitee = self.awaitee()?;
                let dests = self.dests()?;
                self.arrow()?;
                self.word("ok")?;
                let ok = self.block_call()?;
                self.punct(',')?;
                let mut done = None;
                if self.eat_word("done") {
                    done = Some(self.block_call()?);
                    self.punct(',')?;
                }
                self.word("unwind")?;
                let unwind = self.block_call()?;
                Terminator::Await { point, awaitee, dests, ok, done, unwind }
            }
            "yield" => {
                let point = self.point()?;
                let args = self.args()?;
                self.arrow()?;
                let (ok, unwind) = self.ok_unwind()?;
                Terminator::Yield { point, args, ok, unwind }
            }
            "join" => {
                let point = self.point()?;
                let branches = self.list('{', '}', |p| {
                    let awaitee = p.awaitee()?;
                    Ok(JoinBranch { awaitee, dests: p.dests()? })
                })?;
                self.arrow()?;
                let (ok, unwind) = self.ok_unwind()?;
                Terminator::Join { point, branches, ok, unwind }
            }
            "select" => {
                let point = self.point()?;
                let arms = self.list('{', '}', |p| {
                    let awaitee = p.awaitee()?;
                    let dests = p.dests()?;
                    p.arrow()?;
                    Ok(SelectArm { awaitee, dests, ok: p.block_call()? })
                })?;
                self.punct(',')?;
                let mut otherwise = None;
                if self.eat_word("otherwise") {
                    otherwise = Some(self.block_call()?);
                    self.punct(',')?;
                }
                self.word("unwind")?;
                Terminator::Select { point, arms, otherwise, unwind: self.block_call()? }
            }
            "return" => {
                let mut args = Vec::new();
                if self.at_arg() {
                    args.push(self.arg()?);
                    while self.eat(',') {
                        args.push(self.arg()?);
                    }
                }
                Terminator::Return(args)
            }
            "fault" => {
                let code = self.u32("a fault code")?;
                let payload = if self.eat(',') { Some(self.value()?) } else { None };
                let mut unwind = None;
                if self.eat_arrow() {
                    self.word("unwind")?;
                    unwind = Some(self.block_call()?);
                }
                Terminator::Fault { code, payload, unwind }
            }
            "unwind" => Terminator::Unwind(self.value()?),
            "unreachable" => Terminator::Unreachable,
            _ => return Ok(Some(Statement::Incomplete)),
        };
        Ok(Some(Statement::Term(term)))
    }
}

// ---- Operands ----

impl Parser<'_> {
    fn value(&mut self) -> Parsed<Value> {
        self.entity(Value::PREFIX, "a value")
    }

    fn two_values(&mut self) -> Parsed<[Value; 2]> {
        let a = self.value()?;
        self.punct(',')?;
        Ok([a, self.value()?])
    }

    fn slot(&mut self) -> Parsed<Slot> {
        self.entity(Slot::PREFIX, "a slot")
    }

    fn func(&mut self) -> Parsed<Func> {
        self.entity(Func::PREFIX, "a function")
    }

    fn op(&mut self) -> Parsed<HostOp> {
        self.entity(HostOp::PREFIX, "a host operation")
    }

    fn point(&mut self) -> Parsed<Suspend> {
        self.entity(Suspend::PREFIX, "a suspend point")
    }

    fn callee(&mut self) -> Parsed<Callee> {
        match self.eat_entity(Import::PREFIX) {
            Some(import) => Ok(Callee::Import(import)),
            None => Ok(Callee::Func(self.entity(Func::PREFIX, "a function or import")?)),
        }
    }

    fn plus_offset(&mut self) -> Parsed<u32> {
        if self.eat('+') { self.u32("an offset in bytes") } else { Ok(0) }
    }

    /// `slot0+8`
    fn slot_place(&mut self) -> Parsed<(Slot, u32)> {
        Ok((self.slot()?, self.plus_offset()?))
    }

    /// `v0+8`, `v0-8`
    fn address(&mut self) -> Parsed<(Value, i32)> {
        let base = self.value()?;
        let max = i32::MAX.unsigned_abs();
        if self.eat('-') {
            let n = self.number("an offset in bytes", u128::from(max) + 1)?;
            return Ok((base, (-(n as i64)) as i32));
        }
        if self.eat('+') {
            let n = self.number("an offset in bytes", u128::from(max))?;
            return Ok((base, n as i32));
        }
        Ok((base, 0))
    }

    fn at_arg(&self) -> bool {
        self.peek() == Tok::Word("move") || self.peek_entity(Value::PREFIX).is_some()
    }

    fn arg(&mut self) -> Parsed<Arg> {
        if self.eat_word("move") {
            return Ok(Arg::Move(self.slot()?));
        }
        if self.peek_entity(Slot::PREFIX).is_some() {
            return self.expected("an argument", "a slot is moved: move slot0");
        }
        Ok(Arg::Value(self.value()?))
    }

    fn args(&mut self) -> Parsed<Vec<Arg>> {
        self.list('(', ')', Self::arg)
    }

    fn dests(&mut self) -> Parsed<Vec<Slot>> {
        if self.eat_word("into") { self.one_or_list(Self::slot) } else { Ok(Vec::new()) }
    }

    fn arrow(&mut self) -> Parsed<()> {
        if self.eat_arrow() { Ok(()) } else { self.expected("`->`", "") }
    }

    fn ok_unwind(&mut self) -> Parsed<(BlockCall, BlockCall)> {
        self.word("ok")?;
        let ok = self.block_call()?;
        self.punct(',')?;
        self.word("unwind")?;
        Ok((ok, self.block_call()?))
    }

    fn block_call(&mut self) -> Parsed<BlockCall> {
        let block = self.entity(Block::PREFIX, "a block")?;
        let mut args = Vec::new();
        if self.eat('(') {
            args = self.until(')', |p| {
                if p.eat_word("cause") {
                    return Ok(BlockArg::Cause);
                }
                if let Some(n) = p.peek_entity("r") {
                    p.bump();
                    return Ok(BlockArg::Result(n));
                }
                Ok(BlockArg::Value(p.entity(Value::PREFIX, "a value, result r0 or `cause`")?))
            })?;
        }
        Ok(BlockCall { block, args })
    }

    fn held(&mut self) -> Parsed<Held> {
        if self.eat_word("boxed") {
            let frame = self.value()?;
            return Ok(Held::Boxed { frame, results: self.list('(', ')', Self::ty)? });
        }
        Ok(Held::Slot(self.entity(Slot::PREFIX, "`boxed` or a slot")?))
    }

    fn awaitee(&mut self) -> Parsed<Awaitee> {
        if let Some(func) = self.eat_entity(Func::PREFIX) {
            return Ok(Awaitee::Call { func, args: self.args()? });
        }
        if let Some(op) = self.eat_entity(HostOp::PREFIX) {
            return Ok(Awaitee::Op { op, args: self.args()? });
        }
        if self.eat_word("future") {
            return Ok(Awaitee::Future(self.held()?));
        }
        if self.eat_word("next") {
            return Ok(Awaitee::Next(self.held()?));
        }
        if self.eat_word("drain") {
            return Ok(Awaitee::Drain(self.held()?));
        }
        if self.eat_word("give_way") {
            return Ok(Awaitee::GiveWay);
        }
        let help = "awaitees: fn0(…), op0(…), future slot0, future boxed v0(…), next …, drain …, \
                    give_way";
        self.expected("what is awaited", help)
    }
}
