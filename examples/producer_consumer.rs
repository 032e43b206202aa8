//! Producers, a bounded channel, and consumers that stop when the producers have.
//!
//! Run it: `cargo run --no-default-features --features rt --example producer_consumer`.
//!
//! Three producers make orders, a channel with room for four holds them back when the two consumers are
//! slower, and a reporter looks at the progress now and then, until it is told that all is done. The scope
//! ends when the producers and the consumers have ended. `--seed N` runs it in virtual time, the same way
//! each time.

// Prints (--seed 1):
//    0 of 60
//   18 of 60
//   38 of 60
//   58 of 60
//   all 60 orders handled

use std::time::Duration;

use vitte::channel::{mpmc, watch};
use vitte::runtime::Builder;
use vitte::task::scope;
use vitte::time::{MissedTickBehavior, interval};
use vitte::{select, sleep, spawn};

const N_ORDERS: u32 = 20;

/// Makes orders, waiting while there is no room for them.
async fn produce(name: char, orders: mpmc::Sender<(char, u32)>) {
    for n in 1..=N_ORDERS {
        orders.send((name, n)).await.expect("consumers stay until the producers have gone");
    }
}

/// Handles orders until no producer is left; answers how many.
async fn consume(orders: mpmc::Receiver<(char, u32)>, done: watch::Sender<u32>) -> u32 {
    let mut n_handled = 0;
    while let Ok((_producer, n)) = orders.recv().await {
        sleep(Duration::from_micros(u64::from(n % 3) * 500)).await;
        n_handled += 1;
        done.send_modify(|n| *n += 1);
    }
    n_handled
}

/// Reports the progress every five milliseconds, until nobody is left who makes any.
async fn report(mut done: watch::Receiver<u32>) -> u32 {
    let mut ticks = interval(Duration::from_millis(5));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        select! {
            _ = ticks.tick() => println!("{:2} of {}", *done.borrow_and_update(), 3 * N_ORDERS),
            ended = done.changed() => if ended.is_err() {
                return *done.borrow();
            },
        }
    }
}

async fn run() {
    let (done, progress) = watch::channel(0);
    let reporter = spawn(report(progress));
    let n_handled = scope(|scope| async move {
        let (tx, rx) = mpmc::bounded(4);
        for name in ['a', 'b', 'c'] {
            drop(scope.spawn(produce(name, tx.clone())));
        }
        drop(tx); // the producers have theirs: the last to go closes the channel
        let one = scope.spawn(consume(rx.clone(), done.clone()));
        let two = scope.spawn(consume(rx, done));
        one.await.expect("a consumer ends") + two.await.expect("a consumer ends")
    })
    .await;
    let n_reported = reporter.await.expect("the reporter ends");
    assert_eq!((n_handled, n_reported), (3 * N_ORDERS, 3 * N_ORDERS));
    println!("all {n_handled} orders handled");
}

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip_while(|a| a != "--seed").skip(1);
    let builder = match arguments.next().map(|seed| seed.parse()) {
        Some(Ok(seed)) => Builder::seeded(seed),
        Some(Err(_)) => {
            eprintln!("--seed takes a number");
            std::process::exit(2);
        }
        None => Builder::multi_thread(),
    };
    builder.build()?.block_on(run());
    Ok(())
}
