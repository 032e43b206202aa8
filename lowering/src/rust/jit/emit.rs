//! The typed tree to IR.
//!
//! What may go wrong as in Rust (overflow, index, division, `panic!`) faults with the number of a message; there are no
//! destructors, so every unwind edge leads to one empty cleanup.

use super::places::{Place, extent, odd};
use super::tree::{Cmp, Expr, Kind, Local, LocalData, Pat, Stmt};
use super::types::{Prim, Ty, Vars};
use super::{FIRST_MESSAGE, Refusal};
use crate::ir::{
    Arg, Awaitee, BinaryOp, Block, BlockCall, CompareOp, FunctionBuilder, HostOp, Span, Type,
    UnaryOp, Value,
};
use proc_macro2::Span as RustSpan;

/// Why there is no value: control does not come here, or something is refused.
pub(super) enum Stop {
    Diverges,
    Refused(Refusal),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Stop::Refused(refusal)
    }
}

pub(super) type Made<T> = Result<T, Stop>;

/// A value: its scalars in order.
pub(super) type Scalars = Vec<Value>;

struct Loop {
    next: Block,
    end: Block,
    result: Option<Place>,
}

pub(super) struct Emit<'a, 'm> {
    pub(super) b: FunctionBuilder<'m>,
    pub(super) vars: &'a Vars,
    pub(super) data: &'a [LocalData],
    pub(super) ops: &'a [HostOp],
    pub(super) messages: Vec<String>,
    pub(super) cleanup: BlockCall,
    pub(super) places: Vec<Option<Place>>,
    loops: Vec<Option<Loop>>,
}

impl<'a, 'm> Emit<'a, 'm> {
    pub(super) fn new(
        mut b: FunctionBuilder<'m>,
        vars: &'a Vars,
        data: &'a [LocalData],
        ops: &'a [HostOp],
        n_loops: usize,
    ) -> Self {
        let cleanup = b.cleanup_block();
        let places = vec![None; data.len()];
        let loops = (0..n_loops).map(|_| None).collect();
        Emit { b, vars, data, ops, messages: vec![], cleanup, places, loops }
    }

    /// Lets the host find the function.
    pub(super) fn export(&mut self) {
        self.b.export();
    }

    /// Puts the function into its module.
    pub(super) fn finish(mut self) -> Result<(), String> {
        self.b.seal_all_blocks();
        self.b.finish().map(drop).map_err(|e| e.to_string())
    }

    /// Binds the parameters, then the constants, and emits the body.
    pub(super) fn function(
        &mut self,
        params: &[(Pat, Ty)],
        consts: &[(Local, Ty)],
        body: &Expr,
    ) -> Made<()> {
        let mut n = 0;
        for (pat, ty) in params {
            let count = ty.n_leaves();
            let value: Scalars = (n..n + count).map(|i| self.b.param_value(i)).collect();
            n += count;
            self.bind(pat, ty, &value)?;
        }
        for (local, ty) in consts {
            let count = ty.n_leaves();
            let value: Scalars = (n..n + count).map(|i| self.b.param_value(i)).collect();
            n += count;
            self.bind(&Pat::Bind(*local), ty, &value)?;
        }
        match self.expr(body) {
            Ok(value) => {
                self.b.ret(value);
                Ok(())
            }
            Err(Stop::Diverges) => Ok(()),
            Err(refused) => Err(refused),
        }
    }

    pub(super) fn ty(&self, ty: &Ty, span: RustSpan) -> Made<Ty> {
        self.vars.resolve(ty).ok_or_else(|| {
            let text = "the type of what is awaited is not known to the macro";
            let help = "write it where the value is bound: `let x: u64 = ….await;`";
            Stop::Refused(Refusal::new(span, text).help(help))
        })
    }

    pub(super) fn at(&mut self, span: RustSpan) {
        let start = span.start();
        let file = crate::ir::File::from_u32(0);
        self.b.set_span(Span { file, line: start.line as u32, column: start.column as u32 + 1 });
    }

    // ---- faults ----

