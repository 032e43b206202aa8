vitte_macros::vitte! {
    proc twice(a: [int]) -> int {
        let b = move a
        give len(a) + len(b)
    }
}

fn main() {}
