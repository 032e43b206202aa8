//! The open end of a pipeline: what the next stage is added to.

use std::collections::VecDeque;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use parking_lot::Mutex;
use vitte_rt::stream::Stream;

use super::edge::{AnyEdge, BATCH, Edge};
use super::pipeline::{Shared, StageIdx};
use super::stage::Stage;
use super::work::{Fallible, FallibleAsync, Step, Stop, guarded, spread};

/// What comes out of a stage, to be led into the next. Dropped without a sink, the pipeline does not
/// run ([`FlowError::Unfinished`](crate::FlowError::Unfinished)).
///
/// ```
/// use vitte_flow::Pipeline;
///
/// let line = Pipeline::new();
/// let mut both = line.source("numbers", 1..=6_u32).broadcast("both", 2);
/// let (left, right) = (both.remove(0), both.remove(0));
/// let even = left.filter("even", |n| n % 2 == 0);
/// let windows = right.window("pairs", 2).map("sums", |pair| pair.iter().sum::<u32>());
/// let pairs = even.zip("zip", windows).collect("all");
/// line.run(2)?;
/// assert_eq!(pairs.take(), [(2, 3), (4, 5), (6, 7)]);
/// # Ok::<(), vitte_flow::FlowError>(())
/// ```
#[must_use = "lead it into another stage or a sink"]
pub struct Pipe<T> {
    shared: Arc<Shared>,
    edge: Arc<Edge<T>>,
    from: StageIdx,
}

