vitte_macros::vitte! {
    proc rest() {
        await sleep(1)
    }
}

fn main() {}
