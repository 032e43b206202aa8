//! Functions of the explicit class, each compiled by rustc and by `#[vitte::task]`.
//!
//! In: an argument that the optimiser does not see. Out: a [`Pair`] per function: the bytes of both
//! futures, and a way to poll each to its end. Every await answers Pending once, so that a run of
//! `n` polls has `n - 1` suspensions. The test of frame sizes and the bench share them.

use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// A function, both ways.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// Its name.
    pub name: &'static str,
    /// rustc's machine.
    pub native: Side,
    /// The machine of `#[vitte::task]`.
    pub task: Side,
    /// `explicit` or `native`: which machine the attribute chose.
    pub kind: fn() -> String,
}

/// One machine.
#[derive(Clone, Copy, Debug)]
pub struct Side {
    /// Bytes of the future.
    pub size: fn() -> usize,
    /// Makes a future, polls it to its end; answers what it gave and how often it was polled.
    pub run: fn() -> (u64, u64),
}

/// Gives a value after having been pending once.
#[derive(Debug)]
pub struct Give<T>(T, bool);

impl<T: Copy + Unpin> Future for Give<T> {
    type Output = T;
    #[inline]
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        if self.1 {
            return Poll::Ready(self.0);
        }
        self.1 = true;
        Poll::Pending
    }
}

/// Gives the value.
pub fn give<T>(value: T) -> Give<T> {
    Give(value, false)
}

/// Waits for one turn.
pub fn turn() -> Give<()> {
    give(())
}

/// Gives what was moved into it, after having been pending once.
#[derive(Debug)]
pub struct Pass<T>(Option<T>, bool);

impl<T: Unpin> Future for Pass<T> {
    type Output = T;
    #[inline]
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        if !std::mem::replace(&mut self.1, true) {
            return Poll::Pending;
        }
        self.0.take().map_or(Poll::Pending, Poll::Ready)
    }
}

/// Takes a value, gives it back.
pub fn pass<T>(value: T) -> Pass<T> {
    Pass(Some(value), false)
}

/// Polls a future to its end as a runtime does: through a table, without seeing what it is. Answers
/// what it gave and how often it was polled.
#[inline]
pub fn run<F: Future<Output = u64>>(future: F) -> (u64, u64) {
    let mut future = pin!(future);
    let mut future: Pin<&mut dyn Future<Output = u64>> = black_box(future.as_mut());
    let mut cx = Context::from_waker(Waker::noop());
    let mut n_polls = 1;
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(value) => return (value, n_polls),
            Poll::Pending => n_polls += 1,
        }
    }
}

