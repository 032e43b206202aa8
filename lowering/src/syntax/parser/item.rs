//! Items and their modifiers.

use super::super::ast::{
    Attribute, ConstItem, Ident, Item, ItemKind, MetaItem, Modifiers, TestItem, TestKind,
    Visibility,
};
use super::{Parsed, Parser, TokenKind::*};
use crate::diagnostics::{Diagnostic, Span};

/// Words before `proc`, `trait` and the like.
const MODIFIERS: [&str; 9] =
    ["async", "unsafe", "const", "inline", "noinline", "naked", "interrupt", "extern", "comptime"];

/// Items that are read over.
const META: [&str; 10] = [
    "macro",
    "compiler",
    "pass",
    "backend",
    "diagnostic",
    "entry",
    "region",
    "bits",
    "flags",
    "query",
];

impl Parser<'_> {
    /// Says whether an item begins at the cursor.
    pub(super) fn begins_item(&self) -> bool {
        let next_is_word = self.nth(1) == Word && !self.on_new_line(1);
        match self.word() {
            "proc" if next_is_word => true,
            "proc" | "form" | "pick" | "const" | "static" | "trait" | "space" => {
                !self.next_makes_name() && self.nth(1) != Eof
            }
            "class" | "union" | "type" | "opaque" | "share" | "pub" | "public" | "package"
            | "priv" | "private" | "internal" | "global" | "intrinsic" | "fn" | "function"
            | "func" | "enum" | "struct" | "import" => next_is_word,
            "use" => next_is_word || matches!(self.nth(1), Dot | DotDot),
            "export" => next_is_word || matches!(self.nth(1), Star | LBrace),
            "impl" => next_is_word || matches!(self.nth(1), LBracket | Lt | LParen | Amp),
            "extern" => next_is_word || self.nth(1) == Literal,
            "test" | "bench" => self.nth(1) == Literal,
            "static_assert" => self.nth(1) == LParen,
            "comptime" if self.nth(1) == LBrace => true,
            "async" => matches!(self.nth_word(1), "proc" | "fn" | "function" | "unsafe" | "form"),
            word if MODIFIERS.contains(&word) => next_is_word,
            word if META.contains(&word) => {
                (next_is_word || self.nth(1) == Literal) && !self.on_new_line(1)
            }
            _ => false,
        }
    }

    /// Says whether an item begins at the cursor, where expressions may begin, too.
    pub(super) fn begins_item_in_block(&self) -> bool {
        match self.word() {
            "const" | "static" | "type" | "use" | "form" | "trait" | "impl" | "fn" | "function"
            | "enum" | "struct" | "opaque" | "class" | "union" | "inline" => {
                self.nth(1) == Word && self.begins_item()
            }
            "extern" => self.begins_item(),
            "proc" => self.nth(1) == Word,
            "async" => {
                matches!(self.nth_word(1), "fn" | "function" | "form")
                    || self.nth_word(1) == "proc" && self.nth(2) == Word
            }
            "unsafe" => matches!(self.nth_word(1), "proc" | "trait" | "impl"),
            "test" | "bench" => self.begins_item() && self.nth(2) == LBrace,
            _ => false,
        }
    }

    /// Reads an item with its attributes, without what ends it.
    pub(super) fn item(&mut self) -> Parsed<Item> {
        let lo = self.lo();
        let attributes = self.attributes()?;
        let visibility = self.visibility()?;
        let kind = self.item_kind(lo, &attributes, visibility)?;
        Ok(Item { span: self.span_from(lo), attributes, visibility, kind })
    }

    pub(super) fn attributes(&mut self) -> Parsed<Vec<Attribute>> {
        let mut attributes = Vec::new();
        loop {
            if self.is(Hash) || self.is(HashBang) {
                attributes.push(self.attribute()?);
            } else if self.is(Literal)
                && self.text_of(self.token()).ends_with('"')
                && self.on_new_line(1)
            {
                // A string before an item documents it.
                self.bump();
            } else {
                return Ok(attributes);
            }
        }
    }

    pub(super) fn visibility(&mut self) -> Parsed<Visibility> {
        let next_is_word = self.nth(1) == Word && !self.on_new_line(1);
        let visibility = match self.word() {
            "pub" | "public" | "package" if next_is_word => Visibility::Public,
            "pub" if self.nth(1) == LParen => {
                self.bump();
                self.list(RParen, |p| p.name("a scope"))?;
                return Ok(Visibility::Public);
            }
            "priv" | "private" | "internal" if next_is_word => Visibility::Private,
            "share" | "export" if next_is_word && self.item_word_follows() => Visibility::Shared,
            _ => return Ok(Visibility::Inherited),
        };
        self.bump();
        Ok(visibility)
    }

    /// Says whether the word after the cursor begins an item that has a name after it.
    fn item_word_follows(&self) -> bool {
        let named = self.nth(2) == Word && !self.on_new_line(2);
        named
            && matches!(
                self.nth_word(1),
                "proc"
                    | "async"
                    | "form"
                    | "pick"
                    | "const"
                    | "global"
                    | "static"
                    | "type"
                    | "trait"
                    | "class"
                    | "union"
                    | "unsafe"
                    | "inline"
                    | "fn"
                    | "enum"
                    | "struct"
                    | "opaque"
            )
    }

    fn item_kind(
        &mut self,
        lo: u32,
        attributes: &[Attribute],
        visibility: Visibility,
    ) -> Parsed<ItemKind> {
        if !self.begins_item() {
            return Err(self.expected_item(lo, attributes, visibility));
        }
        match self.word() {
            "space" => {
                self.bump();
                Ok(ItemKind::Space(self.module_path()?))
            }
            "use" => self.use_item(),
            "import" => {
                self.old_word("use");
                self.use_item()
            }
            "export" => self.export_item(),
            "share" => {
                self.bump();
                let names = self.names_in_line()?;
                Ok(ItemKind::Share(names.into_iter().flat_map(|path| path.segments).collect()))
            }
            "test" | "bench" => self.test_item(),
            "static_assert" => self.static_assert(),
            "intrinsic" => {
                self.bump();
                self.proc_item(lo, Modifiers::default())
            }
            "comptime" if self.nth(1) == LBrace => self.meta_item(),
            word if META.contains(&word) => self.meta_item(),
            _ => self.modified_item(lo),
        }
    }

    fn expected_item(
        &mut self,
        lo: u32,
        attributes: &[Attribute],
        visibility: Visibility,
    ) -> super::Failed {
        if !(attributes.is_empty() && visibility == Visibility::Inherited) {
            let span = self.span_from(lo);
            return self.fail(
                Diagnostic::error(
                    "PARSE_E_MISPLACED_MODIFIER",
                    "attributes and visibility belong before an item",
                )
                .at(span, "no item follows this")
                .help("remove it, or write an item such as `proc` or `form` behind it"),
            );
        }
        let help =
            if let Some(word) = nearest_item_word(self.word()).filter(|_| self.nth(1) == Word) {
                format!("perhaps `{word}` was meant")
            } else if self.begins_statement() || self.nth(1) == LParen {
                "statements belong into a procedure: `proc main() -> int { … }`".to_owned()
            } else {
                "items are `proc`, `form`, `pick`, `const`, `use`, `test`, …".to_owned()
            };
        if matches!(self.kind(), RBrace | RParen | RBracket) {
            return self.unmatched();
        }
        let found = self.found();
        self.fail(
            Diagnostic::error("PARSE_E_EXPECTED_ITEM", format!("expected an item, found {found}"))
                .at(self.span(), "an item belongs here")
                .help(help),
        )
    }

    /// An item that may have modifiers: they are read first, then checked against it.
    fn modified_item(&mut self, lo: u32) -> Parsed<ItemKind> {
        let modifiers = self.modifiers()?;
        match self.word() {
            "fn" | "function" | "func" => {
                self.old_word("proc");
                self.proc_item_at_word(lo, modifiers)
            }
            "proc" => self.proc_item_at_word(lo, modifiers),
            "trait" | "impl" => {
                self.refuse_modifiers(&Modifiers { is_unsafe: None, ..modifiers.clone() });
                let is_unsafe = modifiers.is_unsafe.is_some();
                if self.at_word("trait") {
                    self.trait_item(is_unsafe)
                } else {
                    self.impl_item(is_unsafe)
                }
            }
            "type" if modifiers.abi.is_some() => {
                self.type_item(super::super::ast::TypeItemKind::Extern)
            }
            _ if modifiers.abi.is_some() && self.is(LBrace) => {
                self.extern_block(modifiers.abi.unwrap_or_default())
            }
            _ => {
                self.refuse_modifiers(&modifiers);
                self.plain_item()
            }
        }
    }

    fn plain_item(&mut self) -> Parsed<ItemKind> {
        use super::super::ast::{FormKind, TypeItemKind};
        match self.word() {
            "const" => Ok(ItemKind::Const(self.const_item("const")?)),
            "static" | "global" => Ok(ItemKind::Static(self.const_item("static")?)),
            "form" => self.form_item(FormKind::Form),
            "class" => self.form_item(FormKind::Class),
            "union" => self.form_item(FormKind::Union),
            "struct" => {
                self.old_word("form");
                self.form_item(FormKind::Form)
            }
            "pick" => self.pick_item(),
            "enum" => {
                self.old_word("pick");
                self.pick_item()
            }
            "type" => self.type_item(TypeItemKind::Alias),
            "opaque" => {
                self.bump();
                if !self.at_word("type") {
                    return Err(self.expected("PARSE_E_EXPECTED_TOKEN", "`type`", ""));
                }
                self.type_item(TypeItemKind::Opaque)
            }
            _ => {
                let help = "items are `proc`, `form`, `pick`, `const`, `use`, `test`, …";
                Err(self.expected("PARSE_E_EXPECTED_ITEM", "an item", help))
            }
        }
    }

    fn modifiers(&mut self) -> Parsed<Modifiers> {
        let mut modifiers = Modifiers::default();
        loop {
            let span = self.span();
            match self.word() {
                "async" => modifiers.is_async = Some(span),
                "unsafe" => modifiers.is_unsafe = Some(span),
                // `const x = 1` is an item of its own.
                "const" if self.const_is_modifier() => modifiers.is_const = Some(span),
                "inline" | "noinline" | "naked" | "interrupt" | "comptime"
                    if self.nth(1) == Word =>
                {
                    let name = self.word().to_owned();
                    modifiers.others.push(Ident { name, span });
                }
                "extern" => {
                    self.bump();
                    modifiers.abi = Some(self.abi());
                    continue;
                }
                _ => return Ok(modifiers),
            }
            self.bump();
        }
    }

    fn const_is_modifier(&self) -> bool {
        matches!(self.nth_word(1), "proc" | "async" | "unsafe" | "inline" | "extern")
            && self.nth(2) == Word
    }

    /// What follows `extern`: `"C"`, `C`, or nothing before an item word.
    fn abi(&mut self) -> String {
        if self.is(Literal) {
            return match self.literal() {
                super::super::ast::Literal::Str(text) => text,
                _ => String::new(),
            };
        }
        match self.word() {
            "proc" | "type" | "async" | "unsafe" | "" => "C".to_owned(),
            word => {
                self.bump();
                word.to_owned()
            }
        }
    }

    fn refuse_modifiers(&mut self, modifiers: &Modifiers) {
        let first: Option<Span> = [modifiers.is_async, modifiers.is_unsafe, modifiers.is_const]
            .into_iter()
            .flatten()
            .next()
            .or_else(|| modifiers.others.first().map(|word| word.span));
        if let Some(span) = first {
            let found = self.found();
            self.report(
                Diagnostic::error(
                    "PARSE_E_MISPLACED_MODIFIER",
                    format!("this modifier does not fit {found}"),
                )
                .at(span, "belongs before `proc`")
                .help("remove it"),
            );
        }
    }

    fn proc_item_at_word(&mut self, lo: u32, modifiers: Modifiers) -> Parsed<ItemKind> {
        self.bump();
        self.proc_item(lo, modifiers)
    }

    fn proc_item(&mut self, lo: u32, modifiers: Modifiers) -> Parsed<ItemKind> {
        let name = self.proc_name()?;
        let found = self.proc_rest(lo, name, modifiers, false)?;
        Ok(ItemKind::Proc(Box::new(found)))
    }

    /// A name, or `operator +`.
    fn proc_name(&mut self) -> Parsed<Ident> {
        let mut name = self.name("the name of the procedure")?;
        if name.name == "operator"
            && !matches!(self.nth(0), LParen if self.nth(1) != RParen || self.nth(2) != LParen)
            && !matches!(self.kind(), Word)
        {
            let lo = self.lo();
            // Everything up to the parameters is the sign, `()` and `[]` included.
            if matches!(self.kind(), LParen | LBracket) {
                self.bump();
                self.bump();
            }
            while !matches!(self.kind(), LParen | LBrace | Eof) && !self.line_ended() {
                self.bump();
            }
            let sign = self.span_from(lo);
            name.name = format!("operator {}", &self.text[sign.lo as usize..sign.hi as usize]);
            name.span = name.span.to(sign);
        }
        Ok(name)
    }

    /// `const x: T = e` at the word.
    pub(super) fn const_item(&mut self, word: &str) -> Parsed<ConstItem> {
        self.bump();
        let mutable = self.at_word("mut") && self.nth(1) == Word;
        if mutable {
            self.bump();
        }
        let name = self.name("the name of the constant")?;
        let ty = if self.eat(Colon) { Some(self.ty_or_skip()?) } else { None };
        let value = self.initializer(word)?;
        Ok(ConstItem { name, mutable, ty, value })
    }

    fn test_item(&mut self) -> Parsed<ItemKind> {
        let kind = if self.at_word("test") { TestKind::Test } else { TestKind::Bench };
        self.bump();
        let name_span = self.span();
        let super::super::ast::Literal::Str(name) = self.literal() else {
            self.at -= 1;
            return Err(self.expected(
                "PARSE_E_EXPECTED_TOKEN",
                "a string",
                "tests are written `test \"what it shows\" { … }`",
            ));
        };
        let body = self.block()?;
        Ok(ItemKind::Test(TestItem { kind, name, name_span, body }))
    }

    fn static_assert(&mut self) -> Parsed<ItemKind> {
        self.bump();
        let mut parts = self.list(RParen, Self::element)?.into_iter();
        let cond = parts.next().unwrap_or_else(|| self.expr_error());
        Ok(ItemKind::StaticAssert { cond, message: parts.next() })
    }

    /// `word name … { … }` or `word name …;`, read over.
    fn meta_item(&mut self) -> Parsed<ItemKind> {
        let word = self.name("a word")?;
        let name = if self.is(Word) { Some(self.name("a name")?) } else { None };
        while !matches!(self.kind(), LBrace | Semi | RBrace | Eof) && !self.line_ended() {
            self.skip_tree();
        }
        let mut body = None;
        if self.is(LBrace) {
            let lo = self.lo();
            let open = self.at;
            if self.closer().is_none() {
                let opener = self.lexed.tokens[open];
                self.at = self.lexed.tokens.len() - 1;
                return Err(self.unclosed(opener, "the end of the file"));
            }
            self.skip_tree();
            body = Some(self.span_from(lo));
        }
        Ok(ItemKind::Meta(MetaItem { word, name, body }))
    }
}

/// Finds the item word that differs from `word` by one letter added, left out or exchanged, or by
/// two neighbours swapped.
fn nearest_item_word(word: &str) -> Option<&'static str> {
    const WORDS: [&str; 12] = [
        "proc", "form", "pick", "const", "static", "type", "trait", "impl", "use", "space",
        "export", "async",
    ];
    let letters: Vec<char> = word.chars().collect();
    WORDS.into_iter().find(|candidate| {
        let wanted: Vec<char> = candidate.chars().collect();
        let same = letters.iter().zip(&wanted).take_while(|(a, b)| a == b).count();
        let (mine, theirs) = (&letters[same..], &wanted[same..]);
        match (mine, theirs) {
            ([a, b, rest @ ..], [c, d, others @ ..]) if a == d && b == c && rest == others => true,
            ([_, rest @ ..], [_, others @ ..]) if rest == others => true,
            ([_, rest @ ..], others) if rest == others => true,
            (rest, [_, others @ ..]) => rest == others,
            _ => false,
        }
    })
}
