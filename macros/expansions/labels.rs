// async fn labels(n: u64) -> u64 {
//     'rows: for row in 0..n {
//         for column in 0..n {
//             if probe(row, column).await {
//                 continue 'rows;
//             }
//         }
//         return row;
//     }
//     n
// }

fn labels(n: u64) -> impl Coroutine<Output = u64> {
    enum __State<T0, T1, T3, T4, F0> {
        Unresumed { n: T0 },
        Await0 { future: Child<F0>, iter_2: T4, row: T1, iter: T3, n: T0 },
        Returned,
        Poisoned,
    }
    enum __At<T0, T3> {
        State,
        Join0 { iter: T3, n: T0 },
        Join1 {},
    }
    machine(
        __State::Unresumed { n: n },
        move |state, cx| -> Poll<u64> {
            let mut at = __At::State;
            loop {
                if let __State::Unresumed { n } = state {
                    let n = *n;
                    vacate(state);
                    let mut iter = IntoIterator::into_iter(0..n);
                    at = __At::Join0 { n, iter };
                }
                if let __At::Join0 { n, mut iter } = at {
                    match Iterator::next(&mut iter) {
                        Some(row) => {
                            let mut iter_2 = IntoIterator::into_iter(0..n);
                            enter(
                                state,
                                cx,
                                __State::Await0 {
                                    future: empty(),
                                    n,
                                    iter,
                                    row,
                                    iter_2,
                                },
                            );
                            at = __At::Join1 {};
                        }
                        None => {
                            return Ready(n);
                        }
                    }
                }
                if let __At::Join1 {} = at {
                    let __State::Await0 { n, iter, row, iter_2, .. } = state else {
                        over(state)
                    };
                    match Iterator::next(&mut (*iter_2)) {
                        Some(column) => {
                            let next = child(probe((*row), column));
                            let __State::Await0 { future, .. } = state else {
                                over(state)
                            };
                            restart(future, cx, next);
                            at = __At::State;
                        }
                        None => {
                            let __State::Await0 { n, iter, row, iter_2, .. } = state
                            else { over(state) };
                            let row = *row;
                            leave(state, cx);
                            return Ready(row);
                        }
                    }
                }
                if let __State::Await0 { future, n, iter, row, iter_2 } = state {
                    let Ready(value) = resume_in_place(future, cx) else {
                        return pending(cx, 0usize);
                    };
                    if value {
                        let __State::Await0 { n, iter, row, iter_2, .. } = state else {
                            over(state)
                        };
                        let n = *n;
                        let mut iter = moved(iter);
                        leave(state, cx);
                        at = __At::Join0 { n, iter };
                        continue;
                    } else {
                        at = __At::Join1 {};
                        continue;
                    }
                }
                over(state)
            }
        },
    )
}
