vitte_macros::vitte! {
    proc one(a int) -> int {
        give 1
    }
}

fn main() {}
