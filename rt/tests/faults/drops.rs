//! Fault 2: {panic on poll, on drop, on output drop} × {joined, dropped, aborted} × {when, by whom}:
//! everything is dropped once and nothing stays. The same for C callbacks is in `rt/c/tests/panics.rs`,
//! for operations of compiled code in `rt/tests/host_ops.rs`.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use vitte_rt::insight::UnobservedPanic;
use vitte_rt::runtime::{Builder, Runtime};
use vitte_rt::task::{JoinHandle, spawn, yield_now};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Panics {
    Nowhere,
    OnPoll,
    OnDrop,
    OnOutputDrop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Joined,
    Dropped,
    Aborted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// Before the first poll, where one worker lets us.
    BeforeStart,
    Suspended,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whom {
    /// The task itself, which has its own handle.
    Itself,
    /// The task that spawned it.
    Parent,
    /// A thread that knows no runtime.
    Thread,
}

/// What the test sees of a subject.
#[derive(Default)]
struct Seen {
    n_futures_dropped: AtomicUsize,
    n_outputs_made: AtomicUsize,
    n_outputs_dropped: AtomicUsize,
    suspended: AtomicBool,
    /// It may go on.
    open: AtomicBool,
    waker: Mutex<Option<Waker>>,
    /// The handle, if the task is to end itself.
    own: Mutex<Option<JoinHandle<Output>>>,
}

impl Seen {
    fn open(&self) {
        self.open.store(true, Ordering::SeqCst);
        let waker = self.waker.lock().unwrap().take();
        waker.into_iter().for_each(Waker::wake);
    }
}

/// The future that is tried.
struct Subject {
    panics: Panics,
    end: End,
    begun: bool,
    seen: Arc<Seen>,
}

struct Output(Panics, Arc<Seen>);

impl Future for Subject {
    type Output = Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output> {
        if !std::mem::replace(&mut self.begun, true) {
            *self.seen.waker.lock().unwrap() = Some(cx.waker().clone());
            self.seen.suspended.store(true, Ordering::SeqCst);
            if !self.seen.open.load(Ordering::SeqCst) {
                return Poll::Pending;
            }
        }
        if !self.seen.open.load(Ordering::SeqCst) {
            return Poll::Pending;
        }
        let own = self.seen.own.lock().unwrap().take();
        if let Some(mut own) = own {
            match self.end {
                End::Joined => assert!(Pin::new(&mut own).poll(cx).is_pending()),
                End::Dropped => {}
                End::Aborted => own.abort(),
            }
        }
        assert!(self.panics != Panics::OnPoll, "on poll");
        self.seen.n_outputs_made.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(Output(self.panics, self.seen.clone()))
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        self.seen.n_futures_dropped.fetch_add(1, Ordering::SeqCst);
        assert!(self.panics != Panics::OnDrop || std::thread::panicking(), "on drop");
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.1.n_outputs_dropped.fetch_add(1, Ordering::SeqCst);
        assert!(self.0 != Panics::OnOutputDrop || std::thread::panicking(), "on output drop");
    }
}

/// Ends the handle in its way; what a join said.
async fn act(handle: JoinHandle<Output>, end: End, seen: &Seen) -> Option<&'static str> {
    match end {
        End::Dropped => {
            drop(handle);
            seen.open();
            return None;
        }
        End::Joined => seen.open(),
        End::Aborted => handle.abort(),
    }
    let said = match handle.await {
        Ok(output) => {
            let _ = catch_unwind(AssertUnwindSafe(|| drop(output)));
            "done"
        }
        Err(error) if error.is_panic() => "panicked",
        Err(error) if error.is_cancelled() => "cancelled",
        Err(error) => panic!("{error}"),
    };
    Some(said)
}

async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        yield_now().await;
    }
}

