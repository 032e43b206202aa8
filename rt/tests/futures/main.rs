//! Rust futures as tasks, on every kind of runtime: join, abort, panics, time, channels, TCP, and how
//! runs end.

mod ends;
mod local;
mod talk;
mod tasks;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use vitte_rt::channel::mpmc::{self, SendError, TryRecvError, TrySendError};
use vitte_rt::runtime::{Builder, Runtime};

/// One runtime of each kind.
fn each(test: impl Fn(&Runtime)) {
    test(&Builder::current_thread().build().unwrap());
    test(&Builder::multi_thread().workers(1).build().unwrap());
    test(&Builder::multi_thread().workers(2).build().unwrap());
    test(&Builder::multi_thread().workers(4).build().unwrap());
    test(&Builder::seeded(7).workers(3).build().unwrap());
}

/// Both ends of a channel; a capacity of 0 is unbounded. Its futures hold the channel.
struct Channel<T>(mpmc::Sender<T>, mpmc::Receiver<T>);

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<T: Send + 'static> Channel<T> {
    fn new(capacity: usize) -> Self {
        let (tx, rx) = if capacity == 0 { mpmc::unbounded() } else { mpmc::bounded(capacity) };
        Channel(tx, rx)
    }
    fn send(&self, value: T) -> Boxed<Result<(), SendError<T>>> {
        let tx = self.0.clone();
        Box::pin(async move { tx.send(value).await })
    }
    fn recv(&self) -> Boxed<Option<T>> {
        let rx = self.1.clone();
        Box::pin(async move { rx.recv().await.ok() })
    }
    fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.0.try_send(value)
    }
    fn try_recv(&self) -> Result<T, TryRecvError> {
        self.1.try_recv()
    }
    fn close(&self) {
        self.0.close();
    }
    fn len(&self) -> usize {
        self.0.len()
    }
}

impl<T> Clone for Channel<T> {
    fn clone(&self) -> Self {
        Channel(self.0.clone(), self.1.clone())
    }
}

const MS: Duration = Duration::from_millis(1);
