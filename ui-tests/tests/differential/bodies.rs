//! The functions, each compiled three ways: native, `#[task(explicit)]`, `#[task]`.
#![allow(unused, clippy::all, clippy::pedantic, reason = "odd shapes on purpose")]

use super::*;

macro_rules! three_ways {
    ($(async fn $name:ident $params:tt -> $ret:ty = ($($arg:expr),*) $body:tt)*) => {
        pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),*];
        pub(crate) mod native {
            use super::*;
            $(pub(crate) async fn $name $params -> $ret $body)*
            pub(crate) const ALL: &[Case] = &[
                $((stringify!($name), || {
                    let made = $name($($arg),*);
                    Box::pin(async { format!("{:?}", made.await) })
                })),*
            ];
        }
        pub(crate) mod explicit {
            use super::*;
            $(#[vitte::task(explicit)] pub(crate) async fn $name $params -> $ret $body)*
            three_ways!(@list $($name ($($arg),*))*);
        }
        pub(crate) mod plain {
            use super::*;
            $(#[vitte::task] pub(crate) async fn $name $params -> $ret $body)*
            three_ways!(@list $($name ($($arg),*))*);
        }
    };
    (@list $($name:ident ($($arg:expr),*))*) => {
        pub(crate) const ALL: &[Case] = &[
            $((stringify!($name), || {
                let made = $name($($arg),*);
                Box::pin(async { format!("{:?}", made.await) })
            })),*
        ];
        pub(crate) const KINDS: &[(&str, fn() -> String)] = &[
            $((stringify!($name), || vitte::Coroutine::layout(&$name($($arg),*)).kind)),*
        ];
    };
}