    pub(super) fn message(&mut self, text: String) -> u32 {
        let known = self.messages.iter().position(|m| *m == text);
        let n = known.unwrap_or_else(|| {
            self.messages.push(text);
            self.messages.len() - 1
        });
        FIRST_MESSAGE + n as u32
    }

    pub(super) fn fault_if(&mut self, bad: Value, text: impl Into<String>, payload: Option<Value>) {
        let code = self.message(text.into());
        let unwind = Some(self.cleanup.clone());
        self.b.fault_if(bad, code, payload, unwind);
    }

    // ---- expressions ----

    pub(super) fn scalar(&mut self, e: &Expr) -> Made<Value> {
        let value = self.expr(e)?;
        value.first().copied().ok_or_else(|| odd(e.span))
    }

    pub(super) fn prim(&self, e: &Expr) -> Made<Prim> {
        match self.ty(&e.ty, e.span)? {
            Ty::Prim(prim) => Ok(prim),
            _ => Err(Refusal::new(e.span, "this is no number").into()),
        }
    }

    pub(super) fn expr(&mut self, e: &Expr) -> Made<Scalars> {
        let one = |v: Value| Ok(vec![v]);
        match &e.kind {
            Kind::Int(n) => {
                let prim = self.prim(e)?;
                one(self.number(prim, *n, e.span)?)
            }
            Kind::Float(x) => match self.prim(e)? {
                Prim::F32 => one(self.b.f32const(*x as f32)),
                _ => one(self.b.f64const(*x)),
            },
            Kind::Bool(x) => one(self.b.bconst(*x)),
            Kind::Char(c) => one(self.b.iconst(Type::I32, i128::from(u32::from(*c)))),
            Kind::Bound { of, largest } => {
                let Prim::Int(int) = *of else { return Err(odd(e.span)) };
                let n = if *largest { int.max() } else { int.min() };
                one(self.b.iconst(of.ir(), n))
            }
            Kind::Local(_) | Kind::Field(..) | Kind::Index(..) => {
                let place = self.place(e)?;
                Ok(self.read(&place))
            }
            Kind::Neg(inner) => {
                if let (Kind::Int(n), Prim::Int(_)) = (&inner.kind, self.prim(e)?) {
                    let prim = self.prim(e)?;
                    return one(self.number(prim, -n, e.span)?);
                }
                let v = self.scalar(inner)?;
                self.at(e.span);
                match self.prim(e)? {
                    Prim::F32 | Prim::F64 => one(self.b.unary(UnaryOp::Fneg, v)),
                    Prim::Int(int) if int.signed => {
                        let ty = self.b.value_type(v);
                        let least = self.b.iconst(ty, int.min());
                        let bad = self.b.compare(CompareOp::Eq, v, least);
                        self.fault_if(bad, "attempt to negate with overflow", None);
                        one(self.b.unary(UnaryOp::Neg, v))
                    }
                    _ => Err(odd(e.span)),
                }
            }
            Kind::Not(inner) => {
                let v = self.scalar(inner)?;
                one(self.b.unary(UnaryOp::Not, v))
            }
            Kind::Binary(op, a, b) => {
                let (prim, of) = (self.prim(a)?, self.prim(b)?);
                let (a, b) = (self.scalar(a)?, self.scalar(b)?);
                self.at(e.span);
                one(self.arith(*op, prim, of, a, b, e.span)?)
            }
            Kind::Wrapping(op, a, b) => {
                let (a, b) = (self.scalar(a)?, self.scalar(b)?);
                one(self.b.binary(*op, a, b))
            }
            Kind::Extreme(max, a, b) => {
                let prim = self.prim(a)?;
                let (a, b) = (self.scalar(a)?, self.scalar(b)?);
                let first = self.compare(if *max { Cmp::Ge } else { Cmp::Le }, prim, a, b);
                one(self.b.select(first, a, b))
            }
            Kind::Logic { or, a, b } => {
                let out = self.b.declare_var(Type::Bool);
                let a = self.scalar(a)?;
                self.b.def_var(out, a);
                let (more, end) = (self.b.create_block(), self.b.create_block());
                let (yes, no) = if *or { (end, more) } else { (more, end) };
                self.b.br(a, (yes, &[]), (no, &[]));
                self.go(more);
                match self.scalar(b) {
                    Ok(b) => {
                        self.b.def_var(out, b);
                        self.b.jump(end, &[]);
                    }
                    Err(Stop::Diverges) => {}
                    Err(refused) => return Err(refused),
                }
                self.go(end);
                one(self.b.use_var(out))
            }
            Kind::Compare(cmp, a, b) => {
                let prim = self.prim(a)?;
                let (a, b) = (self.scalar(a)?, self.scalar(b)?);
                one(self.compare(*cmp, prim, a, b))
            }
            Kind::Cast(inner) => {
                let (from, to) = (self.prim(inner)?, self.prim(e)?);
                let v = self.scalar(inner)?;
                one(self.cast(v, from, to, e.span)?)
            }
            Kind::Group(list) => {
                let mut out = vec![];
                for e in list {
                    out.extend(self.expr(e)?);
                }
                Ok(out)
            }
            Kind::Repeat(value, n) => {
                let value = self.expr(value)?;
                Ok(std::iter::repeat_n(value, *n).flatten().collect())
            }
            Kind::Assign(place, value) => {
                let value = self.expr(value)?;
                let place = self.place(place)?;
                self.write(&place, &value);
                Ok(vec![])
            }
            Kind::Update(op, place, value) => {
                let (prim, of) = (self.prim(place)?, self.prim(value)?);
                let b = self.scalar(value)?;
                let place = self.place(place)?;
                let a = self.read(&place)[0];
                self.at(e.span);
                let v = self.arith(*op, prim, of, a, b, e.span)?;
                self.write(&place, &[v]);
                Ok(vec![])
            }
            Kind::Block(stmts, value) => self.block(stmts, value.as_deref()),
            Kind::If(cond, then, other) => {
                let (no, end) = (self.b.create_block(), self.b.create_block());
                let out = self.out(e)?;
                if !self.condition(cond, no)? {
                    // Neither way is taken, but what leads to `no` may be there.
                    self.go(no);
                    self.b.unreachable();
                    return self.end(false, None, end);
                }
                let mut reached = self.arm(then, out.as_ref(), end)?;
                self.go(no);
                reached |= match other {
                    Some(other) => self.arm(other, out.as_ref(), end)?,
                    None => {
                        self.b.jump(end, &[]);
                        true
                    }
                };
                self.end(reached, out.as_ref(), end)
            }
            Kind::Match(value, arms) => {
                let ty = self.ty(&value.ty, value.span)?;
                let value = self.expr(value)?;
                let out = self.out(e)?;
                let end = self.b.create_block();
                let mut reached = false;
                for arm in arms {
                    let next = self.b.create_block();
                    self.test(&arm.pat, &ty, &value, next)?;
                    self.bind(&arm.pat, &ty, &value)?;
                    let fits = match &arm.guard {
                        Some(guard) => self.condition(guard, next)?,
                        None => true,
                    };
                    if fits {
                        reached |= self.arm(&arm.body, out.as_ref(), end)?;
                    }
                    self.go(next);
                }
                self.b.unreachable();
                self.end(reached, out.as_ref(), end)
            }
            Kind::Loop(id, body) => {
                let out = self.out(e)?;
                let (head, end) = (self.b.create_block(), self.b.create_block());
                self.loops[*id] = Some(Loop { next: head, end, result: out.clone() });
                self.b.jump(head, &[]);
                self.b.switch_to_block(head);
                self.body(body, head)?;
                self.b.seal_block(head);
                self.end(e.ty != Ty::Never, out.as_ref(), end)
            }
            Kind::While(id, cond, body) => {
                let (head, end) = (self.b.create_block(), self.b.create_block());
                self.loops[*id] = Some(Loop { next: head, end, result: None });
                self.b.jump(head, &[]);
                self.b.switch_to_block(head);
                if self.condition(cond, end)? {
                    self.body(body, head)?;
                }
                self.b.seal_block(head);
                self.go(end);
                Ok(vec![])
            }
            Kind::Let(..) => Err(odd(e.span)),
            Kind::Labelled(id, body) => {
                let out = self.out(e)?;
                let end = self.b.create_block();
                self.loops[*id] = Some(Loop { next: end, end, result: out.clone() });
                let reached = self.arm(body, out.as_ref(), end)? || body.breaks(*id);
                self.end(reached, out.as_ref(), end)
            }
            Kind::For { id, pat, from, to, inclusive, body } => {
                self.for_(*id, pat, (from, to), *inclusive, body)
            }
            Kind::Break(id, value) => {
                let value = match value {
                    Some(value) => self.expr(value)?,
                    None => vec![],
                };
                let Some(Loop { end, result, .. }) = &self.loops[*id] else {
                    return Err(odd(e.span));
                };
                let (end, result) = (*end, result.clone());
                if let Some(place) = &result {
                    self.write(place, &value);
                }
                self.b.jump(end, &[]);
                Err(Stop::Diverges)
            }
            Kind::Continue(id) => {
                let Some(Loop { next, .. }) = self.loops[*id] else {
                    return Err(odd(e.span));
                };
                self.b.budget();
                self.b.jump(next, &[]);
                Err(Stop::Diverges)
            }
            Kind::Return(value) => {
                let value = match value {
                    Some(value) => self.expr(value)?,
                    None => vec![],
                };
                self.b.ret(value);
                Err(Stop::Diverges)
            }
            Kind::Await { site, args } => self.wait(*site, args, e.span),
            Kind::Panic(text) => {
                self.at(e.span);
                let code = self.message(text.clone());
                let unwind = Some(self.cleanup.clone());
                self.b.fault(code, None, unwind);
                Err(Stop::Diverges)
            }
        }
    }

