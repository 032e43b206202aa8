//! Simulated memory: byte-addressed allocations with bounds and an initialised mask.
//!
//! Addresses are handed out upwards and never reused, with a gap between any two allocations, so
//! that an access out of bounds or after the end of an allocation finds nothing there. Addresses of
//! code are numbers above [`CODE`], where no allocation lies.

use super::value::{Bytes, Val, cut};
use crate::ir::Type;
use std::cell::Cell;

/// First address of an allocation.
const FIRST: u64 = 0x1_0000;
/// Least number of bytes between two allocations.
const GAP: u64 = 64;
/// From here up addresses mean code and tracked objects.
pub(crate) const CODE: u64 = 1 << 56;

/// The memory of one run.
#[derive(Debug)]
pub struct Memory {
    /// By ascending address; ended ones stay until all after them have ended too.
    allocs: Vec<Alloc>,
    next: u64,
    /// Where the last access found its allocation.
    recent: Cell<usize>,
}

#[derive(Debug)]
struct Alloc {
    base: u64,
    bytes: Bytes,
    living: bool,
    writable: bool,
    what: &'static str,
}

impl Default for Memory {
    fn default() -> Self {
        Self { allocs: Vec::new(), next: FIRST, recent: Cell::new(0) }
    }
}

impl Memory {
    /// Makes an allocation of undefined bytes whose address plus `head` is a multiple of `align`.
    pub(crate) fn alloc(&mut self, size: u32, align: u32, head: u32, what: &'static str) -> u64 {
        let (align, head) = (u64::from(align.max(16)), u64::from(head));
        let addr = (self.next + head).next_multiple_of(align) - head;
        let n = size as usize;
        let bytes = Bytes { data: vec![0xcd; n], init: vec![false; n] };
        self.allocs.push(Alloc { base: addr, bytes, living: true, writable: true, what });
        self.next = addr + u64::from(size) + GAP;
        addr
    }

    /// Makes an allocation that can only be read from now on.
    pub(crate) fn freeze(&mut self, addr: u64) {
        if let Ok(i) = self.index(addr) {
            self.allocs[i].writable = false;
        }
    }

    /// Ends an allocation.
    pub(crate) fn free(&mut self, addr: u64) -> Result<(), String> {
        let i = self.index(addr).ok().filter(|&i| self.allocs[i].living);
        let i = i.ok_or_else(|| format!("freeing {addr:#x}, where no allocation starts"))?;
        self.allocs[i].living = false;
        self.allocs[i].bytes = Bytes::default();
        while self.allocs.last().is_some_and(|a| !a.living) {
            self.allocs.pop();
        }
        Ok(())
    }

    /// Index of the allocation that starts at an address, or where it would stand.
    fn index(&self, addr: u64) -> Result<usize, usize> {
        self.allocs.binary_search_by_key(&addr, |a| a.base)
    }

    /// The allocation in which some bytes lie: its index, and where in it.
    fn find(&self, addr: u64, len: usize) -> Result<(usize, usize), String> {
        let within = |i: usize| {
            let alloc = self.allocs.get(i)?;
            let at = usize::try_from(addr.checked_sub(alloc.base)?).ok()?;
            let fits = at.checked_add(len).is_some_and(|end| end <= alloc.bytes.data.len());
            (alloc.living && fits).then_some((i, at))
        };
        if let Some(found) = within(self.recent.get()) {
            return Ok(found);
        }
        let i = self.index(addr).unwrap_or_else(|i| i.wrapping_sub(1));
        if let Some(found) = within(i) {
            self.recent.set(i);
            return Ok(found);
        }
        let what = self.allocs.get(i).map_or("nothing", |a| a.what);
        Err(format!("access of {len} bytes at {addr:#x}: not inside the {what} before it"))
    }

