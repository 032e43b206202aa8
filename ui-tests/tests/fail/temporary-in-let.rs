async fn turn() {}

fn list() -> Vec<u64> {
    vec![1]
}

#[vitte::task(explicit)]
async fn f() -> usize {
    let held = &list();
    turn().await;
    held.len()
}

fn main() {}
