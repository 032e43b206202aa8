//! The attributes as functions of tokens: no input makes them panic.

use crate::entry::{self, Point};
use crate::task;
use proc_macro2::{Group, TokenStream, TokenTree};

/// Mutated functions per run; `VITTE_FUZZ_FUNCTIONS` sets another number.
const N_FUNCTIONS: u64 = 2_000;

const SEEDS: [&str; 8] = [
    "async fn f(n: u64) -> u64 { let mut i = 0; while i < n { g(i).await; i += 1; } i }",
    "async fn f(self, (a, b): (A, B)) -> Result<u8, E> { let x = g(a).await?; h(x, b).await }",
    "pub async fn f<'a, T: Clone>(x: &'a T) -> T { 'l: loop { if g().await { break 'l x.clone() } } }",
    "async fn f() { match g().await { Some(x) if x > 2 => h(x).await, None => return, _ => {} } }",
    "async fn f(v: Vec<u8>) { for x in v { println!(\"{x} {}\", g(x).await); } }",
    "async fn f() { if let Ok(x) = g().await && x { h(&x).await } else { unsafe { i().await } } }",
    "async fn main() -> ! { loop { let Some(S { a, .. }) = g().await else { continue }; a.b().await; } }",
    "async fn f(s: &mut S) -> [u8; 2] { s.n += vec![g().await; 3].len(); [g().await, s.m(|| 1).await] }",
];

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
}

/// All trees of a stream, at any depth.
fn flatten(tokens: &TokenStream, out: &mut Vec<TokenTree>) {
    for tree in tokens.clone() {
        if let TokenTree::Group(group) = &tree {
            flatten(&group.stream(), out);
        }
        out.push(tree);
    }
}

/// Removes, doubles, swaps and replaces trees here and there.
fn mutate(tokens: TokenStream, pool: &[TokenTree], random: &mut Random) -> TokenStream {
    let mut trees: Vec<TokenTree> = tokens
        .into_iter()
        .map(|tree| match tree {
            TokenTree::Group(group) => {
                let inner = mutate(group.stream(), pool, random);
                TokenTree::Group(Group::new(group.delimiter(), inner))
            }
            tree => tree,
        })
        .collect();
    if !trees.is_empty() && random.below(3) == 0 {
        let (i, j) = (random.below(trees.len()), random.below(trees.len()));
        match random.below(4) {
            0 => drop(trees.remove(i)),
            1 => trees.insert(i, trees[j].clone()),
            2 => trees.swap(i, j),
            _ => trees[i] = pool[random.below(pool.len())].clone(),
        }
    }
    trees.into_iter().collect()
}

#[test]
fn mutated_functions_never_make_a_macro_panic() {
    let n = std::env::var("VITTE_FUZZ_FUNCTIONS").ok().and_then(|n| n.parse().ok());
    let seeds: Vec<TokenStream> = SEEDS.iter().map(|s| s.parse().unwrap()).collect();
    let mut pool = vec![];
    seeds.iter().for_each(|s| flatten(s, &mut pool));
    let options = ["", "explicit", "native", "explicit, crate = a", "workers = 2", "seeds = 3, x"];
    let mut random = Random(1);
    let mut n_explicit = 0;
    for _ in 0..n.unwrap_or(N_FUNCTIONS) {
        let mut item = seeds[random.below(seeds.len())].clone();
        for _ in 0..random.below(3) {
            item = mutate(item, &pool, &mut random);
        }
        let mut option: TokenStream = options[random.below(options.len())].parse().unwrap();
        if random.below(8) == 0 {
            option = mutate(option, &pool, &mut random);
        }
        let expanded = task::expand(option.clone(), item.clone()).to_string();
        n_explicit += u32::from(expanded.contains("Unresumed"));
        assert!(!expanded.contains("unsafe {") || item.to_string().contains("unsafe"));
        entry::expand(Point::Main, option.clone(), item.clone());
        entry::expand(Point::Test, option, item);
    }
    assert!(n_explicit > 20, "{n_explicit} came out explicit");
}
