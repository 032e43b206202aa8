//! Data flow on the runtime, in two forms.
//!
//! **Values**: nodes that compute one value each, on demand, once, in parallel where they do not need
//! each other ([`Flow`], [`Node`]).
//!
//! ```
//! use vitte_flow::{Flow, Node};
//!
//! let mut flow = Flow::new();
//! let a = flow.node("A", || 1);
//! let b = flow.node("B", || 2);
//! let sum: Node<i32> = flow.node("Sum", move || a.get() + b.get());
//! flow.run()?;
//! assert_eq!(sum.get(), 3);
//! # Ok::<(), vitte_flow::FlowError>(())
//! ```
//!
//! **Streams**: stages that pass items on through bounded edges, so that a slow stage slows down what
//! feeds it ([`Pipeline`], [`Pipe`]).
//!
//! ```
//! use vitte_flow::{Pipeline, Stage};
//!
//! let line = Pipeline::new();
//! let squares = line
//!     .source("numbers", 1..=5_u64)
//!     .map(Stage::named("square").parallel(2), |n| n * n)
//!     .filter("odd", |n| n % 2 == 1)
//!     .collect("squares");
//! line.run(2)?;
//! assert_eq!(squares.take(), [1, 9, 25]);
//! # Ok::<(), vitte_flow::FlowError>(())
//! ```
#![forbid(unsafe_code)]

mod error;

mod dot;

pub mod value;

pub mod stream;

pub use error::FlowError;
pub use stream::{Control, OnError, Pipe, Pipeline, Stage};
pub use value::{Flow, Input, Node};
