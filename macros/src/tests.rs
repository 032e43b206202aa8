//! The attributes as functions of tokens: no input makes them panic.

use crate::ast::Function;
use crate::entry::{self, Point};
use crate::task;
use proc_macro2::{Group, TokenStream, TokenTree};
use quote::quote;

/// Mutated functions per run: seconds, or half a minute with the feature `stress`.
const N_FUNCTIONS: u64 = if cfg!(feature = "stress") { 100_000 } else { 2_000 };

const SEEDS: [&str; 17] = [
    "async fn f(n: u64) -> u64 { let mut i = 0; while i < n { g(i).await; i += 1; } i }",
    "async fn f(self, (a, b): (A, B)) -> Result<u8, E> { let x = g(a).await?; h(x, b).await }",
    "pub async fn f<'a, T: Clone>(x: &'a T) -> T { 'l: loop { if g().await { break 'l x.clone() } } }",
    "async fn f() { match g().await { Some(x) if x > 2 => h(x).await, None => return, _ => {} } }",
    "async fn f(v: Vec<u8>) { for x in v { println!(\"{x} {}\", g(x).await); } }",
    "async fn f() { if let Ok(x) = g().await && x { h(&x).await } else { unsafe { i().await } } }",
    "async fn main() -> ! { loop { let Some(S { a, .. }) = g().await else { continue }; a.b().await; } }",
    "async fn f(n: u64) { let mut list: Vec<u64> = Vec::new(); for i in 0..n { let x: u64 = g(i).await; list.push(x); if x > 3 { return list.len(); } } list.len() }",
    "async fn f(mut d: D) { let mut a: [u64; 4] = [0; 4]; while a[0] < 3 { d = g(d).await; a[0] += 1; println!(\"{a:?}\"); } }",
    "async fn f(n: u64) -> u64 { 'a: for i in 0..n { for j in 0..n { if g(i).await && matches!(j, 3) { continue 'a; } } } n }",
    "async fn f() -> u64 { let x = if a().await { b().await } else { 'l: { if c { break 'l 3 } d().await } }; join!(x, y) }",
    "async fn f(x: u64) { let S { a, b: (c, _) } = g(x).await; let z = loop { break h(a).await; }; assert!(z > x); }",
    "async fn f(x: X) -> impl T { let y = async { x.g().await }; let f = |a| a + 1; y.await; f(g(f).await) }",
    "async fn f(mut x: u64) { x += g(x).await; x = h(x).await + x; [x, i().await][x] = 3; x.y = j().await; }",
    "async fn f(r: &R) -> Option<u8> { while let Some(x) = r.next().await { if x? == 2 { return None; } } Some(g()?) }",
    "async fn f(n: u32, (a, b): (u8, [i64; 3])) -> (u32, bool) { let mut i = 0; let c: u8 = g(i).await; while i < n { i += b[2] as u32; match i { 1 | 2 => break, 3..=9 if i > a as u32 => {} _ => assert!(c > 1, \"x\") } } (i << 2, true) }",
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
    let seeds: Vec<TokenStream> = SEEDS.iter().map(|s| s.parse().unwrap()).collect();
    let mut pool = vec![];
    seeds.iter().for_each(|s| flatten(s, &mut pool));
    let options = [
        "",
        "explicit",
        "native",
        "explicit, crate = a",
        "workers = 2",
        "seeds = 3, x",
        "jit",
        "jit",
    ];
    let mut random = Random(1);
    let mut n_explicit = 0;
    for _ in 0..N_FUNCTIONS {
        let mut item = seeds[random.below(seeds.len())].clone();
        for _ in 0..random.below(3) {
            item = mutate(item, &pool, &mut random);
        }
        let mut option: TokenStream = options[random.below(options.len())].parse().unwrap();
        if random.below(8) == 0 {
            option = mutate(option, &pool, &mut random);
        }
        let expanded = task::expand(option.clone(), item.clone());
        // What parses as a function expands to what parses as items, or as the items of an `impl`.
        if syn::parse2::<Function>(item.clone()).is_ok() {
            let is_rust = syn::parse2::<syn::File>(expanded.clone()).is_ok()
                || syn::parse2::<syn::ItemImpl>(quote!(impl X { #expanded })).is_ok();
            assert!(is_rust, "{item}\n{expanded}");
        }
        let expanded = expanded.to_string();
        n_explicit += u32::from(expanded.contains("Unresumed"));
        assert!(!expanded.contains("unsafe {") || item.to_string().contains("unsafe"));
        entry::expand(Point::Main, option.clone(), item.clone());
        entry::expand(Point::Test, option, item);
    }
    assert!(n_explicit > 20, "{n_explicit} came out explicit");
}

#[cfg(feature = "embed")]
#[test]
fn mutated_vitte_never_makes_a_macro_panic() {
    const SEEDS: [&str; 5] = [
        "form P { x: int, y: [P] }\nasync proc f(p: P, s: string) -> ?P { await sleep(p.x)\n give p }",
        "pick C { A, B(int) }\nproc g(c: C) -> int { pick c { A { give 0 } B(n) { give n / 2 } } }",
        "export async proc h(n: int) -> Result[int, string] { defer { println(\"x\") }\n give Ok(n) }",
        "proc i(l: [string]) -> (int, bool) { let mut n = 0\n for s in l { set n += len(s) }\n give (n, true) }",
        "async proc j(c: Channel[int]) -> int { let t = spawn k()\n give (await t) ?? 1 }\nasync proc k() -> int { give 1 }",
    ];
    let seeds: Vec<TokenStream> = SEEDS.iter().map(|s| s.parse().unwrap()).collect();
    let mut pool = vec![];
    seeds.iter().for_each(|s| flatten(s, &mut pool));
    let mut random = Random(2);
    let (mut n_good, mut n_bad) = (0, 0);
    for _ in 0..N_FUNCTIONS / 4 {
        let mut tokens = seeds[random.below(seeds.len())].clone();
        for _ in 0..random.below(3) {
            tokens = mutate(tokens, &pool, &mut random);
        }
        let expanded = crate::embed::inline(tokens).to_string();
        assert!(!expanded.contains("unsafe {"));
        let refused = expanded.contains("compile_error");
        n_good += u32::from(!refused);
        n_bad += u32::from(refused);
    }
    assert!(n_good > 20 && n_bad > 20, "{n_good} were compiled, {n_bad} refused");
}

#[cfg(feature = "embed")]
#[test]
fn an_included_file_that_is_missing_or_wrong_is_an_error_at_its_path() {
    let expand = |path: &str| crate::embed::include(quote::quote!(#path)).to_string();
    assert!(expand("no such file").contains("cannot read `no such file`: No such file"));
    let path = std::env::temp_dir().join(format!("vitte-macros-{}.vit", std::process::id()));
    std::fs::write(&path, "proc f() -> int {\n    give \"1\"\n}\nproc g() { h() }\n").unwrap();
    let expanded = expand(&path.display().to_string());
    std::fs::remove_file(&path).unwrap();
    // All that is wrong, each with its place, and the file is watched even so.
    let place = |line: u32, column: u32| format!("{}:{line}:{column}", path.display());
    assert!(expanded.contains(&place(2, 10)) && expanded.contains(&place(4, 12)), "{expanded}");
    assert!(expanded.contains("include_bytes"), "{expanded}");
    assert!(crate::embed::include(TokenStream::new()).to_string().contains("takes the path"));
}
