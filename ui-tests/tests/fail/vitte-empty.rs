vitte_macros::vitte! {
    form Point { x: int }
}

fn main() {}