    /// Goes on where a condition holds, its patterns bound, and to `no` where it does not; false if
    /// control does not come to its end.
    fn condition(&mut self, cond: &Expr, no: Block) -> Made<bool> {
        let made = match &cond.kind {
            Kind::Let(pat, value) => {
                let ty = self.ty(&value.ty, value.span)?;
                match self.expr(value) {
                    Ok(value) => {
                        self.test(pat, &ty, &value, no)?;
                        return self.bind(pat, &ty, &value).map(|()| true);
                    }
                    Err(stop) => Err(stop),
                }
            }
            Kind::Logic { or: false, a, b } => {
                return Ok(self.condition(a, no)? && self.condition(b, no)?);
            }
            _ => self.scalar(cond),
        };
        match made {
            Ok(holds) => {
                let yes = self.b.create_block();
                self.b.br(holds, (yes, &[]), (no, &[]));
                self.go(yes);
                Ok(true)
            }
            Err(Stop::Diverges) => Ok(false),
            Err(refused) => Err(refused),
        }
    }

    /// Where alternatives leave their value.
    fn out(&mut self, e: &Expr) -> Made<Option<Place>> {
        if self.vars.shallow(&e.ty) == Ty::Never {
            return Ok(None);
        }
        let ty = self.ty(&e.ty, e.span)?;
        Ok((ty.n_leaves() > 0).then(|| self.declare(&ty, "")))
    }

