//! Tasks that stay on their thread, and work that can be withdrawn.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use vitte_rt::oneshot;
use vitte_rt::runtime::{Builder, Handle, Runtime};
use vitte_rt::task::{
    self, JoinSet, LocalSet, cancel_token, is_cancelled, spawn, spawn_blocking, spawn_local,
    yield_now,
};
use vitte_rt::time::sleep;

use super::each;

/// Notes the thread it is dropped on; not `Send`.
struct Noted(Rc<RefCell<Vec<thread::ThreadId>>>);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.borrow_mut().push(thread::current().id());
    }
}

#[test]
fn local_tasks_share_what_is_not_send() {
    each(|rt| {
        let here = thread::current().id();
        let seen = Rc::new(RefCell::new(Vec::new()));
        let shared = seen.clone();
        rt.block_on(async move {
            let mut tasks = Vec::new();
            for n in 0..100u64 {
                let shared = shared.clone();
                tasks.push(spawn_local(async move {
                    assert_eq!(thread::current().id(), here);
                    yield_now().await;
                    sleep(Duration::from_micros(n % 7)).await;
                    // A local task spawns others, and ordinary ones that wake it.
                    let inner = spawn_local(async move { n });
                    let other = spawn(async move { n });
                    assert_eq!(inner.await.unwrap(), other.await.unwrap());
                    assert_eq!(thread::current().id(), here);
                    shared.borrow_mut().push(n);
                    Rc::new(n)
                }));
            }
            for (n, task) in tasks.into_iter().enumerate() {
                assert_eq!(*task.await.unwrap(), n as u64);
            }
        });
        let mut seen = seen.take();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..100));
    });
}

#[test]
fn wakes_of_local_tasks_from_other_threads_are_not_lost() {
    for rt in [Builder::current_thread(), Builder::multi_thread().workers(2)] {
        let rt = rt.build().unwrap();
        let n_rounds = if cfg!(feature = "stress") { 100_000 } else { 2_000 };
        let (to_thread, from_task) = mpsc::channel::<oneshot::Sender<usize>>();
        let answering = thread::spawn(move || {
            for (n, send) in from_task.into_iter().enumerate() {
                send.send(n).unwrap();
            }
        });
        rt.block_on(async {
            let task = spawn_local(async move {
                for n in 0..n_rounds {
                    let (send, receive) = oneshot::channel();
                    to_thread.send(send).unwrap();
                    assert_eq!(receive.await, Ok(n));
                }
            });
            task.await.unwrap();
        });
        answering.join().unwrap();
    }
}

#[test]
fn futures_of_local_tasks_are_dropped_on_their_thread() {
    each(|rt| {
        let drops = Rc::new(RefCell::new(Vec::new()));
        let note = || Noted(drops.clone());
        let mut last = None;
        rt.block_on(async {
            let (waits, runs) = (note(), note());
            let aborted = spawn_local(async move {
                let _waits = waits;
                std::future::pending::<()>().await;
            });
            // From another thread, but in a seeded run, which has one.
            let handle = aborted.abort_handle();
            spawn(async move { handle.abort() }).await.unwrap();
            assert!(aborted.await.unwrap_err().is_cancelled());
            let panicked = spawn_local(async move {
                let _runs = runs;
                yield_now().await;
                panic!("as it should");
            });
            assert!(panicked.await.unwrap_err().is_panic());
            // One that waits, one that never ran and one whose handle is kept, at the end.
            let (waits, never, kept) = (note(), note(), note());
            drop(spawn_local(async move {
                let _waits = waits;
                std::future::pending::<()>().await;
            }));
            yield_now().await;
            drop(spawn_local(async move { drop(never) }));
            last = Some(spawn_local(async move {
                std::future::pending::<()>().await;
                drop(kept);
            }));
        });
        drop(last);
        let here = thread::current().id();
        assert_eq!(*drops.borrow(), [here; 5]);
        assert_eq!(rt.handle().n_tasks(), 0, "{}", rt.handle().dump());
    });
}

