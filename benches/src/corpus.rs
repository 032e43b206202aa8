//! The size corpus: programs in `corpus/*.vir`, each with a function `root`, and the size of the
//! future that rustc makes of the same program (see [`crate::twins`]).

use crate::twins;
use std::path::Path;
use vitte_lowering::coroutine::lower;
use vitte_lowering::ir::{Module, parse_module};

/// Sizes of one program, in bytes.
#[derive(Clone, Debug)]
pub struct Row {
    /// Name of the program.
    pub name: String,
    /// No layout can be smaller.
    pub floor: u64,
    /// Heaviest set of things live together.
    pub clique: u64,
    /// The frame.
    pub ours: u64,
    /// rustc's future of the twin.
    pub rustc: u64,
    /// Frames in the longest chain of awaits, which bounds what links may cost.
    pub chain: u64,
}

/// Programs with the size of rustc's future and the length of their await chain.
pub fn programs() -> Vec<(&'static str, usize, u64)> {
    vec![
        ("siblings", twins::siblings(), 1),
        ("dead_result", twins::dead_result(), 1),
        ("array_argument", twins::array_argument(), 1),
        ("ten_wrappers", twins::ten_wrappers(), 11),
        ("three_joined", twins::three_joined(), 2),
        ("either_struct", twins::either_struct(), 1),
        ("four_combinators", twins::four_combinators(), 5),
        ("lent_buffers", twins::lent_buffers(), 2),
        ("hoisted_integer", twins::hoisted_integer(), 1),
        ("no_await", twins::no_await(), 2),
        ("many_values", twins::many_values(), 1),
        ("connection", twins::connection(), 2),
        ("retrying_fetch", twins::retrying_fetch(), 2),
        ("producer_consumer", twins::producer_consumer(), 2),
        ("select_loop", twins::select_loop(), 1),
        ("directory_walk", twins::directory_walk(), 2),
    ]
}

/// A program of the corpus.
///
/// # Panics
///
/// If the file is missing or is not a valid module: the corpus is part of this package.
pub fn load(name: &str) -> Module {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(format!("{name}.vir"));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|e| panic!("{} cannot be read: {e}", path.display()));
    parse_module(&text).unwrap_or_else(|errors| panic!("{name}: {}", errors[0]))
}

/// Measures all programs.
///
/// # Panics
///
/// As [`load`].
pub fn measure() -> Vec<Row> {
    programs()
        .into_iter()
        .map(|(name, rustc, chain)| {
            let module = load(name);
            let root = module.func_by_name("root").expect("the corpus names its roots");
            let lowered = lower(&module).expect("the corpus can be lowered");
            let record = &lowered.machines[&root];
            Row {
                name: name.to_owned(),
                floor: record.floor,
                clique: record.clique,
                ours: record.size,
                rustc: rustc as u64,
                chain,
            }
        })
        .collect()
}
