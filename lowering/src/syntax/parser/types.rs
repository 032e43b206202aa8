//! Types.

use super::super::ast::{
    Expr, ExprKind, Ident, Literal as Lit, Path, TypeExpr, TypeKind, TypeParam, UnaryOp,
};
use super::{Context, LOOK_DEEPER, MAX_DEPTH, Parsed, Parser, TokenKind::*};

/// Words that qualify the type after them.
const QUALIFIERS: [&str; 12] = [
    "const", "volatile", "atomic", "mut", "owned", "borrow", "user", "kernel", "phys", "mmio",
    "dma", "raw",
];

impl Parser<'_> {
    /// Reads a type; lines do not matter after its first token where brackets are open.
    pub(super) fn ty(&mut self) -> Parsed<TypeExpr> {
        let lo = self.lo();
        let first = self.ty_prefix()?;
        if !self.is(Pipe) || self.context.head {
            return Ok(first);
        }
        let mut members = vec![first];
        while self.eat(Pipe) {
            members.push(self.ty_prefix()?);
        }
        Ok(self.ty_node(lo, TypeKind::Union(members)))
    }

    fn ty_node(&mut self, lo: u32, kind: TypeKind) -> TypeExpr {
        TypeExpr { id: self.id(), span: self.span_from(lo), kind }
    }

    /// Stands in for a type that could not be read.
    pub(super) fn ty_error(&mut self) -> TypeExpr {
        TypeExpr { id: self.id(), span: self.span().start(), kind: TypeKind::Error }
    }

    /// Reads a type without alternatives: in `e as T | f` the `|` is an operator.
    pub(super) fn ty_prefix(&mut self) -> Parsed<TypeExpr> {
        self.deeper(Self::ty_atom)
    }

    fn ty_atom(&mut self) -> Parsed<TypeExpr> {
        let lo = self.lo();
        let kind = match self.kind() {
            Question => {
                self.bump();
                TypeKind::Optional(Box::new(self.ty_prefix()?))
            }
            QuestionQuestion => {
                self.bump();
                let inner_lo = lo + 1;
                let target = self.ty_prefix()?;
                let inner = self.ty_node(inner_lo, TypeKind::Optional(Box::new(target)));
                TypeKind::Optional(Box::new(inner))
            }
            LBracket => return self.ty_brackets(lo),
            LParen => {
                let mut single = false;
                let mut elements = self.list(RParen, |p| {
                    let ty = p.ty();
                    single = !p.is(Comma);
                    ty
                })?;
                if single && elements.len() == 1 {
                    return Ok(elements.remove(0));
                }
                TypeKind::Tuple(elements)
            }
            Amp | AmpAmp => {
                let double = self.bump().kind == AmpAmp;
                let inner = self.ty_ref()?;
                if double {
                    let inner = self.ty_node(lo + 1, inner);
                    TypeKind::Ref { mutable: false, lifetime: None, target: Box::new(inner) }
                } else {
                    inner
                }
            }
            Star => {
                self.bump();
                let qualified = matches!(self.word(), "const" | "mut" | "volatile");
                let qualifier = if qualified { Some(self.name("a qualifier")?) } else { None };
                TypeKind::Pointer { qualifier, target: Box::new(self.ty_prefix()?) }
            }
            Literal | Minus => TypeKind::Const(Box::new(self.const_arg()?)),
            Word => return self.ty_word(lo),
            _ => return Err(self.expected_type()),
        };
        Ok(self.ty_node(lo, kind))
    }

    fn expected_type(&mut self) -> super::Failed {
        self.expected(
            "PARSE_E_EXPECTED_TYPE",
            "a type",
            "types are `int`, `[T]`, `?T`, `(A, B)`, `Task[T]`, `proc(A) -> B`, …",
        )
    }

    fn ty_ref(&mut self) -> Parsed<TypeKind> {
        let lifetime = if self.is(Lifetime) {
            let token = self.bump();
            Some(Ident { name: self.text_of(token)[1..].to_owned(), span: self.span_of(token) })
        } else {
            None
        };
        let mutable = self.eat_word("mut");
        Ok(TypeKind::Ref { mutable, lifetime, target: Box::new(self.ty_prefix()?) })
    }

    /// `[T]`, `[T; N]`.
    fn ty_brackets(&mut self, lo: u32) -> Parsed<TypeExpr> {
        let open = self.at;
        self.bump();
        let kind = self.bracketed(|p| {
            let element = Box::new(p.ty()?);
            let kind = if p.eat(Semi) {
                TypeKind::Array { element, len: Box::new(p.array_len()?) }
            } else {
                TypeKind::List(element)
            };
            p.expect_closer(RBracket, open)?;
            Ok(kind)
        })?;
        Ok(self.ty_node(lo, kind))
    }

    /// The length of an array. While looking ahead only the simplest forms are read, so that
    /// looking ahead never nests.
    fn array_len(&mut self) -> Parsed<Expr> {
        if self.muted { self.const_arg() } else { self.expr() }
    }

    /// A literal, a negative literal, or a name.
    fn const_arg(&mut self) -> Parsed<Expr> {
        let lo = self.lo();
        if self.is(Minus) {
            let op_span = self.span_of(self.token());
            self.bump();
            let expr = Box::new(self.const_arg_atom()?);
            return Ok(self.node(lo, ExprKind::Unary { op: UnaryOp::Neg, op_span, expr }));
        }
        self.const_arg_atom()
    }

    fn const_arg_atom(&mut self) -> Parsed<Expr> {
        let lo = self.lo();
        let kind = if self.is(Literal) {
            ExprKind::Literal(self.literal())
        } else {
            ExprKind::Name(self.name("a name or a number")?)
        };
        Ok(self.node(lo, kind))
    }

    /// The value of the literal at the cursor, which is read.
    pub(super) fn literal(&mut self) -> Lit {
        let token = self.bump();
        self.lexed.literals.get(token.payload as usize).cloned().unwrap_or(Lit::Null)
    }

    fn ty_word(&mut self, lo: u32) -> Parsed<TypeExpr> {
        let begins_type = |p: &Self| {
            matches!(p.nth(1), Word | LBracket | LParen | Amp | Star | Question)
                && !p.on_new_line(1)
        };
        let kind = match self.word() {
            "_" => {
                self.bump();
                TypeKind::Infer
            }
            "proc" if self.nth(1) == LParen => return self.ty_proc(lo, false),
            "async" if self.nth_word(1) == "proc" => {
                self.bump();
                return self.ty_proc(lo, true);
            }
            "ref" if begins_type(self) => {
                self.bump();
                self.ty_ref()?
            }
            "dyn" | "impl" if self.nth(1) == Word && !self.on_new_line(1) => {
                let is_dyn = self.at_word("dyn");
                self.bump();
                TypeKind::Bounds { is_dyn, bounds: self.trait_bounds()? }
            }
            word if QUALIFIERS.contains(&word)
                && matches!(self.nth(1), Word | Amp | Star | Question)
                && !self.on_new_line(1) =>
            {
                let qualifier = self.name("a qualifier")?;
                TypeKind::Qualified { qualifier, target: Box::new(self.ty_prefix()?) }
            }
            _ => return self.ty_named(lo),
        };
        Ok(self.ty_node(lo, kind))
    }

    /// `A + B`.
    pub(super) fn trait_bounds(&mut self) -> Parsed<Vec<TypeExpr>> {
        let mut bounds = vec![self.ty_prefix()?];
        while self.eat(Plus) {
            bounds.push(self.ty_prefix()?);
        }
        Ok(bounds)
    }

    fn ty_proc(&mut self, lo: u32, is_async: bool) -> Parsed<TypeExpr> {
        self.bump();
        if !self.is(LParen) {
            return Err(self.expected("PARSE_E_EXPECTED_TOKEN", "`(`", "write `proc(A) -> B`"));
        }
        let params = self.list(RParen, Self::type_param)?;
        let result = if self.eat(Arrow) { Some(Box::new(self.ty_prefix()?)) } else { None };
        Ok(self.ty_node(lo, TypeKind::Proc { is_async, params, result }))
    }

    /// `A` or `a: A`.
    pub(super) fn type_param(&mut self) -> Parsed<TypeParam> {
        let name = if self.is(Word) && self.nth(1) == Colon {
            let name = self.name("a name")?;
            self.bump();
            Some(name)
        } else {
            None
        };
        Ok(TypeParam { name, ty: self.ty()? })
    }

    fn ty_named(&mut self, lo: u32) -> Parsed<TypeExpr> {
        let mut path = Path { n_dots: 0, segments: vec![self.name("a type")?], span: self.span() };
        while matches!(self.kind(), Dot | ColonColon | Slash)
            && self.is_joint(0)
            && self.is_joint(1)
            && self.nth(1) == Word
        {
            self.bump();
            path.segments.push(self.name("a type")?);
        }
        path.span = self.span_from(lo);
        let args = self.type_args()?;
        Ok(self.ty_node(lo, TypeKind::Named { path, args }))
    }

    /// `[A, B]` or `<A, B>` directly behind a name; nothing otherwise.
    fn type_args(&mut self) -> Parsed<Vec<TypeExpr>> {
        match self.kind() {
            LBracket if self.is_joint(0) => self.list(RBracket, Self::ty),
            // `x as int < y` compares; arguments stand close to the name.
            Lt if self.is_joint(0) && self.muted => self.angle_args(),
            Lt if self.is_joint(0) => Ok(self.attempt(Self::angle_args).unwrap_or_default()),
            Lt if !self.context.head && self.context.lines && !self.muted => {
                Ok(self.attempt(Self::angle_args).unwrap_or_default())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// `<A, B>`.
    pub(super) fn angle_args(&mut self) -> Parsed<Vec<TypeExpr>> {
        // Unclosed `<` would be looked through once a level, from each level.
        let depth = self.depth;
        self.depth = depth.max(MAX_DEPTH.saturating_sub(LOOK_DEEPER));
        let args = self.angle_args_inside();
        self.depth = depth;
        args
    }

    fn angle_args_inside(&mut self) -> Parsed<Vec<TypeExpr>> {
        self.expect(Lt, "")?;
        let context = Context { head: false, lines: false };
        self.within(context, |p| {
            let mut args = Vec::new();
            while !p.is(Gt) {
                args.push(p.ty()?);
                if !p.eat(Comma) {
                    break;
                }
            }
            p.expect(Gt, "")?;
            Ok(args)
        })
    }
}
