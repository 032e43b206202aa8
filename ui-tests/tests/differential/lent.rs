//! Borrows that last one await: plain tasks make islands of them (`lowering/src/rust/lower/islands.rs`).
#![allow(unused, clippy::all, clippy::pedantic, reason = "odd shapes on purpose")]

use super::*;

macro_rules! two_ways {
    ($(async fn $name:ident $params:tt -> $ret:ty = ($($arg:expr),*) $body:tt)*) => {
        pub(crate) mod native {
            use super::*;
            $(pub(crate) async fn $name $params -> $ret $body)*
            two_ways!(@list $($name ($($arg),*))*);
        }
        pub(crate) mod task {
            use super::*;
            $(#[vitte::task] pub(crate) async fn $name $params -> $ret $body)*
            two_ways!(@list $($name ($($arg),*))*);
            pub(crate) const KINDS: &[(&str, fn() -> String)] = &[
                $((stringify!($name), || vitte::Coroutine::layout(&$name($($arg),*)).kind)),*
            ];
        }
    };
    (@list $($name:ident ($($arg:expr),*))*) => {
        pub(crate) const ALL: &[Case] = &[
            $((stringify!($name), || {
                let made = $name($($arg),*);
                Box::pin(async { format!("{:?}", made.await) })
            })),*
        ];
    };
}

/// Holds what it was lent over its awaits.
async fn fill(buf: &mut [u64; 4], n: u64) -> u64 {
    let held = D::new(100 + n);
    let x = give(n).await;
    buf[0] += x;
    pause().await;
    buf[1] += held.get();
    log(format!("{buf:?}"));
    x
}

async fn total(list: &[u64], n: u64) -> u64 {
    let x = give(n).await;
    list.iter().sum::<u64>() + x
}

async fn grow(list: &mut Vec<u64>, n: u64) -> D {
    list.push(give(n).await);
    D::new(200 + n)
}

async fn attempt(buf: &mut [u64; 4], n: u64) -> Result<u64, u8> {
    buf[2] = give(n).await;
    if n > 2 { Err(7) } else { Ok(n) }
}

async fn bump(n: &mut u64) {
    pause().await;
    *n += 1;
}

#[derive(Debug)]
pub(crate) struct Failed(u64);

impl From<u8> for Failed {
    fn from(n: u8) -> Self {
        log("converted");
        Failed(n.into())
    }
}

pub(crate) struct Reader {
    at: u64,
}

impl Reader {
    async fn read(&mut self, buf: &mut [u64; 4]) -> u64 {
        let _held = D::new(300 + self.at);
        buf[0] = give(self.at).await;
        self.at += 1;
        buf[0]
    }
}

fn reader() -> &'static mut Reader {
    Box::leak(Box::new(Reader { at: 1 }))
}

trait Finish {
    async fn finish(self, buf: &[u64; 4]) -> u64;
}

impl Finish for &mut Reader {
    async fn finish(self, buf: &[u64; 4]) -> u64 {
        pause().await;
        self.at + buf[0]
    }
}

