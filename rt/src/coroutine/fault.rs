//! Faults: what ended a coroutine task other than its result or a cancel.

use std::fmt;

use vitte_abi::{fault_code, vt_span};

/// The first fault of a task (a later one, inside cleanup, is kept beside it).
#[derive(Clone, Debug)]
pub struct Fault {
    /// One of [`fault_code`], or a frontend's.
    pub code: u32,
    /// Belongs to the code: an index, a string reference of the frontend.
    pub payload: u64,
    /// Where it happened; null or static data of the machine, alive as long as its code.
    pub span: *const vt_span,
    /// Whether it happened inside cleanup.
    pub in_cleanup: bool,
    /// What a host operation or import said when it panicked.
    pub message: Option<Box<str>>,
}

// SAFETY: the span is immutable static data; the payload is a number here.
unsafe impl Send for Fault {}
// SAFETY: as above.
unsafe impl Sync for Fault {}

impl Fault {
    /// A fault of the host with a text.
    pub fn host(message: &str) -> Self {
        Fault::new(fault_code::HOST, 0).with_message(message)
    }

    /// A fault without a place.
    pub fn new(code: u32, payload: u64) -> Self {
        Fault { code, payload, span: std::ptr::null(), in_cleanup: false, message: None }
    }

    /// The same fault with a text.
    #[must_use]
    pub fn with_message(mut self, message: &str) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Where it happened, as (file, line, column).
    ///
    /// # Safety
    ///
    /// The code of the machine that faulted has not been freed.
    pub unsafe fn place(&self) -> Option<(&str, u32, u32)> {
        // SAFETY: null, or a static span whose module is alive (caller).
        let span = unsafe { self.span.as_ref() }?;
        // SAFETY: the file is a static text of that length.
        let file = unsafe { text(span.file, span.file_len) };
        Some((file, span.line, span.column))
    }
}

/// A static text of a compiled module.
///
/// # Safety
///
/// `at` is null or leads to `len` bytes of UTF-8 that live as long as the result is used.
pub(crate) unsafe fn text<'a>(at: *const u8, len: u32) -> &'a str {
    if at.is_null() {
        return "";
    }
    // SAFETY: the caller vouches for pointer and length.
    let bytes = unsafe { std::slice::from_raw_parts(at, len as usize) };
    std::str::from_utf8(bytes).unwrap_or("?")
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            fault_code::OVERFLOW => f.write_str("integer overflow")?,
            fault_code::DIVISION => f.write_str("division by zero")?,
            fault_code::BOUNDS => write!(f, "index {} out of range", self.payload as i64)?,
            fault_code::ASSERT => f.write_str("assertion failed")?,
            fault_code::PANIC => f.write_str("explicit panic")?,
            fault_code::STACK => f.write_str("recursion exhausted the stack")?,
            fault_code::MEMORY => f.write_str("out of memory")?,
            fault_code::MISUSE => f.write_str("a finished or running coroutine was resumed")?,
            fault_code::HOST => f.write_str("host operation failed")?,
            fault_code::FUEL => f.write_str("out of fuel")?,
            code => write!(f, "fault {code}")?,
        }
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        Ok(())
    }
}