#[test]
fn handle_of_a_dropped_local_task_says_cancelled() {
    let rt = Builder::multi_thread().workers(2).build().unwrap();
    let (task, seen) = rt.block_on(async {
        let task = spawn_local(std::future::pending::<u32>());
        let seen = task.cancel_token();
        yield_now().await;
        (task, seen)
    });
    assert!(task.is_finished() && !seen.is_cancelled(), "dropped, not asked");
    assert!(rt.block_on(task).unwrap_err().is_cancelled());
}

/// Where a panic happened, as its message names it.
fn place_of_panic(body: impl FnOnce()) -> (String, u32) {
    static PLACES: Mutex<Vec<(thread::ThreadId, String, u32)>> = Mutex::new(Vec::new());
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let at = info.location().unwrap();
            let place = (thread::current().id(), at.file().to_string(), at.line());
            PLACES.lock().unwrap().push(place);
            before(info);
        }));
    });
    catch_unwind(AssertUnwindSafe(body)).unwrap_err();
    let places = PLACES.lock().unwrap();
    let own = |place: &&(thread::ThreadId, String, u32)| place.0 == thread::current().id();
    let (_, file, line) = places.iter().rfind(own).unwrap();
    (file.clone(), *line)
}

#[test]
fn use_outside_of_a_runtime_names_the_call() {
    let calls: [(u32, fn()); 5] = [
        (line!(), || drop(spawn(async {}))),
        (line!(), || drop(spawn_local(async {}))),
        (line!(), || drop(spawn_blocking(|| ()))),
        (line!(), || drop(Handle::current())),
        (line!(), || drop(cancel_token())),
    ];
    for (line, call) in calls {
        let (file, at) = place_of_panic(call);
        assert!(file.ends_with("local.rs"), "{file}");
        assert_eq!(at, line);
    }
    assert!(!is_cancelled(), "outside of everything");
}

#[test]
fn tasks_that_may_move_cannot_spawn_local_ones() {
    each(|rt| {
        rt.block_on(async {
            let error = spawn(async { drop(spawn_local(async {})) }).await.unwrap_err();
            assert!(error.to_string().contains("outside of a `LocalSet`"), "{error}");
            spawn_local(async { spawn_local(async {}).await }).await.unwrap().unwrap();
        });
    });
}

#[test]
fn set_keeps_its_tasks_between_runs_and_is_a_future_of_their_ends() {
    each(|rt| {
        let set = LocalSet::new();
        let n = Rc::new(Cell::new(0));
        for _ in 0..3 {
            let n = n.clone();
            set.block_on(rt, async {
                spawn_local(async move {
                    sleep(Duration::from_micros(50)).await;
                    n.set(n.get() + 1);
                });
            });
        }
        assert_eq!(set.n_tasks() + n.get(), 3);
        rt.block_on(async {
            // Two who drive it: either may end first.
            futures_lite::future::or(set.run_until(yield_now()), set.run_until(yield_now())).await;
            let last = set.spawn_local(async { 7 });
            assert_eq!(set.run_until(last).await.unwrap(), 7);
        });
        rt.block_on(set);
        assert_eq!(n.get(), 3);
    });
}

#[test]
fn set_may_outlive_its_runtime() {
    let drops = Rc::new(RefCell::new(Vec::new()));
    let (waits, queued) = (Noted(drops.clone()), Noted(drops.clone()));
    let set = LocalSet::new();
    let rt = Builder::multi_thread().workers(1).build().unwrap();
    set.block_on(&rt, async {
        spawn_local(async move {
            let _waits = waits;
            std::future::pending::<()>().await;
        });
        yield_now().await;
        spawn_local(async move { drop(queued) });
    });
    // Nobody can end them now: the shutdown does not wait for them.
    let report = rt.shutdown(Duration::from_hours(1));
    assert_eq!(report.left.tasks.len(), 2, "{report}");
    assert_eq!(drops.borrow().len(), 0);
    drop(set);
    assert_eq!(*drops.borrow(), [thread::current().id(); 2]);
}

