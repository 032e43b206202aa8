//! What is shown while a graph runs: a bar on a terminal, a line per step elsewhere, JSON for tools.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use vitte_graph::{Event, State};

use super::Format;

/// Shows what happens in a run.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    format: Format,
}

impl Progress {
    /// For a run of `n` steps.
    pub(super) fn new(n: usize, format: Format) -> Self {
        let on_terminal = format == Format::Text && std::io::stderr().is_terminal();
        let bar = on_terminal.then(|| {
            let bar = ProgressBar::new(n as u64);
            let style = ProgressStyle::with_template("{bar:30.green} {pos}/{len} {elapsed} {msg}");
            bar.set_style(style.expect("the template is fixed"));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { bar, format }
    }

    /// Shows one event.
    pub(super) fn note(&self, event: &Event<'_>) {
        match self.format {
            Format::Json => print_json(event),
            Format::Text => match &self.bar {
                Some(bar) => note_on(bar, event),
                None => print_line(event),
            },
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn note_on(bar: &ProgressBar, event: &Event<'_>) {
    match event {
        Event::State { task, state: State::Running, .. } => bar.set_message((*task).to_owned()),
        Event::Retry { task, error, delay, .. } => {
            bar.println(format!("{task} failed, again in {delay:.1?}: {error}"));
        }
        Event::Ended { report, .. } => {
            bar.inc(1);
            if report.state == State::Failed {
                bar.println(format!("{} failed", report.name));
            }
        }
        _ => {}
    }
}

fn print_line(event: &Event<'_>) {
    match event {
        Event::State { task, state: State::Running, .. } => eprintln!("{task} ..."),
        Event::Retry { task, error, delay, .. } => {
            eprintln!("{task} failed, again in {delay:.1?}: {error}");
        }
        Event::Ended { report, .. } if report.remembered => {
            eprintln!("{} is up to date", report.name);
        }
        Event::Ended { report, .. } => eprintln!("{} {}", report.name, report.state),
        _ => {}
    }
}

fn print_json(event: &Event<'_>) {
    let line = match event {
        Event::State { task, state, .. } => {
            serde_json::json!({ "event": "state", "step": task, "state": state })
        }
        Event::Retry { task, attempt, error, delay, .. } => serde_json::json!({
            "event": "retry",
            "step": task,
            "attempt": attempt,
            "error": error.to_string(),
            "delay_ms": delay.as_millis() as u64,
        }),
        Event::Ended { report, .. } => serde_json::json!({ "event": "ended", "step": report }),
        _ => return,
    };
    // A closed pipe does not stop the run.
    let _ = writeln!(std::io::stdout(), "{line}");
}
