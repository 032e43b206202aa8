//! Between a run and its journal: recalls what earlier runs did, writes down what this one does.
//!
//! Records gather while the journal writes; then they go in one batch (group commit). A task ends
//! for the graph when its record is durable, which is when its dependants become ready.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use vitte_rt::channel::oneshot;
use vitte_rt::sync::Notify;

use crate::error::{FailureKind, JournalError, TaskError};
use crate::fingerprint::{self, Fingerprint};
use crate::journal::{Journal, Kept, KeptEnd, Loaded, Record};
use crate::node::{Node, NodeIdx, Stamp};
use crate::output::Stored;
use crate::run::Run;

/// A task that this many attempts in a row did not live to the end of is not begun again.
const MAX_CRASHES: u32 = 3;

pub(crate) struct Keeper {
    journal: Arc<dyn Journal>,
    run: u64,
    known: BTreeMap<String, Kept>,
    n_remembered: AtomicUsize,
    queue: Mutex<Queue>,
    /// Tells the writer that the queue has changed.
    news: Notify,
}

#[derive(Default)]
struct Queue {
    records: Vec<Record>,
    /// What follows when the records are durable.
    ends: Vec<(NodeIdx, Result<Stored, TaskError>)>,
    /// Attempts that wait for their records; each is told whether its own is durable.
    begins: Vec<oneshot::Sender<bool>>,
    is_closed: bool,
    has_failed: bool,
}

/// What the journal knows of a task.
pub(crate) enum Memory {
    /// It need not run.
    Done(Stored),
    /// Attempts that earlier runs began.
    Begun(u32),
}

impl Keeper {
    pub(crate) fn new(journal: Arc<dyn Journal>, loaded: Loaded) -> Self {
        Self {
            journal,
            run: loaded.run,
            known: loaded.tasks,
            n_remembered: AtomicUsize::new(0),
            queue: Mutex::default(),
            news: Notify::new(),
        }
    }

    /// How many tasks of this run the journal remembered as completed.
    pub(crate) fn n_remembered(&self) -> usize {
        self.n_remembered.load(Ordering::Relaxed)
    }

    /// Looks up a task that is about to run; sets its fingerprint and, if it was done, its stamp.
    pub(crate) async fn recall(&self, run: &Arc<Run>, idx: NodeIdx) -> Result<Memory, TaskError> {
        let node = run.node(idx);
        if !node.is_kept() {
            let stamp = self.stamp(&blake3::hash(node.name.as_bytes()));
            node.links().rare().stamp = Some(stamp);
            return Ok(Memory::Begun(0));
        }
        let (print, outputs_exist) = inspect(run, idx).await;
        let known = self.known.get(&*node.name).filter(|k| k.fingerprint == *print.to_hex());
        let mut links = node.links();
        let links = links.rare();
        links.fingerprint = Some(print);
        links.stamp = Some(self.stamp(&print));
        links.first_run = known.map_or(self.run, |k| k.first_run);
        let Some(known) = known else { return Ok(Memory::Begun(0)) };
        match &known.end {
            Some(KeptEnd::Completed { stamp, output }) if outputs_exist => {
                if let Ok(stamp) = Stamp::from_hex(stamp) {
                    links.stamp = Some(stamp);
                    links.remembered = true;
                    self.n_remembered.fetch_add(1, Ordering::Relaxed);
                    return Ok(Memory::Done(Stored::Json(output.as_str().into())));
                }
                Ok(Memory::Begun(0))
            }
            // It completed once: a new execution, with a key of its own.
            Some(KeptEnd::Completed { .. }) => {
                links.first_run = self.run;
                Ok(Memory::Begun(0))
            }
            Some(KeptEnd::Failed { .. }) => Ok(Memory::Begun(0)),
            None => {
                let allowed = node.rules.as_ref().map_or(1, |r| r.retry.max_attempts);
                if known.n_begun >= allowed.max(MAX_CRASHES) {
                    // Not written down again: it stays on the list.
                    links.remembered = true;
                    return Err(TaskError::poisoned(known.n_begun));
                }
                Ok(Memory::Begun(known.n_begun))
            }
        }
    }

    /// Takes the fingerprint anew after an attempt that found out about inputs.
    pub(crate) async fn look_again(&self, run: &Arc<Run>, idx: NodeIdx) {
        let (print, _) = inspect(run, idx).await;
        run.node(idx).links().rare().fingerprint = Some(print);
    }

    /// Writes down that an attempt begins, and waits until that is durable.
    pub(crate) async fn begin(&self, node: &Node) -> Result<(), TaskError> {
        if !node.is_kept() {
            return Ok(());
        }
        let (tell, durable) = oneshot::channel();
        {
            let mut queue = self.queue.lock();
            queue.records.push(record(node, None));
            queue.begins.push(tell);
        }
        self.news.notify_one();
        if durable.await.unwrap_or(false) { Ok(()) } else { Err(TaskError::cancelled()) }
    }

