//! Unix sockets and pipes. Unix only; not in seeded runtimes.

mod datagram;
pub mod pipe;
mod stream;

pub use datagram::UnixDatagram;
pub use stream::{
    Incoming, OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, UnixListener, UnixStream,
    WriteHalf,
};

pub use std::os::unix::net::SocketAddr;
