//! TCP for Vitte programs.
//!
//! A listener or stream is a handle over the runtime's socket. Closing it ends the operations that wait
//! on it, in whatever task they are; the socket itself goes with the last of them.
//!
//! Reads, writes and accepts live in the frame that awaits them and borrow a buffer of the thread for
//! the moment of the transfer: what a read allocates is the text that it gives.

use super::handle;
use super::object::{Obj, TypeDesc};
use super::op::{Area, Boxed, KeptText, Operation, finish, finish_count, operations, owned_text};
use super::string;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::{Error, ErrorKind, Result};
use std::net::{Shutdown, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use vitte_abi::{vt_ctx, vt_status};
use vitte_rt::coroutine::OpCx;
use vitte_rt::net::{TcpListener, TcpStream};

/// Largest read at once: the buffer that a thread keeps.
const MAX_READ: usize = 64 << 10;

std::thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Lock of a short section that does not panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the handle of a listener or stream stands for.
struct Socket<T> {
    /// `None` once closed.
    inner: Mutex<Option<Arc<T>>>,
    /// Operations to be woken by a close.
    waiters: Mutex<Vec<Waker>>,
    /// Bytes of a character of which the rest has not come yet.
    rest: Mutex<Vec<u8>>,
}

impl<T> Socket<T> {
    fn new(inner: T) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::new(Some(Arc::new(inner))),
            waiters: Mutex::default(),
            rest: Mutex::default(),
        })
    }

    fn get(&self) -> Result<Arc<T>> {
        lock(&self.inner).clone().ok_or_else(|| ErrorKind::NotConnected.into())
    }

    fn close(&self) -> Option<Arc<T>> {
        let inner = lock(&self.inner).take();
        let waiters = std::mem::take(&mut *lock(&self.waiters));
        waiters.into_iter().for_each(Waker::wake);
        inner
    }

    /// Whether it is closed; otherwise a close will wake the task.
    fn poll_closed(&self, cx: &Context<'_>) -> bool {
        let mut waiters = lock(&self.waiters);
        if lock(&self.inner).is_none() {
            return true;
        }
        if !waiters.iter().any(|w| w.will_wake(cx.waker())) {
            waiters.push(cx.waker().clone());
        }
        false
    }

    /// Forgets a waiter.
    fn leave(&self, waker: &Waker) {
        lock(&self.waiters).retain(|w| !w.will_wake(waker));
    }

    /// Polls `work`, which ends when the socket is closed.
    fn poll_open<R>(
        &self,
        work: Pin<&mut impl Future<Output = Result<R>>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<R>> {
        match work.poll(cx) {
            Poll::Ready(result) => {
                self.leave(cx.waker());
                Poll::Ready(result)
            }
            Poll::Pending if self.poll_closed(cx) => {
                Poll::Ready(Err(ErrorKind::NotConnected.into()))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

type Listening = Socket<TcpListener>;
type Connection = Socket<TcpStream>;

/// The handle behind an argument.
///
/// # Safety
///
/// `object` is a living handle of a listener or stream.
unsafe fn obj_of(object: *mut u8) -> Obj {
    // SAFETY: the caller vouches for the object.
    unsafe { Obj::from_raw(object) }.expect("I: a handle argument is not null")
}

/// Closes a listener or stream. Twice is harmless.
///
/// # Safety
///
/// `object` is a living listener or stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_handle_close(_ctx: *mut vt_ctx, object: *mut u8) {
    // SAFETY: the caller vouches for the object.
    let obj = unsafe { obj_of(object) };
    // SAFETY: as above.
    if let Some(stream) = unsafe { handle::try_body::<Connection>(obj) } {
        if let Some(stream) = stream.close() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    // SAFETY: as above.
    } else if let Some(listener) = unsafe { handle::try_body::<Listening>(obj) } {
        drop(listener.close());
    }
}

/// Address of a socket's own end, or of its peer's.
///
/// # Safety
///
/// `object` is a living listener or stream.
unsafe fn address_of(object: *mut u8, peer: bool) -> Result<SocketAddr> {
    // SAFETY: the caller vouches for the object.
    let obj = unsafe { obj_of(object) };
    // SAFETY: as above.
    if let Some(stream) = unsafe { handle::try_body::<Connection>(obj) } {
        let stream = stream.get()?;
        return if peer { stream.peer_addr() } else { stream.local_addr() };
    }
    // SAFETY: as above.
    let listener = unsafe { handle::try_body::<Listening>(obj) };
    listener.ok_or(ErrorKind::InvalidInput)?.get()?.local_addr()
}

/// Port that a listener is bound to; 0 if it is closed.
///
/// # Safety
///
/// `object` is a living listener.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_listener_port(_ctx: *mut vt_ctx, object: *mut u8) -> i64 {
    // SAFETY: the caller vouches for the object.
    unsafe { address_of(object, false) }.map_or(0, |a| i64::from(a.port()))
}

/// Own `host:port`, empty if closed; null if memory is short.
///
/// # Safety
///
/// `object` is a living listener or stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_local_address(_ctx: *mut vt_ctx, object: *mut u8) -> *mut u8 {
    // SAFETY: the caller vouches for the object.
    let address = unsafe { address_of(object, false) };
    string::raw(&address.map_or(String::new(), |a| a.to_string()))
}

/// The peer's `host:port`, empty if closed; null if memory is short.
///
/// # Safety
///
/// `object` is a living stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_peer_address(_ctx: *mut vt_ctx, object: *mut u8) -> *mut u8 {
    // SAFETY: the caller vouches for the object.
    let address = unsafe { address_of(object, true) };
    string::raw(&address.map_or(String::new(), |a| a.to_string()))
}

