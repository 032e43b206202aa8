//! HIR as text, for people and goldens.
//!
//! In: a program. Out: one item after the other in order of their numbers; locals as `%n name`
//! with their types at their declaration, everything implicit spelled out. There is no parser for
//! it.

use super::hir::{
    AdtKind, Appended, Awaitable, AwaitableKind, Block, Body, Callee, Const, Expr, ExprKind,
    FieldIdx, LoadMode, LocalId, Overflow, Pattern, PatternKind, Place, PlaceBase, Proc, ProcKind,
    Program, ProjectionKind, SpawnParent, StmtKind, UnOp, VariantIdx,
};
use super::std::STD_PICKS;
use super::types::{TyId, TyKind};
use std::fmt::Write as _;

/// Prints a whole program, std's picks apart.
pub fn print(program: &Program) -> String {
    let mut printer = Printer { program, body: None, out: String::new(), depth: 0 };
    for adt in &program.adts[STD_PICKS.len().min(program.adts.len())..] {
        printer.adt(adt);
    }
    for item in &program.statics {
        let word = if item.mutable { "static mut" } else { "static" };
        let ty = program.types.name(item.ty);
        let init = constant(&item.init);
        let _ = writeln!(printer.out, "{word} {}: {ty} = {init}\n", item.name);
    }
    for proc in &program.procs {
        printer.proc(proc);
    }
    printer.out.truncate(printer.out.trim_end().len());
    printer.out.push('\n');
    printer.out
}

struct Printer<'p> {
    program: &'p Program,
    body: Option<&'p Body>,
    out: String,
    depth: usize,
}

fn constant(value: &Const) -> String {
    match value {
        Const::Unit => "()".to_owned(),
        Const::Bool(b) => b.to_string(),
        Const::Int(n) => n.to_string(),
        Const::Float(x) => format!("{x:?}"),
        Const::Char(c) => format!("{c:?}"),
        Const::Str(text) => format!("{text:?}"),
        Const::Bytes(bytes) => format!("b\"{}\"", bytes.escape_ascii()),
    }
}

fn generics(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("[{}]", names.join(", ")) }
}

