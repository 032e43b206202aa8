//! What survives: kill -9 at any moment, damage, a second process, changes of the tasks.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use vitte_graph::journal::{Journal, KeptEnd, Loaded, Record, RedbJournal, dead_letters};
use vitte_graph::{
    Context, GraphError, JournalError, JournalErrorKind, Retry, State, Task, TaskError,
    TaskExecutor,
};

type Log = Arc<Mutex<Vec<String>>>;

/// Tasks a → b → c, x alone; each writes its name into the log.
fn chain(exec: &mut TaskExecutor, log: &Log, version_of_b: &str) {
    let noted = |name: &'static str| {
        let log = Arc::clone(log);
        move || log.lock().push(name.to_owned())
    };
    exec.add(Task::new("a", noted("a")));
    exec.add(Task::depends_on("b", &["a"], noted("b")).version(version_of_b));
    exec.add(Task::depends_on("c", &["b"], noted("c")));
    exec.add(Task::new("x", noted("x")));
}

/// On real threads, then under seeds.
const WAYS: [Option<u64>; 4] = [None, Some(1), Some(2), Some(3)];

fn run(build: impl Fn(&mut TaskExecutor)) -> (TaskExecutor, Result<(), GraphError>) {
    run_in(None, build)
}

fn run_in(
    way: Option<u64>,
    build: impl Fn(&mut TaskExecutor),
) -> (TaskExecutor, Result<(), GraphError>) {
    let mut exec = TaskExecutor::new(2);
    if let Some(seed) = way {
        exec.seed(seed);
    }
    build(&mut exec);
    let result = exec.run_all().map(|_| ());
    (exec, result)
}

fn taken(log: &Log) -> String {
    let mut names = std::mem::take(&mut *log.lock());
    names.sort();
    names.join("")
}

#[test]
fn second_run_repeats_only_what_changed_and_its_dependants() {
    WAYS.into_iter().for_each(second_run_repeats_only_what_changed);
}

fn second_run_repeats_only_what_changed(way: Option<u64>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let log = Log::default();
    let once = |version: &str| {
        let (mut exec, result) = run_in(way, |exec| {
            exec.journal(&path);
            chain(exec, &log, version);
        });
        let todo = exec.forecast().unwrap();
        assert!(todo.iter().all(|task| task.up_to_date), "{todo:?}");
        result.unwrap();
        assert!(exec.tasks().all(|t| t.state == State::Completed));
        taken(&log)
    };
    assert_eq!(once("1"), "abcx");
    assert_eq!(once("1"), "");
    let mut exec = TaskExecutor::new(1);
    chain(exec.journal(&path), &log, "2");
    let todo = exec.forecast().unwrap().into_iter().filter(|task| !task.up_to_date);
    assert_eq!(todo.map(|task| task.task.to_string()).collect::<String>(), "bc");
    assert_eq!(once("2"), "bc");
    assert_eq!(once("2"), "");
    let (exec, result) = run(|exec| {
        exec.fresh_journal(&path);
        chain(exec, &log, "2");
    });
    result.unwrap();
    assert_eq!(taken(&log), "abcx");
    assert_eq!(exec.notes(), [] as [String; 0]);
    assert!(folder.path().join("journal.old").exists());
}

#[test]
fn inputs_and_outputs_decide_whether_a_task_is_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("in"), "one").unwrap();
    let n = Arc::new(AtomicU32::new(0));
    let once = || {
        let (input, output, n) = (at("in"), at("out"), Arc::clone(&n));
        let (i, o) = (input.clone(), output.clone());
        let (_, result) = run(|exec| {
            let (input, output, n) = (input.clone(), output.clone(), Arc::clone(&n));
            exec.journal(at("journal"));
            exec.add(
                Task::blocking("copy", move |_| {
                    n.fetch_add(1, Ordering::Relaxed);
                    fs::copy(&input, &output)
                })
                .input(&i)
                .creates(&o),
            );
        });
        result.unwrap();
        n.load(Ordering::Relaxed)
    };
    assert_eq!(once(), 1);
    assert_eq!(once(), 1);
    fs::write(at("in"), "two").unwrap();
    assert_eq!(once(), 2);
    // The same content again, but with a new time: nothing to do.
    fs::write(at("in"), "two").unwrap();
    assert_eq!(once(), 2);
    fs::remove_file(at("out")).unwrap();
    assert_eq!(once(), 3);
    assert_eq!(fs::read_to_string(at("out")).unwrap(), "two");
}

