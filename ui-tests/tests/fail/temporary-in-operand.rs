use std::cell::RefCell;

async fn give(n: usize) -> usize {
    n
}

#[vitte::task(explicit)]
async fn f(list: &RefCell<Vec<u64>>) -> usize {
    give(list.borrow().len()).await
}

fn main() {}
