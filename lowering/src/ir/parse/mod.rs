//! The parser of the text form `.vir`; the grammar is in `lowering/docs/ir.md`.
//!
//! In: any text. Out: a module, or every error found. After an error the parser goes on with the
//! next line. It builds what the text says and no more: whether entities exist, types fit and so on
//! is for [`super::verify`].
//!
//! * **I1** No recursion: the grammar has no nested construct.
//! * **I2** Memory is proportional to the text: entities are numbered densely, in the order of
//!   their definitions (values: in any order), so no number asks for a large table.

mod body;
mod inst;
mod lexer;

use super::entity::{EntityRef, EntityVec};
use super::module::{DataObject, HostOpData, ImportData, Module, Reloc, Span};
use super::types::{ClassData, DropAction, Field, Param, Signature, StructData, Tag, Ty, Type};
use super::{Class, Data, File, Func, FuncKind, HostOp, Import, Struct};
use lexer::{Tok, Token, lex, unescape, unhex};
use std::fmt;

/// Codes of the errors of the text form.
pub(crate) mod code {
    pub(crate) const CHARACTER: &str = "IR0001";
    pub(crate) const NUMBER: &str = "IR0002";
    pub(crate) const STRING: &str = "IR0003";
    pub(crate) const EXPECTED: &str = "IR0004";
    pub(crate) const ORDER: &str = "IR0005";
    pub(crate) const VALUES: &str = "IR0006";
    pub(crate) const OPCODE: &str = "IR0007";
    pub(crate) const BLOCK: &str = "IR0008";
    pub(crate) const TOO_MANY: &str = "IR0009";
}

/// Errors after which the parser gives up.
const MAX_ERRORS: usize = 100;

/// Something in a text that the parser does not understand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Stable code, `IR0001` and so on; see [`super::codes`].
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to write instead, or empty.
    pub help: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: error[{}]: {}", self.line, self.column, self.code, self.message)?;
        if self.help.is_empty() { Ok(()) } else { write!(f, " (help: {})", self.help) }
    }
}

impl std::error::Error for ParseError {}

/// Reads a module from its text form.
///
/// # Errors
///
/// Every error found, by position; at most about a hundred.
///
/// # Examples
///
/// ```
/// let text = "module \"m\"\n\nsync fn0 \"one\"() -> i64 {\nblock0:\n  \
///             v0: i64 = const 1\n  return v0\n}\n";
/// let module = vitte_lowering::ir::parse_module(text).unwrap();
/// assert_eq!(module.to_string(), text);
/// ```
pub fn parse_module(text: &str) -> Result<Module, Vec<ParseError>> {
    let mut errors = Vec::new();
    let tokens = lex(text, &mut errors);
    errors.truncate(MAX_ERRORS);
    let mut parser = Parser { tokens, pos: 0, errors };
    let module = parser.module();
    let mut errors = parser.errors;
    if errors.is_empty() {
        return Ok(module);
    }
    errors.sort_by_key(|e| (e.line, e.column));
    Err(errors)
}

/// An error has been recorded.
struct Failed;

type Parsed<T> = Result<T, Failed>;

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    pos: usize,
    errors: Vec<ParseError>,
}

// ---- Tokens ----

