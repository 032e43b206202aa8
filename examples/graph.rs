//! A graph of two tasks: `cargo run --example graph`

// Prints:
//   analysing
//   compiling

use vitte::graph::{Task, TaskExecutor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut exec = TaskExecutor::new(4);
    exec.add(Task::new("analyse", || println!("analysing")));
    exec.add(Task::depends_on("build", &["analyse"], || println!("compiling")));
    exec.run_all()?;
    Ok(())
}
