vitte_macros::vitte! {
    export async proc count() -> stream[int] {
        emit 1
    }
}

fn main() {}
