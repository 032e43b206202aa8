//! TCP, over the poller or, in a seeded runtime, over an in-memory loopback.
//!
//! All methods take `&self`: one task may read while another writes. Dropping an operation before it
//! is ready withdraws it; no byte is lost (what was read was not yet taken, what was written counts).

mod loopback;
mod tcp;

use std::io;
use std::net::{Shutdown, SocketAddr};

pub(crate) use loopback::Loopback;

use crate::env::Event;
use crate::runtime::Handle;

/// A listening socket.
#[derive(Debug)]
pub struct TcpListener(Listener);

#[derive(Debug)]
enum Listener {
    Os(tcp::Listener),
    Memory(loopback::Listener),
}

/// A connection.
#[derive(Debug)]
pub struct TcpStream(Stream);

#[derive(Debug)]
enum Stream {
    Os(tcp::Stream),
    Memory(loopback::Stream, Handle),
}

/// The addresses that `host:port` means. Names are looked up on a thread for blocking work.
async fn resolve(address: &str, runtime: &Handle) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = address.parse() {
        return Ok(vec![address]);
    }
    if let Some(port) = address.strip_prefix("localhost:")
        && let Ok(port) = port.parse::<u16>()
    {
        return Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]);
    }
    if runtime.is_virtual() {
        let text = "a seeded run knows no names but localhost";
        return Err(io::Error::new(io::ErrorKind::Unsupported, text));
    }
    let address = address.to_string();
    let lookup = move || std::net::ToSocketAddrs::to_socket_addrs(&address).map(Vec::from_iter);
    runtime.spawn_blocking(lookup).await.map_err(io::Error::other)?
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "no address to use")
}

impl TcpListener {
    /// Binds to `host:port` (port 0: one that is free) and listens.
    ///
    /// # Errors
    ///
    /// Those of the operating system; a name that means nothing.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub async fn bind(address: &str) -> io::Result<TcpListener> {
        let runtime = Handle::current();
        let mut result = Err(no_address());
        for address in resolve(address, &runtime).await? {
            result = if runtime.is_virtual() {
                runtime.shared.loopback.listen(address).map(Listener::Memory)
            } else {
                tcp::Listener::bind(&runtime.shared, address).map(Listener::Os)
            };
            if result.is_ok() {
                break;
            }
        }
        result.map(TcpListener)
    }

    /// Waits for the next connection.
    ///
    /// # Errors
    ///
    /// Those of the operating system. When it has no descriptor to give, waits for one instead.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match &self.0 {
            Listener::Os(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((TcpStream(Stream::Os(stream)), peer))
            }
            Listener::Memory(listener) => {
                let (stream, peer) = listener.accept().await;
                Ok((TcpStream(Stream::Memory(stream, Handle::current())), peer))
            }
        }
    }

    /// The address it is bound to.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Listener::Os(listener) => listener.local_addr(),
            Listener::Memory(listener) => Ok(listener.local_addr()),
        }
    }
}

impl TcpStream {
    /// Connects to `host:port`.
    ///
    /// # Errors
    ///
    /// Those of the operating system; a name that means nothing.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub async fn connect(address: &str) -> io::Result<TcpStream> {
        let runtime = Handle::current();
        let mut result = Err(no_address());
        for address in resolve(address, &runtime).await? {
            result = if runtime.is_virtual() {
                let stream = runtime.shared.loopback.connect(address);
                stream.map(|stream| Stream::Memory(stream, runtime.clone()))
            } else {
                tcp::Stream::connect(&runtime.shared, address).await.map(Stream::Os)
            };
            if result.is_ok() {
                break;
            }
        }
        result.map(TcpStream)
    }

    /// Reads at least one byte, if `buffer` has room; 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.0 {
            Stream::Os(stream) => stream.read(buffer).await,
            Stream::Memory(stream, runtime) => {
                let n = stream.read(buffer).await?;
                runtime.shared.env.trace(Event::Bytes, n as u64, 0);
                Ok(n)
            }
        }
    }

    /// Writes at least one byte, if `bytes` has any; answers how many.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `BrokenPipe` if the peer is gone.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.0 {
            Stream::Os(stream) => stream.write(bytes).await,
            Stream::Memory(stream, _) => stream.write(bytes).await,
        }
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::write`]; `WriteZero` if the system takes no more.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write(bytes).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => bytes = &bytes[n..],
            }
        }
        Ok(())
    }

    /// Ends one direction or both.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match &self.0 {
            Stream::Os(stream) => stream.shutdown(how),
            Stream::Memory(stream, _) => {
                stream.shutdown(how);
                Ok(())
            }
        }
    }

    /// Sends small pieces at once instead of collecting them.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        match &self.0 {
            Stream::Os(stream) => stream.set_nodelay(on),
            Stream::Memory(..) => Ok(()),
        }
    }

    /// The own address.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Stream::Os(stream) => stream.local_addr(),
            Stream::Memory(stream, _) => Ok(stream.local_addr()),
        }
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Stream::Os(stream) => stream.peer_addr(),
            Stream::Memory(stream, _) => Ok(stream.peer_addr()),
        }
    }
}
