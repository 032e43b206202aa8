//! Faults as people read them: a message and a place.

use super::count::release;
use super::imports::message_of;
use super::object::Obj;
use std::fmt;
use vitte_abi::{fault_code, vt_machine};
use vitte_rt::coroutine::Fault;

/// Fault codes of Vitte, above those of the ABI; as in the compiler's host table.
mod code {
    use vitte_abi::fault_code::FIRST_FRONTEND;
    pub(super) const BOUNDARY: u32 = FIRST_FRONTEND;
    pub(super) const UNREACHABLE: u32 = BOUNDARY + 1;
    pub(super) const NULL: u32 = BOUNDARY + 2;
    pub(super) const NO_ARM: u32 = BOUNDARY + 3;
    pub(super) const SHIFT: u32 = BOUNDARY + 4;
    pub(super) const CHAR: u32 = BOUNDARY + 5;
    pub(super) const NEGATIVE: u32 = BOUNDARY + 6;
}

/// Why a task failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// What happened.
    pub message: String,
    /// `file:line:column`, or empty if unknown.
    pub place: String,
}

impl Failure {
    /// Memory was short where no fault could be recorded.
    pub(crate) fn memory() -> Self {
        Self { message: "out of memory".into(), place: String::new() }
    }

    /// Reads a fault.
    ///
    /// # Safety
    ///
    /// The code of the machine that faulted is alive, and so is the payload.
    pub unsafe fn of(fault: &Fault) -> Self {
        // SAFETY: as the caller vouches.
        let place = unsafe { fault.place() };
        let place = place.map_or(String::new(), |(file, line, column)| match (file, line) {
            (_, 0) => String::new(),
            ("", _) => format!("{line}:{column}"),
            _ => format!("{file}:{line}:{column}"),
        });
        // SAFETY: as the caller vouches.
        let text = unsafe { payload_text(fault) };
        let payload = fault.payload.cast_signed();
        let message = match (fault.code, text) {
            (_, Some(text)) => text,
            (fault_code::PANIC, None) => "explicit panic".into(),
            (fault_code::ASSERT, None) => "assertion failed".into(),
            (fault_code::OVERFLOW, _) => "integer overflow".into(),
            (fault_code::DIVISION, _) => "division by zero".into(),
            (fault_code::BOUNDS, _) => format!("index {payload} is out of range"),
            (fault_code::STACK, _) => "the stack is exhausted: endless recursion?".into(),
            (fault_code::FUEL, _) => "out of fuel: the run has made all the loops it may".into(),
            (code::BOUNDARY, _) => format!("offset {payload} is not at a character boundary"),
            (code::UNREACHABLE, _) => "`unreachable` was reached".into(),
            (code::NULL, _) => "a null value was unwrapped".into(),
            (code::NO_ARM, _) => "no arm of the match fits".into(),
            (code::SHIFT, _) => format!("shift by {payload} bits"),
            (code::CHAR, _) => format!("{payload} is no character"),
            (code::NEGATIVE, _) => {
                format!("{payload} is negative, where a number of things is needed")
            }
            _ => fault.to_string(),
        };
        Self { message, place }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.place.is_empty() { Ok(()) } else { write!(f, "\n  --> {}", self.place) }
    }
}

/// The payload of a fault, if it is an object.
///
/// # Safety
///
/// The payload has not been released.
unsafe fn payload_object(fault: &Fault) -> Option<Obj> {
    if fault.code != fault_code::PANIC && fault.code != fault_code::ASSERT {
        return None;
    }
    let address = std::ptr::with_exposed_provenance_mut(fault.payload as usize);
    // SAFETY: the payload of a panic is null or an object (caller).
    unsafe { Obj::from_raw(address) }
}

/// The message that a panic carries.
///
/// # Safety
///
/// As [`payload_object`].
unsafe fn payload_text(fault: &Fault) -> Option<String> {
    // SAFETY: as the caller vouches.
    let obj = unsafe { payload_object(fault) }?;
    // SAFETY: the object is alive.
    unsafe { message_of(obj.as_ptr()) }.filter(|text| !text.is_empty())
}

/// Releases the message that a panic carries.
///
/// # Safety
///
/// As [`payload_object`]; the fault is not looked at again.
pub(crate) unsafe fn release_payload(fault: &Fault) {
    // SAFETY: as the caller vouches.
    if let Some(obj) = unsafe { payload_object(fault) } {
        // SAFETY: the fault owned a count.
        unsafe { release(obj) };
    }
}

/// Name of a machine.
///
/// # Safety
///
/// `machine` is null or a static description whose code is alive.
pub(crate) unsafe fn machine_name<'a>(machine: *const vt_machine) -> &'a str {
    // SAFETY: as the caller vouches.
    let Some(machine) = (unsafe { machine.as_ref() }) else { return "?" };
    if machine.name.is_null() {
        return "?";
    }
    // SAFETY: the name is a static text of that length.
    let bytes = unsafe { std::slice::from_raw_parts(machine.name, machine.name_len as usize) };
    std::str::from_utf8(bytes).unwrap_or("?")
}
