#[vitte_macros::task(jit)]
async fn f(n: u64, name: &str) -> u64 {
    let (a, b) = pair(n);
    for x in [1, 2] {
        step(x + limit).await;
    }
    let c = if a > 3 { &b } else { n as bool };
    println!("{c}");
    n.pow(2) + "two" + c
}

fn main() {}
