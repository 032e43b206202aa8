//! Streams: futures of many values.
//!
//! Receivers ([`mpsc`](crate::channel::mpsc), [`mpmc`](crate::channel::mpmc)) and
//! [`Interval`](crate::time::Interval) are streams; receivers that can lag or skip become one
//! ([`broadcast`](crate::channel::broadcast::Receiver::into_stream),
//! [`watch`](crate::channel::watch::Receiver::into_stream)).
//!
//! The combinators are those of futures-lite. Of the two usual collections it is the one without macros,
//! executors and channels of its own, which this crate has; streams of either fit, since both are
//! `futures_core`'s.
//!
//! # Examples
//!
//! ```
//! use vitte_rt::{channel::mpsc, stream::StreamExt};
//!
//! vitte_rt::block_on(async {
//!     let (tx, rx) = mpsc::unbounded_channel();
//!     (1..=4).for_each(|n| tx.send(n).unwrap());
//!     drop(tx);
//!     let even: Vec<i32> = rx.filter(|n| n % 2 == 0).map(|n| n * 10).collect().await;
//!     assert_eq!(even, [20, 40]);
//! });
//! ```

pub use futures_core::Stream;
pub use futures_lite::stream::{
    Boxed, StreamExt, block_on, empty, iter, once, or, pending, poll_fn, repeat, try_unfold, unfold,
};