#[test]
fn folder_as_input_is_all_that_lies_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("in/deep")).unwrap();
    fs::write(at("in/deep/a"), "1").unwrap();
    let once = || {
        let (exec, result) = run(|exec| {
            exec.journal(at("journal"));
            exec.add(Task::new("read", || ()).input(at("in")));
        });
        result.unwrap();
        exec.tasks().next().unwrap().remembered
    };
    assert!(!once());
    assert!(once());
    for (name, text) in [("in/deep/a", "2"), ("in/b", ""), ("in/deep/c", "")] {
        fs::write(at(name), text).unwrap();
        assert!(!once(), "{name}");
        assert!(once(), "{name}");
    }
    fs::rename(at("in/b"), at("in/d")).unwrap();
    assert!(!once());
    #[cfg(unix)]
    {
        // A circle of links ends.
        std::os::unix::fs::symlink("..", at("in/up")).unwrap();
        assert!(!once());
        assert!(once());
    }
}

#[test]
fn outputs_of_remembered_tasks_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    for reads in ["first", "second"] {
        let (exec, result) = run(|exec| {
            exec.journal(folder.path().join("journal"));
            exec.add(Task::new("list", || Ok::<_, TaskError>(vec![1_u8, 2, 3])));
            exec.add(
                Task::with("sum", |cx: &Context| {
                    Ok::<u8, TaskError>(cx.output::<Vec<u8>>("list")?.iter().sum())
                })
                .after(&["list"])
                .always(),
            );
        });
        result.unwrap();
        assert_eq!(*exec.output::<u8>("sum").unwrap(), 6, "{reads} run");
        assert_eq!(exec.tasks().next().unwrap().remembered, reads == "second");
    }
}

#[test]
fn failed_tasks_are_listed_and_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let (_, result) = run(|exec| {
        exec.journal(&path);
        exec.add(Task::new("bad", || Err::<(), _>(TaskError::new("not today"))));
        exec.add(Task::new("good", || ()));
    });
    assert!(matches!(result, Err(GraphError::Failed(_))));
    let loaded = RedbJournal::open(&path).unwrap().begin_run().unwrap();
    let dead: Vec<_> = dead_letters(&loaded, 3).map(|(name, kept)| (name, &kept.end)).collect();
    assert_eq!(dead, [("bad", &Some(KeptEnd::Failed { error: "not today".into() }))]);
    let (exec, result) = run(|exec| {
        exec.journal(&path);
        exec.add(Task::new("bad", || ()));
        exec.add(Task::new("good", || ()));
    });
    result.unwrap();
    let remembered: Vec<_> = exec.tasks().map(|t| t.remembered).collect();
    assert_eq!(remembered, [false, true]);
}

#[test]
fn second_executor_on_one_journal_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let held = RedbJournal::open(&path).unwrap();
    for way in WAYS {
        let (_, result) = run_in(way, |exec| {
            exec.journal(&path);
            exec.add(Task::new("a", || ()));
        });
        let message = result.unwrap_err().to_string();
        assert!(message.contains("is in use by another run"), "{message}");
        // Nor may another process have it.
        assert!(!start_victim_in(way, folder.path(), "").wait().unwrap().success());
        let said = fs::read_to_string(folder.path().join("stderr")).unwrap();
        assert!(said.contains("is in use by another run"), "{said}");
        assert_eq!(lines(folder.path().join("begun")).len(), 0);
    }
    assert!(RedbJournal::fresh(&path).is_err(), "a journal in use stays where it is");
    drop(held);
    assert!(start_victim(folder.path(), "").wait().unwrap().success());
}

#[test]
fn fresh_journal_leaves_no_old_one_where_there_was_none() {
    let folder = tempfile::tempdir().unwrap();
    let (path, old) = (folder.path().join("journal"), folder.path().join("journal.old"));
    drop(RedbJournal::fresh(&path).unwrap());
    assert!(path.exists() && !old.exists());
    assert_eq!(RedbJournal::fresh(&path).unwrap().begin_run().unwrap().run, 1);
    assert!(old.exists());
}

