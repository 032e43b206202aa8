//! The rows of channels and locks. Their types have no common shape, so each workload is written out per
//! library by a macro.

use super::executors::{Executor, Smol, Tokio, Vitte};
use super::rows::NamedRow;
use super::workloads::inside;
use super::{Goal, Peer, Row, Sampler};

/// Messages, and times a lock is taken.
const N: usize = 100_000;

/// `$producers` tasks send [`N`] messages in all over an unbounded channel to the task that made it.
macro_rules! unbounded {
    ($E:ty, $mpsc:path, $producers:literal) => {{
        use $mpsc as mpsc;
        Box::new(|| {
            inside::<$E, _>(N, || async {
                let (tx, mut rx) = mpsc::unbounded_channel();
                for _ in 0..$producers {
                    let tx = tx.clone();
                    let send =
                        async move { (0..N / $producers).for_each(|n| tx.send(n).expect("open")) };
                    <$E>::detach(<$E>::spawn(send));
                }
                drop(tx);
                while rx.recv().await.is_some() {}
            })
        }) as Sampler
    }};
}

/// As [`unbounded`], with room for a hundred messages.
macro_rules! bounded {
    ($E:ty, $mpsc:path, $producers:literal) => {{
        use $mpsc as mpsc;
        Box::new(|| {
            inside::<$E, _>(N, || async {
                let (tx, mut rx) = mpsc::channel(100);
                for _ in 0..$producers {
                    let tx = tx.clone();
                    <$E>::detach(<$E>::spawn(async move {
                        for n in 0..N / $producers {
                            let _ = tx.send(n).await;
                        }
                    }));
                }
                drop(tx);
                while rx.recv().await.is_some() {}
            })
        }) as Sampler
    }};
}

/// Locks and unlocks a mutex that nobody else wants.
macro_rules! mutex {
    ($E:ty, $mutex:path) => {{
        use $mutex as Mutex;
        Box::new(|| {
            inside::<$E, _>(N, || async {
                let mutex = Mutex::new(0u64);
                for _ in 0..N {
                    *mutex.lock().await += 1;
                }
            })
        }) as Sampler
    }};
}

/// Takes and gives back a permit of a semaphore that nobody else wants.
macro_rules! semaphore {
    ($E:ty, $semaphore:path) => {{
        use $semaphore as Semaphore;
        Box::new(|| {
            inside::<$E, _>(N, || async {
                let semaphore = Semaphore::new(3);
                for _ in 0..N {
                    drop(semaphore.acquire().await);
                }
            })
        }) as Sampler
    }};
}

fn row(name: &'static str, ours: Sampler, peers: Vec<(&'static str, Sampler, Goal)>) -> Row {
    let peer = |(name, sample, goal)| Peer { name, sample, goal };
    Row { name, ours, peers: peers.into_iter().map(peer).collect() }
}

/// The rows of this module.
pub fn rows() -> Vec<NamedRow> {
    use Goal::AtMost;
    use tokio::sync as theirs;
    use vitte_rt::sync as ours;
    macro_rules! channel {
        ($name:literal, $kind:ident, $producers:literal, $goal:literal) => {
            ($name, || {
                let peer = (Tokio::NAME, $kind!(Tokio, theirs::mpsc, $producers), AtMost($goal));
                row($name, $kind!(Vitte, ours::mpsc, $producers), vec![peer])
            })
        };
    }
    vec![
        channel!("mpsc_unbounded 1p1c", unbounded, 1, 0.55),
        channel!("mpsc_unbounded 5p1c", unbounded, 5, 0.55),
        channel!("mpsc_bounded(100) 1p1c", bounded, 1, 0.60),
        channel!("mpsc_bounded(100) 5p1c", bounded, 5, 0.60),
        ("mutex", || {
            let tokio = (Tokio::NAME, mutex!(Tokio, theirs::Mutex), AtMost(0.35));
            let smol = (Smol::NAME, mutex!(Smol, smol::lock::Mutex), AtMost(0.80));
            row("mutex", mutex!(Vitte, ours::Mutex), vec![tokio, smol])
        }),
        ("semaphore", || {
            let tokio = (Tokio::NAME, semaphore!(Tokio, theirs::Semaphore), AtMost(0.35));
            let smol = (Smol::NAME, semaphore!(Smol, smol::lock::Semaphore), AtMost(0.80));
            row("semaphore", semaphore!(Vitte, ours::Semaphore), vec![tokio, smol])
        }),
    ]
}
