//! Many senders, one receiver.
//!
//! [`channel`] has room for a number of messages, and senders wait for room; [`unbounded_channel`]
//! grows. Sending and receiving take no lock while nobody has to wait, and allocate nothing in a steady
//! stream.
//!
//! The channel closes when the receiver is dropped or says [`close`](Receiver::close) (then no more is
//! sent and what was sent can still be received), or when the last sender is dropped.

mod bounded;
mod chan;
pub mod error;
mod unbounded;

pub use bounded::{OwnedPermit, Permit, PermitIterator, Receiver, Sender, WeakSender, channel};
pub use unbounded::{UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel};