macro_rules! pairs {
    ($($(#[doc = $doc:literal])* async fn $name:ident($($arg:ident: $ty:ty = $value:expr),*) $body:block)*) => {
        #[allow(clippy::all, clippy::pedantic, reason = "written for their shapes")]
        mod native {
            use super::*;
            $($(#[doc = $doc])* pub(super) async fn $name($($arg: $ty),*) -> u64 $body)*
        }
        #[allow(clippy::all, clippy::pedantic, reason = "written for their shapes")]
        mod task {
            use super::*;
            $($(#[doc = $doc])* #[vitte::task] pub(super) async fn $name($($arg: $ty),*) -> u64 $body)*
        }
        /// All of them.
        pub const ALL: &[Pair] = &[$(Pair {
            name: stringify!($name),
            native: Side {
                size: || size_of_val(&native::$name($($value),*)),
                run: || run(native::$name($(black_box($value)),*)),
            },
            task: Side {
                size: || size_of_val(&task::$name($($value),*)),
                run: || run(task::$name($(black_box($value)),*)),
            },
            kind: || vitte::Coroutine::layout(&task::$name($($value),*)).kind,
        }),*];
    };
}

/// What a step of a retried operation says.
fn attempt(n: u64) -> Result<u64, u64> {
    if n % 4 == 3 { Ok(n) } else { Err(n) }
}

fn parse(n: u64) -> Option<u64> {
    (n < 64).then_some(n * 2)
}

fn checksum(data: &[u64; 16]) -> u64 {
    data.iter().fold(0, |sum, x| sum.rotate_left(3) ^ x)
}

fn filled(n: u64) -> [u64; 16] {
    std::array::from_fn(|i| n + i as u64)
}

fn add3(a: u64, b: u64, c: u64) -> u64 {
    a + 3 * b + 5 * c
}

/// What a client sends.
#[derive(Debug)]
pub struct Request {
    path: String,
    body: Vec<u8>,
    id: u64,
}

/// What a server keeps of a user.
#[derive(Debug)]
pub struct User {
    name: String,
    id: u64,
}

fn request(n: u64) -> Request {
    Request { path: format!("/users/{n}"), body: vec![1, 2, 3], id: n }
}

fn user(n: u64) -> User {
    User { name: format!("user {n}"), id: n }
}

fn weight(user: User) -> u64 {
    user.name.len() as u64 + user.id
}

fn authorise(request: Request) -> Result<Request, u64> {
    if request.path.is_empty() { Err(401) } else { Ok(request) }
}

fn answer(request: Request, user: User) -> u64 {
    request.path.len() as u64 + request.body.len() as u64 + request.id + user.id
}

fn split(request: Request) -> (String, Vec<u8>) {
    (request.path, request.body)
}

fn joined(first: String, last: String) -> String {
    first + " " + &last
}

fn frame(tag: u8, body: Vec<u8>) -> Vec<u8> {
    let mut body = body;
    body.push(tag);
    body
}

fn size_of_all(parts: Vec<String>) -> u64 {
    parts.iter().map(|p| p.len() as u64).sum()
}

pairs! {
    /// A handler: one step after the other, each takes what the one before made.
    async fn handler(request: Request = request(7)) {
        let request = pass(request).await;
        let user = pass(user(7)).await;
        turn().await;
        answer(request, user)
    }
    /// A handler that may refuse.
    async fn guarded(request: Request = request(7), limit: u64 = 9) {
        let Ok(request) = pass(authorise(request)).await else { return 401; };
        turn().await;
        let user = pass(user(limit)).await;
        answer(request, user)
    }
    /// Name and password are gone before the session begins.
    async fn login(name: String = String::from("ada"), password: String = String::from("secret")) {
        let known = pass((name, password)).await;
        drop(known);
        let user = pass(user(3)).await;
        turn().await;
        weight(user)
    }
    /// A message goes through three stages.
    async fn stages(body: Vec<u8> = vec![1, 2, 3], tag: u8 = 7) {
        let body = pass(frame(tag, body)).await;
        let body = pass(frame(tag, body)).await;
        let body = pass(body).await;
        body.len() as u64
    }
    /// The request is taken apart, its parts are sent one by one.
    async fn parts(request: Request = request(9)) {
        let (path, body) = split(request);
        let path = pass(path).await;
        turn().await;
        let body = pass(body).await;
        path.len() as u64 + body.len() as u64
    }
    /// Each of a list, by value.
    async fn batch(list: Vec<u64> = vec![3; 32]) {
        let mut sum: u64 = 0;
        for x in list { sum += give(x).await; }
        sum
    }
    /// Collects what comes.
    async fn collect(name: String = String::from("part"), n: u64 = 16) {
        let mut parts: Vec<String> = Vec::new();
        parts.push(name);
        for i in 0..n {
            let text: String = i.to_string();
            let part: String = pass(text).await;
            parts.push(part);
        }
        size_of_all(parts)
    }
    /// Two owners, one after the other.
    async fn transfer(from: User = user(1), to: User = user(2), amount: u64 = 3) {
        let from = pass(from).await;
        let to = pass(to).await;
        turn().await;
        weight(from) + weight(to) + amount
    }
    /// Tries with a request that stays.
    async fn tries(request: Request = request(4), n: u64 = 8) {
        let mut left: u64 = n;
        while left > 0 {
            turn().await;
            left -= 1;
        }
        let user = pass(user(n)).await;
        answer(request, user)
    }
    /// Two names become one.
    async fn greeting(first: String = String::from("Ada"), last: String = String::from("King")) {
        let name = pass(joined(first, last)).await;
        turn().await;
        name.len() as u64
    }
    /// A body goes out and comes back until it is accepted.
    async fn upload(body: Vec<u8> = vec![1; 64], name: String = String::from("a.txt")) {
        let mut body: Vec<u8> = body;
        let mut n: u64 = 0;
        while n < 8 {
            body = pass(body).await;
            n += 1;
        }
        let name = pass(name).await;
        name.len() as u64 + body.len() as u64
    }
    /// A user signs in, asks, and leaves.
    async fn visit(user: User = user(3), request: Request = request(5)) {
        let user = pass(user).await;
        let Ok(request) = pass(authorise(request)).await else { return weight(user); };
        turn().await;
        answer(request, user)
    }
    /// A large argument is summed up, the rest needs the sum only.
    async fn digest(data: [u64; 16] = filled(5), name: String = String::from("digest")) {
        let sum: u64 = checksum(&data);
        let name = pass(name).await;
        turn().await;
        sum + name.len() as u64
    }
    /// A counter and a sum.
    async fn while_sum(n: u64 = 64) {
        let mut i: u64 = 0;
        let mut sum: u64 = 0;
        while i < n { turn().await; sum += i; i += 1; }
        sum
    }
    /// The same by an iterator.
    async fn for_range(n: u64 = 64) {
        let mut sum: u64 = 0;
        for i in 0..n { sum += give(i).await; }
        sum
    }
    /// A loop that gives a value.
    async fn break_value(n: u64 = 64) {
        let mut i: u64 = 1;
        let found: u64 = loop {
            turn().await;
            i += 3;
            if i > n { break i; }
        };
        turn().await;
        found
    }
    /// A loop in a loop.
    async fn nested_loops(n: u64 = 8) {
        let mut sum: u64 = 0;
        for i in 0..n {
            for j in 0..n { turn().await; sum += i * j; }
        }
        sum
    }
    /// Two awaits in turn.
    async fn ping_pong(n: u64 = 32) {
        let mut a: u64 = 1;
        let mut i: u64 = 0;
        while i < n {
            a += give(i).await;
            a ^= give(a).await;
            i += 1;
        }
        a
    }
    /// Four awaits in turn.
    async fn four_states(n: u64 = 16) {
        let mut a: u64 = 1;
        let mut i: u64 = 0;
        while i < n {
            turn().await;
            a += 1;
            turn().await;
            a *= 3;
            turn().await;
            a ^= i;
            turn().await;
            i += 1;
        }
        a
    }
    /// One after the other, each value used by the next.
    async fn straight(n: u64 = 5) {
        let a = give(n).await;
        let b = give(a + 1).await;
        let c = give(b * 2).await;
        let d = give(c + n).await;
        d
    }
    /// All values are kept to the end.
    async fn kept_to_the_end(n: u64 = 5) {
        let a = give(n).await;
        let b = give(n + 1).await;
        let c = give(n + 2).await;
        turn().await;
        add3(a, b, c)
    }
    /// Arguments of one call.
    async fn operands(n: u64 = 5) {
        let sum = add3(give(n).await, give(n + 1).await, give(n + 2).await);
        turn().await;
        sum
    }
    /// An argument that nobody needs after the first await.
    async fn dead_argument(data: [u64; 16] = filled(3)) {
        let sum: u64 = checksum(&data);
        turn().await;
        turn().await;
        sum
    }
    /// An array in use at every await.
    async fn array_in_a_loop(n: u64 = 64) {
        let mut data: [u64; 16] = filled(n);
        let mut i: usize = 0;
        while i < 64 {
            turn().await;
            data[i % 16] += 1;
            i += 1;
        }
        checksum(&data)
    }
    /// A buffer goes in and comes back.
    async fn buffer_by_value(n: u64 = 16) {
        let mut data = filled(n);
        let mut sum: u64 = 0;
        for i in 0..n {
            data = pass(data).await;
            sum += i;
        }
        sum + checksum(&data)
    }
    /// An owned argument, moved on.
    async fn moved_argument(text: String = String::from("abc"), n: u64 = 4) {
        turn().await;
        let text = pass(text).await;
        turn().await;
        let len: usize = text.len();
        len as u64 + n
    }
    /// A list that grows.
    async fn growing_list(n: u64 = 32) {
        let mut list: Vec<u64> = Vec::with_capacity(32);
        for i in 0..n {
            let x: u64 = give(i).await;
            list.push(x);
        }
        let len: usize = list.len();
        len as u64
    }
    /// Each arm has values of its own.
    async fn either(n: u64 = 7) {
        if n % 2 == 0 {
            let data = filled(n);
            turn().await;
            checksum(&data)
        } else {
            let (a, b) = give((n, n + 1)).await;
            turn().await;
            a * b
        }
    }
    /// Arms that await.
    async fn awaiting_arms(n: u64 = 32) {
        let mut sum: u64 = 0;
        for i in 0..n {
            match i % 3 {
                0 => { turn().await; sum += 1; }
                1 => sum += give(i).await,
                _ => { sum ^= give(sum).await; }
            }
        }
        sum
    }
    /// Tries until it succeeds.
    async fn retries(n: u64 = 32) {
        let mut tries: u64 = 0;
        let mut i: u64 = 0;
        while i < n {
            match attempt(give(tries).await) {
                Ok(at) => { i += at; tries += 1; }
                Err(at) => { turn().await; tries = at + 1; }
            }
        }
        tries
    }
    /// Leaves early.
    async fn early_return(n: u64 = 48) {
        let mut i: u64 = 0;
        loop {
            let x: u64 = give(i).await;
            if x == n { return x; }
            i += 1;
        }
    }
    /// Goes on with the outer loop.
    async fn labels(n: u64 = 8) {
        let mut sum: u64 = 0;
        'outer: for i in 0..n {
            for j in 0..n {
                turn().await;
                if j > i { continue 'outer; }
                sum += j;
            }
        }
        sum
    }
    /// Values as long as there are some.
    async fn while_let(n: u64 = 1) {
        let mut sum: u64 = n;
        let mut i: u64 = 0;
        while let Some(x) = give(parse(i)).await {
            sum += x;
            i += 1;
        }
        sum
    }
    /// A value, or out.
    async fn let_else(n: u64 = 3) {
        let Some(a) = give(parse(n)).await else { return 0; };
        let Some(b) = give(parse(n + 1)).await else { return a; };
        turn().await;
        a + b
    }
    /// The second only if the first says so.
    async fn lazy(n: u64 = 32) {
        let mut hits: u64 = 0;
        for i in 0..n {
            let (second, third) = (i % 2, i % 3);
            if give(second == 0).await && give(third == 0).await { hits += 1; }
        }
        hits
    }
    /// Large values, one at a time.
    async fn one_at_a_time(n: u64 = 2) {
        let mut sum: u64 = 0;
        {
            let a: [u64; 16] = filled(n);
            turn().await;
            sum += a[1];
        }
        {
            let b: [u64; 16] = filled(n + 1);
            turn().await;
            sum += b[2];
        }
        sum
    }
    /// A child that is a task itself.
    async fn child(n: u64 = 8) {
        let mut sum: u64 = 0;
        for i in 0..n { sum += pause_twice(i).await; }
        sum
    }
}

/// The child of `child`, rustc's on both sides: what is compared is the caller.
async fn pause_twice(n: u64) -> u64 {
    turn().await;
    turn().await;
    n
}
