//! Prints how the runtime stands to its goals, beside tokio and smol, in one process.
//!
//! `cargo run --release -p vitte-benches --bin ratios -- [--quick] [--filter WORD] [--format json]`
//!
//! `--no-default-features` leaves out what needs the code generator, and builds in a fraction of the
//! time.

use std::process::ExitCode;

use vitte_benches::ratios::counting::Counting;
use vitte_benches::ratios::{Line, figures, graphs, measure, net, resumes, rows};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Options {
    quick: bool,
    json: bool,
    filter: String,
}

impl Options {
    fn parse() -> Result<Self, String> {
        let mut options = Options { quick: false, json: false, filter: String::new() };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--quick" => options.quick = true,
                "--filter" => options.filter = args.next().ok_or("--filter needs a word")?,
                "--format" => match args.next().as_deref() {
                    Some("json") => options.json = true,
                    Some("text") => options.json = false,
                    _ => return Err("--format is text or json".into()),
                },
                other => return Err(format!("unknown option {other}")),
            }
        }
        Ok(options)
    }

    fn wants(&self, name: &str) -> bool {
        name.contains(&self.filter)
    }

    fn print(&self, lines: Vec<Line>) {
        for line in lines {
            if self.json {
                println!("{}", line.json());
            } else {
                println!("{line}");
            }
        }
    }
}

fn main() -> ExitCode {
    let options = match Options::parse() {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    if !options.json {
        println!("name | ours | peer | ratio [low, high] | goal | met / MISSED");
    }
    let n_rounds = if options.quick { 15 } else { 31 };
    for (name, build) in rows::rows() {
        // Arming a million timers of a peer takes most of the quick minute.
        if options.wants(name) && !(options.quick && name.ends_with("1M")) {
            options.print(measure(build(), n_rounds));
        }
    }
    let print = |figures: Vec<_>| options.print(figures.into_iter().map(Line::from).collect());
    if options.wants("allocs_per_op") {
        print(figures::allocs_per_op());
    }
    if options.wants("abi_resume") {
        print(resumes::abi_resume(n_rounds));
    }
    if options.wants("dag_overhead") {
        print(graphs::dag_overhead(if options.quick { 5 } else { 15 }));
    }
    if options.wants("journal") {
        print(graphs::journal(2_000));
    }
    if options.wants("idle") {
        print(net::idle(10_000, if options.quick { 1 } else { 10 }));
    }
    if options.wants("memory") {
        print(figures::memory(1_000_000));
    }
    if options.wants("timer_accuracy") {
        print(figures::timer_accuracy(if options.quick { 100 } else { 1_000 }));
    }
    ExitCode::SUCCESS
}