    /// Copies bytes out, undefined ones included.
    pub(crate) fn read(&self, addr: u64, len: usize) -> Result<Bytes, String> {
        if len == 0 {
            return Ok(Bytes::default());
        }
        let (i, at) = self.find(addr, len)?;
        let b = &self.allocs[i].bytes;
        Ok(Bytes { data: b.data[at..at + len].to_vec(), init: b.init[at..at + len].to_vec() })
    }

    /// Copies bytes in, undefined ones included.
    pub(crate) fn write(&mut self, addr: u64, bytes: &Bytes) -> Result<(), String> {
        let len = bytes.data.len();
        if len == 0 {
            return Ok(());
        }
        let (i, at) = self.find(addr, len)?;
        let alloc = &mut self.allocs[i];
        if !alloc.writable {
            return Err(format!("write of {len} bytes at {addr:#x}: read-only {}", alloc.what));
        }
        alloc.bytes.data[at..at + len].copy_from_slice(&bytes.data);
        alloc.bytes.init[at..at + len].copy_from_slice(&bytes.init);
        Ok(())
    }

    /// Makes bytes undefined.
    pub(crate) fn forget(&mut self, addr: u64, len: usize) -> Result<(), String> {
        let blank = Bytes { data: vec![0xcd; len], init: vec![false; len] };
        self.write(addr, &blank)
    }

    /// Reads a value; undefined if any of its bytes is.
    pub(crate) fn load(&self, addr: u64, ty: Type) -> Result<Val, String> {
        let len = ty.bytes() as usize;
        let (i, at) = self.find(addr, len)?;
        let b = &self.allocs[i].bytes;
        if b.init[at..at + len].contains(&false) {
            return Ok(Val::UNDEF);
        }
        let mut raw = [0; 16];
        raw[..len].copy_from_slice(&b.data[at..at + len]);
        let bits = u128::from_le_bytes(raw);
        if ty == Type::Bool && bits > 1 {
            return Err(format!("bool at {addr:#x} is {bits}"));
        }
        Ok(Val::new(bits))
    }

    /// Writes a value; an undefined one makes the bytes undefined.
    pub(crate) fn store(&mut self, addr: u64, ty: Type, val: Val) -> Result<(), String> {
        let len = ty.bytes() as usize;
        if val.undef {
            return self.forget(addr, len);
        }
        let raw = cut(val.bits, ty).to_le_bytes();
        self.write(addr, &Bytes::known(raw[..len].to_vec()))
    }

    /// Reads bytes that must be defined: for imports that take slots by pointer.
    ///
    /// # Errors
    ///
    /// Out of bounds, or some byte is undefined.
    pub fn read_known(&self, addr: u64, len: usize) -> Result<Vec<u8>, String> {
        let bytes = self.read(addr, len)?;
        if bytes.init.contains(&false) {
            return Err(format!("undefined bytes in {len} bytes at {addr:#x}"));
        }
        Ok(bytes.data)
    }

    /// Writes defined bytes: for imports that fill memory.
    ///
    /// # Errors
    ///
    /// Out of bounds or read-only.
    pub fn write_known(&mut self, addr: u64, data: &[u8]) -> Result<(), String> {
        self.write(addr, &Bytes::known(data.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_nobody_wrote_are_undefined_and_bounds_hold() {
        let mut m = Memory::default();
        let a = m.alloc(16, 8, 0, "slot");
        let b = m.alloc(16, 64, 16, "frame");
        assert_eq!((b + 16) % 64, 0);
        m.store(a, Type::I32, Val::new(7)).unwrap();
        assert_eq!(m.load(a, Type::I32).unwrap(), Val::new(7));
        assert!(m.load(a, Type::I64).unwrap().undef);
        assert!(m.load(a + 12, Type::I64).is_err());
        m.free(a).unwrap();
        assert!(m.load(a, Type::I32).is_err());
        m.freeze(b);
        assert!(m.store(b, Type::I8, Val::new(1)).is_err());
    }
}
