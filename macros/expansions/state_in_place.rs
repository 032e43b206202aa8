// async fn state_in_place(n: u64) -> Vec<u64> {
//     let mut list: Vec<u64> = Vec::new();
//     while list.len() < 10 {
//         let x: u64 = next(n).await;
//         list.push(x);
//     }
//     list
// }

fn state_in_place(n: u64) -> impl Coroutine<Output = Vec<u64>> {
    enum __State<T0, T1, F0> {
        Unresumed { n: T0 },
        Await0 { future: Child<F0>, list: T1, n: T0 },
        Returned,
        Poisoned,
    }
    enum __At {
        State,
        Join0 {},
    }
    machine(
        __State::Unresumed { n: n },
        move |state, cx| -> Poll<Vec<u64>> {
            let mut at = __At::State;
            loop {
                if let __State::Unresumed { n } = state {
                    let n = *n;
                    vacate(state);
                    let mut list: Vec<u64> = Vec::new();
                    enter(
                        state,
                        cx,
                        __State::Await0 {
                            future: empty(),
                            n,
                            list,
                        },
                    );
                    at = __At::Join0 {};
                }
                if let __At::Join0 {} = at {
                    let __State::Await0 { n, list, .. } = state else { over(state) };
                    if (*list).len() < 10 {
                        let next = child(next((*n)));
                        let __State::Await0 { future, .. } = state else { over(state) };
                        restart(future, cx, next);
                        at = __At::State;
                    } else {
                        let __State::Await0 { n, list, .. } = state else { over(state) };
                        let mut list = moved(list);
                        leave(state, cx);
                        return Ready(list);
                    }
                }
                if let __State::Await0 { future, n, list } = state {
                    let Ready(value) = resume_in_place(future, cx) else {
                        return pending(cx, 0usize);
                    };
                    let x: u64 = value;
                    (*list).push(x);
                    at = __At::Join0 {};
                    continue;
                }
                over(state)
            }
        },
    )
}
