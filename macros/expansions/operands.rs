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
                let n = moved(n);
                vacate(state, __State::Returned);
                suspend(
                    state,
                    __State::Await0 {
                        future: Child::new(one(n)),
                        n,
                    },
                );
            }
            if let __State::Await0 { future, n } = state {
                let Poll::Ready(value) = resume(future, cx) else {
                    return pending(cx, &__SITES[0usize]);
                };
                let n = moved(n);
                vacate(state, __State::Returned);
                suspend(
                    state,
                    __State::Await1 {
                        future: Child::new(two(n)),
                        n,
                        value,
                    },
                );
            }
            if let __State::Await1 { future, n, value } = state {
                let Poll::Ready(value_2) = resume(future, cx) else {
                    return pending(cx, &__SITES[1usize]);
                };
                let n = moved(n);
                let value = moved(value);
                vacate(state, __State::Returned);
                return Poll::Ready(combine(value, value_2) + n);
            }
            over(state)
        },
    )
}
