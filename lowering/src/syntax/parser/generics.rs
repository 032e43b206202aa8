//! Signatures: generic parameters, bounds, parameters, and the rest of a procedure.

use super::super::ast::{
    Expr, ExprKind, GenericParam, GenericParamKind, Ident, Modifiers, NodeId, Param, ParamMode,
    Path, Pattern, PatternKind, Proc, Receiver, TypeExpr, TypeKind, WhereBound,
};
use super::{Failed, Parsed, Parser, TokenKind, TokenKind::*};

impl Parser<'_> {
    /// `[T, U: A]` or `<T, U: A>`; nothing if neither bracket stands at the cursor.
    pub(super) fn generic_params(&mut self) -> Parsed<Vec<GenericParam>> {
        match self.kind() {
            LBracket => self.list(RBracket, Self::generic_param),
            Lt => {
                self.bump();
                self.bracketed(|p| {
                    let mut params = Vec::new();
                    while !p.is(Gt) {
                        params.push(p.generic_param()?);
                        if !p.eat(Comma) {
                            break;
                        }
                    }
                    p.expect(Gt, "generic parameters are written `[T]` or `<T>`")?;
                    Ok(params)
                })
            }
            _ => Ok(Vec::new()),
        }
    }

    fn generic_param(&mut self) -> Parsed<GenericParam> {
        let lo = self.lo();
        if self.is(Lifetime) {
            let token = self.bump();
            let name =
                Ident { name: self.text_of(token)[1..].to_owned(), span: self.span_of(token) };
            return Ok(GenericParam {
                name,
                kind: GenericParamKind::Lifetime,
                span: self.span_from(lo),
            });
        }
        let is_const = matches!(self.word(), "const" | "comptime") && self.nth(1) == Word;
        if is_const {
            self.bump();
        }
        let name = self.name("a type parameter")?;
        let kind = if is_const {
            self.expect(Colon, "write `const N: int`")?;
            GenericParamKind::Const { ty: self.ty()? }
        } else {
            let bounds = if self.eat(Colon) { self.trait_bounds()? } else { Vec::new() };
            let default = if self.eat(Eq) { Some(self.ty()?) } else { None };
            GenericParamKind::Type { bounds, default }
        };
        Ok(GenericParam { name, kind, span: self.span_from(lo) })
    }

    /// `where T: A, U == V`; nothing if there is no `where`.
    pub(super) fn where_clause(&mut self) -> Parsed<Vec<WhereBound>> {
        let mut bounds = Vec::new();
        if !self.eat_word("where") {
            return Ok(bounds);
        }
        loop {
            bounds.push(self.where_bound()?);
            if !self.eat(Comma) || self.is(LBrace) {
                return Ok(bounds);
            }
        }
    }

    fn where_bound(&mut self) -> Parsed<WhereBound> {
        let subject = self.ty()?;
        if self.eat(Colon) {
            return Ok(WhereBound { subject, bounds: self.trait_bounds()?, equals: None });
        }
        let compares = |kind: TokenKind| matches!(kind, EqEq | BangEq | Lt | LtEq | Gt | Eq);
        if !compares(self.kind()) {
            return Err(self.expected("PARSE_E_EXPECTED_TOKEN", "`:`", "write `where T: Trait`"));
        }
        while compares(self.kind()) {
            self.bump();
        }
        let equals = Some(self.ty()?);
        Ok(WhereBound { subject, bounds: Vec::new(), equals })
    }

    pub(super) fn param_mode(&mut self) -> ParamMode {
        let mode = match self.word() {
            "mut" => ParamMode::Mut,
            "owned" => ParamMode::Owned,
            "borrow" => ParamMode::Borrow,
            "move" => ParamMode::Move,
            "ref" => ParamMode::Ref,
            _ => return ParamMode::Plain,
        };
        if !matches!(self.nth(1), Word | LParen) {
            return ParamMode::Plain;
        }
        self.bump();
        mode
    }

    /// Reads what follows `proc` and the name: generics, parameters, result, clauses, body.
    pub(super) fn proc_rest(
        &mut self,
        lo: u32,
        name: Ident,
        modifiers: Modifiers,
        is_value: bool,
    ) -> Parsed<Proc> {
        let generics = self.generic_params()?;
        if !self.is(LParen) {
            let help = "a procedure is written `proc name(a: int) -> int { … }`";
            return Err(self.expected("PARSE_E_EXPECTED_TOKEN", "`(`", help));
        }
        let mut receiver = None;
        let mut first = true;
        let params = self.list(RParen, |p| {
            if std::mem::take(&mut first) {
                receiver = p.receiver()?;
                if receiver.is_some() {
                    return Ok(None);
                }
            }
            p.param().map(Some)
        })?;
        let params = params.into_iter().flatten().collect();
        let result = if self.eat(Arrow) { Some(self.result_ty()?) } else { None };
        let mut bounds = Vec::new();
        let mut effects = Vec::new();
        loop {
            match self.word() {
                "where" => bounds.extend(self.where_clause()?),
                "effects" | "requires" if self.nth(1) == LParen => {
                    self.bump();
                    effects.extend(self.list(RParen, Self::effect)?.into_iter().flatten());
                }
                "noexcept" => {
                    self.bump();
                }
                _ => break,
            }
        }
        let head = self.span_from(lo);
        let body = if self.is(LBrace) || is_value {
            Some(self.block()?)
        } else if self.is(Semi) || self.line_ended() || matches!(self.kind(), RBrace | Eof) {
            None
        } else {
            let help = "the body is a block: `{ … }`";
            return Err(self.expected("PARSE_E_EXPECTED_BLOCK", "`{`", help));
        };
        Ok(Proc {
            name,
            modifiers,
            generics,
            receiver,
            params,
            result,
            bounds,
            effects,
            body,
            head,
        })
    }

    /// The type after `->`; where it fails, goes on at the body.
    fn result_ty(&mut self) -> Parsed<TypeExpr> {
        match self.ty() {
            Ok(ty) => Ok(ty),
            Err(Failed) if self.muted => Err(Failed),
            Err(Failed) => {
                let id = self.id();
                let span = self.span().start();
                self.skip_to_block();
                Ok(TypeExpr { id, span, kind: TypeKind::Error })
            }
        }
    }

    /// An effect or capability; a condition is read over.
    fn effect(&mut self) -> Parsed<Option<Path>> {
        let effect = self.dotted()?;
        if matches!(self.kind(), Comma | RParen) {
            return Ok(Some(effect));
        }
        self.operators_from(
            effect.span.lo,
            Expr { id: NodeId(0), span: effect.span, kind: ExprKind::Path(effect) },
        )?;
        Ok(None)
    }

    /// `a.b.c`.
    fn dotted(&mut self) -> Parsed<Path> {
        let lo = self.lo();
        let mut segments = vec![self.name("a name")?];
        while self.eat(Dot) {
            segments.push(self.name("a name")?);
        }
        Ok(Path { n_dots: 0, segments, span: self.span_from(lo) })
    }

    /// `self`, `mut self`, `&self`, `&mut self`, `self: T`; nothing if it is another parameter.
    fn receiver(&mut self) -> Parsed<Option<Receiver>> {
        let lo = self.lo();
        let by_ref = usize::from(self.is(Amp) || self.at_word("ref") && self.nth(1) == Word);
        let mutable =
            usize::from(matches!(self.nth_word(by_ref), "mut" | "owned" | "move" | "borrow"));
        if self.nth_word(by_ref + mutable) != "self" {
            return Ok(None);
        }
        let is_mut = mutable == 1 && self.nth_word(by_ref) == "mut";
        for _ in 0..=by_ref + mutable {
            self.bump();
        }
        let ty = if self.eat(Colon) { Some(self.ty()?) } else { None };
        let span = self.span_from(lo);
        Ok(Some(Receiver { by_ref: by_ref == 1, mutable: is_mut, ty, span }))
    }

    /// `a: T`, `owned a: T = e`, `args: ...T`, `...`.
    fn param(&mut self) -> Parsed<Param> {
        let lo = self.lo();
        if self.is(Ellipsis) {
            self.bump();
            let id = self.id();
            let span = self.span_from(lo);
            let pattern = Pattern { id, span, kind: PatternKind::Wildcard };
            let ty = if self.is(Comma) || self.is(RParen) { None } else { Some(self.ty()?) };
            return Ok(Param {
                mode: ParamMode::Plain,
                pattern,
                ty,
                default: None,
                variadic: true,
                span,
            });
        }
        let mode = self.param_mode();
        if !self.begins_pattern() {
            return Err(self.expected(
                "PARSE_E_EXPECTED_NAME",
                "a parameter",
                "parameters are written `name: Type`",
            ));
        }
        let pattern = self.pattern()?;
        let mut variadic = false;
        let ty = if self.eat(Colon) {
            variadic = self.eat(Ellipsis);
            Some(self.ty()?)
        } else if matches!(self.kind(), Word | LBracket | Question | Amp) {
            return Err(self.expected(
                "PARSE_E_EXPECTED_TOKEN",
                "`:`",
                "parameters are written `name: Type`",
            ));
        } else {
            None
        };
        let default = if self.eat(Eq) { Some(self.expr()?) } else { None };
        Ok(Param { mode, pattern, ty, default, variadic, span: self.span_from(lo) })
    }
}
