vitte_macros::vitte! {
    proc one() -> int { give true }

    proc two() -> int { give missing }
}

fn main() {}
