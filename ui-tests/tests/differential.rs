//! Explicit machines do what native functions do: the same effects, the same drops in the same
//! order, for every choice of which await is ready, and dropped at every await.

#[path = "differential/bodies.rs"]
mod bodies;
#[path = "differential/lent.rs"]
mod lent;
#[path = "differential/shapes.rs"]
mod shapes;
#[path = "differential/traps.rs"]
mod traps;

use bodies::{NAMES, explicit, native, plain};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

thread_local! {
    static TRACE: RefCell<Vec<String>> = const { RefCell::new(vec![]) };
    /// One bit per await: set if it answers Pending once.
    static SCRIPT: Cell<u64> = const { Cell::new(0) };
    /// After so many steps one panics.
    static PANICS_IN: Cell<u64> = const { Cell::new(u64::MAX) };
}

/// A step that may panic, quietly.
fn step() {
    match PANICS_IN.get().checked_sub(1) {
        Some(left) => PANICS_IN.set(left),
        None => {
            PANICS_IN.set(u64::MAX);
            log("panic");
            std::panic::resume_unwind(Box::new(()));
        }
    }
}

pub(crate) fn log(what: impl Into<String>) {
    TRACE.with_borrow_mut(|t| t.push(what.into()));
}

/// Something whose drop is seen.
#[derive(Debug, PartialEq, Eq, PartialOrd)]
pub(crate) struct D(pub(crate) u64);

impl D {
    pub(crate) fn new(n: u64) -> D {
        step();
        log(format!("new {n}"));
        D(n)
    }
    pub(crate) fn get(&self) -> u64 {
        self.0
    }
    pub(crate) fn add(&mut self, n: u64) {
        self.0 += n;
    }
}

impl Drop for D {
    fn drop(&mut self) {
        log(format!("drop {}", self.0));
    }
}

/// Gives its value; the script decides whether at once. Its own drop is seen too.
pub(crate) struct Give<T>(Option<T>, bool);

impl<T> Unpin for Give<T> {}

impl<T> Future for Give<T> {
    type Output = T;
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        step();
        if !self.1 {
            self.1 = true;
            let script = SCRIPT.get();
            SCRIPT.set(script >> 1);
            if script & 1 != 0 {
                log("pending");
                return Poll::Pending;
            }
        }
        log("ready");
        Poll::Ready(self.0.take().expect("polled once after it was ready"))
    }
}

impl<T> Drop for Give<T> {
    fn drop(&mut self) {
        log("drop future");
    }
}

pub(crate) fn give<T>(value: T) -> Give<T> {
    Give(Some(value), false)
}

pub(crate) fn pause() -> Give<()> {
    give(())
}

type Made = Pin<Box<dyn Future<Output = String>>>;
/// A function by name, and how to call it.
type Case = (&'static str, fn() -> Made);

/// The trace of one run: the script, after how many polls the future is dropped, and after how many
/// steps it panics.
fn run(make: fn() -> Made, script: u64, n_polls: u32, panics_in: u64) -> Vec<String> {
    TRACE.with_borrow_mut(Vec::clear);
    SCRIPT.set(script);
    PANICS_IN.set(panics_in);
    let ended = std::panic::catch_unwind(|| {
        let mut future = make();
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..n_polls {
            if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
                log(format!("= {value}"));
                break;
            }
        }
        log("end");
    });
    log(if ended.is_ok() { "returned" } else { "unwound" });
    TRACE.take()
}

const SCRIPTS: [u64; 9] = [0, !0, 1, 2, 4, 0b1010_1010, 0b0101_0101, 0b1100_1100, 0b111_0001];

/// The first difference, if there is one.
fn difference(name: &str, expected: fn() -> Made, tested: fn() -> Made) -> Option<String> {
    let polls = [0, 1, 2, 3, 4, 5, 6, 8, 12, 64].map(|n| (n, u64::MAX));
    let panics = [0, 1, 2, 3, 4, 5, 7, 9, 12, 16].map(|n| (64, n));
    for script in SCRIPTS {
        for (n_polls, panics_in) in polls.into_iter().chain(panics) {
            let want = run(expected, script, n_polls, panics_in);
            let got = run(tested, script, n_polls, panics_in);
            if got != want {
                return Some(format!(
                    "`{name}`, script {script:b}, {n_polls} polls, panic in {panics_in}:\n  \
                     got  {got:?}\n  want {want:?}"
                ));
            }
        }
    }
    None
}

fn compare(expected: &[Case], tested: &[Case]) {
    let pairs = expected.iter().zip(tested);
    let all: Vec<_> = pairs.filter_map(|((name, e), (_, t))| difference(name, *e, *t)).collect();
    assert!(all.is_empty(), "{} differ\n{}", all.len(), all.join("\n"));
}

#[test]
fn explicit_machines_equal_native_functions() {
    assert!(NAMES.len() >= 60, "{}", NAMES.len());
    compare(native::ALL, explicit::ALL);
}

#[test]
fn plain_tasks_equal_native_functions() {
    compare(native::ALL, plain::ALL);
}

#[test]
fn borrows_that_last_one_await_are_explicit_and_do_the_same() {
    let native: Vec<_> =
        lent::task::KINDS.iter().filter(|(_, k)| k() == "native").map(|(name, _)| *name).collect();
    assert!(native.is_empty(), "{native:?}");
    compare(lent::native::ALL, lent::task::ALL);
}

#[test]
fn every_shape_of_function_is_taken_and_does_the_same() {
    assert!(shapes::task::ALL.len() + NAMES.len() >= 290, "{}", shapes::task::ALL.len());
    compare(shapes::native::ALL, shapes::task::ALL);
}

#[test]
fn what_lives_as_long_as_its_construct_does_so_in_a_task() {
    compare(traps::native::ALL, traps::task::ALL);
}

#[test]
fn many_shapes_are_explicit() {
    let n = shapes::n_explicit();
    assert!(n >= 80, "{n} explicit");
}

#[test]
fn most_of_the_bodies_are_explicit_without_being_asked() {
    let explicit: Vec<_> = plain::KINDS.iter().filter(|(_, kind)| kind() == "explicit").collect();
    let native: Vec<_> =
        plain::KINDS.iter().filter(|(_, k)| k() == "native").map(|(name, _)| *name).collect();
    assert!(explicit.len() >= 40, "{} explicit; native: {native:?}", explicit.len());
    assert!(explicit::KINDS.iter().all(|(_, kind)| kind() == "explicit"));
}
