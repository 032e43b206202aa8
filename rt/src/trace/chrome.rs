//! The trace format of Chrome and Perfetto: one JSON object per line.
//!
//! ```text
//! worker 0  ▐ task 3 main ▌ ▐ task 5 fetch ▌      a slice per run, with how it ended
//! task 5    ╞═════════ lives ════════════╡        an async slice per task
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::Arc;

use vitte_abi::JsonWriter;

use super::{Trace, TraceEvent, TraceKind};

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut w = JsonWriter::default();
    w.string(text);
    w.finish()
}

/// Nanoseconds as the microseconds of the format.
fn micros(ns: u64) -> String {
    format!("{}.{:03}", ns / 1000, ns % 1000)
}

/// Row of the events of threads that are no workers.
const FOREIGN: usize = 9_999;

fn row(event: &TraceEvent) -> usize {
    event.worker.unwrap_or(FOREIGN)
}

impl Trace {
    /// Writes the trace for `chrome://tracing` and <https://ui.perfetto.dev>.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::runtime::Builder;
    /// let runtime = Builder::seeded(1).build()?;
    /// runtime.handle().start_trace(1000);
    /// runtime.block_on(async { vitte_rt::spawn(async {}).await.unwrap() });
    /// let trace = runtime.handle().stop_trace();
    /// let mut json = Vec::new();
    /// trace.write_chrome(&mut json)?;
    /// assert!(json.starts_with(b"{\"displayTimeUnit\":\"ns\",\"traceEvents\":["));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn write_chrome(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{{\"displayTimeUnit\":\"ns\",\"traceEvents\":[")?;
        let mut names: BTreeMap<u64, Arc<str>> = BTreeMap::new();
        let mut running: BTreeMap<u64, &TraceEvent> = BTreeMap::new();
        let mut rows = BTreeSet::new();
        for event in &self.events {
            rows.insert(row(event));
            let task = event.task;
            if let TraceKind::Spawn { name } = &event.kind {
                names.insert(task, name.clone());
            }
            let name = names.get(&task).map_or("task", |name| name);
            let title = quoted(&format!("{name} {task}"));
            match &event.kind {
                TraceKind::Poll => {
                    running.insert(task, event);
                    continue;
                }
                TraceKind::Suspend { .. } => {}
                kind => {
                    let (what, ts, tid) = (kind.name(), micros(event.at_ns), row(event));
                    let phase = match kind {
                        TraceKind::Spawn { .. } => "b",
                        kind if kind.is_end() => "e",
                        _ => "n",
                    };
                    writeln!(
                        out,
                        "{{\"name\":{title},\"cat\":\"task\",\"ph\":\"{phase}\",\"id\":{task},\"pid\":1,\
                         \"tid\":{tid},\"ts\":{ts},\"args\":{{\"what\":\"{what}\"}}}},"
                    )?;
                }
            }
            // A run ends with its suspension or with the task.
            let ends_run = event.kind.is_end() || matches!(event.kind, TraceKind::Suspend { .. });
            let Some(begun) = ends_run.then(|| running.remove(&task)).flatten() else { continue };
            let (ts, duration) = (micros(begun.at_ns), micros(event.at_ns - begun.at_ns));
            let (tid, what) = (row(begun), event.kind.name());
            let (state, awaitee) = match &event.kind {
                TraceKind::Suspend { state, awaitee } => (quoted(state), quoted(awaitee)),
                _ => (quoted(""), quoted("")),
            };
            writeln!(
                out,
                "{{\"name\":{title},\"cat\":\"run\",\"ph\":\"X\",\"pid\":1,\"tid\":{tid},\"ts\":{ts},\
                 \"dur\":{duration},\"args\":{{\"task\":{task},\"end\":\"{what}\",\"state\":{state},\
                 \"awaiting\":{awaitee}}}}},"
            )?;
        }
        for row in rows {
            let name =
                if row == FOREIGN { "other threads".into() } else { format!("worker {row}") };
            writeln!(
                out,
                "{{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":{row},\
                 \"args\":{{\"name\":\"{name}\"}}}},"
            )?;
        }
        let lost = self.n_lost;
        writeln!(
            out,
            "{{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,\"args\":{{\"name\":\"vitte\",\
             \"lost\":{lost}}}}}\n]}}"
        )
    }
}
