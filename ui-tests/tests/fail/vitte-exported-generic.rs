vitte_macros::vitte! {
    export proc same[T](x: T) -> T {
        give x
    }
}

fn main() {}
