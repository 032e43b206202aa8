//! Shapes: each of these bodies in each of these kinds of functions, by rustc and by `#[task]`.
//!
//! Every function is valid; whichever machine the attribute chooses, it does the same.
#![allow(unused, clippy::all, clippy::pedantic, reason = "odd shapes on purpose")]

use super::*;

/// What the methods are of.
pub(crate) struct Owner {
    pub(crate) d: D,
    pub(crate) count: u64,
}

fn owner() -> Owner {
    Owner { d: D(900), count: 0 }
}

macro_rules! shapes {
    ($n:ident $d:ident; $($name:ident $body:block)*) => {
        pub(crate) mod native {
            use super::*;
            shapes!(@kinds [] $n $d; $($name $body)*);
        }
        pub(crate) mod task {
            use super::*;
            shapes!(@kinds [#[vitte::task]] $n $d; $($name $body)*);
        }
        /// How many of the tasks are explicit.
        pub(crate) fn n_explicit() -> usize {
            use vitte::Coroutine;
            let mut kinds: Vec<String> = vec![];
            $({
                use task::$name::*;
                let (mut o, mut buffer) = (owner(), [0u8; 4]);
                kinds.push(free(3, D(1)).layout().kind);
                kinds.push(o.changes(3, D(1)).layout().kind);
                kinds.push(o.looks(3, D(1)).layout().kind);
                kinds.push(owner().gone(3, D(1)).layout().kind);
                kinds.push(generic(3, D(1), &"x").layout().kind);
                kinds.push(borrowed(&mut buffer, 3, D(1)).layout().kind);
                kinds.push(anything(3, D(1), |x| x + 1).layout().kind);
                kinds.push(patterns((3, D(1)), [D(2), D(3)]).layout().kind);
            })*
            kinds.iter().filter(|k| *k == "explicit").count()
        }
    };
    (@kinds $attr:tt $n:ident $d:ident; $($name:ident $body:block)*) => {
        $(shapes!(@kind $attr $n $d; $name $body);)*
        pub(crate) const ALL: &[Case] = &[$(
            (concat!("free ", stringify!($name)), || Box::pin(async {
                format!("{:?}", $name::free(3, D::new(1)).await)
            })),
            (concat!("&mut self ", stringify!($name)), || Box::pin(async {
                let mut o = owner();
                let out = o_changes::$name(&mut o).await;
                format!("{out:?} {}", o.count)
            })),
            (concat!("&self ", stringify!($name)), || Box::pin(async {
                let o = owner();
                format!("{:?}", o_looks::$name(&o).await)
            })),
            (concat!("self ", stringify!($name)), || Box::pin(async {
                format!("{:?}", o_gone::$name(owner()).await)
            })),
            (concat!("generic ", stringify!($name)), || Box::pin(async {
                format!("{:?}", $name::generic(3, D::new(1), &"x").await)
            })),
            (concat!("borrowed ", stringify!($name)), || Box::pin(async {
                let mut buffer = [0u8; 4];
                let out = $name::borrowed(&mut buffer, 3, D::new(1)).await;
                format!("{out:?} {buffer:?}")
            })),
            (concat!("impl Trait ", stringify!($name)), || Box::pin(async {
                format!("{:?}", $name::anything(3, D::new(1), |x| x + 1).await)
            })),
            (concat!("patterns ", stringify!($name)), || Box::pin(async {
                format!("{:?}", $name::patterns((3, D::new(1)), [D::new(2), D::new(3)]).await)
            })),
        )*];
        mod o_changes {
            use super::*;
            $(pub(super) async fn $name(o: &mut Owner) -> u64 {
                use super::$name::Changes;
                o.changes(3, D::new(1)).await
            })*
        }
        mod o_looks {
            use super::*;
            $(pub(super) async fn $name(o: &Owner) -> u64 {
                use super::$name::Looks;
                o.looks(3, D::new(1)).await
            })*
        }
        mod o_gone {
            use super::*;
            $(pub(super) async fn $name(o: Owner) -> u64 {
                use super::$name::Gone;
                o.gone(3, D::new(1)).await
            })*
        }
    };
    (@kind [$($attr:tt)*] $n:ident $d:ident; $name:ident $body:block) => {
        pub(crate) mod $name {
            use super::*;

            /// A free function.
            $($attr)*
            pub(crate) async fn free($n: u64, $d: D) -> u64 $body

            pub(crate) trait Changes {
                fn changes(&mut self, n: u64, d: D) -> shapes!(@future [$($attr)*]);
            }
            impl Changes for Owner {
                $($attr)*
                async fn changes(&mut self, $n: u64, $d: D) -> u64 {
                    self.count += $n;
                    let out: u64 = $body;
                    self.count += out;
                    out
                }
            }

            pub(crate) trait Looks {
                fn looks(&self, n: u64, d: D) -> shapes!(@future [$($attr)*]);
            }
            impl Looks for Owner {
                $($attr)*
                async fn looks(&self, $n: u64, mut $d: D) -> u64 {
                    let before: u64 = self.count;
                    { $body }
                }
            }

            pub(crate) trait Gone: Sized {
                fn gone(self, n: u64, d: D) -> shapes!(@future [$($attr)*]);
            }
            impl Gone for Owner {
                $($attr)*
                #[inline]
                async fn gone(self, $n: u64, $d: D) -> u64 {
                    pause().await;
                    let out: u64 = $body;
                    pause().await;
                    out + self.count
                }
            }

            $($attr)*
            pub(crate) async fn generic<'a, T>($n: u64, $d: D, extra: &'a T) -> u64
            where
                T: std::fmt::Debug + 'static,
            {
                if $n > 2 { pause().await; }
                let out: u64 = $body;
                log(format!("{extra:?}"));
                out
            }

            $($attr)*
            pub(crate) async fn borrowed<'a>(buffer: &'a mut [u8], $n: u64, $d: D) -> u64 {
                buffer[0] = 1;
                let out: u64 = $body;
                buffer[1] = 2;
                pause().await;
                buffer[2] = buffer[0] + buffer[1];
                out
            }

            $($attr)*
            pub(crate) async fn anything($n: u64, $d: D, f: impl Fn(u64) -> u64) -> u64 {
                for round in 0..2u64 {
                    log("round");
                    give(round).await;
                }
                let out: u64 = $body;
                f(out)
            }

            $($attr)*
            pub(crate) async fn patterns(($n, $d): (u64, D), [first, second]: [D; 2]) -> u64 {
                let kept = give(first).await;
                let out: u64 = $body;
                drop(kept);
                out
            }
        }
    };
    (@future []) => { impl Future<Output = u64> };
    (@future [$($attr:tt)+]) => { impl vitte::Coroutine<Output = u64> };
}

