//! A closure on one of four workers: `cargo run --example scheduler`

// Prints:
//   in thread ThreadId(n)

use vitte::scheduler::{Scheduler, Task};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sched = Scheduler::new(4)?;
    sched.submit(Task::spawn(|| println!("in thread {:?}", std::thread::current().id())));
    sched.join_all();
    Ok(())
}