impl<'a> Parser<'a> {
    fn token(&self) -> Token<'a> {
        self.tokens[self.pos]
    }

    fn peek(&self) -> Tok<'a> {
        self.token().kind
    }

    fn peek_after(&self) -> Tok<'a> {
        self.tokens.get(self.pos + 1).map_or(Tok::End, |t| t.kind)
    }

    fn bump(&mut self) -> Token<'a> {
        let token = self.token();
        if token.kind != Tok::End {
            self.pos += 1;
        }
        token
    }

    fn error_at(&mut self, at: Token<'_>, code: &'static str, message: String, help: &str) {
        match self.errors.len() {
            n if n > MAX_ERRORS => return,
            MAX_ERRORS => {
                let message = "too many errors, the rest is not looked at".into();
                let (line, column, help) = (at.line, at.column, String::new());
                self.errors.push(ParseError { line, column, code: code::TOO_MANY, message, help });
                self.pos = self.tokens.len() - 1;
                return;
            }
            _ => {}
        }
        let (line, column, help) = (at.line, at.column, help.into());
        self.errors.push(ParseError { line, column, code, message, help });
    }

    fn fail<T>(&mut self, code: &'static str, message: String, help: &str) -> Parsed<T> {
        self.error_at(self.token(), code, message, help);
        Err(Failed)
    }

    fn expected<T>(&mut self, what: &str, help: &str) -> Parsed<T> {
        let found = match self.peek() {
            Tok::Word(w) => format!("`{w}`"),
            Tok::Number { .. } => "a number".into(),
            Tok::Str(_) => "a string".into(),
            Tok::Bytes(_) => "bytes".into(),
            Tok::Punct(c) => format!("`{c}`"),
            Tok::Arrow => "`->`".into(),
            Tok::End => "the end of the text".into(),
        };
        self.fail(code::EXPECTED, format!("expected {what}, found {found}"), help)
    }

    /// After an error: goes to the first token of a later line.
    fn skip_line(&mut self) {
        // The error stands at the current token or before it, on the same line mostly.
        let line = self.tokens[self.pos.saturating_sub(1)].line.max(self.token().line);
        while self.peek() != Tok::End && self.token().line <= line {
            self.pos += 1;
        }
    }

    fn is_punct(&self, c: char) -> bool {
        self.peek() == Tok::Punct(c)
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.is_punct(c);
        if found {
            self.bump();
        }
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.peek() == Tok::Word(word);
        if found {
            self.bump();
        }
        found
    }

    fn eat_arrow(&mut self) -> bool {
        let found = self.peek() == Tok::Arrow;
        if found {
            self.bump();
        }
        found
    }

    fn punct(&mut self, c: char) -> Parsed<()> {
        if self.eat(c) { Ok(()) } else { self.expected(&format!("`{c}`"), "") }
    }

    fn word(&mut self, word: &str) -> Parsed<()> {
        if self.eat_word(word) { Ok(()) } else { self.expected(&format!("`{word}`"), "") }
    }

    fn number(&mut self, what: &str, max: u128) -> Parsed<u128> {
        match self.peek() {
            Tok::Number { value, .. } if value <= max => {
                self.bump();
                Ok(value)
            }
            Tok::Number { .. } => {
                self.fail(code::NUMBER, format!("{what} must be at most {max}"), "")
            }
            _ => self.expected(what, ""),
        }
    }

    fn u32(&mut self, what: &str) -> Parsed<u32> {
        self.number(what, u128::from(u32::MAX)).map(|n| n as u32)
    }

    fn string(&mut self, what: &str) -> Parsed<String> {
        let Tok::Str(inside) = self.peek() else { return self.expected(what, "") };
        match unescape(inside) {
            Ok(s) => {
                self.bump();
                Ok(s)
            }
            Err(message) => self.fail(code::STRING, message, ""),
        }
    }

    /// A string if there is one, else the empty one.
    fn optional_string(&mut self) -> Parsed<String> {
        if matches!(self.peek(), Tok::Str(_)) { self.string("a name") } else { Ok(String::new()) }
    }

    /// The number of the entity that comes next, if it has this prefix.
    fn peek_entity(&self, prefix: &str) -> Option<u32> {
        let Tok::Word(word) = self.peek() else { return None };
        entity_number(word, prefix)
    }

    fn eat_entity<K: EntityRef>(&mut self, prefix: &str) -> Option<K> {
        let n = self.peek_entity(prefix)?;
        self.bump();
        Some(K::new(n as usize))
    }

    fn entity<K: EntityRef>(&mut self, prefix: &str, what: &str) -> Parsed<K> {
        match self.eat_entity(prefix) {
            Some(k) => Ok(k),
            None => self.expected(&format!("{what} such as `{prefix}0`"), ""),
        }
    }

    /// The entity that is being defined, which must be the next of its kind.
    fn next_entity<K: EntityRef, T>(
        &mut self,
        prefix: &str,
        table: &EntityVec<K, T>,
    ) -> Parsed<()> {
        let next = table.next_key();
        let at = self.token();
        let found: K = self.entity(prefix, "a definition")?;
        if found == next {
            return Ok(());
        }
        let help = "definitions of a kind are numbered from 0 without a gap";
        self.error_at(at, code::ORDER, format!("expected `{next}`, found `{found}`"), help);
        Ok(())
    }

    /// `item, item` between brackets; the opening one has been read.
    fn until<T>(
        &mut self,
        close: char,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        let mut all = Vec::new();
        while !self.eat(close) {
            if !all.is_empty() {
                if !self.eat(',') {
                    return self.expected(&format!("`,` or `{close}`"), "");
                }
                if self.eat(close) {
                    break;
                }
            }
            all.push(item(self)?);
        }
        Ok(all)
    }

    fn list<T>(
        &mut self,
        open: char,
        close: char,
        item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        self.punct(open)?;
        self.until(close, item)
    }

    /// One item, or several in parentheses.
    fn one_or_list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        if self.is_punct('(') { self.list('(', ')', item) } else { Ok(vec![item(self)?]) }
    }

    /// `@file:line:column`, or the unknown position.
    fn span(&mut self) -> Parsed<Span> {
        if !self.eat('@') {
            return Ok(Span::NONE);
        }
        let file = File::from_u32(self.u32("the number of a file")?);
        self.punct(':')?;
        let line = self.u32("a line")?;
        self.punct(':')?;
        let column = self.u32("a column")?;
        Ok(Span { file, line, column })
    }
}

