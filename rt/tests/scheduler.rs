//! The scheduler as a library: the order of each policy, time, bounds, cancel, figures.

mod machines;

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use machines::{SLEEPER, fill_sleeper, number};
use vitte_rt::abi::VT_DONE;
use vitte_rt::coroutine::SpawnOptions;
use vitte_rt::runtime::Policy;
use vitte_rt::scheduler::{Builder, Missed, Scheduler, Task, TaskHandle};
use vitte_rt::task::{AbortHandle, yield_now};
use vitte_rt::time::Instant;

const SEEDS: std::ops::Range<u64> = 0..24;

const MS: Duration = Duration::from_millis(1);

/// Numbers made from a seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        // Steele, Lea and Flood 2014: SplitMix.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// Who ran, in the order of the runs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<usize>>>);

impl Log {
    fn task(&self, n: usize) -> Task<vitte_rt::scheduler::Call<impl FnOnce() + Send + 'static>> {
        let log = self.0.clone();
        Task::spawn(move || log.lock().unwrap().push(n))
    }

    fn take(&self) -> Vec<usize> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Calls `fill` with schedulers of a policy whose workers cannot run anything yet, then lets them run, and
/// gives the order of the runs to `check`. Seeded ones with one to three workers, and a real one, whose
/// only worker is held up meanwhile.
fn each_order(
    policy: Policy,
    fill: impl Fn(&Scheduler, &Log, &mut Numbers),
    check: impl Fn(Vec<usize>, &mut Numbers),
) {
    for seed in SEEDS {
        let n_workers = if policy == Policy::Fifo { 1 } else { 1 + seed as usize % 3 };
        let sched = Scheduler::builder(n_workers).policy(policy).seed(seed).build().unwrap();
        let log = Log::default();
        fill(&sched, &log, &mut Numbers(seed));
        sched.join_all();
        check(log.take(), &mut Numbers(seed));
    }
    let sched = Scheduler::builder(1).policy(policy).build().unwrap();
    let (gate, begun, log) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)), Log::default());
    sched.submit(Task::spawn({
        let (gate, begun) = (gate.clone(), begun.clone());
        move || {
            begun.wait();
            gate.wait();
        }
    }));
    begun.wait();
    fill(&sched, &log, &mut Numbers(1));
    gate.wait();
    sched.join_all();
    check(log.take(), &mut Numbers(1));
}

#[test]
fn fifo_runs_in_the_order_of_submission_but_for_two_that_overtake() {
    each_order(
        Policy::Fifo,
        |sched, log, _| (0..1000).for_each(|n| drop(sched.submit(log.task(n)))),
        |order, _| {
            assert_eq!(order.len(), 1000);
            let mut later = Vec::new();
            for (at, &n) in order.iter().enumerate() {
                later.retain(|&other| other > n);
                assert!(later.len() <= 2, "{n} was overtaken by {later:?}");
                assert!(n <= at + 64, "{n} began as number {at}");
                later.push(n);
            }
        },
    );
}

#[test]
fn lifo_runs_the_newest_first() {
    each_order(
        Policy::Lifo,
        |sched, log, _| (0..1000).for_each(|n| drop(sched.submit(log.task(n)))),
        |order, _| assert!(order.iter().rev().is_sorted() && order.len() == 1000),
    );
}

#[test]
fn priority_runs_the_most_urgent_first_and_its_oldest() {
    // No more tasks than a priority may be passed over: no exceptions from the order.
    let draw = |numbers: &mut Numbers| (0..33).map(|_| numbers.below(10) as u8).collect::<Vec<_>>();
    each_order(
        Policy::Priority,
        |sched, log, numbers| {
            for (n, priority) in draw(numbers).into_iter().enumerate() {
                sched.submit(log.task(n).priority(priority));
            }
        },
        |order, numbers| {
            let priorities = draw(numbers);
            let mut expected: Vec<_> = (0..33).collect();
            expected.sort_by_key(|&n| priorities[n].min(7));
            assert_eq!(order, expected);
        },
    );
}

