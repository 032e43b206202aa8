vitte_macros::vitte! {
    async proc drain(from: Channel[int]) -> int {
        give await from.recv() ?? 0
    }
}

fn main() {}
