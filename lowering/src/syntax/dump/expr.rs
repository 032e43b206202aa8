//! Expressions, patterns and types.

use super::super::ast::{
    Arg, Arm, BinaryOp, ElseArm, Expr, ExprKind, Literal, MatchStyle, Pattern, PatternKind,
    TryForm, TypeExpr, TypeKind, TypeParam,
};
use super::stmt::block;
use super::{Build, Node, atom, ident, node, path, quoted};

pub(super) fn expr(e: &Expr) -> Node {
    match &e.kind {
        ExprKind::Literal(value) => literal(value),
        ExprKind::Name(name) => atom(ident(name)),
        ExprKind::Path(found) => node("::").with(path(found)).end(),
        ExprKind::Instantiate { base, args, index } => {
            let index = index.as_ref().map(|i| node("or-index").with(expr(i)).end());
            node("instantiate").with(expr(base)).all(args.iter().map(ty)).maybe(index).end()
        }
        ExprKind::Call { callee, args } => {
            node("call").with(expr(callee)).all(args.iter().map(arg)).end()
        }
        ExprKind::Field { base, name } => node(".").with(expr(base)).name(name).end(),
        ExprKind::TupleField { base, index, .. } => {
            node(".").with(expr(base)).word(index.to_string()).end()
        }
        ExprKind::Index { base, index } => node("index").with(expr(base)).with(expr(index)).end(),
        ExprKind::Slice { base, lo, hi, step } => node("slice")
            .with(expr(base))
            .with(or_blank(lo.as_deref()))
            .with(or_blank(hi.as_deref()))
            .maybe(step.as_deref().map(expr))
            .end(),
        ExprKind::Try { expr: inner, form } => {
            let head = if *form == TryForm::Postfix { "?" } else { "try" };
            node(head).with(expr(inner)).end()
        }
        ExprKind::Await { expr: inner, .. } => node("await").with(expr(inner)).end(),
        ExprKind::Spawn { expr: inner, .. } => node("spawn").with(expr(inner)).end(),
        ExprKind::Move(inner) => node("move").with(expr(inner)).end(),
        ExprKind::Unary { op, expr: inner, .. } => node(op.text()).with(expr(inner)).end(),
        ExprKind::Binary { op, lhs, rhs, .. } => {
            node(op.text()).with(expr(lhs)).with(expr(rhs)).end()
        }
        ExprKind::Assign { place, op, value } => {
            assignment("assign", *op).with(expr(place)).with(expr(value)).end()
        }
        ExprKind::Ternary { cond, then, otherwise } => {
            node("?:").with(expr(cond)).with(expr(then)).with(expr(otherwise)).end()
        }
        ExprKind::Range { lo, hi, inclusive } => node(if *inclusive { "..=" } else { ".." })
            .with(or_blank(lo.as_deref()))
            .with(or_blank(hi.as_deref()))
            .end(),
        ExprKind::Cast { expr: inner, ty: to } => node("as").with(expr(inner)).with(ty(to)).end(),
        ExprKind::Is { expr: inner, pattern: p, negated } => {
            node(if *negated { "is-not" } else { "is" }).with(expr(inner)).with(pattern(p)).end()
        }
        _ => composite(e),
    }
}

// The kinds are spread over three procedures because the tree is walked by recursion: the frame
// of one with all of them is several times larger.

fn composite(e: &Expr) -> Node {
    match &e.kind {
        ExprKind::Tuple(elements) => node("tuple").all(elements.iter().map(expr)).end(),
        ExprKind::List(elements) => node("list").all(elements.iter().map(expr)).end(),
        ExprKind::Repeat { value, len } => node("repeat").with(expr(value)).with(expr(len)).end(),
        ExprKind::ListComp { element, pattern: p, iter, cond } => node("list-for")
            .with(expr(element))
            .with(pattern(p))
            .with(expr(iter))
            .maybe(cond.as_deref().map(|c| node("if").with(expr(c)).end()))
            .end(),
        ExprKind::Map(entries) => node("map")
            .all(entries.iter().map(|e| node(":").with(expr(&e.key)).with(expr(&e.value)).end()))
            .end(),
        ExprKind::SetLiteral(elements) => node("set-of").all(elements.iter().map(expr)).end(),
        ExprKind::FormLiteral { head, fields, rest } => node("form-of")
            .with(expr(head))
            .all(fields.iter().map(|f| node(":").name(&f.name).with(expr(&f.value)).end()))
            .maybe(rest.as_deref().map(|r| node("..").with(expr(r)).end()))
            .end(),
        _ => control(e),
    }
}