#[test]
fn priority_lets_nobody_wait_for_ever() {
    const N: usize = 400;
    each_order(
        Policy::Priority,
        |sched, log, _| {
            for n in 0..N {
                sched.submit(log.task(n).priority([0, 3, 7][n % 3]));
            }
        },
        |order, _| {
            // While a priority has tasks, 33 runs in a row include one of it, or two of them if others are
            // as old.
            for class in 0..3 {
                let at = order.iter().enumerate().filter(|(_, n)| *n % 3 == class);
                let at: Vec<_> = at.map(|(at, _)| at as i64).collect();
                let gaps = std::iter::once(&-1).chain(&at).zip(&at).map(|(a, b)| b - a);
                assert!(gaps.max().unwrap() <= 35, "class {class}");
            }
            for class in 0..3 {
                assert!(order.iter().filter(|n| *n % 3 == class).is_sorted(), "its oldest first");
            }
        },
    );
}

#[test]
fn a_priority_can_change_while_the_task_is_queued() {
    each_order(
        Policy::Priority,
        |sched, log, numbers| {
            let handles: Vec<TaskHandle<()>> =
                (0..30).map(|n| sched.submit(log.task(n).priority(5))).collect();
            for k in 0..10 {
                let n = numbers.below(30) as usize;
                assert!(handles[n].set_priority(k % 7));
            }
        },
        |order, numbers| {
            let (mut priorities, mut since) = (vec![5; 30], (0..30).collect::<Vec<_>>());
            for k in 0..10_usize {
                let n = numbers.below(30) as usize;
                (priorities[n], since[n]) = (k % 7, 30 + k);
            }
            let mut expected: Vec<_> = (0..30).collect();
            expected.sort_by_key(|&n| (priorities[n], since[n]));
            assert_eq!(order, expected);
        },
    );
    let sched = Scheduler::builder(1).seed(1).build().unwrap();
    let task = sched.submit(Task::spawn(|| ()));
    assert!(!task.set_priority(0), "FIFO has no priorities");
}

/// Checks that in any beginning of `runs` each member is at most one and a half runs from its share.
fn assert_shared(runs: &[usize], shares: &[usize]) {
    let total: usize = shares.iter().sum();
    let mut n = vec![0_usize; shares.len()];
    for (i, &member) in runs.iter().enumerate() {
        n[member] += 1;
        for (n, share) in n.iter().zip(shares) {
            // Times the total: no fractions.
            assert!((n * total).abs_diff((i + 1) * share) * 2 <= 3 * total, "{n} of {}", i + 1);
        }
    }
}

#[test]
fn fair_gives_groups_and_subgroups_their_shares_at_every_moment() {
    const N: usize = 1200;
    each_order(
        Policy::Fair,
        |sched, log, numbers| {
            let (few, some) = (sched.group("few", 1), sched.group("some", 2));
            let many = sched.group("many", 3);
            let (less, more) = (many.subgroup("less", 1), many.subgroup("more", 2));
            // Equally many of each, in a random order.
            let mut left = [N; 4];
            while left != [0; 4] {
                let member = numbers.below(4) as usize;
                if left[member] == 0 {
                    continue;
                }
                left[member] -= 1;
                let task = log.task(member);
                sched.submit(match member {
                    0 => task.group(&few),
                    1 => task.group(&some),
                    2 => task.group(&less),
                    _ => task.group(&more),
                });
            }
        },
        |order, _| {
            assert_eq!(order.len(), 4 * N);
            // While all have tasks: the first to run out is `more`, after N / (2/3 × 3/6) runs.
            let runs = &order[..3 * N];
            let groups: Vec<_> = runs.iter().map(|&member| member.min(2)).collect();
            assert_shared(&groups, &[1, 2, 3]);
            let inner: Vec<_> = runs.iter().filter(|&&m| m >= 2).map(|&m| m - 2).collect();
            assert_shared(&inner, &[1, 2]);
        },
    );
}

#[test]
fn deadline_runs_the_earliest_first_and_the_rest_last() {
    let draw = |numbers: &mut Numbers| {
        let one = |_| Some(numbers.below(20)).filter(|&n| n > 3).map(|n| MS * 1000 * n as u32);
        (0..300).map(one).collect::<Vec<_>>()
    };
    // Deadlines count from the submission, which is one moment only where time is virtual.
    for seed in SEEDS {
        let n_workers = 1 + seed as usize % 3;
        let builder = Scheduler::builder(n_workers).policy(Policy::Deadline).seed(seed);
        let (sched, log) = (builder.build().unwrap(), Log::default());
        let deadlines = draw(&mut Numbers(seed));
        for (n, deadline) in deadlines.iter().enumerate() {
            match deadline {
                Some(deadline) => sched.submit(log.task(n).deadline(*deadline)),
                None => sched.submit(log.task(n)),
            };
        }
        sched.join_all();
        let mut expected: Vec<_> = (0..300).collect();
        expected.sort_by_key(|&n| deadlines[n].unwrap_or(Duration::MAX));
        assert_eq!(log.take(), expected);
        assert_eq!(sched.statistics().n_missed, 0);
    }
}

