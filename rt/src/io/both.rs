//! Copying between two streams, both ways at once.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};

/// Bytes on their way in one direction.
const BUFFER: usize = 8 << 10;

/// One direction.
struct Way {
    buffer: Box<[u8]>,
    /// What of the buffer was read and not yet written.
    unwritten: std::ops::Range<usize>,
    n_copied: u64,
    stage: Stage,
}

enum Stage {
    Copying,
    /// The reader has come to its end, which the writer is told.
    Closing,
    Over,
}

impl Way {
    fn new() -> Self {
        let buffer = vec![0; BUFFER].into();
        Way { buffer, unwritten: 0..0, n_copied: 0, stage: Stage::Copying }
    }

    /// Copies until `from` ends, then closes `to`.
    fn poll<A, B>(&mut self, cx: &mut Context<'_>, from: &mut A, to: &mut B) -> Poll<io::Result<()>>
    where
        A: AsyncRead + Unpin + ?Sized,
        B: AsyncWrite + Unpin + ?Sized,
    {
        loop {
            match self.stage {
                Stage::Over => return Poll::Ready(Ok(())),
                Stage::Closing => {
                    ready!(Pin::new(&mut *to).poll_close(cx))?;
                    self.stage = Stage::Over;
                }
                Stage::Copying if !self.unwritten.is_empty() => {
                    let bytes = &self.buffer[self.unwritten.clone()];
                    let n = ready!(Pin::new(&mut *to).poll_write(cx, bytes))?;
                    if n == 0 {
                        return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                    }
                    self.unwritten.start += n;
                    self.n_copied += n as u64;
                }
                Stage::Copying => match Pin::new(&mut *from).poll_read(cx, &mut self.buffer) {
                    Poll::Ready(Ok(0)) => self.stage = Stage::Closing,
                    Poll::Ready(Ok(n)) => self.unwritten = 0..n,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {
                        // What a writer keeps back is wanted over there while nothing else comes.
                        ready!(Pin::new(&mut *to).poll_flush(cx))?;
                        return Poll::Pending;
                    }
                },
            }
        }
    }
}

/// Copies from `a` to `b` and from `b` to `a` until both have come to their ends, and closes each when the
/// other has; answers the bytes from `a` and those from `b`. What a proxy does with its two connections.
///
/// # Errors
///
/// Those of the streams, the first one of either direction; the other is not waited for then.
///
/// # Examples
///
/// ```
/// use vitte_rt::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
/// use vitte_rt::net::UnixStream;
/// # vitte_rt::runtime::Runtime::new()?.block_on(async {
/// let (mut client, mut near) = UnixStream::pair()?;
/// let (mut far, mut server) = UnixStream::pair()?;
/// let proxy = vitte_rt::spawn(async move { copy_bidirectional(&mut near, &mut far).await });
///
/// AsyncWriteExt::write_all(&mut client, b"ping").await?;
/// client.shutdown(std::net::Shutdown::Write)?;
/// let mut request = String::new();
/// server.read_to_string(&mut request).await?; // to its end: the proxy has passed that on
/// AsyncWriteExt::write_all(&mut server, b"pong!").await?;
/// drop(server);
/// let mut answer = String::new();
/// client.read_to_string(&mut answer).await?;
/// assert_eq!((&*request, &*answer), ("ping", "pong!"));
/// assert_eq!(proxy.await.unwrap()?, (4, 5));
/// # std::io::Result::Ok(()) })?;
/// # std::io::Result::Ok(())
/// ```
pub async fn copy_bidirectional<A, B>(a: &mut A, b: &mut B) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    let (mut there, mut back) = (Way::new(), Way::new());
    poll_fn(|cx| {
        let one = there.poll(cx, a, b)?;
        let other = back.poll(cx, b, a)?;
        ready!(one);
        ready!(other);
        Poll::Ready(Ok((there.n_copied, back.n_copied)))
    })
    .await
}