fn control(e: &Expr) -> Node {
    match &e.kind {
        ExprKind::If(found) => {
            let branch = |(cond, body): &(Expr, _)| [expr(cond), block(body)];
            node("if")
                .all(found.branches.iter().flat_map(branch))
                .maybe(found.otherwise.as_ref().map(|b| node("else").with(block(b)).end()))
                .end()
        }
        ExprKind::Match { scrutinee, arms, style } => {
            node(if *style == MatchStyle::Pick { "pick" } else { "match" })
                .with(expr(scrutinee))
                .all(arms.iter().map(arm))
                .end()
        }
        ExprKind::Select(found) => {
            let arms = found.arms.iter().map(|a| {
                node("when")
                    .maybe(a.pattern.as_ref().map(|p| node("=").with(pattern(p)).end()))
                    .with(expr(&a.operation))
                    .with(block(&a.body))
                    .end()
            });
            node("select").all(arms).maybe(found.otherwise.as_ref().map(else_arm)).end()
        }
        ExprKind::Switch { scrutinee, arms, otherwise } => {
            let arms = arms.iter().map(|a| {
                node("when")
                    .with(pattern(&a.pattern))
                    .maybe(a.guard.as_ref().map(guard))
                    .with(block(&a.body))
                    .end()
            });
            node("switch")
                .with(expr(scrutinee))
                .all(arms)
                .maybe(otherwise.as_ref().map(else_arm))
                .end()
        }
        ExprKind::Loop(body) => node("loop").with(block(body)).end(),
        ExprKind::Block(body) => block(body),
        ExprKind::Unsafe(body) => node("unsafe").with(block(body)).end(),
        ExprKind::Critical(body) => node("critical").with(block(body)).end(),
        ExprKind::Proc(found) => super::item::procedure(found),
        ExprKind::Closure(found) => node("closure")
            .all(found.params.iter().map(super::item::param))
            .with(expr(&found.body))
            .end(),
        ExprKind::TypeQuery { name, ty: of } => node("query").name(name).with(ty(of)).end(),
        _ => atom("<error>"),
    }
}

fn or_blank(e: Option<&Expr>) -> Node {
    e.map_or_else(|| atom("_"), expr)
}

/// `(set …)`, or `(set += …)` for a compound assignment.
pub(super) fn assignment(head: &str, op: Option<BinaryOp>) -> Build {
    match op {
        Some(op) => node(head).word(format!("{}=", op.text())),
        None => node(head),
    }
}

fn literal(value: &Literal) -> Node {
    let suffixed =
        |text: String, suffix: &Option<String>| atom(text + suffix.as_deref().unwrap_or_default());
    match value {
        Literal::Int { value, suffix } => suffixed(value.to_string(), suffix),
        Literal::Float { value, suffix } => suffixed(format!("{value:?}"), suffix),
        Literal::Str(text) => quoted(text),
        Literal::Bytes(bytes) => atom(format!("b\"{}\"", bytes.escape_ascii())),
        Literal::Char(c) => atom(format!("{c:?}")),
        Literal::Bool(value) => atom(value.to_string()),
        Literal::Null => atom("null"),
        Literal::Unit => atom("()"),
    }
}

fn arg(a: &Arg) -> Node {
    match &a.name {
        Some(name) => node(":").name(name).with(expr(&a.value)).end(),
        None => expr(&a.value),
    }
}

fn guard(e: &Expr) -> Node {
    node("if").with(expr(e)).end()
}