impl<'p> Printer<'p> {
    fn line(&mut self) {
        self.out.push('\n');
        for _ in 0..self.depth {
            self.out.push_str("    ");
        }
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn ty(&self, ty: TyId) -> String {
        self.program.types.name(ty)
    }

    fn adt(&mut self, adt: &super::hir::Adt) {
        let head = format!("{}{} {{", adt.name, generics(&adt.generics));
        match &adt.kind {
            AdtKind::Form(fields) => {
                self.push("form ");
                self.push(&head);
                for field in fields {
                    let text = format!("\n    {}: {}", field.name, self.ty(field.ty));
                    self.push(&text);
                }
            }
            AdtKind::Pick(arms) => {
                self.push("pick ");
                self.push(&head);
                for (at, arm) in arms.iter().enumerate() {
                    let parts: Vec<String> = arm
                        .payload
                        .iter()
                        .map(|field| format!("{}: {}", field.name, self.ty(field.ty)))
                        .collect();
                    let payload = if parts.is_empty() {
                        String::new()
                    } else {
                        format!("({})", parts.join(", "))
                    };
                    let number = if arm.number == at as i64 {
                        String::new()
                    } else {
                        format!(" = {}", arm.number)
                    };
                    let text = format!("\n    {}{payload}{number}", arm.name);
                    self.push(&text);
                }
            }
        }
        self.push("\n}\n\n");
    }

    fn proc(&mut self, proc: &'p Proc) {
        self.body = Some(&proc.body);
        let word = if proc.kind == ProcKind::Sync { "proc" } else { "async proc" };
        let head = format!("{word} {}{}(", proc.name, generics(&proc.generics));
        self.push(&head);
        for at in 0..proc.body.n_params {
            if at > 0 {
                self.push(", ");
            }
            self.declared(LocalId(at));
        }
        let result = self.ty(proc.result);
        let result = match proc.kind {
            ProcKind::Stream => format!(") -> stream[{result}] = "),
            _ => format!(") -> {result} = "),
        };
        self.push(&result);
        self.expr(&proc.body.value);
        self.push("\n\n");
    }

    fn local(&mut self, local: LocalId) {
        let name = self.body.map_or("", |body| body.locals[local.0 as usize].name.as_str());
        let text = format!("%{} {name}", local.0);
        self.push(text.trim_end());
    }

    /// A local where it is declared.
    fn declared(&mut self, local: LocalId) {
        self.local(local);
        let Some(info) = self.body.map(|body| &body.locals[local.0 as usize]) else { return };
        let mut text = format!(": {}", self.ty(info.ty));
        if info.assigned {
            text.push_str(" assigned");
        }
        if info.referenced {
            text.push_str(" referenced");
        }
        match &info.future_of {
            Some(super::hir::FutureOf::Proc(callee)) => {
                text.push_str(" of ");
                text.push_str(&self.callee(callee));
            }
            Some(super::hir::FutureOf::Op(op)) => {
                let _ = write!(text, " of {op:?}");
            }
            None => {}
        }
        self.push(&text);
    }

    fn callee(&self, callee: &Callee) -> String {
        let name = &self.program.procs[callee.proc.0 as usize].name;
        let args: Vec<String> = callee.type_args.iter().map(|ty| self.ty(*ty)).collect();
        format!("{name}{}", generics(&args))
    }

    fn list(&mut self, open: &str, list: &[Expr], close: &str) {
        self.push(open);
        for (at, expr) in list.iter().enumerate() {
            if at > 0 {
                self.push(", ");
            }
            self.expr(expr);
        }
        self.push(close);
    }

    fn block(&mut self, block: &Block) {
        if block.stmts.is_empty() && block.value.is_none() {
            self.push("{}");
            return;
        }
        self.push("{");
        self.depth += 1;
        for stmt in &block.stmts {
            self.line();
            match &stmt.kind {
                StmtKind::Let { local, init } => {
                    self.push("let ");
                    self.declared(*local);
                    self.push(" = ");
                    self.expr(init);
                }
                StmtKind::LetPattern { pattern, init } => {
                    self.push("let ");
                    self.pattern(pattern);
                    self.push(" = ");
                    self.expr(init);
                }
                StmtKind::Expr(expr) => self.expr(expr),
                StmtKind::Defer(block) => {
                    self.push("defer ");
                    self.block(block);
                }
            }
            self.push(";");
        }
        if let Some(value) = &block.value {
            self.line();
            self.expr(value);
        }
        self.depth -= 1;
        self.line();
        self.push("}");
    }

    fn place(&mut self, place: &Place) {
        match &place.base {
            PlaceBase::Local(local) => self.local(*local),
            PlaceBase::Static(id) => {
                let name = self.program.statics[id.0 as usize].name.as_str();
                let text = format!("static {name}");
                self.push(&text);
            }
            PlaceBase::Temp(base) => {
                self.push("(");
                self.expr(base);
                self.push(")");
            }
        }
        for step in &place.path {
            match &step.kind {
                ProjectionKind::Field(at) => {
                    let text = format!(".f{}", at.0);
                    self.push(&text);
                }
                ProjectionKind::TupleField(at) => {
                    let text = format!(".{at}");
                    self.push(&text);
                }
                ProjectionKind::Index(index) => {
                    self.push("[");
                    self.expr(index);
                    self.push("]");
                }
                ProjectionKind::Deref => self.push(".*"),
            }
        }
    }

    fn variant(&self, ty: TyId, variant: VariantIdx) -> String {
        match self.program.types.kind(ty) {
            TyKind::Option(_) => ["None", "Some"][variant.0 as usize % 2].to_owned(),
            TyKind::Result(..) => ["Ok", "Err"][variant.0 as usize % 2].to_owned(),
            TyKind::Adt(adt, _) => {
                let info = &self.program.adts[adt.0 as usize];
                let arm = match &info.kind {
                    AdtKind::Pick(arms) => {
                        arms.get(variant.0 as usize).map(|arm| arm.name.as_str())
                    }
                    AdtKind::Form(_) => None,
                };
                format!("{}.{}", info.name, arm.unwrap_or("?"))
            }
            _ => format!("arm{}", variant.0),
        }
    }

    fn patterns(&mut self, open: &str, list: &[Pattern], between: &str, close: &str) {
        self.push(open);
        for (at, part) in list.iter().enumerate() {
            if at > 0 {
                self.push(between);
            }
            self.pattern(part);
        }
        self.push(close);
    }

    fn pattern(&mut self, pattern: &Pattern) {
        match &pattern.kind {
            PatternKind::Wildcard => self.push("_"),
            PatternKind::Bind(local) => self.declared(*local),
            PatternKind::Const(value) => self.push(&constant(value)),
            PatternKind::Range { lo, hi } => {
                let text = format!("{}..={}", constant(lo), constant(hi));
                self.push(&text);
            }
            PatternKind::Variant { variant, payload } => {
                let name = self.variant(pattern.ty, *variant);
                self.push(&name);
                if !payload.is_empty() {
                    self.patterns("(", payload, ", ", ")");
                }
            }
            PatternKind::Form(fields) => {
                self.push("{ ");
                for (FieldIdx(at), part) in fields {
                    let text = format!("f{at}: ");
                    self.push(&text);
                    self.pattern(part);
                    self.push(", ");
                }
                self.push(".. }");
            }
            PatternKind::Tuple(parts) => self.patterns("(", parts, ", ", ")"),
            PatternKind::List { elements, rest } => {
                let (before, after) =
                    elements.split_at(rest.map_or(elements.len(), |rest| rest.before));
                self.patterns("[", before, ", ", "");
                if let Some(rest) = rest {
                    self.push(if before.is_empty() { ".." } else { ", .." });
                    if let Some(local) = rest.local {
                        self.declared(local);
                    }
                }
                if !after.is_empty() {
                    self.patterns(", ", after, ", ", "");
                }
                self.push("]");
            }
            PatternKind::Or(parts) => self.patterns("", parts, " | ", ""),
        }
    }

    fn awaitable(&mut self, awaitable: &Awaitable) {
        match &awaitable.kind {
            AwaitableKind::Call(call) => {
                let name = self.callee(&call.callee);
                self.push(&name);
                self.list("(", &call.args, ")");
            }
            AwaitableKind::CallValue { callee, args } => {
                self.push("boxed ");
                self.expr(callee);
                self.list("(", args, ")");
            }
            AwaitableKind::Op { op, args } => {
                let name = format!("op {op:?}");
                self.push(&name);
                self.list("(", args, ")");
            }
            AwaitableKind::Future(value) => {
                self.push("future ");
                self.expr(value);
            }
            AwaitableKind::Task(value) => {
                self.push("task ");
                self.expr(value);
            }
            AwaitableKind::Join(branches) => {
                self.push("join (");
                for (at, branch) in branches.iter().enumerate() {
                    if at > 0 {
                        self.push(", ");
                    }
                    self.awaitable(branch);
                }
                self.push(")");
            }
            AwaitableKind::Timeout { ms, of } => {
                self.push("timeout(");
                self.expr(ms);
                self.push(", ");
                self.awaitable(of);
                self.push(")");
            }
        }
    }

    fn with(&mut self, word: &str, inner: &Expr) {
        self.push(word);
        self.push("(");
        self.expr(inner);
        self.push(")");
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Const(value) => {
                self.push(&constant(value));
                if let (Const::Int(_) | Const::Float(_), false) =
                    (value, matches!(expr.ty, TyId::INT | TyId::F64))
                {
                    let ty = format!("_{}", self.ty(expr.ty));
                    self.push(&ty);
                }
            }
            ExprKind::Load { place, mode } => {
                if *mode == LoadMode::Move {
                    self.push("move ");
                }
                self.place(place);
            }
            ExprKind::Ref(place) => {
                self.push("&");
                self.place(place);
            }
            ExprKind::Assign { place, value } => {
                self.place(place);
                self.push(" = ");
                self.expr(value);
            }
            ExprKind::Update { place, op, value, .. } => {
                self.place(place);
                let op = format!(" {}= ", op.text());
                self.push(&op);
                self.expr(value);
            }
            ExprKind::Append { place, what } => {
                self.push("append ");
                self.place(place);
                match what {
                    Appended::Elements(items) => self.list(" [", items, "]"),
                    Appended::All(value) => {
                        self.push(" all ");
                        self.expr(value);
                    }
                }
            }
            ExprKind::Binary { op, overflow, lhs, rhs } => {
                self.push("(");
                self.expr(lhs);
                let wrap = if *overflow == Overflow::Wrapping { "wrapping" } else { "" };
                let op = format!(" {wrap}{} ", op.text());
                self.push(&op);
                self.expr(rhs);
                self.push(")");
            }
            ExprKind::Unary { op, expr, .. } => {
                let word = match op {
                    UnOp::Neg => "neg",
                    UnOp::Not => "not",
                    UnOp::BitNot => "bitnot",
                };
                self.with(word, expr);
            }
            ExprKind::Cast(inner) => {
                self.with("cast", inner);
                let ty = format!(" as {}", self.ty(expr.ty));
                self.push(&ty);
            }
            ExprKind::Call(call) => {
                let name = self.callee(&call.callee);
                self.push(&name);
                self.list("(", &call.args, ")");
            }
            ExprKind::CallValue { callee, args } => {
                self.with("call", callee);
                self.list("(", args, ")");
            }
            ExprKind::Builtin { op, args } => {
                let name = format!("@{op:?}");
                self.push(&name);
                self.list("(", args, ")");
            }
            ExprKind::ProcValue(callee) => {
                let name = format!("proc {}", self.callee(callee));
                self.push(&name);
            }
            ExprKind::Future(awaitable) => {
                self.push("cold ");
                self.awaitable(awaitable);
            }
            ExprKind::Await(awaitable) => {
                self.push("await ");
                self.awaitable(awaitable);
            }
            ExprKind::Spawn { what, parent } => {
                match parent {
                    SpawnParent::Task => self.push("spawn "),
                    SpawnParent::Detached => self.push("spawn detached "),
                    SpawnParent::Scope(scope) => {
                        self.with("spawn in ", scope);
                        self.push(" ");
                    }
                }
                self.awaitable(what);
            }
            ExprKind::Emit(inner) => self.with("emit ", inner),
            ExprKind::Some(inner) => self.with("Some", inner),
            ExprKind::None => self.push("None"),
            ExprKind::Ok(inner) => self.with("Ok", inner),
            ExprKind::Err(inner) => self.with("Err", inner),
            ExprKind::Tuple(elems) => self.list("(", elems, ")"),
            ExprKind::List(elems) => self.list("[", elems, "]"),
            ExprKind::Repeat { value, n } => {
                self.push("[");
                self.expr(value);
                self.push("; ");
                self.expr(n);
                self.push("]");
            }
            ExprKind::Form { fields, base } => {
                let name = format!("{} {{ ", self.ty(expr.ty));
                self.push(&name);
                for (at, (field, value)) in fields.iter().enumerate() {
                    let text = format!("{}f{}: ", if at > 0 { ", " } else { "" }, field.0);
                    self.push(&text);
                    self.expr(value);
                }
                if let Some(base) = base {
                    self.push(", ..");
                    self.expr(base);
                }
                self.push(" }");
            }
            ExprKind::Variant { variant, args } => {
                let name = self.variant(expr.ty, *variant);
                self.push(&name);
                if !args.is_empty() {
                    self.list("(", args, ")");
                }
            }
            _ => self.control(expr),
        }
    }

