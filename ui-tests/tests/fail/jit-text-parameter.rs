#[vitte_macros::task(jit)]
async fn f(name: String) -> u64 {
    name.len() as u64
}

fn main() {}
