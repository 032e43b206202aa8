//! Work on many functions at once, without knowing threads.
//!
//! Passes that look at one function at a time hand the functions to a [`Parallel`]: something that
//! calls a closure for each index, in any order, from as many threads as its owner likes. Results do
//! not depend on it: each index has a place of its own.

use std::sync::Mutex;

/// Calls the closure once for each number below the first argument, and returns when all calls have.
pub type Parallel<'a> = dyn Fn(usize, &(dyn Fn(usize) + Sync)) + 'a;

/// The [`Parallel`] that uses the calling thread only.
pub fn in_order(n: usize, work: &(dyn Fn(usize) + Sync)) {
    (0..n).for_each(work);
}

/// What `work` answers for each item, in their order.
///
/// # Panics
///
/// If `parallel` leaves a number out or calls twice for one, which breaks its contract.
pub(crate) fn map<I: Send, T: Send>(
    parallel: &Parallel<'_>,
    items: impl IntoIterator<Item = I>,
    work: impl Fn(I) -> T + Sync,
) -> Vec<T> {
    const ONCE: &str = "I: `parallel` calls once for each number";
    let items: Vec<Mutex<Option<I>>> = items.into_iter().map(|i| Mutex::new(Some(i))).collect();
    let places: Vec<Mutex<Option<T>>> = items.iter().map(|_| Mutex::new(None)).collect();
    parallel(items.len(), &|n| {
        let item = items[n].lock().map_or(None, |mut item| item.take());
        let done = work(item.expect(ONCE));
        if let Ok(mut place) = places[n].lock() {
            *place = Some(done);
        }
    });
    places.into_iter().map(|p| p.into_inner().ok().flatten().expect(ONCE)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_stand_in_the_order_of_the_items() {
        let backwards = |n: usize, work: &(dyn Fn(usize) + Sync)| (0..n).rev().for_each(work);
        let threads = |n: usize, work: &(dyn Fn(usize) + Sync)| {
            std::thread::scope(|scope| {
                for i in 0..n {
                    scope.spawn(move || work(i));
                }
            });
        };
        for parallel in [&in_order as &Parallel<'_>, &backwards, &threads] {
            let words = ["a", "bc", "", "def"].map(str::to_owned);
            assert_eq!(map(parallel, words, |w| w.len()), [1, 2, 0, 3]);
        }
    }

    #[test]
    #[should_panic(expected = "calls once for each number")]
    fn a_number_left_out_is_noticed() {
        map(&|n, work| (1..n).for_each(work), [1, 2], |i: i32| i);
    }
}
