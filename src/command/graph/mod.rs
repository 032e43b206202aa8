//! `vitte graph`: run and show graphs of commands and procedures that a TOML file describes.

mod procs;
mod progress;
mod run;
mod show;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use vitte_graph::{Manifest, TaskExecutor};

use super::{Format, exit};

#[derive(Args, Debug)]
pub(super) struct GraphArgs {
    #[command(subcommand)]
    command: GraphCommand,
}

const RUN_HELP: &str = "\
A manifest:
  [step.compile]
  run = \"cc -MMD -c main.c\"    # or vitte = \"check.vit\", with proc = \"name\" one procedure of it
  inputs = [\"main.c\"]          # if they change, it runs again
  outputs = [\"main.o\"]         # who has these among its inputs comes after it
  depfile = \"main.d\"           # further inputs, as compilers write them for make
Other keys of a step: args after dir env env_inputs retries timeout pool priority always;
of the file: workers on_failure pools env. The documentation of vitte::graph::manifest explains each.

Examples:
  vitte graph run build.toml                  what is not up to date
  vitte graph run build.toml --dry-run        which steps that would be
  vitte graph run build.toml --keep-going     all that does not need what fails

Exit code: 0 if all steps completed; 1 if one failed, or for mistakes in FILE; 130 after Ctrl-C, which
kills what the steps have started.";

const SHOW_HELP: &str = "\
Examples:
  vitte graph show build.toml | dot -Tsvg > graph.svg
  vitte graph show build.toml --format json";

#[derive(Subcommand, Debug)]
enum GraphCommand {
    /// Run what is not up to date; after an interruption, go on where it ended.
    #[command(after_help = RUN_HELP)]
    Run(RunArgs),
    /// Print the graph without running it.
    #[command(after_help = SHOW_HELP)]
    Show(ShowArgs),
}

#[derive(Args, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
struct RunArgs {
    /// The manifest: steps with their commands, inputs and outputs.
    file: PathBuf,
    /// Commands that run at a time; without this, what the manifest says, else one per processor.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    workers: Option<u32>,
    /// Where the journal is kept; default: FILE with the ending `.journal`.
    #[arg(long, value_name = "PATH")]
    journal: Option<PathBuf>,
    /// Start over: move the journal aside and run every step.
    #[arg(long)]
    fresh: bool,
    /// After a failure, still run what does not depend on it.
    #[arg(long)]
    keep_going: bool,
    /// Say which steps would run, in an order in which they could, and run none.
    #[arg(long)]
    dry_run: bool,
    /// Show what commands printed, also of those that completed.
    #[arg(long)]
    show_output: bool,
    /// Write when each step ran to this file, as Chrome trace JSON.
    #[arg(long, value_name = "OUT")]
    trace: Option<PathBuf>,
    /// text: progress for people; json: one event a line.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Args, Debug)]
struct ShowArgs {
    /// The manifest.
    file: PathBuf,
    /// The language of the output.
    #[arg(long, value_enum, default_value_t)]
    format: ShowFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
enum ShowFormat {
    /// Graphviz.
    #[default]
    Dot,
    /// A Mermaid flowchart.
    Mermaid,
    /// JSON.
    Json,
}

/// Runs the subcommand and answers the exit code.
pub(super) fn run(args: &GraphArgs) -> u8 {
    let result = match &args.command {
        GraphCommand::Run(args) => run::run(args),
        GraphCommand::Show(args) => show::run(args),
    };
    result.unwrap_or_else(|message| {
        eprintln!("error: {message}");
        exit::ERROR
    })
}

/// Reads a manifest; mistakes come back as text with their places.
fn read(file: &Path) -> Result<Manifest, String> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).map_err(|e| format!("cannot read {shown}: {e}"))?;
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let linked = Manifest::parse(&text, folder).and_then(|mut manifest| {
        manifest.link(&mut procs::Compiler)?;
        Ok(manifest)
    });
    linked.map_err(|mistakes| {
        let lines =
            mistakes.0.iter().map(|m| format!("{shown}:{}:{}: {}", m.line, m.column, m.message));
        lines.collect::<Vec<_>>().join("\nerror: ")
    })
}

/// An executor with the manifest's steps, checked.
fn executor(manifest: &Manifest, workers: Option<u32>) -> Result<TaskExecutor, String> {
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    let n = workers.map(|n| n as usize).or(manifest.workers).unwrap_or_else(processors);
    let mut exec = TaskExecutor::new(n);
    let vitte = std::env::current_exe().map_err(|e| format!("cannot find this program: {e}"))?;
    manifest.add_to(&mut exec, &vitte).map_err(|e| e.to_string())?;
    exec.check().map_err(|e| e.to_string())?;
    Ok(exec)
}
