vitte_macros::vitte! {
    proc add(a: int) -> int {
        let b = a
        give a + c
    }
}

fn main() {}
