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
                let id = moved(id);
                vacate(state, __State::Returned);
                suspend(
                    state,
                    __State::Await0 {
                        future: Child::new(find(id)),
                    },
                );
            }
            if let __State::Await0 { future } = state {
                let Poll::Ready(value) = resume(future, cx) else {
                    return pending(cx, &__SITES[0usize]);
                };
                vacate(state, __State::Returned);
                let Some(user) = ({ value }) else {
                    return Poll::Ready(0);
                };
                suspend(
                    state,
                    __State::Await1 {
                        future: Child::new(greet(user)),
                    },
                );
            }
            if let __State::Await1 { future } = state {
                let Poll::Ready(value_2) = resume(future, cx) else {
                    return pending(cx, &__SITES[1usize]);
                };
                vacate(state, __State::Returned);
                return Poll::Ready(value_2);
            }
            over(state)
        },
    )
}
