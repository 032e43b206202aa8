// async fn let_else(id: u64) -> u64 {
//     let Some(user) = find(id).await else {
//         return 0;
//     };
//     greet(user).await
// }

fn let_else(id: u64) -> impl Coroutine<Output = u64> {
    enum __State<T0, F0, F1> {
        Unresumed { id: T0 },
        Await0 { future: Child<F0> },
        Await1 { future: Child<F1> },
        Returned,
        Poisoned,
    }
    machine(
        __State::Unresumed { id: id },
        move |state, cx| -> Poll<u64> {
            if let __State::Unresumed { id } = state {
                let id = *id;
                vacate(state);
                suspend(
                    state,
                    __State::Await0 {
                        future: child(find(id)),
                    },
                );
            }
            if let __State::Await0 { future } = state {
                let Ready(value) = resume(future, cx) else {
                    return pending(cx, 0usize);
                };
                let Some(user) = ({ value }) else {
                    return Ready(0);
                };
                suspend(
                    state,
                    __State::Await1 {
                        future: child(greet(user)),
                    },
                );
            }
            if let __State::Await1 { future } = state {
                let Ready(value_2) = resume(future, cx) else {
                    return pending(cx, 1usize);
                };
                return Ready(value_2);
            }
            over(state)
        },
    )
}
