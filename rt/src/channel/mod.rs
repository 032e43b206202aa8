//! Channels between tasks.
//!
//! They work on any executor. Names and meaning are those of tokio (`mpsc`, `broadcast`, `oneshot`,
//! `watch`) and of async-channel (`mpmc`). What a dropped future loses or keeps stands in a table in
//! [`sync`](crate::sync).
//!
//! | channel | senders → receivers | a value goes to | when there is no room |
//! | --- | --- | --- | --- |
//! | [`mpsc`] | many → one | the receiver | [`channel`](mpsc::channel) waits, [`unbounded_channel`](mpsc::unbounded_channel) grows |
//! | [`spmc`] | one → many | one of the receivers | waits |
//! | [`mpmc`] | many → many | one of the receivers | waits or grows |
//! | [`broadcast`] | many → many | every receiver | the oldest value is lost, and the receiver told |
//! | [`watch`] | many → many | every receiver that looks in time | the value is replaced |
//! | [`oneshot`] | one → one | the receiver, once | – |
//!
//! `mpsc` and `spmc` take no lock to send or receive while nobody has to wait; a `broadcast` receiver locks
//! only the slot it reads, `mpmc` its queue.
//!
//! # Examples
//!
//! ```
//! use vitte_rt::channel::mpsc;
//!
//! vitte_rt::block_on(async {
//!     let (tx, mut rx) = mpsc::channel(16);
//!     vitte_rt::spawn(async move {
//!         for n in 0..3 {
//!             tx.send(n).await.unwrap();
//!         }
//!     });
//!     let mut sum = 0;
//!     while let Some(n) = rx.recv().await {
//!         sum += n;
//!     }
//!     assert_eq!(sum, 3);
//! });
//! ```

mod bell;
pub mod broadcast;
pub mod mpmc;
pub mod mpsc;
pub mod oneshot;
mod queue;
pub mod spmc;
pub mod watch;

#[cfg(all(test, loom))]
mod models;