    /// One alternative; whether it comes to its end.
    fn arm(&mut self, e: &Expr, out: Option<&Place>, end: Block) -> Made<bool> {
        match self.expr(e) {
            Ok(value) => {
                if let Some(place) = out {
                    self.write(place, &value);
                }
                self.b.jump(end, &[]);
                Ok(true)
            }
            Err(Stop::Diverges) => Ok(false),
            Err(refused) => Err(refused),
        }
    }

    fn end(&mut self, reached: bool, out: Option<&Place>, end: Block) -> Made<Scalars> {
        self.go(end);
        if !reached {
            self.b.unreachable();
            return Err(Stop::Diverges);
        }
        Ok(out.map_or(vec![], |place| self.read(place)))
    }

    /// The body of a loop, which then begins anew.
    fn body(&mut self, body: &Expr, head: Block) -> Made<()> {
        match self.expr(body) {
            Ok(_) => {
                self.b.budget();
                self.b.jump(head, &[]);
                Ok(())
            }
            Err(Stop::Diverges) => Ok(()),
            Err(refused) => Err(refused),
        }
    }

    fn block(&mut self, stmts: &[Stmt], value: Option<&Expr>) -> Made<Scalars> {
        for stmt in stmts {
            match stmt {
                Stmt::Expr(e) => drop(self.expr(e)?),
                Stmt::Let(pat, None) => {
                    if let Pat::Bind(local) = &**pat {
                        self.local(*local)?;
                    }
                }
                Stmt::LetElse(pat, init, other) => {
                    let value = self.expr(init)?;
                    let ty = self.ty(&init.ty, init.span)?;
                    let (no, on) = (self.b.create_block(), self.b.create_block());
                    self.test(pat, &ty, &value, no)?;
                    self.bind(pat, &ty, &value)?;
                    self.b.jump(on, &[]);
                    self.go(no);
                    match self.expr(other) {
                        Err(Stop::Diverges) => {}
                        Ok(_) => return Err(odd(other.span)),
                        Err(refused) => return Err(refused),
                    }
                    self.go(on);
                }
                Stmt::Let(pat, Some(init)) => {
                    let value = self.expr(init)?;
                    let ty = self.ty(&init.ty, init.span)?;
                    self.bind(pat, &ty, &value)?;
                }
            }
        }
        value.map_or(Ok(vec![]), |v| self.expr(v))
    }