/// The number of an entity word such as `v17`, if it has this prefix and is in canonical form.
fn entity_number(word: &str, prefix: &str) -> Option<u32> {
    let digits = word.strip_prefix(prefix)?;
    let canonical = digits == "0" || !digits.starts_with('0');
    if canonical && digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok() } else { None }
}

// ---- Types ----

impl Parser<'_> {
    fn value_type(&mut self) -> Parsed<Type> {
        match self.ty()? {
            Ty::Value(t) => Ok(t),
            _ => self.expected("the type of a value before this", TYPES),
        }
    }

    fn ty(&mut self) -> Parsed<Ty> {
        let Tok::Word(word) = self.peek() else { return self.expected("a type", TYPES) };
        if let Some(s) = self.eat_entity::<Struct>(Struct::PREFIX) {
            return Ok(Ty::Struct(s));
        }
        match word {
            "bytes" => {
                self.bump();
                self.punct('(')?;
                let size = self.u32("a size in bytes")?;
                self.punct(',')?;
                let align = self.u32("an alignment in bytes")?;
                self.punct(')')?;
                Ok(Ty::Bytes { size, align })
            }
            "future" => {
                self.bump();
                self.punct('(')?;
                let func = self.entity(Func::PREFIX, "an async function")?;
                self.punct(')')?;
                Ok(Ty::Future(func))
            }
            _ => {
                let Some(t) = self.type_word(word)? else { return self.expected("a type", TYPES) };
                Ok(Ty::Value(t))
            }
        }
    }

    /// The value type that starts with this word, which is the current token or its suffix.
    fn type_word(&mut self, word: &str) -> Parsed<Option<Type>> {
        let simple = match word {
            "bool" => Type::Bool,
            "i8" => Type::I8,
            "i16" => Type::I16,
            "i32" => Type::I32,
            "i64" => Type::I64,
            "i128" => Type::I128,
            "f32" => Type::F32,
            "f64" => Type::F64,
            "ptr" => Type::Ptr,
            "ref" => {
                self.bump();
                self.punct('(')?;
                let class = self.entity(Class::PREFIX, "a class")?;
                self.punct(')')?;
                return Ok(Some(Type::Ref(class)));
            }
            _ => return Ok(None),
        };
        self.bump();
        Ok(Some(simple))
    }

    fn params(&mut self) -> Parsed<Vec<Param>> {
        self.list('(', ')', |p| {
            let name = p.optional_string()?;
            if !name.is_empty() || p.is_punct(':') {
                p.punct(':')?;
            }
            Ok(Param { name, ty: p.ty()? })
        })
    }

    fn results(&mut self) -> Parsed<Vec<Ty>> {
        if self.eat_arrow() { self.one_or_list(Self::ty) } else { Ok(Vec::new()) }
    }

    fn signature(&mut self) -> Parsed<Signature> {
        let params = self.params()?;
        let results = self.results()?;
        Ok(Signature { params, results, faults: self.eat_word("faults") })
    }
}

