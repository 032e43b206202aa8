//! Nodes that compute one value each.
//!
//! A node's body is run when its value is first needed in a run: by [`Node::get`] in another body,
//! or because [`Flow::run`] has come to it. Bodies run on several threads; the order in which the run
//! begins them is the order of their addition, in which dependencies come first because a body must
//! hold the handles that it reads. What a body reads is noted as it reads it; the next run uses
//! that: a node runs again only if something it read has changed.
//!
//! * V1: at most one thread evaluates a node.
//! * V2: a thread waits for a node only while another thread evaluates it, and only if that one
//!   does not wait, directly or not, for a node that the first thread evaluates: that is a cycle,
//!   and the error carries it.
//!
//! A body that needs a node nobody has begun evaluates it in place, on its own stack.

mod engine;
mod flow;
mod node;

pub use flow::{Flow, Input};
pub use node::{GetError, Node};