fn arm(a: &Arm) -> Node {
    match &a.pattern {
        Some(p) => node("case")
            .with(pattern(p))
            .maybe(a.guard.as_ref().map(guard))
            .with(block(&a.body))
            .end(),
        None => node("else").with(block(&a.body)).end(),
    }
}

fn else_arm(a: &ElseArm) -> Node {
    node("else").with(block(&a.body)).end()
}

pub(super) fn pattern(p: &Pattern) -> Node {
    match &p.kind {
        PatternKind::Wildcard => atom("_"),
        PatternKind::Bind { name, mutable, by_ref } => {
            if !(*mutable || *by_ref) {
                return atom(ident(name));
            }
            node("bind").flag(*by_ref, "ref").flag(*mutable, "mut").name(name).end()
        }
        PatternKind::Literal(e) => expr(e),
        PatternKind::Range { lo, hi, inclusive } => {
            node(if *inclusive { "..=" } else { ".." }).with(expr(lo)).with(expr(hi)).end()
        }
        PatternKind::Arm { path: head, payload } => {
            let build = node("arm").with(path(head));
            match payload {
                Some(payload) => {
                    build.with(node("payload").all(payload.iter().map(pattern)).end()).end()
                }
                None => build.end(),
            }
        }
        PatternKind::Form { path: head, fields, open } => node("form")
            .with(path(head))
            .all(fields.iter().map(|f| node(":").name(&f.name).with(pattern(&f.pattern)).end()))
            .flag(*open, "..")
            .end(),
        PatternKind::Tuple(elements) => node("tuple").all(elements.iter().map(pattern)).end(),
        PatternKind::List { elements, rest, after } => {
            let rest = rest.as_ref().map(|bound| {
                bound.as_ref().map_or_else(|| atom(".."), |name| node("..").name(name).end())
            });
            node("list")
                .all(elements.iter().map(pattern))
                .maybe(rest)
                .all(after.iter().map(pattern))
                .end()
        }
        PatternKind::Or(alternatives) => node("|").all(alternatives.iter().map(pattern)).end(),
        PatternKind::Error => atom("<error>"),
    }
}

pub(super) fn ty(t: &TypeExpr) -> Node {
    match &t.kind {
        TypeKind::Named { path: name, args } if args.is_empty() => path(name),
        TypeKind::Named { path: name, args } => {
            node("of").with(path(name)).all(args.iter().map(ty)).end()
        }
        TypeKind::Optional(inner) => node("?").with(ty(inner)).end(),
        TypeKind::List(element) => node("list").with(ty(element)).end(),
        TypeKind::Array { element, len } => node("array").with(ty(element)).with(expr(len)).end(),
        TypeKind::Tuple(elements) => node("tuple").all(elements.iter().map(ty)).end(),
        TypeKind::Proc { is_async, params, result } => node("proc")
            .flag(*is_async, "async")
            .all(params.iter().map(type_param))
            .maybe(result.as_deref().map(|r| node("->").with(ty(r)).end()))
            .end(),
        TypeKind::Ref { mutable, lifetime, target } => node("&")
            .maybe(lifetime.as_ref().map(|l| atom(format!("'{}", l.name))))
            .flag(*mutable, "mut")
            .with(ty(target))
            .end(),
        TypeKind::Pointer { qualifier, target } => {
            node("*").maybe(qualifier.as_ref().map(|q| atom(ident(q)))).with(ty(target)).end()
        }
        TypeKind::Qualified { qualifier, target } => {
            node("qualified").name(qualifier).with(ty(target)).end()
        }
        TypeKind::Bounds { is_dyn, bounds } => {
            node(if *is_dyn { "dyn" } else { "impl" }).all(bounds.iter().map(ty)).end()
        }
        TypeKind::Union(members) => node("|").all(members.iter().map(ty)).end(),
        TypeKind::Infer => atom("_"),
        TypeKind::Const(e) => expr(e),
        TypeKind::Error => atom("<error>"),
    }
}

pub(super) fn type_param(p: &TypeParam) -> Node {
    match &p.name {
        Some(name) => node(":").name(name).with(ty(&p.ty)).end(),
        None => ty(&p.ty),
    }
}