fn play(runtime: &Runtime, panics: Panics, end: End, when: When, whom: Whom) {
    let case = format!("{panics:?} {end:?} {when:?} {whom:?}");
    let seen = Arc::new(Seen::default());
    let said = runtime.block_on(runtime.spawn({
        let seen = seen.clone();
        async move {
            let subject = Subject { panics, end, begun: false, seen: seen.clone() };
            let handle = spawn(subject);
            match when {
                When::BeforeStart => {}
                When::Suspended => until(|| seen.suspended.load(Ordering::SeqCst)).await,
                When::Over => {
                    seen.open();
                    until(|| handle.is_finished()).await;
                }
            }
            match whom {
                Whom::Itself => {
                    let ended = handle.abort_handle();
                    *seen.own.lock().unwrap() = Some(handle);
                    seen.open();
                    until(|| ended.is_finished()).await;
                    // If it was over already the handle is ours to drop.
                    let left = seen.own.lock().unwrap().take();
                    drop(left);
                    None
                }
                Whom::Parent => act(handle, end, &seen).await,
                Whom::Thread => {
                    let done = Arc::new(Mutex::new(None));
                    let (far, place) = (seen.clone(), done.clone());
                    let thread = std::thread::spawn(move || {
                        let said = futures_lite::future::block_on(act(handle, end, &far));
                        *place.lock().unwrap() = Some(said);
                    });
                    until(|| done.lock().unwrap().is_some()).await;
                    thread.join().unwrap();
                    done.lock().unwrap().take().unwrap()
                }
            }
        }
    }));
    let said = said.unwrap();
    runtime.block_on(until(|| runtime.handle().n_tasks() == 0));
    // Only now are the cells freed for certain: the last reference may be a worker's.
    seen.waker.lock().unwrap().take();
    runtime.block_on(until(|| Arc::strong_count(&seen) == 1));
    let count = |n: &AtomicUsize| n.load(Ordering::SeqCst);
    assert_eq!(count(&seen.n_futures_dropped), 1, "{case}");
    assert_eq!(count(&seen.n_outputs_made), count(&seen.n_outputs_dropped), "{case}");
    if let (Some(said), When::Over) | (Some(said @ ("done" | "panicked")), _) = (said, when) {
        let expected = match panics {
            Panics::OnPoll | Panics::OnDrop => "panicked",
            Panics::Nowhere | Panics::OnOutputDrop => "done",
        };
        assert_eq!(said, expected, "{case}");
    }
    if end == End::Joined && whom != Whom::Itself {
        assert!(matches!(said, Some("done" | "panicked")), "{case}: {said:?}");
    }
}

#[test]
fn fault_2_every_panic_against_every_end() {
    let quiet = |builder: Builder| builder.unobserved_panic(UnobservedPanic::Ignore);
    let runtimes = [
        Builder::current_thread(),
        Builder::multi_thread().workers(1),
        Builder::multi_thread().workers(2),
        Builder::seeded(11).workers(3),
    ];
    let mut n = 0;
    for runtime in runtimes.map(|builder| quiet(builder).build().unwrap()) {
        for panics in [Panics::Nowhere, Panics::OnPoll, Panics::OnDrop, Panics::OnOutputDrop] {
            for end in [End::Joined, End::Dropped, End::Aborted] {
                for when in [When::BeforeStart, When::Suspended, When::Over] {
                    for whom in [Whom::Itself, Whom::Parent, Whom::Thread] {
                        if whom == Whom::Thread && runtime.handle().is_virtual() {
                            continue; // there is but one
                        }
                        play(&runtime, panics, end, when, whom);
                        n += 1;
                    }
                }
            }
        }
        // It is as good as new.
        let sum = runtime.block_on(async { spawn(async { 40 }).await.unwrap() + 2 });
        assert_eq!((sum, runtime.handle().n_tasks()), (42, 0));
    }
    assert_eq!(n, 3 * 4 * 27 + 4 * 18);
}

#[test]
fn a_panic_when_a_waiting_future_is_dropped_with_its_runtime_stays_there() {
    for builder in
        [Builder::current_thread(), Builder::seeded(1), Builder::multi_thread().workers(2)]
    {
        let runtime = builder.unobserved_panic(UnobservedPanic::Ignore).build().unwrap();
        let seen = Arc::new(Seen::default());
        for panics in [Panics::OnDrop, Panics::OnPoll, Panics::OnDrop] {
            let subject = Subject { panics, end: End::Dropped, begun: false, seen: seen.clone() };
            drop(runtime.spawn(subject));
        }
        runtime.block_on(poll_fn(|cx| {
            if seen.suspended.load(Ordering::SeqCst) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        drop(runtime);
        assert_eq!(seen.n_futures_dropped.load(Ordering::SeqCst), 3);
        seen.waker.lock().unwrap().take();
        assert_eq!(Arc::strong_count(&seen), 1);
    }
}
