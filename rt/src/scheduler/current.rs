//! `block_on`: a thread that waits for one future, and in a current-thread runtime plays the worker
//! meanwhile.

use std::future::Future;
use std::pin::pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use super::park::Parker;
use super::{Flavor, Shared, ThreadCx};
use crate::dump::TaskDump;
use crate::task::coop;

/// Turns that the calling thread takes before it looks at its own future again.
const TURNS: usize = 61;

/// The future of a `block_on`, as others see it.
#[derive(Debug)]
pub(crate) struct Root {
    woken: AtomicBool,
    parker: Parker,
    shared: Arc<Shared>,
    /// It waits for ever if need be: that all is quiet is no news for it.
    pub(super) patient: bool,
}

impl Root {
    pub(crate) fn new(shared: &Arc<Shared>, patient: bool) -> Arc<Root> {
        let (woken, parker, shared) = (AtomicBool::new(true), Parker::new(), shared.clone());
        Arc::new(Root { woken, parker, shared, patient })
    }

    /// Whether the future is to be polled; resets it.
    pub(crate) fn take_woken(&self) -> bool {
        // Acquire: what the waker did before is seen.
        self.woken.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn is_woken(&self) -> bool {
        // Acquire: as above.
        self.woken.load(Ordering::Acquire)
    }

    /// The future is to be polled again, for nothing.
    pub(super) fn look_again(&self) {
        // Release: pairs with `take_woken`.
        self.woken.store(true, Ordering::Release);
    }

    /// Makes the thread look again.
    pub(crate) fn nudge(&self, shared: &Shared) {
        self.parker.unpark(|| {});
        if shared.flavor == Flavor::Current {
            shared.unpark(0);
        }
    }
}

/// The waker of a root: its data is one count of an `Arc<Root>`.
static WAKER: RawWakerVTable = RawWakerVTable::new(
    |data| {
        // SAFETY: the data of a living waker.
        unsafe { Arc::increment_strong_count(data.cast::<Root>()) };
        RawWaker::new(data, &WAKER)
    },
    // SAFETY: the data of a living waker, which is consumed.
    |data| unsafe { Arc::from_raw(data.cast::<Root>()) }.wake(),
    // SAFETY: the data of a living waker.
    |data| unsafe { &*data.cast::<Root>() }.wake(),
    // SAFETY: the data of a living waker, which is consumed.
    |data| drop(unsafe { Arc::from_raw(data.cast::<Root>()) }),
);

impl Root {
    fn wake(&self) {
        // Release: pairs with `take_woken`.
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.nudge(&self.shared);
        }
    }

    /// A waker of the root.
    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        let data = NonNull::from(&**self);
        std::mem::forget(self.clone());
        // SAFETY: the count of the clone.
        unsafe { Root::waker_from(data) }
    }

    /// A waker that takes a count over.
    ///
    /// # Safety
    ///
    /// `root` is that of [`Root::of_waker`] or of an `Arc`, with one count that is given away.
    pub(crate) unsafe fn waker_from(root: NonNull<Root>) -> Waker {
        // SAFETY: the functions of `WAKER` keep the contract with one count (caller).
        unsafe { Waker::from_raw(RawWaker::new(root.as_ptr().cast_const().cast(), &WAKER)) }
    }

    /// The root whose waker this is, if it is one's.
    pub(crate) fn of_waker(waker: &Waker) -> Option<NonNull<Root>> {
        if !std::ptr::eq(waker.vtable(), &raw const WAKER) {
            return None;
        }
        NonNull::new(waker.data().cast_mut().cast())
    }
}

/// Enters a root into the table while a thread waits.
struct Registered<'a>(&'a Arc<Shared>, &'a Arc<Root>);

impl<'a> Registered<'a> {
    fn new(shared: &'a Arc<Shared>, root: &'a Arc<Root>) -> Self {
        shared.roots.lock().push(root.clone());
        // SeqCst: pairs with `quiet_hint` and with the worker that stands in for us.
        shared.n_roots.fetch_add(1, Ordering::SeqCst);
        Registered(shared, root)
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        let Registered(shared, root) = self;
        shared.roots.lock().retain(|r| !Arc::ptr_eq(r, root));
        shared.n_roots.fetch_sub(1, Ordering::SeqCst);
        if shared.flavor == Flavor::Current {
            shared.unpark(0); // a stand-in may go home
        }
    }
}

/// Gives the core back when the thread leaves `block_on`, by a panic too.
struct Home<'a>(&'a Arc<Shared>, &'a ThreadCx);

impl Drop for Home<'_> {
    fn drop(&mut self) {
        if let Some(core) = self.1.leave_core() {
            self.0.bring_home(core);
        }
    }
}

/// Runs `future` to its end on this thread, on a real clock.
///
/// `patient`: waits for ever if need be; else answers the dump when nothing can ever wake it.
pub(crate) fn block_on<F: Future>(
    shared: &Arc<Shared>,
    future: F,
    patient: bool,
) -> Result<F::Output, TaskDump> {
    let root = Root::new(shared, patient);
    let waker = root.waker();
    let cx = ThreadCx::new(shared.clone(), None);
    let mut future = pin!(future);
    cx.scope(|| {
        let registered = Registered::new(shared, &root);
        let home = Home(shared, &cx);
        let result = loop {
            cx.look_at_clock();
            coop::reset();
            if root.take_woken()
                && let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker))
            {
                break Ok(output);
            }
            if !cx.has_core()
                && shared.flavor == Flavor::Current
                && let Some(core) = shared.take_home_core()
            {
                cx.take_core(core);
            }
            // At least one turn: a future that wakes itself does not starve the tasks.
            let n_turns = shared.turns(&cx, TURNS, || root.is_woken());
            if n_turns > 0 || root.is_woken() {
                continue;
            }
            // Before parking: a hint that came earlier shares its token with the wake-up that we
            // have just handled.
            if !patient && shared.is_stalled(&cx) && !root.is_woken() {
                break Err(shared.dump());
            }
            if cx.has_core() {
                shared.sleep(&cx);
            } else {
                crate::fork::end_child_that_waits(shared);
                root.parker.park();
            }
        };
        drop(home);
        drop(registered);
        result
    })
}

impl Shared {
    /// As [`Shared::is_quiet`], seen from a thread that is awake in `block_on`.
    fn is_stalled(&self, cx: &ThreadCx) -> bool {
        let index = cx.core.borrow().as_ref().map(|core| core.index);
        let Some(index) = index else { return self.is_quiet() };
        let searching = {
            let mut core = cx.core.borrow_mut();
            core.as_mut().is_some_and(|core| std::mem::take(&mut core.searching))
        };
        self.idle.fall_asleep(index, searching);
        let quiet = self.is_quiet();
        if !self.idle.wake_up(index)
            && let Some(core) = cx.core.borrow_mut().as_mut()
        {
            core.searching = true;
        }
        quiet
    }
}