#[test]
fn set_stays_in_its_runtime() {
    let (one, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let set = LocalSet::new();
    set.block_on(&one, async { drop(spawn_local(std::future::pending::<()>())) });
    let in_other = || set.block_on(&other, async { drop(spawn_local(async {})) });
    assert!(catch_unwind(AssertUnwindSafe(in_other)).is_err());
    let driven = || set.block_on(&other, std::future::pending::<()>());
    assert!(catch_unwind(AssertUnwindSafe(driven)).is_err());
    assert_eq!(set.n_tasks(), 1);
    // A run inside of a run has a set of its own.
    set.block_on(&one, async {
        let n = other.block_on(async { spawn_local(async { 1 }).await.unwrap() });
        assert_eq!(n, 1);
        let moved = other.block_on(async { spawn(async { drop(spawn_local(async {})) }).await });
        assert!(moved.unwrap_err().is_panic());
    });
}

#[test]
fn busy_local_task_starves_nobody() {
    each(|rt| {
        let stop = Rc::new(Cell::new(false));
        let flag = stop.clone();
        rt.block_on(async {
            let busy = spawn_local(async move {
                while !flag.get() {
                    yield_now().await;
                }
            });
            for _ in 0..50 {
                spawn(yield_now()).await.unwrap();
                if !rt.handle().is_virtual() {
                    // A virtual clock moves when nothing can run, or after very many turns.
                    sleep(Duration::from_micros(10)).await;
                }
                spawn_local(yield_now()).await.unwrap();
            }
            stop.set(true);
            busy.await.unwrap();
        });
    });
}

#[test]
fn local_tasks_are_in_dumps_and_in_stalls() {
    for rt in [Builder::current_thread(), Builder::multi_thread().workers(2), Builder::seeded(3)] {
        let rt = rt.build().unwrap();
        let stalled = rt
            .run(async {
                task::Builder::new().name("waits").spawn_local(std::future::pending::<()>()).await
            })
            .unwrap_err();
        assert!(stalled.to_string().contains("waits: waiting"), "{stalled}");
        assert!(stalled.to_string().contains("local.rs"), "{stalled}");
    }
}

#[test]
fn dumps_of_others_do_not_keep_local_tasks() {
    let rt = Builder::current_thread().build().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let dumping = {
        let (handle, stop) = (rt.handle().clone(), stop.clone());
        thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                handle.dump();
            }
        })
    };
    for _ in 0..50 {
        rt.block_on(async {
            let mut set = JoinSet::new();
            for n in 0..20 {
                set.spawn_local(async move {
                    sleep(Duration::from_micros(n)).await;
                    Rc::new(n)
                });
            }
            for _ in 0..10 {
                set.join_next().await.unwrap().unwrap();
            }
            set.detach_all();
        });
        assert_eq!(rt.handle().n_tasks(), 0);
    }
    stop.store(true, Ordering::SeqCst);
    dumping.join().unwrap();
}

#[test]
fn work_that_has_not_begun_is_dropped_by_an_abort() {
    for rt in [Builder::current_thread(), Builder::multi_thread().workers(2)] {
        let rt = rt.max_blocking_threads(1).build().unwrap();
        let (go, gate) = mpsc::channel::<()>();
        let n_run = Arc::new(AtomicUsize::new(0));
        rt.block_on(async {
            let first = spawn_blocking(move || gate.recv().unwrap());
            let held = Arc::new(());
            let works: Vec<_> = (0..10)
                .map(|_| {
                    let (held, n_run) = (held.clone(), n_run.clone());
                    spawn_blocking(move || {
                        n_run.fetch_add(1, Ordering::SeqCst);
                        drop(held);
                    })
                })
                .collect();
            for work in works.iter().take(9) {
                work.abort();
            }
            let mut works = works.into_iter();
            for work in works.by_ref().take(9) {
                assert!(work.await.unwrap_err().is_cancelled());
            }
            assert_eq!(Arc::strong_count(&held), 2, "what they held is gone before they could run");
            go.send(()).unwrap();
            first.await.unwrap();
            works.next().unwrap().await.unwrap();
        });
        assert_eq!(n_run.load(Ordering::SeqCst), 1);
        // Shells in the queue do not look like work.
        assert!(rt.run(async {}).is_ok());
    }
}

