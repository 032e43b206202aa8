#![forbid(unsafe_code)]
#![deny(warnings)]
#[vitte::main(seed = 7)]
async fn main() {
    assert!(vitte::rt::runtime::Handle::current().is_virtual());
}