two_ways! {
    async fn array(a: D, n: u64) -> u64 = (D(1), 3) {
        let mut buf: [u64; 4] = [n; 4];
        let b = D::new(2);
        let x: u64 = fill(&mut buf, n).await;
        let c = D::new(3);
        let y: u64 = fill(&mut buf, x + 1).await;
        buf[0] + buf[1] + y
    }
    async fn array_of_a_literal(n: u64) -> u64 = (3) {
        let mut buf = [0u64; 4];
        fill(&mut buf, n).await;
        buf[0] + buf[1]
    }
    async fn in_a_loop(n: u64) -> u64 = (3) {
        let mut buf = [0u64; 4];
        let mut sum: u64 = 0;
        for i in 0..n {
            let x: u64 = fill(&mut buf, i).await;
            sum += x;
        }
        sum + buf[1]
    }
    async fn of_a_loop(n: u64) -> u64 = (3) {
        let mut sum: u64 = 0;
        let mut i: u64 = 0;
        while i < n {
            let mut buf = [0u64; 4];
            let d = D::new(i);
            fill(&mut buf, i).await;
            sum += buf[0];
            i += 1;
            if sum > 100 { continue; }
            pause().await;
        }
        sum
    }
    async fn lists(d: D) -> u64 = (D(1)) {
        let mut list: Vec<u64> = Vec::new();
        for i in 0..3u64 {
            grow(&mut list, i).await;
        }
        let x: u64 = total(&list, 2).await;
        pause().await;
        list.push(x);
        let len: usize = list.len();
        x + len as u64
    }
    async fn not_read_later(d: D) -> u64 = (D(1)) {
        let mut list: Vec<u64> = vec![4];
        grow(&mut list, 1).await;
        pause().await;
        d.get()
    }
    async fn question(d: D) -> Result<u64, Failed> = (D(1)) {
        let mut buf: [u64; 4] = [1; 4];
        let e = D::new(5);
        let x: u64 = attempt(&mut buf, 1).await?;
        let y: u64 = attempt(&mut buf, x + 1).await?;
        attempt(&mut buf, y).await?;
        let f = D::new(6);
        attempt(&mut buf, y + 1).await?;
        pause().await;
        Ok(buf[2])
    }
    async fn counter(n: u64) -> u64 = (3) {
        let mut i: u64 = 0;
        while i < n {
            bump(&mut i).await;
        }
        i
    }
    async fn on_some_ways(n: u64, d: D) -> u64 = (3, D(1)) {
        let mut buf: [u64; 4] = [n; 4];
        if buf[0] > 2 {
            let e = D::new(4);
            fill(&mut buf, 1).await;
            pause().await;
        } else {
            pause().await;
        }
        match buf[0] {
            4 => { fill(&mut buf, 2).await; }
            x => { give(x).await; }
        }
        buf[0] + buf[1]
    }
    async fn filled_anew(n: u64) -> u64 = (3) {
        let mut buf: [u64; 4] = [n; 4];
        fill(&mut buf, n).await;
        buf = [2; 4];
        pause().await;
        let x: u64 = fill(&mut buf, n).await;
        buf[0] + x
    }
    async fn receiver(r: &mut Reader, n: u64) -> u64 = (reader(), 3) {
        let mut buf = [0u64; 4];
        let mut sum: u64 = 0;
        let d = D::new(1);
        while sum < n {
            let x: u64 = r.read(&mut buf).await;
            sum += x;
        }
        r.at + sum
    }
    async fn consumed(r: &mut Reader, n: u64) -> u64 = (reader(), 3) {
        let mut buf: [u64; 4] = [n; 4];
        let x: u64 = r.read(&mut buf).await;
        if x > n { return r.at; }
        let y: u64 = r.finish(&buf).await;
        pause().await;
        x + y
    }
    async fn many_beside(n: u64) -> u64 = (3) {
        let mut a: u64 = 1;
        let mut b: u64 = 2;
        let mut c: u64 = 3;
        let mut kept: Vec<u64> = Vec::new();
        let d = D::new(1);
        let mut i: u64 = 0;
        let mut buf: [u64; 4] = [n; 4];
        while i < n {
            let x: u64 = total(&buf, i + a).await;
            kept.push(x);
            a += x;
            b += a;
            c ^= b;
            i += 1;
        }
        let len: usize = kept.len();
        a + b + c + len as u64 + d.get()
    }
    async fn places(n: u64) -> u64 = (3) {
        let mut pair: ([u64; 4], u64) = ([n; 4], n);
        fill(&mut pair.0, pair.1).await;
        bump(&mut pair.1).await;
        let mut rows: [[u64; 4]; 2] = [[n; 4]; 2];
        let i: usize = 1;
        let x: u64 = fill(&mut rows[i], n).await;
        pair.0[0] + pair.1 + rows[1][1] + x
    }
}
