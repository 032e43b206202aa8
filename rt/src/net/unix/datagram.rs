//! Unix datagram sockets.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;

use crate::net::allow_real;
use crate::reactor::{Async, Interest, no_drain};
use crate::runtime::Handle;

/// A Unix datagram socket. Datagrams are neither lost nor reordered; one longer than the buffer is
/// cut off.
///
/// # Examples
///
/// ```
/// use vitte_rt::net::UnixDatagram;
/// # vitte_rt::runtime::Runtime::new()?.block_on(async {
/// let (a, b) = UnixDatagram::pair()?;
/// a.send(b"hello").await?;
/// let mut buffer = [0; 16];
/// assert_eq!(b.recv(&mut buffer).await?, 5);
/// # std::io::Result::Ok(()) })?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct UnixDatagram(Async<net::UnixDatagram>);

impl UnixDatagram {
    /// Binds to a path, which must not exist.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `Unsupported` in a seeded runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixDatagram> {
        allow_real(&Handle::current(), "Unix sockets")?;
        Self::from_std(net::UnixDatagram::bind(path)?)
    }

    /// A socket without an address.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `Unsupported` in a seeded runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn unbound() -> io::Result<UnixDatagram> {
        Self::from_std(net::UnixDatagram::unbound()?)
    }

    /// Two connected sockets.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `Unsupported` in a seeded runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (a, b) = net::UnixDatagram::pair()?;
        Ok((Self::from_std(a)?, Self::from_std(b)?))
    }

    /// Takes a socket of the standard library over.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `Unsupported` in a seeded runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn from_std(socket: net::UnixDatagram) -> io::Result<UnixDatagram> {
        socket.set_nonblocking(true)?;
        Ok(UnixDatagram(Async::new(&Handle::current().shared, socket)?))
    }

    /// Sets the peer of [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.0.get_ref().connect(path)
    }

    /// Sends a datagram to the peer.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `NotConnected` without a peer.
    pub async fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.io(Interest::Write, |s| s.send(bytes), no_drain).await
    }

    /// Sends a datagram.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn send_to(&self, bytes: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        let path = path.as_ref();
        self.0.io(Interest::Write, |s| s.send_to(bytes, path), no_drain).await
    }

    /// Receives a datagram; answers its length.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.io(Interest::Read, |s| s.recv(buffer), no_drain).await
    }

    /// Receives a datagram; answers its length and where it came from.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.io(Interest::Read, |s| s.recv_from(buffer), no_drain).await
    }

    /// Ends one direction or both.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.get_ref().shutdown(how)
    }

    /// The own address.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().local_addr()
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().peer_addr()
    }
}
