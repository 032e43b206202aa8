vitte_macros::vitte! {
    export async proc begin() -> Task[int] {
        give spawn work()
    }

    async proc work() -> int {
        give 1
    }
}

fn main() {}
