//! Fault 14: no descriptors left. Alone in its process, whose limit it lowers.

use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use vitte_rt::net::{TcpListener, TcpSocket, TcpStream, UnixStream};
use vitte_rt::runtime::Builder;
use vitte_rt::{task, time};

/// How long descriptors are short at least: five seconds under `--features stress`.
const SHORTAGE: Duration = Duration::from_millis(if cfg!(feature = "stress") { 5000 } else { 300 });

#[test]
fn accept_survives_a_shortage_of_descriptors_without_spinning() {
    let limit = getrlimit(Resource::Nofile);
    let runtime = Builder::multi_thread().workers(2).build().unwrap();
    let before = runtime.handle().metrics();
    let shortage = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let socket = TcpSocket::new(address).unwrap();
        let server = task::spawn(async move { listener.accept().await.unwrap().0 });
        // `connect` registers with the poller, which takes no descriptor.
        let lowest = std::fs::File::open("/dev/null").unwrap();
        let n_open = std::os::fd::AsRawFd::as_raw_fd(&lowest) as u64;
        drop(lowest);
        let none = Rlimit { current: Some(n_open), maximum: limit.maximum };
        let begun = Instant::now();
        setrlimit(Resource::Nofile, none).unwrap();
        let near = socket.connect(address).await.unwrap();
        time::sleep(SHORTAGE).await;
        assert!(!server.is_finished(), "there was no descriptor to accept with");
        assert!(TcpStream::connect(address).await.is_err());
        assert!(UnixStream::pair().is_err());
        setrlimit(Resource::Nofile, limit).unwrap();
        let shortage = begun.elapsed();
        let far = server.await.unwrap();
        far.write_all(b"late").await.unwrap();
        let mut buffer = [0; 8];
        assert_eq!(near.read(&mut buffer).await.unwrap(), 4);
        shortage
    });
    let n_polls = runtime.handle().metrics().polls - before.polls;
    let most = 40 + shortage.as_millis() as u64 / 50;
    assert!(n_polls < most, "{n_polls} polls: accept spins");
}
