//! Constants: those of Rust, and those that a body declares.
//!
//! The value of a constant of Rust is known to rustc only, so it comes in as an argument, of the type
//! that it is used as. A constant of the body is worked out here: it may be the length of an array.
//! It is seen in the whole block that declares it, by what stands below it if that is a constant too.

use super::Refusal;
use super::check::{Check, Found};
use super::tree::{Expr, Kind, Local, LocalData};
use super::types::{Int, Prim, Ty};
use crate::rust::text;
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{BinOp, Expr as E, Item, Stmt as S, UnOp};

/// A constant of the body.
#[derive(Clone, Debug)]
pub(super) struct Own {
    /// A literal; a panic if the constant was refused.
    pub(super) kind: Kind,
    pub(super) ty: Ty,
}

/// Whether a path is spelled as constants are: in capital letters.
pub(super) fn is_constant(p: &syn::ExprPath) -> bool {
    let capital = |c: char| !c.is_lowercase();
    p.path.segments.last().is_some_and(|s| {
        let name = s.ident.to_string();
        s.arguments.is_none() && name.starts_with(char::is_uppercase) && name.chars().all(capital)
    })
}

impl Check {
    /// A constant of Rust.
    pub(super) fn constant(&mut self, p: &syn::ExprPath) -> Expr {
        let name = text::source(p.to_token_stream());
        let mut known = self.consts.iter().map(|(_, local)| *local);
        let known = known.find(|local| self.locals[local.0].name == name);
        let local = known.unwrap_or_else(|| {
            let local = Local(self.locals.len());
            let ty = self.vars.awaited();
            self.locals.push(LocalData { name, ty, span: p.span() });
            self.consts.push((p.clone(), local));
            local
        });
        let ty = self.locals[local.0].ty.clone();
        Expr { kind: Kind::Local(local), ty, span: p.span() }
    }

    /// A constant of the body.
    pub(super) fn own_constant(&self, name: &syn::Ident) -> Option<Own> {
        let name = name.to_string();
        self.own.iter().rev().find_map(|block| block.get(&name).cloned())
    }

    /// Whether a path names a constant of the body.
    pub(super) fn is_own(&self, p: &syn::ExprPath) -> bool {
        p.path.get_ident().is_some_and(|name| self.own_constant(name).is_some())
    }

    /// Works out the constants of a block.
    pub(super) fn own_constants(&mut self, stmts: &[S]) {
        for stmt in stmts {
            let S::Item(Item::Const(item)) = stmt else { continue };
            let own = self.own_value(item).unwrap_or_else(|refusal| {
                self.refused.push(refusal);
                Own { kind: Kind::Panic(String::new()), ty: Ty::Refused }
            });
            if let Some(block) = self.own.last_mut() {
                block.insert(item.ident.to_string(), own);
            }
        }
    }

    fn own_value(&mut self, item: &syn::ItemConst) -> Found<Own> {
        let ty = self.ty(&item.ty)?;
        let Ty::Prim(of) = ty else {
            return Err(Refusal::new(item.ty.span(), "a constant of a JIT task is one scalar")
                .help("declare it with `let`"));
        };
        let kind = self.worked_out(&item.expr, of)?;
        Ok(Own { kind, ty })
    }

    /// The number that the length of an array is; `None` if it was refused before.
    pub(super) fn length(&mut self, len: &E) -> Found<Option<usize>> {
        match self.worked_out(len, Prim::Int(Int::USIZE)) {
            Ok(Kind::Int(n)) => return Ok(usize::try_from(n).ok()),
            Ok(Kind::Panic(_)) => return Ok(None),
            _ => {}
        }
        Err(Refusal::new(len.span(), "the length of this array is not known to the macro").help(
            "write the number; a constant that the body declares will do too: `const N: usize = 4;`",
        ))
    }

    /// The value of a constant expression, in the range of its type.
    fn worked_out(&mut self, e: &E, of: Prim) -> Found<Kind> {
        let value = self.part(e, of)?;
        if let (Kind::Int(n), Prim::Int(int)) = (&value, of)
            && !(int.min()..=int.max()).contains(n)
        {
            let text = format!("`{n}` does not fit `{}`", Ty::Prim(of).name());
            return Err(Refusal::new(e.span(), text));
        }
        Ok(value)
    }

    /// The same before it is known to be in range: `-128` is `128`, negated.
    fn part(&mut self, e: &E, of: Prim) -> Found<Kind> {
        let unknown = || {
            Err(Refusal::new(e.span(), "the value of this constant is not known to the macro")
                .help(
                    "make it of literals, arithmetic and constants above it, or move it out of the function",
                ))
        };
        match e {
            E::Paren(p) => self.part(&p.expr, of),
            E::Group(g) => self.part(&g.expr, of),
            E::Lit(l) => {
                let literal = self.lit(&l.lit)?;
                self.same(&Ty::Prim(of), &literal.ty, literal.span)?;
                Ok(literal.kind)
            }
            E::Path(p) => {
                let own = p.path.get_ident().and_then(|name| self.own_constant(name));
                match own {
                    Some(own) => {
                        self.same(&Ty::Prim(of), &own.ty, p.span())?;
                        Ok(own.kind)
                    }
                    None => unknown(),
                }
            }
            E::Unary(u) => match (&u.op, self.part(&u.expr, of)?) {
                (UnOp::Neg(_), Kind::Int(n)) => {
                    n.checked_neg().map_or_else(unknown, |n| Ok(Kind::Int(n)))
                }
                (UnOp::Neg(_), Kind::Float(x)) => Ok(Kind::Float(-x)),
                (UnOp::Not(_), Kind::Bool(b)) => Ok(Kind::Bool(!b)),
                (_, refused @ Kind::Panic(_)) => Ok(refused),
                _ => unknown(),
            },
            E::Binary(binary) => {
                let left = self.worked_out(&binary.left, of)?;
                let right = self.worked_out(&binary.right, of)?;
                let (x, y) = match (left, right) {
                    (Kind::Int(x), Kind::Int(y)) => (x, y),
                    (refused @ Kind::Panic(_), _) | (_, refused @ Kind::Panic(_)) => {
                        return Ok(refused);
                    }
                    _ => return unknown(),
                };
                let value = match binary.op {
                    BinOp::Add(_) => x.checked_add(y),
                    BinOp::Sub(_) => x.checked_sub(y),
                    BinOp::Mul(_) => x.checked_mul(y),
                    BinOp::Div(_) => x.checked_div(y),
                    BinOp::Rem(_) => x.checked_rem(y),
                    _ => None,
                };
                value.map_or_else(unknown, |n| Ok(Kind::Int(n)))
            }
            _ => unknown(),
        }
    }
}
