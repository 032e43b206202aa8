//! UDP sockets.

use std::future::poll_fn;
use std::io;
use std::net::{self, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Waker};

use super::addr::first_of;
use super::tcp::now;
use super::{ToSocketAddrs, datagrams};
use crate::reactor::{Async, Interest, no_drain};
use crate::runtime::Handle;

/// A UDP socket. A datagram longer than the buffer is cut off.
///
/// # Examples
///
/// ```
/// use vitte_rt::net::UdpSocket;
/// # vitte_rt::runtime::Runtime::new()?.block_on(async {
/// let (a, b) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
/// a.send_to(b"hello", b.local_addr()?).await?;
/// let mut buffer = [0; 16];
/// let (n, from) = b.recv_from(&mut buffer).await?;
/// assert_eq!((&buffer[..n], from), (&b"hello"[..], a.local_addr()?));
/// # std::io::Result::Ok(()) })?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct UdpSocket(Socket);

#[derive(Debug)]
enum Socket {
    Os(Async<net::UdpSocket>),
    Memory(datagrams::Socket),
}

/// Methods that only the operating system's sockets give a meaning to; on a socket in memory the
/// setters do nothing.
macro_rules! options {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*);)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// Those of the operating system.
        pub fn $name(&self, $($arg: $type),*) -> io::Result<()> {
            match &self.0 {
                Socket::Os(socket) => socket.get_ref().$name($($arg),*),
                Socket::Memory(_) => Ok(()),
            }
        }
    )*};
}

impl UdpSocket {
    /// Binds to an address (port 0: one that is free).
    ///
    /// # Errors
    ///
    /// Those of the operating system; a name that means nothing.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<UdpSocket> {
        let runtime = Handle::current();
        let bind = async |address| {
            if runtime.is_virtual() {
                let socket = datagrams::Socket::bind(&runtime.shared.loopback, address)?;
                return Ok(UdpSocket(Socket::Memory(socket)));
            }
            Self::from_std(net::UdpSocket::bind(address)?)
        };
        first_of(&address, &runtime, bind).await
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
    pub fn from_std(socket: net::UdpSocket) -> io::Result<UdpSocket> {
        socket.set_nonblocking(true)?;
        let shared = Handle::current().shared;
        Ok(UdpSocket(Socket::Os(Async::new(&shared, socket)?)))
    }

    /// Sets the peer of [`send`](Self::send); datagrams of others are no longer received.
    ///
    /// # Errors
    ///
    /// Those of the operating system; a name that means nothing.
    pub async fn connect(&self, address: impl ToSocketAddrs) -> io::Result<()> {
        let runtime = Handle::current();
        let connect = async |address| match &self.0 {
            Socket::Os(socket) => socket.get_ref().connect(address),
            Socket::Memory(socket) => {
                socket.connect(address);
                Ok(())
            }
        };
        first_of(&address, &runtime, connect).await
    }

