//! Standard input, and text files.
//!
//! One reader for the whole process: a thread of the blocking pool reads the next line, whoever waits
//! takes it. A wait that is cancelled loses no line: it stays for the next.

use super::op::{Area, Boxed, finish, finish_count, memory, operations, owned_text};
use super::string;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use vitte_abi::{vt_ctx, vt_status};
use vitte_rt::coroutine::{Fault, OpCx};
use vitte_rt::runtime::Handle;

struct Reader {
    /// Lines that nobody has taken yet.
    lines: VecDeque<String>,
    ended: bool,
    /// A thread is reading.
    busy: bool,
    waiters: Vec<Waker>,
}

static STDIN: Mutex<Reader> =
    Mutex::new(Reader { lines: VecDeque::new(), ended: false, busy: false, waiters: Vec::new() });

fn lock() -> MutexGuard<'static, Reader> {
    STDIN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads one line, on a thread that may block.
fn read_one() {
    let mut bytes = Vec::new();
    let read = std::io::BufRead::read_until(&mut std::io::stdin().lock(), b'\n', &mut bytes);
    let mut reader = lock();
    reader.busy = false;
    match read {
        Ok(n) if n > 0 => {
            if bytes.last() == Some(&b'\n') {
                bytes.pop();
            }
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
            reader.lines.push_back(String::from_utf8_lossy(&bytes).into_owned());
        }
        _ => reader.ended = true,
    }
    let waiters = std::mem::take(&mut reader.waiters);
    drop(reader);
    waiters.into_iter().for_each(Waker::wake);
}

/// Waits for a line: (1, line), or (0, null) at the end.
struct ReadLine(Area);

impl Future for ReadLine {
    type Output = Result<(), Fault>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let area = self.0;
        let mut reader = lock();
        loop {
            if let Some(line) = reader.lines.pop_front() {
                let line = string::raw(&line);
                if line.is_null() {
                    return Poll::Ready(Err(memory()));
                }
                area.write(0, 1u8);
                area.write(8, line);
                return Poll::Ready(Ok(()));
            }
            if reader.ended {
                area.write(0, 0u8);
                area.write(8, null_mut::<u8>());
                return Poll::Ready(Ok(()));
            }
            if !reader.waiters.iter().any(|w| w.will_wake(cx.waker())) {
                reader.waiters.push(cx.waker().clone());
            }
            if std::mem::replace(&mut reader.busy, true) {
                return Poll::Pending;
            }
            drop(reader);
            // In a seeded run this reads here and now: then the next round of the loop has the line.
            drop(Handle::current().spawn_blocking(read_one));
            reader = lock();
            if reader.busy {
                return Poll::Pending;
            }
        }
    }
}

fn read_line(_cx: OpCx<'_>, area: Area, (): ()) -> ReadLine {
    ReadLine(area)
}

/// Runs work on files on a thread that may block. A seeded run has no files.
async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    let runtime = Handle::current();
    if runtime.is_virtual() {
        let text = "a seeded run has no files";
        return Err(std::io::Error::new(std::io::ErrorKind::Unsupported, text));
    }
    runtime.spawn_blocking(work).await.map_err(std::io::Error::other)?
}

fn read_file(_cx: OpCx<'_>, area: Area, (path,): (*mut u8,)) -> Boxed {
    let path = owned_text(path);
    Box::pin(async move {
        let text = on_thread(move || std::fs::read_to_string(path)).await;
        finish(area, text.map(|text| string::from_str(&text)))
    })
}

fn write_file(_cx: OpCx<'_>, area: Area, (path, text): (*mut u8, *mut u8)) -> Boxed {
    let (path, text) = (owned_text(path), owned_text(text));
    Box::pin(async move {
        let n = text.len();
        let written = on_thread(move || std::fs::write(path, text)).await;
        finish_count(area, written.map(|()| n))
    })
}

operations! {
    table;
    "vitte_op_read_file" vitte_op_read_file_start vitte_op_read_file_poll =
        read_file, (path: *mut u8);
    "vitte_op_write_file" vitte_op_write_file_start vitte_op_write_file_poll =
        write_file, (path: *mut u8, text: *mut u8);
    "vitte_op_read_line" vitte_op_read_line_start vitte_op_read_line_poll = read_line, ();
}
