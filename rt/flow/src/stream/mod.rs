//! Stages that pass items on.
//!
//! ```text
//!  source ──edge──► map ──edge──► filter ──edge──► sink
//!            │ bounded: who finds it full waits, so the pace of the slowest
//!            │ stage is the pace of all, and memory is bounded
//! ```
//!
//! Each stage is one task of the runtime, or as many as it is told to be
//! ([`parallel`](Stage::parallel)); a parallel stage keeps the order of its items unless it is told
//! not to ([`unordered`](Stage::unordered)). Items travel in batches of what is there: an edge is
//! locked once per batch, never per item, and never waits for a batch to fill.
//!
//! **End.** A source that ends closes its edge; each stage passes on what is left, then closes its
//! own: nothing is lost. [`Control::drain`] ends the sources early, with the same effect.
//! [`Control::cancel`] drops what is under way. A stage that fails cancels the pipeline.
//!
//! # Guarantees
//!
//! * An edge never holds more than its [capacity](Stage::capacity), and a stage under way no more than
//!   a batch of 64 items per task: memory is bounded by the pipeline, whatever its sources give.
//! * Without a failure or cancel every item that leaves a source arrives, once, at each sink that its
//!   stages lead it to; in order, but behind [`unordered`](Stage::unordered) and
//!   [`merge`](Pipe::merge). Items for which a closure answers errors go where
//!   [`OnError`] says: nowhere silently, unless that says so.
//! * A panic ends the pipeline with the name of its stage.
//! * Under a seeded runtime ([`Pipeline::drive`]) a run is repeated exactly.

mod edge;
mod pipe;
mod pipeline;
mod stage;
mod work;

pub use edge::EdgeStats;
pub use pipe::{Collected, Pipe};
pub use pipeline::{Control, Pipeline, Report};
pub use stage::{DeadLetter, OnError, Stage};