/// A descriptor that an operation keeps.
fn desc_of(desc: *const TypeDesc) -> &'static TypeDesc {
    // SAFETY: generated code passes static descriptors.
    unsafe { &*desc }
}

fn listen(_cx: OpCx<'_>, area: Area, (address, desc): (*mut u8, *const TypeDesc)) -> Boxed {
    let (address, desc) = (owned_text(address), desc_of(desc));
    Box::pin(async move {
        let listener = TcpListener::bind(&address).await;
        finish(area, listener.map(|l| handle::new(desc, Socket::new(l))))
    })
}

fn accept(
    _cx: OpCx<'_>,
    area: Area,
    (object, desc): (*mut u8, *const TypeDesc),
) -> impl Operation + use<> {
    // SAFETY: generated code passes a living listener.
    let obj = unsafe { obj_of(object) };
    // SAFETY: as above.
    let socket = unsafe { handle::body::<Listening>(obj) };
    let desc = desc_of(desc);
    async move {
        let accepted = match socket.get() {
            Ok(listener) => {
                let mut accepting = pin!(listener.accept());
                poll_fn(|cx| socket.poll_open(accepting.as_mut(), cx)).await
            }
            Err(e) => Err(e),
        };
        finish(area, accepted.map(|(s, _)| handle::new(desc, Socket::new(s))))
    }
}

fn connect(_cx: OpCx<'_>, area: Area, (address, desc): (*mut u8, *const TypeDesc)) -> Boxed {
    let (address, desc) = (owned_text(address), desc_of(desc));
    Box::pin(async move {
        let stream = TcpStream::connect(&address).await.inspect(|s| {
            let _ = s.set_nodelay(true);
        });
        finish(area, stream.map(|s| handle::new(desc, Socket::new(s))))
    })
}

/// The stream behind an argument.
fn connection_of(object: *mut u8) -> Arc<Connection> {
    // SAFETY: generated code passes a living stream.
    let obj = unsafe { obj_of(object) };
    // SAFETY: as above.
    unsafe { handle::body(obj) }
}

/// Takes the text out of `bytes`, with U+FFFD for what is no UTF-8; the start of a character is left
/// for later, unless the stream has `ended`.
fn take_text(bytes: &mut Vec<u8>, ended: bool) -> String {
    let mut text = String::new();
    while !bytes.is_empty() {
        let (valid, broken) = match std::str::from_utf8(bytes) {
            Ok(all) => (all.len(), 0),
            Err(e) => match e.error_len() {
                Some(n) => (e.valid_up_to(), n),
                None if ended => (e.valid_up_to(), bytes.len() - e.valid_up_to()),
                None => (e.valid_up_to(), 0),
            },
        };
        text.push_str(std::str::from_utf8(&bytes[..valid]).unwrap_or(""));
        if broken > 0 {
            text.push(char::REPLACEMENT_CHARACTER);
        }
        bytes.drain(..valid + broken);
        if broken == 0 {
            break;
        }
    }
    text
}

