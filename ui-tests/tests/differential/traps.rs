//! What a machine of words gets wrong first: temporaries that live as long as their construct, and
//! bindings whose end is seen. By rustc and by `#[task]`, whichever machine that chooses.
#![allow(unused, clippy::all, clippy::pedantic, reason = "odd shapes on purpose")]

use super::*;

macro_rules! traps {
    ($(async fn $name:ident $params:tt -> $ret:ty = ($($arg:expr),*) $body:tt)*) => {
        pub(crate) mod native {
            use super::*;
            $(pub(crate) async fn $name $params -> $ret $body)*
            traps!(@list $($name ($($arg),*))*);
        }
        pub(crate) mod task {
            use super::*;
            $(#[vitte::task] pub(crate) async fn $name $params -> $ret $body)*
            traps!(@list $($name ($($arg),*))*);
        }
    };
    (@list $($name:ident ($($arg:expr),*))*) => {
        pub(crate) const ALL: &[Case] = &[
            $((stringify!($name), || Box::pin(async {
                let out = $name($($arg),*).await;
                format!("{out:?}")
            }))),*
        ];
    };
}

/// Gives its content to whoever looks; its end is seen.
pub(crate) struct Lock<T>(pub(crate) RefCell<T>);

pub(crate) struct Guard<'a, T> {
    held: std::cell::RefMut<'a, T>,
}

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Lock<T> {
        Lock(RefCell::new(value))
    }
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        log("lock");
        Guard { held: self.0.borrow_mut() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        log("unlock");
    }
}

impl<T> std::ops::Deref for Guard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.held
    }
}

impl<T> std::ops::DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.held
    }
}

impl D {
    fn some(&self) -> Option<u64> {
        Some(self.0)
    }
    fn list(&self) -> Vec<u64> {
        vec![self.0, 2]
    }
}

fn some(d: &D) -> Option<u64> {
    Some(d.0)
}

fn made(n: u64) -> Option<D> {
    Some(D::new(n))
}

