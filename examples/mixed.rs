//! Rust and Vitte in one program: procedures of Vitte, checked when this file is compiled, called as
//! Rust functions: `cargo run --example mixed`

// Prints:
//   3 of 4 orders shipped
//   refused: order 3 is empty
//   total 1350

use std::time::Duration;

vitte::vitte! {
    form Order { id: int, items: [Item] }
    form Item { name: string, price: int, count: int }
    pick Outcome { Shipped(total: int), Refused(why: string) }

    export async proc handle(order: Order) -> Outcome {
        if len(order.items) == 0 {
            give Outcome.Refused("order " + (order.id as string) + " is empty")
        }
        // Packing takes longer for more items.
        await sleep(len(order.items))
        give Outcome.Shipped(total(order.items))
    }

    proc total(items: [Item]) -> int {
        let mut sum = 0
        for item in items {
            set sum += item.price * item.count
        }
        give sum
    }
}

/// An order of `n` items.
fn order(id: i64, n: i64) -> Order {
    let item = |i| Item { name: format!("item {i}"), price: 50 * (i + 1), count: id };
    Order { id, items: (0..n).map(item).collect() }
}

#[vitte::main]
async fn main() {
    let orders = [order(1, 2), order(2, 3), order(3, 0), order(4, 2)];
    let all: Vec<_> = orders.into_iter().map(|o| vitte::spawn(handle(o))).collect();
    let (mut shipped, mut sum, mut refused) = (0, 0, vec![]);
    let n = all.len();
    for outcome in all {
        let in_time = vitte::time::timeout(Duration::from_secs(5), outcome).await;
        match in_time.expect("an order takes milliseconds").expect("no procedure panics") {
            Outcome::Shipped(total) => {
                shipped += 1;
                sum += total;
            }
            Outcome::Refused(why) => refused.push(why),
        }
    }
    println!("{shipped} of {n} orders shipped");
    refused.iter().for_each(|why| println!("refused: {why}"));
    println!("total {sum}");
}