impl<T: Send + 'static> Pipe<T> {
    pub(crate) fn of_source(
        shared: &Arc<Shared>,
        stage: &Stage,
        items: impl Iterator<Item = T> + Send + 'static,
    ) -> Self {
        Self::begin(shared, stage, |out, source| async move {
            let mut items = items.fuse();
            let mut batch = Vec::new();
            while !source.is_draining() {
                batch.extend(items.by_ref().take(BATCH));
                if batch.is_empty() {
                    break;
                }
                out.send_all(&mut batch).await.map_err(|_| Stop::Closed)?;
                vitte_rt::task::yield_now().await;
            }
            Ok(())
        })
    }

    pub(crate) fn of_stream(
        shared: &Arc<Shared>,
        stage: &Stage,
        items: impl Stream<Item = T> + Send + 'static,
    ) -> Self {
        Self::begin(shared, stage, |out, source| async move {
            let mut items = pin!(items);
            let mut drained = pin!(source.drained());
            let (mut batch, mut is_over) = (Vec::new(), false);
            while !is_over {
                // What is there now: a batch is never waited for.
                is_over = poll_fn(|cx| {
                    if drained.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(true);
                    }
                    while batch.len() < BATCH {
                        match items.as_mut().poll_next(cx) {
                            Poll::Ready(Some(item)) => batch.push(item),
                            Poll::Ready(None) => return Poll::Ready(true),
                            Poll::Pending if batch.is_empty() => return Poll::Pending,
                            Poll::Pending => break,
                        }
                    }
                    Poll::Ready(false)
                })
                .await;
                out.send_all(&mut batch).await.map_err(|_| Stop::Closed)?;
                vitte_rt::task::yield_now().await;
            }
            Ok(())
        })
    }

    /// Adds a stage without input: `work` sends into the edge that it gets.
    fn begin<W>(
        shared: &Arc<Shared>,
        stage: &Stage,
        work: impl FnOnce(Arc<Edge<T>>, Arc<Shared>) -> W,
    ) -> Self
    where
        W: Future<Output = Result<(), Stop>> + Send + 'static,
    {
        let edge = Arc::new(Edge::new(stage.capacity));
        let from = shared.add_stage(&stage.name);
        let work = work(Arc::clone(&edge), Arc::clone(shared));
        let out = Arc::clone(&edge);
        shared.add_work(guarded(shared, &stage.name, work, move |_| out.end()));
        Pipe { shared: Arc::clone(shared), edge, from }
    }

    /// Adds a stage that works on each batch for itself.
    fn through<U: Send + 'static>(self, stage: Stage, step: impl Step<T, U> + 'static) -> Pipe<U> {
        let to = Arc::new(Edge::new(stage.capacity));
        let idx = self.shared.add_stage(&stage.name);
        self.shared.join(&self.edge, self.from, idx);
        for work in spread(&self.shared, &stage, &self.edge, &to, step) {
            self.shared.add_work(work);
        }
        Pipe { shared: self.shared, edge: to, from: idx }
    }

    /// Adds a stage of one task that sees all items in their order.
    fn fold_through<U: Send + 'static, S: Send + 'static>(
        self,
        stage: &Stage,
        mut state: S,
        mut each: impl FnMut(&mut S, T, &mut Vec<U>) + Send + 'static,
        last: impl FnOnce(S, &mut Vec<U>) + Send + 'static,
    ) -> Pipe<U> {
        let to = Arc::new(Edge::new(stage.capacity));
        let idx = self.shared.add_stage(&stage.name);
        self.shared.join(&self.edge, self.from, idx);
        let (from, out, input) = (Arc::clone(&self.edge), Arc::clone(&to), self.edge);
        let work = async move {
            let (mut items, mut made) = (Vec::new(), Vec::new());
            while from.receive(&mut items, BATCH).await.is_some() {
                for item in items.drain(..) {
                    each(&mut state, item, &mut made);
                }
                out.send_all(&mut made).await.map_err(|_| Stop::Closed)?;
            }
            last(state, &mut made);
            out.send_all(&mut made).await.map_err(|_| Stop::Closed)
        };
        let out = Arc::clone(&to);
        self.shared.add_work(guarded(&self.shared, &stage.name, work, ends(out, input)));
        Pipe { shared: self.shared, edge: to, from: idx }
    }

    /// Changes each item.
    pub fn map<U: Send + 'static>(
        self,
        stage: impl Into<Stage>,
        change: impl Fn(T) -> U + Send + Sync + 'static,
    ) -> Pipe<U> {
        self.through(stage.into(), Each(move |item, out: &mut Vec<U>| out.push(change(item))))
    }

    /// Changes each item, which may fail: the stage says how often it is tried and what happens then.
    pub fn try_map<U, E>(
        self,
        stage: impl Into<Stage>,
        change: impl Fn(&T) -> Result<U, E> + Send + Sync + 'static,
    ) -> Pipe<U>
    where
        T: Sync,
        U: Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        let stage = stage.into();
        self.through(stage.clone(), Fallible { stage, call: change })
    }

    /// Changes each item in a future; a [parallel](Stage::parallel) stage has several under way.
    pub fn map_async<U, F, Fut>(self, stage: impl Into<Stage>, change: F) -> Pipe<U>
    where
        U: Send + 'static,
        F: Fn(T) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = U> + Send + 'static,
    {
        self.through(stage.into(), EachAsync(change, PhantomData::<fn() -> Fut>))
    }

    /// Changes each item in a future, which may fail: the stage says how often it is tried (on a copy
    /// of the item) and what happens then.
    ///
    /// ```
    /// use vitte_flow::{OnError, Pipeline, Stage};
    ///
    /// let line = Pipeline::new();
    /// let lengths = line
    ///     .source("names", ["a", "", "ccc"])
    ///     .try_map_async(Stage::named("length").on_error(OnError::Skip), |name: &str| async move {
    ///         vitte_rt::task::yield_now().await;
    ///         if name.is_empty() { Err("no name") } else { Ok(name.len()) }
    ///     })
    ///     .collect("lengths");
    /// line.run(1)?;
    /// assert_eq!(lengths.take(), [1, 3]);
    /// # Ok::<(), vitte_flow::FlowError>(())
    /// ```
    pub fn try_map_async<U, E, F, Fut>(self, stage: impl Into<Stage>, change: F) -> Pipe<U>
    where
        T: Clone + Sync,
        U: Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + Send + 'static,
        F: Fn(T) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<U, E>> + Send + 'static,
    {
        let stage = stage.into();
        let step = FallibleAsync { stage: stage.clone(), call: change, future: PhantomData };
        self.through(stage, step)
    }

    /// Keeps the items for which `keep` says yes.
    pub fn filter(
        self,
        stage: impl Into<Stage>,
        keep: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) -> Pipe<T> {
        let step = move |item, out: &mut Vec<T>| {
            if keep(&item) {
                out.push(item);
            }
        };
        self.through(stage.into(), Each(step))
    }

    /// Makes any number of items of each.
    pub fn flat_map<I>(
        self,
        stage: impl Into<Stage>,
        change: impl Fn(T) -> I + Send + Sync + 'static,
    ) -> Pipe<I::Item>
    where
        I: IntoIterator + 'static,
        I::Item: Send + 'static,
    {
        self.through(stage.into(), Each(move |item, out: &mut Vec<_>| out.extend(change(item))))
    }

    /// Groups of `n` items (0 counts as 1); the last one may be smaller.
    pub fn batch(self, stage: impl Into<Stage>, n: usize) -> Pipe<Vec<T>> {
        let each = move |group: &mut Vec<T>, item, out: &mut Vec<_>| {
            group.push(item);
            if group.len() >= n {
                out.push(std::mem::take(group));
            }
        };
        let last = |group: Vec<T>, out: &mut Vec<_>| {
            if !group.is_empty() {
                out.push(group);
            }
        };
        self.fold_through(&stage.into(), Vec::new(), each, last)
    }

    /// Windows of `n` items that follow each other, each beginning one item later.
    pub fn window(self, stage: impl Into<Stage>, n: usize) -> Pipe<Vec<T>>
    where
        T: Clone,
    {
        let n = n.max(1);
        let each = move |window: &mut VecDeque<T>, item, out: &mut Vec<_>| {
            window.push_back(item);
            if window.len() > n {
                window.pop_front();
            }
            if window.len() == n {
                out.push(window.iter().cloned().collect());
            }
        };
        self.fold_through(&stage.into(), VecDeque::new(), each, |_, _| {})
    }

    /// The items of this pipe and of others, as they come.
    pub fn merge(self, stage: impl Into<Stage>, others: Vec<Pipe<T>>) -> Pipe<T> {
        let stage = stage.into();
        let to = Arc::new(Edge::new(stage.capacity));
        let idx = self.shared.add_stage(&stage.name);
        to.add_senders(others.len());
        let shared = Arc::clone(&self.shared);
        for pipe in std::iter::once(self).chain(others) {
            shared.join(&pipe.edge, pipe.from, idx);
            let (from, out, input) = (Arc::clone(&pipe.edge), Arc::clone(&to), pipe.edge);
            let work = async move {
                let mut items = Vec::new();
                while from.receive(&mut items, BATCH).await.is_some() {
                    out.send_all(&mut items).await.map_err(|_| Stop::Closed)?;
                }
                Ok(())
            };
            let out = Arc::clone(&to);
            shared.add_work(guarded(&shared, &stage.name, work, ends(out, input)));
        }
        Pipe { shared, edge: to, from: idx }
    }

    /// Pairs of items, one of each pipe; ends with the shorter.
    pub fn zip<U: Send + 'static>(self, stage: impl Into<Stage>, other: Pipe<U>) -> Pipe<(T, U)> {
        let stage = stage.into();
        let to = Arc::new(Edge::new(stage.capacity));
        let idx = self.shared.add_stage(&stage.name);
        self.shared.join(&self.edge, self.from, idx);
        self.shared.join(&other.edge, other.from, idx);
        let (left, right, out) = (Arc::clone(&self.edge), Arc::clone(&other.edge), Arc::clone(&to));
        let work = async move {
            let (mut lefts, mut rights) = (VecDeque::new(), VecDeque::new());
            let (mut some_left, mut some_right, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
            loop {
                if lefts.is_empty() && left.receive(&mut some_left, BATCH).await.is_none() {
                    return Ok(());
                }
                lefts.extend(some_left.drain(..));
                if rights.is_empty() && right.receive(&mut some_right, BATCH).await.is_none() {
                    return Ok(());
                }
                rights.extend(some_right.drain(..));
                let n = lefts.len().min(rights.len());
                pairs.extend(lefts.drain(..n).zip(rights.drain(..n)));
                out.send_all(&mut pairs).await.map_err(|_| Stop::Closed)?;
            }
        };
        let (out, left, right) = (Arc::clone(&to), self.edge, other.edge);
        self.shared.add_work(guarded(&self.shared, &stage.name, work, move |_| {
            out.end();
            // What is left of the longer one is not wanted.
            left.close();
            right.close();
        }));
        Pipe { shared: self.shared, edge: to, from: idx }
    }

    /// `n` pipes that each get every item. The slowest sets the pace.
    pub fn broadcast(self, stage: impl Into<Stage>, n: usize) -> Vec<Pipe<T>>
    where
        T: Clone + Sync,
    {
        let stage = stage.into();
        let idx = self.shared.add_stage(&stage.name);
        self.shared.join(&self.edge, self.from, idx);
        let outs: Vec<_> = (0..n).map(|_| Arc::new(Edge::new(stage.capacity))).collect();
        let (from, to, input) = (Arc::clone(&self.edge), outs.clone(), self.edge);
        let work = async move {
            let (mut items, mut copy) = (Vec::new(), Vec::new());
            let mut open: Vec<_> = to.iter().collect();
            while !open.is_empty() && from.receive(&mut items, BATCH).await.is_some() {
                let mut still = Vec::with_capacity(open.len());
                for out in open {
                    copy.clone_from(&items);
                    if out.send_all(&mut copy).await.is_ok() {
                        still.push(out);
                    }
                }
                open = still;
                items.clear();
            }
            if open.is_empty() { Err(Stop::Closed) } else { Ok(()) }
        };
        let to = outs.clone();
        self.shared.add_work(guarded(&self.shared, &stage.name, work, move |in_full| {
            to.iter().for_each(|out| out.end());
            if !in_full {
                input.close();
            }
        }));
        let pipe = |edge| Pipe { shared: Arc::clone(&self.shared), edge, from: idx };
        outs.into_iter().map(pipe).collect()
    }

    /// Ends in a closure that is called with each item; in their order, unless the stage is parallel
    /// and unordered.
    pub fn sink(self, stage: impl Into<Stage>, each: impl Fn(T) + Send + Sync + 'static) {
        self.through::<()>(stage.into(), Each(move |item, _: &mut Vec<()>| each(item))).end();
    }

    /// Ends in a list of all items.
    pub fn collect(self, stage: impl Into<Stage>) -> Collected<T> {
        let items = Arc::new(Mutex::new(Vec::new()));
        let place = Arc::clone(&items);
        let all = move |(): &mut (), item, _: &mut Vec<()>| place.lock().push(item);
        self.fold_through(&stage.into(), (), all, |(), _| {}).end();
        Collected { items }
    }

    /// Ends nowhere: items are dropped.
    pub fn discard(self, stage: impl Into<Stage>) {
        self.sink(stage, drop);
    }

    /// Says that nothing follows.
    fn end(self) {
        self.shared.finish(self.from);
    }
}