    /// Sends a datagram to the peer of [`connect`](Self::connect).
    ///
    /// # Errors
    ///
    /// Those of the operating system; `NotConnected` without a peer.
    pub async fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.0 {
            Socket::Os(socket) => socket.io(Interest::Write, |s| s.send(bytes), no_drain).await,
            Socket::Memory(socket) => socket.send_to(bytes, socket.peer_addr()?),
        }
    }

    /// Sends a datagram.
    ///
    /// # Errors
    ///
    /// Those of the operating system; a name that means nothing.
    pub async fn send_to(&self, bytes: &[u8], address: impl ToSocketAddrs) -> io::Result<usize> {
        let runtime = Handle::current();
        let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "no address to send to");
        let peer = *address.resolve(&runtime).await?.first().ok_or_else(invalid)?;
        match &self.0 {
            Socket::Os(socket) => {
                socket.io(Interest::Write, |s| s.send_to(bytes, peer), no_drain).await
            }
            Socket::Memory(socket) => socket.send_to(bytes, peer),
        }
    }

    /// Receives a datagram; answers its length.
    ///
    /// # Errors
    ///
    /// Those of the operating system, among them `ConnectionRefused` for an earlier datagram to a
    /// connected peer.
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.receive(buffer, false).await.map(|(n, _)| n)
    }

    /// Receives a datagram; answers its length and where it came from.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.receive(buffer, false).await
    }

    /// As [`recv_from`](Self::recv_from), leaving the datagram for the next call.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub async fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.receive(buffer, true).await
    }

    /// As [`recv`](Self::recv), leaving the datagram for the next call.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.receive(buffer, true).await.map(|(n, _)| n)
    }

    /// Sends a datagram to the peer of [`connect`](Self::connect), without waiting.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and `WouldBlock` if there is no room.
    pub fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.0 {
            Socket::Os(socket) => socket.try_io(Interest::Write, |s| s.send(bytes), no_drain),
            Socket::Memory(socket) => socket.send_to(bytes, socket.peer_addr()?),
        }
    }

    /// Sends a datagram, without waiting.
    ///
    /// # Errors
    ///
    /// Those of the operating system, and `WouldBlock` if there is no room.
    pub fn try_send_to(&self, bytes: &[u8], peer: SocketAddr) -> io::Result<usize> {
        match &self.0 {
            Socket::Os(socket) => {
                socket.try_io(Interest::Write, |s| s.send_to(bytes, peer), no_drain)
            }
            Socket::Memory(socket) => socket.send_to(bytes, peer),
        }
    }

    /// Receives a datagram that is there; answers its length.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and `WouldBlock` if there is none.
    pub fn try_recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.try_recv_from(buffer).map(|(n, _)| n)
    }

    /// Receives a datagram that is there; answers its length and where it came from.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and `WouldBlock` if there is none.
    pub fn try_recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match &self.0 {
            Socket::Os(socket) => socket.try_io(Interest::Read, |s| s.recv_from(buffer), no_drain),
            Socket::Memory(socket) => {
                let cx = &mut Context::from_waker(Waker::noop());
                now(socket.poll_recv(cx, buffer, false))
            }
        }
    }

    /// Waits until a receive would not wait, or might not.
    ///
    /// # Errors
    ///
    /// Those of the poller.
    pub async fn readable(&self) -> io::Result<()> {
        match &self.0 {
            Socket::Os(socket) => socket.ready(Interest::Read).await,
            Socket::Memory(socket) => {
                poll_fn(|cx| socket.poll_recv(cx, &mut [], true)).await.map(drop)
            }
        }
    }

    /// Waits until a send would not wait, or might not.
    ///
    /// # Errors
    ///
    /// Those of the poller.
    pub async fn writable(&self) -> io::Result<()> {
        match &self.0 {
            Socket::Os(socket) => socket.ready(Interest::Write).await,
            Socket::Memory(_) => Ok(()),
        }
    }

    /// Gives the socket to the standard library, still in non-blocking mode.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a socket in memory.
    pub fn into_std(self) -> io::Result<net::UdpSocket> {
        match self.0 {
            Socket::Os(socket) => Ok(socket.into_inner()),
            Socket::Memory(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    async fn receive(&self, buffer: &mut [u8], keep: bool) -> io::Result<(usize, SocketAddr)> {
        match &self.0 {
            Socket::Os(socket) => {
                let receive = |s: &net::UdpSocket| {
                    if keep { s.peek_from(buffer) } else { s.recv_from(buffer) }
                };
                socket.io(Interest::Read, receive, no_drain).await
            }
            Socket::Memory(socket) => poll_fn(|cx| socket.poll_recv(cx, buffer, keep)).await,
        }
    }

    /// The own address.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Socket::Os(socket) => socket.get_ref().local_addr(),
            Socket::Memory(socket) => Ok(socket.local_addr()),
        }
    }

    /// The address of the peer it is connected to.
    ///
    /// # Errors
    ///
    /// `NotConnected` without a peer, and those of the operating system.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Socket::Os(socket) => socket.get_ref().peer_addr(),
            Socket::Memory(socket) => socket.peer_addr(),
        }
    }

    options! {
        /// Allows sending to broadcast addresses.
        set_broadcast(on: bool);
        /// Sets the hops that a datagram may take.
        set_ttl(hops: u32);
        /// Sets whether own multicast datagrams come back.
        set_multicast_loop_v4(on: bool);
        /// Joins a multicast group.
        join_multicast_v4(group: &Ipv4Addr, interface: &Ipv4Addr);
        /// Joins a multicast group.
        join_multicast_v6(group: &Ipv6Addr, interface: u32);
        /// Leaves a multicast group.
        leave_multicast_v4(group: &Ipv4Addr, interface: &Ipv4Addr);
        /// Leaves a multicast group.
        leave_multicast_v6(group: &Ipv6Addr, interface: u32);
    }
}
