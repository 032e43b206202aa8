async fn read(buf: &mut [u8]) -> usize {
    buf.len()
}

#[vitte::task(explicit)]
async fn f(buf: &mut [u8]) -> usize {
    let n = read(buf).await;
    n + buf[0] as usize
}

fn main() {}