    /// Writes down how a task ended; the run goes on with it when that is durable.
    pub(crate) fn end(&self, node: &Node, idx: NodeIdx, result: Result<Stored, TaskError>) {
        let (end, result) = match result {
            Ok(stored) => match stored.to_json() {
                Ok(output) => {
                    let stamp = node.links().rare().stamp;
                    let stamp = stamp.map(|s| s.to_hex().to_string()).unwrap_or_default();
                    let output = output.as_ref().to_owned();
                    (Some(KeptEnd::Completed { stamp, output }), Ok(stored))
                }
                Err(error) => (Some(KeptEnd::Failed { error: error.to_string() }), Err(error)),
            },
            // A cancelled task has not ended: the next run begins it again.
            Err(error) if error.kind() == FailureKind::Cancelled => (None, Err(error)),
            Err(error) => (Some(KeptEnd::Failed { error: error.to_string() }), Err(error)),
        };
        let mut queue = self.queue.lock();
        if end.is_some() {
            queue.records.push(record(node, end));
        }
        queue.ends.push((idx, result));
        drop(queue);
        self.news.notify_one();
    }

    /// Stands for an execution in this run.
    fn stamp(&self, print: &Fingerprint) -> Stamp {
        let mut hasher = blake3::Hasher::new();
        hasher.update(print.as_bytes());
        hasher.update(&self.run.to_le_bytes());
        hasher.finalize()
    }

    /// Lets the writer end when the queue is empty.
    pub(crate) fn close(&self) {
        self.queue.lock().is_closed = true;
        self.news.notify_one();
    }

    /// The next batch; `None` when the run is over.
    async fn batch(&self) -> Option<Queue> {
        loop {
            {
                let mut queue = self.queue.lock();
                if !queue.records.is_empty() || !queue.ends.is_empty() {
                    return Some(Queue {
                        records: std::mem::take(&mut queue.records),
                        ends: std::mem::take(&mut queue.ends),
                        begins: std::mem::take(&mut queue.begins),
                        ..*queue
                    });
                }
                if queue.is_closed {
                    return None;
                }
            }
            self.news.notified().await;
        }
    }
}

impl Run {
    /// Writes batches until the run is over.
    pub(crate) async fn keep(self: &Arc<Self>) {
        let keeper = self.keeper.as_ref().expect("the writer runs when there is a journal");
        while let Some(batch) = keeper.batch().await {
            let mut durable = !batch.has_failed;
            if durable && !batch.records.is_empty() {
                let journal = Arc::clone(&keeper.journal);
                let records = batch.records;
                let written = self.clock.spawn_blocking(move || journal.append(&records)).await;
                if let Some(error) = written.unwrap_or_else(|_| Err(interrupted())).err() {
                    durable = false;
                    keeper.queue.lock().has_failed = true;
                    self.journal_failed(error);
                }
            }
            for begin in batch.begins {
                // An attempt that was dropped meanwhile need not know.
                let _ = begin.send(durable);
            }
            for (idx, result) in batch.ends {
                // What is not durable did not happen.
                let result = if durable { result } else { Err(TaskError::cancelled()) };
                self.settle(idx, result, None);
            }
        }
    }

    pub(crate) fn idempotency_key(&self, idx: NodeIdx) -> String {
        let node = self.node(idx);
        let mut links = node.links();
        let links = links.rare();
        let mut hasher = blake3::Hasher::new();
        hasher.update(node.name.as_bytes());
        if let Some(print) = &links.fingerprint {
            hasher.update(print.as_bytes());
        }
        match &self.keeper {
            Some(_) => hasher.update(&links.first_run.to_le_bytes()),
            None => hasher.update(&self.salt.to_le_bytes()),
        };
        hasher.finalize().to_hex().as_str()[..32].to_owned()
    }
}

/// What is remembered of a task from now on.
fn record(node: &Node, end: Option<KeptEnd>) -> Record {
    let mut links = node.links();
    let links = links.rare();
    // A task that ends without having begun (cancelled in a pool's line) has no fingerprint yet.
    let print = links.fingerprint.map(|p| p.to_hex().to_string()).unwrap_or_default();
    let n_begun = if end.is_some() { 0 } else { node.n_attempts.load(Ordering::Relaxed) };
    let first_run = links.first_run;
    Record {
        task: Arc::clone(&node.name),
        kept: Kept { fingerprint: print, first_run, n_begun, end },
    }
}

/// The runtime is shutting down under the run.
fn interrupted() -> JournalError {
    let error = std::io::Error::other("the write was cancelled with its runtime");
    JournalError { path: "".into(), kind: crate::error::JournalErrorKind::Io(error) }
}

/// Fingerprint of a task, and whether all files that it creates exist.
async fn inspect(run: &Arc<Run>, idx: NodeIdx) -> (Fingerprint, bool) {
    let node = run.node(idx);
    let stamps: Vec<_> = node
        .dependencies
        .iter()
        .filter_map(|&symbol| {
            let dependency = run.node(run.graph.node_of(symbol)?);
            Some((dependency.name.to_string(), dependency.links().rare().stamp))
        })
        .collect();
    let look = {
        let run = Arc::clone(run);
        move || {
            let node = run.node(idx);
            let rules = node.rules.as_deref();
            let exist = rules.is_none_or(|r| r.outputs.iter().all(|path| path.exists()));
            (fingerprint::of(&node.name, rules, &stamps), exist)
        }
    };
    let reads = node
        .rules
        .as_ref()
        .is_some_and(|r| !r.inputs.is_empty() || !r.outputs.is_empty() || r.depfile.is_some());
    if !reads {
        return look();
    }
    match run.clock.spawn_blocking(look.clone()).await {
        Ok(seen) => seen,
        // The runtime shuts down: what is decided here is not acted upon.
        Err(_) => look(),
    }
}
