vitte_macros::vitte! {
    proc add(a: int) -> int {
        give a + "one"
    }
}

fn main() {}
