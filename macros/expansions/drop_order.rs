// async fn drop_order(first: Guard) {
//     let second = lock(1).await;
//     {
//         let third = lock(2).await;
//         pause().await;
//     }
//     pause().await;
// }

fn drop_order(first: Guard) -> impl Coroutine<Output = ()> {
    enum __State<T0, T1, T2, F0, F1, F2, F3> {
        Unresumed { first: T0 },
        Await0 { future: Child<F0>, first: T0 },
        Await1 { future: Child<F1>, second: T1, first: T0 },
        Await2 { future: Child<F2>, third: T2, second: T1, first: T0 },
        Await3 { future: Child<F3>, second: T1, first: T0 },
        Returned,
        Poisoned,
    }
    machine(
        __State::Unresumed { first: first },
        move |state, cx| -> Poll<()> {
            if let __State::Unresumed { first } = state {
                let first = moved(first);
                vacate(state);
                suspend(
                    state,
                    __State::Await0 {
                        future: child(lock(1)),
                        first,
                    },
                );
            }
            if let __State::Await0 { future, first } = state {
                let Ready(value) = resume(future, cx) else {
                    return pending(cx, 0usize);
                };
                let first = moved(first);
                let second = value;
                suspend(
                    state,
                    __State::Await1 {
                        future: child(lock(2)),
                        first,
                        second,
                    },
                );
            }
            if let __State::Await1 { future, first, second } = state {
                let Ready(value_2) = resume(future, cx) else {
                    return pending(cx, 1usize);
                };
                let first = moved(first);
                let second = moved(second);
                let third = value_2;
                suspend(
                    state,
                    __State::Await2 {
                        future: child(pause()),
                        first,
                        second,
                        third,
                    },
                );
            }
            if let __State::Await2 { future, first, second, third } = state {
                let Ready(_) = resume(future, cx) else {
                    return pending(cx, 2usize);
                };
                let first = moved(first);
                let second = moved(second);
                let third = moved(third);
                end(third);
                suspend(
                    state,
                    __State::Await3 {
                        future: child(pause()),
                        first,
                        second,
                    },
                );
            }
            if let __State::Await3 { future, first, second } = state {
                let Ready(_) = resume(future, cx) else {
                    return pending(cx, 3usize);
                };
                let first = moved(first);
                let second = moved(second);
                return Ready(());
            }
            over(state)
        },
    )
}