three_ways! {
    async fn one_await() -> () = () { pause().await; }
    async fn value() -> u64 = () { give(7).await }
    async fn bound() -> u64 = () { let x = give(7).await; x + 1 }
    async fn two() -> u64 = () { let a = give(1).await; let b = give(2).await; a + b }
    async fn parameter(n: u64) -> u64 = (5) { pause().await; n }
    async fn unused_parameters(a: D, b: D, n: u64) -> u64 = (D(1), D(2), 3) { pause().await; n }
    async fn moved_parameter(a: D, b: D) -> u64 = (D(1), D(2)) { let c = give(a).await; pause().await; 1 }
    async fn wild_parameter(_: D, b: D) -> u64 = (D(1), D(2)) { pause().await; 1 }
    async fn locals_drop_in_order() -> u64 = () {
        let a = D::new(1);
        pause().await;
        let b = D::new(2);
        pause().await;
        let c = D::new(3);
        give(4).await
    }
    async fn nested_scopes() -> u64 = () {
        let a = D::new(1);
        { let b = D::new(2); pause().await; let c = D::new(3); pause().await; }
        log("after");
        pause().await;
        9
    }
    async fn shadowing() -> u64 = () {
        let a = D::new(1);
        let a = { pause().await; D::new(2) };
        pause().await;
        let a = 3u64;
        pause().await;
        a
    }
    async fn while_loop(n: u64) -> u64 = (4) {
        let mut i: u64 = 0;
        let mut sum: u64 = 0;
        while i < n { pause().await; sum += i; i += 1; }
        sum
    }
    async fn for_range(n: u64) -> u64 = (4) {
        let mut sum: u64 = 0;
        for i in 0..n { sum += give(i).await; }
        sum
    }
    async fn for_vec() -> u64 = () {
        let mut sum: u64 = 0;
        let list = vec![D::new(1), D::new(2), D::new(3)];
        for d in list { sum += 1; pause().await; }
        sum
    }
    async fn loop_with_value() -> u64 = () {
        let mut i: u64 = 0;
        let found = loop { i += 1; pause().await; if i > 3 { break i * 2; } };
        pause().await;
        found
    }
    async fn labels() -> u64 = () {
        let mut n: u64 = 0;
        'outer: for i in 0..3u64 {
            let a = D::new(i);
            for j in 0..3u64 {
                let b = D::new(10 + j);
                pause().await;
                if j == 1 { continue 'outer; }
                if i == 2 { break 'outer; }
                n += 1;
            }
        }
        n
    }
    async fn labelled_block(n: u64) -> u64 = (3) {
        let x = 'found: {
            let a = D::new(1);
            pause().await;
            if n > 2 { break 'found 5; }
            pause().await;
            6
        };
        x
    }
    async fn continue_in_while() -> u64 = () {
        let mut i: u64 = 0;
        let mut odd: u64 = 0;
        while i < 6 {
            i += 1;
            let d = D::new(i);
            if i % 2 == 0 { continue; }
            pause().await;
            odd += i;
        }
        odd
    }
    async fn if_else(n: u64) -> u64 = (3) {
        let x = if n > 2 { give(1).await } else { give(2).await + give(3).await };
        pause().await;
        x
    }
    async fn else_if(n: u64) -> u64 = (3) {
        if n > 5 { pause().await; 1 } else if n > 2 { let d = D::new(8); pause().await; 2 } else { 3 }
    }
    async fn if_without_else(n: u64) -> u64 = (3) {
        let d = D::new(0);
        if n > 2 { let e = D::new(1); pause().await; }
        log("joined");
        pause().await;
        n
    }
    async fn if_let_value() -> u64 = () {
        if let Some(d) = give(Some(D::new(1))).await { pause().await; log("some"); } else { pause().await; }
        2
    }
    async fn if_let_other() -> u64 = () {
        if let Some(d) = give(None::<D>).await { pause().await; } else { log("none"); pause().await; }
        2
    }
    async fn match_value(n: u64) -> u64 = (2) {
        match give(n).await {
            0 => pause().await,
            1 | 2 => { let d = D::new(3); pause().await; }
            _ => {}
        }
        n
    }
    async fn match_option() -> u64 = () {
        let x = match give(Some(D::new(4))).await {
            Some(d) => { pause().await; 1 }
            None => { pause().await; 2 }
        };
        pause().await;
        x
    }
    async fn match_guard(n: u64) -> u64 = (7) {
        match n { x if x > 5 => { pause().await; x } x => { pause().await; x + 100 } }
    }
    async fn match_tuple() -> u64 = () {
        let (a, b) = give((D::new(1), 5u64)).await;
        pause().await;
        b
    }
    async fn let_else(n: u64) -> u64 = (2) {
        let Some(x) = give(Some(n)).await else { return 0; };
        pause().await;
        x
    }
    async fn let_else_fails() -> u64 = () {
        let d = D::new(1);
        let Some(x) = give(None::<u64>).await else { log("else"); return 9; };
        pause().await;
        x
    }
    async fn early_return(n: u64) -> u64 = (2) {
        let a = D::new(1);
        pause().await;
        if n == 2 { return 5; }
        pause().await;
        6
    }
    async fn return_in_loop() -> u64 = () {
        let a = D::new(0);
        for i in 0..5u64 {
            let b = D::new(i + 1);
            pause().await;
            if i == 2 { return i; }
        }
        9
    }
    async fn question(n: u64) -> Result<u64, String> = (2) {
        let a = D::new(1);
        let x: u64 = give(Ok::<u64, String>(n)).await?;
        let b = D::new(2);
        pause().await;
        Ok(x)
    }
    async fn question_fails() -> Result<u64, String> = () {
        let a = D::new(1);
        pause().await;
        let b = D::new(2);
        let x = give(Err::<u64, &'static str>("no")).await?;
        pause().await;
        Ok(x)
    }
    async fn question_option() -> Option<u64> = () {
        let x = give(Some(3u64)).await?;
        let y = give(None::<u64>).await?;
        Some(x + y)
    }
    async fn argument() -> u64 = () {
        fn_of(D::new(1), give(2).await, D::new(3), give(4).await)
    }
    async fn nested_operand() -> u64 = () { give(give(give(3).await).await).await }
    async fn receiver() -> u64 = () { give(D::new(6)).await.get() }
    async fn receiver_then_pause() -> u64 = () {
        let n: u64 = give(D::new(6)).await.get();
        log("between");
        pause().await;
        n
    }
    async fn operator() -> u64 = () { give(1).await + give(2).await * give(3).await }
    async fn mixed_operator(n: u64) -> u64 = (4) { n + give(2).await }
    async fn lazy_and(n: u64) -> bool = (4) { n > 2 && give(true).await && give(n > 5).await }
    async fn lazy_or(n: u64) -> bool = (4) { n > 20 || give(true).await }
    async fn tuple_and_array() -> (u64, u64) = () {
        let t = (give(1).await, give(2).await);
        let a = [give(3).await, give(4).await];
        (t.0 + a[0], t.1 + a[1])
    }
    async fn structure() -> u64 = () {
        let p = Pair { a: give(D::new(1)).await, b: give(2).await };
        pause().await;
        1
    }
    async fn macro_arguments() -> String = () { format!("{} {}", give(1).await, give(2).await) }
    async fn macro_vec() -> u64 = () {
        let v = vec![give(D::new(1)).await, give(D::new(2)).await];
        pause().await;
        2
    }
    async fn macro_captures(n: u64) -> String = (3) {
        let x: u64 = n + 1;
        pause().await;
        let s = format!("{n} {x:>3}");
        pause().await;
        s
    }
    async fn shadowed_in_macro() -> String = () {
        let x: u64 = 1;
        pause().await;
        let x: u64 = x + 1;
        pause().await;
        format!("{x}")
    }
    async fn assert_in_between(n: u64) -> u64 = (3) {
        let m = give(n).await;
        assert_eq!(m, n);
        pause().await;
        n
    }
    async fn assignment() -> u64 = () {
        let mut d = D::new(1);
        pause().await;
        d = D::new(2);
        pause().await;
        d = give(D::new(3)).await;
        pause().await;
        4
    }
    async fn compound(n: u64) -> u64 = (3) {
        let mut x: u64 = 1;
        x += give(n).await;
        x *= give(n).await;
        x
    }
    async fn moved_once() -> u64 = () {
        let d = D::new(1);
        pause().await;
        let e = give(d).await;
        pause().await;
        2
    }
    async fn moved_on_both_ways(n: u64) -> u64 = (1) {
        let d = D::new(1);
        pause().await;
        if n > 0 { let e = give(d).await; } else { let f = give(d).await; }
        pause().await;
        3
    }
    async fn statement_methods() -> u64 = () {
        let mut d = D::new(1);
        pause().await;
        d.add(4);
        pause().await;
        let n: u64 = d.get();
        pause().await;
        let m: u64 = d.get();
        n + m
    }
    async fn changes_a_vec() -> u64 = () {
        let mut v = Vec::new();
        for i in 0..3u64 {
            pause().await;
            v.push(i);
        }
        pause().await;
        let n: usize = v.len();
        n as u64
    }
    async fn awaiting_condition() -> u64 = () {
        let mut n: u64 = 0;
        while give(n < 3).await { n += 1; pause().await; }
        n
    }
    async fn while_let() -> u64 = () {
        let mut n: u64 = 0;
        while let Some(x) = give(if n < 3 { Some(n) } else { None }).await { n = x + 1; pause().await; }
        n
    }
    async fn block_value() -> u64 = () {
        let x = { let d = D::new(1); give(4).await };
        pause().await;
        x
    }
    async fn unit_tail(n: u64) -> () = (3) { if n > 1 { pause().await } }
    async fn diverging_branch(n: u64) -> u64 = (3) {
        let x = if n > 5 { return 1 } else { give(n).await };
        pause().await;
        x
    }
    async fn deep(n: u64) -> u64 = (2) {
        let mut t: u64 = 0;
        for i in 0..n {
            let a = D::new(i);
            if i % 2 == 0 {
                for j in 0..n {
                    let b = D::new(10 * j);
                    match give(j).await {
                        0 => { let c = D::new(100); pause().await; t += 1; }
                        1 => { pause().await; t += 2; }
                        _ => {}
                    }
                }
            }
            pause().await;
        }
        t
    }
    async fn discards() -> u64 = () {
        give(D::new(1)).await;
        let _ = give(D::new(2)).await;
        let _kept = give(D::new(3)).await;
        pause().await;
        4
    }
    async fn patterns_leave_parts(n: u64) -> u64 = (1) {
        let (a, _) = give((D::new(1), D::new(2))).await;
        log("bound");
        let x = match give((D::new(3), n)).await { (_, 1) => 5, _ => 6 };
        pause().await;
        if let Ok(_) = give(Err::<u64, D>(D::new(4))).await { log("ok"); } else { log("err"); }
        pause().await;
        x
    }
    async fn same_name_as_a_function() -> u64 = () {
        let give = give(D::new(1)).await;
        pause().await;
        2
    }
    async fn sequence_of_loops(n: u64) -> u64 = (2) {
        let mut s: u64 = 0;
        for i in 0..n { s += give(i).await; }
        for i in 0..n { s += 10 * give(i).await; }
        let mut i: u64 = 0;
        loop { if i == n { break; } pause().await; i += 1; }
        s + i
    }
    async fn goes_and_comes_back() -> u64 = () {
        let mut d = D::new(1);
        d = give(d).await;
        let e = D::new(2);
        for i in 0..3u64 {
            d = give(d).await;
            log("back");
        }
        pause().await;
        3
    }
    async fn refilled_between_others(n: u64) -> u64 = (2) {
        let a = D::new(1);
        let mut b = D::new(2);
        let c = D::new(3);
        let gone = give(b).await;
        if n > 1 { pause().await; }
        b = D::new(4);
        if n > 2 { pause().await; }
        n
    }
    async fn result_in_each_arm(n: u64) -> u64 = (2) {
        let a = D::new(1);
        if n > 2 {
            let b = D::new(2);
            pause().await;
            b.get()
        } else {
            match give(n).await {
                0 => { let c = D::new(3); pause().await; c.get() }
                2 => { let d = D::new(4); let e = D::new(5); give(d.get()).await + 1 }
                _ => 7,
            }
        }
    }
    async fn result_of_a_loop(n: u64) -> u64 = (3) {
        let a = D::new(1);
        let mut i: u64 = 0;
        loop {
            let b = D::new(10 + i);
            pause().await;
            if i == n { let c = D::new(5); break c.get(); }
            i += 1;
        }
    }
    async fn result_of_a_labelled_block(n: u64) -> u64 = (3) {
        let a = D::new(1);
        'out: {
            let b = D::new(2);
            pause().await;
            if n == 3 { break 'out b.get(); }
            pause().await;
            4
        }
    }
    async fn joined(n: u64) -> u64 = (3) {
        let a = D::new(1);
        let (b, c, d) = vitte::join!(give(D::new(2)), give(n), give(a));
        pause().await;
        b.get() + c + d.get() + vitte::join!(give(4)).0
    }
    async fn joined_after_an_await() -> u64 = () {
        let a = D::new(1);
        let (x, (y, ())) = vitte::join!(give(give(2).await), async { (give(D::new(3)).await.get(), pause().await) });
        println!("{}", vitte::join!(give(x), give(y)).1);
        vitte::join!();
        x + y
    }
    async fn tried(n: u64) -> Result<u64, String> = (3) {
        let a = D::new(1);
        let (x, d) = vitte::try_join!(give(Ok::<u64, String>(n)), give(Ok::<D, String>(a)))?;
        let (y, z) = vitte::try_join!(give(Ok::<D, String>(d)), give(Err::<D, String>("no".into())), give(Ok(D::new(5)))).map(|(y, z, _)| (y, z))?;
        Ok(x + y.get() + z.get())
    }
    async fn selected(n: u64) -> u64 = (3) {
        let a = D::new(1);
        vitte::select! {
            biased;
            d = give(D::new(2)), if n > 5 => d.get(),
            Some(d) = give(None::<D>) => { pause().await; d.get() }
            (x, y) = async { (give(D::new(3)).await, pause().await) } => { pause().await; x.get() }
            _ = give(D::new(4)) => 7,
        }
    }
    async fn selected_in_a_loop(n: u64) -> u64 = (4) {
        let mut sum: u64 = 0;
        let mut i: u64 = 0;
        loop {
            let held = D::new(i);
            i += 1;
            vitte::select! {
                biased;
                x = give(i), if i % 2 == 0 => sum += x,
                Some(d) = give(if i < n { Some(D::new(i)) } else { None }) => {
                    if give(d.get()).await == 3 { continue; }
                    sum += 100;
                }
                else => break,
            }
            if sum > 1_000 { return sum; }
        }
        sum + i
    }
    async fn selected_by_value(n: u64) -> Option<u64> = (2) {
        let a = D::new(1);
        let x = vitte::select! {
            biased;
            x = give(Some(n)) => x?,
            _ = pause() => return None,
        };
        pause().await;
        Some(x)
    }
    async fn owned_list(n: u64) -> u64 = (3) {
        let mut list: Vec<u64> = Vec::new();
        let mut text: String = String::new();
        for i in 0..n {
            let x: u64 = give(i).await;
            list.push(x);
            text.push_str("x");
        }
        pause().await;
        let len: usize = list.len() + text.len();
        len as u64
    }
    async fn arrays(n: u64) -> u64 = (3) {
        let mut data: [u64; 4] = [n; 4];
        for i in 0..n {
            pause().await;
            data[i as usize] += i;
        }
        let pair: (u64, [u8; 2]) = (1, [2, 3]);
        pause().await;
        data[1] + pair.0 + data.len() as u64
    }
    async fn parts_that_are_copied(p: Pair) -> u64 = (Pair { a: D(1), b: 2 }) {
        let b: u64 = p.b;
        pause().await;
        let a: u64 = p.a.get();
        pause().await;
        log("between");
        let q = give(Pair { a: D::new(3), b }).await;
        for i in 0..q.b { pause().await; log(format!("{i}")); }
        if q.a.get() == 3 { pause().await; }
        a + q.b
    }
    async fn awaiting_chain(n: u64) -> u64 = (3) {
        let a = D::new(1);
        if let Some(d) = give(Some(D::new(2))).await && give(n > 2).await && let Some(e) = give(Some(n)).await {
            pause().await;
            return d.get() + e;
        }
        pause().await;
        while let Some(d) = give(Some(D::new(4))).await && give(d.get() > n).await { pause().await; }
        n
    }
    async fn awaiting_chain_that_fails(n: u64) -> u64 = (1) {
        let a = D::new(1);
        if let Some(d) = give(Some(D::new(2))).await && give(n > 2).await && let Some(e) = give(Some(n)).await {
            pause().await;
            d.get() + e
        } else if let Some(d) = give(Some(D::new(5))).await && let Err(e) = give(Err::<D, D>(D::new(6))).await {
            log("else");
            pause().await;
            d.get() + e.get()
        } else { 7 }
    }
    async fn taken_apart(o: Option<D>, p: Pair) -> u64 = (Some(D(1)), Pair { a: D(2), b: 3 }) {
        let x = match o { Some(d) if d.get() > 7 => 1, Some(d) => { pause().await; d.get() } None => 2 };
        log("between");
        let Pair { a, b } = p;
        pause().await;
        x + a.get() + b
    }
    async fn comparisons(a: D) -> bool = (D(1)) {
        let b = give(D::new(2)).await;
        if a < b { pause().await; }
        a == b
    }
    async fn later_number(n: u64) -> u64 = (3) {
        let x;
        pause().await;
        if n > 2 { x = give(1).await; } else { x = 2; }
        pause().await;
        x + n
    }
    async fn later_between_others(n: u64) -> u64 = (3) {
        let a = D::new(1);
        let x;
        let b = D::new(2);
        if n > 2 { x = give(D::new(3)).await; } else { x = D::new(4); }
        pause().await;
        log("end");
        x.get()
    }
    async fn later_on_ways_of_code(n: u64) -> u64 = (3) {
        let x;
        let b = D::new(2);
        pause().await;
        if n > 5 { x = D::new(3); } else if n > 4 { return 1; } else { x = D::new(4); }
        pause().await;
        x.get()
    }
    async fn later_in_arms(n: u64) -> u64 = (3) {
        let (x, y);
        let b = D::new(2);
        match n {
            0 => { x = D::new(3); y = 1; }
            3 => { (x, y) = give((D::new(4), 2u64)).await; }
            _ => return 9,
        }
        pause().await;
        match y { 2 => log("two"), _ => log("one") }
        x.get() + y
    }
    async fn later_in_each_round() -> u64 = () {
        let mut sum: u64 = 0;
        for i in 0..4u64 {
            let x;
            let d = D::new(10 + i);
            if i == 1 { continue; }
            pause().await;
            x = D::new(i);
            if i == 2 { pause().await; continue; }
            sum += give(x.get()).await;
        }
        sum
    }
    async fn later_by_break(n: u64) -> u64 = (3) {
        let x;
        let mut i: u64 = 0;
        loop {
            let r = give(D::new(5 + i)).await;
            i += 1;
            if i == n { x = r; break; }
            pause().await;
        }
        log("found");
        pause().await;
        x.get()
    }
    async fn later_or_never(n: u64) -> u64 = (3) {
        let x;
        let c = D::new(1);
        if n > 2 { pause().await; return 7; }
        x = D::new(2);
        pause().await;
        x.get()
    }
    async fn later_as_its_type_says(n: u64) -> u64 = (3) {
        let x: Box<dyn Fn() -> u64>;
        let mut y: Option<D>;
        if n > 2 { pause().await; x = Box::new(|| 1); } else { x = Box::new(|| 2); }
        y = None;
        pause().await;
        if n > 1 { y = Some(D::new(4)); }
        pause().await;
        x() + y.as_ref().map_or(0, D::get)
    }
    async fn moved_and_given_on_each_way(n: u64) -> u64 = (3) {
        let mut d = D::new(1);
        let e = D::new(2);
        drop(d);
        pause().await;
        if n > 2 { d = D::new(3); } else { d = D::new(4); }
        pause().await;
        d.get()
    }
    async fn items_of_its_own(n: u64) -> u64 = (3) {
        let a = twice(N);
        use std::collections::BTreeMap as Map;
        const N: u64 = 3;
        fn twice(n: u64) -> u64 { n * 2 }
        struct Held(D);
        impl Held { fn get(&self) -> u64 { self.0.get() } }
        pause().await;
        let held = Held(D::new(a));
        let mut map: Map<u64, u64> = Map::new();
        map.insert(n, a);
        pause().await;
        async fn again(n: u64) -> u64 { pause().await; n }
        held.get() + map[&n] + again(N).await
    }
    async fn inner_blocks_of_code(n: u64) -> u64 = (3) {
        let mut total: u64 = 0;
        for i in 0..n {
            let mut k: u64 = 0;
            while k < 10 { if k > i { break; } k += 1; }
            total += k;
            pause().await;
        }
        total
    }
}

fn fn_of(a: D, b: u64, c: D, d: u64) -> u64 {
    log("called");
    a.0 + b + c.0 + d
}

#[derive(Debug)]
pub(crate) struct Pair {
    a: D,
    b: u64,
}
