#[vitte::task(explicit)]
async fn f() -> usize {
    let mut buf = [0u8; 64];
    let n = read(&mut buf).await;
    n + buf[0] as usize
}

async fn read(buf: &mut [u8]) -> usize {
    buf.len()
}

fn main() {}
