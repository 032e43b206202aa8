//! The `vitte` command: run, test, build, check, lower, graph, explain.
//!
//! In: arguments and files. Out: the program's output on stdout, diagnostics on stderr, and an exit
//! code that scripts can rely on:
//!
//! | code | meaning |
//! | --- | --- |
//! | 0 | fine (of `run`: what `main` gave) |
//! | 1 | an error of the user, or a file that cannot be read, or every task waits for ever |
//! | 2 | wrong usage |
//! | 70 | a bug of ours |
//! | 101 | a panic that reached the program's `main` |
//! | 130 | interrupted |
//!
//! Each subcommand is one file, whose `run` reads like the list of stages it needs from
//! [`crate::driver`].

mod build;
mod check;
mod explain;
#[cfg(unix)]
mod graph;
mod interrupt;
mod lower;
mod report;
mod run;
mod test;

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit codes of the command.
pub mod exit {
    /// Fine.
    pub const FINE: u8 = 0;
    /// An error of the user.
    pub const ERROR: u8 = 1;
    /// Wrong usage.
    pub const USAGE: u8 = 2;
    /// A bug of ours.
    pub const BUG: u8 = 70;
    /// A panic reached `main`.
    pub const PANIC: u8 = 101;
    /// Interrupted.
    pub const INTERRUPTED: u8 = 130;
}

/// Compile and run async programs as explicit state machines.
#[derive(Parser, Debug)]
#[command(name = "vitte", version, about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const RUN_HELP: &str = "\
Examples:
  vitte run fanout.vit                      on all processors, in real time
  vitte run fanout.vit --seed 7             the same interleaving each time, on a virtual clock
  vitte run echo.vit --workers 1 -- 8080    the program gets `8080` as its argument

Exit code: what main gives; 1 for errors in FILE, or if every task waits for ever; 101 if main
panics; 130 after Ctrl-C.";

const LOWER_HELP: &str = "\
Examples:
  vitte lower cancel.vit                            all machines
  vitte lower cancel.vit --fn worker --emit frame   every byte of the frame of `worker`
  vitte lower cancel.vit --emit dot | dot -Tsvg     the states as a picture";

#[derive(Subcommand, Debug)]
enum Command {
    /// Compile and run FILE; the exit code is what its main gives.
    #[command(after_help = RUN_HELP)]
    Run(RunArgs),
    /// Run the `test "…" { }` blocks of each FILE.
    Test(TestArgs),
    /// Compile FILE to a relocatable object and a C header.
    Build(BuildArgs),
    /// Report what is wrong in each FILE, and do nothing else.
    Check(CheckArgs),
    /// Show what the compiler makes of FILE, stage by stage.
    #[command(after_help = LOWER_HELP)]
    Lower(LowerArgs),
    /// Run or show a graph of commands and Vitte programs, described in TOML.
    #[cfg(unix)]
    Graph(graph::GraphArgs),
    /// Explain a diagnostic, with a wrong and a right example.
    Explain {
        /// Key of the diagnostic, as in `error[KEY]`.
        code: String,
    },
}

/// How diagnostics (and, in `lower`, dumps) are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// For tools.
    Json,
}

#[derive(Args, Debug)]
struct RunArgs {
    /// Vitte source (.vit, .vitl) or textual IR (.vir).
    file: PathBuf,
    /// Worker threads; default: one per processor.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    workers: Option<u32>,
    /// Run deterministically: virtual clock, interleaving chosen by this number.
    #[arg(long)]
    seed: Option<u64>,
    /// Loop rounds that all tasks together may make; a loop beyond that panics.
    #[arg(long, value_name = "ROUNDS", requires = "seed")]
    fuel: Option<u64>,
    /// Write what the scheduler did to this file, as Chrome trace JSON.
    #[arg(long, value_name = "OUT")]
    trace: Option<PathBuf>,
    /// How diagnostics are written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Arguments of the program.
    #[arg(last = true)]
    args: Vec<String>,
}

#[derive(Args, Debug)]
struct TestArgs {
    /// Files with tests.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Run only tests whose name contains this.
    #[arg(long)]
    filter: Option<String>,
    /// Run each test this many times, with the seeds 0, 1, 2 …
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: Option<u64>,
    /// How diagnostics are written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Args, Debug)]
struct BuildArgs {
    /// Vitte source (.vit, .vitl) or textual IR (.vir).
    file: PathBuf,
    /// Object file to write; the header goes beside it, with the ending `.h`.
    #[arg(short, long)]
    output: PathBuf,
    /// How diagnostics are written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Args, Debug)]
struct CheckArgs {
    /// Files to check.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How diagnostics are written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A stage whose output `lower` shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Emit {
    /// Syntax tree.
    Ast,
    /// Checked program with types.
    Hir,
    /// IR with awaits, as `.vir`.
    Ir,
    /// What is live across each suspend point.
    Live,
    /// Frame layout records.
    Frame,
    /// Explicit state machines, as `.vir`.
    Machine,
    /// Cranelift IR.
    Clif,
    /// Machine code, disassembled.
    Asm,
    /// State graphs for Graphviz.
    Dot,
}

#[derive(Args, Debug)]
struct LowerArgs {
    /// Vitte source (.vit, .vitl) or textual IR (.vir).
    file: PathBuf,
    /// Only this procedure.
    #[arg(long = "fn", value_name = "NAME")]
    function: Option<String>,
    /// Which stage to show.
    #[arg(long, value_enum, default_value = "machine")]
    emit: Emit,
    /// How it is written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command with the arguments of the process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(wrong) => {
            let _ = wrong.print();
            return ExitCode::from(if wrong.use_stderr() { exit::USAGE } else { exit::FINE });
        }
    };
    // A panic is a bug of ours: user input never makes one. The hook has printed it.
    let code = std::panic::catch_unwind(|| dispatch(cli)).unwrap_or_else(|_| {
        eprintln!("vitte: this is a bug of the compiler or its runtime; please report it");
        exit::BUG
    });
    crate::host::imports::flush();
    ExitCode::from(code)
}

fn dispatch(cli: Cli) -> u8 {
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Build(args) => build::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Lower(args) => lower::run(&args),
        #[cfg(unix)]
        Command::Graph(args) => graph::run(&args),
        Command::Explain { code } => explain::run(&code),
    }
}