    fn for_(
        &mut self,
        id: usize,
        pat: &Pat,
        (from, to): (&Expr, &Expr),
        inclusive: bool,
        body: &Expr,
    ) -> Made<Scalars> {
        let prim = self.prim(from)?;
        let (from, to) = (self.scalar(from)?, self.scalar(to)?);
        let now = self.b.declare_var(prim.ir());
        self.b.def_var(now, from);
        let (head, inside, next, end) = (
            self.b.create_block(),
            self.b.create_block(),
            self.b.create_block(),
            self.b.create_block(),
        );
        self.loops[id] = Some(Loop { next, end, result: None });
        self.b.jump(head, &[]);
        self.b.switch_to_block(head);
        let at = self.b.use_var(now);
        let more = self.compare(if inclusive { Cmp::Le } else { Cmp::Lt }, prim, at, to);
        self.b.br(more, (inside, &[]), (end, &[]));
        self.go(inside);
        self.bind(pat, &Ty::Prim(prim), &[at])?;
        match self.expr(body) {
            Ok(_) => self.b.jump(next, &[]),
            Err(Stop::Diverges) => {}
            Err(refused) => return Err(refused),
        }
        self.go(next);
        let at = self.b.use_var(now);
        if inclusive {
            // The last round does not count on: that could overflow.
            let last = self.compare(Cmp::Eq, prim, at, to);
            let on = self.b.create_block();
            self.b.br(last, (end, &[]), (on, &[]));
            self.go(on);
        }
        let one = self.b.iconst(prim.ir(), 1);
        let at = self.b.binary(BinaryOp::Add, at, one);
        self.b.def_var(now, at);
        self.b.budget();
        self.b.jump(head, &[]);
        self.b.seal_block(head);
        self.go(end);
        Ok(vec![])
    }

    fn wait(&mut self, site: usize, args: &[Expr], span: RustSpan) -> Made<Scalars> {
        let ops = self.ops;
        let mut types = vec![];
        let mut values = vec![];
        for e in args {
            values.extend(self.expr(e)?);
            types.push(self.ty(&e.ty, e.span)?);
        }
        self.at(span);
        // The arguments travel as one block of bytes.
        let args = if values.is_empty() {
            vec![]
        } else {
            let mut leaves = vec![];
            types.iter().for_each(|t| t.leaves(&mut leaves));
            let flat = Ty::Tuple(leaves.into_iter().map(Ty::Prim).collect());
            let (size, align) = extent(&flat);
            let slot = self.b.slot("", crate::ir::Ty::Bytes { size, align });
            self.write(&Place::Slot(slot, 0, flat), &values);
            vec![Arg::Move(slot)]
        };
        let awaitee = Awaitee::Op { op: ops[site], args };
        let cleanup = self.cleanup.clone();
        Ok(self.b.await_(&format!("await{site}"), awaitee, &[], cleanup))
    }
}
