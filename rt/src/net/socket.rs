//! TCP sockets before they listen or are connected.

use std::io;
use std::net::{self, SocketAddr};
use std::sync::Arc;

use socket2::{Domain, Protocol, Type};

use super::{TcpListener, TcpStream};
use crate::reactor::{Async, Interest, no_drain};
use crate::runtime::Handle;
use crate::scheduler::Shared;

/// A socket that neither listens nor is connected yet, to set options on. Not in seeded runtimes.
///
/// # Examples
///
/// ```
/// use vitte_rt::net::TcpSocket;
/// # vitte_rt::runtime::Runtime::new()?.block_on(async {
/// let address = "127.0.0.1:0".parse().unwrap();
/// let socket = TcpSocket::new(address)?;
/// socket.set_reuseaddr(true)?;
/// socket.bind(address)?;
/// assert_ne!(socket.listen(16)?.local_addr()?.port(), 0);
/// # std::io::Result::Ok(()) })?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct TcpSocket {
    socket: socket2::Socket,
    runtime: Handle,
}

impl TcpSocket {
    /// A socket for the family of `address`.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `Unsupported` in a seeded runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn new(address: SocketAddr) -> io::Result<TcpSocket> {
        Self::of(Domain::for_address(address))
    }

    /// A socket for IPv4.
    ///
    /// # Errors
    ///
    /// As [`TcpSocket::new`].
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn new_v4() -> io::Result<TcpSocket> {
        Self::of(Domain::IPV4)
    }

    /// A socket for IPv6.
    ///
    /// # Errors
    ///
    /// As [`TcpSocket::new`].
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn new_v6() -> io::Result<TcpSocket> {
        Self::of(Domain::IPV6)
    }

    fn of(domain: Domain) -> io::Result<TcpSocket> {
        let runtime = Handle::current();
        super::allow_real(&runtime, "sockets of the operating system")?;
        let socket = socket2::Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        Ok(TcpSocket { socket, runtime })
    }

    /// Allows an address that closed connections still use.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn set_reuseaddr(&self, on: bool) -> io::Result<()> {
        self.socket.set_reuse_address(on)
    }

    /// Lets several sockets listen at the same address; the system shares connections out among them.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    #[cfg(unix)]
    pub fn set_reuseport(&self, on: bool) -> io::Result<()> {
        let (on, bytes) = (libc::c_int::from(on), size_of::<libc::c_int>() as libc::socklen_t);
        let fd = std::os::fd::AsRawFd::as_raw_fd(&self.socket);
        let value = (&raw const on).cast();
        // SAFETY: the descriptor is open, and the value has that many bytes.
        match unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, value, bytes) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Sends small pieces at once instead of collecting them.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.socket.set_tcp_nodelay(on)
    }

    /// Asks a silent peer now and then whether it is there.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn set_keepalive(&self, on: bool) -> io::Result<()> {
        self.socket.set_keepalive(on)
    }

    /// The address it is bound to.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let address = self.socket.local_addr()?.as_socket();
        address.ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }

    /// Sets the kernel's buffer for what was received.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn set_recv_buffer_size(&self, bytes: u32) -> io::Result<()> {
        self.socket.set_recv_buffer_size(bytes as usize)
    }

    /// Sets the kernel's buffer for what is to be sent.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn set_send_buffer_size(&self, bytes: u32) -> io::Result<()> {
        self.socket.set_send_buffer_size(bytes as usize)
    }

    /// Binds to an address.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn bind(&self, address: SocketAddr) -> io::Result<()> {
        self.socket.bind(&address.into())
    }

    /// Listens, with room for `backlog` connections that wait to be accepted.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        self.socket.listen(backlog.min(i32::MAX as u32) as i32)?;
        let listener = Async::new(&self.runtime.shared, self.socket.into())?;
        Ok(TcpListener::over(listener))
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn connect(self, address: SocketAddr) -> io::Result<TcpStream> {
        connect_os(&self.runtime.shared, self.socket, address).await
    }
}

/// Starts to connect, and waits until it is decided.
async fn connect_os(
    shared: &Arc<Shared>,
    socket: socket2::Socket,
    address: SocketAddr,
) -> io::Result<TcpStream> {
    let at_once = match socket.connect(&address.into()) {
        Ok(()) => true,
        Err(e) if e.raw_os_error() == Some(libc::EINPROGRESS) => false,
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => false,
        Err(e) => return Err(e),
    };
    let socket = net::TcpStream::from(socket);
    if at_once {
        return Ok(TcpStream::over(Async::new(shared, socket)?));
    }
    let stream = Async::new_waiting(shared, socket)?;
    let connected = |socket: &net::TcpStream| {
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        match socket.peer_addr() {
            Err(e) if e.kind() == io::ErrorKind::NotConnected => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            result => result,
        }
    };
    stream.io(Interest::Write, connected, no_drain).await?;
    Ok(TcpStream::over(stream))
}