#[test]
fn deadline_goes_by_the_later_one_on_real_threads_too() {
    each_order_real(Policy::Deadline, |sched, log| {
        for n in 0..100 {
            // Further apart than submissions.
            sched.submit(log.task(99 - n).deadline(Duration::from_secs(10_000 - 60 * n as u64)));
        }
    });
}

/// As [`each_order`], for one real worker and tasks that are numbered in the order that is wanted.
fn each_order_real(policy: Policy, fill: impl Fn(&Scheduler, &Log)) {
    let sched = Scheduler::builder(1).policy(policy).build().unwrap();
    let (open, gate) = mpsc::channel::<()>();
    let (tell, begun) = mpsc::channel();
    sched.submit(Task::spawn(move || {
        tell.send(()).unwrap();
        gate.recv().unwrap();
    }));
    begun.recv().unwrap();
    let log = Log::default();
    fill(&sched, &log);
    open.send(()).unwrap();
    sched.join_all();
    assert!(log.take().is_sorted());
}

#[test]
fn a_missed_deadline_is_counted_and_reported() {
    let missed: Arc<Mutex<Vec<Missed>>> = Arc::default();
    let seen = missed.clone();
    let builder = Scheduler::builder(2).policy(Policy::Deadline).seed(3);
    let sched = builder.on_missed(move |m| seen.lock().unwrap().push(m.clone())).build().unwrap();
    let sleeper = |ms| Task::future(vitte_rt::time::sleep(MS * ms));
    let late = sched.submit(sleeper(30).deadline(MS * 20).name("late"));
    let id = late.id();
    sched.submit(sleeper(10).deadline(MS * 20));
    sched.submit(sleeper(20).deadline(MS * 20));
    // One that is cancelled has not missed anything.
    let gone = sched.submit(sleeper(50).deadline(MS * 5));
    late.join().unwrap();
    gone.cancel();
    sched.join_all();
    let expected =
        Missed { id, name: Some("late".into()), deadline_ns: 20_000_000, late_by: MS * 10 };
    assert_eq!(*missed.lock().unwrap(), [expected]);
    assert_eq!(sched.statistics().n_missed, 1);
}

#[test]
fn delayed_and_periodic_tasks_keep_their_times() {
    for seed in SEEDS {
        let sched = Scheduler::builder(2).seed(seed).build().unwrap();
        let times: Arc<Mutex<Vec<(u32, u64)>>> = Arc::default();
        let note = |who| {
            let times = times.clone();
            move || times.lock().unwrap().push((who, Instant::now().as_ns() / 1_000_000))
        };
        sched.submit(Task::spawn(note(1)).after(MS * 7));
        sched.submit(Task::every(MS * 10, note(2)).times(4));
        sched.submit(Task::every(MS * 10, note(3)).times(2).after(MS * 25));
        let endless = sched.submit(Task::every(MS * 16, note(4)));
        sched.join_all();
        assert!(!endless.is_finished());
        let mut times = times.lock().unwrap().clone();
        times.sort_unstable();
        let of = |who| times.iter().filter(move |t| t.0 == who).map(|t| t.1).collect::<Vec<_>>();
        assert_eq!(of(1), [7]);
        assert_eq!(of(2), [0, 10, 20, 30]);
        assert_eq!(of(3), [25, 35]);
        assert_eq!(of(4), [0, 16, 32]);
    }
}

