//! UDP in memory, for seeded runs: a mailbox per port.
//!
//! A datagram for a port that nobody has is lost, and so is one for a mailbox that is full; the
//! sender is not told, as on a network. Injected faults lose, double and reorder more of them.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use super::loopback::{Loopback, Net, descriptor, wait};
use crate::env::{Choice, Env};
use crate::inject::Inject;

/// Datagrams that wait to be received, at most.
const MAILBOX: usize = 256;
/// Bytes of a datagram, at most.
const MAX_BYTES: usize = 65_507;

/// What has come for one port.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    waiting: VecDeque<(Vec<u8>, SocketAddr)>,
    wakers: Vec<Waker>,
}

/// A socket.
pub(crate) struct Socket {
    net: Arc<Mutex<Net>>,
    address: SocketAddr,
    mailbox: Arc<Mutex<Mailbox>>,
    peer: Mutex<Option<SocketAddr>>,
    env: Arc<dyn Env>,
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Socket").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Socket {
    pub(crate) fn bind(network: &Loopback, mut address: SocketAddr) -> io::Result<Self> {
        descriptor(&*network.env)?;
        let mut net = network.net().lock();
        if address.port() == 0 {
            address.set_port(net.free_port());
        }
        if net.mailboxes.contains_key(&address.port()) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let mailbox = Arc::<Mutex<Mailbox>>::default();
        net.mailboxes.insert(address.port(), mailbox.clone());
        let (net, env) = (network.net().clone(), network.env.clone());
        Ok(Socket { net, address, mailbox, peer: Mutex::new(None), env })
    }

    pub(crate) fn connect(&self, peer: SocketAddr) {
        *self.peer.lock() = Some(peer);
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.peer.lock().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    pub(crate) fn send_to(&self, bytes: &[u8], peer: SocketAddr) -> io::Result<usize> {
        if bytes.len() > MAX_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a datagram that long"));
        }
        let mailbox = self.net.lock().mailboxes.get(&peer.port()).cloned();
        let Some(mailbox) = mailbox else { return Ok(bytes.len()) };
        let mut mailbox = mailbox.lock();
        let datagram = (bytes.to_vec(), self.address);
        if self.env.strikes(Inject::DATAGRAMS) {
            match self.env.choose(3, Choice::Amount) {
                0 => {}
                1 => mailbox.waiting.extend([datagram.clone(), datagram]),
                _ => {
                    let before_last = mailbox.waiting.len().saturating_sub(1);
                    mailbox.waiting.insert(before_last, datagram);
                }
            }
        } else if mailbox.waiting.len() < MAILBOX {
            mailbox.waiting.push_back(datagram);
        }
        let wakers = std::mem::take(&mut mailbox.wakers);
        drop(mailbox);
        wakers.into_iter().for_each(Waker::wake);
        Ok(bytes.len())
    }

    /// The next datagram, of the peer only if connected; what does not fit is cut off. `keep`: it
    /// stays for the next call.
    pub(crate) fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        keep: bool,
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        let peer = *self.peer.lock();
        let mut mailbox = self.mailbox.lock();
        mailbox.waiting.retain(|(_, from)| peer.is_none_or(|peer| peer.port() == from.port()));
        let Some((bytes, from)) = mailbox.waiting.front() else {
            return wait(&mut mailbox.wakers, cx);
        };
        let (n, from) = (bytes.len().min(buffer.len()), *from);
        buffer[..n].copy_from_slice(&bytes[..n]);
        if !keep {
            mailbox.waiting.pop_front();
        }
        Poll::Ready(Ok((n, from)))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.net.lock().mailboxes.remove(&self.address.port());
    }
}