    fn control(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Block(block) => self.block(block),
            ExprKind::Critical(block) => {
                self.push("critical ");
                self.block(block);
            }
            ExprKind::If { cond, then, otherwise } => {
                self.push("if ");
                self.expr(cond);
                self.push(" then ");
                self.expr(then);
                if let Some(otherwise) = otherwise {
                    self.push(" else ");
                    self.expr(otherwise);
                }
            }
            ExprKind::Match { scrutinee, arms, source } => {
                let word = format!("{source:?} ").to_lowercase();
                self.push(&word);
                self.expr(scrutinee);
                self.push(" {");
                self.depth += 1;
                for arm in arms {
                    self.line();
                    self.pattern(&arm.pattern);
                    if let Some(guard) = &arm.guard {
                        self.push(" if ");
                        self.expr(guard);
                    }
                    self.push(" => ");
                    self.expr(&arm.body);
                }
                self.depth -= 1;
                self.line();
                self.push("}");
            }
            ExprKind::Loop { id, cond, body, step } => {
                let word = format!("loop{} ", id.0);
                self.push(&word);
                if let Some(cond) = cond {
                    self.push("while ");
                    self.expr(cond);
                    self.push(" ");
                }
                self.block(body);
                if let Some(step) = step {
                    self.push(" step ");
                    self.expr(step);
                }
            }
            ExprKind::ForRange { id, pattern, lo, hi, inclusive, body } => {
                let word = format!("loop{} for ", id.0);
                self.push(&word);
                self.pattern(pattern);
                self.push(" in ");
                self.expr(lo);
                self.push(if *inclusive { "..=" } else { ".." });
                self.expr(hi);
                self.push(" ");
                self.block(body);
            }
            ExprKind::ForList { id, pattern, list: source, body }
            | ExprKind::ForStream { id, pattern, stream: source, body }
            | ExprKind::ForChannel { id, pattern, channel: source, body } => {
                let word = match &expr.kind {
                    ExprKind::ForList { .. } => "",
                    ExprKind::ForStream { .. } => "await stream ",
                    _ => "await channel ",
                };
                let word = format!("loop{} for {word}", id.0);
                self.push(&word);
                self.pattern(pattern);
                self.push(" in ");
                self.expr(source);
                self.push(" ");
                self.block(body);
            }
            ExprKind::Select { arms, otherwise } => {
                self.push("select {");
                self.depth += 1;
                for arm in arms {
                    self.line();
                    self.awaitable(&arm.awaitable);
                    self.push(" -> ");
                    self.pattern(&arm.pattern);
                    self.push(" => ");
                    self.expr(&arm.body);
                }
                if let Some(otherwise) = otherwise {
                    self.line();
                    self.push("else => ");
                    self.expr(otherwise);
                }
                self.depth -= 1;
                self.line();
                self.push("}");
            }
            ExprKind::WithScope { local, body } => {
                self.push("scope ");
                self.declared(*local);
                self.push(" ");
                self.block(body);
            }
            ExprKind::Give(value) => {
                self.push("give");
                if let Some(value) = value {
                    self.push(" ");
                    self.expr(value);
                }
            }
            ExprKind::Break { target, value } => {
                let word = format!("break loop{}", target.0);
                self.push(&word);
                if let Some(value) = value {
                    self.push(" ");
                    self.expr(value);
                }
            }
            ExprKind::Continue(target) => {
                let word = format!("continue loop{}", target.0);
                self.push(&word);
            }
            ExprKind::Panic { message, reason } => {
                let word = format!("{reason:?}").to_lowercase();
                self.with(&word, message);
            }
            _ => {}
        }
    }
}
