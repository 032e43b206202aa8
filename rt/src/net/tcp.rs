//! TCP sockets of the operating system.

use std::io::{self, Read, Write};
use std::net::{self, Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::reactor::{Interest, Registration};
use crate::scheduler::Shared;

/// Connections that wait to be accepted, at most.
const BACKLOG: i32 = 1024;
/// How long `accept` waits when the system has no descriptor to give.
const NO_DESCRIPTOR: Duration = Duration::from_millis(10);

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A listener. The registration comes first: it is dropped before the socket is closed.
#[derive(Debug)]
pub(crate) struct Listener {
    registration: Registration,
    socket: net::TcpListener,
}

impl Listener {
    pub(crate) fn bind(shared: &Arc<Shared>, address: SocketAddr) -> io::Result<Self> {
        let socket = socket(address)?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let socket = net::TcpListener::from(socket);
        // SAFETY: the registration is dropped before the socket.
        let registration = unsafe { Registration::new(shared, &socket) }?;
        Ok(Listener { registration, socket })
    }

    pub(crate) async fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        loop {
            let accepted = self.registration.io(Interest::Read, || self.socket.accept()).await;
            match accepted {
                Ok((socket, peer)) => {
                    socket.set_nonblocking(true)?;
                    return Ok((Stream::new(self.registration.shared(), socket)?, peer));
                }
                Err(e) if is_out_of_descriptors(&e) => crate::time::sleep(NO_DESCRIPTOR).await,
                // The peer was gone before we came: the next one, please.
                Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(e) => return Err(e),
            }
        }
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

#[cfg(unix)]
fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// A connection. The registration comes first: it is dropped before the socket is closed.
#[derive(Debug)]
pub(crate) struct Stream {
    registration: Registration,
    socket: net::TcpStream,
}

impl Stream {
    fn new(shared: &Arc<Shared>, socket: net::TcpStream) -> io::Result<Self> {
        // SAFETY: the registration is dropped before the socket.
        let registration = unsafe { Registration::new(shared, &socket) }?;
        Ok(Stream { registration, socket })
    }

    pub(crate) async fn connect(shared: &Arc<Shared>, address: SocketAddr) -> io::Result<Self> {
        let socket = socket(address)?;
        match socket.connect(&address.into()) {
            Ok(()) => return Stream::new(shared, socket.into()),
            Err(e) if e.raw_os_error() == Some(libc::EINPROGRESS) => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
        let stream = Stream::new(shared, socket.into())?;
        let connected = || {
            if let Some(error) = stream.socket.take_error()? {
                return Err(error);
            }
            match stream.socket.peer_addr() {
                Ok(_) => Ok(()),
                Err(e) if e.kind() == io::ErrorKind::NotConnected => {
                    Err(io::ErrorKind::WouldBlock.into())
                }
                Err(e) => Err(e),
            }
        };
        stream.registration.io(Interest::Write, connected).await?;
        Ok(stream)
    }

    pub(crate) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.registration.io(Interest::Read, || (&self.socket).read(buffer)).await
    }

    pub(crate) async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.registration.io(Interest::Write, || (&self.socket).write(bytes)).await
    }

    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.shutdown(how)
    }

    pub(crate) fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.socket.set_nodelay(on)
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }
}
