use std::time::Duration;
use vitte::{sleep, task};

#[vitte::main]
async fn main() {
    let t1 = task::spawn(async {
        sleep(Duration::from_millis(500)).await;
        println!("task 1 done");
    });
    let t2 = task::spawn(async {
        println!("task 2 at once");
    });
    t1.await;
    t2.await;
}
