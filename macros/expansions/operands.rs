// async fn operands(n: u64) -> u64 {
//     combine(one(n).await, two(n).await) + n
// }

fn operands(n: u64) -> impl Coroutine<Output = u64> {
    enum __State<T0, T1, F0, F1> {
        Unresumed { n: T0 },
        Await0 { future: Child<F0>, n: T0 },
        Await1 { future: Child<F1>, value: T1, n: T0 },
        Returned,
        Poisoned,
    }
    machine(
        __State::Unresumed { n: n },
        move |state, cx| -> Poll<u64> {
            if let __State::Unresumed { n } = state {
                let n = *n;
                vacate(state);
                suspend(
                    state,
                    __State::Await0 {
                        future: child(one(n)),
                        n,
                    },
                );
            }
            if let __State::Await0 { future, n } = state {
                let Ready(value) = resume(future, cx) else {
                    return pending(cx, 0usize);
                };
                let n = *n;
                suspend(
                    state,
                    __State::Await1 {
                        future: child(two(n)),
                        n,
                        value,
                    },
                );
            }
            if let __State::Await1 { future, n, value } = state {
                let Ready(value_2) = resume(future, cx) else {
                    return pending(cx, 1usize);
                };
                let n = *n;
                let value = moved(value);
                return Ready(combine(value, value_2) + n);
            }
            over(state)
        },
    )
}