traps! {
    async fn temporary_in_a_match() -> u64 = () {
        match D::new(1).get() { 1 => { pause().await; 2 } _ => 3 }
    }
    async fn temporary_in_a_match_by_path() -> u64 = () {
        match some(&D::new(1)) { Some(x) => { pause().await; x } None => 3 }
    }
    async fn temporary_in_an_if_let() -> u64 = () {
        if let Some(x) = D::new(1).some() { pause().await; x } else { pause().await; 3 }
    }
    async fn temporary_in_an_if_let_by_path() -> u64 = () {
        if let Some(x) = some(&D::new(1)) { pause().await; x } else { pause().await; 3 }
    }
    async fn temporary_in_a_while_let() -> u64 = () {
        let mut n: u64 = 0;
        while let Some(x) = D::new(n).some() { pause().await; n += x + 1; if n > 4 { break; } }
        n
    }
    async fn temporary_in_a_for() -> u64 = () {
        let mut n: u64 = 0;
        for x in D::new(1).list() { n += give(x).await; }
        n
    }
    async fn temporary_in_a_for_by_reference() -> u64 = () {
        let mut n: u64 = 0;
        for x in vec![D::new(1), D::new(2)].iter() { pause().await; n += x.get(); }
        n
    }
    async fn literal_in_a_for_by_reference() -> u64 = () {
        let mut n: u64 = 0;
        for x in [1u64, 2, 3].iter() { pause().await; n += *x; }
        for x in &[1u64, 2, 3] { pause().await; n += *x; }
        for (i, x) in [1u64, 2, 3].iter().enumerate() { pause().await; n += *x; }
        n
    }
    async fn lock_in_an_if_let(list: &Lock<Vec<u64>>) -> u64 = (&Lock::new(vec![1, 2])) {
        if let Some(x) = list.lock().pop() { pause().await; x } else { 3 }
    }
    async fn lock_in_a_match(list: &Lock<Vec<u64>>) -> u64 = (&Lock::new(vec![1, 2])) {
        match list.lock().pop() { Some(x) => { pause().await; x } None => { pause().await; 3 } }
    }
    async fn lock_in_a_while_let(list: &Lock<Vec<u64>>) -> u64 = (&Lock::new(vec![1, 2])) {
        let mut n: u64 = 0;
        while let Some(x) = list.lock().pop() { pause().await; n += x; }
        n
    }
    async fn lock_in_a_for(list: &Lock<Vec<u64>>) -> u64 = (&Lock::new(vec![1, 2])) {
        let mut n: u64 = 0;
        for x in list.lock().drain(..) { pause().await; n += x; }
        n
    }
    async fn lock_in_a_let_else(list: &Lock<Vec<u64>>) -> u64 = (&Lock::new(vec![1, 2])) {
        let Some(x) = list.lock().pop() else { pause().await; return 1; };
        pause().await;
        x
    }
    async fn lock_in_an_if(list: &Lock<Vec<u64>>) -> u64 = (&Lock::new(vec![1, 2])) {
        if list.lock().len() > 1 { pause().await; 1 } else { 2 }
    }
    async fn lock_in_a_match_of_a_field(list: &Lock<(u64, u64)>) -> u64 = (&Lock::new((1, 2))) {
        match list.lock().0 { 1 => { pause().await; 3 } x => { pause().await; x } }
    }
    async fn lock_in_a_match_of_a_copy(list: &Lock<u64>) -> u64 = (&Lock::new(1)) {
        match *list.lock() { 1 => { pause().await; 3 } x => { pause().await; x } }
    }
    async fn lock_of_a_value_in_a_match(list: Lock<u64>) -> u64 = (Lock::new(1)) {
        match *list.lock() { 1 => { pause().await; 3 } x => { pause().await; x } }
    }
    async fn lock_in_an_operand(list: &Lock<Vec<u64>>) -> u64 = (&Lock::new(vec![1, 2])) {
        give(list.lock().len() as u64).await + give(list.lock().pop()).await.unwrap_or(1)
    }
    async fn lock_in_an_argument(list: &Lock<Vec<u64>>) -> u64 = (&Lock::new(vec![1, 2])) {
        add(list.lock().len() as u64, give(2).await)
    }
    async fn lock_in_a_macro(list: &Lock<Vec<u64>>) -> String = (&Lock::new(vec![1, 2])) {
        format!("{} {}", list.lock().len(), give(2).await)
    }
    async fn chain_with_a_temporary(n: u64) -> u64 = (3) {
        if let Some(x) = D::new(1).some() && n > 2 { pause().await; x } else { pause().await; 3 }
    }
    async fn chain_that_binds(n: u64) -> u64 = (3) {
        if let Some(d) = made(1) && n > 2 && let Some(e) = made(d.get() + n) {
            pause().await;
            d.get() + e.get()
        } else { pause().await; 3 }
    }
    async fn chain_that_fails_in_the_middle(n: u64) -> u64 = (1) {
        if let Some(d) = made(1) && n > 2 && let Some(e) = made(d.get() + n) {
            pause().await;
            d.get() + e.get()
        } else { log("else"); pause().await; 3 }
    }
    async fn chain_that_leaves_parts(n: u64) -> u64 = (3) {
        if let Some(_) = made(1) && n > 2 { pause().await; 1 } else { pause().await; 3 }
    }
    async fn chain_in_a_while(n: u64) -> u64 = (3) {
        let mut i: u64 = 0;
        while let Some(d) = made(i) && i < n { pause().await; i += 1; }
        i
    }
    async fn chain_that_awaits(n: u64) -> u64 = (3) {
        if let Some(d) = give(made(1)).await && give(n > 2).await && let Some(e) = give(made(2)).await && e.get() == 2 {
            pause().await;
            d.get() + e.get()
        } else { log("else"); pause().await; 3 }
    }
    async fn chain_that_awaits_and_fails(n: u64) -> u64 = (3) {
        if let Some(d) = give(made(1)).await && let Some(e) = give(made(2)).await && give(n > 4).await {
            pause().await;
            d.get() + e.get()
        } else if let Some(d) = give(made(3)).await && give(d.get() == 4).await { 7 }
        else { log("else"); pause().await; 3 }
    }
    async fn chain_that_awaits_in_a_while(n: u64) -> u64 = (3) {
        let mut i: u64 = 0;
        while let Some(d) = give(made(i)).await && give(i < n).await { i += 1; if i == 2 { continue; } pause().await; }
        i
    }
    async fn guard_that_awaits(n: u64) -> u64 = (3) {
        match n { 1 => 2, 3 if give(n == 4).await => 5, x if give(x == 3).await => 6, _ => 7 }
    }
    async fn declared_then_given(n: u64) -> u64 = (3) {
        let d;
        let e = D::new(2);
        if n > 2 { d = give(D::new(1)).await; } else { d = D::new(3); }
        pause().await;
        d.get()
    }
    async fn declared_and_given_on_one_way(n: u64) -> u64 = (3) {
        let d;
        let e = D::new(2);
        if n > 2 { d = give(D::new(1)).await; pause().await; log("given"); }
        pause().await;
        n
    }
    async fn declared_with_its_type(n: u64) -> u64 = (3) {
        let x: u64;
        if n > 2 { x = give(1).await; } else { x = 3; }
        pause().await;
        x
    }
    async fn block_with_a_temporary_tail() -> u64 = () {
        let x = { pause().await; D::new(1).get() };
        pause().await;
        x
    }
    async fn result_with_a_temporary() -> u64 = () {
        let d = D::new(2);
        pause().await;
        D::new(1).get() + d.get()
    }
    async fn await_on_a_temporary() -> u64 = () {
        give(D::new(1).get()).await + give(D::new(2).get()).await
    }
    async fn discarded_with_underscore() -> u64 = () {
        let d = D::new(1);
        let _ = d;
        pause().await;
        let _ = give(D::new(2)).await;
        let (_, _e) = give((D::new(3), D::new(4))).await;
        pause().await;
        1
    }
    async fn bound_by_reference() -> u64 = () {
        let d = Some(D::new(1));
        if let Some(ref x) = d { pause().await; log("in"); }
        match &d { Some(x) => { pause().await; x.get() } None => 2 }
    }
    async fn bound_at() -> u64 = () {
        match give(3u64).await { x @ 1..=5 => { pause().await; x } y => y }
    }
    async fn alternatives() -> u64 = () {
        match give((D::new(1), 2u64)).await { (d, 1 | 2) | (d, 4) => { pause().await; d.get() } (d, _) => 2 }
    }
    async fn part_moved_out() -> u64 = () {
        let pair = give((D::new(1), D::new(2))).await;
        let first = pair.0;
        pause().await;
        log("between");
        drop(pair.1);
        pause().await;
        first.get()
    }
    async fn part_given_back() -> u64 = () {
        let mut pair = give((D::new(1), D::new(2))).await;
        drop(pair.0);
        pause().await;
        pair.0 = D::new(3);
        pause().await;
        pair.1.get()
    }
    async fn struct_update(o: Two) -> u64 = (Two { a: D(1), b: D(2) }) {
        let t = Two { a: give(D::new(3)).await, ..o };
        pause().await;
        t.b.get()
    }
    async fn taken_apart_argument(Two { a, b: _ }: Two, (c, _): (D, D)) -> u64 = (Two { a: D(1), b: D(2) }, (D(3), D(4))) {
        pause().await;
        a.get() + c.get()
    }
    async fn assigned_apart() -> u64 = () {
        let (mut a, mut b) = (D::new(1), D::new(2));
        pause().await;
        (a, b) = give((D::new(3), D::new(4))).await;
        pause().await;
        a.get() + b.get()
    }
    async fn assigned_index() -> u64 = () {
        let mut list: Vec<D> = vec![D::new(1), D::new(2)];
        list[1] = give(D::new(3)).await;
        pause().await;
        let i: usize = 0;
        list[i] = D::new(4);
        pause().await;
        list.len() as u64
    }
    async fn closure_that_keeps(n: u64) -> u64 = (3) {
        let d = D::new(1);
        let f = move |x: u64| x + d.get() + n;
        pause().await;
        let y = f(2);
        pause().await;
        f(y)
    }
    async fn closure_that_borrows(n: u64) -> u64 = (3) {
        let mut total: u64 = 0;
        let mut add = |x: u64| total += x;
        pause().await;
        add(n);
        pause().await;
        add(2);
        total
    }
    async fn async_block_that_keeps() -> u64 = () {
        let d = D::new(1);
        let later = async move { pause().await; d.get() };
        pause().await;
        later.await
    }
    async fn async_closure() -> u64 = () {
        let d = D::new(1);
        let f = async |x: u64| { pause().await; x + d.get() };
        pause().await;
        f(2).await + f(3).await
    }
    async fn question_in_a_closure() -> Option<u64> = () {
        let f = |x: Option<u64>| Some(x? + 1);
        pause().await;
        let y: u64 = f(give(Some(1)).await)?;
        Some(y)
    }
    async fn return_in_an_operand(n: u64) -> u64 = (3) {
        let d = D::new(1);
        let x = add(give(1).await, if n > 2 { return 7 } else { give(2).await });
        x
    }
    async fn break_in_an_operand(n: u64) -> u64 = (3) {
        let d = D::new(1);
        loop {
            let e = D::new(2);
            let x = add(give(1).await, if n > 2 { break 7 } else { give(2).await });
            if x > 4 { break x; }
        }
    }
    async fn value_of_unit_loops() -> () = () {
        let x = for i in 0..2 { pause().await; };
        let y = while give(false).await {};
        (x, y).0
    }
    async fn unlabelled_in_labelled() -> u64 = () {
        let mut n: u64 = 0;
        'a: while n < 9 {
            n += 1;
            'b: for i in 0..4u64 {
                let d = D::new(i);
                match give(i).await { 0 => continue, 1 => continue 'b, 2 if n < 3 => continue 'a, 2 => break, _ => break 'a }
            }
            log("end of a");
            pause().await;
        }
        n
    }
    async fn box_of_itself(n: u64) -> u64 = (3) {
        if n == 0 { return 0; }
        let d = D::new(n);
        pause().await;
        1 + Box::pin(box_of_itself(n - 1)).await
    }
    async fn dyn_future() -> u64 = () {
        let f: Pin<Box<dyn Future<Output = u64>>> = Box::pin(give(4));
        pause().await;
        f.await
    }
    async fn pinned_on_the_stack() -> u64 = () {
        let mut f = std::pin::pin!(give(4));
        pause().await;
        f.as_mut().await
    }
    async fn by_reference() -> u64 = () {
        let mut f = give(D::new(4));
        pause().await;
        (&mut f).await.get()
    }
    async fn list_of_futures() -> u64 = () {
        let mut sum: u64 = 0;
        for f in [give(1), give(2)] { sum += f.await; }
        let all = vec![give(3), give(4)];
        for f in all { sum += f.await; }
        sum
    }
    async fn unsafe_block() -> u64 = () {
        // SAFETY: a constant lives for ever.
        let x = unsafe { *(&3u64 as *const u64) };
        pause().await;
        // SAFETY: it needs none; an await may stand in such a block.
        unsafe { give(x).await }
    }
    async fn const_block() -> u64 = () {
        let x = const { 3u64 + 4 };
        pause().await;
        x
    }
    async fn shadowed_parameter(mut d: D, n: u64) -> u64 = (D(1), 2) {
        let d = { let d = give(d).await; pause().await; D::new(d.get() + n) };
        let n = n + 1;
        pause().await;
        let n = n.to_string();
        pause().await;
        n.len() as u64
    }
    async fn extended_temporary() -> u64 = () {
        let d = &D::new(1);
        pause().await;
        log("between");
        d.get()
    }
    async fn extended_temporary_that_is_not_kept() -> u64 = () {
        let n: u64 = { let d = &D::new(1); d.get() };
        let d = &D::new(2);
        let m: u64 = d.get();
        pause().await;
        log("between");
        n + m
    }
    async fn extended_literal() -> u64 = () {
        let list = &[1u64, 2];
        pause().await;
        let text = &"three";
        pause().await;
        list.len() as u64 + text.len() as u64
    }
    async fn called_once(f: impl FnOnce(u64) -> u64, d: D) -> u64 = ({ let d = D(5); move |x| { let d = d; x + d.get() } }, D(1)) {
        pause().await;
        let x: u64 = f(2);
        pause().await;
        x
    }
    async fn called_once_boxed_in(f: Box<dyn FnOnce(u64) -> u64>) -> u64 = ({ let d = D(5); Box::new(move |x| { let d = d; x + d.get() }) }) {
        pause().await;
        let x: u64 = f(2);
        pause().await;
        x
    }
    async fn called_often(f: impl Fn(u64) -> u64, mut g: impl FnMut(u64) -> u64) -> u64 = ({ let d = D(5); move |x| x + d.get() }, { let mut d = D(6); move |x| { d.add(x); d.get() } }) {
        pause().await;
        let x: u64 = f(2);
        let y: u64 = g(2);
        pause().await;
        x + y + g(1)
    }
    async fn called_on_some_ways(f: impl FnOnce(u64) -> u64, n: u64) -> u64 = ({ let d = D(5); move |x| { let d = d; x + d.get() } }, 3) {
        pause().await;
        if n > 5 { log("called"); let x: u64 = f(2); pause().await; return x; }
        pause().await;
        n
    }
    async fn called_in_a_box(f: Box<dyn FnOnce(u64) -> u64>) -> u64 = ({ let d = D(5); Box::new(move |x| { let d = d; x + d.get() }) }) {
        pause().await;
        let x: u64 = f(2);
        pause().await;
        x
    }
    async fn called_pointer(f: fn(u64) -> u64) -> u64 = (|x| x + 1) {
        pause().await;
        let x: u64 = f(2);
        pause().await;
        f(x)
    }
    async fn called_local_closure() -> u64 = () {
        let d = D::new(1);
        let f = move |x: u64| { let d = d; x + d.get() };
        pause().await;
        let x: u64 = f(2);
        pause().await;
        x
    }
    async fn scrutinee_of_an_argument(o: Option<D>, p: Option<u64>, q: Result<String, D>) -> u64 = (Some(D(1)), Some(2), Err(D(3))) {
        let x = match o { Some(d) => { pause().await; d.get() } None => { pause().await; 3 } };
        let y = if let Some(y) = p { pause().await; y } else { pause().await; 4 };
        let z = match q { Ok(s) if s.is_empty() => { pause().await; 1 } Ok(s) => { pause().await; 2 } Err(d) => { pause().await; d.get() } };
        log("end");
        x + y + z
    }
    async fn scrutinee_of_spelled_owners(o: Option<String>, q: Result<String, Vec<u64>>) -> u64 = (Some("a".into()), Err(vec![3])) {
        let x = match o { Some(s) => { pause().await; s.len() } None => { pause().await; 3 } };
        let z = match q { Ok(s) => { pause().await; 2 } Err(d) => { pause().await; d.len() } };
        (x + z) as u64
    }
    async fn macro_by_example(n: u64) -> u64 = (2) {
        let d = D::new(1);
        let x: u64 = twice!(give(n).await);
        pause().await;
        let y: u64 = or_return!(give(Some(n)).await, 5);
        x + y
    }
}

macro_rules! twice {
    ($e:expr) => {{
        let d = $e;
        d + $e
    }};
}
pub(crate) use twice;

macro_rules! or_return {
    ($e:expr, $other:expr) => {
        match $e {
            Some(x) => x,
            None => return $other,
        }
    };
}
pub(crate) use or_return;

fn add(a: u64, b: u64) -> u64 {
    a + b
}

pub(crate) struct Two {
    a: D,
    b: D,
}
