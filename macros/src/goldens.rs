//! What the expansions look like: a function and its machine, one file each in `expansions/`.
//!
//! A person should see a textbook state machine, so names of the façade and of `core` are cut to
//! their last words, and what the machine says of itself is shown in one of them only.
//! `UPDATE_EXPECT=1` writes them anew.

use crate::task;
use proc_macro2::TokenStream;
use syn::visit_mut::{self, VisitMut};

/// Shows the expansion of a function; `whole`: with the facts.
fn show(source: &str, whole: bool) -> String {
    let item: TokenStream = source.parse().expect("the function is Rust");
    let expanded = task::expand("explicit".parse().expect("an option"), item);
    let mut file: syn::File = syn::parse2(expanded).expect("the expansion is Rust");
    file.items.iter_mut().for_each(|item| Cut { whole }.visit_item_mut(item));
    let lines: Vec<String> = source.lines().map(|line| format!("// {line}\n")).collect();
    let mut text = lines.concat();
    text.push('\n');
    // Parsed text has no file; its number is that of the thread.
    let shown = prettyplease::unparse(&file);
    match shown.split_once("<parsed string ") {
        Some((before, after)) => {
            let after = after.split_once('>').map_or(after, |(_, after)| after);
            text.push_str(&format!("{before}src/lib.rs{after}"));
        }
        None => text.push_str(&shown),
    }
    text
}

struct Cut {
    whole: bool,
}

impl VisitMut for Cut {
    fn visit_item_fn_mut(&mut self, f: &mut syn::ItemFn) {
        f.attrs.clear();
        visit_mut::visit_item_fn_mut(self, f);
    }

    fn visit_block_mut(&mut self, block: &mut syn::Block) {
        let whole = self.whole;
        block.stmts.retain(|stmt| {
            whole || !matches!(stmt, syn::Stmt::Item(syn::Item::Impl(_) | syn::Item::Use(_)))
        });
        visit_mut::visit_block_mut(self, block);
    }

    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        visit_mut::visit_path_mut(self, path);
        let ours = ["vitte", "__vitte", "core"];
        if !path.segments.first().is_some_and(|s| ours.iter().any(|name| s.ident == name)) {
            return;
        }
        // From the first type or trait on: `Poll::Ready`, `Child::new`; a function is its last word.
        let is_type = |s: &syn::PathSegment| s.ident.to_string().starts_with(char::is_uppercase);
        let n = path.segments.iter().position(is_type).unwrap_or(path.segments.len() - 1);
        path.leading_colon = None;
        path.segments = path.segments.iter().skip(n).cloned().collect();
    }

    fn visit_macro_mut(&mut self, _: &mut syn::Macro) {}
}

macro_rules! goldens {
    ($($name:ident $whole:literal $source:literal)*) => {$(
        #[test]
        fn $name() {
            let path = concat!("../expansions/", stringify!($name), ".rs");
            expect_test::expect_file![path].assert_eq(&show($source.trim(), $whole));
        }
    )*};
}

goldens! {
    one_await true "
async fn one_await(name: String) -> usize {
    pause().await;
    name.len()
}"
    straight_line false "
async fn straight_line(id: u64) -> Page {
    let user = load(id).await;
    let posts = posts_of(user).await;
    render(posts, id).await
}"
    while_loop false "
async fn while_loop(n: u64) -> u64 {
    let mut sum: u64 = 0;
    let mut i: u64 = 0;
    while i < n {
        sum += next(i).await;
        i += 1;
    }
    sum
}"
    for_loop false "
async fn for_loop(jobs: Vec<Job>) {
    for job in jobs {
        run(job).await;
    }
}"
    state_in_place false "
async fn state_in_place(n: u64) -> Vec<u64> {
    let mut list: Vec<u64> = Vec::new();
    while list.len() < 10 {
        let x: u64 = next(n).await;
        list.push(x);
    }
    list
}"
    labels false "
async fn labels(n: u64) -> u64 {
    'rows: for row in 0..n {
        for column in 0..n {
            if probe(row, column).await {
                continue 'rows;
            }
        }
        return row;
    }
    n
}"
    awaiting_arms false "
async fn awaiting_arms(event: Event) -> u64 {
    let at: u64 = match decode(event) {
        Event::Key(code) => translate(code).await,
        Event::Click(x, y) if x > y => locate(x, y).await + 1,
        other => return report(other).await,
    };
    at
}"
    question_mark false "
async fn question_mark(path: Path) -> Result<u64, Error> {
    let file = open(path).await?;
    let (file, n) = read(file).await?;
    close(file).await?;
    Ok(n)
}"
    let_else false "
async fn let_else(id: u64) -> u64 {
    let Some(user) = find(id).await else {
        return 0;
    };
    greet(user).await
}"
    drop_order false "
async fn drop_order(first: Guard) {
    let second = lock(1).await;
    {
        let third = lock(2).await;
        pause().await;
    }
    pause().await;
}"
    operands false "
async fn operands(n: u64) -> u64 {
    combine(one(n).await, two(n).await) + n
}"
    method false "
async fn method(&mut self, n: usize) -> bool {
    self.reserve(n);
    let old = replace(n).await;
    self.len() > old
}"
}
