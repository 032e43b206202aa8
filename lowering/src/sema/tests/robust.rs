//! Damaged and deep programs: diagnostics, never a panic.

use super::{check_text, good};

/// Programs with much in them, to be damaged.
const SEEDS: [&str; 3] = [super::good::EXAMPLE, super::good::VALUES, super::good::ASYNC];

/// A small generator of numbers, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n.max(1)
    }
}

/// Cuts a text into words and signs.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let len = if word(first) {
            rest.find(|c| !word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        pieces.push(&rest[..len]);
        rest = &rest[len..];
    }
    pieces
}

#[test]
fn damaged_programs_give_diagnostics() {
    let mut numbers = Numbers(7);
    let pool: Vec<&str> = SEEDS.iter().flat_map(|text| pieces(text)).collect();
    for round in 0..600 {
        let mut text = pieces(SEEDS[round % SEEDS.len()]);
        for _ in 0..=numbers.below(4) {
            let at = numbers.below(text.len());
            match numbers.below(4) {
                0 => {
                    text.remove(at);
                }
                1 => text[at] = pool[numbers.below(pool.len())],
                2 => text.insert(at, pool[numbers.below(pool.len())]),
                _ => {
                    let other = numbers.below(text.len());
                    text.swap(at, other);
                }
            }
        }
        let text = text.concat();
        let (program, diags, _) = check_text(&text);
        assert_eq!(program.is_none(), diags.has_errors(), "{text}");
        if let Some(program) = program {
            assert!(!crate::sema::print(&program).is_empty());
        }
    }
}

#[test]
fn the_deepest_programs_fit_the_stack_of_a_thread() {
    let nested = |open: &str, inner: &str, close: &str, n: usize| {
        format!(
            "proc main() -> int {{ let x = {}{inner}{}; give 0 }}",
            open.repeat(n),
            close.repeat(n)
        )
    };
    let shapes = [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("if true { ", "1", " } else { 2 }"),
        ("{ let y = ", "1", "; y }"),
        ("match 1 { case 1 => ", "1", "; else { 1 } }"),
        ("-", "x", ""),
        ("1 + (", "1", ")"),
        ("Some(", "1", ")"),
        ("(true ? ", "1", " : 2)"),
        ("(null ?? ", "1", ")"),
    ];
    for (open, inner, close) in shapes {
        for n in [20, 60, 120, 250] {
            check_text(&nested(open, inner, close, n));
        }
    }
}

#[test]
fn long_chains_are_checked() {
    let sum = vec!["1"; 80].join(" + ");
    good(&format!("proc main() -> int {{ give {sum} }}"));
    let lets: Vec<String> = (0..2_000).map(|n| format!("    let x{n} = {n};\n")).collect();
    let lets = lets.concat();
    good(&format!("proc main() -> int {{\n{lets}    give x7 }}"));
}