#[test]
fn delayed_and_periodic_tasks_are_never_early_on_real_threads() {
    let sched = Scheduler::new(2).unwrap();
    let times: Arc<Mutex<Vec<(u32, u64)>>> = Arc::default();
    let start_ns = sched.handle().now_ns();
    let note = |who| {
        let (times, clock) = (times.clone(), sched.handle().clone());
        move || times.lock().unwrap().push((who, clock.now_ns() - start_ns))
    };
    sched.submit(Task::spawn(note(1)).after(MS * 7));
    sched.submit(Task::every(MS * 3, note(2)).times(4));
    sched.submit(Task::every(MS * 3, note(3)).times(2).after(MS * 5));
    let endless = sched.submit(Task::every(MS, note(4)));
    sched.join_all();
    endless.cancel();
    assert!(endless.join().unwrap_err().is_cancelled());
    let times = times.lock().unwrap();
    let of = |who| times.iter().filter(move |t| t.0 == who).map(|t| t.1).collect::<Vec<_>>();
    let ms = |n: u64| n * 1_000_000;
    assert!(of(1).len() == 1 && of(1)[0] >= ms(7), "{times:?}");
    assert_eq!((of(2).len(), of(3).len()), (4, 2));
    // Any run may come late, but none before its tick.
    for (who, first) in [(2, 0), (3, 5)] {
        assert!(of(who).iter().zip(0..).all(|(&at, k)| at >= ms(first + 3 * k)), "{times:?}");
    }
}

#[test]
fn deadlines_are_missed_on_real_threads_too() {
    let policies = [Policy::Fifo, Policy::Deadline];
    for policy in policies {
        let missed: Arc<Mutex<Vec<Missed>>> = Arc::default();
        let seen = missed.clone();
        let builder = Scheduler::builder(2).policy(policy);
        let sched =
            builder.on_missed(move |m| seen.lock().unwrap().push(m.clone())).build().unwrap();
        // It sleeps for longer than it may last.
        let nap = Task::future(vitte_rt::time::sleep(MS * 5));
        let late = sched.submit(nap.deadline(MS * 2).name("late")).id();
        sched.submit(Task::spawn(|| ()).deadline(Duration::from_hours(1)));
        sched.join_all();
        let missed = missed.lock().unwrap();
        let [one] = &missed[..] else { panic!("{missed:?}") };
        assert_eq!((one.id, one.name.as_deref()), (late, Some("late")));
        assert!(one.late_by >= MS * 3, "{one:?}");
        assert_eq!(sched.statistics().n_missed, 1);
    }
}

#[test]
fn cancelled_tasks_do_not_begin_on_real_threads() {
    let sched = Scheduler::new(1).unwrap();
    let (open, gate) = mpsc::channel::<()>();
    let (tell, begun) = mpsc::channel();
    sched.submit(Task::spawn(move || {
        tell.send(()).unwrap();
        gate.recv().unwrap();
    }));
    begun.recv().unwrap();
    let log = Log::default();
    let handles: Vec<_> = (0..100).map(|n| sched.submit(log.task(n))).collect();
    let waits = sched.submit(Task::future(pending::<()>()));
    let later = sched.submit(log.task(1000).after(Duration::from_hours(1)));
    handles.iter().step_by(2).for_each(TaskHandle::cancel);
    open.send(()).unwrap();
    handles.into_iter().skip(1).step_by(2).for_each(|handle| handle.join().unwrap());
    waits.cancel();
    later.cancel();
    sched.join_all();
    let mut ran = log.take();
    ran.sort_unstable();
    assert_eq!(ran, (1..100).step_by(2).collect::<Vec<_>>());
}

#[test]
fn others_run_between_the_runs_of_a_periodic_task() {
    let sched = Scheduler::builder(1).seed(5).build().unwrap();
    let clock = sched.handle().clone();
    let log = Log::default();
    let (task_log, other) = (log.clone(), log.clone());
    let runs = sched.submit(
        Task::every(MS, move || {
            task_log.0.lock().unwrap().push(clock.now_ns() as usize / 1_000_000);
        })
        .times(3),
    );
    sched.submit(other.task(100));
    runs.join().unwrap();
    assert_eq!(log.take(), [0, 100, 1, 2]);
}

