vitte_macros::vitte! {
    crate = "my_vitte";

    proc one() -> int { give 1 }
}

fn main() {}
