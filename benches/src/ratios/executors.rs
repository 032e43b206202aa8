//! The runtimes behind one trait, so that all run the same workload.

use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

/// A runtime with one worker thread, as its users would write for it.
pub trait Executor: 'static {
    /// Waits for a task; what it answers is ignored.
    type Join: Future<Output: Send> + Send + 'static;
    /// Sending end of a bounded channel.
    type Sender: Send + Sync + 'static;
    /// Receiving end of a bounded channel.
    type Receiver: Send + 'static;
    /// A timer.
    type Sleep: Future<Output: Send> + Send + 'static;

    /// Who.
    const NAME: &'static str;

    /// Runs a future as a task, waiting for it on the calling thread.
    fn run<T: Send + 'static>(body: impl Future<Output = T> + Send + 'static) -> T;
    /// Runs a future on the calling thread, beside the worker.
    fn block_on<T>(body: impl Future<Output = T>) -> T;
    /// Spawns from within a task.
    fn spawn(body: impl Future<Output = ()> + Send + 'static) -> Self::Join;
    /// Spawns from another thread.
    fn spawn_remote(body: impl Future<Output = ()> + Send + 'static) -> Self::Join;
    /// Lets a task run on by itself.
    fn detach(join: Self::Join);
    /// Suspends once.
    fn yield_now() -> impl Future<Output = ()> + Send;
    /// A channel for `capacity` numbers.
    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver);
    /// Sends a number.
    fn send(sender: &Self::Sender, n: u32) -> impl Future<Output = ()> + Send;
    /// Receives a number.
    fn receive(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u32>> + Send;
    /// A timer that was not polled yet.
    fn sleep(duration: Duration) -> Self::Sleep;
}

/// Ours.
#[derive(Debug)]
pub struct Vitte;

pub(super) fn vitte() -> &'static vitte_rt::runtime::Runtime {
    static RUNTIME: OnceLock<vitte_rt::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        vitte_rt::runtime::Builder::multi_thread().workers(1).build().expect("a runtime")
    })
}

impl Executor for Vitte {
    type Join = vitte_rt::task::JoinHandle<()>;
    type Sender = vitte_rt::channel::mpsc::Sender<u32>;
    type Receiver = vitte_rt::channel::mpsc::Receiver<u32>;
    type Sleep = vitte_rt::time::Sleep;

    const NAME: &'static str = "vitte";

    fn run<T: Send + 'static>(body: impl Future<Output = T> + Send + 'static) -> T {
        vitte().block_on(vitte().spawn(body)).expect("the body ends")
    }

    fn block_on<T>(body: impl Future<Output = T>) -> T {
        vitte().block_on(body)
    }

    fn spawn(body: impl Future<Output = ()> + Send + 'static) -> Self::Join {
        vitte_rt::task::spawn(body)
    }

    fn spawn_remote(body: impl Future<Output = ()> + Send + 'static) -> Self::Join {
        vitte().spawn(body)
    }

    fn detach(join: Self::Join) {
        drop(join);
    }

    async fn yield_now() {
        vitte_rt::task::yield_now().await;
    }

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        vitte_rt::channel::mpsc::channel(capacity)
    }

    async fn send(sender: &Self::Sender, n: u32) {
        let _ = sender.send(n).await;
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u32> {
        receiver.recv().await
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        vitte_rt::time::sleep(duration)
    }
}

/// tokio, with the multi-thread scheduler.
#[derive(Debug)]
pub struct Tokio;

fn tokio_runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().expect("a runtime")
    })
}

impl Executor for Tokio {
    type Join = tokio::task::JoinHandle<()>;
    type Sender = tokio::sync::mpsc::Sender<u32>;
    type Receiver = tokio::sync::mpsc::Receiver<u32>;
    type Sleep = tokio::time::Sleep;

    const NAME: &'static str = "tokio";

    fn run<T: Send + 'static>(body: impl Future<Output = T> + Send + 'static) -> T {
        tokio_runtime().block_on(tokio_runtime().spawn(body)).expect("the body ends")
    }

    fn block_on<T>(body: impl Future<Output = T>) -> T {
        tokio_runtime().block_on(body)
    }

    fn spawn(body: impl Future<Output = ()> + Send + 'static) -> Self::Join {
        tokio::spawn(body)
    }

    fn spawn_remote(body: impl Future<Output = ()> + Send + 'static) -> Self::Join {
        tokio_runtime().spawn(body)
    }

    fn detach(join: Self::Join) {
        drop(join);
    }

    async fn yield_now() {
        tokio::task::yield_now().await;
    }

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        tokio::sync::mpsc::channel(capacity)
    }

    async fn send(sender: &Self::Sender, n: u32) {
        let _ = sender.send(n).await;
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u32> {
        receiver.recv().await
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        tokio::time::sleep(duration)
    }
}

/// smol: its executor, run by one thread.
#[derive(Debug)]
pub struct Smol;

fn smol_executor() -> &'static smol::Executor<'static> {
    static EXECUTOR: OnceLock<&'static smol::Executor<'static>> = OnceLock::new();
    EXECUTOR.get_or_init(|| {
        let executor: &'static smol::Executor<'static> = Box::leak(Box::new(smol::Executor::new()));
        std::thread::spawn(move || smol::block_on(executor.run(std::future::pending::<()>())));
        executor
    })
}

impl Executor for Smol {
    type Join = smol::Task<()>;
    type Sender = smol::channel::Sender<u32>;
    type Receiver = smol::channel::Receiver<u32>;
    type Sleep = smol::Timer;

    const NAME: &'static str = "smol";

    fn run<T: Send + 'static>(body: impl Future<Output = T> + Send + 'static) -> T {
        smol::block_on(smol_executor().spawn(body))
    }

    fn block_on<T>(body: impl Future<Output = T>) -> T {
        smol::block_on(body)
    }

    fn spawn(body: impl Future<Output = ()> + Send + 'static) -> Self::Join {
        smol_executor().spawn(body)
    }

    fn spawn_remote(body: impl Future<Output = ()> + Send + 'static) -> Self::Join {
        smol_executor().spawn(body)
    }

    fn detach(join: Self::Join) {
        join.detach();
    }

    async fn yield_now() {
        smol::future::yield_now().await;
    }

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        smol::channel::bounded(capacity)
    }

    async fn send(sender: &Self::Sender, n: u32) {
        let _ = sender.send(n).await;
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u32> {
        receiver.recv().await.ok()
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        smol::Timer::after(duration)
    }
}