#[test]
fn work_that_has_begun_can_ask_whether_it_is_wanted() {
    let rt = Builder::multi_thread().workers(1).build().unwrap();
    let (tell, told) = mpsc::channel();
    let work = rt.handle().spawn_blocking(move || {
        assert!(!is_cancelled());
        let token = cancel_token();
        tell.send("begun").unwrap();
        while !is_cancelled() {
            thread::yield_now();
        }
        assert!(token.is_cancelled());
        tell.send("ended").unwrap();
    });
    assert_eq!(told.recv(), Ok("begun"));
    work.abort();
    // It may have ended before the abort came to the task that stands for it.
    assert!(rt.block_on(work).map_or_else(|error| error.is_cancelled(), |()| true));
    assert_eq!(told.recv(), Ok("ended"));
    // A shutdown asks too.
    let (tell, told) = mpsc::channel();
    rt.handle().spawn_blocking(move || {
        tell.send(()).unwrap();
        while !is_cancelled() {
            thread::yield_now();
        }
        tell.send(()).unwrap();
    });
    told.recv().unwrap();
    rt.shutdown(Duration::from_secs(10));
    told.recv().unwrap();
}

#[test]
fn token_of_a_task_tells_and_cancels() {
    each(|rt| {
        rt.block_on(async {
            let (send, receive) = oneshot::channel();
            let task = spawn(async move {
                assert!(!is_cancelled());
                send.send(cancel_token()).unwrap();
                std::future::pending::<()>().await;
            });
            let token = receive.await.unwrap();
            assert!(!token.is_cancelled());
            token.cancel();
            assert!(token.is_cancelled());
            assert!(task.await.unwrap_err().is_cancelled());
            token.cancel(); // it is over: nothing
            // A task that cancels itself sees it in the same run, and ends at its next wait.
            let task = spawn(async {
                cancel_token().cancel();
                assert!(is_cancelled());
                yield_now().await;
                unreachable!("it does not run again");
            });
            assert!(task.await.unwrap_err().is_cancelled());
        });
    });
}

#[test]
fn threads_call_what_the_builder_was_given_and_bear_its_name() {
    let counts = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
    let [started, stopped] = counts.clone();
    let rt = Builder::multi_thread()
        .workers(2)
        .thread_name("threads")
        .thread_stack_size(1 << 20)
        .on_thread_start(move || _ = started.fetch_add(1, Ordering::SeqCst))
        .on_thread_stop(move || _ = stopped.fetch_add(1, Ordering::SeqCst))
        .build()
        .unwrap();
    let name = || std::thread::current().name().unwrap().to_string();
    let n_started = counts[0].clone();
    rt.block_on(async move {
        let task = spawn(async move { (name(), n_started.load(Ordering::SeqCst)) });
        let (of_worker, n_started) = task.await.unwrap();
        assert_eq!((&*of_worker, n_started > 0), ("threads", true));
        assert_eq!(spawn_blocking(name).await.unwrap(), "threads");
    });
    rt.shutdown(Duration::from_secs(20));
    // Threads for blocking work end by themselves.
    let [started, stopped] = counts.map(|count| move || count.load(Ordering::SeqCst));
    assert_eq!(started(), 3);
    for _ in 0..20_000 {
        if stopped() == 3 {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("{} of 3 threads have stopped", stopped());
}

#[cfg(target_os = "linux")]
#[test]
fn pinned_workers_stay_on_a_processor_each() {
    use rustix::thread::{CpuSet, sched_getaffinity};
    let cpus = || {
        let set = sched_getaffinity(None).unwrap();
        (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect::<Vec<_>>()
    };
    let allowed = cpus();
    let rt = Builder::multi_thread().workers(3).pin_workers(true).build().unwrap();
    rt.block_on(async {
        for _ in 0..100 {
            let on = spawn(async move { cpus() }).await.unwrap();
            assert_eq!(on.len(), 1);
            assert!(allowed.contains(&on[0]));
        }
    });
    assert_eq!(cpus(), allowed, "the thread of `block_on` is no worker");
    assert!(Builder::multi_thread().max_blocking_threads(0).build().is_err());
}
