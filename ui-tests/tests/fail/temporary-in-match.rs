use std::cell::RefCell;

async fn turn() {}

#[vitte::task(explicit)]
async fn f(list: &RefCell<Vec<u64>>) -> u64 {
    match list.borrow_mut().pop() {
        Some(n) => {
            turn().await;
            n
        }
        None => 0,
    }
}

fn main() {}
