//! The rows over sockets. As for channels, the types have no common shape: a macro writes each workload
//! out per library.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::executors::{Executor, Tokio, Vitte, vitte};
use super::rows::NamedRow;
use super::{Figure, Goal, Peer, Row, Sampler};

/// What a load took: nanoseconds per round trip over all, and the 99th percentile of one.
struct Load {
    mean_ns: f64,
    p99_ns: f64,
}

/// `$connections` clients send a byte and wait for it, `$trips` times each, to a server in the same
/// runtime. Connecting is not measured.
macro_rules! echo_load {
    ($E:ty, $net:path, { $($traits:tt)* }, $connections:expr, $trips:expr) => {{
        #[allow(unused_mut, reason = "ours are used by reference")]
        async fn serve(mut stream: Stream) {
            let mut byte = [0; 1];
            while let Ok(1) = stream.read(&mut byte).await {
                if stream.write_all(&byte).await.is_err() {
                    break;
                }
            }
        }
        #[allow(unused_mut, reason = "ours are used by reference")]
        async fn client(mut stream: Stream, n_trips: usize, all: Arc<Mutex<Vec<u32>>>) {
            let (mut byte, mut trips) = ([7; 1], Vec::with_capacity(n_trips));
            for _ in 0..n_trips {
                let sent = Instant::now();
                stream.write_all(&byte).await.expect("the server is there");
                assert_eq!(stream.read(&mut byte).await.expect("it answers"), 1);
                trips.push(sent.elapsed().as_nanos() as u32);
            }
            all.lock().expect("nobody panics").extend(trips);
        }
        use $net as net;
        use net::TcpStream as Stream;
        $($traits)*
        let (n_connections, n_trips) = ($connections, $trips);
        <$E>::run(async move {
            let listener = net::TcpListener::bind("127.0.0.1:0").await.expect("a listener");
            let address = listener.local_addr().expect("it is bound");
            let mut streams = Vec::new();
            for _ in 0..n_connections {
                let near = Stream::connect(address).await.expect("a connection");
                let (far, _) = listener.accept().await.expect("a connection");
                near.set_nodelay(true).expect("a socket");
                far.set_nodelay(true).expect("a socket");
                <$E>::detach(<$E>::spawn(serve(far)));
                streams.push(near);
            }
            let all = Arc::default();
            let started = Instant::now();
            let mut joins = Vec::new();
            for stream in streams {
                joins.push(<$E>::spawn(client(stream, n_trips, Arc::clone(&all))));
            }
            for join in joins {
                let _ = join.await;
            }
            let mean_ns = started.elapsed().as_nanos() as f64 / (n_connections * n_trips) as f64;
            let mut all = all.lock().expect("nobody panics");
            all.sort_unstable();
            let p99_ns = f64::from(all[all.len() * 99 / 100]);
            Load { mean_ns, p99_ns }
        })
    }};
}

fn ours(n_connections: usize, n_trips: usize) -> Load {
    echo_load!(Vitte, vitte_rt::net, {}, n_connections, n_trips)
}

fn theirs(n_connections: usize, n_trips: usize) -> Load {
    echo_load!(
        Tokio,
        tokio::net,
        {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        },
        n_connections,
        n_trips
    )
}

fn smols(n_connections: usize, n_trips: usize) -> Load {
    use super::executors::Smol;
    echo_load!(
        Smol,
        smol::net,
        {
            use smol::io::{AsyncReadExt as _, AsyncWriteExt as _};
        },
        n_connections,
        n_trips
    )
}

fn row(name: &'static str, peers: Vec<(&'static str, Sampler, Goal)>, ours: Sampler) -> Row {
    let peer = |(name, sample, goal)| Peer { name, sample, goal };
    Row { name, ours, peers: peers.into_iter().map(peer).collect() }
}

/// 1.10 times the round trips are this part of the time.
const TEN_PERCENT_MORE: Goal = Goal::AtMost(1.0 / 1.1);