/// What a stage of one task does at its end: nothing more comes, or nothing more is taken.
fn ends<T: Send, U>(output: Arc<Edge<U>>, input: Arc<Edge<T>>) -> impl FnOnce(bool) {
    move |in_full| {
        output.end();
        if !in_full {
            input.close();
        }
    }
}

/// The items that arrived at the end of a pipeline.
pub struct Collected<T> {
    items: Arc<Mutex<Vec<T>>>,
}

impl<T> Collected<T> {
    /// Takes what has arrived so far.
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.items.lock())
    }
}

/// A step that needs nothing but one item.
struct Each<F>(F);

impl<T: Send, U: Send, F: Fn(T, &mut Vec<U>) + Send + Sync> Step<T, U> for Each<F> {
    async fn step(&self, items: &mut Vec<T>, out: &mut Vec<U>) -> Result<(), Stop> {
        items.drain(..).for_each(|item| (self.0)(item, out));
        Ok(())
    }
}

struct EachAsync<F, Fut>(F, PhantomData<fn() -> Fut>);

impl<T, U, F, Fut> Step<T, U> for EachAsync<F, Fut>
where
    T: Send,
    U: Send,
    F: Fn(T) -> Fut + Send + Sync,
    Fut: Future<Output = U> + Send,
{
    async fn step(&self, items: &mut Vec<T>, out: &mut Vec<U>) -> Result<(), Stop> {
        for item in items.drain(..) {
            out.push((self.0)(item).await);
        }
        Ok(())
    }
}