shapes! { n d;
    one { pause().await; n }
    moved { let e = give(d).await; pause().await; e.get() }
    looked_at { pause().await; let x: u64 = d.get(); pause().await; x + n }
    branch { if n > 2 { pause().await; 1 } else { give(2).await } }
    choice { let x = match n { 0 => give(1).await, 3 => { pause().await; 7 } _ => 9 }; pause().await; x }
    guarded { match give(n).await { x if x > 5 => x, x => { pause().await; x + 1 } } }
    counted { let mut i: u64 = 0; while i < n { pause().await; i += 1; } i }
    summed { let mut sum: u64 = 0; for i in 0..n { sum += give(i).await; } sum }
    listed {
        let mut sum: u64 = 0;
        for e in vec![D::new(5), D::new(6)] { pause().await; sum += e.get(); }
        sum
    }
    pushed {
        let mut list: Vec<u64> = Vec::new();
        for i in 0..n { let x: u64 = give(i).await; list.push(x); }
        let len: usize = list.len();
        pause().await;
        len as u64
    }
    found { let x = loop { pause().await; if n > 1 { break n; } }; pause().await; x }
    labelled {
        let mut hits: u64 = 0;
        'rows: for i in 0..n {
            for j in 0..n {
                let e = D::new(20 + j);
                pause().await;
                if j > i { continue 'rows; }
                hits += 1;
            }
        }
        hits
    }
    or_else { let Some(x) = give(Some(n)).await else { return 0 }; pause().await; x }
    early { if n == 3 { let e = D::new(8); pause().await; return e.get(); } pause().await; 4 }
    operands { give(n).await + give(2).await * 3 }
    lazy { let both = n > 1 && give(true).await; pause().await; u64::from(both) }
    nested { let x = { let e = D::new(2); pause().await; { let f = D::new(3); pause().await; } 5 }; x }
    shadowed { let n = n + 1; pause().await; let n = give(n).await; pause().await; n }
    written { let text = format!("{} {n}", give(n).await); pause().await; text.len() as u64 }
    later_borrow { let e = D::new(1); let r; pause().await; r = &e; pause().await; r.get() + n }
    later_on_some_ways { let e; if n > 2 { e = D::new(1); log(format!("{}", e.get())); } pause().await; n }
    later_in_a_loop_of_code { let e; pause().await; loop { if n > 1 { e = D::new(1); break; } } pause().await; e.get() }
    later_in_labelled_code { let mut e; pause().await; 'a: { if n > 9 { if n > 10 { break 'a; } e = D::new(1); } else { e = D::new(2); } log(format!("{}", e.get())); } pause().await; e = D::new(3); e.get() }
    later_twice_in_code { let mut e; pause().await; if n > 1 { e = D::new(1); } pause().await; loop { e = D::new(2); break; } pause().await; e.get() }
    moved_and_given_in_code { let mut e = D::new(1); drop(e); pause().await; if n > 1 { e = D::new(2); } pause().await; loop { e = D::new(3); break; } e.get() }
    later_inside_code { pause().await; let mut sum = 0; for i in 0..n { let mut e; let mut k = D::new(9); if i > 1 { drop(k); k = D::new(8); } e = k; if e.get() > i { e = D::new(i); } sum += e.get(); } pause().await; sum }
    later_and_captured { let e; e = D::new(1); let get = || e.get(); pause().await; get() }
    later_in_a_closure { let e; pause().await; let f = || { let g; g = 4u64; g }; e = f(); pause().await; e }
    later_looked_at_before { let mut e = D::new(1); pause().await; if n > 1 { log(format!("{}", e.get())); e = D::new(2); } else { e = D::new(3); } pause().await; e.get() }
    items_in_a_block { if n > 1 { const M: u64 = 2; pause().await; return M; } 1 }
    macro_of_its_own { macro_rules! three { () => { 3 } } pause().await; three!() }
    refilled { let mut e = D::new(2); e = give(e).await; pause().await; e = D::new(3); pause().await; n }
    array {
        let mut data: [u64; 4] = [n; 4];
        let mut i: usize = 0;
        while i < 4 { pause().await; data[i] += 1; i += 1; }
        data[0] + data[3]
    }
    waits_while { let mut i: u64 = 0; while let Some(x) = give((i < n).then_some(i)).await { i = x + 1; } i }
    lent { let e = D::new(2); let r = &e; pause().await; let x = r.get(); pause().await; x }
    lent_array { let data: [u64; 3] = [n; 3]; let it = data.iter(); pause().await; it.sum() }
    walked_array {
        let data = [n, 1, 2];
        let mut sum: u64 = 0;
        for x in data.iter() { pause().await; sum += x; }
        sum
    }
    lent_row {
        let rows: ([u64; 2], u64) = ([n; 2], 1);
        let it = rows.0.iter();
        pause().await;
        it.sum::<u64>() + rows.1
    }
    captured { let add = |x: u64| x + n; pause().await; add(1) }
    inner_async { let inner = async { pause().await; n }; inner.await + 1 }
    hidden { macro_rules! twice { ($e:expr) => { $e + $e } } let x = twice!(n); pause().await; x }
    boxed { let x = Box::pin(give(n)).await; pause().await; x }
    questions {
        let inner = async move { let x: Option<u64> = give(Some(n)).await; Some(x? + 1) };
        inner.await.unwrap_or(0)
    }
}
