//! Three values, one of which needs the others: `cargo run --example flow`

use vitte::flow::Flow;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut flow = Flow::new();
    let a = flow.node("A", || 1);
    let b = flow.node("B", || 2);
    let sum = flow.node("Sum", {
        let (a, b) = (a.clone(), b.clone());
        move || a.get() + b.get()
    });
    flow.run()?;
    println!("{} + {} = {}", a.get(), b.get(), sum.get());
    Ok(())
}