#[test]
fn what_is_no_journal_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    fs::write(&path, "not a journal, but something that somebody wants to keep\n".repeat(200))
        .unwrap();
    let before = fs::read(&path).unwrap();
    let (_, result) = run(|exec| {
        exec.journal(&path);
        exec.add(Task::new("a", || ()));
    });
    let message = result.unwrap_err().to_string();
    assert!(message.contains("start over with `fresh`"), "{message}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

/// A journal on a disk that is full after some batches.
struct Full {
    n_left: AtomicU32,
    acknowledged: Arc<Mutex<BTreeSet<String>>>,
}

impl Journal for Full {
    fn begin_run(&self) -> Result<Loaded, JournalError> {
        Ok(Loaded { run: 1, ..Loaded::default() })
    }

    fn look(&self) -> Result<Loaded, JournalError> {
        Ok(Loaded::default())
    }

    fn append(&self, batch: &[Record]) -> Result<(), JournalError> {
        if self
            .n_left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
            .is_err()
        {
            return Err(JournalError {
                path: PathBuf::from("/full"),
                kind: JournalErrorKind::Full,
            });
        }
        let ended = batch.iter().filter(|r| r.kept.end.is_some());
        self.acknowledged.lock().extend(ended.map(|r| r.task.to_string()));
        Ok(())
    }
}

#[test]
fn full_disk_ends_the_run_and_loses_nothing_acknowledged() {
    for (n_left, way) in [0, 1, 2, 7].into_iter().flat_map(|n| WAYS.map(|way| (n, way))) {
        let acknowledged = Arc::default();
        let (exec, result) = run_in(way, |exec| {
            exec.journal_with(Full {
                n_left: AtomicU32::new(n_left),
                acknowledged: Arc::clone(&acknowledged),
            });
            for i in 0..20 {
                let before = format!("{}", i - 1);
                let task = Task::new(&i.to_string(), || ());
                exec.add(if i > 0 { task.after(&[&before]) } else { task });
            }
        });
        let error = result.unwrap_err();
        assert!(error.to_string().contains("the disk is full"), "{error}");
        let completed = exec.tasks().filter(|t| t.state == State::Completed);
        let completed: BTreeSet<_> = completed.map(|t| t.name.to_string()).collect();
        assert_eq!(completed, *acknowledged.lock(), "completed means durable");
        assert!(exec.tasks().all(|t| t.state.is_final()));
    }
}

/// A journal in memory, of a process that dies after some batches: nothing after them is durable.
struct Mortal {
    kept: Arc<Mutex<Loaded>>,
    n_left: AtomicU32,
}

impl Journal for Mortal {
    fn begin_run(&self) -> Result<Loaded, JournalError> {
        let mut kept = self.kept.lock();
        kept.run += 1;
        Ok(kept.clone())
    }

    fn look(&self) -> Result<Loaded, JournalError> {
        Ok(self.kept.lock().clone())
    }

    fn append(&self, batch: &[Record]) -> Result<(), JournalError> {
        let take = |n: u32| n.checked_sub(1);
        if self.n_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
            let kind = JournalErrorKind::Io(std::io::Error::other("died"));
            return Err(JournalError { path: PathBuf::new(), kind });
        }
        let records = batch.iter().map(|record| (record.task.to_string(), record.kept.clone()));
        self.kept.lock().tasks.extend(records);
        Ok(())
    }
}

