const OUTSIDE: usize = 4;

#[vitte_macros::task(jit)]
async fn f(n: u64) -> u64 {
    const INSIDE: usize = 2 * size();
    const LARGE: u8 = 16 * 16;
    let a = [n; OUTSIDE];
    let b: [u64; INSIDE] = [n; INSIDE];
    a[0] + b[1] + LARGE as u64
}

fn main() {}
