//! Items with bodies of members: `form`, `pick`, `trait`, `impl`, `extern`, and `type`.

use super::super::ast::{
    ExternBlock, Field, FormItem, FormKind, Impl, Item, ItemKind, PickArm, PickItem, Trait,
    TypeItem, TypeItemKind, TypeParam,
};
use super::{Failed, Parsed, Parser, TokenKind::*};

impl Parser<'_> {
    /// Reads the members in `{ … }`.
    fn members(&mut self, read: impl FnMut(&mut Self) -> Parsed<()>) -> Parsed<()> {
        self.elements_in_braces("`{`", "the members stand in `{ … }`", read, Self::skip_member)
    }

    fn skip_member(&mut self, start: usize) {
        self.skip_field();
        if self.at == start && !matches!(self.kind(), RBrace | Eof) {
            self.skip_tree();
        }
    }

    /// After a field or arm: `,`, `;`, a line end, the closing brace, or just the next one.
    fn end_member(&mut self) -> Parsed<()> {
        if matches!(self.kind(), Comma | Semi | RBrace | Eof | Word) || self.on_new_line(0) {
            return Ok(());
        }
        Err(self.expected("PARSE_E_EXPECTED_TOKEN", "`,` or a line end", ""))
    }

    fn member_item(&mut self) -> Parsed<Item> {
        let item = self.item()?;
        self.end_item();
        Ok(item)
    }

    /// `form F[T] where … { … }` at the word.
    pub(super) fn form_item(&mut self, kind: FormKind) -> Parsed<ItemKind> {
        self.bump();
        let name = self.name("the name of the form")?;
        let generics = self.generic_params()?;
        let bounds = self.where_clause()?;
        let mut fields = Vec::new();
        let mut members = Vec::new();
        self.members(|p| {
            if p.begins_field() {
                fields.push(p.field()?);
                p.end_member()
            } else {
                members.push(p.member_item()?);
                Ok(())
            }
        })?;
        Ok(ItemKind::Form(FormItem { kind, name, generics, bounds, fields, members }))
    }

    /// Says whether a field begins at the cursor, perhaps with attributes and visibility.
    fn begins_field(&self) -> bool {
        let mut ahead = 0;
        while self.nth(ahead) == Hash {
            match self.partner(self.at + ahead + 1) {
                Some(closer) => ahead = closer + 1 - self.at,
                None => return false,
            }
        }
        if matches!(self.nth_word(ahead), "pub" | "priv" | "private")
            && self.nth(ahead + 1) != Colon
        {
            ahead = match self.partner(self.at + ahead + 1) {
                Some(closer) => closer + 1 - self.at,
                None => ahead + 1,
            };
        }
        if self.nth_word(ahead) == "mut" && self.nth(ahead + 1) == Word {
            ahead += 1;
        }
        if self.nth(ahead + 1) == Colon {
            return true;
        }
        // A mistake is reported as that of a field, unless an item begins.
        self.nth(ahead) != Word || !(self.begins_item() || matches!(self.word(), "pub" | "priv"))
    }

    fn field(&mut self) -> Parsed<Field> {
        let lo = self.lo();
        let attributes = self.attributes()?;
        let visibility = if self.nth(1) == Colon {
            super::super::ast::Visibility::Inherited
        } else {
            self.visibility()?
        };
        let mutable = self.at_word("mut") && self.nth(1) == Word;
        if mutable {
            self.bump();
        }
        let name = self.name("a field")?;
        self.expect(Colon, "fields are written `name: Type`")?;
        let ty = self.ty()?;
        let default = if self.eat(Eq) { Some(self.expr()?) } else { None };
        let span = self.span_from(lo);
        Ok(Field { attributes, visibility, mutable, name, ty, default, span })
    }

    /// `pick P[T] { … }` at the word.
    pub(super) fn pick_item(&mut self) -> Parsed<ItemKind> {
        self.bump();
        let name = self.name("the name of the pick")?;
        let generics = self.generic_params()?;
        let repr = if self.eat(Colon) { Some(self.ty()?) } else { None };
        let bounds = self.where_clause()?;
        let mut arms = Vec::new();
        let mut members = Vec::new();
        self.members(|p| {
            let is_item = p.is(Hash)
                || p.at_word("proc") && p.nth(1) == Word
                || p.at_word("async") && p.nth_word(1) == "proc"
                || p.at_word("const") && p.nth(1) == Word;
            if is_item {
                members.push(p.member_item()?);
                return Ok(());
            }
            arms.push(p.pick_arm()?);
            p.end_member()
        })?;
        Ok(ItemKind::Pick(PickItem { name, generics, repr, bounds, arms, members }))
    }

    /// `A`, `case B(T)`, `C(x: T, y: U)`, `D { x: T }`, `E = 1`.
    fn pick_arm(&mut self) -> Parsed<PickArm> {
        let lo = self.lo();
        if self.at_word("case") && self.nth(1) == Word && !self.on_new_line(1) {
            self.bump();
        }
        let name = self.name("an arm")?;
        let payload = if self.is(LParen) && !self.on_new_line(0) {
            self.list(RParen, Self::type_param)?
        } else if self.is(LBrace) && !self.on_new_line(0) {
            self.named_payload()?
        } else {
            Vec::new()
        };
        let tag = if self.eat(Eq) { Some(self.expr()?) } else { None };
        Ok(PickArm { name, payload, tag, span: self.span_from(lo) })
    }

    fn named_payload(&mut self) -> Parsed<Vec<TypeParam>> {
        let mut payload = Vec::new();
        self.members(|p| {
            let name = Some(p.name("a field")?);
            p.expect(Colon, "fields are written `name: Type`")?;
            payload.push(TypeParam { name, ty: p.ty()? });
            p.end_member()
        })?;
        Ok(payload)
    }

    /// `type A[T]: Bound = U` at the word.
    pub(super) fn type_item(&mut self, kind: TypeItemKind) -> Parsed<ItemKind> {
        self.bump();
        let name = self.name("the name of the type")?;
        let generics = self.generic_params()?;
        let bounds = if self.eat(Colon) { self.trait_bounds()? } else { Vec::new() };
        let ty = if self.eat(Eq) { Some(self.ty()?) } else { None };
        let kind = if kind == TypeItemKind::Alias && (ty.is_none() || !bounds.is_empty()) {
            TypeItemKind::Associated
        } else {
            kind
        };
        Ok(ItemKind::Type(TypeItem { kind, name, generics, bounds, ty }))
    }

    /// `trait A[T]: B where … { … }` at the word.
    pub(super) fn trait_item(&mut self, is_unsafe: bool) -> Parsed<ItemKind> {
        self.bump();
        let name = self.name("the name of the trait")?;
        let generics = self.generic_params()?;
        let supers = if self.eat(Colon) { self.trait_bounds()? } else { Vec::new() };
        let bounds = self.where_clause()?;
        let members = self.item_members()?;
        Ok(ItemKind::Trait(Trait { is_unsafe, name, generics, supers, bounds, members }))
    }

    /// `impl[T] A for F[T] where … { … }` at the word.
    pub(super) fn impl_item(&mut self, is_unsafe: bool) -> Parsed<ItemKind> {
        self.bump();
        let generics = if matches!(self.kind(), LBracket | Lt) && self.is_joint(0) {
            self.generic_params()?
        } else {
            Vec::new()
        };
        let first = self.ty()?;
        let (of_trait, ty) =
            if self.eat_word("for") { (Some(first), self.ty()?) } else { (None, first) };
        let bounds = self.where_clause()?;
        let members = self.item_members()?;
        Ok(ItemKind::Impl(Impl { is_unsafe, generics, of_trait, ty, bounds, members }))
    }

    /// `{ … }` after `extern "C"`.
    pub(super) fn extern_block(&mut self, abi: String) -> Parsed<ItemKind> {
        Ok(ItemKind::Extern(ExternBlock { abi, members: self.item_members()? }))
    }

    fn item_members(&mut self) -> Parsed<Vec<Item>> {
        let mut members = Vec::new();
        self.members(|p| {
            members.push(p.member_item().map_err(|Failed| Failed)?);
            Ok(())
        })?;
        Ok(members)
    }
}
