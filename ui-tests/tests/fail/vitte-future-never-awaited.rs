#![deny(deprecated)]

// The code generator takes long to build; what the macro expands to needs its names only.
mod names {
    pub mod __private {
        pub mod embed {
            pub struct Module;
            impl Module {
                pub const fn new(_: &str, _: &[&str]) -> Self {
                    Module
                }
                pub async fn run<A, R: Default>(&self, _: usize, _: A) -> R {
                    R::default()
                }
            }
        }
    }
}

vitte_macros::vitte! {
    crate = names;

    async proc wait(n: int) -> int {
        await sleep(n)
        give n
    }

    export async proc twice(n: int) -> int {
        wait(n)
        let again = wait(n)
        give n
    }
}

fn main() {
    let _ = twice(1);
}
