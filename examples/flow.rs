//! Three values, one of which needs the others: `cargo run --example flow`

// Prints:
//   3

use vitte::flow::{Flow, Node};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut flow = Flow::new();
    let a = flow.node("A", || 1);
    let b = flow.node("B", || 2);
    let sum: Node<i32> = flow.node("Sum", move || a.get() + b.get());
    flow.run()?;
    println!("{}", sum.get());
    Ok(())
}
