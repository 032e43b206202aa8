//! The waker of the one task that may wait at a place.
//!
//! The waiting side leaves its waker and says ARMED; whoever has news takes ARMED away and calls it.
//! The waker stays where it is, so that a task that waits again and again does not clone it each time,
//! and news for nobody costs one load.
//!
//! ```text
//!  IDLE ──arm──► ARMED ──ring──► RINGING ──► IDLE
//!       ◄─disarm─┘
//! ```
//!
//! * **I1** IDLE: the cell is the waiting side's. ARMED: nobody writes it. RINGING: the ringer reads it.
//! * **I2** Arm, then look for news; bring news, then ring: both in the one total order of `SeqCst`, so
//!   that one side sees the other.

use std::fmt;
use std::task::Waker;

use crate::atomic::{AtomicUsize, Ordering, UnsafeCell};

const IDLE: usize = 0;
const ARMED: usize = 1;
const RINGING: usize = 2;

/// See the module.
pub(crate) struct Bell {
    state: AtomicUsize,
    waker: UnsafeCell<Option<Waker>>,
}

// SAFETY: the state says who may touch the cell (I1); a `Waker` is `Send` and `Sync`.
unsafe impl Send for Bell {}
// SAFETY: as above.
unsafe impl Sync for Bell {}

impl Bell {
    pub(crate) fn new() -> Self {
        Bell { state: AtomicUsize::new(IDLE), waker: UnsafeCell::new(None) }
    }

    /// Asks to be woken by the next ring; the caller then looks for news (I2).
    ///
    /// # Safety
    ///
    /// One caller at a time (the waiting side), and each sees what the one before did.
    #[inline]
    pub(crate) unsafe fn arm(&self, waker: &Waker) {
        // Acquire: pairs with the end of `ring`.
        let mut state = self.state.load(Ordering::Acquire);
        if state == ARMED {
            // SAFETY: while ARMED or RINGING the cell is only read (I1), and only we arm.
            let armed = self.waker.with(|cell| unsafe { &*cell }.as_ref());
            if armed.is_some_and(|armed| armed.will_wake(waker)) {
                return; // still armed, or being rung: then this waker is called
            }
            // Acquire: as above.
            let disarmed =
                self.state.compare_exchange(ARMED, IDLE, Ordering::Acquire, Ordering::Acquire);
            state = disarmed.err().unwrap_or(IDLE);
        }
        if state == RINGING {
            // The cell is being read: look again instead of waiting for that.
            waker.wake_by_ref();
            return;
        }
        // SAFETY: IDLE, and we are the waiting side (I1).
        let cell = self.waker.with_mut(|cell| unsafe { &mut *cell });
        match cell {
            Some(kept) => kept.clone_from(waker),
            None => *cell = Some(waker.clone()),
        }
        // SeqCst: I2. Release: pairs with `ring`.
        self.state.swap(ARMED, Ordering::SeqCst);
        order_for_loom();
    }

    /// Wakes the waiting side, if it waits; the caller has brought news before (I2).
    #[inline]
    pub(crate) fn ring(&self) {
        order_for_loom();
        // SeqCst: I2.
        if self.state.load(Ordering::SeqCst) == ARMED {
            self.ring_armed();
        }
    }

    fn ring_armed(&self) {
        // Acquire: pairs with `arm`.
        let taken =
            self.state.compare_exchange(ARMED, RINGING, Ordering::Acquire, Ordering::Relaxed);
        if taken.is_err() {
            return; // somebody else rings, or it waits no more
        }
        /// The cell is given back even if the waker panics.
        struct Back<'a>(&'a Bell);
        impl Drop for Back<'_> {
            fn drop(&mut self) {
                // Release: pairs with `arm`.
                self.0.state.store(IDLE, Ordering::Release);
            }
        }
        let back = Back(self);
        // SAFETY: RINGING: the cell is only read (I1).
        let waker = self.waker.with(|cell| unsafe { &*cell }.as_ref());
        waker.into_iter().for_each(Waker::wake_by_ref);
        drop(back);
    }

    /// The waiting side waits no more: its waker is dropped, unless it is just being called.
    ///
    /// # Safety
    ///
    /// As [`Bell::arm`].
    pub(crate) unsafe fn disarm(&self) {
        // Acquire: pairs with `ring`.
        let state = self.state.compare_exchange(ARMED, IDLE, Ordering::Acquire, Ordering::Acquire);
        if state != Err(RINGING) {
            // SAFETY: IDLE, and we are the waiting side (I1).
            drop(self.waker.with_mut(|cell| unsafe { &mut *cell }.take()));
        }
    }
}

/// loom takes `SeqCst` accesses for `AcqRel` ones, and knows the one order (I2) of fences only.
#[inline]
fn order_for_loom() {
    #[cfg(loom)]
    crate::atomic::fence(Ordering::SeqCst);
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Relaxed: for people only.
        f.write_str(match self.state.load(Ordering::Relaxed) {
            IDLE => "nobody waits",
            ARMED => "somebody waits",
            _ => "somebody is woken",
        })
    }
}