/// The kill below, at every batch instead of at any moment: under seeds it can be repeated.
#[test]
fn death_after_any_batch_repeats_nothing_acknowledged() {
    let ways = WAYS.into_iter().chain((4..24).map(Some));
    for (way, n_batches) in ways.flat_map(|way| [3, 4, 6, 9].map(|n| (way, n))) {
        let kept: Arc<Mutex<Loaded>> = Arc::default();
        let begun: Log = Log::default();
        let mut n_runs = 0;
        loop {
            n_runs += 1;
            // Another order each time: one in which all batches begin tasks makes no progress.
            let way = way.map(|seed| seed * 1_000 + n_runs);
            assert!(n_runs < 100, "{way:?}, {n_batches}: no progress");
            begun.lock().push("death".to_owned());
            let at_start = begun.lock().len();
            let acknowledged: BTreeSet<_> = {
                let kept = kept.lock();
                let ended = kept.tasks.iter().filter(|(_, k)| k.end.is_some());
                ended.map(|(name, _)| name.clone()).collect()
            };
            let (_, result) = run_in(way, |exec| {
                let n_left = AtomicU32::new(n_batches);
                exec.journal_with(Mortal { kept: Arc::clone(&kept), n_left });
                for (row, i) in (0..3).flat_map(|row| (0..4).map(move |i| (row, i))) {
                    let begun = Arc::clone(&begun);
                    let body = move |cx: &Context| {
                        begun.lock().push(format!("{} {}", cx.name(), cx.idempotency_key()));
                    };
                    let task = Task::with(&format!("{row}.{i}"), body).retry(Retry::attempts(200));
                    let before = format!("{row}.{}", i - 1);
                    exec.add(if i > 0 { task.after(&[&before]) } else { task });
                }
            });
            for line in &begun.lock()[at_start..] {
                let name = line.split(' ').next().unwrap();
                assert!(!acknowledged.contains(name), "{way:?}, {n_batches}: {name} again");
            }
            if result.is_ok() {
                break;
            }
        }
        let begun: BTreeSet<_> = begun.lock().iter().filter(|l| *l != "death").cloned().collect();
        assert_eq!(begun.len(), 12, "{way:?}, {n_batches}: one key per task");
    }
}

/// A file that cannot grow is what a process sees of a full disk; the kernel can be asked for it.
#[cfg(unix)]
#[test]
fn file_that_cannot_grow_ends_the_run_and_the_next_one_goes_on() {
    [None, Some(5)].into_iter().for_each(file_that_cannot_grow);
}

#[cfg(unix)]
fn file_that_cannot_grow(way: Option<u64>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    drop(RedbJournal::open(&path).unwrap());
    let blocks = fs::metadata(&path).unwrap().len() / 512 + 200;
    // The signal that the kernel sends first would end the process.
    let limits = format!("trap '' XFSZ; ulimit -f {blocks};");
    assert!(!start_victim_in(way, folder.path(), &limits).wait().unwrap().success());
    let said = fs::read_to_string(folder.path().join("stderr")).unwrap();
    assert!(said.contains("cannot grow, the disk is full"), "{said}");
    let done: BTreeSet<_> = lines(folder.path().join("done")).into_iter().collect();
    let n_begun = lines(folder.path().join("begun")).len();
    assert!(done.len() < 40);
    assert!(start_victim(folder.path(), "").wait().unwrap().success());
    let begun = lines(folder.path().join("begun"));
    assert!(begun[n_begun..].iter().all(|line| !done.contains(line.split(' ').next().unwrap())));
    assert_eq!(begun.iter().collect::<BTreeSet<_>>().len(), 40);
}

/// In the environment of a child process: the folder it works in, and the seed of its run if it has one.
const FOLDER: &str = "VITTE_GRAPH_TEST_FOLDER";
const SEED: &str = "VITTE_GRAPH_TEST_SEED";

/// Bytes that each task of the victim gives: the journal grows by this much a task.
const OUTPUT_BYTES: usize = 20_000;

