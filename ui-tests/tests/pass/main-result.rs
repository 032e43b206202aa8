#![forbid(unsafe_code)]
#![deny(warnings)]
use std::num::ParseIntError;

#[vitte::main(workers = 1)]
async fn main() -> Result<(), ParseIntError> {
    let n: u32 = "3".parse()?;
    assert_eq!(n, 3);
    Ok(())
}