#[test]
fn cancelled_tasks_do_not_begin_or_do_not_go_on() {
    for seed in SEEDS {
        let sched = Scheduler::builder(2).seed(seed).build().unwrap();
        let log = Log::default();
        let never = sched.submit(log.task(1));
        let waits = sched.submit(Task::future(pending::<()>()));
        let later = sched.submit(log.task(2).after(MS * 100));
        let ticks = sched.submit(Task::every(MS, || ()));
        never.cancel();
        sched.submit(Task::future({
            let cancels = [waits.into_inner().abort_handle(), later.into_inner().abort_handle()];
            let ticks = ticks.into_inner().abort_handle();
            async move {
                vitte_rt::time::sleep(MS * 10).await;
                cancels.iter().chain([&ticks]).for_each(AbortHandle::abort);
            }
        }));
        sched.join_all();
        assert_eq!(log.take(), [0_usize; 0]);
        assert!(never.join().unwrap_err().is_cancelled());
        assert_eq!(sched.statistics().n_tasks, 0);
    }
}

#[test]
fn a_panic_ends_its_task_only() {
    let sched = Scheduler::new(2).unwrap();
    let bad = sched.submit(Task::spawn(|| -> u32 { panic!("spilt") }));
    let good = sched.submit(Task::spawn(|| 7));
    assert_eq!(good.join().unwrap(), 7);
    assert!(bad.join().unwrap_err().to_string().contains("spilt"));
}

/// A count of what is alive.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(n: &Arc<AtomicUsize>) -> Self {
        n.fetch_add(1, Ordering::SeqCst);
        Alive(n.clone())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Bounded schedulers, seeded and real, under each policy.
fn each_bounded(bound: usize, test: impl Fn(&Scheduler)) {
    let with = |builder: Builder| test(&builder.bound(bound).build().unwrap());
    let policies = [Policy::Fifo, Policy::Lifo, Policy::Priority, Policy::Fair, Policy::Deadline];
    for policy in policies {
        (0..5).for_each(|seed| with(Scheduler::builder(2).policy(policy).seed(seed)));
        with(Scheduler::builder(2).policy(policy));
    }
}

#[test]
fn back_pressure_bounds_what_is_alive() {
    each_bounded(8, |sched| {
        let (alive, n_run) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..300 {
            let n_run = n_run.clone();
            // Made before it waits for a place, so one more than the bound.
            let alive_now = Alive::new(&alive);
            assert!(alive.load(Ordering::SeqCst) <= 9);
            sched.submit(Task::future(async move {
                let _kept = alive_now;
                yield_now().await;
                n_run.fetch_add(1, Ordering::SeqCst);
            }));
            // A place is free as soon as the future is gone, just before its worker counts the end.
            assert!(sched.statistics().n_tasks <= 8 + 2);
        }
        sched.join_all();
        assert_eq!((n_run.load(Ordering::SeqCst), alive.load(Ordering::SeqCst)), (300, 0));
        assert_eq!(sched.statistics().n_free_places, Some(8));
    });
}

#[test]
fn a_full_scheduler_gives_the_task_back() {
    each_bounded(2, |sched| {
        let blocker = || Task::future(pending::<()>());
        let held = [sched.submit(blocker()), sched.submit(blocker())];
        let full = sched.try_submit(Task::spawn(|| 5)).unwrap_err();
        assert!(full.to_string().contains("as many tasks as it may have"));
        held.iter().for_each(TaskHandle::cancel);
        sched.join_all();
        assert_eq!(sched.try_submit(full.0).unwrap().join().unwrap(), 5);
    });
}

#[test]
fn tasks_of_a_bounded_scheduler_submit_by_awaiting() {
    each_bounded(3, |sched| {
        let (submitter, n_run) = (sched.submitter().clone(), Arc::new(AtomicUsize::new(0)));
        let count = n_run.clone();
        let parent = sched.submit(Task::future(async move {
            for _ in 0..100 {
                let count = count.clone();
                let task = Task::spawn(move || count.fetch_add(1, Ordering::SeqCst));
                drop(submitter.submit_async(task).await);
            }
        }));
        parent.join().unwrap();
        sched.join_all();
        assert_eq!(n_run.load(Ordering::SeqCst), 100);
    });
    let sched = Scheduler::builder(1).bound(1).build().unwrap();
    let submitter = sched.submitter().clone();
    let inside = sched.submit(Task::spawn(move || drop(submitter.submit(Task::spawn(|| ())))));
    assert!(inside.join().unwrap_err().to_string().contains("submit_async"));
}

