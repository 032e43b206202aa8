//! Words that an expansion uses for itself are free for the function.

use vitte::Coroutine;

#[derive(Clone, Copy, PartialEq, Debug)]
enum State {
    Unresumed,
    Await0(u64),
}

const SITES: [u64; 2] = [3, 4];

struct T0;
struct F0;

#[vitte::task(explicit)]
async fn f(future: u64, state: State, cx: u64) -> u64 {
    let visit: u64 = SITES[0];
    let this: u64 = 1;
    vitte::task::yield_now().await;
    let step = State::Await0(visit);
    vitte::task::yield_now().await;
    let (_t, _f) = (T0, F0);
    assert!(state == State::Unresumed && step == State::Await0(3));
    future + cx + visit + this
}

fn main() {
    let f = f(1, State::Unresumed, 2);
    assert_eq!(f.layout().kind, "explicit");
    assert_eq!(vitte::block_on(f), 7);
}