/// Reads what is there, at most `room` bytes, and makes a text of it; empty at the end. `WouldBlock` if
/// nothing is there, or the start of a character only.
fn try_read_text(socket: &Connection, stream: &TcpStream, room: usize) -> Result<Option<Obj>> {
    BUFFER.with_borrow_mut(|buffer| {
        if buffer.is_empty() {
            buffer.try_reserve_exact(MAX_READ).map_err(|_| ErrorKind::OutOfMemory)?;
            buffer.resize(MAX_READ, 0);
        }
        let n = stream.try_read(&mut buffer[..room])?;
        let bytes = &buffer[..n];
        let mut rest = lock(&socket.rest);
        if let (true, Ok(text)) = (rest.is_empty(), std::str::from_utf8(bytes)) {
            return Ok(string::from_str(text));
        }
        rest.extend_from_slice(bytes);
        let text = take_text(&mut rest, bytes.is_empty());
        if text.is_empty() && n > 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(string::from_str(&text))
    })
}

/// The next characters of a stream, of at most `max` bytes; empty at the end.
async fn read_text(socket: &Connection, max: i64) -> Result<Option<Obj>> {
    let invalid = || Error::new(ErrorKind::InvalidInput, "cannot read fewer than one byte");
    let max = usize::try_from(max).ok().filter(|&n| n > 0).ok_or_else(invalid)?;
    let stream = socket.get()?;
    loop {
        let mut ready = pin!(stream.readable());
        poll_fn(|cx| socket.poll_open(ready.as_mut(), cx)).await?;
        match try_read_text(socket, &stream, max.min(MAX_READ)) {
            Err(e) if is_passing(&e) => {}
            result => return result,
        }
    }
}

/// Writes all of `bytes`.
async fn write_all(socket: &Connection, bytes: &KeptText) -> Result<usize> {
    let stream = socket.get()?;
    let mut n = 0;
    while n < bytes.get().len() {
        let mut ready = pin!(stream.writable());
        poll_fn(|cx| socket.poll_open(ready.as_mut(), cx)).await?;
        match stream.try_write(&bytes.get().as_bytes()[n..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(more) => n += more,
            Err(e) if is_passing(&e) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(n)
}

/// Whether another attempt may do better.
fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn read(_cx: OpCx<'_>, area: Area, (object, max): (*mut u8, i64)) -> impl Operation + use<> {
    let socket = connection_of(object);
    async move { finish(area, read_text(&socket, max).await) }
}

fn write(_cx: OpCx<'_>, area: Area, (object, text): (*mut u8, *mut u8)) -> impl Operation + use<> {
    let (socket, text) = (connection_of(object), KeptText::new(text));
    async move { finish_count(area, write_all(&socket, &text).await) }
}

operations! {
    table;
    "vitte_op_tcp_listen" vitte_op_tcp_listen_start vitte_op_tcp_listen_poll =
        listen, (address: *mut u8, desc: *const TypeDesc);
    "vitte_op_tcp_accept" vitte_op_tcp_accept_start vitte_op_tcp_accept_poll =
        accept, (listener: *mut u8, desc: *const TypeDesc);
    "vitte_op_tcp_connect" vitte_op_tcp_connect_start vitte_op_tcp_connect_poll =
        connect, (address: *mut u8, desc: *const TypeDesc);
    "vitte_op_tcp_read" vitte_op_tcp_read_start vitte_op_tcp_read_poll =
        read, (stream: *mut u8, max: i64);
    "vitte_op_tcp_write" vitte_op_tcp_write_start vitte_op_tcp_write_poll =
        write, (stream: *mut u8, text: *mut u8);
}

#[cfg(test)]
mod tests {
    use super::take_text;

    #[test]
    fn a_character_cut_in_two_waits_for_its_rest() {
        let mut bytes = b"a\xc3".to_vec();
        assert_eq!(take_text(&mut bytes, false), "a");
        bytes.push(0xa9);
        assert_eq!(take_text(&mut bytes, false), "é");
        assert!(bytes.is_empty());
        assert_eq!(take_text(&mut b"\xc3".to_vec(), true), "\u{fffd}");
        assert_eq!(take_text(&mut b"x\xffy\xff".to_vec(), false), "x\u{fffd}y\u{fffd}");
    }
}
