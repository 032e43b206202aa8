//! The control-flow graph of Rust tokens.
//!
//! Code without awaits stays as it was written, in [`Op`]s; what waits, and what leads around it,
//! is blocks and edges. Blocks are dense indices in the order of the source.

use super::lower::islands::Island;
use super::names::Vars;
use super::uses::Use;
use proc_macro2::{Span, TokenStream};

/// A body.
#[derive(Debug, Default)]
pub(super) struct Cfg {
    pub(super) vars: Vars,
    pub(super) blocks: Vec<Block>,
    /// The awaits, in source order.
    pub(super) awaits: Vec<Await>,
    /// Temporaries that a `let` keeps to the end of its block, by the block they are made in.
    pub(super) temporaries: Vec<(usize, Span)>,
    /// Parameters, in order.
    pub(super) params: Vec<usize>,
    /// Per local, when it was declared.
    pub(super) order: Vec<usize>,
}

/// A suspend point.
#[derive(Debug)]
pub(super) struct Await {
    /// The operand as the source has it.
    pub(super) text: String,
    pub(super) span: Span,
    /// Locals that the future is made of: arguments and receiver of the call that makes it.
    pub(super) handed: Vec<usize>,
}

/// A straight piece of code.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) ops: Vec<Op>,
    pub(super) end: End,
}

/// A step of a block.
#[derive(Debug)]
pub(super) enum Op {
    /// A statement.
    Code { tokens: TokenStream, uses: Vec<Use>, binds: Vec<usize> },
    /// A local without a value yet: `let x;`.
    Declare(usize),
    /// The end of a scope: its locals are dropped, in this order.
    Leave(Vec<usize>),
}

/// How a block ends.
#[derive(Debug, Default)]
pub(super) enum End {
    /// Nothing gets here.
    #[default]
    Never,
    Goto(usize),
    Branch {
        cond: TokenStream,
        uses: Vec<Use>,
        then: usize,
        other: usize,
    },
    Match {
        scrutinee: TokenStream,
        uses: Vec<Use>,
        arms: Vec<Arm>,
    },
    /// Awaits `operand`, puts what it gives into `into`, goes on. Of an island, `operand` is the
    /// statement that awaits and binds `into`.
    Await {
        operand: TokenStream,
        uses: Vec<Use>,
        point: usize,
        into: Option<usize>,
        next: usize,
        island: Option<Island>,
    },
    Return {
        value: TokenStream,
        uses: Vec<Use>,
    },
}

/// An arm of a match.
#[derive(Debug)]
pub(super) struct Arm {
    pub(super) pat: TokenStream,
    pub(super) guard: Option<TokenStream>,
    pub(super) uses: Vec<Use>,
    pub(super) binds: Vec<usize>,
    pub(super) block: usize,
}

impl Block {
    pub(super) fn successors(&self) -> Vec<usize> {
        match &self.end {
            End::Never | End::Return { .. } => vec![],
            End::Goto(b) => vec![*b],
            End::Branch { then, other, .. } => vec![*then, *other],
            End::Match { arms, .. } => arms.iter().map(|a| a.block).collect(),
            End::Await { next, .. } => vec![*next],
        }
    }
}
