//! Standard input, output and error of the process, on the threads for blocking work.
//!
//! Not in seeded runtimes. A read of standard input that was dropped goes on until a line or the end
//! has come; what it brings is kept for the next read, by any handle. Output is written by the
//! thread when its turn comes; flush to wait for it.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use parking_lot::Mutex;

use crate::net::allow_real;
use crate::runtime::Handle;
use crate::task::JoinHandle;

/// Bytes read or written on one trip to a thread, at most.
const PIECE: usize = 8 << 10;

/// A handle of the runtime that may use the streams of the process.
fn runtime() -> io::Result<Handle> {
    let runtime = Handle::current();
    allow_real(&runtime, "standard streams")?;
    Ok(runtime)
}

/// What has been read from standard input, for all handles.
#[derive(Debug, Default)]
struct Input {
    bytes: VecDeque<u8>,
    /// Ended or failed: for one reader, then the next asks again.
    result: Option<io::Result<()>>,
    reading: bool,
    waiters: Vec<Waker>,
}

static INPUT: Mutex<Option<Input>> = Mutex::new(None);

/// Standard input; see [`stdin`].
#[derive(Debug)]
pub struct Stdin(());

/// Standard input of the process. All handles read from the same stream.
///
/// # Examples
///
/// ```no_run
/// use vitte_rt::io::{AsyncBufReadExt, BufReader, stdin};
/// use vitte_rt::stream::StreamExt;
///
/// vitte_rt::block_on(async {
///     let mut lines = BufReader::new(stdin()).lines();
///     while let Some(line) = lines.next().await {
///         println!("> {}", line?);
///     }
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
pub fn stdin() -> Stdin {
    Stdin(())
}

/// Reads one piece, on a thread.
fn read_piece() {
    let mut piece = vec![0; PIECE];
    let result = io::stdin().lock().read(&mut piece);
    let mut input = INPUT.lock();
    let input_mut = input.get_or_insert_default();
    input_mut.reading = false;
    match result {
        Ok(0) => input_mut.result = Some(Ok(())),
        Ok(n) => input_mut.bytes.extend(&piece[..n]),
        Err(error) => input_mut.result = Some(Err(error)),
    }
    let waiters = std::mem::take(&mut input_mut.waiters);
    drop(input);
    waiters.into_iter().for_each(Waker::wake);
}

impl futures_io::AsyncRead for Stdin {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let runtime = runtime()?;
        let mut guard = INPUT.lock();
        let input = guard.get_or_insert_default();
        if !input.bytes.is_empty() || buffer.is_empty() {
            return Poll::Ready(input.bytes.read(buffer));
        }
        if let Some(result) = input.result.take() {
            return Poll::Ready(result.map(|()| 0));
        }
        if !input.waiters.iter().any(|w| w.will_wake(cx.waker())) {
            input.waiters.push(cx.waker().clone());
        }
        if !std::mem::replace(&mut input.reading, true) {
            drop(guard);
            drop(runtime.spawn_blocking(read_piece));
        }
        Poll::Pending
    }
}

/// Something to write to on a thread: one write at a time is under way.
#[derive(Debug)]
struct Output<W> {
    writer: Arc<W>,
    busy: Option<JoinHandle<io::Result<()>>>,
}

impl<W> Output<W>
where
    W: Send + Sync + 'static,
    for<'a> &'a W: Write,
{
    fn new(writer: W) -> Self {
        Output { writer: Arc::new(writer), busy: None }
    }

    /// Waits for the write under way and reports how it ended.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(busy) = &mut self.busy else { return Poll::Ready(Ok(())) };
        let result = ready!(Pin::new(busy).poll(cx));
        self.busy = None;
        Poll::Ready(result.map_err(io::Error::other)?)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_idle(cx))?;
        let (writer, bytes) = (self.writer.clone(), bytes[..bytes.len().min(PIECE)].to_vec());
        let n = bytes.len();
        let write = move || (&*writer).write_all(&bytes).and_then(|()| (&*writer).flush());
        self.busy = Some(runtime()?.spawn_blocking(write));
        Poll::Ready(Ok(n))
    }
}

/// A handle of one of the output streams.
macro_rules! output {
    ($(#[$doc:meta])* $type:ident $function:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $type(Output<io::$type>);

        $(#[$doc])*
        pub fn $function() -> $type {
            $type(Output::new(io::$function()))
        }

        impl futures_io::AsyncWrite for $type {
            fn poll_write(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.0.poll_write(cx, bytes)
            }

            fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.0.poll_idle(cx)
            }

            fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.poll_flush(cx)
            }
        }
    };
}

output! {
    /// Standard output of the process.
    Stdout stdout
}
output! {
    /// Standard error of the process.
    Stderr stderr
}