#[test]
fn join_all_waits_for_what_tasks_submit_and_loses_nothing() {
    fn tree(submitter: &vitte_rt::scheduler::Submitter, depth: u32, n_run: &Arc<AtomicUsize>) {
        n_run.fetch_add(1, Ordering::Relaxed);
        if depth > 0 {
            for _ in 0..2 {
                let (submitter, n_run) = (submitter.clone(), n_run.clone());
                let inner = submitter.clone();
                submitter.submit(Task::spawn(move || tree(&inner, depth - 1, &n_run)));
            }
        }
    }
    let real = Scheduler::new(2).unwrap();
    let seeded = SEEDS.map(|seed| Scheduler::builder(3).seed(seed).build().unwrap());
    for sched in seeded.chain([real]) {
        for _ in 0..20 {
            let n_run = Arc::new(AtomicUsize::new(0));
            tree(sched.submitter(), 6, &n_run);
            sched.join_all();
            assert_eq!(n_run.load(Ordering::Relaxed), 127);
        }
    }
}

#[test]
fn the_last_end_is_never_missed() {
    let n_rounds = if cfg!(feature = "stress") { 100_000 } else { 2_000 };
    let sched = Scheduler::new(2).unwrap();
    for n in 0..n_rounds {
        (0..n % 4).for_each(|_| drop(sched.submit(Task::spawn(|| ()))));
        sched.join_all();
        assert_eq!(sched.statistics().n_tasks, 0);
    }
}

#[test]
fn closures_futures_and_coroutines_run_side_by_side() {
    let builders = SEEDS.map(|seed| Scheduler::builder(2).seed(seed));
    for builder in builders.chain([Scheduler::builder(2)]) {
        let sched = builder.policy(Policy::Priority).bound(100).build().unwrap();
        // SAFETY: the machine is static and `fill_sleeper` fills its frame.
        let frame = unsafe {
            Task::frame(&raw const SLEEPER, |frame| fill_sleeper(frame, 4), SpawnOptions::default())
        };
        let frame = sched.submit_frame(frame.priority(1).deadline(MS)).unwrap();
        let closure = sched.submit(Task::spawn(|| 1));
        let future = sched.submit(Task::future(async {
            vitte_rt::time::sleep(MS).await;
            2
        }));
        sched.join_all();
        assert_eq!((closure.join().unwrap(), future.join().unwrap()), (1, 2));
        assert_eq!((frame.status(), number(&frame)), (Some(VT_DONE), Some(8)));
        assert_eq!(sched.statistics().n_missed, 1);
    }
}

#[test]
fn one_seed_is_one_order() {
    let run = |seed| {
        let sched = Scheduler::builder(3).seed(seed).build().unwrap();
        let log = Log::default();
        for n in 0..50 {
            let log = log.clone();
            sched.submit(Task::future(async move {
                for _ in 0..3 {
                    log.0.lock().unwrap().push(n);
                    yield_now().await;
                }
            }));
        }
        sched.join_all();
        (log.take(), sched.handle().trace_hash())
    };
    let orders: BTreeMap<_, _> = SEEDS.map(|seed| (run(seed), seed)).collect();
    assert!(orders.len() > 20, "seeds differ");
    for (order, seed) in orders {
        assert_eq!(run(seed), order);
    }
}

#[test]
fn statistics_tell_lengths_waits_and_runs() {
    let builder = Scheduler::builder(2).policy(Policy::Fair).seed(1).measured();
    let sched = builder.build().unwrap();
    let group = sched.group("web", 2);
    let part = group.subgroup("api", 1);
    (0..5).for_each(|_| drop(sched.submit(Task::spawn(|| ()).group(&group))));
    (0..3).for_each(|_| drop(sched.submit(Task::spawn(|| ()).group(&part).after(MS))));
    sched.submit(Task::spawn(|| ()));
    let before = sched.statistics();
    assert_eq!((before.n_tasks, before.queued.shared), (9, 9));
    assert_eq!(before.queued.workers, [0, 0]);
    sched.join_all();
    let after = sched.statistics();
    let waits: Vec<_> = after.waits.iter().map(|(name, w)| (&**name, w.count())).collect();
    assert_eq!(waits, [("no group", 1), ("web", 5), ("web/api", 3)]);
    assert_eq!((after.n_tasks, after.counters.completed), (0, 9));
    assert_eq!(after.latency.delay.count(), after.counters.polls);
}