const TYPES: &str = "types: bool i8 i16 i32 i64 i128 f32 f64 ptr ref(class0) ty0 bytes(size, align) \
                     future(fn0)";

// ---- Items ----

impl Parser<'_> {
    fn module(&mut self) -> Module {
        let mut module = Module::default();
        if self.word("module").is_ok() {
            match self.string("the module's name") {
                Ok(name) => module.name = name,
                Err(Failed) => self.skip_line(),
            }
        } else {
            self.skip_line();
        }
        while self.peek() != Tok::End {
            if self.item(&mut module).is_err() {
                self.skip_line();
            }
        }
        module
    }

    fn item(&mut self, m: &mut Module) -> Parsed<()> {
        let Tok::Word(word) = self.peek() else { return self.expected("a definition", ITEMS) };
        match word {
            "export" | "sync" | "async" | "generator" | "machine" => return self.function(m),
            _ => {}
        }
        match word.trim_end_matches(|c: char| c.is_ascii_digit()) {
            File::PREFIX => {
                self.next_entity(File::PREFIX, &m.files)?;
                self.punct('=')?;
                m.files.push(self.string("a path")?);
            }
            Class::PREFIX => {
                self.next_entity(Class::PREFIX, &m.classes)?;
                self.punct('=')?;
                self.word("class")?;
                let name = self.string("a name")?;
                self.word("retain")?;
                let retain = self.entity(Import::PREFIX, "an import")?;
                self.word("release")?;
                let release = self.entity(Import::PREFIX, "an import")?;
                m.classes.push(ClassData { name, retain, release });
            }
            Struct::PREFIX => {
                self.next_entity(Struct::PREFIX, &m.structs)?;
                self.punct('=')?;
                let data = self.structure()?;
                m.structs.push(data);
            }
            Data::PREFIX => {
                self.next_entity(Data::PREFIX, &m.data)?;
                self.punct('=')?;
                let data = self.data_object()?;
                m.data.push(data);
            }
            Import::PREFIX => {
                self.next_entity(Import::PREFIX, &m.imports)?;
                self.punct('=')?;
                self.word("import")?;
                let name = self.string("a symbol")?;
                let sig = self.signature()?;
                m.imports.push(ImportData { name, sig });
            }
            HostOp::PREFIX => {
                self.next_entity(HostOp::PREFIX, &m.ops)?;
                self.punct('=')?;
                let data = self.host_op()?;
                m.ops.push(data);
            }
            _ => return self.expected("a definition", ITEMS),
        }
        Ok(())
    }

    fn structure(&mut self) -> Parsed<StructData> {
        self.word("struct")?;
        let name = self.string("a name")?;
        self.word("size")?;
        let size = self.u32("a size in bytes")?;
        self.word("align")?;
        let align = self.u32("an alignment in bytes")?;
        let fields = self.list('{', '}', |p| {
            let name = p.string("a field's name")?;
            p.punct('+')?;
            let offset = p.u32("an offset in bytes")?;
            p.punct(':')?;
            Ok(Field { name, offset, ty: p.ty()? })
        })?;
        let mut tag = None;
        if self.eat_word("tag") {
            let field = self.u32("the index of a field")?;
            let variants = self.list('{', '}', |p| {
                let value = p.number("a value of the tag", u128::from(u64::MAX))? as u64;
                p.punct(':')?;
                let fields = p.list('(', ')', |p| p.u32("the index of a field"))?;
                Ok((value, fields))
            })?;
            tag = Some(Tag { field, variants });
        }
        let mut drop = DropAction::None;
        if self.eat_word("drop") {
            drop = if self.eat_word("fields") {
                DropAction::Fields
            } else {
                DropAction::Call(self.entity(Import::PREFIX, "`fields` or an import")?)
            };
        }
        Ok(StructData { name, size, align, fields, tag, drop })
    }

    fn data_object(&mut self) -> Parsed<DataObject> {
        self.word("data")?;
        let name = self.string("a symbol")?;
        self.word("align")?;
        let align = self.u32("an alignment in bytes")?;
        let writable = self.eat_word("writable");
        let Tok::Bytes(digits) = self.peek() else {
            return self.expected("the bytes", "write them in base 16: x\"00ff\"");
        };
        let Some(bytes) = unhex(digits) else {
            let message = "bytes are pairs of digits in base 16".into();
            return self.fail(code::STRING, message, "");
        };
        self.bump();
        let mut relocs = Vec::new();
        if self.eat('{') {
            relocs = self.until('}', |p| {
                let at = p.u32("an offset in bytes")?;
                p.punct(':')?;
                Ok((at, p.reloc()?))
            })?;
        }
        Ok(DataObject { name, bytes, align, writable, relocs })
    }

    fn reloc(&mut self) -> Parsed<Reloc> {
        if let Some(data) = self.eat_entity(Data::PREFIX) {
            let offset = if self.eat('+') { self.u32("an offset in bytes")? } else { 0 };
            return Ok(Reloc::Data(data, offset));
        }
        if let Some(func) = self.eat_entity(Func::PREFIX) {
            return Ok(Reloc::Func(func));
        }
        if let Some(import) = self.eat_entity(Import::PREFIX) {
            return Ok(Reloc::Import(import));
        }
        if self.eat_word("machine") {
            return Ok(Reloc::Machine(self.entity(Func::PREFIX, "an async function")?));
        }
        self.expected("what is pointed to", "write data0+8, fn0, imp0 or machine fn0")
    }

    fn host_op(&mut self) -> Parsed<HostOpData> {
        self.word("op")?;
        let name = self.string("a name")?;
        self.word("symbol")?;
        let symbol = self.string("a symbol prefix")?;
        let params = self.params()?;
        let results = self.results()?;
        self.word("size")?;
        let size = self.u32("a size in bytes")?;
        self.word("align")?;
        let align = self.u32("an alignment in bytes")?;
        self.word("result")?;
        let result_offset = self.u32("an offset in bytes")?;
        Ok(HostOpData { name, symbol, params, results, size, align, result_offset })
    }

    fn func_kind(&mut self) -> Parsed<FuncKind> {
        let kind = match self.peek() {
            Tok::Word("sync") => FuncKind::Sync,
            Tok::Word("async") => FuncKind::Async,
            Tok::Word("generator") => FuncKind::Generator,
            Tok::Word("machine") => FuncKind::Machine,
            _ => return self.expected("`sync`, `async`, `generator` or `machine`", ""),
        };
        self.bump();
        Ok(kind)
    }
}

const ITEMS: &str = "definitions: file0 = \"…\", class0 = class, ty0 = struct, data0 = data, imp0 = \
                     import, op0 = op, [export] sync|async|generator|machine fn0 \"…\"(…) {…}";
