//! The tasks of a stage: take a batch, work on it, pass the results on.

use std::error::Error;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use vitte_rt::task::panic_text;

use super::edge::{AnyEdge, BATCH, Edge, Turn};
use super::pipeline::Shared;
use super::stage::{OnError, Stage};
use crate::error::FlowError;

/// A task of a stage.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Why a task of a stage ended early.
pub(crate) enum Stop {
    /// Nobody wants its results any more.
    Closed,
    /// The pipeline fails with this.
    Failed(FlowError),
}

/// What a stage does to a batch: `items` go into `out`.
pub(crate) trait Step<T, U>: Send + Sync {
    fn step(
        &self,
        items: &mut Vec<T>,
        out: &mut Vec<U>,
    ) -> impl Future<Output = Result<(), Stop>> + Send;
}

/// All tasks of a stage that works on each batch for itself.
pub(crate) fn spread<T, U>(
    shared: &Arc<Shared>,
    stage: &Stage,
    from: &Arc<Edge<T>>,
    to: &Arc<Edge<U>>,
    step: impl Step<T, U> + 'static,
) -> Vec<Work>
where
    T: Send + 'static,
    U: Send + 'static,
{
    let step = Arc::new(step);
    let turn = (stage.ordered && stage.n_tasks > 1).then(|| Arc::new(Turn::new()));
    to.add_senders(stage.n_tasks - 1);
    // Small batches where several tasks share them, so that none is left without.
    let max = if stage.n_tasks > 1 { BATCH / 4 } else { BATCH };
    (0..stage.n_tasks)
        .map(|_| {
            let (from, to, step) = (Arc::clone(from), Arc::clone(to), Arc::clone(&step));
            let (input, output, order) = (Arc::clone(&from), Arc::clone(&to), turn.clone());
            let work = async move {
                let (mut items, mut out) = (Vec::new(), Vec::new());
                while let Some(batch) = from.receive(&mut items, max).await {
                    step.step(&mut items, &mut out).await?;
                    items.clear();
                    if let Some(turn) = &order {
                        turn.wait(batch).await;
                    }
                    to.send_all(&mut out).await.map_err(|_| Stop::Closed)?;
                    if let Some(turn) = &order {
                        turn.pass(batch);
                    }
                }
                Ok(())
            };
            let turn = turn.clone();
            guarded(shared, &stage.name, work, move |in_full| {
                output.end();
                if !in_full {
                    input.close();
                    turn.inspect(|turn| turn.abandon());
                }
            })
        })
        .collect()
}

/// Runs the body of a stage's task; `end` is told whether it ended because there was no more to do.
/// Panics and errors end the pipeline.
pub(crate) fn guarded(
    shared: &Arc<Shared>,
    name: &Arc<str>,
    work: impl Future<Output = Result<(), Stop>> + Send + 'static,
    end: impl FnOnce(bool) + Send + 'static,
) -> Work {
    let (shared, name) = (Arc::clone(shared), Arc::clone(name));
    Box::pin(async move {
        let mut work = Box::pin(work);
        let result = std::future::poll_fn(|cx| {
            match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
                Ok(poll) => poll,
                Err(payload) => {
                    let message = panic_text(&*payload).to_owned();
                    let name = name.to_string();
                    std::task::Poll::Ready(Err(Stop::Failed(FlowError::Panicked { name, message })))
                }
            }
        })
        .await;
        drop(work);
        end(result.is_ok());
        if let Err(Stop::Failed(error)) = result {
            shared.fail(error);
        }
    })
}

/// A step that calls a closure which may answer an error, and what the stage says about that.
pub(crate) struct Fallible<F> {
    pub(crate) stage: Stage,
    pub(crate) call: F,
}

impl<T, U, E, F> Step<T, U> for Fallible<F>
where
    T: Send + Sync,
    U: Send,
    E: Into<Box<dyn Error + Send + Sync>>,
    F: Fn(&T) -> Result<U, E> + Send + Sync,
{
    async fn step(&self, items: &mut Vec<T>, out: &mut Vec<U>) -> Result<(), Stop> {
        for item in items.drain(..) {
            out.extend(self.run(&item)?);
        }
        Ok(())
    }
}

impl<F> Fallible<F> {
    /// Calls it until it succeeds or its retries are spent. `None` if the item is to be left out.
    fn run<T, U, E>(&self, item: &T) -> Result<Option<U>, Stop>
    where
        F: Fn(&T) -> Result<U, E>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let mut n_left = self.stage.n_retries;
        loop {
            match (self.call)(item) {
                Ok(value) => return Ok(Some(value)),
                Err(_) if n_left > 0 => n_left -= 1,
                Err(error) => return give_up(&self.stage, error.into()).map(|()| None),
            }
        }
    }
}

/// As [`Fallible`], for a closure that answers a future.
pub(crate) struct FallibleAsync<F, Fut> {
    pub(crate) stage: Stage,
    pub(crate) call: F,
    pub(crate) future: PhantomData<fn() -> Fut>,
}

impl<T, U, E, F, Fut> Step<T, U> for FallibleAsync<F, Fut>
where
    T: Clone + Send + Sync,
    U: Send,
    E: Into<Box<dyn Error + Send + Sync>> + Send,
    F: Fn(T) -> Fut + Send + Sync,
    Fut: Future<Output = Result<U, E>> + Send,
{
    async fn step(&self, items: &mut Vec<T>, out: &mut Vec<U>) -> Result<(), Stop> {
        for item in items.drain(..) {
            let mut n_left = self.stage.n_retries;
            loop {
                match (self.call)(item.clone()).await {
                    Ok(value) => out.push(value),
                    Err(_) if n_left > 0 => {
                        n_left -= 1;
                        continue;
                    }
                    Err(error) => give_up(&self.stage, error.into())?,
                }
                break;
            }
        }
        Ok(())
    }
}

/// What the stage says about an item whose retries are spent: leave it out, or end the pipeline.
fn give_up(stage: &Stage, error: Box<dyn Error + Send + Sync>) -> Result<(), Stop> {
    match &stage.on_error {
        OnError::Skip => {}
        OnError::DeadLetter(tell) => tell(&*error),
        OnError::Fail => {
            let stage = stage.name.to_string();
            return Err(Stop::Failed(FlowError::Failed { stage, error }));
        }
    }
    Ok(())
}