/// The program that is killed: 40 tasks in 4 chains. Each appends "name key" to a file when it
/// begins; the file is synced, so that the parent sees every start.
fn victim(folder: &Path) {
    let mut exec = TaskExecutor::new(2);
    if let Some(seed) = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok()) {
        exec.seed(seed);
    }
    exec.journal(folder.join("journal"));
    let acknowledged = Arc::new(Mutex::new(
        fs::File::options().create(true).append(true).open(folder.join("done")).unwrap(),
    ));
    exec.observe(move |event| {
        if let vitte_graph::Event::Ended { report, .. } = event
            && report.state == State::Completed
            && !report.remembered
        {
            writeln!(acknowledged.lock(), "{}", report.name).unwrap();
        }
    });
    for chain in 0..4 {
        for i in 0..10 {
            let folder = folder.to_owned();
            let name = format!("{chain}.{i}");
            let mut task = Task::with(&name, move |cx: &Context| {
                let begun = folder.join("begun");
                let mut file = fs::File::options().create(true).append(true).open(begun)?;
                file.write_all(format!("{} {}\n", cx.name(), cx.idempotency_key()).as_bytes())?;
                std::thread::sleep(Duration::from_micros(300));
                Ok::<_, TaskError>("x".repeat(OUTPUT_BYTES))
            });
            if i > 0 {
                task = task.after(&[&format!("{chain}.{}", i - 1)]);
            }
            exec.add(task.retry(Retry::attempts(200)));
        }
    }
    exec.run_all().unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn victim_of_kill() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        victim(Path::new(&folder));
    }
}

/// Starts the victim, in a shell that does `first` before.
fn start_victim(folder: &Path, first: &str) -> Child {
    start_victim_in(None, folder, first)
}

fn start_victim_in(way: Option<u64>, folder: &Path, first: &str) -> Child {
    let me = std::env::current_exe().unwrap();
    let mut command = Command::new(if first.is_empty() { me.as_path() } else { Path::new("sh") });
    if !first.is_empty() {
        command.args(["-c", &format!("{first} exec \"$0\" \"$@\"")]).arg(me);
    }
    if let Some(seed) = way {
        command.env(SEED, seed.to_string());
    }
    command
        .args(["--exact", "--nocapture", "victim_of_kill"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.join("stderr")).unwrap())
        .spawn()
        .unwrap()
}

fn lines(path: PathBuf) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn kill_at_random_moments_repeats_nothing_acknowledged() {
    let n_kills = if cfg!(feature = "stress") { 200 } else { 30 };
    let mut n_killed = 0;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    while n_killed < n_kills {
        let folder = tempfile::tempdir().unwrap();
        loop {
            // What was acknowledged before this run must not begin in it.
            let done: BTreeSet<_> = lines(folder.path().join("done")).into_iter().collect();
            let n_begun = lines(folder.path().join("begun")).len();
            // Each second one runs under a seed.
            let way = (n_killed % 2 == 1).then_some(n_killed as u64);
            let mut child = start_victim_in(way, folder.path(), "");
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let ended = if n_killed < n_kills {
                std::thread::sleep(Duration::from_micros((random >> 33) % 30_000));
                let ended = child.try_wait().unwrap();
                child.kill().unwrap();
                child.wait().unwrap();
                ended
            } else {
                // However slow the machine is, the last one may finish.
                Some(child.wait().unwrap())
            };
            let begun = lines(folder.path().join("begun"));
            for line in &begun[n_begun..] {
                let name = line.split(' ').next().unwrap();
                assert!(!done.contains(name), "{name} was acknowledged and began again");
            }
            if let Some(status) = ended {
                let said = fs::read_to_string(folder.path().join("stderr")).unwrap();
                assert!(status.success(), "{said}");
                break;
            }
            n_killed += 1;
        }
        // All are done, each execution of a task had the same key, and no chain ran out of order.
        let done: BTreeSet<_> = lines(folder.path().join("done")).into_iter().collect();
        assert!(done.len() <= 40);
        let begun = lines(folder.path().join("begun"));
        let distinct: BTreeSet<_> = begun.iter().collect();
        assert_eq!(distinct.len(), 40, "one key per task, however often it was repeated");
        let n_crashes_at_most = begun.len() - 40;
        assert!(n_crashes_at_most <= 4 * n_kills, "only what ran is repeated");
    }
}

