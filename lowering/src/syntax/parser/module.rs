//! The file as a whole, and the items about modules: `space`, `use`, `export`, `share`.

use super::super::ast::{
    AttrArg, Attribute, Export, ExportName, Ident, Item, ItemKind, Path, Use, UseName, UseTree,
};
use super::{Failed, Parsed, Parser, TokenKind::*};
use crate::diagnostics::Diagnostic;

impl Parser<'_> {
    /// Reads the whole file.
    pub(super) fn file(&mut self) -> (Vec<Attribute>, Vec<Item>) {
        let mut attributes = Vec::new();
        while self.is(HashBang) {
            match self.attribute() {
                Ok(attribute) => attributes.push(attribute),
                Err(Failed) => self.skip_item(),
            }
        }
        let mut items = Vec::new();
        while !self.is(Eof) && !self.given_up {
            if self.eat(Semi) {
                continue;
            }
            let start = self.at;
            let lo = self.lo();
            match self.item() {
                Ok(item) => {
                    items.push(item);
                    self.end_item();
                }
                Err(Failed) => {
                    if self.at == start {
                        self.skip_tree();
                    }
                    self.skip_line();
                    self.skip_item();
                    items.push(Item {
                        span: self.span_from(lo),
                        attributes: Vec::new(),
                        visibility: super::super::ast::Visibility::Inherited,
                        kind: ItemKind::Error,
                    });
                }
            }
        }
        (attributes, items)
    }

    /// After an item: `;`, a line end, or (behind a `}`) another item.
    pub(super) fn end_item(&mut self) {
        let after_brace = self.at > 0 && self.lexed.tokens[self.at - 1].kind == RBrace;
        if self.eat(Semi) {
            if self.is(Semi) {
                self.report(
                    Diagnostic::error("PARSE_E_DOUBLE_SEMICOLON", "this `;` ends nothing")
                        .at(self.span(), "the item before it has ended")
                        .help("remove it"),
                );
                while self.eat(Semi) {}
            }
            return;
        }
        if after_brace || self.on_new_line(0) || matches!(self.kind(), Eof | RBrace | Comma) {
            return;
        }
        let found = self.found();
        self.report(
            Diagnostic::error(
                "PARSE_E_EXPECTED_END",
                format!("the item should end before {found}"),
            )
            .at(self.span(), "not part of the item before it")
            .help("put `;` or a line end between the items"),
        );
        self.skip_item();
    }

    /// Skips to where an item may begin: a word on a new line that begins one.
    pub(super) fn skip_item(&mut self) {
        while !matches!(self.kind(), Eof | RBrace) {
            // A word in the first column is a try at an item, even if it is none.
            if self.on_new_line(0) && (self.begins_item() || self.is(Hash))
                || self.is(Word) && self.column(self.lo()) == 0 && !self.continues_line()
            {
                return;
            }
            self.skip_tree();
        }
    }

    /// Skips to the end of the line, or of the groups that open on it.
    fn skip_line(&mut self) {
        while !self.on_new_line(0) && !matches!(self.kind(), Eof | RBrace) {
            self.skip_tree();
        }
    }

    /// `#[name(args)]`, `#![name]`.
    pub(super) fn attribute(&mut self) -> Parsed<Attribute> {
        let lo = self.lo();
        self.bump();
        let malformed = |p: &mut Self| {
            let close = p.closer();
            let failed = p.fail(
                Diagnostic::error("PARSE_E_INVALID_ATTRIBUTE", "this attribute is malformed")
                    .at(p.span_from(lo).to(p.span()), "expected `#[name]` or `#[name(…)]`")
                    .help("write `#[name]`, `#[name(value)]`, or `//` for a comment"),
            );
            if let Some(close) = close {
                p.at = close + 1;
            }
            failed
        };
        let Some(close) = self.closer() else { return Err(malformed(self)) };
        let open = self.at;
        self.bump();
        let result = self.bracketed(|p| -> Parsed<(Path, Vec<AttrArg>)> {
            let lo = p.lo();
            if !p.is(Word) {
                return Err(Failed);
            }
            let mut segments = vec![p.name("a name")?];
            while matches!(p.kind(), Dot | ColonColon) {
                p.bump();
                if !p.is(Word) {
                    return Err(Failed);
                }
                segments.push(p.name("a name")?);
            }
            let path = Path { n_dots: 0, segments, span: p.span_from(lo) };
            let args = if p.is(LParen) { p.list(RParen, Self::attr_arg)? } else { Vec::new() };
            if p.eat(Eq) {
                p.expr()?;
            }
            if p.at == close { Ok((path, args)) } else { Err(Failed) }
        });
        let Ok((path, args)) = result else {
            self.at = open;
            return Err(malformed(self));
        };
        self.bump();
        Ok(Attribute { path, args, span: self.span_from(lo) })
    }

    fn attr_arg(&mut self) -> Parsed<AttrArg> {
        let name = if self.is(Word) { Some(self.name("a name")?) } else { None };
        let value = if name.is_none() || self.eat(Eq) {
            Some(self.expr()?)
        } else if self.is(LParen) {
            self.skip_tree();
            None
        } else {
            None
        };
        Ok(AttrArg { name, value })
    }

    /// `a/b/c`, `a.b`, `a::b`, `.a/b`; stops before `.{` and `.*`.
    pub(super) fn module_path(&mut self) -> Parsed<Path> {
        let lo = self.lo();
        let mut n_dots = 0;
        while matches!(self.kind(), Dot | DotDot | Ellipsis) {
            n_dots += match self.bump().kind {
                DotDot => 2,
                Ellipsis => 3,
                _ => 1,
            };
            self.eat(Slash);
        }
        let mut segments = vec![self.path_segment()?];
        while matches!(self.kind(), Slash | Dot | ColonColon)
            && self.nth(1) == Word
            && !self.on_new_line(0)
            && !self.on_new_line(1)
        {
            self.bump();
            segments.push(self.path_segment()?);
        }
        Ok(Path { n_dots, segments, span: self.span_from(lo) })
    }

    /// A name in a path; folders may have hyphens in theirs.
    fn path_segment(&mut self) -> Parsed<Ident> {
        let mut name = self.name("a module path")?;
        while self.is(Minus) && self.is_joint(0) && self.is_joint(1) && self.nth(1) == Word {
            self.bump();
            let rest = self.name("a module path")?;
            name.name.push('-');
            name.name.push_str(&rest.name);
            name.span = name.span.to(rest.span);
        }
        Ok(name)
    }

    /// `use p`, `use p as x`, `use p.{A, B as C}`, `use p.*` at the word.
    pub(super) fn use_item(&mut self) -> Parsed<ItemKind> {
        self.bump();
        let path = self.module_path()?;
        let opens = matches!(self.kind(), Dot | ColonColon | Slash) && !self.on_new_line(0);
        let tree = if opens && self.nth(1) == Star {
            self.bump();
            self.bump();
            UseTree::All
        } else if opens && self.nth(1) == LBrace {
            self.bump();
            self.use_names()?
        } else if self.is(LBrace) && !self.on_new_line(0) {
            self.use_names()?
        } else if opens {
            self.bump();
            return Err(self.expected(
                "PARSE_E_EXPECTED_NAME",
                "a name, `*` or `{`",
                "write `use path.{A, B}` or `use path.*`",
            ));
        } else {
            UseTree::Whole { alias: self.alias()? }
        };
        Ok(ItemKind::Use(Use { path, tree }))
    }

    fn use_names(&mut self) -> Parsed<UseTree> {
        let mut all = false;
        let names = self.list(RBrace, |p| {
            if p.eat(Star) {
                all = true;
                return Ok(None);
            }
            let name = p.name("a name")?;
            Ok(Some(UseName { name, alias: p.alias()? }))
        })?;
        let names = names.into_iter().flatten().collect();
        Ok(UseTree::Names { names, all, alias: self.alias()? })
    }

    fn alias(&mut self) -> Parsed<Option<Ident>> {
        if self.at_word("as") && !self.line_ended() {
            self.bump();
            return self.name("a name").map(Some);
        }
        Ok(None)
    }

    /// `export *`, `export a, b`, `export { a, b }` at the word.
    pub(super) fn export_item(&mut self) -> Parsed<ItemKind> {
        self.bump();
        if self.eat(Star) {
            return Ok(ItemKind::Export(Export { all: true, names: Vec::new() }));
        }
        let mut all = false;
        let names = if self.is(LBrace) {
            let names = self.list(RBrace, |p| {
                if p.eat(Star) {
                    all = true;
                    return Ok(None);
                }
                p.export_name().map(Some)
            })?;
            names.into_iter().flatten().collect()
        } else {
            let mut names = vec![self.export_name()?];
            while self.eat(Comma) && self.is(Word) {
                names.push(self.export_name()?);
            }
            names
        };
        Ok(ItemKind::Export(Export { all, names }))
    }

    fn export_name(&mut self) -> Parsed<ExportName> {
        let path = self.module_path()?;
        Ok(ExportName { path, alias: self.alias()? })
    }

    /// `a, b, c`.
    pub(super) fn names_in_line(&mut self) -> Parsed<Vec<Path>> {
        let mut names = vec![self.module_path()?];
        while self.eat(Comma) {
            if !self.is(Word) {
                break;
            }
            names.push(self.module_path()?);
        }
        Ok(names)
    }
}
