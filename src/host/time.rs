//! Time: sleeping and clocks. All of it is the runtime's clock, virtual in seeded runs.

use super::op::{Area, operations};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use vitte_abi::{vt_ctx, vt_status};
use vitte_rt::coroutine::{Fault, OpCx};
use vitte_rt::runtime::Handle;
use vitte_rt::time::{Sleep, sleep};

/// Waits; 0 suspends once.
struct Sleeping(Sleep);

impl Future for Sleeping {
    type Output = Result<(), Fault>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(Ok)
    }
}

fn sleeping(_cx: OpCx<'_>, _area: Area, (ms,): (i64,)) -> Sleeping {
    Sleeping(sleep(Duration::from_millis(u64::try_from(ms).unwrap_or(0))))
}

operations! {
    table;
    "vitte_op_sleep" vitte_op_sleep_start vitte_op_sleep_poll = sleeping, (ms: i64);
}

/// The runtime's clock, nanoseconds since it was built; 0 outside of a runtime.
pub(super) fn now_ns() -> u64 {
    Handle::try_current().map_or(0, |h| h.now_ns())
}

/// Nanoseconds of a clock that never goes back; virtual in seeded runs.
#[unsafe(no_mangle)]
pub extern "C" fn vitte_monotonic_ns(_ctx: *mut vt_ctx) -> i64 {
    now_ns() as i64
}

/// Milliseconds since 1970; in seeded runs the virtual clock, which starts at 0.
#[unsafe(no_mangle)]
pub extern "C" fn vitte_now_ms(_ctx: *mut vt_ctx) -> i64 {
    if Handle::try_current().is_some_and(|h| h.is_virtual()) {
        return (now_ns() / 1_000_000) as i64;
    }
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |d| d.as_millis() as i64)
}
