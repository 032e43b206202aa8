//! Entry points run what they are given, as they are told to.

use std::time::Duration;
use vitte::{sleep, task};

#[vitte::main]
async fn spawns_two() -> Vec<&'static str> {
    let t1 = task::spawn(async {
        sleep(Duration::from_millis(500)).await;
        "task 1 done"
    });
    let t2 = task::spawn(async { "task 2 at once" });
    vec![t2.await.unwrap(), t1.await.unwrap()]
}

#[vitte::main(seed = 3)]
async fn virtual_hour() -> Result<u64, String> {
    sleep(Duration::from_hours(1)).await;
    Ok(3600)
}

#[vitte::main(workers = 2, flavor = "multi_thread")]
async fn two_workers() -> usize {
    vitte::rt::runtime::Handle::current().n_workers()
}

#[test]
fn main_runs_its_body_and_answers_its_value() {
    assert_eq!(virtual_hour(), Ok(3600));
    assert_eq!(spawns_two(), ["task 2 at once", "task 1 done"]);
    assert_eq!(two_workers(), 2);
}

#[vitte::test]
async fn a_test_has_a_runtime() {
    assert_eq!(task::spawn(async { 7 }).await.unwrap(), 7);
}

#[vitte::test(seeds = 5)]
async fn seeds_are_virtual() -> Result<(), std::num::ParseIntError> {
    assert!(vitte::rt::runtime::Handle::current().is_virtual());
    sleep(Duration::from_secs("1000".parse()?)).await;
    Ok(())
}

#[vitte::test(start_paused = true)]
async fn paused_time_jumps() {
    let handle = vitte::rt::runtime::Handle::current();
    let before = handle.now_ns();
    sleep(Duration::from_mins(1)).await;
    assert!(handle.now_ns() - before >= 60_000_000_000);
}

#[vitte::test]
#[should_panic(expected = "on purpose")]
async fn panics_reach_the_test() {
    sleep(Duration::from_millis(1)).await;
    panic!("on purpose");
}
