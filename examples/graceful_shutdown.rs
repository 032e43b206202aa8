//! A server that is told to stop: it refuses new work, finishes what it has begun, and says what it
//! had to cancel.
//!
//! Run it with `cargo run --release --example graceful_shutdown`; with `-- --seed N` in virtual time,
//! where nothing delays it.

// Prints (--seed 1):
//   request 1 done
//   request 2 done
//   request 3 done
//   stopping: finishing what was begun
//   request 4 done
//   2 ended by themselves, 1 cancelled

use std::time::Duration;

use vitte::channel::mpsc;
use vitte::runtime::{Builder, Handle};
use vitte::shutdown::ShutdownStages;
use vitte::time::sleep;
use vitte::{select, spawn};

const MS: Duration = Duration::from_millis(1);

async fn serve(mut requests: mpsc::Receiver<u32>) {
    let runtime = Handle::current();
    loop {
        let request = select! {
            biased; // the end goes before what could be begun
            () = runtime.shutting_down() => break,
            request = requests.recv() => request,
        };
        let Some(request) = request else { return };
        work(request).await;
    }
    println!("stopping: finishing what was begun");
    requests.close();
    while let Some(request) = requests.recv().await {
        work(request).await;
    }
}

async fn work(request: u32) {
    sleep(10 * MS).await;
    println!("request {request} done");
}

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip_while(|a| a != "--seed").skip(1);
    let seed = arguments.next().and_then(|seed| seed.parse().ok());
    let runtime = seed.map_or(Builder::multi_thread(), Builder::seeded).build()?;
    let (sender, requests) = mpsc::channel(10);
    runtime.spawn(serve(requests));
    runtime.spawn(async { Handle::current().shutting_down().await });
    // Never hears that it is to stop.
    runtime.spawn(std::future::pending::<()>());
    runtime.block_on(async move {
        let sending = spawn(async move {
            for request in 1..=4 {
                sender.send(request).await.expect("the server listens");
            }
        });
        sending.await.expect("sent");
        sleep(25 * MS).await;
    });
    let stages = ShutdownStages { grace: 500 * MS, cancel: 100 * MS };
    let report = runtime.shutdown_in_stages(stages);
    println!("{} ended by themselves, {} cancelled", report.n_ended, report.n_cancelled);
    Ok(())
}