/// The rows of this module.
pub fn rows() -> Vec<NamedRow> {
    macro_rules! load {
        ($name:literal, $connections:literal, $trips:literal, $figure:ident, $goal:expr) => {
            ($name, || {
                let peer: Sampler = Box::new(|| theirs($connections, $trips).$figure);
                let own: Sampler = Box::new(|| ours($connections, $trips).$figure);
                row($name, vec![(Tokio::NAME, peer, $goal)], own)
            })
        };
    }
    vec![
        ("tcp_rtt", || {
            let tokio: Sampler = Box::new(|| theirs(1, 1_000).mean_ns);
            let smol: Sampler = Box::new(|| smols(1, 1_000).mean_ns);
            let peers = vec![(Tokio::NAME, tokio, Goal::AtMost(0.92)), ("smol", smol, Goal::None)];
            row("tcp_rtt", peers, Box::new(|| ours(1, 1_000).mean_ns))
        }),
        load!("tcp_echo_load 64", 64, 40, mean_ns, TEN_PERCENT_MORE),
        load!("tcp_echo_load 64 p99", 64, 40, p99_ns, Goal::AtMost(1.0)),
        load!("tcp_echo_load 512", 512, 5, mean_ns, TEN_PERCENT_MORE),
        load!("tcp_echo_load 512 p99", 512, 5, p99_ns, Goal::AtMost(1.0)),
    ]
}

/// Times that our threads were given the processor.
fn n_switches() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let ours = tasks.filter(|task| {
        std::fs::read_to_string(task.path().join("comm"))
            .is_ok_and(|name| name.starts_with("vitte"))
    });
    let voluntary = |status: String| {
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    let switches = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("status"));
    ours.filter_map(|task| switches(task).ok().and_then(voluntary)).sum()
}

/// Lets the process have `n` descriptors, or as many as the system lets it.
fn raise_descriptors(n: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= n) {
        return;
    }
    // Beyond the hard limit for a superuser only.
    let raised = maximum.map(|maximum| maximum.max(n));
    for maximum in [raised, maximum] {
        let current = Some(maximum.map_or(n, |maximum| maximum.min(n)));
        if setrlimit(Resource::Nofile, Rlimit { current, maximum }).is_ok() {
            return;
        }
    }
}

/// Wake-ups of our threads while `n` connections, or as many as there are descriptors for, wait for bytes
/// that do not come. A connection is two descriptors: its other end is in this process.
///
/// # Panics
///
/// When the system has no sockets to give.
pub fn idle(n: usize, seconds: u64) -> Vec<Figure> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("it is bound");
    raise_descriptors(2 * n as u64 + 200);
    let mut pairs = Vec::new();
    while pairs.len() < n {
        let Ok(near) = std::net::TcpStream::connect(address) else { break };
        let Ok((far, _)) = listener.accept() else { break };
        pairs.push((near, far));
    }
    if pairs.len() < n {
        // Leave some for the rest of the process.
        pairs.truncate(pairs.len().saturating_sub(50));
    }
    let n = pairs.len();
    let (tasks, near): (Vec<_>, Vec<_>) = Vitte::run(async move {
        let wait = |(near, far): (std::net::TcpStream, std::net::TcpStream)| {
            let far = vitte_rt::net::TcpStream::from_std(far).expect("a socket");
            let task = Vitte::spawn(async move {
                let _ = far.read(&mut [0; 1]).await;
            });
            (task, near)
        };
        pairs.into_iter().map(wait).unzip()
    });
    let handle = vitte().handle().clone();
    std::thread::sleep(std::time::Duration::from_millis(200)); // all wait
    let before = (n_switches(), handle.metrics().polls);
    std::thread::sleep(std::time::Duration::from_secs(seconds));
    let after = (n_switches(), handle.metrics().polls);
    drop(near);
    Vitte::run(async move {
        for task in tasks {
            let _ = task.await;
        }
    });
    let wakes = after.0.max(before.0) - before.0;
    let figure = |what, value: u64| Figure {
        name: format!("idle {n} connections {seconds} s, {what}"),
        value: value as f64,
        unit: "",
        goal: Goal::AtMost(0.0),
    };
    vec![figure("wake-ups", wakes), figure("polls", after.1 - before.1)]
}
