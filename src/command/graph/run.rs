//! `vitte graph run FILE`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value as Json;
use vitte_graph::manifest::Captured;
use vitte_graph::{GraphError, OnFailure, Report, State, TaskExecutor};

use super::progress::Progress;
use super::{Format, RunArgs, exit};
use crate::command::interrupt;

/// Runs the steps that are not up to date.
pub(super) fn run(args: &RunArgs) -> Result<u8, String> {
    let mut manifest = super::read(&args.file)?;
    if args.keep_going {
        manifest.on_failure = OnFailure::SkipDependants;
    }
    let mut exec = super::executor(&manifest, args.workers)?;
    let journal = args.journal.clone().unwrap_or_else(|| default_journal(&args.file));
    if args.fresh {
        exec.fresh_journal(journal);
    } else {
        exec.journal(journal);
    }
    if args.dry_run {
        return dry_run(&mut exec, args.format);
    }
    let progress = Arc::new(Progress::new(exec.n_tasks(), args.format));
    let listener = Arc::clone(&progress);
    exec.timing(true).observe(move |event| listener.note(event));
    let control = exec.control();
    interrupt::watch(move || control.cancel());
    let result = exec.run_all();
    interrupt::unwatch();
    progress.finish();
    for note in exec.notes() {
        eprintln!("warning: {note}");
    }
    if let Some(path) = &args.trace {
        let written = std::fs::write(path, exec.to_chrome_trace());
        written.map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    }
    let (report, code) = match result {
        Ok(report) => (report, exit::FINE),
        Err(GraphError::Failed(report)) => (*report, exit::ERROR),
        Err(other) => return Err(other.to_string()),
    };
    let outputs = manifest.calls().filter_map(|name| {
        // What did not complete has none.
        Some((name, exec.output::<Json>(name).ok()?))
    });
    if args.show_output && args.format == Format::Text {
        show_output(&exec);
    }
    summarise(&exec, &report, &outputs.collect(), args.format);
    Ok(if interrupt::happened() { exit::INTERRUPTED } else { code })
}

/// Prints what the commands printed that completed in this run.
fn show_output(exec: &TaskExecutor) {
    let mut out = std::io::stdout().lock();
    for task in exec.tasks().filter(|task| task.state == State::Completed && !task.remembered) {
        let Ok(captured) = exec.output::<Captured>(&task.name) else { continue };
        let text = captured.text.trim_end();
        if !text.is_empty() {
            // A closed pipe is no reason to fail after the work is done.
            let _ = writeln!(out, "step `{}` printed:\n{text}\n", task.name);
        }
    }
}

/// What procedures gave, by step.
type Outputs<'a> = BTreeMap<&'a str, Arc<Json>>;

/// Most characters of a value in the table.
const SHOWN: usize = 80;

/// A value as the table shows it.
fn short(value: &str) -> String {
    match value.char_indices().nth(SHOWN) {
        None => value.to_owned(),
        Some((end, _)) => format!("{} …", &value[..end]),
    }
}

/// The journal beside the manifest.
fn default_journal(file: &Path) -> PathBuf {
    file.with_extension("journal")
}

/// Prints the steps that would run, each after those it waits for; for tools, all of them.
fn dry_run(exec: &mut TaskExecutor, format: Format) -> Result<u8, String> {
    let all = exec.forecast().map_err(|e| e.to_string())?;
    let mut out = std::io::stdout().lock();
    for step in &all {
        let (name, up_to_date) = (&step.task, step.up_to_date);
        // A closed pipe wants to hear no more.
        let _ = match format {
            Format::Text if up_to_date => Ok(()),
            Format::Text => writeln!(out, "{name}"),
            Format::Json => {
                let line = serde_json::json!({ "step": &**name, "up_to_date": up_to_date });
                writeln!(out, "{line}")
            }
        };
    }
    let n = all.iter().filter(|step| !step.up_to_date).count();
    eprintln!("{n} of {} steps would run", all.len());
    Ok(exit::FINE)
}

/// One line for each step that ran or failed, with what its procedure gave, then the counts.
fn summarise(exec: &TaskExecutor, report: &Report, outputs: &Outputs<'_>, format: Format) {
    let mut out = std::io::stdout().lock();
    // A closed pipe is no reason to fail after the work is done.
    let _ = match format {
        Format::Text => {
            let shown: Vec<_> = exec.tasks().filter(|t| !t.remembered).collect();
            let width = shown.iter().map(|t| t.name.chars().count()).max().unwrap_or(0);
            for task in &shown {
                let time = task.duration().map_or(String::new(), |d| format!("{d:.1?}"));
                let tries = match task.n_attempts {
                    0 | 1 => String::new(),
                    n => format!("  attempt {n}"),
                };
                let given = match outputs.get(&*task.name) {
                    None => String::new(),
                    Some(value) => format!("  = {}", short(&value.to_string())),
                };
                let (name, state) = (&task.name, task.state);
                let line = format!("{name:width$}  {state:9}  {time}{tries}{given}");
                let _ = writeln!(out, "{}", line.trim_end());
            }
            for task in shown.iter().filter(|t| t.state == State::Failed) {
                let why = task.error.as_deref().unwrap_or("no reason was recorded");
                let _ = writeln!(out, "\nstep `{}` failed: {why}", task.name);
            }
            writeln!(out, "{report}")
        }
        Format::Json => {
            let outputs: BTreeMap<_, _> = outputs.iter().map(|(k, v)| (k, &**v)).collect();
            let line = serde_json::json!({ "event": "end", "report": report, "outputs": outputs });
            writeln!(out, "{line}")
        }
    };
}
