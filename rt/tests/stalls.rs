//! Tasks that hold workers up: faults 4 and 5 of the list in issue 3.

use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use vitte_rt::runtime::{Builder, Handle, Runtime};
use vitte_rt::task::{JoinHandle, block_in_place, spawn, yield_now};
use vitte_rt::time::sleep;

const MS: Duration = Duration::from_millis(1);

/// A runtime whose watchdog tells the ids of tasks.
fn watched(n_workers: usize) -> (Runtime, Receiver<u64>) {
    let (send, receive) = mpsc::channel();
    let send = Mutex::new(send);
    let runtime = Builder::multi_thread()
        .workers(n_workers)
        .watchdog(Some(5 * MS))
        .on_stall(move |stall| {
            let _ = send.lock().unwrap().send(stall.task.id);
        })
        .build()
        .unwrap();
    (runtime, receive)
}

#[test]
fn fault_4_a_task_that_blocks_is_named_and_others_go_on() {
    let (runtime, named) = watched(2);
    let (go, gone) = mpsc::channel::<()>();
    let blocked = runtime.spawn(async move { gone.recv() }); // holds its worker up
    let id = blocked.id();
    // While it does, timers of others fire and their tasks run.
    runtime.block_on(async {
        let sleepers: Vec<_> = (0..100).map(|n| spawn(sleep(MS * (n % 10)))).collect();
        for sleeper in sleepers {
            sleeper.await.unwrap();
        }
    });
    assert!(!blocked.is_finished());
    while named.recv().unwrap() != id {}
    let stalls = runtime.handle().stalls();
    let stall = stalls.iter().find(|stall| stall.task.id == id).unwrap();
    assert_eq!((stall.task.name.as_str(), stall.task.state), ("future", "running"));
    assert!(stall.held_ns >= 5_000_000 && stall.to_string().contains("has held worker"));
    assert!(runtime.handle().metrics().stalls >= 1);
    go.send(()).unwrap();
    assert_eq!(runtime.block_on(blocked).unwrap(), Ok(()));
}

#[test]
fn fault_5_all_workers_blocked_are_reported_and_recover() {
    const N: usize = 3;
    let (runtime, named) = watched(N);
    let (go, gone) = mpsc::channel::<()>();
    let gone = Arc::new(Mutex::new(gone));
    let blocked: Vec<_> = (0..N)
        .map(|_| {
            let gone = gone.clone();
            runtime.spawn(async move { gone.lock().unwrap().recv() })
        })
        .collect();
    // Nobody can run them; the watchdog passes over them in its search for those it tells of.
    let waiting: Vec<_> = (0..100).map(|_| runtime.spawn(sleep(MS))).collect();
    let mut missing: Vec<_> = blocked.iter().map(JoinHandle::id).collect();
    while !missing.is_empty() {
        let id = named.recv().unwrap();
        missing.retain(|&other| other != id);
    }
    for _ in 0..N {
        go.send(()).unwrap();
    }
    runtime.block_on(async {
        for task in blocked {
            assert_eq!(task.await.unwrap(), Ok(()));
        }
        for task in waiting {
            task.await.unwrap();
        }
    });
    assert_eq!(runtime.handle().n_tasks(), 0);
}

#[test]
fn a_stall_is_told_once_and_a_panicking_listener_does_no_harm() {
    let (send, told) = mpsc::channel();
    let send = Mutex::new(send);
    let runtime = Builder::multi_thread()
        .workers(1)
        .watchdog(Some(2 * MS))
        .on_stall(move |stall| {
            let _ = send.lock().unwrap().send(stall.task.id);
            std::panic::resume_unwind(Box::new("listener"));
        })
        .build()
        .unwrap();
    let (go, gone) = mpsc::channel::<()>();
    let first = runtime.spawn(async move { gone.recv() });
    let id = first.id();
    assert_eq!(told.recv(), Ok(id));
    std::thread::sleep(20 * MS); // time for another word, were there one
    go.send(()).unwrap();
    runtime.block_on(first).unwrap().unwrap();
    // The watchdog lives on.
    let (go, gone) = mpsc::channel::<()>();
    let second = runtime.spawn(async move { gone.recv() });
    while told.recv().unwrap() != second.id() {}
    assert!(!told.try_iter().any(|other| other == id), "told once");
    go.send(()).unwrap();
    runtime.block_on(second).unwrap().unwrap();
}

#[test]
fn without_a_limit_nothing_watches() {
    let runtime = Builder::multi_thread().workers(1).watchdog(None).build().unwrap();
    runtime.block_on(spawn_blocked(&runtime)).unwrap();
    assert_eq!(runtime.handle().metrics().stalls, 0);
    assert!(runtime.handle().stalls().is_empty());
}

fn spawn_blocked(runtime: &Runtime) -> JoinHandle<()> {
    runtime.spawn(async { std::thread::sleep(30 * MS) })
}

/// The runtimes of one worker: what blocks in place has handed it on.
#[test]
fn what_blocks_in_place_holds_nobody_up() {
    let builders = [Builder::current_thread(), Builder::multi_thread().workers(1)];
    for runtime in builders.map(|builder| builder.build().unwrap()) {
        let (send, receive) = std::sync::mpsc::channel();
        let waits = runtime.spawn(async move {
            let first = block_in_place(|| receive.recv().unwrap());
            // Without a worker still; afterwards it is a task like any other.
            let second = block_in_place(|| {
                Handle::current().block_on(async {
                    sleep(Duration::from_millis(1)).await;
                    spawn(async { 2 }).await.unwrap()
                })
            });
            yield_now().await;
            sleep(Duration::from_millis(1)).await;
            first + second
        });
        let sends = runtime.spawn(async move { send.send(1).unwrap() });
        assert_eq!(runtime.block_on(waits).unwrap(), 3);
        runtime.block_on(sends).unwrap();
        assert!(runtime.handle().metrics().handoffs >= 1);
        let panics = runtime.spawn(async { block_in_place(|| panic!("inside")) });
        assert!(runtime.block_on(panics).unwrap_err().is_panic());
        let refused = runtime.spawn(async { Handle::current().block_on(async {}) });
        assert!(runtime.block_on(refused).unwrap_err().to_string().contains("await instead"));
    }
    // Without a worker there is nothing to hand on.
    let runtime = Builder::multi_thread().workers(1).build().unwrap();
    let nested = async { block_in_place(|| Handle::current().block_on(async { 4 })) };
    assert_eq!(runtime.block_on(nested), 4);
    assert_eq!(block_in_place(|| 5), 5);
    let seeded = Builder::seeded(1).build().unwrap();
    assert_eq!(seeded.block_on(seeded.spawn(async { block_in_place(|| 6) })).unwrap(), 6);
}
