//! Sockets: TCP, UDP and, on Unix, Unix sockets and pipes.
//!
//! In a runtime on a real clock they are the operating system's, over the reactor. In a seeded
//! runtime TCP and UDP are in memory ([`TcpListener`], [`TcpStream`], [`UdpSocket`] behave the same,
//! names but `localhost` are unknown), and everything else is refused with
//! [`Unsupported`](std::io::ErrorKind::Unsupported).
//!
//! All methods take `&self`: one task may read while another writes, and several may wait for the
//! same thing. The traits of `futures-io` are implemented for the types and for references to
//! them; through the traits one task per direction waits, the one that polled last.
//!
//! # Dropping an operation
//!
//! | operation | dropped before it is ready |
//! | --- | --- |
//! | `connect`, `bind`, `lookup_host` | the socket is closed; a look-up under way ends unheard |
//! | `accept`, `recv`, `recv_from`, `peek`, `peek_from` | nothing is lost: the next call gets it |
//! | `read`, `read_vectored` | nothing is lost: no byte was taken |
//! | `write`, `write_vectored`, `send`, `send_to` | nothing was written |
//! | `write_all` | some of the bytes may have been written, it is not said how many |
//! | `readable`, `writable` | nothing is lost |
//!
//! # Unix only
//!
//! [`unix`] (streams, listeners, datagrams, pipes), and descriptors in
//! [`io::AsyncFd`](crate::io::AsyncFd). The rest needs what the `polling` crate supports; it is
//! tested on Linux.

mod accept;
mod addr;
mod datagrams;
mod halves;
mod loopback;
mod socket;
mod stream;
pub mod tcp;
mod udp;
#[cfg(unix)]
pub mod unix;

pub use addr::{ToSocketAddrs, lookup_host};
pub(crate) use loopback::Loopback;
pub use socket::TcpSocket;
pub(crate) use stream::{forward_read, forward_write};
pub use tcp::{TcpListener, TcpStream};
pub use udp::UdpSocket;
#[cfg(unix)]
pub use unix::{UnixDatagram, UnixListener, UnixStream};

use crate::runtime::Handle;
use std::io;

/// Refuses what a seeded runtime has no double of, and in a forked child everything.
///
/// # Errors
///
/// `Unsupported`.
pub(crate) fn allow_real(runtime: &Handle, what: &str) -> io::Result<()> {
    if runtime.is_virtual() {
        let text = format!("a seeded run has no {what}");
        return Err(io::Error::new(io::ErrorKind::Unsupported, text));
    }
    crate::fork::check(&runtime.shared)
}
