//! A pipeline two of whose stages are Vitte procedures, one of them async:
//! `cargo run --example flow_vitte`

// Prints:
//   left out: no price for stone
//   apple: 15
//   pear: 12
//   plum: 12
//   sum 39

use std::error::Error;
use std::sync::Arc;
use vitte::flow::{OnError, Pipeline, Stage};

vitte::vitte! {
    // Looks a price up, which takes a moment.
    export async proc price(name: string) -> Result[int, string] {
        await sleep(1)
        if name == "stone" {
            give Err("no price for " + name)
        }
        give Ok(len(name) * 3)
    }

    export proc line(name: string, price: int) -> string {
        give name + ": " + (price as string)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let flow = Pipeline::new();
    let told = OnError::DeadLetter(Arc::new(|error| println!("left out: {error}")));
    let prices = flow
        .source("names", ["apple", "stone", "pear", "plum"].map(str::to_owned))
        // Four tasks look prices up; what they find keeps the order of the names.
        .try_map_async(
            Stage::named("price").parallel(4).on_error(told),
            |name: String| async move { Ok::<_, String>((name.clone(), price(name).await?)) },
        );
    let mut copies = prices.broadcast("both", 2).into_iter();
    let (Some(first), Some(second)) = (copies.next(), copies.next()) else { unreachable!() };
    let lines = first.map("line", |(name, price)| line(name, price)).collect("lines");
    let numbers = second.map("number", |(_, price)| price).collect("numbers");
    flow.run(2)?;
    lines.take().iter().for_each(|line| println!("{line}"));
    println!("sum {}", numbers.take().iter().sum::<i64>());
    Ok(())
}
