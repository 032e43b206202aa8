//! With the feature `tracing`, each run of a task is inside of a span that names it.
#![cfg(feature = "tracing")]

use std::sync::{Arc, Mutex};

use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use vitte_rt::runtime::Builder;
use vitte_rt::task::{spawn, yield_now};

/// Notes what happens inside of which span.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl<S> Layer<S> for Notes
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    fn on_event(&self, event: &tracing::Event<'_>, cx: Context<'_, S>) {
        let span = cx.event_span(event).map_or("none", |span| span.metadata().name());
        self.0.lock().unwrap().push(format!("{} in {span}", event.metadata().target()));
    }
}

#[test]
fn events_of_a_task_are_inside_of_the_span_of_its_run() {
    let notes = Notes::default();
    let subscriber = tracing_subscriber::registry().with(notes.clone());
    tracing::subscriber::with_default(subscriber, || {
        let runtime = Builder::seeded(1).build().unwrap();
        runtime.block_on(async {
            tracing::info!(target: "root", "outside");
            let task = spawn(async {
                tracing::info!(target: "task", "first");
                yield_now().await;
                tracing::info!(target: "task", "second");
            });
            task.await.unwrap();
        });
    });
    let said = notes.0.lock().unwrap().clone();
    assert_eq!(said, ["root in none", "task in run", "task in run"]);
}
