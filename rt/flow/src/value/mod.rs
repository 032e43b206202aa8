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
//! * V3: a seeded run has one thread. What is under way and not on its stack is a future.
//!
//! A body that needs a node nobody has begun evaluates it in place, on its own stack. The body of an
//! async node runs as any other and leaves a future, which goes on as a task of the run's runtime: it
//! holds no thread, so all of them wait together.
//!
//! # Guarantees
//!
//! * A body is run at most once per run, and only if it never ran, failed in the last run, or something
//!   that it read or was declared to come after has changed.
//! * Whoever reads a value sees that of this run; a circle is an error with its path, never a deadlock,
//!   on whichever threads its nodes are evaluated.
//! * A panic ends the run with its node's name. What was computed before stays, and the next run goes
//!   on from there; futures that are under way then are dropped.
//! * [`Flow::seed`] repeats a run exactly.

mod engine;
mod flow;
mod node;

pub use flow::{Flow, Input};
pub use node::{GetError, Node};
