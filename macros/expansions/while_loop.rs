// async fn while_loop(n: u64) -> u64 {
//     let mut sum: u64 = 0;
//     let mut i: u64 = 0;
//     while i < n {
//         sum += next(i).await;
//         i += 1;
//     }
//     sum
// }

fn while_loop(n: u64) -> impl Coroutine<Output = u64> {
    enum __State<T0, T1, T2, F0> {
        Unresumed { n: T0 },
        Await0 { future: Child<F0>, i: T2, sum: T1, n: T0 },
        Returned,
        Poisoned,
    }
    enum __At<T0, T1, T2> {
        State,
        Join0 { i: T2, sum: T1, n: T0 },
    }
    machine(
        __State::Unresumed { n: n },
        move |state, cx| -> Poll<u64> {
            let mut at = __At::State;
            loop {
                if let __State::Unresumed { n } = state {
                    let n = *n;
                    vacate(state);
                    let mut sum: u64 = 0;
                    let mut i: u64 = 0;
                    at = __At::Join0 { n, sum, i };
                }
                if let __At::Join0 { n, mut sum, mut i } = at {
                    if i < n {
                        suspend(
                            state,
                            __State::Await0 {
                                future: child(next(i)),
                                n,
                                sum,
                                i,
                            },
                        );
                        at = __At::State;
                    } else {
                        return Ready(sum);
                    }
                }
                if let __State::Await0 { future, n, sum, i } = state {
                    let Ready(value) = resume(future, cx) else {
                        return pending(cx, 0usize);
                    };
                    let n = *n;
                    let mut sum = *sum;
                    let mut i = *i;
                    vacate(state);
                    sum += value;
                    i += 1;
                    at = __At::Join0 { n, sum, i };
                    continue;
                }
                over(state)
            }
        },
    )
}
