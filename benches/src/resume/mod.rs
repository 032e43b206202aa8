//! Contenders of the resume bench. Each counts through a pointer and suspends in every round; one
//! call of a contender resumes it a given number of times.

mod machine;
mod peers;

pub use machine::{Machine, hand_written};
pub use peers::{boxed, corosensei, inline};

#[cfg(has_gxx)]
mod cpp;

/// Something that can be resumed.
pub struct Contender {
    /// Name in the table.
    pub name: String,
    /// Resumes so many times.
    pub resume: Box<dyn FnMut(u64)>,
}

/// The contenders of a loop with this many states: ours first.
pub fn loop_contenders(states: usize) -> Vec<Contender> {
    let mut all = vec![ours(&format!("vitte {states}-state"), crate::chain::looping(states))];
    let mut machine = hand_written(states);
    all.push(Contender {
        name: format!("hand-written {states}-state"),
        resume: Box::new(move |n| machine.resume(n)),
    });
    #[cfg(has_gxx)]
    {
        let mut peer = cpp::Coroutine::new(states);
        all.push(Contender {
            name: format!("g++ {states}-state"),
            resume: Box::new(move |n| peer.resume(n)),
        });
    }
    if states == 1 {
        let peer = corosensei();
        all.push(Contender { name: "corosensei 1-state".into(), resume: peer });
    }
    all
}

/// The contenders of a chain of awaits this deep: ours first.
pub fn depth_contenders(depth: usize) -> Vec<Contender> {
    let mut all = vec![ours(&format!("vitte depth {depth}"), crate::chain::chain(depth))];
    if let Some(peer) = inline(depth) {
        all.push(Contender { name: format!("rustc inline depth {depth}"), resume: peer });
    }
    let peer = boxed(depth);
    all.push(Contender { name: format!("rustc boxed depth {depth}"), resume: peer });
    all
}

fn ours(name: &str, module: vitte_lowering::ir::Module) -> Contender {
    let mut machine = Machine::compile(&module);
    Contender { name: name.to_owned(), resume: Box::new(move |n| machine.resume(n)) }
}
