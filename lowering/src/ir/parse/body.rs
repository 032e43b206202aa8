//! Functions: head, declarations, blocks.

use super::lexer::{Tok, Token};
use super::{Failed, Parsed, Parser, code};
use crate::ir::entity::{Block, EntityVec, Func, Inst, Slot, Suspend, Value};
use crate::ir::function::{
    BlockData, Function, InstData, SlotData, SuspendData, ValueData, ValueDef,
};
use crate::ir::inst::{InstKind, Terminator};
use crate::ir::module::{Module, Span};

/// What a statement turned out to be.
pub(super) enum Statement {
    Inst(InstKind),
    Term(Terminator),
    /// `incomplete`: the block has no terminator.
    Incomplete,
}

/// A function while its text is read.
struct Body<'a> {
    func: Function,
    /// Definitions of values in the order of the text.
    values: Vec<(Value, ValueData, Token<'a>)>,
    /// Whether the current block has its terminator, or there is no block.
    closed: bool,
    /// Whether the function has had an error: then nothing is said about what is missing.
    failed: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn function(&mut self, m: &mut Module) -> Parsed<()> {
        let exported = self.eat_word("export");
        let kind = self.func_kind()?;
        if !self.eat_word("fn") {
            self.next_entity(Func::PREFIX, &m.funcs)?;
        }
        let name = self.string("the function's name")?;
        let sig = self.signature()?;
        let span = self.span()?;
        let func = Function {
            name,
            kind,
            exported,
            sig,
            span,
            entry: Block::from_u32(0),
            blocks: EntityVec::new(),
            insts: EntityVec::new(),
            values: EntityVec::new(),
            slots: EntityVec::new(),
            suspends: EntityVec::new(),
        };
        let mut body = Body { func, values: Vec::new(), closed: true, failed: false };
        self.punct('{')?;
        while !self.eat('}') {
            if self.peek() == Tok::End {
                m.funcs.push(body.func);
                return self.expected("`}`", "a function ends with `}`");
            }
            // A new function here means that the brace is missing.
            if let Tok::Word("export" | "sync" | "async" | "generator" | "machine") = self.peek() {
                m.funcs.push(body.func);
                self.error_at(
                    self.token(),
                    code::EXPECTED,
                    "expected `}`".into(),
                    "a function ends with `}`",
                );
                return Ok(());
            }
            if self.line(&mut body).is_err() {
                body.failed = true;
                self.skip_line();
            }
        }
        self.close_block(&mut body);
        let func = self.finish(body);
        m.funcs.push(func);
        Ok(())
    }

    fn line(&mut self, body: &mut Body<'a>) -> Parsed<()> {
        if self.peek_entity(Block::PREFIX).is_some() {
            return self.block_head(body);
        }
        if body.func.blocks.is_empty() {
            return self.declaration(body);
        }
        self.statement(body)
    }

    fn declaration(&mut self, body: &mut Body<'a>) -> Parsed<()> {
        if self.peek_entity(Slot::PREFIX).is_some() {
            self.next_entity(Slot::PREFIX, &body.func.slots)?;
            let name = self.optional_string()?;
            self.punct(':')?;
            let ty = self.ty()?;
            let param =
                if self.eat_word("param") { Some(self.u32("a parameter's index")?) } else { None };
            let span = self.span()?;
            body.func.slots.push(SlotData { name, ty, param, span });
        } else if self.peek_entity(Suspend::PREFIX).is_some() {
            self.next_entity(Suspend::PREFIX, &body.func.suspends)?;
            let name = self.optional_string()?;
            let span = self.span()?;
            body.func.suspends.push(SuspendData { name, span });
        } else if self.eat_word("entry") {
            body.func.entry = self.entity(Block::PREFIX, "a block")?;
        } else if self.eat_word("unused") {
            loop {
                self.value_def(body, ValueDef::Param(Block::from_u32(u32::MAX), 0))?;
                if !self.eat(',') {
                    break;
                }
            }
        } else {
            let help = "declarations (slot0: ty, sp0 \"…\", entry block0, unused v0: ty) come \
                        first, then blocks: block0(v0: ty):";
            return self.expected("a declaration or a block", help);
        }
        Ok(())
    }

    /// `v0 "name" @span: ty`
    fn value_def(&mut self, body: &mut Body<'a>, def: ValueDef) -> Parsed<Value> {
        let at = self.token();
        let v: Value = self.entity(Value::PREFIX, "a value")?;
        let name = self.optional_string()?;
        let span = self.span()?;
        if !self.is_punct(':') {
            return self
                .expected("`:` and a type", "definitions name their type: v0: i64 = const 1");
        }
        self.punct(':')?;
        let ty = self.value_type()?;
        body.values.push((v, ValueData { ty, def, name, span }, at));
        Ok(v)
    }

    fn block_head(&mut self, body: &mut Body<'a>) -> Parsed<()> {
        self.close_block(body);
        self.next_entity(Block::PREFIX, &body.func.blocks)?;
        let block = body.func.blocks.push(BlockData::default());
        body.closed = false;
        if self.is_punct('(') {
            let mut index = 0;
            let params = self.list('(', ')', |p| {
                let v = p.value_def(body, ValueDef::Param(block, index));
                index += 1;
                v
            })?;
            body.func.blocks[block].params = params;
        }
        self.punct(':')
    }

    fn close_block(&mut self, body: &mut Body<'a>) {
        if !body.closed && !body.failed {
            let last = body.func.blocks.keys().next_back();
            let last = last.expect("I: an open block exists");
            let message = format!("{last} has no terminator");
            let help = "end it with jump, br, return, … (or `incomplete`)";
            self.error_at(self.token(), code::BLOCK, message, help);
        }
        body.closed = true;
    }

    fn statement(&mut self, body: &mut Body<'a>) -> Parsed<()> {
        if body.closed {
            let help = "the next block starts with its name: block1:";
            let message = "the block has ended already".into();
            return self.fail(code::BLOCK, message, help);
        }
        let inst = body.func.insts.next_key();
        let block = body.func.blocks.keys().next_back().expect("I: an open block exists");
        let mut results = Vec::new();
        let first = body.values.len();
        if self.peek_entity(Value::PREFIX).is_some() {
            loop {
                let def = ValueDef::Inst(inst, results.len() as u32);
                results.push(self.value_def(body, def)?);
                if !self.eat(',') {
                    break;
                }
            }
            self.punct('=')?;
        }
        let ty = body.values.get(first).map(|(_, data, _)| data.ty);
        let at = self.token();
        let statement = self.operation(ty)?;
        let span = self.span()?;
        match statement {
            Statement::Inst(kind) => Self::push_inst(body, block, InstData { kind, results, span }),
            Statement::Term(_) | Statement::Incomplete if !results.is_empty() => {
                let help = "its results go to the target block: ok block1(r0)";
                self.error_at(at, code::BLOCK, "a terminator defines no value".into(), help);
                return Err(Failed);
            }
            Statement::Term(term) => Self::set_term(body, block, Some(term), span),
            Statement::Incomplete => Self::set_term(body, block, None, span),
        }
        Ok(())
    }

    fn push_inst(body: &mut Body<'a>, block: Block, data: InstData) {
        let inst: Inst = body.func.insts.push(data);
        body.func.blocks[block].insts.push(inst);
    }

    fn set_term(body: &mut Body<'a>, block: Block, term: Option<Terminator>, span: Span) {
        body.func.blocks[block].term = term;
        body.func.blocks[block].term_span = span;
        body.closed = true;
    }

    /// Puts the values in the order of their numbers.
    fn finish(&mut self, body: Body<'a>) -> Function {
        let Body { mut func, mut values, failed, .. } = body;
        values.sort_by_key(|(v, ..)| *v);
        if failed {
            return func;
        }
        for (v, data, at) in values {
            let next = func.values.next_key();
            if v < next {
                let message = format!("{v} is defined twice");
                self.error_at(at, code::VALUES, message, "a value has one definition");
            } else {
                if v > next {
                    let message = format!("{v} is defined, but {next} is not");
                    let help = "values are numbered from 0 without a gap, in any order";
                    self.error_at(at, code::VALUES, message, help);
                    return func;
                }
                func.values.push(data);
            }
        }
        func
    }
}
