//! Programs of any size, for compile times and depths.

use std::fmt::Write;
use vitte_lowering::ir::{Module, parse_module};

/// A module with one async function that awaits `n` times in a row, holding a value over each await.
///
/// # Panics
///
/// Never for any `n`: the text is well-formed.
pub fn awaits_in_a_row(n: usize) -> Module {
    let mut text = String::from(
        "module \"row\"\nimp0 = import \"number\"() -> i64\nop0 = op \"wait\" symbol \"wait\"(i64) -> i64 size 16 align 8 result 0\nasync fn0 \"root\"() -> i64 {\n",
    );
    for i in 0..n {
        let _ = writeln!(text, "  sp{i} \"await {i}\"");
    }
    let _ = writeln!(
        text,
        "block0:\n  v0: i64 = call imp0()\n  await sp0 op0(v0) -> ok block1(r0), unwind block{}(cause)",
        n + 1
    );
    for i in 1..=n {
        // v(2i-1) is the result of await i-1, v(2i) the value held over the next.
        let (result, sum, held) = (2 * i - 1, 2 * i, 2 * i - 2);
        let _ = writeln!(text, "block{i}(v{result}: i64):\n  v{sum}: i64 = add v{result}, v{held}");
        if i < n {
            let _ = writeln!(
                text,
                "  await sp{i} op0(v{sum}) -> ok block{}(r0), unwind block{}(cause)",
                i + 1,
                n + 1
            );
        } else {
            let _ = writeln!(text, "  return v{sum}");
        }
    }
    let _ = writeln!(text, "block{}(v{}: i32):\n  unwind v{}\n}}", n + 1, 2 * n + 1, 2 * n + 1);
    parse_module(&text).unwrap_or_else(|e| panic!("the text is well-formed, but {}", e[0]))
}

/// A chain of `depth` async functions, each awaiting the next; the innermost gives way for ever.
///
/// # Panics
///
/// Never for any `depth` from 1: the text is well-formed.
pub fn chain(depth: usize) -> Module {
    let mut text = String::from(
        "module \"chain\"\nasync fn0 \"f0\"(ptr) -> i64 {\n  sp0 \"give way\"\nblock0(v0: ptr):\n  v1: i64 = const 0\n  jump block1(v1)\nblock1(v2: i64):\n  v3: i64 = const 1\n  v4: i64 = add v2, v3\n  store v0, v4\n  await sp0 give_way -> ok block2, unwind block3(cause)\nblock2:\n  jump block1(v4)\nblock3(v5: i32):\n  unwind v5\n}\n",
    );
    for i in 1..depth {
        let _ = writeln!(
            text,
            "async fn{i} \"f{i}\"(ptr) -> i64 {{\n  sp0 \"await\"\nblock0(v0: ptr):\n  await sp0 fn{}(v0) -> ok block1(r0), unwind block2(cause)\nblock1(v1: i64):\n  v2: i64 = const 1\n  v3: i64 = add v1, v2\n  return v3\nblock2(v4: i32):\n  unwind v4\n}}",
            i - 1
        );
    }
    parse_module(&text).unwrap_or_else(|e| panic!("the text is well-formed, but {}", e[0]))
}

/// A loop over `states` give-ways, each after a store through the parameter.
///
/// # Panics
///
/// Never for any number of states from 1: the text is well-formed.
pub fn looping(states: usize) -> Module {
    let mut text = String::from("module \"loop\"\nasync fn0 \"f0\"(ptr) {\n");
    for i in 0..states {
        let _ = writeln!(text, "  sp{i} \"give way {i}\"");
    }
    text.push_str("block0(v0: ptr):\n  v1: i64 = const 0\n  jump block1(v1)\n");
    // block 1+i has the count so far: block1's parameter, else the sum of the block before.
    let mut count = 2;
    let mut next = 3;
    for i in 0..states {
        let params = if i == 0 { "(v2: i64)" } else { "" };
        let (one, sum) = (next, next + 1);
        next += 2;
        let _ = writeln!(
            text,
            "block{}{params}:\n  v{one}: i64 = const {}\n  v{sum}: i64 = add v{count}, v{one}\n  store v0, v{sum}\n  await sp{i} give_way -> ok block{}, unwind block{}(cause)",
            i + 1,
            i + 1,
            i + 2,
            states + 2
        );
        count = sum;
    }
    let _ = writeln!(
        text,
        "block{}:\n  jump block1(v{count})\nblock{}(v{next}: i32):\n  unwind v{next}\n}}",
        states + 1,
        states + 2
    );
    parse_module(&text).unwrap_or_else(|e| panic!("the text is well-formed, but {}", e[0]))
}
