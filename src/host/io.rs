//! Standard input, and text files.
//!
//! One reader for the whole process: a thread of the blocking pool reads the next line, whoever waits
//! takes it. A wait that is cancelled loses no line: it stays for the next.
//!
//! Work on files goes to such a thread as well, as a job that later work uses again, so that what an
//! await allocates is the text that it gives. A job whose wait is cancelled is not used again.

use super::op::{Area, finish, finish_count, memory, operations};
use super::string;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::ptr::null_mut;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use vitte_abi::{vt_ctx, vt_status};
use vitte_rt::coroutine::{Fault, OpCx};
use vitte_rt::runtime::{BlockingJob, Handle};

struct Reader {
    /// Lines that nobody has taken yet.
    lines: VecDeque<String>,
    /// Memory of a line that was taken.
    spare: String,
    ended: bool,
    /// A thread is reading.
    busy: bool,
    waiters: Vec<Waker>,
}

static STDIN: Mutex<Reader> = Mutex::new(Reader {
    lines: VecDeque::new(),
    spare: String::new(),
    ended: false,
    busy: false,
    waiters: Vec::new(),
});

static READ_ONE: OnceLock<Arc<ReadOne>> = OnceLock::new();

fn lock() -> MutexGuard<'static, Reader> {
    STDIN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads one line, on a thread that may block.
struct ReadOne;

impl BlockingJob for ReadOne {
    fn run(&self) -> Option<Waker> {
        read_one();
        None // all who wait have been woken
    }
}

/// See [`ReadOne`].
fn read_one() {
    let mut bytes = std::mem::take(&mut lock().spare).into_bytes();
    bytes.clear();
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
            let line = String::from_utf8(bytes)
                .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
            reader.lines.push_back(line);
        }
        _ => reader.ended = true,
    }
    let mut waiters = std::mem::take(&mut reader.waiters);
    drop(reader);
    waiters.drain(..).for_each(Waker::wake);
    let mut reader = lock();
    if reader.waiters.is_empty() {
        reader.waiters = waiters; // its memory
    }
}

/// Waits for a line: (1, line), or (0, null) at the end.
struct ReadLine(Area);

impl Future for ReadLine {
    type Output = Result<(), Fault>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let area = self.0;
        let mut reader = lock();
        loop {
            if let Some(text) = reader.lines.pop_front() {
                let line = string::raw(&text);
                if text.capacity() <= MAX_KEPT {
                    reader.spare = text;
                }
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
            Handle::current().run_blocking(READ_ONE.get_or_init(|| Arc::new(ReadOne)).clone());
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

/// What is done with a file.
#[derive(Clone, Copy)]
enum Action {
    Read,
    Write,
}

/// A trip to a thread that may block, used again by later ones.
struct FileJob(Mutex<FileState>);

struct FileState {
    action: Action,
    path: String,
    /// What was read, or is to be written.
    text: String,
    result: Option<std::io::Result<()>>,
    waiter: Option<Waker>,
}

/// Jobs that nobody uses: a steady state needs no others.
static SPARE: Mutex<Vec<Arc<FileJob>>> = Mutex::new(Vec::new());
/// Most jobs that are kept, and most bytes that one of them may hold then.
const MAX_SPARE: usize = 32;
const MAX_KEPT: usize = 256 << 10;

impl FileJob {
    /// A job for an action on the file at `path`.
    fn new(action: Action, path: &str, text: &str) -> Arc<FileJob> {
        let spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let job = spare.unwrap_or_else(|| {
            let (path, text) = (String::new(), String::new());
            Arc::new(FileJob(Mutex::new(FileState {
                action,
                path,
                text,
                result: None,
                waiter: None,
            })))
        });
        {
            let mut state = job.lock();
            state.action = action;
            state.path.push_str(path);
            state.text.push_str(text);
        }
        job
    }

    fn lock(&self) -> MutexGuard<'_, FileState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BlockingJob for FileJob {
    fn run(&self) -> Option<Waker> {
        let (action, path, mut text) = {
            let mut state = self.lock();
            (state.action, std::mem::take(&mut state.path), std::mem::take(&mut state.text))
        };
        let result = match action {
            Action::Read => std::fs::File::open(&path)
                .and_then(|mut file| std::io::Read::read_to_string(&mut file, &mut text))
                .map(drop),
            Action::Write => std::fs::write(&path, &text),
        };
        let mut state = self.lock();
        (state.path, state.text, state.result) = (path, text, Some(result));
        state.waiter.take()
    }
}

/// Waits for a job. A seeded run has no files.
struct FileWait {
    job: Arc<FileJob>,
    area: Area,
    is_sent: bool,
}

impl Future for FileWait {
    type Output = Result<(), Fault>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let is_first = !std::mem::replace(&mut self.is_sent, true);
        if is_first {
            self.job.lock().waiter = Some(cx.waker().clone());
            let runtime = Handle::current();
            if runtime.is_virtual() {
                let error = std::io::Error::new(
                    std::io::ErrorKind::Unsupported,
                    "a seeded run has no files",
                );
                self.job.lock().result = Some(Err(error));
            } else {
                runtime.run_blocking(self.job.clone());
            }
        }
        let mut state = self.job.lock();
        let Some(result) = state.result.take() else {
            if !state.waiter.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
                state.waiter = Some(cx.waker().clone());
            }
            return Poll::Pending;
        };
        let area = self.area;
        let finished = match state.action {
            Action::Read => finish(area, result.map(|()| string::from_str(&state.text))),
            Action::Write => finish_count(area, result.map(|()| state.text.len())),
        };
        state.path.clear();
        state.text.clear();
        state.text.shrink_to(MAX_KEPT);
        state.waiter = None;
        drop(state);
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < MAX_SPARE {
            spare.push(self.job.clone());
        }
        Poll::Ready(finished)
    }
}

fn read_file(_cx: OpCx<'_>, area: Area, (path,): (*mut u8,)) -> FileWait {
    // SAFETY: generated code passes a living string, or null.
    let path = unsafe { string::text_of(path) };
    FileWait { job: FileJob::new(Action::Read, path, ""), area, is_sent: false }
}

fn write_file(_cx: OpCx<'_>, area: Area, (path, text): (*mut u8, *mut u8)) -> FileWait {
    // SAFETY: generated code passes a living string, or null.
    let path = unsafe { string::text_of(path) };
    // SAFETY: as above.
    let text = unsafe { string::text_of(text) };
    FileWait { job: FileJob::new(Action::Write, path, text), area, is_sent: false }
}

operations! {
    table;
    "vitte_op_read_file" vitte_op_read_file_start vitte_op_read_file_poll =
        read_file, (path: *mut u8);
    "vitte_op_write_file" vitte_op_write_file_start vitte_op_write_file_poll =
        write_file, (path: *mut u8, text: *mut u8);
    "vitte_op_read_line" vitte_op_read_line_start vitte_op_read_line_poll = read_line, ();
}
