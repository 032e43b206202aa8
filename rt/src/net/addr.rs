//! What an address may be given as, and looking names up.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use super::allow_real;
use crate::runtime::Handle;

/// Something that means socket addresses: an address, `"host:port"`, `("host", port)`, or several
/// addresses. What needs no look-up costs none; names are looked up on a thread for blocking work.
pub trait ToSocketAddrs {
    /// The addresses, in the order in which they are to be tried.
    ///
    /// # Errors
    ///
    /// A name that means nothing, a text that is no address; `Unsupported` for names other than
    /// `localhost` in a seeded runtime.
    #[doc(hidden)]
    fn resolve(&self, runtime: &Handle)
    -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;
}

/// Looks a name up.
///
/// # Errors
///
/// A name that means nothing; `Unsupported` in a seeded runtime, but for `localhost`.
///
/// # Panics
///
/// Outside of a runtime.
///
/// # Examples
///
/// ```
/// # vitte_rt::runtime::Runtime::new()?.block_on(async {
/// let addresses: Vec<_> = vitte_rt::net::lookup_host("127.0.0.1:80").await?.collect();
/// assert_eq!(addresses, ["127.0.0.1:80".parse().unwrap()]);
/// # std::io::Result::Ok(()) })?;
/// # std::io::Result::Ok(())
/// ```
pub async fn lookup_host(host: impl ToSocketAddrs) -> io::Result<impl Iterator<Item = SocketAddr>> {
    let runtime = Handle::current();
    host.resolve(&runtime).await.map(Vec::into_iter)
}

/// Tries the addresses one after the other until one works; the last error if none does.
pub(super) async fn first_of<T, F: Future<Output = io::Result<T>>>(
    addresses: &impl ToSocketAddrs,
    runtime: &Handle,
    attempt: impl Fn(SocketAddr) -> F,
) -> io::Result<T> {
    let mut result = Err(io::Error::new(io::ErrorKind::InvalidInput, "no address to use"));
    for address in addresses.resolve(runtime).await? {
        result = attempt(address).await;
        if result.is_ok() {
            break;
        }
    }
    result
}

/// The addresses of a name.
async fn look_up(host: &str, port: u16, runtime: &Handle) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    if runtime.is_virtual() && host == "localhost" {
        return Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]);
    }
    allow_real(runtime, "names but localhost")?;
    let host = host.to_string();
    let body = move || std::net::ToSocketAddrs::to_socket_addrs(&(host, port)).map(Vec::from_iter);
    crate::fs::on_thread(body).await
}

impl ToSocketAddrs for str {
    async fn resolve(&self, runtime: &Handle) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = self.parse() {
            return Ok(vec![address]);
        }
        let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "an address is host:port");
        let (host, port) = self.rsplit_once(':').ok_or_else(invalid)?;
        look_up(host, port.parse().map_err(|_| invalid())?, runtime).await
    }
}

impl ToSocketAddrs for (&str, u16) {
    async fn resolve(&self, runtime: &Handle) -> io::Result<Vec<SocketAddr>> {
        look_up(self.0, self.1, runtime).await
    }
}

impl ToSocketAddrs for String {
    async fn resolve(&self, runtime: &Handle) -> io::Result<Vec<SocketAddr>> {
        self.as_str().resolve(runtime).await
    }
}

impl ToSocketAddrs for (String, u16) {
    async fn resolve(&self, runtime: &Handle) -> io::Result<Vec<SocketAddr>> {
        look_up(&self.0, self.1, runtime).await
    }
}

impl ToSocketAddrs for [SocketAddr] {
    async fn resolve(&self, _: &Handle) -> io::Result<Vec<SocketAddr>> {
        Ok(self.to_vec())
    }
}

impl<T: ToSocketAddrs + ?Sized + Sync> ToSocketAddrs for &T {
    async fn resolve(&self, runtime: &Handle) -> io::Result<Vec<SocketAddr>> {
        (**self).resolve(runtime).await
    }
}

/// Types that are one address already.
macro_rules! plain {
    ($($type:ty),*) => {$(
        impl ToSocketAddrs for $type {
            async fn resolve(&self, _: &Handle) -> io::Result<Vec<SocketAddr>> {
                Ok(vec![SocketAddr::from(*self)])
            }
        }
    )*};
}

plain!(SocketAddr, SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16));