#[test]
fn bit_flips_never_invent_a_completion() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let build = |exec: &mut TaskExecutor, n: &Arc<AtomicU32>| {
        for i in 0..30_u32 {
            let n = Arc::clone(n);
            exec.add(Task::new(&format!("t{i}"), move || {
                n.fetch_add(1, Ordering::Relaxed);
                Ok::<_, TaskError>(i)
            }));
        }
    };
    let n = Arc::new(AtomicU32::new(0));
    let (_, result) = run(|exec| {
        exec.journal(&path);
        build(exec, &n);
    });
    result.unwrap();
    let good = fs::read(&path).unwrap();
    let mut random = 1_u64;
    let (mut n_refused, mut n_noted) = (0, 0);
    for flip in 0..60 {
        let mut bad = good.clone();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = (random >> 20) as usize % bad.len();
        bad[at] ^= 1 << (random >> 60 & 7);
        let path = folder.path().join("damaged");
        fs::write(&path, bad).unwrap();
        let n = Arc::new(AtomicU32::new(0));
        // The library below may panic on a page that makes no sense: an error is wanted here too.
        let (exec, result) = run_in(WAYS[flip % WAYS.len()], |exec| {
            exec.journal(&path);
            build(exec, &n);
        });
        match result {
            Ok(()) => {
                let is_told = !exec.notes().is_empty() || n.load(Ordering::Relaxed) == 0;
                assert!(is_told, "byte {at}: tasks ran again, and nobody was told");
                n_noted += exec.notes().len();
                for i in 0..30_u32 {
                    assert_eq!(*exec.output::<u32>(&format!("t{i}")).unwrap(), i, "byte {at}");
                }
            }
            Err(GraphError::Journal(_)) => n_refused += 1,
            Err(other) => panic!("byte {at}: {other}"),
        }
    }
    assert!(n_refused + n_noted > 0, "no flip hit anything");
}

#[test]
fn damaged_end_of_the_file_is_cut_or_refused_with_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let log = Log::default();
    let once = |way| {
        run_in(way, |exec| {
            exec.journal(&path);
            chain(exec, &log, "1");
        })
    };
    once(None).1.unwrap();
    let good = fs::read(&path).unwrap();
    let cuts = [1, 100, 4096, good.len() / 2];
    for (cut, way) in cuts.into_iter().zip(WAYS.into_iter().rev()) {
        fs::write(&path, &good[..good.len() - cut]).unwrap();
        log.lock().clear();
        match once(way) {
            (exec, Ok(())) => {
                assert!(!exec.notes().is_empty() || log.lock().is_empty(), "cut {cut}: not told");
            }
            (_, Err(GraphError::Journal(e))) => assert!(e.to_string().contains("fresh"), "{e}"),
            (_, Err(other)) => panic!("{other}"),
        }
    }
}

/// What a power cut in the middle of a commit leaves: the newest root, but not all that it leads to.
#[test]
fn torn_commit_is_cut_with_a_message_and_its_tasks_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let log = Log::default();
    let once = |version: &str| {
        let (exec, result) = run(|exec| {
            exec.journal(&path);
            chain(exec, &log, version);
        });
        (exec, result, taken(&log))
    };
    let (exec, result, ran) = once("1");
    result.unwrap();
    assert_eq!((exec.notes(), ran.as_str()), (&[] as &[String], "abcx"));
    let before = fs::read(&path).unwrap();
    // Open, so that what was not closed is what is copied.
    let journal = RedbJournal::open(&path).unwrap();
    let loaded = journal.look().unwrap();
    let again = Record { task: "a".into(), kept: loaded.tasks["a"].clone() };
    journal.append(&[again]).unwrap();
    let after = fs::read(&path).unwrap();
    drop(journal);
    // Pages that the last commit wrote, none of them the first, which has the roots.
    let is_new = |page: usize| before.get(page..page + 4096) != after.get(page..page + 4096);
    let new: Vec<usize> =
        (4096..after.len() - 4095).step_by(4096).filter(|&page| is_new(page)).collect();
    assert!(!new.is_empty());
    let (mut n_told, mut n_refused) = (0, 0);
    for page in new {
        let mut torn = after.clone();
        torn[page..page + 4096].fill(0);
        fs::write(&path, torn).unwrap();
        match once("1") {
            (exec, Ok(()), ran) => {
                assert!(!exec.notes().is_empty() || ran.is_empty(), "page {page}: not told");
                n_told += exec.notes().len();
            }
            (_, Err(GraphError::Journal(e)), _) => {
                n_refused += 1;
                assert!(e.to_string().contains("fresh"), "{e}");
            }
            (_, Err(other), _) => panic!("{other}"),
        }
    }
    assert!(n_told > 0, "nothing was cut, {n_refused} refused");
}
